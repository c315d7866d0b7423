//! Reading: listing, fetching and the workers at the same time.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

use super::accounting::{RejectedRecord, append};
use super::feed::Feed;
use super::interim::Beside;
use super::log;
use super::remote::{Intake, Listed, Remote};
use super::run::Span;
use super::scan::{Progress, ScanOptions, key_range};
use super::seen::Seen;
use super::stateful::Session;
use super::stats::Stages;
use super::tables::{Runs, Spill};
use super::worker::{Harvest, Task, Worker};
use crate::decode::Limits;
use crate::detect::rules::Plan;
use crate::error::{Error, Result};
use crate::events::{OddFields, Reader};
use crate::source::LogObject;
use crate::store::{Budget, Folder, S3};

/// What reading needs.
pub(super) struct Reading<'r> {
    pub options: &'r ScanOptions,
    pub plan: &'r Plan,
    pub s3: Option<&'r S3>,
    pub reader: Option<&'r Reader>,
    pub out: &'r Folder,
    pub progress: &'r dyn Progress,
    pub interrupt: &'r AtomicBool,
}

/// What reading came to.
pub(super) struct Read {
    pub harvest: Harvest,
    pub rejected: Vec<RejectedRecord>,
    pub seen: Seen,
    pub listed: Listed,
    /// Objects that nobody has read.
    pub unread: Vec<LogObject>,
}

impl Reading<'_> {
    /// Reads the objects, and those of the buckets as they are listed, on `options.threads` workers.
    pub(super) fn read(
        &self,
        objects: Vec<LogObject>,
        remote: Option<&Remote<'_>>,
        intake: &mut Intake<'_>,
    ) -> Result<Read> {
        let Self { options, plan, progress, .. } = *self;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
        let eighth = usize::try_from(options.memory / 8).unwrap_or(usize::MAX / 8);
        let session = intake.session;
        let prefix = session.map(Session::spill_prefix).unwrap_or_default();
        let folder = session.map_or(self.out.path(), Session::folder).to_path_buf();
        let spill = match session {
            Some(_) => Spill { folder: &folder, prefix: &prefix },
            None => Spill::into(&folder),
        };
        let id_seed = session.map_or_else(Seen::random_seed, Session::id_seed);
        let seen = Seen::new(id_seed, 2 * eighth, folder.clone());
        if let Some(session) = session.filter(|_| !objects.is_empty() || remote.is_some()) {
            session.remember(&seen)?;
        }
        let task = Task {
            plan,
            since: options.since.map(|since| since.saturating_sub(options.history.unwrap_or(0))),
            until: options.until,
            filter: &options.filter,
            range: key_range(options),
            intel: &options.judge.intel,
            limits: limits(options),
            archives: options.archives,
            hash: options.hash,
            budget: 3 * eighth / options.threads.max(1),
            spill,
            kept: session.map(Session::kept),
            seen: Some(&seen),
            s3: self.s3,
            reader: self.reader,
            rejected: Mutex::default(),
            interim: progress.interim(),
        };
        let whole_bytes = task.limits.whole_bytes;
        let feed = Feed::new(options.threads, eighth, whole_bytes, self.interrupt);
        self.expect(&objects);
        feed.start(objects, options.order);
        let mut work = || self.work(&pool, &task, &feed, remote, intake);
        let (harvests, listed) = match task.interim {
            None => work(),
            Some(interim) => {
                let beside = Beside { plan, options, out: self.out, session, spill, progress };
                interim.beside(options.threads, &beside, &|| feed.stop(), work)?
            }
        };
        progress.finish();
        let (cut, unread) = feed.leftovers();
        let empty = Harvest { cut, ..Harvest::empty() };
        let mut harvest = harvests.into_iter().try_fold(empty, |mut sum, harvest| {
            sum.add(harvest?);
            Ok::<_, Error>(sum)
        })?;
        task.interim.inspect(|interim| harvest.runs.add(interim.take_runs()));
        let rejected = task.rejected.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Read { harvest, rejected: rejected.into_vec(), seen, listed: listed?, unread })
    }

    /// Lists, fetches and reads at the same time.
    fn work(
        &self,
        pool: &rayon::ThreadPool,
        task: &Task<'_>,
        feed: &Feed<'_>,
        remote: Option<&Remote<'_>>,
        intake: &mut Intake<'_>,
    ) -> (Vec<Result<Harvest>>, Result<Listed>) {
        let budget = Budget::new(self.options.memory / 8);
        std::thread::scope(|scope| {
            let listing = remote.map(|remote| {
                feed.listing();
                scope.spawn(|| remote.fetch(feed, &budget));
                let dispatch = tracing::dispatcher::get_default(Clone::clone);
                scope.spawn(move || {
                    let list = || self.list(remote, feed, intake);
                    tracing::dispatcher::with_default(&dispatch, list)
                })
            });
            let harvests = pool.broadcast(|_| self.worker(task, feed));
            let joined = listing.map_or(Ok(Ok(Listed::default())), ScopedJoinHandle::join);
            let listed = joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (harvests, listed)
        })
    }

    fn list(
        &self,
        remote: &Remote<'_>,
        feed: &Feed<'_>,
        intake: &mut Intake<'_>,
    ) -> Result<Listed> {
        let listed = remote.list(intake, &mut |objects| {
            self.expect(&objects);
            feed.add(objects)
        });
        match &listed {
            Ok(listed) => log::listed(listed),
            Err(_) => feed.stop(),
        }
        feed.listed();
        listed
    }

    fn expect(&self, objects: &[LogObject]) {
        let (count, bytes) =
            (objects.len() as u64, objects.iter().map(|object| object.bytes).sum());
        self.progress.expect(count, bytes);
        self.progress.interim().inspect(|interim| interim.objects_known(count));
    }

    fn worker(&self, task: &Task<'_>, feed: &Feed<'_>) -> Result<Harvest> {
        let mut worker = Worker::new(task);
        while let Some(job) = feed.take() {
            let bytes = job.listed_bytes();
            let taken = worker.take(job, feed);
            feed.done();
            if let Some(bytes) = bytes.filter(|_| taken.is_ok()) {
                task.interim.inspect(|interim| interim.object_done());
                self.progress.advance(bytes);
            }
            if let Err(error) = taken.and_then(|()| worker.answer()) {
                feed.stop();
                return Err(error);
            }
        }
        worker.finish()
    }
}

/// Objects in memory get their part of `--memory`, so that many threads hold no more than few: a
/// half for their stored bytes, and a half for what they unpack to.
pub(super) fn limits(options: &ScanOptions) -> Limits {
    let share = options.memory / 4 / (options.threads.max(1) as u64);
    let whole_bytes = (share / 2).clamp(4 << 20, options.limits.whole_bytes);
    Limits { whole_bytes, ..options.limits.clone() }
}

impl Harvest {
    fn empty() -> Self {
        Self {
            runs: Runs::default(),
            manifest: Vec::new(),
            span: None,
            cut: false,
            members: 0,
            own_reads: 0,
            odd: OddFields::new(),
            newest: None,
            stages: Stages::default(),
        }
    }

    fn add(&mut self, other: Self) {
        self.runs.add(other.runs);
        append(&mut self.manifest, other.manifest);
        self.members += other.members;
        self.own_reads += other.own_reads;
        for (name, count) in other.odd {
            *self.odd.entry(name).or_default() += count;
        }
        self.newest = self.newest.max(other.newest);
        self.span = Span::join(self.span, other.span);
        self.stages.add(&other.stages);
    }
}
