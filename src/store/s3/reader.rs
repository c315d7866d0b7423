//! An object as a file: read in parts, from any place.

use std::io::{self, Read, Seek, SeekFrom};

use super::bucket::Bucket;
use super::fault::Fault;

/// What is asked for at a time.
const PART: u64 = 8 << 20;

/// Reads an object part by part: a part that breaks off is fetched again, not the whole. Memory:
/// one part.
#[derive(Debug)]
pub struct S3Reader {
    bucket: Bucket,
    key: String,
    bytes: u64,
    etag: Option<String>,
    place: u64,
    part: Vec<u8>,
    /// Where the part begins.
    from: u64,
}

impl S3Reader {
    /// The object with `key`, as listed.
    #[must_use]
    pub fn new(bucket: Bucket, key: &str, bytes: u64, etag: Option<&str>) -> Self {
        let (key, etag) = (key.to_owned(), etag.map(str::to_owned));
        Self { bucket, key, bytes, etag, place: 0, part: Vec::new(), from: 0 }
    }

    /// How many requests it takes to read so many bytes.
    #[must_use]
    pub fn parts(bytes: u64) -> u64 {
        bytes.div_ceil(PART)
    }

    /// What is fetched and not yet read.
    fn ahead(&self) -> &[u8] {
        let skip = self.place.checked_sub(self.from).and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| self.part.get(skip..)).unwrap_or_default()
    }

    fn fetch(&mut self) -> Result<(), Fault> {
        let last = self.place.saturating_add(PART).min(self.bytes) - 1;
        let part = self.bucket.part(&self.key, (self.place, last), self.etag.as_deref());
        self.part = self.bucket.shared.handle.block_on(part)?.bytes;
        self.from = self.place;
        Ok(())
    }
}

impl Read for S3Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead().is_empty() && self.place < self.bytes && !buffer.is_empty() {
            self.fetch().map_err(io::Error::other)?;
        }
        let mut ahead = self.ahead();
        let read = ahead.read(buffer)?;
        self.place += read as u64;
        Ok(read)
    }
}

impl Seek for S3Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => self.bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.place.checked_add_signed(offset),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "before the beginning");
        self.place = place.ok_or_else(before)?;
        Ok(self.place)
    }
}
