//! What a run says of itself: `--log-format`, `--log-level`, `--quiet` and `--stats`.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;

use common::logs::{document, gz, trailsift as binary};
use common::{MemoryLog, files, json_lines, options, scan};
use serde_json::{Value, json};

/// Runs the built binary over the folder `logs`, which holds two logs.
fn run(folder: &Path, more: &[&str]) -> Output {
    let logs = folder.join("logs");
    if !logs.exists() {
        std::fs::create_dir(&logs).unwrap();
        std::fs::write(logs.join("a.json.gz"), gz(&document())).unwrap();
        std::fs::write(logs.join("b.json"), b"").unwrap();
    }
    let mut scan = binary();
    scan.current_dir(folder).args(["scan", "logs", "--out", "out"]).args(more).output().unwrap()
}

fn messages(log: &[Value]) -> Vec<&str> {
    log.iter().map(|line| line["message"].as_str().unwrap()).collect()
}

#[test]
fn each_stage_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["--log-format", "json", "--state", "state", "--threads", "2"]);
    assert_eq!(ran.status.code(), Some(4));
    let log = json_lines(&ran.stderr);
    let stages = ["started", "opened", "listed", "read", "judged", "committed", "written"];
    assert_eq!(messages(&log)[..7], stages);
    assert_eq!(messages(&log)[7..], ["finished"]);
    for line in &log {
        assert_eq!(line["level"], "INFO");
        let timestamp = line["timestamp"].as_str().unwrap();
        assert!(timestamp.parse::<jiff::Timestamp>().is_ok() && timestamp.ends_with('Z'), "{line}");
    }
    let started = &log[0];
    assert_eq!(started["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&started["inputs"], &started["threads"]), (&json!(1), &json!(2)));
    assert_eq!(log[1]["generation"], 0);
    let stored: u64 =
        files(&folder.path().join("logs")).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert_eq!((&log[2]["objects"], &log[2]["bytes"]), (&json!(2), &json!(stored)));
    let read = &log[3];
    assert_eq!((&read["objects_read"], &read["objects_failed"]), (&json!(1), &json!(1)));
    assert_eq!((&read["records_seen"], &read["records_analysed"]), (&json!(12), &json!(12)));
    assert_eq!(log[5]["generation"], 1);
    assert_eq!(log[6]["folder"], "out");
    assert_eq!((&log[7]["status"], &log[7]["unreadable"]), (&json!(4), &json!(1)));

    let again = run(folder.path(), &["--log-format", "json", "--state", "state"]);
    assert_eq!(json_lines(&again.stderr)[1]["generation"], 1);
}

#[test]
fn what_ends_a_run_is_one_line_too() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["--log-format", "json", "--detectors", "no\u{9b}where"]);
    assert_eq!(ran.status.code(), Some(2));
    let log = json_lines(&ran.stderr);
    assert_eq!(messages(&log), ["started", "failed"]);
    assert_eq!((&log[1]["level"], &log[1]["status"]), (&json!("ERROR"), &json!(2)));
    let error = log[1]["error"].as_str().unwrap();
    assert!(error.contains("no\\u{9b}where"), "{error}");

    let plain = run(folder.path(), &["--detectors", "nowhere", "--log-level", "error"]);
    let text = String::from_utf8(plain.stderr).unwrap();
    assert!(text.starts_with("error: ") && text.lines().count() == 1, "{text}");
}

#[test]
fn a_log_for_people_has_the_same_lines_and_levels_leave_some_out() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |more: &[&str]| String::from_utf8(run(folder.path(), more).stderr).unwrap();
    let text = shown(&["--log-format", "text"]);
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.contains("INFO finished status=4"), "{text}");
    assert_eq!(shown(&["--log-level", "info"]).lines().count(), 6);
    assert_eq!(shown(&["--log-format", "json", "--log-level", "warn"]), "");
    assert_eq!(shown(&[]), "");
}

#[test]
fn a_quiet_run_prints_nothing_and_writes_everything() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["--quiet"]);
    assert_eq!((ran.stdout, ran.stderr), (Vec::new(), Vec::new()));
    assert!(folder.path().join("out/findings.parquet").exists());
    assert!(!run(folder.path(), &[]).stdout.is_empty());
}

#[test]
fn stats_are_a_table_after_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, out) = (folder.path().join("logs"), folder.path().join("out"));
    run(folder.path(), &[]);
    let ran = scan(std::slice::from_ref(&logs), &out, &["--stats", "--threads", "1"]);
    let (summary, table) = ran.out.rsplit_once("\n\n").unwrap();
    assert!(summary.contains("files"), "{summary}");
    let lines: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    let head = ["stage", "count", "p50", "p90", "p99", "max", "total", "throughput"];
    assert_eq!(lines[0], head);
    let stages: Vec<&str> = lines[1..].iter().map(|line| line[0]).collect();
    assert_eq!(stages, ["list", "fetch", "inflate", "parse", "detect", "judge", "write"]);
    assert_eq!(lines[2][1], "2", "both files were fetched: {table}");
    assert!(lines[2].last().unwrap().ends_with("B/s"), "{table}");

    let part = folder.path().join("part");
    common::partial(&[logs], &part, &[]);
    let merge: [&OsStr; 5] =
        ["merge".as_ref(), part.as_ref(), "--out".as_ref(), out.as_ref(), "--stats".as_ref()];
    let ran = common::trailsift(merge);
    let (_, table) = ran.out.rsplit_once("\n\n").unwrap();
    let stages: Vec<&str> = table.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(stages, ["stage", "judge", "write"]);
}

/// When everything is read, another run over the same state is faster.
struct Faster<'f>(&'f Path);

impl trailsift::pipeline::Progress for Faster<'_> {
    fn expect(&self, _: u64, _: u64) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {
        let ran = run(self.0, &["--state", "state"]);
        assert_eq!(ran.status.code(), Some(4), "{ran:?}");
    }
}

#[test]
fn a_lost_race_for_the_state_is_told() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &[]);
    let mut options = options(vec![folder.path().join("logs")], &folder.path().join("other"));
    options.state = Some(folder.path().join("state").into());
    let log = MemoryLog::default();
    let ran = log.of(|| {
        let never = std::sync::atomic::AtomicBool::new(false);
        trailsift::pipeline::scan(&options, &Faster(folder.path()), &never)
    });
    assert!(ran.unwrap_err().to_string().contains("another run has changed the state"));
    let log = log.lines();
    assert_eq!(messages(&log), ["started", "opened", "listed", "read", "judged", "lost"]);
    assert_eq!(log[5]["level"], "WARN");
}
