//! Findings as a table of comma-separated values (RFC 4180). Lists are JSON texts, and no text is
//! taken for a formula by a spreadsheet, as OWASP advises on CSV injection.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use csv::{Terminator, Writer, WriterBuilder};

use super::row::{Cell, rows, time_text};
use super::{Change, Told};
use crate::error::{Error, Result};
use crate::findings::day_text;

/// What formulas begin with, in their full-width forms too (OWASP), and our own mark.
const FORMULAS: [char; 12] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\''];

/// Writes the head and the rows.
pub(super) fn write(
    out: &mut impl Write,
    path: &Path,
    told: Told,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<()> {
    let mut table = writer(out);
    let change = (told == Told::Changes).then_some("change");
    let head = schema.fields().iter().map(|field| field.name().as_str()).chain(change);
    record(&mut table, path, head)?;
    for batch in batches {
        for row in rows(&batch?) {
            let cells = row.cells()?;
            let mut fields =
                cells.iter().map(|(_, cell)| field(cell)).collect::<Result<Vec<_>>>()?;
            if told == Told::Changes {
                fields.push(Change::of(&row)?.as_str().into());
            }
            record(&mut table, path, fields.iter().map(AsRef::as_ref))?;
        }
    }
    table.flush().map_err(Error::io(path))
}

/// A table whose lines end as RFC 4180 wants.
pub(super) fn writer<W: Write>(out: W) -> Writer<W> {
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out)
}

/// Writes a line.
pub(super) fn record<'f>(
    table: &mut Writer<impl Write>,
    path: &Path,
    fields: impl Iterator<Item = &'f str>,
) -> Result<()> {
    table.write_record(fields).map_err(|error| Error::io(path)(error.into()))
}

/// A value as the field of a line, which no spreadsheet takes for a formula.
pub(super) fn field<'c>(cell: &Cell<'c>) -> Result<Cow<'c, str>> {
    Ok(match cell {
        Cell::Null => "".into(),
        Cell::Text(text) => harmless(text),
        Cell::Day(day) => day_text(i64::from(*day)).into(),
        Cell::Time(micros) => time_text(*micros).into(),
        other => serde_json::to_string(other)?.into(),
    })
}

/// A text with an apostrophe before what a spreadsheet would take for a formula. One that is there
/// already is doubled, so that readers can take it off again.
fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(FORMULAS) {
        return format!("'{text}").into();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\u{ff1d}1", "'=1"]
        {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        for harmless_one in ["", "arn:aws:iam::1:role/a", "a=1", " "] {
            assert_eq!(harmless(harmless_one), harmless_one);
        }
    }
}
