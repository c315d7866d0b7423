//! Rows that become a Parquet file: few wait in memory, more are in a temporary file. Of what a run
//! may find by the million only this much is held.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use tempfile::{NamedTempFile, TempPath};

use super::tables::Spill;
use crate::error::{Error, Result};
use crate::findings::{ParquetWriter, write_rows};
use crate::store;

/// Rows that are held in memory.
const ROWS: usize = 1_024;

/// Makes a batch of rows.
type ToBatch<T> = fn(&[T]) -> Result<RecordBatch>;

/// Rows being collected.
pub(super) struct SheetWriter<T> {
    to_batch: ToBatch<T>,
    folder: PathBuf,
    prefix: String,
    rows: Vec<T>,
    file: Option<(ParquetWriter<File>, TempPath)>,
}

/// Collected rows.
#[derive(Debug, Clone)]
pub(super) struct Sheet<T> {
    rows: Arc<[T]>,
    /// All rows, if there are too many for memory.
    file: Option<Arc<TempPath>>,
}

impl<T> Default for Sheet<T> {
    fn default() -> Self {
        Self { rows: Arc::new([]), file: None }
    }
}

impl<T> SheetWriter<T> {
    /// No rows yet; many of them go to a file as `spill` says.
    pub(super) fn new(spill: Spill<'_>, to_batch: ToBatch<T>) -> Self {
        let (folder, prefix) = (spill.folder.to_path_buf(), spill.prefix.to_owned());
        Self { to_batch, folder, prefix, rows: Vec::new(), file: None }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn push(&mut self, row: T) -> Result<()> {
        self.rows.push(row);
        if self.rows.len() >= ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let batch = (self.to_batch)(&self.rows)?;
        let (file, _) = match &mut self.file {
            Some(file) => file,
            none => {
                let made = NamedTempFile::with_prefix_in(&self.prefix, &self.folder);
                let (file, path) = made.map_err(Error::io(&self.folder))?.into_parts();
                none.insert((ParquetWriter::new(file, batch.schema())?, path))
            }
        };
        file.write(&batch)?;
        self.rows.clear();
        Ok(())
    }

    /// The rows.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn finish(mut self) -> Result<Sheet<T>> {
        if self.file.is_some() && !self.rows.is_empty() {
            self.flush()?;
        }
        let file = match self.file {
            Some((file, path)) => {
                file.close()?;
                Some(Arc::new(path))
            }
            None => None,
        };
        Ok(Sheet { rows: self.rows.into(), file })
    }
}

impl<T> Sheet<T> {
    /// Writes the rows as Parquet: complete or not at all.
    ///
    /// # Errors
    /// Those of the files.
    pub(super) fn write(&self, path: &Path, to_batch: ToBatch<T>) -> Result<()> {
        let Some(from) = &self.file else { return write_rows(path, &self.rows, to_batch) };
        store::replace(path, |file| {
            let mut from = File::open(&***from).map_err(Error::io(&***from))?;
            std::io::copy(&mut from, file).map_err(Error::io(path))?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray as _, UInt64Array};
    use arrow::datatypes::UInt64Type;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn to_batch(rows: &[u64]) -> Result<RecordBatch> {
        let column: UInt64Array = rows.iter().copied().collect();
        Ok(RecordBatch::try_from_iter([("n", Arc::new(column) as _)])?)
    }

    #[test]
    fn few_rows_and_many_become_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.parquet");
        let rows = ROWS as u64;
        for count in [0, 1, rows - 1, rows, rows + 1, 3 * rows] {
            let mut writer = SheetWriter::new(Spill::into(folder.path()), to_batch);
            (0..count).try_for_each(|row| writer.push(row)).unwrap();
            let sheet = writer.finish().unwrap();
            assert!(sheet.rows.len() < ROWS, "{count}");
            sheet.write(&path, to_batch).unwrap();
            let file = File::open(&path).unwrap();
            let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            let read: Vec<u64> = batches
                .flat_map(|batch| {
                    batch.unwrap().column(0).as_primitive::<UInt64Type>().values().to_vec()
                })
                .collect();
            assert_eq!(read, (0..count).collect::<Vec<_>>());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
