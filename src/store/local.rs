//! The local file system.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use crate::error::{Error, Result};

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub path: PathBuf,
    /// The same for every spelling of the path.
    pub identity: OsString,
    /// Its name in outputs: the path as given, bytes that are no UTF-8 escaped as `\xNN`.
    pub uri: String,
    /// Stored bytes.
    pub bytes: u64,
    /// Whether it is a pipe, which can be read once.
    pub pipe: bool,
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

/// Every file at or below `root`, sorted by name. Symbolic links below it are not followed.
///
/// # Errors
/// [`Error::Usage`] if there is nothing at `root`.
pub fn list(root: &Path) -> Result<(Vec<Listed>, Vec<Skipped>)> {
    if !root.exists() {
        return Err(Error::Usage(format!("`{}`: no such file or folder", root.display())));
    }
    if is_pipe(root) {
        // `trailsift scan <(…)`. A pipe has no place that could be spelt in two ways.
        let (path, identity) = (root.to_path_buf(), root.as_os_str().to_owned());
        let listed = Listed { uri: uri(root), identity, path, bytes: 0, pipe: true };
        return Ok((vec![listed], Vec::new()));
    }
    let root: PathBuf = root.components().filter(|part| *part != Component::CurDir).collect();
    let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root };
    // Links below the root are not followed, so only the root's own spelling can differ.
    let real = root.canonicalize().map_err(Error::io(&root))?;
    let listed = |path: &Path, bytes| {
        let identity = match path.strip_prefix(&root) {
            Ok(below) if below.as_os_str().is_empty() => real.clone(),
            Ok(below) => real.join(below),
            Err(_) => path.to_path_buf(),
        };
        let path = path.to_path_buf();
        Listed { uri: uri(&path), identity: identity.into_os_string(), path, bytes, pipe: false }
    };
    let (mut files, mut skipped) = (Vec::new(), Vec::new());
    for entry in WalkDir::new(&root).follow_root_links(true).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if entry.file_type().is_file() => match entry.metadata() {
                Ok(metadata) => files.push(listed(entry.path(), metadata.len())),
                Err(error) => skipped.push(refused(entry.path(), &error)),
            },
            Ok(entry) if entry.depth() == 0 && entry.path().is_file() => {
                let bytes = entry.path().metadata().map_or(0, |metadata| metadata.len());
                files.push(listed(entry.path(), bytes));
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
    Ok((files, skipped))
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
pub fn create_new(path: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<bool> {
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
        let (files, skipped) = list(folder.path()).unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(skipped.len(), 1);
        assert!(skipped[0].uri.ends_with("b.json") && !skipped[0].failed);
    }

    #[test]
    fn names_that_are_no_utf8_stay_distinct() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"a\xffb.json"));
        assert_eq!(uri(path), "a\\xFFb.json");
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
