//! The table that one worker fills. Keys are interned, so that a row costs a look-up of three
//! integers; the map is randomly seeded and sorted on the way out.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashSet, HashTable};
use rayon::ThreadPool;
use rayon::prelude::*;
use smallvec::SmallVec;

use super::fold::{Measured, Sample};
use super::key::{Entity, FoldId, Key};
use super::layout::{Layout, Touch};
use super::lazy_details::{Drained, LazyDetails};
use super::merge::MAX_VALUES;
use super::pool::{EventNumber, Pool};
use super::row::{Pane, Row};
use super::row_builder::RowBuilder;
use super::row_map::{ROW_BYTES, RowMap, Slot};
use crate::events::Field;

/// Rough cost of an entity value beyond its text, in bytes.
const ENTITY_BYTES: usize = 96;

/// A table under construction.
#[derive(Debug, Default)]
pub struct Table {
    folds: Vec<KnownFold>,
    /// What rows sample and measure: fields, and combinations of fields.
    fields: Vec<Vec<Field>>,
    entities: Vec<Entity>,
    /// Numbers of the entities, by their hashes.
    numbers: HashTable<u32>,
    rows: RowMap,
    pool: Pool,
    hasher: DefaultHashBuilder,
    /// Counts how often a row was taken up.
    turn: u32,
    bytes: usize,
}

/// A fold as its table knows it.
#[derive(Debug, Clone, Default)]
pub struct TableFold {
    /// Its identity.
    pub id: FoldId,
    /// Whether the last entity column is a value.
    pub valued: bool,
    /// Length of its panes, in seconds.
    pub pane: i64,
    /// The first so many rules put details into rows.
    pub detailed: usize,
    /// What rows sample.
    pub samples: Vec<Sample>,
    /// What they measure.
    pub measured: Option<Measured>,
}

/// What the table knows of a fold.
#[derive(Debug, Default)]
struct KnownFold {
    fold: TableFold,
    layout: Layout,
    /// In a fold with values: the numbers of its entities, but for diffuse ones.
    entities: HashSet<u32>,
    /// In a fold with values: how many an entity has, keyed by its other columns.
    values: HashMap<Entity, usize>,
}

/// An entity of a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityNumber {
    number: u32,
    /// Whether it has too many values: then only the days on which it was seen are kept.
    diffuse: bool,
}

/// A row under construction.
#[derive(Debug)]
pub struct Entry<'t> {
    row: &'t mut RowBuilder,
    layout: &'t Layout,
    pool: &'t mut Pool,
    bytes: &'t mut usize,
    turn: u32,
}

/// The rows of a table in the order of their keys, made one by one, or some at a time by a pool.
#[derive(Debug, Default)]
pub struct Rows {
    drained: Arc<Drained>,
    entities: Vec<Entity>,
    /// Positions of fold and entity, bucket, row.
    left: std::vec::IntoIter<(Slot, RowBuilder)>,
    made: std::vec::IntoIter<(Key, Row)>,
    pool: Option<Arc<ThreadPool>>,
}

/// So many rows are made by a pool at once.
const AT_ONCE: usize = 4_096;

impl Table {
    /// An empty table for folds in their order.
    #[must_use]
    pub fn new(folds: impl IntoIterator<Item = TableFold>) -> Self {
        let mut table = Self::default();
        for fold in folds {
            let layout = table.layout(&fold);
            table.folds.push(KnownFold { fold, layout, ..KnownFold::default() });
        }
        table
    }

    fn layout(&mut self, fold: &TableFold) -> Layout {
        let mut layout =
            Layout { id: fold.id, pane: fold.pane, detailed: fold.detailed, ..Layout::default() };
        if let Some(Measured { kind, fields }) = &fold.measured {
            let fields = fields.iter().map(|fields| self.field_number(fields)).collect();
            layout.measured = Some((*kind, fields));
        }
        for (at, sample) in fold.samples.iter().enumerate() {
            layout.sizes.push((sample.k, sample.keep));
            let Some(at) = u16::try_from(at).ok().filter(|_| sample.k > 0) else { continue };
            let number = self.field_number(&[sample.field]);
            let samples = layout.samples.len().max(number + 1);
            layout.samples.resize(samples, SmallVec::new());
            if let Some(samples) = layout.samples.get_mut(number) {
                samples.push(at);
            }
        }
        layout
    }

    fn field_number(&mut self, fields: &[Field]) -> usize {
        let known = self.fields.iter().position(|known| known == fields);
        known.unwrap_or_else(|| {
            self.fields.push(fields.into());
            self.fields.len() - 1
        })
    }

    /// What rows sample and measure, by its numbers.
    pub(super) fn fields(&self) -> &[Vec<Field>] {
        &self.fields
    }

    /// The numbers of what a fold samples and measures of the events of a rule.
    pub(super) fn asked(&self, fold: usize, rule: usize) -> impl Iterator<Item = usize> + '_ {
        let layout = self.folds.get(fold).map(|known| &known.layout);
        let detailed = layout.filter(|layout| rule < layout.detailed);
        let samples = detailed.map_or(&[][..], |layout| &layout.samples).iter().enumerate();
        let measured = layout.and_then(|layout| layout.measured_of(rule));
        samples
            .filter(|(_, samples)| !samples.is_empty())
            .map(|(field, _)| field)
            .chain(measured.map(|(_, field)| field))
    }

    /// The number of an entity, whatever the fold.
    pub fn number<'v>(&mut self, values: impl Iterator<Item = Option<&'v str>>) -> u32 {
        let values: SmallVec<[Option<&str>; 8]> = values.collect();
        let code = hash(&self.hasher, values.iter().copied());
        let is_it = |number: &u32| {
            let entity = self.entities.get(*number as usize);
            entity.is_some_and(|entity| texts(entity).eq(values.iter().copied()))
        };
        if let Some(number) = self.numbers.find(code, is_it) {
            return *number;
        }
        self.intern(code, values.iter().map(|value| value.map(Arc::from)).collect())
    }

    fn intern(&mut self, code: u64, entity: Entity) -> u32 {
        // A table is spilled long before it holds so many.
        let number = u32::try_from(self.entities.len()).unwrap_or(u32::MAX);
        let text: usize = texts(&entity).flatten().map(str::len).sum();
        self.bytes += ENTITY_BYTES * entity.len() + text;
        self.entities.push(entity);
        let (hasher, entities) = (&self.hasher, &self.entities);
        let rehash =
            |number: &u32| entities.get(*number as usize).map_or(0, |e| hash(hasher, texts(e)));
        self.numbers.insert_unique(code, number, rehash);
        number
    }

    /// An entity of fold number `fold`. One that gets more than [`MAX_VALUES`] values is diffuse:
    /// its rows are given up for a mark per day.
    pub fn entity(&mut self, fold: usize, number: u32) -> EntityNumber {
        let sound = EntityNumber { number, diffuse: false };
        let known = self.folds.get(fold).filter(|known| known.fold.valued);
        if known.is_none_or(|known| known.entities.contains(&number)) {
            return sound;
        }
        let Some(entity) = self.entities.get(number as usize).cloned() else { return sound };
        let others = entity.get(..entity.len().saturating_sub(1)).unwrap_or_default();
        if self.is_diffuse(fold, others) {
            let mark = others.iter().map(Option::as_deref).chain([None]);
            return EntityNumber { number: self.number(mark), diffuse: true };
        }
        if let Some(known) = self.folds.get_mut(fold) {
            known.entities.insert(number);
        }
        sound
    }

    /// Whether the entity with these `others` columns has too many values, counting a new one.
    fn is_diffuse(&mut self, fold: usize, others: &[Option<Arc<str>>]) -> bool {
        let Some(known) = self.folds.get_mut(fold) else { return false };
        let Some(count) = known.values.get_mut(others) else {
            known.values.insert(others.into(), 1);
            self.bytes += ENTITY_BYTES * others.len();
            return false;
        };
        if *count > MAX_VALUES {
            return true;
        }
        *count += 1;
        let diffuse = *count > MAX_VALUES;
        if diffuse {
            self.give_up(fold, others);
        }
        diffuse
    }

    /// Drops the rows of the entity with these `others` columns, but for a mark per day.
    fn give_up(&mut self, fold: usize, others: &[Option<Arc<str>>]) {
        let Some(known) = self.folds.get_mut(fold) else { return };
        let entities = &self.entities;
        let of_entity = |number: u32| {
            let entity = entities.get(number as usize);
            entity.is_some_and(|entity| {
                entity.len() == others.len() + 1 && entity.get(..others.len()) == Some(others)
            })
        };
        known.entities.retain(|number| !of_entity(*number));
        let (bytes, mut days) = (&mut self.bytes, Vec::new());
        self.rows.retain(|(of, number, bucket), row| {
            let given_up = of as usize == fold && of_entity(number);
            if given_up {
                *bytes = bytes.saturating_sub(ROW_BYTES + row.bytes());
                days.push(bucket);
            }
            !given_up
        });
        if days.is_empty() {
            return;
        }
        let number = self.number(others.iter().map(Option::as_deref).chain([None]));
        for day in days {
            self.mark(fold, number, day);
        }
    }

    /// Says that a diffuse entity was seen in `bucket`.
    fn mark(&mut self, fold: usize, number: u32, bucket: i64) {
        // Buckets are whole minutes; an odd second is that of a mark.
        let bucket = bucket - bucket.rem_euclid(2) + 1;
        if let Some((_, true)) = self.rows.entry((slot_of(fold), number, bucket)) {
            self.bytes += ROW_BYTES;
        }
    }

    /// The row of an entity's bucket; none for a diffuse entity.
    pub fn entry(&mut self, fold: usize, entity: EntityNumber, bucket: i64) -> Option<Entry<'_>> {
        if entity.diffuse {
            self.mark(fold, entity.number, bucket);
            return None;
        }
        self.turn = self.turn.saturating_add(1);
        let Self { folds, rows, pool, bytes, turn, .. } = self;
        let layout = &folds.get(fold)?.layout;
        let (row, is_new) = rows.entry((slot_of(fold), entity.number, bucket))?;
        *bytes += if is_new { ROW_BYTES } else { 0 };
        Some(Entry { row, layout, pool, bytes, turn: *turn })
    }

    /// Roughly how much memory the table holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes + self.pool.bytes()
    }

    /// Empties the table into a run sorted by key.
    pub fn drain_sorted(&mut self) -> Rows {
        let folds: Vec<TableFold> = self.folds.iter().map(|known| known.fold.clone()).collect();
        let table = std::mem::replace(self, Self::new(folds));
        let layouts: Vec<Layout> = table.folds.into_iter().map(|known| known.layout).collect();
        let entity_places = places(&table.entities);
        let fold_places = places(&layouts.iter().map(|layout| layout.id).collect::<Vec<_>>());
        let place = |places: &[u32], number: u32| places.get(number as usize).copied();
        let mut rows = table.rows.into_rows();
        for ((fold, entity, _), _) in &mut rows {
            *fold = place(&fold_places, *fold).unwrap_or(u32::MAX);
            *entity = place(&entity_places, *entity).unwrap_or(u32::MAX);
        }
        rows.sort_unstable_by_key(|(slot, _)| *slot);
        let layouts = in_places(layouts, &fold_places);
        Rows {
            drained: Arc::new(Drained { layouts, pool: table.pool }),
            entities: in_places(table.entities, &entity_places),
            left: rows.into_iter(),
            ..Rows::default()
        }
    }
}

impl Rows {
    /// What they are made of.
    pub(super) fn drained(&self) -> &Drained {
        &self.drained
    }

    /// Lets a pool make the rows.
    #[must_use]
    pub fn made_by(self, pool: Arc<ThreadPool>) -> Self {
        Self { pool: Some(pool), ..self }
    }

    fn make(&self, (fold, entity, bucket): Slot, row: RowBuilder) -> Option<(Key, Row)> {
        let fold = fold as usize;
        let layout = self.drained.layouts.get(fold)?;
        let key =
            Key { fold: layout.id, entity: self.entities.get(entity as usize)?.clone(), bucket };
        let name = |touches| LazyDetails::of_events(touches, fold, &self.drained);
        Some((key, row.finish(layout, &self.drained.pool, name)))
    }
}

impl Iterator for Rows {
    type Item = (Key, Row);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(made) = self.made.next() {
            return Some(made);
        }
        let Some(pool) = self.pool.clone() else {
            let (slot, row) = self.left.next()?;
            return self.make(slot, row);
        };
        let some: Vec<_> = self.left.by_ref().take(AT_ONCE).collect();
        let row = |(slot, row)| self.make(slot, row);
        let made: Vec<_> = pool.install(|| some.into_par_iter().filter_map(row).collect());
        self.made = made.into_iter();
        self.made.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let rows = self.made.len() + self.left.len();
        (rows, Some(rows))
    }
}

impl ExactSizeIterator for Rows {}

fn slot_of(fold: usize) -> u32 {
    u32::try_from(fold).unwrap_or(u32::MAX)
}

/// The place of each item in their order.
fn places(items: &[impl Ord]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|number| items.get(*number));
    let mut places = vec![0; items.len()];
    for (place, number) in (0..).zip(order) {
        if let Some(at) = places.get_mut(number) {
            *at = place;
        }
    }
    places
}

/// The items at their places.
fn in_places<T: Clone + Default>(items: Vec<T>, places: &[u32]) -> Vec<T> {
    let mut sorted = vec![T::default(); items.len()];
    for (item, place) in items.into_iter().zip(places) {
        if let Some(at) = sorted.get_mut(*place as usize) {
            *at = item;
        }
    }
    sorted
}

/// An entity's values.
fn texts(entity: &Entity) -> impl Iterator<Item = Option<&str>> + Clone {
    entity.iter().map(Option::as_deref)
}

fn hash<'v>(hasher: &DefaultHashBuilder, values: impl Iterator<Item = Option<&'v str>>) -> u64 {
    let mut state = hasher.build_hasher();
    values.for_each(|value| value.hash(&mut state));
    state.finish()
}

impl Entry<'_> {
    /// Adds counts that leave nothing else.
    pub fn count(&mut self, pane: Pane) {
        let before = self.row.bytes();
        self.row.count(pane);
        self.account(before);
    }

    /// Adds an event that a rule of the fold selected; `event` gives its number in the pool.
    pub(super) fn touch(&mut self, rule: u16, event: impl FnOnce(&mut Pool) -> EventNumber) {
        let touch = Touch { event: event(self.pool), rule };
        let before = self.row.bytes();
        self.row.touch(touch, self.layout, self.pool, self.turn);
        self.account(before);
    }

    fn account(&mut self, before: usize) {
        *self.bytes = (*self.bytes + self.row.bytes()).saturating_sub(before);
    }
}
