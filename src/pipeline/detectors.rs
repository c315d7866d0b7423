//! Detectors as the subject, not the means: what is loaded, what is doubtful about it, and whether
//! its cases hold.

use std::collections::BTreeSet;
use std::path::Path;

use rayon::prelude::*;

use super::cases::{Case, CaseFailure, check_cases, read_cases};
use super::scan::load_plan;
use crate::detect::rules::{
    Diagnostic, Entry, Level, Metadata, Plan, RuleFile, catalog, lint, read_folder, shipped,
};
use crate::error::{Error, Result};

/// What checking detector files came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// How many files were checked.
    pub files: usize,
    /// The ids of the detectors that would run.
    pub detectors: Vec<String>,
    /// Sorted by place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Checked {
    /// How many diagnostics there are of a level.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == level).count()
    }
}

/// What testing one detector file came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Tested {
    /// The detector's id, or the file's slug.
    pub detector: String,
    /// The file.
    pub file: String,
    /// How many cases its page has.
    pub cases: usize,
    /// Cases that do not hold.
    pub failures: Vec<CaseFailure>,
    /// What keeps it from being tested.
    pub fault: Option<String>,
}

impl Tested {
    /// Whether nothing speaks against it.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty() && self.fault.is_none()
    }
}

/// A detector with its page.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// What its file says.
    pub entry: Entry,
    /// The Markdown page without its cases.
    pub page: Option<String>,
    /// The names of its cases.
    pub cases: Vec<String>,
}

/// The detectors that a scan with this folder would run, and what would not run.
///
/// # Errors
/// Those of [`load_plan`].
pub fn list_detectors(folder: Option<&Path>) -> Result<(Vec<Entry>, Vec<Diagnostic>)> {
    let plan = load_plan(folder)?;
    Ok((catalog(&files(folder)?, &plan), plan.diagnostics))
}

/// One detector with its page.
///
/// # Errors
/// [`Error::Usage`] if there is none of that id.
pub fn describe_detector(folder: Option<&Path>, id: &str) -> Result<Described> {
    let (plan, files) = (load_plan(folder)?, files(folder)?);
    let mut entries = catalog(&files, &plan);
    let ids: Vec<String> = entries.iter().map(|entry| entry.id.clone()).collect();
    let Some(at) = ids.iter().position(|known| known == id) else {
        let refused = plan.diagnostics.iter().find(|bad| bad.file.contains(id));
        let near = ids.iter().min_by_key(|known| strsim::damerau_levenshtein(known, id));
        let help = match (refused, near) {
            (Some(refused), _) => format!(" that runs; {refused}"),
            (None, Some(near)) => {
                format!("; did you mean `{near}`? See `trailsift detectors list`")
            }
            (None, None) => String::new(),
        };
        return Err(Error::Usage(format!("`{id}`: no detector of this id{help}")));
    };
    let entry = entries.swap_remove(at);
    let file = files.iter().find(|file| file.name == entry.file);
    let page = file.and_then(|file| file.page.clone());
    let cases = page.as_deref().and_then(|page| read_cases(page).ok()).unwrap_or_default();
    let before = |page: String| match page.split_once("\n## Cases") {
        Some((before, _)) => before.to_owned(),
        None => page,
    };
    let cases = cases.into_iter().map(|case| case.name).collect();
    Ok(Described { entry, page: page.map(before), cases })
}

/// Checks the detectors of a folder, or the shipped ones.
///
/// # Errors
/// [`Error::Usage`] if there is no such folder.
pub fn check_detectors(folder: Option<&Path>) -> Result<Checked> {
    let bench = Bench::of(folder)?;
    let mut diagnostics = lint(&bench.own);
    diagnostics.extend(bench.diagnostics.iter().cloned());
    for file in &bench.own {
        diagnostics.extend(bench.cases(file).err());
    }
    diagnostics.sort();
    diagnostics.dedup();
    let of_bench = bench.plan.raising().filter(|found| bench.is_own(&found.file));
    let detectors = of_bench.map(|found| found.id.clone()).collect();
    Ok(Checked { files: bench.own.len(), detectors, diagnostics })
}

/// Runs the cases of a folder's detectors, or of the shipped ones.
///
/// # Errors
/// [`Error::Usage`] if there is no such folder, and whatever keeps cases from running.
pub fn test_detectors(folder: Option<&Path>) -> Result<Vec<Tested>> {
    let bench = Bench::of(folder)?;
    bench.own.par_iter().filter_map(|file| bench.test(file).transpose()).collect()
}

fn files(folder: Option<&Path>) -> Result<Vec<RuleFile>> {
    let more = folder.map(read_folder).transpose()?.map(|(files, _)| files);
    Ok(shipped().into_iter().chain(more.into_iter().flatten()).collect())
}

/// The files in question, compiled together with the shipped ones, to which they may refer. A file
/// at the path of a shipped one stands for it: the folder may be a working copy of the shipped.
struct Bench {
    own: Vec<RuleFile>,
    plan: Plan,
    /// What does not run.
    diagnostics: Vec<Diagnostic>,
}

impl Bench {
    fn of(folder: Option<&Path>) -> Result<Self> {
        let Some(folder) = folder else {
            let own = shipped();
            let plan = Plan::compile(&own);
            return Ok(Self { own, diagnostics: plan.diagnostics.clone(), plan });
        };
        let (own, mut diagnostics) = read_folder(folder)?;
        let paths: BTreeSet<&Path> =
            own.iter().filter_map(|file| Path::new(&file.name).strip_prefix(folder).ok()).collect();
        let others = shipped().into_iter().filter(|file| !paths.contains(Path::new(&file.name)));
        let all: Vec<RuleFile> = others.chain(own.iter().cloned()).collect();
        let plan = Plan::compile(&all);
        diagnostics.extend(plan.diagnostics.iter().cloned());
        Ok(Self { own, plan, diagnostics })
    }

    fn is_own(&self, file: &str) -> bool {
        self.own.iter().any(|own| own.name == file)
    }

    /// What a file holds, also what only feeds other detectors.
    fn of_file(&self, file: &RuleFile) -> impl Iterator<Item = &Metadata> {
        self.plan.known().filter(|found| found.file == file.name)
    }

    /// The detector that the page's cases are about: the one named after the file, or the only one.
    fn subject(&self, file: &RuleFile) -> Option<&str> {
        let ids: Vec<&str> = self.of_file(file).map(|found| found.id.as_str()).collect();
        match ids.as_slice() {
            [only] => Some(only),
            some => some.iter().find(|id| **id == file.slug()).copied(),
        }
    }

    /// The cases of a file; empty if it holds no detector, as a file of rules to refer to.
    fn cases(&self, file: &RuleFile) -> Result<Vec<Case>, Diagnostic> {
        let of_file = |bad: &Diagnostic| bad.file == file.name && bad.severity == Level::Error;
        if self.of_file(file).next().is_none() || self.diagnostics.iter().any(of_file) {
            return Ok(Vec::new());
        }
        let page = Path::new(&file.name).with_extension("md").display().to_string();
        let text = file.page.as_deref().unwrap_or_default();
        let cases = read_cases(text).map_err(|fault| {
            let heading = fault.split('`').nth(1).unwrap_or_default();
            let line = text.lines().position(|line| line.trim_start_matches('#').trim() == heading);
            Diagnostic::at(&page, (line.map_or(1, |line| line + 1), 1), "cases", fault.clone())
        })?;
        if cases.is_empty() {
            let help = "write them on the page beside it: docs/writing-detectors.md, Cases";
            let missing = Diagnostic::of_file(&file.name, "cases", "no case proves what it finds");
            let missing = missing.help(help);
            return Err(if file.shipped { missing } else { missing.warning() });
        }
        if self.subject(file).is_none() {
            let message = "the file holds several detectors, and none is named after it: whose cases \
                           are these?";
            return Err(Diagnostic::of_file(&page, "cases", message));
        }
        Ok(cases)
    }

    /// `None` if the file holds nothing to test.
    fn test(&self, file: &RuleFile) -> Result<Option<Tested>> {
        let subject = self.subject(file);
        let mut tested = Tested {
            detector: subject.unwrap_or(file.slug()).to_owned(),
            file: file.name.clone(),
            cases: 0,
            failures: Vec::new(),
            fault: None,
        };
        let refused = self.diagnostics.iter().find(|bad| bad.file == file.name);
        if let Some(refused) = refused {
            tested.fault = Some(format!("does not run: {refused}"));
            return Ok(Some(tested));
        }
        match self.cases(file) {
            Err(fault) if fault.severity == Level::Error => tested.fault = Some(fault.to_string()),
            Err(_) => {}
            Ok(cases) => {
                let Some(subject) = subject else { return Ok(None) };
                tested.cases = cases.len();
                tested.failures = check_cases(&self.plan, subject, &cases)?;
            }
        }
        Ok(Some(tested))
    }
}
