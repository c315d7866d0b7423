//! What a request did to objects. One request may touch several: a copy reads one and writes another,
//! a batch deletes many.

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::event::{Detail, Event};
use super::request::Request;
use super::seeds::Reason;

/// How an object was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A signed, or anonymous, request.
    Direct,
    /// A URL that was signed in advance.
    Presigned,
    /// The source of a copy.
    Copy,
    /// S3 replicated it by the actor's rule.
    Replication,
}

impl Via {
    /// Its name in outputs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Presigned => "presigned",
            Self::Copy => "copy",
            Self::Replication => "replication",
        }
    }
}

/// How an object, or a version of it, was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DeleteKind {
    /// The log does not say.
    Unknown,
    /// A delete marker hides it.
    Marker,
    /// S3 expired it by the actor's rule.
    Lifecycle,
    /// Something else was written in its place.
    Overwrite,
    /// A version was deleted.
    Permanent,
}

impl DeleteKind {
    /// Its name in outputs; none if it is not known.
    #[must_use]
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::Marker => Some("marker"),
            Self::Lifecycle => Some("lifecycle"),
            Self::Overwrite => Some("overwrite"),
            Self::Permanent => Some("permanent"),
        }
    }
}

/// Whether what was taken away can be had again, as far as the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Restorable {
    /// The log does not say.
    Unknown,
    /// A version of it is left.
    Yes,
    /// It is gone.
    No,
}

impl Restorable {
    /// Its name in outputs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Yes => "yes",
            Self::No => "no",
        }
    }
}

/// Which part was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Part {
    /// All of it.
    Whole,
    /// From a byte on.
    From(u64),
    /// Some of it, the log does not say which.
    Some,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Act {
    /// Content was read.
    Read {
        /// How.
        via: Via,
        /// What.
        part: Part,
        /// How many bytes, if known.
        bytes: Option<u64>,
    },
    /// A read was refused.
    Denied,
    /// A read came to nothing: no such key, not modified …
    Failed,
    /// Its properties were read.
    Head,
    /// It was written, with so many bytes, if known.
    Write(Option<u64>, Restorable),
    /// It was taken away.
    Delete(DeleteKind, Restorable),
}

/// What a request did to one object. Sorts by object, then by actor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Touch {
    /// The bucket; empty if the log does not name it.
    pub bucket: String,
    /// The key; empty if the log does not name it.
    pub key: String,
    /// The version, if one was asked for.
    pub version: Option<String>,
    /// Whom it is counted for.
    pub actor: String,
    /// When, µs.
    pub time: i64,
    /// What was done.
    pub act: Act,
    /// Whence.
    pub source_ip: Option<String>,
    /// The principal.
    pub principal: Option<String>,
}

impl Touch {
    /// About its bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.bucket.len() + self.key.len() + self.actor.len() + 150
    }
}

/// Error codes of refusals beside those that say so: the caller, or its signature, is not accepted.
const REFUSALS: &[&str] = &[
    "AccountProblem",
    "AllAccessDisabled",
    "ExpiredToken",
    "Forbidden",
    "InvalidAccessKeyId",
    "InvalidPayer",
    "InvalidToken",
    "NotSignedUp",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "403",
];

/// Whether an error says that the caller may not.
#[must_use]
pub fn is_denied(code: &str) -> bool {
    let named = ["AccessDenied", "Unauthorized", "NotAuthorized"];
    named.iter().any(|word| code.contains(word)) || REFUSALS.contains(&code)
}

/// What a request did to objects. Events that tell of other events (network activity, insights) did
/// nothing.
#[must_use]
pub fn touches(request: &Request) -> Vec<Touch> {
    let event = &request.event;
    let is_call =
        !matches!(event.category.as_deref(), Some("NetworkActivity" | "Insight" | "Aggregated"));
    if !is_call || !event.source.starts_with("s3") {
        return Vec::new();
    }
    if request.reason == Reason::Lifecycle {
        return vec![expired(request)];
    }
    match event.name.as_str() {
        "GetObject" | "GetObjectTorrent" | "SelectObjectContent" => vec![read(request)],
        "InitiateReplication" | "ReplicateObject" if request.reason == Reason::Replication => {
            vec![read(request)]
        }
        "HeadObject" | "GetObjectAttributes" => {
            event.is_ok().then(|| touch(request, Act::Head)).into_iter().collect()
        }
        "CopyObject" | "UploadPartCopy" => copied(request),
        "PutObject" | "PostObject" => {
            event.is_ok().then(|| written(request, event.bytes_in)).into_iter().collect()
        }
        // What it sends is the list of parts.
        "CompleteMultipartUpload" => {
            event.is_ok().then(|| written(request, None)).into_iter().collect()
        }
        "DeleteObject" => event.is_ok().then(|| deleted(request)).flatten().into_iter().collect(),
        "DeleteObjects" if event.is_ok() => batch(request),
        _ => Vec::new(),
    }
}

/// Whether a request reads objects' content, or would if it were allowed to.
#[must_use]
pub(crate) fn is_read(event: &Event) -> bool {
    let reads = ["GetObject", "GetObjectTorrent", "SelectObjectContent", "CopyObject"];
    reads.contains(&event.name.as_str()) || event.name == "UploadPartCopy"
}

fn touch(request: &Request, act: Act) -> Touch {
    let event = &request.event;
    Touch {
        bucket: event.bucket.clone().unwrap_or_default(),
        key: event.object_key.clone().unwrap_or_default(),
        version: event.version_id.clone(),
        actor: request.actor.clone(),
        time: request.time,
        act,
        source_ip: event.source_ip.clone(),
        principal: event.principal.clone(),
    }
}

/// What became of a read.
fn outcome(event: &Event, done: Act) -> Act {
    match event.error_code.as_deref() {
        None => done,
        Some(code) if is_denied(code) => Act::Denied,
        Some(_) => Act::Failed,
    }
}

fn read(request: &Request) -> Touch {
    let event = &request.event;
    let via = match (request.reason, event.auth_method.as_deref()) {
        (Reason::Replication, _) => Via::Replication,
        (_, Some("QueryString")) => Via::Presigned,
        _ => Via::Direct,
    };
    let part = match event.detail(Detail::Range).map(first_byte) {
        Some(Some(0)) if is_open(event) => Part::Whole,
        Some(Some(first)) => Part::From(first),
        Some(None) => Part::Some,
        None if event.detail(Detail::PartNumber).is_some() => Part::Some,
        None if event.name == "SelectObjectContent" => Part::Some,
        None => Part::Whole,
    };
    touch(request, outcome(event, Act::Read { via, part, bytes: event.bytes_out }))
}

/// Whether a range has no end.
fn is_open(event: &Event) -> bool {
    event.detail(Detail::Range).is_some_and(|range| range.trim().ends_with('-'))
}

/// `bytes=500-999` → 500; none for what has no first byte, or several ranges.
fn first_byte(range: &str) -> Option<u64> {
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let is_one = last.is_empty() || last.bytes().all(|byte| byte.is_ascii_digit());
    first.parse().ok().filter(|_| is_one)
}

/// A copy reads its source and writes its destination.
fn copied(request: &Request) -> Vec<Touch> {
    let event = &request.event;
    let source = event.detail(Detail::CopySource).map(copy_source).unwrap_or_default();
    let range = event.detail(Detail::CopyRange);
    let first = range.and_then(first_byte);
    let last = range.and_then(|range| range.rsplit_once('-')?.1.parse::<u64>().ok());
    let bytes = first.zip(last).and_then(|(first, last)| last.checked_sub(first)?.checked_add(1));
    let part = match (range, first) {
        (None, _) => Part::Whole,
        (Some(_), Some(first)) => Part::From(first),
        (Some(_), None) => Part::Some,
    };
    let done = Act::Read { via: Via::Copy, part, bytes };
    let read = Touch {
        bucket: source.bucket,
        key: source.key,
        version: source.version,
        ..touch(request, outcome(event, done))
    };
    let writes = event.name == "CopyObject" && event.is_ok();
    std::iter::once(read).chain(writes.then(|| written(request, None))).collect()
}

/// What a copy is made of.
#[derive(Debug, Default, PartialEq, Eq)]
struct Source {
    bucket: String,
    key: String,
    version: Option<String>,
}

/// `x-amz-copy-source` as it was sent: percent-encoded or not, with or without a slash in front, of a
/// bucket or an access point.
fn copy_source(text: &str) -> Source {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (path, version) = match text.split_once("?versionId=") {
        Some((path, version)) => (path, Some(decoded(version)).filter(|text| !text.is_empty())),
        None => (text, None),
    };
    let path = decoded(path);
    let path = path.strip_prefix('/').unwrap_or(&path);
    let split = match path.split_once("/object/").filter(|_| path.starts_with("arn:")) {
        Some(split) => Some(split),
        None => path.split_once('/'),
    };
    let (bucket, key) = split.unwrap_or((path, ""));
    Source { bucket: bucket.to_owned(), key: key.to_owned(), version }
}

fn written(request: &Request, bytes: Option<u64>) -> Touch {
    let event = &request.event;
    // What was there before is left as a version where the answer names a new one.
    let before = match event.detail(Detail::ResponseVersion) {
        Some(version) if version != "null" => Restorable::Yes,
        _ => Restorable::Unknown,
    };
    Touch { version: None, ..touch(request, Act::Write(bytes, before)) }
}

/// Of a delete marker that is taken away nothing is lost.
fn deleted(request: &Request) -> Option<Touch> {
    let event = &request.event;
    let is_marker = event.detail(Detail::DeleteMarker) == Some("true");
    let (kind, restorable) = match (&event.version_id, is_marker) {
        (Some(_), true) => return None,
        (Some(_), false) => (DeleteKind::Permanent, Restorable::No),
        (None, true) => (DeleteKind::Marker, Restorable::Yes),
        (None, false) => match event.detail(Detail::ResponseVersion) {
            Some(version) if version != "null" => (DeleteKind::Marker, Restorable::Yes),
            _ => (DeleteKind::Unknown, Restorable::Unknown),
        },
    };
    Some(touch(request, Act::Delete(kind, restorable)))
}

/// The keys that a batch names, if it names any.
fn batch(request: &Request) -> Vec<Touch> {
    let keys = request.event.details(Detail::BatchKey);
    let gone = |key: &str| Touch {
        key: key.to_owned(),
        version: None,
        ..touch(request, Act::Delete(DeleteKind::Unknown, Restorable::Unknown))
    };
    keys.map(gone).collect()
}

fn expired(request: &Request) -> Touch {
    let leaves_versions = request.event.name.contains("DeleteMarker");
    let restorable = if leaves_versions { Restorable::Yes } else { Restorable::Unknown };
    touch(request, Act::Delete(DeleteKind::Lifecycle, restorable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_a_copy_is_read_however_it_is_written() {
        let source = |bucket: &str, key: &str, version: Option<&str>| Source {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version: version.map(str::to_owned),
        };
        for (text, expected) in [
            ("b/k", source("b", "k", None)),
            ("/b/a/k", source("b", "a/k", None)),
            ("b/a%20k%2Bz", source("b", "a k+z", None)),
            ("b%2Fa%2Fk", source("b", "a/k", None)),
            ("/b/k%3FversionId=x?versionId=v1", source("b", "k?versionId=x", Some("v1"))),
            ("b/k?versionId=", source("b", "k", None)),
            (
                "arn:aws:s3:eu-west-1:111122223333:accesspoint/p/object/a/k",
                source("arn:aws:s3:eu-west-1:111122223333:accesspoint/p", "a/k", None),
            ),
            ("b", source("b", "", None)),
        ] {
            assert_eq!(copy_source(text), expected, "{text}");
        }
    }

    #[test]
    fn ranges_are_read_or_unknown() {
        for (text, expected) in [
            ("bytes=0-499", Some(0)),
            ("bytes=500-", Some(500)),
            ("bytes=-500", None),
            ("bytes=0-1,5-9", None),
            ("lines=1-2", None),
            ("bytes=18446744073709551616-", None),
        ] {
            assert_eq!(first_byte(text), expected, "{text}");
        }
    }

    #[test]
    fn refusals_are_told_from_other_errors() {
        assert!(is_denied("AccessDenied") && is_denied("Client.UnauthorizedOperation"));
        assert!(is_denied("KMS.AccessDeniedException") && is_denied("403"));
        assert!(!is_denied("NoSuchKey") && !is_denied("304") && !is_denied("PreconditionFailed"));
    }
}
