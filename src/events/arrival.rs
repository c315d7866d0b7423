//! A record before it becomes an event: what is asked of it, and the answer.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

use super::filter::EventFilter;
use super::identity::EventKey;
use super::reader::Reader;
use super::schema::Core;
use super::slots::{Slot, Slots};
use super::stored::StoredEvent;
use super::value;

/// A record about to become an event.
pub struct Arrival<'a, 't, 'i> {
    /// Its `eventTime`, µs.
    pub time: i64,
    pub(super) of: Source<'a, 't, 'i>,
}

/// Where an arrival is read from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a, 't, 'i> {
    Record(&'a Slots<'t, 'i>),
    /// The columns of an event file.
    Columns(StoredEvent<'a>),
}

impl Arrival<'_, '_, '_> {
    /// A digest of the event's content: of the fields of the core columns, and of how large its
    /// request, response and additional data are. Not of the text: copies may be written anew.
    #[must_use]
    pub fn digest(&self, scratch: &mut Vec<u8>) -> u32 {
        match self.of {
            Source::Record(slots) => digest(slots, scratch),
            Source::Columns(event) => event.digest,
        }
    }

    /// The account whose trail got it, and its `eventID`.
    #[must_use]
    pub fn account_and_id(&self) -> (Cow<'_, str>, Cow<'_, str>) {
        (self.account().unwrap_or_default(), self.id().unwrap_or_default())
    }

    /// Whether it is asked for. Of columns only a filter that asks for all can be told.
    #[must_use]
    pub fn is_asked_for(&self, filter: &EventFilter) -> bool {
        match self.of {
            Source::Record(slots) => filter.is_empty() || filter.holds(slots),
            Source::Columns(_) => filter.is_empty(),
        }
    }

    /// Whether it is a read of the logs by `reader`; of columns this cannot be told.
    #[must_use]
    pub fn is_by(&self, reader: &Reader) -> bool {
        match self.of {
            Source::Record(slots) => reader.did(slots),
            Source::Columns(_) => false,
        }
    }

    fn account(&self) -> Option<Cow<'_, str>> {
        match self.of {
            Source::Record(slots) => slots.account(),
            Source::Columns(event) => event.text(Core::RecipientAccount).map(Cow::Borrowed),
        }
    }

    /// Whether it has an `eventID`; records of version 1.0 have none.
    #[must_use]
    pub fn has_id(&self) -> bool {
        self.id().is_some()
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        let id = match self.of {
            Source::Record(slots) => slots.text(Slot::EventId),
            Source::Columns(event) => event.text(Core::EventId).map(Cow::Borrowed),
        };
        id.filter(|id| !id.is_empty())
    }

    /// What identifies the event; a record without `eventID` is identified by its place.
    #[must_use]
    pub fn key(&self, object: &str, record: u64) -> EventKey {
        match self.id() {
            Some(id) => EventKey::of(self.account().as_deref(), &id),
            None => EventKey::of_place(object, record),
        }
    }
}

/// The digest of a record's content: see [`Arrival::digest`].
pub(super) fn digest(slots: &Slots<'_, '_>, scratch: &mut Vec<u8>) -> u32 {
    scratch.clear();
    slots.identifying().for_each(|value| value::print(value, scratch));
    u32::try_from(xxh3_64(scratch) >> 32).unwrap_or_default()
}

/// What to do with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Leave it out.
    No,
    /// It becomes an event.
    Event,
    /// It becomes an event that was counted already, and only tells another place of it.
    Copy,
}
