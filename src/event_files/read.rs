//! Event files → the records in them, with the places that they came from. Parquet files of others
//! are told by their columns.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::ChunkReader;

use super::rows::{OBJECT_URI, RECORD, RECORD_NUMBER};

/// The most rows, and about the most bytes of text, that are in memory at once.
const BATCH: usize = 1_024;
const BATCH_BYTES: i64 = 16 << 20;

/// A record of an event file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredRecord<'r> {
    /// The object that it came from.
    pub object_uri: &'r str,
    /// Its position in that object.
    pub record_number: u64,
    /// Its text.
    pub text: &'r str,
}

/// Why a Parquet file is not read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Its columns are not those of an event file.
    #[error("no event file of trailsift")]
    Foreign,
    /// It is no whole Parquet file.
    #[error("damaged Parquet: {0}")]
    Damaged(String),
}

/// Hands the records of an event file to `take`, in their order, until it says no. Memory: a batch.
///
/// # Errors
/// Why the file cannot be read on; what was read before was taken.
pub fn records<R: ChunkReader + 'static>(
    file: R,
    take: &mut dyn FnMut(StoredRecord<'_>) -> bool,
) -> Result<(), Unreadable> {
    let mut reader = open(file)?;
    loop {
        // Pages that do not fit together can make the reader panic. It is dropped then, and holds
        // nothing that others see.
        let next = catch_unwind(AssertUnwindSafe(|| reader.next()));
        let rows = match next {
            Ok(None) => return Ok(()),
            Ok(Some(Ok(rows))) => rows,
            Ok(Some(Err(error))) => return Err(damaged(&error)),
            Err(_) => return Err(damaged(&"its pages do not fit together")),
        };
        if !of_batch(&rows, take).ok_or(Unreadable::Foreign)? {
            return Ok(());
        }
    }
}

fn damaged(why: &dyn std::fmt::Display) -> Unreadable {
    Unreadable::Damaged(why.to_string())
}

fn open<R: ChunkReader + 'static>(file: R) -> Result<ParquetRecordBatchReader, Unreadable> {
    // Parquet's own types say all; reading Arrow's copy of them panics where it is damaged.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .map_err(|error| damaged(&error))?;
        let schema = builder.parquet_schema();
        let names = [OBJECT_URI, RECORD_NUMBER, RECORD];
        let is_there = |name: &&str| schema.columns().iter().any(|c| c.path().string() == **name);
        if !names.iter().all(is_there) {
            return Err(Unreadable::Foreign);
        }
        let mask = ProjectionMask::columns(schema, names);
        let rows = batch_rows(builder.metadata());
        let reader = builder.with_projection(mask).with_batch_size(rows).build();
        reader.map_err(|error| damaged(&error))
    }));
    opened.unwrap_or_else(|_| Err(damaged(&"its parts do not fit together")))
}

/// How many rows are read at once, by what the file says of its largest row group.
fn batch_rows(metadata: &ParquetMetaData) -> usize {
    let longest = |group: &RowGroupMetaData| {
        let columns = group.columns().iter();
        let bytes: i64 =
            columns.map(ColumnChunkMetaData::uncompressed_size).map(|n| n.max(0)).sum();
        bytes / group.num_rows().max(1)
    };
    let longest = metadata.row_groups().iter().map(longest).max().unwrap_or(0);
    usize::try_from(BATCH_BYTES / longest.max(1)).unwrap_or(BATCH).clamp(1, BATCH)
}

/// Hands over the records of a batch; says whether to go on.
fn of_batch(rows: &RecordBatch, take: &mut dyn FnMut(StoredRecord<'_>) -> bool) -> Option<bool> {
    let text = |name| rows.column_by_name(name)?.as_string_opt::<i32>();
    let (uris, texts) = (text(OBJECT_URI)?, text(RECORD)?);
    let numbers = rows.column_by_name(RECORD_NUMBER)?.as_primitive_opt::<Int64Type>()?;
    for row in 0..rows.num_rows() {
        let stored = StoredRecord {
            object_uri: if uris.is_valid(row) { uris.value(row) } else { "" },
            record_number: u64::try_from(numbers.value(row)).unwrap_or(0),
            text: if texts.is_valid(row) { texts.value(row) } else { "" },
        };
        if !take(stored) {
            return Some(false);
        }
    }
    Some(true)
}
