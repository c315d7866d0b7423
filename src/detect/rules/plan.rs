//! The plan: every selection, fold and detector of the loaded files, compiled.

use arrow::buffer::BooleanBuffer;

use super::compile::Compiler;
use super::detector::Detector;
use super::diagnostic::Diagnostic;
use super::document::read;
use super::source::RuleFile;
use super::tune::{Tuning, UsedFile};
use crate::detect::group::{Fold, FoldId, Grain};
use crate::detect::select::{Selection, map_values};
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
    /// The compiled selections; masks have the same numbers.
    pub selections: Vec<Selection>,
    /// The folds; number 0 is coverage.
    pub folds: Vec<Fold>,
    /// The detectors, in the order of their files.
    pub detectors: Vec<Detector>,
    /// What could not be compiled.
    pub diagnostics: Vec<Diagnostic>,
    /// The tuning file that it was compiled with.
    pub tuning: Option<UsedFile>,
    /// Identity of the whole plan: tables of equal plans merge.
    pub digest: String,
}

impl Plan {
    /// Which events of the batch each selection holds for, by number. Insight, network activity and
    /// aggregated events tell of calls that have records of their own, which would count twice: only
    /// selections that look at the category see them.
    #[must_use]
    pub fn masks(&self, batch: &EventBatch) -> Vec<BooleanBuffer> {
        let matcher = |value: &str| value == "other";
        let others = map_values(Field::Core(Core::AccessClass), batch, matcher);
        let calls = (others.count_set_bits() > 0).then(|| !&others);
        let mask = |selection: &Selection| match &calls {
            Some(calls) if !selection.reads(Field::Core(Core::EventCategory)) => {
                &selection.evaluate(batch) & calls
            }
            _ => selection.evaluate(batch),
        };
        self.selections.iter().map(mask).collect()
    }

    /// The position of the coverage fold.
    pub const COVERAGE: usize = 0;

    /// Compiles detector files. Bad rules become diagnostics, the others run.
    #[must_use]
    pub fn compile(files: &[RuleFile]) -> Self {
        Self::compile_tuned(files, None)
    }

    /// Compiles detector files with the changes of a tuning file. Changes that cannot be made become
    /// diagnostics.
    #[must_use]
    pub fn compile_tuned(files: &[RuleFile], tuning: Option<&Tuning>) -> Self {
        let mut plan = Self {
            fields: Fields::default(),
            selections: Vec::new(),
            folds: vec![coverage()],
            detectors: Vec::new(),
            diagnostics: Vec::new(),
            tuning: tuning.map(|tuning| tuning.used.clone()),
            digest: digest(files, tuning),
        };
        let mut documents = read(files, &mut plan.diagnostics);
        if let Some(tuning) = tuning {
            plan.diagnostics.extend(tuning.apply(&mut documents));
        }
        let mut compiler = Compiler::new(&documents, plan);
        for (number, _) in documents.iter().enumerate().filter(|(_, document)| document.judged) {
            if let Err(diagnostic) = compiler.detector(number) {
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
        id: FoldId::roll_up(&format!("coverage\n{}\n{NORMALISER}", names.join(","))),
        rules: Vec::new(),
        entity: COVERAGE.iter().map(|core| Field::Core(*core)).collect(),
        valued: false,
        grain: Grain::HOUR,
        samples: Vec::new(),
        detailed: 0,
    }
}

fn digest(files: &[RuleFile], tuning: Option<&Tuning>) -> String {
    let version = format!("{} {NORMALISER}", env!("CARGO_PKG_VERSION"));
    let start = Identity::default().part(Some(&version));
    let files = files.iter().fold(start, |id, file| id.part(Some(&file.text)));
    let tuned = tuning.iter().fold(files, |id, tuning| id.part(Some(&tuning.used.sha256)));
    hex(&tuned.finish())
}
