//! A record before it becomes an event: what is asked of it, and the answer.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

use super::filter::EventFilter;
use super::identity::EventKey;
use super::reader::Reader;
use super::slots::{Slot, Slots};
use super::value;

/// A record about to become an event.
pub struct Arrival<'a, 't, 'i> {
    /// Its `eventTime`, µs.
    pub time: i64,
    pub(super) slots: &'a Slots<'t, 'i>,
}

impl Arrival<'_, '_, '_> {
    /// A digest of the event's content: of the fields of the core columns, and of how large its
    /// request, response and additional data are. Not of the text: copies may be written anew.
    #[must_use]
    pub fn digest(&self, scratch: &mut Vec<u8>) -> u32 {
        scratch.clear();
        self.slots.identifying().for_each(|value| value::print(value, scratch));
        u32::try_from(xxh3_64(scratch) >> 32).unwrap_or_default()
    }

    /// The account whose trail got it, and its `eventID`.
    #[must_use]
    pub fn account_and_id(&self) -> (Cow<'_, str>, Cow<'_, str>) {
        (self.slots.account().unwrap_or_default(), self.id().unwrap_or_default())
    }

    /// Whether it is asked for.
    #[must_use]
    pub fn is_asked_for(&self, filter: &EventFilter) -> bool {
        filter.is_empty() || filter.holds(self.slots)
    }

    /// Whether it is a read of the logs by `reader`.
    #[must_use]
    pub fn is_by(&self, reader: &Reader) -> bool {
        reader.did(self.slots)
    }

    /// Whether it has an `eventID`; records of version 1.0 have none.
    #[must_use]
    pub fn has_id(&self) -> bool {
        self.id().is_some()
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        self.slots.text(Slot::EventId).filter(|id| !id.is_empty())
    }

    /// What identifies the event; a record without `eventID` is identified by its place.
    #[must_use]
    pub fn key(&self, object: &str, record: u64) -> EventKey {
        match self.id() {
            Some(id) => EventKey::of(self.slots.account().as_deref(), &id),
            None => EventKey::of_place(object, record),
        }
    }
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
