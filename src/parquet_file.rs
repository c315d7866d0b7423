//! Parquet files of our own making, read as whatever they may have become. In comes a path, out go
//! batches of rows, or an error that names the file; it knows none of the columns.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

use crate::error::{Error, Result};

/// What makes an error of a damaged file: its path and what is wrong with it.
pub(crate) type Fault = fn(&Path, String) -> Error;

/// An opened file: its metadata are read.
pub(crate) struct ParquetFile {
    path: PathBuf,
    fault: Fault,
    builder: ParquetRecordBatchReaderBuilder<File>,
}

/// The rows of a file, a batch at a time.
#[derive(Debug)]
pub(crate) struct Batches {
    path: PathBuf,
    fault: Fault,
    /// None once it has failed.
    reader: Option<ParquetRecordBatchReader>,
}

impl ParquetFile {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// Those of the file system, and `fault` for what is no Parquet.
    pub(crate) fn open(path: &Path, fault: Fault) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        // Parquet's own types say all; reading Arrow's copy of them panics where it is damaged.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .map_err(|error| fault(path, format!("not readable as Parquet: {error}")))?;
        if !builder.metadata().row_groups().iter().all(is_sound) {
            return Err(fault(path, "damaged: a part of it lies nowhere".to_owned()));
        }
        Ok(Self { path: path.to_path_buf(), fault, builder })
    }

    /// What the file's metadata say under `key`.
    pub(crate) fn note(&self, key: &str) -> Option<&str> {
        let pairs = self.builder.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    /// What the file says of its parts.
    pub(crate) fn metadata(&self) -> &ParquetMetaData {
        self.builder.metadata()
    }

    /// Leaves out row groups of which the statistics say that no text of `column` is from `first`
    /// to `last`.
    pub(crate) fn between(self, column: &str, first: &str, last: &str) -> Self {
        let Self { path, fault, builder } = self;
        let may_hold = |group: &RowGroupMetaData| {
            let columns = group.columns().iter();
            let statistics = columns
                .filter(|chunk| chunk.column_path().string() == column)
                .find_map(ColumnChunkMetaData::statistics);
            // Cut statistics are still bounds.
            let (min, max) =
                statistics.map_or((None, None), |s| (s.min_bytes_opt(), s.max_bytes_opt()));
            min.is_none_or(|min| min <= last.as_bytes())
                && max.is_none_or(|max| max >= first.as_bytes())
        };
        let groups = builder.metadata().row_groups().iter().enumerate();
        let groups =
            groups.filter(|(_, group)| may_hold(group)).map(|(number, _)| number).collect();
        Self { path, fault, builder: builder.with_row_groups(groups) }
    }

    /// The rows, at most `most` at a time.
    ///
    /// # Errors
    /// The fault of a file whose parts do not fit together.
    pub(crate) fn batches(self, most: usize) -> Result<Batches> {
        let Self { path, fault, builder } = self;
        let reader = builder.with_batch_size(most).build();
        let reader = reader.map_err(|error| fault(&path, format!("damaged: {error}")))?;
        Ok(Batches { path, fault, reader: Some(reader) })
    }
}

/// Whether the columns lie somewhere: the reader panics otherwise.
fn is_sound(group: &RowGroupMetaData) -> bool {
    let lies = |column: &ColumnChunkMetaData| {
        let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
        start >= 0 && column.compressed_size() >= 0
    };
    group.num_rows() >= 0 && group.columns().iter().all(lies)
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        // Some pages that do not fit together make the reader panic. It is dropped then, and holds
        // nothing that others see.
        let reason = match catch_unwind(AssertUnwindSafe(|| reader.next())) {
            Ok(Some(Ok(batch))) => return Some(Ok(batch)),
            Ok(None) => return None,
            Ok(Some(Err(error))) => format!("damaged: {error}"),
            Err(_) => "damaged: its pages do not fit together".to_owned(),
        };
        self.reader = None;
        Some(Err((self.fault)(&self.path, reason)))
    }
}
