//! Event files as inputs: each record is read as if it stood where it came from.

use std::sync::PoisonError;
use std::time::Instant;

use super::accounting::{ObjectOutcome, ObjectRecord, RejectedRecord};
use super::consumer::Consumer;
use super::stats::Stage;
use super::worker::{Input, Worker};
use crate::codec::Unpacker;
use crate::decode::{FailReason, Rejected};
use crate::error::Result;
use crate::event_files::{self, Unreadable};

impl<C: Consumer> Worker<'_, C> {
    /// Reads a Parquet file; gives its line of the manifest. Findings name the objects that its
    /// records came from, the manifest and rejected records the file itself.
    ///
    /// # Errors
    /// Only those that end the run; bad input is accounted for.
    pub(super) fn event_file(
        &mut self,
        input: &Input,
        unpacker: &mut Unpacker<'_>,
    ) -> Result<ObjectRecord> {
        let file = self.spooled(unpacker)?;
        let started = Instant::now();
        let (mut records, mut bytes, mut rejected) = (0, 0, Vec::new());
        let Self { decoder, sink, .. } = self;
        let read = event_files::records(file, &mut |stored| {
            let text = stored.text.as_bytes();
            sink.come_from(stored.object_uri);
            if let Err(reason) = decoder.record(stored.record_number, text, sink) {
                rejected.push(Rejected::of_record(records, bytes, text, reason));
            }
            records += 1;
            bytes += text.len() as u64;
            true
        });
        let took = started.elapsed().saturating_sub(std::mem::take(&mut self.sink.consuming));
        self.stages.record(Stage::Parse, took);
        self.stages.add_bytes(Stage::Parse, bytes);
        let counts = self.sink.end_object()?;
        let damage = input.cut.clone().or(unpacker.damage().map(ToString::to_string));
        let (outcome, reason) = match (read.err(), damage) {
            (None, None) => (ObjectOutcome::Read, None),
            (None, damage) => (ObjectOutcome::Partial, damage),
            (Some(Unreadable::Foreign), _) => {
                (ObjectOutcome::Failed, Some(FailReason::Parquet.to_string()))
            }
            (Some(reason), damage) if records == 0 => {
                (ObjectOutcome::Failed, damage.or(Some(reason.to_string())))
            }
            (Some(reason), damage) => (ObjectOutcome::Partial, damage.or(Some(reason.to_string()))),
        };
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
            ..ObjectRecord::unread(&input.uri, unpacker.stored_bytes(), outcome, reason)
        })
    }
}
