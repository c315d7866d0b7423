//! The plan: every selection, fold and detector of the loaded files, compiled.

use std::collections::{BTreeMap, BTreeSet};

use arrow::buffer::BooleanBuffer;
use wildmatch::WildMatch;

use super::chain::lengthen;
use super::compile::Compiler;
use super::detector::{Detector, Metadata};
use super::diagnostic::Diagnostic;
use super::document::{self, read};
use super::needs::Off;
use super::placeholders::of_pages;
use super::sequence::Sequence;
use super::source::RuleFile;
use super::tune::{Tuning, UsedFile};
use crate::detect::group::{Fold, FoldId, Grain};
use crate::detect::select::{Evaluator, Placeholders, Predicates, Program, Selection, Test};
use crate::digest::{Identity, hex};
use crate::events::{Core, EventBatch, Field, Fields, NORMALISER};
use crate::intel::{Available, Kind};

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
    /// What the selections ask of fields.
    pub predicates: Predicates,
    /// The selections; masks have the same numbers.
    pub selections: Vec<Selection>,
    /// The selections, compiled together.
    pub program: Program,
    /// The folds; number 0 is coverage.
    pub folds: Vec<Fold>,
    /// The detectors, in the order of their files; correlations behind those that they refer to.
    pub detectors: Vec<Detector>,
    /// Attack sequences, which look at the findings of the detectors.
    pub sequences: Vec<Sequence>,
    /// Detectors that are off, since nobody has given what they need.
    pub off: Vec<Off>,
    /// Names of buckets that weigh more: values of the placeholder `sensitive_buckets`.
    pub sensitive_buckets: Vec<WildMatch>,
    /// What could not be compiled.
    pub diagnostics: Vec<Diagnostic>,
    /// The tuning file that it was compiled with.
    pub tuning: Option<UsedFile>,
    /// Identity of the whole plan: tables of equal plans merge.
    pub digest: String,
}

impl Plan {
    /// Which events of one batch each selection holds for, by number. For many batches keep an
    /// [`Evaluator`].
    #[must_use]
    pub fn masks(&self, batch: &EventBatch) -> Vec<BooleanBuffer> {
        Evaluator::new(&self.program).masks(batch)
    }

    /// What gives findings: detectors, then sequences.
    pub fn raising(&self) -> impl Iterator<Item = &Metadata> {
        self.all(|detector| detector.raises)
    }

    /// The same, with detectors that only feed others.
    pub fn known(&self) -> impl Iterator<Item = &Metadata> {
        self.all(|_| true)
    }

    fn all(&self, is_meant: fn(&Detector) -> bool) -> impl Iterator<Item = &Metadata> {
        let detectors = self.detectors.iter().filter(move |detector| is_meant(detector));
        let sequences = self.sequences.iter().map(|sequence| &sequence.metadata);
        detectors.map(|detector| &detector.metadata).chain(sequences)
    }

    /// The sequence of that id.
    #[must_use]
    pub fn sequence(&self, id: &str) -> Option<&Sequence> {
        self.sequences.iter().find(|sequence| sequence.metadata.id == id)
    }

    /// Columns that are read of events of some names only are extracted from these.
    fn restrict(&mut self) {
        let predicates = self.predicates.list();
        let mut wanted: Vec<Option<BTreeSet<String>>> =
            vec![Some(BTreeSet::new()); self.fields.columns().len()];
        let mut core: BTreeMap<Core, Option<BTreeSet<String>>> = BTreeMap::new();
        let mut read = |field: Field, names: Option<&BTreeSet<String>>| {
            let place = match field {
                Field::Core(field) => core.entry(field).or_insert_with(|| Some(BTreeSet::new())),
                Field::Path(path) => match wanted.get_mut(path) {
                    Some(place) => place,
                    None => return,
                },
            };
            match (place.as_mut(), names) {
                (Some(known), Some(names)) => known.extend(names.iter().cloned()),
                (Some(_), None) => *place = None,
                (None, _) => {}
            }
        };
        let names_of = |selection: &Selection| selection.condition.event_names(predicates);
        for selection in &self.selections {
            let names = names_of(selection);
            for field in self.fields_of(selection) {
                read(field, names.as_ref());
            }
        }
        for fold in &self.folds {
            let selections = fold.rules.iter().filter_map(|rule| self.selections.get(*rule));
            let names: Option<Vec<_>> = selections.map(names_of).collect();
            let names: Option<BTreeSet<String>> = names
                .filter(|_| !fold.is_of_all())
                .map(|names| names.into_iter().flatten().collect());
            for field in grouped(fold).chain(detailed(fold)) {
                read(field, names.as_ref());
            }
        }
        self.fields.restrict_core(&core);
        self.fields.restrict(wanted);
    }

    /// The fields that a fold reads, its selections included.
    pub(super) fn fields_read(&self, fold: &Fold) -> Vec<Field> {
        let selections = fold.rules.iter().filter_map(|rule| self.selections.get(*rule));
        selections.flat_map(|selection| self.fields_of(selection)).chain(grouped(fold)).collect()
    }

    /// The fields that a selection reads.
    fn fields_of(&self, selection: &Selection) -> Vec<Field> {
        let predicates = self.predicates.list();
        let leaves = selection.condition.leaves();
        let read = leaves.iter().filter_map(|leaf| predicates.get(*leaf)).flat_map(|predicate| {
            let other = match &predicate.test {
                Test::Reference(reference) => Some(reference.other),
                _ => None,
            };
            std::iter::once(predicate.field).chain(other)
        });
        read.collect()
    }

    /// The position of the coverage fold.
    pub const COVERAGE: usize = 0;

    /// Compiles detector files, as if there were all knowledge that they may need. Bad rules become
    /// diagnostics, the others run.
    #[must_use]
    pub fn compile(files: &[RuleFile]) -> Self {
        Self::compile_with(files, &Placeholders::new(), None, &Available::everything())
    }

    /// Compiles detector files, with values for their placeholders and the changes of a tuning file.
    /// Changes that cannot be made become diagnostics. A detector that needs what is not available
    /// is off.
    #[must_use]
    pub fn compile_with(
        files: &[RuleFile],
        placeholders: &Placeholders,
        tuning: Option<&Tuning>,
        available: &Available,
    ) -> Self {
        let mut plan = Self {
            fields: Fields::default(),
            predicates: Predicates::default(),
            selections: Vec::new(),
            program: Program::new(&Predicates::default(), &[]),
            folds: vec![coverage()],
            detectors: Vec::new(),
            sequences: Vec::new(),
            off: Vec::new(),
            sensitive_buckets: sensitive_buckets(placeholders),
            diagnostics: Vec::new(),
            tuning: tuning.map(|tuning| tuning.used.clone()),
            digest: digest(files, placeholders, tuning, available),
        };
        let (mut documents, filters) = read(files, &mut plan.diagnostics);
        let examples =
            if available.is_everything() { of_pages(files) } else { Placeholders::default() };
        let placeholders: &Placeholders =
            &examples.into_iter().chain(placeholders.clone()).collect();
        let given = placeholders.keys().map(|name| Kind::Placeholder(name.as_str().into()));
        let available = &available.with(given);
        if let Some(tuning) = tuning {
            plan.diagnostics.extend(tuning.apply(&mut documents));
        }
        let mut compiler = Compiler::new(&documents, &filters, placeholders, available, plan);
        compiler.check_filters();
        for (number, document) in documents.iter().enumerate() {
            // What only other correlations use is compiled too: its faults must not be lost.
            let is_correlation = matches!(document.kind, document::Kind::Correlation(_));
            if document.judged || is_correlation && !document.is_sequence() && !document.off {
                compiler.detector(number);
            }
        }
        let mut plan = compiler.plan;
        lengthen(&mut plan.detectors);
        plan.diagnostics.sort();
        plan.diagnostics.dedup();
        plan.program = Program::new(&plan.predicates, &plan.selections);
        plan.restrict();
        plan
    }
}

/// The fields by whose values a fold groups, and those that it keeps values of.
fn grouped(fold: &Fold) -> impl Iterator<Item = Field> {
    let sampled = fold.samples.iter().map(|sample| sample.field);
    let aliased = fold.aliased.iter().flatten();
    let measured = fold.measured.iter().flat_map(|measured| &measured.fields).flatten();
    fold.entity.iter().chain(aliased).chain(measured).copied().chain(sampled)
}

/// What details hold of every event.
fn detailed(fold: &Fold) -> impl Iterator<Item = Field> {
    let bytes = [Core::BytesIn, Core::BytesOut].map(Field::Core).into_iter();
    bytes.filter(|_| fold.detailed > 0)
}

/// The user's own values only: those of pages are examples.
fn sensitive_buckets(given: &Placeholders) -> Vec<WildMatch> {
    let names = given.get("sensitive_buckets").into_iter().flatten();
    names.map(|name| WildMatch::new(name)).collect()
}

fn coverage() -> Fold {
    let names: Vec<&str> = COVERAGE.iter().map(|core| core.name()).collect();
    Fold {
        id: FoldId::roll_up(&format!("coverage\n{}\n{NORMALISER}", names.join(","))),
        rules: Vec::new(),
        entity: COVERAGE.iter().map(|core| Field::Core(*core)).collect(),
        aliased: Vec::new(),
        valued: false,
        tuple: 0,
        grain: Grain::HOUR,
        samples: Vec::new(),
        detailed: 0,
        measured: None,
    }
}

fn digest(
    files: &[RuleFile],
    placeholders: &Placeholders,
    tuning: Option<&Tuning>,
    available: &Available,
) -> String {
    let version = format!("{} {NORMALISER}", env!("CARGO_PKG_VERSION"));
    let start = Identity::default().part(Some(&version)).part(Some(&format!("{placeholders:?}")));
    let files = files.iter().fold(start, |id, file| id.part(Some(&file.text)));
    let tuned = tuning.iter().fold(files, |id, tuning| id.part(Some(&tuning.used.sha256)));
    let tuned = if available.has(&Kind::Hunting) { tuned.part(Some("hunting")) } else { tuned };
    let known = available.files().iter().fold(tuned, |id, file| id.part(Some(file)));
    hex(&known.finish())
}
