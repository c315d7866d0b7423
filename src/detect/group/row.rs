//! What a table keeps of the events of one key.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::details::Details;
use super::lazy_details::LazyDetails;
use super::measure::Measures;

/// Events of one rule within one pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pane {
    /// Start, seconds since the epoch.
    pub start: i64,
    /// Position of the rule in the fold.
    pub rule: u16,
    /// Calls that succeeded.
    pub ok: u64,
    /// Calls that failed.
    pub failed: u64,
}

impl Pane {
    /// All calls.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ok + self.failed
    }

    fn order(&self) -> (i64, u16) {
        (self.start, self.rule)
    }
}

/// Counts, sorted by (start, rule); most rows have one.
pub type Panes = SmallVec<[Pane; 1]>;

/// Adds counts. Returns whether a pane was added.
pub(super) fn add_pane(panes: &mut Panes, pane: Pane) -> bool {
    // Events come nearly in order, so the place is mostly the end.
    if panes.last().is_none_or(|last| last.order() < pane.order()) {
        panes.push(pane);
        return true;
    }
    match panes.binary_search_by_key(&pane.order(), Pane::order) {
        Ok(at) => {
            if let Some(found) = panes.get_mut(at) {
                found.ok = found.ok.saturating_add(pane.ok);
                found.failed = found.failed.saturating_add(pane.failed);
            }
            false
        }
        Err(at) => {
            panes.insert(at, pane);
            true
        }
    }
}

/// The events of one key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// Counts, sorted by (start, rule).
    pub panes: Panes,
    /// The values of each pane; absent in folds that measure none.
    pub measures: Option<Box<Measures>>,
    pub(super) details: LazyDetails,
}

impl Row {
    /// A row that measures nothing; `details` are absent in folds that only count.
    #[must_use]
    pub fn new(panes: Panes, details: Option<Details>) -> Self {
        Self { panes, measures: None, details: details.into() }
    }

    /// What findings need beside counts; absent in folds that only count.
    #[must_use]
    pub fn details(&self) -> Option<&Details> {
        self.details.get()
    }

    /// The details, to be changed.
    pub fn details_mut(&mut self) -> Option<&mut Details> {
        self.details.get_mut()
    }

    /// Sum of `bytesTransferredOut`.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.details.bytes_out()
    }

    /// About how much memory the row takes beyond its own size.
    pub(super) fn bytes(&self) -> usize {
        let measures = self.measures.as_ref().map_or(0, |measures| measures.bytes());
        size_of_val(self.panes.as_slice()) + measures + self.details.bytes()
    }

    /// Whether it is the mark of a day on which a diffuse entity was seen: no event gives such a
    /// row.
    #[must_use]
    pub fn is_mark(&self) -> bool {
        self.panes.is_empty() && self.details.is_none()
    }

    /// Adds counts. Returns whether a pane was added.
    pub fn add(&mut self, pane: Pane) -> bool {
        add_pane(&mut self.panes, pane)
    }

    /// The row of both sets of events.
    pub fn merge(&mut self, other: Self) {
        for pane in other.panes {
            self.add(pane);
        }
        match (&mut self.measures, other.measures) {
            (Some(mine), Some(theirs)) => mine.merge(&theirs),
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
        self.details.merge(other.details);
    }
}
