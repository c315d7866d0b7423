//! The merged table walked once: coverage rows on one hand, judged entities on the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::chains::Chains;
use super::run::NotJudged;
use crate::detect::group::{Entities, Entity, FoldId, Groups, Key, Row};
use crate::detect::judge::{History, Judgement, Learning, Signal, Unjudged};
use crate::detect::rules::{Detector, Diagnostic, Plan, UsedFile};
use crate::error::Result;
use crate::findings::{Finding, Suppressions, findings_of, link_shared};
use crate::intel::OwnAccounts;

/// Events of one account, region, bucket and class in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageRow {
    /// The account whose trail got them.
    pub account: Option<Arc<str>>,
    /// The region.
    pub region: Option<Arc<str>>,
    /// The bucket; none for events that concern none.
    pub bucket: Option<Arc<str>>,
    /// `read`, `write`, `delete` or `management`.
    pub class: Option<Arc<str>>,
    /// Start of the hour, seconds since the epoch.
    pub hour: i64,
    /// Calls that succeeded.
    pub ok: u64,
    /// Calls that failed.
    pub failed: u64,
}

impl CoverageRow {
    fn is_data(&self) -> bool {
        self.bucket.is_some() && !matches!(self.class.as_deref(), Some("management" | "other"))
    }
}

/// What was logged where; silence is no safety.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Sorted by account, region, bucket, class, hour.
    pub rows: Vec<CoverageRow>,
}

impl Coverage {
    /// Per account: whether it has S3 data events.
    #[must_use]
    pub fn data_events(&self) -> BTreeMap<Option<Arc<str>>, bool> {
        let mut accounts = BTreeMap::new();
        for row in &self.rows {
            *accounts.entry(row.account.clone()).or_default() |= row.is_data();
        }
        accounts
    }

    /// What the logs cannot show to detectors that need S3 data events.
    #[must_use]
    pub fn not_judged(&self, detectors: &[Detector]) -> Vec<NotJudged> {
        let needy: Vec<String> = detectors
            .iter()
            .filter(|detector| detector.raises && detector.metadata.needs_data_events)
            .map(|detector| detector.metadata.id.clone())
            .collect();
        if needy.is_empty() {
            return Vec::new();
        }
        let without = self.data_events().into_iter().filter(|(_, has)| !has);
        let accounts: Vec<String> = without
            .map(|(account, _)| account.as_deref().unwrap_or("unknown").to_owned())
            .collect();
        if accounts.is_empty() {
            return Vec::new();
        }
        let reason = "the logs hold no S3 data events, so object-level calls cannot be seen";
        vec![NotJudged { detectors: needy, accounts, entities: None, reason: reason.to_owned() }]
    }

    fn add(&mut self, groups: Groups) {
        let column = |position: usize| groups.entity.get(position).cloned().flatten();
        for (_, row) in groups.rows {
            for pane in row.panes {
                self.rows.push(CoverageRow {
                    account: column(0),
                    region: column(1),
                    bucket: column(2),
                    class: column(3),
                    hour: pane.start,
                    ok: pane.ok,
                    failed: pane.failed,
                });
            }
        }
    }
}

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
    /// Folds whose history begins on a day later than that of their accounts.
    pub folds_since: BTreeMap<FoldId, i64>,
    /// One's own accounts.
    pub own: &'j OwnAccounts,
    /// Findings that somebody does not want to see.
    pub suppress: &'j Suppressions,
}

impl Judging<'_> {
    fn learning(&self, detector: &Detector) -> Learning {
        let min = detector.scope.map_or(0, |scope| scope.min_days);
        let own = || Learning::Covered { min_days: usize::try_from(min).unwrap_or(usize::MAX) };
        self.learning.unwrap_or_else(own)
    }
}

/// What judging a table came to.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Most severe first, then by what and who and when.
    pub findings: Vec<Finding>,
    /// First appearances that were only learned, in the same order.
    pub first_appearances: Vec<Finding>,
    /// What was logged where.
    pub coverage: Coverage,
    /// Entities that were not judged, by detector and reason.
    pub unjudged: BTreeMap<(String, Unjudged), u64>,
    /// Of suppressions that have expired.
    pub notes: Vec<String>,
    /// The suppression file.
    pub suppression: Option<UsedFile>,
    /// Suppressions that do not apply.
    pub diagnostics: Vec<Diagnostic>,
}

/// Judges the merged table.
///
/// # Errors
/// Those of reading the table.
pub(super) fn judge(
    plan: &Plan,
    how: &Judging<'_>,
    table: impl Iterator<Item = Result<(Key, Row)>>,
) -> Result<Judged> {
    let mut detectors: BTreeMap<FoldId, Vec<usize>> = BTreeMap::new();
    for (number, detector) in plan.detectors.iter().enumerate() {
        if let Some(fold) = plan.folds.get(detector.fold) {
            detectors.entry(fold.id).or_default().push(number);
        }
    }
    let coverage_fold = plan.folds.get(Plan::COVERAGE).map(|fold| fold.id);
    let valued = plan.folds.iter().filter(|fold| fold.valued).map(|fold| fold.id).collect();
    let mut walk =
        Walk { plan, how, judged: Judged::default(), days: None, chains: Chains::new(plan) };
    for groups in Entities::new(table, valued) {
        let groups = groups?;
        if Some(groups.fold) == coverage_fold {
            walk.judged.coverage.add(groups);
            continue;
        }
        for number in detectors.get(&groups.fold).into_iter().flatten() {
            let depth = plan.detectors.get(*number).map_or(0, |detector| detector.depth);
            if let Some(depth) = depth.checked_sub(1) {
                walk.catch_up(depth);
            }
            let groups = walk.chains.join(*number, &groups);
            walk.judge(*number, &groups);
        }
    }
    walk.catch_up(u8::MAX);
    let mut judged = walk.judged;
    sort(&mut judged.findings);
    sort(&mut judged.first_appearances);
    link_shared(&mut judged.findings);
    judged.suppress(plan, how.suppress);
    Ok(judged)
}

/// A walk over the table.
struct Walk<'w> {
    plan: &'w Plan,
    how: &'w Judging<'w>,
    judged: Judged,
    /// Known once coverage, which sorts first, is complete.
    days: Option<CoveredDays>,
    chains: Chains<'w>,
}

impl Walk<'_> {
    /// Judges an entity by one detector.
    fn judge(&mut self, number: usize, groups: &Groups) {
        let Some(detector) = self.plan.detectors.get(number) else { return };
        if !detector.raises && !detector.terms.feeds {
            return;
        }
        let days = self.days.get_or_insert_with(|| CoveredDays::of(&self.judged.coverage));
        let (covered, scope) = days.of_entity(detector, &groups.entity);
        let since = self.how.folds_since.get(&groups.fold);
        let covered = since.map_or(covered, |since| days_from(covered, *since));
        let history = History { covered, scope, learning: self.how.learning(detector) };
        let mut judgement = (detector.judge.judge)(&detector.terms, groups, &history);
        let firings = std::mem::take(&mut judgement.firings);
        self.chains.feed(number, groups, &firings);
        if detector.raises {
            self.judged.add(detector, groups, judgement, self.how);
        }
    }

    /// Judges what waits for correlations of at most that depth.
    fn catch_up(&mut self, depth: u8) {
        while let Some((number, groups)) = self.chains.next(depth) {
            self.judge(number, &groups);
        }
    }
}

impl Judged {
    fn add(
        &mut self,
        detector: &Detector,
        groups: &Groups,
        judgement: Judgement,
        how: &Judging<'_>,
    ) {
        let Judgement { mut signals, mut learned, diffuse, .. } = judgement;
        let reported = |from: Option<i64>, day: i64| from.is_none_or(|from| day >= from);
        // The day before is kept for the link to it.
        signals.retain(|signal| reported(how.from_day, signal.day + 1));
        let mut findings = findings_of(detector, &groups.entity, &signals, how.own);
        findings.retain(|finding| reported(how.from_day, finding.day));
        self.findings.extend(findings);
        learned.retain(|(signal, _)| reported(how.learned_from_day, signal.day));
        let reason = learned.iter().map(|(_, reason)| *reason).min();
        if let Some(reason) = reason.or(diffuse.then_some(Unjudged::Diffuse)) {
            *self.unjudged.entry((detector.metadata.id.clone(), reason)).or_default() += 1;
        }
        let learned: Vec<Signal> = learned.into_iter().map(|(signal, _)| signal).collect();
        let learned = findings_of(detector, &groups.entity, &learned, how.own);
        self.first_appearances.extend(learned);
    }

    fn suppress(&mut self, plan: &Plan, suppress: &Suppressions) {
        self.notes = suppress.apply(&mut self.findings);
        suppress.apply(&mut self.first_appearances);
        let ids: Vec<String> = plan.detectors.iter().map(|d| d.metadata.id.clone()).collect();
        self.suppression.clone_from(&suppress.used);
        self.diagnostics.clone_from(&suppress.diagnostics);
        self.diagnostics.extend(suppress.strangers(&ids));
    }

    /// What the logs cannot show, and what they show too little of.
    pub(super) fn not_judged(&self, plan: &Plan) -> Vec<NotJudged> {
        let mut found = self.coverage.not_judged(&plan.detectors);
        let entities = self.unjudged.iter().map(|((detector, reason), entities)| NotJudged {
            detectors: vec![detector.clone()],
            accounts: Vec::new(),
            entities: Some(*entities),
            reason: reason.to_string(),
        });
        found.extend(entities);
        found
    }
}

/// The account, and whether only data events count.
type AccountKind = (Option<Arc<str>>, bool);

/// The days that the logs show, by account and by bucket, ascending.
#[derive(Debug, Default)]
struct CoveredDays(BTreeMap<(AccountKind, Option<Arc<str>>), Vec<i64>>);

/// Stands for all buckets, and none, of an account: no bucket is named so.
const ACCOUNT: &str = "";

impl CoveredDays {
    fn of(coverage: &Coverage) -> Self {
        let mut scopes: BTreeMap<_, BTreeSet<i64>> = BTreeMap::new();
        let whole: Option<Arc<str>> = Some(ACCOUNT.into());
        for row in &coverage.rows {
            let day = row.hour.div_euclid(86_400);
            for data in [false, true].into_iter().take(1 + usize::from(row.is_data())) {
                for scope in [&whole, &row.bucket] {
                    let key = ((row.account.clone(), data), scope.clone());
                    scopes.entry(key).or_default().insert(day);
                }
            }
        }
        let sorted = |(scope, days): (_, BTreeSet<i64>)| (scope, days.into_iter().collect());
        Self(scopes.into_iter().map(sorted).collect())
    }

    /// The days of the entity's account, and those of its scope.
    fn of_entity(&self, detector: &Detector, entity: &Entity) -> (&[i64], &[i64]) {
        let Some(scope) = detector.scope else { return (&[], &[]) };
        let column = |at: usize| entity.get(at).cloned().flatten();
        let days = |bucket| self.0.get(&((column(0), scope.data), bucket));
        let account = days(Some(ACCOUNT.into())).map_or(&[][..], Vec::as_slice);
        match scope.bucket {
            Some(bucket) => (account, days(column(bucket)).map_or(&[][..], Vec::as_slice)),
            None => (account, account),
        }
    }
}

fn days_from(days: &[i64], from: i64) -> &[i64] {
    days.get(days.partition_point(|day| *day < from)..).unwrap_or_default()
}

fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let when = |f: &Finding| (f.first_seen, f.last_seen, f.finding_id.clone());
        let order = |f: &Finding| (f.finding_type.clone(), f.account.clone(), f.principal.clone());
        b.severity
            .total_cmp(&a.severity)
            .then_with(|| order(a).cmp(&order(b)))
            .then_with(|| when(a).cmp(&when(b)))
    });
}
