//! Folds: which rules, by which columns, in which grains of time, with which samples.

use super::key::FoldId;
use super::measure::MeasureKind;
use super::table::TableFold;
use crate::events::Field;

/// Most entity columns of a fold.
pub const MAX_ENTITY: usize = 6;

/// Most columns of a fold, those of a tuple included.
pub const MAX_COLUMNS: usize = 10;

/// Lengths of a fold's panes and buckets, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grain {
    /// Windows are swept over panes.
    pub pane: i64,
    /// Rows are keyed by buckets.
    pub bucket: i64,
}

impl Grain {
    /// One row per UTC day.
    pub const DAY: Self = Self { pane: 86_400, bucket: 86_400 };
    /// One row per hour.
    pub const HOUR: Self = Self { pane: 3_600, bucket: 3_600 };
    /// One row per UTC day that tells its hours apart.
    pub const HOURS_OF_DAY: Self = Self { pane: 3_600, bucket: 86_400 };

    /// The grain of sliding windows of `timespan` seconds: panes of max(1 s, timespan / 3600), so
    /// that windows up to one hour are exact (CloudTrail has whole seconds); buckets of
    /// max(60 s, timespan / 8), a multiple of the pane.
    #[must_use]
    pub fn sliding(timespan: i64) -> Self {
        let pane = (timespan / 3_600).max(1);
        let bucket = (timespan / 8).max(60);
        Self { pane, bucket: bucket.div_euclid(pane) * pane }
    }

    /// Start of the pane that holds `time` (µs), in seconds.
    #[must_use]
    pub fn pane_of(self, time: i64) -> i64 {
        start_of(time, self.pane)
    }

    /// Start of the bucket that holds `time` (µs), in seconds.
    #[must_use]
    pub fn bucket_of(self, time: i64) -> i64 {
        start_of(time, self.bucket)
    }
}

/// Start of the interval of so many seconds that holds `time` (µs), in seconds.
pub(super) fn start_of(time: i64, seconds: i64) -> i64 {
    let time = time.div_euclid(1_000_000);
    time - time.rem_euclid(seconds)
}

/// A sampled field with the size of its sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The field.
    pub field: Field,
    /// Exact up to this many distinct values; 0: nothing is sampled.
    pub k: usize,
    /// Texts kept.
    pub keep: usize,
}

/// The values that a fold measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// What is kept of them.
    pub kind: MeasureKind,
    /// Per counted rule: the fields that hold them; a value of several fields is a combination.
    pub fields: Vec<Vec<Field>>,
}

/// A fold: folds the events that its rules select into a table.
#[derive(Debug, Clone)]
pub struct Fold {
    /// Its identity.
    pub id: FoldId,
    /// The selections, by their number in the plan; a pane's `rule` is the position in here.
    /// [`NO_SELECTION`](Self::NO_SELECTION) stands for a rule that selects no events itself.
    pub rules: Vec<usize>,
    /// The entity's columns; with [`valued`](Self::valued) the last one is a value of the entity.
    pub entity: Vec<Field>,
    /// Per rule: its own columns of the entity; empty if they are the same for all.
    pub aliased: Vec<Vec<Field>>,
    /// Whether the last column is a value whose history the entity is judged by.
    pub valued: bool,
    /// So many of the last columns are one value together, a [tuple](super::tuple); 0: the last
    /// column is the value as it is.
    pub tuple: usize,
    /// Lengths of panes and buckets.
    pub grain: Grain,
    /// What is sampled; empty for folds that only count.
    pub samples: Vec<Sample>,
    /// The first so many rules put [`Details`] into rows; the others are only counted.
    pub detailed: usize,
    /// The values that are measured, if any.
    pub measured: Option<Measured>,
}

impl Fold {
    /// The number of no selection.
    pub const NO_SELECTION: usize = usize::MAX;

    /// Whether it is of all events, whatever they are: it has no rules.
    pub(crate) fn is_of_all(&self) -> bool {
        self.rules.is_empty()
    }

    /// What its table must know.
    #[must_use]
    pub fn table_fold(&self) -> TableFold {
        TableFold {
            id: self.id,
            valued: self.valued,
            pane: self.grain.pane,
            detailed: self.detailed,
            samples: self.samples.clone(),
            measured: self.measured.clone(),
        }
    }
}
