//! What the rows of a table name, kept once: rows under construction hold numbers of texts and of
//! events, and many rows name the same ones.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::sync::Arc;

use hashbrown::HashTable;

use super::row::Evidence;

/// Rough cost of a text and of an event beyond their texts, in bytes.
const TEXT_BYTES: usize = 56;
const EVENT_BYTES: usize = 80;

/// The number of a text or an event in the table's pool, once it is there. It is of no use when the
/// table was drained.
#[derive(Debug, Default)]
pub(super) struct PoolNumber(Cell<Option<NonZeroU32>>);

impl PoolNumber {
    /// The number, worked out if need be.
    pub(super) fn get_or(&self, number: impl FnOnce() -> u32) -> u32 {
        if let Some(known) = self.0.get() {
            return known.get() - 1;
        }
        let number = number();
        self.0.set(NonZeroU32::new(number.wrapping_add(1)));
        number
    }
}

/// Texts and events by their numbers.
#[derive(Debug, Default)]
pub(super) struct Pool {
    texts: Vec<(u64, Arc<str>)>,
    /// Numbers of the texts, by their hashes.
    known: HashTable<u32>,
    events: Vec<Evidence>,
    bytes: usize,
}

impl Pool {
    /// The number of a text, whose [hash](super::Sketch::hash) is known.
    pub(super) fn text(&mut self, hash: u64, text: &str) -> u32 {
        let texts = &self.texts;
        let is_it = |number: &u32| {
            let known = texts.get(*number as usize);
            known.is_some_and(|(known, same)| *known == hash && **same == *text)
        };
        if let Some(number) = self.known.find(hash, is_it) {
            return *number;
        }
        let number = number(texts.len());
        self.bytes += TEXT_BYTES + text.len();
        self.texts.push((hash, text.into()));
        let texts = &self.texts;
        let rehash = |number: &u32| texts.get(*number as usize).map_or(0, |(hash, _)| *hash);
        self.known.insert_unique(hash, number, rehash);
        number
    }

    /// Keeps an event.
    pub(super) fn event(&mut self, event: Evidence) -> u32 {
        self.bytes += EVENT_BYTES + event.event_id.len();
        self.events.push(event);
        number(self.events.len() - 1)
    }

    /// The text of a number, and its hash.
    pub(super) fn text_of(&self, number: u32) -> Option<&(u64, Arc<str>)> {
        self.texts.get(number as usize)
    }

    /// The event of a number.
    pub(super) fn event_of(&self, number: u32) -> Option<&Evidence> {
        self.events.get(number as usize)
    }

    /// Roughly how much memory it holds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A table is spilled long before it holds so many texts.
fn number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
