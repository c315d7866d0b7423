//! A stream of stored bytes → the stream of the bytes inside, through every layer of compression,
//! within limits. The first damage ends it as an error, after all bytes before it.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::gzip::GzipReader;
use super::{Codec, Content, Damage, HEAD_BYTES, MAX_LAYERS, Peek, UnpackLimits, sniff};

/// The ratio is looked at beyond so many bytes: small objects may be monotonous.
const RATIO_FROM: u64 = 64 << 20;

/// Reads the bytes inside.
pub struct Unpacker<'r> {
    inside: Peek<Box<dyn Read + 'r>>,
    layers: u32,
    stored: Rc<Cell<Taken>>,
    given: u64,
    limits: UnpackLimits,
    damage: Option<Damage>,
    spent: Duration,
}

/// What was taken of the stored bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    bytes: u64,
    spent: Duration,
}

impl<'r> Unpacker<'r> {
    /// Takes off the layers of `stored`.
    pub fn new(stored: impl Read + 'r, limits: UnpackLimits) -> Self {
        let started = Instant::now();
        let taken = Rc::new(Cell::new(Taken::default()));
        let counted = Counted { inner: stored, taken: taken.clone() };
        let mut inside: Peek<Box<dyn Read + 'r>> = Peek::new(Box::new(counted));
        let mut layers = 0;
        while layers < MAX_LAYERS {
            let Content::Packed(codec) = sniff(inside.peek(HEAD_BYTES)) else { break };
            inside = Peek::new(layer(codec, inside));
            layers += 1;
        }
        let spent = started.elapsed();
        Self { inside, layers, stored: taken, given: 0, limits, damage: None, spent }
    }

    /// How many layers there were.
    #[must_use]
    pub fn layers(&self) -> u32 {
        self.layers
    }

    /// The first bytes inside: at least `count`, unless the data end before.
    pub fn head(&mut self, count: usize) -> &[u8] {
        let started = Instant::now();
        self.inside.peek(count);
        self.spent += started.elapsed();
        self.inside.peek(0)
    }

    /// Stored bytes taken so far.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.stored.get().bytes
    }

    /// Time spent on reading stored bytes.
    #[must_use]
    pub fn fetching(&self) -> Duration {
        self.stored.get().spent
    }

    /// Time spent on taking off the layers.
    #[must_use]
    pub fn unpacking(&self) -> Duration {
        self.spent.saturating_sub(self.fetching())
    }

    /// What ended the stream before its end.
    #[must_use]
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    fn limited(&self) -> Option<Damage> {
        let ratio = self.limits.ratio.saturating_mul(self.stored_bytes().max(1));
        if self.given >= self.limits.bytes {
            Some(Damage::InflatedLimit(self.limits.bytes))
        } else if self.layers > 0 && self.given > RATIO_FROM.max(ratio) {
            Some(Damage::RatioLimit(self.limits.ratio))
        } else {
            None
        }
    }

    fn fail(&mut self, damage: Damage) -> io::Error {
        self.damage.get_or_insert_with(|| damage.clone());
        damage.into()
    }

    fn read_within(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.damage.is_some() {
            return Ok(0);
        }
        if let Some(damage) = self.limited() {
            // Exactly as much as the limit is no damage.
            return match self.inside.peek(1) {
                [] => Ok(0),
                _ => Err(self.fail(damage)),
            };
        }
        let room = usize::try_from(self.limits.bytes - self.given).unwrap_or(usize::MAX);
        let room = out.len().min(room);
        let read = self.inside.read(out.get_mut(..room).unwrap_or_default());
        let count = read.map_err(|error| self.fail(Damage::of(&error)))?;
        self.given += count as u64;
        Ok(count)
    }
}

impl Read for Unpacker<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let started = Instant::now();
        let read = self.read_within(out);
        self.spent += started.elapsed();
        read
    }
}

/// Ends a reader with [`Damage::RatioLimit`] where it has given too many times what it takes in
/// store: for members that an archive unpacks itself.
pub struct Bounded<R> {
    inner: R,
    left: u64,
    ratio: u64,
}

impl<R: Read> Bounded<R> {
    /// `inner` takes `stored` bytes in store.
    pub fn new(inner: R, stored: u64, limits: UnpackLimits) -> Self {
        let left = RATIO_FROM.max(stored.saturating_mul(limits.ratio));
        Self { inner, left, ratio: limits.ratio }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or(Damage::RatioLimit(self.ratio))?;
        Ok(read)
    }
}

/// One layer taken off.
fn layer<'r>(codec: Codec, packed: Peek<Box<dyn Read + 'r>>) -> Box<dyn Read + 'r> {
    match codec {
        Codec::Gzip => Box::new(GzipReader::new(packed)),
        Codec::Bzip2 => Box::new(Told(codec, bzip2::bufread::MultiBzDecoder::new(packed))),
        Codec::Zstd => match zstd::stream::read::Decoder::with_buffer(packed) {
            Ok(decoder) => Box::new(Told(codec, decoder)),
            Err(error) => Box::new(Failing(Some(error))),
        },
    }
}

/// Turns a decoder's complaints into ours.
struct Told<R>(Codec, R);

impl<R: Read> Read for Told<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1.read(out).map_err(|error| match error.kind() {
            // A damage of the layer below stays what it is.
            _ if error
                .get_ref()
                .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Damage>) =>
            {
                error
            }
            io::ErrorKind::UnexpectedEof => Damage::Truncated(self.0).into(),
            _ => Damage::Corrupt(self.0, error.to_string()).into(),
        })
    }
}

/// Gives nothing but an error.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Counts what is taken from the reader below.
struct Counted<R> {
    inner: R,
    taken: Rc<Cell<Taken>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let started = Instant::now();
        let read = self.inner.read(out);
        let Taken { bytes, spent } = self.taken.get();
        let bytes = bytes + *read.as_ref().unwrap_or(&0) as u64;
        self.taken.set(Taken { bytes, spent: spent + started.elapsed() });
        read
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const LIMITS: UnpackLimits = UnpackLimits { bytes: 1 << 30, ratio: 200 };

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zst(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    fn text() -> Vec<u8> {
        (0..200_000_u32).flat_map(|n| format!("{},", n * (n % 977)).into_bytes()).collect()
    }

    fn unpack(stored: &[u8], limits: UnpackLimits) -> (Vec<u8>, Option<Damage>) {
        let mut bytes = Vec::new();
        let mut unpacker = Unpacker::new(stored, limits);
        let ended = unpacker.read_to_end(&mut bytes);
        assert_eq!(ended.is_err(), unpacker.damage().is_some());
        (bytes, unpacker.damage().cloned())
    }

    #[test]
    fn every_layer_member_frame_and_stream_is_read() {
        let (a, b) = (text(), b"tail".to_vec());
        let both = [a.clone(), b.clone()].concat();
        for pack in [gz, bz, zst] {
            let twice = [pack(&a), pack(&b)].concat();
            assert_eq!(unpack(&twice, LIMITS), (both.clone(), None));
            for outer in [gz, bz, zst] {
                assert_eq!(unpack(&outer(&twice), LIMITS), (both.clone(), None));
            }
        }
        let padded = [gz(&a), vec![0; 700]].concat();
        assert_eq!(unpack(&padded, LIMITS), (a, None));
        assert_eq!(unpack(&gz(&gz(&gz(&gz(b"x")))), LIMITS).0, gz(b"x"));
    }

    #[test]
    fn a_cut_keeps_what_came_before_it() {
        let whole = text();
        for (codec, pack) in
            [(Codec::Gzip, gz as fn(&[u8]) -> _), (Codec::Bzip2, bz), (Codec::Zstd, zst)]
        {
            let stored = pack(&whole);
            for length in [stored.len() / 2, stored.len() - 1] {
                let (bytes, damage) = unpack(&stored[..length], LIMITS);
                assert!(whole.starts_with(&bytes), "{codec}");
                assert_eq!(damage, Some(Damage::Truncated(codec)), "{codec} {length}");
            }
            let (bytes, damage) = unpack(&gz(&stored[..stored.len() - 1]), LIMITS);
            assert!(!bytes.is_empty() && whole.starts_with(&bytes), "{codec}");
            assert_eq!(damage, Some(Damage::Truncated(codec)));
        }
    }

    #[test]
    fn what_follows_a_member_is_told() {
        let garbage = [gz(b"x"), b"\0garbage".to_vec()].concat();
        assert_eq!(unpack(&garbage, LIMITS), (b"x".to_vec(), Some(Damage::TrailingGarbage(8))));
        let mut corrupt = gz(&text());
        let crc = corrupt.len() - 8;
        corrupt[crc] ^= 1;
        let damage = Damage::Corrupt(Codec::Gzip, "crc mismatch".to_owned());
        assert_eq!(unpack(&corrupt, LIMITS), (text(), Some(damage)));
    }

    #[test]
    fn limits_hold() {
        let limits = UnpackLimits { bytes: 1_000, ..LIMITS };
        assert_eq!(unpack(&gz(&[b'x'; 1_000]), limits), (vec![b'x'; 1_000], None));
        let (bytes, damage) = unpack(&gz(&[b'x'; 1_001]), limits);
        assert_eq!((bytes.len(), damage), (1_000, Some(Damage::InflatedLimit(1_000))));
        let bomb = zst(&vec![b' '; 80 << 20]);
        let (bytes, damage) = unpack(&bomb, LIMITS);
        assert!(bytes.len() < 66 << 20, "{}", bytes.len());
        assert_eq!(damage, Some(Damage::RatioLimit(200)));
        assert_eq!(unpack(&vec![b' '; 80 << 20], LIMITS).1, None);
    }
}
