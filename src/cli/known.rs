//! The arguments that say what is known beside the logs: what is normal, whose accounts they are,
//! what is changed of detectors.

use std::path::{Path, PathBuf};

use clap::Args;

use super::intel::KnownAddresses;
use super::time;
use crate::detect::rules::Tuning;
use crate::error::{Error, Result};
use crate::findings::Suppressions;
use crate::intel::OwnAccounts;
use crate::pipeline::{Border, JudgeOptions};

/// What is known beside the logs.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is known beside the logs")]
pub(super) struct Known {
    /// Learn everything before this day as normal, and judge from there on [default: half of the
    /// logs' span, from one to seven days, is learned]
    #[arg(long, value_name = "TIME", value_parser = time::parse, conflicts_with = "incident")]
    learn_until: Option<i64>,
    /// Judge these days by what was before them, and learn nothing in them: for logs that begin
    /// before an intrusion and end in it
    #[arg(long, value_name = "FROM..TO", value_parser = time::range)]
    incident: Option<(i64, i64)>,
    /// Output of `aws organizations list-accounts`: these accounts are one's own
    #[arg(long, value_name = "FILE")]
    org: Option<PathBuf>,
    /// An account of one's own; may be given several times
    #[arg(long, value_name = "ID", num_args = 1..)]
    own_account: Vec<String>,
    /// Changes of detectors (YAML): thresholds, severities, events to leave out; see docs/tuning.md
    #[arg(long, value_name = "FILE")]
    tune: Option<PathBuf>,
    /// Run only these detectors, by id (several: with commas): for a rule that was edited, over events
    /// that were converted
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,
    /// Findings not to be shown (YAML): they stay in the files, marked; see docs/tuning.md
    #[arg(long, value_name = "FILE")]
    suppress: Option<PathBuf>,
    /// Run the detectors too that are weak alone: for hunting, not for alarms
    #[arg(long)]
    hunting: bool,
    #[command(flatten)]
    addresses: KnownAddresses,
}

impl Known {
    /// What is changed of the detectors.
    pub(super) fn tuning(&self) -> Result<Option<Tuning>> {
        let tuning = self.tune.as_deref().map(|path| read(path, Tuning::parse)).transpose()?;
        if self.only.is_empty() { Ok(tuning) } else { Ok(Some(Tuning::only(tuning, &self.only))) }
    }

    /// What is held against the logs, and what of it is not shown.
    pub(super) fn judge(&self) -> Result<JudgeOptions> {
        let learn = self.learn_until.map(Border::LearnUntil);
        let incident = self.incident.map(|(from, until)| Border::Incident { from, until });
        let own = OwnAccounts::read(self.org.as_deref(), &self.own_account)?;
        let suppress = self.suppress.as_deref().map(|path| read(path, Suppressions::parse));
        let suppress = suppress.transpose()?.unwrap_or_default();
        let intel = self.addresses.read()?.into();
        Ok(JudgeOptions { border: learn.or(incident), own, suppress, intel, hunting: self.hunting })
    }
}

/// Reads a file that stands beside the detectors.
fn read<T>(path: &Path, parse: fn(&str, &str) -> T) -> Result<T> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(parse(&name, &text)),
        Err(error) => Err(Error::Usage(format!("`{name}`: {error}"))),
    }
}
