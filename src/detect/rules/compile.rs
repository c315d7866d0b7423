//! Drafts to detectors: names become selections, columns and folds. Each selection is compiled
//! once, and detectors with the same selection and grouping share a fold.

use std::collections::BTreeMap;

use rsigma_parser::Detections;

use super::chain::{Column, Rule, with_bucket};
use super::detector::Detector;
use super::diagnostic::Diagnostic;
use super::document::{Document, Kind};
use super::draft::Draft;
use super::filter::Filter;
use super::names::Names;
use super::needs::{self, Off};
use super::plan::{Plan, SAMPLES};
use super::scope::scope;
use crate::detect::group::{Fold, FoldId, Grain, MAX_COLUMNS, Sample};
use crate::detect::judge::{self, SAMPLED_READS, Terms};
use crate::detect::select::{self, CompileError, Expression, Placeholders, Selection};
use crate::events::{ColumnKind, Core, Field, NORMALISER, TIMED_OBJECT_KEY};
use crate::intel::Available;

/// Size of the sample of object keys where habits are judged.
const HABIT_OBJECTS: usize = 256;

/// Compiles documents into a plan.
pub(super) struct Compiler<'d> {
    pub(super) documents: &'d [Document],
    filters: &'d [Filter],
    placeholders: &'d Placeholders,
    available: &'d Available,
    /// Documents by name and id.
    pub(super) names: Names<'d>,
    /// Selections by document.
    compiled: BTreeMap<usize, usize>,
    /// Detectors by document.
    states: BTreeMap<usize, State>,
    /// Per detector: the names of its entity's columns.
    pub(super) columns: Vec<Vec<String>>,
    /// What is compiled so far.
    pub(super) plan: Plan,
}

/// How far a document's detector is.
#[derive(Debug, Clone, Copy)]
enum State {
    /// Waiting for the correlations that it refers to.
    Running,
    /// It does not run.
    Failed,
    /// Its position in the plan.
    Done(usize),
}

impl<'d> Compiler<'d> {
    /// A compiler that adds to `plan`.
    pub(super) fn new(
        documents: &'d [Document],
        filters: &'d [Filter],
        placeholders: &'d Placeholders,
        available: &'d Available,
        plan: Plan,
    ) -> Self {
        let names = Names::of(documents);
        let (compiled, states) = (BTreeMap::new(), BTreeMap::new());
        let columns = Vec::new();
        Self { documents, filters, placeholders, available, names, compiled, states, columns, plan }
    }

    /// Compiles the detector of document number `number`, once; `None` if it does not run.
    pub(super) fn detector(&mut self, number: usize) -> Option<usize> {
        if let Some(state) = self.states.get(&number) {
            return match state {
                State::Done(detector) => Some(*detector),
                State::Running | State::Failed => None,
            };
        }
        if self.is_off(number) {
            return None;
        }
        self.states.insert(number, State::Running);
        let state = match self.compile(number) {
            Ok(Some(detector)) => State::Done(detector),
            Ok(None) => State::Failed,
            Err(diagnostic) => {
                self.plan.diagnostics.push(diagnostic);
                State::Failed
            }
        };
        let found = if let State::Done(detector) = state { Some(detector) } else { None };
        self.states.insert(number, state);
        found
    }

    /// Whether something is missing that the detector needs, which is noted.
    fn is_off(&mut self, number: usize) -> bool {
        let missing = needs::missing(self.documents, &self.names, number, self.available);
        let is_off = !missing.is_empty();
        if let Some(document) = self.documents.get(number).filter(|_| is_off) {
            self.states.insert(number, State::Failed);
            if document.judged {
                self.plan.off.push(Off { detector: document.id.clone(), missing });
            }
        }
        is_off
    }

    /// The position of the detector of that document; a sequence has none among them.
    fn compile(&mut self, number: usize) -> Result<Option<usize>, Diagnostic> {
        let documents = self.documents;
        let Some(document) = documents.get(number) else { return Ok(None) };
        let is_known = |known: &Detector| known.metadata.id == document.id;
        if self.plan.detectors.iter().any(is_known) || self.plan.sequence(&document.id).is_some() {
            let message = format!("detector `{}` is defined already", document.id);
            return Err(document.fault("duplicate", message).help("give it another `name`"));
        }
        if document.is_sequence() {
            return self.sequence(document).map(|()| None);
        }
        let draft = Draft::of(document)?;
        let judge = judge::find(draft.judge).ok_or_else(|| {
            let message = format!("correlation type `{}` is not supported yet", draft.judge);
            document.fault("judge", message)
        })?;
        let rules = self.rules(&draft, number)?;
        let depth = self.depth(&draft, &rules)?;
        let own = draft.counted.is_empty().then(|| document.id.clone());
        let names: Vec<String> =
            own.iter().chain(&draft.counted).chain(&draft.context).cloned().collect();
        let (metadata, severity) = (draft.metadata(&names)?, draft.severity(&names)?);
        let columns = self.columns(&draft, &rules)?;
        let scope = scope(&draft, &columns)?;
        let members = self.members(&rules, &columns);
        let fold = self.fold(&draft, &rules, &columns, (judge.grain)(&draft.terms), depth)?;
        let known = self.plan.folds.iter().position(|other| other.id == fold.id);
        let position = known.unwrap_or_else(|| {
            self.plan.folds.push(fold);
            self.plan.folds.len() - 1
        });
        let (titles, details) = (self.titles(&rules), draft.section.details.len());
        let terms = Terms { titles, severity, ..draft.terms };
        let terms = with_bucket(terms, document, &columns)?;
        self.columns.push(columns.into_iter().map(|column| column.name).collect());
        let (fold, raises) = (position, document.judged);
        self.plan.detectors.push(Detector {
            metadata,
            judge,
            terms,
            scope,
            fold,
            details,
            raises,
            members,
            depth,
        });
        Ok(self.plan.detectors.len().checked_sub(1))
    }

    /// The draft's rules; without any, its own.
    fn rules(&mut self, draft: &Draft<'_>, own: usize) -> Result<Vec<Rule>, Diagnostic> {
        if draft.counted.is_empty() {
            self.selection(own)?;
        }
        let mut rules: Vec<Rule> =
            draft.counted.is_empty().then_some(Rule::Plain(own)).into_iter().collect();
        let mut seen: Vec<usize> = Vec::new();
        for (position, name) in draft.counted.iter().chain(&draft.context).enumerate() {
            let counted = position < draft.counted.len();
            let (number, rule) = self.rule(draft, name, counted)?;
            if seen.contains(&number) {
                let message = format!("names the rule `{name}` twice");
                return Err(draft.document.fault_of("rules", "reference", message));
            }
            seen.push(number);
            rules.push(rule);
        }
        Ok(rules)
    }

    /// The rule of that name or id, with the number of its document.
    fn rule(
        &mut self,
        draft: &Draft<'_>,
        name: &str,
        counted: bool,
    ) -> Result<(usize, Rule), Diagnostic> {
        let fault = |what: &str| {
            let message = format!("refers to `{name}`, which {what}");
            draft.document.fault_of("rules", "reference", message)
        };
        let is_correlation = |number: &usize| {
            let document = self.documents.get(*number);
            document.is_some_and(|found| matches!(found.kind, Kind::Correlation(_)))
        };
        let number = self.names.find(name, &draft.document.file);
        let Some(number) = number.filter(|number| counted || !is_correlation(number)) else {
            let kind = if counted { "rule or correlation" } else { "plain rule" };
            return Err(fault(&format!("is no loaded {kind}")));
        };
        if !is_correlation(&number) {
            if let Err(diagnostic) = self.selection(number) {
                self.plan.diagnostics.push(diagnostic);
                return Err(fault("does not run"));
            }
            return Ok((number, Rule::Plain(number)));
        }
        if matches!(self.states.get(&number), Some(State::Running)) {
            return Err(draft
                .document
                .fault_of("rules", "cycle", format!("refers to `{name}`, which depends on it"))
                .help("correlations must not refer to each other in a circle"));
        }
        let detector = self.detector(number).ok_or_else(|| fault("does not run"))?;
        Ok((number, Rule::Correlation(detector)))
    }

    /// The number of the document of that id.
    pub(super) fn document_with_id(&self, id: &str) -> Option<usize> {
        let done = |(_, state): &(&usize, &State)| {
            let State::Done(detector) = state else { return false };
            self.plan.detectors.get(*detector).is_some_and(|found| found.metadata.id == id)
        };
        self.states.iter().find(done).map(|(document, _)| *document)
    }

    fn titles(&self, rules: &[Rule]) -> Vec<String> {
        let title = |rule: &Rule| {
            let document = self.document_of(*rule).and_then(|number| self.documents.get(number));
            match document.map(|found| &found.kind) {
                Some(Kind::Rule(rule)) => rule.title.clone(),
                Some(Kind::Correlation(rule)) => rule.title.clone(),
                None => String::new(),
            }
        };
        rules.iter().map(title).collect()
    }

    fn fold(
        &mut self,
        draft: &Draft<'_>,
        rules: &[Rule],
        columns: &[Column],
        grain: Grain,
        depth: u8,
    ) -> Result<Fold, Diagnostic> {
        let mut parts = vec![format!("{NORMALISER} {} {}", grain.pane, grain.bucket)];
        let selections = self.selections(draft, rules, &mut parts)?;
        let samples = self.samples(draft, columns)?;
        let detailed = draft.terms.counted.iter().filter(|counted| **counted).count();
        let measured = self.measured(draft, rules, detailed)?;
        let features = self.features(draft, columns.len())?;
        parts.push(draft.group_by.join(","));
        parts.push(format!("{:?}", draft.section.value));
        parts.push(draft.section.details.join(","));
        parts.push(detailed.to_string());
        if draft.terms.silence.is_some() {
            parts.push("silence".to_owned());
        }
        let entity = |rule: usize| -> Vec<Field> {
            columns.iter().filter_map(|column| column.fields.get(rule).copied()).collect()
        };
        let mut aliased: Vec<Vec<Field>> = (0..rules.len()).map(entity).collect();
        if aliased.iter().all(|columns| Some(columns) == aliased.first()) {
            aliased.clear();
        }
        let names = |fields: &Vec<Field>| {
            let names = fields.iter().map(|field| self.plan.fields.name(*field));
            names.collect::<Vec<_>>().join(",")
        };
        parts.extend(aliased.iter().map(names));
        if let Some(measured) = &measured {
            parts.push(format!("{:?}", measured.kind));
            parts.extend(measured.fields.iter().map(names));
        }
        if draft.terms.ascending.is_some() {
            parts.push(format!("{SAMPLED_READS} reads"));
        }
        let tuple = features.len();
        if tuple > 0 {
            parts.push(format!("tuple {}", names(&features)));
        }
        let mut fold = Fold {
            id: FoldId::chained("", depth),
            rules: selections,
            entity: entity(0).into_iter().chain(features).collect(),
            aliased,
            valued: draft.section.value.is_some() || tuple > 0,
            tuple,
            grain,
            samples,
            detailed,
            measured,
        };
        parts.extend(needs::known_from(self.plan.fields_read(&fold), self.available));
        fold.id = FoldId::chained(&parts.join("\n"), depth);
        Ok(fold)
    }

    /// The selections of the rules, which are added to what describes the fold.
    fn selections(
        &mut self,
        draft: &Draft<'_>,
        rules: &[Rule],
        parts: &mut Vec<String>,
    ) -> Result<Vec<usize>, Diagnostic> {
        let mut selections = Vec::new();
        for rule in rules {
            match rule {
                Rule::Plain(number) => {
                    let selection = self.selection(*number)?;
                    parts.push(self.describe(*number));
                    selections.push(match &draft.document.exclude {
                        None => selection,
                        Some(events) => {
                            parts.push(format!("without {}", described(events)));
                            self.without(selection, events, draft.document)?
                        }
                    });
                }
                Rule::Correlation(_) => {
                    selections.push(Fold::NO_SELECTION);
                    parts.push("correlation\n".to_owned());
                }
            }
        }
        Ok(selections)
    }

    /// The number of a plain rule's selection, compiled on first use.
    fn selection(&mut self, number: usize) -> Result<usize, Diagnostic> {
        if let Some(selection) = self.compiled.get(&number) {
            return Ok(*selection);
        }
        let documents = self.documents;
        let Some((document, Kind::Rule(rule))) =
            documents.get(number).map(|document| (document, &document.kind))
        else {
            return Ok(Fold::NO_SELECTION);
        };
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

    /// The number of a selection without some events.
    fn without(
        &mut self,
        selection: usize,
        events: &Detections,
        document: &Document,
    ) -> Result<usize, Diagnostic> {
        let excluded = self.condition(events);
        let excluded = excluded.map_err(|error| document.fault("selection", error.to_string()))?;
        let all = self.plan.selections.get(selection).map(|all| all.condition.clone());
        let parts = all.into_iter().chain([Expression::Not(Box::new(excluded))]).collect();
        let condition = Expression::All(parts);
        self.plan.selections.push(Selection::new(
            condition,
            &self.plan.predicates,
            &self.plan.fields,
        ));
        Ok(self.plan.selections.len() - 1)
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

    /// A rule's selection as text, for the fold's digest: the same whatever the rule is called.
    fn describe(&self, number: usize) -> String {
        let document = self.documents.get(number);
        let Some(Kind::Rule(rule)) = document.map(|document| &document.kind) else {
            return String::new();
        };
        let own = described(&rule.detection);
        let filters = self.filters.iter().filter(|filter| filter.applies_to(rule));
        std::iter::once(own).chain(filters.map(Filter::describe)).collect()
    }

    fn samples(
        &mut self,
        draft: &Draft<'_>,
        columns: &[Column],
    ) -> Result<Vec<Sample>, Diagnostic> {
        // Rows of habits are many, and no judge counts their objects.
        let most = if draft.terms.is_anomaly() { HABIT_OBJECTS } else { usize::MAX };
        // Whoever came last is not who silenced it: a silence names its entity alone.
        let is_entity = |core: Core| {
            columns.iter().any(|column| column.fields.first() == Some(&Field::Core(core)))
        };
        let is_sampled = |core: Core| draft.terms.silence.is_none() || is_entity(core);
        let shared = SAMPLES.iter().map(|(core, k, keep)| {
            let most = if is_sampled(*core) { most } else { 0 };
            let field = Field::Core(*core);
            Sample { field, k: (*k).min(most), keep: (*keep).min(most) }
        });
        let mut samples: Vec<Sample> = shared.collect();
        if draft.terms.ascending.is_some() {
            let field = self.field(draft, TIMED_OBJECT_KEY)?;
            samples.push(Sample { field, k: SAMPLED_READS, keep: SAMPLED_READS });
        }
        for name in &draft.section.details {
            let field = self.field(draft, name)?;
            if let Field::Core(core) = field
                && !matches!(core.kind(), ColumnKind::Dictionary | ColumnKind::Text)
            {
                let message = format!("`details` cannot show `{name}`, which is no text");
                return Err(draft.document.fault("details", message));
            }
            samples.push(Sample { field, k: 16, keep: 16 });
        }
        Ok(samples)
    }

    /// The columns of the features that `rare` looks at, beside so many of the entity.
    fn features(&mut self, draft: &Draft<'_>, entity: usize) -> Result<Vec<Field>, Diagnostic> {
        let features = draft.section.rare.iter().flat_map(|rare| &rare.features);
        let fields: Vec<Field> = features
            .map(|feature| self.groupable(draft, &feature.name))
            .collect::<Result<_, _>>()?;
        if entity + fields.len() > MAX_COLUMNS {
            let most = MAX_COLUMNS.saturating_sub(entity);
            let message = format!("looks at more than {most} features beside `hour`");
            return Err(draft.document.fault("features", message));
        }
        Ok(fields)
    }

    pub(super) fn field(&mut self, draft: &Draft<'_>, name: &str) -> Result<Field, Diagnostic> {
        let found = self.plan.fields.resolve(name);
        found.map_err(|error| draft.document.fault("field", error.to_string()))
    }
}

fn described(detections: &Detections) -> String {
    let named: BTreeMap<&String, String> =
        detections.named.iter().map(|(name, detection)| (name, format!("{detection:?}"))).collect();
    format!("{named:?} {:?}\n", detections.condition_strings)
}
