//! The members of archives: tar and zip. In comes an archive's bytes, out go its members one after
//! the other, each with a label and a reader. Labels are whatever the archive says; they never
//! become paths. What members hold is not looked at.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use xxhash_rust::xxh3::xxh3_64;

use crate::error::Result;
use crate::store;

/// What tar may read to find the next member: hostile archives have names without end.
const HEADER_BYTES: u64 = 16 << 20;

/// A member being read.
pub struct Member<'r> {
    /// What the archive calls it; a second member of the same name is `name#2`.
    pub name: String,
    /// What it holds, or why it is not read.
    pub content: Content<'r>,
}

/// What a member holds.
pub enum Content<'r> {
    /// A file.
    Data {
        /// Its bytes; an error if the archive gives fewer than it says.
        reader: &'r mut dyn Read,
        /// The bytes that it takes in the archive.
        stored: u64,
    },
    /// Not a file, or not readable.
    NotRead {
        /// Why.
        reason: String,
        /// Whether reading failed; otherwise it is skipped for what it is.
        failed: bool,
    },
}

/// What became of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Members met, folders not counted.
    pub members: u64,
    /// Why there may be more.
    pub damage: Option<String>,
    /// Whether the taker of the members wanted no more.
    pub stopped: bool,
}

/// Takes members; says whether to go on.
pub type TakeMember<'t> = &'t mut dyn FnMut(Member<'_>) -> Result<bool>;

/// Numbers members of the same name.
#[derive(Default)]
struct Labels(HashMap<u64, u32>);

impl Labels {
    fn label(&mut self, name: &[u8]) -> String {
        let text = store::escaped_name(name);
        let count = self.0.entry(xxh3_64(name)).or_default();
        *count += 1;
        if *count == 1 { text } else { format!("{text}#{count}") }
    }
}

/// Reads a tar archive, at most `limit` members of it.
///
/// # Errors
/// Those of `take`.
pub fn read_tar(reader: impl Read, limit: u64, take: TakeMember<'_>) -> Result<Contents> {
    let (room, total) = (Rc::new(Cell::new(u64::MAX)), Rc::new(Cell::new(0)));
    let guard = Guard { inner: reader, room: room.clone(), total: total.clone() };
    let mut archive = tar::Archive::new(guard);
    // Archives are sometimes concatenated: each ends with zeros.
    archive.set_ignore_zeros(true);
    let mut contents = Contents::default();
    let mut labels = Labels::default();
    // Where the member at hand ends, and how many bytes the archive holds of it.
    let (mut end, mut stored) = (0, 0);
    let mut entries = match archive.entries() {
        Ok(entries) => entries,
        Err(error) => return Ok(Contents { damage: Some(error.to_string()), ..contents }),
    };
    loop {
        // What the taker has left of the member before is passed over on the way.
        room.set(HEADER_BYTES.saturating_add(stored));
        let mut entry = match entries.next() {
            None => break,
            Some(Ok(entry)) => entry,
            Some(Err(error)) => {
                contents.damage = Some(format!("broken tar: {error}"));
                return Ok(contents);
            }
        };
        room.set(u64::MAX);
        let kind = entry.header().entry_type();
        stored = stored_bytes(&entry);
        end = entry.raw_file_position().saturating_add(stored.saturating_add(511) & !511);
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if contents.members >= limit {
            contents.damage = Some(more_than(limit));
            return Ok(contents);
        }
        contents.members += 1;
        let name = labels.label(&entry.path_bytes());
        let size = entry.size();
        let mut whole = Whole { inner: &mut entry, left: size };
        let content = if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
            Content::Data { reader: &mut whole, stored }
        } else {
            let link = kind.is_symlink() || kind.is_hard_link();
            let reason = if link { "link in an archive, not followed" } else { "no regular file" };
            Content::NotRead { reason: reason.to_owned(), failed: false }
        };
        if !take(Member { name, content })? {
            contents.stopped = true;
            return Ok(contents);
        }
    }
    if total.get() <= end {
        contents.damage = Some("truncated tar: the end mark is missing".to_owned());
    }
    Ok(contents)
}

/// What a member takes in the archive: of a sparse file only what is not zeros.
fn stored_bytes(entry: &tar::Entry<'_, impl Read>) -> u64 {
    let sparse = entry.header().entry_type().is_gnu_sparse();
    let stored = entry.header().entry_size().ok().filter(|_| sparse);
    stored.unwrap_or_else(|| entry.size())
}

/// Reads a zip archive, at most `limit` members of it. An archive without its directory (it stands
/// at the end) is read member by member as far as it goes.
///
/// # Errors
/// Those of `take`.
pub fn read_zip(
    mut reader: impl Read + Seek,
    limit: u64,
    take: TakeMember<'_>,
) -> Result<Contents> {
    let reason = match zip::ZipArchive::new(&mut reader) {
        Ok(archive) if archive.has_duplicate_names() => None,
        Ok(mut archive) => {
            if !overlaps(&mut archive) {
                return read_directory(archive, limit, take);
            }
            Some("broken zip: members overlap, as only those of bombs do".to_owned())
        }
        Err(error) => Some(format!("broken zip: {error}")),
    };
    if let Err(error) = reader.seek(SeekFrom::Start(0)) {
        return Ok(Contents { damage: Some(error.to_string()), ..Contents::default() });
    }
    let mut contents = read_local_headers(&mut reader, limit, take)?;
    if contents.members == 0
        && let Ok(archive) = zip::ZipArchive::new(&mut reader)
    {
        // Sizes stand behind the members, so only the directory finds them.
        contents = read_directory(archive, limit, take)?;
        let lost = "of members with the same name all but the last are not read";
        contents.damage = contents.damage.or(Some(lost.to_owned()));
    }
    contents.damage = contents.damage.or(reason);
    Ok(contents)
}

/// Whether some bytes belong to two members: a few would inflate to any amount.
fn overlaps(archive: &mut zip::ZipArchive<impl Read + Seek>) -> bool {
    let count = archive.len();
    let range = |index: usize| {
        let file = archive.by_index_raw(index).ok()?;
        let start = file.data_start()?;
        Some((start, start.saturating_add(file.compressed_size())))
    };
    let mut ranges: Vec<(u64, u64)> = (0..count).filter_map(range).collect();
    ranges.sort_unstable();
    ranges.array_windows().any(|[a, b]| a.1 > b.0)
}

fn read_directory(
    mut archive: zip::ZipArchive<impl Read + Seek>,
    limit: u64,
    take: TakeMember<'_>,
) -> Result<Contents> {
    let mut contents = Contents::default();
    let mut labels = Labels::default();
    for index in 0..archive.len() {
        let (name, is_dir, is_link) = match archive.by_index_raw(index) {
            Ok(file) => (file.name_raw().to_vec(), file.is_dir(), file.is_symlink()),
            Err(_) => (format!("member {index}").into_bytes(), false, false),
        };
        if is_dir {
            continue;
        }
        if contents.members >= limit {
            contents.damage = Some(more_than(limit));
            break;
        }
        contents.members += 1;
        let name = labels.label(&name);
        let not_read = |reason: String, failed| Content::NotRead { reason, failed };
        let go_on = if is_link {
            let reason = "link in an archive, not followed".to_owned();
            take(Member { name, content: not_read(reason, false) })?
        } else {
            match archive.by_index(index) {
                Ok(mut file) => {
                    let stored = file.compressed_size();
                    take(Member { name, content: Content::Data { reader: &mut file, stored } })?
                }
                Err(error) => {
                    let content = not_read(format!("cannot be unpacked: {error}"), true);
                    take(Member { name, content })?
                }
            }
        };
        if !go_on {
            contents.stopped = true;
            break;
        }
    }
    Ok(contents)
}

/// Reads what stands before the directory.
fn read_local_headers(mut reader: impl Read, limit: u64, take: TakeMember<'_>) -> Result<Contents> {
    let mut contents = Contents::default();
    let mut labels = Labels::default();
    loop {
        let mut file = match zip::read::read_zipfile_from_stream(&mut reader) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(contents),
            Err(error) => {
                contents.damage = Some(format!("broken zip: {error}"));
                return Ok(contents);
            }
        };
        if file.is_dir() {
            continue;
        }
        if contents.members >= limit {
            contents.damage = Some(more_than(limit));
            return Ok(contents);
        }
        contents.members += 1;
        let name = labels.label(file.name_raw());
        let stored = file.compressed_size();
        if !take(Member { name, content: Content::Data { reader: &mut file, stored } })? {
            contents.stopped = true;
            return Ok(contents);
        }
        if io::copy(&mut file, &mut io::sink()).is_err() {
            contents.damage = Some("truncated zip".to_owned());
            return Ok(contents);
        }
    }
}

fn more_than(limit: u64) -> String {
    format!("more than {limit} members: the rest was not read")
}

/// Limits what is read, and counts it.
struct Guard<R> {
    inner: R,
    room: Rc<Cell<u64>>,
    total: Rc<Cell<u64>>,
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let room = self.room.get();
        if room == 0 {
            return Err(io::Error::other("a header without end"));
        }
        let count = out.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let read = self.inner.read(out.get_mut(..count).unwrap_or_default())?;
        self.room.set(room - read as u64);
        self.total.set(self.total.get() + read as u64);
        Ok(read)
    }
}

/// Complains if a member ends before its size.
struct Whole<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.left = self.left.saturating_sub(read as u64);
        if read == 0 && self.left > 0 && !out.is_empty() {
            self.left = 0;
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "cut off in its archive"));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use super::*;

    /// Name and text of each member, or why it is not read.
    fn members(
        read: impl FnOnce(TakeMember<'_>) -> Result<Contents>,
    ) -> (Vec<(String, String)>, Contents) {
        let mut found = Vec::new();
        let contents = read(&mut |member| {
            let text = match member.content {
                Content::Data { reader, .. } => {
                    let mut text = String::new();
                    match reader.read_to_string(&mut text) {
                        Ok(_) => text,
                        Err(error) => format!("{text}! {error}"),
                    }
                }
                Content::NotRead { reason, failed } => format!("{failed}: {reason}"),
            };
            found.push((member.name, text));
            Ok(true)
        });
        (found, contents.unwrap())
    }

    fn tar_of(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            // Set by hand: the builder refuses names that readers must bear.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn zip_of(files: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn pairs(files: &[(&str, &str)]) -> Vec<(String, String)> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    const FILES: [(&str, &str); 3] = [("a", "one"), ("../../etc/b", "two"), ("/c", "")];

    #[test]
    fn members_come_in_order_under_any_name() {
        let (found, contents) = members(|take| read_tar(&*tar_of(&FILES), 9, take));
        assert_eq!((found, contents.members, contents.damage), (pairs(&FILES), 3, None));
        let (found, contents) = members(|take| read_zip(Cursor::new(zip_of(&FILES)), 9, take));
        assert_eq!((found, contents.members, contents.damage), (pairs(&FILES), 3, None));
    }

    #[test]
    fn members_of_one_name_are_told_apart() {
        let files = [("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")];
        let numbered = pairs(&[("a", "1"), ("a#2", "2"), ("b", "3"), ("a#3", "4")]);
        assert_eq!(members(|take| read_tar(&*tar_of(&files), 9, take)).0, numbered);
        let both = [tar_of(&files[..2]), tar_of(&files[2..])].concat();
        assert_eq!(members(|take| read_tar(&*both, 9, take)).0, numbered);
    }

    #[test]
    fn what_is_cut_off_is_told() {
        let tar = tar_of(&[("a", "one"), ("b", "two")]);
        let cut = |length: usize| members(|take| read_tar(&tar[..length], 9, take));
        assert_eq!(cut(1024 + 100).0.len(), 1);
        assert!(cut(1024 + 100).1.damage.is_some());
        assert_eq!(cut(512 * 3 + 2).0[1].1, "tw! cut off in its archive");
        let (found, contents) = cut(512 * 2);
        assert_eq!(found, pairs(&[("a", "one")]));
        assert!(contents.damage.unwrap().contains("end mark"));
        let zip = zip_of(&[("a", "one"), ("b", "two")]);
        let (found, contents) =
            members(|take| read_zip(Cursor::new(&zip[..zip.len() - 30]), 9, take));
        assert_eq!(found, pairs(&[("a", "one"), ("b", "two")]));
        assert!(contents.damage.unwrap().starts_with("broken zip"));
    }

    /// A sparse file of `size` bytes that holds two.
    fn sparse(size: u64) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_path("sparse").unwrap();
        header.set_size(2);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.set_real_size(size);
        gnu.sparse[0].set_offset(0);
        gnu.sparse[0].set_length(2);
        gnu.sparse[1].set_offset(size);
        gnu.sparse[1].set_length(0);
        header.set_cksum();
        let mut builder = tar::Builder::new(Vec::new());
        builder.append(&header, &b"{}"[..]).unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn a_sparse_file_counts_as_what_is_stored_of_it() {
        let (found, contents) = members(|take| read_tar(&*sparse(9), 9, take));
        let text = "{}\0\0\0\0\0\0\0".to_owned();
        assert_eq!((found, contents.damage), (vec![("sparse".to_owned(), text)], None));
        for size in [1 << 60, u64::MAX] {
            let mut met = Vec::new();
            let contents = read_tar(&*sparse(size), 9, &mut |member| {
                let Content::Data { stored, .. } = member.content else { return Ok(true) };
                met.push(stored);
                Ok(true)
            });
            assert_eq!((met, contents.unwrap().damage), (vec![2], None), "{size}");
        }
    }

    #[test]
    fn members_that_overlap_are_read_once() {
        let mut zip = zip_of(&[("a", "one"), ("b", "one")]);
        let at = |zip: &[u8], from: usize, what: &[u8]| {
            from + zip[from..].windows(what.len()).position(|found| found == what).unwrap()
        };
        // The second entry of the directory is led to the first member.
        let first = at(&zip, 0, b"PK\x01\x02");
        let second = at(&zip, first + 1, b"PK\x01\x02");
        zip[second + 42..second + 46].fill(0);
        let (found, contents) = members(|take| read_zip(Cursor::new(&zip), 9, take));
        assert_eq!(found, pairs(&[("a", "one"), ("b", "one")]));
        assert!(contents.damage.unwrap().contains("overlap"));
    }

    #[test]
    fn no_more_members_than_the_limit() {
        for (found, contents) in [
            members(|take| read_tar(&*tar_of(&FILES), 2, take)),
            members(|take| read_zip(Cursor::new(zip_of(&FILES)), 2, take)),
        ] {
            assert_eq!((found.len(), contents.members), (2, 2));
            assert!(contents.damage.unwrap().contains("more than 2 members"));
        }
    }
}
