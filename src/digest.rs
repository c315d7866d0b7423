//! Identities: SHA-256 over parts, each with its length, so that no two lists of parts collide.
//! Findings, folds and plans are named by the first 128 bits.

use std::fmt::Write;
use std::io::Read;

use sha2::{Digest, Sha256};

/// An identity under construction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity(Sha256);

impl Identity {
    /// Adds a part; an absent one differs from an empty one.
    pub(crate) fn part(mut self, part: Option<&str>) -> Self {
        self.0.update(part.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
        self.0.update(part.unwrap_or_default());
        self
    }

    /// 128 bits.
    pub(crate) fn finish(self) -> [u8; 16] {
        let mut id = [0; 16];
        id.iter_mut().zip(self.0.finalize()).for_each(|(to, from)| *to = from);
        id
    }
}

/// SHA-256 of stored bytes, hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of the bytes that pass through a reader.
pub(crate) struct Hashing<R> {
    inner: R,
    hash: Option<Sha256>,
}

impl<R: Read> Hashing<R> {
    /// Hashes what is read from `inner`, if `wanted`.
    pub(crate) fn new(inner: R, wanted: bool) -> Self {
        Self { inner, hash: wanted.then(Sha256::default) }
    }

    /// Reads what is left, and gives the hash of all, hexadecimal.
    pub(crate) fn finish(mut self) -> Option<String> {
        self.hash.as_ref()?;
        // What cannot be read is no part of the hash either.
        let _ = std::io::copy(&mut self, &mut std::io::sink());
        self.hash.map(|hash| hex(&hash.finalize()))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(out)?;
        if let (Some(hash), Some(bytes)) = (&mut self.hash, out.get(..count)) {
            hash.update(bytes);
        }
        Ok(count)
    }
}

/// Lower-case hexadecimal text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let of = |parts: &[Option<&str>]| {
            hex(&parts.iter().fold(Identity::default(), |id, part| id.part(*part)).finish())
        };
        assert_ne!(of(&[Some("ab"), Some("c")]), of(&[Some("a"), Some("bc")]));
        assert_ne!(of(&[Some("")]), of(&[None]));
    }

    #[test]
    fn a_known_hash() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
    }
}
