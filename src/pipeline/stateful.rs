//! Runs with a state: what earlier runs have read is left out, what they have folded is history,
//! and what they have found is revised. A run commits everything or nothing.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::accounting::{ObjectOutcome, ObjectRecord};
use super::folds::{fold_entries, relearned};
use super::judged::Judged;
use super::judging::Judging;
use super::log;
use super::processed::{Identities, Processed, entries};
use super::publish::{publish, publish_findings};
use super::run::{Run, Span, StateChange};
use super::scan::{Folded, ScanOptions};
use super::seen::Seen;
use super::stats::Stage;
use super::tables::Spill;
use super::walk::judge_run;
use super::worker::Kept;
use crate::detect::group::{self, FoldId, Key, Row, TableReader, TableWriter};
use crate::detect::rules::Plan;
use crate::digest::{Identity, hex};
use crate::error::Result;
use crate::findings::{self, Finding, Revised};
use crate::state::{
    self, Draft, Files, FoldEntry, Horizon, LedgerReader, Manifest, RecentId, RecentReader,
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
        Ok(Self { state, options, plan, horizon, id_seed })
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
        log::opened(session.state.manifest.as_ref().map_or(0, |manifest| manifest.generation));
        publish_findings(&session.state, &options.findings, out)?;
        Ok(session)
    }

    /// The objects that earlier runs have read.
    pub(super) fn processed(&self) -> Processed {
        Processed { ledger: self.state.file(|files| &files.ledger), needed_by: "--state" }
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
    pub(super) fn finish(
        self,
        run: &mut Run,
        folded: Folded,
        seen: &Seen,
        identities: &Identities,
        out: &Folder,
    ) -> Result<()> {
        let Folded { runs, newest } = folded;
        let mut manifest = self.manifest(run, newest);
        let judging = self.judging(&manifest, out.path());
        let draft = self.state.draft(&self.identity(run, &manifest, identities));
        let retention = self.retention(&manifest);
        run.notes.extend(relearned(self.state.manifest.as_ref(), &manifest));
        run.learning = judging.learning_text();
        let files = files(&draft, self.id_seed);
        let (table, spilled) = runs.merged(self.options.read.threads)?;
        let mut table = self.with_history(table)?;
        if run.interrupted || self.nothing_new(&manifest, run) {
            let judged = judge_run(run, self.plan, &judging, table)?;
            spilled.end()?;
            return self.leave_as_it_was(&manifest, judged, run, out);
        }
        let judged = tee(&draft.path(&files.table), &retention, &mut table, |table| {
            judge_run(run, self.plan, &judging, table)
        })?;
        drop(table);
        spilled.end()?;
        let started = Instant::now();
        let revised = self.revise(&manifest, judged, run)?;
        self.write(&draft, &files, run, &revised, identities)?;
        self.write_recent(&draft.path(&files.recent_ids), &manifest, run, seen)?;
        manifest.files = files;
        let state = draft.commit(manifest).inspect_err(log::not_committed)?;
        run.stages.record(Stage::Write, started.elapsed());
        if let (Some(change), Some(manifest)) = (&mut run.state, &state.manifest) {
            change.generation = manifest.generation;
            log::committed(change);
        }
        publish(&state, &self.options.findings, out, run)
    }

    /// A table, and that of the runs before.
    pub(super) fn with_history<'t>(
        &self,
        table: group::Run<'t>,
    ) -> Result<impl Iterator<Item = Result<(Key, Row)>> + use<'t>> {
        let mut tables: Vec<group::Run<'t>> = vec![table];
        if let Some(old) = self.state.file(|files| &files.table) {
            tables.push(Box::new(TableReader::open(&old)?));
        }
        Ok(group::merge(tables))
    }

    /// The next manifest; its files have no names yet.
    pub(super) fn manifest(&self, run: &Run, newest: Option<i64>) -> Manifest {
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

    /// How history and what was read are judged.
    pub(super) fn judging<'j>(&'j self, manifest: &Manifest, out: &'j Path) -> Judging<'j> {
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
            intel: &self.options.judge.intel,
            spill: Spill::into(out),
            waiting: self.options.waiting(),
            threads: self.options.read.threads,
        }
    }

    fn retention(&self, manifest: &Manifest) -> Retention {
        let window = window_days(self.plan);
        let judged = manifest.newest_day.map(|newest| Horizon::behind(newest, window).judged);
        let before = |days: i64| judged.map_or(i64::MIN, |judged| judged.saturating_sub(days));
        let mut reach: BTreeMap<FoldId, state::Kept> = BTreeMap::new();
        let longest = self.plan.detectors.iter().map(|d| d.terms.reach()).max().unwrap_or(0);
        for (number, fold) in self.plan.folds.iter().enumerate() {
            let detectors = || self.plan.detectors.iter().filter(|d| d.fold == number);
            let days = detectors().map(|d| d.terms.reach()).max().unwrap_or(longest);
            let texts = detectors().any(|d| d.scope.is_some() && !d.terms.is_anomaly());
            let from = before(days.saturating_add(2));
            reach.insert(fold.id, state::Kept { from, texts });
        }
        Retention { whole_from: before(window.saturating_add(1)), folds: reach }
    }

    /// A hash of everything that decides what the run leaves.
    fn identity(&self, run: &Run, manifest: &Manifest, identities: &Identities) -> String {
        let before = self.state.manifest.as_ref().map(|manifest| manifest.run.as_str());
        let bounds = format!("{:?} {:?}", self.options.read.since, self.options.read.until);
        let start = Identity::default().part(before).part(Some(&manifest.judged_by));
        let start = start.part(Some(&bounds));
        let is_read = |object: &&ObjectRecord| {
            matches!(object.outcome, ObjectOutcome::Read | ObjectOutcome::Partial)
        };
        let objects = run.account.manifest.iter().filter(is_read);
        let identity = objects.fold(start, |identity, object| {
            let known = identities.get(&object.uri).unwrap_or(&object.uri);
            let ObjectRecord { bytes, analysed, filtered, duplicates, rejected, .. } = object;
            let numbers = format!("{bytes} {analysed} {filtered} {duplicates} {rejected}");
            identity.part(Some(known)).part(Some(&numbers))
        });
        hex(identity.finish().split_at(8).0)
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
        // A sequence looks at the findings of others.
        let youngest = since.values().max().copied().unwrap_or(i64::MIN);
        for sequence in &self.plan.sequences {
            since.insert(&sequence.metadata.id, youngest);
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
    fn leave_as_it_was(
        &self,
        manifest: &Manifest,
        judged: Judged,
        run: &mut Run,
        out: &Folder,
    ) -> Result<()> {
        if run.interrupted {
            run.take(judged, self.plan)?;
            run.notes.push("interrupted: the state and the findings are as they were".to_owned());
            return Ok(());
        }
        self.revise(manifest, judged, run)?;
        publish(&self.state, &self.options.findings, out, run)
    }

    /// Writes the files of the generation but the table and the ids.
    fn write(
        &self,
        draft: &Draft<'_>,
        files: &Files,
        run: &Run,
        revised: &Revised,
        identities: &Identities,
    ) -> Result<()> {
        let old = self.state.file(|files| &files.ledger);
        let old = old.map(|old| LedgerReader::open(&old)).transpose()?;
        write_ledger(
            &draft.path(&files.ledger),
            old,
            entries(run.account.finished(), &draft.run, identities),
        )?;
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
        let reach = self.retention(manifest).folds.into_values().map(|kept| kept.from).min();
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
}

/// Hands the table to `use_table` and writes what is kept of it to `path` on the way.
fn tee<T>(
    path: &Path,
    retention: &Retention,
    table: impl Iterator<Item = Result<(Key, Row)>> + Send,
    use_table: impl FnOnce(&mut (dyn Iterator<Item = Result<(Key, Row)>> + Send)) -> Result<T>,
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

fn files(draft: &Draft<'_>, id_seed: u64) -> Files {
    Files {
        table: draft.name("table"),
        ledger: draft.name("ledger"),
        // Of two first runs over the same objects each has its own seed.
        recent_ids: draft.name(&format!("{id_seed:016x}.recent_ids")),
        coverage: draft.name("coverage"),
        findings_current: draft.name("findings_current"),
        findings: draft.name("findings"),
    }
}

/// The most days that a window of the plan touches.
fn window_days(plan: &Plan) -> i64 {
    plan.detectors.iter().map(|detector| detector.terms.timespan_days()).max().unwrap_or(1)
}

fn date(day: i64) -> i32 {
    i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX })
}

/// The beginning of the next UTC day, µs.
#[allow(clippy::disallowed_methods, reason = "only tells times that lie in the future")]
fn tomorrow() -> i64 {
    (jiff::Timestamp::now().as_microsecond().div_euclid(DAY_MICROS) + 1) * DAY_MICROS
}
