//! A row of a batch, value by value. It knows the types that columns of findings have, and none of
//! the columns.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::error::Result;
use crate::findings::day_text;

/// A value. As JSON, days are dates and times are RFC 3339.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'b> {
    /// None.
    Null,
    /// True or false.
    Flag(bool),
    /// A count.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// Days since 1970.
    Day(i32),
    /// Microseconds since 1970.
    Time(i64),
    /// As it was logged.
    Text(&'b str),
    /// Of one kind.
    List(Vec<Self>),
    /// Named ones, in their order.
    Object(Vec<(&'b str, Self)>),
}

/// The rows of a batch.
pub fn rows(batch: &RecordBatch) -> impl Iterator<Item = Row<'_>> {
    (0..batch.num_rows()).map(move |row| Row { batch, row })
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Row<'b> {
    batch: &'b RecordBatch,
    row: usize,
}

impl<'b> Row<'b> {
    /// Every column's name and value, in their order.
    pub fn cells(&self) -> Result<Vec<(&'b str, Cell<'b>)>> {
        let fields = self.batch.schema_ref().fields().iter();
        let columns = fields.zip(self.batch.columns());
        columns
            .map(|(field, column)| Ok((field.name().as_str(), cell(column, self.row)?)))
            .collect()
    }

    /// The value of a column; null if there is no such column.
    pub fn cell(&self, name: &str) -> Result<Cell<'b>> {
        self.batch.column_by_name(name).map_or(Ok(Cell::Null), |column| cell(column, self.row))
    }

    /// A text; None if it is null.
    pub fn text(&self, name: &str) -> Result<Option<&'b str>> {
        Ok(self.cell(name)?.text())
    }

    /// The texts of a list.
    pub fn texts(&self, name: &str) -> Result<Vec<&'b str>> {
        Ok(self.list(name)?.iter().filter_map(Cell::text).collect())
    }

    /// The values of a list.
    pub fn list(&self, name: &str) -> Result<Vec<Cell<'b>>> {
        Ok(match self.cell(name)? {
            Cell::List(items) => items,
            _ => Vec::new(),
        })
    }

    /// An integer, or the microseconds of a time.
    pub fn integer(&self, name: &str) -> Result<Option<i64>> {
        Ok(match self.cell(name)? {
            Cell::Integer(value) | Cell::Time(value) => Some(value),
            _ => None,
        })
    }

    /// A number.
    pub fn number(&self, name: &str) -> Result<Option<f64>> {
        Ok(match self.cell(name)? {
            Cell::Number(value) => Some(value),
            _ => None,
        })
    }

    /// Whether a column is true.
    pub fn is(&self, name: &str) -> Result<bool> {
        Ok(self.cell(name)? == Cell::Flag(true))
    }
}

fn cell(column: &ArrayRef, row: usize) -> Result<Cell<'_>> {
    if column.is_null(row) {
        return Ok(Cell::Null);
    }
    Ok(match column.data_type() {
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(row)),
        DataType::Boolean => Cell::Flag(column.as_boolean().value(row)),
        DataType::Int64 => Cell::Integer(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Cell::Number(column.as_primitive::<Float64Type>().value(row)),
        DataType::Date32 => Cell::Day(column.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Cell::Time(column.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            let offsets = list.value_offsets().get(row..row.saturating_add(2));
            let &[start, end] = offsets.unwrap_or_default() else { return Ok(Cell::Null) };
            let position = |offset: i32| usize::try_from(offset).unwrap_or_default();
            let items = position(start)..position(end);
            Cell::List(items.map(|item| cell(list.values(), item)).collect::<Result<_>>()?)
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(column.as_struct().columns());
            let named =
                columns.map(|(field, column)| Ok((field.name().as_str(), cell(column, row)?)));
            Cell::Object(named.collect::<Result<_>>()?)
        }
        other => {
            let message = format!("findings have no columns of type {other}");
            return Err(ArrowError::SchemaError(message).into());
        }
    })
}

impl<'b> Cell<'b> {
    pub(super) fn text(&self) -> Option<&'b str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Flag(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Day(day) => serializer.serialize_str(&day_text(i64::from(*day))),
            Self::Time(micros) => serializer.serialize_str(&time_text(*micros)),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// RFC 3339, UTC, always with microseconds; times beyond the calendar as their number.
pub(super) fn time_text(micros: i64) -> String {
    match Timestamp::from_microsecond(micros) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
        Err(_) => micros.to_string(),
    }
}
