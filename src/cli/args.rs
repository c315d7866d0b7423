//! The arguments, as clap sees them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

use super::detectors::Detectors;
use super::formats::{Emitted, Formats};
use super::s3::{self, ReachS3};
use super::shown::Shown;
use super::time;
use crate::decode::Limits;
use crate::detect::rules::{Tuning, read_placeholders};
use crate::error::{Error, Result};
use crate::events::EventFilter;
use crate::findings::{SeverityLabel, Suppressions};
use crate::intel::OwnAccounts;
use crate::pipeline::{ArchiveLimits, Border, Interim, JudgeOptions, MergeOptions, ScanOptions};
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
    Detectors(Detectors),
}

impl Command {
    /// What is shown of the run, if the command makes one.
    pub(super) fn shown(&self) -> Option<&Shown> {
        match self {
            Self::Scan(scan) => Some(&scan.shown),
            Self::Merge(merge) => Some(&merge.shown),
            Self::Detectors(_) => None,
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
    /// YAML file with the values of placeholders (`%name%`) in rules: `name: [value, …]`
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
    /// Memory to keep within: a quarter each for tables, for ids of events (beyond, both are spilled
    /// to the output folder) and for objects being read (larger ones are streamed)
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    memory: ByteSize,
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

/// Which events are asked for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Events to look at (several values: with commas, or the flag again)")]
struct Asked {
    /// Only events of this account's trail; objects of others are not read where their keys tell
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = account_id)]
    account: Vec<String>,
    /// Only events of this region
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    region: Vec<String>,
    /// Only events on this bucket
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    bucket: Vec<String>,
    /// Only events by this role, user or session: an ARN, or a user name (which may hold commas, so
    /// for several give the flag again)
    #[arg(long, value_name = "ARN")]
    principal: Vec<String>,
    /// Only events with this access key
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    access_key: Vec<String>,
    /// Only events from this address or network
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    ip: Vec<IpNet>,
    /// Only events of this name
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    event_name: Vec<String>,
}

/// Twelve digits.
fn account_id(text: &str) -> Result<String, String> {
    let is_id = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then(|| text.to_owned()).ok_or_else(|| format!("`{text}` is no account: 12 digits"))
}

/// An address, or a network.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<std::net::IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(address).ok_or_else(|| {
        format!(
            "`{text}` is neither an address nor a network: write 198.51.100.7 or 198.51.100.0/24"
        )
    })
}

impl Asked {
    fn filter(&self, with_state: bool) -> Result<EventFilter> {
        let filter = EventFilter {
            accounts: self.account.clone(),
            regions: self.region.clone(),
            buckets: self.bucket.clone(),
            principals: self.principal.clone(),
            access_keys: self.access_key.clone(),
            networks: self.ip.clone(),
            event_names: self.event_name.clone(),
        };
        if with_state && filter.looks_inside() {
            let message = "`--state` with --bucket, --principal, --access-key, --ip or --event-name: \
                           the history of later runs would lack the rest; scan without --state";
            return Err(Error::Usage(message.to_owned()));
        }
        Ok(filter)
    }
}

/// Bounds that keep hostile or broken input from eating the machine. What goes beyond is rejected
/// and counted; the run goes on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Bounds on hostile input")]
#[allow(clippy::struct_field_names, reason = "the flags are named so")]
struct Bounds {
    /// The most that one object may inflate to
    #[arg(long, value_name = "SIZE", default_value = "256GiB")]
    max_inflated: ByteSize,
    /// How many times its stored size an object may inflate to (beyond 64 MiB)
    #[arg(long, value_name = "N", default_value_t = Limits::default().ratio)]
    max_ratio: u64,
    /// The longest record
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = record_size)]
    max_record: usize,
    /// The most levels of nesting in a record
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    max_depth: u16,
    /// The most members that are read of one archive
    #[arg(long, value_name = "N", default_value_t = ArchiveLimits::default().members)]
    max_members: u64,
    /// How many archives within each other are opened
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=8))]
    max_archive_depth: u32,
}

/// The size of a record: a window over the input must hold it twice.
fn record_size(text: &str) -> Result<usize, String> {
    let size = text.parse::<ByteSize>()?.as_u64();
    let in_range = (1..=1 << 30).contains(&size);
    usize::try_from(size)
        .ok()
        .filter(|_| in_range)
        .ok_or_else(|| "a record may have from 1 byte to 1 GiB".to_owned())
}

impl Bounds {
    fn limits(&self) -> Limits {
        Limits {
            inflated_bytes: self.max_inflated.as_u64(),
            ratio: self.max_ratio,
            record_bytes: self.max_record,
            depth: usize::from(self.max_depth),
            ..Limits::default()
        }
    }

    fn archives(&self) -> ArchiveLimits {
        ArchiveLimits { members: self.max_members, depth: self.max_archive_depth }
    }
}

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
    /// Findings not to be shown (YAML): they stay in the files, marked; see docs/tuning.md
    #[arg(long, value_name = "FILE")]
    suppress: Option<PathBuf>,
    #[command(flatten)]
    addresses: super::intel::KnownAddresses,
}

/// Reads a file that stands beside the detectors.
fn read<T>(path: &Path, parse: fn(&str, &str) -> T) -> Result<T> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(parse(&name, &text)),
        Err(error) => Err(Error::Usage(format!("`{name}`: {error}"))),
    }
}

impl Known {
    /// What is changed of the detectors.
    pub(super) fn tuning(&self) -> Result<Option<Tuning>> {
        self.tune.as_deref().map(|path| read(path, Tuning::parse)).transpose()
    }

    pub(super) fn judge(&self) -> Result<JudgeOptions> {
        let learn = self.learn_until.map(Border::LearnUntil);
        let incident = self.incident.map(|(from, until)| Border::Incident { from, until });
        let own = OwnAccounts::read(self.org.as_deref(), &self.own_account)?;
        let suppress = self.suppress.as_deref().map(|path| read(path, Suppressions::parse));
        let suppress = suppress.transpose()?.unwrap_or_default();
        let intel = self.addresses.read()?.into();
        Ok(JudgeOptions { border: learn.or(incident), own, suppress, intel })
    }
}

/// What the exit status tells.
#[derive(Debug, Args)]
#[command(next_help_heading = "Exit status")]
pub(super) struct ExitRules {
    /// Exit with status 3 if a finding is at least this severe
    #[arg(long, value_name = "SEVERITY", value_enum, default_value = "never")]
    pub fail_on: FailOn,
    /// So many unreadable objects and rejected records are tolerated before status 4
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_rejected: u64,
    /// Exit with status 0 where it would be 3 or 4
    #[arg(long)]
    pub exit_zero: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum FailOn {
    Never,
    Low,
    Medium,
    High,
    Critical,
}

impl FailOn {
    pub(super) fn label(self) -> Option<SeverityLabel> {
        match self {
            Self::Never => None,
            Self::Low => Some(SeverityLabel::Low),
            Self::Medium => Some(SeverityLabel::Medium),
            Self::High => Some(SeverityLabel::High),
            Self::Critical => Some(SeverityLabel::Critical),
        }
    }
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
            threads: self.threads.map_or(usual.threads, usize::from),
            out: self.partial.as_ref().unwrap_or(&self.out).clone(),
            state: self.state.clone(),
            access: self.s3.access(),
            order: self.order.map(ReadOrder::order),
            partial: self.partial.is_some(),
            shard: self.shard,
            detectors: self.detectors.clone(),
            tune: self.known.tuning()?,
            memory: self.memory.as_u64(),
            since: self.since,
            until: self.until,
            delivered_since: self.delivered_since,
            history: self.history,
            judge: self.known.judge()?,
            findings: self.emitted.files(
                &self.formats,
                self.state.is_some(),
                self.partial.is_some(),
            )?,
            hash: self.hash,
            filter: self.asked.filter(self.state.is_some())?,
            limits: self.bounds.limits(),
            archives: self.bounds.archives(),
            placeholders: read_placeholders(self.placeholders.as_deref())?,
            ..usual
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

/// A scan of everything with the usual bounds, and without an output of its own.
pub(super) fn plain_scan(
    inputs: &[PathBuf],
    since: Option<i64>,
    until: Option<i64>,
    known: &Known,
) -> Result<ScanOptions> {
    let inputs = inputs.iter().cloned().map(Location::from).collect();
    let (tune, judge) = (known.tuning()?, known.judge()?);
    Ok(ScanOptions { tune, since, until, judge, ..ScanOptions::new(inputs, PathBuf::new().into()) })
}
