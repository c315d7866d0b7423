//! Bytes → records. In comes one stored object (its name and bytes), out go its records, one call
//! of a [`RecordSink`] each, and an account of everything that could not be read: which object,
//! which record, at which byte, and why.
//!
//! A sound document is parsed at once (`document`); anything else is scanned for the boundaries of
//! its records and parsed record by record (`salvage`), so that bad bytes cost only the record
//! they are in. This room knows no rules and no columns, and nothing of a record beyond what tells
//! an event from other JSON.

mod document;
mod envelope;
mod inflate;
mod outcome;
mod parser;
mod reject;
mod repair;
mod resync;
mod salvage;
mod scan;
#[cfg(test)]
mod tests;

pub use outcome::{Damage, FailReason, Other, Outcome, SkipReason};
pub use reject::{RecordFault, RejectReason, Rejected};

use inflate::{Inflater, MAX_LAYERS, Unpacked};
use parser::Parser;
use salvage::{max_rejected, salvage};

/// Bounds that keep hostile input from eating the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that one object may inflate to, per layer of gzip.
    pub inflated_bytes: u64,
    /// The longest document that is parsed at once; longer ones are parsed record by record, since
    /// a tape is larger than its text.
    pub document_bytes: usize,
    /// The longest record, in bytes, of those that are parsed one by one.
    pub record_bytes: usize,
    /// The most levels of nesting in one record; the record itself is the first.
    pub depth: usize,
}

impl Default for Limits {
    /// 1 GiB inflated, 16 MiB at once, 16 MiB per record, 128 levels.
    fn default() -> Self {
        Self {
            inflated_bytes: 1 << 30,
            document_bytes: 16 << 20,
            record_bytes: 16 << 20,
            depth: 128,
        }
    }
}

/// What takes the records: implemented by the event batch builder.
pub trait RecordSink {
    /// Takes record `number` (counted from 0 as in `.Records[n]`).
    ///
    /// # Errors
    /// [`RecordFault`] if the record is of no use; it then leaves nothing behind in the sink.
    fn record(
        &mut self,
        number: u64,
        record: simd_json::tape::Value<'_, '_>,
    ) -> Result<(), RecordFault>;
}

/// The account of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// What became of it as a whole.
    pub outcome: Outcome,
    /// Records seen: those that the sink took, and [`Decoded::rejected`].
    pub records: u64,
    /// The pieces given up, by ascending record number.
    pub rejected: Vec<Rejected>,
    /// How many bytes there were after inflating.
    pub inflated_bytes: u64,
    /// How many gzip members there were in the layer that has most; 0: not gzip.
    pub gzip_members: u32,
}

/// Decodes objects one after the other with the same memory: one per worker thread.
pub struct Decoder {
    limits: Limits,
    inflater: Inflater,
    /// Parses whole documents, in which a record is two levels down.
    documents: Parser,
    /// Parses single records.
    records: Parser,
}

impl Decoder {
    /// A decoder that keeps to `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            documents: Parser::new(limits.depth.saturating_add(2)),
            records: Parser::new(limits.depth),
            inflater: Inflater::new(),
            limits,
        }
    }

    /// Reads one object and hands its records to `sink`. `name` tells whether the object claims to
    /// be a log (`.json`, `.gz`, … whatever the case); `stored` are its stored bytes.
    pub fn decode(&mut self, name: &str, stored: &[u8], sink: &mut impl RecordSink) -> Decoded {
        if !envelope::named_as_log(name) && !self.is_shaped_as_log(stored) {
            return Decoded::without_records(Outcome::Skipped(SkipReason::NotALog));
        }
        let unpacked = self.inflater.unpack(stored, self.limits.inflated_bytes);
        let inflated = if unpacked.layers == 0 { stored } else { &self.inflater.bytes };
        let inflated_bytes = inflated.len() as u64;
        let mut decoded = match object_start(inflated, &unpacked) {
            Err(reason) => Decoded::without_records(Outcome::Failed(reason)),
            Ok(start) => self.document(stored, &unpacked, start, sink),
        };
        if let (Outcome::Read | Outcome::Partial(_), Some(damage)) =
            (&decoded.outcome, unpacked.damage)
        {
            decoded.outcome = Outcome::Partial(damage);
        }
        self.inflater.shrink();
        Decoded { inflated_bytes, gzip_members: unpacked.members, ..decoded }
    }

    /// Whether the first bytes look like a log.
    fn is_shaped_as_log(&mut self, stored: &[u8]) -> bool {
        let unpacked = self.inflater.unpack(stored, envelope::SHAPE_BYTES as u64);
        let start = if unpacked.layers == 0 { stored } else { &self.inflater.bytes };
        envelope::shaped_as_log(start)
    }

    /// Reads the document that starts at `start` of the unpacked bytes: at once if it is whole and
    /// not too large, else, or if the parser or the sink objects, record by record.
    fn document(
        &mut self,
        stored: &[u8],
        unpacked: &Unpacked,
        start: usize,
        sink: &mut impl RecordSink,
    ) -> Decoded {
        let text = &mut self.inflater.bytes;
        let length = if unpacked.layers == 0 { stored.len() } else { text.len() };
        if unpacked.is_cut() || length - start > self.limits.document_bytes {
            return self.salvage(stored, unpacked.layers, start, &self.limits.clone(), sink);
        }
        if unpacked.layers == 0 {
            text.extend_from_slice(stored);
        }
        let whole = document::read(&mut self.documents, text, start, max_rejected(length), sink);
        if whole.as_ref().is_none_or(|document| !document.refused.is_empty()) {
            // The parser has overwritten the text.
            self.inflater.unpack(stored, self.limits.inflated_bytes);
        }
        match whole {
            None => self.salvage(stored, unpacked.layers, start, &self.limits.clone(), sink),
            Some(document) if document.refused.is_empty() => {
                Decoded { records: document.records, ..Decoded::without_records(document.outcome) }
            }
            Some(document) => {
                let limits = Limits { record_bytes: usize::MAX, ..self.limits.clone() };
                let mut replay = Replay(document.refused.into_iter().peekable());
                self.salvage(stored, unpacked.layers, start, &limits, &mut replay)
            }
        }
    }

    /// Reads the unpacked bytes from `start` on record by record.
    fn salvage(
        &mut self,
        stored: &[u8],
        layers: u32,
        start: usize,
        limits: &Limits,
        sink: &mut impl RecordSink,
    ) -> Decoded {
        let bytes = if layers == 0 { stored } else { &self.inflater.bytes };
        let salvaged = salvage(bytes, start, limits, &mut self.records, sink);
        Decoded {
            records: salvaged.records,
            rejected: salvaged.rejected,
            ..Decoded::without_records(salvaged.outcome)
        }
    }
}

impl Decoded {
    fn without_records(outcome: Outcome) -> Self {
        Self { outcome, records: 0, rejected: Vec::new(), inflated_bytes: 0, gzip_members: 0 }
    }
}

/// Where the JSON object starts in what was unpacked, or why there is none.
fn object_start(inflated: &[u8], unpacked: &Unpacked) -> Result<usize, FailReason> {
    match &unpacked.damage {
        Some(Damage::CorruptGzip(what)) if inflated.is_empty() => Err(FailReason::BrokenGzip(what)),
        Some(Damage::TruncatedGzip) if inflated.is_empty() => {
            Err(FailReason::BrokenGzip("truncated"))
        }
        _ if inflate::is_gzip(inflated) => Err(FailReason::TooManyLayers(MAX_LAYERS)),
        _ => envelope::object_start(inflated),
    }
}

/// Refuses again, for the same reasons, what the real sink refused, and takes all else: so the
/// places of refused records are found by reading the same document once more.
struct Replay(std::iter::Peekable<std::vec::IntoIter<(u64, RecordFault)>>);

impl RecordSink for Replay {
    fn record(
        &mut self,
        number: u64,
        _: simd_json::tape::Value<'_, '_>,
    ) -> Result<(), RecordFault> {
        self.0.next_if(|(refused, _)| *refused == number).map_or(Ok(()), |(_, fault)| Err(fault))
    }
}
