//! The commands with their arguments, as clap sees them, and the validated options that they become.
//! Groups of arguments stand in files of their own, a heading of the help each.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::asked::Asked;
use super::bounds::Bounds;
use super::completions::Completions;
use super::convert::Convert;
use super::detectors::Detectors;
use super::exit::{ExitRules, FailOn};
use super::explain::Explain;
use super::formats::{Emitted, Formats};
use super::known::Known;
use super::man::Man;
use super::report::Report;
use super::s3::{self, ReachS3};
use super::scope::Scope;
use super::shown::Shown;
use super::time;
use crate::detect::rules::read_placeholders;
use crate::error::{Error, Result};
use crate::pipeline::{Interim, MergeOptions, ReadOptions, ScanOptions};
use crate::source::{Order, Shard};
use crate::store::Location;

const SCAN_EXAMPLES: &str = "\
Examples:
  trailsift scan AWSLogs/                         a folder of CloudTrail objects, any depth
  trailsift scan dump/ --out case-17 --since 7d   the last seven days, results in case-17/
  zcat export.gz | trailsift scan -               what another program gives
  trailsift scan dump.zip --bucket payroll --ip 198.51.100.0/24
                                                  only these events
  trailsift scan logs/ --fail-on high             exit status 3 if anything high is found
  trailsift scan dump/ --incident 2026-03-04..2026-03-06 --own-account 111122223333
                                                  judge these days by what was before them
  trailsift scan archive/ --state state --out results
                                                  read what is new since the last run
  trailsift scan s3://trail-bucket/AWSLogs/ --delivered-since 3d --state s3://results/state --out s3://results/
                                                  the same, in S3
  trailsift scan archive/ --state state --out results --format ocsf
                                                  what has changed since then, for a SIEM
  trailsift scan logs/ --tune tune.yml --suppress known.yml
                                                  without what is normal here; see docs/tuning.md
  trailsift scan logs/ --geoip country.mmdb --geoip asn.mmdb --aws-ranges ip-ranges.json
                                                  know where calls come from; see docs/intel.md
  trailsift scan logs/ --threat-list tor=exits.csv --threat-list bad.netset --trusted offices.txt
                                                  whom others warn of, and who is no stranger
  trailsift scan logs/ --events-out events        keep the events as Parquet, to scan these next time
  trailsift scan logs/ --partial part-2 --shard 2/5
                                                  one share of five, for `trailsift merge`

Exit status: 0 done; 1 failed or interrupted; 2 wrong arguments; 3 findings at or above --fail-on;
4 part of the input could not be read.";

const MERGE_EXAMPLES: &str = "\
Example:
  trailsift merge part-1 part-2 part-3 --out merged";

/// Finds attacks on S3 in AWS CloudTrail logs, offline and fast.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Scan(Box<Scan>),
    Merge(Box<Merge>),
    Scope(Box<Scope>),
    Convert(Box<Convert>),
    Detectors(Detectors),
    Report(Report),
    Explain(Explain),
    Completions(Completions),
    Man(Man),
}

impl Command {
    /// What is shown of the run, if the command makes one.
    pub(super) fn shown(&self) -> Option<&Shown> {
        match self {
            Self::Scan(scan) => Some(&scan.shown),
            Self::Merge(merge) => Some(&merge.shown),
            Self::Scope(scope) => Some(&scope.shown),
            Self::Convert(convert) => Some(&convert.shown),
            Self::Detectors(_)
            | Self::Report(_)
            | Self::Explain(_)
            | Self::Completions(_)
            | Self::Man(_) => None,
        }
    }
}

/// Detect: read logs, write findings, print a summary
#[derive(Debug, Args)]
#[command(after_help = SCAN_EXAMPLES)]
pub(super) struct Scan {
    /// Files, folders, archives, s3://bucket/prefix, or `-` for standard input: CloudTrail logs in
    /// any shape
    #[arg(required = true, value_name = "INPUT", value_parser = s3::location())]
    inputs: Vec<Location>,
    /// Folder, or s3://bucket/prefix, for findings.parquet, first_appearances.parquet, rejected.parquet, coverage.parquet, manifest.parquet, run.json
    #[arg(long, value_name = "DIR", default_value = "trailsift-out", value_parser = s3::location())]
    out: Location,
    /// Folder, or s3://bucket/prefix, that keeps history, processed objects and findings between
    /// runs: each run reads what is new, and the findings go to findings/date=<day>/ and
    /// findings_current.parquet
    #[arg(long, value_name = "DIR", conflicts_with_all = ["partial", "history"], value_parser = s3::location())]
    state: Option<Location>,
    /// Folder with more detectors (Sigma rules, *.yml)
    #[arg(long, value_name = "DIR")]
    detectors: Option<PathBuf>,
    /// YAML file with the values of placeholders (`%name%`) in rules: `name: [value, …]`; findings on
    /// `sensitive_buckets` are more severe
    #[arg(long, value_name = "FILE")]
    placeholders: Option<PathBuf>,
    /// Leave out events before this time: RFC 3339, a date, or `7d`, `24h` ago
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<i64>,
    /// Leave out events from this time on
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<i64>,
    /// Read only objects delivered on the day of this time or later, where their names tell: for
    /// scheduled runs with --state, whose listing it bounds; no event is left out
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    delivered_since: Option<i64>,
    /// Read this much before --since too, for learning only: `30d`, `12h`
    #[arg(long, value_name = "DURATION", value_parser = time::duration, requires = "since")]
    history: Option<i64>,
    /// Worker threads [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: Option<u16>,
    /// Memory to keep within; of what the program leaves, three eighths for tables, a quarter each for
    /// ids of events (beyond, both are spilled to the output folder) and for objects being read (larger
    /// ones are streamed) [default: half of the machine's, 256MiB to 16GiB]
    #[arg(long, value_name = "SIZE")]
    memory: Option<ByteSize>,
    /// Only list what would be read, with bytes and an estimate of what the requests to S3 cost;
    /// `--dry-run=objects` names each object, with its bytes
    #[arg(long, value_name = "WHAT", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "summary")]
    pub dry_run: Option<DryRunOf>,
    /// Each DURATION (`60s`, `10m`), judge what was read so far and show it on standard error; the
    /// result in the end is the same
    #[arg(long, value_name = "DURATION", value_parser = period, conflicts_with = "partial")]
    interim: Option<Duration>,
    /// Put the SHA-256 of every object into manifest.parquet
    #[arg(long)]
    hash: bool,
    /// Which days are read first, where names tell: matters to what --interim shows, and to a run
    /// that is interrupted [default: what is fastest]
    #[arg(long, value_name = "ORDER", value_enum)]
    order: Option<ReadOrder>,
    /// Write tables for `trailsift merge` to this folder, or s3://bucket/prefix, instead of findings
    #[arg(long, value_name = "DIR", conflicts_with = "out", value_parser = s3::location())]
    partial: Option<Location>,
    /// Read only share I of N, split by account and region
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Keep the events too, in this folder, as `trailsift convert` does: the next scan reads them in
    /// place of the logs
    #[arg(long, value_name = "DIR", conflicts_with = "partial")]
    events_out: Option<PathBuf>,
    #[command(flatten)]
    formats: Formats,
    #[command(flatten)]
    emitted: Emitted,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    known: Known,
    #[command(flatten)]
    s3: ReachS3,
    #[command(flatten)]
    bounds: Bounds,
    /// Exit with status 3 if a finding is at least this severe that no earlier run has told
    #[arg(long, value_name = "SEVERITY", value_enum, requires = "state", default_missing_value = "low", num_args = 0..=1, help_heading = "Exit status")]
    pub fail_on_new: Option<FailOn>,
    #[command(flatten)]
    pub shown: Shown,
    #[command(flatten)]
    pub exit: ExitRules,
}

/// Merge partial runs and judge them as one
#[derive(Debug, Args)]
#[command(after_help = MERGE_EXAMPLES)]
pub(super) struct Merge {
    /// Folders written by `trailsift scan --partial`, or a folder of such folders; here or in S3
    #[arg(required = true, value_name = "DIR", value_parser = s3::location())]
    inputs: Vec<Location>,
    /// Folder, or s3://bucket/prefix, for the outputs
    #[arg(long, value_name = "DIR", default_value = "trailsift-out", value_parser = s3::location())]
    out: Location,
    /// The folder with more detectors that the partial runs were given
    #[arg(long, value_name = "DIR")]
    detectors: Option<PathBuf>,
    /// The file with values of placeholders that the partial runs were given
    #[arg(long, value_name = "FILE")]
    placeholders: Option<PathBuf>,
    #[command(flatten)]
    formats: Formats,
    #[command(flatten)]
    known: Known,
    #[command(flatten)]
    s3: ReachS3,
    #[command(flatten)]
    pub shown: Shown,
    #[command(flatten)]
    pub exit: ExitRules,
}

/// What a dry run lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DryRunOf {
    Summary,
    Objects,
}

/// Which days are read first.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ReadOrder {
    Newest,
    Oldest,
}

impl ReadOrder {
    fn order(self) -> Order {
        match self {
            Self::Newest => Order::Newest,
            Self::Oldest => Order::Oldest,
        }
    }
}

/// A period; lengths of time are at least a second.
fn period(text: &str) -> Result<Duration, String> {
    Ok(Duration::from_micros(time::duration(text)?.unsigned_abs()))
}

impl Scan {
    /// When the run is judged while it goes on.
    pub(super) fn interim(&self) -> Option<Interim> {
        self.interim.map(Interim::every)
    }

    /// The validated options.
    pub(super) fn options(&self) -> Result<ScanOptions> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            return Err(Error::Usage("`--since` must lie before `--until`".to_owned()));
        }
        // Not said to clap: it waives what is required if that conflicts with another argument.
        if self.shard.is_some() && self.partial.is_none() {
            return Err(Error::Usage("`--shard` needs `--partial DIR`".to_owned()));
        }
        let usual = ScanOptions::new(self.inputs.clone(), self.out.clone());
        Ok(ScanOptions {
            out: self.partial.as_ref().unwrap_or(&self.out).clone(),
            state: self.state.clone(),
            partial: self.partial.is_some(),
            detectors: self.detectors.clone(),
            tune: self.known.tuning()?,
            judge: self.known.judge()?,
            findings: self.emitted.files(
                &self.formats,
                self.state.is_some(),
                self.partial.is_some(),
            )?,
            placeholders: read_placeholders(self.placeholders.as_deref())?,
            events_out: self.events_out()?,
            read: self.read_options(usual.read)?,
        })
    }

    /// Where the events go. Objects are kept whole there, so that they need not be read again.
    fn events_out(&self) -> Result<Option<Location>> {
        let bounds = [self.since, self.until];
        let asked = self.asked.filter(false)?;
        if self.events_out.is_some() && (bounds.iter().any(Option::is_some) || !asked.is_empty()) {
            let message = "`--events-out` keeps all events of the objects: leave out --since, --until \
                           and what else picks events, or scan the events with them afterwards";
            return Err(Error::Usage(message.to_owned()));
        }
        Ok(self.events_out.clone().map(Location::Local))
    }

    fn read_options(&self, usual: ReadOptions) -> Result<ReadOptions> {
        Ok(ReadOptions {
            threads: self.threads.map_or(usual.threads, usize::from),
            access: self.s3.access(),
            order: self.order.map(ReadOrder::order),
            shard: self.shard,
            memory: self.memory.map_or(usual.memory, |memory| memory.as_u64()),
            since: self.since,
            until: self.until,
            delivered_since: self.delivered_since,
            history: self.history,
            hash: self.hash,
            filter: self.asked.filter(self.state.is_some())?,
            limits: self.bounds.limits(),
            archives: self.bounds.archives(),
            inputs: usual.inputs,
        })
    }
}

impl Merge {
    /// The options.
    pub(super) fn options(&self) -> Result<MergeOptions> {
        Ok(MergeOptions {
            inputs: self.inputs.clone(),
            out: self.out.clone(),
            access: self.s3.access(),
            detectors: self.detectors.clone(),
            placeholders: read_placeholders(self.placeholders.as_deref())?,
            tune: self.known.tuning()?,
            judge: self.known.judge()?,
            findings: self.formats.files(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use clap::CommandFactory;

    use super::*;

    /// The examples in the help of a command and of those below it.
    fn examples(command: &clap::Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let example = |line: &str| {
            let shown = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?;
            let command = shown.split("  ").next()?;
            Some(command.rsplit("| ").next()?.to_owned())
        };
        let own = help.lines().filter_map(example);
        own.chain(command.get_subcommands().flat_map(examples)).collect()
    }

    #[test]
    fn the_examples_of_the_help_are_commands_and_show_what_is_known_of_addresses() {
        let found = examples(&Arguments::command());
        for example in &found {
            let words = shlex::split(example).unwrap();
            let parsed = Arguments::try_parse_from(words);
            assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
        }
        for option in ["--geoip", "--threat-list", "--aws-ranges", "--trusted"] {
            let is_shown = |example: &String| {
                example.starts_with("trailsift scan ") && example.contains(option)
            };
            assert!(found.iter().any(is_shown), "{option}: {found:#?}");
        }
    }
}
