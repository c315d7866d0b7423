//! Sigma documents with their `trailsift:` sections.

use rsigma_parser::{CorrelationRule, LogSource, SigmaRule, parse_sigma_yaml};
use saphyr::MarkedYaml;

use super::diagnostic::Diagnostic;
use super::limits;
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
        if let Kind::Correlation(rule) = &document.kind {
            if rule.generate {
                continue;
            }
            referenced.extend(rule.rules.iter().cloned());
        }
        if let Some(section) = &document.section {
            for rules in [&section.unless, &section.usual, &section.stronger] {
                referenced.extend(rules.iter().cloned());
            }
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
    limits::check(&file.name, &file.text)?;
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
    let mut kinds = Vec::new();
    for rule in sigma.rules {
        match foreign(&rule.logsource) {
            Some(reason) => {
                diagnostics.push(Diagnostic::of_file(&file.name, "logsource", reason));
            }
            None => kinds.push(Kind::Rule(Box::new(rule))),
        }
    }
    kinds.extend(sigma.correlations.into_iter().map(|rule| Kind::Correlation(Box::new(rule))));
    let mut found = Vec::new();
    for kind in kinds {
        match document(file, &nodes, kind) {
            Ok(document) => found.push(document),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    Ok(found)
}

/// The YAML document with the same title, name and id: some documents of a file may be unreadable,
/// so positions do not tell.
fn node_of<'n, 'y>(
    file: &RuleFile,
    nodes: &'n [MarkedYaml<'y>],
    kind: &Kind,
) -> Option<&'n MarkedYaml<'y>> {
    let (title, name, id) = match kind {
        Kind::Rule(rule) => (&rule.title, &rule.name, &rule.id),
        Kind::Correlation(rule) => (&rule.title, &rule.name, &rule.id),
    };
    let wanted = [("title", Some(title)), ("name", name.as_ref()), ("id", id.as_ref())];
    nodes.iter().find(|node| {
        Mapping::of(&file.name, node).is_ok_and(|mapping| {
            wanted
                .iter()
                .all(|(key, text)| mapping.text(key).ok().flatten() == text.map(String::as_str))
        })
    })
}

fn document(file: &RuleFile, nodes: &[MarkedYaml<'_>], kind: Kind) -> Result<Document, Diagnostic> {
    let node = node_of(file, nodes, &kind);
    let section = match node {
        Some(node) => Section::read(&file.name, node)?,
        None => None,
    };
    let name = match &kind {
        Kind::Rule(rule) => rule.name.clone(),
        Kind::Correlation(rule) => rule.name.clone(),
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
