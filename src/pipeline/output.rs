//! The files of a run: `findings.parquet`, `first_appearances.parquet`, `rejected.parquet`, `coverage.parquet`,
//! `manifest.parquet`, `run.json`. Equal logs give equal Parquet; the clock stands in `run.json`
//! alone, which is written last.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use serde_json::{Value, json};

use super::accounting::{Account, ObjectRecord, RejectedRecord};
use super::coverage::CoverageRow;
use super::findings_files::FindingsFiles;
use super::log;
use super::partial;
use super::run::Run;
use super::stats::Stage;
use crate::error::{Error, Result};
use crate::findings::{SeverityLabel, findings_batch, timestamp_text, write_rows};
use crate::store::{self, Folder};

/// File names.
pub(super) const FINDINGS: &str = "findings.parquet";
/// With a state: the newest row of every finding.
pub(super) const CURRENT: &str = "findings_current.parquet";
/// First appearances that were only learned.
pub(super) const APPEARANCES: &str = "first_appearances.parquet";
/// Records given up.
pub(super) const REJECTED: &str = "rejected.parquet";
/// Events per hour.
pub(super) const COVERAGE: &str = "coverage.parquet";
/// Every object with its outcome.
pub(super) const MANIFEST: &str = "manifest.parquet";
/// The report that `trailsift report` makes of them, unless it is told another place.
pub const REPORT: &str = "report.html";
/// The run itself.
pub(super) const RUN: &str = "run.json";

/// Files that a folder of results may hold from another run, but those of [`LAST`].
fn known() -> Vec<String> {
    let names = [FINDINGS, CURRENT, APPEARANCES, REJECTED, COVERAGE, MANIFEST, partial::TABLE];
    names.map(str::to_owned).into_iter().chain(FindingsFiles::known()).collect()
}

/// What says that a folder of results is whole: written last, and taken away first.
const LAST: [&str; 2] = [RUN, partial::HEADER];

/// Makes the files of a run part of the folder: what says that it is whole comes last.
pub(super) fn send(out: &Folder, run: &Run) -> Result<()> {
    let started = Instant::now();
    out.send_all(&known(), &LAST)?;
    let written = Duration::from_micros(run.stages.cost(Stage::Write).microseconds.total);
    log::written(&run.location, written + started.elapsed());
    Ok(())
}

/// Refuses a folder that holds the findings of runs with a state: they add up, and a run without
/// one would leave them beside its own.
pub(super) fn refuse_current(folder: &Folder) -> Result<()> {
    if !folder.names()?.iter().any(|name| name == CURRENT) {
        return Ok(());
    }
    let message = format!(
        "`{}` holds the findings of runs with `--state`; give that state, or another `--out`",
        folder.location()
    );
    Err(Error::Usage(message))
}

/// Writes all files of a finished run; with a state, the findings are in files of their own.
pub(super) fn write(run: &mut Run) -> Result<()> {
    let started = Instant::now();
    let folder = &run.out;
    match run.state {
        Some(_) => store::remove(&folder.join(FINDINGS))?,
        None => write_rows(&folder.join(FINDINGS), &run.findings, findings_batch)?,
    }
    run.first_appearances.rows.write(&folder.join(APPEARANCES), findings_batch)?;
    run.coverage.write(&folder.join(COVERAGE))?;
    write_account(folder, &run.account)?;
    run.stages.record(Stage::Write, started.elapsed());
    let json = run_json(run);
    let folder = &run.out;
    store::replace(&folder.join(RUN), |file| Ok(serde_json::to_writer_pretty(file, &json)?))?;
    Ok(())
}

/// Writes the manifest and the rejected records.
pub(super) fn write_account(folder: &Path, account: &Account) -> Result<()> {
    write_rows(&folder.join(MANIFEST), &account.manifest, manifest)?;
    write_rows(&folder.join(REJECTED), &account.rejected, rejected)
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
    Ok(RecordBatch::try_from_iter_with_nullable(nullable)?)
}

fn text<'r, T>(rows: &'r [T], of: impl Fn(&'r T) -> Option<&'r str>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<StringArray>())
}

fn count<T>(rows: &[T], of: impl Fn(&T) -> u64) -> ArrayRef {
    let number = |row| i64::try_from(of(row)).unwrap_or(i64::MAX);
    Arc::new(Int64Array::from_iter_values(rows.iter().map(number)))
}

fn manifest(objects: &[ObjectRecord]) -> Result<RecordBatch> {
    batch(vec![
        ("object_uri", text(objects, |object| Some(&object.uri))),
        ("bytes", count(objects, |object| object.bytes)),
        ("outcome", text(objects, |object| Some(object.outcome.as_str()))),
        ("reason", text(objects, |object| object.reason.as_deref())),
        ("records", count(objects, |object| object.records)),
        ("analysed", count(objects, |object| object.analysed)),
        ("filtered", count(objects, |object| object.filtered)),
        ("duplicates", count(objects, |object| object.duplicates)),
        ("too_late", count(objects, |object| object.too_late)),
        ("rejected", count(objects, |object| object.rejected)),
        ("etag", text(objects, |object| object.etag.as_deref())),
        ("version_id", text(objects, |object| object.version_id.as_deref())),
        ("sha256", text(objects, |object| object.sha256.as_deref())),
    ])
}

fn rejected(records: &[RejectedRecord]) -> Result<RecordBatch> {
    batch(vec![
        ("object_uri", text(records, |record| Some(&record.object_uri))),
        ("record_number", count(records, |record| record.record_number)),
        ("byte_offset", count(records, |record| record.byte_offset)),
        ("reason", text(records, |record| Some(&record.reason))),
        ("excerpt", text(records, |record| Some(&record.excerpt))),
    ])
}

/// Coverage as Arrow columns.
pub(super) fn coverage_batch(rows: &[CoverageRow]) -> Result<RecordBatch> {
    let hours = rows.iter().map(|row: &CoverageRow| row.hour.saturating_mul(1_000_000));
    let hours = TimestampMicrosecondArray::from_iter_values(hours).with_timezone("UTC");
    batch(vec![
        ("account", text(rows, |row| row.account.as_deref())),
        ("region", text(rows, |row| row.region.as_deref())),
        ("bucket", text(rows, |row| row.bucket.as_deref())),
        ("class", text(rows, |row| row.class.as_deref())),
        ("hour", Arc::new(hours)),
        ("event_count", count(rows, |row| row.ok.saturating_add(row.failed))),
        ("error_count", count(rows, |row| row.failed)),
    ])
}

fn run_json(run: &Run) -> Value {
    let count = |label| run.count(label);
    json!({
        "trailsift": env!("CARGO_PKG_VERSION"),
        "finished": finished(),
        "interrupted": run.interrupted,
        "incomplete": run.incomplete,
        "objects": run.account.objects(),
        "records": run.account.records(),
        "balances": run.account.balances(),
        "conflicts": conflicts(run),
        "odd_fields": run.account.odd,
        "unreadable": run.account.unreadable(),
        "skipped_by_reason": run.account.skipped_by_reason(),
        "first_event": run.span.map(|span| timestamp_text(span.first)),
        "last_event": run.span.map(|span| timestamp_text(span.last)),
        "findings": {
            "critical": count(SeverityLabel::Critical),
            "high": count(SeverityLabel::High),
            "medium": count(SeverityLabel::Medium),
            "low": count(SeverityLabel::Low),
            "suppressed": run.suppressed(),
        },
        "state": run.state,
        "s3_requests": run.requests,
        "first_appearances": run.first_appearances.counts,
        "learning": run.learning,
        "detectors": run.detectors,
        "tuning": run.tuning,
        "suppression": run.suppression,
        "intel": run.intel,
        "not_judged": run.not_judged,
        "posture": run.posture(),
        "diagnostics": run.diagnostics,
        "notes": run.notes,
        "stages": run.stages,
    })
}

/// The ids that came with more than one content.
fn conflicts(run: &Run) -> Vec<Value> {
    let event = |(account, id): &(String, String)| json!({"account": account, "event_id": id});
    run.account.conflicts.events.iter().map(event).collect()
}

/// The one look at the clock.
#[allow(clippy::disallowed_methods, reason = "goes into run.json only")]
fn finished() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
