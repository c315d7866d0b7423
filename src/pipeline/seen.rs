//! Which events were met before, in the run or in those before it: exact deduplication while many
//! workers read. In come an event's identity, a digest of its content and the object it stands in;
//! out goes whether it is new. Beyond a budget of memory the ids go to disk. It knows nothing of
//! what events mean.
//!
//! An id takes 16 bytes: 64 bits of hash of the identity (with a seed that nobody knows: who writes
//! logs chooses the ids), the 32-bit digest, and the object. An event is dropped only if all 96
//! bits agree; if the hash alone does, a conflict too many is counted, and nothing is lost.

mod disk;

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::Result;
use crate::events::EventKey;
use crate::state::RecentId;
use disk::{Disk, Run};

/// Parts of the set, each with a lock of its own.
const SHARDS: usize = 256;

/// Characters of an account or id that are shown.
const MAX_ID: usize = 128;

/// Conflicts that are listed: the first by account and id.
const MAX_CONFLICTS: usize = 1_000;

/// A shard with fewer ids is not worth a run on disk.
const MIN_RUN: usize = 1_024;

/// So many runs of a level become one of the next, so that a shard has few to look into.
const FAN_IN: usize = 8;

/// The object of events that an earlier run has counted.
const EARLIER: u32 = u32::MAX;

/// An id: hash, digest, object. Zero stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u128);

impl Entry {
    const NONE: Self = Self(0);

    fn new(hash: u64, digest: u32, object: u32) -> Self {
        Self(u128::from(hash.max(1)) << 64 | u128::from(digest) << 32 | u128::from(object))
    }

    #[allow(clippy::cast_possible_truncation, reason = "takes the parts apart")]
    fn parts(self) -> (u64, u32, u32) {
        ((self.0 >> 64) as u64, (self.0 >> 32) as u32, self.0 as u32)
    }
}

/// What is known of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not met before.
    New,
    /// A copy. If it stands `first`, in an object whose name sorts before that of the copies met so
    /// far, it is the one that counts, so that the order of reading does not matter.
    Duplicate {
        /// Whether it takes the place of the copy that counted until now.
        first: bool,
    },
    /// A copy of an event that an earlier run has counted.
    Earlier,
    /// Its id was met with another content.
    Conflict,
}

/// What copies and conflicts were met.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Copies {
    /// By object: events that count elsewhere after all, and those of them that came too late.
    pub moved: HashMap<Arc<str>, (u64, u64)>,
    /// How many contents were met beyond the first of each id.
    pub conflicts: u64,
    /// Account and id of conflicts, the first ones.
    pub listed: BTreeSet<(String, String)>,
}

/// An object that events stand in.
struct Object {
    name: Arc<str>,
    /// The day of its delivery, days since 1970.
    day: i32,
}

/// The events met so far.
pub(super) struct Seen {
    seed: u64,
    shards: Vec<Mutex<Shard>>,
    disk: Disk,
    budget: usize,
    bytes: AtomicUsize,
    ids: AtomicU64,
    spills: AtomicU64,
    objects: RwLock<Vec<Object>>,
    copies: Mutex<Copies>,
}

impl Seen {
    /// No event met yet. Ids take about `budget` bytes of memory, and the disk in `folder` beyond.
    /// Hashes are the same in runs with the same `seed`.
    pub(super) fn new(seed: u64, budget: usize, folder: PathBuf) -> Self {
        Self {
            seed,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            disk: Disk::new(folder),
            budget,
            bytes: AtomicUsize::new(0),
            ids: AtomicU64::new(0),
            spills: AtomicU64::new(0),
            objects: RwLock::default(),
            copies: Mutex::default(),
        }
    }

    /// A seed at random.
    pub(super) fn random_seed() -> u64 {
        RandomState::new().hash_one(0)
    }

    /// The number of an object.
    pub(super) fn object(&self, name: Arc<str>) -> u32 {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        objects.push(Object { name, day: i32::MIN });
        u32::try_from(objects.len() - 1).unwrap_or(EARLIER - 1)
    }

    /// Notes when an object was delivered.
    pub(super) fn delivered(&self, object: u32, day: i32) {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(object) = objects.get_mut(position(object)) {
            object.day = day;
        }
    }

    /// Takes an id over from an earlier run.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn remember(&self, id: &RecentId) -> Result<()> {
        let entry = Entry::new(id.hash, id.digest, EARLIER);
        self.shard(id.hash).map_or(Ok(()), |mut shard| self.add(&mut shard, entry))
    }

    /// Meets the event `key` in an object; `late` if it comes too late to be judged.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn meet(
        &self,
        key: &EventKey,
        digest: u32,
        object: u32,
        late: bool,
    ) -> Result<Verdict> {
        let hash = xxh3_64_with_seed(key.as_bytes(), self.seed).max(1);
        let entry = Entry::new(hash, digest, object);
        let Some(mut shard) = self.shard(hash) else { return Ok(Verdict::New) };
        match shard.find(entry, &self.disk)? {
            Found::Same(_, EARLIER) => Ok(Verdict::Earlier),
            Found::Same(place, holder) => {
                let first = self.is_before(object, holder);
                if first {
                    shard.put(place, entry, &self.disk)?;
                    self.move_from(holder, late);
                }
                Ok(Verdict::Duplicate { first })
            }
            found => {
                self.add(&mut shard, entry)?;
                Ok(if found == Found::Other { Verdict::Conflict } else { Verdict::New })
            }
        }
    }

    /// Notes a conflict.
    pub(super) fn note_conflict(&self, account: &str, event_id: &str) {
        let mut copies = lock(&self.copies);
        copies.conflicts += 1;
        // Who writes logs may write ids without end.
        let cut = |text: &str| text.chars().take(MAX_ID).collect();
        copies.listed.insert((cut(account), cut(event_id)));
        if copies.listed.len() > MAX_CONFLICTS {
            copies.listed.pop_last();
        }
    }

    /// What copies and conflicts were met.
    pub(super) fn take_copies(&self) -> Copies {
        std::mem::take(&mut *lock(&self.copies))
    }

    /// The ids met in this run, sorted; `keep_until` is given the name of an event's object and the
    /// day of its delivery.
    pub(super) fn recent(
        &self,
        keep_until: impl Fn(&str, i32) -> i32,
    ) -> impl Iterator<Item = Result<RecentId>> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let days: Vec<i32> =
            objects.iter().map(|object| keep_until(&object.name, object.day)).collect();
        let new = move |entry: Entry| {
            let (hash, digest, object) = entry.parts();
            let keep_until = *days.get(position(object))?;
            Some(RecentId { hash, digest, keep_until })
        };
        // Shards stand in the order of the hashes in them.
        let entries = self.shards.iter().flat_map(|shard| match lock(shard).sorted(&self.disk) {
            Ok(entries) => entries.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        });
        entries.filter_map(move |entry| entry.map(&new).transpose())
    }

    /// How many ids there are, and how many bytes of memory they take.
    pub(super) fn size(&self) -> (u64, usize) {
        (self.ids.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// How often ids went to disk.
    pub(super) fn spills(&self) -> u64 {
        self.spills.load(Ordering::Relaxed)
    }

    fn shard(&self, hash: u64) -> Option<MutexGuard<'_, Shard>> {
        self.shards.get(usize::from(hash.to_be_bytes()[0])).map(lock)
    }

    /// Adds an id that is not there.
    fn add(&self, shard: &mut Shard, entry: Entry) -> Result<()> {
        let before = shard.bytes();
        shard.insert(entry);
        self.ids.fetch_add(1, Ordering::Relaxed);
        let grown = shard.bytes() - before;
        if self.bytes.fetch_add(grown, Ordering::Relaxed) + grown > self.budget {
            self.spill(shard)?;
        }
        Ok(())
    }

    fn spill(&self, shard: &mut Shard) -> Result<()> {
        // Runs of less than half a fair share would become too many.
        if shard.count < MIN_RUN.max(self.budget / SHARDS / 2 / 24) {
            return Ok(());
        }
        let before = shard.bytes();
        // Filters have as much room again; a run without one takes a few reads more.
        let filtered = shard.filters() < (self.budget / SHARDS).max(MIN_RUN * 24);
        shard.spill(&self.disk, filtered)?;
        self.spills.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_sub(before.saturating_sub(shard.bytes()), Ordering::Relaxed);
        Ok(())
    }

    fn is_before(&self, a: u32, b: u32) -> bool {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let name = |object: u32| objects.get(position(object)).map(|object| &object.name);
        name(a) < name(b)
    }

    fn move_from(&self, object: u32, late: bool) {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(object) = objects.get(position(object)) {
            let mut copies = lock(&self.copies);
            let moved = copies.moved.entry(object.name.clone()).or_default();
            *moved = (moved.0 + 1, moved.1 + u64::from(late));
        }
    }
}

fn position(object: u32) -> usize {
    usize::try_from(object).unwrap_or(usize::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No statement that can panic leaves what is behind these locks half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A part of the set: a table in memory, with linear probing, and runs on disk.
#[derive(Default)]
struct Shard {
    slots: Vec<Entry>,
    count: usize,
    /// By level: runs of level n + 1 are merged from [`FAN_IN`] of level n.
    levels: Vec<Vec<Run>>,
}

/// What a shard knows of an id.
#[derive(PartialEq, Eq)]
enum Found {
    /// The same content, and the object that it counts in.
    Same(Place, u32),
    /// Other content only.
    Other,
    Nothing,
}

/// Where an id stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Slot(usize),
    Disk(u64),
}

impl Shard {
    fn find(&self, entry: Entry, disk: &Disk) -> Result<Found> {
        let (hash, digest, _) = entry.parts();
        let mut found = Found::Nothing;
        for (slot, known) in self.probe(hash) {
            match known.parts() {
                (same, also, object) if same == hash && also == digest => {
                    return Ok(Found::Same(Place::Slot(slot), object));
                }
                (same, ..) if same == hash => found = Found::Other,
                _ => {}
            }
        }
        for run in self.levels.iter().flatten() {
            for (at, known) in run.find(hash, disk)? {
                match known.parts() {
                    (_, also, object) if also == digest => {
                        return Ok(Found::Same(Place::Disk(at), object));
                    }
                    _ => found = Found::Other,
                }
            }
        }
        Ok(found)
    }

    /// The taken slots from where `hash` would stand up to the first free one.
    fn probe(&self, hash: u64) -> impl Iterator<Item = (usize, Entry)> {
        let start = home(hash, self.slots.len());
        let (after, before) =
            (self.slots.iter().enumerate().skip(start), self.slots.iter().enumerate().take(start));
        after
            .chain(before)
            .map(|(slot, entry)| (slot, *entry))
            .take_while(|(_, entry)| *entry != Entry::NONE)
    }

    fn put(&mut self, place: Place, entry: Entry, disk: &Disk) -> Result<()> {
        match place {
            Place::Slot(slot) => {
                if let Some(place) = self.slots.get_mut(slot) {
                    *place = entry;
                }
                Ok(())
            }
            Place::Disk(at) => disk.write(at, entry),
        }
    }

    /// Adds an id that is not there. The table is kept between two thirds and four fifths full:
    /// 20 to 24 bytes per id.
    fn insert(&mut self, entry: Entry) {
        if self.count * 5 >= self.slots.len() * 4 {
            let room = (self.slots.len() * 6 / 5).max(16);
            let known = std::mem::replace(&mut self.slots, vec![Entry::NONE; room]);
            known
                .into_iter()
                .filter(|entry| *entry != Entry::NONE)
                .for_each(|entry| self.place(entry));
        }
        self.place(entry);
        self.count += 1;
    }

    fn place(&mut self, entry: Entry) {
        let start = home(entry.parts().0, self.slots.len());
        let (before, after) = self.slots.split_at_mut_checked(start).unwrap_or_default();
        let free = after.iter_mut().chain(before).find(|slot| **slot == Entry::NONE);
        if let Some(free) = free {
            *free = entry;
        }
    }

    /// Writes the table to disk as one more run.
    fn spill(&mut self, disk: &Disk, filtered: bool) -> Result<()> {
        let mut entries = std::mem::take(&mut self.slots);
        entries.retain(|entry| *entry != Entry::NONE);
        entries.sort_unstable();
        self.count = 0;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(runs) = self.levels.get_mut(level) else { break };
            if runs.len() + 1 < FAN_IN {
                runs.push(disk.append(&entries, filtered)?);
                break;
            }
            for run in std::mem::take(runs) {
                entries.extend(disk.read(&run)?);
                disk.free(&run);
            }
            entries.sort_unstable();
        }
        Ok(())
    }

    /// All ids.
    fn sorted(&self, disk: &Disk) -> Result<Vec<Entry>> {
        let mut entries = self.slots.clone();
        entries.retain(|entry| *entry != Entry::NONE);
        for run in self.levels.iter().flatten() {
            entries.extend(disk.read(run)?);
        }
        entries.sort_unstable();
        Ok(entries)
    }

    fn bytes(&self) -> usize {
        self.slots.len() * size_of::<Entry>() + self.filters()
    }

    fn filters(&self) -> usize {
        self.levels.iter().flatten().map(Run::bytes).sum()
    }
}

/// Where a hash stands if there is room: its share of the slots. (The highest byte has chosen the
/// shard.)
fn home(hash: u64, slots: usize) -> usize {
    usize::try_from((u128::from(hash << 8) * slots as u128) >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests;
