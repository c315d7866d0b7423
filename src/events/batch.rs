//! A batch of events and typed access to its columns.

use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BooleanArray, DictionaryArray, Int64Array, ListArray, RecordBatch, StringArray,
    UInt32Array,
};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType, UInt32Type, UInt64Type};

use super::field::Field;
use super::records::Records;
use super::schema::{CORE, Core};

/// Up to [`BATCH_EVENTS`](super::BATCH_EVENTS) events as columns: the core columns, one
/// `List<Dictionary>` column per wanted path, then provenance (`object_number`, `record_number`).
#[derive(Debug, Clone)]
pub struct EventBatch {
    batch: RecordBatch,
    objects: Vec<Arc<str>>,
    /// Which events are copies; empty if none is.
    copies: Vec<bool>,
    /// The records, if they are kept.
    records: Option<Records>,
}

/// A dictionary-encoded column: distinct values, and where each event's values stand among them.
#[derive(Debug, Clone, Copy)]
pub struct Dictionary<'b> {
    array: &'b DictionaryArray<Int32Type>,
    values: &'b StringArray,
    /// Where each event's values begin and end; `None` for one value per event.
    list: Option<&'b ListArray>,
}

impl EventBatch {
    pub(super) fn new(
        batch: RecordBatch,
        objects: Vec<Arc<str>>,
        copies: Vec<bool>,
        records: Option<Records>,
    ) -> Self {
        Self { batch, objects, copies, records }
    }

    /// The Arrow batch.
    #[must_use]
    pub fn record_batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// How many events it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Whether it holds no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Event times in µs since the epoch.
    #[must_use]
    pub fn times(&self) -> &[i64] {
        self.column(Core::EventTime.index())
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
            .map_or(&[], |times| times.values())
    }

    /// The dictionary behind a field; `None` for a core column of another kind.
    #[must_use]
    pub fn dictionary(&self, field: Field) -> Option<Dictionary<'_>> {
        match field {
            Field::Core(core) => Dictionary::new(self.column(core.index())?, None),
            Field::Path(path) => {
                let list = self.column(CORE.len() + path)?.as_list_opt::<i32>()?;
                Dictionary::new(list.values().as_ref(), Some(list))
            }
        }
    }

    /// A plain text column.
    #[must_use]
    pub fn text(&self, core: Core) -> Option<&StringArray> {
        self.column(core.index())?.as_string_opt::<i32>()
    }

    /// A boolean column.
    #[must_use]
    pub fn boolean(&self, core: Core) -> Option<&BooleanArray> {
        self.column(core.index())?.as_boolean_opt()
    }

    /// A byte-count column.
    #[must_use]
    pub fn integer(&self, core: Core) -> Option<&Int64Array> {
        self.column(core.index())?.as_primitive_opt::<Int64Type>()
    }

    /// Whether event `row` was counted already, in another object: it is only evidence, of the place
    /// that is named for it.
    #[must_use]
    pub fn is_copy(&self, row: usize) -> bool {
        self.copies.get(row).copied().unwrap_or(false)
    }

    /// The URI of the object that event `row` came from.
    #[must_use]
    pub fn object_uri(&self, row: usize) -> Option<&Arc<str>> {
        let column = self.batch.columns().iter().rev().nth(1)?;
        let numbers = column.as_primitive_opt::<UInt32Type>()?.values();
        self.objects.get(usize::try_from(*numbers.get(row)?).ok()?)
    }

    /// The record's position in its object, counted from 0.
    #[must_use]
    pub fn record_number(&self, row: usize) -> u64 {
        let numbers =
            self.batch.columns().last().and_then(|column| column.as_primitive_opt::<UInt64Type>());
        numbers.and_then(|numbers| numbers.values().get(row).copied()).unwrap_or(0)
    }

    /// The record of event `row` as it was written; none if the builder keeps no texts.
    #[must_use]
    pub fn record_text(&self, row: usize) -> Option<&str> {
        self.record_texts().filter(|texts| row < texts.len()).map(|texts| texts.value(row))
    }

    /// The records as they were written, if the builder keeps them.
    #[must_use]
    pub fn record_texts(&self) -> Option<&StringArray> {
        self.records.as_ref().map(|records| &records.texts)
    }

    /// Digests of the records' contents, if they are kept; null where the columns do not tell all
    /// that the record is known by.
    #[must_use]
    pub fn record_digests(&self) -> Option<&UInt32Array> {
        self.records.as_ref().map(|records| &records.digests)
    }

    fn column(&self, index: usize) -> Option<&dyn Array> {
        self.batch.columns().get(index).map(AsRef::as_ref)
    }
}

impl<'b> Dictionary<'b> {
    fn new(array: &'b dyn Array, list: Option<&'b ListArray>) -> Option<Self> {
        let array = array.as_dictionary_opt::<Int32Type>()?;
        let values = array.values().as_string_opt::<i32>()?;
        Some(Self { array, values, list })
    }

    /// The distinct values.
    #[must_use]
    pub fn values(&self) -> &'b StringArray {
        self.values
    }

    /// Positions among the distinct values of event `row`'s values: none for null.
    pub fn keys(&self, row: usize) -> impl Iterator<Item = usize> + use<'b> {
        let range = match self.list {
            None => row..row + 1,
            Some(list) => {
                let bound =
                    |at: usize| list.offsets().get(at).and_then(|n| usize::try_from(*n).ok());
                bound(row).unwrap_or(0)..bound(row + 1).unwrap_or(0)
            }
        };
        let array = self.array;
        range.filter_map(move |at| array.key(at))
    }

    /// The first value's position.
    #[must_use]
    pub fn first_key(&self, row: usize) -> Option<usize> {
        self.keys(row).next()
    }

    /// The text at a position among the distinct values.
    #[must_use]
    pub fn value(&self, key: usize) -> Option<&'b str> {
        (key < self.values.len()).then(|| self.values.value(key))
    }

    /// Whether each event has at most one value.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        self.list.is_none()
    }

    /// For one value per event: the keys and where they are valid.
    #[must_use]
    pub fn scalar_keys(&self) -> (&'b [i32], Option<&'b arrow::buffer::NullBuffer>) {
        (self.array.keys().values(), self.array.keys().nulls())
    }
}
