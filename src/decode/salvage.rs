//! The slow path: a document that is damaged, odd or huge is read record by record. The scanner
//! finds where each element of `Records` ends, and each is parsed alone, so that a bad one costs
//! no other. In come pristine bytes, out go the outcome and every piece that was given up.

use simd_json::prelude::ValueAsScalar as _;

use super::envelope::{Keys, RECORDS, is_notification};
use super::outcome::{Damage, FailReason, Other, Outcome};
use super::parser::Parser;
use super::reject::{RecordFault, RejectReason, Rejected};
use super::repair::repair;
use super::resync::Next;
use super::scan::{Broken, Scanner};
use super::{Limits, RecordSink};

/// What was read of a document.
#[derive(Debug)]
pub(super) struct Salvaged {
    /// What became of it.
    pub(super) outcome: Outcome,
    /// Records taken by the sink and pieces given up.
    pub(super) records: u64,
    /// The pieces given up, in order.
    pub(super) rejected: Vec<Rejected>,
}

/// Reads the document that starts at `start` of `bytes` record by record. `parser` refuses what
/// nests deeper than a record may.
pub(super) fn salvage(
    bytes: &[u8],
    start: usize,
    limits: &Limits,
    parser: &mut Parser,
    sink: &mut impl RecordSink,
) -> Salvaged {
    let mut salvage = Salvage {
        bytes,
        scanner: Scanner::new(bytes, start),
        limits,
        parser,
        text: Vec::new(),
        sink,
        keys: Keys::default(),
        found: false,
        records: 0,
        rejected: Vec::new(),
        allowance: bytes.len().saturating_mul(WORK_PER_BYTE).saturating_add(1 << 20),
    };
    let outcome = salvage.document();
    Salvaged { outcome, records: salvage.records, rejected: salvage.rejected }
}

/// How many pieces of a document of so many bytes may be given up before the rest is. A rejected
/// piece takes about as much memory as 256 bytes, and real records are longer than that.
pub(super) fn max_rejected(bytes: usize) -> usize {
    1024 + bytes / 256
}

/// How often each byte of a document may be looked at in search of whole records, on average.
/// This bounds the work on hostile input: all of salvage is O(bytes), with this factor.
const WORK_PER_BYTE: usize = 8;

/// A document being read.
pub(super) struct Salvage<'a, S> {
    pub(super) bytes: &'a [u8],
    pub(super) scanner: Scanner<'a>,
    pub(super) limits: &'a Limits,
    parser: &'a mut Parser,
    /// The record being parsed.
    text: Vec<u8>,
    sink: &'a mut S,
    keys: Keys,
    /// Whether a `Records` array was found.
    found: bool,
    records: u64,
    rejected: Vec<Rejected>,
    /// How many bytes may still be scanned in search of whole records.
    pub(super) allowance: usize,
}

/// Why reading stops before the end of the document.
#[derive(Debug)]
enum Stop {
    /// The grammar of the document itself is broken here.
    Broken(Broken),
    /// What follows is lost.
    Lost(Damage),
    /// These are S3 event notifications.
    Notifications,
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// What the sink said to a record.
enum Verdict {
    Taken,
    Refused(RecordFault),
    Notification,
}

impl<S: RecordSink> Salvage<'_, S> {
    /// Reads the whole document.
    fn document(&mut self) -> Outcome {
        let mut end = self.object();
        while let (true, Err(Stop::Broken(Broken::Unexpected(at)))) = (self.found, &end) {
            // A stray `]` can end the records early: go on with the next whole record, if any.
            let at = *at;
            end = match self.next_whole(at) {
                Next::At(_) => self.give_up(at, at, RejectReason::Damaged { at: 0 }),
                Next::Nowhere => Err(Stop::Lost(Damage::BrokenTail)),
                Next::GivenUp => Err(Stop::Lost(Damage::GivenUp)),
            };
            end = end.and_then(|()| self.array()).and_then(|()| self.members());
        }
        match end {
            Ok(()) if self.found => self.trailing(),
            Ok(()) => std::mem::take(&mut self.keys).outcome(),
            Err(Stop::Notifications) => {
                Outcome::Failed(FailReason::NotCloudTrail(Other::Notifications))
            }
            Err(Stop::Lost(damage)) => Outcome::Partial(damage),
            Err(Stop::Broken(_)) if self.found => Outcome::Partial(Damage::TruncatedJson),
            Err(Stop::Broken(Broken::Cut)) => Outcome::Failed(FailReason::EndsEarly),
            Err(Stop::Broken(Broken::Unexpected(at))) => {
                Outcome::Failed(FailReason::NotJson(at as u64))
            }
        }
    }

    /// Judges what follows the end of the document.
    fn trailing(&mut self) -> Outcome {
        if self.scanner.peek().is_err() {
            return Outcome::Read;
        }
        let left = self.bytes.len() - self.scanner.at();
        Outcome::Partial(Damage::TrailingData(left as u64))
    }

    /// Reads the object at the top.
    fn object(&mut self) -> Result<(), Stop> {
        self.scanner.expect(b'{')?;
        if self.scanner.take(b'}')? {
            return Ok(());
        }
        self.member()?;
        self.members()
    }

    /// Reads the members after the first, and the closing brace.
    fn members(&mut self) -> Result<(), Stop> {
        while !self.scanner.take(b'}')? {
            self.scanner.expect(b',')?;
            self.member()?;
        }
        Ok(())
    }

    /// Reads one key and its value, record by record if it is a `Records` array.
    fn member(&mut self) -> Result<(), Stop> {
        let key = self.scanner.key()?;
        if self.is_records(key) && self.scanner.take(b'[')? {
            self.found = true;
            return self.array();
        }
        self.keys.add(key);
        self.scanner.value(usize::MAX)?;
        Ok(())
    }

    /// Whether a key is `Records`, perhaps spelt with escapes.
    fn is_records(&mut self, key: &[u8]) -> bool {
        if !key.contains(&b'\\') {
            return key == RECORDS.as_bytes();
        }
        self.text.clear();
        self.text.push(b'"');
        self.text.extend_from_slice(key);
        self.text.push(b'"');
        self.parser.parse(&mut self.text, 0, |key| key.as_str() == Some(RECORDS)).unwrap_or(false)
    }

    /// Reads elements up to the closing bracket.
    fn array(&mut self) -> Result<(), Stop> {
        while !self.scanner.take(b']')? {
            if self.element()? {
                self.separator()?;
            }
        }
        Ok(())
    }

    /// Reads one element; says whether it ended where it should (else the cursor is where the next
    /// element starts, or at the closing bracket).
    fn element(&mut self) -> Result<bool, Stop> {
        let start = self.scanner.at();
        if self.rejected.len() >= max_rejected(self.bytes.len()) {
            self.reject(start, self.bytes.len(), RejectReason::GivenUp);
            return Err(Stop::Lost(Damage::GivenUp));
        }
        let limit = self.limits.record_bytes;
        let reason = match self.scanner.value(limit) {
            Ok(_) => return self.record(start, self.scanner.at()).map(|()| true),
            Err(Broken::Unexpected(at)) => RejectReason::Damaged { at: at - start },
            Err(Broken::Cut) if limit < self.bytes.len() - start => RejectReason::TooLong(limit),
            Err(Broken::Cut) => RejectReason::Truncated,
        };
        self.charge(start);
        self.give_up(start, start + 1, reason).map(|()| false)
    }

    /// After a whole element: takes the comma, and gives up what else stands between elements.
    fn separator(&mut self) -> Result<(), Stop> {
        if self.scanner.take(b',')? || self.scanner.peek()? == b']' {
            return Ok(());
        }
        let at = self.scanner.at();
        self.give_up(at, at, RejectReason::Damaged { at: 0 })
    }

    /// Hands the element from `start` to `end` to the sink.
    fn record(&mut self, start: usize, end: usize) -> Result<(), Stop> {
        let (number, sink) = (self.records, &mut *self.sink);
        let record = self.bytes.get(start..end).unwrap_or_default();
        let verdict = parse_repaired(self.parser, &mut self.text, record, |value| {
            if number == 0 && is_notification(value) {
                return Verdict::Notification;
            }
            sink.record(number, value).map_or_else(Verdict::Refused, |()| Verdict::Taken)
        });
        match verdict {
            Ok(Verdict::Taken) => self.records += 1,
            Ok(Verdict::Refused(fault)) => self.reject(start, end, fault.into()),
            Ok(Verdict::Notification) => return Err(Stop::Notifications),
            Err(reason) => self.reject(start, end, reason),
        }
        Ok(())
    }

    /// Whether the bytes from `start` to `end` are a whole event.
    pub(super) fn is_event(&mut self, start: usize, end: usize) -> bool {
        let record = self.bytes.get(start..end).unwrap_or_default();
        parse_repaired(self.parser, &mut self.text, record, super::envelope::is_event)
            .unwrap_or(false)
    }

    /// Gives up the bytes from `start` to the next whole record at or after `from`, and moves the
    /// cursor there; without one, to the end of the array, if there is one.
    fn give_up(&mut self, start: usize, from: usize, reason: RejectReason) -> Result<(), Stop> {
        let truncated = reason == RejectReason::Truncated;
        let (end, reason, lost) = match self.next_whole(from) {
            Next::At(next) => (next, reason, None),
            Next::GivenUp => (self.bytes.len(), RejectReason::GivenUp, Some(Damage::GivenUp)),
            Next::Nowhere => match self.closing(start).filter(|_| !truncated) {
                Some(closing) => (closing, reason, None),
                None => (self.bytes.len(), reason, Some(Damage::TruncatedJson)),
            },
        };
        if end > start {
            self.reject(start, end, reason);
        }
        self.scanner.go_to(end);
        lost.map_or(Ok(()), |damage| Err(Stop::Lost(damage)))
    }

    /// The bracket that ends the records, if the document ends with `]}`, at or after `start`.
    fn closing(&self, start: usize) -> Option<usize> {
        let rest = self.bytes.get(start..)?.trim_ascii_end().strip_suffix(b"}")?;
        rest.trim_ascii_end().strip_suffix(b"]").map(|rest| start + rest.len())
    }

    /// Notes the piece from `start` to `end`.
    fn reject(&mut self, start: usize, end: usize, reason: RejectReason) {
        let piece = self.bytes.get(start..end).unwrap_or_default();
        self.rejected.push(Rejected::new(self.records, start, piece, reason));
        self.records += 1;
    }
}

/// Parses one record and shows it to `read`, repaired if it does not parse as it stands.
fn parse_repaired<R>(
    parser: &mut Parser,
    text: &mut Vec<u8>,
    record: &[u8],
    mut read: impl FnMut(simd_json::tape::Value<'_, '_>) -> R,
) -> Result<R, RejectReason> {
    text.clear();
    text.extend_from_slice(record);
    let error = match parser.parse(text, 0, &mut read) {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    if !repair(record, text) {
        return Err(parser.reason(&error, true));
    }
    parser.parse(text, 0, read).map_err(|error| parser.reason(&error, false))
}
