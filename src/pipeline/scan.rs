//! The main job: list, then read, decode, select and fold on all workers, merge, judge, write.

use std::mem::take;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::accounting::{Account, RejectedRecord, append};
use super::archives::ArchiveLimits;
use super::feed::Feed;
use super::history::JudgeOptions;
use super::interim::{Beside, Interim, Snapshot};
use super::judging::judge_run;
use super::run::{Run, Span};
use super::seen::Seen;
use super::stateful::Session;
use super::stats::{Stage, Stages};
use super::tables::{Runs, Spill};
use super::worker::{Harvest, Task, Worker};
use super::{log, output, partial};
use crate::decode::Limits;
use crate::detect::group;
use crate::detect::rules::{Diagnostic, Plan, Tuning, read_folder, shipped};
use crate::detect::select::Placeholders;
use crate::error::{Error, Result};
use crate::events::{EventFilter, OddFields};
use crate::source::{self, KeyRange, Listing, Shard};

/// What to scan and how.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// Files and folders.
    pub inputs: Vec<PathBuf>,
    /// Where the outputs go; for a partial run its tables.
    pub out: PathBuf,
    /// Where history, processed objects and findings are kept between runs.
    pub state: Option<PathBuf>,
    /// Write the tables of this share instead of findings.
    pub partial: bool,
    /// Which share of the input.
    pub shard: Option<Shard>,
    /// A folder with more detectors.
    pub detectors: Option<PathBuf>,
    /// What is changed of the detectors.
    pub tune: Option<Tuning>,
    /// Worker threads.
    pub threads: usize,
    /// Memory to keep within, bytes.
    pub memory: u64,
    /// Events before are left out, µs.
    pub since: Option<i64>,
    /// Events from here on are left out, µs.
    pub until: Option<i64>,
    /// So many µs before `since` are read too, for learning only.
    pub history: Option<i64>,
    /// How entities are judged.
    pub judge: JudgeOptions,
    /// Whether the manifest gets the SHA-256 of each object.
    pub hash: bool,
    /// Other events are left out.
    pub filter: EventFilter,
    /// Bounds on hostile input.
    pub limits: Limits,
    /// Bounds on archives.
    pub archives: ArchiveLimits,
    /// Values of placeholders in rules.
    pub placeholders: Placeholders,
}

/// Told how far a scan is.
pub trait Progress: Sync {
    /// So many objects and bytes are to be read.
    fn start(&self, objects: u64, bytes: u64);
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

/// Loads the shipped detectors and those of the user's folder.
///
/// # Errors
/// [`Error::Usage`] if the folder is not there; [`Error::Detector`] if a shipped detector is bad.
pub fn load_plan(folder: Option<&Path>) -> Result<Plan> {
    load_plan_with(folder, &Placeholders::new(), None)
}

/// The same, with values for placeholders and the changes of a tuning file.
///
/// # Errors
/// Those of [`load_plan`].
pub fn load_plan_with(
    folder: Option<&Path>,
    placeholders: &Placeholders,
    tune: Option<&Tuning>,
) -> Result<Plan> {
    let mut files = shipped();
    let mut unreadable = Vec::new();
    if let Some(folder) = folder {
        let (more, diagnostics) = read_folder(folder)?;
        files.extend(more);
        unreadable = diagnostics;
    }
    let mut plan = Plan::compile_with(&files, placeholders, tune);
    let is_shipped = |bad: &&Diagnostic| {
        bad.is_error() && files.iter().any(|file| file.shipped && file.name == bad.file)
    };
    if let Some(bad) = plan.diagnostics.iter().find(is_shipped) {
        return Err(Error::Detector(bad.to_string()));
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
    let plan = load_plan_with(options.detectors.as_deref(), placeholders, tune)?;
    scan_with(&plan, options, progress, interrupt)
}

/// Scans with a plan; see [`scan`].
pub(super) fn scan_with(
    plan: &Plan,
    options: &ScanOptions,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<Run> {
    let own: Vec<&Path> = [Some(&options.out), options.state.as_ref()]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    let mut listing = source::list(&options.inputs, options.shard, &own)?;
    if listing.objects.is_empty() && listing.not_read.is_empty() && options.shard.is_none() {
        return Err(Error::Usage("the inputs hold no file".to_owned()));
    }
    key_range(options).prune(&mut listing);
    std::fs::create_dir_all(&options.out).map_err(Error::io(&options.out))?;
    let mut account = Account::of(&listing);
    let mut session = match &options.state {
        Some(folder) => Some(Session::open(folder, options, plan)?),
        None => output::refuse_current(&options.out).map(|()| None)?,
    };
    if let Some(session) = &mut session {
        account.add(session.leave_out(&mut listing)?, Vec::new());
    }
    log::listed(&listing);
    let started = Instant::now();
    let (mut harvest, rejected, seen) =
        read(options, plan, &listing, session.as_ref(), progress, interrupt)?;
    let interrupted = harvest.cut;
    account.listed += harvest.members;
    account.add(take(&mut harvest.manifest), rejected);
    if interrupted {
        account.skip_unread(&listing, "not reached: the run was interrupted");
    }
    // Of a million objects the lines of the manifest are enough.
    listing.objects = Vec::new();
    account.sort();
    account.settle(seen.take_copies());
    log::read(&account, started.elapsed());
    account.odd =
        take(&mut harvest.odd).into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    let mut run = Run {
        account,
        span: harvest.span,
        stages: take(&mut harvest.stages),
        notes: notes(options, &listing, &harvest, &seen),
        interrupted,
        ..Run::empty(plan, &options.out)
    };
    if let Some(session) = session {
        partial::clear(&options.out)?;
        session.finish(&mut run, harvest, &seen)?;
        return Ok(run);
    }
    drop(seen);
    let (table, files) = harvest.runs.merged()?;
    conclude(options, plan, &mut run, table)?;
    drop(files);
    Ok(run)
}

/// Judges the table of everything read and writes the outputs; of a partial run only the table.
fn conclude(
    options: &ScanOptions,
    plan: &Plan,
    run: &mut Run,
    table: group::Run<'_>,
) -> Result<()> {
    if options.partial {
        let started = Instant::now();
        partial::write(options, plan, run, table)?;
        run.stages.record(Stage::Write, started.elapsed());
        log::written(&options.out, started.elapsed());
        return Ok(());
    }
    let judging = options.judge.judging(run.span, options.since, Spill::into(&options.out));
    let judged = judge_run(run, plan, &judging, table)?;
    run.take(judged, plan)?;
    run.learning = judging.learning_text();
    partial::clear(&options.out)?;
    output::write(run)
}

/// Reads every object on `options.threads` workers, largest objects first so that the last ones to
/// finish are small.
fn read(
    options: &ScanOptions,
    plan: &Plan,
    listing: &Listing,
    session: Option<&Session<'_>>,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<(Harvest, Vec<RejectedRecord>, Seen)> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    let tables = usize::try_from(options.memory / 4).unwrap_or(usize::MAX);
    let prefix = session.map(Session::spill_prefix).unwrap_or_default();
    let spill = match session {
        Some(session) => Spill { folder: session.folder(), prefix: &prefix },
        None => Spill::into(&options.out),
    };
    let id_seed = session.map_or_else(Seen::random_seed, Session::id_seed);
    let seen = Seen::new(id_seed, tables, spill.folder.to_path_buf());
    if let Some(session) = session.filter(|_| !listing.objects.is_empty()) {
        session.remember(&seen)?;
    }
    let task = Task {
        plan,
        since: options.since.map(|since| since.saturating_sub(options.history.unwrap_or(0))),
        until: options.until,
        filter: &options.filter,
        range: key_range(options),
        limits: limits(options),
        archives: options.archives,
        hash: options.hash,
        budget: tables / options.threads.max(1),
        spill,
        kept: session.map(Session::kept),
        seen: Some(&seen),
        rejected: Mutex::default(),
        interim: progress.interim(),
    };
    let objects: Vec<_> = listing.objects.iter().collect();
    let size = (options.threads, objects.len() as u64);
    progress.start(size.1, objects.iter().map(|object| object.bytes).sum());
    let feed = Feed::new(objects, options.threads, tables / 2, interrupt);
    let work = || pool.broadcast(|_| work(&task, &feed, progress));
    let harvests = match task.interim {
        None => work(),
        Some(interim) => {
            let beside = Beside { plan, options, session, spill, progress };
            interim.beside(size, &beside, &|| feed.stop(), work)?
        }
    };
    progress.finish();
    let empty = Harvest { cut: feed.was_cut(), ..Harvest::of(listing) };
    let mut harvest = harvests.into_iter().try_fold(empty, |mut sum, harvest| {
        sum.add(harvest?);
        Ok::<_, Error>(sum)
    })?;
    task.interim.inspect(|interim| harvest.runs.add(interim.take_runs()));
    let rejected = task.rejected.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((harvest, rejected.into_vec(), seen))
}

/// One worker, until there is nothing more to read.
fn work(task: &Task<'_>, feed: &Feed<'_>, progress: &dyn Progress) -> Result<Harvest> {
    let mut worker = Worker::new(task);
    while let Some(job) = feed.take() {
        let bytes = job.listed_bytes();
        let taken = worker.take(job, feed);
        feed.done();
        if let Some(bytes) = bytes.filter(|_| taken.is_ok()) {
            task.interim.inspect(|interim| interim.object_done());
            progress.advance(bytes);
        }
        if let Err(error) = taken.and_then(|()| worker.answer()) {
            feed.stop();
            return Err(error);
        }
    }
    worker.finish()
}

/// What keys can tell of what is asked for.
fn key_range(options: &ScanOptions) -> KeyRange {
    let earlier = |since: i64| since.saturating_sub(options.history.unwrap_or(0));
    KeyRange {
        accounts: options.filter.accounts.clone(),
        regions: options.filter.regions.clone(),
        since: options.since.map(earlier),
        until: options.until,
    }
}

/// Objects in memory get their part of `--memory`, so that many threads hold no more than few: a
/// half for their stored bytes, and a half for what they unpack to.
fn limits(options: &ScanOptions) -> Limits {
    let share = options.memory / 4 / (options.threads.max(1) as u64);
    let whole_bytes = (share / 2).clamp(4 << 20, options.limits.whole_bytes);
    Limits { whole_bytes, ..options.limits.clone() }
}

fn notes(options: &ScanOptions, listing: &Listing, harvest: &Harvest, seen: &Seen) -> Vec<String> {
    let runs = &harvest.runs;
    let mut notes = Vec::new();
    if let Some(shard) = options.shard.filter(|shard| listing.unsplit > 0 && shard.number == 1) {
        notes.push(format!(
            "{} objects name neither account nor region in their key; they are one unit, in the \
             first of {} shares",
            listing.unsplit, shard.of
        ));
    }
    if runs.spills() > 0 {
        notes.push(format!(
            "tables outgrew their part of --memory and were spilled to disk {} times",
            runs.spills()
        ));
    }
    if seen.spills() > 0 {
        notes.push(format!(
            "the ids of {} events outgrew their part of --memory and were spilled to disk {} times",
            seen.size().0,
            seen.spills()
        ));
    }
    notes
}

impl Harvest {
    /// Nothing is read of the listing yet.
    fn of(listing: &Listing) -> Self {
        let mut stages = Stages::default();
        listing.times.iter().for_each(|time| stages.record(Stage::List, *time));
        Self {
            runs: Runs::default(),
            manifest: Vec::new(),
            span: None,
            cut: false,
            members: 0,
            odd: OddFields::new(),
            newest: None,
            stages,
        }
    }

    fn add(&mut self, other: Self) {
        self.runs.add(other.runs);
        append(&mut self.manifest, other.manifest);
        self.members += other.members;
        for (name, count) in other.odd {
            *self.odd.entry(name).or_default() += count;
        }
        self.newest = self.newest.max(other.newest);
        self.span = Span::join(self.span, other.span);
        self.stages.add(&other.stages);
    }
}
