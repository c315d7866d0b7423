//! The table that one worker fills. Keys are interned, so that an event costs a look-up of three
//! integers; the map is randomly seeded and sorted on the way out.

use std::sync::Arc;

use hashbrown::HashMap;

use super::key::{Entity, FoldId, Key};
use super::row::{Details, Pane, Row};

/// Rough cost of a row, a pane and an entity value beyond their texts, in bytes.
const ROW_BYTES: usize = 512;
const PANE_BYTES: usize = 32;
const ENTITY_BYTES: usize = 96;

/// (fold, entity, bucket) as integers.
type Slot = (usize, usize, i64);

/// A table under construction.
#[derive(Debug, Default)]
pub struct Table {
    folds: Vec<FoldId>,
    /// Per fold.
    known: Vec<HashMap<Entity, usize>>,
    entities: Vec<Entity>,
    rows: HashMap<Slot, Row>,
    bytes: usize,
}

/// A row under construction.
#[derive(Debug)]
pub struct Entry<'t> {
    row: &'t mut Row,
    bytes: &'t mut usize,
}

impl Table {
    /// An empty table for the folds of a plan, in their order.
    #[must_use]
    pub fn new(folds: impl IntoIterator<Item = FoldId>) -> Self {
        let folds: Vec<FoldId> = folds.into_iter().collect();
        Self { known: folds.iter().map(|_| HashMap::new()).collect(), folds, ..Self::default() }
    }

    /// The number of an entity of fold number `fold`.
    pub fn entity<'v>(
        &mut self,
        fold: usize,
        values: impl Iterator<Item = Option<&'v str>>,
    ) -> usize {
        let entity: Entity = values.map(|value| value.map(Arc::from)).collect();
        let Some(known) = self.known.get_mut(fold) else { return usize::MAX };
        if let Some(number) = known.get(&entity) {
            return *number;
        }
        let number = self.entities.len();
        let text: usize = entity.iter().flatten().map(|value| value.len()).sum();
        self.bytes += ENTITY_BYTES * entity.len() + text;
        known.insert(entity.clone(), number);
        self.entities.push(entity);
        number
    }

    /// The row of an entity's bucket.
    pub fn entry(&mut self, fold: usize, entity: usize, bucket: i64) -> Entry<'_> {
        let bytes = &mut self.bytes;
        let row = self.rows.entry((fold, entity, bucket)).or_insert_with(|| {
            *bytes += ROW_BYTES;
            Row::default()
        });
        Entry { row, bytes }
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
                run.push((Key { fold: *fold, entity: entity.clone(), bucket }, row));
            }
        }
        run.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        *self = Self::new(std::mem::take(&mut self.folds));
        run
    }
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
            *bytes += details.samples.len() * 64;
            Box::new(details)
        })
    }

    /// Notes that the row's samples grew.
    pub fn grew(&mut self, bytes: usize) {
        *self.bytes += bytes;
    }
}
