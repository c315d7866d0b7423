//! `value_sum`: Sigma's correlation. A field of the entity's events sums up to so much within a
//! sliding window. A window without numbers has no sum.

use super::sliding::{self, Gauge, Moment, Reading};
use super::{Judge, Terms};
use crate::detect::group::{Content, Decimal, Grain, MeasureKind};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "value_sum",
    grain: |terms| Grain::sliding(terms.timespan),
    measure: |_| Some(MeasureKind::Sum),
    judge: |terms, groups, _| sliding::judge(terms, groups, ValueSum(Total::default())),
    #[cfg(test)]
    oracle: oracle::value_sum,
};

/// The numbers of a window.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    /// Their sum.
    pub sum: Decimal,
    /// How many.
    pub count: u64,
    /// Values that are no numbers.
    pub skipped: u64,
}

impl Total {
    pub(super) fn enter(&mut self, moment: &Moment<'_>) {
        let moment = Self::of(moment);
        self.sum = self.sum.plus(moment.sum);
        self.count = self.count.saturating_add(moment.count);
        self.skipped = self.skipped.saturating_add(moment.skipped);
    }

    pub(super) fn leave(&mut self, moment: &Moment<'_>) {
        let moment = Self::of(moment);
        self.sum = self.sum.minus(moment.sum);
        self.count = self.count.saturating_sub(moment.count);
        self.skipped = self.skipped.saturating_sub(moment.skipped);
    }

    fn of(moment: &Moment<'_>) -> Self {
        match moment.measure.map(|measure| (&measure.content, measure.skipped)) {
            Some((Content::Sum { sum, count }, skipped)) => {
                Self { sum: *sum, count: *count, skipped }
            }
            _ => Self::default(),
        }
    }
}

/// The sum of the window's numbers.
struct ValueSum(Total);

impl Gauge for ValueSum {
    fn enter(&mut self, moment: &Moment<'_>) {
        self.0.enter(moment);
    }

    fn leave(&mut self, moment: &Moment<'_>) {
        self.0.leave(moment);
    }

    fn read(&mut self, terms: &Terms, _: i64) -> Option<Reading> {
        let reading = Reading { skipped: self.0.skipped, ..Reading::of(terms, self.0.sum) };
        Some(reading).filter(|_| self.0.count > 0)
    }

    fn words(&self, terms: &Terms, peak: &Reading) -> Option<String> {
        Some(format!("a sum of {} of {}", peak.number, terms.field))
    }
}

#[cfg(test)]
mod oracle {
    use crate::detect::group::Decimal;
    use crate::detect::judge::{History, Terms};
    use crate::detect::laws::{Event, Verdict, every_window};

    /// Adds up the numbers of every window.
    pub(super) fn value_sum(terms: &Terms, events: &[Event], _: &History<'_>) -> Vec<Verdict> {
        every_window(terms, events, |inside| {
            let numbers: Vec<i128> = inside.iter().filter_map(Event::micros).collect();
            let sum = Decimal::from_micros(numbers.iter().sum());
            let holds = terms.conditions.iter().all(|c| c.holds(sum));
            (!numbers.is_empty() && holds).then_some(sum)
        })
    }
}
