//! The common path: a whole, sound document is parsed at once, and the elements of its `Records`
//! are handed to the sink from the tape. In comes the text (overwritten by the parser), out goes
//! what was found, refusals by number only: offsets are gone once the text is parsed. It knows
//! nothing of damage; a document that does not parse is left to `salvage`.

use simd_json::tape::{Array, Object, Value};

use super::RecordSink;
use super::envelope::{Keys, RECORDS, is_notification};
use super::outcome::{FailReason, Other, Outcome};
use super::parser::Parser;
use super::reject::RecordFault;

/// What a parsed document held.
pub(super) struct Document {
    /// What it was.
    pub(super) outcome: Outcome,
    /// How many records were handed to the sink.
    pub(super) records: u64,
    /// The numbers of those that the sink refused, ascending.
    pub(super) refused: Vec<(u64, RecordFault)>,
}

/// Parses the document that starts at `start` of `text` and hands its records to `sink`, but stops
/// once `max_refused` of them were refused. `None`: it does not parse, and the sink saw nothing.
pub(super) fn read(
    parser: &mut Parser,
    text: &mut Vec<u8>,
    start: usize,
    max_refused: usize,
    sink: &mut impl RecordSink,
) -> Option<Document> {
    parser.parse(text, start, |root| walk(root, max_refused, sink)).ok()
}

/// Hands the elements of every top-level `Records` array to the sink, in their order.
fn walk(root: Value<'_, '_>, max_refused: usize, sink: &mut impl RecordSink) -> Document {
    let mut document = Document { outcome: Outcome::Read, records: 0, refused: Vec::new() };
    let mut found = false;
    let mut keys = Keys::default();
    for (key, value) in root.as_object().iter().flat_map(Object::iter) {
        match value.as_array() {
            Some(array) if key == RECORDS => {
                found = true;
                if !document.take(&array, max_refused, sink) {
                    return document;
                }
            }
            _ => keys.add(key.as_bytes()),
        }
    }
    if !found {
        document.outcome = keys.outcome();
    }
    document
}

impl Document {
    /// Hands the elements of one array to the sink; says whether to go on.
    fn take(
        &mut self,
        array: &Array<'_, '_>,
        max_refused: usize,
        sink: &mut impl RecordSink,
    ) -> bool {
        for record in array {
            if self.records == 0 && is_notification(record) {
                self.outcome = Outcome::Failed(FailReason::NotCloudTrail(Other::Notifications));
                return false;
            }
            if self.refused.len() >= max_refused {
                return false;
            }
            if let Err(fault) = sink.record(self.records, record) {
                self.refused.push((self.records, fault));
            }
            self.records += 1;
        }
        true
    }
}
