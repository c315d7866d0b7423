//! Recent ids: the events already counted of objects that will be read again, because records of
//! them were filtered out or lost.
//!
//! Columns: `event` (48 hexadecimal digits, see [`EventKey`]), `day` (date of the event).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, Date32Array, RecordBatch, StringArray};
use arrow::datatypes::Date32Type;
use parquet::arrow::ArrowWriter;

use crate::error::{Error, Result};
use crate::events::EventKey;
use crate::parquet_file::ParquetFile;
use crate::store;

/// Rows read at a time.
const BATCH: usize = 8_192;

/// Writes events with their days.
///
/// # Errors
/// Those of writing.
pub fn write_recent(path: &Path, events: &BTreeMap<EventKey, i32>) -> Result<()> {
    let keys: StringArray = events.keys().map(|key| Some(key.to_string())).collect();
    let days = Date32Array::from_iter_values(events.values().copied());
    let batch =
        RecordBatch::try_from_iter([("event", Arc::new(keys) as _), ("day", Arc::new(days) as _)])?;
    store::replace(path, |file| {
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None)?;
        writer.write(&batch)?;
        writer.close()?;
        Ok(())
    })
}

/// Reads what [`write_recent`] wrote.
///
/// # Errors
/// Those of reading, and [`Error::State`] for other files.
pub fn read_recent(path: &Path) -> Result<BTreeMap<EventKey, i32>> {
    let damaged = || Error::state(path, "damaged: no table of recent ids");
    let file = ParquetFile::open(path, |path, reason| Error::state(path, reason))?;
    let mut events = BTreeMap::new();
    for batch in file.batches(BATCH)? {
        let batch = batch?;
        let column = |name| batch.column_by_name(name).ok_or_else(damaged);
        let keys = column("event")?.as_string_opt::<i32>().ok_or_else(damaged)?;
        let days = column("day")?.as_primitive_opt::<Date32Type>().ok_or_else(damaged)?;
        for row in 0..batch.num_rows() {
            let key = EventKey::parse(keys.value(row)).ok_or_else(damaged)?;
            events.insert(key, days.value(row));
        }
    }
    Ok(events)
}
