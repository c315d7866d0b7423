//! `cargo bench --bench stages`: what each stage of a scan costs alone, and what merging the tables
//! of many workers costs, on one thread, over dumps of growing size.
//!
//! A stage is timed where it happens while all of them run once over a generated dump (objects in
//! the page cache): objects are read and inflated; the same bytes become a tape (the floor, which
//! no later stage uses); records are decoded into batches of events; batches are selected; and
//! folded into tables. Then each table is sorted, and all of them are merged, as if so many workers
//! had folded every so-manieth batch. Judging is what a whole scan takes beyond.
//!
//! `STAGES_EVENTS` sets the numbers of events (`100000,1000000`), `STAGES_WORKERS` the numbers of
//! tables (`1,2,8,64`).

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program of its own: it prints its result, and fails loudly"
)]

#[path = "generate/mod.rs"]
mod generate;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use generate::{Config, Shape};
use trailsift::codec::Inflater;
use trailsift::decode::{Claim, Decoder, Limits, Record, RecordFault, RecordSink};
use trailsift::detect::group::{Fold, Run, SelectedBatch, Table, merge};
use trailsift::detect::rules::Plan;
use trailsift::detect::select::Evaluator;
use trailsift::events::{BatchBuilder, EventBatch, Wanted};
use trailsift::pipeline::{Progress, ScanOptions, load_plan, scan};
use walkdir::WalkDir;

fn main() {
    // `cargo test --benches` runs this too, without the flag.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let plan = load_plan(None).expect("the shipped detectors");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    println!(
        "| events | stage | seconds | µs per event | of the floor |\n| ---: | --- | ---: | ---: | ---: |"
    );
    let mut merges = Vec::new();
    for events in numbers("STAGES_EVENTS", "100000,1000000") {
        let dump = folder.path().join(events.to_string());
        let config = Config {
            out: dump.clone(),
            events,
            shape: Shape::Large,
            level: 6,
            ..Config::default()
        };
        generate::generate(&config).expect("a dump");
        let files = files(&dump);
        let stages = stages(&plan, &files);
        let scan = timed(|| run_scan(&dump, &folder.path().join("out"))).0;
        stages.print(events, scan);
        for workers in numbers("STAGES_WORKERS", "1,2,8,64") {
            merges.push(merging(&plan, &files, events, workers, scan));
        }
    }
    println!(
        "\n| events | workers | rows of all tables | merged | bytes per row | sort s | merge s | of \
         the scan |\n|{}",
        " ---: |".repeat(8)
    );
    for line in merges {
        println!("{line}");
    }
}

fn numbers(variable: &str, default: &str) -> Vec<u64> {
    let text = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    text.split(',').map(|number| number.trim().parse().expect(variable)).collect()
}

fn files(dump: &Path) -> Vec<PathBuf> {
    let entries =
        WalkDir::new(dump).sort_by_file_name().into_iter().map(|entry| entry.expect("a file"));
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

/// What the stages took.
#[derive(Default)]
struct Stages {
    inflate: Duration,
    tape: Duration,
    /// With inflating.
    decode: Duration,
    select: Duration,
    group: Duration,
}

impl Stages {
    fn print(&self, events: u64, scan: f64) {
        let floor = (self.inflate + self.tape).as_secs_f64();
        let line = |stage: &str, seconds: f64| {
            let each = seconds * 1e6 / events as f64;
            println!("| {events} | {stage} | {seconds:.3} | {each:.2} | {:.2} |", seconds / floor);
        };
        line("floor: read, inflate, tape", floor);
        line("read and inflate", self.inflate.as_secs_f64());
        let decode = self.decode.saturating_sub(self.inflate);
        line("decode into batches", decode.as_secs_f64());
        line("select", self.select.as_secs_f64());
        line("group", self.group.as_secs_f64());
        let known = (self.decode + self.select + self.group).as_secs_f64();
        line("the rest: copies, sorting, judging, writing", scan - known);
        line("the whole scan, one thread", scan);
    }
}

/// Runs all stages once over the files.
fn stages(plan: &Plan, files: &[PathBuf]) -> Stages {
    let mut stages = Stages::default();
    let mut evaluator = Evaluator::new(&plan.program);
    let mut table = Table::new(plan.folds.iter().map(Fold::table_fold));
    let mut inflater = Inflater::default();
    for path in files {
        let (took, stored) = timed_duration(|| fs::read(path).expect("a file"));
        let (more, _) = timed_duration(|| inflater.unpack(&stored, u64::MAX));
        stages.inflate += took + more;
        let (took, nodes) = timed_duration(|| {
            simd_json::to_tape(&mut inflater.bytes).map(|tape| tape.0.len()).expect("JSON")
        });
        black_box(nodes);
        stages.tape += took;
    }
    batches(plan, files, &mut stages.decode, |batch| {
        let (took, masks) = timed_duration(|| evaluator.masks(batch));
        stages.select += took;
        let (took, ()) = timed_duration(|| fold(plan, batch, &masks, &mut table));
        stages.group += took;
    });
    stages
}

fn fold(
    plan: &Plan,
    batch: &EventBatch,
    masks: &[arrow::buffer::BooleanBuffer],
    table: &mut Table,
) {
    let mut selected = SelectedBatch::new(batch, masks, &plan.folds, table);
    for part in selected.parts() {
        selected.fold(part, &plan.folds, table);
    }
}

/// Fills batches, and hands on those that are full.
struct Filling<'t> {
    builder: BatchBuilder,
    take: &'t mut dyn FnMut(&EventBatch),
    /// Spent in `take`.
    taking: Duration,
}

impl Filling<'_> {
    fn flush(&mut self) {
        let batch = self.builder.finish().expect("a batch");
        self.taking += timed_duration(|| (self.take)(&batch)).0;
    }
}

impl RecordSink for Filling<'_> {
    fn record(&mut self, number: u64, record: Record<'_, '_, '_>) -> Result<(), RecordFault> {
        if self.builder.is_full() {
            self.flush();
        }
        self.builder.append(number, record, |_| Wanted::Event).map(drop)
    }
}

/// Reads and decodes the files; shows each batch to `take`, which does not count.
fn batches(
    plan: &Plan,
    files: &[PathBuf],
    decoding: &mut Duration,
    mut take: impl FnMut(&EventBatch),
) {
    let builder = BatchBuilder::new(&plan.fields);
    let mut filling = Filling { builder, take: &mut take, taking: Duration::ZERO };
    let mut decoder = Decoder::new(Limits::default());
    let started = Instant::now();
    for path in files {
        let uri = path.to_string_lossy();
        filling.builder.start_object(uri.as_ref().into());
        let stored = fs::read(path).expect("a file");
        decoder.decode(&uri, Claim::Given, &stored, &mut filling).expect("a log");
    }
    filling.flush();
    *decoding += started.elapsed().saturating_sub(filling.taking);
}

/// A line of the second table: the batches folded by so many workers by turns, their tables merged.
fn merging(plan: &Plan, files: &[PathBuf], events: u64, workers: u64, scan: f64) -> String {
    let new = || Table::new(plan.folds.iter().map(Fold::table_fold));
    let mut tables: Vec<Table> = (0..workers).map(|_| new()).collect();
    let mut evaluator = Evaluator::new(&plan.program);
    let mut turn = 0;
    let mut decoding = Duration::ZERO;
    batches(plan, files, &mut decoding, |batch| {
        let masks = evaluator.masks(batch);
        turn = (turn + 1) % tables.len();
        tables.get_mut(turn).into_iter().for_each(|table| fold(plan, batch, &masks, table));
    });
    let bytes: usize = tables.iter().map(Table::bytes).sum();
    let (sort, runs) = timed(|| tables.iter_mut().map(Table::drain_sorted).collect::<Vec<_>>());
    let rows: usize = runs.iter().map(ExactSizeIterator::len).sum();
    let runs: Vec<Run<'_>> = runs.into_iter().map(|run| Box::new(run.map(Ok)) as Run<'_>).collect();
    let (merging, merged) =
        timed(|| merge(runs).map(|row| row.expect("a row")).map(black_box).count());
    format!(
        "| {events} | {workers} | {rows} | {merged} | {} | {sort:.3} | {merging:.3} | {:.1} % |",
        bytes / rows.max(1),
        100.0 * (sort + merging) / scan,
    )
}

/// Seconds that the work took, and its result.
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let (took, result) = timed_duration(work);
    (took.as_secs_f64(), result)
}

fn timed_duration<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let result = work();
    (started.elapsed(), result)
}

fn run_scan(dump: &Path, out: &Path) {
    let mut options = ScanOptions::new(vec![dump.to_path_buf().into()], out.to_path_buf().into());
    options.read.threads = 1;
    let run = scan(&options, &Silent, &AtomicBool::new(false)).expect("a run");
    assert!(run.account.balances() && run.account.unreadable() == 0, "a sound scan");
}

struct Silent;

impl Progress for Silent {
    fn expect(&self, _: u64, _: u64) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}
