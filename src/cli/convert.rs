//! `trailsift convert`: its arguments, and what it ends with.

use std::io::Write;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::Args;

use super::bounds::Bounds;
use super::s3::{self, ReachS3};
use super::shown::Shown;
use super::{EXIT_DONE, EXIT_FAILED, EXIT_UNREADABLE, INTERRUPT, show_run, time};
use crate::error::Result;
use crate::pipeline::{ConvertOptions, Converted, ReadOptions, convert};
use crate::report::{Bar, converted};
use crate::store::Location;

const EXAMPLES: &str = "\
Examples:
  trailsift convert AWSLogs/ --out events         all events, for DuckDB and for later scans
  trailsift convert AWSLogs/ --out events         once more: adds what is new, and nothing twice
  trailsift convert s3://trail-bucket/AWSLogs/ --delivered-since 3d --out events
                                                  what was delivered in the last three days
  trailsift scan events --out case-17             scan what was converted

See docs/schema.md for the columns, and queries/ for questions to begin with.

Exit status: 0 done; 1 failed or interrupted (nothing was added); 2 wrong arguments; 4 part of the
input could not be read.";

/// Events as Parquet, by account, region and day: for DuckDB, and an INPUT again
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Convert {
    /// Files, folders, archives or s3://bucket/prefix: CloudTrail logs in any shape
    #[arg(required = true, value_name = "INPUT", value_parser = s3::location())]
    inputs: Vec<Location>,
    /// Folder on this machine; objects whose events are there are left out
    #[arg(long, value_name = "DIR", default_value = "trailsift-events")]
    out: PathBuf,
    /// Read only objects delivered on the day of this time or later, where their names tell
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    delivered_since: Option<i64>,
    /// Worker threads [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: Option<u16>,
    /// Memory to keep within; of what the program leaves, three eighths for events, which beyond are
    /// sorted on disk, in the output folder [default: half of the machine's, 256MiB to 16GiB]
    #[arg(long, value_name = "SIZE")]
    memory: Option<ByteSize>,
    /// Put the SHA-256 of every object into the manifest
    #[arg(long)]
    hash: bool,
    #[command(flatten)]
    s3: ReachS3,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    pub shown: Shown,
    /// So many unreadable objects and rejected records are tolerated before status 4
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Exit status")]
    max_rejected: u64,
}

impl Convert {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<u8> {
        let bar = if self.shown.bar() { Bar::default() } else { Bar::hidden() };
        let done = convert(&self.options(), &bar, &INTERRUPT)?;
        show_run(&done.stages, &self.shown, out, |out| converted(&done, out))?;
        Ok(self.status(&done))
    }

    fn options(&self) -> ConvertOptions {
        let usual = ReadOptions::new(self.inputs.clone());
        let read = ReadOptions {
            threads: self.threads.map_or(usual.threads, usize::from),
            access: self.s3.access(),
            memory: self.memory.map_or(usual.memory, |memory| memory.as_u64()),
            delivered_since: self.delivered_since,
            hash: self.hash,
            limits: self.bounds.limits(),
            archives: self.bounds.archives(),
            ..usual
        };
        ConvertOptions { read, out: self.out.clone() }
    }

    fn status(&self, done: &Converted) -> u8 {
        if done.interrupted {
            EXIT_FAILED
        } else if done.account.unreadable() > self.max_rejected {
            EXIT_UNREADABLE
        } else {
            EXIT_DONE
        }
    }
}
