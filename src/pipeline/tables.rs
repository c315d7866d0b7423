//! A worker's table within its share of `--memory`: what is over is spilled as a sorted run to a
//! temporary file and merged again at the end.

use std::path::Path;
use std::sync::Arc;

use tempfile::NamedTempFile;

use crate::detect::group::{
    Fold, Key, Row, Rows, Run, SpilledEvents, SpilledRows, SpilledRun, Table, merge, write_spilled,
};
use crate::detect::rules::Plan;
use crate::error::{Error, Result};

/// A table that spills.
#[derive(Debug)]
pub(super) struct BoundedTable<'s> {
    /// The part in memory.
    pub table: Table,
    budget: usize,
    spill: Spill<'s>,
    /// The events of spilled runs.
    events: Option<Arc<SpilledEvents>>,
    /// Spilled runs: those of level n + 1 are merged from [`FAN_IN`] of level n.
    levels: Vec<Vec<SpilledRun>>,
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

    /// A new file.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn file(self) -> Result<NamedTempFile> {
        NamedTempFile::with_prefix_in(self.prefix, self.folder).map_err(Error::io(self.folder))
    }

    fn write(self, run: impl Iterator<Item = Result<(Key, Row)>>) -> Result<SpilledRun> {
        write_spilled(self.file()?, run)
    }
}

/// The sorted runs of a worker.
#[derive(Debug, Default)]
pub(super) struct Runs {
    memory: Vec<Rows>,
    spilled: Vec<SpilledRun>,
    spills: usize,
}

impl<'s> BoundedTable<'s> {
    /// A table of at most about `budget` bytes.
    pub(super) fn new(plan: &Plan, budget: usize, spill: Spill<'s>) -> Self {
        let table = Table::new(plan.folds.iter().map(Fold::table_fold));
        Self { table, budget, spill, events: None, levels: Vec::new(), spills: 0 }
    }

    /// Spills if the table is over its budget. Returns whether it was.
    ///
    /// # Errors
    /// Those of writing the run.
    pub(super) fn bound(&mut self) -> Result<bool> {
        if self.table.bytes() <= self.budget {
            return Ok(false);
        }
        let rows = self.table.drain_sorted();
        let run = self.write(rows)?;
        self.spills += 1;
        self.keep(run, 0)?;
        Ok(true)
    }

    /// Writes a drained table.
    fn write(&mut self, rows: Rows) -> Result<SpilledRun> {
        let events = match &self.events {
            Some(events) => events,
            None => self.events.insert(SpilledEvents::new(self.spill.folder, &rows)?.into()),
        };
        self.spill.write(SpilledRows::new(rows, events))
    }

    /// Keeps a spilled run of a level.
    fn keep(&mut self, run: SpilledRun, level: usize) -> Result<()> {
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
        // Details of rows that stand in all of them were made.
        runs.iter().try_for_each(SpilledRun::intact)?;
        drop(runs);
        self.keep(merged, level + 1)
    }

    /// The runs, all of them on disk; the table goes on empty.
    ///
    /// # Errors
    /// Those of writing what is in memory.
    pub(super) fn hand_over(&mut self) -> Result<Runs> {
        let mut spilled: Vec<SpilledRun> =
            std::mem::take(&mut self.levels).into_iter().flatten().collect();
        let rows = self.table.drain_sorted();
        if rows.len() > 0 {
            spilled.push(self.write(rows)?);
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

    /// The run of all runs on disk, merged, in their place.
    ///
    /// # Errors
    /// [`Error::Table`] if some of their rows could not be read to the end.
    pub(super) fn replaced_by(self, merged: SpilledRun) -> Result<Self> {
        self.spilled.iter().try_for_each(SpilledRun::intact)?;
        Ok(Self { spilled: vec![merged], ..self })
    }

    /// All runs merged into one table, whose rows so many `threads` make, and the files that must
    /// live as long as it is read.
    ///
    /// # Errors
    /// Those of opening the spilled runs, and of starting threads.
    pub(super) fn merged(self, threads: usize) -> Result<(Run<'static>, Spilled)> {
        let mut runs = open(&self.spilled)?;
        let pool = || rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = (threads > 1).then(pool).transpose()?.map(Arc::new);
        for rows in self.memory {
            let rows = match &pool {
                Some(pool) => rows.made_by(pool.clone()),
                None => rows,
            };
            runs.push(Box::new(rows.map(Ok)));
        }
        Ok((Box::new(merge(runs)), Spilled(self.spilled)))
    }
}

/// The files of a merged table.
#[must_use]
pub(super) struct Spilled(Vec<SpilledRun>);

impl Spilled {
    /// Ends the reading of the table and of the details of its rows.
    ///
    /// # Errors
    /// [`Error::Table`] if some of them could not be read: what was made of the table is wrong.
    pub(super) fn end(self) -> Result<()> {
        self.0.iter().try_for_each(SpilledRun::intact)
    }
}

fn open(spilled: &[SpilledRun]) -> Result<Vec<Run<'static>>> {
    spilled.iter().map(|run| Ok(Box::new(run.open()?) as Run<'static>)).collect()
}
