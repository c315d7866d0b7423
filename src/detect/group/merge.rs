//! Merging of sorted runs, and the walk over the merged table one entity at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;

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

/// All rows of one entity in one fold, in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// Which fold.
    pub fold: FoldId,
    /// Who and what.
    pub entity: Entity,
    /// (Start of the bucket in seconds, row), ascending.
    pub rows: Vec<(i64, Row)>,
}

/// Walks a sorted table one entity at a time.
pub struct Entities<I: Iterator<Item = Result<(Key, Row)>>>(Peekable<I>);

impl<I: Iterator<Item = Result<(Key, Row)>>> Entities<I> {
    /// Walks `table`, which must be sorted by key.
    pub fn new(table: I) -> Self {
        Self(table.peekable())
    }
}

impl<I: Iterator<Item = Result<(Key, Row)>>> Iterator for Entities<I> {
    type Item = Result<Groups>;

    fn next(&mut self) -> Option<Self::Item> {
        let (key, row) = match self.0.next()? {
            Ok(first) => first,
            Err(error) => return Some(Err(error)),
        };
        let mut groups =
            Groups { fold: key.fold, entity: key.entity, rows: vec![(key.bucket, row)] };
        let same = |next: &Result<(Key, Row)>, groups: &Groups| {
            next.as_ref()
                .is_ok_and(|(key, _)| key.fold == groups.fold && key.entity == groups.entity)
        };
        while let Some(Ok((key, row))) = self.0.next_if(|next| same(next, &groups)) {
            groups.rows.push((key.bucket, row));
        }
        Some(Ok(groups))
    }
}
