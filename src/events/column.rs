//! Column builders. Low-cardinality strings are interned: a value is copied once per batch and
//! every further event costs one look-up, or one comparison when it repeats its predecessor's.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, ListArray, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{Field, Int32Type};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::schema::dictionary_type;
use crate::error::Result;

/// The key of a null.
const NULL: i32 = -1;

/// Distinct strings in the order of first sight. Randomly seeded: attackers choose the strings.
#[derive(Debug, Default)]
struct Interner {
    hasher: DefaultHashBuilder,
    table: HashTable<(u64, i32)>,
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    last: i32,
}

impl Interner {
    fn get(&self, key: i32) -> &[u8] {
        let at = usize::try_from(key).unwrap_or(usize::MAX);
        let bound = |index: usize| self.offsets.get(index).and_then(|at| usize::try_from(*at).ok());
        let start = if at == 0 { Some(0) } else { at.checked_sub(1).and_then(bound) };
        match (start, bound(at)) {
            (Some(start), Some(end)) => self.bytes.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }

    fn intern(&mut self, text: &str) -> i32 {
        if !self.offsets.is_empty() && self.get(self.last) == text.as_bytes() {
            return self.last;
        }
        let hash = self.hasher.hash_one(text);
        let found = self
            .table
            .find(hash, |(other, key)| *other == hash && self.get(*key) == text.as_bytes())
            .map(|(_, key)| *key);
        self.last = found.unwrap_or_else(|| self.add(hash, text));
        self.last
    }

    fn add(&mut self, hash: u64, text: &str) -> i32 {
        self.bytes.extend_from_slice(text.as_bytes());
        // A batch is handed on long before its texts reach 2 GiB.
        let end = i32::try_from(self.bytes.len()).unwrap_or(i32::MAX);
        let key = i32::try_from(self.offsets.len()).unwrap_or(i32::MAX);
        self.offsets.push(end);
        self.table.insert_unique(hash, (hash, key), |(hash, _)| *hash);
        key
    }

    /// The values as an Arrow array; the interner is empty afterwards.
    fn finish(&mut self) -> Result<StringArray> {
        let mut offsets = Vec::with_capacity(self.offsets.len() + 1);
        offsets.push(0);
        offsets.append(&mut self.offsets);
        self.table.clear();
        let values = Buffer::from_vec(std::mem::take(&mut self.bytes));
        Ok(StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(offsets)), values, None)?)
    }
}

fn dictionary(keys: Vec<i32>, interner: &mut Interner) -> Result<DictionaryArray<Int32Type>> {
    let nulls = keys
        .contains(&NULL)
        .then(|| keys.iter().map(|key| *key != NULL).collect::<Vec<bool>>())
        .map(NullBuffer::from);
    let values = interner.finish()?;
    let keys = Int32Array::try_new(ScalarBuffer::from(keys), nulls)?;
    Ok(DictionaryArray::try_new(keys, Arc::new(values))?)
}

/// A `Dictionary<Int32, Utf8>` column with one value per event.
#[derive(Debug, Default)]
pub(super) struct DictionaryColumn {
    interner: Interner,
    keys: Vec<i32>,
    /// The number of a dictionary, and by its keys the ones here.
    other: (u64, Vec<Option<i32>>),
}

impl DictionaryColumn {
    /// Appends the next event's value.
    pub(super) fn push(&mut self, text: Option<&str>) {
        let key = text.map_or(NULL, |text| self.interner.intern(text));
        self.keys.push(key);
    }

    /// Appends the next event's value: `text`, which has that key in dictionary number `of`, counted
    /// from 1. Each value of a dictionary is looked up once.
    pub(super) fn push_of(&mut self, of: u64, key: usize, text: &str) {
        if self.other.0 != of {
            self.other.0 = of;
            self.other.1.clear();
        }
        let known = &mut self.other.1;
        known.resize(known.len().max(key + 1), None);
        if let Some(known) = known.get_mut(key) {
            self.keys.push(*known.get_or_insert_with(|| self.interner.intern(text)));
        }
    }

    /// The column; the builder is empty afterwards.
    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        self.other.0 = 0;
        let keys = std::mem::replace(&mut self.keys, Vec::with_capacity(super::BATCH_EVENTS));
        Ok(Arc::new(dictionary(keys, &mut self.interner)?))
    }
}

/// A `List<Dictionary<Int32, Utf8>>` column: 0…n values per event.
#[derive(Debug, Default)]
pub(super) struct ListColumn {
    interner: Interner,
    keys: Vec<i32>,
    ends: Vec<i32>,
}

impl ListColumn {
    /// Adds a value to the event at hand.
    pub(super) fn value(&mut self, text: &str) {
        let key = self.interner.intern(text);
        self.keys.push(key);
    }

    /// Ends the event at hand.
    pub(super) fn end(&mut self) {
        self.ends.push(i32::try_from(self.keys.len()).unwrap_or(i32::MAX));
    }

    /// Drops the values of the event at hand.
    pub(super) fn abandon(&mut self) {
        let kept = self.ends.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0);
        self.keys.truncate(kept);
    }

    /// The column; the builder is empty afterwards.
    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        offsets.append(&mut self.ends);
        let keys = std::mem::take(&mut self.keys);
        let values = dictionary(keys, &mut self.interner)?;
        let item = Arc::new(Field::new_list_field(dictionary_type(), true));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(Arc::new(ListArray::try_new(item, offsets, Arc::new(values), None)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};

    #[test]
    fn equal_values_share_a_key_and_nulls_stay_nulls() {
        let mut column = DictionaryColumn::default();
        for text in [Some("a"), Some("a"), None, Some(""), Some("b"), Some("a")] {
            column.push(text);
        }
        let array = column.finish().unwrap();
        let typed = array.as_dictionary::<Int32Type>().downcast_dict::<StringArray>().unwrap();
        let found: Vec<_> = typed.into_iter().collect();
        assert_eq!(found, [Some("a"), Some("a"), None, Some(""), Some("b"), Some("a")]);
        assert_eq!(array.as_dictionary::<Int32Type>().values().len(), 3);
    }

    #[test]
    fn a_finished_builder_starts_afresh() {
        let mut column = DictionaryColumn::default();
        column.push(Some("a"));
        column.finish().unwrap();
        column.push(Some("b"));
        let array = column.finish().unwrap();
        assert_eq!(array.as_dictionary::<Int32Type>().values().as_string::<i32>().value(0), "b");
    }

    #[test]
    fn an_abandoned_event_leaves_no_values() {
        let mut column = ListColumn::default();
        column.value("a");
        column.end();
        column.value("lost");
        column.abandon();
        column.end();
        let array = column.finish().unwrap();
        let list = array.as_list::<i32>();
        assert_eq!((list.value_length(0), list.value_length(1)), (1, 0));
    }
}
