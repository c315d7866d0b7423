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
    spill: Spill<'s>,
    spilled: Vec<TempPath>,
}

/// Where tables are spilled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spill<'s> {
    /// The folder.
    pub folder: &'s Path,
    /// How the files' names begin.
    pub prefix: &'s str,
}

impl<'s> Spill<'s> {
    /// Spills into `folder`.
    pub(super) fn into(folder: &'s Path) -> Self {
        Self { folder, prefix: ".spill-" }
    }
}

/// The sorted runs of a worker.
#[derive(Debug, Default)]
pub(super) struct Runs {
    memory: Vec<Vec<(Key, Row)>>,
    spilled: Vec<TempPath>,
}

impl<'s> BoundedTable<'s> {
    /// A table of at most about `budget` bytes.
    pub(super) fn new(plan: &Plan, budget: usize, spill: Spill<'s>) -> Self {
        let table = Table::new(plan.folds.iter().map(|fold| (fold.id, fold.valued)));
        Self { table, budget, spill, spilled: Vec::new() }
    }

    /// Spills if the table is over its budget.
    ///
    /// # Errors
    /// Those of writing the run.
    pub(super) fn bound(&mut self) -> Result<()> {
        if self.table.bytes() <= self.budget {
            return Ok(());
        }
        let Spill { folder, prefix } = self.spill;
        let file = NamedTempFile::with_prefix_in(prefix, folder);
        let path = file.map_err(Error::io(folder))?.into_temp_path();
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
