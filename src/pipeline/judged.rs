//! What judging comes to: findings, first appearances, and what could not be judged.

use std::collections::{BTreeMap, BTreeSet};

use super::coverage::Logged;
use super::judging::Judging;
use super::run::NotJudged;
use super::sheet::SheetWriter;
use super::tables::Spill;
use crate::detect::group::Groups;
use crate::detect::judge::{Firing, Judgement, Signal, Unjudged};
use crate::detect::rules::{Detector, Diagnostic, Plan, UsedFile};
use crate::error::Result;
use crate::findings::{Finding, Known, Suppressions, find_sequences, findings_batch, findings_of};

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

/// What one detector says of one entity.
pub(super) struct Outcome {
    /// The detector's position in the plan.
    pub detector: usize,
    /// When it fires, for correlations that refer to the detector.
    pub firings: Vec<Firing>,
    findings: Vec<Finding>,
    /// First appearances; to be counted, and to be listed.
    learned: Vec<Finding>,
    unjudged: Option<(String, Unjudged)>,
}

impl Outcome {
    /// What a judgement comes to; `None`: nothing.
    pub(super) fn of(
        number: usize,
        detector: &Detector,
        groups: &Groups,
        judgement: Judgement,
        how: &Judging<'_>,
        known: Known<'_>,
    ) -> Option<Self> {
        let Judgement { mut signals, mut learned, diffuse, unjudged, firings } = judgement;
        if !detector.raises {
            let (findings, learned) = (Vec::new(), Vec::new());
            let fires = !firings.is_empty();
            return fires.then_some(Self {
                detector: number,
                firings,
                findings,
                learned,
                unjudged: None,
            });
        }
        let reported = |from: Option<i64>, day: i64| from.is_none_or(|from| day >= from);
        // The day before is kept for the link to it.
        signals.retain(|signal| reported(how.from_day, signal.day + 1));
        let mut findings = findings_of(detector, &groups.entity, &signals, known);
        findings.retain(|finding| reported(how.from_day, finding.day));
        learned.retain(|(signal, _)| reported(how.learned_from_day, signal.day));
        let reason = learned.iter().map(|(_, reason)| *reason).min();
        let unjudged = reason.or(unjudged).or(diffuse.then_some(Unjudged::Diffuse));
        let unjudged = unjudged.map(|reason| (detector.metadata.id.clone(), reason));
        let learned: Vec<Signal> = learned.into_iter().map(|(signal, _)| signal).collect();
        let mut learned = findings_of(detector, &groups.entity, &learned, known);
        learned.retain(|finding| reported(how.listed_from_day, finding.day));
        how.suppress.apply(&mut learned);
        let is_silent =
            firings.is_empty() && findings.is_empty() && learned.is_empty() && unjudged.is_none();
        (!is_silent).then_some(Self { detector: number, firings, findings, learned, unjudged })
    }
}

impl Judged {
    /// Nothing yet.
    pub(super) fn new(spill: Spill<'_>) -> Self {
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

    /// Takes what a detector says of an entity, in the order of the table.
    ///
    /// # Errors
    /// Those of the file that many first appearances go to.
    pub(super) fn take(&mut self, outcome: Outcome) -> Result<()> {
        self.findings.extend(outcome.findings);
        if let Some(unjudged) = outcome.unjudged {
            *self.unjudged.entry(unjudged).or_default() += 1;
        }
        for finding in outcome.learned {
            *self.learned.entry(finding.detector_id.clone()).or_default() += 1;
            self.first_appearances.push(finding)?;
        }
        Ok(())
    }

    /// Adds the sequences among the findings that are to be seen.
    pub(super) fn tell_sequences(&mut self, plan: &Plan, how: &Judging<'_>) {
        let mut told = find_sequences(&plan.sequences, &self.findings);
        self.notes.extend(how.suppress.apply(&mut told));
        self.findings.extend(told);
        sort(&mut self.findings);
    }

    /// Marks the findings that somebody does not want to see.
    pub(super) fn suppress(&mut self, plan: &Plan, suppress: &Suppressions) {
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

/// Most severe first, then by what and who and when.
pub(super) fn sort(findings: &mut [Finding]) {
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
