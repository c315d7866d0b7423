//! A folder of events that a run adds to: what is in it already, and what is new.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::accounting::{Account, ObjectOutcome, ObjectRecord};
use super::processed::{Identities, Processed, entries};
use crate::error::Result;
use crate::event_files::{self, EventFolder, Partition, Sorted, Written};
use crate::source::LogObject;
use crate::state::{LedgerReader, write_ledger};

/// The events that a scan keeps beside its findings.
pub(super) struct EventsOut {
    folder: EventFolder,
    processed: Processed,
    listed: Mutex<Listed>,
}

#[derive(Default)]
struct Listed {
    /// Objects whose events are in the folder.
    known: BTreeSet<Arc<str>>,
    identities: Identities,
}

impl EventsOut {
    /// Opens the folder.
    ///
    /// # Errors
    /// Those of [`EventFolder::open`].
    pub(super) fn open(path: &Path) -> Result<Self> {
        let folder = EventFolder::open(path)?;
        let processed = Processed { ledger: folder.ledger(), needed_by: "--events-out" };
        Ok(Self { folder, processed, listed: Mutex::default() })
    }

    /// Where temporary files go.
    pub(super) fn own(&self) -> PathBuf {
        self.folder.own()
    }

    /// These objects will be read.
    ///
    /// # Errors
    /// Those of [`Processed::look`].
    pub(super) fn expect(&self, objects: &[LogObject]) -> Result<()> {
        let mut listed = self.listed();
        let known = self.processed.look(objects, &mut listed.identities)?;
        let uri = |number: &usize| Some(objects.get(*number)?.uri.clone());
        listed.known.extend(known.keys().filter_map(uri));
        Ok(())
    }

    /// Whether the events of an object, or of a member of an archive, are in the folder.
    pub(super) fn holds(&self, uri: &str) -> bool {
        let object = uri.split_once("!/").map_or(uri, |(archive, _)| archive);
        let listed = self.listed();
        !listed.known.is_empty() && listed.known.contains(object)
    }

    /// Adds what was read.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn add(self, sorted: &Sorted, account: &Account, threads: usize) -> Result<Written> {
        let identities = std::mem::take(&mut self.listed().identities);
        add(self.folder, sorted, account, &identities, threads)
    }

    fn listed(&self) -> MutexGuard<'_, Listed> {
        // Both are whole between any two statements that can panic.
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds what was read to a folder of events, if anything is new. Objects that are damaged are read
/// once, as far as it goes.
///
/// # Errors
/// Those of writing, and of reading temporary files.
pub(super) fn add(
    folder: EventFolder,
    sorted: &Sorted,
    account: &Account,
    identities: &Identities,
    threads: usize,
) -> Result<Written> {
    let is_done = |object: &&ObjectRecord| {
        matches!(object.outcome, ObjectOutcome::Read | ObjectOutcome::Partial)
    };
    let done = entries(account.manifest.iter().filter(is_done), "", identities);
    let partitions = sorted.partitions();
    if partitions.is_empty() && done.is_empty() {
        return Ok(Written::default());
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let one = |partition: &Partition| {
        let path = folder.file(partition)?;
        event_files::write(sorted, partition, &path).map(|written| (path, written))
    };
    let files: Vec<(PathBuf, Written)> =
        pool.install(|| partitions.par_iter().map(one).collect::<Result<_>>())?;
    let old = folder.ledger().map(|path| LedgerReader::open(&path)).transpose()?;
    write_ledger(&folder.next_ledger(), old, done)?;
    let (paths, written): (Vec<PathBuf>, Vec<Written>) = files.into_iter().unzip();
    folder.commit(&paths)?;
    Ok(written.into_iter().fold(Written::default(), Written::and))
}
