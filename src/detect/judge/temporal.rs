//! `temporal`: Sigma's correlation. Several rules have events of the entity within a sliding
//! window, in any order: all of them, so many different ones, or those that an expression names.

use std::collections::BTreeMap;

use super::sliding::{self, Gauge, Moment, Reading};
use super::{Judge, Terms, Way};
use crate::detect::group::{Decimal, Grain};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "temporal",
    grain: |terms| Grain::sliding(terms.timespan),
    measure: |_| None,
    judge: |terms, groups, _| sliding::judge(terms, groups, Temporal(Present::default())),
    #[cfg(test)]
    oracle: oracle::temporal,
};

/// In how many panes of the window each rule has events.
#[derive(Debug, Default)]
pub(super) struct Present(BTreeMap<usize, usize>);

impl Present {
    pub(super) fn enter(&mut self, moment: &Moment<'_>) {
        for pane in moment.panes {
            *self.0.entry(usize::from(pane.rule)).or_default() += 1;
        }
    }

    pub(super) fn leave(&mut self, moment: &Moment<'_>) {
        for pane in moment.panes {
            let rule = usize::from(pane.rule);
            if let Some(panes) = self.0.get_mut(&rule) {
                *panes -= 1;
                if *panes == 0 {
                    self.0.remove(&rule);
                }
            }
        }
    }

    /// Whether the rule has events.
    pub(super) fn has(&self, rule: usize) -> bool {
        self.0.contains_key(&rule)
    }
}

/// The rules with events in the window.
struct Temporal(Present);

impl Gauge for Temporal {
    fn enter(&mut self, moment: &Moment<'_>) {
        self.0.enter(moment);
    }

    fn leave(&mut self, moment: &Moment<'_>) {
        self.0.leave(moment);
    }

    fn read(&mut self, terms: &Terms, _: i64) -> Option<Reading> {
        let reading = Reading::of(terms, Decimal::whole(self.0.0.len() as u64));
        let Some(pattern) = &terms.pattern else { return Some(reading) };
        let has = |rule: &usize| self.0.has(*rule);
        let taken = |way: &Way| way.present.iter().all(has) && !way.absent.iter().any(has);
        Some(Reading { holds: pattern.ways.iter().any(taken), ..reading })
    }

    fn words(&self, terms: &Terms, peak: &Reading) -> Option<String> {
        let rules = terms.counted.iter().filter(|counted| **counted).count();
        Some(format!("{} of {rules} rules", peak.number))
    }
}

#[cfg(test)]
mod oracle {
    use std::collections::BTreeSet;

    use crate::detect::group::Decimal;
    use crate::detect::judge::{History, Terms};
    use crate::detect::laws::{Event, Verdict, every_window};

    /// Collects the rules of every window.
    pub(super) fn temporal(terms: &Terms, events: &[Event], _: &History<'_>) -> Vec<Verdict> {
        every_window(terms, events, |inside| {
            let rules: BTreeSet<usize> = inside.iter().map(|event| event.rule).collect();
            let number = Decimal::whole(rules.len() as u64);
            let holds = match &terms.pattern {
                None => terms.conditions.iter().all(|c| c.holds(number)),
                Some(pattern) => pattern.ways.iter().any(|way| {
                    way.present.iter().all(|rule| rules.contains(rule))
                        && way.absent.iter().all(|rule| !rules.contains(rule))
                }),
            };
            holds.then_some(number)
        })
    }
}
