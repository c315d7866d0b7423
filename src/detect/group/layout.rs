//! What the rows of a fold are like, and the events that go into them.

use smallvec::SmallVec;

use super::fold::start_of;
use super::key::FoldId;
use super::measure::MeasureKind;
use super::pool::{EventNumber, PooledEvent};

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

    /// Start of the pane that holds the event, in seconds. Mostly it is the `last` one, which saves a
    /// division.
    pub(super) fn start(&self, event: &PooledEvent, last: Option<i64>) -> i64 {
        let (time, length) = (event.time.div_euclid(1_000_000), self.pane.max(1));
        last.filter(|start| (0..length).contains(&(time - start)))
            .unwrap_or_else(|| start_of(event.time, length))
    }

    /// The samples of a field.
    pub(super) fn samples_of(&self, field: u16) -> &[u16] {
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
