//! `event_count`: Sigma's correlation. The entity has so many events within a sliding window.

use super::sliding::{self, Gauge, Moment, Reading};
use super::{Judge, Terms};
use crate::detect::group::{Decimal, Grain, Pane};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "event_count",
    grain: |terms| Grain::sliding(terms.timespan),
    measure: |_| None,
    judge: |terms, groups, _| sliding::judge(terms, groups, EventCount(0)),
    #[cfg(test)]
    oracle: oracle::event_count,
};

/// The events in the window.
struct EventCount(u64);

fn count(moment: &Moment<'_>) -> u64 {
    moment.panes.iter().map(Pane::count).sum()
}

impl Gauge for EventCount {
    fn enter(&mut self, moment: &Moment<'_>) {
        self.0 = self.0.saturating_add(count(moment));
    }

    fn leave(&mut self, moment: &Moment<'_>) {
        self.0 = self.0.saturating_sub(count(moment));
    }

    fn read(&mut self, terms: &Terms, _: i64) -> Option<Reading> {
        Some(Reading::of(terms, Decimal::whole(self.0)))
    }

    fn words(&self, _: &Terms, _: &Reading) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod oracle {
    use crate::detect::group::Decimal;
    use crate::detect::judge::{History, Terms};
    use crate::detect::laws::{Event, Verdict, every_window};

    /// Counts the events of every window.
    pub(super) fn event_count(terms: &Terms, events: &[Event], _: &History<'_>) -> Vec<Verdict> {
        every_window(terms, events, |inside| {
            let count = Decimal::whole(inside.len() as u64);
            terms.conditions.iter().all(|c| c.holds(count)).then_some(count)
        })
    }
}
