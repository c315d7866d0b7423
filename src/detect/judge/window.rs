//! Sliding windows over panes, both ends inclusive.

use crate::detect::group::{Groups, Pane};

use super::{Count, Terms};

/// A comparison of Sigma's correlation conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "Sigma's own names")]
pub enum Operator {
    Lt,
    Lte,
    Gt,
    Gte,
    Eq,
    Neq,
}

/// `gte: 50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// The comparison.
    pub operator: Operator,
    /// What is compared with.
    pub value: u64,
}

impl Condition {
    /// Whether the count satisfies it.
    #[must_use]
    pub fn holds(&self, count: u64) -> bool {
        match self.operator {
            Operator::Lt => count < self.value,
            Operator::Lte => count <= self.value,
            Operator::Gt => count > self.value,
            Operator::Gte => count >= self.value,
            Operator::Eq => count == self.value,
            Operator::Neq => count != self.value,
        }
    }
}

/// A window that satisfies the conditions; panes are given by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// First pane.
    pub from: usize,
    /// Last pane: the one in which the judge fires.
    pub to: usize,
    /// Counted events in it.
    pub count: u64,
}

/// The panes that count: those of counted rules without an `unless` event within the timespan,
/// before or after.
pub(super) fn counted_panes(terms: &Terms, groups: &Groups) -> Vec<Pane> {
    let flag = |flags: &[bool], pane: &Pane| flags.get(usize::from(pane.rule)) == Some(&true);
    let all = || groups.rows.iter().flat_map(|(_, row)| &row.panes);
    let spoilers: Vec<i64> =
        all().filter(|pane| flag(&terms.unless, pane)).map(|pane| pane.start).collect();
    let spoiled = |pane: &Pane| {
        let next = spoilers.partition_point(|spoiler| *spoiler < pane.start - terms.timespan);
        spoilers.get(next).is_some_and(|spoiler| *spoiler <= pane.start + terms.timespan)
    };
    all().filter(|pane| flag(&terms.counted, pane) && !spoiled(pane)).copied().collect()
}

/// Every window that ends with an event and satisfies the conditions. Cost is linear in the panes.
pub(super) fn windows(terms: &Terms, panes: &[Pane]) -> Vec<Window> {
    let mut found = Vec::new();
    let (mut from, mut to, mut count) = (0, 0, 0u64);
    for same in panes.chunk_by(|a, b| a.start == b.start) {
        let Some(end) = same.first().map(|pane| pane.start) else { continue };
        to += same.len();
        count += same.iter().map(Pane::count).sum::<u64>();
        while let Some(first) = panes.get(from).filter(|pane| end - pane.start > terms.timespan) {
            count -= first.count();
            from += 1;
        }
        if terms.conditions.iter().all(|condition| condition.holds(count)) {
            found.push(Window { from, to: to - 1, count });
        }
    }
    found
}

/// Counts per rule over the union of the windows.
pub(super) fn counts(terms: &Terms, panes: &[Pane], windows: &[Window]) -> Vec<Count> {
    let mut counts = vec![Count::default(); terms.counted.len()];
    let mut next = 0;
    for window in windows {
        for pane in panes.iter().take(window.to + 1).skip(window.from.max(next)) {
            if let Some(count) = counts.get_mut(usize::from(pane.rule)) {
                count.ok = count.ok.saturating_add(pane.ok);
                count.failed = count.failed.saturating_add(pane.failed);
            }
        }
        next = window.to + 1;
    }
    counts
}
