//! `changed`: a configuration is weaker than its last known value.
//!
//! The detector's own rule selects the calls that set the weaker value, the rules named under
//! `stronger` those that set a stronger one. A successful weaker call fires if the last known value
//! is stronger, or unknown (unless the detector says that only a seen change counts); a value that
//! was set before the lookback is not known. A failed call changes nothing, but is an attempt. Calls of one second count from the strongest on.

use super::severity::{Day, Fired};
use super::{Count, History, Judge, Judgement, Signal, Terms, gather};
use crate::detect::group::{Decimal, Grain, Groups, Pane, Row};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "changed",
    // Every configuration event keeps its second.
    grain: |_| Grain { pane: 1, bucket: DAY },
    measure: |_| None,
    judge,
    #[cfg(test)]
    oracle: oracle::changed,
};

const DAY: i64 = 86_400;
const MICROS: i64 = 1_000_000;

/// The value of a configuration, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    /// Set by the stronger rule of that position in the fold.
    Stronger(u16),
    Weaker,
}

fn judge(terms: &Terms, groups: &Groups, _: &History<'_>) -> Judgement {
    let (mut known, mut known_on) = (Known::Nothing, i64::MIN);
    let mut signals = Vec::new();
    for (bucket, row) in &groups.rows {
        let day = bucket.div_euclid(DAY);
        if day.saturating_sub(terms.lookback) > known_on {
            known = Known::Nothing;
        }
        let mut weakened = Vec::new();
        let mut before = None;
        let mut panes: Vec<&Pane> = row.panes.iter().collect();
        panes.sort_by_key(|pane| (pane.start, std::cmp::Reverse(pane.rule)));
        for pane in panes {
            let weak = terms.counted.get(usize::from(pane.rule)) == Some(&true);
            if weak && fires(terms, known) {
                before.get_or_insert(known);
                weakened.push(*pane);
            }
            if pane.ok > 0 {
                known_on = day;
                known = if weak { Known::Weaker } else { Known::Stronger(pane.rule) };
            }
        }
        let before = before.map(|before| expected(terms, before));
        signals.extend(before.and_then(|text| signal(terms, *bucket, row, &weakened, text)));
    }
    Judgement { signals, ..Judgement::default() }
}

fn fires(terms: &Terms, known: Known) -> bool {
    match known {
        Known::Stronger(_) => true,
        Known::Nothing => !terms.only_seen_changes,
        Known::Weaker => false,
    }
}

/// What held before.
fn expected(terms: &Terms, known: Known) -> String {
    match known {
        Known::Stronger(rule) => {
            terms.titles.get(usize::from(rule)).cloned().unwrap_or_else(|| "stronger".to_owned())
        }
        Known::Nothing | Known::Weaker => "unknown".to_owned(),
    }
}

fn signal(
    terms: &Terms,
    bucket: i64,
    row: &Row,
    weakened: &[Pane],
    expected: String,
) -> Option<Signal> {
    let (start, end) = (weakened.first()?.start, weakened.last()?.start);
    let (first, last) = (start * MICROS, (end + 1) * MICROS - 1);
    let details = gather(row.details().into_iter(), first, last)?;
    let count = weakened.iter().fold(Count::default(), |sum, pane| Count {
        ok: sum.ok.saturating_add(pane.ok),
        failed: sum.failed.saturating_add(pane.failed),
    });
    let fired = Fired { peak: count.total(), first, last: last.min(details.last.max(first)) };
    let day = Day { ok: &[count.ok], counted: &[true], fired, earlier: &[] };
    Some(Signal {
        day: bucket.div_euclid(DAY),
        first: first.max(details.first.min(last)),
        last: fired.last,
        counts: vec![count],
        peak: Decimal::whole(fired.peak),
        observed: None,
        values: Vec::new(),
        features: Vec::new(),
        expected,
        baseline: None,
        severity: terms.severity.of(day),
        details,
    })
}

#[cfg(test)]
mod oracle {
    use std::collections::BTreeMap;

    use super::{DAY, History, Terms};
    use crate::detect::laws::{Event, Verdict};

    /// Plays the events in order, second by second, the stronger values first.
    pub(super) fn changed(terms: &Terms, events: &[Event], _: &History<'_>) -> Vec<Verdict> {
        let mut events = events.to_vec();
        events.sort_by_key(|e| (e.time, terms.counted[e.rule], e.id));
        let day = |event: &Event| event.time.div_euclid(DAY);
        let mut set: Option<(i64, bool)> = None;
        let mut found: BTreeMap<i64, Vec<Event>> = BTreeMap::new();
        for same in events.chunk_by(|a, b| (a.time, a.rule) == (b.time, b.rule)) {
            let is_weak = terms.counted[same[0].rule];
            let recent = set.filter(|(on, _)| *on >= day(&same[0]) - terms.lookback);
            let weak = recent.map(|(_, weak)| weak);
            if is_weak && (weak == Some(false) || weak.is_none() && !terms.only_seen_changes) {
                found.entry(day(&same[0])).or_default().extend_from_slice(same);
            }
            if same.iter().any(|event| event.ok) {
                set = Some((day(&same[0]), is_weak));
            }
        }
        found.into_iter().map(|(day, events)| Verdict::new(day, &events)).collect()
    }
}
