//! Details that are made when somebody looks at them: judges look at few rows of many.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use smallvec::SmallVec;

use super::details::Details;
use super::details_builder::RowEvents;
use super::layout::Layout;
use super::pool::Pool;

/// Parts that are kept side by side; so many become one.
const MAX_PARTS: usize = 8;

/// The details of a row, made or not.
#[derive(Debug, Clone, Default)]
pub(super) struct LazyDetails(Option<Box<Parts>>);

/// What details are made of.
#[derive(Debug, Clone)]
struct Parts {
    parts: SmallVec<[Part; 1]>,
    made: OnceLock<Box<Details>>,
}

/// Details of some of the events. There are millions of them: what is large lies elsewhere.
#[derive(Debug, Clone)]
enum Part {
    Made(Box<Details>),
    /// Those of events of a table.
    Events(Events),
    /// As they are spilled: the postcard of [`Details`].
    Packed(Box<[u8]>),
}

/// Events of one table.
#[derive(Debug, Clone)]
struct Events {
    touched: RowEvents,
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

impl Events {
    fn make(&self) -> Option<Details> {
        let Self { touched, fold, table } = self;
        let (layout, pool) = (table.layouts.get(*fold)?, &table.pool);
        Some(touched.details(layout, pool)?.finish(&layout.sizes, pool))
    }

    fn bytes_out(&self) -> u64 {
        let layout = self.table.layouts.get(self.fold);
        layout.map_or(0, |layout| self.touched.bytes_out(layout, &self.table.pool))
    }
}

impl Part {
    fn make(&self) -> Option<Details> {
        match self {
            Self::Made(details) => Some(Details::clone(details)),
            Self::Events(events) => events.make(),
            // This process has packed it.
            Self::Packed(bytes) => postcard::from_bytes(bytes).ok(),
        }
    }

    fn bytes_out(&self) -> u64 {
        match self {
            Self::Events(events) => events.bytes_out(),
            Self::Made(details) => details.bytes_out,
            // The first of what is packed: first, last, bytes_in, bytes_out.
            Self::Packed(bytes) => postcard::take_from_bytes::<(i64, i64, u64, u64)>(bytes)
                .map_or(0, |((.., bytes_out), _)| bytes_out),
        }
    }

    /// About how much memory it takes beyond its own size.
    fn bytes(&self) -> usize {
        match self {
            Self::Made(details) => details.bytes(),
            Self::Events(events) => events.touched.bytes(),
            Self::Packed(bytes) => bytes.len(),
        }
    }
}

impl Parts {
    fn of(part: Part) -> Self {
        Self { parts: SmallVec::from_buf([part]), made: OnceLock::new() }
    }

    fn get(&self) -> &Details {
        if let [Part::Made(details)] = self.parts.as_slice() {
            return details;
        }
        self.made.get_or_init(|| {
            let mut parts = self.parts.iter().filter_map(Part::make);
            let mut details = parts.next().unwrap_or_default();
            parts.for_each(|part| details.merge(&part));
            Box::new(details)
        })
    }
}

impl LazyDetails {
    /// The details of events of a drained table, by the position of their fold.
    pub(super) fn of_events(events: RowEvents, fold: usize, table: &Arc<Drained>) -> Self {
        let events = Events { touched: events, fold, table: table.clone() };
        Self(Some(Parts::of(Part::Events(events)).into()))
    }

    pub(super) fn get(&self) -> Option<&Details> {
        self.0.as_ref().map(|parts| parts.get())
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut Details> {
        let parts = self.0.as_mut()?;
        if !matches!(parts.parts.as_slice(), [Part::Made(_)]) {
            **parts = Parts::of(Part::Made(parts.get().clone().into()));
        }
        match parts.parts.first_mut() {
            Some(Part::Made(details)) => Some(details),
            _ => None,
        }
    }

    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// [`Details::bytes_out`], without making more than is needed.
    pub(super) fn bytes_out(&self) -> u64 {
        let parts = self.0.iter().flat_map(|parts| &parts.parts);
        parts.map(Part::bytes_out).fold(0, u64::saturating_add)
    }

    /// The details of both sets of events.
    pub(super) fn merge(&mut self, other: Self) {
        match (&mut self.0, other.0) {
            (Some(mine), Some(theirs)) => {
                mine.parts.extend(theirs.parts);
                mine.made.take();
                if mine.parts.len() >= MAX_PARTS {
                    self.get_mut();
                }
            }
            (none @ None, theirs) => *none = theirs,
            (Some(_), None) => {}
        }
    }

    /// About how much memory it takes beyond its own size.
    pub(super) fn bytes(&self) -> usize {
        let Some(parts) = &self.0 else { return 0 };
        let made = parts.made.get().map_or(0, |made| made.bytes());
        made + parts.parts.iter().map(|part| size_of::<Parts>() + part.bytes()).sum::<usize>()
    }
}

impl From<Option<Details>> for LazyDetails {
    fn from(details: Option<Details>) -> Self {
        Self(details.map(|details| Parts::of(Part::Made(details.into())).into()))
    }
}

impl PartialEq for LazyDetails {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for LazyDetails {}

/// As packed bytes, so that reading a row does not make its details.
impl Serialize for LazyDetails {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(parts) = &self.0 else { return serializer.serialize_bytes(&[]) };
        if let [Part::Packed(bytes)] = parts.parts.as_slice() {
            return serializer.serialize_bytes(bytes);
        }
        let packed = postcard::to_allocvec(parts.get()).map_err(ser::Error::custom)?;
        serializer.serialize_bytes(&packed)
    }
}

impl<'de> Deserialize<'de> for LazyDetails {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer).map_err(de::Error::custom)?;
        Ok(Self((!bytes.is_empty()).then(|| Parts::of(Part::Packed(bytes.into())).into())))
    }
}
