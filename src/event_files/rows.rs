//! The rows of event files: columns, their order, and how batches of events become them.

use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray, StringViewBuilder,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field as ArrowField, Int64Type, Schema, SchemaRef, TimestampMicrosecondType,
};

use crate::error::Result;
use crate::events::{Core, EventBatch};

/// The record's text.
pub(super) const RECORD: &str = "record";
/// The object that it came from.
pub(super) const OBJECT_URI: &str = "object_uri";
/// Its position in that object.
pub(super) const RECORD_NUMBER: &str = "record_number";

/// The digest of the record, where the core columns tell all that it is known by.
pub(super) const RECORD_DIGEST: &str = "record_digest";

/// The core columns that depend on the record alone.
pub(super) fn core() -> impl Iterator<Item = Core> {
    Core::all().filter(|core| !core.is_on_demand())
}

/// The columns: texts as views, so that sorting moves no texts.
pub(super) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |core: Core| {
        let data_type = match core.data_type() {
            DataType::Dictionary(..) | DataType::Utf8 => DataType::Utf8View,
            other => other,
        };
        ArrowField::new(core.name(), data_type, core != Core::EventTime)
    };
    let mut fields: Vec<ArrowField> = core().map(field).collect();
    fields.push(ArrowField::new(RECORD_DIGEST, DataType::UInt32, true));
    fields.push(ArrowField::new(OBJECT_URI, DataType::Utf8View, false));
    fields.push(ArrowField::new(RECORD_NUMBER, DataType::Int64, false));
    fields.push(ArrowField::new(RECORD, DataType::Utf8View, false));
    Arc::new(Schema::new(fields))
});

/// The events of a batch as rows, in their order.
///
/// # Errors
/// Arrow's, if the columns do not fit together; that would be a bug.
pub(super) fn rows(batch: &EventBatch) -> Result<RecordBatch> {
    let events = batch.record_batch();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(SCHEMA.fields().len());
    for (core, field) in core().zip(SCHEMA.fields()) {
        let column = events.column(core.index());
        columns.push(match field.data_type() {
            same if column.data_type() == same => column.clone(),
            wanted => cast(column, wanted)?,
        });
    }
    let digests = batch.record_digests().map(|digests| -> ArrayRef { Arc::new(digests.clone()) });
    columns.push(digests.unwrap_or_else(|| new_null_array(&DataType::UInt32, batch.len())));
    let mut uris = StringViewBuilder::with_capacity(batch.len()).with_deduplicate_strings();
    for row in 0..batch.len() {
        uris.append_value(batch.object_uri(row).map_or("", AsRef::as_ref));
    }
    columns.push(Arc::new(uris.finish()));
    let number = |row| i64::try_from(batch.record_number(row)).unwrap_or(i64::MAX);
    columns.push(Arc::new(Int64Array::from_iter_values((0..batch.len()).map(number))));
    let texts = batch.record_texts().map(|texts| cast(texts, &DataType::Utf8View)).transpose()?;
    let none = || -> ArrayRef { new_null_array(&DataType::Utf8View, batch.len()) };
    columns.push(texts.unwrap_or_else(none));
    Ok(RecordBatch::try_new(SCHEMA.clone(), columns)?)
}

/// The columns that rows are ordered by, and those that tell copies.
pub(super) struct Keys<'b> {
    times: &'b [i64],
    ids: &'b StringViewArray,
    uris: &'b StringViewArray,
    numbers: &'b [i64],
    texts: &'b StringViewArray,
}

impl<'b> Keys<'b> {
    /// Those of a batch with the columns of [`SCHEMA`].
    pub(super) fn of(rows: &'b RecordBatch) -> Option<Self> {
        let columns = rows.columns();
        let [.., uris, numbers, texts] = columns else { return None };
        let column = |core: Core| columns.get(core.index());
        Some(Self {
            times: column(Core::EventTime)?
                .as_primitive_opt::<TimestampMicrosecondType>()?
                .values(),
            ids: column(Core::EventId)?.as_string_view_opt()?,
            uris: uris.as_string_view_opt()?,
            numbers: numbers.as_primitive_opt::<Int64Type>()?.values(),
            texts: texts.as_string_view_opt()?,
        })
    }

    /// The time of a row, µs.
    pub(super) fn time(&self, row: usize) -> i64 {
        self.times.get(row).copied().unwrap_or_default()
    }

    fn id(&self, row: usize) -> Option<&'b str> {
        (row < self.ids.len() && self.ids.is_valid(row)).then(|| self.ids.value(row))
    }

    /// By time, then by id and place, so that the order depends on the rows alone.
    pub(super) fn compare(&self, row: usize, other: &Keys<'_>, other_row: usize) -> Ordering {
        self.time(row)
            .cmp(&other.time(other_row))
            .then_with(|| self.id(row).cmp(&other.id(other_row)))
            .then_with(|| text(self.uris, row).cmp(text(other.uris, other_row)))
            .then_with(|| self.numbers.get(row).cmp(&other.numbers.get(other_row)))
    }

    /// Whether both rows have the same `eventID`. Records of version 1.0 have none.
    pub(super) fn same_id(&self, row: usize, other: &Keys<'_>, other_row: usize) -> bool {
        self.id(row).is_some_and(|id| !id.is_empty() && other.id(other_row) == Some(id))
    }

    /// Whether both rows have the same text.
    pub(super) fn same_text(&self, row: usize, other: &Keys<'_>, other_row: usize) -> bool {
        text(self.texts, row) == text(other.texts, other_row)
    }
}

fn text(column: &StringViewArray, row: usize) -> &str {
    if row < column.len() { column.value(row) } else { "" }
}
