//! Rows under construction. They are many and mostly small, so they name texts and events by their
//! numbers in the table's [`Pool`], and become [rows](Row) when the table is drained.

use smallvec::SmallVec;

use super::measure::Measures;
use super::pool::Pool;
use super::row::{Details, EVIDENCE, Pane, Panes, Row, add_pane};
use super::sketch::Sketch;

/// Values that may wait to be sorted in.
const UNSORTED: usize = 32;

/// Size of a sample, and how many of its texts are kept.
pub(super) type SampleSize = (usize, usize);

/// A row under construction.
#[derive(Debug, Default)]
pub(super) struct RowBuilder {
    panes: Panes,
    pub(super) details: Option<Box<DetailsBuilder>>,
}

/// Details under construction.
#[derive(Debug)]
pub(super) struct DetailsBuilder {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) measures: Option<Box<Measures>>,
    /// Numbers of events, in the order of the events.
    evidence: SmallVec<[u32; EVIDENCE]>,
    /// The values of all samples: the sample's position above the value's number.
    values: Vec<u64>,
    /// So many values are sorted, without doubles, and within the sizes of their samples.
    settled: usize,
}

impl RowBuilder {
    /// Adds counts. Returns whether a pane was added.
    pub(super) fn add(&mut self, pane: Pane) -> bool {
        add_pane(&mut self.panes, pane)
    }

    /// The row.
    pub(super) fn finish(self, sizes: &[SampleSize], pool: &Pool) -> Row {
        let details = self.details.map(|details| Box::new(details.finish(sizes, pool)));
        Row { panes: self.panes, details }
    }
}

impl DetailsBuilder {
    /// No events yet, the first of which is at `time`, µs; most have a value for each sample.
    pub(super) fn new(time: i64, sizes: &[SampleSize]) -> Self {
        Self {
            first: time,
            last: time,
            bytes_in: 0,
            bytes_out: 0,
            measures: None,
            evidence: SmallVec::new(),
            values: Vec::with_capacity(sizes.len()),
            settled: 0,
        }
    }

    /// Offers as evidence the event at `time` (µs) that `event` puts into the pool; see
    /// [`Details::witness`].
    pub(super) fn witness(
        &mut self,
        time: i64,
        pool: &mut Pool,
        event: impl FnOnce(&mut Pool) -> u32,
    ) {
        // The fifth event in time of a row can no longer become evidence.
        if self.evidence.len() >= EVIDENCE {
            let last = self.evidence.last().and_then(|last| pool.event_of(*last));
            if last.is_some_and(|last| time > last.event_time) {
                return;
            }
        }
        let number = event(pool);
        let Some(new) = pool.event_of(number).filter(|_| !self.evidence.contains(&number)) else {
            return;
        };
        let known = |known: &u32| pool.event_of(*known);
        let is_copy = |other: &u32| known(other).is_some_and(|other| other.is_same_event(new));
        if let Some(same) = self.evidence.iter_mut().find(|other| is_copy(other)) {
            if known(same).is_some_and(|same| new < same) {
                *same = number;
            }
            return;
        }
        let at = self.evidence.partition_point(|other| known(other).is_some_and(|o| o < new));
        if at < EVIDENCE {
            self.evidence.truncate(EVIDENCE - 1);
            self.evidence.insert(at, number);
        }
    }

    /// Adds the value with that number to a sample. Returns the growth in bytes.
    pub(super) fn sample(
        &mut self,
        sample: usize,
        number: u32,
        sizes: &[SampleSize],
        pool: &Pool,
    ) -> usize {
        let before = self.values.capacity();
        self.values.push((sample as u64) << 32 | u64::from(number));
        if self.values.len() >= 2 * self.settled + UNSORTED {
            self.settle(sizes, pool);
        }
        self.values.capacity().saturating_sub(before) * size_of::<u64>()
    }

    /// Sorts the values, drops doubles, and of samples that are too large the values with the
    /// largest hashes.
    fn settle(&mut self, sizes: &[SampleSize], pool: &Pool) {
        self.values.sort_unstable();
        self.values.dedup();
        let size = |same: &[u64]| {
            let sample = same.first().map_or(0, |first| sample_of(*first));
            sizes.get(sample).map_or(0, |(k, _)| *k)
        };
        let samples = || self.values.chunk_by(|a, b| sample_of(*a) == sample_of(*b));
        if samples().any(|same| same.len() > size(same)) {
            let mut kept = Vec::with_capacity(self.values.len());
            for same in samples() {
                let mut smallest = same.to_vec();
                if smallest.len() > size(same) {
                    smallest.sort_unstable_by_key(|value| hash_of(*value, pool));
                    smallest.truncate(size(same));
                    smallest.sort_unstable();
                }
                kept.extend(smallest);
            }
            self.values = kept;
        }
        self.settled = self.values.len();
    }

    fn finish(mut self, sizes: &[SampleSize], pool: &Pool) -> Details {
        self.settle(sizes, pool);
        let Self { first, last, bytes_in, bytes_out, measures, evidence, mut values, .. } = self;
        let mut samples = Vec::with_capacity(sizes.len());
        let mut rest = values.as_mut_slice();
        for (sample, (k, keep)) in sizes.iter().enumerate() {
            let count = rest.iter().take_while(|value| sample_of(**value) == sample).count();
            let (same, others) = std::mem::take(&mut rest).split_at_mut(count);
            rest = others;
            same.sort_unstable_by_key(|value| hash_of(*value, pool));
            let texts = same.iter().filter_map(|value| pool.text_of(number_of(*value)));
            samples.push(Sketch::of_sorted(*k, *keep, texts));
        }
        let evidence = evidence.iter().filter_map(|number| pool.event_of(*number)).cloned();
        let evidence = evidence.collect();
        Details { first, last, bytes_in, bytes_out, evidence, samples, measures }
    }
}

fn sample_of(value: u64) -> usize {
    (value >> 32) as usize
}

#[allow(clippy::cast_possible_truncation, reason = "the lower half is the number")]
fn number_of(value: u64) -> u32 {
    value as u32
}

fn hash_of(value: u64, pool: &Pool) -> u64 {
    pool.text_of(number_of(value)).map_or(u64::MAX, |(hash, _)| *hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::group::Evidence;
    use proptest::prelude::*;

    const SIZES: [SampleSize; 3] = [(4, 2), (0, 0), (40, 16)];

    fn event(time: i64, id: u8, place: u64) -> Evidence {
        Evidence {
            event_time: time,
            event_id: if id == 0 { "" } else { "an id" }.into(),
            object_uri: format!("object {}", place % 3).into(),
            record_number: place,
        }
    }

    proptest! {
        /// Numbers of texts and events come to what the texts and events themselves come to.
        #[test]
        fn details_are_those_of_samples_and_witnesses_one_by_one(
            values in proptest::collection::vec((0usize..3, 0u32..90), 0..400),
            events in proptest::collection::vec((0i64..9, 0u8..2, 0u64..4), 1..30),
        ) {
            let mut pool = Pool::default();
            let mut built = DetailsBuilder::new(0, &SIZES);
            let samples = SIZES.iter().map(|(k, keep)| Sketch::new(*k, *keep)).collect();
            let (bytes_in, bytes_out, measures) = (0, 0, None);
            let (first, last, evidence) = (0, 0, Vec::new());
            let mut plain = Details { first, last, bytes_in, bytes_out, evidence, samples, measures };
            for (sample, value) in values.iter().filter(|(sample, _)| SIZES[*sample].0 > 0) {
                let text = value.to_string();
                let hash = Sketch::hash(&text);
                let number = pool.text(hash, &text);
                prop_assert_eq!(number, pool.text(hash, &text));
                built.sample(*sample, number, &SIZES, &pool);
                plain.samples[*sample].insert(hash, || text.as_str().into());
            }
            for (time, id, place) in &events {
                let event = event(*time, *id, *place);
                built.witness(*time, &mut pool, |pool| pool.event(event.clone()));
                plain.witness(&event);
            }
            prop_assert_eq!(built.finish(&SIZES, &pool), plain);
        }
    }
}
