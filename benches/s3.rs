//! `cargo bench --bench s3`: how fast a scan of a bucket is, held against what the server's latency
//! allows and against a scan of the same objects in a folder.
//!
//! If the machine's processors are not idle meanwhile, the run is bound by them and not by latency.
//!
//! The server is a process of its own on this machine that answers every request after `S3_LATENCY`
//! milliseconds (30). `S3_OBJECTS` is about how many objects there are (20,000), `S3_ONLY` the names
//! of the inputs (all), `S3_THREADS` the threads (2), `S3_MEMORY` the `--memory` (512MiB), `S3_DIR` a
//! folder whose inputs are kept and used again.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program of its own: it prints its result, and fails loudly"
)]

#[path = "generate/mod.rs"]
mod generate;
mod process;
#[path = "s3/server.rs"]
mod server;

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use generate::{Config, Shape};
use process::{idle_seconds, peak_kilobytes, processor_seconds};
use server::BUCKET;

/// Set for child processes: the folder to serve, or the input to scan.
const SERVE: &str = "S3_SERVE";
const SCAN: &str = "S3_SCAN";
const OUT: &str = "S3_OUT";
const ENDPOINT: &str = "S3_ENDPOINT";

/// Requests at a time.
const CONCURRENCY: usize = 256;

fn main() {
    // `cargo test --benches` runs this too, without the flag.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    if let Some(folder) = std::env::var_os(SERVE) {
        server::serve(Path::new(&folder), latency());
        return;
    }
    if let Some(input) = std::env::var_os(SCAN) {
        scan(input);
        return;
    }
    let kept = std::env::var_os("S3_DIR").map(PathBuf::from);
    let temporary = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let root = kept.unwrap_or_else(|| temporary.path().to_path_buf());
    println!(
        "\n| objects | number | mean KB | events | latency bound s | local s | of processor | S3 s | \
         of processor | the server's | idle | to the bound | peak MiB |"
    );
    println!("| --- |{}", " ---: |".repeat(12));
    let only = std::env::var("S3_ONLY").unwrap_or_default();
    for (name, plain) in [("gzip", false), ("plain", true)] {
        if only.is_empty() || only.split(',').any(|wanted| wanted == name) {
            println!("{}", row(name, plain, &root, temporary.path()));
        }
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect(variable))
}

fn latency() -> Duration {
    Duration::from_millis(number("S3_LATENCY", 30))
}

/// About 20 KB an object: 64 events in gzip, or a dozen in plain JSON.
fn generate(folder: &Path, plain: bool) {
    let objects = number("S3_OBJECTS", 20_000);
    let (shape, events, per_account) =
        if plain { (Shape::Small, 11, 3_000) } else { (Shape::Medium, 64, 222) };
    let config = Config {
        out: folder.to_path_buf(),
        events: objects * events,
        days: 30,
        accounts: usize::try_from(objects / per_account).expect("a number").max(1),
        shape,
        plain,
        ..Config::default()
    };
    generate::generate(&config).expect("logs");
}

/// Makes the objects unless they are there, scans them in both places, and gives the line.
fn row(name: &str, plain: bool, root: &Path, temporary: &Path) -> String {
    let folder = root.join(name);
    if !folder.exists() {
        generate(&folder, plain);
    }
    let files = walkdir::WalkDir::new(&folder).into_iter().map(|entry| entry.expect("a file"));
    let sizes = files.map(|file| file.metadata().expect("metadata")).filter(fs::Metadata::is_file);
    let sizes: Vec<u64> = sizes.map(|metadata| metadata.len()).collect();
    let objects = sizes.len() as f64;

    let local = Scanned::of(folder.as_os_str().to_owned(), "", &temporary.join("local"));
    let mut child = this_program(SERVE, folder.into());
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a server");
    let mut told = BufReader::new(child.stdout.take().expect("its output"));
    let mut endpoint = String::new();
    told.read_line(&mut endpoint).expect("an endpoint");
    let bucket = format!("s3://{BUCKET}/").into();
    let idle = idle_seconds();
    let remote = Scanned::of(bucket, endpoint.trim(), &temporary.join("remote"));
    let idle = idle_seconds() - idle;
    drop(child.stdin.take());
    let mut served = String::new();
    told.read_to_string(&mut served).expect("seconds");
    assert!(child.wait().expect("a server").success(), "a server that ends");
    assert_eq!((local.events, local.findings), (remote.events, remote.findings), "the same logs");

    let bound = objects * latency().as_secs_f64() / CONCURRENCY as f64;
    format!(
        "| {name} | {objects} | {:.1} | {} | {bound:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} % | {:.2} | {:.0} |",
        sizes.iter().sum::<u64>() as f64 / objects / 1e3,
        remote.events,
        local.seconds,
        local.processor,
        remote.seconds,
        remote.processor,
        served.trim().parse::<f64>().expect("seconds"),
        100.0 * idle / (remote.seconds * processors() as f64),
        remote.seconds / bound,
        remote.peak as f64 / 1024.0,
    )
}

fn processors() -> usize {
    std::thread::available_parallelism().expect("a number").get()
}

fn this_program(variable: &str, value: OsString) -> Command {
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.arg("--bench").env(variable, value);
    child
}

/// What a scan was like.
struct Scanned {
    events: u64,
    findings: u64,
    seconds: f64,
    /// Seconds of all processors together.
    processor: f64,
    /// The peak of the resident memory in kB.
    peak: u64,
}

impl Scanned {
    /// Scans `input` in a process of its own.
    fn of(input: OsString, endpoint: &str, out: &Path) -> Self {
        let mut child = this_program(SCAN, input);
        child.env(ENDPOINT, endpoint).env(OUT, out).stderr(Stdio::inherit());
        child
            .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        let output = child.output().expect("a child process");
        assert!(output.status.success(), "a scan that ends");
        let told = String::from_utf8_lossy(&output.stdout);
        let told: Vec<&str> = told.split_whitespace().collect();
        let [seconds, processor, peak] = told[..] else { panic!("no numbers: {told:?}") };
        let run = fs::read(out.join("run.json")).expect("run.json");
        let run: serde_json::Value = serde_json::from_slice(&run).expect("JSON");
        assert_eq!(run["balances"], true, "{run}");
        let findings = run["findings"].as_object().expect("counts");
        Self {
            events: run["records"]["analysed"].as_u64().expect("a count"),
            findings: findings.values().filter_map(serde_json::Value::as_u64).sum(),
            seconds: seconds.parse().expect("seconds"),
            processor: processor.parse().expect("seconds"),
            peak: peak.parse().expect("kilobytes"),
        }
    }
}

/// Scans as the command line does; prints the seconds, those of processors, and the peak in kB.
fn scan(input: OsString) {
    let text = |variable: &str, default: &str| {
        std::env::var(variable).unwrap_or_else(|_| default.to_owned())
    };
    let mut arguments: Vec<OsString> = vec!["trailsift".into(), "scan".into(), input];
    arguments.extend(["--out".into(), std::env::var_os(OUT).expect(OUT)]);
    let (memory, threads) = (text("S3_MEMORY", "512MiB"), text("S3_THREADS", "2"));
    arguments.extend(["--memory", &memory, "--threads", &threads].map(OsString::from));
    let endpoint = text(ENDPOINT, "");
    if !endpoint.is_empty() {
        arguments.extend(["--endpoint-url", &endpoint].map(OsString::from));
    }
    let (mut summary, mut complaints) = (Vec::new(), Vec::new());
    let start = Instant::now();
    let exit = trailsift::cli::run(arguments, &mut summary, &mut complaints);
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(exit, 0, "{}", String::from_utf8_lossy(&complaints));
    println!("{seconds} {} {}", processor_seconds(), peak_kilobytes());
}
