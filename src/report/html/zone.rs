//! The zone in which a report shows its times. The page knows no zones: it gets the offsets.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// Changes of offset that are given to the page; more than 400 years have.
const MOST: usize = 1_000;

/// A zone, as far as it matters to some times.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Zone {
    /// Such as `Europe/Berlin`.
    pub name: String,
    /// From which second since 1970 on which offset holds, in seconds; ascending.
    offsets: Vec<(i64, i32)>,
    #[serde(skip)]
    rules: TimeZone,
}

impl Zone {
    /// The zone around `times`, µs since 1970.
    pub(super) fn new(zone: TimeZone, times: impl Iterator<Item = i64>) -> Self {
        let times: Vec<i64> = times.collect();
        let at = |micros: Option<&i64>| {
            micros.and_then(|micros| Timestamp::from_microsecond(*micros).ok())
        };
        let first = at(times.iter().min()).unwrap_or_default();
        let last = at(times.iter().max()).unwrap_or_default();
        let mut offsets = vec![(i64::MIN, zone.to_offset(first).seconds())];
        let changes = zone.following(first).take(MOST);
        let changes = changes.take_while(|change| change.timestamp() <= last);
        offsets.extend(
            changes.map(|change| (change.timestamp().as_second(), change.offset().seconds())),
        );
        // JSON numbers of JavaScript are exact up to 2^53.
        offsets.first_mut().into_iter().for_each(|(from, _)| *from = -(1 << 52));
        Self { name: name(&zone, first), offsets, rules: zone }
    }

    /// `2025-06-03 10:15:02 +02:00`, or `… UTC`; out-of-range times as their number.
    pub(super) fn text(&self, micros: i64) -> String {
        let Ok(time) = Timestamp::from_microsecond(micros) else { return micros.to_string() };
        let format = if self.rules == TimeZone::UTC { "%F %T UTC" } else { "%F %T %:z" };
        time.to_zoned(self.rules.clone()).strftime(format).to_string()
    }
}

fn name(zone: &TimeZone, at: Timestamp) -> String {
    let offset = || zone.to_offset(at).to_string();
    zone.iana_name().map_or_else(offset, str::to_owned)
}
