//! Rows in the order of partitions, times and places, within a bound of memory: what is over it is
//! written to temporary files, sorted, and merged in the end.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use tempfile::{NamedTempFile, TempPath};

use super::merge::{Rows, Source, merge};
use super::partition::Partition;
use super::rows::{Keys, SCHEMA, rows};
use crate::error::{Error, Result};
use crate::events::{Core, EventBatch};

/// So many temporary files with rows of one partition become one: each that is open for merging costs
/// memory. Where logs come by day, few files have rows of one partition, and none is written twice.
const FAN_IN: usize = 8;

/// So many become one whatever is in them: what is known of each costs memory.
const MOST_RUNS: usize = 64;

/// Rows of a temporary file that are in memory at once.
pub(super) const BATCH: usize = 1_024;

const DAY_MICROS: i64 = 86_400_000_000;

/// Where a row is: number of the batch, and of the row in it.
pub(super) type Place = (u32, u32);

/// Sorts rows; one per worker.
#[derive(Debug)]
pub struct Sorter {
    /// Rows in memory, in any order.
    batches: Vec<RecordBatch>,
    bytes: usize,
    /// The rows of each partition.
    partitions: HashMap<Partition, Vec<Place>>,
    /// The most bytes in memory.
    budget: usize,
    folder: PathBuf,
    /// Temporary files: those of level n + 1 are merged from [`FAN_IN`] of level n.
    levels: Vec<Vec<Arc<Run>>>,
}

/// A temporary file: its row groups are those of one partition after the other.
#[derive(Debug)]
pub(super) struct Run {
    path: TempPath,
    metadata: ArrowReaderMetadata,
    partitions: BTreeMap<Partition, Range<usize>>,
}

/// All rows, by partition.
#[derive(Debug, Default)]
pub struct Sorted {
    batches: Vec<RecordBatch>,
    partitions: BTreeMap<Partition, Vec<Place>>,
    runs: Vec<Arc<Run>>,
}

impl Sorter {
    /// A sorter of at most about `budget` bytes that writes temporary files to `folder`.
    #[must_use]
    pub fn new(budget: usize, folder: &Path) -> Self {
        Self {
            batches: Vec::new(),
            bytes: 0,
            partitions: HashMap::new(),
            budget,
            folder: folder.to_path_buf(),
            levels: Vec::new(),
        }
    }

    /// Adds the events of a batch that came from objects that are `wanted`.
    ///
    /// # Errors
    /// Those of writing what outgrows the memory.
    pub fn push(&mut self, batch: &EventBatch, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
        let rows = rows(batch)?;
        let number = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
        self.assign(batch, number, wanted);
        self.bytes += rows.get_array_memory_size();
        self.batches.push(rows);
        if self.bytes > self.budget { self.spill() } else { Ok(()) }
    }

    /// Notes which rows are of which partition. Rows of one object follow each other, and are mostly
    /// of one.
    fn assign(&mut self, batch: &EventBatch, number: u32, wanted: &dyn Fn(&str) -> bool) {
        let (events, times) = (batch.record_batch(), batch.times());
        let column = |core: Core| events.column(core.index()).as_dictionary_opt::<Int32Type>();
        let (accounts, regions) = (column(Core::RecipientAccount), column(Core::AwsRegion));
        let key = |column: Option<&arrow::array::DictionaryArray<Int32Type>>, row| column?.key(row);
        let value = |column: Option<&arrow::array::DictionaryArray<Int32Type>>, row| {
            let column = column?;
            let texts = column.values().as_string_opt::<i32>()?;
            column.key(row).map(|key| texts.value(key).into())
        };
        let (mut start, mut last) = (0, None);
        let end = |this: &mut Self, start: usize, end: usize| {
            let Some(time) = times.get(start) else { return };
            let partition = Partition {
                account: value(accounts, start),
                region: value(regions, start),
                day: time.div_euclid(DAY_MICROS),
            };
            let is_wanted = |row: &usize| batch.object_uri(*row).is_some_and(|uri| wanted(uri));
            let rows = (start..end).filter(is_wanted);
            let places = rows.filter_map(|row| Some((number, u32::try_from(row).ok()?)));
            this.partitions.entry(partition).or_default().extend(places);
        };
        for (row, time) in times.iter().enumerate() {
            let this = Some((key(accounts, row), key(regions, row), time.div_euclid(DAY_MICROS)));
            if last != this && last.is_some() {
                end(self, start, row);
                start = row;
            }
            last = this;
        }
        end(self, start, times.len());
    }

    /// Writes what is in memory to a temporary file.
    fn spill(&mut self) -> Result<()> {
        let sorted = self.take_memory();
        let run = sorted.write_run(&self.folder)?;
        self.keep(run, 0)
    }

    fn take_memory(&mut self) -> Sorted {
        self.bytes = 0;
        let batches = std::mem::take(&mut self.batches);
        let partitions = std::mem::take(&mut self.partitions);
        let mut partitions: Vec<(Partition, Vec<Place>)> = partitions.into_iter().collect();
        partitions.sort_unstable();
        Sorted { batches, partitions: partitions.into_iter().collect(), runs: Vec::new() }
    }

    fn keep(&mut self, run: Run, level: usize) -> Result<()> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        let Some(runs) = self.levels.get_mut(level) else { return Ok(()) };
        runs.push(Arc::new(run));
        if runs.len() < MOST_RUNS && sharing(runs) < FAN_IN {
            return Ok(());
        }
        let runs = std::mem::take(runs);
        let merged = Sorted { runs, ..Sorted::default() }.write_run(&self.folder)?;
        self.keep(merged, level + 1)
    }

    /// What was pushed.
    #[must_use]
    pub fn finish(mut self) -> Sorted {
        let runs = std::mem::take(&mut self.levels).into_iter().flatten().collect();
        Sorted { runs, ..self.take_memory() }
    }
}

/// The most files that have rows of the same partition.
fn sharing(runs: &[Arc<Run>]) -> usize {
    let mut counts: HashMap<&Partition, usize> = HashMap::new();
    for partition in runs.iter().flat_map(|run| run.partitions.keys()) {
        *counts.entry(partition).or_default() += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

impl Sorted {
    /// Adds another worker's rows.
    pub fn add(&mut self, other: Self) {
        let first = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
        self.batches.extend(other.batches);
        for (partition, places) in other.partitions {
            let places = places.into_iter().map(|(batch, row)| (first.saturating_add(batch), row));
            self.partitions.entry(partition).or_default().extend(places);
        }
        self.runs.extend(other.runs);
    }

    /// The partitions, in their order.
    #[must_use]
    pub fn partitions(&self) -> Vec<Partition> {
        let mut all: Vec<Partition> = self.partitions.keys().cloned().collect();
        all.extend(self.runs.iter().flat_map(|run| run.partitions.keys().cloned()));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// At most how many rows a partition has: copies are counted.
    pub(super) fn rows_at_most(&self, partition: &Partition) -> u64 {
        let memory = self.partitions.get(partition).map_or(0, Vec::len) as u64;
        memory + self.runs.iter().map(|run| run.rows(partition)).sum::<u64>()
    }

    /// The rows of a partition in their order, without copies.
    ///
    /// # Errors
    /// Those of reading temporary files.
    pub(super) fn rows_of(&self, partition: &Partition) -> Result<Rows<'_>> {
        let mut sources: Vec<Source<'_>> = Vec::new();
        if let Some(places) = self.partitions.get(partition) {
            sources.push(self.in_memory(places));
        }
        for run in &self.runs {
            if let Some(groups) = run.partitions.get(partition) {
                sources.push(run.open(groups.clone())?);
            }
        }
        merge(sources)
    }

    /// The rows at `places`, sorted.
    fn in_memory(&self, places: &[Place]) -> Source<'_> {
        let keys: Vec<Option<Keys<'_>>> = self.batches.iter().map(Keys::of).collect();
        let key = |place: &Place| keys.get(place.0 as usize).and_then(Option::as_ref);
        let mut places: Vec<(i64, Place)> = places
            .iter()
            .map(|place| (key(place).map_or(0, |keys| keys.time(place.1 as usize)), *place))
            .collect();
        places.sort_unstable_by(|(time, a), (other, b)| {
            time.cmp(other).then_with(|| match (key(a), key(b)) {
                (Some(keys), Some(others)) => keys.compare(a.1 as usize, others, b.1 as usize),
                _ => a.cmp(b),
            })
        });
        Source::memory(&self.batches, places.into_iter().map(|(_, place)| place).collect())
    }

    /// Writes all rows to a temporary file in `folder`.
    fn write_run(&self, folder: &Path) -> Result<Run> {
        let file = NamedTempFile::with_prefix_in(".spill-", folder).map_err(Error::io(folder))?;
        let (file, path) = file.into_parts();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_statistics_enabled(EnabledStatistics::None)
            .build();
        let mut writer = ArrowWriter::try_new(file, SCHEMA.clone(), Some(properties))?;
        let mut partitions = BTreeMap::new();
        for partition in self.partitions() {
            let first = writer.flushed_row_groups().len();
            for rows in self.rows_of(&partition)? {
                writer.write(&rows?)?;
            }
            writer.flush()?;
            partitions.insert(partition, first..writer.flushed_row_groups().len());
        }
        writer.close()?;
        let file = File::open(&path).map_err(Error::io(&path))?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
        Ok(Run { path, metadata, partitions })
    }
}

impl Run {
    fn rows(&self, partition: &Partition) -> u64 {
        let groups = self.partitions.get(partition).cloned().unwrap_or_default();
        let groups = self.metadata.metadata().row_groups().get(groups).unwrap_or_default();
        groups.iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).sum()
    }

    fn open(&self, groups: Range<usize>) -> Result<Source<'static>> {
        let file = File::open(&self.path).map_err(Error::io(&self.path))?;
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_row_groups(groups.collect())
                .with_batch_size(BATCH)
                .build()?;
        Ok(Source::file(reader))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::{Decoder, Limits, Record, RecordFault, RecordSink};
    use crate::events::{BatchBuilder, Fields, Wanted};

    /// An event: its account, day, second, id and place.
    type Event = (u8, u8, u8, Option<u8>, u8, u8);

    struct Sink(BatchBuilder);

    impl RecordSink for Sink {
        fn wants_texts(&self) -> bool {
            true
        }

        fn record(&mut self, number: u64, record: Record<'_, '_, '_>) -> Result<(), RecordFault> {
            self.0.append(number, record, |_| Wanted::Event).map(drop)
        }
    }

    fn batch(events: &[Event]) -> EventBatch {
        let builder = BatchBuilder::new(&Fields::default()).keeping_texts(true);
        let (mut sink, mut decoder) = (Sink(builder), Decoder::new(Limits::default()));
        for (account, day, second, id, object, number) in events {
            let id = id.map(|id| format!(r#""eventID":"{id}","#)).unwrap_or_default();
            let text = format!(
                r#"{{{id}"eventTime":"2026-03-0{day}T00:00:0{second}Z","recipientAccountId":"{account}"}}"#
            );
            sink.0.start_object(format!("object {object}").into());
            decoder.record(u64::from(*number), text.as_bytes(), &mut sink).unwrap();
        }
        sink.0.finish().unwrap()
    }

    /// Partition, place and text of every row.
    fn all(sorted: &Sorted) -> Vec<(Partition, String, i64, String)> {
        let mut found = Vec::new();
        for partition in sorted.partitions() {
            for rows in sorted.rows_of(&partition).unwrap() {
                let rows = rows.unwrap();
                let text = |name: &str, row| {
                    rows.column_by_name(name).unwrap().as_string_view().value(row).to_owned()
                };
                let numbers = rows.column_by_name("record_number").unwrap();
                let numbers = numbers.as_primitive::<arrow::datatypes::Int64Type>();
                found.extend((0..rows.num_rows()).map(|row| {
                    let number = numbers.value(row);
                    (partition.clone(), text("object_uri", row), number, text("record", row))
                }));
            }
        }
        found
    }

    /// What comes out, written plainly.
    fn expected(events: &[Event]) -> usize {
        let mut events: Vec<Event> = events.to_vec();
        events.sort_unstable();
        let (with, without): (Vec<Event>, Vec<Event>) =
            events.into_iter().partition(|event| event.3.is_some());
        let mut ids: Vec<_> =
            with.iter().map(|event| (event.0, event.1, event.2, event.3)).collect();
        ids.dedup();
        ids.len() + without.len()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Whoever gets which rows, and however many of them fit into memory.
        #[test]
        fn rows_come_in_one_order_without_copies(
            events in proptest::collection::vec(
                (0u8..2, 1u8..3, 0u8..4, proptest::option::of(0u8..6), 0u8..3, 0u8..3), 1..120,
            ),
            cuts in proptest::collection::vec(1usize..6, 1..60),
            budgets in (0usize..40_000, 0usize..40_000),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut whole = Sorter::new(usize::MAX, folder.path());
            whole.push(&batch(&events), &|_| true).unwrap();
            let whole = all(&whole.finish());
            prop_assert_eq!(whole.len(), expected(&events));
            prop_assert!(whole.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            let mut sorters = [budgets.0, budgets.1].map(|b| Sorter::new(b, folder.path()));
            let mut rest = events.as_slice();
            for (number, cut) in cuts.iter().chain(std::iter::repeat(&3)).enumerate() {
                if rest.is_empty() {
                    break;
                }
                let (part, others) = rest.split_at((*cut).min(rest.len()));
                sorters[number % 2].push(&batch(part), &|_| true).unwrap();
                rest = others;
            }
            let mut parts = Sorted::default();
            for sorter in sorters {
                parts.add(sorter.finish());
            }
            prop_assert_eq!(all(&parts), whole);
        }
    }
}
