//! `value_count`: Sigma's correlation. The entity has so many distinct values of a field within a
//! sliding window.
//!
//! Exact as long as no pane of the window has as many as [`MAX_DISTINCT`] values; then an estimate
//! by the window's smallest hashes, off by some 2 %. Events without the field have no value.

use std::collections::BTreeMap;

use super::sliding::{self, Gauge, Moment, Reading};
use super::{Judge, Terms};
use crate::detect::group::{Content, Decimal, Grain, MAX_DISTINCT, MeasureKind, Sketch};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "value_count",
    grain: |terms| Grain::sliding(terms.timespan),
    measure: |_| Some(MeasureKind::Distinct(MAX_DISTINCT)),
    judge: |terms, groups, _| sliding::judge(terms, groups, ValueCount::default()),
    #[cfg(test)]
    oracle: oracle::value_count,
};

/// The hashes of the window's values.
#[derive(Default)]
struct ValueCount {
    /// With each hash, in how many panes it lies.
    hashes: BTreeMap<u64, u64>,
    /// Panes that do not hold all hashes of their values.
    inexact: usize,
}

fn sketch<'g>(moment: &Moment<'g>) -> Option<&'g Sketch> {
    match &moment.measure?.content {
        Content::Distinct(sketch) => Some(sketch),
        _ => None,
    }
}

impl Gauge for ValueCount {
    fn enter(&mut self, moment: &Moment<'_>) {
        let Some(sketch) = sketch(moment) else { return };
        self.inexact += usize::from(!sketch.is_exact());
        for hash in sketch.hashes() {
            *self.hashes.entry(*hash).or_default() += 1;
        }
    }

    fn leave(&mut self, moment: &Moment<'_>) {
        let Some(sketch) = sketch(moment) else { return };
        self.inexact -= usize::from(!sketch.is_exact());
        for hash in sketch.hashes() {
            if let Some(panes) = self.hashes.get_mut(hash) {
                *panes -= 1;
                if *panes == 0 {
                    self.hashes.remove(hash);
                }
            }
        }
    }

    fn read(&mut self, terms: &Terms, _: i64) -> Option<Reading> {
        let about = self.inexact > 0;
        let largest = self.hashes.keys().nth(MAX_DISTINCT - 1).filter(|_| about);
        let distinct = match largest {
            Some(largest) => Sketch::estimate(MAX_DISTINCT, *largest),
            None => self.hashes.len() as u64,
        };
        Some(Reading { about, ..Reading::of(terms, Decimal::whole(distinct)) })
    }

    fn words(&self, terms: &Terms, peak: &Reading) -> Option<String> {
        let about = if peak.about { "about " } else { "" };
        let values = if peak.number == Decimal::whole(1) { "value" } else { "values" };
        Some(format!("{about}{} distinct {values} of {}", peak.number, terms.field))
    }
}

#[cfg(test)]
mod oracle {
    use std::collections::BTreeSet;

    use crate::detect::group::Decimal;
    use crate::detect::judge::{History, Terms};
    use crate::detect::laws::{Event, Verdict, every_window};

    /// Collects the values of every window.
    pub(super) fn value_count(terms: &Terms, events: &[Event], _: &History<'_>) -> Vec<Verdict> {
        every_window(terms, events, |inside| {
            let values: BTreeSet<&str> = inside.iter().filter_map(Event::text).collect();
            let count = Decimal::whole(values.len() as u64);
            terms.conditions.iter().all(|c| c.holds(count)).then_some(count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::group::{Measure, Sketch};

    /// Two seconds of 10,000 values each, half of them the same.
    #[test]
    fn beyond_the_sketch_the_number_is_an_estimate_and_says_so() {
        let measure = |start: i64, values: std::ops::Range<u32>| {
            let mut measure = Measure::new(start, MeasureKind::Distinct(MAX_DISTINCT));
            values.for_each(|n| {
                let key = format!("key-{n}");
                measure.take((Sketch::hash(&key), &key), None);
            });
            measure
        };
        let measures = [measure(0, 0..10_000), measure(1, 5_000..15_000), measure(2, 0..10)];
        let mut gauge = ValueCount::default();
        let moment = |n: usize| Moment { start: 0, panes: &[], measure: Some(&measures[n]) };
        let terms = Terms { field: "objectKey".to_owned(), ..Terms::default() };
        gauge.enter(&moment(0));
        gauge.enter(&moment(1));
        let reading = gauge.read(&terms, 0).unwrap();
        assert!(reading.about);
        assert!((14_000..16_000).contains(&reading.number.count()), "{}", reading.number);
        assert!(gauge.words(&terms, &reading).unwrap().starts_with("about 1"));
        gauge.enter(&moment(2));
        gauge.leave(&moment(0));
        gauge.leave(&moment(1));
        let reading = gauge.read(&terms, 0).unwrap();
        assert_eq!((reading.about, reading.number), (false, Decimal::whole(10)));
        assert_eq!(gauge.words(&terms, &reading).unwrap(), "10 distinct values of objectKey");
    }
}
