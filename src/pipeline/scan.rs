//! The main job: list, then read, decode, select and fold on all workers, merge, judge, write.

use std::mem::take;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::accounting::{Account, RejectedRecord};
use super::archives::ArchiveLimits;
use super::findings_files::FindingsFiles;
use super::history::JudgeOptions;
use super::interim::{Interim, Snapshot};
use super::judging::judge_run;
use super::reading::{Read, Reading};
use super::remote::{Asking, Intake, Listed, Remote};
use super::run::Run;
use super::seen::Seen;
use super::stateful::Session;
use super::stats::Stage;
use super::tables::Spill;
use super::worker::Harvest;
use super::{log, output, partial};
use crate::decode::Limits;
use crate::detect::group;
use crate::detect::rules::{Diagnostic, Plan, Tuning, read_folder, shipped};
use crate::detect::select::Placeholders;
use crate::error::{Error, Result};
use crate::events::{EventFilter, Reader};
use crate::intel::Available;
use crate::source::{self, KeyRange, Listing, LogObject, Order, Shard};
use crate::store::{Access, Fault, Folder, Location, S3};

const NOTHING: &str = "the inputs hold no file";

/// What to scan and how.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// Files, folders, prefixes of buckets.
    pub inputs: Vec<Location>,
    /// Where the outputs go; for a partial run its tables.
    pub out: Location,
    /// Where history, processed objects and findings are kept between runs.
    pub state: Option<Location>,
    /// How S3 is reached.
    pub access: Access,
    /// Which days are read first; none: whatever is fastest.
    pub order: Option<Order>,
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
    /// Objects delivered on days before are left out, where names tell, µs.
    pub delivered_since: Option<i64>,
    /// So many µs before `since` are read too, for learning only.
    pub history: Option<i64>,
    /// How entities are judged.
    pub judge: JudgeOptions,
    /// In which formats findings are written.
    pub findings: FindingsFiles,
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

impl ScanOptions {
    /// A scan of everything at the inputs, with the usual bounds.
    #[must_use]
    pub fn new(inputs: Vec<Location>, out: Location) -> Self {
        Self {
            inputs,
            out,
            state: None,
            access: Access::default(),
            order: None,
            partial: false,
            shard: None,
            detectors: None,
            tune: None,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: 1 << 30,
            since: None,
            until: None,
            delivered_since: None,
            history: None,
            judge: JudgeOptions::default(),
            findings: FindingsFiles::default(),
            hash: false,
            filter: EventFilter::default(),
            limits: Limits::default(),
            archives: ArchiveLimits::default(),
            placeholders: Placeholders::default(),
        }
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
    let s3 = connect(options)?;
    let range = key_range(options);
    let remote = Remote::of(&options.inputs, s3.as_ref(), &asking(options, &range))?;
    let listing = list_local(options, &range)?;
    if remote.is_none() && listing.is_empty() && options.shard.is_none() {
        return Err(Error::Usage(NOTHING.to_owned()));
    }
    let out = Folder::open(&options.out, s3.as_ref())?;
    let session = open_state(options, plan, s3.as_ref(), &out)?;
    let mut intake = Intake { session: session.as_ref(), ..Intake::default() };
    let mut local =
        Listed { unsplit: listing.unsplit, took: listing.times.clone(), ..Listed::default() };
    let objects = intake.take(listing)?;
    local.add(&objects);
    if !objects.is_empty() || remote.is_none() {
        log::listed(&local);
    }
    let started = Instant::now();
    let who = remote.as_ref().zip(s3.as_ref()).map_or(Ok(None), |(remote, s3)| remote.reader(s3));
    let reader = who.as_ref().ok().and_then(Option::as_ref);
    let s3 = s3.as_ref();
    let reading = Reading { options, plan, s3, reader, out: &out, progress, interrupt };
    let read = reading.read(objects, remote.as_ref(), &mut intake)?;
    let Read { mut harvest, rejected, seen, mut listed, unread } = read;
    listed.join(local);
    let Intake { mut account, identities, .. } = intake;
    account.take(&mut harvest, rejected, &seen, &unread);
    log::read(&account, started.elapsed());
    let is_empty = account.listed == 0 && listed.left_out.is_empty();
    if is_empty && options.shard.is_none() && !harvest.cut {
        return Err(Error::Usage(NOTHING.to_owned()));
    }
    listed.took.iter().for_each(|took| harvest.stages.record(Stage::List, *took));
    let mut run = Run {
        account,
        span: harvest.span,
        stages: take(&mut harvest.stages),
        notes: notes(options, &listed, &harvest, &seen),
        interrupted: harvest.cut,
        requests: s3.map(S3::requests),
        ..Run::empty(plan, &out)
    };
    run.notes.extend(note_reader(&who, run.account.records().own_reads));
    run.knows(&options.judge.intel);
    if let Some(session) = session {
        partial::clear(out.path())?;
        session.finish(&mut run, harvest, &seen, &identities, &out)?;
        // An interrupted run has written nothing, and takes nothing away.
        if !run.interrupted {
            output::send(&out, &run)?;
        }
        return Ok(run);
    }
    drop(seen);
    let (table, files) = harvest.runs.merged()?;
    conclude(options, plan, &mut run, &out, table)?;
    drop(files);
    output::send(&out, &run)?;
    Ok(run)
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

/// What the user should know of the scan's own events.
fn note_reader(who: &Result<Option<Reader>, Fault>, own_reads: u64) -> Option<String> {
    match who {
        Ok(Some(reader)) if own_reads > 0 => Some(format!(
            "{own_reads} events are reads of these logs by the role of this scan, {}: counted, and \
             not judged",
            reader.arn()
        )),
        Ok(_) => None,
        Err(fault) => Some(format!(
            "STS does not tell who reads the logs, so the scan's own reads are judged like anyone's: \
             {fault}"
        )),
    }
}

impl Account {
    /// Takes over what reading came to.
    fn take(
        &mut self,
        harvest: &mut Harvest,
        rejected: Vec<RejectedRecord>,
        seen: &Seen,
        unread: &[LogObject],
    ) {
        self.listed += harvest.members;
        self.own_reads += harvest.own_reads;
        self.add(take(&mut harvest.manifest), rejected);
        self.skip_unread(unread, "not reached: the run was interrupted");
        self.sort();
        self.settle(seen.take_copies());
        self.odd =
            take(&mut harvest.odd).into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    }
}

/// The connection to S3, if anything is there.
pub(super) fn connect(options: &ScanOptions) -> Result<Option<S3>> {
    let locations = options.inputs.iter().chain([&options.out]).chain(options.state.as_ref());
    S3::connect_for(locations, &options.access)
}

/// What is asked for of buckets.
pub(super) fn asking<'o>(options: &'o ScanOptions, range: &'o KeyRange) -> Asking<'o> {
    let own = [&options.out].into_iter().chain(options.state.as_ref()).collect();
    Asking { range, shard: options.shard, order: options.order, own }
}

/// Lists what is on this machine.
pub(super) fn list_local(options: &ScanOptions, range: &KeyRange) -> Result<Listing> {
    let inputs: Vec<PathBuf> =
        options.inputs.iter().filter_map(Location::local).map(Path::to_path_buf).collect();
    let own = [Some(&options.out), options.state.as_ref()];
    let own: Vec<&Path> = own.into_iter().flatten().filter_map(Location::local).collect();
    let mut listing = source::list(&inputs, options.shard, &own)?;
    range.prune(&mut listing);
    Ok(listing)
}

/// Judges the table of everything read and writes the outputs; of a partial run only the table.
fn conclude(
    options: &ScanOptions,
    plan: &Plan,
    run: &mut Run,
    out: &Folder,
    table: group::Run<'_>,
) -> Result<()> {
    if options.partial {
        let started = Instant::now();
        partial::write(options, plan, run, out.path(), table)?;
        run.stages.record(Stage::Write, started.elapsed());
        return Ok(());
    }
    let judging = options.judge.judging(run.span, options.since, Spill::into(out.path()));
    let judged = judge_run(run, plan, &judging, table)?;
    run.take(judged, plan)?;
    run.learning = judging.learning_text();
    partial::clear(out.path())?;
    options.findings.write(run)?;
    output::write(run)
}

/// What keys can tell of what is asked for.
pub(super) fn key_range(options: &ScanOptions) -> KeyRange {
    let earlier = |since: i64| since.saturating_sub(options.history.unwrap_or(0));
    KeyRange {
        accounts: options.filter.accounts.clone(),
        regions: options.filter.regions.clone(),
        since: options.since.map(earlier),
        until: options.until,
        delivered_since: options.delivered_since,
    }
}

fn notes(options: &ScanOptions, listed: &Listed, harvest: &Harvest, seen: &Seen) -> Vec<String> {
    let runs = &harvest.runs;
    let mut notes = Vec::new();
    for (reason, count) in &listed.left_out {
        let plural = if *count == 1 { "" } else { "es" };
        notes.push(format!("{count} prefix{plural} left out without listing: {reason}"));
    }
    if let Some(shard) = options.shard.filter(|shard| listed.unsplit > 0 && shard.number == 1) {
        notes.push(format!(
            "{} objects name neither account nor region in their key; they are one unit, in the \
             first of {} shares",
            listed.unsplit, shard.of
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
