//! Gzip: every member of every layer into reused memory, the common path, and one layer as a
//! stream. What was inflated before a damage is kept, and the damage is told.

use std::io::{self, BufRead, Read};

use flate2::{Decompress, FlushDecompress, Status};

use super::{Codec, Damage, MAX_LAYERS, Peek};

/// What every gzip member starts with.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The `window_bits` of the largest window that deflate knows.
const WINDOW_BITS: u8 = 15;

/// Room made for output at least, so that tiny and huge members alike need few calls.
const MIN_ROOM: usize = 32 << 10;

/// Room beyond what the trailer promises: the inflater is faster while there is slack, and the
/// parser wants padding.
const SLACK: usize = 512;

/// Memory beyond this is given back after each object.
const KEPT_BYTES: usize = 64 << 20;

/// An inflater and its reused memory.
pub struct Inflater {
    stream: Decompress,
    /// The bytes inside.
    pub bytes: Vec<u8>,
    /// The layer around them.
    outer: Vec<u8>,
}

/// What was found around the bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Layers of gzip taken off; 0: the stored bytes are no gzip.
    pub layers: u32,
    /// Members of the layer that has most.
    pub members: u32,
    /// What went wrong first.
    pub damage: Option<Damage>,
}

impl Unpacked {
    /// Whether bytes may be missing at the end.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.damage.as_ref().is_some_and(Damage::is_cut)
    }
}

impl Default for Inflater {
    /// An inflater without memory yet.
    fn default() -> Self {
        let stream = Decompress::new_gzip(WINDOW_BITS);
        Self { stream, bytes: Vec::new(), outer: Vec::new() }
    }
}

impl Inflater {
    /// Unpacks `stored` to `self.bytes`, at most `limit` bytes per layer. Bytes that are no gzip
    /// are not copied: 0 layers, and `self.bytes` is empty.
    pub fn unpack(&mut self, stored: &[u8], limit: u64) -> Unpacked {
        self.bytes.clear();
        let mut unpacked = Unpacked::default();
        while unpacked.layers < MAX_LAYERS {
            std::mem::swap(&mut self.bytes, &mut self.outer);
            let outer = if unpacked.layers == 0 { stored } else { &self.outer };
            if !is_gzip(outer) {
                std::mem::swap(&mut self.bytes, &mut self.outer);
                break;
            }
            let (members, damage) = layer(&mut self.stream, outer, limit, &mut self.bytes);
            unpacked.layers += 1;
            unpacked.members = unpacked.members.max(members);
            unpacked.damage = unpacked.damage.or(damage);
        }
        unpacked
    }

    /// Gives back memory that only giants need.
    pub fn shrink(&mut self) {
        for buffer in [&mut self.bytes, &mut self.outer] {
            if buffer.capacity() > KEPT_BYTES {
                *buffer = Vec::new();
            }
        }
    }
}

/// Whether `bytes` start as a gzip member does.
pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Inflates all members of `stored` to `out`; gives how many there were and what went wrong.
fn layer(
    stream: &mut Decompress,
    stored: &[u8],
    limit: u64,
    out: &mut Vec<u8>,
) -> (u32, Option<Damage>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    out.clear();
    out.reserve(promised(stored).min(limit).saturating_add(SLACK));
    let (mut members, mut rest) = (0, stored);
    while is_gzip(rest) {
        members += 1;
        match member(stream, rest, limit, out) {
            Ok(after) => rest = after,
            Err(damage) => return (members, Some(damage)),
        }
    }
    let padding = rest.iter().all(|byte| *byte == 0);
    (members, (!padding).then_some(Damage::TrailingGarbage(rest.len() as u64)))
}

/// Inflates the member at the front of `stored` and appends it to `out`; gives what follows it.
fn member<'a>(
    stream: &mut Decompress,
    stored: &'a [u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<&'a [u8], Damage> {
    stream.reset(true);
    let mut rest = stored;
    loop {
        if out.capacity() == out.len() {
            out.reserve(out.len().clamp(MIN_ROOM, limit.saturating_sub(out.len()).max(MIN_ROOM)));
        }
        let before = (stream.total_in(), stream.total_out());
        let status = stream.decompress_vec(rest, out, FlushDecompress::Finish);
        let taken = usize::try_from(stream.total_in() - before.0).unwrap_or(usize::MAX);
        rest = rest.get(taken..).unwrap_or_default();
        if out.len() > limit {
            out.truncate(limit);
            return Err(Damage::InflatedLimit(limit as u64));
        }
        match status {
            Ok(Status::StreamEnd) => return Ok(rest),
            Ok(_) if (stream.total_in(), stream.total_out()) != before => {}
            Ok(_) if out.len() < out.capacity() => return Err(Damage::Truncated(Codec::Gzip)),
            Ok(_) => {}
            Err(error) => return Err(corrupt(&error)),
        }
    }
}

/// The size that the last four bytes promise. It may be anything in a damaged or hostile file, so
/// no more is believed than deflate can give for so many bytes.
fn promised(stored: &[u8]) -> usize {
    let trailer = stored.last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let possible = stored.len().saturating_mul(64).min(KEPT_BYTES);
    usize::try_from(trailer).unwrap_or(usize::MAX).min(possible)
}

fn corrupt(error: &flate2::DecompressError) -> Damage {
    Damage::Corrupt(Codec::Gzip, complaint(error.message()).to_owned())
}

/// zlib's message in our words.
fn complaint(message: Option<&str>) -> &'static str {
    match message.unwrap_or_default().trim_end_matches('\0') {
        "incorrect data check" => "crc mismatch",
        "incorrect length check" => "length mismatch",
        "incorrect header check" | "unknown compression method" | "unknown header flags set" => {
            "invalid header"
        }
        "header crc mismatch" => "header crc mismatch",
        _ => "invalid deflate data",
    }
}

/// One layer of gzip as a stream: the bytes of all members, then the first damage as an error.
pub(super) struct GzipReader<R> {
    stored: Peek<R>,
    stream: Decompress,
    inside: bool,
    damage: Option<Damage>,
    ended: bool,
}

impl<R: Read> GzipReader<R> {
    pub(super) fn new(stored: Peek<R>) -> Self {
        let stream = Decompress::new_gzip(WINDOW_BITS);
        Self { stored, stream, inside: false, damage: None, ended: false }
    }

    /// Between members: starts the next, or ends the layer.
    fn next_member(&mut self) -> io::Result<()> {
        if is_gzip(self.stored.peek(MAGIC.len())) {
            self.stream.reset(true);
            self.inside = true;
            return Ok(());
        }
        self.ended = true;
        let (mut rest, mut padding) = (0, true);
        loop {
            let bytes = self.stored.fill_buf()?;
            if bytes.is_empty() {
                break;
            }
            padding &= bytes.iter().all(|byte| *byte == 0);
            let count = bytes.len();
            rest += count as u64;
            self.stored.consume(count);
        }
        self.damage = (!padding).then_some(Damage::TrailingGarbage(rest));
        Ok(())
    }

    /// Inflates some of the member at hand; gives how many bytes were written.
    fn inflate(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let stored = self.stored.fill_buf()?;
        let flush = if stored.is_empty() { FlushDecompress::Finish } else { FlushDecompress::None };
        let before = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(stored, out, flush);
        let moved = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
        let taken = moved(self.stream.total_in(), before.0);
        let given = moved(self.stream.total_out(), before.1);
        let stuck = stored.is_empty() && given == 0;
        self.stored.consume(taken);
        match status {
            Ok(Status::StreamEnd) => self.inside = false,
            Ok(_) if stuck => self.damage = Some(Damage::Truncated(Codec::Gzip)),
            Ok(_) => {}
            Err(error) => self.damage = Some(corrupt(&error)),
        }
        Ok(given)
    }
}

impl<R: Read> Read for GzipReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !out.is_empty() {
            if let Some(damage) = self.damage.take() {
                self.ended = true;
                return Err(damage.into());
            }
            if self.ended {
                return Ok(0);
            }
            if !self.inside {
                self.next_member()?;
                continue;
            }
            match self.inflate(out)? {
                0 => {}
                given => return Ok(given),
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(stored: &[u8], limit: u64) -> (Vec<u8>, Unpacked) {
        let mut inflater = Inflater::default();
        let unpacked = inflater.unpack(stored, limit);
        (inflater.bytes, unpacked)
    }

    fn text() -> Vec<u8> {
        (0..20_000_u32).flat_map(|n| format!("{},", n * n % 977).into_bytes()).collect()
    }

    #[test]
    fn plain_bytes_are_not_copied() {
        assert_eq!(unpack(b"{}", 9), (vec![], Unpacked::default()));
    }

    #[test]
    fn layers_and_members_are_taken_off() {
        let twice = [gz(b"a"), gz(&text()), vec![0; 9]].concat();
        let (bytes, unpacked) = unpack(&gz(&twice), 1 << 30);
        assert_eq!(bytes, [b"a".to_vec(), text()].concat());
        assert_eq!(unpacked, Unpacked { layers: 2, members: 2, damage: None });
        let four = gz(&gz(&gz(&gz(b"x"))));
        let (bytes, unpacked) = unpack(&four, 1 << 30);
        assert!(is_gzip(&bytes));
        assert_eq!(unpacked.layers, 3);
    }

    #[test]
    fn every_truncation_is_told_and_keeps_a_prefix() {
        let (whole, stored) = (text(), gz(&text()));
        let mut longest = 0;
        for length in (2..stored.len()).step_by(97).chain(stored.len() - 9..stored.len()) {
            let (bytes, unpacked) = unpack(&stored[..length], 1 << 30);
            assert_eq!(unpacked.damage, Some(Damage::Truncated(Codec::Gzip)), "{length}");
            assert!(whole.starts_with(&bytes), "{length}");
            longest = longest.max(bytes.len());
        }
        assert_eq!(longest, whole.len());
    }

    #[test]
    fn corruption_is_told() {
        let mut stored = gz(&text());
        let crc = stored.len() - 8;
        stored[crc] ^= 1;
        let (bytes, unpacked) = unpack(&stored, 1 << 30);
        assert_eq!(bytes, text());
        assert_eq!(unpacked.damage, Some(Damage::Corrupt(Codec::Gzip, "crc mismatch".to_owned())));
        stored[crc] ^= 1;
        stored[crc + 4] ^= 1;
        assert_eq!(
            unpack(&stored, 1 << 30).1.damage,
            Some(Damage::Corrupt(Codec::Gzip, "length mismatch".to_owned()))
        );
        assert_eq!(
            unpack(&[0x1f, 0x8b, 7, 0, 0, 0], 9).1.damage,
            Some(Damage::Corrupt(Codec::Gzip, "invalid header".to_owned()))
        );
        let garbage = [gz(b"x"), b"\0garbage".to_vec()].concat();
        assert_eq!(unpack(&garbage, 9).1.damage, Some(Damage::TrailingGarbage(8)));
    }

    #[test]
    fn the_limit_holds_whatever_the_trailer_says() {
        let bomb = gz(&vec![b' '; 10 << 20]);
        let (bytes, unpacked) = unpack(&bomb, 1000);
        assert_eq!(bytes.len(), 1000);
        assert_eq!(unpacked.damage, Some(Damage::InflatedLimit(1000)));
        assert_eq!(unpack(&gz(&[b'x'; 1000]), 1000).1.damage, None);
        assert_eq!(promised(&[0xff; 10]), 640);
    }
}
