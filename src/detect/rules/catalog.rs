//! The loaded detectors as people read them: what the files say beside what is compiled.

use std::collections::BTreeMap;

use rsigma_parser::{CorrelationCondition, CorrelationRule, SigmaRule};

use super::detector::{Detector, Metadata};
use super::document::{Document, Kind, read};
use super::plan::Plan;
use super::section::Section;
use super::sequence::{Sequence, Stage};
use super::source::RuleFile;
use crate::detect::judge::Silence;

/// A detector as people read it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Entry {
    /// The slug: `mass_object_delete`.
    pub id: String,
    /// Sigma's title.
    pub title: String,
    /// Sigma's description.
    pub description: Option<String>,
    /// GuardDuty's form.
    pub finding_type: String,
    /// Sigma's level.
    pub level: Option<&'static str>,
    /// 1.0–10.0, before anything raises or lowers it.
    pub severity: f64,
    /// 0.0–1.0.
    pub confidence: f64,
    /// MITRE ATT&CK tactics.
    pub tactics: Vec<String>,
    /// MITRE ATT&CK techniques.
    pub techniques: Vec<String>,
    /// How it judges.
    pub judge: &'static str,
    /// The judge's numbers and words, as written.
    pub numbers: BTreeMap<&'static str, String>,
    /// Whether it can fire only where S3 data events are logged.
    pub needs_data_events: bool,
    /// What must be known of addresses, else it is off: `threat_list`.
    pub needs: Vec<String>,
    /// What else may look like it.
    pub false_positives: Vec<String>,
    /// Links.
    pub references: Vec<String>,
    /// The S3 best practice it guards.
    pub practice: Option<String>,
    /// The classes of detections that it covers, by their ids in docs/coverage.md.
    pub covers: Vec<String>,
    /// Raised when its meaning changes.
    pub version: u64,
    /// `shipped` or `file`.
    pub source: &'static str,
    /// The file.
    pub file: String,
}

/// The detectors of `plan`, which was compiled from `files`, in its order.
#[must_use]
pub fn catalog(files: &[RuleFile], plan: &Plan) -> Vec<Entry> {
    let (documents, _) = read(files, &mut Vec::new());
    let mut entries = Vec::new();
    // What only feeds other detectors finds nothing of its own.
    for metadata in plan.raising() {
        let mut of_file = documents.iter().filter(|document| document.file == metadata.file);
        let Some(document) = of_file.find(|document| document.id == metadata.id) else { continue };
        let is_shipped = |file: &RuleFile| file.shipped && file.name == metadata.file;
        let source = if files.iter().any(is_shipped) { "shipped" } else { "file" };
        let detector = plan.detectors.iter().find(|detector| detector.metadata.id == metadata.id);
        let how = match (detector, plan.sequence(&metadata.id)) {
            (Some(detector), _) => How::of_detector(detector, document),
            (None, Some(sequence)) => How::of_sequence(sequence, document),
            (None, None) => continue,
        };
        entries.push(entry(metadata, how, document, source));
    }
    entries
}

/// How a detector judges.
struct How {
    judge: &'static str,
    severity: f64,
    numbers: BTreeMap<&'static str, String>,
}

impl How {
    fn of_detector(detector: &Detector, document: &Document) -> Self {
        Self {
            judge: detector.judge.name,
            severity: detector.terms.severity.base,
            numbers: numbers(detector, document),
        }
    }

    fn of_sequence(sequence: &Sequence, document: &Document) -> Self {
        let stage = |stage: &Stage| {
            let of: Vec<&str> =
                stage.tactics.iter().chain(&stage.detectors).map(String::as_str).collect();
            let how = if stage.succeeded { ", succeeded" } else { "" };
            format!(
                "{}: {} (severity {:.1} or more{how})",
                stage.name,
                of.join(", "),
                stage.severity
            )
        };
        let stages: Vec<String> = sequence.stages.iter().map(stage).collect();
        let mut numbers = BTreeMap::new();
        numbers.insert("stages", stages.join("; "));
        numbers.insert("group_by", sequence.by.as_str().to_owned());
        numbers.insert("timespan", sequence.timespan_text.clone());
        if let Some(section) = &document.section {
            of_severity(section, &mut numbers);
        }
        let judge = if sequence.ordered { "sequence_ordered" } else { "sequence" };
        Self { judge, severity: sequence.severity.base, numbers }
    }
}

fn entry(metadata: &Metadata, how: How, document: &Document, source: &'static str) -> Entry {
    let (title, description, level, false_positives, references) = match &document.kind {
        Kind::Rule(rule) => {
            let SigmaRule { title, description, level, falsepositives, references, .. } = &**rule;
            (title, description, level, falsepositives, references)
        }
        Kind::Correlation(rule) => {
            let CorrelationRule { title, description, level, falsepositives, references, .. } =
                &**rule;
            (title, description, level, falsepositives, references)
        }
    };
    Entry {
        id: metadata.id.clone(),
        title: title.clone(),
        description: description.clone(),
        finding_type: metadata.finding_type.clone(),
        level: level.as_ref().map(rsigma_parser::Level::as_str),
        severity: how.severity,
        confidence: metadata.confidence,
        tactics: metadata.tactics.clone(),
        techniques: metadata.techniques.clone(),
        judge: how.judge,
        numbers: how.numbers,
        needs_data_events: metadata.needs_data_events,
        needs: metadata.needs.iter().map(ToString::to_string).collect(),
        false_positives: false_positives.clone(),
        references: references.clone(),
        practice: metadata.practice.clone(),
        covers: document.section.iter().flat_map(|section| section.covers.clone()).collect(),
        version: metadata.version,
        source,
        file: metadata.file.clone(),
    }
}

fn numbers(detector: &Detector, document: &Document) -> BTreeMap<&'static str, String> {
    let mut numbers = BTreeMap::new();
    if let Some(section) = &document.section {
        of_section(section, &mut numbers);
    }
    match &document.kind {
        Kind::Correlation(rule) => of_correlation(rule, &mut numbers),
        Kind::Rule(_) if !numbers.contains_key("group_by") => {
            numbers.insert("group_by", "principal, bucket".to_owned());
        }
        Kind::Rule(_) => {}
    }
    if let Some(scope) = detector.scope {
        numbers.insert("min_history_days", scope.min_days.to_string());
        numbers.entry("scope").or_insert_with(|| "account".to_owned());
        numbers.insert("known_days", detector.terms.known_days.to_string());
    }
    if detector.scope.is_some() || detector.judge.name == "changed" {
        numbers.insert("lookback_days", detector.terms.lookback.to_string());
    }
    numbers
}

fn of_correlation(rule: &CorrelationRule, numbers: &mut BTreeMap<&'static str, String>) {
    numbers.insert("timespan", rule.timespan.original.clone());
    numbers.insert("rules", rule.rules.join(", "));
    if !rule.group_by.is_empty() {
        numbers.insert("group_by", rule.group_by.join(", "));
    }
    if let CorrelationCondition::Threshold { predicates, field, percentile } = &rule.condition {
        let parts = predicates
            .iter()
            .map(|(operator, value)| format!("{} {value}", format!("{operator:?}").to_lowercase()));
        numbers.insert("condition", parts.collect::<Vec<_>>().join(", "));
        field.as_ref().map(|field| numbers.insert("field", field.join(", ")));
        percentile.map(|percentile| numbers.insert("percentile", percentile.to_string()));
    }
}

fn of_section(section: &Section, numbers: &mut BTreeMap<&'static str, String>) {
    let lists = [
        ("group_by", &section.group_by),
        ("unless", &section.unless),
        ("usual", &section.usual),
        ("stronger", &section.stronger),
    ];
    for (name, list) in lists {
        if !list.is_empty() {
            numbers.insert(name, list.join(", "));
        }
    }
    let texts = [("value", &section.value), ("scope", &section.history.scope)];
    for (name, text) in texts {
        if let Some(text) = text {
            numbers.insert(name, text.clone());
        }
    }
    if let Some((field, least)) = &section.same {
        numbers.insert("same", format!("at least {least} of {field}"));
    }
    if let Some(silence) = &section.silence {
        let Silence { at_least, periods, period_days, factor, .. } = silence;
        numbers.insert(
            "silence",
            format!(
                "{at_least} events in the same hours of {periods} periods of {period_days} days; \
                 longer than {factor} times any pause before"
            ),
        );
    }
    if let Some((days, factor)) = section.history.roaming {
        numbers.insert("roaming", format!("{days} days, factor {factor}"));
    }
    if let Some((days, factor, severity)) = section.recurring {
        numbers
            .insert("recurring", format!("{days} days, factor {factor}: severity {severity:.1}"));
    }
    if let Some(principals) = section.deployment {
        numbers.insert("deployment", format!("{principals} principals"));
    }
    of_severity(section, numbers);
}

fn of_severity(section: &Section, numbers: &mut BTreeMap<&'static str, String>) {
    if let Some(severity) = section.severity_if_failed {
        numbers.insert("severity_if_failed", format!("{severity:.1}"));
    }
    let escalations = section.escalate.iter().map(|(rule, at_least, severity)| {
        let rule = rule.as_ref().map(|rule| format!(" of {rule}")).unwrap_or_default();
        format!("from {at_least}{rule}: severity {severity:.1}")
    });
    if !section.escalate.is_empty() {
        numbers.insert("escalate", escalations.collect::<Vec<_>>().join("; "));
    }
}
