//! Rows under construction. They are many and mostly small: a row with few events holds their
//! numbers in the table's [`Pool`], and only one with many what these come to.

use super::details_builder::{DetailsBuilder, RowEvents};
use super::layout::{Layout, Touch, Touches};
use super::lazy_details::LazyDetails;
use super::measure::Measures;
use super::pool::{Pool, PooledEvent};
use super::row::{Pane, Panes, Row, add_pane};

/// Events that a row holds by their numbers.
const FEW: usize = 24;

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
    details: Option<Box<DetailsBuilder>>,
    /// About the bytes of the measures.
    measured: usize,
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
                size_of::<Sums>()
                    + sums.measured
                    + sums.counts.panes.len().saturating_sub(1) * size_of::<Pane>()
                    + sums.details.as_ref().map_or(0, |details| details.bytes())
            }
        }
    }

    /// The row; `details` keeps the events that its details are made of.
    pub(super) fn finish(
        self,
        layout: &Layout,
        pool: &Pool,
        details: impl FnOnce(RowEvents) -> LazyDetails,
    ) -> Row {
        match self {
            Self::Few(touches) => {
                let mut counts = Counts::default();
                for touch in &touches {
                    if let Some(event) = pool.event_of(touch.event) {
                        counts.count(touch.rule, event, layout, pool);
                    }
                }
                let detailed = touches.iter().any(|touch| layout.is_detailed(touch.rule));
                let events = detailed.then_some(RowEvents::Few(touches));
                counts.into_row(events.map_or_else(LazyDetails::default, details))
            }
            Self::Many(sums) => {
                let events = sums.details.map(RowEvents::Many);
                sums.counts.into_row(events.map_or_else(LazyDetails::default, details))
            }
        }
    }
}

impl Counts {
    /// Counts an event. Returns the growth of the measures in bytes.
    fn count(&mut self, rule: u16, event: &PooledEvent, layout: &Layout, pool: &Pool) -> usize {
        if event.copy {
            return 0;
        }
        let start = layout.start(event, self.panes.last().map(|pane| pane.start));
        let (ok, failed) = (u64::from(!event.failed), u64::from(event.failed));
        add_pane(&mut self.panes, Pane { start, rule, ok, failed });
        let Some((kind, field)) = layout.measured_of(usize::from(rule)) else { return 0 };
        let mut grown = 0;
        for value in pool.values_of(event).filter(|value| usize::from(value.field) == field) {
            let Some(text) = pool.text_of(value.text) else { continue };
            let measures = self.measures.get_or_insert_default();
            grown += measures.take(start, kind, (text.hash, &*text.text), rule);
        }
        grown
    }

    fn into_row(self, details: LazyDetails) -> Row {
        Row { panes: self.panes, measures: self.measures, details }
    }
}

impl Sums {
    fn add(&mut self, touch: Touch, layout: &Layout, pool: &mut Pool, turn: u32) {
        let Some(event) = pool.event_of(touch.event) else { return };
        self.measured += self.counts.count(touch.rule, event, layout, pool);
        if !layout.is_detailed(touch.rule) {
            return;
        }
        let new = || Box::new(DetailsBuilder::new(event.time));
        let details = self.details.get_or_insert_with(new);
        details.event(touch.event, event, pool);
        pool.new_values(touch.event, turn, |value| details.sample(layout, value));
        details.settle_if_long(layout, pool);
    }
}

#[cfg(test)]
mod tests {
    use smallvec::SmallVec;

    use super::super::layout::SampleSize;
    use super::super::pool::PooledValue;
    use super::*;
    use crate::detect::group::{Details, Evidence, FoldId, MeasureKind, Sketch};
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
                let evidence = evidence(time, id, place);
                let event =
                    PooledEvent { time, failed, copy, bytes_out: place, ..PooledEvent::default() };
                let (mut numbers, seconds) = ([Vec::new(), Vec::new()], time / 2_000_000 * 2);
                for (field, value) in &values {
                    let text = value.to_string();
                    let number = pool.text(*field, Sketch::hash(&text), &text);
                    let value = PooledValue { text: number, field: *field };
                    numbers[usize::from(*field % 2)].push(value);
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
                    details.witness(&evidence);
                    is_first = false;
                }
                let event = PooledEvent { set: pool.set(&numbers[0]), ..event };
                let event = pool.event(event, evidence, &numbers[1]);
                row.touch(Touch { event, rule }, &layout, &mut pool, 7);
            }
            let mut made = None;
            let name = |events: RowEvents| {
                let all = events.details(&layout, &pool);
                made = all.map(|all| all.finish(&layout.sizes, &pool));
                LazyDetails::default()
            };
            let row = row.finish(&layout, &pool, name);
            prop_assert_eq!(row.panes, panes);
            prop_assert_eq!(row.measures.map_or_else(Measures::default, |all| *all), measures);
            prop_assert_eq!(row.details.get().or(made.as_ref()), (!is_first).then_some(&details));
        }
    }
}
