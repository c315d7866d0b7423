//! The merged table walked once: coverage rows on one hand, judged entities on the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::run::NotJudged;
use crate::detect::group::{Entities, Entity, FoldId, Groups, Key, Row};
use crate::detect::judge::{History, Judgement, Learning, Unjudged};
use crate::detect::rules::{Detector, Plan};
use crate::error::Result;
use crate::findings::{Finding, findings_of, link_shared};
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
        self.bucket.is_some() && self.class.as_deref() != Some("management")
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
            .filter(|detector| detector.metadata.needs_data_events)
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
#[derive(Debug, Clone, Copy)]
pub(super) struct Judging<'j> {
    /// What is only learned, and what is judged.
    pub learning: Learning,
    /// Findings of days before are left out.
    pub from_day: Option<i64>,
    /// One's own accounts.
    pub own: &'j OwnAccounts,
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
    let mut detectors: BTreeMap<FoldId, Vec<&Detector>> = BTreeMap::new();
    for detector in &plan.detectors {
        if let Some(fold) = plan.folds.get(detector.fold) {
            detectors.entry(fold.id).or_default().push(detector);
        }
    }
    let coverage_fold = plan.folds.get(Plan::COVERAGE).map(|fold| fold.id);
    let valued = plan.folds.iter().filter(|fold| fold.valued).map(|fold| fold.id).collect();
    let (mut judged, mut days) = (Judged::default(), None);
    for groups in Entities::new(table, valued) {
        let groups = groups?;
        if Some(groups.fold) == coverage_fold {
            judged.coverage.add(groups);
            continue;
        }
        // Coverage sorts first, so it is complete here.
        let days = days.get_or_insert_with(|| CoveredDays::of(&judged.coverage));
        for detector in detectors.get(&groups.fold).into_iter().flatten() {
            let covered = days.of_entity(detector, &groups.entity);
            let history = History { covered, learning: how.learning };
            let judgement = (detector.judge.judge)(&detector.terms, &groups, &history);
            judged.add(detector, &groups, judgement, how);
        }
    }
    sort(&mut judged.findings);
    sort(&mut judged.first_appearances);
    link_shared(&mut judged.findings);
    Ok(judged)
}

impl Judged {
    fn add(
        &mut self,
        detector: &Detector,
        groups: &Groups,
        judgement: Judgement,
        how: &Judging<'_>,
    ) {
        let Judgement { mut signals, learned, not_judged } = judgement;
        signals.retain(|signal| how.from_day.is_none_or(|from| signal.day >= from));
        self.findings.extend(findings_of(detector, &groups.entity, &signals, how.own));
        let learned = findings_of(detector, &groups.entity, &learned, how.own);
        self.first_appearances.extend(learned);
        if let Some(reason) = not_judged {
            *self.unjudged.entry((detector.metadata.id.clone(), reason)).or_default() += 1;
        }
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

/// The days that the logs show, by scope. A bucket that was seen once is covered from then on by
/// whatever covers its account: silence of one bucket while others are logged is no gap.
#[derive(Debug, Default)]
struct CoveredDays {
    /// Ascending.
    accounts: BTreeMap<AccountKind, Vec<i64>>,
    /// First days of buckets.
    buckets: BTreeMap<(AccountKind, Option<Arc<str>>), i64>,
}

impl CoveredDays {
    fn of(coverage: &Coverage) -> Self {
        let mut accounts: BTreeMap<AccountKind, BTreeSet<i64>> = BTreeMap::new();
        let mut buckets = BTreeMap::new();
        for row in &coverage.rows {
            let day = row.hour.div_euclid(86_400);
            for data in [false, true].into_iter().take(1 + usize::from(row.is_data())) {
                let account = (row.account.clone(), data);
                accounts.entry(account.clone()).or_default().insert(day);
                let first = buckets.entry((account, row.bucket.clone())).or_insert(day);
                *first = day.min(*first);
            }
        }
        let sorted = |(scope, days): (_, BTreeSet<i64>)| (scope, days.into_iter().collect());
        Self { accounts: accounts.into_iter().map(sorted).collect(), buckets }
    }

    fn of_entity(&self, detector: &Detector, entity: &Entity) -> &[i64] {
        let Some(scope) = detector.scope else { return &[] };
        let column = |at: usize| entity.get(at).cloned().flatten();
        let account = (column(0), scope.data);
        let days = self.accounts.get(&account).map_or(&[][..], Vec::as_slice);
        let Some(bucket) = scope.bucket else { return days };
        match self.buckets.get(&(account, column(bucket))) {
            Some(first) => days.get(days.partition_point(|day| day < first)..).unwrap_or_default(),
            None => &[],
        }
    }
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
