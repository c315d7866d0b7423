//! The ledger: every object that was read to its end, so that no run reads it again.
//!
//! Columns: `object` (text, see [`LedgerEntry::object`]), `bytes`, `records`, `run`. Sorted by
//! object and size, and merged by streaming: millions of objects cost no memory.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::{Error, Result};
use crate::parquet_file::{Batches, ParquetFile};
use crate::store;

const BATCH: usize = 8_192;
/// What is read to look for one object.
const ROW_GROUP: usize = 8 * BATCH;

/// A processed object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerEntry {
    /// What identifies it wherever it is copied to: the file name where CloudTrail has given it,
    /// else its URI.
    pub object: Arc<str>,
    /// Stored bytes.
    pub bytes: u64,
    /// Records in it.
    pub records: u64,
    /// The run that read it.
    pub run: Arc<str>,
}

impl LedgerEntry {
    fn order(&self, other: &Self) -> Ordering {
        (&self.object, self.bytes).cmp(&(&other.object, other.bytes))
    }
}

/// Reads a ledger in its order. Memory: one batch.
#[derive(Debug)]
pub struct LedgerReader {
    path: PathBuf,
    batches: Batches,
    entries: std::vec::IntoIter<LedgerEntry>,
    /// The entry before: object and size.
    last: Option<(Arc<str>, u64)>,
}

impl LedgerReader {
    /// Opens the ledger at `path`.
    ///
    /// # Errors
    /// Those of the file system, and [`Error::State`] for what is no ledger.
    pub fn open(path: &Path) -> Result<Self> {
        let file = ParquetFile::open(path, |path, reason| Error::state(path, reason))?;
        Self::of(path, file)
    }

    /// Opens the part of the ledger at `path` that may hold objects from `first` to `last`.
    ///
    /// # Errors
    /// Those of [`LedgerReader::open`].
    pub fn between(path: &Path, first: &str, last: &str) -> Result<Self> {
        let file = ParquetFile::open(path, |path, reason| Error::state(path, reason))?;
        Self::of(path, file.between("object", first, last))
    }

    fn of(path: &Path, file: ParquetFile) -> Result<Self> {
        let batches = file.batches(BATCH)?;
        let entries = Vec::new().into_iter();
        Ok(Self { path: path.to_path_buf(), batches, entries, last: None })
    }

    fn next_entry(&mut self) -> Result<Option<LedgerEntry>> {
        loop {
            if let Some(entry) = self.entries.next() {
                let key = (entry.object.clone(), entry.bytes);
                if self.last.as_ref().is_some_and(|last| *last >= key) {
                    return Err(Error::state(&self.path, "damaged: its rows are not in order"));
                }
                self.last = Some(key);
                return Ok(Some(entry));
            }
            let Some(batch) = self.batches.next() else { return Ok(None) };
            let entries = from_batch(&batch?);
            let damaged = || Error::state(&self.path, "damaged: unexpected columns");
            self.entries = entries.ok_or_else(damaged)?.into_iter();
        }
    }
}

impl Iterator for LedgerReader {
    type Item = Result<LedgerEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

/// Writes the ledger `old` with the entries `new`, which must be sorted.
///
/// # Errors
/// Those of reading and writing.
pub fn write_ledger(path: &Path, old: Option<LedgerReader>, new: Vec<LedgerEntry>) -> Result<()> {
    // Sorted names share long beginnings.
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_column_dictionary_enabled("object".into(), false)
        .set_column_encoding("object".into(), Encoding::DELTA_BYTE_ARRAY)
        .build();
    let mut merged = merge(old.into_iter().flatten(), new.into_iter());
    store::replace(path, |file| {
        let mut writer = ArrowWriter::try_new(file, to_batch(&[])?.schema(), Some(properties))?;
        loop {
            let batch: Vec<LedgerEntry> = merged.by_ref().take(BATCH).collect::<Result<_>>()?;
            if batch.is_empty() {
                break;
            }
            writer.write(&to_batch(&batch)?)?;
        }
        writer.close()?;
        Ok(())
    })
}

/// Both in one order, each object once.
fn merge(
    old: impl Iterator<Item = Result<LedgerEntry>>,
    new: impl Iterator<Item = LedgerEntry>,
) -> impl Iterator<Item = Result<LedgerEntry>> {
    let (mut old, mut new) = (old.peekable(), new.peekable());
    std::iter::from_fn(move || {
        let next = match (old.peek(), new.peek()) {
            (Some(Ok(known)), Some(entry)) if known.order(entry).is_le() => old.next(),
            (None, _) | (Some(Ok(_)), Some(_)) => new.next().map(Ok),
            (Some(_), _) => old.next(),
        };
        if let Some(Ok(entry)) = &next {
            while new.next_if(|same| same.order(entry).is_eq()).is_some() {}
        }
        next
    })
}

fn to_batch(entries: &[LedgerEntry]) -> Result<RecordBatch> {
    let count = |of: fn(&LedgerEntry) -> u64| -> ArrayRef {
        let numbers = entries.iter().map(|entry| i64::try_from(of(entry)).unwrap_or(i64::MAX));
        Arc::new(Int64Array::from_iter_values(numbers))
    };
    let text = |of: fn(&LedgerEntry) -> &str| -> ArrayRef {
        Arc::new(entries.iter().map(|entry| Some(of(entry))).collect::<StringArray>())
    };
    let columns = [
        ("object", text(|entry| &entry.object), false),
        ("bytes", count(|entry| entry.bytes), false),
        ("records", count(|entry| entry.records), false),
        ("run", text(|entry| &entry.run), false),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}

fn from_batch(batch: &RecordBatch) -> Option<Vec<LedgerEntry>> {
    let text = |name| batch.column_by_name(name)?.as_string_opt::<i32>();
    let count = |name| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
    let (objects, runs) = (text("object")?, text("run")?);
    let (bytes, records) = (count("bytes")?, count("records")?);
    let mut run: Arc<str> = "".into();
    let entry = |row: usize| {
        if &*run != runs.value(row) {
            run = runs.value(row).into();
        }
        LedgerEntry {
            object: objects.value(row).into(),
            bytes: u64::try_from(bytes.value(row)).unwrap_or(0),
            records: u64::try_from(records.value(row)).unwrap_or(0),
            run: run.clone(),
        }
    };
    Some((0..batch.num_rows()).map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn entry(object: &str, bytes: u64, run: &str) -> LedgerEntry {
        LedgerEntry { object: object.into(), bytes, records: bytes * 2, run: run.into() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_ledger_grows_by_what_is_new(
            parts in proptest::collection::vec(
                proptest::collection::vec(("[a-c]{1,2}", 0u64..3), 0..8), 1..4,
            ),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut known: BTreeMap<(String, u64), LedgerEntry> = BTreeMap::new();
            let mut old: Option<PathBuf> = None;
            for (number, part) in parts.iter().enumerate() {
                let run = format!("run {number}");
                let mut new: Vec<_> = part.iter().map(|(o, b)| entry(o, *b, &run)).collect();
                new.sort();
                for entry in &new {
                    let key = (entry.object.to_string(), entry.bytes);
                    known.entry(key).or_insert_with(|| entry.clone());
                }
                let path = folder.path().join(format!("{number}.parquet"));
                let reader = old.as_ref().map(|old| LedgerReader::open(old).unwrap());
                write_ledger(&path, reader, new).unwrap();
                old = Some(path);
            }
            let found: Vec<LedgerEntry> =
                LedgerReader::open(&old.unwrap()).unwrap().collect::<Result<_>>().unwrap();
            prop_assert_eq!(found, known.into_values().collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_no_ledger_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "no Parquet").unwrap();
        assert!(LedgerReader::open(&path).is_err());
        let batch = crate::findings::findings_batch(&[]).unwrap();
        crate::findings::write_parquet(&path, &batch).unwrap();
        assert_eq!(LedgerReader::open(&path).unwrap().count(), 0);
    }
}
