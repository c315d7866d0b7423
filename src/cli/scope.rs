//! `trailsift scope`: its arguments, and what it shows.

use std::io::Write;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::Args;
use ipnet::IpNet;

use super::asked::network;
use super::bounds::Bounds;
use super::s3::{self, ReachS3};
use super::shown::Shown;
use super::{EXIT_DONE, EXIT_FAILED, EXIT_UNREADABLE, INTERRUPT, show_run, time};
use crate::error::{Error, Result};
use crate::pipeline::{ReadOptions, ScopeOptions, scope};
use crate::report::{Bar, scope_summary};
use crate::scope::Seeds;
use crate::store::Location;

const EXAMPLES: &str = "\
Examples:
  trailsift scope AWSLogs/ --access-key AKIAIOSFODNN7EXAMPLE --out case-17
                                                  all that a key did, and the keys issued from it
  trailsift scope AWSLogs/ --run out --finding 3f2a --out case-17
                                                  who a finding is about
  trailsift scope AWSLogs/ --ip 198.51.100.0/24 --inventory inventory.csv.gz --out case-17
                                                  what came from a network; sizes from an S3 inventory
  trailsift scope AWSLogs/ --principal arn:aws:iam::111122223333:role/etl --since 2026-03-04 --out case-17
                                                  what a role did from a day on

Exit status: 0 done; 1 failed or interrupted; 2 wrong arguments; 4 part of the input could not be read.";

/// Follow an actor: every object it touched, its credentials, whether that is known and over
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Scope {
    /// Files, folders, archives, or s3://bucket/prefix: CloudTrail logs in any shape; they are read
    /// twice
    #[arg(required = true, value_name = "INPUT", value_parser = s3::location())]
    inputs: Vec<Location>,
    /// Folder, or s3://bucket/prefix, for timeline.parquet, actors.parquet, objects.parquet,
    /// objects.csv, scope.json, manifest.parquet, rejected.parquet
    #[arg(long, value_name = "DIR", default_value = "trailsift-scope", value_parser = s3::location())]
    out: Location,
    #[command(flatten)]
    begin: Begin,
    /// S3 inventory (CSV, compressed or not, or Parquet) that tells the sizes of objects
    #[arg(long, value_name = "FILE")]
    inventory: Vec<PathBuf>,
    /// Leave out requests before this time: RFC 3339, a date, or `7d`, `24h` ago; credentials are
    /// followed from their issue all the same
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<i64>,
    /// Leave out requests from this time on
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<i64>,
    /// Worker threads [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: Option<u16>,
    /// Memory to keep within; what is found beyond is spilled to the output folder [default:
    /// half of the machine's, 256MiB to 16GiB]
    #[arg(long, value_name = "SIZE")]
    memory: Option<ByteSize>,
    #[command(flatten)]
    s3: ReachS3,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    pub shown: Shown,
}

/// What to begin with.
#[derive(Debug, Args)]
#[command(next_help_heading = "What to begin with (all that is given adds up)")]
struct Begin {
    /// Results of a scan, for --finding
    #[arg(long, value_name = "DIR", requires = "finding", value_parser = s3::location())]
    run: Option<Location>,
    /// Who this finding of --run is about: its id, or the beginning of it
    #[arg(long, value_name = "ID", requires = "run")]
    finding: Option<String>,
    /// All that this access key did, and keys that were issued to it, and to these …
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    access_key: Vec<String>,
    /// All that came from this address or network, and keys that were issued there
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    ip: Vec<IpNet>,
    /// All that this role, user or session did: an ARN, or a user name
    #[arg(long, value_name = "ARN")]
    principal: Vec<String>,
    /// All that role sessions of this name did
    #[arg(long, value_name = "NAME")]
    session: Vec<String>,
    /// All that was done to this bucket, by anybody
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    bucket: Vec<String>,
}

impl Scope {
    fn options(&self) -> Result<ScopeOptions> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            return Err(Error::Usage("`--since` must lie before `--until`".to_owned()));
        }
        let Begin { run, finding, access_key, ip, principal, session, bucket } = &self.begin;
        let usual = ReadOptions::new(self.inputs.clone());
        Ok(ScopeOptions {
            read: ReadOptions {
                threads: self.threads.map_or(usual.threads, usize::from),
                access: self.s3.access(),
                memory: self.memory.map_or(usual.memory, |memory| memory.as_u64()),
                limits: self.bounds.limits(),
                archives: self.bounds.archives(),
                ..usual
            },
            out: self.out.clone(),
            seeds: Seeds {
                access_keys: access_key.clone(),
                principals: principal.clone(),
                sessions: session.clone(),
                networks: ip.clone(),
                buckets: bucket.clone(),
            },
            finding: run.clone().zip(finding.clone()),
            inventories: self.inventory.clone(),
            since: self.since,
            until: self.until,
        })
    }

    /// Follows the actor and shows what that came to.
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<u8> {
        let bar = if self.shown.bar() { Bar::default() } else { Bar::hidden() };
        let run = scope(&self.options()?, &bar, &INTERRUPT)?;
        show_run(&run.stages, &self.shown, out, |out| scope_summary(&run, out))?;
        Ok(match (run.interrupted, run.account.unreadable()) {
            (true, _) => EXIT_FAILED,
            (false, 0) => EXIT_DONE,
            (false, _) => EXIT_UNREADABLE,
        })
    }
}
