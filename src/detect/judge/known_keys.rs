//! Which object keys are known of a bucket, and how many of them somebody has read: `spike` can ask
//! for a share of them. Known are the keys that anybody of the fold was seen with on the days of the
//! history, as samples of the smallest hashes: sets are compared below the largest hash up to which
//! both are known.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::Signal;
use super::history::{History, Past};
use super::roll_up::RollUp;
use super::spike::WINDOW;
use crate::detect::group::{Content, Groups, Measure, Row, Sketch};

/// Keys of a day are exact below this number.
const SIZE: usize = 256;
/// Hashes of all buckets and days of an account that are kept in memory, 64 MiB; beyond, every sample
/// is halved.
const MAX_HASHES: usize = 8 << 20;
/// A share of fewer sampled keys tells nothing.
const LEAST: u64 = 16;

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// Which share of the known keys must have been read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownShare {
    /// Above 0 and at most 1.
    pub share: f64,
    /// So many keys must be known.
    pub at_least: u64,
    /// The entity's column that holds the bucket.
    pub bucket: usize,
}

/// How many keys are known, and how many of them were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drained {
    known: u64,
    read: u64,
    /// Whether both are estimates.
    about: bool,
}

/// The keys of an account's buckets, by day.
#[derive(Debug)]
pub struct KnownKeys {
    bucket: usize,
    size: usize,
    hashes: usize,
    days: BTreeMap<(Option<Arc<str>>, i64), Sketch>,
}

impl KnownKeys {
    /// None yet.
    pub(super) fn new(known: &KnownShare) -> Self {
        Self { bucket: known.bucket, size: SIZE, hashes: 0, days: BTreeMap::new() }
    }

    /// Whether it is what a detector asks for.
    pub(super) fn is_for(&self, known: &KnownShare) -> bool {
        known.bucket == self.bucket
    }

    /// Adds entities.
    pub(super) fn add(&mut self, groups: &[Groups]) {
        let days = groups.par_iter().map(|groups| (groups, keys_of_days(groups)));
        for (groups, days) in days.collect::<Vec<_>>() {
            let bucket = groups.entity.get(self.bucket).cloned().flatten();
            for (day, keys) in days {
                self.add_day((bucket.clone(), day), &keys);
            }
        }
    }

    fn add_day(&mut self, day: (Option<Arc<str>>, i64), keys: &Sketch) {
        let known = self.days.entry(day).or_insert_with(|| Sketch::new(self.size, 0));
        let before = known.hashes().len();
        known.merge(keys);
        self.hashes = (self.hashes + known.hashes().len()).saturating_sub(before);
        while self.hashes > MAX_HASHES && self.size > 1 {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.size /= 2;
        let bound = Sketch::new(self.size, 0);
        self.days.values_mut().for_each(|known| known.merge(&bound));
        self.hashes = self.days.values().map(|known| known.hashes().len()).sum();
    }

    /// How many of the keys that were known in the past `keys` holds; `None` if there are too few.
    pub(super) fn read(
        &self,
        known: &KnownShare,
        groups: &Groups,
        past: Past,
        keys: &Sketch,
    ) -> Option<Drained> {
        let bucket = groups.entity.get(self.bucket).cloned().flatten();
        let days = (bucket.clone(), past.from)..(bucket, past.until.max(past.from));
        let mut of_days = self.days.range(days).map(|(_, known)| known);
        let mut all = of_days.next()?.clone();
        of_days.for_each(|more| all.merge(more));
        let read = Drained::of(&all, keys)?;
        (read.known >= known.at_least && read.share() >= known.share).then_some(read)
    }
}

/// The keys of an entity, by day.
fn keys_of_days(groups: &Groups) -> Vec<(i64, Sketch)> {
    let of_row = |(start, row): &(i64, Row)| {
        let measures = row.measures.iter().flat_map(|measures| measures.iter());
        Some((start.div_euclid(DAY), union(measures)?))
    };
    groups.rows.iter().filter_map(of_row).collect()
}

impl Drained {
    /// How much of what was known of the bucket before the window that ends at `at` was read in it, if
    /// that is much.
    pub(super) fn within(
        known: &KnownShare,
        groups: &Groups,
        history: &History<'_>,
        past: Past,
        at: i64,
    ) -> Option<Self> {
        let Some(RollUp::Keys(keys)) = history.roll_up else { return None };
        let inside = at - WINDOW + 1..=at;
        let measures = groups.rows.iter().filter_map(|(_, row)| row.measures.as_deref()).flatten();
        let read = union(measures.filter(|measure| inside.contains(&measure.start)))?;
        let begins = (at - WINDOW + HOUR).div_euclid(DAY);
        keys.read(known, groups, Past { until: past.until.min(begins), ..past }, &read)
    }

    fn of(known: &Sketch, keys: &Sketch) -> Option<Self> {
        let limit =
            |sketch: &Sketch| sketch.hashes().last().copied().filter(|_| !sketch.is_exact());
        let limit = limit(known).into_iter().chain(limit(keys)).min();
        let below = |hash: &&u64| limit.is_none_or(|limit| **hash <= limit);
        let sampled = || known.hashes().iter().filter(below);
        let all = sampled().count() as u64;
        let read =
            sampled().filter(|hash| keys.hashes().binary_search(hash).is_ok()).count() as u64;
        match limit {
            None => Some(Self { known: all, read, about: false }),
            Some(_) if all < LEAST => None,
            Some(limit) => {
                let scaled = |found| Sketch::scaled(found, limit);
                Some(Self { known: scaled(all), read: scaled(read), about: true })
            }
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a share is no exact number")]
    fn share(self) -> f64 {
        if self.known == 0 { 0.0 } else { self.read as f64 / self.known as f64 }
    }

    /// Adds the share to what a signal says.
    pub(super) fn say(self, known: &KnownShare, signal: &mut Signal) {
        let observed = signal.observed.take().unwrap_or_default();
        signal.observed = Some(format!("{observed}, {}", self.text()));
        let percent = (known.share * 100.0).round();
        signal.expected = format!("less than {percent} % of these, and {}", signal.expected);
    }

    fn text(self) -> String {
        let about = if self.about { "about " } else { "" };
        let percent = (self.share() * 100.0).round();
        format!("{about}{percent} % of {about}{} known objects of the bucket", self.known)
    }
}

/// The keys of several hours or days together; `None` without any.
pub(super) fn union<'m>(measures: impl Iterator<Item = &'m Measure>) -> Option<Sketch> {
    let mut sketches = measures.filter_map(|measure| match &measure.content {
        Content::Distinct(sketch) => Some(sketch),
        _ => None,
    });
    let mut union = sketches.next()?.clone();
    sketches.for_each(|sketch| union.merge(sketch));
    Some(union)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(keys: std::ops::Range<u32>) -> Sketch {
        let mut sketch = Sketch::new(SIZE, 0);
        for key in keys {
            sketch.insert(Sketch::hash(&format!("key-{key}")), Arc::default);
        }
        sketch
    }

    #[test]
    fn a_share_is_exact_or_nearly_so_or_not_told() {
        let read = |known, keys| Drained::of(&sketch(known), &sketch(keys));
        let few = Drained { known: 200, read: 150, about: false };
        assert_eq!(read(0..200, 50..210), Some(few));
        assert_eq!(few.text(), "75 % of 200 known objects of the bucket");
        for (known, keys, percent) in [
            (0..10_000, 4_000..12_000, 60),
            (0..1_000, 0..100, 10),
            (0..250, 125..2_000, 50),
            (0..10_000, 0..10_000, 100),
        ] {
            let read = read(known.clone(), keys).unwrap();
            #[allow(clippy::cast_possible_truncation, reason = "a percentage")]
            let found = (read.share() * 100.0) as i32;
            assert!(read.about && (found - percent).abs() < 12, "{known:?}: {found}");
        }
        assert_eq!(read(0..200, 0..1_000_000), None);
    }

    #[test]
    fn a_halved_sample_is_that_of_a_smaller_size() {
        let known = KnownShare { share: 0.5, at_least: 1, bucket: 0 };
        let mut keys = KnownKeys::new(&known);
        keys.days.insert((None, 0), sketch(0..1_000));
        keys.halve();
        let mut half = Sketch::new(SIZE / 2, 0);
        half.merge(&sketch(0..1_000));
        assert_eq!(keys.days[&(None, 0)], half);
        assert_eq!(keys.hashes, SIZE / 2);
    }
}
