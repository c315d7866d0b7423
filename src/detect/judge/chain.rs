//! Correlations of correlations: the firings of one become rows of the table of another.
//!
//! A correlation that begins to satisfy its conditions is one event. As long as it goes on, every
//! window that satisfies them shows that it is there, without counting again: so it is found
//! beside what happens meanwhile.

use super::{Firing, gather, sliding::touched};
use crate::detect::group::{Grain, Groups, Pane, Row};

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
        let mut row = Row { panes: Vec::new(), details: Some(Box::new(details)) };
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
    use super::super::{Condition, History, Learning, Operator, Terms, find};
    use super::*;
    use crate::detect::group::{Decimal, Details, FoldId};

    /// One event at each of `times`, seconds.
    fn groups(times: &[i64], grain: Grain) -> Groups {
        let row = |time: &i64| {
            let details = Details {
                first: time * MICROS,
                last: time * MICROS,
                bytes_in: 0,
                bytes_out: 0,
                evidence: Vec::new(),
                samples: Vec::new(),
                measures: None,
            };
            let panes = vec![Pane { start: *time, rule: 0, ok: 1, failed: 0 }];
            (grain.bucket_of(time * MICROS), Row { panes, details: Some(Box::new(details)) })
        };
        let rows = times.iter().map(row).collect();
        let (entity, values) = ([].into(), Vec::new());
        Groups { fold: FoldId::default(), entity, rows, values, diffuse: false }
    }

    #[test]
    fn an_episode_counts_once_and_is_there_as_long_as_it_lasts() {
        let two = Condition { operator: Operator::Gte, value: Decimal::whole(2) };
        let terms = Terms {
            timespan: 60,
            conditions: vec![two],
            counted: vec![true],
            unless: vec![false],
            feeds: true,
            ..Terms::default()
        };
        let judge = find("event_count").unwrap();
        let inner = (judge.grain)(&terms);
        let groups = groups(&[0, 30, 60, 200, 500, 540, 541], inner);
        let history = History { covered: &[], scope: &[], learning: Learning::Until { day: 0 } };
        let firings = (judge.judge)(&terms, &groups, &history).firings;
        let shown: Vec<_> = firings.iter().map(|f| (f.from, f.at, f.begins)).collect();
        assert_eq!(shown, [(0, 30, true), (0, 60, false), (500, 540, true), (500, 541, false)]);
        let outer = Grain::sliding(600);
        let rows = chained_rows(&firings, &groups, (inner, outer), 3, 0);
        let panes: Vec<_> = rows.iter().flat_map(|(_, row)| &row.panes).collect();
        let shown: Vec<_> = panes.iter().map(|p| (p.start, p.rule, p.count())).collect();
        assert_eq!(shown, [(30, 3, 1), (60, 3, 0), (540, 3, 1), (541, 3, 0)]);
        assert_eq!(rows[0].1.details.as_ref().unwrap().first, 0);
    }
}
