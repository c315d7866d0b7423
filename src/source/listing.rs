//! The objects of a run, in one order whatever the order of the inputs.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::layout::{Layout, unique_name};
use super::outputs::OWN;
use super::shard::Shard;
use crate::error::Result;
use crate::store::{self, S3Uri};

/// A stored object that may hold logs. There may be millions.
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
}

/// Where an object is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file; its path, if its name is another.
    File(Option<Box<Path>>),
    /// A pipe: its length is not known, and it can be read once. Its path, if its name is another.
    Pipe(Option<Box<Path>>),
    /// A bucket; what identifies the content that was listed.
    S3(Option<Box<str>>),
    /// Standard input.
    Stdin,
}

/// The input that stands for standard input.
const STDIN: &str = "-";

impl LogObject {
    fn new(file: store::Listed, given: bool) -> Self {
        let place =
            if file.pipe { Place::Pipe(file.other_path) } else { Place::File(file.other_path) };
        Self { uri: file.uri, place, bytes: file.bytes, given }
    }

    /// An object in a bucket.
    pub(super) fn stored(entry: store::Entry, given: bool) -> Self {
        Self { uri: entry.uri, place: Place::S3(entry.etag), bytes: entry.bytes, given }
    }

    /// Its path; none for standard input, and for what is in a bucket.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(other) | Place::Pipe(other) => {
                Some(other.as_deref().unwrap_or(Path::new(&*self.uri)))
            }
            Place::S3(_) | Place::Stdin => None,
        }
    }

    /// Its bucket and key, if it is in one.
    #[must_use]
    pub fn bucket_and_key(&self) -> Option<(&str, &str)> {
        matches!(self.place, Place::S3(_)).then(|| S3Uri::of_object(&self.uri))?
    }

    /// What identifies the object in later runs too: the name that CloudTrail gave it, else its
    /// full path, or its key with what identifies the content.
    #[must_use]
    pub fn identity(&self) -> Arc<str> {
        if let Some(name) = unique_name(&self.uri) {
            return name.into();
        }
        if let Place::S3(Some(etag)) = &self.place {
            return format!("{} {etag}", self.uri).into();
        }
        let Some(path) = self.path() else { return self.uri.clone() };
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
    /// How long listing each input took.
    pub times: Vec<Duration>,
}

/// Lists all inputs; of several shares only `shard`'s objects. An object reached by two inputs is
/// listed once, and what lies in the folders `own` is skipped: they may lie within an input.
///
/// # Errors
/// [`crate::Error::Usage`] for an input that is not there.
pub fn list(inputs: &[PathBuf], shard: Option<Shard>, own: &[&Path]) -> Result<Listing> {
    let mut listing = Listing::default();
    let mut not_read = BTreeMap::new();
    let own = own.iter().filter_map(|folder| folder.canonicalize().ok());
    let own: Vec<OsString> = own.map(|folder| folder.join("").into_os_string()).collect();
    let (files, stdin) = inputs.iter().partition::<Vec<_>, _>(|input| input.as_os_str() != STDIN);
    // By identity, where the object stands in the listing; one input has nothing twice.
    let mut places: Option<HashMap<OsString, usize>> = (files.len() > 1).then(HashMap::new);
    for input in files {
        let given = !input.is_dir();
        let started = Instant::now();
        let store::Found { files, skipped, root } = store::list(input)?;
        listing.times.push(started.elapsed());
        let earlier = files.iter().filter_map(|file| output_folder(file.path()));
        let earlier: Vec<OsString> = earlier.map(|folder| root.identity(&folder)).collect();
        for file in files {
            let identity = root.identity(file.path());
            let bytes = identity.as_encoded_bytes();
            let mut outputs = own.iter().chain(&earlier).map(|folder| folder.as_encoded_bytes());
            if outputs.any(|folder| bytes.starts_with(folder)) {
                let reason = "output of trailsift".to_owned();
                let entry = NotRead { uri: file.uri.clone(), reason, failed: false };
                not_read.entry(file.uri).or_insert(entry);
                continue;
            }
            let object = LogObject::new(file, given);
            let known = places.as_mut().and_then(|places| {
                let next = listing.objects.len();
                let place = *places.entry(identity).or_insert(next);
                listing.objects.get_mut(place)
            });
            match known {
                // Two spellings of one file are one object.
                Some(known) if known.uri <= object.uri => {}
                Some(known) => *known = object,
                None => listing.objects.push(object),
            }
        }
        for store::Skipped { uri, reason, failed } in skipped {
            let uri: Arc<str> = uri.into();
            not_read.entry(uri.clone()).or_insert(NotRead { uri, reason, failed });
        }
    }
    if !stdin.is_empty() {
        let (uri, place) = ("stdin".into(), Place::Stdin);
        listing.objects.push(LogObject { uri, place, bytes: 0, given: true });
    }
    if let Some(shard) = shard {
        listing.keep(shard);
    }
    listing.objects.sort_unstable_by(|a, b| (&a.uri, a.bytes).cmp(&(&b.uri, b.bytes)));
    // What cannot be read belongs to no share; the first one names it.
    if shard.is_none_or(|shard| shard.number == 1) {
        listing.not_read.extend(not_read.into_values());
    }
    Ok(listing)
}

impl Listing {
    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.not_read.is_empty()
    }

    /// Keeps the objects of one share.
    pub(super) fn keep(&mut self, shard: Shard) {
        let unsplit = &mut self.unsplit;
        self.objects.retain(|object| {
            let layout = match object.place {
                Place::Stdin => None,
                _ => Layout::of(&object.uri),
            };
            *unsplit += usize::from(layout.is_none() && object.place != Place::Stdin);
            shard.holds(layout.as_ref())
        });
    }
}

/// The folder of a file that only outputs and states of trailsift have, if it is one of theirs.
fn output_folder(path: &Path) -> Option<PathBuf> {
    let (folder, name) = (path.parent()?, path.file_name()?.to_str()?);
    let is_ours = match name {
        "run.json" | "partial.json" => folder.join("rejected.parquet").is_file(),
        // Of a folder of converted events.
        "events.json" => folder.file_name().is_some_and(|folder| folder == OWN),
        // Of a state: `manifest-00000007.json` names the other files.
        _ => {
            name.starts_with("manifest-")
                && path.extension().is_some_and(|extension| extension == "json")
                && store::names(folder)
                    .is_ok_and(|names| names.iter().any(|name| name.ends_with(".ledger.parquet")))
        }
    };
    is_ours.then(|| folder.join(""))
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
