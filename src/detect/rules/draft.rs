//! What a document says of its detector, before anything is resolved: a plain rule and a
//! correlation come to the same draft.

use rsigma_parser::{
    ConditionOperator, CorrelationCondition, CorrelationRule, Level, SigmaRule, WindowMode,
};

use super::detector::{Metadata, attack, severity_of};
use super::diagnostic::Diagnostic;
use super::document::{Document, Kind};
use super::message::Message;
use super::section::Section;
use crate::detect::judge::{
    self, Condition, Escalation, Operator, Recurring, Roaming, Severity, Terms,
};

/// How many days of history count unless the detector says it.
const LOOKBACK_DAYS: i64 = 30;
/// The same for configurations, which are rarely set.
const CHANGED_LOOKBACK_DAYS: i64 = 365;

/// The longest timespan, in seconds: a leap year.
const MAX_TIMESPAN: i64 = 366 * 86_400;

/// A detector with its rules by name.
#[derive(Debug)]
pub(super) struct Draft<'d> {
    /// Where it stands.
    pub(super) document: &'d Document,
    /// Its `trailsift:` section.
    pub(super) section: Section,
    /// The judge's name.
    pub(super) judge: &'d str,
    /// Names of the rules that are counted; none: the document's own selection.
    pub(super) counted: Vec<String>,
    /// Names of the rules that count for context only: those that keep events from counting, that
    /// tell what is usual, or that set a stronger value.
    pub(super) context: Vec<String>,
    /// The entity's fields.
    pub(super) group_by: Vec<String>,
    /// The judge's numbers, without severity.
    pub(super) terms: Terms,
    title: &'d str,
    level: Option<Level>,
    tags: &'d [String],
}

impl<'d> Draft<'d> {
    /// Reads the document's draft.
    pub(super) fn of(document: &'d Document) -> Result<Self, Diagnostic> {
        let section = document.section.clone().unwrap_or_default();
        match &document.kind {
            Kind::Rule(rule) => Self::plain(document, rule, section),
            Kind::Correlation(rule) => Self::correlation(document, rule, section),
        }
    }

    fn plain(
        document: &'d Document,
        rule: &'d SigmaRule,
        section: Section,
    ) -> Result<Self, Diagnostic> {
        let judge = section.judge.as_deref().unwrap_or("match");
        let context = match judge {
            "match" => Vec::new(),
            "first_seen" => section.usual.clone(),
            "changed" => section.stronger.clone(),
            _ => {
                let message = format!("judge `{judge}` needs a correlation, or is unknown");
                return Err(document.fault("judge", message));
            }
        };
        if judge == "changed" && context.is_empty() {
            return Err(document.fault("stronger", "`changed` needs rules under `stronger`"));
        }
        let group_by = match section.group_by.as_slice() {
            [] => vec!["principal".to_owned(), "bucket".to_owned()],
            some => some.to_vec(),
        };
        Ok(Self {
            document,
            judge: judge::find(judge).map_or("match", |judge| judge.name),
            counted: Vec::new(),
            group_by,
            terms: plain_terms(&section, judge, context.len()),
            context,
            title: &rule.title,
            level: rule.level,
            tags: &rule.tags,
            section,
        })
    }

    fn correlation(
        document: &'d Document,
        rule: &'d CorrelationRule,
        section: Section,
    ) -> Result<Self, Diagnostic> {
        if rule.window != WindowMode::Sliding || !rule.aliases.is_empty() {
            let message = "windows other than sliding, and aliases, are not supported yet";
            return Err(document.fault("correlation", message));
        }
        let Some(conditions) = conditions(&rule.condition) else {
            return Err(document.fault("condition", "expected numbers: `condition: {gte: 50}`"));
        };
        let timespan = i64::try_from(rule.timespan.seconds).ok().filter(|s| *s <= MAX_TIMESPAN);
        let timespan = timespan
            .ok_or_else(|| document.fault("timespan", "a timespan is at most 366 days long"))?;
        let (counted, context) = (rule.rules.clone(), section.unless.clone());
        let flags = |first: bool| {
            let flags = counted.iter().map(|_| first).chain(context.iter().map(|_| !first));
            flags.collect::<Vec<bool>>()
        };
        let terms = Terms {
            timespan,
            timespan_text: rule.timespan.original.clone(),
            conditions,
            counted: flags(true),
            unless: flags(false),
            lookback: lookback(&section, LOOKBACK_DAYS),
            ..Terms::default()
        };
        Ok(Self {
            document,
            judge: rule.correlation_type.as_str(),
            group_by: rule.group_by.clone(),
            terms,
            title: &rule.title,
            level: rule.level,
            tags: &rule.tags,
            section,
            counted,
            context,
        })
    }

    /// What its findings say; `rules` are the names of the fold's rules.
    pub(super) fn metadata(&self, rules: &[String]) -> Result<Metadata, Diagnostic> {
        let message = |text: &str| {
            Message::parse(text, rules).map_err(|placeholder| {
                let message = format!("unknown placeholder `{placeholder}`");
                self.document.fault("placeholder", message)
            })
        };
        let plain =
            "{principal}: {event_count} events ({ok_count} succeeded, {error_count} failed)";
        let (section, id) = (&self.section, &self.document.id);
        let (tactics, techniques) = attack(self.tags);
        let finding_type = section.finding_type.clone();
        Ok(Metadata {
            id: id.clone(),
            version: section.version.unwrap_or(1),
            file: self.document.file.clone(),
            finding_type: finding_type.unwrap_or_else(|| format!("Sigma/{id}")),
            title: match &section.title {
                Some(title) => message(title)?,
                None => Message::literal(self.title),
            },
            description: message(section.description.as_deref().unwrap_or(plain))?,
            confidence: section.confidence.unwrap_or(0.5),
            tactics,
            techniques,
            practice: section.practice.clone(),
            needs_data_events: section.needs_data_events,
            foreign: section.foreign,
            remediation: section.remediation.as_deref().map(message).transpose()?,
        })
    }

    /// How severe its findings are.
    pub(super) fn severity(&self, rules: &[String]) -> Result<Severity, Diagnostic> {
        let mut escalate = Vec::new();
        for (rule, at_least, severity) in &self.section.escalate {
            let position = |name: &String| {
                rules.iter().position(|rule| rule == name).ok_or_else(|| {
                    let message =
                        format!("`escalate` names `{name}`, which is not among its rules");
                    self.document.fault("reference", message)
                })
            };
            let rule = rule.as_ref().map(position).transpose()?;
            escalate.push(Escalation { rule, at_least: *at_least, severity: *severity });
        }
        let recurring = self.section.recurring.map(|(days, factor, severity)| Recurring {
            days: usize::try_from(days).unwrap_or(usize::MAX),
            factor,
            severity,
        });
        Ok(Severity {
            base: self.section.severity.unwrap_or_else(|| severity_of(self.level)),
            if_failed: self.section.severity_if_failed,
            escalate,
            recurring,
        })
    }
}

/// The days of history that count.
fn lookback(section: &Section, usual: i64) -> i64 {
    section.history.lookback.and_then(|days| i64::try_from(days).ok()).unwrap_or(usual)
}

/// The terms of a plain rule with so many rules of context.
fn plain_terms(section: &Section, judge: &str, context: usize) -> Terms {
    let flags = |first| std::iter::once(first).chain(std::iter::repeat_n(false, context)).collect();
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let roaming = |(days, factor)| Roaming { days: count(days), factor: count(factor) };
    let usual = if judge == "changed" { CHANGED_LOOKBACK_DAYS } else { LOOKBACK_DAYS };
    Terms {
        counted: flags(true),
        unless: flags(false),
        lookback: lookback(section, usual),
        known_days: section.history.known.map_or(0, count),
        roaming: section.history.roaming.map(roaming),
        only_seen_changes: section.only_seen_changes,
        ..Terms::default()
    }
}

/// The condition's comparisons; `None` for expressions and conditions on a field.
fn conditions(condition: &CorrelationCondition) -> Option<Vec<Condition>> {
    let CorrelationCondition::Threshold { predicates, field: None, percentile: None } = condition
    else {
        return None;
    };
    let operator = |operator: &ConditionOperator| match operator {
        ConditionOperator::Lt => Operator::Lt,
        ConditionOperator::Lte => Operator::Lte,
        ConditionOperator::Gt => Operator::Gt,
        ConditionOperator::Gte => Operator::Gte,
        ConditionOperator::Eq => Operator::Eq,
        ConditionOperator::Neq => Operator::Neq,
    };
    let conditions =
        predicates.iter().map(|(op, value)| Condition { operator: operator(op), value: *value });
    Some(conditions.collect()).filter(|conditions: &Vec<_>| !conditions.is_empty())
}
