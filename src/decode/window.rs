//! The bytes of an object as far as they are at hand: all of them in memory, or a window that moves
//! along a stream. Positions count from the object's first byte, wherever the window is.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use crate::codec::Damage;

/// Bytes asked of the stream at a time, at least; more where a record is larger.
const CHUNK: usize = 1 << 20;

/// A part of an object's bytes.
pub(super) struct Window<'a> {
    bytes: Cow<'a, [u8]>,
    /// The position of the first byte at hand.
    base: usize,
    stream: Option<&'a mut dyn Read>,
    damage: Option<Damage>,
}

impl<'a> Window<'a> {
    /// All bytes at hand.
    pub(super) fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes: Cow::Borrowed(bytes), base: 0, stream: None, damage: None }
    }

    /// No byte at hand yet.
    pub(super) fn over(stream: &'a mut dyn Read) -> Self {
        Self { bytes: Cow::Owned(Vec::new()), base: 0, stream: Some(stream), damage: None }
    }

    /// The position after the last byte at hand.
    pub(super) fn end(&self) -> usize {
        self.base + self.bytes.len()
    }

    /// The bytes at hand from `at` on.
    pub(super) fn from(&self, at: usize) -> &[u8] {
        self.bytes.get(at.saturating_sub(self.base)..).unwrap_or_default()
    }

    /// The bytes at hand before `at`.
    pub(super) fn before(&self, at: usize) -> &[u8] {
        self.bytes.get(..at.saturating_sub(self.base)).unwrap_or_default()
    }

    /// The bytes at hand within `range`.
    pub(super) fn slice(&self, range: Range<usize>) -> &[u8] {
        let rest = self.from(range.start);
        rest.get(..range.len()).unwrap_or(rest)
    }

    /// Gets more bytes and lets go of those before `keep`; says whether there were more.
    pub(super) fn more(&mut self, keep: usize) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let bytes = self.bytes.to_mut();
        let past = keep.saturating_sub(self.base).min(bytes.len());
        bytes.drain(..past);
        self.base += past;
        let wanted = CHUNK.max(bytes.len());
        let known = bytes.len();
        match stream.take(wanted as u64).read_to_end(bytes) {
            Ok(0) => self.stream = None,
            Ok(_) => {}
            // What was read before the error stays.
            Err(error) => {
                self.damage = Some(Damage::of(&error));
                self.stream = None;
            }
        }
        bytes.len() > known
    }

    /// What ended the stream before its end.
    pub(super) fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }
}
