//! `first_seen`: a value is new for its entity, whose scope has enough history.
//!
//! The events of the detector's own rule count, day by day. A value is new on a day if none of them
//! had it in the lookback before. Without a value column the entity itself is what is new. Rules
//! named under `usual` only tell what the entity does otherwise. What is only learned, and what is
//! new for an entity that has something new all the time, is listed and not judged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::history::Past;
use super::severity::{Day, Fired};
use super::{Count, History, Judge, Judgement, Signal, Terms, Unjudged, gather};
use crate::detect::group::{Decimal, Details, Grain, Groups, Row};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "first_seen",
    grain: |_| Grain::DAY,
    measure: |_| None,
    judge,
    #[cfg(test)]
    oracle: oracle::first_seen,
};

const DAY: i64 = 86_400;
/// Known values that a finding names.
const NAMED: usize = 5;

/// A value's appearance on a day.
type Appearance<'g> = (Option<Arc<str>>, &'g Row);

/// What an entity has done, by day.
struct Record<'g> {
    /// New values by day.
    appearances: BTreeMap<i64, Vec<Appearance<'g>>>,
    /// Days of the entity's own events.
    active: BTreeSet<i64>,
    /// Days that make the entity known.
    known: BTreeSet<i64>,
}

fn judge(terms: &Terms, groups: &Groups, history: &History<'_>) -> Judgement {
    if groups.diffuse {
        return Judgement { diffuse: true, ..Judgement::default() };
    }
    let record = Record::of(terms, groups, history);
    let mut judgement = Judgement::default();
    for (day, new) in &record.appearances {
        let past = history.past(*day, terms.lookback);
        let Some(signal) = signal(terms, groups, *day, new, past) else { continue };
        let known = record.known.range(past.from..past.until).count();
        if !history.is_judged(*day, past) {
            judgement.learned.push((signal, Unjudged::ShortHistory));
        } else if known < terms.known_days {
            judgement.learned.push((signal, Unjudged::LittleKnown));
        } else if record.roams(terms, new, past, history) {
            judgement.learned.push((signal, Unjudged::Roaming));
        } else {
            judgement.signals.push(signal);
        }
    }
    judgement
}

impl<'g> Record<'g> {
    fn of(terms: &Terms, groups: &'g Groups, history: &History<'_>) -> Self {
        let mut record =
            Self { appearances: BTreeMap::new(), active: BTreeSet::new(), known: BTreeSet::new() };
        let context = terms.counted.iter().any(|counted| !counted);
        // The days of the value at hand; rows come sorted by value, then day.
        let mut seen: (Option<&Option<Arc<str>>>, Vec<i64>) = (None, Vec::new());
        for (position, (bucket, row)) in groups.rows.iter().enumerate() {
            let (day, value) = (bucket.div_euclid(DAY), groups.values.get(position));
            if seen.0 != value {
                seen = (value, Vec::new());
            }
            let own = row.panes.iter().any(|pane| counts(terms, pane.rule));
            if !context || row.panes.iter().any(|pane| !counts(terms, pane.rule)) {
                record.known.insert(day);
            }
            if own {
                record.active.insert(day);
                let past = history.past(day, terms.lookback);
                if !seen.1.iter().any(|earlier| past.holds(*earlier)) {
                    let appearance = (value.cloned().flatten(), row);
                    record.appearances.entry(day).or_default().push(appearance);
                }
                seen.1.push(day);
            }
        }
        record
    }

    /// Whether so much is new so often that it is no news. A day without history of its own does
    /// not count: everything is new on it.
    fn roams(
        &self,
        terms: &Terms,
        new: &[Appearance<'_>],
        past: Past,
        history: &History<'_>,
    ) -> bool {
        let Some(roaming) = &terms.roaming else { return false };
        let days = self.appearances.range(past.from..past.until);
        let was_active = |day: i64| {
            let past = history.past(day, terms.lookback);
            self.active.range(past.from..past.until).next().is_some()
        };
        let earlier = || days.clone().filter(|(day, _)| was_active(**day));
        let most = earlier().map(|(_, new)| new.len()).max().unwrap_or(0);
        earlier().count() >= roaming.days.max(1) && new.len() <= most.saturating_mul(roaming.factor)
    }
}

/// What is new on a day.
fn signal(
    terms: &Terms,
    groups: &Groups,
    day: i64,
    new: &[Appearance<'_>],
    past: Past,
) -> Option<Signal> {
    let rows = || new.iter().map(|(_, row)| *row);
    let details = gather(rows().filter_map(details), i64::MIN, i64::MAX)?;
    let count = own_count(terms, rows());
    let (first, last) = (details.first, details.last);
    let peak = new.len() as u64;
    let fired = Fired { peak, first, last };
    let judged = Day { ok: &[count.ok], counted: &[true], fired, earlier: &[] };
    let values: Vec<Arc<str>> = new.iter().filter_map(|(value, _)| value.clone()).collect();
    Some(Signal {
        day,
        first,
        last,
        counts: vec![count],
        peak: Decimal::whole(peak),
        observed: None,
        values,
        features: Vec::new(),
        expected: expected(groups, past),
        baseline: Some((past.from, past.until)),
        severity: terms.severity.of(judged),
        details,
    })
}

fn details(row: &Row) -> Option<&Details> {
    row.details()
}

fn counts(terms: &Terms, rule: u16) -> bool {
    terms.counted.get(usize::from(rule)) == Some(&true)
}

fn own_count<'r>(terms: &Terms, rows: impl Iterator<Item = &'r Row>) -> Count {
    let panes = rows.flat_map(|row| &row.panes).filter(|pane| counts(terms, pane.rule));
    panes.fold(Count::default(), |sum, pane| Count {
        ok: sum.ok.saturating_add(pane.ok),
        failed: sum.failed.saturating_add(pane.failed),
    })
}

/// The values of the past, a few of them by name.
fn expected(groups: &Groups, past: Past) -> String {
    let days = past.until - past.from;
    let rows = groups.rows.iter().zip(&groups.values);
    let known = rows.filter(|((bucket, _), _)| past.holds(bucket.div_euclid(DAY)));
    let known: BTreeSet<&str> = known.filter_map(|(_, value)| value.as_deref()).collect();
    if known.is_empty() {
        return format!("none in the {days} days before");
    }
    let named: Vec<&str> = known.iter().copied().take(NAMED).collect();
    let more = known.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more} in the {days} days before", named.join(", "))
}

#[cfg(test)]
mod oracle {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{DAY, History, Terms};
    use crate::detect::laws::{Event, Verdict};

    /// Compares every event with every other.
    pub(super) fn first_seen(
        terms: &Terms,
        events: &[Event],
        history: &History<'_>,
    ) -> Vec<Verdict> {
        let day = |event: &Event| event.time.div_euclid(DAY);
        let own = |event: &Event| terms.counted[event.rule];
        let has_context = terms.counted.contains(&false);
        let mut new: BTreeMap<i64, Vec<Event>> = BTreeMap::new();
        for event in events.iter().filter(|event| own(event)) {
            let past = history.past(day(event), terms.lookback);
            let old = |e: &Event| own(e) && e.value == event.value && past.holds(day(e));
            if !events.iter().any(old) {
                new.entry(day(event)).or_default().push(event.clone());
            }
        }
        let values = |on: i64| new[&on].iter().map(|e| e.value).collect::<BTreeSet<_>>().len();
        let had_past = |on: i64| {
            let past = history.past(on, terms.lookback);
            events.iter().any(|event| own(event) && past.holds(day(event)))
        };
        let fires = |on: i64| {
            let past = history.past(on, terms.lookback);
            let habits = events.iter().filter(|e| past.holds(day(e)) && !(has_context && own(e)));
            let known = habits.map(day).collect::<BTreeSet<i64>>().len();
            let earlier = new.keys().filter(|day| past.holds(**day) && had_past(**day));
            let earlier: Vec<usize> = earlier.map(|day| values(*day)).collect();
            let roams = terms.roaming.as_ref().is_some_and(|roaming| {
                earlier.len() >= roaming.days
                    && earlier.iter().any(|most| values(on) <= most * roaming.factor)
            });
            history.is_judged(on, past) && known >= terms.known_days && !roams
        };
        new.iter()
            .filter(|(day, _)| fires(**day))
            .map(|(day, events)| Verdict::new(*day, events).peaking(values(*day)))
            .collect()
    }
}
