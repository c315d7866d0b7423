//! One worker: takes object after object, reads, decodes and fills batches, with buffers and a
//! consumer of its own.

use std::fmt::Display;
use std::fs::File;
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::accounting::{FirstRejected, ObjectOutcome, ObjectRecord, RejectedRecord};
use super::archives::{ArchiveLimits, Open, ReadSeek};
use super::consumer::Consumer;
use super::feed::{Feed, Found, Job};
use super::run::Span;
use super::seen::Seen;
use super::sink::EventSink;
use super::stats::{Stage, Stages};
use super::tables::Spill;
use crate::codec::Unpacker;
use crate::decode::{Archive, Claim, Decoded, Decoder, Limits};
use crate::digest::{Hashing, sha256};
use crate::error::Result;
use crate::events::{EventFilter, Fields, OddFields, Reader};
use crate::intel::Intel;
use crate::source::{KeyRange, LogObject, Place, is_event_file};
use crate::store::{self, Fault, S3, S3Reader, Stored};

/// What all workers share.
pub(super) struct Task<'s> {
    /// What to extract.
    pub fields: &'s Fields,
    /// Whether batches hold the records' texts.
    pub texts: bool,
    /// Events before are filtered, µs.
    pub since: Option<i64>,
    /// Events from here on are filtered, µs.
    pub until: Option<i64>,
    /// Other events are filtered.
    pub filter: &'s EventFilter,
    /// Members of archives whose key says that they hold no such event are skipped.
    pub range: KeyRange,
    /// What is known of addresses.
    pub intel: &'s Arc<Intel>,
    /// Bounds on hostile input.
    pub limits: Limits,
    /// Bounds on archives.
    pub archives: ArchiveLimits,
    /// Whether objects are hashed.
    pub hash: bool,
    /// With a state: what it knows of the events to come.
    pub kept: Option<Kept>,
    /// The events met so far; without it, copies are not looked for.
    pub seen: Option<&'s Seen>,
    /// The connection to buckets, if there are any.
    pub s3: Option<&'s S3>,
    /// Who reads the logs: what it did for that is counted, and not judged.
    pub reader: Option<&'s Reader>,
    /// Where temporary files go, and how their names begin.
    pub spill: Spill<'s>,
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
pub(super) struct Harvest<Y> {
    /// What its consumer leaves.
    pub consumed: Y,
    /// Its lines of the manifest.
    pub manifest: Vec<ObjectRecord>,
    /// The times of its events.
    pub span: Option<Span>,
    /// Members of archives met.
    pub members: u64,
    /// Events that are reads of the logs by the scan's own role.
    pub own_reads: u64,
    /// Fields of unexpected type.
    pub odd: OddFields,
    /// With a state: the newest event that has happened, µs.
    pub newest: Option<i64>,
    /// What its stages cost.
    pub stages: Stages,
}

/// A worker.
pub(super) struct Worker<'s, C> {
    pub(super) task: &'s Task<'s>,
    pub(super) decoder: Decoder,
    pub(super) sink: EventSink<'s, C>,
    stored: Vec<u8>,
    pub(super) manifest: Vec<ObjectRecord>,
    pub(super) members: u64,
    pub(super) stages: Stages,
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

impl<'s, C: Consumer> Worker<'s, C> {
    /// An idle worker.
    pub(super) fn new(task: &'s Task<'s>, consumer: C) -> Self {
        Self {
            task,
            decoder: Decoder::new(task.limits.clone()),
            sink: EventSink::new(task, consumer),
            stored: Vec::new(),
            manifest: Vec::new(),
            members: 0,
            stages: Stages::default(),
        }
    }

    /// Reads what the feed has given.
    ///
    /// # Errors
    /// Only those that end the run; bad input is accounted for.
    pub(super) fn take(&mut self, job: Job, feed: &Feed<'_>) -> Result<()> {
        match job {
            Job::Object(object) => self.object(&object, feed),
            Job::Fetched(object, stored) => self.fetched(&object, stored, feed),
            Job::Member(found) => self.member(found, feed),
        }
    }

    /// Reads a listed object.
    fn object(&mut self, object: &LogObject, feed: &Feed<'_>) -> Result<()> {
        let input = Input::listed(object);
        let limit = self.task.limits.whole_bytes;
        let Some(path) = object.path() else { return self.piped(object, &input, feed) };
        if matches!(object.place, Place::File(_)) && object.bytes <= limit {
            let mut stored = std::mem::take(&mut self.stored);
            let started = Instant::now();
            match store::read_into(path, object.bytes, limit, &mut stored) {
                Ok(true) => {
                    self.stages.record(Stage::Fetch, started.elapsed());
                    self.stages.add_bytes(Stage::Fetch, stored.len() as u64);
                    if self.takes_columns(&input, &stored) {
                        return self.columns(&input, stored);
                    }
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
                // A pipe can be opened once.
                let again = is_seekable(&file).then(|| File::open(path).ok());
                let mut again = again.flatten();
                let again = again.as_mut().map(|file| file as &mut dyn ReadSeek);
                self.stream(&input, &mut file, again, feed)
            }
            Err(error) => {
                self.unreadable(&input, object.bytes, &error);
                Ok(())
            }
        }
    }

    /// Whether it is an event file whose columns will do.
    fn takes_columns(&self, input: &Input, stored: &[u8]) -> bool {
        let is_parquet = is_event_file(&input.uri) && stored.starts_with(b"PAR1");
        is_parquet && self.sink.takes_columns() && !self.task.hash
    }

    /// Reads an event file, without copying it.
    fn columns(&mut self, input: &Input, stored: Vec<u8>) -> Result<()> {
        let file = Bytes::from(stored);
        self.sink.start_object(input.uri.clone());
        let record = self.event_columns(input, &file)?;
        self.manifest.push(record);
        self.stored = Vec::from(file);
        Ok(())
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
                self.stages.record(Stage::Fetch, stored.took);
                self.stages.add_bytes(Stage::Fetch, stored.bytes.len() as u64);
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
        let started = Instant::now();
        let decoded = self.decoder.decode(&input.uri, input.claim, stored, &mut self.sink);
        let (took, unpacking) = (started.elapsed(), self.decoder.take_unpacking());
        match decoded {
            Ok(decoded) => {
                self.measured(took, unpacking, decoded.inflated_bytes);
                self.account(input, stored.len() as u64, decoded, sha256)
            }
            Err(Archive::Parquet) if self.sink.takes_columns() => {
                let record = self.event_columns(input, &Bytes::copy_from_slice(stored))?;
                self.manifest.push(ObjectRecord { sha256, ..record });
                Ok(())
            }
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
        let started = Instant::now();
        let mut hashing = Hashing::new(stored, self.task.hash);
        let mut unpacker = Unpacker::new(&mut hashing, self.task.limits.unpack());
        let decoded = self.decoder.stream(&input.uri, input.claim, &mut unpacker, &mut self.sink);
        let archive = match decoded {
            Ok(decoded) => {
                let bytes = unpacker.stored_bytes();
                let fetching = unpacker.fetching();
                let unpacking = (unpacker.layers() > 0).then(|| unpacker.unpacking());
                let took = started.elapsed().saturating_sub(fetching);
                drop(unpacker);
                let stage = if input.depth > 0 { Stage::Inflate } else { Stage::Fetch };
                self.stages.record(stage, fetching);
                self.stages.add_bytes(stage, bytes);
                self.measured(took, unpacking, decoded.inflated_bytes);
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

    /// Notes what an object of so many bytes inside took, `unpacking` included.
    fn measured(&mut self, took: Duration, unpacking: Option<Duration>, bytes: u64) {
        if let Some(unpacking) = unpacking {
            self.stages.record(Stage::Inflate, unpacking);
            self.stages.add_bytes(Stage::Inflate, bytes);
        }
        let others = unpacking.unwrap_or_default() + std::mem::take(&mut self.sink.consuming);
        self.stages.record(Stage::Parse, took.saturating_sub(others));
        self.stages.add_bytes(Stage::Parse, bytes);
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

    /// A place between two objects.
    ///
    /// # Errors
    /// The consumer's.
    pub(super) fn pause(&mut self) -> Result<()> {
        self.sink.pause()
    }

    /// Hands on what waits, and gives what all came to.
    ///
    /// # Errors
    /// The consumer's.
    pub(super) fn finish(mut self) -> Result<Harvest<C::Yield>> {
        self.sink.flush()?;
        self.stages.add(&self.sink.stages);
        let odd = self.sink.builder.take_odd();
        Ok(Harvest {
            own_reads: self.sink.intake.own_reads,
            odd,
            manifest: self.manifest,
            span: self.sink.span,
            members: self.members,
            newest: self.sink.newest,
            stages: self.stages,
            consumed: self.sink.consumer.finish()?,
        })
    }
}

/// Whether a file is no pipe.
fn is_seekable(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}
