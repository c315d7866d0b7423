//! The records of a batch's events, where somebody wants them: their texts and digests.

use arrow::array::{StringArray, StringBuilder, UInt32Array};

use super::arrival::digest;
use super::schema::BATCH_EVENTS;
use super::slots::Slots;

/// The records of a batch's events.
#[derive(Debug, Clone)]
pub(super) struct Records {
    /// As they were written.
    pub texts: StringArray,
    /// Digests of their contents; null where the columns do not tell all of what they are about.
    pub digests: UInt32Array,
}

/// The records of a batch under construction.
#[derive(Debug)]
pub(super) struct RecordsBuilder {
    texts: StringBuilder,
    digests: Vec<Option<u32>>,
    scratch: Vec<u8>,
    /// What it holds without growing.
    bytes: usize,
}

impl RecordsBuilder {
    /// Holds so many bytes without growing.
    pub(super) fn new(bytes: usize) -> Self {
        let texts = StringBuilder::with_capacity(BATCH_EVENTS, bytes);
        Self { texts, digests: Vec::new(), scratch: Vec::new(), bytes }
    }

    /// Adds a record, whose columns tell all that it is known by or not. Returns its length.
    pub(super) fn push(&mut self, text: &str, slots: &Slots<'_, '_>, is_told: bool) -> usize {
        self.texts.append_value(text);
        self.digests.push(is_told.then(|| digest(slots, &mut self.scratch)));
        text.len()
    }

    /// The records; the builder is empty afterwards.
    pub(super) fn finish(&mut self) -> Records {
        let Self { mut texts, digests, .. } = std::mem::replace(self, Self::new(self.bytes));
        Records { texts: texts.finish(), digests: digests.into() }
    }
}
