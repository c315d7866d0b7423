//! Sorted rows from several places become one sorted stream, in which copies of an event are left
//! out: rows of one `eventID` with one text. Of copies the first place by name stays, as in the
//! evidence of findings.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::interleave;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::rows::{Keys, SCHEMA};
use super::sorter::{BATCH, Place};
use crate::error::Result;

/// Copies of one event beyond are not told from others: nobody delivers so many.
const MAX_COPIES: usize = 1 << 12;

/// A sorted part of the rows of a partition.
pub(super) enum Source<'s> {
    /// Rows of batches in memory, in order.
    Memory(&'s [RecordBatch], std::vec::IntoIter<Place>),
    /// A temporary file.
    File(Box<ParquetRecordBatchReader>),
}

impl<'s> Source<'s> {
    /// The rows of `batches` at `places`, which are in order.
    pub(super) fn memory(batches: &'s [RecordBatch], places: Vec<Place>) -> Self {
        Self::Memory(batches, places.into_iter())
    }

    /// Those of a file.
    pub(super) fn file(reader: ParquetRecordBatchReader) -> Self {
        Self::File(Box::new(reader))
    }

    /// The next rows.
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        match self {
            Self::File(reader) => Ok(reader.next().transpose()?),
            Self::Memory(batches, places) => {
                let places: Vec<Place> = places.take(BATCH).collect();
                if places.is_empty() {
                    return Ok(None);
                }
                gather(batches, &places).map(Some)
            }
        }
    }
}

/// The rows at `places`, in that order, as one batch.
fn gather(batches: &[RecordBatch], places: &[Place]) -> Result<RecordBatch> {
    // Few batches are concerned, mostly: those alone are looked at.
    let mut used: Vec<u32> = places.iter().map(|(batch, _)| *batch).collect();
    used.sort_unstable();
    used.dedup();
    let concerned: Vec<&RecordBatch> =
        used.iter().filter_map(|batch| batches.get(*batch as usize)).collect();
    let places: Vec<(usize, usize)> = places
        .iter()
        .filter_map(|(batch, row)| Some((used.binary_search(batch).ok()?, *row as usize)))
        .collect();
    let columns = (0..SCHEMA.fields().len()).map(|column| {
        let arrays: Vec<&dyn Array> =
            concerned.iter().map(|batch| batch.column(column).as_ref()).collect();
        interleave(&arrays, &places)
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
    Ok(RecordBatch::try_new(SCHEMA.clone(), columns)?)
}

/// One source, and how far it is.
struct Cursor<'s> {
    source: Source<'s>,
    /// The number of its rows at hand among those of the merge.
    batch: usize,
    row: usize,
}

/// Merges sources into one stream.
pub(super) fn merge(sources: Vec<Source<'_>>) -> Result<Rows<'_>> {
    let sources = match <[Source<'_>; 1]>::try_from(sources) {
        Ok([Source::Memory(batches, places)]) => {
            return Ok(Rows::Memory(batches, places.collect(), 0));
        }
        Ok([file]) => vec![file],
        Err(sources) => sources,
    };
    let mut merge = Merge { cursors: Vec::new(), batches: Vec::new(), places: Vec::new() };
    for source in sources {
        merge.open(source)?;
    }
    Ok(Rows::Merged(merge))
}

/// Rows in order, without copies, a batch at a time.
pub(super) enum Rows<'s> {
    /// Of batches in memory, and how many were given.
    Memory(&'s [RecordBatch], Vec<Place>, usize),
    /// Of several sources.
    Merged(Merge<'s>),
}

impl Iterator for Rows<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Memory(batches, places, given) => {
                let rest = places.get(*given..).filter(|rest| !rest.is_empty())?;
                let (next, _) = rest.split_at(cut(batches, rest));
                *given += next.len();
                Some(gather(batches, &without_copies(batches, next)))
            }
            Self::Merged(merge) => {
                let next = merge.next();
                if next.is_err() {
                    // A source that has failed is not asked again.
                    merge.cursors.clear();
                    merge.places.clear();
                }
                next.transpose()
            }
        }
    }
}

/// The keys of all batches.
fn keys(batches: &[RecordBatch]) -> Vec<Option<Keys<'_>>> {
    batches.iter().map(Keys::of).collect()
}

/// How many of `places` are given at once: rows of one id stay together.
fn cut(batches: &[RecordBatch], places: &[Place]) -> usize {
    let key = |place: &Place| Some((Keys::of(batches.get(place.0 as usize)?)?, place.1 as usize));
    let mut end = BATCH.min(places.len());
    while let Some([last, next]) = places.get(end.saturating_sub(1)..=end)
        && end < BATCH + MAX_COPIES
        && key(last).zip(key(next)).is_some_and(|((a, row), (b, other))| a.same_id(row, &b, other))
    {
        end += 1;
    }
    end
}

/// `places` without the rows that have id and text of one before.
fn without_copies(batches: &[RecordBatch], places: &[Place]) -> Vec<Place> {
    let keys = keys(batches);
    let key = |place: &Place| keys.get(place.0 as usize).and_then(Option::as_ref);
    let mut kept: Vec<Place> = Vec::with_capacity(places.len());
    // Where the rows of the id at hand begin.
    let mut group = 0;
    for place in places {
        let Some(keys) = key(place) else { continue };
        let row = place.1 as usize;
        let same_id = |last: &Place| {
            key(last).is_some_and(|others| keys.same_id(row, others, last.1 as usize))
        };
        let same_text = |other: &Place| {
            key(other).is_some_and(|others| keys.same_text(row, others, other.1 as usize))
        };
        if !kept.last().is_some_and(same_id) {
            group = kept.len();
        }
        if !kept.get(group..).unwrap_or_default().iter().any(same_text) {
            kept.push(*place);
        }
    }
    kept
}

/// Rows of several sources.
pub(super) struct Merge<'s> {
    cursors: Vec<Cursor<'s>>,
    /// Rows at hand.
    batches: Vec<RecordBatch>,
    /// Those that come next, in order.
    places: Vec<Place>,
}

impl<'s> Merge<'s> {
    fn open(&mut self, mut source: Source<'s>) -> Result<()> {
        if let Some(rows) = source.next()? {
            self.cursors.push(Cursor { source, batch: self.batches.len(), row: 0 });
            self.batches.push(rows);
        }
        Ok(())
    }

    /// The next rows, copies left out.
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        let most = BATCH + MAX_COPIES;
        while self.places.len() < most && !self.cursors.is_empty() {
            if let Some(ended) = self.fill(most) {
                self.advance(ended)?;
            }
        }
        if self.places.is_empty() {
            return Ok(None);
        }
        let rest = self.places.split_off(cut(&self.batches, &self.places));
        let places = std::mem::replace(&mut self.places, rest);
        let rows = gather(&self.batches, &without_copies(&self.batches, &places))?;
        self.forget();
        Ok(Some(rows))
    }

    /// Takes rows in order until there are `most`, or all rows at hand of a source are taken: its
    /// number is given then.
    fn fill(&mut self, most: usize) -> Option<usize> {
        let Self { cursors, batches, places } = self;
        let keys = keys(batches);
        while places.len() < most {
            let least = |a: &&mut Cursor<'_>, b: &&mut Cursor<'_>| {
                let key = |batch: usize| keys.get(batch).and_then(Option::as_ref);
                match (key(a.batch), key(b.batch)) {
                    (Some(own), Some(other)) => own.compare(a.row, other, b.row),
                    _ => Ordering::Equal,
                }
            };
            let (number, cursor) =
                cursors.iter_mut().enumerate().min_by(|(_, a), (_, b)| least(a, b))?;
            if let (Ok(batch), Ok(row)) = (cursor.batch.try_into(), cursor.row.try_into()) {
                places.push((batch, row));
            }
            cursor.row += 1;
            if batches.get(cursor.batch).is_none_or(|rows| cursor.row >= rows.num_rows()) {
                return Some(number);
            }
        }
        None
    }

    /// Gets the next rows of a source that has given all at hand.
    fn advance(&mut self, number: usize) -> Result<()> {
        let Some(cursor) = self.cursors.get_mut(number) else { return Ok(()) };
        match cursor.source.next()? {
            Some(rows) => {
                (cursor.batch, cursor.row) = (self.batches.len(), 0);
                self.batches.push(rows);
            }
            None => drop(self.cursors.remove(number)),
        }
        Ok(())
    }

    /// Lets go of rows that were given.
    fn forget(&mut self) {
        let mut used: Vec<u32> = self.places.iter().map(|(batch, _)| *batch).collect();
        used.extend(self.cursors.iter().filter_map(|cursor| u32::try_from(cursor.batch).ok()));
        used.sort_unstable();
        used.dedup();
        let number = |batch: u32| used.binary_search(&batch).unwrap_or(0);
        for (batch, _) in &mut self.places {
            *batch = u32::try_from(number(*batch)).unwrap_or(0);
        }
        for cursor in &mut self.cursors {
            cursor.batch = u32::try_from(cursor.batch).map_or(0, number);
        }
        let kept = used.iter().filter_map(|batch| self.batches.get(*batch as usize).cloned());
        self.batches = kept.collect();
    }
}
