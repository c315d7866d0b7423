//! Which files the findings go to: all of them in one, or with a state what a run has changed by
//! day. Parquet is always written, since other commands and the state read it.

use std::path::Path;

use arrow::array::RecordBatch;

use super::run::Run;
use crate::error::{Error, Result};
use crate::findings::{Format, Told, current_batches, findings_batch, write_findings};
use crate::store::{self, Folder};

/// Rows that are made a batch at a time.
const ROWS: usize = 8_192;

/// Files of all findings of a run; the format's ending is left out.
const FINDINGS: &str = "findings";

/// With a state: files of the newest row of every finding.
const CURRENT: &str = "findings_current";

/// Which findings the formats other than Parquet tell of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Emit {
    /// With a state, those that the run has added, revised or withdrawn.
    Changes,
    /// All that there are.
    #[default]
    All,
}

/// In which formats findings are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingsFiles {
    /// The formats beside Parquet.
    pub formats: Vec<Format>,
    /// Which findings, with a state.
    pub emit: Emit,
}

impl FindingsFiles {
    /// Writes the findings of a run without a state; its Parquet is one of the run's outputs.
    pub(super) fn write(&self, run: &Run) -> Result<()> {
        clear(&run.out, CURRENT, &[])?;
        clear(&run.out, FINDINGS, &self.formats)?;
        let schema = findings_batch(&[])?.schema();
        for format in self.beside_parquet() {
            let path = run.out.join(name(FINDINGS, format));
            let batches = run.findings.chunks(ROWS).map(findings_batch);
            write_findings(&path, format, Told::Rows, &schema, batches)?;
        }
        Ok(())
    }

    /// Writes what a run has changed of a day's findings, unless it is there. Parquet comes last:
    /// once it stands, the run's other files are not made again, whoever may have taken them away.
    pub(super) fn write_changes(
        &self,
        out: &Folder,
        folder: &str,
        run: &str,
        changes: &RecordBatch,
    ) -> Result<()> {
        if out.holds(&format!("{folder}/{}", name(run, Format::Parquet)))? {
            return Ok(());
        }
        let path = out.path().join(folder);
        std::fs::create_dir_all(&path).map_err(Error::io(&path))?;
        let beside = self.beside_parquet().filter(|_| self.emit == Emit::Changes);
        for format in beside.chain([Format::Parquet]) {
            let name = name(run, format);
            let batches = std::iter::once(Ok(changes.clone()));
            write_findings(&path.join(&name), format, Told::Changes, &changes.schema(), batches)?;
            // At once: the state forgets them with the next commit.
            out.send(&format!("{folder}/{name}"))?;
        }
        Ok(())
    }

    /// Writes the newest row of every finding, if all are asked for. `current` is the state's
    /// Parquet of them.
    pub(super) fn write_current(&self, out: &Path, current: &Path) -> Result<()> {
        let asked = if self.emit == Emit::All { self.formats.as_slice() } else { &[] };
        clear(out, FINDINGS, &[])?;
        clear(out, CURRENT, asked)?;
        let schema = findings_batch(&[])?.schema();
        for format in self.beside_parquet().filter(|format| asked.contains(format)) {
            let path = out.join(name(CURRENT, format));
            write_findings(&path, format, Told::Rows, &schema, current_batches(current)?)?;
        }
        Ok(())
    }

    /// The names of all files of findings but Parquet that a folder may hold.
    pub(super) fn known() -> impl Iterator<Item = String> {
        let formats = Format::BESIDE_PARQUET.into_iter();
        formats.flat_map(|format| [FINDINGS, CURRENT].map(|stem| name(stem, format)))
    }

    fn beside_parquet(&self) -> impl Iterator<Item = Format> {
        Format::BESIDE_PARQUET.into_iter().filter(|format| self.formats.contains(format))
    }
}

/// Removes what an earlier run has left in formats that this one does not write.
fn clear(folder: &Path, stem: &str, written: &[Format]) -> Result<()> {
    let mut stale = Format::BESIDE_PARQUET.into_iter().filter(|format| !written.contains(format));
    stale.try_for_each(|format| store::remove(&folder.join(name(stem, format))))
}

fn name(stem: &str, format: Format) -> String {
    format!("{stem}.{}", format.extension())
}
