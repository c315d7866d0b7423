//! Selections: Sigma detections compiled to vector kernels. A selection turns a batch into a
//! mask, one bit per event.
//!
//! String predicates are evaluated once per *distinct* value of a dictionary column and mapped to
//! the events through their keys. Masks are two-valued: an absent field is false at the leaf (true
//! for `null` and `exists: false`), never null, so that `not filter` keeps events whose field is
//! absent.

mod compile;
mod text;

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::BooleanBuffer;

pub use compile::{CompileError, compile};
pub use text::{Operation, TextMatcher};

use crate::events::{Core, EventBatch, Field};

/// A compiled selection.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// Every part holds; true when empty.
    All(Vec<Selection>),
    /// Some part holds; false when empty.
    Any(Vec<Selection>),
    /// The part does not hold.
    Not(Box<Selection>),
    /// Some value of the field matches one of the texts.
    Text {
        /// The field.
        field: Field,
        /// The alternatives.
        matchers: Vec<TextMatcher>,
    },
    /// The field has a value (`true`) or has none (`false`).
    Present {
        /// The field.
        field: Field,
        /// Which of the two.
        present: bool,
    },
}

impl Selection {
    /// Whether it looks at the field.
    #[must_use]
    pub fn reads(&self, wanted: Field) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.reads(wanted)),
            Self::Not(part) => part.reads(wanted),
            Self::Text { field, .. } | Self::Present { field, .. } => *field == wanted,
        }
    }

    /// The events of the batch that the selection holds for.
    #[must_use]
    pub fn evaluate(&self, batch: &EventBatch) -> BooleanBuffer {
        match self {
            Self::All(parts) => all(parts, batch),
            Self::Any(parts) => any(parts, batch),
            Self::Not(part) => !&part.evaluate(batch),
            Self::Text { field, matchers } => {
                map_values(*field, batch, |value| matchers.iter().any(|m| m.matches(value)))
            }
            Self::Present { field, present } => {
                let found = map_values(*field, batch, |_| true);
                if *present { found } else { !&found }
            }
        }
    }
}

/// Stops as soon as no event is left: most rules name an event that the batch does not hold.
fn all(parts: &[Selection], batch: &EventBatch) -> BooleanBuffer {
    let mut mask = BooleanBuffer::new_set(batch.len());
    for part in parts {
        mask = &mask & &part.evaluate(batch);
        if mask.count_set_bits() == 0 {
            break;
        }
    }
    mask
}

fn any(parts: &[Selection], batch: &EventBatch) -> BooleanBuffer {
    let none = BooleanBuffer::new_unset(batch.len());
    parts.iter().fold(none, |mask, part| &mask | &part.evaluate(batch))
}

/// The mask of events with a value for which `holds`.
pub(crate) fn map_values(
    field: Field,
    batch: &EventBatch,
    holds: impl Fn(&str) -> bool,
) -> BooleanBuffer {
    if let Some(mask) = map_dictionary(field, batch, &holds) {
        return mask;
    }
    let Field::Core(core) = field else { return BooleanBuffer::new_unset(batch.len()) };
    map_plain(core, batch, holds)
}

fn map_dictionary(
    field: Field,
    batch: &EventBatch,
    holds: &impl Fn(&str) -> bool,
) -> Option<BooleanBuffer> {
    let dictionary = batch.dictionary(field)?;
    let hits: Vec<bool> =
        dictionary.values().iter().map(|value| value.is_some_and(holds)).collect();
    if !hits.contains(&true) {
        return Some(BooleanBuffer::new_unset(batch.len()));
    }
    let hit = |key: usize| hits.get(key).copied().unwrap_or(false);
    if dictionary.is_scalar() {
        let (keys, nulls) = dictionary.scalar_keys();
        // A null's key is -1, which is no position.
        let mask = BooleanBuffer::collect_bool(keys.len(), |row| {
            keys.get(row).and_then(|key| usize::try_from(*key).ok()).is_some_and(hit)
        });
        return Some(nulls.map_or(mask.clone(), |nulls| &mask & nulls.inner()));
    }
    Some(BooleanBuffer::collect_bool(batch.len(), |row| dictionary.keys(row).any(hit)))
}

/// Columns without a dictionary: object keys, ids and flags.
fn map_plain(core: Core, batch: &EventBatch, holds: impl Fn(&str) -> bool) -> BooleanBuffer {
    let mut mask = BooleanBufferBuilder::new(batch.len());
    if let Some(texts) = batch.text(core) {
        texts.iter().for_each(|text| mask.append(text.is_some_and(&holds)));
    } else if let Some(flags) = batch.boolean(core) {
        let name = |flag| if flag { "true" } else { "false" };
        flags.iter().for_each(|flag| mask.append(flag.is_some_and(|flag| holds(name(flag)))));
    } else if let Some(counts) = batch.integer(core) {
        counts.iter().for_each(|n| mask.append(n.is_some_and(|n| holds(&n.to_string()))));
    } else {
        mask.append_n(batch.len(), false);
    }
    mask.finish()
}
