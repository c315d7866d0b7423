//! Records to events: what a worker does with every record that it meets, whatever becomes of the
//! events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::accounting::Counts;
use super::consumer::Consumer;
use super::run::Span;
use super::seen::Verdict;
use super::stats::{Stage, Stages};
use super::worker::Task;
use crate::decode::{Record, RecordFault, RecordSink};
use crate::error::Result;
use crate::events::{Arrival, BatchBuilder, StoredEvent, Wanted};
use crate::source::delivery_day;

/// Records to events to their consumer.
pub(super) struct EventSink<'s, C> {
    pub builder: BatchBuilder,
    pub consumer: C,
    pub span: Option<Span>,
    pub intake: Intake<'s>,
    /// The objects that the records of an event file came from, with their numbers.
    origins: HashMap<Arc<str>, u32>,
    /// With a state: the newest event that has happened, of all objects, µs.
    pub newest: Option<i64>,
    /// What the consumer cost; and how long it took within this object.
    pub stages: Stages,
    pub consuming: Duration,
}

/// Decides which records become events, and counts what becomes of them.
pub(super) struct Intake<'s> {
    task: &'s Task<'s>,
    counts: Counts,
    /// Events that are reads of the logs by the scan's own role.
    pub own_reads: u64,
    object: Arc<str>,
    /// The object's number among the events met.
    number: u32,
    scratch: Vec<u8>,
    /// With a state: the newest event of this object that has happened, µs.
    newest: Option<i64>,
    /// The decoder knows no errors of ours, so the first one waits here.
    failed: Result<()>,
}

impl<'s, C: Consumer> EventSink<'s, C> {
    pub(super) fn new(task: &'s Task<'s>, consumer: C) -> Self {
        Self {
            builder: BatchBuilder::with_intel(task.fields, task.intel.clone())
                .keeping_texts(task.texts),
            consumer,
            span: None,
            intake: Intake {
                task,
                counts: Counts::default(),
                own_reads: 0,
                object: Arc::default(),
                number: 0,
                scratch: Vec::new(),
                newest: None,
                failed: Ok(()),
            },
            origins: HashMap::new(),
            newest: None,
            stages: Stages::default(),
            consuming: Duration::ZERO,
        }
    }

    pub(super) fn start_object(&mut self, uri: Arc<str>) {
        self.builder.start_object(uri.clone());
        let number = self.intake.task.seen.map_or(0, |seen| seen.object(uri.clone()));
        (self.intake.object, self.intake.number) = (uri, number);
        self.intake.newest = None;
    }

    /// The records that follow came from that object, whatever they stand in now.
    pub(super) fn come_from(&mut self, uri: &str) {
        if *self.intake.object == *uri {
            return;
        }
        let known = self.origins.get_key_value(uri).map(|(uri, number)| (uri.clone(), *number));
        let (uri, number) = known.unwrap_or_else(|| {
            let uri: Arc<str> = uri.into();
            let number = self.intake.task.seen.map_or(0, |seen| seen.object(uri.clone()));
            self.origins.insert(uri.clone(), number);
            (uri, number)
        });
        self.builder.start_object(uri.clone());
        (self.intake.object, self.intake.number) = (uri, number);
    }

    pub(super) fn end_object(&mut self) -> Result<Counts> {
        let Intake { task, object, number, newest, failed, .. } = &mut self.intake;
        std::mem::replace(failed, Ok(()))?;
        self.newest = self.newest.max(*newest);
        if let (Some(seen), true) = (task.seen, task.kept.is_some()) {
            // Without a day in its key an object is as new as the newest event in it.
            self.origins.insert(object.clone(), *number);
            #[allow(clippy::iter_over_hash_type, reason = "each is told by itself")]
            for (object, number) in &self.origins {
                let known = delivery_day(object).and_then(|day| i32::try_from(day).ok());
                let day = known.or(newest.map(day_of));
                day.inspect(|day| seen.delivered(*number, *day));
            }
        }
        self.origins.clear();
        Ok(std::mem::take(&mut self.intake.counts))
    }

    /// Hands the batch to the consumer.
    pub(super) fn flush(&mut self) -> Result<()> {
        let started = Instant::now();
        let batch = self.builder.finish()?;
        if batch.is_empty() {
            return Ok(());
        }
        for time in batch.times() {
            self.span = Span::with(self.span, *time);
        }
        self.consumer.take(&batch)?;
        let took = started.elapsed();
        self.stages.record(Stage::Detect, took);
        self.consuming += took;
        self.consumer.pause(self.newest.max(self.intake.newest))
    }

    /// A place between two objects.
    pub(super) fn pause(&mut self) -> Result<()> {
        if !self.consumer.wants_pause() {
            return Ok(());
        }
        self.flush()?;
        self.consumer.pause(self.newest.max(self.intake.newest))
    }

    /// Whether the columns of event files can stand for their records. Filters of events and the
    /// scan's own reads are told from records.
    pub(super) fn takes_columns(&self) -> bool {
        let Task { texts, filter, reader, .. } = self.intake.task;
        !texts && filter.is_empty() && reader.is_none()
    }

    /// Takes an event out of the columns of an event file.
    pub(super) fn stored(&mut self, number: u64, event: StoredEvent<'_>) {
        self.make_room();
        let Self { builder, intake, .. } = self;
        builder.append_stored(number, event, |event| intake.wanted(number, event));
    }

    fn make_room(&mut self) {
        if self.builder.is_full() && self.intake.failed.is_ok() {
            self.intake.failed = self.flush();
        }
    }
}

impl<C: Consumer> RecordSink for EventSink<'_, C> {
    fn wants_texts(&self) -> bool {
        self.intake.task.texts
    }

    fn record(&mut self, number: u64, record: Record<'_, '_, '_>) -> Result<(), RecordFault> {
        self.make_room();
        let Self { builder, intake, .. } = self;
        builder.append(number, record, |event| intake.wanted(number, event))?;
        Ok(())
    }
}

impl Intake<'_> {
    fn wanted(&mut self, number: u64, event: &Arrival<'_, '_, '_>) -> Wanted {
        let task = self.task;
        if task.since.is_some_and(|since| event.time < since)
            || task.until.is_some_and(|until| event.time >= until)
            || !event.is_asked_for(task.filter)
        {
            self.counts.filtered += 1;
            return Wanted::No;
        }
        let mut late = false;
        if let Some(kept) = &task.kept {
            late = kept.too_late_before.is_some_and(|before| event.time < before);
            let happened = Some(event.time).filter(|time| *time < kept.tomorrow);
            self.newest = self.newest.max(happened);
        }
        let verdict = self.verdict(number, event, late).unwrap_or_else(|error| {
            self.failed = Err(error);
            Verdict::Duplicate { first: false }
        });
        self.counts.count(verdict, late);
        if let (Verdict::Conflict, Some(seen), true) = (verdict, task.seen, event.has_id()) {
            let (account, id) = event.account_and_id();
            seen.note_conflict(&account, &id);
        }
        if task.reader.is_some_and(|reader| event.is_by(reader)) {
            let is_first = matches!(verdict, Verdict::New | Verdict::Conflict);
            self.own_reads += u64::from(is_first);
            return Wanted::No;
        }
        match verdict {
            Verdict::New | Verdict::Conflict => Wanted::Event,
            Verdict::Duplicate { first: true } | Verdict::Earlier => Wanted::Copy,
            Verdict::Duplicate { first: false } => Wanted::No,
        }
    }

    /// Whether the event was met before.
    fn verdict(&mut self, number: u64, event: &Arrival<'_, '_, '_>, late: bool) -> Result<Verdict> {
        // A record without an id is known by its place, which only later runs see again.
        let known_by = event.has_id() || self.task.kept.is_some();
        let Some(seen) = self.task.seen.filter(|_| known_by) else { return Ok(Verdict::New) };
        let key = event.key(&self.object, number);
        seen.meet(&key, event.digest(&mut self.scratch), self.number, late)
    }
}

/// The UTC day of a time in µs; all times that events can have lie within Arrow's dates.
fn day_of(time: i64) -> i32 {
    i32::try_from(time.div_euclid(86_400_000_000)).unwrap_or(i32::MAX)
}
