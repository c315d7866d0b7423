//! Times as people read them, always UTC.

use jiff::Timestamp;

/// `2025-06-03T10:15:02Z`; out-of-range times as their number.
#[must_use]
pub fn timestamp_text(micros: i64) -> String {
    match Timestamp::from_microsecond(micros) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => micros.to_string(),
    }
}

/// `2025-06-03`.
#[must_use]
pub fn day_text(day: i64) -> String {
    let seconds = day.saturating_mul(86_400);
    match Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        Err(_) => day.to_string(),
    }
}

/// `2025-06-03 10:15:02–10:27:40 UTC`, the second date only if it differs.
#[must_use]
pub fn interval(first: i64, last: i64) -> String {
    let (Ok(from), Ok(to)) =
        (Timestamp::from_microsecond(first), Timestamp::from_microsecond(last))
    else {
        return format!("{first}–{last}");
    };
    let start = from.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let end = to.strftime("%Y-%m-%d %H:%M:%S").to_string();
    if start == end {
        return format!("{start} UTC");
    }
    let same_day = start.get(..10) == end.get(..10);
    let shown = if same_day { end.get(11..).unwrap_or(&end) } else { &end };
    format!("{start}–{shown} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_shows_what_differs() {
        let noon = 1_748_952_000_000_000;
        assert_eq!(interval(noon, noon), "2025-06-03 12:00:00 UTC");
        assert_eq!(interval(noon, noon + 61_000_000), "2025-06-03 12:00:00–12:01:01 UTC");
        let next_day = noon + 86_400_000_000;
        assert_eq!(interval(noon, next_day), "2025-06-03 12:00:00–2025-06-04 12:00:00 UTC");
    }
}
