//! Recent ids: the events that a later run may meet again, so that each counts once: those of the
//! last delivery days, of which CloudTrail may deliver copies, and those of objects that will be
//! read again.
//!
//! Columns: `hash` (of account and `eventID`, with the state's seed), `digest` (of the content),
//! `keep_until` (date: the last day of the newest event on which the id is of use). Sorted by
//! `hash` and `digest`, and merged by streaming.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, RecordBatch, UInt32Array, UInt64Array};
use arrow::datatypes::{Date32Type, UInt32Type, UInt64Type};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::error::{Error, Result};
use crate::parquet_file::{Batches, ParquetFile};
use crate::store;

const BATCH: usize = 65_536;

/// An event that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecentId {
    /// Hash of what identifies the event.
    pub hash: u64,
    /// Digest of its content.
    pub digest: u32,
    /// Days since 1970: the id is dropped when the newest event is of a later day.
    pub keep_until: i32,
}

/// Reads recent ids in their order. Memory: one batch.
#[derive(Debug)]
pub struct RecentReader {
    path: PathBuf,
    batches: Batches,
    ids: std::vec::IntoIter<RecentId>,
}

impl RecentReader {
    /// Opens the ids at `path`.
    ///
    /// # Errors
    /// Those of the file system, and [`Error::State`] for what is no table of ids.
    pub fn open(path: &Path) -> Result<Self> {
        let file = ParquetFile::open(path, |path, reason| Error::state(path, reason))?;
        let batches = file.batches(BATCH)?;
        Ok(Self { path: path.to_path_buf(), batches, ids: Vec::new().into_iter() })
    }

    fn next_id(&mut self) -> Result<Option<RecentId>> {
        loop {
            if let Some(id) = self.ids.next() {
                return Ok(Some(id));
            }
            let Some(batch) = self.batches.next() else { return Ok(None) };
            let damaged = || Error::state(&self.path, "damaged: no table of recent ids");
            self.ids = from_batch(&batch?).ok_or_else(damaged)?.into_iter();
        }
    }
}

impl Iterator for RecentReader {
    type Item = Result<RecentId>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_id().transpose()
    }
}

fn from_batch(batch: &RecordBatch) -> Option<Vec<RecentId>> {
    let hashes = batch.column_by_name("hash")?.as_primitive_opt::<UInt64Type>()?.values();
    let digests = batch.column_by_name("digest")?.as_primitive_opt::<UInt32Type>()?.values();
    let days = batch.column_by_name("keep_until")?.as_primitive_opt::<Date32Type>()?.values();
    let rows = hashes.iter().zip(digests).zip(days);
    let id = |((hash, digest), day): ((&u64, &u32), &i32)| RecentId {
        hash: *hash,
        digest: *digest,
        keep_until: *day,
    };
    Some(rows.map(id).collect())
}

/// Writes the ids of two sorted runs, merged.
///
/// # Errors
/// Those of the runs and of writing.
pub fn write_recent(
    path: &Path,
    kept: impl Iterator<Item = Result<RecentId>>,
    new: impl Iterator<Item = Result<RecentId>>,
) -> Result<()> {
    let (mut kept, mut new) = (kept.peekable(), new.peekable());
    let mut next = || match (kept.peek(), new.peek()) {
        (Some(Ok(old)), Some(Ok(young))) if young < old => new.next(),
        (Some(_), _) => kept.next(),
        (None, _) => new.next(),
    };
    store::replace(path, |file| {
        // Hashes do not compress.
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_column_dictionary_enabled("keep_until".into(), true)
            .build();
        let mut writer = ArrowWriter::try_new(file, batch(&[])?.schema(), Some(properties))?;
        let mut ids = Vec::with_capacity(BATCH);
        while let Some(id) = next().transpose()? {
            ids.push(id);
            if ids.len() == BATCH {
                writer.write(&batch(&ids)?)?;
                ids.clear();
            }
        }
        writer.write(&batch(&ids)?)?;
        writer.close()?;
        Ok(())
    })
}

fn batch(ids: &[RecentId]) -> Result<RecordBatch> {
    let hashes = UInt64Array::from_iter_values(ids.iter().map(|id| id.hash));
    let digests = UInt32Array::from_iter_values(ids.iter().map(|id| id.digest));
    let days = Date32Array::from_iter_values(ids.iter().map(|id| id.keep_until));
    Ok(RecordBatch::try_from_iter([
        ("hash", Arc::new(hashes) as ArrayRef),
        ("digest", Arc::new(digests)),
        ("keep_until", Arc::new(days)),
    ])?)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn ids(hashes: &[u64]) -> Vec<RecentId> {
        hashes.iter().map(|hash| RecentId { hash: *hash, digest: 1, keep_until: 9 }).collect()
    }

    #[test]
    fn two_runs_become_one_and_survive_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ids.parquet");
        let run = |hashes: &[u64]| ids(hashes).into_iter().map(Ok);
        write_recent(&path, run(&[1, 5, u64::MAX]), run(&[0, 5, 7])).unwrap();
        let back: Vec<RecentId> = RecentReader::open(&path).unwrap().map(Result::unwrap).collect();
        assert_eq!(back, ids(&[0, 1, 5, 5, 7, u64::MAX]));
        write_recent(&path, run(&[]), run(&[])).unwrap();
        assert_eq!(RecentReader::open(&path).unwrap().count(), 0);
    }

    #[test]
    fn other_files_are_refused_with_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ids.parquet");
        let other: ArrayRef = Arc::new(UInt64Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("x", other)]).unwrap();
        let mut writer =
            ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let refused = RecentReader::open(&path).unwrap().next().unwrap().unwrap_err().to_string();
        assert!(refused.contains("no table of recent ids"), "{refused}");
        std::fs::write(&path, b"PAR1").unwrap();
        assert!(RecentReader::open(&path).is_err());
    }
}
