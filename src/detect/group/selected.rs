//! A batch with the events that are selected, and what its folds share: entities and sampled events
//! are numbered once, however many folds ask.

use arrow::array::{Array, Int64Array};
use arrow::buffer::BooleanBuffer;
use hashbrown::HashMap;
use smallvec::SmallVec;

use super::fold::{Fold, MAX_COLUMNS};
use super::pool::{EventNumber, Pool, PooledEvent, TextNumber};
use super::row::Evidence;
use super::sketch::Sketch;
use super::table::Table;
use super::tuple;
use super::values::{ValueColumn, each_value};
use crate::events::{Core, Dictionary, EventBatch, Field};

/// A number that is not known yet.
const UNKNOWN: u32 = u32::MAX;

/// Marks an absent entity value.
const ABSENT: u32 = u32::MAX;

/// A batch with the events that are selected.
pub struct SelectedBatch<'b> {
    batch: &'b EventBatch,
    /// Events by selection.
    masks: &'b [BooleanBuffer],
    times: &'b [i64],
    errors: Option<Dictionary<'b>>,
    bytes: [Option<&'b Int64Array>; 2],
    /// What rows sample and measure, by its numbers in the table.
    columns: Vec<PooledColumn<'b>>,
    /// Of each event: what is asked of it, by [`bit`].
    asked: Vec<u128>,
    /// Of each event: its number in the table's pool.
    events: Vec<EventNumber>,
    entities: Vec<Entities<'b>>,
    /// Kept for its memory.
    members: Vec<Member>,
}

/// An event that goes into a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Member {
    /// The entity's number in the table.
    pub entity: u32,
    /// Start of the bucket, seconds.
    pub bucket: i64,
    /// The event's position in the batch, which holds far fewer than 65,536.
    pub row: u16,
    /// The rule's position in the fold.
    pub rule: u16,
}

/// Values that rows sample or measure.
enum PooledColumn<'b> {
    /// With the numbers of the distinct values in the table's pool.
    Dictionary(Dictionary<'b>, Vec<TextNumber>),
    /// Those of another column, or combinations of those of several.
    Values(Vec<ValueColumn<'b>>),
}

/// The events' entities by some columns.
struct Entities<'b> {
    fields: Vec<Field>,
    tuple: usize,
    columns: SmallVec<[Option<Dictionary<'b>>; 6]>,
    /// Numbers in the table, by the positions of the values in their dictionaries.
    known: HashMap<[u32; MAX_COLUMNS], u32>,
    /// Of each event.
    numbers: Vec<u32>,
}

impl<'b> SelectedBatch<'b> {
    /// The events of `batch` that `masks` (by number in the plan) select, for the plan's `folds` and
    /// their `table`.
    #[must_use]
    pub fn new(
        batch: &'b EventBatch,
        masks: &'b [BooleanBuffer],
        folds: &[Fold],
        table: &Table,
    ) -> Self {
        let columns = table.fields().iter().map(|fields| PooledColumn::new(fields, batch));
        let mut selected = Self {
            batch,
            masks,
            times: batch.times(),
            errors: batch.dictionary(Field::Core(Core::ErrorCode)),
            bytes: [batch.integer(Core::BytesIn), batch.integer(Core::BytesOut)],
            columns: columns.collect(),
            asked: vec![0; batch.len()],
            events: vec![UNKNOWN; batch.len()],
            entities: Vec::new(),
            members: Vec::new(),
        };
        for (number, fold) in folds.iter().enumerate() {
            for (rule, selection) in fold.rules.iter().enumerate() {
                let fields = table.asked(number, rule).fold(0, |fields, field| fields | bit(field));
                selected.ask(*selection, fields);
            }
        }
        selected
    }

    /// Notes what is sampled and measured of the events of a selection.
    fn ask(&mut self, selection: usize, fields: u128) {
        if fields == 0 {
            return;
        }
        for row in self.masks.get(selection).into_iter().flat_map(BooleanBuffer::set_indices) {
            if let Some(asked) = self.asked.get_mut(row) {
                *asked |= fields;
            }
        }
    }

    /// Forgets all numbers: the table was emptied.
    pub fn forget(&mut self) {
        self.events.fill(UNKNOWN);
        self.entities.clear();
        for column in &mut self.columns {
            if let PooledColumn::Dictionary(_, numbers) = column {
                numbers.fill(UNKNOWN);
            }
        }
    }

    /// µs since the epoch.
    pub(super) fn time(&self, row: usize) -> i64 {
        self.times.get(row).copied().unwrap_or(0)
    }

    /// A call failed if its record has an error code.
    pub(super) fn failed(&self, row: usize) -> bool {
        self.errors.is_some_and(|errors| errors.first_key(row).is_some())
    }

    /// The events that go into rows of a fold, in the order of the rows.
    pub(super) fn members(&mut self, fold: &Fold, table: &mut Table) -> Vec<Member> {
        let mut members = std::mem::take(&mut self.members);
        members.clear();
        let (batch, masks) = (self.batch, self.masks);
        if fold.is_of_all() {
            let entities = self.entities(&fold.entity, fold.tuple);
            for row in (0..batch.len()).filter(|row| !batch.is_copy(*row)) {
                members.push(self.member(fold, entities, (0, row), table));
            }
        }
        for (rule, selection) in fold.rules.iter().enumerate() {
            let mask = masks.get(*selection).filter(|mask| mask.count_set_bits() > 0);
            let Some(mask) = mask else { continue };
            let fields = fold.aliased.get(rule).unwrap_or(&fold.entity);
            let entities = self.entities(fields, fold.tuple);
            let is_detailed = rule < fold.detailed;
            let rule = u16::try_from(rule).unwrap_or(u16::MAX);
            // A copy is only counted once; it may be the evidence.
            for row in mask.set_indices().filter(|row| is_detailed || !batch.is_copy(*row)) {
                members.push(self.member(fold, entities, (rule, row), table));
            }
        }
        members.sort_unstable();
        members
    }

    /// Takes the list of [`members`](Self::members) back.
    pub(super) fn give_back(&mut self, members: Vec<Member>) {
        self.members = members;
    }

    fn member(
        &mut self,
        fold: &Fold,
        entities: usize,
        (rule, row): (u16, usize),
        table: &mut Table,
    ) -> Member {
        let bucket = fold.grain.bucket_of(self.time(row));
        let entities = self.entities.get_mut(entities);
        let entity = entities.map_or(UNKNOWN, |entities| entities.number(row, table));
        let row = u16::try_from(row).unwrap_or(u16::MAX);
        Member { entity, bucket, row, rule }
    }

    /// The position of the entities by these columns.
    fn entities(&mut self, fields: &[Field], tuple: usize) -> usize {
        let known = |known: &Entities<'_>| known.tuple == tuple && *known.fields == *fields;
        if let Some(known) = self.entities.iter().position(known) {
            return known;
        }
        self.entities.push(Entities {
            fields: fields.into(),
            tuple,
            columns: fields.iter().map(|field| self.batch.dictionary(*field)).collect(),
            known: HashMap::new(),
            numbers: vec![UNKNOWN; self.batch.len()],
        });
        self.entities.len() - 1
    }

    /// The number of an event in the pool of the table.
    pub(super) fn event(&mut self, row: usize, pool: &mut Pool) -> EventNumber {
        let known = self.events.get(row).copied().unwrap_or(UNKNOWN);
        if known != UNKNOWN {
            return known;
        }
        let mut values: SmallVec<[TextNumber; 32]> = SmallVec::new();
        let asked = self.asked.get(row).copied().unwrap_or(0);
        for (field, column) in self.columns.iter_mut().enumerate() {
            if asked & bit(field) != 0 {
                column.values(field, row, pool, &mut values);
            }
        }
        let number = pool.event(self.pooled(row), &values);
        if let Some(known) = self.events.get_mut(row) {
            *known = number;
        }
        number
    }

    /// The event without its values.
    fn pooled(&self, row: usize) -> PooledEvent {
        let batch = self.batch;
        let ids = batch.text(Core::EventId).filter(|ids| ids.is_valid(row));
        let evidence = Evidence {
            event_time: self.time(row),
            event_id: ids.map_or("", |ids| ids.value(row)).into(),
            object_uri: batch.object_uri(row).cloned().unwrap_or_default(),
            record_number: batch.record_number(row),
        };
        let copy = batch.is_copy(row);
        let count = |bytes: Option<&Int64Array>| {
            let bytes = bytes.filter(|bytes| !copy && bytes.is_valid(row));
            bytes.map_or(0, |bytes| u64::try_from(bytes.value(row)).unwrap_or(0))
        };
        let [bytes_in, bytes_out] = self.bytes.map(count);
        let mut event = PooledEvent::new(evidence);
        (event.bytes_in, event.bytes_out) = (bytes_in, bytes_out);
        (event.failed, event.copy) = (self.failed(row), copy);
        event
    }
}

/// The bit of a field's number; the last one is shared.
fn bit(field: usize) -> u128 {
    1 << field.min(127)
}

impl<'b> PooledColumn<'b> {
    fn new(fields: &[Field], batch: &'b EventBatch) -> Self {
        if let [field] = fields
            && let Some(dictionary) = batch.dictionary(*field)
        {
            return Self::Dictionary(dictionary, vec![UNKNOWN; dictionary.values().len()]);
        }
        Self::Values(fields.iter().map(|field| ValueColumn::new(*field, batch)).collect())
    }

    /// Adds the numbers of an event's values.
    fn values(
        &mut self,
        field: usize,
        row: usize,
        pool: &mut Pool,
        values: &mut SmallVec<[TextNumber; 32]>,
    ) {
        let field = u16::try_from(field).unwrap_or(u16::MAX);
        match self {
            Self::Dictionary(dictionary, numbers) => {
                for key in dictionary.keys(row) {
                    let (Some(number), Some(text)) = (numbers.get_mut(key), dictionary.value(key))
                    else {
                        continue;
                    };
                    if *number == UNKNOWN {
                        *number = pool.text(field, Sketch::hash(text), text);
                    }
                    values.push(*number);
                }
            }
            Self::Values(columns) => each_value(columns, row, |text| {
                values.push(pool.text(field, Sketch::hash(text), text));
            }),
        }
    }
}

impl Entities<'_> {
    /// The number of an event's entity in the table.
    fn number(&mut self, row: usize, table: &mut Table) -> u32 {
        let known = self.numbers.get(row).copied().unwrap_or(UNKNOWN);
        if known != UNKNOWN {
            return known;
        }
        let mut keys = [ABSENT; MAX_COLUMNS];
        for (key, column) in keys.iter_mut().zip(&self.columns) {
            let found = column.as_ref().and_then(|column| column.first_key(row));
            *key = found.and_then(|found| u32::try_from(found).ok()).unwrap_or(ABSENT);
        }
        let (columns, tuple) = (&self.columns, self.tuple);
        let number = *self.known.entry(keys).or_insert_with(|| {
            let values = columns.iter().zip(&keys).map(|(column, key)| {
                column.as_ref().filter(|_| *key != ABSENT)?.value(*key as usize)
            });
            number(values, tuple, table)
        });
        if let Some(known) = self.numbers.get_mut(row) {
            *known = number;
        }
        number
    }
}

/// The number of the entity with these values; the last `tuple` of them are one value together.
fn number<'v>(
    values: impl Iterator<Item = Option<&'v str>>,
    tuple: usize,
    table: &mut Table,
) -> u32 {
    if tuple == 0 {
        return table.number(values);
    }
    let values: SmallVec<[Option<&str>; MAX_COLUMNS]> = values.collect();
    let (others, parts) = values.split_at(values.len().saturating_sub(tuple));
    let value = tuple::join(parts);
    table.number(others.iter().copied().chain([Some(value.as_str())]))
}
