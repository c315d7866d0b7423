//! One pass over the inputs: they are listed, read and decoded, and each worker's events go to a
//! consumer of its own. Whatever is done with them, objects and records are accounted for here.

use std::mem::take;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::accounting::Account;
use super::consumer::Consumer;
use super::events_out::EventsOut;
use super::interim::{Beside, Interim};
use super::processed::{Identities, Processed};
use super::read_options::ReadOptions;
use super::reading::{Read, Reading};
use super::remote::{Asking, Intake, Listed, Remote};
use super::run::Span;
use super::scan::Progress;
use super::seen::Seen;
use super::stateful::Session;
use super::stats::{Stage, Stages};
use super::tables::Spill;
use super::{log, worker::Harvest};
use crate::error::{Error, Result};
use crate::events::{Fields, Reader};
use crate::intel::Intel;
use crate::source::{self, KeyRange, Listing};
use crate::store::{Fault, Location, S3};

const NOTHING: &str = "the inputs hold no file";

/// The inputs, looked at but not read.
pub(super) struct Inputs<'o> {
    options: &'o ReadOptions,
    /// Where the outputs go: these are no inputs.
    own: Vec<&'o Location>,
    /// The connection to S3, if anything is there.
    pub s3: Option<S3>,
    range: KeyRange,
}

impl<'o> Inputs<'o> {
    /// Connects to S3, if anything is there, and lists what is on this machine. There must be
    /// something to read, unless it is a share.
    ///
    /// # Errors
    /// [`Error::Usage`] for inputs that are not there or lie in an output.
    pub(super) fn find(
        options: &'o ReadOptions,
        own: Vec<&'o Location>,
    ) -> Result<(Self, Listing)> {
        let s3 =
            S3::connect_for(options.inputs.iter().chain(own.iter().copied()), &options.access)?;
        let range = options.key_range();
        let paths: Vec<PathBuf> =
            options.inputs.iter().filter_map(Location::local).map(Path::to_path_buf).collect();
        let own_paths: Vec<&Path> = own.iter().filter_map(|own| own.local()).collect();
        let mut listing = source::list(&paths, options.shard, &own_paths)?;
        range.prune(&mut listing);
        let inputs = Self { options, own, s3, range };
        let is_nothing = inputs.remote()?.is_none() && listing.is_empty();
        if is_nothing && options.shard.is_none() {
            return Err(Error::Usage(NOTHING.to_owned()));
        }
        Ok((inputs, listing))
    }

    /// The inputs in buckets.
    ///
    /// # Errors
    /// [`Error::Usage`] for an output that an input lies in.
    pub(super) fn remote(&self) -> Result<Option<Remote<'_>>> {
        let asking = Asking {
            range: &self.range,
            shard: self.options.shard,
            order: self.options.order,
            own: self.own.clone(),
        };
        Remote::of(&self.options.inputs, self.s3.as_ref(), &asking)
    }
}

/// How a pass is made.
#[derive(Clone, Copy)]
pub(super) struct Pass<'p> {
    /// What to read.
    pub options: &'p ReadOptions,
    /// The columns beyond the core ones.
    pub fields: &'p Fields,
    /// Whether batches hold the records' texts.
    pub texts: bool,
    /// What is known of addresses.
    pub intel: &'p Arc<Intel>,
    /// Whether copies of an event count once.
    pub once: bool,
    /// Objects that need not be read.
    pub processed: Option<&'p Processed>,
    /// The folder that the events go to.
    pub events: Option<&'p EventsOut>,
    /// The run's state.
    pub session: Option<&'p Session<'p>>,
    /// Where temporary files go, and how their names begin.
    pub spill: Spill<'p>,
    /// Who judges meanwhile, and with what.
    pub interim: Option<(&'p Interim, Beside<'p>)>,
    /// Who is told how far it is.
    pub progress: &'p dyn Progress,
    /// Raised to end reading early.
    pub interrupt: &'p AtomicBool,
}

/// What a pass came to.
pub(super) struct Passed<Y> {
    /// What the workers' consumers leave, in no order.
    pub consumed: Vec<Y>,
    /// Objects and records.
    pub account: Account,
    /// The events' times.
    pub span: Option<Span>,
    /// What its stages cost.
    pub stages: Stages,
    /// Plain words that the user should read.
    pub notes: Vec<String>,
    /// Whether something was left unread.
    pub cut: bool,
    /// With a state: the newest event that has happened, µs.
    pub newest: Option<i64>,
    /// With a state: what identifies the objects that were read.
    pub identities: Identities,
    /// The events met.
    pub seen: Seen,
}

impl<Y> Passed<Y> {
    /// What was read, and what the consumers leave.
    pub(super) fn split(self) -> (Passed<()>, Vec<Y>) {
        let Self { consumed, account, span, stages, notes, cut, newest, identities, seen } = self;
        let none = Vec::new();
        let passed =
            Passed { consumed: none, account, span, stages, notes, cut, newest, identities, seen };
        (passed, consumed)
    }
}

impl Pass<'_> {
    /// Reads the inputs; `start` gives each worker its consumer.
    ///
    /// # Errors
    /// Whatever keeps the pass from going on; bad input does not.
    pub(super) fn run<C: Consumer>(
        self,
        inputs: &Inputs<'_>,
        listing: Listing,
        start: impl Fn() -> C + Sync,
    ) -> Result<Passed<C::Yield>> {
        let remote = inputs.remote()?;
        let mut intake =
            Intake { processed: self.processed, events: self.events, ..Intake::default() };
        let mut local =
            Listed { unsplit: listing.unsplit, took: listing.times.clone(), ..Listed::default() };
        let objects = intake.take(listing)?;
        local.add(&objects);
        if !objects.is_empty() || remote.is_none() {
            log::listed(&local);
        }
        let started = Instant::now();
        let s3 = inputs.s3.as_ref();
        let who = remote.as_ref().zip(s3).map_or(Ok(None), |(remote, s3)| remote.reader(s3));
        let reader = who.as_ref().ok().and_then(Option::as_ref);
        let reading = Reading { pass: self, s3, reader };
        let read = reading.read(objects, remote.as_ref(), &mut intake, start)?;
        let mut passed = self.account(read, intake, local)?;
        log::read(&passed.account, started.elapsed());
        passed.notes.extend(note_reader(&who, passed.account.records().own_reads));
        Ok(passed)
    }

    /// Puts together what was read.
    fn account<Y>(self, read: Read<Y>, intake: Intake<'_>, local: Listed) -> Result<Passed<Y>> {
        let Read { mut harvests, rejected, seen, mut listed, unread, cut } = read;
        listed.join(local);
        let Intake { mut account, identities, .. } = intake;
        for harvest in &mut harvests {
            account.take(harvest);
        }
        account.add(Vec::new(), rejected);
        account.skip_unread(&unread, "not reached: the run was interrupted");
        account.sort();
        account.settle(seen.take_copies());
        let is_empty = account.listed == 0 && listed.left_out.is_empty();
        if is_empty && self.options.shard.is_none() && !cut {
            return Err(Error::Usage(NOTHING.to_owned()));
        }
        let notes = notes(self.options, &listed, &seen);
        let mut stages = Stages::default();
        listed.took.iter().for_each(|took| stages.record(Stage::List, *took));
        let (mut span, mut newest, mut consumed) = (None, None, Vec::new());
        for harvest in harvests {
            span = Span::join(span, harvest.span);
            newest = newest.max(harvest.newest);
            stages.add(&harvest.stages);
            consumed.push(harvest.consumed);
        }
        Ok(Passed { consumed, account, span, stages, notes, cut, newest, identities, seen })
    }
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
    /// Takes over what a worker has met.
    fn take<Y>(&mut self, harvest: &mut Harvest<Y>) {
        self.listed += harvest.members;
        self.own_reads += harvest.own_reads;
        self.add(take(&mut harvest.manifest), Vec::new());
        for (name, count) in take(&mut harvest.odd) {
            *self.odd.entry(name.to_owned()).or_default() += count;
        }
    }
}

fn notes(options: &ReadOptions, listed: &Listed, seen: &Seen) -> Vec<String> {
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
    if seen.spills() > 0 {
        notes.push(format!(
            "the ids of {} events outgrew their part of --memory and were spilled to disk {} times",
            seen.size().0,
            seen.spills()
        ));
    }
    notes
}
