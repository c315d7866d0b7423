//! `event_count`: Sigma's correlation. The entity has so many events within a sliding window.
//!
//! Fires in every window, both ends inclusive, that satisfies the conditions; the windows that end
//! in one UTC day make one signal. Exact for timespans up to one hour; beyond, panes of
//! timespan / 3600 are the slack.

use super::severity::{Day, Fired};
use super::window::{Window, counted_panes, counts, windows};
use super::{History, Judge, Judgement, Signal, Terms, gather};
use crate::detect::group::{Grain, Groups, Pane};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "event_count",
    grain: |terms| Grain::sliding(terms.timespan),
    judge,
    #[cfg(test)]
    oracle: oracle::event_count,
};

const DAY: i64 = 86_400;
const MICROS: i64 = 1_000_000;

fn judge(terms: &Terms, groups: &Groups, _: &History<'_>) -> Judgement {
    let panes = counted_panes(terms, groups);
    let windows = windows(terms, &panes);
    let mut earlier: Vec<(i64, Fired)> = Vec::new();
    let mut signals = Vec::new();
    let day_of =
        |window: &Window| panes.get(window.to).map_or(0, |pane| pane.start.div_euclid(DAY));
    for windows in windows.chunk_by(|a, b| day_of(a) == day_of(b)) {
        let since = windows.first().map_or(0, day_of) - terms.lookback;
        earlier.retain(|(day, _)| *day >= since);
        let fired: Vec<Fired> = earlier.iter().map(|(_, fired)| *fired).collect();
        if let Some(signal) = signal(terms, groups, &panes, windows, &fired) {
            earlier.push((signal.day, Fired::of(&signal)));
            signals.push(signal);
        }
    }
    signals.into()
}

/// The signal of the windows of one day.
fn signal(
    terms: &Terms,
    groups: &Groups,
    panes: &[Pane],
    windows: &[Window],
    earlier: &[Fired],
) -> Option<Signal> {
    let start = panes.get(windows.first()?.from)?.start;
    let end = panes.get(windows.last()?.to)?.start;
    let grain = Grain::sliding(terms.timespan);
    let (first, last) = (start * MICROS, (end + grain.pane) * MICROS - 1);
    let touched = groups
        .rows
        .iter()
        .filter(|(bucket, _)| bucket + grain.bucket > start && *bucket <= end)
        .filter_map(|(_, row)| row.details.as_deref());
    let details = gather(touched, first, last)?;
    let counts = counts(terms, panes, windows);
    let peak = windows.iter().map(|window| window.count).max()?;
    let ok: Vec<u64> = counts.iter().map(|count| count.ok).collect();
    let fired = Fired { peak, first: first.max(details.first), last: last.min(details.last) };
    let day = Day { ok: &ok, counted: &terms.counted, fired, earlier };
    Some(Signal {
        day: end.div_euclid(DAY),
        first: fired.first,
        last: fired.last,
        severity: terms.severity.of(day),
        expected: terms.severity.expected(day, &usual(terms)),
        counts,
        peak,
        values: Vec::new(),
        baseline: None,
        details,
    })
}

/// What the conditions call unremarkable.
fn usual(terms: &Terms) -> String {
    use super::window::Operator::{Eq, Gt, Gte, Lt, Lte, Neq};
    let texts = terms.conditions.iter().map(|condition| {
        if (condition.operator, condition.value) == (Gte, 1) {
            return "none".to_owned();
        }
        let word = match condition.operator {
            Gte => "under",
            Gt => "at most",
            Lte => "over",
            Lt => "at least",
            Eq => "not",
            Neq => "exactly",
        };
        format!("{word} {}", condition.value)
    });
    format!("{} in {}", texts.collect::<Vec<_>>().join(" or "), terms.timespan_text)
}

#[cfg(test)]
mod oracle {
    use super::{DAY, History, Terms};
    use crate::detect::laws::{Event, Verdict};

    /// Looks at every event as the end of a window.
    pub(super) fn event_count(terms: &Terms, events: &[Event], _: &History<'_>) -> Vec<Verdict> {
        let near = |a: &Event, b: &Event| (a.time - b.time).abs() <= terms.timespan;
        let spoiled =
            |event: &&Event| events.iter().any(|e| terms.unless[e.rule] && near(e, event));
        let counted = events.iter().filter(|e| terms.counted[e.rule]);
        let counted: Vec<Event> = counted.filter(|e| !spoiled(e)).cloned().collect();
        let mut found: Vec<Verdict> = Vec::new();
        for last in &counted {
            let inside: Vec<Event> =
                counted.iter().filter(|e| e.time <= last.time && near(e, last)).cloned().collect();
            if !terms.conditions.iter().all(|c| c.holds(inside.len() as u64)) {
                continue;
            }
            let verdict = Verdict::new(last.time.div_euclid(DAY), &inside);
            match found.last_mut().filter(|before| before.day == verdict.day) {
                Some(before) => before.join(&verdict),
                None => found.push(verdict),
            }
        }
        found
    }
}
