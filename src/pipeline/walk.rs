//! The merged table walked once: coverage rows on one hand, judged entities on the other. Entities
//! are judged on all threads of the run, and what they come to is taken in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use rayon::prelude::*;

use super::chains::Chains;
use super::coverage::CoveredDays;
use super::entities::each_batch;
use super::judged::{Judged, Outcome, sort};
use super::judging::Judging;
use super::log;
use super::roll_ups::Waiting;
use super::run::Run;
use super::stats::Stage;
use crate::detect::group::{Entities, FoldId, Groups, Key, Row};
use crate::detect::judge::{History, RollUp};
use crate::detect::rules::{Detector, Plan};
use crate::error::Result;
use crate::findings::{Known, link_shared, merge_deployments};

/// Judges the merged table of a run, which notes it as a stage.
///
/// # Errors
/// Those of reading the table.
pub(super) fn judge_run(
    run: &mut Run,
    plan: &Plan,
    how: &Judging<'_>,
    table: impl Iterator<Item = Result<(Key, Row)>> + Send,
) -> Result<Judged> {
    let started = Instant::now();
    let judged = judge(plan, how, table)?;
    let took = started.elapsed();
    run.stages.record(Stage::Judge, took);
    log::judged(&judged.findings, took);
    Ok(judged)
}

/// Judges the merged table.
///
/// # Errors
/// Those of reading the table.
pub(super) fn judge(
    plan: &Plan,
    how: &Judging<'_>,
    table: impl Iterator<Item = Result<(Key, Row)>> + Send,
) -> Result<Judged> {
    let valued: BTreeSet<FoldId> =
        plan.folds.iter().filter(|fold| fold.valued).map(|fold| fold.id).collect();
    let entities = Entities::new(table, valued.clone());
    let mut walk = Walk::new(plan, how, valued)?;
    each_batch(entities, how.ahead(), |groups| walk.groups(groups))?;
    walk.release()?;
    walk.catch_up(u8::MAX)?;
    let mut judged = walk.judged;
    judged.findings = merge_deployments(judged.findings, |id| {
        plan.detectors.iter().find(|found| found.metadata.id == *id)?.metadata.deployment
    });
    sort(&mut judged.findings);
    link_shared(&mut judged.findings);
    judged.suppress(plan, how.suppress);
    judged.tell_sequences(plan, how);
    Ok(judged)
}

/// A walk over the table.
struct Walk<'w> {
    judges: Judges<'w>,
    judged: Judged,
    chains: Chains<'w>,
    /// Entities that are judged when all of their account have come.
    waiting: Option<Waiting<'w>>,
    coverage: Option<FoldId>,
    valued: BTreeSet<FoldId>,
    /// Threads that judge.
    pool: rayon::ThreadPool,
}

/// What judging an entity needs to know, and nothing that it changes.
struct Judges<'w> {
    plan: &'w Plan,
    how: &'w Judging<'w>,
    /// By their folds.
    detectors: BTreeMap<FoldId, Vec<usize>>,
    /// Known once coverage, which sorts first, is complete.
    days: Option<CoveredDays>,
}

impl<'w> Walk<'w> {
    fn new(plan: &'w Plan, how: &'w Judging<'w>, valued: BTreeSet<FoldId>) -> Result<Self> {
        Ok(Self {
            judges: Judges::new(plan, how),
            judged: Judged::new(how.spill),
            chains: Chains::new(plan),
            waiting: None,
            coverage: plan.folds.get(Plan::COVERAGE).map(|fold| fold.id),
            valued,
            pool: rayon::ThreadPoolBuilder::new().num_threads(how.threads).build()?,
        })
    }

    /// Takes the next entities of a fold.
    fn groups(&mut self, batch: Vec<Groups>) -> Result<()> {
        let Some(fold) = batch.first().map(|groups| groups.fold) else { return Ok(()) };
        if Some(fold) == self.coverage {
            return batch.iter().try_for_each(|groups| self.judged.coverage.add(groups));
        }
        if self.judges.days.is_none() {
            self.judges.days = Some(CoveredDays::of(&mut self.judged.coverage));
        }
        if self.judges.waits(fold) {
            return self.wait(batch);
        }
        self.release()?;
        if self.judges.is_joined(fold) {
            return batch.iter().try_for_each(|groups| self.joined(groups));
        }
        self.entities(batch, &[])
    }

    /// Lets entities of a fold wait for the last of their account.
    fn wait(&mut self, mut batch: Vec<Groups>) -> Result<()> {
        while let Some(first) = batch.first() {
            if self.waiting.as_ref().is_some_and(|waiting| !waiting.takes(first)) {
                self.release()?;
            }
            let waiting = match &mut self.waiting {
                Some(waiting) => waiting,
                none => none.insert(self.judges.waiting(first, &self.valued)),
            };
            let same = batch.iter().take_while(|groups| waiting.takes(groups)).count();
            let others = batch.split_off(same);
            self.pool.install(|| waiting.push(batch))?;
            batch = others;
        }
        Ok(())
    }

    /// Judges the entities that wait.
    fn release(&mut self) -> Result<()> {
        let Some(waiting) = self.waiting.take() else { return Ok(()) };
        waiting.release()?.each(|batch, roll_ups| self.entities(batch, roll_ups))
    }

    /// Judges entities of one fold by all of its detectors, on all threads.
    fn entities(&mut self, batch: Vec<Groups>, roll_ups: &[RollUp]) -> Result<()> {
        let Some(first) = batch.first() else { return Ok(()) };
        let Some(numbers) = self.judges.detectors.get(&first.fold) else { return Ok(()) };
        // Nearly all entities are dropped where they were judged.
        let of_entity = |groups| {
            let judge = |number: &usize| self.judges.judge(*number, &groups, roll_ups);
            let outcomes: Vec<Outcome> = numbers.iter().filter_map(judge).collect();
            let fires = outcomes.iter().any(|outcome| !outcome.firings.is_empty());
            (!outcomes.is_empty()).then(|| (fires.then_some(groups), outcomes))
        };
        let judged = || batch.into_par_iter().filter_map(of_entity).collect();
        let judged: Vec<(Option<Groups>, Vec<Outcome>)> = self.pool.install(judged);
        for (groups, outcomes) in judged {
            for outcome in outcomes {
                if let Some(groups) = &groups {
                    self.chains.feed(outcome.detector, groups, &outcome.firings);
                }
                self.judged.take(outcome)?;
            }
        }
        Ok(())
    }

    /// Judges an entity to which firings of other detectors may belong.
    fn joined(&mut self, groups: &Groups) -> Result<()> {
        let numbers = self.judges.detectors.get(&groups.fold).cloned().unwrap_or_default();
        for number in numbers {
            let depth = self.judges.plan.detectors.get(number).map_or(0, |detector| detector.depth);
            if let Some(depth) = depth.checked_sub(1) {
                self.catch_up(depth)?;
            }
            let groups = self.chains.join(number, groups);
            self.one(number, &groups)?;
        }
        Ok(())
    }

    /// Judges an entity by one detector.
    fn one(&mut self, number: usize, groups: &Groups) -> Result<()> {
        let Some(outcome) = self.judges.judge(number, groups, &[]) else { return Ok(()) };
        self.chains.feed(number, groups, &outcome.firings);
        self.judged.take(outcome)
    }

    /// Judges what waits for correlations of at most that depth.
    fn catch_up(&mut self, depth: u8) -> Result<()> {
        while let Some((number, groups)) = self.chains.next(depth) {
            self.one(number, &groups)?;
        }
        Ok(())
    }
}

impl<'w> Judges<'w> {
    fn new(plan: &'w Plan, how: &'w Judging<'w>) -> Self {
        let mut detectors: BTreeMap<FoldId, Vec<usize>> = BTreeMap::new();
        for (number, detector) in plan.detectors.iter().enumerate() {
            if let Some(fold) = plan.folds.get(detector.fold) {
                detectors.entry(fold.id).or_default().push(number);
            }
        }
        Self { plan, how, detectors, days: None }
    }

    /// The detectors of a fold.
    fn of_fold(&self, fold: FoldId) -> impl Iterator<Item = (usize, &Detector)> {
        let numbers = self.detectors.get(&fold).into_iter().flatten();
        numbers.filter_map(|number| Some((*number, self.plan.detectors.get(*number)?)))
    }

    /// Whether a detector of the fold asks what the entities of an account come to.
    fn waits(&self, fold: FoldId) -> bool {
        self.of_fold(fold)
            .any(|(_, detector)| detector.terms.is_anomaly() || detector.terms.has_siblings())
    }

    /// For the entities of the fold and account of this one.
    fn waiting(&self, first: &Groups, valued: &BTreeSet<FoldId>) -> Waiting<'w> {
        let terms = self.of_fold(first.fold).map(|(_, detector)| &detector.terms);
        let valued = valued.contains(&first.fold);
        Waiting::new(first, valued, terms, self.how.spill).within(self.how.waiting)
    }

    /// Whether a detector of the fold refers to other detectors.
    fn is_joined(&self, fold: FoldId) -> bool {
        self.of_fold(fold).any(|(_, detector)| detector.depth > 0)
    }

    /// Judges an entity by one detector; `None` if there is nothing to say of it.
    fn judge(&self, number: usize, groups: &Groups, roll_ups: &[RollUp]) -> Option<Outcome> {
        let detector = self.plan.detectors.get(number)?;
        if !detector.raises && !detector.terms.feeds {
            return None;
        }
        let how = self.how;
        let (covered, scope) = self.days.as_ref()?.of_entity(detector, &groups.entity);
        let since = how.folds_since.get(&groups.fold);
        let covered = since.map_or(covered, |since| days_from(covered, *since));
        let learning = how.learning(detector);
        let roll_up = roll_ups.iter().find(|roll_up| roll_up.is_for(&detector.terms));
        let history = History { covered, scope, learning, roll_up };
        let judgement = (detector.judge.judge)(&detector.terms, groups, &history);
        let sensitive = &self.plan.sensitive_buckets;
        let known = Known { own: how.own, intel: how.intel, sensitive };
        Outcome::of(number, detector, groups, judgement, how, known)
    }
}

fn days_from(days: &[i64], from: i64) -> &[i64] {
    days.get(days.partition_point(|day| *day < from)..).unwrap_or_default()
}
