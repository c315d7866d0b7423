//! Spilled runs: what a run of this process writes for itself to read once more. Kept tables are
//! [Parquet](super::storage), which takes ten times as long for rows so small and nested.
//!
//! Each row is postcard behind its length (four bytes, little-endian), all of them one Zstandard stream.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::key::Key;
use super::row::Row;
use crate::error::{Error, Result};

/// The level of compression: the fastest that is not negative.
const LEVEL: i32 = 1;

/// Writes a spilled run row by row. Memory: one row, and Zstandard's window.
pub struct SpillWriter {
    path: PathBuf,
    stream: zstd::Encoder<'static, File>,
    row: Vec<u8>,
}

/// Reads a spilled run row by row. Memory: one row, and Zstandard's window.
pub struct SpillReader {
    path: PathBuf,
    stream: zstd::Decoder<'static, std::io::BufReader<File>>,
    row: Vec<u8>,
}

impl SpillWriter {
    /// A run in `file`, which is at `path` and empty.
    ///
    /// # Errors
    /// Those of Zstandard.
    pub fn new(file: File, path: &Path) -> Result<Self> {
        let mut stream = zstd::Encoder::new(file, LEVEL).map_err(Error::io(path))?;
        stream.include_checksum(true).map_err(Error::io(path))?;
        Ok(Self { path: path.to_path_buf(), stream, row: Vec::new() })
    }

    /// Adds a row; rows come in the order of their keys.
    ///
    /// # Errors
    /// Those of writing.
    pub fn push(&mut self, row: &(Key, Row)) -> Result<()> {
        self.row.clear();
        let fault = |what: String| Error::table(&self.path, what);
        self.row = postcard::to_extend(row, std::mem::take(&mut self.row))
            .map_err(|error| fault(format!("a row cannot be written: {error}")))?;
        let length = u32::try_from(self.row.len())
            .map_err(|_| fault("a row of more than 4 GiB".to_owned()))?;
        let Self { path, stream, row } = self;
        let written = stream.write_all(&length.to_le_bytes()).and_then(|()| stream.write_all(row));
        written.map_err(Error::io(path))
    }

    /// Ends the run.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(self) -> Result<()> {
        self.stream.finish().map_err(Error::io(&self.path))?;
        Ok(())
    }
}

impl SpillReader {
    /// Opens the run at `path`.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        let stream = zstd::Decoder::new(file).map_err(Error::io(path))?;
        Ok(Self { path: path.to_path_buf(), stream, row: Vec::new() })
    }

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
        let damaged =
            |error| Error::table(&self.path, format!("a spilled row is damaged: {error}"));
        postcard::from_bytes(&self.row).map(Some).map_err(damaged)
    }
}

impl Iterator for SpillReader {
    type Item = Result<(Key, Row)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}

/// Writes a spilled run to `path`.
///
/// # Errors
/// Those of the run and of writing.
pub fn write_spilled(path: &Path, mut run: impl Iterator<Item = Result<(Key, Row)>>) -> Result<()> {
    let mut writer = SpillWriter::new(File::create(path).map_err(Error::io(path))?, path)?;
    run.try_for_each(|row| writer.push(&row?))?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::group::FoldId;

    #[test]
    fn a_run_that_was_cut_off_is_no_shorter_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let key = |bucket| Key { fold: FoldId::new("cut"), entity: [].into(), bucket };
        let rows = || (0..900).map(|n| Ok((key(n), Row::default())));
        let read = || SpillReader::open(&path).unwrap().collect::<Result<Vec<_>>>();
        write_spilled(&path, rows()).unwrap();
        assert_eq!(read().unwrap().len(), 900);
        let whole = std::fs::read(&path).unwrap();
        for bytes in [whole.len() - 1, whole.len() / 2, 20] {
            std::fs::write(&path, &whole[..bytes]).unwrap();
            assert!(read().is_err(), "{bytes} of {}", whole.len());
        }
    }
}
