//! `temporal_ordered`: Sigma's correlation. Several rules have events of the entity within a
//! sliding window, in the order in which they are listed: all of them, so many different ones, or
//! those that an expression names. Events of one pane stand in either order.

use super::sliding::{self, Gauge, Moment, Reading};
use super::temporal::Present;
use super::{Judge, Terms, Way};
use crate::detect::group::{Decimal, Grain};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "temporal_ordered",
    grain: |terms| Grain::sliding(terms.timespan),
    measure: |_| None,
    judge: |terms, groups, _| sliding::judge(terms, groups, Ordered::new(terms)),
    #[cfg(test)]
    oracle: oracle::temporal_ordered,
};

/// The chains of events in order that end by now.
struct Ordered {
    present: Present,
    /// Per rule and length − 1: the latest begin of a chain of so many rules that ends with it.
    chains: Vec<Vec<Option<i64>>>,
    ways: Vec<Follow>,
}

/// How far a way has been followed.
struct Follow {
    way: Way,
    /// Per step: the latest begin of a chain up to it.
    begins: Vec<Option<i64>>,
}

impl Ordered {
    fn new(terms: &Terms) -> Self {
        let rules = terms.counted.iter().filter(|counted| **counted).count();
        let ways = terms.pattern.iter().flat_map(|pattern| pattern.ways.clone());
        let follow = |way: Way| Follow { begins: vec![None; way.present.len()], way };
        Self {
            present: Present::default(),
            chains: vec![vec![None; rules]; rules],
            ways: ways.map(follow).collect(),
        }
    }

    /// Lengthens the chains by the rule's event at `start`. Rules come in the order of the list.
    fn lengthen(&mut self, rule: usize, start: i64) {
        let mut longer = vec![Some(start)];
        let lengths = self.chains.len().saturating_sub(1);
        longer.extend((0..lengths).map(|length| {
            let earlier = self.chains.iter().take(rule);
            earlier.filter_map(|chains| chains.get(length).copied().flatten()).max()
        }));
        if let Some(chains) = self.chains.get_mut(rule) {
            *chains = longer;
        }
    }

    /// The most different rules in order of a window that begins at `since`.
    fn longest(&self, since: i64) -> usize {
        let inside = |begin: &Option<i64>| begin.is_some_and(|begin| begin >= since);
        let length =
            |chains: &Vec<Option<i64>>| chains.iter().rposition(inside).map_or(0, |n| n + 1);
        self.chains.iter().map(length).max().unwrap_or(0)
    }
}

impl Follow {
    fn step(&mut self, rule: usize, start: i64) {
        let Some(step) = self.way.present.iter().position(|wanted| *wanted == rule) else { return };
        let before = step.checked_sub(1).map(|before| self.begins.get(before).copied().flatten());
        if let Some(begin) = self.begins.get_mut(step) {
            *begin = before.unwrap_or(Some(start)).or(*begin);
        }
    }

    fn holds(&self, since: i64, present: &Present) -> bool {
        let begin = self.begins.last().copied().unwrap_or(Some(since));
        let absent = !self.way.absent.iter().any(|rule| present.has(*rule));
        absent && begin.is_some_and(|begin| begin >= since)
    }
}

impl Gauge for Ordered {
    fn enter(&mut self, moment: &Moment<'_>) {
        self.present.enter(moment);
        for pane in moment.panes {
            let rule = usize::from(pane.rule);
            self.lengthen(rule, moment.start);
            self.ways.iter_mut().for_each(|way| way.step(rule, moment.start));
        }
    }

    fn leave(&mut self, moment: &Moment<'_>) {
        self.present.leave(moment);
    }

    fn read(&mut self, terms: &Terms, since: i64) -> Option<Reading> {
        let reading = Reading::of(terms, Decimal::whole(self.longest(since) as u64));
        if terms.pattern.is_none() {
            return Some(reading);
        }
        let holds = self.ways.iter().any(|way| way.holds(since, &self.present));
        Some(Reading { holds, ..reading })
    }

    fn words(&self, terms: &Terms, peak: &Reading) -> Option<String> {
        let rules = terms.counted.iter().filter(|counted| **counted).count();
        Some(format!("{} of {rules} rules in order", peak.number))
    }
}

#[cfg(test)]
mod oracle {
    use crate::detect::group::Decimal;
    use crate::detect::judge::{History, Terms};
    use crate::detect::laws::{Event, Verdict, every_window};

    /// Whether the rules have events one after the other.
    fn in_order(events: &[Event], rules: &[usize], from: i64) -> bool {
        let Some((first, rest)) = rules.split_first() else { return true };
        let next = events.iter().find(|event| event.rule == *first && event.time >= from);
        next.is_some_and(|event| in_order(events, rest, event.time))
    }

    /// Tries every selection of rules in every window.
    pub(super) fn temporal_ordered(
        terms: &Terms,
        events: &[Event],
        _: &History<'_>,
    ) -> Vec<Verdict> {
        let rules: Vec<usize> = (0..terms.counted.len()).filter(|r| terms.counted[*r]).collect();
        let chosen = |bits: usize| -> Vec<usize> {
            rules.iter().copied().filter(|rule| bits & (1 << rule) != 0).collect()
        };
        every_window(terms, events, |inside| {
            let orders = (0..1 << rules.len()).map(chosen);
            let orders: Vec<_> = orders.filter(|o| in_order(inside, o, i64::MIN)).collect();
            let number = Decimal::whole(orders.iter().map(Vec::len).max()? as u64);
            let has = |rule: &usize| inside.iter().any(|event| event.rule == *rule);
            let holds = match &terms.pattern {
                None => terms.conditions.iter().all(|c| c.holds(number)),
                Some(pattern) => pattern
                    .ways
                    .iter()
                    .any(|way| orders.contains(&way.present) && !way.absent.iter().any(has)),
            };
            holds.then_some(number)
        })
    }
}
