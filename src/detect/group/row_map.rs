//! The rows of a table by their slots. The rows lie in the order in which they came, so that those
//! of late, which most events go to, are near each other; look-ups go by a small index.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::row_builder::RowBuilder;

/// (Fold, entity, bucket) as integers.
pub(super) type Slot = (u32, u32, i64);

/// Cost of a row beside what it holds, in bytes.
pub(super) const ROW_BYTES: usize = size_of::<(Slot, RowBuilder)>() + size_of::<Place>() + 8;

/// Where a row is: half of the hash of its slot, and its position.
#[derive(Debug, Clone, Copy)]
struct Place {
    hash: u32,
    row: u32,
}

impl Place {
    /// The hash by which it is kept.
    fn code(self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Rows by their slots.
#[derive(Debug, Default)]
pub(super) struct RowMap {
    rows: Vec<(Slot, RowBuilder)>,
    index: HashTable<Place>,
    hasher: DefaultHashBuilder,
}

impl RowMap {
    /// The row of a slot, and whether it is new.
    pub(super) fn entry(&mut self, slot: Slot) -> Option<(&mut RowBuilder, bool)> {
        let (rows, place) = (&self.rows, self.place(slot, self.rows.len()));
        let is_it = |known: &Place| {
            known.hash == place.hash && rows.get(known.row as usize).is_some_and(|r| r.0 == slot)
        };
        let known = self.index.find(place.code(), is_it).copied();
        if known.is_none() {
            self.rows.push((slot, RowBuilder::default()));
            self.index.insert_unique(place.code(), place, |place| place.code());
        }
        let row = self.rows.get_mut(known.unwrap_or(place).row as usize);
        row.map(|(_, row)| (row, known.is_none()))
    }

    fn place(&self, slot: Slot, row: usize) -> Place {
        let hash = u32::try_from(self.hasher.hash_one(slot) >> 32).unwrap_or_default();
        // A table is spilled long before it holds so many.
        Place { hash, row: u32::try_from(row).unwrap_or(u32::MAX) }
    }

    /// Keeps the rows that `is_kept` says.
    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(Slot, &RowBuilder) -> bool) {
        let before = self.rows.len();
        self.rows.retain(|(slot, row)| is_kept(*slot, row));
        if self.rows.len() == before {
            return;
        }
        self.index.clear();
        for (row, (slot, _)) in self.rows.iter().enumerate() {
            let place = self.place(*slot, row);
            self.index.insert_unique(place.code(), place, |place| place.code());
        }
    }

    /// The rows in the order in which they came.
    pub(super) fn into_rows(self) -> Vec<(Slot, RowBuilder)> {
        self.rows
    }
}
