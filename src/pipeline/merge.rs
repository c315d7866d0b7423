//! Partial runs to one: their tables are merged and judged as if one run had read everything.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::findings_files::FindingsFiles;
use super::history::JudgeOptions;
use super::judging::Judging;
use super::partial::{self, Header, Partial};
use super::run::{Run, Span};
use super::scan::load_plan_with;
use super::tables::Spill;
use super::walk::judge_run;
use super::{log, output};
use crate::detect::group::{self, TableReader};
use crate::detect::rules::Tuning;
use crate::detect::select::Placeholders;
use crate::error::{Error, Result};
use crate::source::Shard;
use crate::store::{Access, Folder, Location, S3, S3Uri};

/// What to merge.
#[derive(Debug, Clone)]
pub struct MergeOptions {
    /// Folders written by `scan --partial`, or folders of such folders.
    pub inputs: Vec<Location>,
    /// Where the outputs go.
    pub out: Location,
    /// How S3 is reached.
    pub access: Access,
    /// The folder with more detectors that the partial runs were given.
    pub detectors: Option<PathBuf>,
    /// Values of placeholders in rules.
    pub placeholders: Placeholders,
    /// What is changed of the detectors; the partial runs were given the same.
    pub tune: Option<Tuning>,
    /// How entities are judged.
    pub judge: JudgeOptions,
    /// In which formats findings are written.
    pub findings: FindingsFiles,
}

/// Merges and judges.
///
/// # Errors
/// [`Error::Table`] for folders that hold no partial run, [`Error::Usage`] for runs that do not
/// belong together.
pub fn merge(options: &MergeOptions) -> Result<Run> {
    log::merging(options.inputs.len());
    let (placeholders, tune) = (&options.placeholders, options.tune.as_ref());
    let available = options.judge.available();
    let plan = load_plan_with(options.detectors.as_deref(), placeholders, tune, &available)?;
    let s3 = S3::connect_for(options.inputs.iter().chain([&options.out]), &options.access)?;
    let folders = folders(options, s3.as_ref())?;
    let partials: Vec<Partial> = folders.iter().map(partial::read).collect::<Result<_>>()?;
    let headers: Vec<&Header> = partials.iter().map(|partial| &partial.header).collect();
    let missing = belong_together(&headers, &plan.digest)?;
    not_an_input(options, &folders)?;
    let out = Folder::open(&options.out, s3.as_ref())?;
    let since = headers.first().and_then(|header| header.since);
    output::refuse_current(&out)?;
    let mut run = Run::empty(&plan, &out);
    let mut notes = Vec::new();
    if !missing.is_empty() {
        run.incomplete = true;
        let missing = missing.join(", ");
        notes.push(format!("shares are missing: {missing}; the result is not whole"));
    }
    for header in &headers {
        run.span = Span::join(run.span, header.span);
        run.interrupted |= header.interrupted;
        notes.extend(header.notes.iter().cloned());
        run.account.add_oddities(
            header.conflicts.clone(),
            header.own_reads,
            header.odd_fields.clone(),
        );
    }
    let mut runs: Vec<group::Run<'_>> = Vec::new();
    for partial in partials {
        runs.push(Box::new(TableReader::open(&partial.table)?));
        run.account.listed += partial.account.listed;
        run.account.add(partial.account.manifest, partial.account.rejected);
    }
    run.account.sort();
    run.notes = notes;
    run.knows(&options.judge.intel);
    if let Some(uri) = run.account.listed_twice() {
        let message = format!("`{uri}` is part of two of the runs; it would count double");
        return Err(Error::Usage(message));
    }
    run.notes.sort();
    run.notes.dedup();
    let judging = options.judge.judging(run.span, since, Spill::into(out.path()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let judging = Judging { threads, ..judging };
    let judged = judge_run(&mut run, &plan, &judging, group::merge(runs))?;
    run.take(judged, &plan)?;
    run.learning = judging.learning_text();
    options.findings.write(&run)?;
    output::write(&mut run)?;
    output::send(&out, &run)?;
    Ok(run)
}

/// The folders of partial runs at the inputs: of a folder of such folders all that are in it.
fn folders(options: &MergeOptions, s3: Option<&S3>) -> Result<Vec<Folder>> {
    let mut folders = Vec::new();
    for input in &options.inputs {
        if input.local().is_some_and(|path| !path.is_dir()) {
            return Err(Error::Usage(format!("`{input}`: no such folder")));
        }
        let folder = Folder::open(input, s3)?;
        if folder.names()?.iter().any(|name| name == partial::HEADER) {
            folders.push(folder);
            continue;
        }
        let before = folders.len();
        for inner in folder.folders()? {
            let inner = Folder::open(&inner, s3)?;
            if inner.names()?.iter().any(|name| name == partial::HEADER) {
                folders.push(inner);
            }
        }
        if folders.len() == before {
            // Says what is missing.
            folders.push(folder);
        }
    }
    Ok(folders)
}

/// Refuses to write the result over one of the partial runs.
fn not_an_input(options: &MergeOptions, folders: &[Folder]) -> Result<()> {
    let place = |location: &Location| match location {
        Location::Local(path) => path.canonicalize().ok().map(Location::Local),
        Location::S3(uri) => Some(Location::S3(S3Uri { prefix: uri.folder(), ..uri.clone() })),
    };
    let out = place(&options.out);
    let same = |folder: &&Folder| out.is_some() && place(folder.location()) == out;
    let Some(input) = folders.iter().find(same) else { return Ok(()) };
    let message = format!("`--out {}` is one of the runs to merge", input.location());
    Err(Error::Usage(message))
}

/// Checks that the runs are shares of one whole. Returns the shares that are missing.
fn belong_together(headers: &[&Header], plan: &str) -> Result<Vec<String>> {
    let Some(first) = headers.first() else {
        return Err(Error::Usage("nothing to merge".to_owned()));
    };
    if headers.iter().any(|header| header.plan != plan) {
        let message = "a partial run was made with other detectors, another tuning, other files of \
                       known addresses or another version of trailsift; scan it again with these, \
                       or give the same `--detectors`, `--tune`, `--geoip`, `--threat-list`, \
                       `--trusted` and `--aws-ranges`";
        return Err(Error::Usage(message.to_owned()));
    }
    let bounds =
        |header: &Header| (header.since, header.until, header.history, header.filter.clone());
    if headers.iter().any(|header| bounds(header) != bounds(first)) {
        let message = "the partial runs were asked for different events (`--since`, `--until`, \
                       `--history`, `--account` …)";
        return Err(Error::Usage(message.to_owned()));
    }
    let shards: Vec<Shard> =
        headers.iter().filter_map(|h| h.shard.as_ref()?.parse().ok()).collect();
    let present: BTreeSet<u64> = shards.iter().map(|shard| shard.number).collect();
    if present.len() < shards.len() {
        return Err(Error::Usage("a share is given twice; it would count double".to_owned()));
    }
    let Some(of) = shards.first().map(|shard| shard.of) else { return Ok(Vec::new()) };
    if shards.len() < headers.len() || shards.iter().any(|shard| shard.of != of) {
        let message = "the partial runs are shares of different splits";
        return Err(Error::Usage(message.to_owned()));
    }
    let missing = (1..=of).filter(|number| !present.contains(number));
    Ok(missing.map(|number| format!("{number}/{of}")).collect())
}
