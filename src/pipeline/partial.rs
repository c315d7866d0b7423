//! Partial runs: the merged table of one share with its accounting, for `trailsift merge`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, UInt64Type};
use serde::{Deserialize, Serialize};

use super::accounting::{Account, Conflicts, ObjectOutcome, ObjectRecord, RejectedRecord};
use super::output;
use super::run::{Run, Span};
use super::scan::ScanOptions;
use super::tables::Spilled;
use crate::detect::group::{Key, Row, write_table};
use crate::detect::rules::Plan;
use crate::error::{Error, Result};
use crate::parquet_file::ParquetFile;
use crate::store::{self, Folder};

/// The version of a partial run's files.
const FORMAT: u32 = 4;

/// Rows read at a time.
const BATCH: usize = 8_192;

/// What says that a partial run is whole.
pub(super) const HEADER: &str = "partial.json";
/// Its table.
pub(super) const TABLE: &str = "table.parquet";

/// What `partial.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Version of the files.
    format: u32,
    /// Identity of the detectors: only equal ones merge.
    pub plan: String,
    /// `2/5`; none if the share is the whole.
    pub shard: Option<String>,
    /// `--since`, µs.
    pub since: Option<i64>,
    /// `--until`, µs.
    pub until: Option<i64>,
    /// `--history`, µs.
    pub history: Option<i64>,
    /// What else is asked for of events.
    #[serde(default)]
    pub filter: String,
    /// Objects listed.
    listed: u64,
    /// The events' times.
    pub span: Option<Span>,
    /// Whether it was stopped early.
    pub interrupted: bool,
    /// What the user should read.
    pub notes: Vec<String>,
    /// Events with an id met before, but other content.
    #[serde(default)]
    pub conflicts: Conflicts,
    /// Reads of the logs by the scan's own role.
    #[serde(default)]
    pub own_reads: u64,
    /// Fields of unexpected type.
    #[serde(default)]
    pub odd_fields: BTreeMap<String, u64>,
}

/// A partial run, read back.
#[derive(Debug)]
pub(super) struct Partial {
    /// What it says of itself.
    pub header: Header,
    /// Its objects and rejected records.
    pub account: Account,
    /// Its table.
    pub table: PathBuf,
}

/// Writes the share's files into `folder`; the header last, so that a folder with a header is
/// whole.
pub(super) fn write(
    options: &ScanOptions,
    plan: &Plan,
    run: &Run,
    folder: &Path,
    table: impl Iterator<Item = Result<(Key, Row)>>,
    spilled: Spilled,
) -> Result<()> {
    clear(folder)?;
    let whole = [output::RUN, output::FINDINGS, output::APPEARANCES, output::COVERAGE];
    whole.iter().try_for_each(|name| store::remove(&folder.join(name)))?;
    write_table(&folder.join(TABLE), table)?;
    spilled.end()?;
    output::write_account(folder, &run.account)?;
    let read = &options.read;
    let header = Header {
        format: FORMAT,
        plan: plan.digest.clone(),
        shard: read.shard.map(|shard| shard.to_string()),
        since: read.since,
        until: read.until,
        history: read.history,
        filter: format!("{:?} {:?}", read.filter, read.delivered_since),
        listed: run.account.listed,
        span: run.span,
        interrupted: run.interrupted,
        notes: run.notes.clone(),
        conflicts: run.account.conflicts.clone(),
        own_reads: run.account.own_reads,
        odd_fields: run.account.odd.clone(),
    };
    store::replace(&folder.join(HEADER), |file| Ok(serde_json::to_writer_pretty(file, &header)?))
}

/// Takes away the files of an earlier partial run: a folder never holds two kinds of runs.
pub(super) fn clear(folder: &Path) -> Result<()> {
    [HEADER, TABLE].iter().try_for_each(|name| store::remove(&folder.join(name)))
}

/// Reads a partial run back.
///
/// # Errors
/// [`Error::Table`] if the folder holds none, or one of another version.
pub(super) fn read(folder: &Folder) -> Result<Partial> {
    let missing = |error: Error| {
        let reason = format!("no finished partial run ({error}); run `scan --partial` again");
        Error::table(folder.location().to_string(), reason)
    };
    let path = folder.bring(HEADER).map_err(missing)?;
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Error::table(
            &path,
            format!("no finished partial run ({error}); run `scan --partial` again"),
        )
    })?;
    let header: Header = serde_json::from_str(&text).map_err(|error| {
        Error::table(&path, format!("not the header of a partial run: {error}"))
    })?;
    if header.format != FORMAT {
        let reason = format!("format {}, this trailsift reads {FORMAT}", header.format);
        return Err(Error::table(&path, reason));
    }
    let account = Account {
        listed: header.listed,
        manifest: rows(&folder.bring(output::MANIFEST)?, manifest_row)?,
        rejected: rows(&folder.bring(output::REJECTED)?, rejected_row)?,
        ..Account::default()
    };
    Ok(Partial { header, account, table: folder.bring(TABLE)? })
}

fn rows<T>(path: &Path, read: fn(&RecordBatch, usize) -> Option<T>) -> Result<Vec<T>> {
    let file = ParquetFile::open(path, |path, reason| Error::table(path, reason))?;
    let mut found = Vec::new();
    for batch in file.batches(BATCH)? {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let damaged = || Error::table(path, "damaged: unexpected columns");
            found.push(read(&batch, row).ok_or_else(damaged)?);
        }
    }
    Ok(found)
}

/// The column's text; empty for null, and no text of ours is empty.
fn text(batch: &RecordBatch, name: &str, row: usize) -> Option<String> {
    let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
    Some(if column.is_valid(row) { column.value(row).to_owned() } else { String::new() })
}

fn number(batch: &RecordBatch, name: &str, row: usize) -> Option<u64> {
    let column = batch.column_by_name(name)?;
    match column.as_primitive_opt::<UInt64Type>() {
        Some(numbers) => Some(numbers.value(row)),
        None => u64::try_from(column.as_primitive_opt::<Int64Type>()?.value(row)).ok(),
    }
}

fn manifest_row(batch: &RecordBatch, row: usize) -> Option<ObjectRecord> {
    Some(ObjectRecord {
        uri: Arc::from(text(batch, "object_uri", row)?),
        bytes: number(batch, "bytes", row)?,
        outcome: ObjectOutcome::parse(&text(batch, "outcome", row)?)?,
        reason: Some(text(batch, "reason", row)?).filter(|reason| !reason.is_empty()),
        records: number(batch, "records", row)?,
        analysed: number(batch, "analysed", row)?,
        filtered: number(batch, "filtered", row)?,
        duplicates: number(batch, "duplicates", row)?,
        too_late: number(batch, "too_late", row)?,
        rejected: number(batch, "rejected", row)?,
        etag: Some(text(batch, "etag", row)?).filter(|etag| !etag.is_empty()).map(Into::into),
        version_id: Some(text(batch, "version_id", row)?)
            .filter(|version| !version.is_empty())
            .map(Into::into),
        sha256: Some(text(batch, "sha256", row)?).filter(|hash| !hash.is_empty()),
    })
}

fn rejected_row(batch: &RecordBatch, row: usize) -> Option<RejectedRecord> {
    Some(RejectedRecord {
        object_uri: Arc::from(text(batch, "object_uri", row)?),
        record_number: number(batch, "record_number", row)?,
        byte_offset: number(batch, "byte_offset", row)?,
        reason: text(batch, "reason", row)?,
        excerpt: text(batch, "excerpt", row)?,
    })
}
