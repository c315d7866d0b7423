//! The one sketch: a fixed-seed bottom-k sample by hash. Exact below k; beyond, an estimate of the
//! number of distinct values with a true sample of them. Which values it keeps depends on the set
//! of values alone, never on their order. Source: K. Beyer et al., "On Synopses for
//! Distinct-Value Estimation Under Multiset Operations", SIGMOD 2007 (KMV synopses).

use std::iter::repeat;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Seed of the value hash; part of the table format.
const SEED: u64 = 0x7472_6169_6c73_6966;

/// A bottom-k sample: the `k` smallest hashes, and the texts of the first `keep` of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sketch {
    k: u32,
    keep: u32,
    // Most samples have one value.
    hashes: SmallVec<[u64; 1]>,
    texts: SmallVec<[Arc<str>; 1]>,
}

impl Sketch {
    /// An empty sketch of `k` hashes that keeps the texts of `keep` ≤ `k` of them.
    #[must_use]
    pub fn new(k: usize, keep: usize) -> Self {
        let (k, keep) = (size(k), size(keep.min(k)));
        Self { k, keep, hashes: SmallVec::new(), texts: SmallVec::new() }
    }

    /// A sketch of values with their hashes, in the order of the hashes.
    pub(super) fn of_sorted<'t>(
        k: usize,
        keep: usize,
        values: impl Iterator<Item = (u64, &'t Arc<str>)>,
    ) -> Self {
        let mut sketch = Self::new(k, keep);
        for (hash, text) in values {
            if sketch.hashes.len() >= k || sketch.hashes.last() == Some(&hash) {
                continue;
            }
            if sketch.texts.len() < sketch.keep() {
                sketch.texts.push(text.clone());
            }
            sketch.hashes.push(hash);
        }
        sketch
    }

    /// Rebuilds a sketch from its texts and [`bare_hashes`](Self::bare_hashes); `None` if they do
    /// not fit together.
    #[must_use]
    pub fn from_parts(k: usize, keep: usize, texts: Vec<Arc<str>>, bare: &[u64]) -> Option<Self> {
        let mut hashes: SmallVec<[u64; 1]> = texts.iter().map(|text| Self::hash(text)).collect();
        hashes.extend_from_slice(bare);
        let sorted = hashes.is_sorted_by(|a, b| a < b);
        let fits = keep <= k && hashes.len() <= k && texts.len() == hashes.len().min(keep);
        (sorted && fits).then(|| Self { k: size(k), keep: size(keep), hashes, texts: texts.into() })
    }

    /// The hash by which values are sampled.
    #[must_use]
    pub fn hash(text: &str) -> u64 {
        xxh3_64_with_seed(text.as_bytes(), SEED)
    }

    /// Adds a value whose hash is known; its `text` is asked for only if it is kept. Returns how many
    /// bytes the sketch grew by.
    pub fn insert(&mut self, hash: u64, text: impl FnOnce() -> Arc<str>) -> usize {
        let full = self.hashes.len() >= self.k();
        if full && self.hashes.last().is_some_and(|largest| hash > *largest) {
            return 0;
        }
        let Err(at) = self.hashes.binary_search(&hash) else { return 0 };
        self.hashes.insert(at, hash);
        self.hashes.truncate(self.k());
        if at < self.keep() {
            let text = text();
            let bytes = size_of::<u64>() + size_of::<Arc<str>>() + text.len() + 16;
            self.texts.insert(at, text);
            self.texts.truncate(self.keep());
            return bytes;
        }
        size_of::<u64>()
    }

    /// The union of the two samples, as large as the smaller of them.
    pub fn merge(&mut self, other: &Self) {
        self.k = self.k.min(other.k);
        self.keep = self.keep.min(other.keep);
        if self.hashes != other.hashes {
            self.unite(other);
        }
        self.hashes.truncate(self.k());
        self.texts.truncate(self.keep());
    }

    /// Takes over what only the other has, up to the sizes of this sample.
    fn unite(&mut self, other: &Self) {
        let both = (self.hashes.len() + other.hashes.len()).min(self.k());
        let hashes = std::mem::replace(&mut self.hashes, SmallVec::with_capacity(both));
        let texts = std::mem::take(&mut self.texts);
        // Both sides keep the texts of their smallest hashes, so the union's smallest have one.
        let mut mine = hashes.iter().zip(texts.iter().map(Some).chain(repeat(None))).peekable();
        let mut theirs =
            other.hashes.iter().zip(other.texts.iter().map(Some).chain(repeat(None))).peekable();
        while self.hashes.len() < both {
            let next = match (mine.peek(), theirs.peek()) {
                (Some((a, _)), Some((b, _))) if a == b => {
                    theirs.next();
                    mine.next()
                }
                (Some((a, _)), Some((b, _))) if b < a => theirs.next(),
                (None, Some(_)) => theirs.next(),
                _ => mine.next(),
            };
            let Some((hash, text)) = next else { return };
            if self.texts.len() < self.keep() {
                self.texts.extend(text.cloned());
            }
            self.hashes.push(*hash);
        }
    }

    /// About how much memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| size_of::<Arc<str>>() + text.len()).sum();
        size_of::<Self>() + self.hashes.len() * size_of::<u64>() + texts
    }

    /// Size of the sample.
    #[must_use]
    pub fn k(&self) -> usize {
        self.k as usize
    }

    /// How many texts are kept.
    #[must_use]
    pub fn keep(&self) -> usize {
        self.keep as usize
    }

    /// The smallest hashes, ascending.
    #[must_use]
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// The hashes whose texts are not kept, ascending.
    #[must_use]
    pub fn bare_hashes(&self) -> &[u64] {
        self.hashes.get(self.texts.len()..).unwrap_or_default()
    }

    /// The texts of the smallest hashes, in the order of their hashes.
    #[must_use]
    pub fn texts(&self) -> &[Arc<str>] {
        &self.texts
    }

    /// The texts in alphabetical order.
    #[must_use]
    pub fn sorted_texts(&self) -> Vec<Arc<str>> {
        let mut texts = self.texts.to_vec();
        texts.sort_unstable();
        texts
    }

    /// The only value; `None` when there is none or more than one.
    #[must_use]
    pub fn only(&self) -> Option<&Arc<str>> {
        self.texts.first().filter(|_| self.hashes.len() == 1)
    }

    /// Whether [`distinct`](Self::distinct) is exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.hashes.len() < self.k()
    }

    /// How many distinct values there were: exact below k, else the unbiased estimate
    /// (k − 1) / (the k-th smallest hash as a fraction of the hash range).
    #[must_use]
    pub fn distinct(&self) -> u64 {
        match self.hashes.last() {
            Some(largest) if !self.is_exact() => Self::estimate(self.k(), *largest),
            _ => self.hashes.len() as u64,
        }
    }

    /// How many distinct values both samples have together, as [`merge`](Self::merge) would tell.
    #[must_use]
    pub fn distinct_with(&self, other: &Self) -> u64 {
        let k = self.k().min(other.k());
        let (mut mine, mut theirs) = (self.hashes.as_slice(), other.hashes.as_slice());
        let (mut found, mut largest) = (0, 0);
        while found < k {
            let (a, b) = (mine.first(), theirs.first());
            let Some(hash) = a.into_iter().chain(b).min().copied() else { return found as u64 };
            mine = mine.get(usize::from(a == Some(&hash))..).unwrap_or_default();
            theirs = theirs.get(usize::from(b == Some(&hash))..).unwrap_or_default();
            (found, largest) = (found + 1, hash);
        }
        Self::estimate(k, largest)
    }

    /// About how many values there are, of which `found` have hashes below `limit`.
    #[must_use]
    pub fn scaled(found: u64, limit: u64) -> u64 {
        let all = u128::from(found) * u128::from(u64::MAX) / u128::from(limit.max(1));
        u64::try_from(all).unwrap_or(u64::MAX)
    }

    /// The estimate of the number of distinct values, given the k-th smallest of their hashes.
    #[must_use]
    pub fn estimate(k: usize, largest: u64) -> u64 {
        let range = u128::from(u64::MAX);
        let estimate = (k.saturating_sub(1) as u128 * range) / u128::from(largest.max(1));
        u64::try_from(estimate).unwrap_or(u64::MAX)
    }
}

fn size(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sketch(values: &[String]) -> Sketch {
        let mut sketch = Sketch::new(8, 3);
        for value in values {
            sketch.insert(Sketch::hash(value), || value.as_str().into());
        }
        sketch
    }

    #[test]
    fn a_hundred_thousand_values_are_estimated_within_a_tenth() {
        let mut sketch = Sketch::new(1_024, 16);
        for n in 0..100_000 {
            let text = format!("key-{n}");
            sketch.insert(Sketch::hash(&text), || text.as_str().into());
        }
        assert!(!sketch.is_exact());
        assert!((90_000..110_000).contains(&sketch.distinct()), "{}", sketch.distinct());
        assert_eq!(sketch.texts().len(), 16);
    }

    proptest! {
        #[test]
        fn order_and_split_do_not_matter(
            values in proptest::collection::vec("[a-f]{1,2}", 0..60),
            cut in 0usize..60,
        ) {
            let whole = sketch(&values);
            let mut reversed = values.clone();
            reversed.reverse();
            prop_assert_eq!(&whole, &sketch(&reversed));
            let (left, right) = values.split_at(cut.min(values.len()));
            let (mut ab, mut ba) = (sketch(left), sketch(right));
            ab.merge(&sketch(right));
            ba.merge(&sketch(left));
            prop_assert_eq!(sketch(left).distinct_with(&sketch(right)), whole.distinct());
            prop_assert_eq!(&whole, &ab);
            prop_assert_eq!(&whole, &ba);
            for (text, hash) in whole.texts().iter().zip(whole.hashes()) {
                prop_assert_eq!(Sketch::hash(text), *hash);
            }
        }

        #[test]
        fn below_k_the_count_is_exact(values in proptest::collection::hash_set("[a-z]{4}", 0..8)) {
            let values: Vec<String> = values.into_iter().collect();
            prop_assert_eq!(sketch(&values).distinct(), values.len() as u64);
        }
    }
}
