//! Findings as a timeline for Timesketch: a row per event of the evidence, and one per finding at its
//! first event, in the columns that its import of CSV wants
//! (<https://timesketch.org/guides/user/import-from-json-csv/>).

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use arrow::array::RecordBatch;

use super::Change;
use super::csv::{field, record, writer};
use super::row::{Cell, Row, rows, time_text};
use crate::error::{Error, Result};

/// What Timesketch asks for.
const REQUIRED: [&str; 3] = ["message", "datetime", "timestamp_desc"];

/// What stands beside it, of the event: columns of the evidence.
const OF_EVENT: [&str; 3] = ["event_id", "object_uri", "record_number"];

/// What stands beside it, of the finding: columns of findings.
const OF_FINDING: [&str; 27] = [
    "finding_id",
    "revision",
    "status",
    "detector_id",
    "finding_type",
    "title",
    "severity",
    "severity_label",
    "confidence",
    "account",
    "account_name",
    "region",
    "principal",
    "access_key_ids",
    "buckets",
    "object_keys",
    "event_names",
    "source_ips",
    "countries",
    "user_agents",
    "event_count",
    "error_codes",
    "first_seen",
    "last_seen",
    "mitre_techniques",
    "suppressed",
    "remediation",
];

/// Writes the head and the rows: those of a finding together, its own row first.
pub(super) fn write(
    out: &mut impl Write,
    path: &Path,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<()> {
    let mut table = writer(out);
    let head = REQUIRED.iter().chain(&OF_EVENT).chain(&OF_FINDING).copied();
    record(&mut table, path, head.chain(["change"]))?;
    for batch in batches {
        for row in rows(&batch?) {
            for moment in moments(&row)? {
                record(&mut table, path, moment.iter().map(AsRef::as_ref))?;
            }
        }
    }
    table.flush().map_err(Error::io(path))
}

/// The rows of a finding, in the order of the head.
fn moments<'b>(row: &Row<'b>) -> Result<Vec<Vec<Cow<'b, str>>>> {
    let beside = OF_FINDING.iter().map(|name| field(&row.cell(name)?));
    let beside = beside.collect::<Result<Vec<_>>>()?;
    let change = Change::of(row)?.as_str();
    let moment =
        |message: &Cell<'b>, time: &Cell<'b>, kind: &'static str, event: &[Cell<'b>; 3]| {
            let mut fields = vec![field(message)?, at(time), kind.into()];
            for of_event in event {
                fields.push(field(of_event)?);
            }
            fields.extend(beside.iter().cloned());
            fields.push(change.into());
            Ok::<_, Error>(fields)
        };
    let nothing = [Cell::Null, Cell::Null, Cell::Null];
    let (told, first) = (row.cell("description")?, row.cell("first_seen")?);
    let mut moments = vec![moment(&told, &first, "Finding: first event", &nothing)?];
    let title = row.cell("title")?;
    for event in row.list("evidence")? {
        let of_event = OF_EVENT.map(|name| event.get(name));
        let time = event.get("event_time");
        moments.push(moment(&title, &time, "Evidence: time of the event", &of_event)?);
    }
    Ok(moments)
}

/// A time as Timesketch's documentation writes it: with an offset instead of `Z`.
fn at(time: &Cell<'_>) -> Cow<'static, str> {
    match time {
        Cell::Time(micros) => time_text(*micros).replace('Z', "+00:00").into(),
        _ => "".into(),
    }
}
