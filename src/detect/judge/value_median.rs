//! `value_median`: pySigma's correlation. The median of a field of the entity's events within a
//! sliding window: the 50th percentile of [`value_percentile`](super::value_percentile), so of an
//! even number of numbers the lower one in the middle.

use super::sliding::{self, Gauge, Moment, Reading};
use super::value_percentile::Histogram;
use super::{Judge, Terms};
use crate::detect::group::{Decimal, Grain, MeasureKind};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "value_median",
    grain: |terms| Grain::sliding(terms.timespan),
    measure: |_| Some(MeasureKind::Histogram),
    judge: |terms, groups, _| sliding::judge(terms, groups, Median::default()),
    #[cfg(test)]
    oracle: oracle::value_median,
};

/// The median of the window's numbers.
#[derive(Debug, Default)]
struct Median(Histogram);

impl Gauge for Median {
    fn enter(&mut self, moment: &Moment<'_>) {
        self.0.enter(moment);
    }

    fn leave(&mut self, moment: &Moment<'_>) {
        self.0.leave(moment);
    }

    fn read(&mut self, terms: &Terms, _: i64) -> Option<Reading> {
        self.0.read(terms, Decimal::whole(50))
    }

    fn words(&self, terms: &Terms, peak: &Reading) -> Option<String> {
        Some(format!("a median of {} of {}", peak.number, terms.field))
    }
}

#[cfg(test)]
mod oracle {
    use crate::detect::group::Decimal;
    use crate::detect::judge::value_percentile::oracle;
    use crate::detect::judge::{History, Terms};
    use crate::detect::laws::{Event, Verdict};

    /// The number in the middle of every window.
    pub(super) fn value_median(terms: &Terms, events: &[Event], _: &History<'_>) -> Vec<Verdict> {
        oracle::at(terms, events, Decimal::whole(50))
    }
}
