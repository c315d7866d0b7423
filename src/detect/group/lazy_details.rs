//! Details that are made when somebody looks at them: judges look at few rows of many.

use std::cell::OnceCell;
use std::sync::Arc;

use smallvec::SmallVec;

use super::pool::Pool;
use super::row::Details;
use super::row_builder::{DetailsBuilder, Layout, Touch, Touches};

/// The details of a row, made or not.
#[derive(Debug, Clone, Default)]
pub(super) enum LazyDetails {
    /// There are none.
    #[default]
    None,
    /// They are there.
    Made(Box<Details>),
    /// They are those of some events.
    Named(Box<Named>),
}

/// The events of a row, by the tables that they were folded into.
#[derive(Debug, Clone)]
pub(super) struct Named {
    parts: SmallVec<[Part; 1]>,
    made: OnceCell<Details>,
}

/// Events of one table.
#[derive(Debug, Clone)]
pub(super) struct Part {
    touches: Touches,
    /// The position of the fold.
    fold: usize,
    table: Arc<Drained>,
}

/// What the rows of a drained table are made of.
#[derive(Debug, Default)]
pub(super) struct Drained {
    /// The folds, in the order of their ids.
    pub layouts: Vec<Layout>,
    /// The events.
    pub pool: Pool,
}

impl Part {
    /// Those of the events that the fold keeps details of.
    fn detailed(&self) -> impl Iterator<Item = Touch> {
        let layout = self.table.layouts.get(self.fold);
        let touches = self.touches.iter().copied();
        touches.filter(move |touch| layout.is_some_and(|of| of.is_detailed(touch.rule)))
    }

    fn make(&self) -> Option<Details> {
        let layout = self.table.layouts.get(self.fold)?;
        let mut touches = self.detailed();
        let mut details = DetailsBuilder::of_first(touches.next()?, layout, &self.table.pool)?;
        touches.for_each(|touch| details.add(touch, layout, &self.table.pool));
        Some(details.finish(&layout.sizes, &self.table.pool))
    }
}

impl Named {
    fn made(&self) -> &Details {
        self.made.get_or_init(|| {
            let mut parts = self.parts.iter().filter_map(Part::make);
            let mut details = parts.next().unwrap_or_default();
            parts.for_each(|part| details.merge(&part));
            details
        })
    }
}

impl LazyDetails {
    /// The details of events of a drained table, by the position of their fold.
    pub(super) fn named(touches: Touches, fold: usize, table: &Arc<Drained>) -> Self {
        let part = Part { touches, fold, table: table.clone() };
        if part.detailed().next().is_none() {
            return Self::None;
        }
        Self::Named(Box::new(Named { parts: SmallVec::from_buf([part]), made: OnceCell::new() }))
    }

    pub(super) fn get(&self) -> Option<&Details> {
        match self {
            Self::None => None,
            Self::Made(details) => Some(details),
            Self::Named(named) => Some(named.made()),
        }
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut Details> {
        if let Self::Named(named) = self {
            named.made();
            let made = named.made.take().unwrap_or_default();
            *self = Self::Made(Box::new(made));
        }
        match self {
            Self::Made(details) => Some(details),
            Self::None | Self::Named(_) => None,
        }
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// [`Details::bytes_out`], without making anything.
    pub(super) fn bytes_out(&self) -> u64 {
        let Self::Named(named) = self else {
            return self.get().map_or(0, |details| details.bytes_out);
        };
        let bytes = |part: &Part| {
            let events = part.detailed().filter_map(|touch| part.table.pool.event_of(touch.event));
            events.fold(0, |sum: u64, event| sum.saturating_add(event.bytes_out))
        };
        named.parts.iter().map(bytes).fold(0, u64::saturating_add)
    }

    /// The details of both sets of events.
    pub(super) fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (_, Self::None) => {}
            (Self::None, other) => *self = other,
            (Self::Named(mine), Self::Named(theirs)) => {
                mine.parts.extend(theirs.parts);
                mine.made.take();
            }
            (_, other) => {
                if let (Some(mine), Some(theirs)) = (self.get_mut(), other.get()) {
                    mine.merge(theirs);
                }
            }
        }
    }

    /// About how much memory it takes beyond its own size.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Made(details) => details.bytes(),
            Self::Named(named) => {
                let touches = named.parts.iter().map(|part| size_of_val(part.touches.as_slice()));
                size_of::<Named>() + touches.sum::<usize>()
            }
        }
    }
}

impl From<Option<Details>> for LazyDetails {
    fn from(details: Option<Details>) -> Self {
        details.map_or(Self::None, |details| Self::Made(Box::new(details)))
    }
}

impl PartialEq for LazyDetails {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for LazyDetails {}
