//! What an object is, before and besides its records: whether its name or its first bytes claim
//! that it is a log, where its JSON starts, and what a document without records is instead. It
//! knows a few well-known keys, and neither gzip nor records.

use memchr::memmem;
use simd_json::prelude::ValueObjectAccessAsScalar as _;
use simd_json::tape::Value;

use super::outcome::{FailReason, Other, Outcome, SkipReason};
use super::reject::printable;
use super::repair::is_number;
use super::scan::{Broken, Scanner, is_space};

/// The key of the array of records.
pub(super) const RECORDS: &str = "Records";

/// How many bytes from its start on an object without a telling name must show its shape.
pub(super) const SHAPE_BYTES: usize = 4096;

/// Names that end so claim to be logs, whatever the case.
const SUFFIXES: [&str; 5] = [".json", ".gz", ".gzip", ".jsonl", ".ndjson"];

/// The keys of a bare event that tell it from other objects.
const EVENT_KEYS: [&str; 2] = ["eventSource", "eventVersion"];

/// How many top-level keys are looked at, and how many of them are shown.
const KEYS: (usize, usize) = (32, 5);

/// Whether an object of this name claims to be a log.
pub(super) fn named_as_log(name: &str) -> bool {
    let tail = |suffix: &str| name.len().checked_sub(suffix.len()).and_then(|at| name.get(at..));
    SUFFIXES.iter().any(|suffix| tail(suffix).is_some_and(|end| end.eq_ignore_ascii_case(suffix)))
}

/// Whether inflated bytes start as a document of records does.
pub(super) fn shaped_as_log(bytes: &[u8]) -> bool {
    let bytes = bytes.get(..SHAPE_BYTES).unwrap_or(bytes);
    let document = bytes.get(text_start(bytes)..).unwrap_or_default();
    document.starts_with(b"{") && memmem::find(document, br#""Records""#).is_some()
}

/// Where the JSON object in `bytes` starts, or why there is none.
pub(super) fn object_start(bytes: &[u8]) -> Result<usize, FailReason> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(FailReason::Utf16);
    }
    let start = text_start(bytes);
    match bytes.get(start) {
        Some(b'{') => Ok(start),
        Some(b'[') => Err(without_object(bytes, start, Other::Array)),
        Some(_) => Err(without_object(bytes, start, Other::Scalar)),
        None => Err(FailReason::Empty),
    }
}

/// The position after a byte-order mark and white space.
fn text_start(bytes: &[u8]) -> usize {
    let mark = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let text = bytes.get(mark..).unwrap_or_default();
    mark + text.iter().take_while(|byte| is_space(**byte)).count()
}

/// What bytes are that start with no object: `kind` if they hold such a JSON value.
fn without_object(bytes: &[u8], start: usize, kind: Other) -> FailReason {
    let mut scanner = Scanner::new(bytes, start);
    match scanner.value(usize::MAX) {
        Err(Broken::Cut) => return FailReason::EndsEarly,
        Err(Broken::Unexpected(at)) => return FailReason::NotJson(at as u64),
        Ok(_) => {}
    }
    let value = bytes.get(start..scanner.at()).unwrap_or_default();
    let sound = matches!(value, [b'[' | b'"', ..] | b"true" | b"false" | b"null");
    if sound || is_number(value) {
        FailReason::NotCloudTrail(kind)
    } else {
        FailReason::NotJson(start as u64)
    }
}

/// The first top-level keys of a document, to say what it is if it holds no records.
#[derive(Debug, Default)]
pub(super) struct Keys(Vec<String>);

impl Keys {
    /// Notes one key.
    pub(super) fn add(&mut self, key: &[u8]) {
        if self.0.len() < KEYS.0 {
            self.0.push(printable(key, 64));
        }
    }

    /// What a document with these keys and no records is.
    pub(super) fn outcome(mut self) -> Outcome {
        let has = |key: &str| self.0.iter().any(|name| name == key);
        if has("digestS3Object") && has("logFiles") {
            Outcome::Skipped(SkipReason::Digest)
        } else if has("eventTime") && EVENT_KEYS.iter().any(|key| has(key)) {
            Outcome::Failed(FailReason::NotCloudTrail(Other::BareEvent))
        } else {
            self.0.truncate(KEYS.1);
            Outcome::Failed(FailReason::NotCloudTrail(Other::Object(self.0)))
        }
    }
}

/// Whether an element of `Records` tells of a change in a bucket, and is no event of our kind.
pub(super) fn is_notification(record: Value<'_, '_>) -> bool {
    record.get_str("eventSource") == Some("aws:s3")
}

/// Whether a value has the keys that every event has.
pub(super) fn is_event(value: Value<'_, '_>) -> bool {
    value.get("eventTime").is_some() && EVENT_KEYS.iter().any(|key| value.get(*key).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_claim() {
        for name in ["a.json", "A.JSON.GZ", "x/y.Gz", ".jsonl", "log.ndjson", "ü.json"] {
            assert!(named_as_log(name), "{name}");
        }
        for name in ["", "json", "a.json.txt", "readme.md", "gz", "a.csv", "日本"] {
            assert!(!named_as_log(name), "{name}");
        }
    }

    #[test]
    fn shapes_claim() {
        assert!(shaped_as_log(b"\xef\xbb\xbf \n{\"Records\":["));
        assert!(shaped_as_log(br#"{"x":1,"Records":[]}"#));
        assert!(!shaped_as_log(br#"["Records"]"#));
        assert!(!shaped_as_log(br#"{"records":[]}"#));
        assert!(!shaped_as_log(
            &[b"{".to_vec(), vec![b' '; 5000], b"\"Records\"".to_vec()].concat()
        ));
    }
}
