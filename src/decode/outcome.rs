//! What became of an object as a whole: read, read in part, skipped, or failed, and why. The texts
//! name no place (the caller puts the object's name before them). This file knows no bytes.

use crate::codec;

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
    /// Not all stored bytes could be unpacked.
    #[error(transparent)]
    Unpacking(#[from] codec::Damage),
    /// The document ends before its `Records` do.
    #[error("truncated JSON")]
    TruncatedJson,
    /// The `Records` end, but the document around them is broken after them.
    #[error("broken JSON after the records")]
    BrokenTail,
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
    /// All that is in it is meant to hold no event.
    #[error(transparent)]
    Left(Left),
}

/// What stands beside events and is meant to hold none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Left {
    /// It lists the hashes of log files.
    #[error("digest file")]
    Digest,
    /// CloudWatch Logs checks whether its subscriber is there.
    #[error("control message of CloudWatch Logs")]
    ControlMessage,
    /// CloudTrail checks whether it may publish.
    #[error("validation message of CloudTrail")]
    ValidationMessage,
}

/// Why no record could be read from an object that claims to be a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FailReason {
    /// It holds no byte, or only white space.
    #[error("empty")]
    Empty,
    /// Not a single record could be unpacked.
    #[error("no record could be unpacked: {0}")]
    Broken(codec::Damage),
    /// It is packed in more layers of compression than are taken off.
    #[error("more than {0} layers of compression")]
    TooManyLayers(u32),
    /// It is no JSON document, at least up to this byte of the inflated bytes.
    #[error("not JSON: unexpected byte at {0}")]
    NotJson(u64),
    /// It ends before any record.
    #[error("truncated JSON: ends before its records")]
    EndsEarly,
    /// It is a JSON document of another kind.
    #[error("not CloudTrail: {0}")]
    NotCloudTrail(Other),
    /// No piece of it can be used; says what is wrong with the first.
    #[error("{0}")]
    Unusable(String),
    /// Archives are opened so many levels deep only.
    #[error("an archive within {0} others: extract it first")]
    ArchiveTooDeep(u32),
    /// A format that is known, but not read.
    #[error("{0} is not read: unpack or convert it first")]
    Unread(&'static str),
    /// Security Lake keeps events in the schema of OCSF, without some fields of CloudTrail.
    #[error(
        "Parquet of Security Lake (OCSF) or of another tool is not read: give the CloudTrail \
             objects that it was made from"
    )]
    Parquet,
}

/// What a JSON value is that holds no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Other {
    /// A text, a number, `true`, `null`, …
    #[error("a single JSON value")]
    Scalar,
    /// A row of a query without the columns of an event.
    #[error("a row without eventTime and eventName, eventSource or eventID")]
    Row,
    /// Some other object.
    #[error("a JSON object with {}", keys(.0))]
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
