//! What a document says of its detector, before anything is resolved: a plain rule and a
//! correlation come to the same draft.

use rsigma_parser::{CorrelationCondition, CorrelationRule, Level, SigmaRule, WindowMode};

use super::correlation::{Alias, Correlation, Written};
use super::detector::{Metadata, attack, severity_of};
use super::diagnostic::Diagnostic;
use super::document::{Document, Kind};
use super::message::Message;
use super::section::Section;
use crate::detect::group::{Decimal, MAX_TAGS};
use crate::detect::judge::{
    self, Condition, Escalation, Operator, Pattern, Recurring, Roaming, Severity, Terms, WINDOW,
};

/// What is said of `same` elsewhere.
const NOT_SAME: &str = "`same` is for temporal correlations";

/// How many days of history count unless the detector says it.
const LOOKBACK_DAYS: i64 = 30;
/// The same for configurations, which are rarely set.
const CHANGED_LOOKBACK_DAYS: i64 = 365;
/// The same for silences: four weeks.
const SILENCE_LOOKBACK_DAYS: i64 = 28;
/// The same for what is added up over days: a month before the last.
const CUSUM_LOOKBACK_DAYS: i64 = 60;

/// The longest timespan, in seconds: a leap year.
pub(super) const MAX_TIMESPAN: i64 = 366 * 86_400;

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
    /// Names that stand for another field in each rule.
    pub(super) aliases: &'d [Alias],
    /// The fields whose values are judged.
    pub(super) values: Vec<String>,
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
            "match" | "rare" | "ascending" => Vec::new(),
            "first_seen" | "spike" | "cusum" => section.usual.clone(),
            "changed" => section.stronger.clone(),
            "silence" => section.usual.iter().chain(&section.unless).cloned().collect(),
            _ => {
                let message = format!("judge `{judge}` needs a correlation, or is unknown");
                return Err(document.fault("judge", message));
            }
        };
        if judge == "changed" && context.is_empty() {
            return Err(document.fault("stronger", "`changed` needs rules under `stronger`"));
        }
        if section.same.is_some() {
            return Err(document.fault("same", NOT_SAME));
        }
        if !section.stages.is_empty() {
            return Err(document.fault("stages", "`stages` are for temporal correlations"));
        }
        for (key, given) in section.of_judges() {
            if given != (judge == key) {
                let message = format!("judge `{key}` and the mapping `{key}` belong together");
                return Err(document.fault("judge", message));
            }
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
            aliases: &[],
            values: {
                let spike = section.spike.as_ref().and_then(|spike| spike.total.column());
                let cusum = section.cusum.as_ref().map(|cusum| cusum.total.column());
                spike.into_iter().chain(cusum).collect()
            },
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
        let written = document.correlation()?;
        let foreign = [
            ("judge", section.judge.is_some()),
            ("group_by", !section.group_by.is_empty()),
            ("value", section.value.is_some()),
            ("usual", !section.usual.is_empty()),
            ("stronger", !section.stronger.is_empty()),
        ];
        let mut foreign = foreign.into_iter().chain(section.of_judges());
        if let Some((key, _)) = foreign.find(|(_, given)| *given) {
            let message = format!("`{key}` of the section is for plain rules, not correlations");
            return Err(document.fault("section", message));
        }
        if rule.window != WindowMode::Sliding {
            let message = format!("windows of kind `{}` are not supported", rule.window.as_str());
            let help = "Sigma's windows slide: leave `window` away";
            return Err(document.fault_of("window", "window", message).help(help));
        }
        let timespan = i64::try_from(rule.timespan.seconds).ok().filter(|s| *s <= MAX_TIMESPAN);
        let timespan = timespan.ok_or_else(|| {
            let message = "a timespan is at most 366 days long";
            document.fault_of("timespan", "timespan", message)
        })?;
        let judge = rule.correlation_type.as_str();
        let test = Test::of(document, rule, written, judge)?;
        let (judge, test) = with_same(document, &section, judge, test)?;
        let (counted, context) = (written.rules.clone(), section.unless.clone());
        let flags = |first: bool| {
            let flags = counted.iter().map(|_| first).chain(context.iter().map(|_| !first));
            flags.collect::<Vec<bool>>()
        };
        let terms = Terms {
            timespan,
            timespan_text: rule.timespan.original.clone(),
            conditions: test.conditions,
            pattern: test.pattern,
            field: test.fields.join(", "),
            percentile: test.percentile,
            counted: flags(true),
            unless: flags(false),
            lookback: lookback(&section, LOOKBACK_DAYS),
            ..Terms::default()
        };
        Ok(Self {
            document,
            judge,
            group_by: written.group_by.clone(),
            aliases: &written.aliases,
            values: test.fields,
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
        let plain = match &self.document.kind {
            _ if self.document.is_sequence() => {
                "{principal}, bucket {bucket}: {observed}: {details}"
            }
            Kind::Rule(_) => {
                "{principal}: {event_count} events ({ok_count} succeeded, {error_count} failed)"
            }
            Kind::Correlation(_) => {
                "{principal}: {observed}, expected {expected}; {event_count} events \
                 ({ok_count} succeeded, {error_count} failed)"
            }
        };
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
            needs: section.needs.clone(),
            foreign: section.foreign,
            deployment: section
                .deployment
                .map(|least| usize::try_from(least).unwrap_or(usize::MAX).max(2)),
            weighed: section.weighed.unwrap_or(true),
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
    let is_silence = judge == "silence";
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let roaming = |(days, factor)| Roaming { days: count(days), factor: count(factor) };
    let usual = match judge {
        "changed" => CHANGED_LOOKBACK_DAYS,
        "silence" => SILENCE_LOOKBACK_DAYS,
        "cusum" => CUSUM_LOOKBACK_DAYS,
        _ => LOOKBACK_DAYS,
    };
    Terms {
        counted: (0..=context).map(|rule| rule == 0).collect(),
        // Of the rules of context, those under `usual` come first.
        unless: (0..=context).map(|rule| is_silence && rule > section.usual.len()).collect(),
        lookback: lookback(section, usual),
        known_days: section.history.known.map_or(0, count),
        roaming: section.history.roaming.map(roaming),
        only_seen_changes: section.only_seen_changes,
        spike: section.spike.clone(),
        rare: section.rare.clone(),
        silence: section.silence.clone(),
        cusum: section.cusum.clone(),
        ascending: section.ascending,
        // Of a silence the day after it is looked at.
        timespan: if judge == "spike" || is_silence { WINDOW } else { 0 },
        timespan_text: if judge == "spike" { "24h".to_owned() } else { String::new() },
        ..Terms::default()
    }
}

/// When a correlation fires.
#[derive(Debug, Default)]
struct Test {
    conditions: Vec<Condition>,
    pattern: Option<Pattern>,
    fields: Vec<String>,
    percentile: Decimal,
}

impl Test {
    fn of(
        document: &Document,
        rule: &CorrelationRule,
        written: &Correlation,
        judge: &str,
    ) -> Result<Self, Diagnostic> {
        let temporal = matches!(judge, "temporal" | "temporal_ordered");
        let fault = |message: String| document.fault_of("condition", "condition", message);
        match (&written.condition, &rule.condition) {
            (Written::Missing, _) if temporal => {
                Ok(Self { pattern: Some(written.all_rules()), ..Self::default() })
            }
            (Written::Expression(text), CorrelationCondition::Extended(expression)) if temporal => {
                let pattern = written.pattern(text, expression).map_err(fault)?;
                Ok(Self { pattern: Some(pattern), ..Self::default() })
            }
            (Written::Numbers { conditions, fields, percentile }, _) if !conditions.is_empty() => {
                fields_fit(judge, fields, *percentile)
                    .map_err(|(message, help)| fault(message).help(help))?;
                let (conditions, fields) = (conditions.clone(), fields.clone());
                Ok(Self {
                    conditions,
                    fields,
                    percentile: percentile.unwrap_or_default(),
                    pattern: None,
                })
            }
            _ => Err(fault(format!("`{judge}` needs numbers, such as `condition: {{gte: 50}}`"))),
        }
    }
}

/// The judge and the test of a temporal correlation whose events have a value in common.
fn with_same<'d>(
    document: &Document,
    section: &Section,
    judge: &'d str,
    test: Test,
) -> Result<(&'d str, Test), Diagnostic> {
    let Some((field, least)) = &section.same else { return Ok((judge, test)) };
    let judge = match judge {
        "temporal" => "same_values",
        "temporal_ordered" => "same_values_ordered",
        _ => return Err(document.fault("same", NOT_SAME)),
    };
    let rules = document.correlation()?.rules.len();
    let all = test.pattern.as_ref().is_some_and(|pattern| pattern.text.is_none());
    if !all || rules > usize::from(MAX_TAGS) {
        let message = format!("`same` asks for all rules, at most {MAX_TAGS}, without a condition");
        return Err(document.fault("same", message));
    }
    let value = Decimal::whole(*least);
    let conditions = vec![Condition { operator: Operator::Gte, value }];
    Ok((judge, Test { conditions, fields: vec![field.clone()], ..Test::default() }))
}

/// Whether a condition's field and percentile are what the judge needs; what is wrong, and help.
fn fields_fit(
    judge: &str,
    fields: &[String],
    percentile: Option<Decimal>,
) -> Result<(), (String, &'static str)> {
    let measures =
        judge::find(judge).is_some_and(|judge| (judge.measure)(&Terms::default()).is_some());
    let name = "name the field in the condition: `condition: {field: bytes_out, gte: 50}`";
    match (measures, fields) {
        (true, []) => {
            return Err((format!("`{judge}` needs a field whose values it judges"), name));
        }
        (false, [_, ..]) => {
            return Err((format!("`{judge}` judges no values of a field"), "leave `field` away"));
        }
        (true, [_, _, ..]) if judge != "value_count" => {
            return Err((format!("`{judge}` judges one field"), "name one field only"));
        }
        _ => {}
    }
    match (judge, percentile) {
        ("value_percentile", None) => Err((
            "`value_percentile` without `percentile` asks how rare a value is, among values of \
             all times: that is not supported"
                .to_owned(),
            "say which percentile of the numbers is compared: `percentile: 95`",
        )),
        ("value_percentile", Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => Err((format!("`{judge}` judges no percentile"), "leave `percentile` away")),
    }
}
