//! What a run did: the facts that the terminal shows and `run.json` keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::accounting::Account;
use super::coverage::Coverage;
use super::judged::{Judged, not_judged, off};
use super::posture::{Guard, guards};
use super::sheet::Sheet;
use super::stats::Stages;
use crate::detect::rules::{Diagnostic, Plan, UsedFile};
use crate::error::Result;
use crate::findings::{Finding, SeverityLabel};
use crate::intel::{Intel, Source};
use crate::store::{Folder, Location, Requests};

/// First and last event, µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
}

impl Span {
    /// The span with one more event.
    #[must_use]
    pub fn with(span: Option<Self>, time: i64) -> Option<Self> {
        Self::join(span, Some(Self { first: time, last: time }))
    }

    /// Both spans together.
    #[must_use]
    pub fn join(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => {
                Some(Self { first: a.first.min(b.first), last: a.last.max(b.last) })
            }
            (span, None) | (None, span) => span,
        }
    }
}

/// Something the logs cannot show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotJudged {
    /// The detectors that cannot fire.
    pub detectors: Vec<String>,
    /// Where; none if they are off everywhere.
    pub accounts: Vec<String>,
    /// How many entities, if not all of the accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entities: Option<u64>,
    /// What the logs lack, or what nobody has given.
    pub reason: String,
}

/// First appearances that were only learned.
#[derive(Debug, Clone, Default)]
pub struct Appearances {
    /// In the order of detectors and entities.
    pub(super) rows: Sheet<Finding>,
    /// How many there are, by detector.
    pub counts: BTreeMap<String, u64>,
}

/// What a run with a state has changed in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateChange {
    /// The newest generation.
    pub generation: u64,
    /// Findings that were not there before, or no longer.
    pub new: u64,
    /// Findings that say something else now.
    pub revised: u64,
    /// Findings that no longer hold.
    pub withdrawn: u64,
    /// Findings of the judged days that say what they said before.
    pub unchanged: u64,
}

/// A finished run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Sorted: most severe first. With a state those that are new or revised.
    pub findings: Vec<Finding>,
    /// First appearances in the learning period: listed, not judged.
    pub first_appearances: Appearances,
    /// Objects and records.
    pub account: Account,
    /// What was logged where.
    pub coverage: Coverage,
    /// What the logs cannot show.
    pub not_judged: Vec<NotJudged>,
    /// What is only learned, and what is judged, in words.
    pub learning: String,
    /// Rules that do not run; and entries of tuning and suppression files that do not apply.
    pub diagnostics: Vec<Diagnostic>,
    /// Ids of the detectors that ran.
    pub detectors: Vec<String>,
    /// The practices that these guard.
    pub(super) guards: Vec<Guard>,
    /// The tuning file.
    pub tuning: Option<UsedFile>,
    /// The suppression file.
    pub suppression: Option<UsedFile>,
    /// The files with what is known of addresses.
    pub intel: Vec<Source>,
    /// The events' times.
    pub span: Option<Span>,
    /// Whether the user stopped it before everything was read.
    pub interrupted: bool,
    /// Whether shares of a split input are missing.
    pub incomplete: bool,
    /// Plain words that the user should read: inputs without a key layout, spilled tables.
    pub notes: Vec<String>,
    /// What its stages cost.
    pub stages: Stages,
    /// Where the outputs are.
    pub location: Location,
    /// Where they are written: there, or in a copy.
    pub out: PathBuf,
    /// Requests to S3, if anything is there.
    pub requests: Option<Requests>,
    /// With a state: the ids of findings that were not there before.
    pub added: BTreeSet<String>,
    /// With a state, what has changed in it.
    pub state: Option<StateChange>,
}

impl Run {
    /// A run of `plan` that has read nothing yet.
    #[must_use]
    pub fn empty(plan: &Plan, out: &Folder) -> Self {
        Self {
            findings: Vec::new(),
            first_appearances: Appearances::default(),
            account: Account::default(),
            coverage: Coverage::default(),
            not_judged: Vec::new(),
            learning: String::new(),
            diagnostics: plan.diagnostics.clone(),
            detectors: plan.raising().map(|metadata| metadata.id.clone()).collect(),
            guards: guards(plan),
            tuning: plan.tuning.clone(),
            suppression: None,
            intel: Vec::new(),
            span: None,
            interrupted: false,
            incomplete: false,
            notes: Vec::new(),
            stages: Stages::default(),
            location: out.location().clone(),
            out: out.path().to_path_buf(),
            requests: None,
            added: BTreeSet::new(),
            state: None,
        }
    }

    /// Takes over what is known of addresses, and from where.
    pub(super) fn knows(&mut self, intel: &Intel) {
        self.intel = intel.sources().to_vec();
        self.notes.extend(self.intel.iter().filter_map(Source::note));
    }

    /// Takes over what judging came to.
    ///
    /// # Errors
    /// Those of the files that many rows go to.
    pub(super) fn take(&mut self, judged: Judged, plan: &Plan) -> Result<()> {
        self.coverage = judged.coverage.finish()?;
        self.not_judged = self.coverage.not_judged(&plan.detectors);
        self.not_judged.extend(off(plan));
        self.not_judged.extend(not_judged(judged.unjudged));
        self.findings = judged.findings;
        let rows = judged.first_appearances.finish()?;
        self.first_appearances = Appearances { rows, counts: judged.learned };
        self.suppression = judged.suppression;
        self.notes.extend(judged.notes);
        self.diagnostics.extend(judged.diagnostics);
        Ok(())
    }

    /// The findings that are to be seen.
    pub fn visible(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.is_suppressed())
    }

    /// How many findings are suppressed.
    #[must_use]
    pub fn suppressed(&self) -> usize {
        self.findings.len() - self.visible().count()
    }

    /// How many findings to be seen there are of a severity.
    #[must_use]
    pub fn count(&self, label: SeverityLabel) -> usize {
        count(&self.findings, label)
    }
}

/// How many of `findings` are of a severity, and to be seen.
pub(super) fn count(findings: &[Finding], label: SeverityLabel) -> usize {
    let is_counted = |finding: &&Finding| !finding.is_suppressed() && finding.label() == label;
    findings.iter().filter(is_counted).count()
}
