//! What the rows of a table name, kept once: rows under construction hold numbers of events, events
//! hold numbers of texts, and many rows name the same ones.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::details::Evidence;

/// Rough cost of a text beyond its characters, in bytes.
const TEXT_BYTES: usize = size_of::<(PooledText, u32)>() + 24;

/// The number of a text of a pool.
pub(super) type TextNumber = u32;

/// The number of a set of values of a pool.
pub(super) type SetNumber = u32;

/// The number of an event of a pool.
pub(super) type EventNumber = u32;

/// Texts and events by their numbers.
#[derive(Debug, Default)]
pub(super) struct Pool {
    texts: Vec<PooledText>,
    /// Of each text: the last turn in which a row took it. It is looked at far more often than the
    /// text, and lies by itself for the sake of the cache.
    taken: Vec<u32>,
    /// Numbers of the texts, by their hashes.
    known: HashTable<TextNumber>,
    events: Vec<PooledEvent>,
    /// Where each event is found; few are ever asked.
    evidence: Vec<Evidence>,
    /// The values of all events and sets, one after the other.
    values: Vec<PooledValue>,
    sets: Vec<ValueSet>,
    /// Numbers of the sets, by the hashes of their values.
    known_sets: HashTable<SetNumber>,
    hasher: DefaultHashBuilder,
    bytes: usize,
}

/// The values of columns with few different ones: most events share them with others, so that a row
/// takes them at once.
#[derive(Debug)]
struct ValueSet {
    values: Span,
    /// The last turn in which a row took it.
    taken: u32,
}

/// Where values begin in the pool, and how many there are.
type Span = (usize, u32);

/// A value of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PooledValue {
    /// The number of its text.
    pub text: TextNumber,
    /// The number of its field in the table.
    pub field: u16,
}

/// A value of a sampled field.
#[derive(Debug)]
pub(super) struct PooledText {
    /// Its [hash](super::Sketch::hash).
    pub hash: u64,
    /// The value.
    pub text: Arc<str>,
    /// The number of the field in the table.
    field: u16,
}

/// What rows need of an event.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PooledEvent {
    /// `eventTime`, µs.
    pub time: i64,
    /// `bytesTransferredIn`.
    pub bytes_in: u64,
    /// `bytesTransferredOut`.
    pub bytes_out: u64,
    /// Whether the record has an error code.
    pub failed: bool,
    /// Whether it was counted already, in another object.
    pub copy: bool,
    /// Those of its values that it shares with others.
    pub set: SetNumber,
    /// The others; known to the pool.
    pub values: Span,
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
        self.texts.push(PooledText { hash, text: text.into(), field });
        self.taken.push(0);
        let texts = &self.texts;
        let rehash = |number: &TextNumber| {
            texts.get(*number as usize).map_or(0, |known| mixed(known.hash, known.field))
        };
        self.known.insert_unique(mixed(hash, field), number, rehash);
        number
    }

    /// The number of a set of values.
    pub(super) fn set(&mut self, values: &[PooledValue]) -> SetNumber {
        let code = self.hasher.hash_one(values);
        let is_it = |number: &SetNumber| self.values_of_set(*number) == values;
        if let Some(number) = self.known_sets.find(code, is_it) {
            return *number;
        }
        let number = number(self.sets.len());
        self.sets.push(ValueSet { values: (self.values.len(), count(values)), taken: 0 });
        self.values.extend_from_slice(values);
        self.bytes += size_of::<ValueSet>() + 16 + size_of_val(values);
        let Self { hasher, sets, values, .. } = self;
        let rehash = |number: &SetNumber| {
            let set = sets.get(*number as usize);
            set.map_or(0, |set| hasher.hash_one(part(values, set.values)))
        };
        self.known_sets.insert_unique(code, number, rehash);
        number
    }

    fn values_of_set(&self, set: SetNumber) -> &[PooledValue] {
        self.sets.get(set as usize).map_or(&[], |set| part(&self.values, set.values))
    }

    /// Keeps an event; `values` are those that are in no set.
    pub(super) fn event(
        &mut self,
        event: PooledEvent,
        evidence: Evidence,
        values: &[PooledValue],
    ) -> EventNumber {
        self.bytes += size_of::<(PooledEvent, Evidence)>()
            + evidence.event_id.len()
            + 2 * size_of::<usize>()
            + size_of_val(values);
        let values_at = (self.values.len(), count(values));
        self.values.extend_from_slice(values);
        self.events.push(PooledEvent { values: values_at, ..event });
        self.evidence.push(evidence);
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

    /// Where the event of a number is found.
    pub(super) fn evidence_of(&self, number: EventNumber) -> Option<&Evidence> {
        self.evidence.get(number as usize)
    }

    /// The values of an event.
    pub(super) fn values_of(&self, event: &PooledEvent) -> impl Iterator<Item = PooledValue> + '_ {
        let own = part(&self.values, event.values);
        self.values_of_set(event.set).iter().chain(own).copied()
    }

    /// Shows `take` those values of an event that were not shown in this turn.
    pub(super) fn new_values(
        &mut self,
        number: EventNumber,
        turn: u32,
        mut take: impl FnMut(PooledValue),
    ) {
        let Self { values, taken, sets, events, .. } = self;
        let Some(event) = events.get(number as usize) else { return };
        let mut show = |values: &[PooledValue]| {
            for value in values {
                if taken.get_mut(value.text as usize).is_some_and(|taken| is_new(taken, turn)) {
                    take(*value);
                }
            }
        };
        if let Some(set) = sets.get_mut(event.set as usize)
            && is_new(&mut set.taken, turn)
        {
            show(part(values, set.values));
        }
        show(part(values, event.values));
    }

    /// How many events it holds.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Roughly how much memory it holds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Whether something was not taken yet in this turn; it is now.
fn is_new(taken: &mut u32, turn: u32) -> bool {
    // Turns are not told apart when there are too many to count.
    std::mem::replace(taken, turn) != turn || turn == u32::MAX
}

fn part(values: &[PooledValue], (start, count): Span) -> &[PooledValue] {
    values.get(start..start + count as usize).unwrap_or_default()
}

fn count(values: &[PooledValue]) -> u32 {
    number(values.len())
}

/// A table is spilled long before it holds so many.
fn number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
