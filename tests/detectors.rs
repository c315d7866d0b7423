//! Every shipped detector against the cases on its page.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

use trailsift::detect::rules::{Plan, Tuning, shipped};
use trailsift::detect::select::Placeholders;
use trailsift::intel::Available;
use trailsift::pipeline::{check_cases, load_plan, read_cases};

#[test]
fn every_shipped_detector_has_cases_and_they_hold() {
    let plan = load_plan(None).unwrap();
    let mut failures = Vec::new();
    for file in shipped() {
        let page = file.page.as_deref().unwrap_or_default();
        match read_cases(page) {
            Ok(cases) if cases.is_empty() => failures.push(format!("{}: no cases", file.name)),
            Ok(cases) => {
                let failed = check_cases(&plan, file.slug(), &cases).unwrap();
                failures.extend(failed.iter().map(ToString::to_string));
            }
            Err(fault) => failures.push(format!("{}: {fault}", file.name)),
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_detector_is_named_after_its_file() {
    let plan = load_plan(None).unwrap();
    let mut ids: Vec<&str> = plan.raising().map(|metadata| metadata.id.as_str()).collect();
    let files = shipped();
    let mut slugs: Vec<&str> = files.iter().map(trailsift::detect::rules::RuleFile::slug).collect();
    ids.sort_unstable();
    slugs.sort_unstable();
    assert_eq!(ids, slugs);
}

#[test]
fn what_is_switched_off_is_not_folded() {
    let tuning = Tuning::only(None, &["mass_object_delete".to_owned()]);
    let (placeholders, available) = (Placeholders::new(), Available::everything());
    let plan = Plan::compile_with(&shipped(), &placeholders, Some(&tuning), &available);
    assert_eq!(plan.diagnostics, []);
    let ids: Vec<&str> = plan.detectors.iter().map(|d| d.metadata.id.as_str()).collect();
    assert_eq!(ids, ["mass_object_delete"]);
    // Coverage and its own.
    assert_eq!(plan.folds.len(), 2);
}
