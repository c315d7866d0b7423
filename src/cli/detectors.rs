//! `trailsift detectors`: its arguments, and what they run.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::known::Known;
use super::time;
use super::{EXIT_DONE, EXIT_FAILED, INTERRUPT, show, show_json};
use crate::detect::rules::Level;
use crate::error::Result;
use crate::pipeline::{
    CaseLine, DiffOptions, ReadOptions, ScanOptions, Tested, check_detectors, describe_detector,
    diff, list_detectors, test_detectors,
};
use crate::report::{
    Bar, check_results, detector_diff, detector_list, detector_page, test_results,
};
use crate::store::Location;

const EXAMPLES: &str = "\
Examples:
  trailsift detectors list                        the shipped detectors
  trailsift detectors list --detectors my-rules --json
                                                  these and one's own, for a program
  trailsift detectors show mass_object_delete     all that is known of one
  trailsift detectors check my-rules              misspelt fields, events that never come, bad rules
  trailsift detectors test my-rules               run the cases on the pages beside the rules
  trailsift detectors diff shipped shipped logs/ --tune tune.yml
                                                  what a tuning file gains and loses";

/// List, show, check, test and compare detectors
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Detectors {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The detectors that a scan would run
    List(List),
    /// One detector: what it finds, its numbers, and its page
    Show(Show),
    /// Look for faults in detector files; exit status 1 if a rule cannot run
    Check(Files),
    /// Run the cases of detectors as written, reversed and split; exit status 1 if one does not hold
    Test(Files),
    /// Scan INPUT with two sets of detectors and show which findings are gained and lost
    Diff(Box<Diff>),
}

#[derive(Debug, Args)]
struct List {
    /// Folder with more detectors
    #[arg(long, value_name = "DIR")]
    detectors: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Show {
    /// The detector
    #[arg(value_name = "ID")]
    id: String,
    /// Folder with more detectors
    #[arg(long, value_name = "DIR")]
    detectors: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Files {
    /// Folder with detectors [default: the shipped ones]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Diff {
    /// A folder of detectors, or `shipped`
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// A folder of detectors, or `shipped`; --tune changes these alone
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// CloudTrail logs in any shape
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Leave out events before this time: RFC 3339, a date, or `7d`, `24h` ago
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<i64>,
    /// Leave out events from this time on
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<i64>,
    #[command(flatten)]
    known: Known,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Diff {
    fn run(&self, out: &mut dyn Write) -> Result<u8> {
        let (old, new) = (self.old.clone(), self.new.clone());
        let options = DiffOptions { old, new, scan: self.scan()? };
        let found = diff(&options, &Bar::default(), &INTERRUPT)?;
        if self.json {
            show_json(out, &serde_json::to_value(&found)?)?;
        } else {
            show(out, |out| detector_diff(&found, out))?;
        }
        Ok(if found.interrupted { EXIT_FAILED } else { EXIT_DONE })
    }

    /// A scan of everything with the usual bounds, and without an output of its own.
    fn scan(&self) -> Result<ScanOptions> {
        let inputs = self.inputs.iter().cloned().map(Location::from).collect();
        let usual = ScanOptions::new(inputs, PathBuf::new().into());
        Ok(ScanOptions {
            tune: self.known.tuning()?,
            judge: self.known.judge()?,
            read: ReadOptions { since: self.since, until: self.until, ..usual.read },
            ..usual
        })
    }
}

impl Detectors {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<u8> {
        match &self.action {
            Action::List(list) => list.run(out),
            Action::Show(what) => {
                let described = describe_detector(what.detectors.as_deref(), &what.id)?;
                show(out, |out| detector_page(&described, out))?;
                Ok(EXIT_DONE)
            }
            Action::Check(files) => files.check(out),
            Action::Test(files) => files.test(out),
            Action::Diff(diff) => diff.run(out),
        }
    }
}

impl List {
    fn run(&self, out: &mut dyn Write) -> Result<u8> {
        let (entries, refused) = list_detectors(self.detectors.as_deref())?;
        if self.json {
            show_json(out, &json!({"detectors": entries, "diagnostics": refused}))?;
        } else {
            show(out, |out| detector_list(&entries, &refused, out))?;
        }
        Ok(EXIT_DONE)
    }
}

impl Files {
    fn check(&self, out: &mut dyn Write) -> Result<u8> {
        let checked = check_detectors(self.folder.as_deref())?;
        let errors = checked.count(Level::Error);
        if self.json {
            let value = json!({
                "files": checked.files,
                "detectors": checked.detectors,
                "errors": errors,
                "warnings": checked.count(Level::Warning),
                "diagnostics": checked.diagnostics,
            });
            show_json(out, &value)?;
        } else {
            show(out, |out| check_results(&checked, out))?;
        }
        Ok(if errors > 0 { EXIT_FAILED } else { EXIT_DONE })
    }

    fn test(&self, out: &mut dyn Write) -> Result<u8> {
        let tested = test_detectors(self.folder.as_deref())?;
        if self.json {
            show_json(
                out,
                &json!({"detectors": tested.iter().map(test_json).collect::<Vec<_>>()}),
            )?;
        } else {
            show(out, |out| test_results(&tested, out))?;
        }
        let failed = tested.iter().any(|test| !test.passed());
        Ok(if failed { EXIT_FAILED } else { EXIT_DONE })
    }
}

fn test_json(test: &Tested) -> serde_json::Value {
    let lines = |lines: &[CaseLine]| -> Vec<serde_json::Value> {
        let pairs = |line: &CaseLine| {
            let columns = line.iter().map(|(name, text)| (name.clone(), text.clone().into()));
            serde_json::Value::Object(columns.collect())
        };
        lines.iter().map(pairs).collect()
    };
    let failure = |failure: &crate::pipeline::CaseFailure| {
        json!({
            "case": failure.case,
            "variant": failure.variant,
            "expected": lines(&failure.expected),
            "found": lines(&failure.found),
        })
    };
    json!({
        "detector": test.detector,
        "file": test.file,
        "passed": test.passed(),
        "cases": test.cases,
        "failures": test.failures.iter().map(failure).collect::<Vec<_>>(),
        "fault": test.fault,
    })
}
