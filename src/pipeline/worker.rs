//! One worker: takes object after object, reads, decodes, fills batches, selects and folds, with
//! buffers and a table of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use simd_json::tape::Value;

use super::accounting::{ObjectOutcome, ObjectRecord, RejectedRecord};
use super::run::Span;
use super::stats::Latencies;
use super::tables::{BoundedTable, Runs};
use crate::decode::{Decoder, Limits, RecordFault, RecordSink};
use crate::detect::group::Hashes;
use crate::detect::rules::Plan;
use crate::digest::sha256;
use crate::error::Result;
use crate::events::BatchBuilder;
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
    /// Where tables are spilled.
    pub folder: &'s Path,
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
        let (analysed, filtered) = self.sink.end_object()?;
        let bytes = stored.len() as u64;
        let mut record = ObjectRecord::decoded(uri, bytes, &decoded, analysed, filtered);
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
    analysed: u64,
    filtered: u64,
    /// The decoder knows no errors of ours, so the first one waits here.
    failed: Result<()>,
}

impl<'s> EventSink<'s> {
    fn new(task: &'s Task<'s>) -> Self {
        Self {
            task,
            builder: BatchBuilder::new(&task.plan.fields),
            table: BoundedTable::new(task.plan, task.budget, task.folder),
            span: None,
            analysed: 0,
            filtered: 0,
            failed: Ok(()),
        }
    }

    fn start_object(&mut self, uri: Arc<str>) {
        self.builder.start_object(uri);
        (self.analysed, self.filtered) = (0, 0);
    }

    fn end_object(&mut self) -> Result<(u64, u64)> {
        std::mem::replace(&mut self.failed, Ok(()))?;
        Ok((self.analysed, self.filtered))
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
        let (since, until) = (self.task.since, self.task.until);
        let wanted = |time: i64| {
            since.is_none_or(|since| time >= since) && until.is_none_or(|until| time < until)
        };
        if self.builder.append(number, record, wanted)? {
            self.analysed += 1;
        } else {
            self.filtered += 1;
        }
        Ok(())
    }
}
