//! `cargo bench --bench memory`: whether a scan keeps within `--memory`, whatever it is given.
//!
//! Makes inputs that are larger than memory, or made to eat it, one after the other, scans each in
//! a process of its own, and prints a Markdown table with the peak of the resident memory as Linux
//! counts it (`VmHWM`), everything included.
//!
//! `MEMORY_JSONL_GB` sets the size of the JSON lines (1), `MEMORY_GZ_GB` that of the large gzip
//! objects as stored (0.2), `MEMORY_IDS`, `MEMORY_BUSY` and `MEMORY_NAMES` the numbers of small events
//! (10,000,000, 5,000,000 and 100,000), `MEMORY_FILES` that of empty files (1,000,000), `MEMORY_BAD_OBJECTS` that of objects without a usable record
//! (1,000), `MEMORY_BOMB_GB` what a bomb inflates to (4), `MEMORY_LIMIT` the `--memory` (512MiB),
//! `MEMORY_THREADS` the threads (2), `MEMORY_ONLY` the names of the inputs (all), `MEMORY_DIR` a
//! folder whose inputs are kept and used again.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program of its own: it prints its result, and fails loudly"
)]

#[path = "generate/mod.rs"]
mod generate;
#[path = "memory/inputs.rs"]
mod inputs;
mod process;
#[path = "memory/records.rs"]
mod records;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use bytesize::ByteSize;
use inputs::{GB, INPUTS, Input};
use process::{peak_kilobytes, processor_seconds};
use records::Records;
use walkdir::WalkDir;

/// Set for the child process that scans: the folder to scan.
const CHILD: &str = "MEMORY_CHILD";

fn main() {
    // `cargo test --benches` runs this too, without the flag.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    if let Some(folder) = std::env::var_os(CHILD) {
        scan(Path::new(&folder));
        return;
    }
    let kept = std::env::var_os("MEMORY_DIR").map(PathBuf::from);
    let folder = kept.clone().unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let temporary = tempfile::tempdir_in(folder).expect("a temporary folder");
    let root = kept.clone().unwrap_or(temporary.path().to_path_buf());
    let only = std::env::var("MEMORY_ONLY").unwrap_or_default();
    let is_wanted = |name| only.is_empty() || only.split(',').any(|wanted| wanted == name);
    println!(
        "\n| input | objects | stored MB | inflated MB | events | rejected | seconds | of processor | MB/s | \
         peak MiB | within {} |",
        limit()
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
    for input in INPUTS.iter().filter(|input| is_wanted(input.name)) {
        println!("{}", row(input, &root, temporary.path()));
        if kept.is_none() {
            fs::remove_dir_all(root.join(input.name)).expect("a folder that goes");
        }
    }
}

/// The number in an environment variable.
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect(variable))
}

/// The number of gigabytes in an environment variable, in bytes.
fn gigabytes(variable: &str, default: f64) -> u64 {
    let number = std::env::var(variable).map_or(default, |text| text.parse().expect(variable));
    (number * GB) as u64
}

fn limit() -> String {
    std::env::var("MEMORY_LIMIT").unwrap_or_else(|_| "512MiB".to_owned())
}

/// Makes an input unless it is there, scans it, and gives its line of the table.
fn row(input: &Input, root: &Path, temporary: &Path) -> String {
    let folder = root.join(input.name);
    let note = root.join(format!("{}.inflated", input.name));
    if !folder.exists() {
        let mut records = Records::new(&temporary.join("records"));
        let made = (input.make)(&folder, &mut records).expect("an input");
        fs::write(&note, made.inflated.to_string()).expect("a note");
    }
    let inflated: u64 = fs::read_to_string(&note).expect("a note").parse().expect("a number");
    let stored: u64 = WalkDir::new(&folder)
        .into_iter()
        .map(|entry| entry.and_then(|entry| entry.metadata()).expect("metadata"))
        .filter(fs::Metadata::is_file)
        .map(|metadata| metadata.len())
        .sum();
    let scanned = Scanned::of(&folder, &temporary.join("out"));
    let limit = limit().parse::<ByteSize>().expect("a size").as_u64();
    format!(
        "| {} | {} | {:.0} | {:.0} | {} | {} | {:.1} | {:.1} | {:.0} | {:.0} | {} |",
        input.what,
        scanned.objects,
        stored as f64 / 1e6,
        inflated as f64 / 1e6,
        scanned.events,
        scanned.rejected,
        scanned.seconds,
        scanned.processor,
        inflated as f64 / 1e6 / scanned.processor,
        scanned.peak as f64 / f64::from(1 << 20),
        if scanned.peak <= limit { "yes" } else { "no" },
    )
}

/// What a scan was like.
struct Scanned {
    objects: u64,
    events: u64,
    rejected: u64,
    seconds: f64,
    /// Seconds of all processors together.
    processor: f64,
    /// The peak of the resident memory in bytes.
    peak: u64,
}

impl Scanned {
    /// Scans `folder` in a process of its own.
    fn of(folder: &Path, out: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"));
        child.arg("--bench").env(CHILD, folder).env("MEMORY_OUT", out).stderr(Stdio::inherit());
        let output = child.output().expect("a child process");
        assert!(output.status.success(), "a scan that ends");
        let told = String::from_utf8_lossy(&output.stdout);
        let told: Vec<&str> = told.split_whitespace().collect();
        let [seconds, processor, kilobytes] = told[..] else { panic!("no numbers: {told:?}") };
        let run = fs::read(out.join("run.json")).expect("run.json");
        let run: serde_json::Value = serde_json::from_slice(&run).expect("JSON");
        assert_eq!(run["balances"], true, "{run}");
        let count = |name: &str, part: &str| run[name][part].as_u64().expect("a count");
        Self {
            objects: count("objects", "listed"),
            events: count("records", "analysed"),
            rejected: count("records", "rejected"),
            seconds: seconds.parse().expect("seconds"),
            processor: processor.parse().expect("seconds"),
            peak: kilobytes.parse::<u64>().expect("kilobytes") * 1024,
        }
    }
}

/// Scans as the command line does, and prints the seconds, those of processors, and the peak in kB.
fn scan(folder: &Path) {
    let out = std::env::var_os("MEMORY_OUT").expect("MEMORY_OUT");
    let arguments: Vec<OsString> = vec![
        "trailsift".into(),
        "scan".into(),
        folder.into(),
        "--out".into(),
        out,
        "--memory".into(),
        limit().into(),
        "--threads".into(),
        number("MEMORY_THREADS", 2).to_string().into(),
        "--exit-zero".into(),
    ];
    let (mut summary, mut complaints) = (Vec::new(), Vec::new());
    let start = Instant::now();
    let exit = trailsift::cli::run(arguments, &mut summary, &mut complaints);
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(exit, 0, "{}", String::from_utf8_lossy(&complaints));
    let lines = String::from_utf8_lossy(&summary).lines().count();
    assert!(lines < 500, "a summary that is one: {lines} lines");
    println!("{seconds} {} {}", processor_seconds(), peak_kilobytes());
}
