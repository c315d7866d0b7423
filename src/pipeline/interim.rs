//! A long run judged while it goes on. When asked, each worker folds what waits and hands its table
//! over as sorted runs; a thread beside them merges all that was handed over into one run, judges it
//! as if the input ended there, and keeps it for the end. No worker waits for it, and the result of
//! the run is the same with and without.

use std::mem::take;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::judged::Judged;
use super::judging::Judging;
use super::run::{Run, Span};
use super::scan::ScanOptions;
use super::stateful::Session;
use super::tables::{Runs, Spill};
use super::walk::judge;
use super::{Progress, log};
use crate::detect::group::{self, SpillWriter};
use crate::detect::rules::Plan;
use crate::error::Result;
use crate::store::Folder;

/// When a run is judged that still goes on: every so often, or on request.
#[derive(Debug, Default)]
pub struct Interim {
    every: Option<Duration>,
    /// The number of the snapshot asked for last; 0: none yet.
    asked: AtomicU64,
    /// Listed objects that were read.
    done: AtomicU64,
    /// Listed objects.
    known: AtomicU64,
    /// Whether there is nothing more to read. Set under the lock, so that nobody waits for it in
    /// vain.
    ended: AtomicBool,
    given: Mutex<Given>,
    changed: Condvar,
}

/// What workers have handed over.
#[derive(Debug, Default)]
struct Given {
    runs: Runs,
    span: Option<Span>,
    newest: Option<i64>,
    events: u64,
    objects_done: u64,
    /// All workers, and those that have answered what was asked last.
    workers: usize,
    answered: usize,
    /// The number of the snapshot made last.
    made: u64,
}

/// A run that is not over, judged.
#[derive(Debug)]
pub struct Snapshot {
    /// What was found so far; its objects and records are not accounted for yet.
    pub run: Run,
    /// Events read so far.
    pub events: u64,
    /// Objects read to their end.
    pub objects_done: u64,
    /// Objects known so far; more may be listed, and archives count as one.
    pub objects_known: u64,
}

/// What one worker hands over: what it has folded since it did so last.
#[derive(Debug)]
pub(super) struct Share {
    /// The folded events.
    pub runs: Runs,
    /// The times of all its events.
    pub span: Option<Span>,
    /// With a state: the newest event that has happened, µs.
    pub newest: Option<i64>,
    /// The events folded.
    pub events: u64,
}

/// What a snapshot is made with.
#[derive(Clone, Copy)]
pub(super) struct Beside<'r> {
    /// The detectors.
    pub plan: &'r Plan,
    /// The run's options.
    pub options: &'r ScanOptions,
    /// Where its outputs go.
    pub out: &'r Folder,
    /// The run's state.
    pub session: Option<&'r Session<'r>>,
    /// Where runs are written.
    pub spill: Spill<'r>,
    /// Who is told.
    pub progress: &'r dyn Progress,
}

impl Interim {
    /// A snapshot at the end of each period.
    #[must_use]
    pub fn every(period: Duration) -> Self {
        Self { every: Some(period), ..Self::default() }
    }

    /// Snapshots only on [`request`](Self::request).
    #[must_use]
    pub fn on_request() -> Self {
        Self::default()
    }

    /// Asks for a snapshot. Each worker hands over what it has when it is done with its object, or
    /// has filled a batch.
    pub fn request(&self) {
        let mut given = self.lock();
        given.answered = 0;
        self.asked.fetch_add(1, Ordering::Relaxed);
        drop(given);
        self.changed.notify_all();
    }

    /// Whether a worker that has answered number `answered` is to hand over what it has.
    pub(super) fn asks(&self, answered: u64) -> bool {
        self.asked.load(Ordering::Relaxed) > answered
    }

    /// Takes a share; gives the number that it answers.
    pub(super) fn give(&self, share: Share) -> u64 {
        let mut given = self.lock();
        given.runs.add(share.runs);
        given.span = Span::join(given.span, share.span);
        given.newest = given.newest.max(share.newest);
        given.events += share.events;
        given.objects_done = self.done.load(Ordering::Relaxed);
        given.answered += 1;
        let asked = self.asked.load(Ordering::Relaxed);
        drop(given);
        self.changed.notify_all();
        asked
    }

    /// So many more objects are listed.
    pub(super) fn objects_known(&self, more: u64) {
        self.known.fetch_add(more, Ordering::Relaxed);
    }

    /// A listed object was read.
    pub(super) fn object_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Lets `work` read on so many `workers`, and makes snapshots meanwhile. If one cannot
    /// be made, `stop` ends the work: what was handed over would be missing in the end.
    ///
    /// # Errors
    /// Those of merging and judging.
    pub(super) fn beside<T>(
        &self,
        workers: usize,
        with: &Beside<'_>,
        stop: &(dyn Fn() + Sync),
        work: impl FnOnce() -> T,
    ) -> Result<T> {
        *self.lock() = Given { workers, ..Given::default() };
        self.done.store(0, Ordering::Relaxed);
        self.asked.store(0, Ordering::Relaxed);
        self.ended.store(false, Ordering::Relaxed);
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        std::thread::scope(|scope| {
            let watching = scope.spawn(|| {
                let watched = tracing::dispatcher::with_default(&dispatch, || self.watch(with));
                watched.inspect_err(|_| stop())
            });
            let done = work();
            let given = self.lock();
            self.ended.store(true, Ordering::Relaxed);
            drop(given);
            self.changed.notify_all();
            match watching.join() {
                Ok(watched) => watched.map(|()| done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// The runs handed over.
    pub(super) fn take_runs(&self) -> Runs {
        take(&mut self.lock().runs)
    }

    /// Makes snapshots until the work is over.
    fn watch(&self, with: &Beside<'_>) -> Result<()> {
        while self.is_due() {
            let Some(snapshot) = self.snapshot(with)? else { return Ok(()) };
            log::interim(&snapshot);
            with.progress.snapshot(&snapshot);
        }
        Ok(())
    }

    /// Waits for the next snapshot to be due, and for the workers to hand over what they have; but
    /// no longer than a period, since a worker may wait for others. Says no once the work is over.
    fn is_due(&self) -> bool {
        let is_asked = |given: &Given| self.asks(given.made);
        if !self.wait_until(is_asked) {
            return false;
        }
        let is_late = !is_asked(&self.lock());
        if is_late {
            self.request();
        }
        let asked = self.asked.load(Ordering::Relaxed);
        if !self.wait_until(|given| given.answered >= given.workers) {
            return false;
        }
        self.lock().made = asked;
        true
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Waits for `reached`, at most a period; says no once the work is over.
    fn wait_until(&self, reached: impl Fn(&Given) -> bool) -> bool {
        let started = Instant::now();
        let mut given = self.lock();
        loop {
            if self.has_ended() {
                return false;
            }
            if reached(&given) {
                return true;
            }
            let Some(every) = self.every else {
                given = self.changed.wait(given).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = every.saturating_sub(started.elapsed());
            if left.is_zero() {
                return true;
            }
            let waited = self.changed.wait_timeout(given, left);
            given = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Merges what was handed over into one run and judges it; none if the work ends meanwhile.
    fn snapshot(&self, with: &Beside<'_>) -> Result<Option<Snapshot>> {
        let Beside { plan, out, spill, .. } = *with;
        let mut given = self.lock();
        let (runs, span, newest) = (take(&mut given.runs), given.span, given.newest);
        let (events, objects_done) = (given.events, given.objects_done);
        let objects_known = self.known.load(Ordering::Relaxed);
        drop(given);
        let mut run = Run { span, ..Run::empty(plan, out) };
        let mut writer = SpillWriter::new(spill.file()?)?;
        let table = group::merge(runs.open()?).take_while(|_| !self.has_ended()).map(|row| {
            let row = row?;
            writer.push(&row)?;
            Ok(row)
        });
        let judged = judge_so_far(with, &mut run, newest, Box::new(table))?;
        if self.has_ended() {
            // Judged in part, and written in part: the runs are as good as they were.
            self.lock().runs.add(runs);
            return Ok(None);
        }
        let merged = runs.replaced_by(writer.finish()?)?;
        self.lock().runs.add(merged);
        run.take(judged, plan)?;
        Ok(Some(Snapshot { run, events, objects_done, objects_known }))
    }

    fn lock(&self) -> MutexGuard<'_, Given> {
        // What was given is consistent between any two statements that can panic.
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Judges the table of what was read so far, with the history if there is one.
fn judge_so_far(
    with: &Beside<'_>,
    run: &mut Run,
    newest: Option<i64>,
    table: group::Run<'_>,
) -> Result<Judged> {
    let Beside { plan, options, out, session, .. } = *with;
    let (judging, table): (_, group::Run<'_>) = if let Some(session) = session {
        let judging = session.judging(&session.manifest(run, newest), out.path());
        (judging, Box::new(session.with_history(table)?))
    } else {
        (options.judging(run, out.path()), table)
    };
    run.learning = judging.learning_text();
    // The others read on.
    judge(plan, &Judging { threads: 1, ..judging }, table)
}
