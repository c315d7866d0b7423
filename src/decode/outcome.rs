//! What became of an object as a whole: read, read in part, skipped, or failed, and why. The texts
//! name no place (the caller puts the object's name before them). This file knows no bytes.

/// What became of one stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every byte was understood; single records may still have been rejected.
    Read,
    /// Bytes were lost beyond single records; every record found was taken.
    Partial(Damage),
    /// It does not claim to be a log of events, so nothing is missing.
    Skipped(SkipReason),
    /// It claims to be a log, and no record could be read.
    Failed(FailReason),
}

/// What was lost of a partly read object. With more than one damage the first in the order of
/// unpacking is named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Only the first part, this many bytes, was inflated.
    #[error("larger than the limit of {0} inflated bytes")]
    InflatedLimit(u64),
    /// The stored bytes end inside a gzip member.
    #[error("truncated gzip")]
    TruncatedGzip,
    /// A gzip member after the first byte of output cannot be trusted; says what the inflater said.
    #[error("corrupt gzip: {0}")]
    CorruptGzip(&'static str),
    /// This many bytes after the last gzip member are no member.
    #[error("trailing garbage of {0} bytes")]
    TrailingGarbage(u64),
    /// The document ends before its `Records` do.
    #[error("truncated JSON")]
    TruncatedJson,
    /// The `Records` end, but the document around them is broken after them.
    #[error("broken JSON after the records")]
    BrokenTail,
    /// This many bytes after the end of the document were not read.
    #[error("trailing data of {0} bytes after the document")]
    TrailingData(u64),
    /// The search for whole records in a damaged document used up its allowance of work.
    #[error("too damaged, the search for whole records was given up")]
    GivenUp,
}

/// Why an object was not read although nothing is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// Neither its name nor its content says that it is a log.
    #[error("not named or shaped as a log")]
    NotALog,
    /// It lists the hashes of log files.
    #[error("digest file")]
    Digest,
}

/// Why no record could be read from an object that claims to be a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FailReason {
    /// It holds no byte, or only white space.
    #[error("empty")]
    Empty,
    /// The gzip gives not a single byte; says what the inflater said.
    #[error("broken gzip: {0}")]
    BrokenGzip(&'static str),
    /// It is packed in more gzip layers than are unpacked.
    #[error("more than {0} layers of gzip")]
    TooManyLayers(u32),
    /// It is no JSON document, at least up to this byte of the inflated bytes.
    #[error("not JSON: unexpected byte at {0}")]
    NotJson(u64),
    /// It is UTF-16 text.
    #[error("not JSON: UTF-16 text is not read yet")]
    Utf16,
    /// It ends before any record.
    #[error("truncated JSON: ends before its records")]
    EndsEarly,
    /// It is a JSON document of another kind.
    #[error("not CloudTrail: {0}")]
    NotCloudTrail(Other),
}

/// What a JSON document is that has no `Records` array of events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Other {
    /// An array at the top.
    #[error("no Records array, but a JSON array: array-shaped files are not read yet")]
    Array,
    /// A text, a number, `true`, `null`, … at the top.
    #[error("no Records array, but a single JSON value")]
    Scalar,
    /// An event without the envelope, alone or followed by more.
    #[error("no Records array, but a bare event: files without the envelope are not read yet")]
    BareEvent,
    /// Some other object.
    #[error("no Records array, but a JSON object with {}", keys(.0))]
    Object(Vec<String>),
    /// `Records` of S3 event notifications.
    #[error("S3 event notifications")]
    Notifications,
}

/// The first keys of an object as words.
fn keys(names: &[String]) -> String {
    if names.is_empty() {
        "no keys".to_owned()
    } else {
        format!("the keys `{}`", names.join("`, `"))
    }
}
