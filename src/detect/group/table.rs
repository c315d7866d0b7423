//! The table that one worker fills. Keys are interned, so that an event costs a look-up of three
//! integers; the map is randomly seeded and sorted on the way out.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use smallvec::SmallVec;

use super::key::{Entity, FoldId, Key};
use super::merge::MAX_VALUES;
use super::row::{Details, Pane, Row};
use super::sketch::Sketch;

/// Rough cost of a row, a pane and an entity value beyond their texts, in bytes, as measured.
const ROW_BYTES: usize = 512;
const PANE_BYTES: usize = 32;
const ENTITY_BYTES: usize = 96;

/// (fold, entity, bucket) as integers.
type Slot = (usize, usize, i64);

/// A table under construction.
#[derive(Debug, Default)]
pub struct Table {
    folds: Vec<KnownFold>,
    entities: Vec<Entity>,
    rows: HashMap<Slot, Row>,
    hasher: DefaultHashBuilder,
    bytes: usize,
}

/// What the table knows of a fold.
#[derive(Debug, Default)]
struct KnownFold {
    id: FoldId,
    /// Whether the last entity column is a value.
    valued: bool,
    /// Their numbers.
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
    row: &'t mut Row,
    bytes: &'t mut usize,
}

impl Table {
    /// An empty table for folds in their order; with each, whether its last entity column is a
    /// value.
    #[must_use]
    pub fn new(folds: impl IntoIterator<Item = (FoldId, bool)>) -> Self {
        let fold = |(id, valued)| KnownFold { id, valued, ..KnownFold::default() };
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
        if known.valued && values.last() == Some(&None) {
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
        let Some(known) = self.folds.get(fold).filter(|known| known.valued) else { return false };
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
            Row::default()
        });
    }

    /// The row of an entity's bucket; none for a diffuse entity.
    pub fn entry(&mut self, fold: usize, entity: EntityNumber, bucket: i64) -> Option<Entry<'_>> {
        if entity.diffuse {
            self.mark(fold, entity.number, bucket);
            return None;
        }
        let bytes = &mut self.bytes;
        let row = self.rows.entry((fold, entity.number, bucket)).or_insert_with(|| {
            *bytes += ROW_BYTES;
            Row::default()
        });
        Some(Entry { row, bytes })
    }

    /// Roughly how much memory the table holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Empties the table into a run sorted by key.
    #[allow(clippy::iter_over_hash_type, reason = "sorted right below")]
    pub fn drain_sorted(&mut self) -> Vec<(Key, Row)> {
        let mut run = Vec::with_capacity(self.rows.len());
        for ((fold, entity, bucket), row) in self.rows.drain() {
            if let (Some(fold), Some(entity)) = (self.folds.get(fold), self.entities.get(entity)) {
                run.push((Key { fold: fold.id, entity: entity.clone(), bucket }, row));
            }
        }
        run.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        *self = Self::new(self.folds.iter().map(|fold| (fold.id, fold.valued)));
        run
    }
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
    /// Adds counts.
    pub fn add(&mut self, pane: Pane) {
        if self.row.add(pane) {
            *self.bytes += PANE_BYTES;
        }
    }

    /// The row's details, made by `new` if there are none.
    pub fn details(&mut self, new: impl FnOnce() -> Details) -> &mut Details {
        let bytes = &mut *self.bytes;
        self.row.details.get_or_insert_with(|| {
            let details = new();
            *bytes += details.samples.len() * size_of::<Sketch>();
            Box::new(details)
        })
    }

    /// Notes that the row's samples grew.
    pub fn grew(&mut self, bytes: usize) {
        *self.bytes += bytes;
    }
}
