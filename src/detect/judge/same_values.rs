//! `temporal` and `temporal_ordered` with `same`: within a sliding window so many values of a field
//! each have events of all rules, in the order of the rules where that is asked for: objects that were
//! read and then deleted.
//!
//! A value's hash ends in the number of the rule, so that the values that one sketch keeps are the
//! same for all rules. Exact as long as no pane has as many as [`MAX_DISTINCT`] values and rules; from
//! there on only the values are followed that every pane keeps, and the number is an estimate. Events
//! of one pane stand in either order.

use std::collections::{BTreeMap, BTreeSet};

use super::sliding::{self, Gauge, Moment, Reading};
use super::{Judge, Terms};
use crate::detect::group::{Content, Decimal, Grain, MAX_DISTINCT, MeasureKind, Sketch, tag_of};

/// The registry's entry for any order.
pub(super) const JUDGE: Judge = Judge {
    name: "same_values",
    grain: |terms| Grain::sliding(terms.timespan),
    measure: |_| Some(MeasureKind::DistinctByRule(MAX_DISTINCT)),
    judge: |terms, groups, _| sliding::judge(terms, groups, SameValues::new(terms, false)),
    #[cfg(test)]
    oracle: |terms, events, _| oracle::same_values(terms, events, false),
};

/// The registry's entry for the order of the rules.
pub(super) const ORDERED: Judge = Judge {
    name: "same_values_ordered",
    judge: |terms, groups, _| sliding::judge(terms, groups, SameValues::new(terms, true)),
    #[cfg(test)]
    oracle: |terms, events, _| oracle::same_values(terms, events, true),
    ..JUDGE
};

/// How far a value is.
#[derive(Debug)]
struct Progress {
    /// Per rule: the latest begin of a chain up to it, or its latest event where any order will do.
    begins: Vec<Option<i64>>,
    /// Its latest event.
    latest: i64,
}

impl Progress {
    /// Since when all rules have events; `None` if one has none.
    fn complete(&self, ordered: bool) -> Option<i64> {
        if ordered {
            return self.begins.last().copied().flatten();
        }
        self.begins.iter().copied().reduce(|a, b| Some(a?.min(b?))).flatten()
    }
}

/// The values of the window.
struct SameValues {
    ordered: bool,
    rules: usize,
    values: BTreeMap<u64, Progress>,
    /// (Since when, value) of the values with events of all rules.
    complete: BTreeSet<(i64, u64)>,
    /// (Latest event, value), to forget values by.
    latest: BTreeSet<(i64, u64)>,
    /// Only values up to here are followed.
    limit: u64,
}

impl SameValues {
    fn new(terms: &Terms, ordered: bool) -> Self {
        Self {
            ordered,
            rules: terms.counted.iter().filter(|counted| **counted).count(),
            values: BTreeMap::new(),
            complete: BTreeSet::new(),
            latest: BTreeSet::new(),
            limit: u64::MAX,
        }
    }

    /// A value has an event of a rule. Rules of one pane come in the order of their numbers.
    fn see(&mut self, value: u64, rule: usize, start: i64) {
        let (rules, ordered) = (self.rules, self.ordered);
        let new = || Progress { begins: vec![None; rules], latest: start };
        let progress = self.values.entry(value).or_insert_with(new);
        let before = progress.complete(ordered);
        self.latest.remove(&(progress.latest, value));
        progress.latest = start;
        self.latest.insert((start, value));
        let begin = match rule.checked_sub(1).filter(|_| ordered) {
            Some(earlier) => progress.begins.get(earlier).copied().flatten(),
            None => Some(start),
        };
        if let Some(known) = progress.begins.get_mut(rule) {
            *known = begin.or(*known);
        }
        let after = progress.complete(ordered);
        if before != after {
            before.map(|since| self.complete.remove(&(since, value)));
            after.map(|since| self.complete.insert((since, value)));
        }
    }

    fn forget(&mut self, value: u64) {
        if let Some(progress) = self.values.remove(&value) {
            self.latest.remove(&(progress.latest, value));
            let complete = progress.complete(self.ordered);
            complete.map(|since| self.complete.remove(&(since, value)));
        }
    }

    /// Follows only values up to `limit` from here on.
    fn lower(&mut self, limit: u64) {
        self.limit = limit;
        let beyond: Vec<u64> = self.values.range(limit..).map(|(value, _)| *value).collect();
        for value in beyond {
            self.forget(value);
        }
    }
}

impl Gauge for SameValues {
    fn enter(&mut self, moment: &Moment<'_>) {
        let Some(Content::Distinct(sketch)) = moment.measure.map(|measure| &measure.content) else {
            return;
        };
        let last = sketch.hashes().last().map(|last| tag_of(*last).0);
        if let Some(limit) = last.filter(|last| !sketch.is_exact() && *last < self.limit) {
            // The last value may lack rules: it is left out.
            self.lower(limit);
        }
        for hash in sketch.hashes() {
            let (value, rule) = tag_of(*hash);
            // Spoiled events have no pane here, but their values are measured.
            let is_here = moment.panes.iter().any(|pane| usize::from(pane.rule) == rule);
            if is_here && value < self.limit {
                self.see(value, rule, moment.start);
            }
        }
    }

    fn leave(&mut self, _: &Moment<'_>) {}

    fn read(&mut self, terms: &Terms, since: i64) -> Option<Reading> {
        while let Some((_, value)) = self.latest.first().copied().filter(|(at, _)| *at < since) {
            self.forget(value);
        }
        let inside = self.complete.range((since, 0)..).count() as u64;
        let about = self.limit < u64::MAX;
        let number = if about { Sketch::scaled(inside, self.limit) } else { inside };
        Some(Reading { about, ..Reading::of(terms, Decimal::whole(number)) })
    }

    fn words(&self, terms: &Terms, peak: &Reading) -> Option<String> {
        let about = if peak.about { "about " } else { "" };
        let values = if peak.number == Decimal::whole(1) { "value" } else { "values" };
        let order = if self.ordered { ", in order" } else { "" };
        let rules = self.rules;
        let field = &terms.field;
        Some(format!("{about}{} {values} of {field} with all {rules} rules{order}", peak.number))
    }
}

#[cfg(test)]
mod oracle {
    use std::collections::BTreeSet;

    use crate::detect::group::Decimal;
    use crate::detect::judge::Terms;
    use crate::detect::laws::{Event, Verdict, every_window};

    /// Whether the rules have events with the value, one after the other.
    fn in_order(events: &[&Event], rules: &[usize], from: i64) -> bool {
        let Some((first, rest)) = rules.split_first() else { return true };
        let next = events.iter().find(|event| event.rule == *first && event.time >= from);
        next.is_some_and(|event| in_order(events, rest, event.time))
    }

    /// Tries every value in every window.
    pub(super) fn same_values(terms: &Terms, events: &[Event], ordered: bool) -> Vec<Verdict> {
        let rules: Vec<usize> = (0..terms.counted.len()).filter(|r| terms.counted[*r]).collect();
        every_window(terms, events, |inside| {
            let values: BTreeSet<&str> = inside.iter().filter_map(Event::text).collect();
            let has_all = |value: &&&str| {
                let own: Vec<&Event> = inside.iter().filter(|e| e.text() == Some(value)).collect();
                if ordered {
                    return in_order(&own, &rules, i64::MIN);
                }
                rules.iter().all(|rule| own.iter().any(|event| event.rule == *rule))
            };
            let count = Decimal::whole(values.iter().filter(has_all).count() as u64);
            terms.conditions.iter().all(|c| c.holds(count)).then_some(count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::group::{Measure, Pane, Sketch};

    /// 10,000 objects read in one second, half of them deleted in the next.
    #[test]
    fn beyond_the_sketch_the_number_is_an_estimate_and_says_so() {
        let measure = |start: i64, rule: u16, values: std::ops::Range<u32>| {
            let mut measure = Measure::new(start, MeasureKind::DistinctByRule(MAX_DISTINCT));
            values.for_each(|n| {
                let key = format!("key-{n}");
                measure.take((Sketch::hash(&key), &key), Some(rule));
            });
            measure
        };
        let measures = [measure(0, 0, 0..10_000), measure(1, 1, 5_000..15_000)];
        let panes = [0u16, 1].map(|rule| Pane { start: i64::from(rule), rule, ok: 1, failed: 0 });
        let terms = Terms { counted: vec![true; 2], ..Terms::default() };
        let mut gauge = SameValues::new(&terms, true);
        for at in 0..2usize {
            gauge.enter(&Moment {
                start: panes[at].start,
                panes: &panes[at..=at],
                measure: Some(&measures[at]),
            });
        }
        let reading = gauge.read(&terms, 0).unwrap();
        assert!(reading.about);
        assert!((4_500..5_500).contains(&reading.number.count()), "{}", reading.number);
    }
}
