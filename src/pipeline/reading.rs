//! Reading: listing, fetching and the workers at the same time.

use std::sync::{Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

use super::accounting::RejectedRecord;
use super::consumer::Consumer;
use super::feed::Feed;
use super::log;
use super::pass::Pass;
use super::remote::{Intake, Listed, Remote};
use super::seen::Seen;
use super::stateful::Session;
use super::worker::{Harvest, Task, Worker};
use crate::error::Result;
use crate::events::Reader;
use crate::source::LogObject;
use crate::store::{Budget, S3};

/// What reading needs.
pub(super) struct Reading<'r> {
    pub pass: Pass<'r>,
    pub s3: Option<&'r S3>,
    pub reader: Option<&'r Reader>,
}

/// What reading came to.
pub(super) struct Read<Y> {
    pub harvests: Vec<Harvest<Y>>,
    pub rejected: Vec<RejectedRecord>,
    pub seen: Seen,
    pub listed: Listed,
    /// Objects that nobody has read.
    pub unread: Vec<LogObject>,
    /// Whether something was left unread.
    pub cut: bool,
}

/// What the workers, and listing beside them, came to.
type Worked<Y> = (Vec<Result<Harvest<Y>>>, Result<Listed>);

impl Reading<'_> {
    /// Reads the objects, and those of the buckets as they are listed, on `options.threads` workers.
    pub(super) fn read<C: Consumer>(
        &self,
        objects: Vec<LogObject>,
        remote: Option<&Remote<'_>>,
        intake: &mut Intake<'_>,
        start: impl Fn() -> C + Sync,
    ) -> Result<Read<C::Yield>> {
        let Pass { options, session, spill, progress, interrupt, .. } = self.pass;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
        let id_seed = session.map_or_else(Seen::random_seed, Session::id_seed);
        let seen = Seen::new(id_seed, 2 * options.eighth(), spill.folder.to_path_buf());
        if let Some(session) = session.filter(|_| !objects.is_empty() || remote.is_some()) {
            session.remember(&seen)?;
        }
        let task = self.task(&seen);
        let whole_bytes = task.limits.whole_bytes;
        let feed = Feed::new(options.threads, options.eighth(), whole_bytes, interrupt);
        self.expect(&objects);
        feed.start(objects, options.order);
        let worker = || self.worker(&task, &feed, start());
        let mut work = || self.work(&pool, &feed, remote, intake, &worker);
        let (harvests, listed) = match &self.pass.interim {
            None => work(),
            Some((interim, beside)) => {
                interim.beside(options.threads, beside, &|| feed.stop(), work)?
            }
        };
        progress.finish();
        let (cut, unread) = feed.leftovers();
        let harvests = harvests.into_iter().collect::<Result<_>>()?;
        let rejected = task.rejected.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Read { harvests, rejected: rejected.into_vec(), seen, listed: listed?, unread, cut })
    }

    /// What all workers share.
    fn task<'t>(&'t self, seen: &'t Seen) -> Task<'t> {
        let Pass { options, fields, texts, intel, session, spill, .. } = self.pass;
        Task {
            fields,
            texts,
            since: options.read_since(),
            until: options.until,
            filter: &options.filter,
            range: options.key_range(),
            intel,
            limits: options.object_limits(),
            archives: options.archives,
            hash: options.hash,
            spill,
            kept: session.map(Session::kept),
            seen: self.pass.once.then_some(seen),
            s3: self.s3,
            reader: self.reader,
            rejected: Mutex::default(),
        }
    }

    /// Lists, fetches and reads at the same time.
    fn work<Y: Send>(
        &self,
        pool: &rayon::ThreadPool,
        feed: &Feed<'_>,
        remote: Option<&Remote<'_>>,
        intake: &mut Intake<'_>,
        worker: &(impl Fn() -> Result<Harvest<Y>> + Sync),
    ) -> Worked<Y> {
        let budget = Budget::new(self.pass.options.eighth() as u64);
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
            let harvests = pool.broadcast(|_| worker());
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
        self.pass.progress.expect(count, bytes);
        self.pass.progress.interim().inspect(|interim| interim.objects_known(count));
    }

    fn worker<C: Consumer>(
        &self,
        task: &Task<'_>,
        feed: &Feed<'_>,
        consumer: C,
    ) -> Result<Harvest<C::Yield>> {
        let progress = self.pass.progress;
        let mut worker = Worker::new(task, consumer);
        while let Some(job) = feed.take() {
            let bytes = job.listed_bytes();
            let taken = worker.take(job, feed);
            feed.done();
            if let Some(bytes) = bytes.filter(|_| taken.is_ok()) {
                progress.interim().inspect(|interim| interim.object_done());
                progress.advance(bytes);
            }
            if let Err(error) = taken.and_then(|()| worker.pause()) {
                feed.stop();
                return Err(error);
            }
        }
        worker.finish()
    }
}
