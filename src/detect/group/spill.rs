//! Spilled runs: what a run of this process writes for itself to read once more. Kept tables are
//! [Parquet](super::storage), which takes ten times as long for rows so small and nested.
//!
//! Each row is postcard behind its length (four bytes, little-endian), all of them one Zstandard
//! stream. Events that rows name lie [elsewhere](super::spilled_events).

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use smallvec::SmallVec;
use tempfile::{NamedTempFile, TempPath};

use super::key::Key;
use super::lazy_details::{LazyDetails, StoredPart};
use super::measure::Measures;
use super::row::{Panes, Row};
use super::spilled_events::SpilledEvents;
use crate::error::{Error, Result};

/// The level of compression: the fastest that is not negative.
const LEVEL: i32 = 1;

/// The window is of 128 KiB: many runs are open at once, and each holds one.
const WINDOW_LOG: u32 = 17;

/// A run on disk; its file is gone when this is dropped.
#[derive(Debug)]
pub struct SpilledRun {
    path: TempPath,
    /// Where the events are that its rows name.
    stores: Vec<Arc<SpilledEvents>>,
}

/// Writes a spilled run row by row. Memory: one row, and Zstandard's window.
pub struct SpillWriter {
    path: TempPath,
    stores: Vec<Arc<SpilledEvents>>,
    stream: zstd::Encoder<'static, File>,
    row: Vec<u8>,
}

/// Reads a spilled run row by row. Memory: one row, and Zstandard's window.
pub struct SpillReader {
    path: PathBuf,
    stores: Vec<Arc<SpilledEvents>>,
    stream: zstd::Decoder<'static, std::io::BufReader<File>>,
    row: Vec<u8>,
}

/// A row as it is read.
type StoredRow<'r> = (Key, Panes, Option<Box<Measures>>, SmallVec<[StoredPart<'r>; 1]>);

impl SpillWriter {
    /// A run in `file`, which is empty.
    ///
    /// # Errors
    /// Those of Zstandard.
    pub fn new(file: NamedTempFile) -> Result<Self> {
        let (file, path) = file.into_parts();
        let mut stream = zstd::Encoder::new(file, LEVEL).map_err(Error::io(&path))?;
        let bounded = stream.window_log(WINDOW_LOG).and_then(|()| stream.include_checksum(true));
        bounded.map_err(Error::io(&path))?;
        Ok(Self { path, stores: Vec::new(), stream, row: Vec::new() })
    }

    /// Adds a row; rows come in the order of their keys.
    ///
    /// # Errors
    /// Those of writing.
    pub fn push(&mut self, (key, row): &(Key, Row)) -> Result<()> {
        self.row.clear();
        let fault = |what: String| Error::table(&self.path, what);
        let unwritten = |error| fault(format!("a row cannot be written: {error}"));
        let details = row.details.stored(&mut self.stores).map_err(unwritten)?;
        let stored = (key, &row.panes, &row.measures, details);
        self.row =
            postcard::to_extend(&stored, std::mem::take(&mut self.row)).map_err(unwritten)?;
        let length = u32::try_from(self.row.len())
            .map_err(|_| fault("a row of more than 4 GiB".to_owned()))?;
        let Self { path, stream, row, .. } = self;
        let written = stream.write_all(&length.to_le_bytes()).and_then(|()| stream.write_all(row));
        written.map_err(Error::io(path))
    }

    /// Ends the run.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(self) -> Result<SpilledRun> {
        let Self { path, stores, stream, .. } = self;
        stream.finish().map_err(Error::io(&path))?;
        Ok(SpilledRun { path, stores })
    }
}

impl SpilledRun {
    /// Reads the run.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(&self) -> Result<SpillReader> {
        let file = File::open(&self.path).map_err(Error::io(&self.path))?;
        let stream = zstd::Decoder::new(file).map_err(Error::io(&self.path))?;
        let (path, stores) = (self.path.to_path_buf(), self.stores.clone());
        Ok(SpillReader { path, stores, stream, row: Vec::new() })
    }

    /// Whether all details that were asked for of its rows could be read.
    ///
    /// # Errors
    /// [`Error::Table`] if not.
    pub fn intact(&self) -> Result<()> {
        self.stores.iter().try_for_each(|store| store.intact())
    }
}

impl SpillReader {
    fn next_row(&mut self) -> Result<Option<(Key, Row)>> {
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
        let damaged = |what: &dyn std::fmt::Display| {
            Error::table(&self.path, format!("a spilled row is damaged: {what}"))
        };
        let (key, panes, measures, parts): StoredRow<'_> =
            postcard::from_bytes(&self.row).map_err(|error| damaged(&error))?;
        let details = LazyDetails::of_stored(parts, &self.stores);
        let details = details.ok_or_else(|| damaged(&"its events are nowhere"))?;
        Ok(Some((key, Row { panes, measures, details })))
    }
}

impl Iterator for SpillReader {
    type Item = Result<(Key, Row)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}

/// Writes a spilled run to `file`, which is empty.
///
/// # Errors
/// Those of the run and of writing.
pub fn write_spilled(
    file: NamedTempFile,
    mut run: impl Iterator<Item = Result<(Key, Row)>>,
) -> Result<SpilledRun> {
    let mut writer = SpillWriter::new(file)?;
    run.try_for_each(|row| writer.push(&row?))?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::group::FoldId;

    #[test]
    fn a_run_that_was_cut_off_is_no_shorter_run() {
        let key = |bucket| Key { fold: FoldId::new("cut"), entity: [].into(), bucket };
        let rows = || (0..900).map(|n| Ok((key(n), Row::default())));
        let run = write_spilled(NamedTempFile::new().unwrap(), rows()).unwrap();
        let read = || run.open().unwrap().collect::<Result<Vec<_>>>();
        assert_eq!(read().unwrap().len(), 900);
        let whole = std::fs::read(&run.path).unwrap();
        for bytes in [whole.len() - 1, whole.len() / 2, 20] {
            std::fs::write(&run.path, &whole[..bytes]).unwrap();
            assert!(read().is_err(), "{bytes} of {}", whole.len());
        }
    }
}
