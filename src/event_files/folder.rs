//! A folder of events: which objects are in it already, and how a run's files appear in it, when all
//! are written. What trailsift keeps of it lies in `_trailsift/`, which no reader of Hive's folders
//! looks into.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::partition::Partition;
use crate::error::{Error, Result};
use crate::store;

const OWN: &str = "_trailsift";
const STATE: &str = "events.json";
const FORMAT: &str = "trailsift events";
const VERSION: u64 = 1;

/// What a folder of events holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    format: String,
    version: u64,
    /// How often events were added.
    generation: u64,
    /// The file that names the objects whose events are here.
    ledger: String,
}

/// A folder of events, of one process at a time.
#[derive(Debug)]
pub struct EventFolder {
    path: PathBuf,
    state: Option<State>,
    /// Held as long as this lives.
    _lock: File,
}

impl EventFolder {
    /// Opens a folder, which is made if it is not there. What a run has left that was stopped is
    /// taken away.
    ///
    /// # Errors
    /// Those of the file system; [`Error::Usage`] for a folder that another process writes to, or
    /// that holds something else.
    pub fn open(path: &Path) -> Result<Self> {
        let own = path.join(OWN);
        if !own.is_dir() && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
            let message = format!(
                "`{}` holds files, and no events of trailsift: give an empty or a new folder",
                path.display()
            );
            return Err(Error::Usage(message));
        }
        fs::create_dir_all(&own).map_err(Error::io(&own))?;
        let lock_path = own.join("lock");
        let lock = File::create(&lock_path).map_err(Error::io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("`{}`: another trailsift writes to it", path.display());
                return Err(Error::Usage(message));
            }
            Err(TryLockError::Error(error)) => return Err(Error::io(&lock_path)(error)),
        }
        let state = State::read(&own.join(STATE))?;
        let folder = Self { path: path.to_path_buf(), state, _lock: lock };
        folder.clean()?;
        Ok(folder)
    }

    /// Where trailsift keeps what it knows of the folder; the accounting of the last run is there.
    #[must_use]
    pub fn own(&self) -> PathBuf {
        self.path.join(OWN)
    }

    /// The ledger of the objects whose events are here.
    #[must_use]
    pub fn ledger(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|state| self.own().join(&state.ledger))
    }

    /// The number of the run that adds events next.
    fn next(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.generation) + 1
    }

    /// Where the events of a partition are written that are added now; nobody sees them there.
    ///
    /// # Errors
    /// Those of making its folder.
    pub fn file(&self, partition: &Partition) -> Result<PathBuf> {
        let folder = self.path.join(partition.folder());
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        Ok(folder.join(format!(".{:08}.parquet", self.next())))
    }

    /// The path of the ledger that belongs to the events that are added now.
    #[must_use]
    pub fn next_ledger(&self) -> PathBuf {
        self.own().join(format!("{:08}.ledger.parquet", self.next()))
    }

    /// Makes the `files` that were written, and the ledger, part of the folder.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn commit(self, files: &[PathBuf]) -> Result<()> {
        for hidden in files {
            let name = hidden.file_name().and_then(|name| name.to_str()?.strip_prefix('.'));
            let seen = hidden.with_file_name(name.unwrap_or_default());
            fs::rename(hidden, &seen).map_err(Error::io(&seen))?;
        }
        let ledger = format!("{:08}.ledger.parquet", self.next());
        let generation = self.next();
        let state = State { format: FORMAT.to_owned(), version: VERSION, generation, ledger };
        let path = self.own().join(STATE);
        store::replace(&path, |file| Ok(serde_json::to_writer_pretty(file, &state)?))?;
        if let Some(old) = self.ledger() {
            store::remove(&old)?;
        }
        Ok(())
    }

    /// Takes away files of runs that were stopped before their commit.
    fn clean(&self) -> Result<()> {
        let known = self.state.as_ref().map_or(0, |state| state.generation);
        let stale: BTreeSet<PathBuf> = walkdir::WalkDir::new(&self.path)
            .min_depth(1)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .filter(|entry| is_ours(entry.path()))
            .filter(|entry| is_stale(&entry.file_name().to_string_lossy(), known))
            .map(walkdir::DirEntry::into_path)
            .collect();
        stale.iter().try_for_each(|path| store::remove(path))
    }
}

/// Whether a file lies where trailsift writes: in the folder of a day, or in its own.
fn is_ours(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy());
    folder.is_some_and(|name| name == OWN || name.starts_with("date="))
}

/// Whether a file of that name was left by a run that was stopped, if `known` is the last that was
/// not. Files of others are left alone.
fn is_stale(name: &str, known: u64) -> bool {
    let visible = name.trim_start_matches('.');
    let is_hidden = visible.len() < name.len();
    let number = visible.split_once('.').filter(|(number, _)| number.len() == 8);
    match number.map(|(number, rest)| (number.parse::<u64>(), rest)) {
        Some((Ok(number), rest)) if rest.contains("parquet") => is_hidden || number > known,
        _ => is_hidden && visible.starts_with("spill-"),
    }
}

impl State {
    fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(path)(error)),
        };
        let state: Self = serde_json::from_str(&text).map_err(|error| {
            Error::state(path, format!("no state of a folder of events: {error}"))
        })?;
        let is_sound = state.format == FORMAT
            && state.version == VERSION
            && state.ledger == format!("{:08}.ledger.parquet", state.generation);
        if is_sound {
            return Ok(Some(state));
        }
        let reason = format!(
            "written by another version of trailsift, or damaged (version {} of `{}`): convert into \
             a new folder",
            state.version,
            state.format.escape_debug()
        );
        Err(Error::state(path, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_stopped_run_left_is_stale() {
        for name in [
            ".00000001.parquet",
            "00000003.parquet",
            "..00000003.parquet-x7Ya",
            "00000003.ledger.parquet",
            ".spill-3fZ",
        ] {
            assert!(is_stale(name, 2), "{name}");
        }
        for name in [
            "00000002.parquet",
            "00000002.ledger.parquet",
            "2025.parquet",
            "20250603.csv",
            ".gitignore",
            "events.json",
            "lock",
        ] {
            assert!(!is_stale(name, 2), "{name}");
        }
    }
}
