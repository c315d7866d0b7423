//! Points in time on the command line: RFC 3339, a date (its 00:00), or a duration ago; without a
//! zone UTC.

use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// µs since the epoch.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    parse_at(text, now())
}

/// The clock: only a duration ago needs it.
#[allow(clippy::disallowed_methods, reason = "the user asks for a time relative to now")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn parse_at(text: &str, now: Timestamp) -> Result<i64, String> {
    let utc = |time: DateTime| time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let point = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| text.parse::<DateTime>().ok().and_then(utc))
        .or_else(|| ago(text, now));
    point.map(Timestamp::as_microsecond).ok_or_else(|| {
        format!(
            "`{text}` is no time: write 2025-06-03, 2025-06-03T10:15:00Z or 7d (seven days ago)"
        )
    })
}

/// A length of time in µs: `30d`, `12h`. A day has 24 hours.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    let span = text.parse::<Span>().ok().filter(|span| span.is_positive());
    let total = span.and_then(|span| {
        let relative = jiff::SpanRelativeTo::days_are_24_hours();
        span.total((jiff::Unit::Second, relative)).ok()
    });
    let seconds = total.filter(|seconds| *seconds >= 1.0 && *seconds < 1e11);
    #[allow(clippy::cast_possible_truncation, reason = "in range, checked above")]
    seconds
        .map(|seconds| seconds as i64 * 1_000_000)
        .ok_or_else(|| format!("`{text}` is no length of time: write 30d or 12h"))
}

/// A zone: its IANA name, or an offset.
pub(super) fn zone(text: &str) -> Result<TimeZone, String> {
    let known = DateTimeParser::new().parse_time_zone(text).ok();
    known.ok_or_else(|| format!("`{text}` is no zone: write UTC, Europe/Berlin or +02:00"))
}

/// `FROM..TO` in µs; TO is exclusive, and without it the range is open.
pub(super) fn range(text: &str) -> Result<(i64, i64), String> {
    let (from, to) = text
        .split_once("..")
        .ok_or_else(|| format!("`{text}` is no range: write 2026-03-04..2026-03-06"))?;
    let to = if to.is_empty() { i64::MAX } else { parse(to)? };
    let from = parse(from)?;
    if from >= to {
        return Err(format!("`{text}` ends before it begins"));
    }
    Ok((from, to))
}

fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let span: Span = text.parse().ok()?;
    let utc = now.to_zoned(TimeZone::UTC);
    (!span.is_negative()).then(|| utc.checked_sub(span).ok().map(|zoned| zoned.timestamp()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_names_the_same_midnight() {
        let now: Timestamp = "2025-06-10T00:00:00Z".parse().unwrap();
        let midnight = 1_748_908_800_000_000;
        for text in [
            "2025-06-03",
            "2025-06-03T00:00:00Z",
            "2025-06-03T00:00:00",
            "2025-06-03 00:00:00",
            "2025-06-03T02:00:00+02:00",
            "7d",
            "168h",
        ] {
            assert_eq!(parse_at(text, now), Ok(midnight), "{text}");
        }
    }

    #[test]
    fn the_time_of_day_counts_without_a_zone_too() {
        let at = |text| parse_at(text, Timestamp::UNIX_EPOCH);
        let expected = at("2025-06-10T10:30:00Z");
        assert!(expected.is_ok());
        for text in ["2025-06-10T10:30", "2025-06-10T10:30:00", "2025-06-10 10:30:00"] {
            assert_eq!(at(text), expected, "{text}");
        }
    }

    #[test]
    fn durations_and_ranges() {
        assert_eq!(duration("30d"), Ok(30 * 86_400_000_000));
        assert_eq!(duration("12h"), Ok(43_200_000_000));
        for text in ["", "0d", "-1d", "2025-06-03", "1mo"] {
            assert!(duration(text).is_err(), "{text}");
        }
        let day = |text| parse(text).unwrap();
        let both = (day("2026-03-04"), day("2026-03-06"));
        assert_eq!(range("2026-03-04..2026-03-06"), Ok(both));
        assert_eq!(range("2026-03-04.."), Ok((both.0, i64::MAX)));
        for text in ["", "2026-03-04", "2026-03-06..2026-03-04", "..2026-03-04"] {
            assert!(range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn zones_are_names_and_offsets() {
        let shown = |text| {
            let at = Timestamp::UNIX_EPOCH.to_zoned(zone(text).unwrap());
            at.strftime("%H:%M %:z").to_string()
        };
        assert_eq!(shown("UTC"), "00:00 +00:00");
        assert_eq!(shown("Europe/Berlin"), "01:00 +01:00");
        assert_eq!(shown("-05:30"), "18:30 -05:30");
        for text in ["", "Berlin", "+26:00", "../etc/passwd", "2"] {
            assert!(zone(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "yesterday", "-7d", "2025-13-01"] {
            assert!(parse_at(text, Timestamp::UNIX_EPOCH).is_err(), "{text}");
        }
    }
}
