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
use parquet::schema::types::SchemaDescriptor;

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
    while let Some(rows) = next(&mut reader)? {
        if !of_batch(&rows, take).ok_or(Unreadable::Foreign)? {
            return Ok(());
        }
    }
    Ok(())
}

/// The next batch.
pub(super) fn next(
    reader: &mut ParquetRecordBatchReader,
) -> Result<Option<RecordBatch>, Unreadable> {
    sound("its pages do not fit together", || reader.next().transpose())
}

/// What `read` gives. Parts that do not fit together can make the reader panic. It is dropped then,
/// and holds nothing that others see.
pub(super) fn sound<T, E: std::fmt::Display>(
    otherwise: &str,
    read: impl FnOnce() -> Result<T, E>,
) -> Result<T, Unreadable> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| Unreadable::Damaged(error.to_string())),
        Err(_) => Err(Unreadable::Damaged(otherwise.to_owned())),
    }
}

/// Parquet's own types say all; reading Arrow's copy of them panics where it is damaged.
pub(super) fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

/// The columns of these names; none if one of them is missing.
pub(super) fn projection<'n>(
    schema: &SchemaDescriptor,
    names: impl IntoIterator<Item = &'n str> + Clone,
) -> Option<ProjectionMask> {
    let is_there = |name: &str| schema.columns().iter().any(|c| c.path().string() == name);
    let all = names.clone().into_iter().all(is_there);
    all.then(|| ProjectionMask::columns(schema, names))
}

fn open<R: ChunkReader + 'static>(file: R) -> Result<ParquetRecordBatchReader, Unreadable> {
    let builder =
        sound(UNFIT, || ParquetRecordBatchReaderBuilder::try_new_with_options(file, options()))?;
    let names = [OBJECT_URI, RECORD_NUMBER, RECORD];
    let mask = projection(builder.parquet_schema(), names).ok_or(Unreadable::Foreign)?;
    let rows = batch_rows(builder.metadata());
    sound(UNFIT, || builder.with_projection(mask).with_batch_size(rows).build())
}

/// Why a file cannot be opened whose reader has panicked.
pub(super) const UNFIT: &str = "its parts do not fit together";

/// How many rows are read at once, by what the file says of its largest row group.
pub(super) fn batch_rows(metadata: &ParquetMetaData) -> usize {
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
