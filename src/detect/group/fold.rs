//! Folds: which rules, by which columns, in which grains of time, with which samples.

use arrow::array::Array;
use arrow::buffer::BooleanBuffer;
use hashbrown::HashMap;

use super::key::FoldId;
use super::row::{Details, Evidence, Pane};
use super::sketch::Sketch;
use super::table::{Entry, Table};
use crate::events::{Core, Dictionary, EventBatch, Field};

/// Most entity columns of a fold.
pub const MAX_ENTITY: usize = 6;

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
        time.div_euclid(1_000_000).div_euclid(self.pane) * self.pane
    }

    /// Start of the bucket that holds `time` (µs), in seconds.
    #[must_use]
    pub fn bucket_of(self, time: i64) -> i64 {
        time.div_euclid(1_000_000).div_euclid(self.bucket) * self.bucket
    }
}

/// A field whose values are sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleField {
    /// A column with a dictionary.
    Dictionary(Field),
    /// A plain text column.
    Text(Core),
}

/// A sampled field with the size of its sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The field.
    pub field: SampleField,
    /// Exact up to this many distinct values.
    pub k: usize,
    /// Texts kept.
    pub keep: usize,
}

/// A fold: folds the events that its rules select into a table.
#[derive(Debug, Clone)]
pub struct Fold {
    /// Its identity.
    pub id: FoldId,
    /// The selections, by their number in the plan; a pane's `rule` is the position in here.
    pub rules: Vec<usize>,
    /// The entity's columns; with [`valued`](Self::valued) the last one is a value of the entity.
    pub entity: Vec<Field>,
    /// Whether the last column is a value whose history the entity is judged by.
    pub valued: bool,
    /// Lengths of panes and buckets.
    pub grain: Grain,
    /// What is sampled; empty for folds that only count.
    pub samples: Vec<Sample>,
    /// The first so many rules put [`Details`] into rows; the others are only counted.
    pub detailed: usize,
}

/// Positions of an event's entity values among the distinct values of the batch.
type EntityKeys = [u32; MAX_ENTITY];

/// Marks an absent entity value.
const ABSENT: u32 = u32::MAX;

/// The columns of a batch that a fold reads.
struct Columns<'b> {
    entity: Vec<Option<Dictionary<'b>>>,
    samples: Vec<SampleColumn<'b>>,
    errors: Option<Dictionary<'b>>,
}

/// A sampled column with the hashes of its distinct values.
enum SampleColumn<'b> {
    Dictionary(Dictionary<'b>, Vec<u64>),
    Text(&'b arrow::array::StringArray),
    Missing,
}

impl Fold {
    /// Folds the events of `batch` that `masks` (by number in the plan) select into `table`.
    /// `number` is the fold's position in the plan.
    pub fn fold(
        &self,
        number: usize,
        batch: &EventBatch,
        masks: &[BooleanBuffer],
        table: &mut Table,
    ) {
        let mut columns = None;
        let mut entities: HashMap<EntityKeys, usize> = HashMap::new();
        for (rule, selection) in self.rules.iter().enumerate() {
            let Some(mask) = masks.get(*selection).filter(|mask| mask.count_set_bits() > 0) else {
                continue;
            };
            let columns = columns.get_or_insert_with(|| self.columns(batch));
            let rule = u16::try_from(rule).unwrap_or(u16::MAX);
            for row in mask.set_indices() {
                let keys = columns.entity_keys(row);
                let entity = *entities
                    .entry(keys)
                    .or_insert_with(|| table.entity(number, columns.entity_values(&keys)));
                self.fold_event(number, entity, rule, row, batch, columns, table);
            }
        }
    }

    /// Folds every event of the batch, one row per run of equal neighbours where possible; for
    /// folds without rules or details (coverage).
    pub fn fold_all(&self, number: usize, batch: &EventBatch, table: &mut Table) {
        let columns = self.columns(batch);
        let mut entities: HashMap<EntityKeys, usize> = HashMap::new();
        let mut last: Option<(EntityKeys, usize)> = None;
        for (row, time) in batch.times().iter().enumerate() {
            let keys = columns.entity_keys(row);
            let entity = match last {
                Some((same, entity)) if same == keys => entity,
                _ => *entities
                    .entry(keys)
                    .or_insert_with(|| table.entity(number, columns.entity_values(&keys))),
            };
            last = Some((keys, entity));
            let pane = self.pane(0, *time, columns.failed(row));
            table.entry(number, entity, self.grain.bucket_of(*time)).add(pane);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one event's coordinates, used here only")]
    fn fold_event(
        &self,
        number: usize,
        entity: usize,
        rule: u16,
        row: usize,
        batch: &EventBatch,
        columns: &Columns<'_>,
        table: &mut Table,
    ) {
        let time = batch.times().get(row).copied().unwrap_or(0);
        let mut entry = table.entry(number, entity, self.grain.bucket_of(time));
        entry.add(self.pane(rule, time, columns.failed(row)));
        if usize::from(rule) < self.detailed {
            self.add_details(&mut entry, time, row, batch, columns);
        }
    }

    fn add_details(
        &self,
        entry: &mut Entry<'_>,
        time: i64,
        row: usize,
        batch: &EventBatch,
        columns: &Columns<'_>,
    ) {
        let details = entry.details(|| self.no_details(time));
        details.first = details.first.min(time);
        details.last = details.last.max(time);
        let bytes = |core| {
            let count = batch.integer(core).filter(|counts| counts.is_valid(row));
            count.and_then(|counts| u64::try_from(counts.value(row)).ok()).unwrap_or(0)
        };
        details.bytes_in = details.bytes_in.saturating_add(bytes(Core::BytesIn));
        details.bytes_out = details.bytes_out.saturating_add(bytes(Core::BytesOut));
        witness(details, time, row, batch);
        let mut grown = 0;
        for (sketch, column) in details.samples.iter_mut().zip(&columns.samples) {
            grown += column.sample(row, sketch);
        }
        entry.grew(grown);
    }

    fn no_details(&self, time: i64) -> Details {
        Details {
            first: time,
            last: time,
            bytes_in: 0,
            bytes_out: 0,
            evidence: Vec::new(),
            samples: self.samples.iter().map(|sample| Sketch::new(sample.k, sample.keep)).collect(),
        }
    }

    fn pane(&self, rule: u16, time: i64, failed: bool) -> Pane {
        Pane {
            start: self.grain.pane_of(time),
            rule,
            ok: u64::from(!failed),
            failed: u64::from(failed),
        }
    }

    fn columns<'b>(&self, batch: &'b EventBatch) -> Columns<'b> {
        Columns {
            entity: self.entity.iter().map(|field| batch.dictionary(*field)).collect(),
            samples: self.samples.iter().map(|sample| SampleColumn::new(sample, batch)).collect(),
            errors: batch.dictionary(Field::Core(Core::ErrorCode)),
        }
    }
}

/// Offers the event as evidence.
fn witness(details: &mut Details, time: i64, row: usize, batch: &EventBatch) {
    // The fifth event in time of a row can no longer become evidence.
    let full = details.evidence.len() >= super::row::EVIDENCE;
    if full && details.evidence.last().is_some_and(|last| time > last.event_time) {
        return;
    }
    let ids = batch.text(Core::EventId).filter(|ids| ids.is_valid(row));
    let event = Evidence {
        event_time: time,
        event_id: ids.map_or("", |ids| ids.value(row)).into(),
        object_uri: batch.object_uri(row).cloned().unwrap_or_default(),
        record_number: batch.record_number(row),
    };
    details.witness(&event);
}

impl Columns<'_> {
    fn entity_keys(&self, row: usize) -> EntityKeys {
        let mut keys = [ABSENT; MAX_ENTITY];
        for (key, column) in keys.iter_mut().zip(&self.entity) {
            let found = column.as_ref().and_then(|column| column.first_key(row));
            *key = found.and_then(|found| u32::try_from(found).ok()).unwrap_or(ABSENT);
        }
        keys
    }

    fn entity_values<'s>(&'s self, keys: &'s EntityKeys) -> impl Iterator<Item = Option<&'s str>> {
        self.entity.iter().zip(keys).map(|(column, key)| {
            let key = usize::try_from(*key).ok().filter(|_| *key != ABSENT)?;
            column.as_ref()?.value(key)
        })
    }

    /// A call failed if its record has an error code.
    fn failed(&self, row: usize) -> bool {
        self.errors.is_some_and(|errors| errors.first_key(row).is_some())
    }
}

impl<'b> SampleColumn<'b> {
    fn new(sample: &Sample, batch: &'b EventBatch) -> Self {
        let found = match sample.field {
            SampleField::Dictionary(field) => batch.dictionary(field).map(|dictionary| {
                let hash = |value: Option<&str>| value.map_or(0, Sketch::hash);
                Self::Dictionary(dictionary, dictionary.values().iter().map(hash).collect())
            }),
            SampleField::Text(core) => batch.text(core).map(Self::Text),
        };
        found.unwrap_or(Self::Missing)
    }

    /// Adds the event's values to its sample. Returns the growth in bytes.
    fn sample(&self, row: usize, sketch: &mut Sketch) -> usize {
        match self {
            Self::Dictionary(dictionary, hashes) => dictionary
                .keys(row)
                .filter_map(|key| Some((*hashes.get(key)?, dictionary.value(key)?)))
                .map(|(hash, value)| sketch.insert(hash, value))
                .sum(),
            Self::Text(texts) if texts.is_valid(row) => {
                let value = texts.value(row);
                sketch.insert(Sketch::hash(value), value)
            }
            Self::Text(_) | Self::Missing => 0,
        }
    }
}
