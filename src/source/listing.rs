//! The objects of a run, in one order whatever the order of the inputs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layout::{Layout, unique_name};
use super::shard::Shard;
use crate::error::Result;
use crate::store;

/// A stored object that may hold logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogObject {
    /// Its name in findings and reports.
    pub uri: Arc<str>,
    /// Where to read it.
    pub place: Place,
    /// Stored bytes; 0 for standard input.
    pub bytes: u64,
    /// Whether it is an input itself, not found in a folder.
    pub given: bool,
    /// What its key tells.
    pub layout: Option<Layout>,
}

/// Where an object is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file.
    File(PathBuf),
    /// A pipe: its length is not known, and it can be read once.
    Pipe(PathBuf),
    /// Standard input.
    Stdin,
}

/// The input that stands for standard input.
const STDIN: &str = "-";

impl LogObject {
    /// What identifies the object in later runs too: the name that CloudTrail gave it, else its
    /// full path.
    #[must_use]
    pub fn identity(&self) -> Arc<str> {
        if let Some(name) = unique_name(&self.uri) {
            return name.into();
        }
        let Place::File(path) = &self.place else { return self.uri.clone() };
        let path = path.canonicalize();
        path.map_or_else(|_| self.uri.clone(), |path| store::uri(&path).into())
    }
}

/// Something at the inputs that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRead {
    /// Its name.
    pub uri: Arc<str>,
    /// Why.
    pub reason: String,
    /// Whether reading failed; otherwise it is skipped for what it is.
    pub failed: bool,
}

/// What there is to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Sorted by URI, each once.
    pub objects: Vec<LogObject>,
    /// Sorted by URI.
    pub not_read: Vec<NotRead>,
    /// Objects without account and region in their key that a shard had to take as one unit.
    pub unsplit: usize,
}

/// Lists all inputs; of several shares only `shard`'s objects. An object reached by two inputs is
/// listed once, and what lies in the folders `own` is skipped: they may lie within an input.
///
/// # Errors
/// [`crate::Error::Usage`] for an input that is not there.
pub fn list(inputs: &[PathBuf], shard: Option<Shard>, own: &[&Path]) -> Result<Listing> {
    // Keyed by bytes: comparing paths part by part is slow over millions of objects.
    let mut objects: BTreeMap<OsString, (store::Listed, bool)> = BTreeMap::new();
    let mut not_read = BTreeMap::new();
    let own = own.iter().filter_map(|folder| folder.canonicalize().ok());
    let own: Vec<OsString> = own.map(|folder| folder.join("").into_os_string()).collect();
    let (files, stdin) = inputs.iter().partition::<Vec<_>, _>(|input| input.as_os_str() != STDIN);
    for input in files {
        let given = !input.is_dir();
        let (files, skipped) = store::list(input)?;
        let earlier: Vec<OsString> = files.iter().filter_map(output_folder).collect();
        let is_own = |identity: &OsString| {
            let bytes = identity.as_encoded_bytes();
            let mut folders = own.iter().chain(&earlier);
            folders.any(|folder| bytes.starts_with(folder.as_encoded_bytes()))
        };
        for file in files {
            if is_own(&file.identity) {
                let reason = "output of trailsift".to_owned();
                let entry = store::Skipped { uri: file.uri.clone(), reason, failed: false };
                not_read.entry(file.uri).or_insert(entry);
                continue;
            }
            // Two spellings of one file are one object.
            match objects.get(&file.identity) {
                Some((known, _)) if known.uri <= file.uri => {}
                _ => drop(objects.insert(file.identity.clone(), (file, given))),
            }
        }
        for entry in skipped {
            not_read.entry(entry.uri.clone()).or_insert(entry);
        }
    }
    let mut listing = Listing::default();
    for (file, given) in objects.into_values() {
        let layout = Layout::of(&file.uri);
        listing.unsplit += usize::from(shard.is_some() && layout.is_none());
        if shard.is_none_or(|shard| shard.holds(layout.as_ref())) {
            let uri = file.uri.into();
            let place = if file.pipe { Place::Pipe(file.path) } else { Place::File(file.path) };
            listing.objects.push(LogObject { uri, place, bytes: file.bytes, given, layout });
        }
    }
    if !stdin.is_empty() && shard.is_none_or(|shard| shard.holds(None)) {
        let (uri, place) = ("stdin".into(), Place::Stdin);
        listing.objects.push(LogObject { uri, place, bytes: 0, given: true, layout: None });
    }
    listing.objects.sort_by(|a, b| a.uri.cmp(&b.uri));
    // What cannot be read belongs to no share; the first one names it.
    if shard.is_none_or(|shard| shard.number == 1) {
        let name = |entry: store::Skipped| NotRead {
            uri: entry.uri.into(),
            reason: entry.reason,
            failed: entry.failed,
        };
        listing.not_read.extend(not_read.into_values().map(name));
    }
    Ok(listing)
}

/// The folder of a file that only outputs and states of trailsift have, if it is one of theirs.
fn output_folder(file: &store::Listed) -> Option<OsString> {
    let path = Path::new(&file.identity);
    let (folder, name) = (path.parent()?, path.file_name()?.to_str()?);
    let is_ours = match name {
        "run.json" | "partial.json" => folder.join("rejected.parquet").is_file(),
        // Of a state: `manifest-00000007.json` names the other files.
        _ => {
            name.starts_with("manifest-")
                && path.extension().is_some_and(|extension| extension == "json")
                && store::names(folder)
                    .is_ok_and(|names| names.iter().any(|name| name.ends_with(".ledger.parquet")))
        }
    };
    is_ours.then(|| folder.join("").into_os_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_of_other_runs_are_no_input() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        };
        let outputs = [
            "case/run.json",
            "case/rejected.parquet",
            "case/findings/date=2026-03-04/1.parquet",
            "state/manifest-00000001.json",
            "state/00000001-a.ledger.parquet",
        ];
        for name in outputs.iter().chain(&["other/run.json", "other/manifest-1.json"]) {
            write(name);
        }
        let listing = list(&[folder.path().to_path_buf()], None, &[]).unwrap();
        assert_eq!(listing.objects.len(), 2, "{:?}", listing.objects);
        assert_eq!(listing.not_read.len(), outputs.len());
    }

    #[test]
    fn an_object_reached_twice_is_listed_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        std::fs::write(&file, "{}").unwrap();
        let listing = list(&[folder.path().to_path_buf(), file], None, &[]).unwrap();
        assert_eq!(listing.objects.len(), 1);
    }
}
