//! From events to findings as a run does it, with what is public.

use std::collections::BTreeSet;

use trailsift::Result;
use trailsift::detect::group::{Entities, Fold, FoldId, Key, Row, SelectedBatch, Table};
use trailsift::detect::judge::{History, Learning, RollUp};
use trailsift::detect::rules::Plan;
use trailsift::events::EventBatch;
use trailsift::findings::{
    Finding, Known, find_sequences, findings_batch, findings_of, link_shared,
};
use trailsift::intel::{Intel, OwnAccounts};

/// The rows that the plan's folds make of the batch, sorted.
pub fn folded(plan: &Plan, batch: &EventBatch) -> Vec<(Key, Row)> {
    let mut table = Table::new(plan.folds.iter().map(Fold::table_fold));
    let masks = plan.masks(batch);
    let mut selected = SelectedBatch::new(batch, &masks, &plan.folds, &table);
    for part in selected.parts() {
        selected.fold(part, &plan.folds, &mut table);
    }
    table.drain_sorted().collect()
}

/// Judges a sorted table and writes the findings' columns. `covered` are the days of every scope.
///
/// # Errors
/// Those of reading the table.
pub fn judged(
    plan: &Plan,
    table: impl Iterator<Item = Result<(Key, Row)>>,
    covered: &BTreeSet<i64>,
) -> Result<Vec<Finding>> {
    let valued: BTreeSet<FoldId> =
        plan.folds.iter().filter(|fold| fold.valued).map(|fold| fold.id).collect();
    let covered: Vec<i64> = covered.iter().copied().collect();
    let (own, intel) = (OwnAccounts::default(), Intel::default());
    let known = Known { own: &own, intel: &intel, sensitive: &plan.sensitive_buckets };
    let mut findings = Vec::new();
    for groups in Entities::new(table, valued) {
        let groups = groups?;
        let of_fold = |number: usize| plan.folds[number].id == groups.fold;
        for detector in plan.detectors.iter().filter(|detector| of_fold(detector.fold)) {
            for learning in [
                Learning::Covered { min_days: 1 },
                Learning::Until { day: 20_000 },
                Learning::Incident { from: 20_000, until: 20_007 },
            ] {
                let mut roll_up = RollUp::new(&detector.terms);
                if let Some(roll_up) = &mut roll_up {
                    roll_up.add(std::slice::from_ref(&groups));
                }
                let roll_up = roll_up.as_ref();
                let history = History { covered: &covered, scope: &covered, learning, roll_up };
                let judgement = (detector.judge.judge)(&detector.terms, &groups, &history);
                let learned = judgement.learned.into_iter().map(|(signal, _)| signal);
                let signals: Vec<_> = judgement.signals.into_iter().chain(learned).collect();
                findings.extend(findings_of(detector, &groups.entity, &signals, known));
            }
        }
    }
    link_shared(&mut findings);
    findings.extend(find_sequences(&plan.sequences, &findings));
    findings_batch(&findings).unwrap();
    Ok(findings)
}

/// The days of the rows.
pub fn days(rows: &[(Key, Row)]) -> BTreeSet<i64> {
    rows.iter().map(|(key, _)| key.bucket.div_euclid(86_400)).collect()
}
