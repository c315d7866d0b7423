//! The objects that a run has read, and whether they are still there and the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::Missing;
use crate::error::{Error, Result};
use crate::parquet_file::ParquetFile;
use crate::pipeline::accounting::ObjectRecord;
use crate::pipeline::output::MANIFEST;
use crate::source::KeyRange;
use crate::store::{Folder, Location, S3Uri};

/// Rows read at a time.
const BATCH: usize = 8_192;
/// What stands between the name of an archive and that of a member.
const MEMBER: &str = "!/";
/// The name of standard input.
const STDIN: &str = "stdin";

/// What the manifest says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    bytes: i64,
    /// Whether events came of it.
    analysed: bool,
    etag: Option<Box<str>>,
    sha256: Option<Box<str>>,
}

/// The run's manifest.
#[derive(Debug, Default)]
pub(super) struct Known {
    lines: BTreeMap<Arc<str>, Line>,
    /// Whether it has hashes.
    pub hashed: bool,
}

impl Known {
    /// Reads the manifest of a run; without one nothing is known.
    pub(super) fn read(folder: &Folder) -> Result<Self> {
        let mut known = Self::default();
        if !folder.holds(MANIFEST)? {
            return Ok(known);
        }
        let path = folder.bring(MANIFEST)?;
        let file = ParquetFile::open(&path, |path, why| Error::table(path, why))?;
        for batch in file.batches(BATCH)? {
            known.add(&batch?);
        }
        Ok(known)
    }

    fn add(&mut self, batch: &RecordBatch) {
        let text = |name: &str, row: usize| {
            let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
            column.is_valid(row).then(|| Box::<str>::from(column.value(row)))
        };
        let number = |name: &str, row: usize| {
            let column = batch.column_by_name(name)?.as_primitive_opt::<Int64Type>()?;
            column.is_valid(row).then(|| column.value(row))
        };
        for row in 0..batch.num_rows() {
            let Some(uri) = text("object_uri", row) else { continue };
            let line = Line {
                bytes: number("bytes", row).unwrap_or_default(),
                analysed: number("analysed", row).is_some_and(|count| count > 0),
                etag: text("etag", row),
                sha256: text("sha256", row),
            };
            self.hashed |= line.sha256.is_some();
            self.lines.insert(Arc::from(uri), line);
        }
    }

    /// Whether the run has read an object, or the archive that it is in.
    pub(super) fn holds(&self, uri: &str) -> bool {
        self.lines.contains_key(stored(uri, self))
    }

    /// The objects with events that by their keys may hold what is asked for.
    pub(super) fn within(&self, range: &KeyRange) -> Vec<Arc<str>> {
        let may_hold =
            |(uri, line): &(&Arc<str>, &Line)| line.analysed && range.excludes(uri).is_none();
        self.lines.iter().filter(may_hold).map(|(uri, _)| uri.clone()).collect()
    }
}

/// Objects about to be read again, and what was wrong with some.
#[derive(Debug, Default)]
pub(super) struct Originals {
    missing: BTreeMap<String, String>,
}

impl Originals {
    /// Where to read objects: archives for their members, and the folders of many objects in buckets.
    /// What cannot be read again is noted.
    pub(super) fn inputs<'u>(
        &mut self,
        uris: impl Iterator<Item = &'u str>,
        known: &Known,
    ) -> Vec<Location> {
        let names: BTreeSet<&str> = uris.map(|uri| stored(uri, known)).collect();
        let mut inputs = Vec::new();
        for name in names {
            match place(name) {
                Ok(location) => inputs.push(location),
                Err(reason) => self.note(name, reason),
            }
        }
        folders(inputs)
    }

    /// Holds what was read against what the run has read.
    pub(super) fn compare(&mut self, manifest: &[ObjectRecord], known: &Known) {
        for now in manifest {
            let Some(then) = known.lines.get(&now.uri) else { continue };
            let is_other = |then: Option<&str>, now: Option<&str>| {
                then.zip(now).is_some_and(|(then, now)| then != now)
            };
            let bytes = i64::try_from(now.bytes).unwrap_or(i64::MAX);
            let reason = if is_other(then.sha256.as_deref(), now.sha256.as_deref()) {
                "changed since the run: its SHA-256 is another".to_owned()
            } else if is_other(then.etag.as_deref(), now.etag.as_deref()) {
                "changed since the run: its ETag is another".to_owned()
            } else if then.bytes > 0 && then.bytes != bytes {
                format!("changed since the run: it had {} bytes and has {bytes}", then.bytes)
            } else {
                continue;
            };
            self.note(&now.uri, reason);
        }
    }

    /// Notes that objects cannot be read again.
    pub(super) fn unreadable(&mut self, inputs: &[Location], error: &Error) {
        for input in inputs {
            self.note(&input.to_string(), error.to_string());
        }
    }

    /// Why a record of an object was not found again.
    pub(super) fn why(&self, uri: &str) -> String {
        let archive = uri.split_once(MEMBER).map(|(archive, _)| archive);
        let known = self.missing.get(uri).or_else(|| self.missing.get(archive?));
        known.cloned().unwrap_or_else(|| "another record stands in its place now".to_owned())
    }

    /// What is wrong, by object.
    pub(super) fn missing(self) -> Vec<Missing> {
        let missing = self.missing.into_iter();
        missing.map(|(object_uri, reason)| Missing { object_uri, reason }).collect()
    }

    fn note(&mut self, uri: &str, reason: String) {
        self.missing.entry(uri.to_owned()).or_insert(reason);
    }
}

/// Many objects of a bucket are listed by their folders: by themselves each would cost a request.
fn folders(inputs: Vec<Location>) -> Vec<Location> {
    const FEW: usize = 32;
    let (stored, mut here): (Vec<_>, Vec<_>) =
        inputs.into_iter().partition(|input| input.s3().is_some());
    if stored.len() <= FEW {
        here.extend(stored);
        return here;
    }
    let folder = |input: &Location| {
        let uri = input.s3()?;
        let folder = uri.prefix.rsplit_once('/').map(|(folder, _)| format!("{folder}/"));
        Some(S3Uri { prefix: folder.unwrap_or_default(), ..uri.clone() })
    };
    let folders: BTreeSet<S3Uri> = stored.iter().filter_map(folder).collect();
    here.extend(folders.into_iter().map(Location::S3));
    here
}

/// The object that is stored: of a member the archive.
fn stored<'u>(uri: &'u str, known: &Known) -> &'u str {
    // A folder's name may look like that of an archive.
    let archives = uri.match_indices(MEMBER).filter_map(|(at, _)| uri.get(..at));
    archives.into_iter().find(|archive| known.lines.contains_key(*archive)).unwrap_or_else(|| {
        let archive = uri.split_once(MEMBER).map(|(archive, _)| archive);
        archive.filter(|archive| Path::new(archive).is_file()).unwrap_or(uri)
    })
}

/// Where a stored object is, if it can be read again.
fn place(name: &str) -> std::result::Result<Location, String> {
    if name == STDIN {
        return Err(
            "came through a pipe, which cannot be read again: keep what the pipe gave in a \
                    file, and scan that"
                .to_owned(),
        );
    }
    if S3Uri::of_object(name).is_some() {
        return Location::parse(name.into());
    }
    let path = Path::new(name);
    match path.try_exists() {
        Ok(true) => Ok(Location::Local(path.to_path_buf())),
        Ok(false) if path.is_relative() => {
            Err("not there: run explain in the folder where the scan was run, since the scan was given \
                 relative paths"
                .to_owned())
        }
        Ok(false) => Err("not there any more".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
