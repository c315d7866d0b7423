//! `value_percentile`: Sigma's correlation in pySigma's numeric reading. A percentile of a field
//! of the entity's events within a sliding window, by nearest rank: the smallest number that so
//! many percent of the numbers do not exceed.
//!
//! Numbers are known by their histogram bucket: what is compared and shown is the bucket's number
//! next to 0, which is off by less than 1/128 (0.8 %); whole numbers below 256 are exact.

use std::collections::BTreeMap;

use super::sliding::{self, Gauge, Moment, Reading};
use super::{Judge, Terms};
use crate::detect::group::{Content, Decimal, Grain, MeasureKind};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "value_percentile",
    grain: |terms| Grain::sliding(terms.timespan),
    measure: |_| Some(MeasureKind::Histogram),
    judge: |terms, groups, _| sliding::judge(terms, groups, Percentile::default()),
    #[cfg(test)]
    oracle: oracle::value_percentile,
};

/// The histogram of the window's numbers.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: BTreeMap<i16, u64>,
    count: u64,
    skipped: u64,
}

impl Histogram {
    fn of<'g>(moment: &Moment<'g>) -> (&'g [(i16, u64)], u64) {
        match moment.measure.map(|measure| (&measure.content, measure.skipped)) {
            Some((Content::Histogram(buckets), skipped)) => (buckets, skipped),
            _ => (&[], 0),
        }
    }

    pub(super) fn enter(&mut self, moment: &Moment<'_>) {
        let (buckets, skipped) = Self::of(moment);
        self.skipped = self.skipped.saturating_add(skipped);
        for (bucket, count) in buckets {
            let known = self.buckets.entry(*bucket).or_default();
            *known = known.saturating_add(*count);
            self.count = self.count.saturating_add(*count);
        }
    }

    pub(super) fn leave(&mut self, moment: &Moment<'_>) {
        let (buckets, skipped) = Self::of(moment);
        self.skipped = self.skipped.saturating_sub(skipped);
        for (bucket, count) in buckets {
            self.count = self.count.saturating_sub(*count);
            if let Some(known) = self.buckets.get_mut(bucket) {
                *known = known.saturating_sub(*count);
                if *known == 0 {
                    self.buckets.remove(bucket);
                }
            }
        }
    }

    /// The number at `percent` of the window's numbers.
    pub(super) fn read(&self, terms: &Terms, percent: Decimal) -> Option<Reading> {
        let hundred = Decimal::whole(100).micros();
        let wanted = percent.micros().checked_mul(i128::from(self.count))?;
        // The smallest rank that covers so many, counted from 1.
        let rank = (wanted / hundred + i128::from(wanted % hundred > 0)).max(1);
        let mut seen = 0i128;
        let bucket = self.buckets.iter().find(|(_, count)| {
            seen += i128::from(**count);
            seen >= rank
        });
        let reading = Reading::of(terms, Decimal::of_bucket(*bucket?.0));
        Some(Reading { skipped: self.skipped, ..reading })
    }
}

/// A percentile of the window's numbers.
#[derive(Debug, Default)]
struct Percentile(Histogram);

impl Gauge for Percentile {
    fn enter(&mut self, moment: &Moment<'_>) {
        self.0.enter(moment);
    }

    fn leave(&mut self, moment: &Moment<'_>) {
        self.0.leave(moment);
    }

    fn read(&mut self, terms: &Terms, _: i64) -> Option<Reading> {
        self.0.read(terms, terms.percentile)
    }

    fn words(&self, terms: &Terms, peak: &Reading) -> Option<String> {
        let (percentile, field) = (terms.percentile, &terms.field);
        Some(format!("a percentile {percentile} of {} of {field}", peak.number))
    }
}

#[cfg(test)]
pub(super) mod oracle {
    use crate::detect::group::Decimal;
    use crate::detect::judge::{History, Terms};
    use crate::detect::laws::{Event, Verdict, every_window};

    /// Sorts the numbers of every window.
    pub(in super::super) fn value_percentile(
        terms: &Terms,
        events: &[Event],
        _: &History<'_>,
    ) -> Vec<Verdict> {
        at(terms, events, terms.percentile)
    }

    /// The number at `percent` of every window, cut as HdrHistogram cuts it.
    pub(in super::super) fn at(terms: &Terms, events: &[Event], percent: Decimal) -> Vec<Verdict> {
        every_window(terms, events, |inside| {
            let mut numbers: Vec<i128> = inside.iter().filter_map(Event::micros).collect();
            numbers.sort_unstable();
            let covers = |rank: usize| {
                rank as i128 * 100_000_000 >= percent.micros() * numbers.len() as i128
            };
            let exact =
                (1..=numbers.len()).find(|rank| covers(*rank)).map(|rank| numbers[rank - 1])?;
            let histogram = hdrhistogram::Histogram::<u64>::new(2).unwrap();
            let binary = u64::try_from(exact.abs() * (1 << 20) / 1_000_000).unwrap();
            let cut = i128::from(histogram.lowest_equivalent(binary)) * 1_000_000;
            let cut = exact.signum() * (cut + (1 << 20) - 1) / (1 << 20);
            let cut = Decimal::from_micros(cut);
            terms.conditions.iter().all(|c| c.holds(cut)).then_some(cut)
        })
    }
}
