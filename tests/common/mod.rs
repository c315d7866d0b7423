//! What the whole-run tests share: running the command line in this process and reading Parquet.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "each test uses a part; the helpers of a test may fail as loudly as the test itself, \
              and skipping is said aloud"
)]

pub mod browser;
pub mod logs;
pub mod python;

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use trailsift::pipeline::ScanOptions;

/// What a run of the command line gave.
pub struct Ran {
    pub status: u8,
    pub out: String,
    pub err: String,
}

/// Runs `trailsift ARGUMENTS` in this process.
pub fn trailsift<S: Into<OsString>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    let arguments =
        std::iter::once("trailsift".into()).chain(arguments.into_iter().map(Into::into));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = trailsift::cli::run(arguments, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { status, out: text(out), err: text(err) }
}

/// Scans `inputs` into `out` with further arguments.
pub fn scan(inputs: &[PathBuf], out: &Path, more: &[&str]) -> Ran {
    let mut arguments: Vec<OsString> = vec!["scan".into()];
    arguments.extend(inputs.iter().map(Into::into));
    arguments.extend(["--out".into(), out.into()]);
    arguments.extend(more.iter().map(Into::into));
    trailsift(arguments)
}

/// A share of a scan: its tables go to `out`.
pub fn partial(inputs: &[PathBuf], out: &Path, more: &[&str]) -> Ran {
    let mut arguments: Vec<OsString> = vec!["scan".into()];
    arguments.extend(inputs.iter().map(Into::into));
    arguments.extend(["--partial".into(), out.into()]);
    arguments.extend(more.iter().map(Into::into));
    trailsift(arguments)
}

/// A scan of everything with the usual bounds, on one thread.
pub fn options(inputs: Vec<PathBuf>, out: &Path) -> ScanOptions {
    let inputs = inputs.into_iter().map(Into::into).collect();
    let mut options = ScanOptions::new(inputs, out.to_path_buf().into());
    options.read.threads = 1;
    options
}

/// A log in memory, as a subscriber writes it.
#[derive(Clone, Default)]
pub struct MemoryLog(Arc<Mutex<Vec<u8>>>);

impl Write for MemoryLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MemoryLog {
    /// Logs what `work` says as JSON.
    pub fn of<T>(&self, work: impl FnOnce() -> T) -> T {
        let log = self.clone();
        let json = tracing_subscriber::fmt().json().flatten_event(true);
        tracing::subscriber::with_default(json.with_writer(move || log.clone()).finish(), work)
    }

    pub fn lines(&self) -> Vec<Value> {
        json_lines(&self.0.lock().unwrap())
    }
}

/// Lines, each a JSON value.
pub fn json_lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn run_json(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out.join("run.json")).unwrap()).unwrap()
}

/// All rows of a Parquet file.
pub fn table(path: &Path) -> Vec<RecordBatch> {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    reader.map(Result::unwrap).collect()
}

/// A finding, as far as the tests look at it.
#[derive(Debug)]
pub struct Finding {
    pub detector: String,
    pub severity: f64,
    pub principal: String,
    pub buckets: Vec<String>,
    pub first_seen: i64,
    pub last_seen: i64,
    pub event_count: i64,
    pub observed: String,
    pub description: String,
    pub evidence: usize,
}

pub fn findings(out: &Path) -> Vec<Finding> {
    findings_in(out, "findings.parquet")
}

/// The findings in a file of the run.
pub fn findings_in(out: &Path, file: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for batch in table(&out.join(file)) {
        let text = |name: &str, row: usize| {
            let column = batch.column_by_name(name).unwrap().as_string::<i32>();
            if column.is_null(row) { String::new() } else { column.value(row).to_owned() }
        };
        let count = |name: &str, row: usize| {
            batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().value(row)
        };
        let time = |name: &str, row: usize| {
            let column = batch.column_by_name(name).unwrap();
            column.as_primitive::<TimestampMicrosecondType>().value(row)
        };
        for row in 0..batch.num_rows() {
            let buckets = batch.column_by_name("buckets").unwrap().as_list::<i32>().value(row);
            let severity = batch.column_by_name("severity").unwrap();
            found.push(Finding {
                detector: text("detector_id", row),
                severity: severity.as_primitive::<arrow::datatypes::Float64Type>().value(row),
                principal: text("principal", row),
                buckets: buckets.as_string::<i32>().iter().flatten().map(str::to_owned).collect(),
                first_seen: time("first_seen", row),
                last_seen: time("last_seen", row),
                event_count: count("event_count", row),
                observed: text("observed", row),
                description: text("description", row),
                evidence: batch
                    .column_by_name("evidence")
                    .unwrap()
                    .as_list::<i32>()
                    .value(row)
                    .len(),
            });
        }
    }
    found
}

/// Every file below `folder`.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name();
    let entries = walk.into_iter().map(Result::unwrap);
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

/// A tuning file that leaves few detectors, one or two of each judge: what is killed is the state.
pub fn few_detectors(folder: &Path) -> PathBuf {
    const KEPT: &[&str] = &[
        "mass_object_delete",
        "new_principal_on_bucket",
        "unusual_network_of_principal",
        "bucket_acl_public",
        "bucket_versioning_suspended",
        "read_objects_of_principal",
        "unusual_read",
        "objects_read_then_deleted",
    ];
    let (entries, _) = trailsift::pipeline::list_detectors(None).unwrap();
    let others = entries.iter().filter(|entry| !KEPT.contains(&entry.id.as_str()));
    let lines = others.map(|entry| format!("{}: {{enabled: false}}", entry.id));
    let text = lines.collect::<Vec<String>>().join("\n");
    let path = folder.with_extension("tune.yml");
    std::fs::write(&path, text).unwrap();
    path
}

/// The detectors of anomalies for little traffic: unusual calls from 8 bits on, spikes from 20
/// deletes on, and silences from 2 events on. Their names begin with `low_`.
pub fn anomalies(folder: &Path) -> String {
    let to = folder.join("detectors");
    std::fs::create_dir(&to).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("detectors");
    let silent = files(&shipped.join("logging")).into_iter();
    let silent = silent.filter(|file| file.to_str().unwrap().ends_with("_silent.yml"));
    let all = files(&shipped.join("anomaly")).into_iter().chain(silent);
    for file in all.filter(|file| file.extension().unwrap() == "yml") {
        let text = std::fs::read_to_string(&file).unwrap();
        let lowest = text.find("bits: ").map(|at| &text[at..at + "bits: 18".len()]);
        let mut text = lowest.map_or(text.clone(), |bits| text.replacen(bits, "bits: 8", 1));
        for (shipped, low) in [
            ("at_least: 20, ", "at_least: 2, "),
            ("at_least: 70", "at_least: 20"),
            ("name: ", "name: low_"),
            ("[calls_of_", "[low_calls_of_"),
            ("unless: [bucket_", "unless: [low_bucket_"),
            ("usual: [region_", "usual: [low_region_"),
            // Ids are for one detector alone.
            ("id: 5a0c1f6e", "id: 5a0c1f6f"),
            ("id: da8e82a1", "id: da8e82a2"),
            ("id: f619d00f", "id: f619d010"),
            ("id: 7ca83bf1", "id: 7ca83bf2"),
        ] {
            text = text.replace(shipped, low);
        }
        std::fs::write(to.join(file.file_name().unwrap()), text).unwrap();
    }
    to.to_str().unwrap().to_owned()
}

/// Stops the run after the first object.
pub struct Stop(pub std::sync::atomic::AtomicBool);

impl trailsift::pipeline::Progress for Stop {
    fn expect(&self, _: u64, _: u64) {}

    fn advance(&self, _: u64) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    fn finish(&self) {}
}
