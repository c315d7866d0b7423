//! The arguments that say in which formats findings are written.

use clap::{Args, ValueEnum};

use crate::error::{Error, Result};
use crate::findings::Format;
use crate::pipeline::{Emit, FindingsFiles};

/// The formats of findings.
#[derive(Debug, Args)]
#[command(next_help_heading = "Findings for machines; see docs/findings.md")]
pub(super) struct Formats {
    /// Formats of the findings, with commas or the flag again; Parquet is always written
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',', default_value = "parquet")]
    format: Vec<FormatName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    Parquet,
    /// One JSON object per finding
    Jsonl,
    /// RFC 4180, safe for spreadsheets
    Csv,
    /// One OCSF Detection Finding (class 2004) per line
    Ocsf,
    /// CSV for Timesketch: a row per event of the evidence, and one per finding
    Timesketch,
}

/// Which findings are told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Findings for machines; see docs/findings.md")]
pub(super) struct Emitted {
    /// With --state, what the formats beside Parquet hold: what the run has changed, or all current
    /// findings [default with --state: changes]
    #[arg(long, value_name = "WHAT", value_enum)]
    emit: Option<EmitName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EmitName {
    /// New, updated and withdrawn findings, in findings/date=<day>/
    Changes,
    /// All of them, in findings_current.*
    All,
}

impl Formats {
    /// The files of a run without a state.
    pub(super) fn files(&self) -> FindingsFiles {
        let formats = self.format.iter().map(|format| match format {
            FormatName::Parquet => Format::Parquet,
            FormatName::Jsonl => Format::Jsonl,
            FormatName::Csv => Format::Csv,
            FormatName::Ocsf => Format::Ocsf,
            FormatName::Timesketch => Format::Timesketch,
        });
        FindingsFiles { formats: formats.collect(), emit: Emit::All }
    }
}

impl Emitted {
    /// The files of a scan.
    pub(super) fn files(
        &self,
        formats: &Formats,
        with_state: bool,
        partial: bool,
    ) -> Result<FindingsFiles> {
        let files = formats.files();
        if partial && (files.formats != [Format::Parquet] || self.emit.is_some()) {
            let message = "`--partial` writes no findings: give --format to `trailsift merge`";
            return Err(Error::Usage(message.to_owned()));
        }
        let emit = match (self.emit, with_state) {
            (Some(EmitName::Changes), false) => {
                let message = "`--emit changes` needs --state: without one there is nothing to \
                               have changed";
                return Err(Error::Usage(message.to_owned()));
            }
            (Some(EmitName::All), _) | (None, false) => Emit::All,
            (Some(EmitName::Changes) | None, true) => Emit::Changes,
        };
        Ok(FindingsFiles { emit, ..files })
    }
}
