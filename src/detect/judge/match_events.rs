//! `match`: every selected event matters. One signal per day with such events.

use super::severity::{Day, Fired};
use super::{Count, History, Judge, Judgement, Signal, Terms, gather};
use crate::detect::group::{Decimal, Grain, Groups, Row};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "match",
    grain: |_| Grain::DAY,
    measure: |_| None,
    judge,
    #[cfg(test)]
    oracle: oracle::match_events,
};

const DAY: i64 = 86_400;

fn judge(terms: &Terms, groups: &Groups, _: &History<'_>) -> Judgement {
    let mut earlier: Vec<(i64, Fired)> = Vec::new();
    let mut signals = Vec::new();
    for (bucket, row) in &groups.rows {
        let since = bucket.div_euclid(DAY) - terms.lookback;
        earlier.retain(|(day, _)| *day >= since);
        let fired: Vec<Fired> = earlier.iter().map(|(_, fired)| *fired).collect();
        if let Some(signal) = signal(terms, *bucket, row, &fired) {
            earlier.push((signal.day, Fired::of(&signal)));
            signals.push(signal);
        }
    }
    signals.into()
}

fn signal(terms: &Terms, bucket: i64, row: &Row, earlier: &[Fired]) -> Option<Signal> {
    let mut counts = vec![Count::default(); terms.counted.len()];
    for pane in &row.panes {
        if let Some(count) = counts.get_mut(usize::from(pane.rule)) {
            count.ok = count.ok.saturating_add(pane.ok);
            count.failed = count.failed.saturating_add(pane.failed);
        }
    }
    let details = gather(row.details().into_iter(), i64::MIN, i64::MAX)?;
    let ok: Vec<u64> = counts.iter().map(|count| count.ok).collect();
    let peak = counts.iter().map(|count| count.total()).sum();
    let fired = Fired { peak, first: details.first, last: details.last };
    let day = Day { ok: &ok, counted: &terms.counted, fired, earlier };
    Some(Signal {
        day: bucket.div_euclid(DAY),
        first: details.first,
        last: details.last,
        severity: terms.severity.of(day),
        expected: terms.severity.expected(day, "none"),
        counts,
        peak: Decimal::whole(peak),
        observed: None,
        values: Vec::new(),
        features: Vec::new(),
        baseline: None,
        details,
    })
}

#[cfg(test)]
mod oracle {
    use super::{DAY, History, Terms};
    use crate::detect::laws::{Event, Verdict};

    /// All events of a day.
    pub(super) fn match_events(_: &Terms, events: &[Event], _: &History<'_>) -> Vec<Verdict> {
        let day = |event: &Event| event.time.div_euclid(DAY);
        events
            .chunk_by(|a, b| day(a) == day(b))
            .map(|events| Verdict::new(day(&events[0]), events))
            .collect()
    }
}
