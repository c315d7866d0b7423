//! `trailsift report`: its arguments, and what they run.

use std::io::Write;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::Args;
use jiff::tz::TimeZone;

use super::s3::{self, ReachS3};
use super::time;
use super::{EXIT_DONE, show};
use crate::error::Result;
use crate::report::{ReportOptions, escaped, html_report};
use crate::store::Location;

const EXAMPLES: &str = "\
Examples:
  trailsift report out                            out/report.html, from what a scan has written to out/
  trailsift report results --out monday.html --tz Europe/Berlin
                                                  to another file, with times in another zone
  trailsift report s3://results/weekly            of a run in S3, beside its other files";

/// Make one HTML file of a finished run: to read, to search, to print, to send
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Report {
    /// Folder, or s3://bucket/prefix, that `scan --out` or `merge --out` has written
    #[arg(value_name = "DIR", value_parser = s3::location())]
    dir: Location,
    /// The file to write [default: report.html in DIR]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Zone in which times are shown: `Europe/Berlin`, `+02:00`
    #[arg(long, value_name = "ZONE", value_parser = time::zone, default_value = "UTC", allow_hyphen_values = true)]
    tz: TimeZone,
    #[command(flatten)]
    s3: ReachS3,
}

impl Report {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<u8> {
        let made = html_report(&ReportOptions {
            dir: self.dir.clone(),
            out: self.out.clone(),
            access: self.s3.access(),
            zone: self.tz.clone(),
        })?;
        show(out, |out| {
            let (place, size) = (escaped(&made.place), ByteSize(made.bytes));
            let noun = if made.findings == 1 { "finding" } else { "findings" };
            writeln!(out, "{place}: {} {noun}, {size}", made.findings)?;
            match made.left_out {
                0 => Ok(()),
                some => writeln!(out, "{some} of them did not fit; the report says so"),
            }
        })?;
        Ok(EXIT_DONE)
    }
}
