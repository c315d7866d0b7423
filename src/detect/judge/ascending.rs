//! `ascending`: somebody reads the objects of a bucket in the order of their names, as programs do
//! that walk through a listing.
//!
//! A fold keeps, per entity and hour, a sample of (time, key) by the smallest hashes: a random part
//! of what rises rises too. Of all pairs of the sample that differ in time and in key, those count
//! in which the later key is the greater one; this is the share of concordant pairs of Kendall, "A
//! new measure of rank correlation", Biometrika 30, 1938. Unlike the steps from one read to the next
//! it does not depend on how large the sample is, and reads side by side do not disturb it.

use std::collections::BTreeSet;

use super::severity::{Day, Fired};
use super::{Count, History, Judge, Judgement, Signal, Terms, gather};
use crate::detect::group::{Decimal, Details, Grain, Groups, Row, Sketch};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "ascending",
    grain: |_| Grain::HOUR,
    measure: |_| None,
    judge,
    #[cfg(test)]
    oracle: oracle::ascending,
};

/// Reads of an hour that are sampled, with their texts. No other sample has this size.
pub const SAMPLED_READS: usize = 256;

const DAY: i64 = 86_400;

/// What counts as reading in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ascending {
    /// The share of pairs that rise, above 0 and at most 1.
    pub share: f64,
    /// So many reads of an hour are needed.
    pub at_least: u64,
}

/// An hour in which the keys rose.
struct Hour<'g> {
    start: i64,
    row: &'g Row,
    details: &'g Details,
    reads: u64,
    share: f64,
}

fn judge(terms: &Terms, groups: &Groups, _: &History<'_>) -> Judgement {
    let Some(ascending) = &terms.ascending else { return Judgement::default() };
    let rows = groups.rows.iter();
    let hours: Vec<Hour<'_>> =
        rows.filter_map(|(start, row)| Hour::of(terms, ascending, *start, row)).collect();
    let of_days = hours.chunk_by(|a, b| a.day() == b.day());
    of_days.filter_map(|of_day| signal(terms, ascending, of_day)).collect::<Vec<_>>().into()
}

impl<'g> Hour<'g> {
    fn of(terms: &Terms, ascending: &Ascending, start: i64, row: &'g Row) -> Option<Self> {
        let reads = count(terms, row).total();
        if reads < ascending.at_least {
            return None;
        }
        let details = row.details()?;
        let sample = details.samples.iter().find(|sample| sample.k() == SAMPLED_READS)?;
        let share = rising(sample, ascending.at_least)?;
        (share >= ascending.share).then_some(Self { start, row, details, reads, share })
    }

    fn day(&self) -> i64 {
        self.start.div_euclid(DAY)
    }
}

fn count(terms: &Terms, row: &Row) -> Count {
    let panes = row.panes.iter();
    let panes = panes.filter(|pane| terms.counted.get(usize::from(pane.rule)) == Some(&true));
    panes.fold(Count::default(), |sum, pane| Count {
        ok: sum.ok.saturating_add(pane.ok),
        failed: sum.failed.saturating_add(pane.failed),
    })
}

/// The share of pairs in which the later key is the greater one. `None` if less than half of the pairs
/// can be told, or half as many different keys were sampled as reads are needed.
#[allow(clippy::cast_precision_loss, reason = "at most some thousand pairs")]
fn rising(sample: &Sketch, at_least: u64) -> Option<f64> {
    let mut reads: Vec<(&str, &str)> =
        sample.texts().iter().filter_map(|text| text.split_once(' ')).collect();
    let keys = reads.iter().map(|(_, key)| key).collect::<BTreeSet<_>>().len() as u64;
    if keys < at_least.min(SAMPLED_READS as u64) / 2 {
        return None;
    }
    reads.sort_unstable();
    let (mut rising, mut falling, mut pairs) = (0_u64, 0_u64, 0_u64);
    for (position, (time, key)) in reads.iter().enumerate() {
        for (later, other) in reads.iter().skip(position + 1) {
            pairs += 1;
            rising += u64::from(later > time && other > key);
            falling += u64::from(later > time && other < key);
        }
    }
    let told = rising + falling;
    (told > 0 && told * 2 >= pairs).then(|| rising as f64 / told as f64)
}

fn signal(terms: &Terms, ascending: &Ascending, hours: &[Hour<'_>]) -> Option<Signal> {
    let details = gather(hours.iter().map(|hour| hour.details), i64::MIN, i64::MAX)?;
    let most = hours.iter().max_by_key(|hour| hour.reads)?;
    let count = hours.iter().map(|hour| count(terms, hour.row));
    let count = count.fold(Count::default(), |sum, more| Count {
        ok: sum.ok.saturating_add(more.ok),
        failed: sum.failed.saturating_add(more.failed),
    });
    let fired = Fired { peak: most.reads, first: details.first, last: details.last };
    let judged = Day { ok: &[count.ok], counted: &[true], fired, earlier: &[] };
    let percent = |share: f64| (share * 100.0).floor();
    Some(Signal {
        day: most.day(),
        first: details.first,
        last: details.last,
        counts: vec![count],
        peak: Decimal::whole(most.reads),
        observed: Some(format!(
            "{} reads in 1h, {} % of them in the order of their keys",
            most.reads,
            percent(most.share)
        )),
        values: Vec::new(),
        features: Vec::new(),
        expected: format!(
            "less than {} reads in 1h, or less than {} % in order",
            ascending.at_least,
            percent(ascending.share)
        ),
        baseline: None,
        severity: terms.severity.of(judged),
        details,
    })
}

#[cfg(test)]
mod oracle {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{History, Terms};
    use crate::detect::laws::{Event, Verdict};

    /// Compares every read of an hour with every other.
    pub(super) fn ascending(terms: &Terms, events: &[Event], _: &History<'_>) -> Vec<Verdict> {
        let Some(ascending) = &terms.ascending else { return Vec::new() };
        let own = events.iter().filter(|event| terms.counted[event.rule]);
        let mut hours: BTreeMap<i64, Vec<Event>> = BTreeMap::new();
        own.for_each(|e| hours.entry(e.time.div_euclid(3_600)).or_default().push(e.clone()));
        let mut days: BTreeMap<i64, Vec<Vec<Event>>> = BTreeMap::new();
        for (hour, events) in hours {
            let reads: BTreeSet<(i64, &str)> =
                events.iter().filter_map(|e| Some((e.time, e.text()?))).collect();
            let keys: BTreeSet<&str> = reads.iter().map(|(_, key)| *key).collect();
            let pairs: Vec<_> = reads
                .iter()
                .flat_map(|a| reads.iter().filter(move |b| a < *b).map(move |b| (*a, *b)))
                .collect();
            let told: Vec<_> = pairs.iter().filter(|(a, b)| a.0 != b.0 && a.1 != b.1).collect();
            let rising = told.iter().filter(|(a, b)| a.1 < b.1).count();
            #[allow(clippy::cast_precision_loss, reason = "some sixty events")]
            let fires = events.len() as u64 >= ascending.at_least
                && keys.len() as u64 >= ascending.at_least / 2
                && !told.is_empty()
                && told.len() * 2 >= pairs.len()
                && rising as f64 / told.len() as f64 >= ascending.share;
            if fires {
                days.entry(hour.div_euclid(24)).or_default().push(events);
            }
        }
        let verdict = |(day, hours): (i64, Vec<Vec<Event>>)| {
            let most = hours.iter().map(Vec::len).max().unwrap_or(0);
            Verdict::new(day, &hours.concat()).peaking(most)
        };
        days.into_iter().map(verdict).collect()
    }
}
