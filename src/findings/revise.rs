//! Findings against those of earlier runs: what is new, revised or withdrawn. Works on the columns
//! of `findings_current.parquet`, sorted by (day, finding_id), so that a column added later is
//! compared as well.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::{concat_batches, filter_record_batch, interleave_record_batch};
use arrow::datatypes::{Date32Type, Int64Type};
use arrow::row::{OwnedRow, RowConverter, SortField};

use super::columns::{findings_batch, write_batches};
use super::finding::Finding;
use crate::error::{Error, Result};
use crate::parquet_file::{Batches, ParquetFile};

/// Rows read at a time.
const BATCH: usize = 1_024;

/// What a run has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Revised {
    /// The newest row of every finding of the days looked at.
    pub current: RecordBatch,
    /// Those of them that are new, revised or withdrawn.
    pub changes: RecordBatch,
    /// Ids of findings that were not there, or were withdrawn.
    pub added: BTreeSet<String>,
    /// Ids of findings that say something else now.
    pub revised: BTreeSet<String>,
    /// How many no longer hold.
    pub withdrawn: u64,
}

/// A row to be: where it is taken from, and what the run makes of it.
struct Line {
    from: (usize, usize),
    revision: i64,
    active: bool,
    changed: bool,
}

/// The columns by which findings of two runs are matched.
struct Known<'b> {
    ids: &'b StringArray,
    detectors: &'b StringArray,
    status: &'b StringArray,
    days: &'b arrow::array::PrimitiveArray<Date32Type>,
    revisions: &'b Int64Array,
}

impl<'b> Known<'b> {
    fn of(batch: &'b RecordBatch) -> Option<Self> {
        let text = |name| batch.column_by_name(name)?.as_string_opt::<i32>();
        Some(Self {
            ids: text("finding_id")?,
            detectors: text("detector_id")?,
            status: text("status")?,
            days: batch.column_by_name("day")?.as_primitive_opt()?,
            revisions: batch.column_by_name("revision")?.as_primitive_opt::<Int64Type>()?,
        })
    }

    fn key(&self, row: usize) -> (i32, &'b str) {
        (self.days.value(row), self.ids.value(row))
    }

    fn is_active(&self, row: usize) -> bool {
        self.status.value(row) == "active"
    }
}

/// Holds the findings of a run against the rows of earlier ones. `is_judged` tells whether the run
/// has judged all of a detector's day (since 1970): other earlier rows stand as they are.
///
/// # Errors
/// [`Error::Arrow`] if the columns differ.
pub fn revise(
    previous: &RecordBatch,
    findings: &[Finding],
    is_judged: impl Fn(&str, i32) -> bool,
) -> Result<Revised> {
    let judged = findings_batch(findings)?;
    let unexpected = || arrow::error::ArrowError::SchemaError("no findings".to_owned());
    let old = Known::of(previous).ok_or_else(unexpected)?;
    let new = Known::of(&judged).ok_or_else(unexpected)?;
    let (old_content, new_content) = contents(previous, &judged)?;
    let mut lines: BTreeMap<(i32, &str), Line> = BTreeMap::new();
    for row in 0..previous.num_rows() {
        let (active, revision) = (old.is_active(row), old.revisions.value(row));
        lines.insert(old.key(row), Line { from: (0, row), revision, active, changed: false });
    }
    let (mut added, mut revised) = (BTreeSet::new(), BTreeSet::new());
    let mut seen = BTreeSet::new();
    for row in 0..judged.num_rows() {
        let (key, id) = (new.key(row), new.ids.value(row));
        seen.insert(key);
        let known = lines.get(&key).filter(|line| line.active);
        let earlier = lines.get(&key).map_or(0, |line| line.revision);
        match known {
            Some(_) if !is_judged(new.detectors.value(row), key.0) => continue,
            Some(line) if old_content.get(line.from.1) == new_content.get(row) => continue,
            Some(_) => revised.insert(id.to_owned()),
            None => added.insert(id.to_owned()),
        };
        let line = Line {
            from: (1, row),
            revision: earlier.saturating_add(1),
            active: true,
            changed: true,
        };
        lines.insert(key, line);
    }
    let mut withdrawn = 0;
    for (key, line) in lines.iter_mut().filter(|(key, line)| line.active && !seen.contains(*key)) {
        if is_judged(old.detectors.value(line.from.1), key.0) {
            withdrawn += 1;
            let revision = line.revision.saturating_add(1);
            (line.revision, line.active, line.changed) = (revision, false, true);
        }
    }
    let lines: Vec<Line> = lines.into_values().collect();
    let current = rows(previous, &judged, &lines)?;
    let is_changed: BooleanArray = lines.iter().map(|line| Some(line.changed)).collect();
    let changes = filter_record_batch(&current, &is_changed)?;
    Ok(Revised { current, changes, added, revised, withdrawn })
}

/// Everything that a finding says, comparable across both batches.
fn contents(a: &RecordBatch, b: &RecordBatch) -> Result<(Vec<OwnedRow>, Vec<OwnedRow>)> {
    let said = |batch: &RecordBatch| -> Vec<ArrayRef> {
        let fields = batch.schema();
        let names = fields.fields().iter().map(|field| field.name().clone());
        let said = names.filter(|name| name != "revision" && name != "status");
        said.filter_map(|name| batch.column_by_name(&name).cloned()).collect()
    };
    let (a, b) = (said(a), said(b));
    let fields = b.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let rows = |columns: &[ArrayRef]| -> Result<Vec<OwnedRow>> {
        let rows = converter.convert_columns(columns)?;
        Ok(rows.iter().map(|row| row.owned()).collect())
    };
    Ok((rows(&a)?, rows(&b)?))
}

fn rows(previous: &RecordBatch, judged: &RecordBatch, lines: &[Line]) -> Result<RecordBatch> {
    let from: Vec<(usize, usize)> = lines.iter().map(|line| line.from).collect();
    let batch = interleave_record_batch(&[previous, judged], &from)?;
    let status = |line: &Line| Some(if line.active { "active" } else { "withdrawn" });
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| -> ArrayRef {
        match field.name().as_str() {
            "status" => Arc::new(lines.iter().map(status).collect::<StringArray>()),
            "revision" => {
                Arc::new(Int64Array::from_iter_values(lines.iter().map(|line| line.revision)))
            }
            _ => column.clone(),
        }
    });
    Ok(RecordBatch::try_new(schema.clone(), columns.collect())?)
}

/// The rows of `findings_current` of `from` and later days; without a file none.
///
/// # Errors
/// [`Error::State`] if the file has other columns than this trailsift writes.
pub fn read_current(path: Option<&Path>, from: i32) -> Result<RecordBatch> {
    let none = findings_batch(&[])?;
    let Some(path) = path else { return Ok(none) };
    let mut recent = Vec::new();
    for batch in batches(path)? {
        let batch = batch?;
        if batch.schema().fields() != none.schema().fields() {
            let reason = "its columns are those of another trailsift; begin a new state";
            return Err(Error::state(path, reason));
        }
        recent.push(filter_record_batch(&batch, &days(path, &batch, |day| day >= from)?)?);
    }
    Ok(concat_batches(&none.schema(), &recent)?)
}

/// The rows of `findings_current`, a batch at a time.
///
/// # Errors
/// [`Error::State`] if the file is damaged.
pub fn current_batches(path: &Path) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
    batches(path)
}

/// Writes `findings_current`: the rows of `old` of days before `from`, then `current`.
///
/// # Errors
/// Those of reading and writing.
pub fn write_current(
    path: &Path,
    old: Option<&Path>,
    from: i32,
    current: &RecordBatch,
) -> Result<()> {
    let mut parts: Box<dyn Iterator<Item = Result<RecordBatch>>> = Box::new(std::iter::empty());
    if let Some(old) = old {
        let before = move |batch: Result<RecordBatch>| {
            let batch = batch?;
            Ok(filter_record_batch(&batch, &days(old, &batch, |day| day < from)?)?)
        };
        parts = Box::new(batches(old)?.map(before));
    }
    let parts = parts.chain(std::iter::once(Ok(current.clone())));
    write_batches(path, &current.schema(), parts)
}

/// The rows by day, ascending.
///
/// # Errors
/// [`Error::State`] if `path`, which they are from, has other columns.
pub fn read_by_day(path: &Path) -> Result<Vec<(i32, RecordBatch)>> {
    let all = read_current(Some(path), i32::MIN)?;
    let days = all.column_by_name("day").and_then(|days| days.as_primitive_opt::<Date32Type>());
    let days = days.map_or(&[][..], |days| days.values());
    let mut parts = Vec::new();
    let mut start = 0;
    for same in days.chunk_by(|a, b| a == b) {
        parts.extend(same.first().map(|day| (*day, all.slice(start, same.len()))));
        start += same.len();
    }
    Ok(parts)
}

fn batches(path: &Path) -> Result<Batches> {
    ParquetFile::open(path, |path, reason| Error::state(path, reason))?.batches(BATCH)
}

fn days(path: &Path, batch: &RecordBatch, wanted: impl Fn(i32) -> bool) -> Result<BooleanArray> {
    let days = batch.column_by_name("day").and_then(|days| days.as_primitive_opt::<Date32Type>());
    let days = days.ok_or_else(|| Error::state(path, "damaged: no column `day`"))?;
    Ok(days.iter().map(|day| Some(day.is_some_and(&wanted))).collect())
}
