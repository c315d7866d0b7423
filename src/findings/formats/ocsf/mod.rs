//! A finding as an OCSF event: Detection Finding (class 2004) with the cloud profile. What the
//! schema has a place for goes there, and every other column to `unmapped`; nothing is added that
//! the columns do not say. See the table in `docs/findings.md`, and <https://schema.ocsf.io>.

mod attack;
mod evidence;

use std::io::Write;

use serde_json::{Map, Value, json};

use super::Change;
use super::row::Row;
use crate::error::Result;

/// The schema's version.
const VERSION: &str = "1.9.0";

/// Columns that have a place in the schema.
const PLACED: [&str; 31] = [
    "finding_id",
    "revision",
    "status",
    "continues",
    "related",
    "detector_id",
    "detector_version",
    "finding_type",
    "title",
    "description",
    "severity_label",
    "account",
    "account_name",
    "region",
    "principal",
    "caller_account",
    "access_key_ids",
    "buckets",
    "bucket_owner_account",
    "object_keys",
    "event_names",
    "source_ips",
    "vpc_endpoints",
    "user_agents",
    "event_count",
    "first_seen",
    "last_seen",
    "evidence",
    "mitre_tactics",
    "mitre_techniques",
    "remediation",
];

/// Writes the event of a row.
pub(super) fn write(out: &mut impl Write, row: &Row<'_>) -> Result<()> {
    Ok(serde_json::to_writer(out, &event(row)?)?)
}

fn event(row: &Row<'_>) -> Result<Value> {
    let mut event = occurrence(row)?;
    event.extend(verdict(row)?);
    event.insert("metadata".to_owned(), metadata(row)?);
    event.insert("cloud".to_owned(), cloud(row)?);
    event.insert("finding_info".to_owned(), finding_info(row)?);
    event.insert("resources".to_owned(), evidence::resources(row)?);
    event.insert("evidences".to_owned(), evidence::evidences(row)?);
    event.insert("observables".to_owned(), evidence::observables(row)?);
    event.insert("remediation".to_owned(), json!({ "desc": row.text("remediation")? }));
    event.insert("unmapped".to_owned(), unmapped(row)?);
    Ok(without_nothing(Value::Object(event)))
}

/// What has happened, and when.
fn occurrence(row: &Row<'_>) -> Result<Map<String, Value>> {
    let (activity, activity_name) = match Change::of(row)? {
        Change::New => (1, "Create"),
        Change::Updated => (2, "Update"),
        Change::Withdrawn => (3, "Close"),
    };
    Ok(object([
        ("activity_id", json!(activity)),
        ("activity_name", json!(activity_name)),
        ("category_uid", json!(2)),
        ("category_name", json!("Findings")),
        ("class_uid", json!(2004)),
        ("class_name", json!("Detection Finding")),
        ("type_uid", json!(200_400 + activity)),
        ("type_name", json!(format!("Detection Finding: {activity_name}"))),
        // The clock would make equal logs give different bytes.
        ("time", json!(millis(row, "last_seen")?)),
        ("start_time", json!(millis(row, "first_seen")?)),
        ("end_time", json!(millis(row, "last_seen")?)),
        ("count", json!(row.integer("event_count")?)),
        ("message", json!(row.text("description")?)),
    ]))
}

/// How bad it is, how sure, and whether somebody should look at it.
fn verdict(row: &Row<'_>) -> Result<Map<String, Value>> {
    let (severity, severity_name) = match row.text("severity_label")? {
        Some("low") => (2, "Low"),
        Some("medium") => (3, "Medium"),
        Some("high") => (4, "High"),
        Some("critical") => (5, "Critical"),
        _ => (0, "Unknown"),
    };
    let (confidence, confidence_name) = match row.number("confidence")? {
        Some(confidence) if confidence >= 0.7 => (3, "High"),
        Some(confidence) if confidence >= 0.4 => (2, "Medium"),
        Some(_) => (1, "Low"),
        None => (0, "Unknown"),
    };
    let withdrawn = row.text("status")? == Some("withdrawn");
    let suppressed = row.is("suppressed")?;
    let (status, status_name, detail) = match (withdrawn, suppressed) {
        (true, _) => (4, "Resolved", Some("withdrawn: it no longer holds")),
        (false, true) => (3, "Suppressed", row.text("suppression_reason")?),
        (false, false) => (1, "New", None),
    };
    Ok(object([
        ("severity_id", json!(severity)),
        ("severity", json!(severity_name)),
        ("confidence_id", json!(confidence)),
        ("confidence", json!(confidence_name)),
        ("confidence_score", json!(percent(row.number("confidence")?))),
        ("status_id", json!(status)),
        ("status", json!(status_name)),
        ("status_detail", json!(detail)),
        ("is_alert", json!(!withdrawn && !suppressed)),
    ]))
}

/// 0 to 100.
fn percent(share: Option<f64>) -> Option<u8> {
    format!("{:.0}", share? * 100.0).parse().ok()
}

fn metadata(row: &Row<'_>) -> Result<Value> {
    let (id, revision) = (row.text("finding_id")?.unwrap_or_default(), row.integer("revision")?);
    Ok(json!({
        "version": VERSION,
        "profiles": ["cloud"],
        "product": {
            "name": "trailsift",
            "vendor_name": "trailsift",
            "version": env!("CARGO_PKG_VERSION"),
        },
        // Of the event; several tell of one finding.
        "uid": format!("{id}:{}", revision.unwrap_or_default()),
    }))
}

fn cloud(row: &Row<'_>) -> Result<Value> {
    let account = account(row.text("account")?, row.text("account_name")?);
    Ok(json!({ "provider": "AWS", "region": row.text("region")?, "account": account }))
}

/// An AWS account; nothing if it has no number.
fn account(uid: Option<&str>, name: Option<&str>) -> Value {
    let Some(uid) = uid else { return Value::Null };
    json!({ "uid": uid, "name": name, "type_id": 10, "type": "AWS Account" })
}

fn finding_info(row: &Row<'_>) -> Result<Value> {
    let before = row.text("continues")?.map(|id| ("the same detector's, of the day before", id));
    let copies = row.texts("related")?;
    let copies = copies.into_iter().map(|id| ("the same action in another account's trail", id));
    let related = before.into_iter().chain(copies);
    let related: Vec<Value> =
        related.map(|(desc, id)| json!({ "uid": id, "desc": desc })).collect();
    Ok(json!({
        "uid": row.text("finding_id")?,
        "title": row.text("title")?,
        "desc": row.text("description")?,
        "types": [row.text("finding_type")?],
        "analytic": {
            "uid": row.text("detector_id")?,
            "name": row.text("detector_id")?,
            "type_id": 1,
            "type": "Rule",
            "version": row.integer("detector_version")?.map(|version| version.to_string()),
        },
        "attacks": attack::attacks(row)?,
        "data_sources": ["AWS CloudTrail"],
        "first_seen_time": millis(row, "first_seen")?,
        "last_seen_time": millis(row, "last_seen")?,
        "related_events": related,
    }))
}

/// What has no place in the schema. A column added later goes here.
fn unmapped(row: &Row<'_>) -> Result<Value> {
    let cells = row.cells()?.into_iter().filter(|(name, _)| !PLACED.contains(name));
    let values = cells.map(|(name, cell)| Ok((name.to_owned(), serde_json::to_value(cell)?)));
    values.collect::<Result<Map<_, _>>>().map(Value::Object)
}

/// A column's time in OCSF's milliseconds.
fn millis(row: &Row<'_>, name: &str) -> Result<Option<i64>> {
    Ok(row.integer(name)?.map(|micros| micros.div_euclid(1_000)))
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The value without nulls, empty lists and empty objects: an attribute is there or it is not.
fn without_nothing(value: Value) -> Value {
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match value {
        Value::Array(items) => {
            let items = items.into_iter().map(without_nothing);
            items.filter(|item| !is_nothing(item)).collect()
        }
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, without_nothing(value)));
            Value::Object(fields.filter(|(_, value)| !is_nothing(value)).collect())
        }
        value => value,
    }
}
