//! The local file system.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

use crate::error::{Error, Result};

/// A regular file. There may be millions, so it takes little more than its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name in outputs: the path as given, bytes that are no UTF-8 escaped as `\xNN`.
    pub uri: Arc<str>,
    /// Its path, if the name is another: a path that is no UTF-8.
    pub other_path: Option<Box<Path>>,
    /// Stored bytes.
    pub bytes: u64,
    /// Whether it is a pipe, which can be read once.
    pub pipe: bool,
}

impl Listed {
    fn new(path: &Path, bytes: u64) -> Self {
        let other_path = path.to_str().is_none().then(|| path.into());
        Self { uri: uri(path).into(), other_path, bytes, pipe: false }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.other_path.as_deref().unwrap_or(Path::new(&*self.uri))
    }
}

/// What there is at a root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The files, in any order.
    pub files: Vec<Listed>,
    /// What is not read.
    pub skipped: Vec<Skipped>,
    /// The root.
    pub root: Root,
}

/// A root and what it is called by the file system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Root {
    given: PathBuf,
    real: PathBuf,
}

impl Root {
    /// The path of a file at or below the root: the same for every spelling of it.
    #[must_use]
    pub fn identity(&self, path: &Path) -> OsString {
        // Links below the root are not followed, so only the root's own spelling can differ.
        let identity = match path.strip_prefix(&self.given) {
            Ok(below) if below.as_os_str().is_empty() => self.real.clone(),
            Ok(below) => self.real.join(below),
            Err(_) => path.to_path_buf(),
        };
        identity.into_os_string()
    }
}

/// A directory entry that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its name in outputs.
    pub uri: String,
    /// Why.
    pub reason: String,
    /// Whether the operating system refused; otherwise it is no regular file.
    pub failed: bool,
}

/// Every file at or below `root`. Symbolic links below it are not followed.
///
/// # Errors
/// [`Error::Usage`] if there is nothing at `root`.
pub fn list(root: &Path) -> Result<Found> {
    // A folder that may not be entered hides what is in it.
    if !root.try_exists().map_err(Error::io(root))? {
        return Err(Error::Usage(format!("`{}`: no such file or folder", root.display())));
    }
    if is_pipe(root) {
        // `trailsift scan <(…)`. A pipe has no place that could be spelt in two ways.
        let listed = Listed { pipe: true, ..Listed::new(root, 0) };
        return Ok(Found { files: vec![listed], ..Found::default() });
    }
    let root: PathBuf = root.components().filter(|part| *part != Component::CurDir).collect();
    let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root };
    let real = root.canonicalize().map_err(Error::io(&root))?;
    let (mut files, mut skipped) = (Vec::new(), Vec::new());
    // Sorted by whoever asks: here it would take as much memory again.
    for entry in WalkDir::new(&root).follow_root_links(true) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if entry.file_type().is_file() => match entry.metadata() {
                Ok(metadata) => files.push(Listed::new(entry.path(), metadata.len())),
                Err(error) => skipped.push(refused(entry.path(), &error)),
            },
            Ok(entry) if entry.depth() == 0 && entry.path().is_file() => {
                let bytes = entry.path().metadata().map_or(0, |metadata| metadata.len());
                files.push(Listed::new(entry.path(), bytes));
            }
            Ok(entry) => {
                let link = entry.file_type().is_symlink();
                let reason = if link { "symbolic link, not followed" } else { "no regular file" };
                let uri = uri(entry.path());
                skipped.push(Skipped { uri, reason: reason.to_owned(), failed: false });
            }
            Err(error) => {
                let path = error.path().unwrap_or(&root).to_path_buf();
                skipped.push(refused(&path, &error));
            }
        }
    }
    Ok(Found { files, skipped, root: Root { given: root, real } })
}

fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

fn refused(path: &Path, error: &walkdir::Error) -> Skipped {
    let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
    Skipped { uri: uri(path), reason, failed: true }
}

/// The path as text; bytes that are no UTF-8 become `\xNN`.
#[must_use]
pub fn uri(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    escaped_name(path.as_os_str().as_bytes())
}

/// A name as text; bytes that are no UTF-8 become `\xNN`.
#[must_use]
pub fn escaped_name(name: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}

/// Reads a whole file of about `bytes` into `buffer`, replacing its content, but no more than
/// `limit`. Returns whether that was all.
///
/// # Errors
/// Those of the operating system.
pub fn read_into(
    path: &Path,
    bytes: u64,
    limit: u64,
    buffer: &mut Vec<u8>,
) -> std::io::Result<bool> {
    buffer.clear();
    buffer.reserve(usize::try_from(bytes).unwrap_or(0).saturating_add(1));
    // Through `take`, since a file asks for its size and position first: the listing knows them.
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(buffer)?;
    Ok(buffer.len() as u64 <= limit)
}

/// Replaces the file at `path`: complete or not at all.
///
/// # Errors
/// Those of the operating system.
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let complete = written(path, write)?;
    complete.persist(path).map_err(|error| Error::io(path)(error.error))?;
    Ok(())
}

/// Creates the file at `path`, complete or not at all, unless there is one: of several processes
/// that try, one succeeds. Returns whether this one did.
///
/// # Errors
/// Those of the operating system.
pub(super) fn create_new(path: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<bool> {
    let complete = written(path, write)?;
    match complete.persist_noclobber(path) {
        Ok(_) => {}
        Err(lost) if lost.error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(Error::io(path)(error.error)),
    }
    let folder = folder_of(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io(folder))?;
    Ok(true)
}

/// The whole content on the disk, under a temporary name beside `path` that begins with its own.
fn written(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<()>,
) -> Result<tempfile::NamedTempFile> {
    let folder = folder_of(path);
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push("-");
    let mut temporary =
        tempfile::NamedTempFile::with_prefix_in(&prefix, folder).map_err(Error::io(folder))?;
    write(temporary.as_file_mut())?;
    temporary.as_file_mut().flush().map_err(Error::io(path))?;
    temporary.as_file().sync_all().map_err(Error::io(path))?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    temporary.as_file().set_permissions(mode).map_err(Error::io(path))?;
    Ok(temporary)
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// The names in a folder, sorted; those that are no UTF-8 are left out.
///
/// # Errors
/// Those of the operating system.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let name = entry.map_err(Error::io(folder))?.file_name();
        names.extend(name.into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes a file; one that is not there is no error.
///
/// # Errors
/// Those of the operating system.
pub fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_named_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        std::fs::write(&file, "{}").unwrap();
        std::os::unix::fs::symlink(&file, folder.path().join("b.json")).unwrap();
        let Found { files, skipped, .. } = list(folder.path()).unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(skipped.len(), 1);
        assert!(skipped[0].uri.ends_with("b.json") && !skipped[0].failed);
    }

    #[test]
    fn names_that_are_no_utf8_stay_distinct() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"a\xffb.json"));
        assert_eq!(uri(path), "a\\xFFb.json");
        assert_eq!(Listed::new(path, 1).path(), path);
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "old").unwrap();
        let failed = replace(&path, |file| {
            file.write_all(b"half").map_err(Error::io("x"))?;
            Err(Error::Usage("given up".to_owned()))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
