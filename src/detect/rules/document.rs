//! Sigma documents with their `trailsift:` sections.

use rayon::prelude::*;
use rsigma_parser::{CorrelationRule, Detections, LogSource, SigmaRule, parse_sigma_yaml};
use saphyr::MarkedYaml;

use super::correlation::{Correlation, Written, without_fractions};
use super::diagnostic::Diagnostic;
use super::fault;
use super::filter::Filter;
use super::limits;
use super::section::Section;
use super::source::RuleFile;
use super::words::Words;
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
    /// Where its words stand.
    words: Words,
    /// Rule or correlation.
    pub kind: Kind,
    /// Its section.
    pub section: Option<Section>,
    /// Of a correlation: its own section.
    correlation: Option<Result<Correlation, Diagnostic>>,
    /// Whether it gives findings of its own: what no other document refers to does, and what a
    /// correlation with `generate` refers to.
    pub judged: bool,
    /// Whether the user has switched it off: it runs only where another one needs it.
    pub off: bool,
    /// Events that it does not look at: the user's tuning.
    pub exclude: Option<Detections>,
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
    /// Switches it off, as its user wants.
    pub(super) fn switch_off(&mut self) {
        (self.judged, self.off) = (false, true);
    }

    /// The names by which correlations refer to it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let (name, id) = match &self.kind {
            Kind::Rule(rule) => (&rule.name, &rule.id),
            Kind::Correlation(rule) => (&rule.name, &rule.id),
        };
        [name, id].into_iter().flatten().map(String::as_str)
    }

    /// Whether it is an attack sequence: what its `rules` name are stages, not rules.
    pub(super) fn is_sequence(&self) -> bool {
        self.section.as_ref().is_some_and(|section| !section.stages.is_empty())
    }

    /// The names of the rules that it refers to.
    pub(super) fn rules(&self) -> &[String] {
        let written = self.correlation().map(|written| written.rules.as_slice());
        written.ok().filter(|_| !self.is_sequence()).unwrap_or_default()
    }

    /// The condition of a correlation, to be changed.
    pub(super) fn condition_mut(&mut self) -> Option<&mut Written> {
        self.correlation.as_mut()?.as_mut().ok().map(|correlation| &mut correlation.condition)
    }

    /// The section of a correlation.
    pub(super) fn correlation(&self) -> Result<&Correlation, Diagnostic> {
        let message = "a correlation cannot be made of several documents (`action`)";
        let Some(correlation) = &self.correlation else {
            return Err(self.fault("correlation", message));
        };
        correlation.as_ref().map_err(Clone::clone)
    }

    /// A fault of a key of its correlation.
    pub(super) fn fault_of(
        &self,
        key: &str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        let place = self.correlation.as_ref().and_then(|found| found.as_ref().ok()?.place(key));
        Diagnostic::at(&self.file, place.unwrap_or(self.place), code, message)
    }

    /// A fault of this document.
    pub(super) fn fault(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        let message = message.into();
        let place = self.words.find(&message).unwrap_or(self.place);
        Diagnostic::at(&self.file, place, code, message)
    }
}

/// Reads the documents and filters of all files; what cannot be read becomes a diagnostic.
pub(super) fn read(
    files: &[RuleFile],
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<Document>, Vec<Filter>) {
    let (mut found, mut filters) = (Vec::new(), Vec::new());
    let mut references = References::default();
    let parts: Vec<Part> = files.par_iter().map(Part::read).collect();
    for part in parts {
        filters.extend(part.filters);
        references.raising.extend(part.references.raising);
        references.quiet.extend(part.references.quiet);
        diagnostics.extend(part.diagnostics);
        match part.documents {
            Ok(documents) => found.extend(documents),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    for section in found.iter().filter_map(|document| document.section.as_ref()) {
        for rules in [&section.unless, &section.usual, &section.stronger] {
            references.quiet.extend(rules.iter().cloned());
        }
    }
    for document in &mut found {
        let is_named =
            |names: &[String]| document.names().any(|name| names.iter().any(|n| n == name));
        document.judged = is_named(&references.raising) || !is_named(&references.quiet);
    }
    (found, filters)
}

/// What correlations refer to, also those that are not understood: that a correlation does not run
/// makes no findings of its rules.
#[derive(Debug, Default)]
struct References {
    /// By correlations with `generate`.
    raising: Vec<String>,
    /// By others.
    quiet: Vec<String>,
}

impl References {
    fn add(&mut self, file: &str, node: &MarkedYaml<'_>) {
        let Ok(document) = Mapping::of(file, node) else { return };
        let Ok(Some(section)) = document.mapping("correlation") else { return };
        // The rules of a sequence are its stages.
        let has_stages = |own: &Mapping<'_, '_>| own.get("stages").is_some();
        if document.mapping("trailsift").ok().flatten().as_ref().is_some_and(has_stages) {
            return;
        }
        let generates = |mapping: &Mapping<'_, '_>| mapping.flag("generate").ok().flatten();
        let generate = generates(&document).or_else(|| generates(&section)).unwrap_or(false);
        let names = if generate { &mut self.raising } else { &mut self.quiet };
        names.extend(section.texts("rules").unwrap_or_default());
    }
}

/// What one file holds.
struct Part {
    documents: Result<Vec<Document>, Diagnostic>,
    filters: Vec<Filter>,
    references: References,
    diagnostics: Vec<Diagnostic>,
}

impl Part {
    fn read(file: &RuleFile) -> Self {
        let (mut filters, mut diagnostics) = (Vec::new(), Vec::new());
        let mut references = References::default();
        let documents = read_file(file, &mut filters, &mut references, &mut diagnostics);
        Self { documents, filters, references, diagnostics }
    }
}

fn read_file(
    file: &RuleFile,
    filters: &mut Vec<Filter>,
    references: &mut References,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Vec<Document>, Diagnostic> {
    limits::check(&file.name, &file.text)?;
    let nodes = documents(&file.name, &file.text)?;
    for node in &nodes {
        references.add(&file.name, node);
    }
    let sigma = parse_sigma_yaml(&without_fractions(&file.name, &file.text, &nodes))
        .map_err(|error| Diagnostic::of_file(&file.name, "sigma", error.to_string()))?;
    for error in &sigma.errors {
        diagnostics.push(fault::of_parser(&file.name, &nodes, error));
    }
    let filter = |rule| Filter { file: file.name.clone(), rule };
    filters.extend(sigma.filters.into_iter().map(filter));
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
    let is_correlation = matches!(kind, Kind::Correlation(_));
    nodes.iter().find(|node| {
        Mapping::of(&file.name, node).is_ok_and(|mapping| {
            mapping.get("correlation").is_some() == is_correlation
                && wanted
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
    let correlation = node.filter(|_| matches!(kind, Kind::Correlation(_)));
    let correlation = correlation.map(|node| Correlation::read(&file.name, node));
    let start = node.map(|node| (node.span.start.line(), node.span.start.col() + 1));
    Ok(Document {
        id: name.unwrap_or_else(|| file.slug().to_owned()),
        file: file.name.clone(),
        place: start.unwrap_or((1, 1)),
        words: node.map(Words::of).unwrap_or_default(),
        kind,
        section,
        correlation,
        judged: true,
        off: false,
        exclude: None,
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
