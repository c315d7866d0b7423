//! Drafts to detectors: names become selections, columns and folds. Each selection is compiled
//! once, and detectors with the same selection and grouping share a fold.

use std::collections::BTreeMap;

use rsigma_parser::{Detections, SigmaRule};

use super::detector::{Detector, Scope};
use super::diagnostic::Diagnostic;
use super::document::{Document, Kind};
use super::draft::Draft;
use super::filter::Filter;
use super::plan::{NORMALISER, Plan, SAMPLES};
use crate::detect::group::{Fold, FoldId, Grain, MAX_ENTITY, Sample, SampleField};
use crate::detect::judge::{self, Terms};
use crate::detect::select::{self, CompileError, Expression, Placeholders, Selection};
use crate::events::{ColumnKind, Core, Field};

/// Covered days that a scope's history needs, where state is kept and the detector names none.
const MIN_HISTORY: u64 = 7;

/// Compiles documents into a plan.
pub(super) struct Compiler<'d> {
    documents: &'d [Document],
    filters: &'d [Filter],
    placeholders: &'d Placeholders,
    /// Documents by name and id.
    known: BTreeMap<&'d str, usize>,
    /// Selections by document.
    compiled: BTreeMap<usize, usize>,
    /// What is compiled so far.
    pub(super) plan: Plan,
}

impl<'d> Compiler<'d> {
    /// A compiler that adds to `plan`.
    pub(super) fn new(
        documents: &'d [Document],
        filters: &'d [Filter],
        placeholders: &'d Placeholders,
        plan: Plan,
    ) -> Self {
        let mut known = BTreeMap::new();
        for (number, document) in documents.iter().enumerate() {
            for name in document.names() {
                known.entry(name).or_insert(number);
            }
        }
        Self { documents, filters, placeholders, known, compiled: BTreeMap::new(), plan }
    }

    /// Compiles the detector of document number `number`.
    pub(super) fn detector(&mut self, number: usize) -> Result<(), Diagnostic> {
        let Some(document) = self.documents.get(number) else { return Ok(()) };
        if self.plan.detectors.iter().any(|known| known.metadata.id == document.id) {
            let message = format!("detector `{}` is defined already", document.id);
            return Err(document.fault("duplicate", message).help("give it another `name`"));
        }
        let draft = Draft::of(document)?;
        let judge = judge::find(draft.judge).ok_or_else(|| {
            let message = format!("correlation type `{}` is not supported yet", draft.judge);
            document.fault("judge", message)
        })?;
        let rules = self.rules(&draft, number)?;
        let own = draft.counted.is_empty().then(|| document.id.clone());
        let names: Vec<String> =
            own.iter().chain(&draft.counted).chain(&draft.context).cloned().collect();
        let (metadata, severity) = (draft.metadata(&names)?, draft.severity(&names)?);
        let scope = self.scope(&draft)?;
        let fold = self.fold(&draft, &rules, (judge.grain)(&draft.terms))?;
        let known = self.plan.folds.iter().position(|other| other.id == fold.id);
        let position = known.unwrap_or_else(|| {
            self.plan.folds.push(fold);
            self.plan.folds.len() - 1
        });
        let (titles, details) = (self.titles(&rules), draft.section.details.len());
        let terms = Terms { titles, severity, ..draft.terms };
        let detector = Detector { metadata, judge, terms, scope, fold: position, details };
        self.plan.detectors.push(detector);
        Ok(())
    }

    /// The documents of the draft's rules; without any, its own.
    fn rules(&self, draft: &Draft<'_>, own: usize) -> Result<Vec<usize>, Diagnostic> {
        let own = draft.counted.is_empty().then_some(own);
        let is_rule = |number: &usize| {
            self.documents.get(*number).is_some_and(|found| matches!(found.kind, Kind::Rule(_)))
        };
        let resolve = |name: &String| {
            self.known.get(name.as_str()).copied().filter(is_rule).ok_or_else(|| {
                let message = format!("refers to `{name}`, which is no loaded plain rule");
                draft.document.fault("reference", message)
            })
        };
        let named = draft.counted.iter().chain(&draft.context).map(resolve);
        own.map(Ok).into_iter().chain(named).collect()
    }

    fn titles(&self, rules: &[usize]) -> Vec<String> {
        let title = |rule: &usize| match self.documents.get(*rule).map(|found| &found.kind) {
            Some(Kind::Rule(rule)) => rule.title.clone(),
            _ => String::new(),
        };
        rules.iter().map(title).collect()
    }

    /// Whose history the entity is judged by.
    fn scope(&mut self, draft: &Draft<'_>) -> Result<Option<Scope>, Diagnostic> {
        let keys = &draft.section.history;
        if draft.judge != "first_seen" {
            return Ok(None);
        }
        let entity = self.entity(draft)?;
        let bucket = entity.iter().position(|field| *field == Field::Core(Core::Bucket));
        let bucket = match keys.scope.as_deref() {
            None | Some("account") => None,
            Some("bucket") if bucket.is_some() => bucket,
            Some(_) => {
                let message = "`scope` is `account`, or `bucket` where `group_by` has it";
                return Err(draft.document.fault("scope", message));
            }
        };
        let (data, min_days) = (draft.section.needs_data_events, keys.min.unwrap_or(MIN_HISTORY));
        Ok(Some(Scope { bucket, data, min_days }))
    }

    fn fold(
        &mut self,
        draft: &Draft<'_>,
        rules: &[usize],
        grain: Grain,
    ) -> Result<Fold, Diagnostic> {
        let mut selections = Vec::new();
        let mut parts = vec![format!("{NORMALISER} {} {}", grain.pane, grain.bucket)];
        for rule in rules {
            let Some((document, Kind::Rule(sigma))) =
                self.documents.get(*rule).map(|document| (document, &document.kind))
            else {
                continue;
            };
            selections.push(self.selection(*rule, document, sigma)?);
            parts.push(describe(sigma));
            let filters = self.filters.iter().filter(|filter| filter.applies_to(sigma));
            parts.extend(filters.map(Filter::describe));
        }
        let entity = self.entity(draft)?;
        let samples = self.samples(draft)?;
        parts.push(draft.group_by.join(","));
        parts.push(format!("{:?}", draft.section.value));
        parts.push(draft.section.details.join(","));
        let detailed = draft.terms.counted.iter().filter(|counted| **counted).count();
        parts.push(detailed.to_string());
        let id = FoldId::new(&parts.join("\n"));
        let valued = draft.section.value.is_some();
        Ok(Fold { id, rules: selections, entity, valued, grain, samples, detailed })
    }

    /// The number of a rule's selection, compiled on first use.
    fn selection(
        &mut self,
        number: usize,
        document: &Document,
        rule: &SigmaRule,
    ) -> Result<usize, Diagnostic> {
        if let Some(selection) = self.compiled.get(&number) {
            return Ok(*selection);
        }
        let own = self.condition(&rule.detection);
        let own = own.map_err(|error| document.fault("selection", error.to_string()))?;
        let mut parts = vec![own];
        for filter in self.filters.iter().filter(|filter| filter.applies_to(rule)) {
            match self.condition(&filter.rule.detection) {
                Ok(part) => parts.push(part),
                // The rule runs without it: rather too many findings than too few.
                Err(error) => {
                    let fault = Diagnostic::of_file(&filter.file, "filter", error.to_string());
                    self.plan.diagnostics.push(fault);
                }
            }
        }
        let condition = Expression::All(parts);
        self.plan.selections.push(Selection::new(
            condition,
            &self.plan.predicates,
            &self.plan.fields,
        ));
        let selection = self.plan.selections.len() - 1;
        self.compiled.insert(number, selection);
        Ok(selection)
    }

    fn condition(&mut self, detection: &Detections) -> Result<Expression, CompileError> {
        let mut compiler = select::Compiler {
            fields: &mut self.plan.fields,
            predicates: &mut self.plan.predicates,
            placeholders: self.placeholders,
        };
        compiler.compile(detection)
    }

    /// Names filters that do not do what they seem to.
    pub(super) fn check_filters(&mut self) {
        for filter in self.filters {
            let is_used = self.documents.iter().any(|document| match &document.kind {
                Kind::Rule(rule) => filter.applies_to(rule),
                Kind::Correlation(_) => false,
            });
            self.plan.diagnostics.extend(filter.oddity(is_used));
        }
    }

    /// The entity's columns: the recipient account is part of every entity.
    fn entity(&mut self, draft: &Draft<'_>) -> Result<Vec<Field>, Diagnostic> {
        let fault = |message| draft.document.fault("group_by", message);
        let mut entity = vec![Field::Core(Core::RecipientAccount)];
        for name in draft.group_by.iter().chain(&draft.section.value) {
            let field = self.field(draft, name)?;
            if let Field::Core(core) = field
                && core.kind() != ColumnKind::Dictionary
            {
                let message = format!("cannot group by `{name}`, which is no text of few values");
                return Err(fault(message));
            }
            if !entity.contains(&field) {
                entity.push(field);
            } else if draft.section.value.as_ref() == Some(name) {
                return Err(fault(format!("`value: {name}` is a column of the entity already")));
            }
        }
        if entity.len() > MAX_ENTITY {
            return Err(fault(format!("groups by more than {} fields", MAX_ENTITY - 1)));
        }
        Ok(entity)
    }

    fn samples(&mut self, draft: &Draft<'_>) -> Result<Vec<Sample>, Diagnostic> {
        let shared = SAMPLES.iter().map(|(core, k, keep)| Sample {
            field: sample_field(Field::Core(*core)),
            k: *k,
            keep: *keep,
        });
        let mut samples: Vec<Sample> = shared.collect();
        for name in &draft.section.details {
            let field = self.field(draft, name)?;
            if let Field::Core(core) = field
                && !matches!(core.kind(), ColumnKind::Dictionary | ColumnKind::Text)
            {
                let message = format!("`details` cannot show `{name}`, which is no text");
                return Err(draft.document.fault("details", message));
            }
            samples.push(Sample { field: sample_field(field), k: 16, keep: 16 });
        }
        Ok(samples)
    }

    fn field(&mut self, draft: &Draft<'_>, name: &str) -> Result<Field, Diagnostic> {
        let found = self.plan.fields.resolve(name);
        found.map_err(|error| draft.document.fault("field", error.to_string()))
    }
}

fn sample_field(field: Field) -> SampleField {
    match field {
        Field::Core(core) if core.kind() != ColumnKind::Dictionary => SampleField::Text(core),
        _ => SampleField::Dictionary(field),
    }
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
