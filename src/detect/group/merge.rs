//! Merging of sorted runs, and the walk over the merged table one entity at a time.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::iter::Peekable;
use std::sync::Arc;

use super::key::{Entity, FoldId, Key};
use super::row::Row;
use crate::error::Result;

/// A run: rows sorted by key, each key once.
pub type Run<'r> = Box<dyn Iterator<Item = Result<(Key, Row)>> + Send + 'r>;

/// Merges runs into one: rows of equal keys become one row. Memory: one row per run.
pub fn merge(runs: Vec<Run<'_>>) -> impl Iterator<Item = Result<(Key, Row)>> {
    Merge { heads: BinaryHeap::new(), runs, started: false, failed: false }
}

struct Merge<'r> {
    /// The next row of each run, smallest key first.
    heads: BinaryHeap<Reverse<Head>>,
    runs: Vec<Run<'r>>,
    started: bool,
    failed: bool,
}

struct Head {
    key: Key,
    run: usize,
    row: Row,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.key, self.run).cmp(&(&other.key, other.run))
    }
}

impl Merge<'_> {
    fn advance(&mut self, run: usize) -> Result<()> {
        if let Some(next) = self.runs.get_mut(run).and_then(Iterator::next) {
            let (key, row) = next?;
            self.heads.push(Reverse(Head { key, run, row }));
        }
        Ok(())
    }

    fn smallest(&mut self) -> Result<Option<(Key, Row)>> {
        if !self.started {
            self.started = true;
            (0..self.runs.len()).try_for_each(|run| self.advance(run))?;
        }
        let Some(Reverse(first)) = self.heads.pop() else { return Ok(None) };
        self.advance(first.run)?;
        let (key, mut row) = (first.key, first.row);
        while self.heads.peek().is_some_and(|Reverse(head)| head.key == key) {
            if let Some(Reverse(same)) = self.heads.pop() {
                self.advance(same.run)?;
                row.merge(same.row);
            }
        }
        Ok(Some((key, row)))
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<(Key, Row)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.smallest();
        self.failed = next.is_err();
        next.transpose()
    }
}

/// Most values of one entity. Beyond, the entity is [diffuse](Groups::diffuse).
pub const MAX_VALUES: usize = 4_096;

/// All rows of one entity in one fold, in the order of value and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// Which fold.
    pub fold: FoldId,
    /// Who and what.
    pub entity: Entity,
    /// (Start of the bucket in seconds, row), ascending for each value.
    pub rows: Vec<(i64, Row)>,
    /// The value of each row; empty for folds without values.
    pub values: Vec<Option<Arc<str>>>,
    /// More than [`MAX_VALUES`] values: nothing can be new for such an entity. Its rows are dropped.
    pub diffuse: bool,
}

/// Walks a sorted table one entity at a time. Memory: the rows of one entity.
pub struct Entities<I: Iterator<Item = Result<(Key, Row)>>> {
    table: Peekable<I>,
    /// Folds whose last entity column is a value.
    valued: BTreeSet<FoldId>,
}

impl<I: Iterator<Item = Result<(Key, Row)>>> Entities<I> {
    /// Walks `table`, which must be sorted by key; the last entity column of the folds `valued` is
    /// a value.
    pub fn new(table: I, valued: BTreeSet<FoldId>) -> Self {
        Self { table: table.peekable(), valued }
    }
}

impl Groups {
    fn new(fold: FoldId, entity: &[Option<Arc<str>>]) -> Self {
        let (rows, values) = (Vec::new(), Vec::new());
        Self { fold, entity: entity.into(), rows, values, diffuse: false }
    }

    /// About how much memory they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let rows = self.rows.iter().map(|(_, row)| size_of::<(i64, Row)>() + row.bytes());
        let texts = self.entity.iter().chain(&self.values).flatten().map(|text| text.len());
        rows.sum::<usize>() + texts.sum::<usize>()
    }

    /// The rows as a table has them; `valued` if the fold has values.
    pub fn into_rows(self, valued: bool) -> impl Iterator<Item = (Key, Row)> {
        let Self { fold, entity, rows, values, diffuse } = self;
        let key = move |value: Option<Option<Arc<str>>>, bucket| {
            let entity = entity.iter().cloned().chain(value).collect();
            Key { fold, entity, bucket }
        };
        let mark = diffuse.then(|| (key(Some(None), 0), Row::default()));
        let mut of_rows = values.into_iter();
        let rows = rows.into_iter().map(move |(bucket, row)| {
            let value = valued.then(|| of_rows.next().flatten());
            (key(value, bucket), row)
        });
        mark.into_iter().chain(rows)
    }

    fn push_valued(&mut self, value: Option<Arc<str>>, bucket: i64, row: Row, seen: &mut usize) {
        *seen += usize::from(self.values.last() != Some(&value));
        self.diffuse |= row.is_mark() || *seen > MAX_VALUES;
        if self.diffuse {
            (self.rows, self.values) = (Vec::new(), Vec::new());
        } else {
            self.rows.push((bucket, row));
            self.values.push(value);
        }
    }
}

impl<I: Iterator<Item = Result<(Key, Row)>>> Iterator for Entities<I> {
    type Item = Result<Groups>;

    fn next(&mut self) -> Option<Self::Item> {
        let (fold, entity) = match self.table.peek()? {
            Ok((key, _)) => (key.fold, key.entity.clone()),
            Err(_) => {
                return self
                    .table
                    .next()
                    .map(|error| error.map(|_| Groups::new(FoldId::default(), &[])));
            }
        };
        let valued = self.valued.contains(&fold);
        let columns = entity.len() - usize::from(valued && !entity.is_empty());
        let mut groups = Groups::new(fold, entity.get(..columns).unwrap_or_default());
        let same = |next: &Result<(Key, Row)>, groups: &Groups| {
            next.as_ref().is_ok_and(|(key, _)| {
                key.fold == groups.fold && key.entity.get(..columns) == Some(&*groups.entity)
            })
        };
        let mut seen = 0;
        while let Some(Ok((key, row))) = self.table.next_if(|next| same(next, &groups)) {
            if valued {
                let value = key.entity.last().cloned().flatten();
                groups.push_valued(value, key.bucket, row, &mut seen);
            } else {
                groups.rows.push((key.bucket, row));
            }
        }
        Some(Ok(groups))
    }
}
