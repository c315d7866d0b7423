//! Sorted rows → the Parquet files of a folder of events.

use std::path::Path;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::partition::Partition;
use super::rows::{RECORD, RECORD_DIGEST, RECORD_NUMBER, SCHEMA};
use super::sorter::Sorted;
use crate::error::Result;
use crate::events::{Core, NORMALISER};
use crate::store;

/// Rows of a row group: what a query reads at least, and what is in memory while it is written.
const ROW_GROUP: usize = 1 << 16;

/// Columns in which single values are looked for.
const LOOKED_FOR: [Core; 6] = [
    Core::Principal,
    Core::AccessKeyId,
    Core::Bucket,
    Core::ObjectKey,
    Core::SourceIp,
    Core::EventId,
];

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Events in them.
    pub rows: u64,
}

impl Written {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            bytes: self.bytes + other.bytes,
            rows: self.rows + other.rows,
        }
    }
}

/// Writes the rows of a partition to `path`.
///
/// # Errors
/// Those of writing, and of reading temporary files.
pub fn write(sorted: &Sorted, partition: &Partition, path: &Path) -> Result<Written> {
    let mut rows = 0;
    let properties = properties(sorted.rows_at_most(partition))?;
    store::replace(path, |file| {
        let mut writer = ArrowWriter::try_new(&mut *file, SCHEMA.clone(), Some(properties))?;
        for batch in sorted.rows_of(partition)? {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            writer.write(&batch)?;
        }
        writer.close()?;
        Ok(())
    })?;
    let bytes = std::fs::metadata(path).map_err(crate::Error::io(path))?.len();
    Ok(Written { files: 1, bytes, rows })
}

/// What files say of how their core columns were made.
pub(super) fn normaliser() -> KeyValue {
    KeyValue::new("trailsift.normaliser".to_owned(), NORMALISER.to_string())
}

/// How files of at most so many rows are written.
fn properties(rows: u64) -> Result<WriterProperties> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_key_value_metadata(Some(vec![normaliser()]))
        .set_statistics_truncate_length(Some(64))
        .set_column_dictionary_enabled(RECORD.into(), false)
        .set_column_statistics_enabled(RECORD.into(), EnabledStatistics::None)
        .set_column_dictionary_enabled(RECORD_DIGEST.into(), false)
        .set_column_statistics_enabled(RECORD_DIGEST.into(), EnabledStatistics::None)
        .set_column_dictionary_enabled(RECORD_NUMBER.into(), false)
        .set_column_encoding(RECORD_NUMBER.into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(Core::EventTime.name().into(), false)
        .set_column_encoding(Core::EventTime.name().into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(Core::EventId.name().into(), false)
        .set_column_dictionary_enabled(Core::SharedEventId.name().into(), false);
    for core in LOOKED_FOR {
        // The writer makes a filter smaller where fewer values are distinct.
        properties = properties
            .set_column_bloom_filter_enabled(core.name().into(), true)
            .set_column_bloom_filter_max_ndv(core.name().into(), rows.clamp(1, ROW_GROUP as u64));
    }
    Ok(properties.build())
}
