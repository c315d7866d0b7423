//! The merged table walked once: coverage rows on one hand, judged entities on the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use super::chains::Chains;
use super::coverage::{CoveredDays, Logged};
use super::log;
use super::roll_ups::Waiting;
use super::run::{NotJudged, Run};
use super::sheet::SheetWriter;
use super::stats::Stage;
use super::tables::Spill;
use crate::detect::group::{Entities, FoldId, Groups, Key, Row};
use crate::detect::judge::{History, Judgement, Learning, RollUp, Signal, Unjudged};
use crate::detect::rules::{Detector, Diagnostic, Plan, UsedFile};
use crate::error::Result;
use crate::findings::{
    Finding, Known, Suppressions, find_sequences, findings_batch, findings_of, link_shared,
    merge_deployments,
};
use crate::intel::{Intel, OwnAccounts};

/// How the entities of a run are judged.
#[derive(Debug, Clone)]
pub(super) struct Judging<'j> {
    /// What is only learned, and what is judged; `None`: each detector asks for its own minimum of
    /// history.
    pub learning: Option<Learning>,
    /// Findings of days before are left out.
    pub from_day: Option<i64>,
    /// First appearances of days before are left out.
    pub learned_from_day: Option<i64>,
    /// Those of days before are counted, and not listed.
    pub listed_from_day: Option<i64>,
    /// Folds whose history begins on a day later than that of their accounts.
    pub folds_since: BTreeMap<FoldId, i64>,
    /// One's own accounts.
    pub own: &'j OwnAccounts,
    /// Findings that somebody does not want to see.
    pub suppress: &'j Suppressions,
    /// What is known of addresses.
    pub intel: &'j Intel,
    /// Where rows go that there may be millions of.
    pub spill: Spill<'j>,
    /// Bytes of entities that wait in memory for their account.
    pub waiting: usize,
}

/// The most bytes of entities that wait in memory for their account; with `--memory` an eighth of it,
/// if that is less.
pub(super) const MOST_WAITING: usize = 96 << 20;

impl Judging<'_> {
    fn learning(&self, detector: &Detector) -> Learning {
        let min = detector.scope.map_or(0, |scope| scope.min_days);
        let own = || Learning::Covered { min_days: usize::try_from(min).unwrap_or(usize::MAX) };
        self.learning.unwrap_or_else(own)
    }
}

/// What judging a table came to.
pub(super) struct Judged {
    /// Most severe first, then by what and who and when.
    pub findings: Vec<Finding>,
    /// First appearances that were only learned, in the order of the table.
    pub first_appearances: SheetWriter<Finding>,
    /// How many of them there are, by detector.
    pub learned: BTreeMap<String, u64>,
    /// What was logged where.
    pub coverage: Logged,
    /// Entities that were not judged, by detector and reason.
    pub unjudged: BTreeMap<(String, Unjudged), u64>,
    /// Of suppressions that have expired.
    pub notes: Vec<String>,
    /// The suppression file.
    pub suppression: Option<UsedFile>,
    /// Suppressions that do not apply.
    pub diagnostics: Vec<Diagnostic>,
}

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
    let mut detectors: BTreeMap<FoldId, Vec<usize>> = BTreeMap::new();
    for (number, detector) in plan.detectors.iter().enumerate() {
        if let Some(fold) = plan.folds.get(detector.fold) {
            detectors.entry(fold.id).or_default().push(number);
        }
    }
    let coverage_fold = plan.folds.get(Plan::COVERAGE).map(|fold| fold.id);
    let valued: BTreeSet<FoldId> =
        plan.folds.iter().filter(|fold| fold.valued).map(|fold| fold.id).collect();
    let (chains, judged) = (Chains::new(plan), Judged::new(how.spill));
    let mut walk = Walk { plan, how, detectors, judged, days: None, chains, waiting: None };
    let entities = Entities::new(table, valued.clone());
    ahead(entities, |groups| walk.groups(groups, coverage_fold, &valued))?;
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

/// Rows of entities that are handed over at once, and how often that many may wait.
const ROWS_AHEAD: usize = 1_024;
const AHEAD: usize = 2;

/// Shows entities to `take` while a thread of its own reads further ahead: making rows costs as much
/// as judging them.
fn ahead(
    entities: impl Iterator<Item = Result<Groups>> + Send,
    mut take: impl FnMut(Groups) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel::<Vec<Result<Groups>>>(AHEAD);
        scope.spawn(move || {
            let (mut some, mut rows) = (Vec::new(), 0);
            for groups in entities {
                rows += groups.as_ref().map_or(0, |groups| 1 + groups.rows.len());
                some.push(groups);
                // Nobody listens after an error.
                if rows >= ROWS_AHEAD && send.send(std::mem::take(&mut some)).is_err() {
                    return;
                }
                rows = if some.is_empty() { 0 } else { rows };
            }
            let _ = send.send(some);
        });
        receive.into_iter().flatten().try_for_each(|groups| take(groups?))
    })
}

/// A walk over the table.
struct Walk<'w> {
    plan: &'w Plan,
    how: &'w Judging<'w>,
    /// By their folds.
    detectors: BTreeMap<FoldId, Vec<usize>>,
    judged: Judged,
    /// Known once coverage, which sorts first, is complete.
    days: Option<CoveredDays>,
    chains: Chains<'w>,
    /// Entities that are judged when all of their account have come.
    waiting: Option<Waiting<'w>>,
}

impl Walk<'_> {
    /// The detectors of a fold.
    fn of_fold(&self, fold: FoldId) -> impl Iterator<Item = (usize, &Detector)> {
        let numbers = self.detectors.get(&fold).into_iter().flatten();
        numbers.filter_map(|number| Some((*number, self.plan.detectors.get(*number)?)))
    }

    /// Takes the next entity of the table.
    fn groups(
        &mut self,
        groups: Groups,
        coverage: Option<FoldId>,
        valued: &BTreeSet<FoldId>,
    ) -> Result<()> {
        if Some(groups.fold) == coverage {
            return self.judged.coverage.add(&groups);
        }
        if self.waiting.as_ref().is_some_and(|waiting| !waiting.takes(&groups)) {
            self.release()?;
        }
        if self.waits(groups.fold) { self.wait(groups, valued) } else { self.entity(&groups) }
    }

    /// Whether a detector of the fold asks what the entities of an account come to.
    fn waits(&self, fold: FoldId) -> bool {
        self.of_fold(fold)
            .any(|(_, detector)| detector.terms.is_anomaly() || detector.terms.has_siblings())
    }

    fn wait(&mut self, groups: Groups, valued: &BTreeSet<FoldId>) -> Result<()> {
        if self.waiting.is_none() {
            let terms = self.of_fold(groups.fold).map(|(_, detector)| &detector.terms);
            let valued = valued.contains(&groups.fold);
            let waiting = Waiting::new(&groups, valued, terms, self.how.spill);
            self.waiting = Some(waiting.within(self.how.waiting));
        }
        self.waiting.as_mut().map_or(Ok(()), |waiting| waiting.push(groups))
    }

    /// Judges the entities that wait.
    fn release(&mut self) -> Result<()> {
        let Some(waiting) = self.waiting.take() else { return Ok(()) };
        let released = waiting.release()?;
        released.each(|groups| {
            let numbers = self.detectors.get(&groups.fold).cloned().unwrap_or_default();
            numbers
                .into_iter()
                .try_for_each(|number| self.judge(number, groups, &released.roll_ups))
        })
    }

    /// Judges an entity by the detectors of its fold.
    fn entity(&mut self, groups: &Groups) -> Result<()> {
        let numbers = self.detectors.get(&groups.fold).cloned().unwrap_or_default();
        for number in numbers {
            let depth = self.plan.detectors.get(number).map_or(0, |detector| detector.depth);
            if let Some(depth) = depth.checked_sub(1) {
                self.catch_up(depth)?;
            }
            let groups = self.chains.join(number, groups);
            self.judge(number, &groups, &[])?;
        }
        Ok(())
    }

    /// Judges an entity by one detector.
    fn judge(&mut self, number: usize, groups: &Groups, roll_ups: &[RollUp]) -> Result<()> {
        let Some(detector) = self.plan.detectors.get(number) else { return Ok(()) };
        if !detector.raises && !detector.terms.feeds {
            return Ok(());
        }
        let days = self.days.get_or_insert_with(|| CoveredDays::of(&mut self.judged.coverage));
        let (covered, scope) = days.of_entity(detector, &groups.entity);
        let since = self.how.folds_since.get(&groups.fold);
        let covered = since.map_or(covered, |since| days_from(covered, *since));
        let learning = self.how.learning(detector);
        let roll_up = roll_ups.iter().find(|roll_up| roll_up.is_for(&detector.terms));
        let history = History { covered, scope, learning, roll_up };
        let mut judgement = (detector.judge.judge)(&detector.terms, groups, &history);
        let firings = std::mem::take(&mut judgement.firings);
        self.chains.feed(number, groups, &firings);
        if detector.raises {
            let how = self.how;
            let sensitive = &self.plan.sensitive_buckets;
            let known = Known { own: how.own, intel: how.intel, sensitive };
            self.judged.add(detector, groups, judgement, how, known)?;
        }
        Ok(())
    }

    /// Judges what waits for correlations of at most that depth.
    fn catch_up(&mut self, depth: u8) -> Result<()> {
        while let Some((number, groups)) = self.chains.next(depth) {
            self.judge(number, &groups, &[])?;
        }
        Ok(())
    }
}

impl Judged {
    fn new(spill: Spill<'_>) -> Self {
        Self {
            findings: Vec::new(),
            first_appearances: SheetWriter::new(spill, findings_batch),
            learned: BTreeMap::new(),
            coverage: Logged::new(spill),
            unjudged: BTreeMap::new(),
            notes: Vec::new(),
            suppression: None,
            diagnostics: Vec::new(),
        }
    }

    fn add(
        &mut self,
        detector: &Detector,
        groups: &Groups,
        judgement: Judgement,
        how: &Judging<'_>,
        known: Known<'_>,
    ) -> Result<()> {
        let Judgement { mut signals, mut learned, diffuse, unjudged, .. } = judgement;
        let reported = |from: Option<i64>, day: i64| from.is_none_or(|from| day >= from);
        // The day before is kept for the link to it.
        signals.retain(|signal| reported(how.from_day, signal.day + 1));
        let mut findings = findings_of(detector, &groups.entity, &signals, known);
        findings.retain(|finding| reported(how.from_day, finding.day));
        self.findings.extend(findings);
        learned.retain(|(signal, _)| reported(how.learned_from_day, signal.day));
        let reason = learned.iter().map(|(_, reason)| *reason).min();
        if let Some(reason) = reason.or(unjudged).or(diffuse.then_some(Unjudged::Diffuse)) {
            *self.unjudged.entry((detector.metadata.id.clone(), reason)).or_default() += 1;
        }
        let learned: Vec<Signal> = learned.into_iter().map(|(signal, _)| signal).collect();
        let mut learned = findings_of(detector, &groups.entity, &learned, known);
        learned.retain(|finding| reported(how.listed_from_day, finding.day));
        how.suppress.apply(&mut learned);
        for finding in learned {
            *self.learned.entry(finding.detector_id.clone()).or_default() += 1;
            self.first_appearances.push(finding)?;
        }
        Ok(())
    }

    /// Adds the sequences among the findings that are to be seen.
    fn tell_sequences(&mut self, plan: &Plan, how: &Judging<'_>) {
        let mut told = find_sequences(&plan.sequences, &self.findings);
        self.notes.extend(how.suppress.apply(&mut told));
        self.findings.extend(told);
        sort(&mut self.findings);
    }

    fn suppress(&mut self, plan: &Plan, suppress: &Suppressions) {
        self.notes = suppress.apply(&mut self.findings);
        let off = plan.off.iter().map(|off| off.detector.clone());
        let ids = plan.known().map(|found| found.id.clone()).chain(off).collect::<Vec<_>>();
        self.suppression.clone_from(&suppress.used);
        self.diagnostics.clone_from(&suppress.diagnostics);
        self.diagnostics.extend(suppress.strangers(&ids));
    }
}

/// What detectors need and nobody has given, a line for each.
pub(super) fn off(plan: &Plan) -> impl Iterator<Item = NotJudged> {
    let mut reasons: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for off in &plan.off {
        for kind in &off.missing {
            reasons.entry(kind.missing()).or_default().insert(off.detector.clone());
        }
    }
    reasons.into_iter().map(|(reason, detectors)| NotJudged {
        detectors: detectors.into_iter().collect(),
        accounts: Vec::new(),
        entities: None,
        reason,
    })
}

/// What the logs show too little of.
pub(super) fn not_judged(
    unjudged: BTreeMap<(String, Unjudged), u64>,
) -> impl Iterator<Item = NotJudged> {
    unjudged.into_iter().map(|((detector, reason), entities)| NotJudged {
        detectors: vec![detector],
        accounts: Vec::new(),
        entities: Some(entities),
        reason: reason.to_string(),
    })
}

fn days_from(days: &[i64], from: i64) -> &[i64] {
    days.get(days.partition_point(|day| *day < from)..).unwrap_or_default()
}

fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let order = |a: &Finding, b: &Finding| {
            (&a.finding_type, &a.account, &a.principal).cmp(&(
                &b.finding_type,
                &b.account,
                &b.principal,
            ))
        };
        let when = |a: &Finding, b: &Finding| {
            (a.first_seen, a.last_seen, &a.finding_id).cmp(&(
                b.first_seen,
                b.last_seen,
                &b.finding_id,
            ))
        };
        b.severity.total_cmp(&a.severity).then_with(|| order(a, b)).then_with(|| when(a, b))
    });
}
