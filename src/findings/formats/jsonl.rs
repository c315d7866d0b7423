//! A finding as one line of JSON: the columns by their names and in their order.

use std::io::Write;

use super::row::{Cell, Row};
use super::{Change, Told};
use crate::error::Result;

/// Writes the object of a row.
pub(super) fn write(out: &mut impl Write, row: &Row<'_>, told: Told) -> Result<()> {
    let mut cells = row.cells()?;
    if told == Told::Changes {
        cells.push(("change", Cell::Text(Change::of(row)?.as_str())));
    }
    Ok(serde_json::to_writer(out, &Cell::Object(cells))?)
}
