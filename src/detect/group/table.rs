//! The table that one worker fills. Keys are interned, so that an event costs a look-up of three
//! integers; the map is randomly seeded and sorted on the way out.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use smallvec::SmallVec;

use super::key::{Entity, FoldId, Key};
use super::measure::Measures;
use super::merge::MAX_VALUES;
use super::pool::{Pool, PoolNumber};
use super::row::{Evidence, Pane, Row};
use super::row_builder::{DetailsBuilder, RowBuilder, SampleSize};

/// Rough cost of a row, its details, a pane and an entity value beyond their texts, in bytes; while
/// a table is drained a row is there twice.
const ROW_BYTES: usize = 2 * size_of::<(Slot, RowBuilder)>();
const DETAILS_BYTES: usize = size_of::<DetailsBuilder>() + 16;
const PANE_BYTES: usize = 32;
const ENTITY_BYTES: usize = 96;

/// (fold, entity, bucket) as integers.
type Slot = (usize, usize, i64);

/// A table under construction.
#[derive(Debug, Default)]
pub struct Table {
    folds: Vec<KnownFold>,
    entities: Vec<Entity>,
    rows: HashMap<Slot, RowBuilder>,
    pool: Pool,
    hasher: DefaultHashBuilder,
    bytes: usize,
}

/// A fold as its table knows it.
#[derive(Debug, Clone, Default)]
pub struct TableFold {
    /// Its identity.
    pub id: FoldId,
    /// Whether the last entity column is a value.
    pub valued: bool,
    /// What rows sample: the size of the sample, and how many texts are kept of it.
    pub samples: Vec<SampleSize>,
}

/// What the table knows of a fold.
#[derive(Debug, Default)]
struct KnownFold {
    fold: TableFold,
    /// The numbers of its entities.
    entities: HashTable<usize>,
    /// In a fold with values: how many an entity has, keyed by its other columns.
    values: HashMap<Entity, usize>,
}

/// An entity of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityNumber {
    number: usize,
    /// Whether it has too many values: then only the days on which it was seen are kept.
    diffuse: bool,
}

/// A row under construction.
#[derive(Debug)]
pub struct Entry<'t> {
    row: &'t mut RowBuilder,
    sizes: &'t [SampleSize],
    pool: &'t mut Pool,
    bytes: &'t mut usize,
}

/// The details of a row under construction.
#[derive(Debug)]
pub struct EntryDetails<'t> {
    details: &'t mut DetailsBuilder,
    sizes: &'t [SampleSize],
    pool: &'t mut Pool,
    bytes: &'t mut usize,
}

/// The rows of a table in the order of their keys, made one by one.
#[derive(Debug, Default)]
pub struct Rows {
    folds: Vec<TableFold>,
    entities: Vec<Entity>,
    pool: Pool,
    /// Positions of fold and entity, bucket, row.
    left: std::vec::IntoIter<(Slot, RowBuilder)>,
}

impl Table {
    /// An empty table for folds in their order.
    #[must_use]
    pub fn new(folds: impl IntoIterator<Item = TableFold>) -> Self {
        let fold = |fold| KnownFold { fold, ..KnownFold::default() };
        Self { folds: folds.into_iter().map(fold).collect(), ..Self::default() }
    }

    /// The number of an entity of fold number `fold`. An entity that gets more than [`MAX_VALUES`]
    /// values is diffuse: its rows are given up for a mark per day.
    pub fn entity<'v>(
        &mut self,
        fold: usize,
        values: impl Iterator<Item = Option<&'v str>>,
    ) -> EntityNumber {
        let values: SmallVec<[Option<&str>; 8]> = values.collect();
        if let Some(number) = self.known(fold, &values) {
            return EntityNumber { number, diffuse: false };
        }
        let mut entity: Entity = values.iter().map(|value| value.map(Arc::from)).collect();
        let diffuse = self.is_diffuse(fold, &entity);
        if diffuse {
            let last = entity.len().saturating_sub(1);
            let others = entity.iter().take(last).cloned();
            entity = others.chain(std::iter::once(None)).collect();
        }
        EntityNumber { number: self.intern(fold, entity), diffuse }
    }

    /// The number of an entity that is known, if it is not the mark of a diffuse one.
    fn known(&self, fold: usize, values: &[Option<&str>]) -> Option<usize> {
        let known = self.folds.get(fold)?;
        if known.fold.valued && values.last() == Some(&None) {
            return None;
        }
        self.find(known, &values.iter().copied())
    }

    fn find<'v>(
        &self,
        known: &KnownFold,
        values: &(impl Iterator<Item = Option<&'v str>> + Clone),
    ) -> Option<usize> {
        let is_it = |number: &usize| {
            let entity = self.entities.get(*number);
            // Entities of one fold are of one length.
            entity.is_some_and(|entity| texts(entity).zip(values.clone()).all(|(a, b)| a == b))
        };
        known.entities.find(hash(&self.hasher, values.clone()), is_it).copied()
    }

    /// The number of an entity, known or not; `usize::MAX` in no fold.
    fn intern(&mut self, fold: usize, entity: Entity) -> usize {
        let Some(known) = self.folds.get(fold) else { return usize::MAX };
        if let Some(number) = self.find(known, &texts(&entity)) {
            return number;
        }
        let number = self.entities.len();
        let text: usize = texts(&entity).flatten().map(str::len).sum();
        self.bytes += ENTITY_BYTES * entity.len() + text;
        let (hasher, entities) = (&self.hasher, &self.entities);
        let rehash = |number: &usize| entities.get(*number).map_or(0, |e| hash(hasher, texts(e)));
        if let Some(known) = self.folds.get_mut(fold) {
            known.entities.insert_unique(hash(hasher, texts(&entity)), number, rehash);
        }
        self.entities.push(entity);
        number
    }

    /// Whether the entity has too many values, counting this one.
    fn is_diffuse(&mut self, fold: usize, entity: &Entity) -> bool {
        let Some(known) = self.folds.get(fold).filter(|known| known.fold.valued) else {
            return false;
        };
        let is_new = self.find(known, &texts(entity)).is_none();
        let others = entity.get(..entity.len().saturating_sub(1)).unwrap_or_default();
        let Some(known) = self.folds.get_mut(fold) else { return false };
        let Some(count) = known.values.get_mut(others) else {
            known.values.insert(others.into(), 1);
            self.bytes += ENTITY_BYTES * others.len();
            return false;
        };
        if *count > MAX_VALUES {
            return true;
        }
        *count += usize::from(is_new);
        let diffuse = *count > MAX_VALUES;
        if diffuse {
            self.give_up(fold, others);
        }
        diffuse
    }

    /// Drops the rows of the entity with these `others` columns, but for a mark per day.
    #[allow(clippy::iter_over_hash_type, reason = "each row is dropped by itself")]
    fn give_up(&mut self, fold: usize, others: &[Option<Arc<str>>]) {
        let Some(known) = self.folds.get_mut(fold) else { return };
        let mark: Entity = others.iter().cloned().chain(std::iter::once(None)).collect();
        let entities = &self.entities;
        let of_entity = |number: usize| {
            entities.get(number).is_some_and(|entity| entity.get(..others.len()) == Some(others))
        };
        known.entities.retain(|number| !of_entity(*number));
        let (before, mut days) = (self.rows.len(), Vec::new());
        self.rows.retain(|(of, number, bucket), _| {
            let given_up = *of == fold && of_entity(*number);
            days.extend(given_up.then_some(*bucket));
            !given_up
        });
        if days.is_empty() {
            return;
        }
        self.bytes = self.bytes / before.max(1) * self.rows.len();
        let number = self.intern(fold, mark);
        for day in days {
            self.mark(fold, number, day);
        }
    }

    /// Says that a diffuse entity was seen in `bucket`.
    fn mark(&mut self, fold: usize, number: usize, bucket: i64) {
        // Buckets are whole minutes; an odd second is that of a mark.
        let bucket = bucket - bucket.rem_euclid(2) + 1;
        let bytes = &mut self.bytes;
        self.rows.entry((fold, number, bucket)).or_insert_with(|| {
            *bytes += ROW_BYTES;
            RowBuilder::default()
        });
    }

    /// The row of an entity's bucket; none for a diffuse entity.
    pub fn entry(&mut self, fold: usize, entity: EntityNumber, bucket: i64) -> Option<Entry<'_>> {
        if entity.diffuse {
            self.mark(fold, entity.number, bucket);
            return None;
        }
        let (bytes, pool) = (&mut self.bytes, &mut self.pool);
        let sizes = self.folds.get(fold).map_or(&[][..], |known| &known.fold.samples);
        let row = self.rows.entry((fold, entity.number, bucket)).or_insert_with(|| {
            *bytes += ROW_BYTES;
            RowBuilder::default()
        });
        Some(Entry { row, sizes, pool, bytes })
    }

    /// Roughly how much memory the table holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes + self.pool.bytes()
    }

    /// Empties the table into a run sorted by key.
    #[allow(clippy::iter_over_hash_type, reason = "sorted right below")]
    pub fn drain_sorted(&mut self) -> Rows {
        let folds: Vec<TableFold> = self.folds.iter().map(|known| known.fold.clone()).collect();
        let table = std::mem::replace(self, Self::new(folds.clone()));
        let entity_places = places(&table.entities);
        let fold_places = places(&folds.iter().map(|fold| fold.id).collect::<Vec<_>>());
        let place = |places: &[usize], number: usize| places.get(number).copied();
        let mut rows = Vec::with_capacity(table.rows.len());
        for ((fold, entity, bucket), row) in table.rows {
            let fold = place(&fold_places, fold);
            if let (Some(fold), Some(entity)) = (fold, place(&entity_places, entity)) {
                rows.push(((fold, entity, bucket), row));
            }
        }
        rows.sort_unstable_by_key(|(slot, _)| *slot);
        Rows {
            folds: in_places(folds, &fold_places),
            entities: in_places(table.entities, &entity_places),
            pool: table.pool,
            left: rows.into_iter(),
        }
    }
}

impl Iterator for Rows {
    type Item = (Key, Row);

    fn next(&mut self) -> Option<Self::Item> {
        let ((fold, entity, bucket), row) = self.left.next()?;
        let (fold, entity) = (self.folds.get(fold)?, self.entities.get(entity)?);
        let key = Key { fold: fold.id, entity: entity.clone(), bucket };
        Some((key, row.finish(&fold.samples, &self.pool)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl ExactSizeIterator for Rows {}

/// The place of each item in their order.
fn places(items: &[impl Ord]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|number| items.get(*number));
    let mut places = vec![0; items.len()];
    for (place, number) in order.into_iter().enumerate() {
        if let Some(at) = places.get_mut(number) {
            *at = place;
        }
    }
    places
}

/// The items at their places.
fn in_places<T: Clone + Default>(items: Vec<T>, places: &[usize]) -> Vec<T> {
    let mut sorted = vec![T::default(); items.len()];
    for (item, place) in items.into_iter().zip(places) {
        if let Some(at) = sorted.get_mut(*place) {
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

impl<'t> Entry<'t> {
    /// Adds counts.
    pub fn add(&mut self, pane: Pane) {
        if self.row.add(pane) {
            *self.bytes += PANE_BYTES;
        }
    }

    /// The row's details; if there are none yet, the first event is at `time`, µs.
    #[must_use]
    pub fn details(self, time: i64) -> EntryDetails<'t> {
        let Self { row, sizes, pool, bytes } = self;
        let details = row.details.get_or_insert_with(|| {
            *bytes += DETAILS_BYTES + sizes.len() * size_of::<u64>();
            Box::new(DetailsBuilder::new(time, sizes))
        });
        EntryDetails { details, sizes, pool, bytes }
    }
}

impl EntryDetails<'_> {
    /// Adds an event to the interval; `evidence` gives its number, or puts it into the pool, if it
    /// may become evidence.
    pub(super) fn event(&mut self, time: i64, evidence: &PoolNumber, event: impl Fn() -> Evidence) {
        self.details.first = self.details.first.min(time);
        self.details.last = self.details.last.max(time);
        let number = |pool: &mut Pool| evidence.get_or(|| pool.event(event()));
        self.details.witness(time, self.pool, number);
    }

    /// Adds byte counts.
    pub fn transferred(&mut self, bytes_in: u64, bytes_out: u64) {
        let details = &mut *self.details;
        details.bytes_in = details.bytes_in.saturating_add(bytes_in);
        details.bytes_out = details.bytes_out.saturating_add(bytes_out);
    }

    /// Adds a value to the sample at that position.
    pub(super) fn sample(&mut self, sample: usize, number: &PoolNumber, hash: u64, text: &str) {
        let number = number.get_or(|| self.pool.text(hash, text));
        *self.bytes += self.details.sample(sample, number, self.sizes, self.pool);
    }

    /// The values of panes, to be added to by `take`, which returns the growth in bytes.
    pub fn measure(&mut self, take: impl FnOnce(&mut Measures) -> usize) {
        let mut measures = self.details.measures.take().unwrap_or_default();
        *self.bytes += take(&mut measures);
        self.details.measures = Some(measures).filter(|measures| !measures.is_empty());
    }
}
