//! Events of spilled tables. A spilled row names its events by their places in a temporary file, so
//! that spilling makes no details: judges look at those of few rows.
//!
//! Each event is a postcard and four bytes of its hash; nothing separates them, since a place tells
//! the length as well.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::details::{Details, Evidence};
use super::key::Key;
use super::layout::{Layout, Touch};
use super::lazy_details::Drained;
use super::pool::{EventNumber, Pool};
use super::row::Row;
use super::sketch::Sketch;
use super::table::Rows;
use crate::error::{Error, Result};

/// Bytes of events that wait to be written.
const BUFFER: usize = 1 << 20;

/// The events of one worker's spilled tables, in a file that is gone when this is dropped.
#[derive(Debug)]
pub struct SpilledEvents {
    file: File,
    folder: PathBuf,
    layouts: Vec<Layout>,
    end: AtomicU64,
    /// What went wrong first in reading.
    failed: OnceLock<String>,
}

/// Where an event is in the file, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    at: u64,
    bytes: u32,
}

/// The events of a row that have gone to a file.
#[derive(Debug, Clone)]
pub(super) struct SpilledTouches {
    /// The file.
    pub events: Arc<SpilledEvents>,
    /// The position of the fold.
    pub fold: u32,
    /// The sum of `bytesTransferredOut`.
    pub bytes_out: u64,
    /// Those events that the fold keeps details of.
    pub places: Box<[Place]>,
}

/// What details need of an event.
#[derive(Serialize, Deserialize)]
struct SpilledEvent<'e> {
    time: i64,
    bytes_in: u64,
    bytes_out: u64,
    event_id: &'e str,
    object_uri: &'e str,
    record_number: u64,
    /// The numbers of fields in the table, and the values.
    #[serde(borrow)]
    values: Vec<(u16, &'e str)>,
}

/// The rows of a drained table whose events go to a file.
pub struct SpilledRows {
    rows: Rows,
    events: Arc<SpilledEvents>,
    spilling: Spilling,
}

/// Events on their way to the file.
struct Spilling {
    /// By the number of an event: where it is.
    places: Vec<Option<Place>>,
    buffer: Vec<u8>,
    /// Where the buffer begins in the file.
    start: u64,
}

impl SpilledEvents {
    /// A file in `folder` for the events of `rows`, and of the tables of the same folds after it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn new(folder: &Path, rows: &Rows) -> Result<Self> {
        Ok(Self {
            file: tempfile::tempfile_in(folder).map_err(Error::io(folder))?,
            folder: folder.into(),
            layouts: rows.drained().layouts.clone(),
            end: AtomicU64::new(0),
            failed: OnceLock::new(),
        })
    }

    /// Whether all events that were asked for could be read.
    ///
    /// # Errors
    /// [`Error::Table`] if not.
    pub(super) fn intact(&self) -> Result<()> {
        self.failed.get().map_or(Ok(()), |reason| {
            let reason = format!("the events of a spilled table cannot be read again: {reason}");
            Err(Error::table(&self.folder, reason))
        })
    }

    /// Notes that something could not be read.
    fn fail(&self, reason: &dyn std::fmt::Display) {
        self.failed.get_or_init(|| reason.to_string());
    }

    fn write(&self, bytes: &[u8], at: u64) -> Result<()> {
        self.file.write_all_at(bytes, at).map_err(Error::io(&self.folder))?;
        self.end.store(at + bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn read(&self, place: Place, stored: &mut Vec<u8>) -> std::io::Result<()> {
        stored.resize(place.bytes as usize, 0);
        self.file.read_exact_at(stored, place.at)
    }

    /// Reads an event and shows it to `take`; what went wrong is noted.
    fn event(&self, place: Place, stored: &mut Vec<u8>, take: impl FnOnce(&SpilledEvent<'_>)) {
        if let Err(error) = self.read(place, stored) {
            return self.fail(&error);
        }
        let event = stored.split_last_chunk().filter(|(event, hash)| hash_of(event) == **hash);
        match event.map(|(event, _)| postcard::from_bytes::<SpilledEvent<'_>>(event)) {
            Some(Ok(event)) => take(&event),
            Some(Err(error)) => self.fail(&error),
            None => self.fail(&"an event is damaged"),
        }
    }
}

impl SpilledTouches {
    /// Their details. What cannot be read is missing, and noted.
    pub(super) fn details(&self) -> Option<Details> {
        let (mut details, mut stored) = (None, Vec::new());
        let Some(layout) = self.events.layouts.get(self.fold as usize) else {
            self.events.fail(&"of an unknown fold");
            return None;
        };
        for place in &self.places {
            self.events.event(*place, &mut stored, |event| event.add_to(&mut details, layout));
        }
        details
    }

    /// About how much memory they take, and what details of them may come to: unlike those of events
    /// in memory, they share nothing.
    pub(super) fn bytes(&self) -> usize {
        let bytes = self.places.iter().map(|place| size_of::<Place>() + place.bytes as usize);
        bytes.sum()
    }

    /// Takes those of another row as well, if they lie in the same file and are not too many.
    /// Returns whether it did.
    pub(super) fn join(&mut self, other: &Self, most: usize) -> bool {
        let joins = Arc::ptr_eq(&self.events, &other.events)
            && self.fold == other.fold
            && self.places.len() + other.places.len() <= most;
        if joins {
            self.places = [&*self.places, &*other.places].concat().into();
            self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        }
        joins
    }
}

impl<'e> SpilledEvent<'e> {
    fn of(number: EventNumber, pool: &'e Pool) -> Option<Self> {
        let (event, evidence) = (pool.event_of(number)?, pool.evidence_of(number)?);
        let text = |text| pool.text_of(text).map(|text| &*text.text);
        let values = pool.values_of(event);
        Some(Self {
            time: event.time,
            bytes_in: event.bytes_in,
            bytes_out: event.bytes_out,
            event_id: &evidence.event_id,
            object_uri: &evidence.object_uri,
            record_number: evidence.record_number,
            values: values.filter_map(|value| Some((value.field, text(value.text)?))).collect(),
        })
    }

    fn add_to(&self, details: &mut Option<Details>, layout: &Layout) {
        let sample = |(k, keep): &(usize, usize)| Sketch::new(*k, *keep);
        let details = details.get_or_insert_with(|| Details {
            first: self.time,
            last: self.time,
            samples: layout.sizes.iter().map(sample).collect(),
            ..Details::default()
        });
        details.first = details.first.min(self.time);
        details.last = details.last.max(self.time);
        details.bytes_in = details.bytes_in.saturating_add(self.bytes_in);
        details.bytes_out = details.bytes_out.saturating_add(self.bytes_out);
        details.witness(&Evidence {
            event_time: self.time,
            event_id: self.event_id.into(),
            object_uri: self.object_uri.into(),
            record_number: self.record_number,
        });
        for (field, value) in &self.values {
            let samples = layout.samples_of(*field);
            let hash = if samples.is_empty() { 0 } else { Sketch::hash(value) };
            for at in samples {
                if let Some(sample) = details.samples.get_mut(usize::from(*at)) {
                    sample.insert(hash, || (*value).into());
                }
            }
        }
    }
}

impl SpilledRows {
    /// The rows of a table. One table at a time goes into a file.
    #[must_use]
    pub fn new(rows: Rows, events: &Arc<SpilledEvents>) -> Self {
        let spilling = Spilling {
            places: vec![None; rows.drained().pool.len()],
            buffer: Vec::new(),
            start: events.end.load(Ordering::Relaxed),
        };
        Self { rows, events: events.clone(), spilling }
    }

    fn spilled(&mut self, (key, mut row): (Key, Row)) -> Result<(Key, Row)> {
        let (events, spilling) = (&self.events, &mut self.spilling);
        row.details.spill(|touches, fold, table| spilling.take(touches, fold, table, events))?;
        Ok((key, row))
    }
}

impl Iterator for SpilledRows {
    type Item = Result<(Key, Row)>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.rows.next() {
            return Some(self.spilled(row));
        }
        self.spilling.flush(&self.events).err().map(Err)
    }
}

impl Spilling {
    /// Takes the events of a row that the fold at a position keeps details of.
    fn take(
        &mut self,
        touches: &[Touch],
        fold: usize,
        table: &Drained,
        events: &Arc<SpilledEvents>,
    ) -> Result<Option<SpilledTouches>> {
        let Some(layout) = table.layouts.get(fold) else { return Ok(None) };
        let (mut places, mut bytes_out) = (Vec::with_capacity(touches.len()), 0u64);
        for touch in touches.iter().filter(|touch| layout.is_detailed(touch.rule)) {
            let event = table.pool.event_of(touch.event);
            bytes_out = bytes_out.saturating_add(event.map_or(0, |event| event.bytes_out));
            places.extend(self.place(touch.event, &table.pool, events)?);
        }
        let (fold, events) = (u32::try_from(fold).unwrap_or(u32::MAX), events.clone());
        Ok(Some(SpilledTouches { events, fold, bytes_out, places: places.into() }))
    }

    /// Where an event is; it goes to the file when it is first asked for.
    fn place(
        &mut self,
        number: EventNumber,
        pool: &Pool,
        events: &SpilledEvents,
    ) -> Result<Option<Place>> {
        let Some(known) = self.places.get_mut(number as usize) else { return Ok(None) };
        if known.is_some() {
            return Ok(*known);
        }
        let Some(event) = SpilledEvent::of(number, pool) else { return Ok(None) };
        let from = self.buffer.len();
        let unwritten = |what: &dyn std::fmt::Display| {
            Error::table(&events.folder, format!("an event cannot be spilled: {what}"))
        };
        self.buffer = postcard::to_extend(&event, std::mem::take(&mut self.buffer))
            .map_err(|error| unwritten(&error))?;
        let hash = hash_of(self.buffer.get(from..).unwrap_or_default());
        self.buffer.extend(hash);
        let bytes = u32::try_from(self.buffer.len() - from).map_err(|error| unwritten(&error))?;
        *known = Some(Place { at: self.start + from as u64, bytes });
        let place = *known;
        if self.buffer.len() >= BUFFER {
            self.flush(events)?;
        }
        Ok(place)
    }

    fn flush(&mut self, events: &SpilledEvents) -> Result<()> {
        events.write(&self.buffer, self.start)?;
        self.start += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// By which a damaged event is known.
fn hash_of(event: &[u8]) -> [u8; 4] {
    let [first, second, third, fourth, ..] = xxh3_64(event).to_le_bytes();
    [first, second, third, fourth]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tempfile::NamedTempFile;

    use super::*;
    use crate::detect::group::pool::{PooledEvent, PooledValue};
    use crate::detect::group::{
        FoldId, MeasureKind, Measured, Run, Sample, SpilledRun, Table, TableFold, merge,
        write_spilled,
    };
    use crate::events::{Core, Field};

    /// Time, rule, bytes, whether it is a copy, values of two fields.
    type Event = (i64, u16, u64, bool, [u8; 2]);

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = (0i64..4_000, 0u16..2, 0u64..9, any::<bool>(), [0u8..9, 0u8..99]);
        proptest::collection::vec(event, 0..300)
    }

    fn table() -> Table {
        let fields = [Core::Bucket, Core::AccessKeyId].map(Field::Core);
        let sample = |(field, k, keep): (Field, _, _)| Sample { field, k, keep };
        Table::new([TableFold {
            id: FoldId::new("spilled"),
            pane: 60,
            detailed: 1,
            samples: [(fields[0], 4, 2), (fields[1], 16, 16), (fields[1], 6, 3)].map(sample).into(),
            measured: Some(Measured {
                kind: MeasureKind::Distinct(8),
                fields: vec![vec![fields[0]], vec![fields[1]]],
            }),
            ..TableFold::default()
        }])
    }

    /// Hours are buckets, and one of three entities has most events.
    fn fill(table: &mut Table, events: &[Event]) {
        for (time, rule, bytes, copy, texts) in events {
            let name = if *bytes < 7 { "busy" } else { ["a", "b"][usize::from(*copy)] };
            let number = table.number([Some(name)].into_iter());
            let entity = table.entity(0, number);
            let mut entry = table.entry(0, entity, time / 3_600 * 3_600).unwrap();
            entry.touch(*rule, |pool| {
                let values = [0u16, 1].map(|field| {
                    let text = texts[usize::from(field)].to_string();
                    let text = pool.text(field, Sketch::hash(&text), &text);
                    PooledValue { text, field }
                });
                let evidence = Evidence {
                    event_time: time * 1_000_000,
                    event_id: if *bytes == 0 { "" } else { "an id" }.into(),
                    object_uri: format!("object {}", bytes % 3).into(),
                    record_number: *bytes,
                };
                let event = PooledEvent {
                    time: evidence.event_time,
                    bytes_out: *bytes,
                    copy: *copy,
                    set: pool.set(&values[..1]),
                    ..PooledEvent::default()
                };
                pool.event(event, evidence, &values[1..])
            });
        }
    }

    fn spill(rows: impl Iterator<Item = Result<(Key, Row)>>) -> SpilledRun {
        write_spilled(NamedTempFile::new().unwrap(), rows).unwrap()
    }

    fn merged(runs: &[SpilledRun]) -> impl Iterator<Item = Result<(Key, Row)>> {
        merge(runs.iter().map(|run| Box::new(run.open().unwrap()) as Run<'_>).collect())
    }

    proptest! {
        /// However often a table is spilled, and merged on disk, and spilled as it was read again.
        #[test]
        fn spilled_tables_come_to_what_one_in_memory_does(events in events(), size in 5usize..60) {
            let mut whole = table();
            fill(&mut whole, &events);
            let rows = whole.drain_sorted();
            let folder = tempfile::tempdir().unwrap();
            let store = Arc::new(SpilledEvents::new(folder.path(), &rows).unwrap());
            let whole: Vec<_> = rows.collect();
            let mut parts = table();
            let mut runs: Vec<SpilledRun> = events
                .chunks(size)
                .map(|part| {
                    fill(&mut parts, part);
                    spill(SpilledRows::new(parts.drain_sorted(), &store))
                })
                .collect();
            let second = runs.split_off(runs.len() / 2);
            let both = [spill(merged(&runs)), spill(merged(&second))];
            let back: Vec<_> = merged(&both).collect::<Result<_>>().unwrap();
            for ((_, back), (_, row)) in back.iter().zip(&whole) {
                prop_assert_eq!(back.bytes_out(), row.bytes_out());
            }
            prop_assert_eq!(back, whole);
            store.intact().unwrap();
        }
    }

    #[test]
    fn an_event_that_cannot_be_read_again_is_told() {
        is_told(&|file, _| file.set_len(20).unwrap(), "failed to fill whole buffer");
        // A hole.
        is_told(&|file, length| file.write_all_at(&[0; 20], length - 20).unwrap(), "damaged");
    }

    fn is_told(damage: &dyn Fn(&File, u64), reason: &str) {
        let mut filled = table();
        fill(&mut filled, &[(1, 0, 1, false, [1, 2]), (5_000, 0, 2, false, [3, 4])]);
        let rows = filled.drain_sorted();
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SpilledEvents::new(folder.path(), &rows).unwrap());
        let run = spill(SpilledRows::new(rows, &store));
        let back: Vec<_> = run.open().unwrap().collect::<Result<_>>().unwrap();
        let length = store.file.metadata().unwrap().len();
        damage(&store.file, length);
        // Nobody has asked yet.
        run.intact().unwrap();
        assert!(back.iter().all(|(_, row)| row.details().is_some()));
        let told = run.intact().unwrap_err().to_string();
        assert!(told.contains("cannot be read again"), "{told}");
        assert!(told.ends_with(reason), "{told}");
    }
}
