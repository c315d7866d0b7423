//! A batch with the events that are selected, and what its folds share: entities and sampled events
//! are numbered once, however many folds ask.

use arrow::array::{Array, Int64Array};
use arrow::buffer::BooleanBuffer;
use hashbrown::HashMap;
use smallvec::SmallVec;

use super::details::Evidence;
use super::fold::{Fold, MAX_COLUMNS};
use super::members::{Member, Order, Taking, add_members};
use super::pool::{EventNumber, Pool, PooledEvent, PooledValue, TextNumber};
use super::row::Pane;
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
    orders: Vec<Order<'b>>,
    /// Folds that are in no order, by their positions in the plan.
    alone: Vec<usize>,
    /// Kept for their memory.
    members: [Vec<Member>; 2],
}

/// A part of a plan's folds: the table can be emptied between two of them.
#[derive(Debug, Clone, Copy)]
pub struct Part(usize);

/// Values of an event.
type PooledValues = SmallVec<[PooledValue; 32]>;

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
            orders: Vec::new(),
            alone: Vec::new(),
            members: Default::default(),
        };
        for (number, fold) in folds.iter().enumerate() {
            for (rule, selection) in fold.rules.iter().enumerate() {
                let fields = table.asked(number, rule).fold(0, |fields, field| fields | bit(field));
                selected.ask(*selection, fields);
            }
            selected.order(number, fold);
        }
        selected
    }

    /// Puts a fold with others like it.
    fn order(&mut self, number: usize, fold: &Fold) {
        let (events, rules) = (self.batch.len(), Taking::of(fold, self.masks));
        if !Order::is_for(fold, &rules, events) {
            if fold.is_of_all() || !rules.is_empty() {
                self.alone.push(number);
            }
            return;
        }
        let known = self.orders.iter().position(|order| order.fits(fold));
        let at = known.unwrap_or_else(|| {
            self.orders.push(Order::new(fold, events));
            self.orders.len() - 1
        });
        if let Some(order) = self.orders.get_mut(at) {
            order.add(number, rules);
        }
    }

    /// The parts of the plan's folds that take any events.
    pub fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        (0..self.orders.len() + self.alone.len()).map(Part)
    }

    /// Folds the events of a part into `table`, row by row of the table, so that these are looked up
    /// once and not per event; and where many folds have rows of the same events, all of them while
    /// these are at hand.
    pub fn fold(&mut self, Part(part): Part, folds: &[Fold], table: &mut Table) {
        let [mut members, mut some] = std::mem::take(&mut self.members);
        members.clear();
        if part < self.orders.len() {
            let order = self.orders.swap_remove(part);
            self.fold_order(&order, folds, table, [&mut members, &mut some]);
            self.orders.push(order);
            let last = self.orders.len() - 1;
            self.orders.swap(part, last);
        } else if let Some(number) = self.alone.get(part - self.orders.len()).copied()
            && let Some(fold) = folds.get(number)
        {
            self.add_all(fold, table, &mut members);
            for row in members.chunk_by(|a, b| a.shares_row(*b)) {
                self.fold_row(number, fold, row, table);
            }
        }
        self.members = [members, some];
    }

    fn fold_order(
        &mut self,
        order: &Order<'b>,
        folds: &[Fold],
        table: &mut Table,
        [members, some]: [&mut Vec<Member>; 2],
    ) {
        let (batch, entities) = (self.batch, self.entities(&order.entity, order.tuple));
        if let Some(entities) = self.entities.get_mut(entities) {
            order.sort(self.times, |row| entities.number(row, table), members);
        }
        for row in members.chunk_by(|a, b| a.shares_row(*b)) {
            order.of_row(row, batch, some, |number, row| {
                if let Some(fold) = folds.get(number) {
                    self.fold_row(number, fold, row, table);
                }
            });
        }
    }

    /// Folds events that go into one row of the table.
    fn fold_row(&mut self, number: usize, fold: &Fold, members: &[Member], table: &mut Table) {
        let Some(first) = members.first() else { return };
        let entity = table.entity(number, first.entity());
        let Some(mut entry) = table.entry(number, entity, first.bucket()) else { return };
        for member in members {
            if fold.detailed > 0 || fold.measured.is_some() {
                entry.touch(member.rule(), |pool| self.event(member.row(), pool));
            } else {
                entry.count(self.pane(fold, *member));
            }
        }
    }

    fn pane(&self, fold: &Fold, member: Member) -> Pane {
        let failed = self.failed(member.row());
        Pane {
            start: fold.grain.pane_of(self.time(member.row())),
            rule: member.rule(),
            ok: u64::from(!failed),
            failed: u64::from(failed),
        }
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
    fn time(&self, row: usize) -> i64 {
        self.times.get(row).copied().unwrap_or(0)
    }

    /// A call failed if its record has an error code.
    fn failed(&self, row: usize) -> bool {
        self.errors.is_some_and(|errors| errors.first_key(row).is_some())
    }

    /// Adds the events that go into rows of a fold, in the order of the rows.
    fn add_all(&mut self, fold: &Fold, table: &mut Table, members: &mut Vec<Member>) {
        let batch = self.batch;
        if fold.is_of_all() {
            let rows = (0..batch.len()).filter(|row| !batch.is_copy(*row));
            self.add(fold, (0, rows), table, members);
        }
        for rule in &Taking::of(fold, self.masks) {
            self.add(fold, (rule.rule, rule.rows(batch)), table, members);
        }
        members.sort_unstable();
    }

    /// Adds the events of a rule.
    fn add(
        &mut self,
        fold: &Fold,
        events: (u16, impl Iterator<Item = usize>),
        table: &mut Table,
        members: &mut Vec<Member>,
    ) {
        let fields = fold.aliased.get(usize::from(events.0)).unwrap_or(&fold.entity);
        let entities = self.entities(fields, fold.tuple);
        let Some(entities) = self.entities.get_mut(entities) else { return };
        let entity = |row: usize| entities.number(row, table);
        add_members(fold.grain, self.times, events, entity, members);
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
    fn event(&mut self, row: usize, pool: &mut Pool) -> EventNumber {
        let known = self.events.get(row).copied().unwrap_or(UNKNOWN);
        if known != UNKNOWN {
            return known;
        }
        let (mut set, mut own) = (PooledValues::new(), PooledValues::new());
        let asked = self.asked.get(row).copied().unwrap_or(0);
        for (field, column) in self.columns.iter_mut().enumerate() {
            if asked & bit(field) != 0 {
                let is_dictionary = matches!(column, PooledColumn::Dictionary(..));
                column.values(field, row, pool, if is_dictionary { &mut set } else { &mut own });
            }
        }
        let (event, evidence) = self.pooled(row);
        let event = PooledEvent { set: pool.set(&set), ..event };
        let number = pool.event(event, evidence, &own);
        if let Some(known) = self.events.get_mut(row) {
            *known = number;
        }
        number
    }

    /// The event without its values, and where it is found.
    fn pooled(&self, row: usize) -> (PooledEvent, Evidence) {
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
        let (time, failed) = (evidence.event_time, self.failed(row));
        let event = PooledEvent { time, bytes_in, bytes_out, failed, copy, ..Default::default() };
        (event, evidence)
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
    fn values(&mut self, field: usize, row: usize, pool: &mut Pool, values: &mut PooledValues) {
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
                    values.push(PooledValue { text: *number, field });
                }
            }
            Self::Values(columns) => each_value(columns, row, |text| {
                values
                    .push(PooledValue { text: pool.text(field, Sketch::hash(text), text), field });
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
