//! Attack sequences: temporal correlations whose rules are not events but findings, stage by stage.
//! Written as Sigma's temporal correlations (Sigma specification 2.1, "Correlation Rules"); what
//! the names under `rules` stand for is said under `stages` of the `trailsift:` section.

use super::compile::Compiler;
use super::detector::{Metadata, attack};
use super::diagnostic::Diagnostic;
use super::document::{Document, Kind};
use super::draft::Draft;
use super::message::Placeholder;
use super::section::severity;
use super::yaml::Mapping;
use crate::detect::judge::Severity;

/// Longest time between the first and the last stage, in seconds: findings of a day are held
/// against those of the day before.
const MAX_TIMESPAN: i64 = 86_400;

/// A detector of attack sequences.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// What its findings say.
    pub metadata: Metadata,
    /// How severe it is; what escalates are numbers of detectors, of a stage or of all.
    pub severity: Severity,
    /// Longest time between the first and the last stage, seconds.
    pub timespan: i64,
    /// The timespan as the detector writes it, `24h`.
    pub timespan_text: String,
    /// Whether the stages must begin in their order.
    pub ordered: bool,
    /// What the findings have in common.
    pub by: SequenceBy,
    /// In their order.
    pub stages: Vec<Stage>,
}

/// What the findings of a sequence have in common, beside the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceBy {
    /// The principal.
    Principal,
    /// A bucket.
    Bucket,
}

impl SequenceBy {
    /// As detector files write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Bucket => "bucket",
        }
    }
}

/// A stage: which findings are of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its name among `rules`.
    pub name: String,
    /// Those of these detectors.
    pub detectors: Vec<String>,
    /// And those of these tactics.
    pub tactics: Vec<String>,
    /// From this severity on.
    pub severity: f64,
    /// Whether only findings count of which a call succeeded.
    pub succeeded: bool,
}

/// Reads `stages` of a `trailsift:` section.
pub(super) fn stages(section: &Mapping<'_, '_>) -> Result<Vec<Stage>, Diagnostic> {
    let mut stages = Vec::new();
    for item in section.mappings("stages")? {
        item.only(&["name", "detectors", "tactics", "severity", "succeeded"])?;
        let missing = |key: &str, what: &str| item.fault(key, "missing_key", what.to_owned());
        let name = item.text("name")?.ok_or_else(|| missing("name", "a stage needs a `name`"))?;
        let (detectors, tactics) = (item.texts("detectors")?, item.texts("tactics")?);
        if detectors.is_empty() && tactics.is_empty() {
            let what = format!("stage `{name}` needs `detectors` or `tactics`");
            return Err(missing("detectors", &what));
        }
        stages.push(Stage {
            name: name.to_owned(),
            detectors,
            tactics,
            severity: severity(&item, "severity")?.unwrap_or(1.0),
            succeeded: item.flag("succeeded")?.unwrap_or(false),
        });
    }
    Ok(stages)
}

impl Compiler<'_> {
    /// Compiles an attack sequence.
    pub(super) fn sequence(&mut self, document: &Document) -> Result<(), Diagnostic> {
        let draft = Draft::of(document)?;
        check(document, &draft)?;
        self.check_stages(document, &draft.section.stages)?;
        let (metadata, severity) =
            (draft.metadata(&draft.counted)?, draft.severity(&draft.counted)?);
        let by = match draft.group_by.as_slice() {
            [one] if one == "principal" => SequenceBy::Principal,
            [one] if one == "bucket" => SequenceBy::Bucket,
            _ => {
                let message = "a sequence is grouped by `principal` or by `bucket`";
                return Err(document.fault_of("group-by", "group_by", message));
            }
        };
        let stage =
            |name: &String| draft.section.stages.iter().find(|stage| stage.name == *name).cloned();
        self.plan.sequences.push(Sequence {
            metadata,
            severity,
            timespan: draft.terms.timespan,
            timespan_text: draft.terms.timespan_text.clone(),
            ordered: draft.judge == "temporal_ordered",
            by,
            stages: draft.counted.iter().filter_map(stage).collect(),
        });
        Ok(())
    }

    /// Whether there are the detectors and tactics that the stages name.
    fn check_stages(&self, document: &Document, stages: &[Stage]) -> Result<(), Diagnostic> {
        for stage in stages {
            let strange = stage.detectors.iter().find(|id| {
                !self.documents.iter().any(|known| known.id == **id && !known.is_sequence())
            });
            if let Some(id) = strange {
                let message = format!("stage `{}` names `{id}`, which is no detector", stage.name);
                return Err(document.fault("reference", message));
            }
            let is_known = |tactic: &&String| {
                self.documents.iter().any(|known| tactics_of(known).contains(tactic))
            };
            if let Some(tactic) = stage.tactics.iter().find(|tactic| !is_known(tactic)) {
                let message = format!(
                    "stage `{}` names the tactic `{tactic}`, which no detector has",
                    stage.name
                );
                return Err(document.fault("reference", message));
            }
        }
        Ok(())
    }
}

fn tactics_of(document: &Document) -> Vec<String> {
    match &document.kind {
        Kind::Rule(rule) => attack(&rule.tags).0,
        Kind::Correlation(rule) => attack(&rule.tags).0,
    }
}

/// Whether a sequence says what it must and nothing that has no meaning for it.
fn check(document: &Document, draft: &Draft<'_>) -> Result<(), Diagnostic> {
    let section = &draft.section;
    if !matches!(draft.judge, "temporal" | "temporal_ordered") {
        let message = "`stages` are for temporal correlations";
        return Err(document.fault("stages", message));
    }
    let foreign = [
        ("unless", !section.unless.is_empty()),
        ("details", !section.details.is_empty()),
        ("recurring", section.recurring.is_some()),
        ("foreign", section.foreign.is_some()),
        ("deployment", section.deployment.is_some()),
        ("aliases", !draft.aliases.is_empty()),
        ("condition", draft.terms.pattern.as_ref().is_none_or(|pattern| pattern.text.is_some())),
    ];
    if let Some((key, _)) = foreign.iter().find(|(_, given)| *given) {
        let message = format!("`{key}` has no meaning for a sequence of findings");
        return Err(document.fault("stages", message));
    }
    if !(1..=MAX_TIMESPAN).contains(&draft.terms.timespan) {
        let message = "the stages of a sequence lie at most 24 hours apart";
        return Err(document.fault_of("timespan", "timespan", message));
    }
    let named = |name: &String| section.stages.iter().filter(|stage| stage.name == *name).count();
    let is_same = section.stages.len() == draft.counted.len();
    if !is_same || draft.counted.len() < 2 || draft.counted.iter().any(|name| named(name) != 1) {
        let message = "`rules` must name each of the stages once, and there must be two at least";
        return Err(document.fault_of("rules", "reference", message));
    }
    let metadata = draft.metadata(&draft.counted)?;
    let messages =
        [Some(&metadata.title), Some(&metadata.description), metadata.remediation.as_ref()];
    if messages.into_iter().flatten().any(|text| text.placeholders().any(|one| !is_told(one))) {
        let message = "the texts of a sequence can show {principal}, {bucket}, {account}, {region}, \
                       {source_ips}, {observed}, {expected}, {details}, {distinct_values}, \
                       {timespan} and {interval}";
        return Err(document.fault("placeholder", message));
    }
    Ok(())
}

/// What is known of a sequence to be shown.
fn is_told(placeholder: &Placeholder) -> bool {
    !matches!(
        placeholder,
        Placeholder::Caller
            | Placeholder::EventCount
            | Placeholder::OkCount
            | Placeholder::ErrorCount
            | Placeholder::DistinctObjects
            | Placeholder::ErrorCodes
            | Placeholder::Count(_)
    )
}
