//! Doubts about detector files: what compiles and may still not do what is meant. Misspelt fields,
//! events that CloudTrail never writes, and what Sigma's own linter knows.

use rsigma_parser::lint::{LintRule, Severity, lint_yaml_str};
use saphyr::{MarkedYaml, YamlData};

use super::diagnostic::Diagnostic;
use super::known::{self, Doubt};
use super::limits;
use super::source::RuleFile;
use super::yaml::{documents, place, text};

/// What the linter of Sigma warns of and we do not: it is ours to say, or it does not matter here.
const NOT_OURS: &[LintRule] = &[
    LintRule::YamlParseError,
    LintRule::MissingLevel,
    LintRule::MissingGroupBy,
    LintRule::MissingCondition,
    LintRule::UnknownRuleReference,
    LintRule::ConditionReferencesUnknown,
    LintRule::NullInValueList,
    LintRule::DescriptionTooLong,
    LintRule::FlattenedArrayCorrelation,
];

/// Warnings about the files; what keeps a rule from running is not said again.
#[must_use]
pub fn lint(files: &[RuleFile]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for file in files {
        // A file that is no YAML, or too much of it, is an error already.
        if limits::check(&file.name, &file.text).is_err() {
            continue;
        }
        for node in documents(&file.name, &file.text).unwrap_or_default() {
            let mut linter = Linter { file, concerns_s3: concerns_s3(&node), found: &mut found };
            linter.document(&node);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Whether a document looks at S3's events: its event sources say so, or it has none.
fn concerns_s3(document: &MarkedYaml<'_>) -> bool {
    let mut sources = Vec::new();
    if let Some(detection) = value(document, "detection") {
        values_of(detection, &["eventSource", "event_source"], &mut sources);
    }
    sources.is_empty() || sources.iter().any(|node| text(node).is_some_and(is_s3))
}

fn is_s3(source: &str) -> bool {
    source.starts_with("s3") || source.contains('*')
}

/// The plain values of a field without modifiers, however deep it stands.
fn values_of<'n, 'y>(
    node: &'n MarkedYaml<'y>,
    fields: &[&str],
    found: &mut Vec<&'n MarkedYaml<'y>>,
) {
    match &node.data {
        YamlData::Mapping(mapping) => {
            for (key, value) in mapping {
                match (&value.data, text(key).is_some_and(|key| fields.contains(&key))) {
                    (YamlData::Sequence(items), true) => found.extend(items),
                    (_, true) => found.push(value),
                    (_, false) => values_of(value, fields, found),
                }
            }
        }
        YamlData::Sequence(items) => items.iter().for_each(|item| values_of(item, fields, found)),
        _ => {}
    }
}

fn value<'n, 'y>(node: &'n MarkedYaml<'y>, name: &str) -> Option<&'n MarkedYaml<'y>> {
    let YamlData::Mapping(mapping) = &node.data else { return None };
    mapping.iter().find(|(key, _)| text(key) == Some(name)).map(|(_, value)| value)
}

/// Looks at one document.
struct Linter<'f> {
    file: &'f RuleFile,
    concerns_s3: bool,
    found: &'f mut Vec<Diagnostic>,
}

impl Linter<'_> {
    fn document(&mut self, node: &MarkedYaml<'_>) {
        if let Some(detection) = value(node, "detection") {
            self.detections(detection);
            self.names(detection, &["eventName", "event_name"], "event_name", known::event);
            self.names(detection, &["eventSource", "event_source"], "event_source", known::source);
        }
        let aliases = value(node, "correlation").and_then(|section| value(section, "aliases"));
        let is_alias = |item: &MarkedYaml<'_>| match aliases.map(|aliases| &aliases.data) {
            Some(YamlData::Mapping(aliases)) => {
                aliases.iter().any(|(name, _)| text(name).is_some() && text(name) == text(item))
            }
            _ => false,
        };
        let lists = [("correlation", "group-by"), ("trailsift", "group_by")];
        let more = [("trailsift", "value"), ("trailsift", "details")];
        for (section, key) in lists.into_iter().chain(more) {
            let Some(list) = value(node, section).and_then(|section| value(section, key)) else {
                continue;
            };
            match &list.data {
                YamlData::Sequence(items) => {
                    items.iter().filter(|item| !is_alias(item)).for_each(|item| self.field(item));
                }
                _ if is_alias(list) => {}
                _ => self.field(list),
            }
        }
        self.sigma(node);
    }

    /// The named detections of a rule.
    fn detections(&mut self, detection: &MarkedYaml<'_>) {
        let YamlData::Mapping(named) = &detection.data else { return };
        for (name, detection) in named {
            if !matches!(text(name), Some("condition" | "timeframe")) {
                self.fields_of(detection);
            }
        }
    }

    /// The fields of maps, and of lists of maps.
    fn fields_of(&mut self, detection: &MarkedYaml<'_>) {
        match &detection.data {
            YamlData::Mapping(fields) => fields.iter().for_each(|(field, _)| self.field(field)),
            YamlData::Sequence(items) => items.iter().for_each(|item| self.fields_of(item)),
            _ => {}
        }
    }

    fn field(&mut self, node: &MarkedYaml<'_>) {
        let name =
            text(node).and_then(|spec| spec.split('|').next()).filter(|name| !name.is_empty());
        if let Some(doubt) = name.and_then(known::field) {
            self.doubt(node, "unknown_field", doubt);
        }
    }

    fn names(
        &mut self,
        detection: &MarkedYaml<'_>,
        fields: &[&str],
        code: &'static str,
        doubt: fn(&str) -> Option<Doubt>,
    ) {
        if !self.concerns_s3 && code == "event_name" {
            return;
        }
        let mut values = Vec::new();
        values_of(detection, fields, &mut values);
        let given: Vec<&str> = values.iter().filter_map(|node| text(node)).collect();
        for node in values {
            let plain = text(node).filter(|value| !value.contains(['*', '?', '\\']));
            // Who names both spellings knows.
            let is_known = |doubt: &Doubt| doubt.meant.is_some_and(|meant| given.contains(&meant));
            if let Some(doubt) = plain.and_then(doubt).filter(|doubt| !is_known(doubt)) {
                self.doubt(node, code, doubt);
            }
        }
    }

    fn doubt(&mut self, node: &MarkedYaml<'_>, code: &'static str, doubt: Doubt) {
        let diagnostic =
            Diagnostic::at(&self.file.name, place(node), code, doubt.message).warning();
        self.found.push(match doubt.meant {
            Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
            None => diagnostic.help("a path that no record has matches nothing"),
        });
    }

    /// What Sigma's linter says of the document.
    fn sigma(&mut self, node: &MarkedYaml<'_>) {
        let lines = node.span.start.line().saturating_sub(1);
        let rest: Vec<&str> = self.file.text.lines().skip(lines).collect();
        let end = rest.iter().position(|line| *line == "---").unwrap_or(rest.len());
        let own = rest.get(..end).unwrap_or_default().join("\n");
        for warning in lint_yaml_str(&own) {
            let says = matches!(warning.severity, Severity::Error | Severity::Warning);
            if !says || NOT_OURS.contains(&warning.rule) {
                continue;
            }
            let at = find(node, &warning.path);
            let message = format!("{}: {}", warning.rule, warning.message);
            self.found.push(Diagnostic::at(&self.file.name, at, "sigma", message).warning());
        }
    }
}

/// Where a path such as `/tags/0` stands, or as far as it leads.
fn find(document: &MarkedYaml<'_>, path: &str) -> (usize, usize) {
    let (mut node, mut at) = (document, place(document));
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let next = match &node.data {
            YamlData::Mapping(mapping) => mapping.iter().find(|(key, _)| text(key) == Some(part)),
            YamlData::Sequence(items) => {
                part.parse().ok().and_then(|at: usize| items.get(at)).map(|item| (item, item))
            }
            _ => None,
        };
        let Some((key, value)) = next else { break };
        (node, at) = (value, place(key));
    }
    at
}
