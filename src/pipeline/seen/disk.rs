//! Sorted runs of ids in one temporary file, each with a filter in memory that spares most reads.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use super::{Entry, lock};
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
    room: Mutex<Room>,
}

/// What of the file is in use.
#[derive(Default)]
struct Room {
    end: u64,
    /// Start and length of the parts before the end that are not, in bytes.
    free: Vec<(u64, u64)>,
}

/// A sorted run of ids.
pub(super) struct Run {
    start: u64,
    count: u64,
    /// The first hash and the last.
    hashes: (u64, u64),
    /// Empty: every hash may be in the run.
    filter: Vec<u64>,
}

impl Disk {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, file: OnceLock::new(), room: Mutex::default() }
    }

    fn file(&self) -> Result<&File> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let made = tempfile::tempfile_in(&self.folder).map_err(Error::io(&self.folder))?;
        Ok(self.file.get_or_init(|| made))
    }

    /// Writes sorted ids, with a filter or without.
    pub(super) fn append(&self, entries: &[Entry], filtered: bool) -> Result<Run> {
        let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.0.to_le_bytes()).collect();
        let start = lock(&self.room).take(bytes.len() as u64);
        self.file()?.write_all_at(&bytes, start).map_err(Error::io(&self.folder))?;
        let hash = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.parts().0);
        let words = if filtered { (entries.len() * FILTER.0).div_ceil(64).max(1) } else { 0 };
        let mut run = Run {
            start,
            count: entries.len() as u64,
            hashes: (hash(entries.first()), hash(entries.last())),
            filter: vec![0; words],
        };
        if filtered {
            for entry in entries {
                run.mark(entry.parts().0);
            }
        }
        Ok(run)
    }

    /// The length of the file.
    #[cfg(test)]
    pub(super) fn end(&self) -> u64 {
        lock(&self.room).end
    }

    /// All ids of a run.
    pub(super) fn read(&self, run: &Run) -> Result<Vec<Entry>> {
        self.entries(run, 0, run.count)
    }

    /// A run is of no use any more.
    pub(super) fn free(&self, run: &Run) {
        lock(&self.room).free.push((run.start, run.count * ENTRY as u64));
    }

    /// Replaces the id at a position.
    pub(super) fn write(&self, at: u64, entry: Entry) -> Result<()> {
        self.file()?.write_all_at(&entry.0.to_le_bytes(), at).map_err(Error::io(&self.folder))
    }

    /// The ids from number `from` of a run on, at most `count` of them.
    fn entries(&self, run: &Run, from: u64, count: u64) -> Result<Vec<Entry>> {
        let count = count.min(run.count.saturating_sub(from));
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * ENTRY];
        let at = run.start + from * ENTRY as u64;
        self.file()?.read_exact_at(&mut bytes, at).map_err(Error::io(&self.folder))?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| Entry(u128::from_le_bytes(*bytes))).collect())
    }
}

impl Room {
    /// Takes the first free part that is large enough, or grows the file.
    fn take(&mut self, bytes: u64) -> u64 {
        if let Some((start, length)) = self.free.iter_mut().find(|(_, length)| *length >= bytes) {
            let taken = *start;
            (*start, *length) = (taken + bytes, *length - bytes);
            self.free.retain(|(_, length)| *length > 0);
            return taken;
        }
        let start = self.end;
        self.end += bytes;
        start
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
        if !(self.hashes.0..=self.hashes.1).contains(&hash) || !self.may_hold(hash) {
            return Ok(found);
        }
        for page in self.page_before(hash, disk)?.. {
            let entries = disk.entries(self, page * PAGE, PAGE)?;
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

    /// The last page that starts with a smaller hash, or the first page. Hashes are spread evenly,
    /// so a guess is never far off.
    fn page_before(&self, hash: u64, disk: &Disk) -> Result<u64> {
        let (mut low, mut high) = (0, self.count.div_ceil(PAGE));
        let (mut below, mut above) = self.hashes;
        while high - low > 1 {
            let (part, whole) = (hash.saturating_sub(below), above.saturating_sub(below).max(1));
            let share = u128::from(part) * u128::from(high - low) / u128::from(whole);
            let guess = low + u64::try_from(share).unwrap_or(0).clamp(1, high - low - 1);
            match disk.entries(self, guess * PAGE, 1)?.first().map(|first| first.parts().0) {
                Some(first) if first < hash => (low, below) = (guess, first),
                first => (high, above) = (guess, first.unwrap_or(above)),
            }
        }
        Ok(low)
    }

    fn may_hold(&self, hash: u64) -> bool {
        self.filter.is_empty()
            || self
                .bits(hash)
                .all(|(word, bit)| self.filter.get(word).is_some_and(|w| w & bit != 0))
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
