//! What findings need of the events of a row beside counts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::sketch::Sketch;

/// How many events a row names as evidence.
pub(super) const EVIDENCE: usize = 4;

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
