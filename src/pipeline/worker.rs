//! One worker: takes object after object, reads, decodes, fills batches, selects and folds, with
//! buffers and a table of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use simd_json::tape::Value;

use super::accounting::{Counts, ObjectOutcome, ObjectRecord, RejectedRecord};
use super::run::Span;
use super::stats::Latencies;
use super::tables::{BoundedTable, Runs, Spill};
use crate::decode::{Decoder, Limits, RecordFault, RecordSink};
use crate::detect::group::Hashes;
use crate::detect::rules::Plan;
use crate::digest::sha256;
use crate::error::Result;
use crate::events::{Arrival, BatchBuilder, EventKey};
use crate::source::LogObject;
use crate::store;

/// What all workers share.
#[derive(Debug)]
pub(super) struct Task<'s> {
    /// What to extract, select and fold.
    pub plan: &'s Plan,
    /// Events before are filtered, µs.
    pub since: Option<i64>,
    /// Events from here on are filtered, µs.
    pub until: Option<i64>,
    /// Bounds on hostile input.
    pub limits: Limits,
    /// Whether objects are hashed.
    pub hash: bool,
    /// Bytes of table per worker.
    pub budget: usize,
    /// Where tables are spilled, and how the files' names begin.
    pub spill: Spill<'s>,
    /// With a state: what it knows of the events to come.
    pub kept: Option<Kept>,
}

/// What earlier runs have left for the reading of this one.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Events before are too late to be judged, µs.
    pub too_late_before: Option<i64>,
    /// Events from here on, µs, have not happened yet: they do not make others late.
    pub tomorrow: i64,
    /// Events that were counted by earlier runs, and their days.
    pub counted: BTreeMap<EventKey, i32>,
}

/// What a worker leaves.
#[derive(Debug)]
pub(super) struct Harvest {
    /// Its table.
    pub runs: Runs,
    /// Its lines of the manifest.
    pub manifest: Vec<ObjectRecord>,
    /// What it gave up.
    pub rejected: Vec<RejectedRecord>,
    /// The times of its events.
    pub span: Option<Span>,
    /// With a state: the newest event that has happened, µs.
    pub newest: Option<i64>,
    /// With a state: the events of objects that will be read again, and their days.
    pub recent: Vec<(EventKey, i32)>,
    /// How long its objects took.
    pub latencies: Latencies,
}

/// A worker.
pub(super) struct Worker<'s> {
    task: &'s Task<'s>,
    decoder: Decoder,
    sink: EventSink<'s>,
    stored: Vec<u8>,
    manifest: Vec<ObjectRecord>,
    rejected: Vec<RejectedRecord>,
    latencies: Latencies,
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
            rejected: Vec::new(),
            latencies: Latencies::new(),
        }
    }

    /// Reads one object into the table.
    ///
    /// # Errors
    /// Only those that end the run; bad input is accounted for.
    pub(super) fn take(&mut self, object: &LogObject) -> Result<()> {
        let started = Instant::now();
        if object.bytes > self.task.limits.inflated_bytes {
            let limit = self.task.limits.inflated_bytes;
            let reason = format!("larger than the limit of {limit} bytes");
            self.unread(object, reason);
            return Ok(());
        }
        if let Err(error) = store::read_into(&object.path, object.bytes, &mut self.stored) {
            self.unread(object, error.to_string());
            return Ok(());
        }
        let stored = std::mem::take(&mut self.stored);
        let stored = self.take_bytes(&object.uri, stored)?;
        self.stored = stored;
        self.latencies.record(started.elapsed());
        Ok(())
    }

    /// Reads an object's stored bytes into the table and hands the buffer back.
    ///
    /// # Errors
    /// Only those that end the run; bad input is accounted for.
    pub(super) fn take_bytes(&mut self, uri: &Arc<str>, stored: Vec<u8>) -> Result<Vec<u8>> {
        self.sink.start_object(uri.clone());
        let decoded = self.decoder.decode(uri, &stored, &mut self.sink);
        let counts = self.sink.end_object()?;
        let bytes = stored.len() as u64;
        let mut record = ObjectRecord::decoded(uri, bytes, &decoded, counts);
        if record.is_finished() {
            self.sink.keys.truncate(self.sink.known_keys);
        }
        record.sha256 = self.task.hash.then(|| sha256(&stored));
        self.manifest.push(record);
        let rejected = decoded.rejected.into_iter();
        self.rejected.extend(rejected.map(|piece| RejectedRecord::new(uri, piece)));
        Ok(stored)
    }

    /// Folds what waits and hands everything over.
    ///
    /// # Errors
    /// Those of folding and spilling.
    pub(super) fn finish(mut self) -> Result<Harvest> {
        self.sink.flush()?;
        Ok(Harvest {
            runs: self.sink.table.finish(),
            manifest: self.manifest,
            rejected: self.rejected,
            span: self.sink.span,
            newest: self.sink.newest,
            recent: self.sink.keys,
            latencies: self.latencies,
        })
    }

    fn unread(&mut self, object: &LogObject, reason: String) {
        let outcome = ObjectOutcome::Failed;
        self.manifest.push(ObjectRecord::unread(&object.uri, object.bytes, outcome, Some(reason)));
    }
}

/// Records to events to table.
struct EventSink<'s> {
    task: &'s Task<'s>,
    builder: BatchBuilder,
    table: BoundedTable<'s>,
    span: Option<Span>,
    counts: Counts,
    object: Arc<str>,
    newest: Option<i64>,
    /// With a state: the events of the objects to be read again, then those of this one.
    keys: Vec<(EventKey, i32)>,
    known_keys: usize,
    /// The decoder knows no errors of ours, so the first one waits here.
    failed: Result<()>,
}

impl<'s> EventSink<'s> {
    fn new(task: &'s Task<'s>) -> Self {
        Self {
            task,
            builder: BatchBuilder::new(&task.plan.fields),
            table: BoundedTable::new(task.plan, task.budget, task.spill),
            span: None,
            counts: Counts::default(),
            object: Arc::default(),
            newest: None,
            keys: Vec::new(),
            known_keys: 0,
            failed: Ok(()),
        }
    }

    fn start_object(&mut self, uri: Arc<str>) {
        self.builder.start_object(uri.clone());
        self.object = uri;
        self.known_keys = self.keys.len();
    }

    fn end_object(&mut self) -> Result<Counts> {
        std::mem::replace(&mut self.failed, Ok(()))?;
        Ok(std::mem::take(&mut self.counts))
    }

    /// Selects and folds the batch.
    fn flush(&mut self) -> Result<()> {
        if self.builder.is_empty() {
            return Ok(());
        }
        let batch = self.builder.finish()?;
        let plan = self.task.plan;
        for time in batch.times() {
            self.span = Span::with(self.span, *time);
        }
        let masks: Vec<_> = plan.selections.iter().map(|select| select.evaluate(&batch)).collect();
        let mut hashes = Hashes::default();
        for (number, fold) in plan.folds.iter().enumerate() {
            if number == Plan::COVERAGE {
                fold.fold_all(number, &batch, &mut self.table.table);
            } else {
                fold.fold(number, &batch, &masks, &mut hashes, &mut self.table.table);
            }
        }
        self.table.bound()
    }
}

impl RecordSink for EventSink<'_> {
    fn record(&mut self, number: u64, record: Value<'_, '_>) -> Result<(), RecordFault> {
        if self.builder.is_full() && self.failed.is_ok() {
            self.failed = self.flush();
        }
        let (task, counts, keys) = (self.task, &mut self.counts, &mut self.keys);
        let newest = &mut self.newest;
        let wanted = |event: &Arrival<'_, '_, '_>| {
            let filtered = task.since.is_some_and(|since| event.time < since)
                || task.until.is_some_and(|until| event.time >= until);
            counts.filtered += u64::from(filtered);
            !filtered
                && task.kept.as_ref().is_none_or(|kept| {
                    let key = event.key(&self.object, number);
                    let known = kept.counted.contains_key(&key);
                    counts.duplicates += u64::from(known);
                    if !known {
                        let late = kept.too_late_before.is_some_and(|before| event.time < before);
                        counts.too_late += u64::from(late);
                        *newest =
                            (*newest).max(Some(event.time).filter(|time| *time < kept.tomorrow));
                        keys.push((key, day_of(event.time)));
                    }
                    !known
                })
        };
        if self.builder.append(number, record, wanted)? {
            self.counts.analysed += 1;
        }
        Ok(())
    }
}

/// The UTC day of a time in µs; all times that events can have lie within Arrow's dates.
fn day_of(time: i64) -> i32 {
    i32::try_from(time.div_euclid(86_400_000_000)).unwrap_or(i32::MAX)
}
