//! The consumer of a scan: batches are selected and folded into a table, and kept as event files if
//! that is asked for.

use super::consumer::Consumer;
use super::events_out::EventsOut;
use super::interim::{Interim, Share};
use super::run::Span;
use super::tables::{BoundedTable, Runs, Spill};
use crate::detect::group::SelectedBatch;
use crate::detect::rules::Plan;
use crate::detect::select::Evaluator;
use crate::error::Result;
use crate::event_files::{Sorted, Sorter};
use crate::events::EventBatch;

/// What all workers detect with.
#[derive(Clone, Copy)]
pub(super) struct Detection<'s> {
    /// What to select and fold.
    pub plan: &'s Plan,
    /// Bytes of table per worker.
    pub budget: usize,
    /// Where tables are spilled, and how the files' names begin.
    pub spill: Spill<'s>,
    /// Who may ask for what was folded so far.
    pub interim: Option<&'s Interim>,
    /// The folder that the events go to, and bytes of events per worker.
    pub events: Option<(&'s EventsOut, usize)>,
}

/// Events to table.
pub(super) struct Detecting<'s> {
    detection: Detection<'s>,
    evaluator: Evaluator<'s>,
    table: BoundedTable<'s>,
    sorter: Option<(&'s EventsOut, Sorter)>,
    span: Option<Span>,
    /// Events folded since a snapshot was last answered, and its number.
    folded: u64,
    answered: u64,
}

impl<'s> Detection<'s> {
    /// A worker's part.
    pub(super) fn start(self) -> Detecting<'s> {
        Detecting {
            evaluator: Evaluator::new(&self.plan.program),
            table: BoundedTable::new(self.plan, self.budget, self.spill),
            sorter: self.events.map(|(to, budget)| (to, Sorter::new(budget, &to.own()))),
            detection: self,
            span: None,
            folded: 0,
            answered: 0,
        }
    }
}

impl Consumer for Detecting<'_> {
    type Yield = (Runs, Sorted);

    fn take(&mut self, batch: &EventBatch) -> Result<()> {
        for time in batch.times() {
            self.span = Span::with(self.span, *time);
        }
        let folds = &self.detection.plan.folds;
        let masks = self.evaluator.masks(batch);
        let table = &mut self.table;
        let mut selected = SelectedBatch::new(batch, &masks, folds, &table.table);
        for part in selected.parts() {
            selected.fold(part, folds, &mut table.table);
            if table.bound()? {
                selected.forget();
            }
        }
        self.folded += batch.times().len() as u64;
        match &mut self.sorter {
            Some((to, sorter)) => sorter.push(batch, &|uri| !to.holds(uri)),
            None => Ok(()),
        }
    }

    fn wants_pause(&self) -> bool {
        self.detection.interim.is_some_and(|interim| interim.asks(self.answered))
    }

    /// Hands over what is folded, if somebody asks for it.
    fn pause(&mut self, newest: Option<i64>) -> Result<()> {
        let Some(interim) = self.detection.interim.filter(|_| self.wants_pause()) else {
            return Ok(());
        };
        let (runs, span) = (self.table.hand_over()?, self.span);
        let events = std::mem::take(&mut self.folded);
        self.answered = interim.give(Share { runs, span, newest, events });
        Ok(())
    }

    fn finish(self) -> Result<(Runs, Sorted)> {
        let sorted = self.sorter.map_or_else(Sorted::default, |(_, sorter)| sorter.finish());
        Ok((self.table.finish(), sorted))
    }
}
