//! Builders of the core columns, by how these are stored.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringBuilder, TimestampMicrosecondArray};

use super::column::DictionaryColumn;
use super::schema::Kind;
use crate::error::Result;

/// One storage per [`Kind`]; each core column lives in the one of its kind.
#[derive(Debug)]
pub(super) enum CoreColumn {
    Dictionary(DictionaryColumn),
    Text(StringBuilder),
    Boolean(Vec<Option<bool>>),
    Integer(Vec<Option<i64>>),
    Time(Vec<i64>),
}

impl CoreColumn {
    /// An empty column.
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Dictionary => Self::Dictionary(DictionaryColumn::default()),
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Boolean => Self::Boolean(Vec::new()),
            Kind::Integer => Self::Integer(Vec::new()),
            Kind::Time => Self::Time(Vec::new()),
        }
    }

    /// The column; the builder is empty afterwards.
    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        Ok(match self {
            Self::Dictionary(column) => column.finish()?,
            Self::Text(column) => Arc::new(column.finish()),
            Self::Boolean(values) => Arc::new(BooleanArray::from(std::mem::take(values))),
            Self::Integer(values) => Arc::new(Int64Array::from(std::mem::take(values))),
            Self::Time(values) => {
                let times = TimestampMicrosecondArray::from(std::mem::take(values));
                Arc::new(times.with_timezone("UTC"))
            }
        })
    }
}
