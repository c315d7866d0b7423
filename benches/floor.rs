//! `cargo bench --bench floor`: how far a whole scan, and a conversion, are from the floor.
//!
//! The floor is what no reader of CloudTrail logs can do without: every object read, inflated and
//! parsed to a tape, and nothing else. The scan is everything: listing, reading, decoding, events,
//! all shipped detectors, accounting, and the output files. A conversion writes the events as
//! Parquet; over these one detector runs alone, as after an edit. All run in this process by turns, on
//! the same files (in the page cache), with the same split of work: largest object first, then
//! whatever comes next. Out comes a Markdown table of medians.
//!
//! `FLOOR_EVENTS` sets the number of events (300,000), `FLOOR_ROUNDS` the rounds (7),
//! `FLOOR_THREADS` the numbers of threads (`1,2`), `FLOOR_DIR` a folder whose generated dumps are
//! kept and used again.

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
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use flate2::{Decompress, FlushDecompress, Status};
use generate::{Config, Shape};
use trailsift::detect::rules::Tuning;
use trailsift::pipeline::{ConvertOptions, Progress, ReadOptions, Run, ScanOptions, convert, scan};
use walkdir::WalkDir;

/// Set for the child process whose peak memory is measured: folder, threads.
const CHILD: &str = "FLOOR_CHILD";

fn main() {
    // `cargo test --benches` runs this too, without the flag.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    if let Ok(child) = std::env::var(CHILD) {
        let (threads, folder) = child.split_once(' ').expect("threads and folder");
        peak_of_scan(threads.parse().expect("a number of threads"), Path::new(folder));
        return;
    }
    let temporary = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let root = std::env::var("FLOOR_DIR").map_or(temporary.path().to_path_buf(), PathBuf::from);
    let mut dumps = Vec::new();
    for (name, shape) in [("large", Shape::Large), ("small", Shape::Small)] {
        dumps.push((name, Dump::generate(&root, name, shape)));
    }
    println!(
        "\n| shape | threads | floor s | scan s | ratio | events/s | peak RSS | convert s | ratio | \
         bytes of stored | one detector s | of scan |"
    );
    println!("|{}", " ---: |".repeat(12));
    for (name, dump) in &dumps {
        for threads in numbers("FLOOR_THREADS", "1,2") {
            println!("{}", dump.row(name, threads, temporary.path()));
        }
    }
}

/// The numbers in an environment variable, with commas between them.
fn numbers(variable: &str, default: &str) -> Vec<usize> {
    let text = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    text.split(',').map(|number| number.trim().parse().expect(variable)).collect()
}

fn number(variable: &str, default: &str) -> usize {
    numbers(variable, default).first().copied().unwrap_or_default()
}

/// A generated dump: its files, largest first.
struct Dump {
    root: PathBuf,
    files: Vec<PathBuf>,
    /// Stored.
    bytes: u64,
}

impl Dump {
    /// Generates the dump unless it is there already, and says what it is like.
    fn generate(root: &Path, name: &str, shape: Shape) -> Self {
        let events = number("FLOOR_EVENTS", "300000") as u64;
        let root = root.join(format!("{name}-{events}"));
        if !root.exists() {
            // CloudTrail's objects are about as well compressed as by level 6.
            let out = root.clone();
            let config = Config { out, events, shape, level: 6, ..Config::default() };
            generate::generate(&config).expect("a dump");
        }
        let mut files: Vec<(u64, PathBuf)> = WalkDir::new(&root)
            .into_iter()
            .map(|entry| entry.expect("a readable folder"))
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| (entry.metadata().expect("metadata").len(), entry.into_path()))
            .collect();
        files.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        let bytes: u64 = files.iter().map(|(bytes, _)| bytes).sum();
        println!("{name}: {} objects, {:.1} MB stored", files.len(), bytes as f64 / 1e6);
        Self { root, files: files.into_iter().map(|(_, path)| path).collect(), bytes }
    }

    /// One line of the table.
    fn row(&self, name: &str, threads: usize, out: &Path) -> String {
        let (out, kept) = (out.join("out"), out.join("events"));
        let (mut floors, mut scans, mut ratios, mut events) = (vec![], vec![], vec![], 0);
        let (mut converts, mut convert_ratios, mut edits, mut edit_ratios, mut bytes) =
            (vec![], vec![], vec![], vec![], 0);
        // The first round only warms up.
        for round in 0..=number("FLOOR_ROUNDS", "7") {
            let (floor, ()) = timed(|| floor(&self.files, threads));
            let (scan, run) = timed(|| run_scan(&self.root, &out, threads));
            assert!(run.account.balances() && run.account.unreadable() == 0, "a sound scan");
            let _ = fs::remove_dir_all(&kept);
            let (convert, written) = timed(|| run_convert(&self.root, &kept, threads));
            let (edit, _) = timed(|| run_one(&kept, &out, threads));
            if round > 0 {
                bytes = written;
                converts.push(convert);
                convert_ratios.push(convert / floor);
                edits.push(edit);
                edit_ratios.push(100.0 * edit / scan);
                events = run.account.records().seen;
                floors.push(floor);
                scans.push(scan);
                // Of neighbours in time, so that a machine that is busy for a while does no harm.
                ratios.push(scan / floor);
            }
        }
        let scan = median(scans);
        format!(
            "| {name} | {threads} | {:.3} | {scan:.3} | {:.2} | {:.0} | {} | {:.3} | {:.2} | {:.2} \
             | {:.3} | {:.0} % |",
            median(floors),
            median(ratios),
            events as f64 / scan,
            self.peak(threads),
            median(converts),
            median(convert_ratios),
            bytes as f64 / self.bytes as f64,
            median(edits),
            median(edit_ratios),
        )
    }

    /// Peak memory of a scan in a process of its own.
    fn peak(&self, threads: usize) -> String {
        let mut child = Command::new(std::env::current_exe().expect("this program"));
        child.arg("--bench").env(CHILD, format!("{threads} {}", self.root.display()));
        let output = child.output().expect("a child process");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// Seconds that the work took, and its result.
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64(), result)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Reads, inflates and parses every file.
fn floor(files: &[PathBuf], threads: usize) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let next = AtomicUsize::new(0);
    pool.broadcast(|_| {
        let mut stream = Decompress::new_gzip(15);
        let (mut stored, mut inflated) = (Vec::new(), Vec::new());
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            stored.clear();
            let mut file = fs::File::open(path).expect("a file");
            file.read_to_end(&mut stored).expect("its bytes");
            inflate(&mut stream, &stored, &mut inflated);
            let tape = simd_json::to_tape(&mut inflated).expect("JSON");
            black_box(tape.0.len());
        }
    });
}

/// Inflates the only gzip member of `stored`.
fn inflate(stream: &mut Decompress, stored: &[u8], inflated: &mut Vec<u8>) {
    let (_, trailer) = stored.split_last_chunk::<4>().expect("a gzip trailer");
    inflated.clear();
    inflated.reserve(u32::from_le_bytes(*trailer) as usize + 512);
    stream.reset(true);
    let status = stream.decompress_vec(stored, inflated, FlushDecompress::Finish);
    assert_eq!(status.expect("gzip"), Status::StreamEnd);
}

fn run_scan(input: &Path, out: &Path, threads: usize) -> Run {
    let mut options = ScanOptions::new(vec![input.to_path_buf().into()], out.to_path_buf().into());
    options.read.threads = threads;
    scan(&options, &Silent, &AtomicBool::new(false)).expect("a run")
}

/// Converts, and gives the bytes that were written.
fn run_convert(input: &Path, out: &Path, threads: usize) -> u64 {
    let mut read = ReadOptions::new(vec![input.to_path_buf().into()]);
    read.threads = threads;
    let options = ConvertOptions { read, out: out.to_path_buf() };
    let done = convert(&options, &Silent, &AtomicBool::new(false)).expect("a conversion");
    assert_eq!(done.written.rows, done.account.records().seen, "no copies");
    done.written.bytes
}

/// Runs one detector over converted events.
fn run_one(input: &Path, out: &Path, threads: usize) -> Run {
    let (input, out) = (input.to_path_buf().into(), out.to_path_buf().into());
    let mut options = ScanOptions::new(vec![input], out);
    options.read.threads = threads;
    options.tune = Some(Tuning::only(None, &["mass_object_delete".to_owned()]));
    scan(&options, &Silent, &AtomicBool::new(false)).expect("a run")
}

struct Silent;

impl Progress for Silent {
    fn expect(&self, _: u64, _: u64) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}

/// Scans and prints the peak of the resident memory, as Linux counts it.
fn peak_of_scan(threads: usize, folder: &Path) {
    let out = tempfile::tempdir().expect("a temporary folder");
    black_box(run_scan(folder, out.path(), threads));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("{}", peak.unwrap_or("unknown").trim());
}
