//! Findings for machines: the rows of `findings.parquet` as JSON lines, CSV and OCSF events. In come
//! batches in the columns of `columns.rs`, fresh or read back from a state; out goes one file. What
//! the columns mean this room's writers must know only where a format has places of its own (OCSF).

mod csv;
mod jsonl;
mod ocsf;
mod row;

use std::io::{BufWriter, Write};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::columns::write_batches;
use crate::error::{Error, Result};
use crate::store;
pub use row::{Cell, Row, rows};

/// A form of the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Columns; what the other commands and the state read.
    Parquet,
    /// A JSON object per finding.
    Jsonl,
    /// A table with a head, RFC 4180.
    Csv,
    /// An OCSF Detection Finding per line.
    Ocsf,
}

impl Format {
    /// All but the one that is always written.
    pub const BESIDE_PARQUET: [Self; 3] = [Self::Jsonl, Self::Csv, Self::Ocsf];

    /// How names of such files end, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Ocsf => "ocsf.jsonl",
        }
    }
}

/// What a run made of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Written for the first time.
    New,
    /// Says something else now, or holds again after it was withdrawn.
    Updated,
    /// No longer holds.
    Withdrawn,
}

impl Change {
    /// Told by `status` and `revision`, so that it can be told of a run that was stopped as well.
    fn of(row: &Row<'_>) -> Result<Self> {
        Ok(match (row.text("status")?, row.integer("revision")?) {
            (Some("withdrawn"), _) => Self::Withdrawn,
            (_, Some(1)) => Self::New,
            _ => Self::Updated,
        })
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Updated => "updated",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Whether a table or an object says what has become of the finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The columns of Parquet alone.
    Rows,
    /// These, and `change`. (Parquet has no such column, and OCSF an activity in any case.)
    Changes,
}

/// Writes findings in a format: complete or not at all. All batches have the columns of `schema`.
///
/// # Errors
/// Those of the batches and of the file system.
pub fn write_findings(
    path: &Path,
    format: Format,
    told: Told,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<()> {
    if format == Format::Parquet {
        return write_batches(path, schema, batches);
    }
    store::replace(path, |file| {
        let mut out = BufWriter::new(file);
        match format {
            Format::Csv => csv::write(&mut out, path, told, schema, batches)?,
            Format::Ocsf => lines(&mut out, path, batches, ocsf::write)?,
            _ => lines(&mut out, path, batches, |out, row| jsonl::write(out, row, told))?,
        }
        out.flush().map_err(Error::io(path))
    })
}

/// One line per row.
fn lines<W: Write>(
    out: &mut W,
    path: &Path,
    batches: impl Iterator<Item = Result<RecordBatch>>,
    write: impl Fn(&mut W, &Row<'_>) -> Result<()>,
) -> Result<()> {
    for batch in batches {
        for row in rows(&batch?) {
            write(out, &row)?;
            out.write_all(b"\n").map_err(Error::io(path))?;
        }
    }
    Ok(())
}
