//! What the rows of a table name, kept once: rows under construction hold numbers of events, events
//! hold numbers of texts, and many rows name the same ones.

use std::sync::Arc;

use hashbrown::HashTable;

use super::row::Evidence;

/// Rough cost of a text beyond its characters, in bytes.
const TEXT_BYTES: usize = size_of::<PooledText>() + 24;

/// The number of a text of a pool.
pub(super) type TextNumber = u32;

/// The number of an event of a pool.
pub(super) type EventNumber = u32;

/// Texts and events by their numbers.
#[derive(Debug, Default)]
pub(super) struct Pool {
    texts: Vec<PooledText>,
    /// Numbers of the texts, by their hashes.
    known: HashTable<TextNumber>,
    events: Vec<PooledEvent>,
    /// The values of all events, one after the other.
    values: Vec<TextNumber>,
    bytes: usize,
}

/// A value of a sampled field.
#[derive(Debug)]
pub(super) struct PooledText {
    /// Its [hash](super::Sketch::hash).
    pub hash: u64,
    /// The value.
    pub text: Arc<str>,
    /// The number of the field in the table.
    pub field: u16,
    /// The last turn in which a row took it.
    taken: u32,
}

/// What rows need of an event.
#[derive(Debug)]
pub(super) struct PooledEvent {
    /// Where it is found.
    pub evidence: Evidence,
    /// `bytesTransferredIn`.
    pub bytes_in: u64,
    /// `bytesTransferredOut`.
    pub bytes_out: u64,
    /// Whether the record has an error code.
    pub failed: bool,
    /// Whether it was counted already, in another object.
    pub copy: bool,
    /// Where its values begin, and how many it has.
    values: (usize, u32),
}

impl PooledEvent {
    /// An event that has no values yet.
    pub(super) fn new(evidence: Evidence) -> Self {
        let (bytes_in, bytes_out, failed, copy) = (0, 0, false, false);
        Self { evidence, bytes_in, bytes_out, failed, copy, values: (0, 0) }
    }
}

impl Pool {
    /// The number of a value of a field, whose [hash](super::Sketch::hash) is known.
    pub(super) fn text(&mut self, field: u16, hash: u64, text: &str) -> TextNumber {
        let mixed = |hash: u64, field: u16| hash.rotate_left(u32::from(field));
        let texts = &self.texts;
        let is_it = |number: &TextNumber| {
            let known = texts.get(*number as usize);
            known.is_some_and(|k| k.hash == hash && k.field == field && *k.text == *text)
        };
        if let Some(number) = self.known.find(mixed(hash, field), is_it) {
            return *number;
        }
        let number = number(texts.len());
        self.bytes += TEXT_BYTES + text.len();
        self.texts.push(PooledText { hash, text: text.into(), field, taken: 0 });
        let texts = &self.texts;
        let rehash = |number: &TextNumber| {
            texts.get(*number as usize).map_or(0, |known| mixed(known.hash, known.field))
        };
        self.known.insert_unique(mixed(hash, field), number, rehash);
        number
    }

    /// Keeps an event with its values.
    pub(super) fn event(&mut self, mut event: PooledEvent, values: &[TextNumber]) -> EventNumber {
        let count = number(values.len());
        self.bytes += size_of::<PooledEvent>()
            + event.evidence.event_id.len()
            + 2 * size_of::<usize>()
            + size_of_val(values);
        event.values = (self.values.len(), count);
        self.values.extend_from_slice(values);
        self.events.push(event);
        number(self.events.len() - 1)
    }

    /// The text of a number.
    pub(super) fn text_of(&self, number: TextNumber) -> Option<&PooledText> {
        self.texts.get(number as usize)
    }

    /// The event of a number.
    pub(super) fn event_of(&self, number: EventNumber) -> Option<&PooledEvent> {
        self.events.get(number as usize)
    }

    /// The values of an event: field and number.
    pub(super) fn values_of(
        &self,
        event: &PooledEvent,
    ) -> impl Iterator<Item = (u16, TextNumber)> + '_ {
        let (start, count) = event.values;
        let numbers = self.values.get(start..start + count as usize).unwrap_or_default();
        numbers.iter().filter_map(|number| Some((self.text_of(*number)?.field, *number)))
    }

    /// Shows `take` field and number of those values of an event that were not shown in this turn.
    pub(super) fn new_values(
        &mut self,
        number: EventNumber,
        turn: u32,
        mut take: impl FnMut(u16, TextNumber),
    ) {
        let Self { texts, events, values, .. } = self;
        let Some((start, count)) = events.get(number as usize).map(|event| event.values) else {
            return;
        };
        for number in values.get(start..start + count as usize).unwrap_or_default() {
            let Some(text) = texts.get_mut(*number as usize) else { continue };
            // Turns are not told apart when there are too many to count.
            if std::mem::replace(&mut text.taken, turn) != turn || turn == u32::MAX {
                take(text.field, *number);
            }
        }
    }

    /// Roughly how much memory it holds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A table is spilled long before it holds so many.
fn number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
