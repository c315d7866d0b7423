//! A run judged while it goes on: what is shown is what a scan of the same objects finds, and the
//! result in the end does not change.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;
#[path = "../benches/generate/mod.rs"]
mod generate;

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};

use common::{MemoryLog, files, options, trailsift};
use serde_json::{Value, json};
use trailsift::pipeline::{Interim, Progress, ReadOptions, Run, ScanOptions, Snapshot};
use trailsift::report::interim_summary;

/// Asks for a snapshot after some objects.
struct Asking {
    interim: Interim,
    /// After so many objects; none: after each, without waiting for it.
    after: Option<u64>,
    done: AtomicU64,
    snapshots: Mutex<Vec<Snapshot>>,
    arrived: Condvar,
}

impl Asking {
    fn new(after: Option<u64>) -> Self {
        let (done, snapshots) = (AtomicU64::new(0), Mutex::default());
        let interim = Interim::on_request();
        Self { interim, after, done, snapshots, arrived: Condvar::new() }
    }

    fn snapshots(self) -> Vec<Snapshot> {
        self.snapshots.into_inner().unwrap()
    }
}

/// Scans; and what was logged. Every scan here has a log: what has none in one thread may keep
/// another thread's from getting lines.
fn scan(options: &ScanOptions, progress: &dyn Progress) -> (Run, MemoryLog) {
    let (log, never) = (MemoryLog::default(), AtomicBool::new(false));
    let run = log.of(|| trailsift::pipeline::scan(options, progress, &never).unwrap());
    (run, log)
}

impl Progress for Asking {
    fn expect(&self, _: u64, _: u64) {}

    fn advance(&self, _: u64) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        match self.after {
            Some(after) if done == after + 1 => {
                // The object before was not the last one, so that the run cannot end meanwhile.
                let snapshots = self.snapshots.lock().unwrap();
                drop(self.arrived.wait_while(snapshots, |all| all.is_empty()).unwrap());
            }
            Some(after) if done != after => {}
            _ => self.interim.request(),
        }
    }

    fn finish(&self) {}

    fn interim(&self) -> Option<&Interim> {
        Some(&self.interim)
    }

    fn snapshot(&self, snapshot: &Snapshot) {
        let Snapshot { run, events, objects_done, objects_known } = snapshot;
        let (events, objects_done, objects_known) = (*events, *objects_done, *objects_known);
        let copy = Snapshot { run: run.clone(), events, objects_done, objects_known };
        self.snapshots.lock().unwrap().push(copy);
        self.arrived.notify_all();
    }
}

/// A dump with every attack; its files in the order in which one worker reads them.
fn dump(folder: &Path) -> Vec<PathBuf> {
    let out = folder.join("dump");
    let config =
        generate::Config { out: out.clone(), events: 3_000, accounts: 2, ..Default::default() };
    generate::generate(&config).unwrap();
    let mut files = files(&out);
    files.sort_by_key(|file| (Reverse(file.metadata().unwrap().len()), file.clone()));
    files
}

#[test]
fn a_snapshot_is_a_scan_of_what_was_read_so_far() {
    let folder = tempfile::tempdir().unwrap();
    let files = dump(folder.path());
    let out = |name: &str| folder.path().join(name);
    for after in [files.len() / 3, files.len() - 1] {
        let asking = Asking::new(Some(after as u64));
        let (_, log) = scan(&options(files.clone(), &out("whole")), &asking);
        let snapshot = asking.snapshots().pop().unwrap();

        let (part, _) = scan(&options(files[..after].to_vec(), &out("part")), &Silent);
        assert!(!part.findings.is_empty());
        assert_eq!(snapshot.run.findings, part.findings);
        assert_eq!((snapshot.run.span, &snapshot.run.learning), (part.span, &part.learning));
        assert_eq!(snapshot.events, part.account.records().analysed);
        let objects = (snapshot.objects_done, snapshot.objects_known);
        assert_eq!(objects, (after as u64, files.len() as u64));

        let lines = log.lines();
        let line = lines.iter().find(|line| line["message"] == "interim").unwrap();
        assert_eq!(
            (&line["objects_done"], &line["events"]),
            (&json!(after), &json!(snapshot.events))
        );
        assert!(line["high"].as_u64().unwrap() > 0 && line["last_event"].is_string(), "{line}");

        let mut text = Vec::new();
        interim_summary(&snapshot, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("interim: partial") && text.contains("HIGH"), "{text}");
        assert!(text.contains(&format!("{after} of {} objects", files.len())), "{text}");
    }
}

#[test]
fn snapshots_change_no_byte_of_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let files = dump(folder.path());
    let out = |name: &str| folder.path().join(name);
    let outputs = |out: &Path| {
        let names = ["findings", "first_appearances", "coverage", "manifest", "rejected"];
        names.map(|name| std::fs::read(out.join(format!("{name}.parquet"))).unwrap())
    };
    scan(&options(files.clone(), &out("plain")), &Silent);
    for (name, after, threads, memory) in [
        ("one", Some(3), 1, 1 << 30),
        ("each", None, 1, 1 << 30),
        ("threads", None, 3, 1 << 30),
        ("spilled", None, 2, 100 << 10),
    ] {
        let asking = Asking::new(after);
        let options = options(files.clone(), &out(name));
        let read = ReadOptions { threads, memory, ..options.read };
        scan(&ScanOptions { read, ..options }, &asking);
        assert_eq!(outputs(&out(name)), outputs(&out("plain")), "{name}");
        assert_eq!(
            std::fs::read_dir(out(name)).unwrap().count(),
            6,
            "{name}: a run is left behind"
        );
        assert!(after.is_none() || asking.snapshots().len() == 1);
    }
}

struct Silent;

impl Progress for Silent {
    fn expect(&self, _: u64, _: u64) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}

/// 120 deletions by one user within two minutes, from second `from` of the hour on.
fn deletions(from: u64) -> Vec<u8> {
    let event = |number: u64| -> Value {
        let time = from + number;
        let mut event = common::logs::event(0);
        event["eventTime"] = json!(format!("2026-03-04T10:{:02}:{:02}Z", time / 60, time % 60));
        event["eventID"] = json!(format!("id-{time}"));
        event["requestParameters"]["key"] = json!(format!("key-{time}"));
        event
    };
    json!({"Records": (0..120).map(event).collect::<Vec<_>>()}).to_string().into_bytes()
}

#[test]
fn a_snapshot_goes_on_from_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("1.json"), deletions(0)).unwrap();
    std::fs::write(path("2.json"), deletions(120)).unwrap();
    // Smaller, so it is read last.
    std::fs::write(path("3.json"), b"{\"Records\": []}").unwrap();
    let state = Some(path("state").into());
    let first = ScanOptions { state, ..options(vec![path("1.json")], &path("out")) };
    scan(&first, &Silent);
    let asking = Asking::new(Some(1));
    let inputs = ["2.json", "3.json"].map(|name| path(name).into()).into();
    let second = ScanOptions { read: ReadOptions { inputs, ..first.read }, ..first };
    let (run, _) = scan(&second, &asking);
    let snapshot = asking.snapshots().pop().unwrap();
    assert_eq!(snapshot.events, 120);
    assert!(run.findings.iter().any(|finding| finding.ok_count == 240), "{:?}", run.findings);
    for finding in &run.findings {
        assert!(snapshot.run.findings.contains(finding), "{finding:?}");
    }
    let names = std::fs::read_dir(path("state")).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    let is_left = |name: &&std::ffi::OsString| name.to_string_lossy().starts_with('.');
    assert_eq!(names.iter().filter(is_left).count(), 0, "{names:?}");
}

#[test]
fn periods_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (log, out) = (folder.path().join("a.json"), folder.path().join("out"));
    std::fs::write(&log, deletions(0)).unwrap();
    let (log, out) = (log.to_str().unwrap(), out.to_str().unwrap());
    let watch = |more: &[&str]| trailsift([&["scan", log, "--out", out], more].concat());
    for (more, word) in [(&["--interim", "0s"][..], "0s"), (&["--interim", "10ms"], "10ms")] {
        let ran = watch(more);
        assert_eq!(ran.status, 2, "{more:?}");
        assert!(ran.err.contains(word), "{more:?}: {}", ran.err);
    }
    let ran = trailsift(["scan", log, "--partial", out, "--interim", "60s"]);
    assert!(ran.status == 2 && ran.err.contains("cannot be used with"), "{}", ran.err);
    let plain = watch(&[]);
    let watched = watch(&["--interim", "1h"]);
    assert_eq!((watched.status, watched.out, watched.err), (0, plain.out, plain.err));
}
