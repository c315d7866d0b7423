//! `trailsift explain`: its arguments, and what it runs.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;

use super::s3::{self, ReachS3};
use super::{EXIT_DONE, EXIT_FAILED, INTERRUPT, show, show_json, time, width};
use crate::error::Result;
use crate::pipeline::{ExplainOptions, explain};
use crate::report::{Bar, ExplanationShown, explanation};
use crate::store::Location;

const EXAMPLES: &str = "\
Examples:
  trailsift explain out 26cac6e2                  why this finding of the run in out/ fired
  trailsift explain out 26cac6e2 --around 6h --tz Europe/Berlin
                                                  six hours before and after, in local time
  trailsift explain s3://results/2026-03/ 26cac6e2 --json
                                                  the same of a run in S3, for a program";

/// Why a finding fired: its evidence as logged, what its principal did around it, what to do next
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Explain {
    /// The output folder of a run (its --out), here or in S3. The objects that the run has read are
    /// read again, where the run has found them
    #[arg(value_name = "DIR", value_parser = s3::location())]
    folder: Location,
    /// The finding's id, or as much of its beginning as no other id has
    #[arg(value_name = "FINDING_ID")]
    finding: String,
    /// Look so long before and after the finding: `1h`, `2d`
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = time::duration)]
    around: i64,
    /// List at most so many events before, within and after the finding
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    events: u16,
    /// Show times in this zone: `Europe/Berlin`, `+02:00`; JSON has UTC
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = time::zone, allow_hyphen_values = true)]
    tz: TimeZone,
    /// Print JSON, with records as they were written
    #[arg(long)]
    json: bool,
    /// The folder with more detectors that the run was given
    #[arg(long, value_name = "DIR")]
    detectors: Option<PathBuf>,
    #[command(flatten)]
    s3: ReachS3,
}

impl Explain {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<u8> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let options = ExplainOptions {
            folder: self.folder.clone(),
            finding: self.finding.clone(),
            detectors: self.detectors.clone(),
            around: self.around,
            most: usize::from(self.events),
            threads,
            access: self.s3.access(),
        };
        let bar = if self.json { Bar::hidden() } else { Bar::default() };
        let explained = explain(&options, &bar, &INTERRUPT)?;
        if self.json {
            show_json(out, &serde_json::to_value(&explained)?)?;
        } else {
            let folder = self.folder.to_string();
            let shown = ExplanationShown { zone: self.tz.clone(), width: width(), folder: &folder };
            show(out, |out| explanation(&explained, &shown, out))?;
        }
        Ok(if explained.around.cut { EXIT_FAILED } else { EXIT_DONE })
    }
}
