//! Why a datum inside an object was given up: the types that say so, and the escaped excerpt that
//! shows it. In comes untrusted text, out go messages in printable ASCII. This file knows neither
//! how records are found nor how they are parsed.

use std::fmt::Write as _;

use super::outcome::{FailReason, Other};

/// The longest excerpt of a rejected piece, in characters.
pub(super) const EXCERPT_CHARS: usize = 120;

/// The most characters of an unreadable time that are shown.
const TIME_CHARS: usize = 64;

/// Why a record cannot be used although it is JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// The element of `Records` is a number, a text, a list, …
    #[error("not an object")]
    NotAnObject,
    /// S3 tells of a change in a bucket in records of its own.
    #[error("an S3 event notification")]
    Notification,
    /// There is no `eventTime`, or it is null.
    #[error("no eventTime")]
    MissingEventTime,
    /// The `eventTime` is an object or a list.
    #[error("eventTime is no text")]
    NoTextEventTime,
    /// The `eventTime` is there but is no time; the raw text is escaped and cut when shown.
    #[error("eventTime is not a time: `{}`", printable(.0.as_bytes(), TIME_CHARS))]
    UnreadableEventTime(String),
}

/// A piece of an object that was given up: one record, or bytes that hold no whole record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The number of the record, counted from 0 as in `.Records[n]`. In a damaged document each
    /// rejected piece counts as one record, whatever it held.
    pub record: u64,
    /// Where the piece starts: a byte offset in the inflated bytes.
    pub offset: u64,
    /// Why it was given up.
    pub reason: RejectReason,
    /// How the piece begins: at most 120 characters of printable ASCII, other bytes as `\xNN`, a
    /// backslash as `\\`.
    pub excerpt: String,
}

impl Rejected {
    /// The `piece` that starts at `offset`, as number `record`.
    pub(super) fn new(record: u64, offset: usize, piece: &[u8], reason: RejectReason) -> Self {
        Self::of_record(record, offset as u64, piece, reason)
    }

    /// A whole record, of which the text is known.
    #[must_use]
    pub fn of_record(record: u64, offset: u64, text: &[u8], reason: RejectReason) -> Self {
        Self { record, offset, reason, excerpt: printable(text, EXCERPT_CHARS) }
    }
}

/// Why a piece of an object was given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// The value is JSON, but holds no event.
    #[error("no event, but {0}")]
    NoEvent(Other),
    /// Wrappers within wrappers, or texts within texts, beyond what any tool makes.
    #[error("no event within the wrappers that are taken off")]
    TooWrapped,
    /// The record is JSON, but the sink has no use for it.
    #[error(transparent)]
    Fault(#[from] RecordFault),
    /// The record's boundaries are sound, but some of its bytes are no UTF-8.
    #[error("invalid UTF-8")]
    InvalidUtf8,
    /// The record's boundaries are sound, but what is between them is no JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// The record nests more levels than [`Limits::depth`](super::Limits::depth).
    #[error("nested deeper than {0} levels")]
    TooDeep(usize),
    /// The record has so many values that reading it would eat the memory.
    #[error("more than {0} values in one record")]
    TooManyValues(usize),
    /// The record is longer than [`Limits::record_bytes`](super::Limits::record_bytes).
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// A quote, a bracket or a comma is missing or misplaced, so that the record's end is not
    /// where it should be; `at` is the byte (counted from the piece's start) that cannot stand.
    #[error("damaged: unexpected byte {at} bytes into the piece")]
    Damaged {
        /// Bytes from the start of the piece.
        at: usize,
    },
    /// The data ends inside the record.
    #[error("cut off by the end of the data")]
    Truncated,
    /// So much is damaged that the search for whole records was given up here.
    #[error("the rest is too damaged to be searched for records")]
    GivenUp,
}

impl RejectReason {
    /// What is wrong with an object that holds no event at all, if this is wrong with its first
    /// piece, which starts at `offset`.
    pub(super) fn of_object(&self, offset: u64) -> FailReason {
        match self {
            Self::NoEvent(other) => FailReason::NotCloudTrail(other.clone()),
            Self::Damaged { at } => FailReason::NotJson(offset + *at as u64),
            Self::NotJson(_) => FailReason::NotJson(offset),
            Self::Truncated => FailReason::EndsEarly,
            other => FailReason::Unusable(other.to_string()),
        }
    }
}

/// `bytes` as printable ASCII, other bytes as `\xNN`, a backslash as `\\`; whole escapes only, and
/// at most `limit` characters.
pub(super) fn printable(bytes: &[u8], limit: usize) -> String {
    let mut text = String::with_capacity(limit.min(bytes.len() * 4));
    for &byte in bytes {
        let room = limit.saturating_sub(text.len());
        let done = match byte {
            b'\\' if room >= 2 => text.write_str(r"\\"),
            b' '..=b'~' if byte != b'\\' && room >= 1 => text.write_char(char::from(byte)),
            0..=0x1f | 0x7f.. if room >= 4 => write!(text, r"\x{byte:02x}"),
            _ => Err(std::fmt::Error),
        };
        if done.is_err() {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_ascii_and_never_longer_than_the_limit() {
        assert_eq!(printable(b"a\\b\n\xff~", 100), r"a\\b\x0a\xff~");
        assert_eq!(printable(b"abc\n", 6), "abc");
        assert_eq!(printable(b"abc\\", 4), "abc");
        assert_eq!(printable(&[0; 99], 120).len(), 120);
    }

    #[test]
    fn an_unreadable_time_is_escaped_and_cut() {
        let fault = RecordFault::UnreadableEventTime("yester\nday\\".repeat(9));
        let text = fault.to_string();
        assert!(text.starts_with(r"eventTime is not a time: `yester\x0aday\\yester"), "{text}");
        assert!(text.len() <= "eventTime is not a time: ``".len() + 64);
        assert!(text.is_ascii());
    }
}
