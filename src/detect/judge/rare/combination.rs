//! Combinations of features as a fold keeps them, with each value as a hash.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::LazyLock;

use super::{DAY, Rare};
use crate::detect::group::{Groups, tuple};

/// A feature's value among those that share its context, which is the feature and the values that
/// it is looked at given. Equal places have equal hashes; nothing depends on what these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    feature: usize,
    /// Hash of the context.
    pub context: u64,
    /// Hash of the value.
    pub value: u64,
}

/// A combination of features of a principal.
pub(super) struct Combination<'g> {
    /// The value of each feature.
    pub values: Vec<Option<&'g str>>,
    /// The same as places.
    pub places: Vec<Place>,
    /// Hash of the bucket.
    pub bucket: Option<u64>,
    /// Which rows of the groups are of this combination.
    pub rows: Range<usize>,
    /// Whether it is judged, and not only history.
    pub judged: bool,
}

/// Stands for the hour of the day as a feature.
const HOUR_FEATURE: usize = usize::MAX;

/// Hashes are keyed anew in each process, so that no log value can be made to pass for another.
static KEYED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The combinations of a principal, in the order of their texts.
pub(super) fn combinations<'g>(rare: &Rare, groups: &'g Groups) -> Vec<Combination<'g>> {
    let mut found = Vec::new();
    let mut next = 0;
    for same in groups.values.chunk_by(|a, b| a == b) {
        let rows = next..next + same.len();
        next = rows.end;
        let text = same.first().and_then(Option::as_deref);
        found.extend(text.and_then(|text| Combination::new(rare, text, rows)));
    }
    found
}

impl<'g> Combination<'g> {
    fn new(rare: &Rare, text: &'g str, rows: Range<usize>) -> Option<Self> {
        let values: Vec<Option<&str>> = tuple::split(text)?;
        let places = (0..rare.features.len()).map(|at| Place::of(rare, at, &values)).collect();
        let value = |feature: usize| values.get(feature).copied().flatten();
        let judged = rare.judged.as_ref().is_none_or(|(api, names)| {
            value(*api).is_some_and(|name| names.iter().any(|wanted| wanted.fits(name)))
        });
        let bucket = rare.bucket.and_then(value).map(|bucket| KEYED.hash_one(bucket));
        Some(Self { values, places, bucket, rows, judged })
    }
}

impl Place {
    fn of(rare: &Rare, feature: usize, values: &[Option<&str>]) -> Self {
        let value = |feature: usize| values.get(feature).copied().flatten();
        let given = rare.features.get(feature).map_or(&[][..], |feature| &feature.given);
        let given: Vec<Option<&str>> = given.iter().map(|before| value(*before)).collect();
        let context = KEYED.hash_one((feature, given));
        Self { feature, context, value: KEYED.hash_one(value(feature)) }
    }

    /// The place of the hour of a time (seconds): one of the 24 of weekdays or of weekends, UTC.
    pub(super) fn of_hour(time: i64) -> Self {
        let hour = time.rem_euclid(DAY) / 3_600 + if is_weekend(time) { 24 } else { 0 };
        Self { feature: HOUR_FEATURE, context: u64::MAX, value: hour.unsigned_abs() }
    }

    /// The position of the feature.
    pub(super) fn feature(self) -> usize {
        self.feature
    }
}

fn is_weekend(time: i64) -> bool {
    // 1 January 1970 was a Thursday.
    (time.div_euclid(DAY) + 3).rem_euclid(7) >= 5
}

/// The hour of a time as a feature: `weekday 09h`, UTC.
pub(super) fn hour_text(time: i64) -> String {
    let kind = if is_weekend(time) { "weekend" } else { "weekday" };
    format!("{kind} {:02}h", time.rem_euclid(DAY) / 3_600)
}
