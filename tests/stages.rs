//! What the stages of a run cost is counted where it belongs.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::path::{Path, PathBuf};

use common::logs::{document, gz, zip_of, zst};
use common::{run_json, scan};
use serde_json::{Value, json};

/// Two packed logs, one that is not, and an archive of one of either: five logs in four files.
fn logs(folder: &Path) -> PathBuf {
    let logs = folder.join("logs");
    std::fs::create_dir_all(&logs).unwrap();
    let (log, packed) = (document(), gz(&document()));
    let write = |name: &str, bytes: &[u8]| std::fs::write(logs.join(name), bytes).unwrap();
    write("a.json.gz", &packed);
    write("b.json.zst", &zst(&log));
    write("c.json", &log);
    write("d.zip", &zip_of(&[("e.json.gz", &packed), ("f.json", &log)]));
    logs
}

fn stages(out: &Path) -> Value {
    run_json(out)["stages"].take()
}

#[test]
fn each_stage_counts_its_values_and_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, out) = (logs(folder.path()), folder.path().join("out"));
    let ran = scan(std::slice::from_ref(&logs), &out, &["--threads", "2"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let stages = stages(&out);
    let of = |stage: &str| (stages[stage]["count"].clone(), stages[stage]["bytes"].clone());
    let files = std::fs::read_dir(&logs).unwrap();
    let stored: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    let (log, packed) = (document().len(), gz(&document()).len());
    assert_eq!(of("list"), (json!(1), json!(null)));
    assert_eq!(of("fetch"), (json!(4), json!(stored)));
    // Three packed logs, and two members taken out of their archive.
    assert_eq!(of("inflate"), (json!(5), json!(3 * log + packed + log)));
    assert_eq!(of("parse"), (json!(5), json!(5 * log)));
    // Each worker that has read something has one batch, which is not full.
    let batches = stages["detect"]["count"].as_u64().unwrap();
    assert!((1..=2).contains(&batches), "{batches}");
    assert_eq!(of("judge"), (json!(1), json!(null)));
    assert_eq!(of("write"), (json!(1), json!(null)));
    for stage in stages.as_object().unwrap().values() {
        let micros = |name: &str| stage["microseconds"][name].as_u64().unwrap();
        let ordered = [micros("p50"), micros("p90"), micros("p99"), micros("max")];
        assert!(ordered.is_sorted() && micros("total") > 0, "{stages}");
    }
}

#[test]
fn streams_are_counted_like_objects_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    common::logs::piped(&out, &gz(&document()));
    let stages = stages(&out);
    let of = |stage: &str| (stages[stage]["count"].clone(), stages[stage]["bytes"].clone());
    let (log, packed) = (document().len(), gz(&document()).len());
    // Standard input is not listed.
    assert_eq!(of("list"), (json!(0), json!(null)));
    assert_eq!(of("fetch"), (json!(1), json!(packed)));
    assert_eq!(of("inflate"), (json!(1), json!(log)));
    assert_eq!(of("parse"), (json!(1), json!(log)));
    assert_eq!(of("detect"), (json!(1), json!(null)));
}

#[test]
fn a_state_is_written_too() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, out) = (logs(folder.path()), folder.path().join("out"));
    let state = folder.path().join("state");
    let ran = scan(&[logs], &out, &["--state", state.to_str().unwrap()]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(stages(&out)["judge"]["count"], 1);
    assert_eq!(stages(&out)["write"]["count"], 2);
}
