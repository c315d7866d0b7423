//! Stored bytes → the bytes inside: what they are by their first bytes, and every layer of gzip,
//! zstd and bzip2 taken off, whole in memory or as a stream, never more than a limit. What came
//! out before a damage is kept, and the damage is told. It does not know what the bytes mean.

mod gzip;
mod peek;
mod sniff;
mod unpack;

use std::fmt;
use std::io;

pub use gzip::{Inflater, Unpacked};
pub use peek::Peek;
pub use sniff::{Content, HEAD_BYTES, sniff};
pub use unpack::{Bounded, Unpacker};

/// Layers of compression that are taken off; copiers that compress what is compressed make two.
pub const MAX_LAYERS: u32 = 3;

/// A compression that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames.
    Zstd,
    /// Any number of streams.
    Bzip2,
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
        })
    }
}

/// Why bytes may be missing from what was unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Only the first part, this many bytes, was inflated.
    #[error("larger than the limit of {0} inflated bytes")]
    InflatedLimit(u64),
    /// What was inflated is this many times what is stored, as only bombs do.
    #[error("inflates to more than {0} times its stored size")]
    RatioLimit(u64),
    /// The stored bytes end inside a member, frame or stream.
    #[error("truncated {0}")]
    Truncated(Codec),
    /// What follows the bytes given cannot be trusted; says what the inflater said.
    #[error("corrupt {0}: {1}")]
    Corrupt(Codec, String),
    /// This many bytes after the last gzip member are no member.
    #[error("trailing garbage of {0} bytes")]
    TrailingGarbage(u64),
    /// The operating system could not read further.
    #[error("read error: {0}")]
    Read(String),
}

impl Damage {
    /// Whether bytes may be missing at the end.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        !matches!(self, Self::TrailingGarbage(_))
    }

    /// The damage that a reader of this room has reported, or the operating system's complaint.
    #[must_use]
    pub fn of(error: &io::Error) -> Self {
        let ours = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
        ours.cloned().unwrap_or_else(|| Self::Read(error.to_string()))
    }
}

impl From<Damage> for io::Error {
    fn from(damage: Damage) -> Self {
        Self::other(damage)
    }
}

/// Bounds that keep compression bombs from eating the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    /// The most bytes that one object may inflate to.
    pub bytes: u64,
    /// How many times its stored size an object may inflate to; small ones are let through.
    pub ratio: u64,
}
