//! What a table keeps of the events of one key.

use std::sync::Arc;

use smallvec::SmallVec;

use super::measure::Measures;
use super::sketch::Sketch;

/// How many events a row names as evidence.
pub(super) const EVIDENCE: usize = 4;

/// Events of one rule within one pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
        let place = |event: &Self| (event.object_uri.clone(), event.record_number);
        self.event_time == other.event_time
            && self.event_id == other.event_id
            && (!self.event_id.is_empty() || place(self) == place(other))
    }
}

/// What findings need beside counts.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The values of each pane; absent in folds that measure none.
    pub measures: Option<Box<Measures>>,
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

    /// The details of both sets of events.
    pub fn merge(&mut self, other: &Self) {
        self.merge_summary(other);
        match (&mut self.measures, &other.measures) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (mine @ None, theirs) => mine.clone_from(theirs),
            (Some(_), None) => {}
        }
    }

    /// The details without the values of panes, which findings do not show.
    #[must_use]
    pub fn summary(&self) -> Self {
        let Self { first, last, bytes_in, bytes_out, .. } = *self;
        let (evidence, samples) = (self.evidence.clone(), self.samples.clone());
        Self { first, last, bytes_in, bytes_out, evidence, samples, measures: None }
    }

    /// The details of both sets of events, leaving the values of panes as they are.
    pub fn merge_summary(&mut self, other: &Self) {
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// Counts, sorted by (start, rule).
    pub panes: Panes,
    /// Absent in folds that only count.
    pub details: Option<Box<Details>>,
}

impl Row {
    /// About how much memory the row takes beyond its own size.
    pub(super) fn bytes(&self) -> usize {
        let details = self.details.as_ref().map_or(0, |details| {
            size_of::<Details>() + details.samples.iter().map(Sketch::bytes).sum::<usize>()
        });
        self.panes.len() * size_of::<Pane>() + details
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
        match (&mut self.details, other.details) {
            (Some(mine), Some(theirs)) => mine.merge(&theirs),
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
    }
}
