//! Which events of a batch go into which rows of the table, in the order of the rows, so that the
//! table is looked up once per row and not per event.

use arrow::buffer::BooleanBuffer;
use smallvec::SmallVec;

use super::fold::{Fold, Grain};
use crate::events::{EventBatch, Field};

/// An event that goes into a row of the table: entity, bucket, the event's position in the batch
/// (which holds far fewer than 65,536) and the rule's in the fold, in the order of the rows. One
/// number, since they are sorted by the million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Member(u128);

#[allow(clippy::cast_possible_truncation, reason = "each part is cut out as wide as it is")]
impl Member {
    pub(super) fn new(entity: u32, bucket: i64, row: usize, rule: u16) -> Self {
        // With the sign turned, negative buckets come first.
        let bucket = bucket.cast_unsigned() ^ (1 << 63);
        let row = u16::try_from(row).unwrap_or(u16::MAX);
        let parts = u128::from(entity) << 96 | u128::from(bucket) << 32;
        Self(parts | u128::from(row) << 16 | u128::from(rule))
    }

    /// The same event for another rule.
    fn of_rule(self, rule: u16) -> Self {
        Self(self.0 & !0xffff | u128::from(rule))
    }

    /// The entity's number in the table.
    pub(super) fn entity(self) -> u32 {
        (self.0 >> 96) as u32
    }

    /// Start of the bucket, seconds.
    pub(super) fn bucket(self) -> i64 {
        ((self.0 >> 32) as u64 ^ (1 << 63)).cast_signed()
    }

    /// The event's position in the batch.
    pub(super) fn row(self) -> usize {
        usize::from((self.0 >> 16) as u16)
    }

    /// The rule's position in the fold.
    pub(super) fn rule(self) -> u16 {
        self.0 as u16
    }

    /// Whether both go into one row of the table.
    pub(super) fn shares_row(self, other: Self) -> bool {
        (self.0 ^ other.0) >> 32 == 0
    }
}

/// A rule of a fold with the events that it takes.
pub(super) struct Taking<'b> {
    /// Its position in the fold.
    pub rule: u16,
    /// The events that it selects.
    mask: &'b BooleanBuffer,
    /// Whether it takes copies: they are only counted once, and may be evidence.
    copies: bool,
}

impl<'b> Taking<'b> {
    /// The rules of a fold that select any events of the batch.
    pub(super) fn of(fold: &Fold, masks: &'b [BooleanBuffer]) -> Rules<'b> {
        let rules = (0..).zip(&fold.rules).filter_map(|(rule, selection)| {
            let mask = masks.get(*selection).filter(|mask| mask.count_set_bits() > 0)?;
            Some(Self { rule, mask, copies: usize::from(rule) < fold.detailed })
        });
        rules.collect()
    }

    /// The events, by position.
    pub(super) fn rows<'s>(&'s self, batch: &'s EventBatch) -> impl Iterator<Item = usize> + 's {
        self.mask.set_indices().filter(|row| self.copies || !batch.is_copy(*row))
    }

    fn takes(&self, row: usize, batch: &EventBatch) -> bool {
        row < self.mask.len() && self.mask.value(row) && (self.copies || !batch.is_copy(row))
    }
}

/// Folds whose rows have the same entity and bucket, and their events in the order of these rows:
/// sorted once, and not for each fold.
pub(super) struct Order<'b> {
    pub entity: Vec<Field>,
    pub tuple: usize,
    grain: Grain,
    /// The events of all these folds.
    wanted: BooleanBuffer,
    /// The folds, by their positions in the plan.
    folds: Vec<(usize, Rules<'b>)>,
}

/// The rules of a fold that select any events of a batch.
pub(super) type Rules<'b> = SmallVec<[Taking<'b>; 2]>;

/// A fold of more than one event in so many gets its events from an [`Order`].
const DENSE: usize = 8;

impl<'b> Order<'b> {
    /// Whether a fold takes so many of a batch's events that sorting them all is worth while.
    pub(super) fn is_for(fold: &Fold, rules: &Rules<'_>, events: usize) -> bool {
        let taken: usize = rules.iter().map(|rule| rule.mask.count_set_bits()).sum();
        fold.aliased.is_empty() && taken * DENSE > events
    }

    /// An order for a fold and others like it, of a batch of so many events.
    pub(super) fn new(fold: &Fold, events: usize) -> Self {
        let (entity, tuple, grain) = (fold.entity.clone(), fold.tuple, fold.grain);
        let wanted = BooleanBuffer::new_unset(events);
        Self { entity, tuple, grain, wanted, folds: Vec::new() }
    }

    /// Whether it is that of the fold's rows.
    pub(super) fn fits(&self, fold: &Fold) -> bool {
        let Grain { bucket, .. } = self.grain;
        bucket == fold.grain.bucket && self.tuple == fold.tuple && self.entity == fold.entity
    }

    /// Takes in one more fold.
    pub(super) fn add(&mut self, number: usize, rules: Rules<'b>) {
        for rule in &rules {
            self.wanted = &self.wanted | rule.mask;
        }
        self.folds.push((number, rules));
    }

    /// The events in the order of the rows; `entity` gives the number of an event's entity.
    pub(super) fn sort(
        &self,
        times: &[i64],
        entity: impl FnMut(usize) -> u32,
        members: &mut Vec<Member>,
    ) {
        add_members(self.grain, times, (0, self.wanted.set_indices()), entity, members);
        members.sort_unstable();
    }

    /// Shows `take`, for each fold that takes any, the events of a row that it takes. `some` is kept
    /// for its memory.
    pub(super) fn of_row(
        &self,
        row: &[Member],
        batch: &EventBatch,
        some: &mut Vec<Member>,
        mut take: impl FnMut(usize, &[Member]),
    ) {
        for (number, rules) in &self.folds {
            some.clear();
            for member in row {
                let taking = rules.iter().filter(|rule| rule.takes(member.row(), batch));
                some.extend(taking.map(|rule| member.of_rule(rule.rule)));
            }
            if !some.is_empty() {
                take(*number, some);
            }
        }
    }
}

/// Adds events of a rule, given by position.
pub(super) fn add_members(
    grain: Grain,
    times: &[i64],
    (rule, rows): (u16, impl Iterator<Item = usize>),
    mut entity: impl FnMut(usize) -> u32,
    members: &mut Vec<Member>,
) {
    // The last bucket with its bounds, µs: the next event mostly is in it, which saves a division.
    let (mut bucket, mut inside) = (0, 0..0);
    members.extend(rows.map(|row| {
        let time = times.get(row).copied().unwrap_or(0);
        if !inside.contains(&time) {
            bucket = grain.bucket_of(time);
            inside = bucket * 1_000_000..(bucket + grain.bucket) * 1_000_000;
        }
        Member::new(entity(row), bucket, row, rule)
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn members_keep_their_parts_and_sort_by_them(
            some in proptest::collection::vec((0u32.., any::<i64>(), 0usize..65_536, 0u16..), 2),
        ) {
            let member = |(entity, bucket, row, rule)| Member::new(entity, bucket, row, rule);
            let parts = |m: Member| (m.entity(), m.bucket(), m.row(), m.rule());
            prop_assert_eq!(parts(member(some[0])), some[0]);
            prop_assert_eq!(member(some[0]).cmp(&member(some[1])), some[0].cmp(&some[1]));
            let same = (some[0].0, some[0].1) == (some[1].0, some[1].1);
            prop_assert_eq!(member(some[0]).shares_row(member(some[1])), same);
        }
    }
}
