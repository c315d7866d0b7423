//! A folder that results go to, on this machine or in a bucket. What is in a bucket is worked on in
//! a copy on this machine: outside this room a folder is a path.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;
use walkdir::WalkDir;

use super::local;
use super::location::{Location, S3Uri};
use super::s3::{Bucket, S3, S3Reader};
use crate::error::{Error, Result};

/// A folder.
#[derive(Debug)]
pub struct Folder {
    location: Location,
    path: PathBuf,
    remote: Option<Remote>,
}

/// The part of a bucket that a folder is a copy of.
#[derive(Debug)]
struct Remote {
    bucket: Bucket,
    prefix: String,
    /// What is part of it already.
    sent: Mutex<BTreeSet<String>>,
    /// Removed with the folder.
    _copy: TempDir,
}

impl Folder {
    /// Opens a folder, which is made if it is not there; `s3` is asked for the connection if the
    /// folder is in a bucket. Nothing is copied yet.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(location: &Location, s3: Option<&S3>) -> Result<Self> {
        let location = location.clone();
        match &location {
            Location::Local(path) if path.is_file() => Err(Error::Usage(format!(
                "`{location}` is a file: results need a folder, which is made if it is not there"
            ))),
            Location::Local(path) => {
                std::fs::create_dir_all(path).map_err(Error::io(path))?;
                Ok(Self { path: path.clone(), location, remote: None })
            }
            Location::S3(uri) => {
                let unconnected = || Error::Usage(format!("`{uri}`: no connection to S3"));
                let bucket = s3.ok_or_else(unconnected)?.bucket(&uri.bucket);
                let copy = tempfile::Builder::new().prefix("trailsift-").tempdir();
                let copy = copy.map_err(Error::io(std::env::temp_dir()))?;
                let path = copy.path().to_path_buf();
                let remote = Some(Remote {
                    bucket,
                    prefix: uri.folder(),
                    sent: Mutex::default(),
                    _copy: copy,
                });
                Ok(Self { location, path, remote })
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Where to work on it: itself, or the copy.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names in it, sorted. Of what is in a bucket also those of folders in it, with a slash.
    ///
    /// # Errors
    /// Those of the file system and of S3.
    pub fn names(&self) -> Result<Vec<String>> {
        let Some(remote) = &self.remote else { return local::names(&self.path) };
        let page = remote.children()?;
        let below = |name: &str| name.strip_prefix(&remote.prefix).map(str::to_owned);
        let keys = page.entries.iter().filter_map(|entry| S3Uri::of_object(&entry.uri));
        let mut names: Vec<String> = keys.filter_map(|(_, key)| below(key)).collect();
        names.extend(page.folders.iter().filter_map(|folder| below(folder)));
        names.retain(|name| !name.is_empty());
        names.sort_unstable();
        Ok(names)
    }

    /// Whether there is a file of that name, which may have slashes.
    ///
    /// # Errors
    /// Those of S3.
    pub fn holds(&self, name: &str) -> Result<bool> {
        let Some(remote) = &self.remote else { return Ok(self.path.join(name).exists()) };
        let key = remote.key(name);
        let uri = remote.bucket.uri(&key);
        let entries = remote.bucket.all(&key).map_err(Error::s3(&uri))?;
        Ok(entries.iter().any(|entry| *entry.uri == *uri))
    }

    /// The folders in it, sorted.
    ///
    /// # Errors
    /// Those of the file system and of S3.
    pub fn folders(&self) -> Result<Vec<Location>> {
        match &self.location {
            Location::Local(path) => {
                let paths = self.names()?.into_iter().map(|name| path.join(name));
                Ok(paths.filter(|path| path.is_dir()).map(Location::Local).collect())
            }
            Location::S3(uri) => {
                let names = self.names()?.into_iter().filter(|name| name.ends_with('/'));
                let inner = |name| format!("{}{name}", uri.folder());
                Ok(names
                    .map(|name| Location::S3(S3Uri { prefix: inner(name), ..uri.clone() }))
                    .collect())
            }
        }
    }

    /// The path of a file in it, once it is there: what is in a bucket is copied.
    ///
    /// # Errors
    /// Those of S3, and of writing the copy.
    pub fn bring(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        let Some(remote) = self.remote.as_ref().filter(|_| !path.exists()) else { return Ok(path) };
        let key = remote.key(name);
        let uri = remote.bucket.uri(&key);
        let entry = remote.bucket.all(&key).map_err(Error::s3(&uri))?;
        let entry = entry.into_iter().find(|entry| *entry.uri == *uri);
        let missing = || Error::S3 { uri: uri.clone(), reason: "not there".to_owned() };
        let entry = entry.ok_or_else(missing)?;
        let etag = entry.etag.as_deref();
        let mut reader = S3Reader::new(remote.bucket.clone(), &key, entry.bytes, etag);
        local::replace(&path, |file| {
            std::io::copy(&mut reader, file)
                .map(drop)
                .map_err(|error| Error::S3 { uri, reason: error.to_string() })
        })?;
        Ok(path)
    }

    /// Makes a file that was written at its path part of the folder.
    ///
    /// # Errors
    /// Those of S3.
    pub fn send(&self, name: &str) -> Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let key = remote.key(name);
        let sent = remote.bucket.upload(&key, &self.path.join(name));
        sent.map_err(Error::s3(remote.bucket.uri(&key)))?;
        remote.sent().insert(name.to_owned());
        Ok(())
    }

    /// Makes everything that was written, and not sent, part of the folder. Files named `last` come
    /// when all others are there, and are taken away before; `known` ones are, if they were not
    /// written.
    ///
    /// # Errors
    /// Those of S3.
    pub fn send_all(&self, known: &[String], last: &[&str]) -> Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let written = self.written()?;
        let (end, first): (Vec<_>, Vec<_>) =
            written.iter().partition(|name| last.contains(&name.as_str()));
        let there: BTreeSet<String> = self.names()?.into_iter().collect();
        let stale = known.iter().map(String::as_str).filter(|name| !written.contains(*name));
        for name in last.iter().copied().chain(stale).filter(|name| there.contains(*name)) {
            let key = remote.key(name);
            remote.bucket.remove(&key).map_err(Error::s3(remote.bucket.uri(&key)))?;
        }
        let sent = remote.sent().clone();
        let unsent = first.into_iter().chain(end).filter(|name| !sent.contains(*name));
        unsent.into_iter().try_for_each(|name| self.send(name))
    }

    /// The names of all files at its path, but temporary ones; a slash between their parts.
    fn written(&self) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for entry in WalkDir::new(&self.path).min_depth(1) {
            let entry = entry.map_err(|error| Error::io(&self.path)(error.into()))?;
            let below = entry.path().strip_prefix(&self.path).ok().and_then(Path::to_str);
            let is_temporary = entry.file_name().to_string_lossy().starts_with('.');
            names.extend(
                below.filter(|_| entry.file_type().is_file() && !is_temporary).map(str::to_owned),
            );
        }
        Ok(names)
    }

    /// Creates a file, complete or not at all, unless there is one: of several processes that try,
    /// one succeeds. Returns whether this one did.
    ///
    /// # Errors
    /// Those of the file system and of S3.
    pub fn create_new(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        match &self.remote {
            None => {
                let path = self.path.join(name);
                local::create_new(&path, |file| file.write_all(bytes).map_err(Error::io(&path)))
            }
            Some(remote) => {
                let key = remote.key(name);
                remote.bucket.create(&key, bytes).map_err(Error::s3(remote.bucket.uri(&key)))
            }
        }
    }

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// Those of the file system and of S3.
    pub fn remove(&self, name: &str) -> Result<()> {
        local::remove(&self.path.join(name))?;
        let Some(remote) = &self.remote else { return Ok(()) };
        let key = remote.key(name);
        remote.bucket.remove(&key).map_err(Error::s3(remote.bucket.uri(&key)))
    }
}

impl Remote {
    fn sent(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // A set is whole between any two statements that can panic.
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn children(&self) -> Result<super::s3::Page> {
        let page = self.bucket.children(std::slice::from_ref(&self.prefix)).into_iter().next();
        page.unwrap_or(Ok(super::s3::Page::default()))
            .map_err(Error::s3(self.bucket.uri(&self.prefix)))
    }
}
