//! Sorted runs of ids in one temporary file, each with a filter in memory that spares most reads.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Entry;
use crate::error::{Error, Result};

/// Bytes of an id.
const ENTRY: usize = size_of::<Entry>();

/// Ids read at a time.
const PAGE: u64 = 256;

/// Bits of filter per id, and how many of them an id sets: about one needless read in a hundred.
const FILTER: (usize, u32) = (10, 6);

/// The file; made when it is needed.
pub(super) struct Disk {
    folder: PathBuf,
    file: OnceLock<File>,
    end: AtomicU64,
}

/// A sorted run of ids.
pub(super) struct Run {
    start: u64,
    count: u64,
    filter: Vec<u64>,
}

impl Disk {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, file: OnceLock::new(), end: AtomicU64::new(0) }
    }

    fn file(&self) -> Result<&File> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let made = tempfile::tempfile_in(&self.folder).map_err(Error::io(&self.folder))?;
        Ok(self.file.get_or_init(|| made))
    }

    /// Writes sorted ids.
    pub(super) fn append(&self, entries: &[Entry]) -> Result<Run> {
        let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.0.to_le_bytes()).collect();
        let start = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file()?.write_all_at(&bytes, start).map_err(Error::io(&self.folder))?;
        let mut run = Run {
            start,
            count: entries.len() as u64,
            filter: vec![0; (entries.len() * FILTER.0).div_ceil(64).max(1)],
        };
        for entry in entries {
            run.mark(entry.parts().0);
        }
        Ok(run)
    }

    /// Replaces the id at a position.
    pub(super) fn write(&self, at: u64, entry: Entry) -> Result<()> {
        self.file()?.write_all_at(&entry.0.to_le_bytes(), at).map_err(Error::io(&self.folder))
    }

    /// The ids from number `from` of a run on, at most a page of them.
    fn page(&self, run: &Run, from: u64) -> Result<Vec<Entry>> {
        let count = PAGE.min(run.count.saturating_sub(from));
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * ENTRY];
        let at = run.start + from * ENTRY as u64;
        self.file()?.read_exact_at(&mut bytes, at).map_err(Error::io(&self.folder))?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| Entry(u128::from_le_bytes(*bytes))).collect())
    }
}

impl Run {
    /// Memory held.
    pub(super) fn bytes(&self) -> usize {
        self.filter.len() * size_of::<u64>()
    }

    /// The ids of this hash, with their positions.
    pub(super) fn find(&self, hash: u64, disk: &Disk) -> Result<Vec<(u64, Entry)>> {
        let mut found = Vec::new();
        if !self.bits(hash).all(|(word, bit)| self.filter.get(word).is_some_and(|w| w & bit != 0)) {
            return Ok(found);
        }
        // The page on which the hash can stand, by halving.
        let (mut low, mut high) = (0, self.count.div_ceil(PAGE));
        while high - low > 1 {
            let middle = low.midpoint(high);
            match disk.page(self, middle * PAGE)?.first() {
                Some(first) if first.parts().0 < hash => low = middle,
                _ => high = middle,
            }
        }
        for page in low.. {
            let entries = disk.page(self, page * PAGE)?;
            let past = entries.last().is_none_or(|last| last.parts().0 > hash);
            for (number, entry) in entries.into_iter().enumerate() {
                if entry.parts().0 == hash {
                    let at = page * PAGE + number as u64;
                    found.push((self.start + at * ENTRY as u64, entry));
                }
            }
            if past {
                break;
            }
        }
        Ok(found)
    }

    fn mark(&mut self, hash: u64) {
        let bits: Vec<(usize, u64)> = self.bits(hash).collect();
        for (word, bit) in bits {
            if let Some(word) = self.filter.get_mut(word) {
                *word |= bit;
            }
        }
    }

    /// Word and bit of each mark of a hash.
    fn bits(&self, hash: u64) -> impl Iterator<Item = (usize, u64)> + use<> {
        let bits = self.filter.len() as u64 * 64;
        let step = hash.rotate_left(32) | 1;
        (0..u64::from(FILTER.1)).map(move |n| {
            let bit =
                hash.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(n.wrapping_mul(step)) % bits;
            (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
        })
    }
}
