//! What the table of a state is of: the selections that have a history, and since when.

use std::collections::BTreeSet;

use crate::detect::group;
use crate::detect::rules::Plan;
use crate::state::{FoldEntry, Manifest};

/// The folds of a plan for the next manifest; one that is new to the state has no history yet.
pub(super) fn fold_entries(plan: &Plan, before: Option<&Manifest>) -> Vec<FoldEntry> {
    let entry = |(number, fold): (usize, &group::Fold)| {
        let id = fold.id.to_string();
        let known = before.and_then(|before| before.folds.iter().find(|entry| entry.fold == id));
        // The newest day was seen in part already.
        let new = || before.and_then(|before| before.newest_day).map(|newest| newest + 1);
        let detectors = plan.detectors.iter().filter(|detector| detector.fold == number);
        FoldEntry {
            since_day: known.map_or_else(new, |known| known.since_day),
            detectors: detectors.map(|detector| detector.metadata.id.clone()).collect(),
            columns: fold.entity.iter().map(|field| plan.fields.name(*field)).collect(),
            sampled: fold.samples.iter().map(|sample| plan.fields.name(sample.field)).collect(),
            fold: id,
        }
    };
    plan.folds.iter().enumerate().map(entry).collect()
}

/// What the user should know of selections that are new to the state, or gone.
pub(super) fn relearned(before: Option<&Manifest>, manifest: &Manifest) -> Vec<String> {
    let Some(before) = before else { return Vec::new() };
    let known: BTreeSet<&str> = before.folds.iter().map(|fold| fold.fold.as_str()).collect();
    let new = manifest.folds.iter().filter(|fold| !known.contains(fold.fold.as_str()));
    let new: Vec<&str> = new.flat_map(|fold| &fold.detectors).map(String::as_str).collect();
    let now: BTreeSet<&str> = manifest.folds.iter().map(|fold| fold.fold.as_str()).collect();
    let gone = known.difference(&now).count();
    let mut notes = Vec::new();
    if !new.is_empty() {
        notes.push(format!(
            "new to the state, or with a changed selection: their history begins now: {}",
            new.join(", ")
        ));
    }
    if gone > 0 {
        notes.push(format!(
            "the state held the history of {gone} selections that no detector asks for now; \
             it was dropped"
        ));
    }
    notes
}
