//! What a table keeps of the events of one key.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::lazy_details::LazyDetails;
use super::measure::Measures;
use super::sketch::Sketch;

/// How many events a row names as evidence.
pub(super) const EVIDENCE: usize = 4;

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

/// Where to find an event: ordered by time, id and place, so the choice of evidence depends on the
/// set of events alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// µs since the epoch.
    pub event_time: i64,
    /// `eventID`; empty in version 1.0 records.
    pub event_id: Arc<str>,
    /// The log object.
    pub object_uri: Arc<str>,
    /// The record's position in the object, counted from 0.
    pub record_number: u64,
}

impl Evidence {
    /// Whether both tell of one event; events without id are told apart by their place.
    pub(super) fn is_same_event(&self, other: &Self) -> bool {
        let is_place_same =
            || self.object_uri == other.object_uri && self.record_number == other.record_number;
        self.event_time == other.event_time
            && self.event_id == other.event_id
            && (!self.event_id.is_empty() || is_place_same())
    }
}

/// What findings need beside counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Details {
    /// Time of the first event, µs.
    pub first: i64,
    /// Time of the last event, µs.
    pub last: i64,
    /// Sum of `bytesTransferredIn`.
    pub bytes_in: u64,
    /// Sum of `bytesTransferredOut`.
    pub bytes_out: u64,
    /// The smallest events by (time, id).
    pub evidence: Vec<Evidence>,
    /// One sample per sampled field of the fold.
    pub samples: Vec<Sketch>,
}

impl Details {
    /// Adds an event to the evidence; of copies of an event the first place is named.
    pub fn witness(&mut self, event: &Evidence) {
        let is_copy = |known: &Evidence| known.is_same_event(event);
        match self.evidence.iter().position(is_copy).and_then(|at| self.evidence.get_mut(at)) {
            Some(known) if *event < *known => *known = event.clone(),
            Some(_) => {}
            None => {
                let at = self.evidence.partition_point(|known| known < event);
                if at < EVIDENCE {
                    self.evidence.insert(at, event.clone());
                    self.evidence.truncate(EVIDENCE);
                }
            }
        }
    }

    /// About how much memory they take.
    pub(super) fn bytes(&self) -> usize {
        let evidence = self.evidence.len() * size_of::<Evidence>();
        size_of::<Self>() + evidence + self.samples.iter().map(Sketch::bytes).sum::<usize>()
    }

    /// The details of both sets of events.
    pub fn merge(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        other.evidence.iter().for_each(|event| self.witness(event));
        for (mine, theirs) in self.samples.iter_mut().zip(&other.samples) {
            mine.merge(theirs);
        }
    }
}

/// The events of one key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
