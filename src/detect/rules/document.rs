//! Sigma documents with their `trailsift:` sections.

use rsigma_parser::{CorrelationRule, LogSource, SigmaRule, parse_sigma_yaml};
use saphyr::MarkedYaml;

use super::diagnostic::Diagnostic;
use super::section::Section;
use super::source::RuleFile;
use super::yaml::{Mapping, documents};

/// A Sigma document that can be run or referred to.
#[derive(Debug)]
pub(super) struct Document {
    /// The detector's id: its `name`, else the file's slug.
    pub id: String,
    /// The file it came from.
    pub file: String,
    /// Where it begins.
    place: (usize, usize),
    /// Rule or correlation.
    pub kind: Kind,
    /// Its section.
    pub section: Option<Section>,
    /// Whether it gives findings of its own: correlations do, and rules that none refers to.
    pub judged: bool,
}

/// The two kinds of documents.
#[derive(Debug)]
pub(super) enum Kind {
    /// A plain rule.
    Rule(Box<SigmaRule>),
    /// A correlation.
    Correlation(Box<CorrelationRule>),
}

impl Document {
    /// The names by which correlations refer to it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let (name, id) = match &self.kind {
            Kind::Rule(rule) => (&rule.name, &rule.id),
            Kind::Correlation(rule) => (&rule.name, &rule.id),
        };
        [name, id].into_iter().flatten().map(String::as_str)
    }

    /// A fault of this document.
    pub(super) fn fault(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.file, self.place, code, message)
    }
}

/// Reads the documents of all files; what cannot be read becomes a diagnostic.
pub(super) fn read(files: &[RuleFile], diagnostics: &mut Vec<Diagnostic>) -> Vec<Document> {
    let mut found = Vec::new();
    for file in files {
        match read_file(file, diagnostics) {
            Ok(documents) => found.extend(documents),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    let mut referenced: Vec<String> = Vec::new();
    for document in &found {
        if let Kind::Correlation(rule) = &document.kind
            && !rule.generate
        {
            referenced.extend(rule.rules.iter().cloned());
            referenced.extend(document.section.iter().flat_map(|section| section.unless.clone()));
        }
    }
    for document in &mut found {
        let is_referenced = document.names().any(|name| referenced.iter().any(|r| r == name));
        document.judged = !is_referenced;
    }
    found
}

fn read_file(
    file: &RuleFile,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Vec<Document>, Diagnostic> {
    let nodes = documents(&file.name, &file.text)?;
    let sigma = parse_sigma_yaml(&file.text)
        .map_err(|error| Diagnostic::of_file(&file.name, "sigma", error.to_string()))?;
    for error in &sigma.errors {
        diagnostics.push(Diagnostic::of_file(&file.name, "sigma", error.clone()));
    }
    if !sigma.filters.is_empty() {
        let message = "Sigma filters are not supported yet";
        diagnostics.push(Diagnostic::of_file(&file.name, "filter", message));
    }
    let is = |node: &MarkedYaml<'_>, key| {
        Mapping::of(&file.name, node).is_ok_and(|mapping| mapping.get(key).is_some())
    };
    let (correlations, others): (Vec<_>, Vec<_>) =
        nodes.iter().partition(|node| is(node, "correlation"));
    let rules: Vec<_> = others.into_iter().filter(|node| is(node, "detection")).collect();
    let mut found = Vec::new();
    for (position, rule) in sigma.rules.into_iter().enumerate() {
        if let Some(reason) = foreign(&rule.logsource) {
            diagnostics.push(Diagnostic::of_file(&file.name, "logsource", reason));
            continue;
        }
        let id = rule.name.clone();
        found.push(document(file, id, Kind::Rule(Box::new(rule)), rules.get(position).copied())?);
    }
    for (position, rule) in sigma.correlations.into_iter().enumerate() {
        let (id, node) = (rule.name.clone(), correlations.get(position).copied());
        found.push(document(file, id, Kind::Correlation(Box::new(rule)), node)?);
    }
    Ok(found)
}

fn document(
    file: &RuleFile,
    name: Option<String>,
    kind: Kind,
    node: Option<&MarkedYaml<'_>>,
) -> Result<Document, Diagnostic> {
    let section = match node {
        Some(node) => Section::read(&file.name, node)?,
        None => None,
    };
    let start = node.map(|node| (node.span.start.line(), node.span.start.col() + 1));
    Ok(Document {
        id: name.unwrap_or_else(|| file.slug().to_owned()),
        file: file.name.clone(),
        place: start.unwrap_or((1, 1)),
        kind,
        section,
        judged: true,
    })
}

/// Why a rule is not for CloudTrail, if it is not. A missing part of the log source fits anything.
fn foreign(source: &LogSource) -> Option<String> {
    let fits = |part: &Option<String>, own: &str| part.as_deref().is_none_or(|part| part == own);
    if fits(&source.product, "aws") && fits(&source.service, "cloudtrail") {
        return None;
    }
    let name = |part: &Option<String>| part.clone().unwrap_or_else(|| "any".to_owned());
    let (product, service) = (name(&source.product), name(&source.service));
    Some(format!("log source `{product}/{service}` is not aws/cloudtrail; the rule is not run"))
}
