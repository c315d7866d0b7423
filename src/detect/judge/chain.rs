//! Correlations of correlations: the firings of one become rows of the table of another.
//!
//! A correlation that begins to satisfy its conditions is one event. As long as it goes on, every
//! window that satisfies them shows that it is there, without counting again: so it is found
//! beside what happens meanwhile.

use super::{Firing, gather, sliding::touched};
use crate::detect::group::{Grain, Groups, Pane, Panes, Row};

const MICROS: i64 = 1_000_000;

/// The rows of `firings`, by their bucket. `inner` is the grain of the groups that fired, `outer`
/// that of the rows; `rule` is the position of the detector that fired among the other's rules;
/// of the details the first `samples` samples are taken over.
#[must_use]
pub fn chained_rows(
    firings: &[Firing],
    groups: &Groups,
    (inner, outer): (Grain, Grain),
    rule: u16,
    samples: usize,
) -> Vec<(i64, Row)> {
    let bucket_of = |firing: &Firing| outer.bucket_of(firing.at.saturating_mul(MICROS));
    let row = |same: &[Firing]| {
        let start = same.iter().map(|firing| firing.from).min()?;
        let end = same.iter().map(|firing| firing.at).max()?;
        let (first, last) = (start * MICROS, (end + inner.pane) * MICROS - 1);
        let mut details = gather(touched(groups, inner, start, end), first, last)?;
        details.samples.truncate(samples);
        details.first = details.first.max(first);
        details.last = details.last.min(last);
        let mut row = Row::new(Panes::new(), Some(details));
        for firing in same {
            row.add(Pane {
                start: outer.pane_of(firing.at.saturating_mul(MICROS)),
                rule,
                ok: u64::from(firing.begins && firing.ok),
                failed: u64::from(firing.begins && !firing.ok),
            });
        }
        Some((bucket_of(same.first()?), row))
    };
    firings.chunk_by(|a, b| bucket_of(a) == bucket_of(b)).filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::super::{Condition, History, Judge, Learning, Operator, Terms, find};
    use super::*;
    use crate::detect::group::{Decimal, FoldId};
    use crate::detect::laws::{Event, Shape, conditions, every_window, groups_of, histories};

    const HISTORY: History<'_> =
        History { covered: &[], scope: &[], learning: Learning::Until { day: 0 }, roll_up: None };

    fn terms(timespan: i64, conditions: Vec<Condition>, rules: usize) -> Terms {
        let (counted, unless) = (vec![true; rules], vec![false; rules]);
        Terms { timespan, conditions, counted, unless, feeds: true, ..Terms::default() }
    }

    fn grouped(events: &[Event], judge: &Judge, terms: &Terms) -> Option<Groups> {
        let shape = Shape { grain: (judge.grain)(terms), measure: None };
        let counted = vec![true; 4];
        groups_of(FoldId::new("chain"), events, shape, &Terms { counted, ..terms.clone() })
    }

    fn of_rule(events: &[Event], rule: usize) -> Vec<Event> {
        events.iter().filter(|event| event.rule == rule).cloned().collect()
    }

    #[test]
    fn an_episode_counts_once_and_is_there_as_long_as_it_lasts() {
        let two = Condition { operator: Operator::Gte, value: Decimal::whole(2) };
        let terms = terms(60, vec![two], 1);
        let judge = find("event_count").unwrap();
        let inner = (judge.grain)(&terms);
        let event = |time| Event { id: 0, time, rule: 0, ok: true, value: 0, text: None };
        let events: Vec<Event> = [0, 30, 60, 200, 500, 540, 541].map(event).into();
        let groups = grouped(&events, judge, &terms).unwrap();
        let firings = (judge.judge)(&terms, &groups, &HISTORY).firings;
        let shown: Vec<_> = firings.iter().map(|f| (f.from, f.at, f.begins)).collect();
        assert_eq!(shown, [(0, 30, true), (0, 60, false), (500, 540, true), (500, 541, false)]);
        let rows = chained_rows(&firings, &groups, (inner, Grain::sliding(600)), 3, 0);
        let panes: Vec<_> = rows.iter().flat_map(|(_, row)| &row.panes).collect();
        let shown: Vec<_> = panes.iter().map(|p| (p.start, p.rule, p.count())).collect();
        assert_eq!(shown, [(30, 3, 1), (60, 3, 0), (540, 3, 1), (541, 3, 0)]);
        assert_eq!(rows[0].1.details().unwrap().first, 0);
    }

    /// Rule 0 of the outer correlation is an inner one over rule 0, rule 1 is plain. Plays every
    /// second of the inner events. What only goes on has the value 0, all else 1.
    fn oracle(
        inner: &Terms,
        outer: &Terms,
        events: &[Event],
        ordinary: bool,
    ) -> Vec<(i64, Decimal)> {
        let own = of_rule(events, 0);
        let times: BTreeSet<i64> = own.iter().map(|event| event.time).collect();
        let holds = |end: i64| {
            let inside = own.iter().filter(|e| e.time <= end && end - e.time <= inner.timespan);
            let count = Decimal::whole(inside.count() as u64);
            inner.conditions.iter().all(|c| c.holds(count))
        };
        let mut all = of_rule(events, 1);
        for event in &mut all {
            event.value = 1;
        }
        for end in times.iter().copied().filter(|end| holds(*end)) {
            let before = times.range(..end).next_back();
            let goes_on = before.is_some_and(|t| holds(*t) && end - t <= inner.timespan);
            let value = usize::from(!goes_on);
            all.push(Event { id: 0, time: end, rule: 0, ok: true, value, text: None });
        }
        all.sort_by_key(|event| event.time);
        let verdicts = every_window(outer, &all, |inside| {
            let rules: BTreeSet<usize> = inside.iter().map(|event| event.rule).collect();
            let count = inside.iter().map(|event| event.value).sum();
            let number = Decimal::whole(if ordinary { count } else { rules.len() } as u64);
            outer.conditions.iter().all(|c| c.holds(number)).then_some(number)
        });
        verdicts.iter().map(|verdict| (verdict.day, verdict.peak)).collect()
    }

    proptest! {
        #[test]
        fn a_chain_says_what_its_oracle_says(
            events in histories(),
            spans in (1i64..=3_600, 1i64..=3_600),
            inner in conditions(),
            outer in conditions(),
        ) {
            let (inner, outer) = (terms(spans.0, inner, 1), terms(spans.1, outer, 2));
            let judge = find("event_count").unwrap();
            let groups = grouped(&of_rule(&events, 0), judge, &inner);
            for name in ["event_count", "temporal"] {
                let last = find(name).unwrap();
                let grains = ((judge.grain)(&inner), (last.grain)(&outer));
                let plain = grouped(&of_rule(&events, 1), last, &outer);
                let mut rows: BTreeMap<i64, Row> =
                    plain.into_iter().flat_map(|groups| groups.rows).collect();
                if let Some(groups) = &groups {
                    let firings = (judge.judge)(&inner, groups, &HISTORY).firings;
                    for (bucket, row) in chained_rows(&firings, groups, grains, 0, 1) {
                        rows.entry(bucket).or_default().merge(row);
                    }
                }
                let (fold, entity, values) = (FoldId::default(), [].into(), Vec::new());
                let rows = rows.into_iter().collect();
                let chained = Groups { fold, entity, rows, values, diffuse: false };
                let signals = (last.judge)(&outer, &chained, &HISTORY).signals;
                let found: Vec<_> = signals.iter().map(|signal| (signal.day, signal.peak)).collect();
                let expected = oracle(&inner, &outer, &events, name == "event_count");
                prop_assert_eq!(found, expected, "{}", name);
            }
        }
    }
}
