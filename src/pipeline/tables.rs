//! A worker's table within its share of `--memory`: what is over is spilled as a sorted run to a
//! temporary file and merged again at the end.

use std::path::Path;

use tempfile::{NamedTempFile, TempPath};

use crate::detect::group::{Fold, Key, Row, Rows, Run, SpillReader, Table, merge, write_spilled};
use crate::detect::rules::Plan;
use crate::error::{Error, Result};

/// A table that spills.
#[derive(Debug)]
pub(super) struct BoundedTable<'s> {
    /// The part in memory.
    pub table: Table,
    budget: usize,
    spill: Spill<'s>,
    /// Spilled runs: those of level n + 1 are merged from [`FAN_IN`] of level n.
    levels: Vec<Vec<TempPath>>,
    spills: usize,
}

/// So many spilled runs become one: each that is open for merging costs memory.
const FAN_IN: usize = 8;

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

    fn write(self, run: impl Iterator<Item = Result<(Key, Row)>>) -> Result<TempPath> {
        let file = NamedTempFile::with_prefix_in(self.prefix, self.folder);
        let path = file.map_err(Error::io(self.folder))?.into_temp_path();
        write_spilled(&path, run)?;
        Ok(path)
    }
}

/// The sorted runs of a worker.
#[derive(Debug, Default)]
pub(super) struct Runs {
    memory: Vec<Rows>,
    spilled: Vec<TempPath>,
    spills: usize,
}

impl<'s> BoundedTable<'s> {
    /// A table of at most about `budget` bytes.
    pub(super) fn new(plan: &Plan, budget: usize, spill: Spill<'s>) -> Self {
        let table = Table::new(plan.folds.iter().map(Fold::table_fold));
        Self { table, budget, spill, levels: Vec::new(), spills: 0 }
    }

    /// Spills if the table is over its budget. Returns whether it was.
    ///
    /// # Errors
    /// Those of writing the run.
    pub(super) fn bound(&mut self) -> Result<bool> {
        if self.table.bytes() <= self.budget {
            return Ok(false);
        }
        let path = self.spill.write(self.table.drain_sorted().map(Ok))?;
        self.spills += 1;
        self.keep(path, 0)?;
        Ok(true)
    }

    /// Keeps a spilled run of a level.
    fn keep(&mut self, run: TempPath, level: usize) -> Result<()> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        let Some(runs) = self.levels.get_mut(level) else { return Ok(()) };
        runs.push(run);
        if runs.len() < FAN_IN {
            return Ok(());
        }
        let runs = std::mem::take(runs);
        let merged = self.spill.write(merge(open(&runs)?))?;
        drop(runs);
        self.keep(merged, level + 1)
    }

    /// The runs, all of them on disk; the table goes on empty.
    ///
    /// # Errors
    /// Those of writing what is in memory.
    pub(super) fn hand_over(&mut self) -> Result<Runs> {
        let mut spilled: Vec<TempPath> =
            std::mem::take(&mut self.levels).into_iter().flatten().collect();
        let rows = self.table.drain_sorted();
        if rows.len() > 0 {
            spilled.push(self.spill.write(rows.map(Ok))?);
        }
        Ok(Runs { memory: Vec::new(), spilled, spills: std::mem::take(&mut self.spills) })
    }

    /// The runs.
    pub(super) fn finish(mut self) -> Runs {
        let spilled = self.levels.into_iter().flatten().collect();
        Runs { memory: vec![self.table.drain_sorted()], spilled, spills: self.spills }
    }
}

impl Runs {
    /// Adds another worker's runs.
    pub(super) fn add(&mut self, other: Self) {
        self.memory.extend(other.memory);
        self.spilled.extend(other.spilled);
        self.spills += other.spills;
    }

    /// How often a table was spilled.
    pub(super) fn spills(&self) -> usize {
        self.spills
    }

    /// The runs on disk, to be read while they are kept.
    ///
    /// # Errors
    /// Those of opening them.
    pub(super) fn open(&self) -> Result<Vec<Run<'static>>> {
        open(&self.spilled)
    }

    /// The file of all runs on disk, merged, in their place.
    pub(super) fn replaced_by(self, merged: TempPath) -> Self {
        Self { spilled: vec![merged], ..self }
    }

    /// All runs merged into one table, and the files that must live as long as it is read.
    ///
    /// # Errors
    /// Those of opening the spilled runs.
    pub(super) fn merged(self) -> Result<(Run<'static>, Vec<TempPath>)> {
        let mut runs = open(&self.spilled)?;
        for run in self.memory {
            runs.push(Box::new(run.map(Ok)));
        }
        Ok((Box::new(merge(runs)), self.spilled))
    }
}

fn open(spilled: &[TempPath]) -> Result<Vec<Run<'static>>> {
    let reader = |path: &TempPath| Ok(Box::new(SpillReader::open(path)?) as Run<'static>);
    spilled.iter().map(reader).collect()
}
