//! `cargo bench --bench anomaly`: what trailsift finds in a simulated organisation, and what it says
//! without cause.
//!
//! Each seed is an organisation of its own, with sixty days of traffic and 36 attacks of known kind and
//! strength (`benches/organisation`; docs/anomaly.md). Its logs are scanned with the shipped detectors,
//! and the findings are held against the attacks. Out come Markdown tables.
//!
//! `ANOMALY_SEEDS` names the seeds (101-120), `ANOMALY_VERBOSE=1` lists every missed attack and false
//! finding, `ANOMALY_KEEP=DIR` keeps logs, database and truth there, `ANOMALY_DATABASES=0` scans without
//! the database of networks, `ANOMALY_DETECTORS=DIR` adds detectors, `ANOMALY_EVENTS` sets the benign
//! calls per seed (450,000).

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program of its own: it prints its result, and fails loudly"
)]

#[path = "anomaly/interval.rs"]
mod interval;
mod organisation;
#[path = "anomaly/score.rs"]
mod score;
#[path = "anomaly/tables.rs"]
mod tables;
#[path = "anomaly/truth.rs"]
mod truth;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use organisation::{Config, DATABASE, Plan};
use score::Score;
use trailsift::intel::{IntelFiles, OwnAccounts};
use trailsift::pipeline::{JudgeOptions, Progress, Run, ScanOptions, scan};

/// Seeds that run side by side.
const WORKERS: usize = 2;

fn main() {
    // `cargo test --benches` runs this too, without the flag.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let queue = Mutex::new(seeds());
    let scores = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("the queue").pop();
                    let Some(seed) = next else { return };
                    let score = score_of(seed);
                    scores.lock().expect("the scores").push(score);
                }
            });
        }
    });
    let mut scores = scores.into_inner().expect("the scores");
    scores.sort_by_key(|score| score.seed);
    print!("{}", tables::tables(&scores));
    if is_on("ANOMALY_VERBOSE", false) {
        print!("{}", tables::details(&scores));
    }
}

/// `101-120`, `3` or `1-5,9`; the last is first, as queues go.
fn seeds() -> Vec<u64> {
    let text = std::env::var("ANOMALY_SEEDS").unwrap_or_else(|_| "101-120".to_owned());
    let number = |text: &str| text.trim().parse::<u64>().expect("ANOMALY_SEEDS");
    let mut seeds: Vec<u64> = text
        .split(',')
        .flat_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            number(first)..=number(last)
        })
        .collect();
    seeds.reverse();
    seeds
}

fn is_on(variable: &str, usually: bool) -> bool {
    std::env::var(variable).map_or(usually, |text| text != "0" && !text.is_empty())
}

/// Simulates an organisation, scans its logs, and holds the findings against the attacks.
fn score_of(seed: u64) -> Score {
    let started = Instant::now();
    let temporary = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let kept = std::env::var_os("ANOMALY_KEEP")
        .map(|folder| PathBuf::from(folder).join(format!("seed-{seed}")));
    let folder = kept.as_deref().unwrap_or(temporary.path());
    let mut config = Config::of_seed(seed);
    if let Ok(events) = std::env::var("ANOMALY_EVENTS") {
        config.events = events.parse().expect("ANOMALY_EVENTS");
    }
    let plan = organisation::plan(config);
    let logs = folder.join("logs");
    organisation::write(&plan, &logs, &folder.join(DATABASE)).expect("the logs");
    truth::write(&folder.join("truth.csv"), &plan.attacks).expect("the truth");
    let simulated = started.elapsed();
    let options = options(&plan, folder, &temporary.path().join("out"));
    let run = scan(&options, &Silent, &AtomicBool::new(false)).expect("a run");
    check(&run);
    eprintln!(
        "seed {seed}: {} records, {} findings; simulated in {:.1} s, scanned in {:.1} s",
        run.account.records().seen,
        run.findings.len(),
        simulated.as_secs_f64(),
        started.elapsed().saturating_sub(simulated).as_secs_f64(),
    );
    score::score(&plan, &run)
}

/// How an organisation is scanned: as by default, on one thread, with its own accounts and, unless
/// switched off, its database of networks.
fn options(plan: &Plan, folder: &Path, out: &Path) -> ScanOptions {
    let mut options = ScanOptions::new(vec![folder.join("logs").into()], out.to_path_buf().into());
    let is_known = is_on("ANOMALY_DATABASES", true);
    let geoip = is_known.then(|| folder.join(DATABASE)).into_iter().collect();
    let intel = IntelFiles { geoip, ..IntelFiles::default() }.read().expect("the database");
    let own = OwnAccounts::read(None, &plan.org.accounts).expect("the accounts");
    let judge = JudgeOptions { own, intel: intel.into(), ..JudgeOptions::default() };
    let detectors = std::env::var_os("ANOMALY_DETECTORS").map(PathBuf::from);
    options.read.threads = 1;
    ScanOptions { judge, detectors, ..options }
}

fn check(run: &Run) {
    let records = run.account.records();
    assert_eq!(records.seen, records.analysed, "the simulation writes sound records");
    assert!(run.diagnostics.is_empty(), "{:?}", run.diagnostics.first());
}

struct Silent;

impl Progress for Silent {
    fn expect(&self, _: u64, _: u64) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}
