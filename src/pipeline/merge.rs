//! Partial runs to one: their tables are merged and judged as if one run had read everything.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::history::JudgeOptions;
use super::judging::judge_run;
use super::partial::{self, Header, Partial};
use super::run::{Run, Span};
use super::scan::load_plan_with;
use super::tables::Spill;
use super::{log, output};
use crate::detect::group::{self, TableReader};
use crate::detect::rules::Tuning;
use crate::detect::select::Placeholders;
use crate::error::{Error, Result};
use crate::source::Shard;

/// What to merge.
#[derive(Debug, Clone)]
pub struct MergeOptions {
    /// Folders written by `scan --partial`.
    pub inputs: Vec<PathBuf>,
    /// Where the outputs go.
    pub out: PathBuf,
    /// The folder with more detectors that the partial runs were given.
    pub detectors: Option<PathBuf>,
    /// Values of placeholders in rules.
    pub placeholders: Placeholders,
    /// What is changed of the detectors; the partial runs were given the same.
    pub tune: Option<Tuning>,
    /// How entities are judged.
    pub judge: JudgeOptions,
}

/// Merges and judges.
///
/// # Errors
/// [`Error::Table`] for folders that hold no partial run, [`Error::Usage`] for runs that do not
/// belong together.
pub fn merge(options: &MergeOptions) -> Result<Run> {
    log::merging(options.inputs.len());
    let (placeholders, tune) = (&options.placeholders, options.tune.as_ref());
    let plan = load_plan_with(options.detectors.as_deref(), placeholders, tune)?;
    let partials: Vec<Partial> =
        options.inputs.iter().map(|folder| partial::read(folder)).collect::<Result<_>>()?;
    let headers: Vec<&Header> = partials.iter().map(|partial| &partial.header).collect();
    let missing = belong_together(&headers, &plan.digest)?;
    not_an_input(options)?;
    std::fs::create_dir_all(&options.out).map_err(Error::io(&options.out))?;
    let since = headers.first().and_then(|header| header.since);
    output::refuse_current(&options.out)?;
    let mut run = Run::empty(&plan, &options.out);
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
        run.account.add_oddities(header.conflicts.clone(), header.odd_fields.clone());
    }
    let mut runs: Vec<group::Run<'_>> = Vec::new();
    for partial in partials {
        runs.push(Box::new(TableReader::open(&partial.table)?));
        run.account.listed += partial.account.listed;
        run.account.add(partial.account.manifest, partial.account.rejected);
    }
    run.account.sort();
    if let Some(uri) = run.account.listed_twice() {
        let message = format!("`{uri}` is part of two of the runs; it would count double");
        return Err(Error::Usage(message));
    }
    notes.sort();
    notes.dedup();
    run.notes = notes;
    let judging = options.judge.judging(run.span, since, Spill::into(&options.out));
    let judged = judge_run(&mut run, &plan, &judging, group::merge(runs))?;
    run.take(judged, &plan)?;
    run.learning = judging.learning_text();
    output::write(&mut run)?;
    Ok(run)
}

/// Refuses to write the result over one of the partial runs.
fn not_an_input(options: &MergeOptions) -> Result<()> {
    let out = options.out.canonicalize().ok();
    let same = |input: &&PathBuf| out.is_some() && input.canonicalize().ok() == out;
    let Some(input) = options.inputs.iter().find(same) else { return Ok(()) };
    let message = format!("`--out {}` is one of the runs to merge", input.display());
    Err(Error::Usage(message))
}

/// Checks that the runs are shares of one whole. Returns the shares that are missing.
fn belong_together(headers: &[&Header], plan: &str) -> Result<Vec<String>> {
    let Some(first) = headers.first() else {
        return Err(Error::Usage("nothing to merge".to_owned()));
    };
    if headers.iter().any(|header| header.plan != plan) {
        let message = "a partial run was made with other detectors, another tuning or another \
                       version of trailsift; scan it again with these, or give the same \
                       `--detectors` and `--tune`";
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
