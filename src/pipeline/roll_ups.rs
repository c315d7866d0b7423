//! Entities that are judged by what the entities of their account come to: they wait until the last
//! of these has come. Few wait in memory, more in a temporary table.

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::entities::each_batch;
use super::tables::Spill;
use crate::detect::group::{Entities, FoldId, Groups, SpillWriter, SpilledRun};
use crate::detect::judge::{RollUp, Terms};
use crate::error::Result;

/// The entities of one fold and account.
pub(super) struct Waiting<'s> {
    fold: FoldId,
    account: Option<Arc<str>>,
    valued: bool,
    spill: Spill<'s>,
    groups: Vec<Groups>,
    bytes: usize,
    /// Bytes that may wait in memory.
    memory: usize,
    file: Option<SpillWriter>,
    roll_ups: Vec<RollUp>,
}

/// What was waiting.
pub(super) struct Released {
    /// One for each kind that a detector of the fold needs.
    roll_ups: Vec<RollUp>,
    groups: Vec<Groups>,
    file: Option<SpilledRun>,
    valued: BTreeSet<FoldId>,
}

impl<'s> Waiting<'s> {
    /// Nothing waits yet; `first` will be the first, and detectors with these terms judge it.
    pub(super) fn new<'t>(
        first: &Groups,
        valued: bool,
        terms: impl Iterator<Item = &'t Terms>,
        spill: Spill<'s>,
    ) -> Self {
        let mut roll_ups: Vec<RollUp> = Vec::new();
        for terms in terms {
            if !roll_ups.iter().any(|known| known.is_for(terms)) {
                roll_ups.extend(RollUp::new(terms));
            }
        }
        let account = first.entity.first().cloned().flatten();
        let (groups, bytes, memory, file) = (Vec::new(), 0, usize::MAX, None);
        Self { fold: first.fold, account, valued, spill, groups, bytes, memory, file, roll_ups }
    }

    /// In at most about so many bytes.
    pub(super) fn within(self, memory: usize) -> Self {
        Self { memory, ..self }
    }

    /// Whether the groups are of the same fold and account.
    pub(super) fn takes(&self, groups: &Groups) -> bool {
        let account = groups.entity.first().cloned().flatten();
        self.fold == groups.fold && self.account == account
    }

    /// Adds entities. What is costly is done by the threads of the pool in which it is called.
    ///
    /// # Errors
    /// Those of the temporary table.
    pub(super) fn push(&mut self, groups: Vec<Groups>) -> Result<()> {
        self.roll_ups.iter_mut().for_each(|roll_up| roll_up.add(&groups));
        self.bytes += groups.par_iter().map(Groups::bytes).sum::<usize>();
        self.groups.extend(groups);
        if self.bytes <= self.memory {
            return Ok(());
        }
        let writer = match &mut self.file {
            Some(writer) => writer,
            none => none.insert(SpillWriter::new(self.spill.file()?)?),
        };
        for groups in self.groups.drain(..) {
            groups.into_rows(self.valued).try_for_each(|row| writer.push(&row))?;
        }
        self.bytes = 0;
        Ok(())
    }

    /// Ends the waiting.
    ///
    /// # Errors
    /// Those of the temporary table.
    pub(super) fn release(self) -> Result<Released> {
        let Self { fold, valued, groups, file, roll_ups, .. } = self;
        let file = file.map(SpillWriter::finish).transpose()?;
        let valued = valued.then_some(fold).into_iter().collect();
        Ok(Released { roll_ups, groups, file, valued })
    }
}

impl Released {
    /// Shows the entities to `judge`, in their order, some at a time.
    ///
    /// # Errors
    /// Those of `judge` and of the temporary table.
    pub(super) fn each(
        self,
        mut judge: impl FnMut(Vec<Groups>, &[RollUp]) -> Result<()>,
    ) -> Result<()> {
        let Self { roll_ups, groups, file, valued } = self;
        if let Some(run) = &file {
            let entities = Entities::new(run.open()?, valued);
            each_batch(entities, 0, |batch| judge(batch, &roll_ups))?;
        }
        judge(groups, &roll_ups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::group::{Pane, Row};

    /// An entity with rows on two days, of two values if there are any.
    fn groups(name: &str, valued: bool) -> Groups {
        let pane = |start| Pane { start, rule: 0, ok: 1, failed: 0 };
        let row = |start| Row::new(vec![pane(start)].into(), None);
        Groups {
            fold: FoldId::new("waiting"),
            entity: [Some("account".into()), Some(name.into())].into(),
            rows: vec![(0, row(0)), (86_400, row(86_400))],
            values: if valued { vec![None, Some("a".into())] } else { Vec::new() },
            diffuse: false,
        }
    }

    #[test]
    fn entities_come_back_as_they_went_whether_they_wait_in_memory_or_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::into(folder.path());
        for valued in [false, true] {
            let mut all: Vec<Groups> = ["a", "b", "c"].map(|name| groups(name, valued)).into();
            if valued {
                let (rows, values) = (Vec::new(), Vec::new());
                all.push(Groups { rows, values, diffuse: true, ..groups("d", true) });
            }
            let one = all[0].bytes();
            for memory in [0, one, usize::MAX] {
                let waiting = Waiting::new(&all[0], valued, std::iter::empty(), spill);
                let mut waiting = Waiting { memory, ..waiting };
                for groups in &all {
                    waiting.push(vec![groups.clone()]).unwrap();
                }
                let files = std::fs::read_dir(folder.path()).unwrap().count();
                assert_eq!(files, usize::from(memory < usize::MAX), "{memory}");
                let mut back = Vec::new();
                let released = waiting.release().unwrap();
                released
                    .each(|batch, _| {
                        back.extend(batch);
                        Ok(())
                    })
                    .unwrap();
                assert_eq!(back, all, "{valued} {memory}");
            }
        }
    }
}
