//! Folds: which rules, by which columns, in which grains of time, with which samples.

use std::rc::Rc;

use arrow::array::{Array, StringArray};
use arrow::buffer::BooleanBuffer;
use hashbrown::HashMap;
use smallvec::SmallVec;

use super::key::FoldId;
use super::measure::MeasureKind;
use super::pool::PoolNumber;
use super::row::{Evidence, Pane};
use super::sketch::Sketch;
use super::table::{EntityNumber, Entry, EntryDetails, Table, TableFold};
use super::tuple;
use super::values::{ValueColumn, each_value};
use crate::events::{Core, Dictionary, EventBatch, Field};

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
        time.div_euclid(1_000_000).div_euclid(self.pane) * self.pane
    }

    /// Start of the bucket that holds `time` (µs), in seconds.
    #[must_use]
    pub fn bucket_of(self, time: i64) -> i64 {
        time.div_euclid(1_000_000).div_euclid(self.bucket) * self.bucket
    }
}

/// A field whose values are sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SampleField {
    /// A column with a dictionary.
    Dictionary(Field),
    /// A plain text column.
    Text(Core),
}

impl From<SampleField> for Field {
    fn from(sampled: SampleField) -> Self {
        match sampled {
            SampleField::Dictionary(field) => field,
            SampleField::Text(core) => Self::Core(core),
        }
    }
}

/// A sampled field with the size of its sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The field.
    pub field: SampleField,
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

/// Positions of an event's entity values among the distinct values of the batch.
type EntityKeys = [u32; MAX_COLUMNS];

/// Marks an absent entity value.
const ABSENT: u32 = u32::MAX;

/// Sampled values and events, worked out once per batch and shared by its folds, until the table
/// is drained.
#[derive(Debug, Default)]
pub struct SampledValues {
    fields: HashMap<SampleField, Rc<[Sampled]>>,
    events: Rc<[PoolNumber]>,
}

/// A value's hash, and its number once a row has it.
#[derive(Debug)]
struct Sampled {
    hash: u64,
    number: PoolNumber,
}

/// The columns of a batch that a fold reads.
struct Columns<'b> {
    /// The entity's columns, once for all rules or for each.
    entities: Vec<Vec<Option<Dictionary<'b>>>>,
    /// Per counted rule: the columns of its values.
    values: Vec<Vec<ValueColumn<'b>>>,
    samples: Vec<SampleColumn<'b>>,
    /// Of each event.
    events: Rc<[PoolNumber]>,
    errors: Option<Dictionary<'b>>,
}

/// A sampled column with the hashes of its distinct values, or of its rows.
enum SampleColumn<'b> {
    Dictionary {
        dictionary: Dictionary<'b>,
        values: Rc<[Sampled]>,
        /// Per distinct value: the last row of the table that took it.
        taken: Vec<usize>,
    },
    Text(&'b StringArray, Rc<[Sampled]>),
    Missing,
}

/// Events of the batch that go into one row of the table.
#[derive(Debug, Default)]
struct Members(SmallVec<[(u16, usize); 2]>);

/// Selected events by the row of the table that they go into: number of the entity's columns,
/// entity, bucket.
type Selected = HashMap<(usize, EntityKeys, i64), Members>;

impl Fold {
    /// The number of no selection.
    pub const NO_SELECTION: usize = usize::MAX;

    /// Folds the events of `batch` that `masks` (by number in the plan) select into `table`.
    /// `number` is the fold's position in the plan. The events are first brought together by row,
    /// so that the table is looked up, and a value sampled, once per row and not per event.
    pub fn fold(
        &self,
        number: usize,
        batch: &EventBatch,
        masks: &[BooleanBuffer],
        sampled: &mut SampledValues,
        table: &mut Table,
    ) {
        let masks = || self.rules.iter().map(|rule| masks.get(*rule));
        if masks().flatten().all(|mask| mask.count_set_bits() == 0) {
            return;
        }
        let mut columns = self.columns(batch, sampled);
        let mut selected = Selected::new();
        for (rule, mask) in masks().enumerate() {
            let set = if self.aliased.is_empty() { 0 } else { rule };
            let rule = u16::try_from(rule).unwrap_or(u16::MAX);
            for row in mask.into_iter().flat_map(BooleanBuffer::set_indices) {
                let bucket = self.grain.bucket_of(time_of(batch, row));
                let key = (set, columns.entity_keys(set, row), bucket);
                selected.entry(key).or_default().0.push((rule, row));
            }
        }
        // In any order: adding to rows commutes.
        #[allow(clippy::iter_over_hash_type, reason = "rows do not depend on each other")]
        for (turn, ((set, keys, bucket), members)) in selected.into_iter().enumerate() {
            let entity = self.entity_of(number, &columns, (set, &keys), table);
            let Some(mut entry) = table.entry(number, entity, bucket) else { continue };
            for (rule, row) in members.0.iter().filter(|(_, row)| !batch.is_copy(*row)) {
                let failed = columns.failed(*row);
                entry.add(self.pane(*rule, time_of(batch, *row), failed));
            }
            self.add_details(entry, &members, batch, &mut columns, turn + 1);
        }
    }

    /// The entity's number in the table.
    fn entity_of(
        &self,
        number: usize,
        columns: &Columns<'_>,
        (set, keys): (usize, &EntityKeys),
        table: &mut Table,
    ) -> EntityNumber {
        let values = columns.entity_values(set, keys);
        if self.tuple == 0 {
            return table.entity(number, values);
        }
        let values: Vec<Option<&str>> = values.collect();
        let (others, parts) = values.split_at(values.len().saturating_sub(self.tuple));
        let value = tuple::join(parts);
        table.entity(number, others.iter().copied().chain([Some(value.as_str())]))
    }

    /// Folds every event of the batch, one row per run of equal neighbours where possible; for
    /// folds without rules or details (coverage).
    pub fn fold_all(&self, number: usize, batch: &EventBatch, table: &mut Table) {
        let columns = self.columns(batch, &mut SampledValues::default());
        let mut entities: HashMap<EntityKeys, EntityNumber> = HashMap::new();
        let mut last: Option<(EntityKeys, EntityNumber)> = None;
        for (row, time) in batch.times().iter().enumerate() {
            if batch.is_copy(row) {
                continue;
            }
            let keys = columns.entity_keys(0, row);
            let entity = match last {
                Some((same, entity)) if same == keys => entity,
                _ => *entities
                    .entry(keys)
                    .or_insert_with(|| table.entity(number, columns.entity_values(0, &keys))),
            };
            last = Some((keys, entity));
            let pane = self.pane(0, *time, columns.failed(row));
            if let Some(mut entry) = table.entry(number, entity, self.grain.bucket_of(*time)) {
                entry.add(pane);
            }
        }
    }

    fn add_details(
        &self,
        entry: Entry<'_>,
        members: &Members,
        batch: &EventBatch,
        columns: &mut Columns<'_>,
        turn: usize,
    ) {
        let detailed = |(rule, _): &&(u16, usize)| usize::from(*rule) < self.detailed;
        let rows = || members.0.iter().filter(detailed).map(|(_, row)| *row);
        let Some(first) = rows().next() else { return };
        let mut details = entry.details(time_of(batch, first));
        for row in rows() {
            if let Some(number) = columns.events.get(row) {
                details.event(time_of(batch, row), number, || evidence(batch, row));
            }
        }
        details.transferred(sum(batch, Core::BytesIn, rows()), sum(batch, Core::BytesOut, rows()));
        for (sample, column) in columns.samples.iter_mut().enumerate() {
            rows().for_each(|row| column.sample(row, turn, sample, &mut details));
        }
        self.measure(&mut details, members, batch, &columns.values);
    }

    /// Adds the values of the counted events.
    fn measure(
        &self,
        details: &mut EntryDetails<'_>,
        members: &Members,
        batch: &EventBatch,
        columns: &[Vec<ValueColumn<'_>>],
    ) {
        let Some(Measured { kind, .. }) = self.measured else { return };
        details.measure(|measures| {
            let mut grown = 0;
            for (rule, row) in members.0.iter().filter(|(_, row)| !batch.is_copy(*row)) {
                let Some(columns) = columns.get(usize::from(*rule)) else { continue };
                let start = self.grain.pane_of(time_of(batch, *row));
                let take = |value: &str| grown += measures.take(start, kind, value, *rule);
                each_value(columns, *row, take);
            }
            grown
        });
    }

    /// What its table must know.
    #[must_use]
    pub fn table_fold(&self) -> TableFold {
        let samples = self.samples.iter().map(|sample| (sample.k, sample.keep)).collect();
        TableFold { id: self.id, valued: self.valued, samples }
    }

    fn pane(&self, rule: u16, time: i64, failed: bool) -> Pane {
        Pane {
            start: self.grain.pane_of(time),
            rule,
            ok: u64::from(!failed),
            failed: u64::from(failed),
        }
    }

    fn columns<'b>(&self, batch: &'b EventBatch, sampled: &mut SampledValues) -> Columns<'b> {
        let entity = |fields: &Vec<Field>| -> Vec<Option<Dictionary<'b>>> {
            fields.iter().map(|field| batch.dictionary(*field)).collect()
        };
        let values = |fields: &Vec<Field>| -> Vec<ValueColumn<'b>> {
            fields.iter().map(|field| ValueColumn::new(*field, batch)).collect()
        };
        let entities = match self.aliased.as_slice() {
            [] => vec![entity(&self.entity)],
            aliased => aliased.iter().map(entity).collect(),
        };
        Columns {
            entities,
            values: self.measured.iter().flat_map(|m| m.fields.iter().map(values)).collect(),
            samples: (self.samples.iter())
                .map(|sample| match sample.k {
                    0 => SampleColumn::Missing,
                    _ => SampleColumn::new(sample.field, batch, sampled),
                })
                .collect(),
            events: sampled.events(batch),
            errors: batch.dictionary(Field::Core(Core::ErrorCode)),
        }
    }
}

fn time_of(batch: &EventBatch, row: usize) -> i64 {
    batch.times().get(row).copied().unwrap_or(0)
}

/// The sum of a byte count over the rows that name one.
fn sum(batch: &EventBatch, core: Core, rows: impl Iterator<Item = usize>) -> u64 {
    let Some(counts) = batch.integer(core) else { return 0 };
    let known = rows.filter(|row| counts.is_valid(*row) && !batch.is_copy(*row));
    let count = |row: usize| u64::try_from(counts.value(row)).unwrap_or(0);
    known.fold(0, |sum: u64, row| sum.saturating_add(count(row)))
}

impl SampledValues {
    fn of(&mut self, field: SampleField, texts: &StringArray) -> Rc<[Sampled]> {
        let sampled = |text: Option<&str>| Sampled {
            hash: text.map_or(0, Sketch::hash),
            number: PoolNumber::default(),
        };
        let values = || texts.iter().map(sampled).collect();
        self.fields.entry(field).or_insert_with(values).clone()
    }

    fn events(&mut self, batch: &EventBatch) -> Rc<[PoolNumber]> {
        if self.events.is_empty() {
            self.events = (0..batch.len()).map(|_| PoolNumber::default()).collect();
        }
        self.events.clone()
    }
}

impl Sampled {
    /// Adds the value to the sample at that position.
    fn add_to(&self, details: &mut EntryDetails<'_>, sample: usize, text: &str) {
        details.sample(sample, &self.number, self.hash, text);
    }
}

/// The event as evidence.
fn evidence(batch: &EventBatch, row: usize) -> Evidence {
    let ids = batch.text(Core::EventId).filter(|ids| ids.is_valid(row));
    Evidence {
        event_time: time_of(batch, row),
        event_id: ids.map_or("", |ids| ids.value(row)).into(),
        object_uri: batch.object_uri(row).cloned().unwrap_or_default(),
        record_number: batch.record_number(row),
    }
}

impl Columns<'_> {
    fn entity(&self, set: usize) -> &[Option<Dictionary<'_>>] {
        self.entities.get(set).map_or(&[], Vec::as_slice)
    }

    fn entity_keys(&self, set: usize, row: usize) -> EntityKeys {
        let mut keys = [ABSENT; MAX_COLUMNS];
        for (key, column) in keys.iter_mut().zip(self.entity(set)) {
            let found = column.as_ref().and_then(|column| column.first_key(row));
            *key = found.and_then(|found| u32::try_from(found).ok()).unwrap_or(ABSENT);
        }
        keys
    }

    fn entity_values<'s>(
        &'s self,
        set: usize,
        keys: &'s EntityKeys,
    ) -> impl Iterator<Item = Option<&'s str>> {
        self.entity(set).iter().zip(keys).map(|(column, key)| {
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
    fn new(field: SampleField, batch: &'b EventBatch, sampled: &mut SampledValues) -> Self {
        let found = match field {
            SampleField::Dictionary(name) => batch.dictionary(name).map(|dictionary| {
                let values = sampled.of(field, dictionary.values());
                let taken = vec![0; values.len()];
                Self::Dictionary { dictionary, values, taken }
            }),
            SampleField::Text(core) => {
                batch.text(core).map(|texts| Self::Text(texts, sampled.of(field, texts)))
            }
        };
        found.unwrap_or(Self::Missing)
    }

    /// Adds the event's values to the sample of the row of the table whose `turn` it is; a value
    /// that the row has taken already is passed over.
    fn sample(&mut self, row: usize, turn: usize, sample: usize, details: &mut EntryDetails<'_>) {
        match self {
            Self::Dictionary { dictionary, values, taken } => {
                for key in dictionary.keys(row) {
                    let last = taken.get_mut(key).map(|last| std::mem::replace(last, turn));
                    if last.is_none_or(|last| last == turn) {
                        continue;
                    }
                    if let (Some(value), Some(text)) = (values.get(key), dictionary.value(key)) {
                        value.add_to(details, sample, text);
                    }
                }
            }
            Self::Text(texts, values) if texts.is_valid(row) => {
                if let Some(value) = values.get(row) {
                    value.add_to(details, sample, texts.value(row));
                }
            }
            Self::Text(..) | Self::Missing => {}
        }
    }
}
