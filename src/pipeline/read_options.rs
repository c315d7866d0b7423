//! What to read and how: the same for every command that reads logs.

use sysinfo::{Process, ProcessRefreshKind, ProcessesToUpdate, System};

use super::archives::ArchiveLimits;
use crate::decode::Limits;
use crate::events::EventFilter;
use crate::source::{KeyRange, Order, Shard};
use crate::store::{Access, Location};

/// What the program takes with its detectors, bytes.
const OF_PROGRAM: u64 = 80 << 20;
/// What a worker takes beside the object that it reads, bytes: tapes, batches of events, caches.
const OF_WORKER: u64 = 60 << 20;

/// What to read and how.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Files, folders, prefixes of buckets.
    pub inputs: Vec<Location>,
    /// How S3 is reached.
    pub access: Access,
    /// Which days are read first; none: whatever is fastest.
    pub order: Option<Order>,
    /// Which share of the input.
    pub shard: Option<Shard>,
    /// Worker threads.
    pub threads: usize,
    /// Memory to keep within, bytes.
    pub memory: u64,
    /// Events before are left out, µs.
    pub since: Option<i64>,
    /// Events from here on are left out, µs.
    pub until: Option<i64>,
    /// Objects delivered on days before are left out, where names tell, µs.
    pub delivered_since: Option<i64>,
    /// So many µs before `since` are read too, for learning only.
    pub history: Option<i64>,
    /// Whether the manifest gets the SHA-256 of each object.
    pub hash: bool,
    /// Other events are left out.
    pub filter: EventFilter,
    /// Bounds on hostile input.
    pub limits: Limits,
    /// Bounds on archives.
    pub archives: ArchiveLimits,
}

/// The memory that a run keeps within unless it is told: half of the machine's, or of what its control
/// group may have, between 256 MiB and 16 GiB; where nothing is known of it, 1 GiB. It is taken only as
/// the logs need it.
fn usual_memory() -> u64 {
    let half = memory_of_process().map_or(1 << 30, |memory| memory / 2);
    half.clamp(256 << 20, 16 << 30)
}

/// The memory that this process may have.
fn memory_of_process() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let own = sysinfo::get_current_pid().ok()?;
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[own]),
        false,
        ProcessRefreshKind::nothing(),
    );
    let of_process = system.process(own).and_then(Process::cgroup_limits);
    let groups = [system.cgroup_limits(), of_process];
    let of_groups = groups.into_iter().flatten().map(|limits| limits.total_memory);
    of_groups.chain([system.total_memory()]).filter(|memory| *memory > 0).min()
}

impl ReadOptions {
    /// Everything at the inputs, with the usual bounds.
    #[must_use]
    pub fn new(inputs: Vec<Location>) -> Self {
        Self {
            inputs,
            access: Access::default(),
            order: None,
            shard: None,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: usual_memory(),
            since: None,
            until: None,
            delivered_since: None,
            history: None,
            hash: false,
            filter: EventFilter::default(),
            limits: Limits::default(),
            archives: ArchiveLimits::default(),
        }
    }

    /// What is left of the memory for what grows with the input, bytes: the program and the buffers
    /// of workers take their part in any case.
    fn divided(&self) -> u64 {
        let taken = OF_PROGRAM + OF_WORKER * self.threads as u64;
        self.memory.saturating_sub(taken).max(self.memory / 5)
    }

    /// An eighth of what is divided, bytes.
    pub(super) fn eighth(&self) -> usize {
        usize::try_from(self.divided() / 8).unwrap_or(usize::MAX / 8)
    }

    /// The first time that is read, µs.
    pub(super) fn read_since(&self) -> Option<i64> {
        self.since.map(|since| since.saturating_sub(self.history.unwrap_or(0)))
    }

    /// What keys can tell of what is asked for.
    pub(super) fn key_range(&self) -> KeyRange {
        KeyRange {
            accounts: self.filter.accounts.clone(),
            regions: self.filter.regions.clone(),
            since: self.read_since(),
            until: self.until,
            delivered_since: self.delivered_since,
        }
    }

    /// Objects in memory get their part of `--memory`, so that many threads hold no more than few: a
    /// half for their stored bytes, and a half for what they unpack to.
    pub(super) fn object_limits(&self) -> Limits {
        let share = self.divided() / 4 / (self.threads.max(1) as u64);
        let whole_bytes = (share / 2).clamp(4 << 20, self.limits.whole_bytes);
        // A tape is larger than its text.
        let document_bytes = usize::try_from(whole_bytes).unwrap_or(usize::MAX);
        let document_bytes = document_bytes.min(self.limits.document_bytes);
        Limits { whole_bytes, document_bytes, ..self.limits.clone() }
    }
}
