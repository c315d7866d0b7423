//! `eventTime` to microseconds without allocation. CloudTrail writes `2023-07-10T12:12:05Z`; other
//! tools re-write it with fractions, offsets, a space, or without the zone, which is UTC, or as the
//! time since the epoch.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Microseconds since the epoch, UTC; `None` when the text is no time.
///
/// The common form is read by hand (it is on the path of every event), the rest by `jiff`.
#[must_use]
pub fn parse_event_time(text: &str) -> Option<i64> {
    common(text.as_bytes()).filter(|micros| *micros <= LAST).or_else(|| {
        let zoned = text.parse::<Timestamp>().ok();
        let timestamp = zoned.or_else(|| {
            let time: DateTime = text.parse().ok().filter(|_| text.contains(':'))?;
            TimeZone::UTC.to_timestamp(time).ok()
        });
        timestamp.map(Timestamp::as_microsecond).or_else(|| since_epoch(text))
    })
}

/// Whether it is a time, in µs, that an event can have.
pub(super) fn is_event_time(micros: i64) -> bool {
    (Timestamp::MIN.as_microsecond()..=Timestamp::MAX.as_microsecond()).contains(&micros)
}

/// The last time that can be shown: 9999-12-30T22:00:00Z.
const LAST: i64 = 253_402_207_200_000_000;

/// Seconds, milliseconds, microseconds or nanoseconds since the epoch, told by their size: each is
/// read for the years from 1973 on.
fn since_epoch(text: &str) -> Option<i64> {
    let number: f64 = text.parse().ok().filter(|number: &f64| *number >= 1e8)?;
    let (.., micros) = [(1e8, 1e11, 1e6), (1e11, 1e14, 1e3), (1e14, 1e17, 1.0), (1e17, 1e20, 1e-3)]
        .into_iter()
        .find(|(low, high, _)| (*low..*high).contains(&number))?;
    #[allow(clippy::cast_possible_truncation, reason = "in range, checked above")]
    let micros = (number * micros).round() as i64;
    Timestamp::from_microsecond(micros).ok().map(Timestamp::as_microsecond)
}

/// Exactly `YYYY-MM-DDThh:mm:ssZ`.
fn common(text: &[u8]) -> Option<i64> {
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        m0,
        m1,
        b'-',
        d0,
        d1,
        b'T',
        h0,
        h1,
        b':',
        n0,
        n1,
        b':',
        s0,
        s1,
        b'Z',
    ] = text
    else {
        return None;
    };
    let year = i64::from(pair(*y0, *y1)?) * 100 + i64::from(pair(*y2, *y3)?);
    let (month, day) = (pair(*m0, *m1)?, pair(*d0, *d1)?);
    let (hour, minute, second) = (pair(*h0, *h1)?, pair(*n0, *n1)?, pair(*s0, *s1)?);
    let valid = (1..=12).contains(&month) && day >= 1 && day <= days_in(year, month);
    if !valid || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(year, i64::from(month), i64::from(day));
    let seconds = days * 86_400 + i64::from(hour * 3_600 + minute * 60 + second);
    Some(seconds * 1_000_000)
}

fn pair(tens: u8, ones: u8) -> Option<u32> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
    Some(digit(tens)? * 10 + digit(ones)?)
}

fn days_in(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a Gregorian date (years counted from March, so that the leap day
/// comes last).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_that_are_no_time_are_none() {
        for text in [
            "",
            "yesterday",
            "2023-02-30T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2023-07-10T24:00:00Z",
            "2023-07-10",
            "2023",
            "-1688990525",
            "1e400",
            "NaN",
        ] {
            assert_eq!(parse_event_time(text), None, "{text}");
        }
    }

    #[test]
    fn fractions_and_offsets_are_read() {
        let whole = parse_event_time("2023-07-10T12:12:05Z").unwrap();
        assert_eq!(parse_event_time("2023-07-10T12:12:05.250Z"), Some(whole + 250_000));
        assert_eq!(parse_event_time("2023-07-10T14:12:05+02:00"), Some(whole));
        assert_eq!(parse_event_time("2023-07-10 12:12:05Z"), Some(whole));
        assert_eq!(parse_event_time("2023-07-10 12:12:05"), Some(whole));
        assert_eq!(parse_event_time("2023-07-10 12:12:05.000000000"), Some(whole));
        assert_eq!(parse_event_time("20230710T121205Z"), Some(whole));
        for epoch in
            ["1688991125", "1688991125.0", "1.688991125e9", "1688991125000", "1688991125000000"]
        {
            assert_eq!(parse_event_time(epoch), Some(whole), "{epoch}");
        }
    }

    proptest! {
        #[test]
        fn the_fast_path_agrees_with_jiff(seconds in -62_000_000_000i64..250_000_000_000) {
            let timestamp = jiff::Timestamp::from_second(seconds).unwrap();
            let text = timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            prop_assume!(text.len() == 20);
            prop_assert_eq!(common(text.as_bytes()), Some(seconds * 1_000_000));
        }
    }
}
