//! One worker: takes object after object, reads, decodes, fills batches, selects and folds, with
//! buffers and a table of its own.

use std::fmt::Display;
use std::fs::File;
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use simd_json::tape::Value;

use super::accounting::{Counts, FirstRejected, ObjectOutcome, ObjectRecord, RejectedRecord};
use super::archives::{ArchiveLimits, Open, ReadSeek};
use super::feed::{Feed, Found, Job};
use super::run::Span;
use super::seen::{Seen, Verdict};
use super::stats::Latencies;
use super::tables::{BoundedTable, Runs, Spill};
use crate::codec::Unpacker;
use crate::decode::{Claim, Decoded, Decoder, Limits, RecordFault, RecordSink};
use crate::detect::group::Hashes;
use crate::detect::rules::Plan;
use crate::detect::select::Evaluator;
use crate::digest::{Hashing, sha256};
use crate::error::Result;
use crate::events::{Arrival, BatchBuilder, EventFilter, OddFields, Reader, Wanted};
use crate::source::{KeyRange, LogObject, Place, delivery_day};
use crate::store::{self, Fault, S3, S3Reader, Stored};

/// What all workers share.
pub(super) struct Task<'s> {
    /// What to extract, select and fold.
    pub plan: &'s Plan,
    /// Events before are filtered, µs.
    pub since: Option<i64>,
    /// Events from here on are filtered, µs.
    pub until: Option<i64>,
    /// Other events are filtered.
    pub filter: &'s EventFilter,
    /// Members of archives whose key says that they hold no such event are skipped.
    pub range: KeyRange,
    /// Bounds on hostile input.
    pub limits: Limits,
    /// Bounds on archives.
    pub archives: ArchiveLimits,
    /// Whether objects are hashed.
    pub hash: bool,
    /// Bytes of table per worker.
    pub budget: usize,
    /// Where tables are spilled, and how the files' names begin.
    pub spill: Spill<'s>,
    /// With a state: what it knows of the events to come.
    pub kept: Option<Kept>,
    /// The events met so far; without it, copies are not looked for.
    pub seen: Option<&'s Seen>,
    /// The connection to buckets, if there are any.
    pub s3: Option<&'s S3>,
    /// Who reads the logs: what it did for that is counted, and not judged.
    pub reader: Option<&'s Reader>,
    /// What was given up.
    pub rejected: Mutex<FirstRejected>,
}

/// What earlier runs have left for the reading of this one.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Events before are too late to be judged, µs.
    pub too_late_before: Option<i64>,
    /// Events from here on, µs, have not happened yet: they do not make others late.
    pub tomorrow: i64,
}

/// What a worker leaves.
#[derive(Debug)]
pub(super) struct Harvest {
    /// Its table.
    pub runs: Runs,
    /// Its lines of the manifest.
    pub manifest: Vec<ObjectRecord>,
    /// The times of its events.
    pub span: Option<Span>,
    /// Whether something was left unread.
    pub cut: bool,
    /// Members of archives met.
    pub members: u64,
    /// Fields of unexpected type.
    pub odd: OddFields,
    /// With a state: the newest event that has happened, µs.
    pub newest: Option<i64>,
    /// How long its objects took.
    pub latencies: Latencies,
}

/// A worker.
pub(super) struct Worker<'s> {
    pub(super) task: &'s Task<'s>,
    decoder: Decoder,
    sink: EventSink<'s>,
    stored: Vec<u8>,
    pub(super) manifest: Vec<ObjectRecord>,
    pub(super) members: u64,
    latencies: Latencies,
}

/// An object about to be read.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// Its name.
    pub uri: Arc<str>,
    /// Who says that it is a log.
    pub claim: Claim,
    /// How many archives it is in.
    pub depth: u32,
    /// Why bytes may be missing at its end.
    pub cut: Option<String>,
}

impl Input {
    fn listed(object: &LogObject) -> Self {
        let claim = if object.given { Claim::Given } else { Claim::Found };
        Self { uri: object.uri.clone(), claim, depth: 0, cut: None }
    }
}

impl<'s> Worker<'s> {
    /// An idle worker.
    pub(super) fn new(task: &'s Task<'s>) -> Self {
        Self {
            task,
            decoder: Decoder::new(task.limits.clone()),
            sink: EventSink::new(task),
            stored: Vec::new(),
            manifest: Vec::new(),
            members: 0,
            latencies: Latencies::new(),
        }
    }

    /// Reads what the feed has given into the table.
    ///
    /// # Errors
    /// Only those that end the run; bad input is accounted for.
    pub(super) fn take(&mut self, job: Job, feed: &Feed<'_>) -> Result<()> {
        let started = Instant::now();
        match job {
            Job::Object(object) => self.object(&object, feed)?,
            Job::Fetched(object, stored) => self.fetched(&object, stored, feed)?,
            Job::Member(found) => self.member(found, feed)?,
        }
        self.latencies.record(started.elapsed());
        Ok(())
    }

    /// Reads a listed object.
    fn object(&mut self, object: &LogObject, feed: &Feed<'_>) -> Result<()> {
        let input = Input::listed(object);
        let limit = self.task.limits.whole_bytes;
        let Some(path) = object.path() else { return self.piped(object, &input, feed) };
        if matches!(object.place, Place::File(_)) && object.bytes <= limit {
            let mut stored = std::mem::take(&mut self.stored);
            match store::read_into(path, object.bytes, limit, &mut stored) {
                Ok(true) => {
                    self.bytes(&input, &stored, feed)?;
                    self.stored = stored;
                    return Ok(());
                }
                Ok(false) => {}
                Err(error) => {
                    self.unreadable(&input, object.bytes, &error);
                    return Ok(());
                }
            }
        }
        match File::open(path) {
            Ok(mut file) => {
                let mut again = File::open(path).ok().filter(is_seekable);
                let again = again.as_mut().map(|file| file as &mut dyn ReadSeek);
                self.stream(&input, &mut file, again, feed)
            }
            Err(error) => {
                self.unreadable(&input, object.bytes, &error);
                Ok(())
            }
        }
    }

    /// Reads standard input, or an object of a bucket that is too large to be held.
    fn piped(&mut self, object: &LogObject, input: &Input, feed: &Feed<'_>) -> Result<()> {
        let (Some((bucket, key)), Some(s3)) = (object.bucket_and_key(), self.task.s3) else {
            return self.stream(input, &mut std::io::stdin().lock(), None, feed);
        };
        let Place::S3(etag) = &object.place else { return Ok(()) };
        let reader = || S3Reader::new(s3.bucket(bucket), key, object.bytes, etag.as_deref());
        self.stream(input, &mut reader(), Some(&mut reader()), feed)?;
        self.identify(etag.as_deref(), None);
        Ok(())
    }

    /// Reads an object of a bucket that was fetched.
    fn fetched(
        &mut self,
        object: &LogObject,
        stored: Result<Stored, Fault>,
        feed: &Feed<'_>,
    ) -> Result<()> {
        let input = Input::listed(object);
        match stored {
            Ok(stored) => {
                self.bytes(&input, &stored.bytes, feed)?;
                self.identify(stored.etag.as_deref(), stored.version_id.as_deref());
            }
            Err(fault) => self.unreadable(&input, object.bytes, &fault),
        }
        Ok(())
    }

    /// Says in the last line of the manifest which content of the key was read.
    fn identify(&mut self, etag: Option<&str>, version_id: Option<&str>) {
        if let Some(record) = self.manifest.last_mut() {
            (record.etag, record.version_id) = (etag.map(Into::into), version_id.map(Into::into));
        }
    }

    /// Reads a member of an archive.
    pub(super) fn member(&mut self, found: Found, feed: &Feed<'_>) -> Result<()> {
        let Found { uri, bytes, cut, depth } = found;
        self.bytes(&Input { uri, claim: Claim::Found, depth, cut }, &bytes, feed)
    }

    /// Reads an object that is in memory.
    ///
    /// # Errors
    /// Only those that end the run; bad input is accounted for.
    pub(super) fn bytes(&mut self, input: &Input, stored: &[u8], feed: &Feed<'_>) -> Result<()> {
        self.sink.start_object(input.uri.clone());
        let sha256 = self.task.hash.then(|| sha256(stored));
        match self.decoder.decode(&input.uri, input.claim, stored, &mut self.sink) {
            Ok(decoded) => self.account(input, stored.len() as u64, decoded, sha256),
            Err(archive) => {
                let mut unpacker = Unpacker::new(stored, self.task.limits.unpack());
                let open =
                    Open { archive, unpacker: &mut unpacker, seek: Some(&mut Cursor::new(stored)) };
                let record = self.archive(input, open, feed)?;
                self.manifest.push(ObjectRecord { bytes: stored.len() as u64, sha256, ..record });
                Ok(())
            }
        }
    }

    /// Reads an object as a stream; `again` reads it once more, from any place.
    pub(super) fn stream(
        &mut self,
        input: &Input,
        stored: &mut dyn Read,
        again: Option<&mut dyn ReadSeek>,
        feed: &Feed<'_>,
    ) -> Result<()> {
        self.sink.start_object(input.uri.clone());
        let mut hashing = Hashing::new(stored, self.task.hash);
        let mut unpacker = Unpacker::new(&mut hashing, self.task.limits.unpack());
        let decoded = self.decoder.stream(&input.uri, input.claim, &mut unpacker, &mut self.sink);
        let archive = match decoded {
            Ok(decoded) => {
                let bytes = unpacker.stored_bytes();
                drop(unpacker);
                return self.account(input, bytes, decoded, hashing.finish());
            }
            Err(archive) => archive,
        };
        let seek = again.map(|again| again as &mut dyn ReadSeek);
        let open = Open { archive, unpacker: &mut unpacker, seek };
        let record = self.archive(input, open, feed)?;
        let bytes = unpacker.stored_bytes().max(record.bytes);
        drop(unpacker);
        self.manifest.push(ObjectRecord { bytes, sha256: hashing.finish(), ..record });
        Ok(())
    }

    /// Accounts for an object that was looked into.
    fn account(
        &mut self,
        input: &Input,
        bytes: u64,
        decoded: Decoded,
        sha256: Option<String>,
    ) -> Result<()> {
        let counts = self.sink.end_object()?;
        let mut record = ObjectRecord::decoded(&input.uri, bytes, &decoded, counts);
        if let Some(cut) = &input.cut
            && record.outcome != ObjectOutcome::Skipped
        {
            if record.outcome == ObjectOutcome::Read {
                record.outcome = ObjectOutcome::Partial;
            }
            record.reason = Some(cut.clone());
        }
        self.manifest.push(ObjectRecord { sha256, ..record });
        if !decoded.rejected.is_empty() {
            let pieces = decoded.rejected.into_iter();
            let mut listed = self.task.rejected.lock().unwrap_or_else(PoisonError::into_inner);
            listed.add(pieces.map(|piece| RejectedRecord::new(&input.uri, piece)));
        }
        Ok(())
    }

    fn unreadable(&mut self, input: &Input, bytes: u64, error: &dyn Display) {
        let (outcome, reason) = (ObjectOutcome::Failed, Some(error.to_string()));
        self.manifest.push(ObjectRecord::unread(&input.uri, bytes, outcome, reason));
    }

    /// Folds what waits and hands everything over.
    ///
    /// # Errors
    /// Those of folding and spilling.
    pub(super) fn finish(mut self) -> Result<Harvest> {
        self.sink.flush()?;
        let odd = self.sink.builder.take_odd();
        Ok(Harvest {
            odd,
            runs: self.sink.table.finish(),
            manifest: self.manifest,
            span: self.sink.span,
            cut: false,
            members: self.members,
            newest: self.sink.newest,
            latencies: self.latencies,
        })
    }
}

/// Whether a file is no pipe.
fn is_seekable(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}

/// Records to events to table.
struct EventSink<'s> {
    task: &'s Task<'s>,
    builder: BatchBuilder,
    evaluator: Evaluator<'s>,
    table: BoundedTable<'s>,
    span: Option<Span>,
    counts: Counts,
    object: Arc<str>,
    /// Its number among the events met.
    number: u32,
    scratch: Vec<u8>,
    /// With a state: the newest event that has happened, of all objects and of this one, µs.
    newest: Option<i64>,
    newest_here: Option<i64>,
    /// The decoder knows no errors of ours, so the first one waits here.
    failed: Result<()>,
}

impl<'s> EventSink<'s> {
    fn new(task: &'s Task<'s>) -> Self {
        Self {
            task,
            builder: BatchBuilder::new(&task.plan.fields),
            evaluator: Evaluator::new(&task.plan.program),
            table: BoundedTable::new(task.plan, task.budget, task.spill),
            span: None,
            counts: Counts::default(),
            object: Arc::default(),
            number: 0,
            scratch: Vec::new(),
            newest: None,
            newest_here: None,
            failed: Ok(()),
        }
    }

    fn start_object(&mut self, uri: Arc<str>) {
        self.builder.start_object(uri.clone());
        self.number = self.task.seen.map_or(0, |seen| seen.object(uri.clone()));
        self.object = uri;
        self.newest_here = None;
    }

    fn end_object(&mut self) -> Result<Counts> {
        std::mem::replace(&mut self.failed, Ok(()))?;
        self.newest = self.newest.max(self.newest_here);
        if let (Some(seen), true) = (self.task.seen, self.task.kept.is_some()) {
            // Without a day in its key an object is as new as the newest event in it.
            let known = delivery_day(&self.object).and_then(|day| i32::try_from(day).ok());
            let day = known.or(self.newest_here.map(day_of));
            day.inspect(|day| seen.delivered(self.number, *day));
        }
        Ok(std::mem::take(&mut self.counts))
    }

    /// Selects and folds the batch.
    fn flush(&mut self) -> Result<()> {
        let batch = self.builder.finish()?;
        if batch.is_empty() {
            return Ok(());
        }
        let plan = self.task.plan;
        for time in batch.times() {
            self.span = Span::with(self.span, *time);
        }
        let masks = self.evaluator.masks(&batch);
        let mut hashes = Hashes::default();
        for (number, fold) in plan.folds.iter().enumerate() {
            if number == Plan::COVERAGE {
                fold.fold_all(number, &batch, &mut self.table.table);
            } else {
                fold.fold(number, &batch, &masks, &mut hashes, &mut self.table.table);
            }
            self.table.bound()?;
        }
        Ok(())
    }
}

impl RecordSink for EventSink<'_> {
    fn record(&mut self, number: u64, record: Value<'_, '_>) -> Result<(), RecordFault> {
        if self.builder.is_full() && self.failed.is_ok() {
            self.failed = self.flush();
        }
        let Self { builder, task, counts, newest_here, object, scratch, failed, .. } = self;
        let own = self.number;
        let wanted = |event: &Arrival<'_, '_, '_>| {
            if task.since.is_some_and(|since| event.time < since)
                || task.until.is_some_and(|until| event.time >= until)
                || !event.is_asked_for(task.filter)
            {
                counts.filtered += 1;
                return Wanted::No;
            }
            let mut late = false;
            if let Some(kept) = &task.kept {
                late = kept.too_late_before.is_some_and(|before| event.time < before);
                let happened = Some(event.time).filter(|time| *time < kept.tomorrow);
                *newest_here = (*newest_here).max(happened);
            }
            // A record without an id is known by its place, which only later runs see again.
            let known_by = event.has_id() || task.kept.is_some();
            let verdict = match task.seen.filter(|_| known_by) {
                None => Ok(Verdict::New),
                Some(seen) => {
                    let key = event.key(object, number);
                    seen.meet(&key, event.digest(scratch), own, late)
                }
            };
            let verdict = verdict.unwrap_or_else(|error| {
                *failed = Err(error);
                Verdict::Duplicate { first: false }
            });
            counts.count(verdict, late);
            if let (Verdict::Conflict, Some(seen), true) = (verdict, task.seen, event.has_id()) {
                let (account, id) = event.account_and_id();
                seen.note_conflict(&account, &id);
            }
            if task.reader.is_some_and(|reader| event.is_by(reader)) {
                counts.own_reads += u64::from(matches!(verdict, Verdict::New | Verdict::Conflict));
                return Wanted::No;
            }
            match verdict {
                Verdict::New | Verdict::Conflict => Wanted::Event,
                Verdict::Duplicate { first: true } | Verdict::Earlier => Wanted::Copy,
                Verdict::Duplicate { first: false } => Wanted::No,
            }
        };
        builder.append(number, record, wanted)?;
        Ok(())
    }
}

impl Counts {
    /// Counts an event that was asked for.
    fn count(&mut self, verdict: Verdict, late: bool) {
        match verdict {
            // What counts from now on counted in another object until now.
            Verdict::New | Verdict::Conflict | Verdict::Duplicate { first: true } => {
                self.analysed += 1;
                self.too_late += u64::from(late);
            }
            Verdict::Earlier | Verdict::Duplicate { first: false } => self.duplicates += 1,
        }
    }
}

/// The UTC day of a time in µs; all times that events can have lie within Arrow's dates.
fn day_of(time: i64) -> i32 {
    i32::try_from(time.div_euclid(86_400_000_000)).unwrap_or(i32::MAX)
}
