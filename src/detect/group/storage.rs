//! Tables as Parquet, to be kept: those of partial runs and of states.
//!
//! Columns: `fold` (hex), `entity` (list of text), `bucket` (time), `panes` (list of start, rule,
//! ok, failed), `first`, `last` (times), `bytes_in`, `bytes_out`, `evidence` (list of event_time,
//! event_id, object_uri, record_number), `samples` (list of k, keep, texts, and the
//! hashes of further values), `measures` (list of start, kind, skipped, sum, count, hashes, buckets).

mod measures;

use std::fs::File;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    DataType, Field, Int64Type, TimestampMicrosecondType, UInt16Type, UInt32Type, UInt64Type,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::WriterProperties;

use super::details::{Details, Evidence};
use super::key::{Entity, FoldId, Key};
use super::row::{Pane, Panes, Row};
use super::sketch::Sketch;
use crate::error::{Error, Result};
use crate::parquet_file::{Batches, ParquetFile};

/// Rows per batch written, and their bytes: rows with large samples are as large as a hundred others.
const BATCH: usize = 1_024;
const BATCH_BYTES: usize = 4 << 20;
/// Rows per batch read, and their bytes: many tables are open when runs are merged.
const READ_BATCH: usize = 256;
const READ_BYTES: i64 = 1 << 20;
/// Bytes that are held of an open row group when it is ended, and of a page.
const GROUP_BYTES: usize = 16 << 20;
const PAGE_BYTES: usize = 128 << 10;

/// Metadata key and value that mark our tables; the number changes with the format.
const FORMAT: (&str, &str) = ("trailsift.table", "4");

/// Times of panes and buckets, in seconds: those that events can have, and some slack. The judges
/// calculate with what a table says, so nothing else is read.
const SECONDS: RangeInclusive<i64> = -400_000_000_000..=400_000_000_000;
/// The most calls in one pane.
const MAX_COUNT: u64 = 1 << 40;

/// Writes a sorted run row by row. Memory: one batch of rows and Parquet's open row group.
#[derive(Debug)]
pub struct TableWriter {
    writer: ArrowWriter<File>,
    rows: Vec<(Key, Row)>,
    /// About the bytes of these rows.
    bytes: usize,
}

impl TableWriter {
    /// A table in `file`, which is empty.
    ///
    /// # Errors
    /// Those of Parquet.
    pub fn new(file: File) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_max_row_group_row_count(Some(16 * BATCH))
            .set_data_page_size_limit(PAGE_BYTES)
            .set_key_value_metadata(Some(vec![KeyValue::new(FORMAT.0.into(), FORMAT.1.to_owned())]))
            .build();
        let writer = ArrowWriter::try_new(file, to_batch(&[])?.schema(), Some(properties))?;
        Ok(Self { writer, rows: Vec::with_capacity(BATCH), bytes: 0 })
    }

    /// Adds a row; rows come in the order of their keys.
    ///
    /// # Errors
    /// Those of writing.
    pub fn push(&mut self, row: (Key, Row)) -> Result<()> {
        // Made here, they count.
        let _made = row.1.details();
        self.bytes += row.1.bytes();
        self.rows.push(row);
        if self.rows.len() == BATCH || self.bytes >= BATCH_BYTES {
            self.writer.write(&to_batch(&self.rows)?)?;
            self.rows.clear();
            self.bytes = 0;
            if self.writer.memory_size() >= GROUP_BYTES {
                self.writer.flush()?;
            }
        }
        Ok(())
    }

    /// Ends the table.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(mut self) -> Result<()> {
        self.writer.write(&to_batch(&self.rows)?)?;
        self.writer.close()?;
        Ok(())
    }
}

/// Writes a sorted run to `path`.
///
/// # Errors
/// Those of the run, of the file system and of Parquet.
pub fn write_table(path: &Path, mut run: impl Iterator<Item = Result<(Key, Row)>>) -> Result<()> {
    let mut writer = TableWriter::new(File::create(path).map_err(Error::io(path))?)?;
    run.try_for_each(|row| writer.push(row?))?;
    writer.finish()
}

fn to_batch(rows: &[(Key, Row)]) -> Result<RecordBatch> {
    let details = || rows.iter().map(|(_, row)| row.details());
    let time = |of: fn(&Details) -> i64| -> ArrayRef {
        let times: TimestampMicrosecondArray = details().map(|d| d.map(of)).collect();
        Arc::new(times.with_timezone("UTC"))
    };
    let count = |of: fn(&Details) -> u64| -> ArrayRef {
        Arc::new(details().map(|d| d.map(of)).collect::<UInt64Array>())
    };
    let folds: StringArray = rows.iter().map(|(key, _)| Some(key.fold.to_string())).collect();
    let buckets = rows.iter().map(|(key, _)| key.bucket);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("fold", Arc::new(folds)),
        ("entity", entities(rows)?),
        ("bucket", Arc::new(Int64Array::from_iter_values(buckets))),
        ("panes", panes(rows)?),
        ("first", time(|d| d.first)),
        ("last", time(|d| d.last)),
        ("bytes_in", count(|d| d.bytes_in)),
        ("bytes_out", count(|d| d.bytes_out)),
        ("evidence", evidence(rows)?),
        ("samples", samples(rows)?),
        ("measures", measures::write(rows)?),
    ];
    let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
    Ok(RecordBatch::try_from_iter_with_nullable(nullable)?)
}

/// A list column of the given lengths over already flattened items.
fn list(lengths: impl Iterator<Item = usize>, items: ArrayRef) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(field, offsets, items, None)?))
}

fn structure(columns: Vec<(&str, ArrayRef)>) -> ArrayRef {
    let field = |name: &str, kind: &DataType| Arc::new(Field::new(name, kind.clone(), true));
    let columns: Vec<_> =
        columns.into_iter().map(|(name, c)| (field(name, c.data_type()), c)).collect();
    Arc::new(StructArray::from(columns))
}

fn entities(rows: &[(Key, Row)]) -> Result<ArrayRef> {
    let values: StringArray =
        rows.iter().flat_map(|(key, _)| key.entity.iter().map(Option::as_deref)).collect();
    list(rows.iter().map(|(key, _)| key.entity.len()), Arc::new(values))
}

fn panes(rows: &[(Key, Row)]) -> Result<ArrayRef> {
    let all = || rows.iter().flat_map(|(_, row)| &row.panes);
    let items = structure(vec![
        ("start", Arc::new(Int64Array::from_iter_values(all().map(|pane| pane.start)))),
        ("rule", Arc::new(UInt16Array::from_iter_values(all().map(|pane| pane.rule)))),
        ("ok", Arc::new(UInt64Array::from_iter_values(all().map(|pane| pane.ok)))),
        ("failed", Arc::new(UInt64Array::from_iter_values(all().map(|pane| pane.failed)))),
    ]);
    list(rows.iter().map(|(_, row)| row.panes.len()), items)
}

fn evidence(rows: &[(Key, Row)]) -> Result<ArrayRef> {
    let of = |row: &Row| row.details().map_or(0, |details| details.evidence.len());
    let all = || rows.iter().filter_map(|(_, row)| row.details()).flat_map(|d| &d.evidence);
    let times = TimestampMicrosecondArray::from_iter_values(all().map(|event| event.event_time));
    let items = structure(vec![
        ("event_time", Arc::new(times.with_timezone("UTC"))),
        ("event_id", Arc::new(all().map(|e| Some(&e.event_id)).collect::<StringArray>())),
        ("object_uri", Arc::new(all().map(|e| Some(&e.object_uri)).collect::<StringArray>())),
        ("record_number", Arc::new(UInt64Array::from_iter_values(all().map(|e| e.record_number)))),
    ]);
    list(rows.iter().map(|(_, row)| of(row)), items)
}

fn samples(rows: &[(Key, Row)]) -> Result<ArrayRef> {
    let of = |row: &Row| row.details().map_or(0, |details| details.samples.len());
    let all = || rows.iter().filter_map(|(_, row)| row.details()).flat_map(|d| &d.samples);
    let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    let hashes = UInt64Array::from_iter_values(all().flat_map(|s| s.bare_hashes().iter().copied()));
    let texts: StringArray = all().flat_map(Sketch::texts).map(Some).collect();
    let items = structure(vec![
        ("k", Arc::new(UInt32Array::from_iter_values(all().map(|s| size(s.k()))))),
        ("keep", Arc::new(UInt32Array::from_iter_values(all().map(|s| size(s.keep()))))),
        ("hashes", list(all().map(|sketch| sketch.bare_hashes().len()), Arc::new(hashes))?),
        ("texts", list(all().map(|sketch| sketch.texts().len()), Arc::new(texts))?),
    ]);
    list(rows.iter().map(|(_, row)| of(row)), items)
}

/// Reads a table back as a sorted run, a batch at a time.
#[derive(Debug)]
pub struct TableReader {
    path: PathBuf,
    batches: Batches,
    rows: std::vec::IntoIter<(Key, Row)>,
    /// The key of the row before.
    last: Option<Key>,
}

impl TableReader {
    /// Opens the table at `path`.
    ///
    /// # Errors
    /// [`Error::Table`] for a file that is no table of this version.
    pub fn open(path: &Path) -> Result<Self> {
        let file = ParquetFile::open(path, |path, reason| Error::table(path, reason))?;
        match file.note(FORMAT.0) {
            Some(version) if version == FORMAT.1 => {}
            Some(other) => {
                let reason = format!("table format {other}, this trailsift reads {}", FORMAT.1);
                return Err(Error::table(path, reason));
            }
            None => return Err(Error::table(path, "not a table of trailsift")),
        }
        let batch = rows_of(READ_BYTES, file.metadata());
        let batches = file.batches(batch)?;
        let rows = Vec::new().into_iter();
        Ok(Self { path: path.to_path_buf(), batches, rows, last: None })
    }

    fn next_row(&mut self) -> Result<Option<(Key, Row)>> {
        loop {
            if let Some((key, row)) = self.rows.next() {
                if self.last.as_ref().is_some_and(|last| *last >= key) {
                    return Err(Error::table(&self.path, "damaged: its rows are not in order"));
                }
                self.last = Some(key.clone());
                return Ok(Some((key, row)));
            }
            let Some(batch) = self.batches.next() else { return Ok(None) };
            let rows = from_batch(&batch?);
            let damaged = || Error::table(&self.path, "damaged: unexpected columns or values");
            let rows = rows.ok_or_else(damaged)?;
            self.rows = rows.into_iter();
        }
    }
}

/// How many rows of a table take about so many bytes.
fn rows_of(bytes: i64, table: &ParquetMetaData) -> usize {
    let groups = table.row_groups().iter();
    let row = groups.map(|group| group.total_byte_size() / group.num_rows().max(1)).max();
    usize::try_from(bytes / row.unwrap_or(0).max(1)).unwrap_or(1).clamp(1, READ_BATCH)
}

impl Iterator for TableReader {
    type Item = Result<(Key, Row)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}

fn from_batch(batch: &RecordBatch) -> Option<Vec<(Key, Row)>> {
    (0..batch.num_rows()).map(|row| Some((key(batch, row)?, value(batch, row)?))).collect()
}

fn key(batch: &RecordBatch, row: usize) -> Option<Key> {
    let fold = batch.column_by_name("fold")?.as_string_opt::<i32>()?.value(row);
    let entity = batch.column_by_name("entity")?.as_list_opt::<i32>()?.value(row);
    let entity: Entity =
        entity.as_string_opt::<i32>()?.iter().map(|value| value.map(Arc::from)).collect();
    let bucket = batch.column_by_name("bucket")?.as_primitive_opt::<Int64Type>()?.value(row);
    Some(Key { fold: FoldId::parse(fold)?, entity, bucket: seconds(bucket)? })
}

/// The time, if an event can have it.
fn seconds(time: i64) -> Option<i64> {
    SECONDS.contains(&time).then_some(time)
}

/// The same for a time in µs.
fn micros(time: i64) -> Option<i64> {
    seconds(time / 1_000_000).map(|_| time)
}

fn calls(count: u64) -> Option<u64> {
    (count <= MAX_COUNT).then_some(count)
}

fn value(batch: &RecordBatch, row: usize) -> Option<Row> {
    let items = |name| Some(batch.column_by_name(name)?.as_list_opt::<i32>()?.value(row));
    let panes = read_panes(items("panes")?.as_struct_opt()?)?;
    let first = batch.column_by_name("first")?;
    let measures = measures::read(items("measures")?.as_struct_opt()?)?;
    let measures = (!measures.is_empty()).then(|| Box::new(measures));
    if first.is_null(row) {
        return Some(Row { measures, ..Row::new(panes, None) });
    }
    let time = |name| {
        let column = batch.column_by_name(name)?;
        micros(column.as_primitive_opt::<TimestampMicrosecondType>()?.value(row))
    };
    let count =
        |name| Some(batch.column_by_name(name)?.as_primitive_opt::<UInt64Type>()?.value(row));
    let details = Details {
        first: time("first")?,
        last: time("last")?,
        bytes_in: count("bytes_in")?,
        bytes_out: count("bytes_out")?,
        evidence: read_evidence(items("evidence")?.as_struct_opt()?)?,
        samples: read_samples(items("samples")?.as_struct_opt()?)?,
    };
    Some(Row { measures, ..Row::new(panes, Some(details)) })
}

fn read_panes(items: &StructArray) -> Option<Panes> {
    let starts = items.column_by_name("start")?.as_primitive_opt::<Int64Type>()?;
    let rules = items.column_by_name("rule")?.as_primitive_opt::<UInt16Type>()?;
    let ok = items.column_by_name("ok")?.as_primitive_opt::<UInt64Type>()?;
    let failed = items.column_by_name("failed")?.as_primitive_opt::<UInt64Type>()?;
    let pane = |at| {
        Some(Pane {
            start: seconds(starts.value(at))?,
            rule: rules.value(at),
            ok: calls(ok.value(at))?,
            failed: calls(failed.value(at))?,
        })
    };
    (0..items.len()).map(pane).collect()
}

fn read_evidence(items: &StructArray) -> Option<Vec<Evidence>> {
    let times =
        items.column_by_name("event_time")?.as_primitive_opt::<TimestampMicrosecondType>()?;
    let ids = items.column_by_name("event_id")?.as_string_opt::<i32>()?;
    let uris = items.column_by_name("object_uri")?.as_string_opt::<i32>()?;
    let numbers = items.column_by_name("record_number")?.as_primitive_opt::<UInt64Type>()?;
    let event = |at| {
        Some(Evidence {
            event_time: micros(times.value(at))?,
            event_id: ids.value(at).into(),
            object_uri: uris.value(at).into(),
            record_number: numbers.value(at),
        })
    };
    (0..items.len()).map(event).collect()
}

fn read_samples(items: &StructArray) -> Option<Vec<Sketch>> {
    let k = items.column_by_name("k")?.as_primitive_opt::<UInt32Type>()?;
    let keep = items.column_by_name("keep")?.as_primitive_opt::<UInt32Type>()?;
    let hashes = items.column_by_name("hashes")?.as_list_opt::<i32>()?;
    let texts = items.column_by_name("texts")?.as_list_opt::<i32>()?;
    let sketch = |at| {
        let hashes = hashes.value(at);
        let hashes = hashes.as_primitive_opt::<UInt64Type>()?.values();
        let texts = texts.value(at);
        let texts = texts.as_string_opt::<i32>()?.iter().flatten().map(Arc::from).collect();
        let size = |size: u32| usize::try_from(size).ok();
        Sketch::from_parts(size(k.value(at))?, size(keep.value(at))?, texts, hashes)
    };
    (0..items.len()).map(sketch).collect()
}
