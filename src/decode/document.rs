//! The common path: a whole, sound log file is parsed at once, and the elements of its `Records`
//! are handed to the sink from the tape. In comes the text (overwritten by the parser), out goes
//! what was found, refusals by number only: offsets are gone once the text is parsed. It knows
//! nothing of damage; a document that does not parse is left to `salvage`.

use simd_json::tape::{Array, Object, Value};

use super::RecordSink;
use super::parser::Parser;
use super::record::{Record, Source};
use super::reject::RejectReason;
use super::scan::is_space;
use super::shape::{RECORDS, is_notification};

/// Refused records that are held in memory.
const MAX_REFUSED: usize = 1 << 16;

/// What a parsed document held.
#[derive(Default)]
pub(super) struct Document {
    /// How many records were handed to the sink.
    pub(super) records: u64,
    /// The numbers of those that the sink refused, ascending.
    pub(super) refused: Vec<(u64, RejectReason)>,
    /// Whether there is a `Records` array, of events, that was read to its end.
    pub(super) whole: bool,
}

/// Whether `text` starts as a log file does.
pub(super) fn is_log_file(text: &[u8]) -> bool {
    let unspaced = |text: &'_ [u8]| text.iter().take_while(|byte| is_space(**byte)).count();
    let brace = unspaced(text);
    let inside = text.get(brace..).and_then(|rest| rest.strip_prefix(b"{")).unwrap_or_default();
    inside.get(unspaced(inside)..).is_some_and(|inside| inside.starts_with(br#""Records""#))
}

/// Parses the document in `text`, of which `pristine` is a copy if the sink wants one, and hands its
/// records to `sink`. `None`: it does not parse, and the sink saw nothing.
pub(super) fn read(
    parser: &mut Parser,
    text: &mut Vec<u8>,
    pristine: &[u8],
    sink: &mut impl RecordSink,
) -> Option<Document> {
    parser.parse(text, 0, |root, at| walk(root, Source::new(pristine, at), sink)).ok()
}

/// Hands the elements of every top-level `Records` array to the sink, in their order.
fn walk(root: Value<'_, '_>, source: Source<'_>, sink: &mut impl RecordSink) -> Document {
    let mut document = Document::default();
    for (key, value) in root.as_object().iter().flat_map(Object::iter) {
        if let Some(array) = value.as_array().filter(|_| key == RECORDS) {
            document.whole = document.take(&array, source, sink);
            if !document.whole {
                return document;
            }
        }
    }
    document
}

impl Document {
    /// Hands the elements of one array to the sink; says whether to go on.
    fn take(
        &mut self,
        array: &Array<'_, '_>,
        source: Source<'_>,
        sink: &mut impl RecordSink,
    ) -> bool {
        for record in array {
            if self.refused.len() >= MAX_REFUSED || self.records == 0 && is_notification(record) {
                return false;
            }
            if let Err(fault) = sink.record(self.records, Record::new(record, source)) {
                self.refused.push((self.records, fault.into()));
            }
            self.records += 1;
        }
        true
    }
}
