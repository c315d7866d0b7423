//! The main job: list, then read, decode, select and fold on all workers, merge, judge, write.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::detecting::Detection;
use super::events_out::EventsOut;
use super::findings_files::FindingsFiles;
use super::history::JudgeOptions;
use super::interim::{Beside, Interim, Snapshot};
use super::judging::{Judging, MOST_WAITING};
use super::pass::{Inputs, Pass, Passed};
use super::read_options::ReadOptions;
use super::run::Run;
use super::stateful::Session;
use super::stats::Stage;
use super::tables::{Runs, Spill};
use super::walk::judge_run;
use super::{log, output, partial};
use crate::detect::rules::{Diagnostic, ONLY, Plan, Tuning, read_folder, shipped};
use crate::detect::select::Placeholders;
use crate::error::{Error, Result};
use crate::event_files::Sorted;
use crate::intel::Available;
use crate::source::Listing;
use crate::store::{Folder, Location, S3};

/// What to scan and how.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// What to read.
    pub read: ReadOptions,
    /// Where the outputs go; for a partial run its tables.
    pub out: Location,
    /// Where history, processed objects and findings are kept between runs.
    pub state: Option<Location>,
    /// A folder on this machine that the events go to.
    pub events_out: Option<Location>,
    /// Write the tables of the share instead of findings.
    pub partial: bool,
    /// A folder with more detectors.
    pub detectors: Option<PathBuf>,
    /// What is changed of the detectors.
    pub tune: Option<Tuning>,
    /// How entities are judged.
    pub judge: JudgeOptions,
    /// In which formats findings are written.
    pub findings: FindingsFiles,
    /// Values of placeholders in rules.
    pub placeholders: Placeholders,
}

impl ScanOptions {
    /// A scan of everything at the inputs, with the usual bounds.
    #[must_use]
    pub fn new(inputs: Vec<Location>, out: Location) -> Self {
        Self {
            read: ReadOptions::new(inputs),
            out,
            state: None,
            events_out: None,
            partial: false,
            detectors: None,
            tune: None,
            judge: JudgeOptions::default(),
            findings: FindingsFiles::default(),
            placeholders: Placeholders::default(),
        }
    }

    /// How what was read is judged, without a state.
    pub(super) fn judging<'j>(&'j self, run: &Run, out: &'j Path) -> Judging<'j> {
        let judging = self.judge.judging(run.span, self.read.since, Spill::into(out));
        Judging { waiting: self.waiting(), threads: self.read.threads, ..judging }
    }

    /// Bytes of entities that may wait in memory for their account.
    pub(super) fn waiting(&self) -> usize {
        self.read.eighth().min(MOST_WAITING)
    }

    /// Where the outputs go: these are no inputs.
    pub(super) fn own(&self) -> Vec<&Location> {
        [&self.out].into_iter().chain(self.state.as_ref()).chain(self.events_out.as_ref()).collect()
    }
}

/// Told how far a scan is.
pub trait Progress: Sync {
    /// So many more objects and bytes are to be read.
    fn expect(&self, objects: u64, bytes: u64);
    /// One object of so many bytes is done.
    fn advance(&self, bytes: u64);
    /// Reading is over.
    fn finish(&self);
    /// When the run is to be judged while it goes on; it is not, without an answer.
    fn interim(&self) -> Option<&Interim> {
        None
    }
    /// The run was judged while it goes on. Called from a thread of its own.
    fn snapshot(&self, _: &Snapshot) {}
}

/// Loads the shipped detectors and those of the user's folder, whatever they need.
///
/// # Errors
/// [`Error::Usage`] if the folder is not there; [`Error::Detector`] if a shipped detector is bad.
pub fn load_plan(folder: Option<&Path>) -> Result<Plan> {
    load_plan_with(folder, &Placeholders::new(), None, &Available::everything())
}

/// The same, with values for placeholders, the changes of a tuning file, and those detectors off
/// that need what is not available.
///
/// # Errors
/// Those of [`load_plan`].
pub fn load_plan_with(
    folder: Option<&Path>,
    placeholders: &Placeholders,
    tune: Option<&Tuning>,
    available: &Available,
) -> Result<Plan> {
    let mut files = shipped();
    let mut unreadable = Vec::new();
    if let Some(folder) = folder {
        let (more, diagnostics) = read_folder(folder)?;
        files.extend(more);
        unreadable = diagnostics;
    }
    let mut plan = Plan::compile_with(&files, placeholders, tune, available);
    let is_shipped = |bad: &&Diagnostic| {
        bad.is_error() && files.iter().any(|file| file.shipped && file.name == bad.file)
    };
    if let Some(bad) = plan.diagnostics.iter().find(is_shipped) {
        return Err(Error::Detector(bad.to_string()));
    }
    // Others run on without a change that cannot be made; of a choice nothing would be left.
    if let Some(unknown) = plan.diagnostics.iter().find(|fault| fault.file == ONLY) {
        return Err(Error::Usage(format!("`--only`: {}", unknown.message)));
    }
    plan.diagnostics.extend(unreadable);
    Ok(plan)
}

/// Scans the inputs and writes the outputs. `interrupt` ends reading early: what was read is
/// judged, and the run says that it is not whole.
///
/// # Errors
/// Whatever keeps the run from starting or going on; bad input does not.
pub fn scan(options: &ScanOptions, progress: &dyn Progress, interrupt: &AtomicBool) -> Result<Run> {
    log::started(options);
    let (placeholders, tune) = (&options.placeholders, options.tune.as_ref());
    let available = options.judge.available();
    let plan = load_plan_with(options.detectors.as_deref(), placeholders, tune, &available)?;
    scan_with(&plan, options, progress, interrupt)
}

/// Scans with a plan; see [`scan`].
pub(super) fn scan_with(
    plan: &Plan,
    options: &ScanOptions,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<Run> {
    let (inputs, listing) = Inputs::find(&options.read, options.own())?;
    let s3 = inputs.s3.as_ref();
    let out = Folder::open(&options.out, s3)?;
    let session = open_state(options, plan, s3, &out)?;
    let events = events_out(options)?;
    let scanning =
        Scanning { plan, options, out: &out, events: events.as_ref(), progress, interrupt };
    let (passed, (runs, sorted)) = scanning.read(&inputs, listing, session.as_ref())?;
    let Passed { seen, identities, newest, .. } = passed;
    let mut run = Run {
        account: passed.account,
        span: passed.span,
        stages: passed.stages,
        notes: passed.notes,
        interrupted: passed.cut,
        requests: s3.map(S3::requests),
        ..Run::empty(plan, &out)
    };
    run.notes.extend(note_spills(&runs));
    if let Some(events) = events.filter(|_| !run.interrupted) {
        let added = events.add(&sorted, &run.account, options.read.threads)?;
        run.notes.push(format!("{} events added to --events-out", added.rows));
    }
    drop(sorted);
    run.knows(&options.judge.intel);
    if let Some(session) = session {
        partial::clear(out.path())?;
        session.finish(&mut run, Folded { runs, newest }, &seen, &identities, &out)?;
        // An interrupted run has written nothing, and takes nothing away.
        if !run.interrupted {
            output::send(&out, &run)?;
        }
        return Ok(run);
    }
    drop(seen);
    conclude(options, plan, &mut run, &out, runs)?;
    output::send(&out, &run)?;
    Ok(run)
}

/// What a scan reads with.
struct Scanning<'s> {
    plan: &'s Plan,
    options: &'s ScanOptions,
    out: &'s Folder,
    events: Option<&'s EventsOut>,
    progress: &'s dyn Progress,
    interrupt: &'s AtomicBool,
}

impl Scanning<'_> {
    /// Reads, selects and folds.
    fn read(
        &self,
        inputs: &Inputs<'_>,
        listing: Listing,
        session: Option<&Session<'_>>,
    ) -> Result<(Passed<()>, (Runs, Sorted))> {
        let Self { plan, options, out, events, progress, interrupt } = *self;
        let prefix = session.map(Session::spill_prefix).unwrap_or_default();
        let spill = match session {
            Some(session) => Spill { folder: session.folder(), prefix: &prefix },
            None => Spill::into(out.path()),
        };
        let processed = session.map(Session::processed);
        let interim = progress.interim();
        let beside = Beside { plan, options, out, session, spill, progress };
        let pass = Pass {
            options: &options.read,
            fields: &plan.fields,
            texts: events.is_some(),
            intel: &options.judge.intel,
            once: true,
            processed: processed.as_ref(),
            events,
            session,
            spill,
            interim: interim.map(|interim| (interim, beside)),
            progress,
            interrupt,
        };
        // Events that are kept take of the tables' part.
        let eighth = options.read.eighth() / options.read.threads.max(1);
        let budget = if events.is_some() { 2 * eighth } else { 3 * eighth };
        let events = events.map(|events| (events, eighth));
        let detection = Detection { plan, budget, spill, interim, events };
        let (passed, consumed) = pass.run(inputs, listing, || detection.start())?.split();
        let (mut runs, mut sorted) = (Runs::default(), Sorted::default());
        for (more, events) in consumed {
            runs.add(more);
            sorted.add(events);
        }
        interim.inspect(|interim| runs.add(interim.take_runs()));
        Ok((passed, (runs, sorted)))
    }
}

/// What all workers have folded.
pub(super) struct Folded {
    /// The tables.
    pub runs: Runs,
    /// With a state: the newest event that has happened, µs.
    pub newest: Option<i64>,
}

/// The state, if there is one; an output folder that is another state's is refused without.
fn open_state<'o>(
    options: &'o ScanOptions,
    plan: &'o Plan,
    s3: Option<&S3>,
    out: &Folder,
) -> Result<Option<Session<'o>>> {
    let Some(state) = &options.state else { return output::refuse_current(out).map(|()| None) };
    Session::open(Folder::open(state, s3)?, out, options, plan).map(Some)
}

/// Judges the table of everything read and writes the outputs; of a partial run only the table.
fn conclude(
    options: &ScanOptions,
    plan: &Plan,
    run: &mut Run,
    out: &Folder,
    runs: Runs,
) -> Result<()> {
    let (table, spilled) = runs.merged(options.read.threads)?;
    if options.partial {
        let started = Instant::now();
        partial::write(options, plan, run, out.path(), table, spilled)?;
        run.stages.record(Stage::Write, started.elapsed());
        return Ok(());
    }
    let judging = options.judging(run, out.path());
    let judged = judge_run(run, plan, &judging, table)?;
    spilled.end()?;
    run.take(judged, plan)?;
    run.learning = judging.learning_text();
    partial::clear(out.path())?;
    options.findings.write(run)?;
    output::write(run)
}

/// The folder that the events go to, if there is one.
fn events_out(options: &ScanOptions) -> Result<Option<EventsOut>> {
    let Some(location) = &options.events_out else { return Ok(None) };
    let folder = location.local().ok_or_else(|| {
        Error::Usage(format!("`{location}`: events go to a folder on this machine"))
    })?;
    EventsOut::open(folder).map(Some)
}

/// What the user should know of tables on disk.
fn note_spills(runs: &Runs) -> Option<String> {
    (runs.spills() > 0).then(|| {
        format!(
            "tables outgrew their part of --memory and were spilled to disk {} times",
            runs.spills()
        )
    })
}
