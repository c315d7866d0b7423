//! Rows under construction. They are many and mostly small: a row with few events holds their
//! numbers in the table's [`Pool`], and only one with many what these come to.

use smallvec::SmallVec;

use super::fold::start_of;
use super::key::FoldId;
use super::lazy_details::LazyDetails;
use super::measure::{MeasureKind, Measures};
use super::pool::{EventNumber, Pool, PooledEvent, TextNumber};
use super::row::{Details, EVIDENCE, Pane, Panes, Row, add_pane};
use super::sketch::Sketch;

/// Events that a row holds by their numbers.
const FEW: usize = 24;

/// Values that may wait to be sorted in.
const UNSORTED: usize = 32;

/// Size of a sample, and how many of its texts are kept.
pub(super) type SampleSize = (usize, usize);

/// What the rows of a fold are like.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    /// The fold.
    pub id: FoldId,
    /// Length of its panes, in seconds.
    pub pane: i64,
    /// The first so many rules put details into rows.
    pub detailed: usize,
    /// Sizes of the samples.
    pub sizes: Vec<SampleSize>,
    /// By the number of a field in the table: the samples of its values.
    pub samples: Vec<SmallVec<[u16; 2]>>,
    /// How values are measured, and per rule that has any the number of their field.
    pub measured: Option<(MeasureKind, Vec<usize>)>,
}

impl Layout {
    /// Whether the events of a rule put details into rows.
    pub(super) fn is_detailed(&self, rule: u16) -> bool {
        usize::from(rule) < self.detailed
    }

    /// How the values of a rule are measured, and the number of their field.
    pub(super) fn measured_of(&self, rule: usize) -> Option<(MeasureKind, usize)> {
        let (kind, fields) = self.measured.as_ref()?;
        Some((*kind, *fields.get(rule)?))
    }

    /// Start of the pane that holds the event, in seconds.
    fn start(&self, event: &PooledEvent) -> i64 {
        start_of(event.evidence.event_time, self.pane.max(1))
    }

    /// Counts an event. Returns the growth of the measures in bytes.
    fn count(&self, touch: Touch, pool: &Pool, counts: &mut Counts) -> usize {
        let Some(event) = pool.event_of(touch.event).filter(|event| !event.copy) else { return 0 };
        add_pane(&mut counts.panes, self.pane(touch.rule, event));
        let Some((kind, field)) = self.measured_of(usize::from(touch.rule)) else { return 0 };
        let mut grown = 0;
        for (_, number) in pool.values_of(event).filter(|(of, _)| usize::from(*of) == field) {
            let Some(value) = pool.text_of(number) else { continue };
            let measures = counts.measures.get_or_insert_default();
            let value = (value.hash, &*value.text);
            grown += measures.take(self.start(event), kind, value, touch.rule);
        }
        grown
    }

    fn pane(&self, rule: u16, event: &PooledEvent) -> Pane {
        Pane {
            start: self.start(event),
            rule,
            ok: u64::from(!event.failed),
            failed: u64::from(event.failed),
        }
    }

    fn samples_of(&self, field: u16) -> &[u16] {
        self.samples.get(usize::from(field)).map_or(&[], SmallVec::as_slice)
    }
}

/// An event that a rule selected for a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Touch {
    /// The event's number in the pool.
    pub event: EventNumber,
    /// The rule's position in the fold.
    pub rule: u16,
}

/// The events of a row.
pub(super) type Touches = SmallVec<[Touch; 2]>;

/// A row under construction.
#[derive(Debug)]
pub(super) enum RowBuilder {
    /// Each of its events.
    Few(Touches),
    /// What they come to.
    Many(Box<Sums>),
}

/// What is counted of events.
#[derive(Debug, Default)]
struct Counts {
    panes: Panes,
    measures: Option<Box<Measures>>,
}

/// What the events of a row come to.
#[derive(Debug, Default)]
pub(super) struct Sums {
    counts: Counts,
    details: Option<DetailsBuilder>,
    /// About the bytes of the measures.
    measured: usize,
}

/// Details under construction.
#[derive(Debug)]
pub(super) struct DetailsBuilder {
    first: i64,
    last: i64,
    bytes_in: u64,
    bytes_out: u64,
    /// Numbers of events, in the order of the events.
    evidence: SmallVec<[EventNumber; EVIDENCE]>,
    /// The values of all samples: the sample's position above the value's number.
    values: Vec<u64>,
    /// So many values are sorted, without doubles, and within the sizes of their samples.
    settled: usize,
}

impl Default for RowBuilder {
    fn default() -> Self {
        Self::Few(Touches::new())
    }
}

impl RowBuilder {
    /// Adds counts that leave nothing else.
    pub(super) fn count(&mut self, pane: Pane) {
        match self {
            Self::Many(sums) => {
                add_pane(&mut sums.counts.panes, pane);
            }
            Self::Few(_) => {
                let counts = Counts { panes: Panes::from_buf([pane]), measures: None };
                *self = Self::Many(Box::new(Sums { counts, ..Sums::default() }));
            }
        }
    }

    /// Adds an event.
    pub(super) fn touch(&mut self, touch: Touch, layout: &Layout, pool: &mut Pool, turn: u32) {
        match self {
            Self::Few(touches) if touches.len() < FEW => touches.push(touch),
            Self::Few(touches) => {
                let mut sums = Box::<Sums>::default();
                for touch in touches.iter().chain([&touch]) {
                    sums.add(*touch, layout, pool, turn);
                }
                *self = Self::Many(sums);
            }
            Self::Many(sums) => sums.add(touch, layout, pool, turn),
        }
    }

    /// About how much memory it takes beyond its own size.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Few(touches) if touches.spilled() => touches.capacity() * size_of::<Touch>() + 8,
            Self::Few(_) => 0,
            Self::Many(sums) => {
                let values = sums.details.as_ref().map_or(0, |details| details.values.capacity());
                size_of::<Sums>()
                    + sums.measured
                    + sums.counts.panes.len().saturating_sub(1) * size_of::<Pane>()
                    + values * size_of::<u64>()
            }
        }
    }

    /// The row; `name` makes details of the events of a row that has few.
    pub(super) fn finish(
        self,
        layout: &Layout,
        pool: &Pool,
        name: impl FnOnce(Touches) -> LazyDetails,
    ) -> Row {
        match self {
            Self::Few(touches) => {
                let mut counts = Counts::default();
                for touch in &touches {
                    layout.count(*touch, pool, &mut counts);
                }
                counts.into_row(name(touches))
            }
            Self::Many(sums) => {
                let details = sums.details.map(|details| details.finish(&layout.sizes, pool));
                sums.counts.into_row(details.into())
            }
        }
    }
}

impl Counts {
    fn into_row(self, details: LazyDetails) -> Row {
        Row { panes: self.panes, measures: self.measures, details }
    }
}

impl Sums {
    fn add(&mut self, touch: Touch, layout: &Layout, pool: &mut Pool, turn: u32) {
        self.measured += layout.count(touch, pool, &mut self.counts);
        let Some(event) = pool.event_of(touch.event) else { return };
        if !layout.is_detailed(touch.rule) {
            return;
        }
        let time = event.evidence.event_time;
        let details = self.details.get_or_insert_with(|| DetailsBuilder::new(time));
        details.event(touch.event, pool);
        pool.new_values(touch.event, turn, |field, number| {
            details.sample(layout.samples_of(field), number);
        });
        details.settle_if_long(layout, pool);
    }
}

impl DetailsBuilder {
    /// No events yet, the first of which is at `time`, µs.
    fn new(time: i64) -> Self {
        Self {
            first: time,
            last: time,
            bytes_in: 0,
            bytes_out: 0,
            evidence: SmallVec::new(),
            values: Vec::new(),
            settled: 0,
        }
    }

    /// The details of one event.
    pub(super) fn of_first(touch: Touch, layout: &Layout, pool: &Pool) -> Option<Self> {
        let mut details = Self::new(pool.event_of(touch.event)?.evidence.event_time);
        details.add(touch, layout, pool);
        Some(details)
    }

    /// Adds an event with its values.
    pub(super) fn add(&mut self, touch: Touch, layout: &Layout, pool: &Pool) {
        self.event(touch.event, pool);
        let Some(event) = pool.event_of(touch.event) else { return };
        for (field, number) in pool.values_of(event) {
            self.sample(layout.samples_of(field), number);
        }
        self.settle_if_long(layout, pool);
    }

    /// Adds an event without its values.
    fn event(&mut self, number: EventNumber, pool: &Pool) {
        let Some(event) = pool.event_of(number) else { return };
        self.first = self.first.min(event.evidence.event_time);
        self.last = self.last.max(event.evidence.event_time);
        self.bytes_in = self.bytes_in.saturating_add(event.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(event.bytes_out);
        self.witness(number, pool);
    }

    /// Offers an event as evidence; see [`Details::witness`].
    fn witness(&mut self, number: EventNumber, pool: &Pool) {
        let known = |known: &EventNumber| pool.event_of(*known).map(|event| &event.evidence);
        let Some(new) = known(&number) else { return };
        // The fifth event in time of a row can no longer become evidence.
        let last = self.evidence.last().filter(|_| self.evidence.len() >= EVIDENCE);
        if last.and_then(known).is_some_and(|last| new.event_time > last.event_time)
            || self.evidence.contains(&number)
        {
            return;
        }
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
    }

    /// Adds the value with that number to samples.
    fn sample(&mut self, samples: &[u16], number: TextNumber) {
        self.values.extend(samples.iter().map(|at| u64::from(*at) << 32 | u64::from(number)));
    }

    fn settle_if_long(&mut self, layout: &Layout, pool: &Pool) {
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
        let evidence = evidence.iter().filter_map(|number| pool.event_of(*number));
        let evidence = evidence.map(|event| event.evidence.clone()).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::group::Evidence;
    use proptest::prelude::*;

    const SIZES: [SampleSize; 4] = [(4, 2), (0, 0), (40, 16), (6, 6)];

    const KIND: MeasureKind = MeasureKind::DistinctByRule(8);

    fn evidence(time: i64, id: u8, place: u64) -> Evidence {
        Evidence {
            event_time: time,
            event_id: if id == 0 { "" } else { "an id" }.into(),
            object_uri: format!("object {}", place % 3).into(),
            record_number: place,
        }
    }

    /// Field 0 is sampled twice, field 1 never.
    fn layout() -> Layout {
        let samples = [&[0u16, 2][..], &[], &[3]].map(SmallVec::from_slice).into();
        Layout {
            id: FoldId::default(),
            pane: 2,
            detailed: 1,
            sizes: SIZES.into(),
            samples,
            measured: Some((KIND, vec![2, 0])),
        }
    }

    proptest! {
        /// Numbers of events come to what the events themselves come to, be they few or many.
        #[test]
        fn rows_are_those_of_panes_samples_and_witnesses_one_by_one(
            events in proptest::collection::vec(
                (0i64..9, 0u8..2, 0u64..4, 0u16..2, any::<bool>(), any::<bool>(),
                 proptest::collection::vec((0u16..3, 0u32..90), 0..9)),
                1..80,
            ),
        ) {
            let (mut pool, layout, mut row) = (Pool::default(), layout(), RowBuilder::default());
            let (mut panes, mut measures) = (Panes::new(), Measures::default());
            let samples = SIZES.iter().map(|(k, keep)| Sketch::new(*k, *keep)).collect();
            let mut details = Details { samples, ..Details::default() };
            let mut is_first = true;
            for (time, id, place, rule, failed, copy, values) in events {
                let time = time * 1_000_000;
                let mut event = PooledEvent::new(evidence(time, id, place));
                (event.failed, event.copy, event.bytes_out) = (failed, copy, place);
                let (mut numbers, seconds) = (Vec::new(), time / 2_000_000 * 2);
                for (field, value) in &values {
                    let text = value.to_string();
                    numbers.push(pool.text(*field, Sketch::hash(&text), &text));
                    if !copy && *field == 2 - 2 * rule {
                        measures.take(seconds, KIND, (Sketch::hash(&text), &text), rule);
                    }
                    if rule > 0 {
                        continue;
                    }
                    for at in layout.samples_of(*field) {
                        let sample = &mut details.samples[usize::from(*at)];
                        sample.insert(Sketch::hash(&text), || text.as_str().into());
                    }
                }
                let pane = Pane { start: seconds, rule, ok: (!failed).into(), failed: failed.into() };
                if !copy {
                    add_pane(&mut panes, pane);
                }
                if rule == 0 {
                    details.first = if is_first { time } else { details.first.min(time) };
                    details.last = details.last.max(time);
                    details.bytes_out += place;
                    details.witness(&event.evidence);
                    is_first = false;
                }
                let event = pool.event(event, &numbers);
                row.touch(Touch { event, rule }, &layout, &mut pool, 7);
            }
            let mut made = None;
            let name = |touches: Touches| {
                let mut touches = touches.iter().filter(|touch| touch.rule == 0);
                let first = touches.next();
                let first = first.and_then(|first| DetailsBuilder::of_first(*first, &layout, &pool));
                made = first.map(|mut all| {
                    touches.for_each(|touch| all.add(*touch, &layout, &pool));
                    all.finish(&layout.sizes, &pool)
                });
                LazyDetails::default()
            };
            let row = row.finish(&layout, &pool, name);
            prop_assert_eq!(row.panes, panes);
            prop_assert_eq!(row.measures.map_or_else(Measures::default, |all| *all), measures);
            prop_assert_eq!(row.details.get().or(made.as_ref()), (!is_first).then_some(&details));
        }
    }
}
