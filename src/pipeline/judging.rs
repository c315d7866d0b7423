//! The merged table walked once: coverage rows on one hand, judged entities on the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::run::NotJudged;
use crate::detect::group::{Entities, FoldId, Groups, Key, Row};
use crate::detect::rules::{Detector, Plan};
use crate::error::Result;
use crate::findings::{Finding, findings_of, link_shared};

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
            let is_data = row.bucket.is_some() && row.class.as_deref() != Some("management");
            *accounts.entry(row.account.clone()).or_default() |= is_data;
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
        vec![NotJudged { detectors: needy, accounts, reason: reason.to_owned() }]
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

/// Judges the merged table. Findings come sorted: most severe first, then by what and who and
/// when; coverage by its columns.
///
/// # Errors
/// Those of reading the table.
pub(super) fn judge(
    plan: &Plan,
    table: impl Iterator<Item = Result<(Key, Row)>>,
) -> Result<(Vec<Finding>, Coverage)> {
    let mut detectors: BTreeMap<FoldId, Vec<&Detector>> = BTreeMap::new();
    for detector in &plan.detectors {
        if let Some(fold) = plan.folds.get(detector.fold) {
            detectors.entry(fold.id).or_default().push(detector);
        }
    }
    let coverage_fold = plan.folds.get(Plan::COVERAGE).map(|fold| fold.id);
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    for groups in Entities::new(table) {
        let groups = groups?;
        if Some(groups.fold) == coverage_fold {
            coverage.add(groups);
            continue;
        }
        for detector in detectors.get(&groups.fold).into_iter().flatten() {
            findings.extend(findings_of(detector, &groups));
        }
    }
    sort(&mut findings);
    link_shared(&mut findings);
    Ok((findings, coverage))
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
