//! Runs with a state: what earlier runs have read is left out, what they have folded is history,
//! and what they have found is revised. A run commits everything or nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::accounting::{ObjectOutcome, ObjectRecord};
use super::judging::{Judged, Judging, judge};
use super::output;
use super::run::{Run, Span, StateChange};
use super::scan::ScanOptions;
use super::seen::Seen;
use super::tables::Spill;
use super::worker::{Harvest, Kept};
use crate::detect::group::{self, FoldId, Key, Row, TableReader, TableWriter};
use crate::detect::rules::Plan;
use crate::digest::{Identity, hex};
use crate::error::{Error, Result};
use crate::findings::{self, Finding, Revised, day_text};
use crate::source::{Listing, LogObject, Place};
use crate::state::{
    Draft, Files, FoldEntry, Horizon, LedgerEntry, LedgerReader, Manifest, RecentId, RecentReader,
    Retention, State, write_ledger, write_recent,
};
use crate::store::{self, Folder};

const DAY_MICROS: i64 = 86_400_000_000;

/// For so many days after its delivery an event may be delivered again.
const COPIES_DAYS: i32 = 3;

/// A run's view of the state.
pub(super) struct Session<'o> {
    state: State,
    options: &'o ScanOptions,
    plan: &'o Plan,
    /// None before the first event: everything is judged.
    horizon: Option<Horizon>,
    /// Identity of the objects to read, by URI.
    identities: BTreeMap<Arc<str>, Arc<str>>,
    /// Seed of the hashes of ids.
    id_seed: u64,
}

impl<'o> Session<'o> {
    /// Opens the state in `folder`, only to look what is new.
    pub(super) fn look(folder: Folder, options: &'o ScanOptions, plan: &'o Plan) -> Result<Self> {
        let state = State::open(Arc::new(folder))?;
        let newest = state.manifest.as_ref().and_then(|manifest| manifest.newest_day);
        let horizon = newest.map(|newest| Horizon::behind(newest, window_days(plan)));
        let id_seed = state.manifest.as_ref().map_or_else(Seen::random_seed, |m| m.id_seed);
        Ok(Self { state, options, plan, horizon, identities: BTreeMap::new(), id_seed })
    }

    /// Opens the state in `folder`. The findings of the run before are published once more: it may
    /// have been stopped right after its commit.
    pub(super) fn open(
        folder: Folder,
        out: &Folder,
        options: &'o ScanOptions,
        plan: &'o Plan,
    ) -> Result<Self> {
        let session = Self::look(folder, options, plan)?;
        publish_findings(&session.state, out.path())?;
        Ok(session)
    }

    /// Takes the objects out of the listing that need no reading. Returns them.
    pub(super) fn leave_out(&mut self, listing: &mut Listing) -> Result<Vec<ObjectRecord>> {
        let mut wanted: Vec<(Arc<str>, u64, usize)> = Vec::new();
        for (number, object) in listing.objects.iter().enumerate() {
            if !matches!(object.place, Place::File(_) | Place::S3(_)) {
                let message = format!(
                    "`{}` with --state: what is piped in has no name to be known by in the next run; \
                     write it to a file first",
                    object.uri
                );
                return Err(Error::Usage(message));
            }
            wanted.push((object.identity(), object.bytes, number));
        }
        wanted.sort_unstable();
        let left_out = self.left_out(&wanted)?;
        for (identity, _, number) in &wanted {
            if let Some(object) = listing.objects.get(*number)
                && !left_out.contains_key(number)
            {
                self.identities.insert(object.uri.clone(), identity.clone());
            }
        }
        let skipped = |object: &LogObject, reason: &str| {
            let (outcome, reason) = (ObjectOutcome::Skipped, Some(reason.to_owned()));
            ObjectRecord::unread(&object.uri, object.bytes, outcome, reason)
        };
        let (mut records, mut kept) = (Vec::new(), Vec::new());
        for (number, object) in std::mem::take(&mut listing.objects).into_iter().enumerate() {
            match left_out.get(&number) {
                Some(reason) => records.push(skipped(&object, reason)),
                None => kept.push(object),
            }
        }
        listing.objects = kept;
        Ok(records)
    }

    /// The positions of objects that are in the ledger, or twice in the input, and why not to read
    /// them. Both lists are sorted.
    fn left_out(&self, wanted: &[(Arc<str>, u64, usize)]) -> Result<BTreeMap<usize, &'static str>> {
        let mut left_out = BTreeMap::new();
        for same in wanted.chunk_by(|a, b| (&a.0, a.1) == (&b.0, b.1)) {
            for (_, _, copy) in same.iter().skip(1) {
                left_out.insert(*copy, "a copy of another object");
            }
        }
        let Some(ledger) = self.state.file(|files| &files.ledger) else { return Ok(left_out) };
        let mut next = wanted.iter().peekable();
        let (Some((first, ..)), Some((last, ..))) = (wanted.first(), wanted.last()) else {
            return Ok(left_out);
        };
        for entry in LedgerReader::between(&ledger, first, last)? {
            let entry = entry?;
            let known = (&entry.object, entry.bytes);
            while next.next_if(|(object, bytes, _)| (object, *bytes) < known).is_some() {}
            while let Some((.., number)) = next.next_if(|(o, bytes, _)| (o, *bytes) == known) {
                left_out.insert(*number, "processed by an earlier run");
            }
        }
        Ok(left_out)
    }

    /// What the reading must know.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            too_late_before: self.horizon.map(|h| h.reported.saturating_mul(DAY_MICROS)),
            tomorrow: tomorrow(),
        }
    }

    /// Seed of the hashes of ids.
    pub(super) fn id_seed(&self) -> u64 {
        self.id_seed
    }

    /// Tells what earlier runs have counted and may be met again.
    pub(super) fn remember(&self, seen: &Seen) -> Result<()> {
        let Some(path) = self.state.file(|files| &files.recent_ids) else { return Ok(()) };
        RecentReader::open(&path)?.try_for_each(|id| seen.remember(&id?))
    }

    /// How the names of spilled tables begin.
    pub(super) fn spill_prefix(&self) -> String {
        self.state.temporary_prefix()
    }

    /// The state's folder.
    pub(super) fn folder(&self) -> &Path {
        self.state.folder()
    }

    /// Judges history and harvest together, commits, and publishes. An interrupted run is judged
    /// and changes nothing.
    pub(super) fn finish(self, run: &mut Run, harvest: Harvest, seen: &Seen) -> Result<()> {
        let Harvest { runs, newest, .. } = harvest;
        let mut manifest = self.manifest(run, newest);
        let out = run.out.clone();
        let judging = self.judging(&manifest, &out);
        let draft = self.state.draft(&self.identity(run, &manifest));
        let retention = self.retention(&manifest);
        run.notes.extend(self.relearned(&manifest));
        run.learning = judging.learning_text();
        let files = files(&draft);
        let (table, spilled) = runs.merged()?;
        let mut tables: Vec<group::Run<'_>> = vec![table];
        if let Some(old) = self.state.file(|files| &files.table) {
            tables.push(Box::new(TableReader::open(&old)?));
        }
        let mut table = group::merge(tables);
        if run.interrupted || self.nothing_new(&manifest, run) {
            let judged = judge(self.plan, &judging, table)?;
            return self.leave_as_it_was(&manifest, judged, run);
        }
        let judged = tee(&draft.path(&files.table), &retention, &mut table, |table| {
            judge(self.plan, &judging, table)
        })?;
        drop((table, spilled));
        let revised = self.revise(&manifest, judged, run)?;
        self.write(&draft, &files, run, &revised)?;
        self.write_recent(&draft.path(&files.recent_ids), &manifest, run, seen)?;
        manifest.files = files;
        let state = draft.commit(manifest)?;
        if let (Some(change), Some(manifest)) = (&mut run.state, &state.manifest) {
            change.generation = manifest.generation;
        }
        publish(&state, run)
    }

    /// The next manifest; its files have no names yet.
    fn manifest(&self, run: &Run, newest: Option<i64>) -> Manifest {
        let before = self.state.manifest.as_ref();
        let judge = &self.options.judge;
        let options = format!("{:?} {:?} {:?}", judge.border, judge.own, judge.suppress.sha256());
        let judged_by = Identity::default().part(Some(&self.plan.digest)).part(Some(&options));
        let folds = fold_entries(self.plan, before);
        let mut manifest = Manifest::new(hex(&judged_by.finish()), self.id_seed, folds);
        let newest = newest.map(|newest| newest.div_euclid(DAY_MICROS));
        manifest.newest_day = before.and_then(|before| before.newest_day).max(newest);
        let known = before
            .and_then(|before| Some(Span { first: before.first_event?, last: before.last_event? }));
        let span = Span::join(known, run.span);
        manifest.first_event = span.map(|span| span.first);
        manifest.last_event = span.map(|span| span.last);
        manifest
    }

    fn judging<'j>(&'j self, manifest: &Manifest, out: &'j Path) -> Judging<'j> {
        let since = |fold: &FoldEntry| Some((FoldId::parse(&fold.fold)?, fold.since_day?));
        let from_day = self.horizon.map(|horizon| horizon.judged);
        Judging {
            learning: self.options.judge.learning(),
            from_day,
            learned_from_day: from_day,
            listed_from_day: self.horizon.map(|horizon| horizon.reported),
            folds_since: manifest.folds.iter().filter_map(since).collect(),
            own: &self.options.judge.own,
            suppress: &self.options.judge.suppress,
            spill: Spill::into(out),
        }
    }

    fn retention(&self, manifest: &Manifest) -> Retention {
        let window = window_days(self.plan);
        let judged = manifest.newest_day.map(|newest| Horizon::behind(newest, window).judged);
        let before = |days: i64| judged.map_or(i64::MIN, |judged| judged.saturating_sub(days));
        let mut reach: BTreeMap<FoldId, (i64, bool)> = BTreeMap::new();
        let longest = self.plan.detectors.iter().map(|d| d.terms.lookback).max().unwrap_or(0);
        for (number, fold) in self.plan.folds.iter().enumerate() {
            let detectors = || self.plan.detectors.iter().filter(|d| d.fold == number);
            let days = detectors().map(|d| d.terms.reach()).max().unwrap_or(longest);
            let history = detectors().any(|detector| detector.scope.is_some());
            reach.insert(fold.id, (before(days.saturating_add(2)), history));
        }
        Retention { whole_from: before(window.saturating_add(1)), folds: reach }
    }

    /// A hash of everything that decides what the run leaves.
    fn identity(&self, run: &Run, manifest: &Manifest) -> String {
        let before = self.state.manifest.as_ref().map(|manifest| manifest.run.as_str());
        let bounds = format!("{:?} {:?}", self.options.since, self.options.until);
        let start = Identity::default().part(before).part(Some(&manifest.judged_by));
        let start = start.part(Some(&bounds));
        let is_read = |object: &&ObjectRecord| {
            matches!(object.outcome, ObjectOutcome::Read | ObjectOutcome::Partial)
        };
        let objects = run.account.manifest.iter().filter(is_read);
        let identity = objects.fold(start, |identity, object| {
            let known = self.identities.get(&object.uri).unwrap_or(&object.uri);
            let ObjectRecord { bytes, analysed, filtered, duplicates, rejected, .. } = object;
            let numbers = format!("{bytes} {analysed} {filtered} {duplicates} {rejected}");
            identity.part(Some(known)).part(Some(&numbers))
        });
        hex(identity.finish().split_at(8).0)
    }

    /// What the user should know of selections that are new to the state, or gone.
    fn relearned(&self, manifest: &Manifest) -> Vec<String> {
        let Some(before) = &self.state.manifest else { return Vec::new() };
        let known: BTreeSet<&str> = before.folds.iter().map(|fold| fold.fold.as_str()).collect();
        let new = manifest.folds.iter().filter(|fold| !known.contains(fold.fold.as_str()));
        let new: Vec<&str> = new.flat_map(|fold| &fold.detectors).map(String::as_str).collect();
        let now: BTreeSet<&str> = manifest.folds.iter().map(|fold| fold.fold.as_str()).collect();
        let gone = known.difference(&now).count();
        let mut notes = Vec::new();
        if !new.is_empty() {
            notes.push(format!(
                "new to the state, or with a changed selection: their history begins now: {}",
                new.join(", ")
            ));
        }
        if gone > 0 {
            notes.push(format!(
                "the state held the history of {gone} selections that no detector asks for now; \
                 it was dropped"
            ));
        }
        notes
    }

    /// Holds the findings against the current ones; the run shows what is new or revised.
    fn revise(&self, manifest: &Manifest, mut judged: Judged, run: &mut Run) -> Result<Revised> {
        let from = self.horizon.map_or(i64::MIN, |horizon| horizon.reported);
        judged.findings.retain(|finding| finding.day >= from);
        let mut since: BTreeMap<&str, i64> = BTreeMap::new();
        for fold in &manifest.folds {
            for detector in &fold.detectors {
                since.insert(detector, fold.since_day.unwrap_or(i64::MIN));
            }
        }
        let is_judged = |detector: &str, day: i32| {
            since.get(detector).is_some_and(|since| i64::from(day) >= *since)
        };
        let current = self.state.file(|files| &files.findings_current);
        let previous = findings::read_current(current.as_deref(), date(from))?;
        let revised = findings::revise(&previous, &judged.findings, is_judged)?;
        let is_changed = |finding: &Finding| {
            revised.added.contains(&finding.finding_id)
                || revised.revised.contains(&finding.finding_id)
        };
        run.take(judged, self.plan)?;
        let all = run.findings.len() as u64;
        run.findings.retain(is_changed);
        run.added.clone_from(&revised.added);
        run.state = Some(StateChange {
            generation: self.state.manifest.as_ref().map_or(0, |manifest| manifest.generation),
            new: revised.added.len() as u64,
            revised: revised.revised.len() as u64,
            withdrawn: revised.withdrawn,
            unchanged: all - run.findings.len() as u64,
        });
        Ok(revised)
    }

    /// Whether a commit would change nothing but its number.
    fn nothing_new(&self, manifest: &Manifest, run: &Run) -> bool {
        let same = self.state.manifest.as_ref().is_some_and(|before| {
            (&before.judged_by, &before.folds) == (&manifest.judged_by, &manifest.folds)
        });
        let is_news = |object: &ObjectRecord| object.analysed > 0 || object.is_finished();
        same && !run.account.manifest.iter().any(is_news)
    }

    /// Ends a run without a commit.
    fn leave_as_it_was(&self, manifest: &Manifest, judged: Judged, run: &mut Run) -> Result<()> {
        if run.interrupted {
            run.take(judged, self.plan)?;
            run.notes.push("interrupted: the state and the findings are as they were".to_owned());
            return Ok(());
        }
        self.revise(manifest, judged, run)?;
        publish(&self.state, run)
    }

    /// Writes the files of the generation but the table and the ids.
    fn write(&self, draft: &Draft<'_>, files: &Files, run: &Run, revised: &Revised) -> Result<()> {
        let old = self.state.file(|files| &files.ledger);
        let old = old.map(|old| LedgerReader::open(&old)).transpose()?;
        write_ledger(&draft.path(&files.ledger), old, self.entries(run, &draft.run))?;
        run.coverage.write(&draft.path(&files.coverage))?;
        let current = self.state.file(|files| &files.findings_current);
        let from = date(self.horizon.map_or(i64::MIN, |horizon| horizon.reported));
        let path = draft.path(&files.findings_current);
        findings::write_current(&path, current.as_deref(), from, &revised.current)?;
        findings::write_parquet(&draft.path(&files.findings), &revised.changes)
    }

    /// Writes the ids that later runs may meet again: those of the last days, and those of objects
    /// that will be read again for as long as the table has their days.
    fn write_recent(&self, path: &Path, manifest: &Manifest, run: &Run, seen: &Seen) -> Result<()> {
        let newest = manifest.newest_day.unwrap_or(i64::MIN);
        let reach = self.retention(manifest).folds.into_values().map(|(from, _)| from).min();
        let reach = date(newest.saturating_sub(reach.unwrap_or(newest)));
        let finished: HashSet<&str> =
            run.account.finished().map(|object| object.uri.as_ref()).collect();
        let keep_until = |name: &str, day: i32| {
            // A member is read again if its archive is.
            let is_finished =
                finished.contains(name.split_once("!/").map_or(name, |(archive, _)| archive));
            day.saturating_add(if is_finished { COPIES_DAYS } else { reach })
        };
        let is_kept = |id: &Result<RecentId>| {
            id.as_ref().map_or(true, |id| i64::from(id.keep_until) >= newest)
        };
        let old = self.state.file(|files| &files.recent_ids);
        let old = old.map(|old| RecentReader::open(&old)).transpose()?;
        let old = old.into_iter().flatten().filter(is_kept);
        write_recent(path, old, seen.recent(keep_until).filter(is_kept))
    }

    fn entries(&self, run: &Run, name: &str) -> Vec<LedgerEntry> {
        let name: Arc<str> = name.into();
        let finished = run.account.finished();
        let mut entries: Vec<LedgerEntry> = finished
            .filter_map(|object| {
                let identity = self.identities.get(&object.uri)?.clone();
                let (bytes, records) = (object.bytes, object.records);
                Some(LedgerEntry { object: identity, bytes, records, run: name.clone() })
            })
            .collect();
        entries.sort_unstable();
        entries
    }
}

/// Hands the table to `use_table` and writes what is kept of it to `path` on the way.
fn tee<T>(
    path: &Path,
    retention: &Retention,
    table: impl Iterator<Item = Result<(Key, Row)>>,
    use_table: impl FnOnce(&mut dyn Iterator<Item = Result<(Key, Row)>>) -> Result<T>,
) -> Result<T> {
    let mut used = None;
    store::replace(path, |file| {
        let mut writer = TableWriter::new(file.try_clone().map_err(crate::Error::io(path))?)?;
        let mut kept = table.map(|row| {
            let (key, row) = row?;
            if let Some(kept) = retention.keep(&key, &row) {
                writer.push((key.clone(), kept))?;
            }
            Ok((key, row))
        });
        used = Some(use_table(&mut kept)?);
        drop(kept);
        writer.finish()
    })?;
    used.ok_or_else(|| crate::Error::state(path, "was not written"))
}

fn files(draft: &Draft<'_>) -> Files {
    Files {
        table: draft.name("table"),
        ledger: draft.name("ledger"),
        recent_ids: draft.name("recent_ids"),
        coverage: draft.name("coverage"),
        findings_current: draft.name("findings_current"),
        findings: draft.name("findings"),
    }
}

fn fold_entries(plan: &Plan, before: Option<&Manifest>) -> Vec<FoldEntry> {
    let entry = |(number, fold): (usize, &group::Fold)| {
        let id = fold.id.to_string();
        let known = before.and_then(|before| before.folds.iter().find(|entry| entry.fold == id));
        // The newest day was seen in part already.
        let new = || before.and_then(|before| before.newest_day).map(|newest| newest + 1);
        let detectors = plan.detectors.iter().filter(|detector| detector.fold == number);
        FoldEntry {
            since_day: known.map_or_else(new, |known| known.since_day),
            detectors: detectors.map(|detector| detector.metadata.id.clone()).collect(),
            columns: fold.entity.iter().map(|field| plan.fields.name(*field)).collect(),
            sampled: fold
                .samples
                .iter()
                .map(|sample| plan.fields.name(sample.field.into()))
                .collect(),
            fold: id,
        }
    };
    plan.folds.iter().enumerate().map(entry).collect()
}

/// The most days that a window of the plan touches.
fn window_days(plan: &Plan) -> i64 {
    plan.detectors.iter().map(|detector| detector.terms.timespan_days()).max().unwrap_or(1)
}

fn date(day: i64) -> i32 {
    i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX })
}

/// Brings what was committed to the output folder.
fn publish(state: &State, run: &Run) -> Result<()> {
    publish_findings(state, &run.out)?;
    if let Some(current) = state.file(|files| &files.findings_current) {
        let path = run.out.join(output::CURRENT);
        store::replace(&path, |file| {
            let mut from = std::fs::File::open(&current).map_err(crate::Error::io(&current))?;
            std::io::copy(&mut from, file).map_err(crate::Error::io(&path))?;
            Ok(())
        })?;
    }
    output::write(run)
}

/// Writes the findings of the newest generation as `findings/date=<day>/<run>.parquet`, unless they
/// are there.
fn publish_findings(state: &State, out: &Path) -> Result<()> {
    let (Some(manifest), Some(path)) = (&state.manifest, state.file(|files| &files.findings))
    else {
        return Ok(());
    };
    for (day, findings) in findings::read_by_day(&path)? {
        let folder = out.join("findings").join(format!("date={}", day_text(i64::from(day))));
        std::fs::create_dir_all(&folder).map_err(crate::Error::io(&folder))?;
        let path = folder.join(format!("{}.parquet", manifest.run));
        if !path.exists() {
            findings::write_parquet(&path, &findings)?;
        }
    }
    Ok(())
}

/// The beginning of the next UTC day, µs.
#[allow(clippy::disallowed_methods, reason = "only tells times that lie in the future")]
fn tomorrow() -> i64 {
    (jiff::Timestamp::now().as_microsecond().div_euclid(DAY_MICROS) + 1) * DAY_MICROS
}
