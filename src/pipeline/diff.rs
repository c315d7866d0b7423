//! Two sets of detectors over the same input: which findings the new one gains and loses, so that
//! detectors are tuned by counts and not by feeling.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::run::Run;
use super::scan::{Progress, ScanOptions, scan_with};
use crate::detect::rules::{Diagnostic, Plan, Tuning, read_folder, shipped};
use crate::detect::select::Placeholders;
use crate::error::{Error, Result};
use crate::findings::{Finding, day_text};
use crate::intel::Available;

/// The word for the detectors in the binary.
const SHIPPED: &str = "shipped";

/// Entities named per detector.
const TOP: usize = 5;

/// What to compare.
#[derive(Debug, Clone)]
pub struct DiffOptions {
    /// A folder of detectors, or `shipped`.
    pub old: PathBuf,
    /// A folder of detectors, or `shipped`.
    pub new: PathBuf,
    /// What to scan; its tuning is that of the new side.
    pub scan: ScanOptions,
}

/// One side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// Folder, or `shipped`.
    pub detectors: String,
    /// How many findings.
    pub findings: usize,
    /// Rules that did not run, and changes that do not apply.
    pub diagnostics: Vec<Diagnostic>,
}

/// How many findings were there, and how many of them are gained or lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Change {
    /// On the old side.
    pub old: usize,
    /// On the new side.
    pub new: usize,
    /// On the new side alone.
    pub gained: usize,
    /// On the old side alone.
    pub lost: usize,
    /// On both, with another severity.
    pub regraded: usize,
}

/// One finding, as far as a comparison names it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named {
    /// Its id.
    pub finding_id: String,
    /// Its detector.
    pub detector_id: String,
    /// Its UTC day.
    pub day: String,
    /// 1.0–10.0.
    pub severity: f64,
    /// One line.
    pub title: String,
    /// Who.
    pub principal: Option<String>,
    /// Where.
    pub buckets: Vec<String>,
    /// How many calls.
    pub event_count: u64,
}

/// What a detector gains and loses, and at whom.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct DetectorDiff {
    /// All of it.
    #[serde(flatten)]
    pub change: Change,
    /// The entities with most findings gained or lost: at most five.
    pub top: Vec<EntityDiff>,
}

/// What is gained and lost at one entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntityDiff {
    /// Who.
    pub principal: Option<String>,
    /// Where.
    pub buckets: Vec<String>,
    /// Findings.
    pub gained: usize,
    /// Findings.
    pub lost: usize,
}

/// What the new detectors find otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    /// Before.
    pub old: Side,
    /// After.
    pub new: Side,
    /// UTC days with events.
    pub days: usize,
    /// Events analysed.
    pub events: u64,
    /// Objects and records that could not be read.
    pub unreadable: u64,
    /// Whether it was stopped early.
    pub interrupted: bool,
    /// Of all detectors.
    pub total: Change,
    /// By UTC day, where there are findings.
    pub by_day: BTreeMap<String, Change>,
    /// By detector, where there are findings.
    pub by_detector: BTreeMap<String, DetectorDiff>,
    /// On the new side alone, most severe first.
    pub gained: Vec<Named>,
    /// On the old side alone, most severe first.
    pub lost: Vec<Named>,
}

/// Scans the input with both sets of detectors and compares.
///
/// # Errors
/// Those of a scan.
pub fn diff(options: &DiffOptions, progress: &dyn Progress, stop: &AtomicBool) -> Result<Diff> {
    let available = options.scan.judge.available();
    let run = |side: &Path, tune: Option<&Tuning>| -> Result<Run> {
        let folder = tempfile::tempdir().map_err(Error::io("temporary folder"))?;
        let scan = ScanOptions { out: folder.path().to_path_buf().into(), ..options.scan.clone() };
        scan_with(&plan(side, tune, &available)?, &scan, progress, stop)
    };
    let old = run(&options.old, None)?;
    let new = run(&options.new, options.scan.tune.as_ref())?;
    let side = |path: &Path, run: &Run| Side {
        detectors: path.display().to_string(),
        findings: run.visible().count(),
        diagnostics: run.diagnostics.clone(),
    };
    let mut diff = Diff {
        old: side(&options.old, &old),
        new: side(&options.new, &new),
        days: new.coverage.days().len(),
        events: new.account.records().analysed,
        unreadable: new.account.unreadable(),
        interrupted: old.interrupted || new.interrupted,
        total: Change::default(),
        by_day: BTreeMap::new(),
        by_detector: BTreeMap::new(),
        gained: Vec::new(),
        lost: Vec::new(),
    };
    diff.compare(&old, &new);
    Ok(diff)
}

/// The detectors of one side alone.
fn plan(side: &Path, tune: Option<&Tuning>, available: &Available) -> Result<Plan> {
    let (files, unreadable) = match side.to_str() {
        Some(SHIPPED) => (shipped(), Vec::new()),
        _ => read_folder(side)?,
    };
    let mut plan = Plan::compile_with(&files, &Placeholders::new(), tune, available);
    plan.diagnostics.extend(unreadable);
    Ok(plan)
}

impl Diff {
    fn compare(&mut self, old: &Run, new: &Run) {
        let by_id = |run| -> BTreeMap<&str, &Finding> {
            Run::visible(run).map(|finding| (finding.finding_id.as_str(), finding)).collect()
        };
        let (olds, news) = (by_id(old), by_id(new));
        for finding in old.visible() {
            self.count(finding, |change| change.old += 1);
            if !news.contains_key(finding.finding_id.as_str()) {
                self.count(finding, |change| change.lost += 1);
                self.lost.push(named(finding));
            }
        }
        for finding in new.visible() {
            self.count(finding, |change| change.new += 1);
            match olds.get(finding.finding_id.as_str()) {
                None => {
                    self.count(finding, |change| change.gained += 1);
                    self.gained.push(named(finding));
                }
                Some(before) if before.severity.total_cmp(&finding.severity).is_ne() => {
                    self.count(finding, |change| change.regraded += 1);
                }
                Some(_) => {}
            }
        }
        let ids: Vec<String> = self.by_detector.keys().cloned().collect();
        for id in ids {
            let top = self.top(&id);
            self.by_detector.entry(id).or_default().top = top;
        }
    }

    fn count(&mut self, finding: &Finding, add: impl Fn(&mut Change)) {
        add(&mut self.total);
        add(self.by_day.entry(day_text(finding.day)).or_default());
        add(&mut self.by_detector.entry(finding.detector_id.clone()).or_default().change);
    }

    /// The entities at which a detector gains or loses most.
    fn top(&self, detector: &str) -> Vec<EntityDiff> {
        let of_detector = |named: &&Named| named.detector_id == detector;
        let mut entities: BTreeMap<_, (usize, usize)> = BTreeMap::new();
        for named in self.gained.iter().filter(of_detector) {
            entities.entry((&named.principal, &named.buckets)).or_default().0 += 1;
        }
        for named in self.lost.iter().filter(of_detector) {
            entities.entry((&named.principal, &named.buckets)).or_default().1 += 1;
        }
        let mut top: Vec<EntityDiff> = entities
            .into_iter()
            .map(|((principal, buckets), (gained, lost))| EntityDiff {
                principal: principal.clone(),
                buckets: buckets.clone(),
                gained,
                lost,
            })
            .collect();
        top.sort_by_key(|entity| std::cmp::Reverse(entity.gained + entity.lost));
        top.truncate(TOP);
        top
    }

    /// The detectors that did not find the same.
    #[must_use]
    pub fn changed(&self) -> BTreeSet<&str> {
        let is_changed = |change: &Change| change.gained + change.lost + change.regraded > 0;
        let changed = self.by_detector.iter().filter(|(_, diff)| is_changed(&diff.change));
        changed.map(|(id, _)| id.as_str()).collect()
    }
}

fn named(finding: &Finding) -> Named {
    Named {
        finding_id: finding.finding_id.clone(),
        detector_id: finding.detector_id.clone(),
        day: day_text(finding.day),
        severity: finding.severity,
        title: finding.title.clone(),
        principal: finding.principal.as_deref().map(str::to_owned),
        buckets: finding.buckets.iter().map(ToString::to_string).collect(),
        event_count: finding.ok_count.saturating_add(finding.error_count),
    }
}
