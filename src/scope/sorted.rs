//! Rows in order, however many: beyond a budget they go to sorted runs on disk, and all runs are
//! merged while they are read. They may be read several times.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempPath;

use crate::error::{Error, Result};

/// The level of compression: the fastest that is not negative.
const LEVEL: i32 = 1;

/// So many runs become one: each that is open for merging costs memory.
const FAN_IN: usize = 64;

/// What sorted runs hold.
pub trait Row: Ord + Serialize + DeserializeOwned {}

impl<T: Ord + Serialize + DeserializeOwned> Row for T {}

/// Rows to be sorted.
#[derive(Debug)]
pub struct Sorted<T> {
    rows: Vec<T>,
    bytes: usize,
    budget: usize,
    folder: PathBuf,
    runs: Vec<TempPath>,
}

impl<T: Row + Clone> Sorted<T> {
    /// None yet: beyond `budget` bytes they go to temporary files in `folder`.
    #[must_use]
    pub fn new(folder: &Path, budget: usize) -> Self {
        let (folder, runs) = (folder.to_path_buf(), Vec::new());
        Self { rows: Vec::new(), bytes: 0, budget, folder, runs }
    }

    /// Adds a row of about so many bytes.
    ///
    /// # Errors
    /// Those of writing to disk.
    pub fn push(&mut self, row: T, bytes: usize) -> Result<()> {
        self.rows.push(row);
        self.bytes += bytes;
        if self.bytes > self.budget { self.spill() } else { Ok(()) }
    }

    /// Takes over the rows of another.
    ///
    /// # Errors
    /// Those of writing to disk.
    pub fn add(&mut self, mut other: Self) -> Result<()> {
        self.runs.append(&mut other.runs);
        self.rows.append(&mut other.rows);
        self.bytes += other.bytes;
        if self.bytes > self.budget { self.spill() } else { self.merge() }
    }

    /// No more come.
    #[must_use]
    pub fn finish(mut self) -> Runs<T> {
        self.rows.sort_unstable();
        Runs { rows: self.rows, runs: self.runs }
    }

    fn spill(&mut self) -> Result<()> {
        self.rows.sort_unstable();
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        self.runs.push(write(&self.folder, rows.into_iter().map(Ok))?);
        self.merge()
    }

    /// Makes one run of many.
    fn merge(&mut self) -> Result<()> {
        if self.runs.len() >= FAN_IN {
            let runs = Runs::<T> { rows: Vec::new(), runs: std::mem::take(&mut self.runs) };
            let merged = write(&self.folder, runs.read()?)?;
            self.runs.push(merged);
        }
        Ok(())
    }
}

/// Writes a sorted run to a temporary file.
fn write<T: Row>(folder: &Path, rows: impl Iterator<Item = Result<T>>) -> Result<TempPath> {
    let file = tempfile::Builder::new().prefix(".scope-").tempfile_in(folder);
    let (file, path) = file.map_err(Error::io(folder))?.into_parts();
    let mut stream = zstd::Encoder::new(file, LEVEL).map_err(Error::io(&path))?;
    stream.include_checksum(true).map_err(Error::io(&path))?;
    for row in rows {
        let row = postcard::to_stdvec(&row?)
            .map_err(|error| Error::table(&path, format!("a row cannot be written: {error}")))?;
        let length = u32::try_from(row.len())
            .map_err(|_| Error::table(&path, "a row of more than 4 GiB"))?;
        let written = stream.write_all(&length.to_le_bytes()).and_then(|()| stream.write_all(&row));
        written.map_err(Error::io(&path))?;
    }
    stream.finish().map_err(Error::io(&path))?;
    Ok(path)
}

/// Sorted rows, in memory and on disk.
#[derive(Debug)]
pub struct Runs<T> {
    rows: Vec<T>,
    runs: Vec<TempPath>,
}

impl<T: Row + Clone> Runs<T> {
    /// How many runs are on disk.
    #[must_use]
    pub fn spills(&self) -> usize {
        self.runs.len()
    }

    /// All rows in order.
    ///
    /// # Errors
    /// Those of opening the files; reading them fails row by row.
    pub fn read(&self) -> Result<Merged<'_, T>> {
        let mut sources: Vec<Source<'_, T>> =
            vec![Box::new(self.rows.iter().map(|row| Ok(row.clone())))];
        for path in &self.runs {
            let file = File::open(path).map_err(Error::io(path))?;
            let stream = zstd::Decoder::new(file).map_err(Error::io(path))?;
            let path = path.to_path_buf();
            sources.push(Box::new(Spilled { path, stream, row: Vec::new(), of: PhantomData }));
        }
        let mut merged = Merged { heads: BinaryHeap::new(), sources, failed: None };
        (0..merged.sources.len()).for_each(|source| merged.advance(source));
        Ok(merged)
    }
}

type Source<'r, T> = Box<dyn Iterator<Item = Result<T>> + 'r>;

/// The rows of several runs, in order.
pub struct Merged<'r, T> {
    heads: BinaryHeap<Reverse<(T, usize)>>,
    sources: Vec<Source<'r, T>>,
    failed: Option<Error>,
}

impl<T: Row> Merged<'_, T> {
    fn advance(&mut self, source: usize) {
        match self.sources.get_mut(source).and_then(Iterator::next) {
            Some(Ok(row)) => self.heads.push(Reverse((row, source))),
            Some(Err(error)) => self.failed = Some(error),
            None => {}
        }
    }
}

impl<T: Row> Iterator for Merged<'_, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            self.heads.clear();
            return Some(Err(error));
        }
        let Reverse((row, source)) = self.heads.pop()?;
        self.advance(source);
        Some(Ok(row))
    }
}

/// The rows of a file, each behind its length, all of them one Zstandard stream.
struct Spilled<T> {
    path: PathBuf,
    stream: zstd::Decoder<'static, BufReader<File>>,
    row: Vec<u8>,
    of: PhantomData<T>,
}

impl<T: Row> Spilled<T> {
    fn next_row(&mut self) -> Result<Option<T>> {
        let mut length = [0; 4];
        // Nothing more is the end; less than a row is none.
        let read = self.stream.read(&mut length).map_err(Error::io(&self.path))?;
        if read == 0 {
            return Ok(None);
        }
        let rest = length.get_mut(read..).unwrap_or_default();
        self.stream.read_exact(rest).map_err(Error::io(&self.path))?;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        self.row.resize(length, 0);
        self.stream.read_exact(&mut self.row).map_err(Error::io(&self.path))?;
        let damaged =
            |error| Error::table(&self.path, format!("a spilled row is damaged: {error}"));
        postcard::from_bytes(&self.row).map(Some).map_err(damaged)
    }
}

impl<T: Row> Iterator for Spilled<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_order_from_memory_and_disk_and_more_than_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut sorted = Sorted::new(folder.path(), 100);
        let mut other = Sorted::new(folder.path(), 100);
        for number in 0..1_000_u32 {
            let shuffled = number.wrapping_mul(2_654_435_761) % 1_009;
            let to = if number % 3 == 0 { &mut other } else { &mut sorted };
            to.push(format!("{shuffled:04}"), 8).unwrap();
        }
        sorted.add(other).unwrap();
        let runs = sorted.finish();
        assert!((1..FAN_IN).contains(&runs.spills()));
        let read = || runs.read().unwrap().collect::<Result<Vec<_>>>().unwrap();
        assert_eq!(read().len(), 1_000);
        assert!(read().is_sorted());
        assert_eq!(read(), read());
        drop(runs);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
