//! The plan: every selection, fold and detector of the loaded files, compiled.

use std::collections::BTreeMap;

use rsigma_parser::{
    ConditionOperator, CorrelationCondition, CorrelationRule, Level, SigmaRule, WindowMode,
};
use sha2::{Digest, Sha256};

use super::detector::{Detector, Metadata, attack, severity_of};
use super::diagnostic::Diagnostic;
use super::document::{Document, Kind, read};
use super::message::Message;
use super::section::Section;
use super::source::RuleFile;
use crate::detect::group::{Fold, FoldId, Grain, MAX_ENTITY, Sample, SampleField};
use crate::detect::judge::{self, Condition, Escalation, Operator, Recurring, Severity, Terms};
use crate::detect::select::{self, Selection};
use crate::events::{Core, Field, Fields};

/// Raised whenever a normalised column changes its meaning: folds of older versions relearn.
const NORMALISER: u32 = 1;

/// What every detailed fold samples: column, sample size, texts kept.
pub const SAMPLES: &[(Core, usize, usize)] = &[
    (Core::AwsRegion, 16, 16),
    (Core::Principal, 16, 16),
    (Core::PrincipalType, 16, 16),
    (Core::CallerAccount, 16, 16),
    (Core::AccessKeyId, 16, 16),
    (Core::SessionName, 16, 16),
    (Core::Bucket, 16, 16),
    (Core::BucketOwnerAccount, 16, 16),
    (Core::ObjectKey, 4_096, 16),
    (Core::EventName, 16, 16),
    (Core::ErrorCode, 16, 16),
    (Core::SourceIp, 16, 16),
    (Core::VpcEndpoint, 16, 16),
    (Core::UserAgent, 16, 16),
    (Core::SharedEventId, 16, 16),
];

/// Columns of the coverage fold.
const COVERAGE: &[Core] =
    &[Core::RecipientAccount, Core::AwsRegion, Core::Bucket, Core::AccessClass];

/// Everything that the loaded detector files ask for.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The fields to extract.
    pub fields: Fields,
    /// The compiled selections; masks have the same numbers.
    pub selections: Vec<Selection>,
    /// The folds; number 0 is coverage.
    pub folds: Vec<Fold>,
    /// The detectors, in the order of their files.
    pub detectors: Vec<Detector>,
    /// What could not be compiled.
    pub diagnostics: Vec<Diagnostic>,
    /// Identity of the whole plan: tables of equal plans merge.
    pub digest: String,
}

impl Plan {
    /// The position of the coverage fold.
    pub const COVERAGE: usize = 0;

    /// Compiles detector files. Bad rules become diagnostics, the others run.
    #[must_use]
    pub fn compile(files: &[RuleFile]) -> Self {
        let mut plan = Self {
            fields: Fields::default(),
            selections: Vec::new(),
            folds: vec![coverage()],
            detectors: Vec::new(),
            diagnostics: Vec::new(),
            digest: digest(files),
        };
        let documents = read(files, &mut plan.diagnostics);
        let mut compiler = Compiler::new(&documents, plan);
        for document in documents.iter().filter(|document| document.judged) {
            if let Err(diagnostic) = compiler.detector(document) {
                compiler.plan.diagnostics.push(diagnostic);
            }
        }
        let mut plan = compiler.plan;
        plan.diagnostics.sort();
        plan
    }
}

fn coverage() -> Fold {
    let names: Vec<&str> = COVERAGE.iter().map(|core| core.name()).collect();
    Fold {
        id: FoldId::new(&format!("coverage\n{}\n{NORMALISER}", names.join(","))),
        rules: Vec::new(),
        entity: COVERAGE.iter().map(|core| Field::Core(*core)).collect(),
        grain: Grain::HOUR,
        samples: Vec::new(),
        detailed: false,
    }
}

fn digest(files: &[RuleFile]) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{}\n{NORMALISER}\n", env!("CARGO_PKG_VERSION")));
    for file in files {
        hash.update(format!("{}\n{}\n", file.text.len(), file.text));
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

struct Compiler<'d> {
    documents: &'d [Document],
    /// Documents by name and id.
    known: BTreeMap<&'d str, usize>,
    /// Selections by document.
    compiled: BTreeMap<usize, usize>,
    plan: Plan,
}

impl<'d> Compiler<'d> {
    fn new(documents: &'d [Document], plan: Plan) -> Self {
        let mut known = BTreeMap::new();
        for (number, document) in documents.iter().enumerate() {
            for name in document.names() {
                known.entry(name).or_insert(number);
            }
        }
        Self { documents, known, compiled: BTreeMap::new(), plan }
    }

    fn detector(&mut self, document: &'d Document) -> Result<(), Diagnostic> {
        if self.plan.detectors.iter().any(|known| known.metadata.id == document.id) {
            let message = format!("detector `{}` is defined already", document.id);
            return Err(document.fault("duplicate", message).help("give it another `name`"));
        }
        let section = document.section.clone().unwrap_or_default();
        let (detector, fold) = match &document.kind {
            Kind::Rule(rule) => self.plain(document, rule, &section)?,
            Kind::Correlation(rule) => self.correlation(document, rule, &section)?,
        };
        let known = self.plan.folds.iter().position(|other| other.id == fold.id);
        let number = known.unwrap_or_else(|| {
            self.plan.folds.push(fold);
            self.plan.folds.len() - 1
        });
        self.plan.detectors.push(Detector { fold: number, ..detector });
        Ok(())
    }

    /// A plain Sigma rule.
    fn plain(
        &mut self,
        document: &'d Document,
        rule: &SigmaRule,
        section: &Section,
    ) -> Result<(Detector, Fold), Diagnostic> {
        let name = section.judge.as_deref().unwrap_or("match");
        if name != "match" {
            let message = format!("judge `{name}` needs a correlation, or is unknown");
            return Err(document.fault("judge", message));
        }
        let number = self.number_of(document);
        let terms = Terms { counted: vec![true], unless: vec![false], ..Terms::default() };
        let group_by = if section.group_by.is_empty() {
            vec!["principal".to_owned(), "bucket".to_owned()]
        } else {
            section.group_by.clone()
        };
        let shared = Shared {
            level: rule.level,
            tags: &rule.tags,
            title: &rule.title,
            description: rule.description.as_deref(),
        };
        self.assemble(document, section, &shared, name, terms, &group_by, &[number])
    }

    fn correlation(
        &mut self,
        document: &'d Document,
        rule: &CorrelationRule,
        section: &Section,
    ) -> Result<(Detector, Fold), Diagnostic> {
        let name = rule.correlation_type.as_str();
        if rule.window != WindowMode::Sliding || !rule.aliases.is_empty() {
            let message = "windows other than sliding, and aliases, are not supported yet";
            return Err(document.fault("correlation", message));
        }
        let (conditions, field) = conditions(&rule.condition);
        if conditions.is_empty() || field {
            return Err(document.fault("condition", "expected numbers: `condition: {gte: 50}`"));
        }
        let mut rules = Vec::new();
        for referenced in rule.rules.iter().chain(&section.unless) {
            rules.push(self.referenced(document, referenced)?);
        }
        let counted = rule.rules.len();
        let timespan = i64::try_from(rule.timespan.seconds).unwrap_or(i64::MAX / 4);
        let terms = Terms {
            timespan,
            timespan_text: rule.timespan.original.clone(),
            conditions,
            counted: (0..rules.len()).map(|position| position < counted).collect(),
            unless: (0..rules.len()).map(|position| position >= counted).collect(),
            severity: Severity::default(),
        };
        let shared = Shared {
            level: rule.level,
            tags: &rule.tags,
            title: &rule.title,
            description: rule.description.as_deref(),
        };
        self.assemble(document, section, &shared, name, terms, &rule.group_by, &rules)
    }

    #[allow(clippy::too_many_arguments)] // the parts of a detector, put together here only
    fn assemble(
        &mut self,
        document: &'d Document,
        section: &Section,
        shared: &Shared<'_>,
        judge: &str,
        terms: Terms,
        group_by: &[String],
        rules: &[usize],
    ) -> Result<(Detector, Fold), Diagnostic> {
        let judge = judge::find(judge).ok_or_else(|| {
            document.fault("judge", format!("correlation type `{judge}` is not supported yet"))
        })?;
        let names: Vec<String> = rules
            .iter()
            .filter_map(|rule| self.documents.get(*rule))
            .map(|document| document.names().next().unwrap_or_default().to_owned())
            .collect();
        let severity = severity(document, section, shared.level, &names)?;
        let terms = Terms { severity, ..terms };
        let fold = self.fold(document, section, group_by, rules, (judge.grain)(&terms))?;
        let metadata = metadata(document, section, shared, &names)?;
        let details = section.details.len();
        Ok((Detector { metadata, judge, terms, fold: 0, details }, fold))
    }

    fn fold(
        &mut self,
        document: &'d Document,
        section: &Section,
        group_by: &[String],
        rules: &[usize],
        grain: Grain,
    ) -> Result<Fold, Diagnostic> {
        let mut selections = Vec::new();
        let mut description = format!("{NORMALISER} {} {}\n", grain.pane, grain.bucket);
        for rule in rules {
            selections.push(self.selection(*rule)?);
            if let Some(Kind::Rule(rule)) = self.documents.get(*rule).map(|found| &found.kind) {
                description += &describe(rule);
            }
        }
        let entity = self.entity(document, group_by)?;
        let samples = self.samples(document, section)?;
        description += &format!("{}\n{}", group_by.join(","), section.details.join(","));
        let id = FoldId::new(&description);
        Ok(Fold { id, rules: selections, entity, grain, samples, detailed: true })
    }

    /// The entity columns: the recipient account is part of every entity.
    fn entity(&mut self, document: &Document, names: &[String]) -> Result<Vec<Field>, Diagnostic> {
        let mut entity = vec![Field::Core(Core::RecipientAccount)];
        for name in names {
            let field = self.field(document, name)?;
            if matches!(self.sample_field(field), SampleField::Text(_)) {
                let message = format!("cannot group by `{name}`: nearly every event has its own");
                return Err(document.fault("group_by", message));
            }
            if !entity.contains(&field) {
                entity.push(field);
            }
        }
        if entity.len() > MAX_ENTITY {
            let message = format!("groups by more than {} fields", MAX_ENTITY - 1);
            return Err(document.fault("group_by", message));
        }
        Ok(entity)
    }

    fn samples(&mut self, document: &Document, section: &Section) -> Result<Vec<Sample>, Diagnostic> {
        let mut samples: Vec<Sample> = SAMPLES
            .iter()
            .map(|(core, k, keep)| {
                let field = self.sample_field(Field::Core(*core));
                Sample { field, k: *k, keep: *keep }
            })
            .collect();
        for name in &section.details {
            let field = self.field(document, name)?;
            samples.push(Sample { field: self.sample_field(field), k: 16, keep: 16 });
        }
        Ok(samples)
    }

    #[allow(clippy::unused_self)] // reads as part of the compiler
    fn sample_field(&self, field: Field) -> SampleField {
        use crate::events::ColumnKind::Dictionary;
        match field {
            Field::Core(core) if core.kind() != Dictionary => SampleField::Text(core),
            _ => SampleField::Dictionary(field),
        }
    }

    fn field(&mut self, document: &Document, name: &str) -> Result<Field, Diagnostic> {
        self.plan.fields.resolve(name).map_err(|error| document.fault("field", error.to_string()))
    }

    fn number_of(&self, document: &Document) -> usize {
        self.documents.iter().position(|other| std::ptr::eq(other, document)).unwrap_or(usize::MAX)
    }

    fn referenced(&self, document: &Document, name: &str) -> Result<usize, Diagnostic> {
        let found = self.known.get(name).copied();
        let rule = found.filter(|number| {
            self.documents.get(*number).is_some_and(|d| matches!(d.kind, Kind::Rule(_)))
        });
        rule.ok_or_else(|| {
            let message = format!("refers to `{name}`, which is no loaded plain rule");
            document.fault("reference", message)
        })
    }

    /// The number of a rule's selection, compiled on first use.
    fn selection(&mut self, rule: usize) -> Result<usize, Diagnostic> {
        if let Some(number) = self.compiled.get(&rule) {
            return Ok(*number);
        }
        let Some((document, Kind::Rule(sigma))) =
            self.documents.get(rule).map(|document| (document, &document.kind))
        else {
            return Ok(usize::MAX);
        };
        let selection = select::compile(&sigma.detection, &mut self.plan.fields)
            .map_err(|error| document.fault("selection", error.to_string()))?;
        self.plan.selections.push(selection);
        let number = self.plan.selections.len() - 1;
        self.compiled.insert(rule, number);
        Ok(number)
    }
}

/// What rules and correlations both have.
struct Shared<'r> {
    level: Option<Level>,
    tags: &'r [String],
    title: &'r str,
    description: Option<&'r str>,
}

fn metadata(
    document: &Document,
    section: &Section,
    shared: &Shared<'_>,
    rules: &[String],
) -> Result<Metadata, Diagnostic> {
    let message = |text: &str| {
        Message::parse(text, rules).map_err(|placeholder| {
            document.fault("placeholder", format!("unknown placeholder `{placeholder}`"))
        })
    };
    let plain = "{principal}: {event_count} events ({ok_count} succeeded, {error_count} failed)";
    let (tactics, techniques) = attack(shared.tags);
    Ok(Metadata {
        id: document.id.clone(),
        version: section.version.unwrap_or(1),
        file: document.file.clone(),
        finding_type: section.finding_type.clone().unwrap_or_else(|| format!("Sigma/{}", document.id)),
        title: message(section.title.as_deref().unwrap_or(shared.title))?,
        description: match (&section.description, shared.description) {
            (Some(text), _) => message(text)?,
            (None, _) => message(plain)?,
        },
        confidence: section.confidence.unwrap_or(0.5),
        tactics,
        techniques,
        practice: section.practice.clone(),
        needs_data_events: section.needs_data_events,
        remediation: section.remediation.as_deref().map(message).transpose()?,
    })
}

fn severity(
    document: &Document,
    section: &Section,
    level: Option<Level>,
    rules: &[String],
) -> Result<Severity, Diagnostic> {
    let mut escalate = Vec::new();
    for (rule, at_least, severity) in &section.escalate {
        let position = |name: &String| {
            let found = rules.iter().position(|rule| rule == name);
            found.ok_or_else(|| document.fault("reference", format!("`escalate` names `{name}`, which is not among its rules")))
        };
        let rule = rule.as_ref().map(position).transpose()?;
        escalate.push(Escalation { rule, at_least: *at_least, severity: *severity });
    }
    let recurring = section.recurring.map(|(days, factor, severity)| Recurring {
        days: usize::try_from(days).unwrap_or(usize::MAX),
        factor,
        severity,
    });
    Ok(Severity {
        base: section.severity.unwrap_or_else(|| severity_of(level)),
        if_failed: section.severity_if_failed,
        escalate,
        recurring,
    })
}

/// The conditions, and whether they name a field or an expression.
fn conditions(condition: &CorrelationCondition) -> (Vec<Condition>, bool) {
    let CorrelationCondition::Threshold { predicates, field, percentile } = condition else {
        return (Vec::new(), true);
    };
    let operator = |operator: ConditionOperator| match operator {
        ConditionOperator::Lt => Operator::Lt,
        ConditionOperator::Lte => Operator::Lte,
        ConditionOperator::Gt => Operator::Gt,
        ConditionOperator::Gte => Operator::Gte,
        ConditionOperator::Eq => Operator::Eq,
        ConditionOperator::Neq => Operator::Neq,
    };
    let conditions =
        predicates.iter().map(|(op, value)| Condition { operator: operator(*op), value: *value });
    (conditions.collect(), field.is_some() || percentile.is_some())
}

/// A rule's selection as text, for the fold's digest: the same whatever the rule is called.
fn describe(rule: &SigmaRule) -> String {
    let named: BTreeMap<&String, String> = rule
        .detection
        .named
        .iter()
        .map(|(name, detection)| (name, format!("{detection:?}")))
        .collect();
    format!("{named:?} {:?}\n", rule.detection.condition_strings)
}
