//! `value_avg`: Sigma's correlation. The mean of a field of the entity's events within a sliding
//! window. The comparison is exact; the mean that is shown is cut after six places.

use super::sliding::{self, Gauge, Moment, Reading};
use super::value_sum::Total;
use super::{Judge, Terms};
use crate::detect::group::{Decimal, Grain, MeasureKind};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "value_avg",
    grain: |terms| Grain::sliding(terms.timespan),
    measure: |_| Some(MeasureKind::Sum),
    judge: |terms, groups, _| sliding::judge(terms, groups, ValueAvg(Total::default())),
    #[cfg(test)]
    oracle: oracle::value_avg,
};

/// The mean of the window's numbers.
struct ValueAvg(Total);

impl Gauge for ValueAvg {
    fn enter(&mut self, moment: &Moment<'_>) {
        self.0.enter(moment);
    }

    fn leave(&mut self, moment: &Moment<'_>) {
        self.0.leave(moment);
    }

    fn read(&mut self, terms: &Terms, _: i64) -> Option<Reading> {
        let Total { sum, count, skipped } = self.0;
        let mean = sum.micros().checked_div(i128::from(count))?;
        let holds = terms.conditions.iter().all(|condition| condition.holds_ratio(sum, count));
        Some(Reading { number: Decimal::from_micros(mean), holds, about: false, skipped })
    }

    fn words(&self, terms: &Terms, peak: &Reading) -> Option<String> {
        Some(format!("a mean of {} of {}", peak.number, terms.field))
    }
}

#[cfg(test)]
mod oracle {
    use crate::detect::group::Decimal;
    use crate::detect::judge::{History, Operator, Terms};
    use crate::detect::laws::{Event, Verdict, every_window};

    /// The mean of the numbers of every window, compared as a fraction.
    pub(super) fn value_avg(terms: &Terms, events: &[Event], _: &History<'_>) -> Vec<Verdict> {
        every_window(terms, events, |inside| {
            let numbers: Vec<i128> = inside.iter().filter_map(Event::micros).collect();
            let (sum, count) = (numbers.iter().sum::<i128>(), numbers.len() as i128);
            let holds = terms.conditions.iter().all(|condition| {
                let bound = condition.value.micros() * count;
                match condition.operator {
                    Operator::Lt => sum < bound,
                    Operator::Lte => sum <= bound,
                    Operator::Gt => sum > bound,
                    Operator::Gte => sum >= bound,
                    Operator::Eq => sum == bound,
                    Operator::Neq => sum != bound,
                }
            });
            (count > 0 && holds).then(|| Decimal::from_micros(sum / count))
        })
    }
}
