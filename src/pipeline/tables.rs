//! A worker's table within its share of `--memory`: what is over is spilled as a sorted run to a
//! temporary Parquet file and merged again at the end.

use std::path::Path;

use tempfile::{NamedTempFile, TempPath};

use crate::detect::group::{Key, Row, Run, Table, TableReader, merge, write_table};
use crate::detect::rules::Plan;
use crate::error::{Error, Result};

/// A table that spills.
#[derive(Debug)]
pub(super) struct BoundedTable<'s> {
    /// The part in memory.
    pub table: Table,
    budget: usize,
    folder: &'s Path,
    spilled: Vec<TempPath>,
}

/// The sorted runs of a worker.
#[derive(Debug, Default)]
pub(super) struct Runs {
    memory: Vec<Vec<(Key, Row)>>,
    spilled: Vec<TempPath>,
}

impl<'s> BoundedTable<'s> {
    /// A table of at most about `budget` bytes that spills into `folder`.
    pub(super) fn new(plan: &Plan, budget: usize, folder: &'s Path) -> Self {
        let table = Table::new(plan.folds.iter().map(|fold| fold.id));
        Self { table, budget, folder, spilled: Vec::new() }
    }

    /// Spills if the table is over its budget.
    ///
    /// # Errors
    /// Those of writing the run.
    pub(super) fn bound(&mut self) -> Result<()> {
        if self.table.bytes() <= self.budget {
            return Ok(());
        }
        let file = NamedTempFile::with_prefix_in(".spill-", self.folder);
        let path = file.map_err(Error::io(self.folder))?.into_temp_path();
        write_table(&path, self.table.drain_sorted().into_iter().map(Ok))?;
        self.spilled.push(path);
        Ok(())
    }

    /// The runs.
    pub(super) fn finish(mut self) -> Runs {
        Runs { memory: vec![self.table.drain_sorted()], spilled: self.spilled }
    }
}

impl Runs {
    /// Adds another worker's runs.
    pub(super) fn add(&mut self, other: Self) {
        self.memory.extend(other.memory);
        self.spilled.extend(other.spilled);
    }

    /// How many runs were spilled.
    pub(super) fn spilled(&self) -> usize {
        self.spilled.len()
    }

    /// All runs merged into one table, and the files that must live as long as it is read.
    ///
    /// # Errors
    /// Those of opening the spilled runs.
    pub(super) fn merged(self) -> Result<(Run<'static>, Vec<TempPath>)> {
        let mut runs: Vec<Run<'static>> = Vec::new();
        for run in self.memory {
            runs.push(Box::new(run.into_iter().map(Ok)));
        }
        for path in &self.spilled {
            runs.push(Box::new(TableReader::open(path)?));
        }
        Ok((Box::new(merge(runs)), self.spilled))
    }
}
