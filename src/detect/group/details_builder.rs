//! Details under construction: with numbers of texts and events in place of these.

use smallvec::SmallVec;

use super::details::{Details, EVIDENCE};
use super::layout::{Layout, SampleSize, Touch, Touches};
use super::pool::{EventNumber, Pool, PooledEvent, PooledValue, TextNumber};
use super::sketch::Sketch;

/// Values that may wait to be sorted in.
const UNSORTED: usize = 32;

/// The events of a row that its details are made of: each of them, or what they come to.
#[derive(Debug, Clone)]
pub(super) enum RowEvents {
    Few(Touches),
    Many(Box<DetailsBuilder>),
}

impl RowEvents {
    /// Details under construction of those that the fold keeps details of.
    pub(super) fn details(&self, layout: &Layout, pool: &Pool) -> Option<DetailsBuilder> {
        match self {
            Self::Many(details) => Some(DetailsBuilder::clone(details)),
            Self::Few(touches) => {
                let mut touches = touches.iter().filter(|touch| layout.is_detailed(touch.rule));
                let mut details = DetailsBuilder::of_first(*touches.next()?, layout, pool)?;
                touches.for_each(|touch| details.add(*touch, layout, pool));
                Some(details)
            }
        }
    }

    /// The sum of `bytesTransferredOut`.
    pub(super) fn bytes_out(&self, layout: &Layout, pool: &Pool) -> u64 {
        match self {
            Self::Many(details) => details.bytes_out(),
            Self::Few(touches) => {
                let detailed = touches.iter().filter(|touch| layout.is_detailed(touch.rule));
                let events = detailed.filter_map(|touch| pool.event_of(touch.event));
                events.map(|event| event.bytes_out).fold(0, u64::saturating_add)
            }
        }
    }

    /// About how much memory they take beyond their own size.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Few(touches) => size_of_val(touches.as_slice()),
            Self::Many(details) => details.bytes(),
        }
    }
}

/// Details under construction.
#[derive(Debug, Clone)]
pub(super) struct DetailsBuilder {
    first: i64,
    last: i64,
    bytes_in: u64,
    bytes_out: u64,
    /// Numbers of events, in the order of the events.
    evidence: SmallVec<[EventNumber; EVIDENCE]>,
    /// Later events, µs, can no longer become evidence: there are enough.
    latest: i64,
    /// The values of all samples: the sample's position above the value's number.
    values: Vec<u64>,
    /// So many values are sorted, without doubles, and within the sizes of their samples.
    settled: usize,
}

impl DetailsBuilder {
    /// No events yet, the first of which is at `time`, µs.
    pub(super) fn new(time: i64) -> Self {
        Self {
            first: time,
            last: time,
            bytes_in: 0,
            bytes_out: 0,
            evidence: SmallVec::new(),
            latest: i64::MAX,
            values: Vec::new(),
            settled: 0,
        }
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<u64>()
    }

    /// The sum of `bytesTransferredOut`.
    pub(super) fn bytes_out(&self) -> u64 {
        self.bytes_out
    }

    /// The details of one event.
    pub(super) fn of_first(touch: Touch, layout: &Layout, pool: &Pool) -> Option<Self> {
        let mut details = Self::new(pool.event_of(touch.event)?.time);
        details.add(touch, layout, pool);
        Some(details)
    }

    /// Adds an event with its values.
    pub(super) fn add(&mut self, touch: Touch, layout: &Layout, pool: &Pool) {
        let Some(event) = pool.event_of(touch.event) else { return };
        self.event(touch.event, event, pool);
        for value in pool.values_of(event) {
            self.sample(layout, value);
        }
        self.settle_if_long(layout, pool);
    }

    /// Adds an event without its values.
    pub(super) fn event(&mut self, number: EventNumber, event: &PooledEvent, pool: &Pool) {
        self.first = self.first.min(event.time);
        self.last = self.last.max(event.time);
        self.bytes_in = self.bytes_in.saturating_add(event.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(event.bytes_out);
        if event.time <= self.latest {
            self.witness(number, pool);
        }
    }

    /// Offers an event as evidence; see [`Details::witness`].
    fn witness(&mut self, number: EventNumber, pool: &Pool) {
        let known = |known: &EventNumber| pool.evidence_of(*known);
        let Some(new) = known(&number).filter(|_| !self.evidence.contains(&number)) else { return };
        let is_copy =
            |other: &EventNumber| known(other).is_some_and(|other| other.is_same_event(new));
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
        if let Some(last) = self.evidence.get(EVIDENCE - 1).and_then(known) {
            self.latest = last.event_time;
        }
    }

    /// Adds a value to the samples of its field.
    pub(super) fn sample(&mut self, layout: &Layout, value: PooledValue) {
        let samples = layout.samples_of(value.field).iter();
        self.values.extend(samples.map(|at| u64::from(*at) << 32 | u64::from(value.text)));
    }

    pub(super) fn settle_if_long(&mut self, layout: &Layout, pool: &Pool) {
        if self.values.len() >= 2 * self.settled + UNSORTED {
            self.settle(&layout.sizes, pool);
        }
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

    /// The details.
    pub(super) fn finish(mut self, sizes: &[SampleSize], pool: &Pool) -> Details {
        self.settle(sizes, pool);
        let Self { first, last, bytes_in, bytes_out, evidence, mut values, .. } = self;
        let mut samples = Vec::with_capacity(sizes.len());
        let mut rest = values.as_mut_slice();
        for (sample, (k, keep)) in sizes.iter().enumerate() {
            let count = rest.iter().take_while(|value| sample_of(**value) == sample).count();
            let (same, others) = std::mem::take(&mut rest).split_at_mut(count);
            rest = others;
            same.sort_unstable_by_key(|value| hash_of(*value, pool));
            let texts = same.iter().filter_map(|value| pool.text_of(number_of(*value)));
            samples.push(Sketch::of_sorted(*k, *keep, texts.map(|text| (text.hash, &text.text))));
        }
        let evidence = evidence.iter().filter_map(|number| pool.evidence_of(*number).cloned());
        let evidence = evidence.collect();
        Details { first, last, bytes_in, bytes_out, evidence, samples }
    }
}

fn sample_of(value: u64) -> usize {
    (value >> 32) as usize
}

#[allow(clippy::cast_possible_truncation, reason = "the lower half is the number")]
fn number_of(value: u64) -> TextNumber {
    value as u32
}

fn hash_of(value: u64, pool: &Pool) -> u64 {
    pool.text_of(number_of(value)).map_or(u64::MAX, |text| text.hash)
}
