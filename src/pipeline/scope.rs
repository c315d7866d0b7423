//! `trailsift scope`: two passes over the inputs, one to see who was issued what, one for every event
//! of what is followed; then the list of objects, the timeline, the actors, and what is known and
//! over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use serde_json::{Value, json};

use super::accounting::Account;
use super::consumer::Consumer;
use super::output::{CURRENT, FINDINGS, MANIFEST, REJECTED, write_account};
use super::pass::{Inputs, Pass};
use super::read_options::ReadOptions;
use super::scan::Progress;
use super::stats::{Stage, Stages};
use super::tables::Spill;
use crate::error::{Error, Result};
use crate::events::{EventBatch, Fields};
use crate::findings::{
    Format, ParquetWriter, Told, finding_by_id, timestamp_text, write_findings, write_parquet,
};
use crate::intel::Intel;
use crate::parquet_file::ParquetFile;
use crate::scope::{
    self, Activities, ActorJson, Collect, Collected, Columns, Event, Followed, Listed, ObjectRow,
    Outcome, Parts, Related, Request, Runs, Seeds, Sorted, Sums, Survey, Surveyed, Touch, Wanted,
};
use crate::store::{self, Folder, Location, S3};

/// File names.
const TIMELINE: &str = "timeline.parquet";
const ACTORS: &str = "actors.parquet";
const OBJECTS: &str = "objects.parquet";
const OBJECTS_CSV: &str = "objects.csv";
const SCOPE: &str = "scope.json";

/// Rows that are written at a time.
const ROWS: usize = 8_192;

/// What to look for and where.
#[derive(Debug, Clone)]
pub struct ScopeOptions {
    /// What to read; `since`, `until` and `filter` are not for a scope.
    pub read: ReadOptions,
    /// Where the outputs go.
    pub out: Location,
    /// What to begin with.
    pub seeds: Seeds,
    /// Results of a scan, and the id of a finding in them whose actors are seeds too.
    pub finding: Option<(Location, String)>,
    /// S3 inventories.
    pub inventories: Vec<PathBuf>,
    /// Requests before are left out, µs; credentials are followed all the same.
    pub since: Option<i64>,
    /// Requests from here on are left out, µs.
    pub until: Option<i64>,
}

/// What a scope did.
#[derive(Debug)]
pub struct ScopeRun {
    /// What it came to.
    pub outcome: Outcome,
    /// Objects and records, of the second pass.
    pub account: Account,
    /// Plain words that the user should read.
    pub notes: Vec<String>,
    /// Whether it was stopped early.
    pub interrupted: bool,
    /// What each stage of both passes cost.
    pub stages: Stages,
    /// Where the outputs are.
    pub location: Location,
}

impl Consumer for Survey<'_> {
    type Yield = Surveyed;

    fn take(&mut self, batch: &EventBatch) -> Result<()> {
        Survey::take(self, batch)
    }

    fn finish(self) -> Result<Surveyed> {
        Ok(Survey::finish(self))
    }
}

impl Consumer for Collect<'_> {
    type Yield = Collected;

    fn take(&mut self, batch: &EventBatch) -> Result<()> {
        Collect::take(self, batch)
    }

    fn finish(self) -> Result<Collected> {
        Ok(Collect::finish(self))
    }
}

/// Follows the seeds through the inputs and writes the outputs.
///
/// # Errors
/// Whatever keeps it from starting or going on; bad input does not.
pub fn scope(
    options: &ScopeOptions,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<ScopeRun> {
    let read = &options.read;
    read_twice(&read.inputs)?;
    let columns = Columns::new().map_err(|error| Error::Usage(error.to_string()))?;
    let locations = read.inputs.iter().chain([&options.out]);
    let locations = locations.chain(options.finding.as_ref().map(|(run, _)| run));
    let s3 = S3::connect_for(locations, &read.access)?;
    let seeds = options.seeds(s3.as_ref())?;
    let out = Folder::open(&options.out, s3.as_ref())?;
    let spill = Spill { folder: out.path(), prefix: ".scope-ids-" };
    let work = Work { options, columns, seeds, spill, interrupt, intel: Arc::default() };
    let (surveyed, (.., mut stages)) = work.survey(progress)?;
    let Surveyed { links, uses, mut changes, coverage } = surveyed;
    changes.sort_unstable_by(|a, b| (a.time, a).cmp(&(b.time, b)));
    changes.dedup_by(|a, b| {
        a.event_id.is_some() && (&a.account, &a.event_id) == (&b.account, &b.event_id)
    });
    let (links, uses) = (links.finish(), uses.finish());
    let followed = Followed::closure(&work.seeds, &links)?;
    let related = followed.related(&uses)?;
    let wanted = Wanted::new(followed, &changes, (options.since, options.until));
    let (collected, passed) = work.collect(progress, &wanted, &related)?;
    let Collected { events, near } = collected;
    let (account, mut notes, interrupted, collecting) = passed;
    stages.add(&collecting);
    let started = Instant::now();
    let (sums, activities) = work.write(out.path(), &events.finish(), &wanted, &mut notes)?;
    let parts = Parts {
        wanted: &wanted,
        changes: &changes,
        coverage: &coverage,
        related: &related,
        near: &near,
        activities: &activities,
        sums: &sums,
        has_inventory: !options.inventories.is_empty(),
    };
    let mut outcome = parts.outcome();
    outcome.lacking.extend(unread(&account, interrupted));
    let location = out.location().clone();
    stages.record(Stage::Write, started.elapsed());
    let run = ScopeRun { outcome, account, notes, interrupted, stages, location };
    write_parquet(&out.path().join(ACTORS), &scope::actors_batch(&run.outcome.actors)?)?;
    write_account(out.path(), &run.account)?;
    let json = scope_json(&run);
    store::replace(&out.path().join(SCOPE), |file| Ok(serde_json::to_writer_pretty(file, &json)?))?;
    let known = [TIMELINE, ACTORS, OBJECTS, OBJECTS_CSV, MANIFEST, REJECTED];
    out.send_all(&known.map(str::to_owned), &[SCOPE])?;
    Ok(run)
}

/// Standard input and pipes can be read once.
fn read_twice(inputs: &[Location]) -> Result<()> {
    let is_stream = |path: &&Path| {
        let kind = std::fs::metadata(path).map(|metadata| metadata.file_type());
        **path == *"-" || kind.is_ok_and(|kind| !kind.is_file() && !kind.is_dir())
    };
    match inputs.iter().filter_map(Location::local).find(is_stream) {
        None => Ok(()),
        Some(path) => Err(Error::Usage(format!(
            "`{}` can be read once, and a scope reads its inputs twice: write it to a file first",
            path.display()
        ))),
    }
}

impl ScopeOptions {
    /// What to begin with, that of the finding too.
    fn seeds(&self, s3: Option<&S3>) -> Result<Seeds> {
        let mut seeds = self.seeds.clone();
        if let Some((run, id)) = &self.finding {
            if let Some(path) = run.local().filter(|path| !path.is_dir()) {
                let message =
                    format!("`{}` is no folder with the results of a scan", path.display());
                return Err(Error::Usage(message));
            }
            let folder = Folder::open(run, s3)?;
            let current = if folder.holds(CURRENT)? { CURRENT } else { FINDINGS };
            if !folder.holds(current)? {
                let message = format!("`{run}` holds no {FINDINGS}: give the --out of a scan");
                return Err(Error::Usage(message));
            }
            seeds.add(of_finding(&finding_by_id(&folder.bring(current)?, id)?, id)?);
        }
        if seeds.is_empty() {
            let message = "nothing to begin with: give --access-key, --ip, --principal, --session, \
                           --bucket, or --run with --finding";
            return Err(Error::Usage(message.to_owned()));
        }
        Ok(seeds.normalised())
    }
}

/// Who a finding is about: its access keys; without them its role sessions, or its principal; and
/// without a principal, or if that is nobody, its addresses.
fn of_finding(finding: &RecordBatch, id: &str) -> Result<Seeds> {
    let texts = |name: &str| -> Vec<String> {
        let lists = finding.column_by_name(name).and_then(|column| column.as_list_opt::<i32>());
        let list = lists.filter(|lists| !lists.is_empty()).map(|lists| lists.value(0));
        let texts = list.as_ref().and_then(|list| list.as_string_opt::<i32>());
        texts.map(|texts| texts.iter().flatten().map(str::to_owned).collect()).unwrap_or_default()
    };
    let principal = finding.column_by_name("principal").and_then(|c| c.as_string_opt::<i32>());
    let principal = principal.filter(|c| !c.is_empty() && c.is_valid(0)).map(|c| c.value(0));
    let principal = principal.filter(|name| *name != "anonymous");
    let access_keys = texts("access_key_ids");
    if !access_keys.is_empty() {
        return Ok(Seeds { access_keys, ..Seeds::default() });
    }
    if let Some(principal) = principal {
        let sessions = texts("session_names");
        let arns: Option<Vec<String>> =
            sessions.iter().map(|session| session_arn(principal, session)).collect();
        let principals = arns.filter(|arns| !arns.is_empty());
        let principals = principals.unwrap_or_else(|| vec![principal.to_owned()]);
        return Ok(Seeds { principals, ..Seeds::default() });
    }
    let networks: Vec<_> = texts("source_ips")
        .iter()
        .filter_map(|text| text.parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from))
        .collect();
    if networks.is_empty() {
        let message =
            format!("finding `{id}` names no access key, principal or address to begin with");
        return Err(Error::Usage(message));
    }
    Ok(Seeds { networks, ..Seeds::default() })
}

/// `arn:aws:iam::A:role/path/R`, `S` → `arn:aws:sts::A:assumed-role/R/S`.
fn session_arn(role: &str, session: &str) -> Option<String> {
    let (head, path) = role.split_once(":role/")?;
    let name = path.rsplit('/').next()?;
    Some(format!("{}:assumed-role/{name}/{session}", head.replacen(":iam:", ":sts:", 1)))
}

/// What both passes work with.
struct Work<'o> {
    options: &'o ScopeOptions,
    columns: Columns,
    seeds: Seeds,
    spill: Spill<'o>,
    interrupt: &'o AtomicBool,
    intel: Arc<Intel>,
}

/// What a pass tells of its reading.
type Reading = (Account, Vec<String>, bool, Stages);

impl Work<'_> {
    /// Bytes for the rows of each worker.
    fn budget(&self) -> usize {
        3 * self.options.read.eighth() / self.options.read.threads.max(1)
    }

    fn survey(&self, progress: &dyn Progress) -> Result<(Surveyed, Reading)> {
        let (folder, budget) = (self.spill.folder, self.budget());
        let progress = Half { progress, is_first: true };
        let start = || Survey::new(&self.columns, &self.seeds, folder, budget);
        let (surveyed, told) = self.pass(&progress, start)?;
        let mut all = Surveyed::new(folder, budget);
        surveyed.into_iter().try_for_each(|one| all.add(one))?;
        Ok((all, told))
    }

    fn collect(
        &self,
        progress: &dyn Progress,
        wanted: &Wanted,
        related: &Related,
    ) -> Result<(Collected, Reading)> {
        let (folder, budget) = (self.spill.folder, self.budget());
        let progress = Half { progress, is_first: false };
        let start = || Collect::new(&self.columns, wanted, related, folder, budget);
        let (collected, told) = self.pass(&progress, start)?;
        let mut all = Collected::new(folder, budget);
        collected.into_iter().try_for_each(|one| all.add(one))?;
        Ok((all, told))
    }

    fn pass<C: Consumer>(
        &self,
        progress: &dyn Progress,
        start: impl Fn() -> C + Sync,
    ) -> Result<(Vec<C::Yield>, Reading)> {
        let fields: &Fields = self.columns.fields();
        let mut own = vec![&self.options.out];
        own.extend(self.options.finding.as_ref().map(|(run, _)| run));
        let (inputs, listing) = Inputs::find(&self.options.read, own)?;
        let pass = Pass {
            options: &self.options.read,
            fields,
            texts: false,
            intel: &self.intel,
            once: true,
            processed: None,
            events: None,
            session: None,
            spill: self.spill,
            interim: None,
            progress,
            interrupt: self.interrupt,
        };
        let (passed, consumed) = pass.run(&inputs, listing, start)?.split();
        Ok((consumed, (passed.account, passed.notes, passed.cut, passed.stages)))
    }

    /// Writes the timeline and the list of objects.
    fn write(
        &self,
        folder: &Path,
        events: &Runs<Event>,
        wanted: &Wanted,
        notes: &mut Vec<String>,
    ) -> Result<(Sums, Activities)> {
        let budget = self.budget();
        let mut activities = Activities::default();
        let mut timeline = Sorted::<Request>::new(folder, budget);
        let mut touches = Sorted::<Touch>::new(folder, budget);
        let mut buckets = BTreeSet::new();
        for request in scope::requests(events, wanted)? {
            let request = request?;
            activities.add(&request);
            for touch in scope::touches(&request) {
                let bytes = touch.bytes();
                if !buckets.contains(&touch.bucket) {
                    buckets.insert(touch.bucket.clone());
                }
                touches.push(touch, bytes)?;
            }
            let bytes = request.event.bytes() + 200;
            timeline.push(request, bytes)?;
        }
        let (timeline, touches) = (timeline.finish(), touches.finish());
        let spills = events.spills() + timeline.spills() + touches.spills();
        if spills > 0 {
            notes.push(format!(
                "what was found outgrew its part of --memory and was spilled to disk {spills} times"
            ));
        }
        let mut rows = Rows::new(scope::timeline_batch);
        store::replace(&folder.join(TIMELINE), |file| {
            let mut writer = ParquetWriter::new(file, schema(scope::timeline_batch)?)?;
            timeline.read()?.try_for_each(|request| rows.push(request?, &mut writer))?;
            rows.flush(&mut writer)?;
            writer.close()
        })?;
        let mut inventory = Sorted::<Listed>::new(folder, budget);
        for path in &self.options.inventories {
            scope::read_inventory(path, &buckets, &mut inventory)?;
        }
        let sums = objects(folder, &touches, &inventory.finish())?;
        Ok((sums, activities))
    }
}

/// Writes the list of objects, as Parquet and from that as CSV.
fn objects(folder: &Path, touches: &Runs<Touch>, inventory: &Runs<Listed>) -> Result<Sums> {
    let path = folder.join(OBJECTS);
    let mut sums = Sums::default();
    let mut rows = Rows::new(scope::objects_batch);
    store::replace(&path, |file| {
        let mut writer = ParquetWriter::new(file, schema(scope::objects_batch)?)?;
        sums =
            scope::list_objects(touches, inventory, |row: ObjectRow| rows.push(row, &mut writer))?;
        rows.flush(&mut writer)?;
        writer.close()
    })?;
    let batches =
        ParquetFile::open(&path, |path, reason| Error::table(path, reason))?.batches(ROWS)?;
    let schema = schema(scope::objects_batch)?;
    write_findings(&folder.join(OBJECTS_CSV), Format::Csv, Told::Rows, &schema, batches)?;
    Ok(sums)
}

/// The columns of a table.
fn schema<T>(to_batch: fn(&[T]) -> Result<RecordBatch>) -> Result<SchemaRef> {
    Ok(to_batch(&[])?.schema())
}

/// Rows that wait to become a batch.
struct Rows<T> {
    rows: Vec<T>,
    to_batch: fn(&[T]) -> Result<RecordBatch>,
}

impl<T> Rows<T> {
    fn new(to_batch: fn(&[T]) -> Result<RecordBatch>) -> Self {
        Self { rows: Vec::new(), to_batch }
    }

    fn push<W: std::io::Write + Send>(&mut self, row: T, to: &mut ParquetWriter<W>) -> Result<()> {
        self.rows.push(row);
        if self.rows.len() >= ROWS { self.flush(to) } else { Ok(()) }
    }

    fn flush<W: std::io::Write + Send>(&mut self, to: &mut ParquetWriter<W>) -> Result<()> {
        if !self.rows.is_empty() {
            to.write(&(self.to_batch)(&self.rows)?)?;
            self.rows.clear();
        }
        Ok(())
    }
}

/// Of two passes each is half of the way.
struct Half<'p> {
    progress: &'p dyn Progress,
    is_first: bool,
}

impl Progress for Half<'_> {
    fn expect(&self, objects: u64, bytes: u64) {
        if self.is_first {
            self.progress.expect(2 * objects, 2 * bytes);
        }
    }

    fn advance(&self, bytes: u64) {
        self.progress.advance(bytes);
    }

    fn finish(&self) {
        if !self.is_first {
            self.progress.finish();
        }
    }
}

/// What could not be read, in plain words.
fn unread(account: &Account, interrupted: bool) -> Vec<String> {
    let mut lacking = Vec::new();
    if interrupted {
        lacking.push("interrupted: only a part of the inputs was read".to_owned());
    }
    let (unreadable, conflicts) = (account.unreadable(), account.conflicts.count);
    if unreadable > 0 {
        lacking.push(format!(
            "{unreadable} objects and records could not be read: see {MANIFEST} and {REJECTED}"
        ));
    }
    if conflicts > 0 {
        lacking.push(format!(
            "{conflicts} events bear an id that another event has too: all of them count"
        ));
    }
    lacking
}

fn scope_json(run: &ScopeRun) -> Value {
    let Outcome { seeds, actors, buckets, accounts, total, .. } = &run.outcome;
    let time = |time: Option<i64>| time.map(timestamp_text);
    json!({
        "trailsift": env!("CARGO_PKG_VERSION"),
        "seeds": seeds,
        "status": run.outcome.status,
        "first_seen": time(run.outcome.span.map(|(first, _)| first)),
        "last_seen": time(run.outcome.span.map(|(_, last)| last)),
        "horizon": time(run.outcome.horizon),
        "requests": run.outcome.requests,
        "objects_read": total.objects_read,
        "keys_read": total.keys_read,
        "objects_denied": total.objects_denied,
        "objects_deleted": total.objects_deleted,
        "bytes_out": total.bytes_out,
        "bytes_unknown": total.bytes_unknown,
        "actors": actors.iter().map(ActorJson::of).collect::<Vec<_>>(),
        "buckets": buckets,
        "accounts": accounts,
        "lacking": run.outcome.lacking,
        "interrupted": run.interrupted,
        "objects": run.account.objects(),
        "records": run.account.records(),
        "balances": run.account.balances(),
        "notes": run.notes,
    })
}
