//! Chance that can be repeated: every actor draws from a stream of its own, so that one more actor
//! changes nothing for the others.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A stream of chance.
pub struct Dice(fastrand::Rng);

/// What stays the same for a name under a seed: ids, sizes of objects, addresses of a lease.
pub fn fixed(seed: u64, name: &str) -> Dice {
    Dice(fastrand::Rng::with_seed(xxh3_64_with_seed(name.as_bytes(), seed)))
}

impl Dice {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.usize(..bound.max(1))
    }

    /// Both ends included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.i64(low..=high.max(low))
    }

    pub fn unit(&mut self) -> f64 {
        self.0.f64()
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Log-normal: half of the values lie below `median`; `spread` 0.3 is calm, 1 is wild.
    pub fn around(&mut self, median: f64, spread: f64) -> f64 {
        let radius = (-2.0 * self.unit().max(1e-12).ln()).sqrt();
        median * (spread * radius * (std::f64::consts::TAU * self.unit()).cos()).exp()
    }

    /// A whole number of things that is `mean` in the long run, and uneven as in life.
    pub fn count(&mut self, mean: f64) -> i64 {
        let exact = self.around(mean * 0.94, 0.35);
        let whole = exact.floor();
        whole as i64 + i64::from(self.chance(exact - whole))
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A position below `bound`, the first ones by far the most often.
    pub fn favourite(&mut self, bound: usize) -> usize {
        ((self.unit().powf(2.6) * bound as f64) as usize).min(bound.saturating_sub(1))
    }

    /// `length` characters of `alphabet`.
    pub fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(*self.pick(alphabet))).collect()
    }

    pub fn hex(&mut self, length: usize) -> String {
        self.text(b"0123456789abcdef", length)
    }

    pub fn upper(&mut self, length: usize) -> String {
        self.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", length)
    }

    pub fn uuid(&mut self) -> String {
        let bits = (u128::from(self.0.u64(..)) << 64) | u128::from(self.0.u64(..));
        let text = format!("{bits:032x}");
        let (a, b, c, d) = (&text[..8], &text[8..12], &text[13..16], &text[17..20]);
        format!("{a}-{b}-4{c}-9{d}-{}", &text[20..])
    }
}
