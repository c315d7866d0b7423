//! What a parsed JSON value is to us: an event, one of the wrappers that events come in (what tools
//! and services put around them), or something else. It knows a few well-known keys, and nothing
//! of bytes.
//!
//! Sources: CloudTrail user guide (log files, `lookup-events`, Lake's `get-query-results`),
//! CloudWatch Logs user guide (subscription filters, `filter-log-events`), EventBridge user guide
//! (events of AWS services), SNS developer guide (message format).

use std::collections::BTreeSet;

use simd_json::prelude::{TypedScalarValue as _, ValueIntoString as _};
use simd_json::tape::{Array, Object, Value};

use super::outcome::{Left, Other};
use super::reject::printable;

/// The key of the array of records in a CloudTrail log file.
pub(super) const RECORDS: &str = "Records";

/// Keys of arrays of events, wrapped or not: CloudTrail's, and those of `lookup-events`, CloudWatch
/// Logs (subscription, `filter-log-events` and `get-log-events`), `get-query-results`, and of replies
/// of SQS and Elasticsearch.
pub(super) const LISTS: [&str; 7] =
    [RECORDS, "Events", "logEvents", "events", "QueryResultRows", "Messages", "hits"];

/// Keys of one event, as text or object: `lookup-events`, EventBridge, CloudWatch Logs and shippers,
/// SNS, Splunk, Elasticsearch, SQS, CloudTrail Lake.
const WRAPPERS: [&str; 10] = [
    "CloudTrailEvent",
    "detail",
    "message",
    "Message",
    "_raw",
    "_source",
    "hits",
    "result",
    "Body",
    "eventJson",
];

/// Two of these tell an event from other objects.
const EVENT_KEYS: [&str; 6] =
    ["eventTime", "eventVersion", "eventSource", "eventName", "eventID", "eventType"];

/// A row of a query has no more columns.
const MAX_COLUMNS: usize = 1_000;

/// How many top-level keys are looked at, and how many of them are shown.
const KEYS: (usize, usize) = (32, 5);

/// What a value is.
pub(super) enum Shape<'t, 'i> {
    /// An event; the sink decides whether it is of use.
    Event(Value<'t, 'i>),
    /// An array of values of any shape.
    List(Array<'t, 'i>),
    /// An object with one or more of [`LISTS`].
    Lists(Object<'t, 'i>),
    /// A row of `get-query-results`: objects of one column each.
    Row(Array<'t, 'i>),
    /// One value is inside.
    Inside(Value<'t, 'i>),
    /// JSON as text.
    Text(&'i str),
    /// It holds no event and is not meant to.
    Left(Left),
    /// Something else.
    Other(Other),
}

/// What `value` is.
pub(super) fn shape<'t, 'i>(value: Value<'t, 'i>) -> Shape<'t, 'i> {
    if let Some(object) = value.as_object() {
        of_object(value, object)
    } else if let Some(array) = value.as_array() {
        if is_row(&array) { Shape::Row(array) } else { Shape::List(array) }
    } else {
        match value.into_string() {
            Some(text) if is_json_text(text) => Shape::Text(text),
            _ => Shape::Other(Other::Scalar),
        }
    }
}

fn of_object<'t, 'i>(value: Value<'t, 'i>, object: Object<'t, 'i>) -> Shape<'t, 'i> {
    if is_event(value) {
        return Shape::Event(value);
    }
    if value.get("digestS3Object").is_some() && value.get("logFiles").is_some() {
        return Shape::Left(Left::Digest);
    }
    if value.get("messageType").and_then(Value::into_string) == Some("CONTROL_MESSAGE") {
        return Shape::Left(Left::ControlMessage);
    }
    if LISTS.iter().any(|key| value.get(*key).is_some_and(|list| list.is_array())) {
        return Shape::Lists(object);
    }
    for key in WRAPPERS {
        let Some(inside) = last(&object, key) else { continue };
        match inside.into_string() {
            Some(text) if is_json_text(text) => return Shape::Text(text),
            Some(text) if text.starts_with("CloudTrail validation message") => {
                return Shape::Left(Left::ValidationMessage);
            }
            None if inside.is_object() => return Shape::Inside(inside),
            _ => {}
        }
    }
    // Elastic's shippers keep the event as text beside their own fields.
    let original = value.get("event.original").or_else(|| value.get("event")?.get("original"));
    match original.and_then(Value::into_string) {
        Some(text) if is_json_text(text) => Shape::Text(text),
        _ => Shape::Other(Other::Object(keys(&object))),
    }
}

/// Whether an object has keys that events have. Aggregated events have no `eventTime` and no
/// `eventName`; a record without `eventTime` is an event that the sink refuses.
fn is_event(value: Value<'_, '_>) -> bool {
    EVENT_KEYS.iter().filter(|key| value.get(**key).is_some()).nth(1).is_some()
}

/// Whether an element of `Records` tells of a change in a bucket, and is no event of our kind.
pub(super) fn is_notification(record: Value<'_, '_>) -> bool {
    record.get("eventSource").and_then(Value::into_string) == Some("aws:s3")
}

/// Whether a value holds, or may hold, an event.
pub(super) fn may_hold_event(value: Value<'_, '_>) -> bool {
    match shape(value) {
        Shape::Left(_) | Shape::Other(_) => false,
        Shape::List(list) => list.iter().next().is_some_and(|first| first.is_object()),
        _ => true,
    }
}

/// Of equal keys the last counts, as in events.
fn last<'t, 'i>(object: &Object<'t, 'i>, key: &str) -> Option<Value<'t, 'i>> {
    object.iter().filter(|(name, _)| *name == key).last().map(|(_, value)| value)
}

/// `get-query-results` gives a row as a list of objects with one column each: texts, under names
/// that differ.
fn is_row(array: &Array<'_, '_>) -> bool {
    let mut names = BTreeSet::new();
    (2..=MAX_COLUMNS).contains(&array.len())
        && array.iter().all(|cell| {
            let cell = cell.as_object().filter(|cell| cell.len() == 1);
            cell.and_then(|cell| cell.iter().next()).is_some_and(|(name, cell)| {
                (cell.into_string().is_some() || cell.is_null()) && names.insert(name)
            })
        })
}

fn is_json_text(text: &str) -> bool {
    matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'['))
}

fn keys(object: &Object<'_, '_>) -> Vec<String> {
    let names = object.iter().take(KEYS.0).map(|(key, _)| printable(key.as_bytes(), 64));
    names.take(KEYS.1).collect()
}
