//! The plan: every selection, fold and detector of the loaded files, compiled.

use std::collections::BTreeSet;

use arrow::buffer::BooleanBuffer;

use super::chain::lengthen;
use super::compile::Compiler;
use super::detector::Detector;
use super::diagnostic::Diagnostic;
use super::document::{Kind, read};
use super::source::RuleFile;
use super::tune::{Tuning, UsedFile};
use crate::detect::group::{Fold, FoldId, Grain};
use crate::detect::select::{Evaluator, Placeholders, Predicates, Program, Selection, Test};
use crate::digest::{Identity, hex};
use crate::events::{Core, EventBatch, Field, Fields};

/// Raised whenever a normalised column changes its meaning: folds of older versions relearn.
pub(super) const NORMALISER: u32 = 3;

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

    /// Path columns that are read of events of some names only are extracted from these.
    fn restrict(&mut self) {
        let predicates = self.predicates.list();
        let mut wanted: Vec<Option<BTreeSet<String>>> =
            vec![Some(BTreeSet::new()); self.fields.columns().len()];
        let mut read = |field: Field, names: Option<&BTreeSet<String>>| {
            let Field::Path(path) = field else { return };
            let Some(place) = wanted.get_mut(path) else { return };
            match (place.as_mut(), names) {
                (Some(known), Some(names)) => known.extend(names.iter().cloned()),
                (Some(_), None) => *place = None,
                (None, _) => {}
            }
        };
        let names_of = |selection: &Selection| selection.condition.event_names(predicates);
        for selection in &self.selections {
            let names = names_of(selection);
            for predicate in selection.condition.leaves().iter().filter_map(|l| predicates.get(*l))
            {
                read(predicate.field, names.as_ref());
                if let Test::Reference(reference) = &predicate.test {
                    read(reference.other, names.as_ref());
                }
            }
        }
        for fold in &self.folds {
            let selections = fold.rules.iter().filter_map(|rule| self.selections.get(*rule));
            let names: Option<Vec<_>> = selections.map(names_of).collect();
            let names: Option<BTreeSet<String>> =
                names.map(|names| names.into_iter().flatten().collect());
            let sampled = fold.samples.iter().map(|sample| Field::from(sample.field));
            let aliased = fold.aliased.iter().flatten().copied();
            let measured = fold.measured.iter().flat_map(|measured| &measured.fields).flatten();
            let grouped = fold.entity.iter().copied().chain(aliased);
            for field in grouped.chain(measured.copied()).chain(sampled) {
                read(field, names.as_ref());
            }
        }
        self.fields.restrict(wanted);
    }

    /// The position of the coverage fold.
    pub const COVERAGE: usize = 0;

    /// Compiles detector files. Bad rules become diagnostics, the others run.
    #[must_use]
    pub fn compile(files: &[RuleFile]) -> Self {
        Self::compile_with(files, &Placeholders::new(), None)
    }

    /// Compiles detector files, with values for their placeholders and the changes of a tuning file.
    /// Changes that cannot be made become diagnostics.
    #[must_use]
    pub fn compile_with(
        files: &[RuleFile],
        placeholders: &Placeholders,
        tuning: Option<&Tuning>,
    ) -> Self {
        let mut plan = Self {
            fields: Fields::default(),
            predicates: Predicates::default(),
            selections: Vec::new(),
            program: Program::new(&Predicates::default(), &[]),
            folds: vec![coverage()],
            detectors: Vec::new(),
            diagnostics: Vec::new(),
            tuning: tuning.map(|tuning| tuning.used.clone()),
            digest: digest(files, placeholders, tuning),
        };
        let (mut documents, filters) = read(files, &mut plan.diagnostics);
        if let Some(tuning) = tuning {
            plan.diagnostics.extend(tuning.apply(&mut documents));
        }
        let mut compiler = Compiler::new(&documents, &filters, placeholders, plan);
        compiler.check_filters();
        for (number, document) in documents.iter().enumerate() {
            // What only other correlations use is compiled too: its faults must not be lost.
            if document.judged || matches!(document.kind, Kind::Correlation(_)) {
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

fn digest(files: &[RuleFile], placeholders: &Placeholders, tuning: Option<&Tuning>) -> String {
    let version = format!("{} {NORMALISER}", env!("CARGO_PKG_VERSION"));
    let start = Identity::default().part(Some(&version)).part(Some(&format!("{placeholders:?}")));
    let files = files.iter().fold(start, |id, file| id.part(Some(&file.text)));
    let tuned = tuning.iter().fold(files, |id, tuning| id.part(Some(&tuning.used.sha256)));
    hex(&tuned.finish())
}
