//! What of the input was lost: damaged objects and rejected records, the first of each.

use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::parquet_file::{Batches, ParquetFile};

/// Lines shown of each; how many there are beyond is said.
const SHOWN: usize = 20;
const BATCH: usize = 4_096;

/// An object of which some, or all, could not be read.
#[derive(Debug, Serialize)]
struct Object {
    uri: String,
    outcome: String,
    reason: String,
}

/// A record that was given up.
#[derive(Debug, Serialize)]
struct Record {
    uri: String,
    number: i64,
    offset: i64,
    reason: String,
}

/// What was lost.
#[derive(Debug, Default, Serialize)]
pub(super) struct Losses {
    objects: Vec<Object>,
    more_objects: usize,
    records: Vec<Record>,
    more_records: usize,
}

impl Losses {
    /// Reads manifest.parquet and rejected.parquet.
    pub(super) fn read(manifest: &Path, rejected: &Path) -> Result<Self> {
        let mut losses = Self::default();
        for batch in batches(manifest)? {
            losses.add_objects(&batch?);
        }
        for batch in batches(rejected)? {
            losses.add_records(&batch?);
        }
        Ok(losses)
    }

    fn add_objects(&mut self, batch: &RecordBatch) {
        for row in 0..batch.num_rows() {
            let outcome = text(batch, "outcome", row);
            if !matches!(outcome, "failed" | "partial") {
                continue;
            }
            if self.objects.len() == SHOWN {
                self.more_objects += 1;
                continue;
            }
            self.objects.push(Object {
                uri: text(batch, "object_uri", row).to_owned(),
                outcome: outcome.to_owned(),
                reason: text(batch, "reason", row).to_owned(),
            });
        }
    }

    fn add_records(&mut self, batch: &RecordBatch) {
        let shown = (SHOWN - self.records.len()).min(batch.num_rows());
        self.more_records += batch.num_rows() - shown;
        self.records.extend((0..shown).map(|row| Record {
            uri: text(batch, "object_uri", row).to_owned(),
            number: integer(batch, "record_number", row),
            offset: integer(batch, "byte_offset", row),
            reason: text(batch, "reason", row).to_owned(),
        }));
    }
}

/// The batches of an output.
pub(super) fn batches(path: &Path) -> Result<Batches> {
    ParquetFile::open(path, |path, reason| Error::table(path, reason))?.batches(BATCH)
}

/// A text; empty if it is null, or there is no such column.
pub(super) fn text<'b>(batch: &'b RecordBatch, name: &str, row: usize) -> &'b str {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    column.filter(|column| column.is_valid(row)).map_or("", |column| column.value(row))
}

/// An integer; 0 if it is null, or there is no such column.
pub(super) fn integer(batch: &RecordBatch, name: &str, row: usize) -> i64 {
    let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Int64Type>());
    column.filter(|column| column.is_valid(row)).map_or(0, |column| column.value(row))
}
