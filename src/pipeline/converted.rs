//! Event files as inputs: each record is read as if it stood where it came from.

use std::sync::PoisonError;
use std::time::Instant;

use bytes::Bytes;

use super::accounting::{ObjectOutcome, ObjectRecord, RejectedRecord};
use super::consumer::Consumer;
use super::sink::EventSink;
use super::stats::Stage;
use super::worker::{Input, Worker};
use crate::codec::Unpacker;
use crate::decode::{Decoder, FailReason, Rejected};
use crate::error::Result;
use crate::event_files::{self, StoredRecord, TakeEvents, Unreadable};
use crate::events::{CoreSet, StoredEvent};

impl<C: Consumer> Worker<'_, C> {
    /// Reads all records of a Parquet file; gives its line of the manifest. Findings name the objects
    /// that these came from, the manifest and rejected records the file itself.
    ///
    /// # Errors
    /// Only those that end the run; bad input is accounted for.
    pub(super) fn event_file(
        &mut self,
        input: &Input,
        unpacker: &mut Unpacker<'_>,
    ) -> Result<ObjectRecord> {
        let file = self.spooled(unpacker)?;
        let damage = input.cut.clone().or(unpacker.damage().map(ToString::to_string));
        let bytes = unpacker.stored_bytes();
        self.taking(input, bytes, damage, |taken| {
            event_files::records(file, &mut |record| taken.record(record))
        })
    }

    /// The same for a file in memory, of which no more is read than is needed.
    ///
    /// # Errors
    /// Only those that end the run; bad input is accounted for.
    pub(super) fn event_columns(&mut self, input: &Input, file: &Bytes) -> Result<ObjectRecord> {
        let (bytes, damage) = (file.len() as u64, input.cut.clone());
        self.taking(input, bytes, damage, |taken| event_files::events(file, taken))
    }

    /// Accounts for what `read` takes of a file of so many bytes.
    fn taking(
        &mut self,
        input: &Input,
        bytes: u64,
        damage: Option<String>,
        read: impl FnOnce(&mut Taken<'_, '_, C>) -> Result<(), Unreadable>,
    ) -> Result<ObjectRecord> {
        let started = Instant::now();
        let Self { decoder, sink, .. } = self;
        let mut taken = Taken { decoder, sink, records: 0, bytes: 0, rejected: Vec::new() };
        let read = read(&mut taken);
        let Taken { records, bytes: of_texts, rejected, .. } = taken;
        let took = started.elapsed().saturating_sub(std::mem::take(&mut self.sink.consuming));
        self.stages.record(Stage::Parse, took);
        self.stages.add_bytes(Stage::Parse, of_texts);
        let counts = self.sink.end_object()?;
        let (outcome, reason) = outcome(read.err(), damage, records);
        let rejected_records = rejected.len() as u64;
        let mut listed = self.task.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        listed.add(rejected.into_iter().map(|piece| RejectedRecord::new(&input.uri, piece)));
        drop(listed);
        Ok(ObjectRecord {
            records,
            analysed: counts.analysed,
            filtered: counts.filtered,
            duplicates: counts.duplicates,
            too_late: counts.too_late,
            rejected: rejected_records,
            ..ObjectRecord::unread(&input.uri, bytes, outcome, reason)
        })
    }
}

/// What became of a file, of which so many records were read.
fn outcome(
    unreadable: Option<Unreadable>,
    damage: Option<String>,
    records: u64,
) -> (ObjectOutcome, Option<String>) {
    match (unreadable, damage) {
        (None, None) => (ObjectOutcome::Read, None),
        (None, damage) => (ObjectOutcome::Partial, damage),
        (Some(Unreadable::Foreign), _) => {
            (ObjectOutcome::Failed, Some(FailReason::Parquet.to_string()))
        }
        (Some(reason), damage) if records == 0 => {
            (ObjectOutcome::Failed, damage.or(Some(reason.to_string())))
        }
        (Some(reason), damage) => (ObjectOutcome::Partial, damage.or(Some(reason.to_string()))),
    }
}

/// Takes what an event file holds, and counts it.
struct Taken<'w, 's, C> {
    decoder: &'w mut Decoder,
    sink: &'w mut EventSink<'s, C>,
    records: u64,
    /// Of all texts.
    bytes: u64,
    rejected: Vec<Rejected>,
}

impl<C: Consumer> TakeEvents for Taken<'_, '_, C> {
    fn columns_of(&self, name: Option<&str>) -> Option<CoreSet> {
        self.sink.builder.columns_of(name)
    }

    fn event(&mut self, object_uri: &str, record_number: u64, event: StoredEvent<'_>) -> bool {
        self.sink.come_from(object_uri);
        self.sink.stored(record_number, event);
        self.records += 1;
        true
    }

    fn record(&mut self, record: StoredRecord<'_>) -> bool {
        let text = record.text.as_bytes();
        self.sink.come_from(record.object_uri);
        if let Err(reason) = self.decoder.record(record.record_number, text, self.sink) {
            self.rejected.push(Rejected::of_record(self.records, self.bytes, text, reason));
        }
        self.records += 1;
        self.bytes += text.len() as u64;
        true
    }
}
