//! Bytes → records. In comes one stored object (its name and bytes, whole or as a stream), out go
//! its records, one call of a [`RecordSink`] each, and an account of everything that could not be
//! read: which object, which record, at which byte, and why.
//!
//! A sound log file is parsed at once (`document`). Everything else is a stream of JSON values
//! (`salvage`), each of which is parsed at once if it is sound, else piece by piece, so that bad
//! bytes cost only the record they are in; what tools put around events is taken off (`shape`,
//! `leaves`); tables are read row by row (`table`). This room knows no rules and no columns, and
//! nothing of a record beyond what tells an event from other JSON.

mod document;
mod envelope;
mod lake;
mod leaves;
mod outcome;
mod parser;
mod pieces;
mod presto;
mod record;
mod reject;
mod repair;
mod resync;
mod salvage;
mod scan;
mod shape;
mod table;
mod taken;
#[cfg(test)]
mod tests;
mod window;

use std::borrow::Cow;
use std::io::Read;
use std::time::{Duration, Instant};

use encoding_rs_io::DecodeReaderBytesBuilder;

pub use outcome::{Damage, FailReason, Left, Other, Outcome, SkipReason};
pub use record::Record;
pub use reject::{RecordFault, RejectReason, Rejected};

use crate::codec::{
    self, Content, HEAD_BYTES, Inflater, MAX_LAYERS, UnpackLimits, Unpacker, sniff,
};
use leaves::Unwrapper;
use parser::{Parser, parse_repaired};
use salvage::{Salvage, Tools};
use scan::Scanner;
use taken::Replay;
use window::Window;

/// Bounds that keep hostile input from eating the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that one object may inflate to.
    pub inflated_bytes: u64,
    /// How many times its stored size an object may inflate to, beyond 64 MiB.
    pub ratio: u64,
    /// The most bytes of an object that are held in memory at once; what inflates to more is read
    /// as a stream.
    pub whole_bytes: u64,
    /// The longest value that is parsed at once; longer ones are parsed record by record, since
    /// a tape is larger than its text.
    pub document_bytes: usize,
    /// The longest record, in bytes.
    pub record_bytes: usize,
    /// The most levels of nesting in one record; the record itself is the first.
    pub depth: usize,
}

impl Default for Limits {
    /// 256 GiB inflated, 200 times the stored size, 64 MiB held whole, 16 MiB at once, 16 MiB per
    /// record, 128 levels.
    fn default() -> Self {
        Self {
            inflated_bytes: 256 << 30,
            ratio: 200,
            whole_bytes: 64 << 20,
            document_bytes: 16 << 20,
            record_bytes: 16 << 20,
            depth: 128,
        }
    }
}

impl Limits {
    /// The longest value that is parsed at once: no record in it can be longer.
    fn at_once(&self) -> usize {
        self.document_bytes.min(self.record_bytes)
    }

    /// The most bytes that are unpacked in memory.
    fn in_memory(&self) -> u64 {
        self.whole_bytes.min(self.inflated_bytes)
    }

    /// What unpacking keeps to.
    #[must_use]
    pub fn unpack(&self) -> UnpackLimits {
        UnpackLimits { bytes: self.inflated_bytes, ratio: self.ratio }
    }
}

/// What takes the records: implemented by the event batch builder.
pub trait RecordSink {
    /// Whether it looks at the [texts](Record::text) of records: they are not kept otherwise.
    fn wants_texts(&self) -> bool {
        false
    }

    /// Takes record `number` (counted from 0 in the object, as in `.Records[n]`).
    ///
    /// # Errors
    /// [`RecordFault`] if the record is of no use; it then leaves nothing behind in the sink.
    fn record(&mut self, number: u64, record: Record<'_, '_, '_>) -> Result<(), RecordFault>;
}

/// The account of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// What became of it as a whole.
    pub outcome: Outcome,
    /// Records seen: those that the sink took, [`Decoded::rejected`] and [`Decoded::unlisted`].
    pub records: u64,
    /// The pieces given up, by ascending record number; the first 10,000 of them.
    pub rejected: Vec<Rejected>,
    /// How many more pieces were given up.
    pub unlisted: u64,
    /// How many bytes there were after inflating.
    pub inflated_bytes: u64,
}

/// What is no log itself, but holds what logs hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// Possibly compressed.
    Tar,
    /// Possibly compressed.
    Zip,
    /// Possibly events as `trailsift convert` writes them, with the places that they came from.
    Parquet,
}

/// Whose word it is that an object is a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The user's: it is an input itself.
    Given,
    /// That of its name, or else of its content.
    Found,
}

/// Decodes objects one after the other with the same memory: one per worker thread.
pub struct Decoder {
    limits: Limits,
    inflater: Inflater,
    /// Parses whole values, in which a record may be two levels down.
    documents: Parser,
    /// Parses single records.
    records: Parser,
    unwrapper: Unwrapper,
    /// A document as it was before it was parsed in place, for sinks that want its text.
    pristine: Vec<u8>,
    /// Time spent unpacking what is in memory.
    unpacking: Duration,
}

impl Decoder {
    /// A decoder that keeps to `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            documents: Parser::new(limits.depth.saturating_add(2)),
            records: Parser::new(limits.depth),
            unwrapper: Unwrapper::new(limits.depth),
            inflater: Inflater::default(),
            pristine: Vec::new(),
            unpacking: Duration::ZERO,
            limits,
        }
    }

    /// Time that [`decode`](Self::decode) has spent unpacking since this was last asked; none if
    /// nothing was packed.
    pub fn take_unpacking(&mut self) -> Option<Duration> {
        let unpacking = std::mem::take(&mut self.unpacking);
        (!unpacking.is_zero()).then_some(unpacking)
    }

    /// Reads one object and hands its records to `sink`. `name` may tell that the object claims to
    /// be a log (`.json`, `.gz`, … whatever the case); `stored` are its stored bytes.
    ///
    /// # Errors
    /// [`Archive`], if it is one; nothing is read then.
    pub fn decode(
        &mut self,
        name: &str,
        claim: Claim,
        stored: &[u8],
        sink: &mut impl RecordSink,
    ) -> Result<Decoded, Archive> {
        let claims = claim == Claim::Given || envelope::named_as_log(name);
        match sniff(stored) {
            Content::Packed(codec::Codec::Gzip) => {}
            Content::Text if claims && codec_free(stored) => {
                return Ok(self.text(stored, false, sink));
            }
            _ => return self.restream(name, claim, stored, sink),
        }
        if !claims && !self.is_shaped_as_log(stored) {
            return self.restream(name, claim, stored, sink);
        }
        let unpacked = self.unpack(stored, self.limits.in_memory());
        let bytes = &self.inflater.bytes;
        let streamed = match &unpacked.damage {
            Some(codec::Damage::InflatedLimit(_)) => true,
            _ => sniff(bytes) != Content::Text || !codec_free(bytes),
        };
        if streamed {
            self.inflater.shrink();
            return self.restream(name, claim, stored, sink);
        }
        let mut decoded = self.text(stored, true, sink);
        if let Some(damage) = unpacked.damage {
            decoded.outcome = match decoded.outcome {
                Outcome::Read | Outcome::Partial(_) => Outcome::Partial(damage.into()),
                Outcome::Failed(_) if damage.is_cut() && decoded.records == 0 => {
                    Outcome::Failed(FailReason::Broken(damage))
                }
                other => other,
            };
        }
        self.inflater.shrink();
        Ok(decoded)
    }

    /// Reads as a stream what is in memory.
    fn restream(
        &mut self,
        name: &str,
        claim: Claim,
        stored: &[u8],
        sink: &mut impl RecordSink,
    ) -> Result<Decoded, Archive> {
        let mut unpacker = Unpacker::new(stored, self.limits.unpack());
        let decoded = self.stream(name, claim, &mut unpacker, sink);
        if unpacker.layers() > 0 {
            self.unpacking += unpacker.unpacking();
        }
        decoded
    }

    /// Unpacks to the inflater's bytes, at most `limit` of them.
    fn unpack(&mut self, stored: &[u8], limit: u64) -> codec::Unpacked {
        let started = Instant::now();
        let unpacked = self.inflater.unpack(stored, limit);
        self.unpacking += started.elapsed();
        unpacked
    }

    /// Reads one object as a stream, in memory that does not grow with it.
    ///
    /// # Errors
    /// [`Archive`], if it is one; nothing is taken from `unpacker` then.
    pub fn stream(
        &mut self,
        name: &str,
        claim: Claim,
        unpacker: &mut Unpacker<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Decoded, Archive> {
        match sniff(unpacker.head(HEAD_BYTES)) {
            Content::Tar => return Err(Archive::Tar),
            Content::Zip => return Err(Archive::Zip),
            Content::Packed(_) => {
                return Ok(Decoded::failed(FailReason::TooManyLayers(MAX_LAYERS)));
            }
            Content::Unread(name) => return Ok(Decoded::failed(FailReason::Unread(name))),
            Content::Parquet => return Err(Archive::Parquet),
            Content::Text => {}
        }
        Ok(self.streamed_text(name, claim, unpacker, sink))
    }

    fn streamed_text(
        &mut self,
        name: &str,
        claim: Claim,
        unpacker: &mut Unpacker<'_>,
        sink: &mut impl RecordSink,
    ) -> Decoded {
        let head = unpacker.head(envelope::SHAPE_BYTES);
        let utf16 = utf16(head);
        let head = utf16.map_or(Cow::Borrowed(head), |encoding| in_utf8(encoding, head));
        let claims = claim == Claim::Given || envelope::named_as_log(name);
        if !claims && !envelope::shaped_as_log(&head) {
            return Decoded::without_records(Outcome::Skipped(SkipReason::NotALog));
        }
        let table = is_table(&head);
        let mut transcoded;
        let text: &mut dyn Read = if utf16.is_some() {
            transcoded = DecodeReaderBytesBuilder::new().encoding(utf16).build(&mut *unpacker);
            &mut transcoded
        } else {
            &mut *unpacker
        };
        let mut decoded = if table {
            table::read(text, &self.limits, &mut self.records, sink)
        } else {
            self.values(Window::over(text), None, sink)
        };
        if let Some(damage) = unpacker.damage().cloned() {
            decoded.outcome = match decoded.outcome {
                Outcome::Read | Outcome::Partial(_) => Outcome::Partial(damage.into()),
                Outcome::Failed(_) => Outcome::Failed(FailReason::Broken(damage)),
                skipped @ Outcome::Skipped(_) => skipped,
            };
        }
        decoded
    }

    /// Reads text that is in memory: `stored`, or what the inflater holds.
    fn text(&mut self, stored: &[u8], inflated: bool, sink: &mut impl RecordSink) -> Decoded {
        let text = &mut self.inflater.bytes;
        let length = if inflated { text.len() } else { stored.len() };
        let start = if inflated { &*text } else { stored };
        let mut replay = None;
        if length <= self.limits.at_once() && document::is_log_file(start) {
            if inflated && sink.wants_texts() {
                self.pristine.clear();
                self.pristine.extend_from_slice(text);
            } else if !inflated {
                text.clear();
                text.extend_from_slice(stored);
            }
            let pristine = match (sink.wants_texts(), inflated) {
                (true, true) => &*self.pristine,
                (true, false) => stored,
                (false, _) => &[],
            };
            match document::read(&mut self.documents, text, pristine, sink) {
                Some(read) if read.whole && read.refused.is_empty() => {
                    let decoded = Decoded::without_records(Outcome::Read);
                    let inflated_bytes = length as u64;
                    return Decoded { records: read.records, inflated_bytes, ..decoded };
                }
                Some(read) if read.records > 0 => {
                    replay = Some(Replay { refused: read.refused, until: read.records });
                }
                _ => {}
            }
            if inflated {
                // The parser has overwritten the text.
                self.unpack(stored, self.limits.in_memory());
            }
        }
        let bytes = if inflated { std::mem::take(&mut self.inflater.bytes) } else { Vec::new() };
        let window = Window::whole(if inflated { &bytes } else { stored });
        let decoded = self.values(window, replay, sink);
        self.inflater.bytes = bytes;
        decoded
    }

    /// Reads the text of one record, of which it is known where it came from.
    ///
    /// # Errors
    /// Why it is of no use.
    pub fn record(
        &mut self,
        number: u64,
        text: &[u8],
        sink: &mut impl RecordSink,
    ) -> Result<(), RejectReason> {
        if text.len() > self.limits.record_bytes {
            return Err(RejectReason::TooLong(self.limits.record_bytes));
        }
        let buffer = &mut self.inflater.bytes;
        parse_repaired(&mut self.records, buffer, text, |record| sink.record(number, record))?
            .map_err(RejectReason::from)
    }

    /// Reads a sequence of JSON values.
    fn values(
        &mut self,
        window: Window<'_>,
        replay: Option<Replay>,
        sink: &mut impl RecordSink,
    ) -> Decoded {
        let tools = Tools {
            documents: &mut self.documents,
            records: &mut self.records,
            unwrapper: &mut self.unwrapper,
        };
        Salvage::new(Scanner::new(window), &self.limits, tools, sink).replaying(replay).read()
    }

    /// Whether the first bytes look like a log.
    fn is_shaped_as_log(&mut self, stored: &[u8]) -> bool {
        self.unpack(stored, envelope::SHAPE_BYTES as u64);
        envelope::shaped_as_log(&self.inflater.bytes)
    }
}

impl Decoded {
    fn without_records(outcome: Outcome) -> Self {
        Self { outcome, records: 0, rejected: Vec::new(), unlisted: 0, inflated_bytes: 0 }
    }

    fn failed(reason: FailReason) -> Self {
        Self::without_records(Outcome::Failed(reason))
    }

    fn left_out(left: Left, inflated_bytes: usize) -> Self {
        let outcome = Outcome::Skipped(SkipReason::Left(left));
        Self { inflated_bytes: inflated_bytes as u64, ..Self::without_records(outcome) }
    }
}

/// Whether text needs neither transcoding nor the reader of tables.
fn codec_free(text: &[u8]) -> bool {
    let head = text.get(..envelope::SHAPE_BYTES).unwrap_or(text);
    match head.get(envelope::text_start(head)..).and_then(<[u8]>::first) {
        Some(b'{' | b'[') => head.get(1) != Some(&0),
        _ => utf16(head).is_none() && !is_table(head),
    }
}

/// Whether text is a table, perhaps after a mark and white space.
fn is_table(head: &[u8]) -> bool {
    table::is_table(head.get(envelope::text_start(head)..).unwrap_or_default())
}

/// The first bytes of UTF-16 text, transcoded.
fn in_utf8(encoding: &'static encoding_rs::Encoding, head: &[u8]) -> Cow<'static, [u8]> {
    let (text, _) = encoding.decode_with_bom_removal(head);
    Cow::Owned(text.into_owned().into_bytes())
}

/// The encoding of UTF-16 text, by its mark or by the zero beside the first character of JSON.
/// PowerShell's redirection writes such files.
fn utf16(head: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    match head {
        [0xff, 0xfe, ..] | [b'{' | b'[', 0, ..] => Some(encoding_rs::UTF_16LE),
        [0xfe, 0xff, ..] | [0, b'{' | b'[', ..] => Some(encoding_rs::UTF_16BE),
        _ => None,
    }
}
