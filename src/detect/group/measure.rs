//! What a fold with values keeps of a pane beside its counts: the distinct values, their sum, or a
//! histogram of them. All of them merge, whatever the order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::decimal::Decimal;
use super::sketch::Sketch;

/// The largest sample of a pane's distinct values.
pub const MAX_DISTINCT: usize = 4_096;

/// Rough cost of a measure beyond its content, in bytes.
const MEASURE_BYTES: usize = 96;
/// Of a histogram's bucket.
const BUCKET_BYTES: usize = 16;

/// What is kept of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeasureKind {
    /// Which there are; exact below so many.
    Distinct(usize),
    /// Which there are for each rule: hashes end in the rule's number. Exact below so many.
    DistinctByRule(usize),
    /// Their sum and number.
    Sum,
    /// How many lie in each bucket of [`Decimal::bucket`].
    Histogram,
}

/// The values within one pane, of all counted rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Start of the pane, seconds since the epoch.
    pub start: i64,
    /// Values that are no numbers, where numbers are wanted.
    pub skipped: u64,
    /// The values.
    pub content: Content,
}

/// The values of a measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Hashes of the values; no texts.
    Distinct(Sketch),
    /// Numbers.
    Sum {
        /// Their sum.
        sum: Decimal,
        /// How many.
        count: u64,
    },
    /// (Bucket, how many numbers), ascending.
    Histogram(Vec<(i16, u64)>),
}

/// The measures of a row, in the order of time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Measures(Vec<Measure>);

impl Measure {
    /// Nothing yet.
    #[must_use]
    pub fn new(start: i64, kind: MeasureKind) -> Self {
        let content = match kind {
            MeasureKind::Distinct(k) | MeasureKind::DistinctByRule(k) => {
                Content::Distinct(Sketch::new(k, 0))
            }
            MeasureKind::Sum => Content::Sum { sum: Decimal::default(), count: 0 },
            MeasureKind::Histogram => Content::Histogram(Vec::new()),
        };
        Self { start, skipped: 0, content }
    }

    /// Adds a value with its [hash](Sketch::hash), of a rule where rules are told apart. Returns how
    /// many bytes the measure grew by.
    pub fn take(&mut self, (hash, value): (u64, &str), rule: Option<u16>) -> usize {
        if let Content::Distinct(sketch) = &mut self.content {
            return sketch.insert(rule.map_or(hash, |rule| tagged(hash, rule)), Arc::default);
        }
        let Some(number) = Decimal::parse(value) else {
            self.skipped = self.skipped.saturating_add(1);
            return 0;
        };
        match &mut self.content {
            Content::Sum { sum, count } => {
                *sum = sum.plus(number);
                *count = count.saturating_add(1);
                0
            }
            Content::Histogram(buckets) => {
                BUCKET_BYTES * usize::from(add(buckets, number.bucket(), 1))
            }
            Content::Distinct(_) => 0,
        }
    }

    /// The measure of both sets of values, which are of one kind.
    pub fn merge(&mut self, other: &Self) {
        self.skipped = self.skipped.saturating_add(other.skipped);
        match (&mut self.content, &other.content) {
            (Content::Distinct(mine), Content::Distinct(theirs)) => mine.merge(theirs),
            (Content::Sum { sum, count }, Content::Sum { sum: more, count: events }) => {
                *sum = sum.plus(*more);
                *count = count.saturating_add(*events);
            }
            (Content::Histogram(mine), Content::Histogram(theirs)) => {
                for (bucket, count) in theirs {
                    add(mine, *bucket, *count);
                }
            }
            _ => {}
        }
    }
}

/// The most rules that are told apart.
pub const MAX_TAGS: u16 = 16;

/// The hash with the rule's number in its last bits.
fn tagged(hash: u64, rule: u16) -> u64 {
    let tags = u64::from(MAX_TAGS) - 1;
    hash & !tags | u64::from(rule) & tags
}

/// The value and the rule of a hash of [`MeasureKind::DistinctByRule`].
#[must_use]
pub fn tag_of(hash: u64) -> (u64, usize) {
    let tags = u64::from(MAX_TAGS) - 1;
    (hash & !tags, usize::try_from(hash & tags).unwrap_or(usize::MAX))
}

/// Adds to a bucket's count. Returns whether the bucket is new.
fn add(buckets: &mut Vec<(i16, u64)>, bucket: i16, count: u64) -> bool {
    match buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
        Ok(at) => {
            if let Some((_, known)) = buckets.get_mut(at) {
                *known = known.saturating_add(count);
            }
            false
        }
        Err(at) => {
            buckets.insert(at, (bucket, count));
            true
        }
    }
}

impl Measures {
    /// The measures, in the order of time.
    pub fn iter(&self) -> std::slice::Iter<'_, Measure> {
        self.0.iter()
    }

    /// How many panes have values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// About how much memory they take.
    #[must_use]
    pub(super) fn bytes(&self) -> usize {
        let bytes = |measure: &Measure| match &measure.content {
            Content::Distinct(sketch) => sketch.bytes(),
            Content::Sum { .. } => 0,
            Content::Histogram(buckets) => buckets.len() * BUCKET_BYTES,
        };
        self.0.iter().map(|measure| MEASURE_BYTES + bytes(measure)).sum()
    }

    /// Whether no pane has values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a rule's value, whose [hash](Sketch::hash) is known, to the pane that starts at `start`.
    /// Returns the growth in bytes.
    pub fn take(&mut self, start: i64, kind: MeasureKind, value: (u64, &str), rule: u16) -> usize {
        let rule = matches!(kind, MeasureKind::DistinctByRule(_)).then_some(rule);
        let at = self.0.partition_point(|measure| measure.start < start);
        let mut grown = 0;
        if self.0.get(at).is_none_or(|measure| measure.start != start) {
            self.0.insert(at, Measure::new(start, kind));
            grown = MEASURE_BYTES;
        }
        grown + self.0.get_mut(at).map_or(0, |measure| measure.take(value, rule))
    }

    /// The measures of both sets of values.
    pub fn merge(&mut self, other: &Self) {
        for measure in &other.0 {
            let at = self.0.partition_point(|known| known.start < measure.start);
            match self.0.get_mut(at).filter(|known| known.start == measure.start) {
                Some(known) => known.merge(measure),
                None => self.0.insert(at, measure.clone()),
            }
        }
    }
}

impl<'m> IntoIterator for &'m Measures {
    type Item = &'m Measure;
    type IntoIter = std::slice::Iter<'m, Measure>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Measure> for Measures {
    fn from_iter<I: IntoIterator<Item = Measure>>(measures: I) -> Self {
        Self(measures.into_iter().collect())
    }
}
