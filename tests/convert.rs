//! Events as Parquet: nothing is lost or there twice, and findings over them are those over the logs.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use common::logs::{document, event, events, gz, tar_of, text, zst};
use common::{Ran, Stop, files, findings, run_json, table, trailsift};
use serde_json::{Value, json};

fn convert(input: &Path, out: &Path, more: &[&str]) -> Ran {
    let (input, out) = (input.as_os_str(), out.as_os_str());
    let arguments = ["convert".as_ref(), input, "--out".as_ref(), out];
    trailsift(arguments.into_iter().chain(more.iter().map(AsRef::as_ref)))
}

fn scan(input: &Path, out: &Path, more: &[&str]) -> Ran {
    common::scan(&[input.to_path_buf()], out, more)
}

fn write(path: PathBuf, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Every file below `folder` with its content.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let relative = |path: &PathBuf| path.strip_prefix(folder).unwrap().to_path_buf();
    files(folder).iter().map(|path| (relative(path), fs::read(path).unwrap())).collect()
}

/// The event files.
fn parquet(folder: &Path) -> Vec<PathBuf> {
    let own = folder.join("_trailsift");
    let is_event = |path: &PathBuf| !path.starts_with(&own);
    files(folder).into_iter().filter(is_event).collect()
}

/// Object, number and text of every record, in the order of the files.
fn records(folder: &Path) -> Vec<(String, i64, String)> {
    let mut found = Vec::new();
    for batch in parquet(folder).iter().flat_map(|path| table(path)) {
        let text = |name: &str, row| {
            batch.column_by_name(name).unwrap().as_string_view().value(row).to_owned()
        };
        let numbers = batch.column_by_name("record_number").unwrap();
        let numbers = numbers.as_primitive::<arrow::datatypes::Int64Type>();
        for row in 0..batch.num_rows() {
            let uri = text("object_uri", row);
            found.push((uri, numbers.value(row), text("record", row)));
        }
    }
    found
}

/// Logs of several shapes, with copies, damage, and records that are odd.
fn odd_logs(folder: &Path) {
    let days = |day: usize| -> Vec<Value> {
        let at = |n: usize| format!("2026-03-{:02}T{:02}:{:02}:00Z", day, n / 60, n % 60);
        let change = |n: usize| {
            let mut event = event(n % 12);
            event["eventID"] = json!(format!("{day}-{n}"));
            event["eventTime"] = json!(at(n));
            event["awsRegion"] = json!(["eu-west-1", "us-east-1"][n % 2]);
            event["recipientAccountId"] = json!(["111122223333", "444455556666"][n / 100 % 2]);
            event
        };
        (0..300).map(change).collect()
    };
    for day in 1..=4 {
        let log = text(&json!({"Records": days(day)})).into_bytes();
        write(folder.join(format!("{day}.json.gz")), &gz(&log));
    }
    let copies = text(&json!({"Records": days(2)})).into_bytes();
    write(folder.join("a copy.json"), &copies);
    let lines: Vec<String> = days(5).iter().map(Value::to_string).collect();
    write(folder.join("lines.jsonl.zst"), &zst(lines.join("\n").as_bytes()));
    write(folder.join("archive.tar"), &tar_of(&[("in.json", &document())]));
    let mut cut = text(&json!({"Records": days(6)})).into_bytes();
    cut.truncate(cut.len() / 2);
    write(folder.join("cut.json"), &cut);
    let odd = r#"{"eventTime":"2026-03-07T00:00:00Z","eventName":"X","n":5.240E2,"m":1.10,
        "recipientAccountId":"../..","awsRegion":"a/b","\u006b":"\/"}"#;
    write(folder.join("odd.json"), format!(r#"{{"Records":[{odd}, {odd}, 7]}}"#).as_bytes());
}

/// What a scan finds.
fn found(out: &Path) -> [Vec<u8>; 3] {
    ["findings.parquet", "coverage.parquet", "first_appearances.parquet"]
        .map(|name| fs::read(out.join(name)).unwrap())
}

#[test]
fn findings_over_events_are_those_over_the_logs() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    odd_logs(&path("odd"));
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs");
    for logs in [path("odd"), samples] {
        let (events, of_logs, of_events) = (path("events"), path("logs.out"), path("events.out"));
        let _ = fs::remove_dir_all(&events);
        scan(&logs, &of_logs, &["--quiet"]);
        let ran = convert(&logs, &events, &["--stats"]);
        assert!(ran.out.contains("\nparse "), "{}", ran.out);
        let ran = scan(&events, &of_events, &["--quiet"]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(!findings(&of_logs).is_empty());
        assert!(found(&of_logs) == found(&of_events), "{}", logs.display());
        let (run, over) = (run_json(&of_logs), run_json(&of_events));
        assert_eq!(over["balances"], json!(true));
        assert_eq!(run["records"]["analysed"], over["records"]["analysed"]);
    }
}

#[test]
fn the_same_files_whatever_the_threads_the_memory_and_the_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    odd_logs(&path("logs"));
    let ran = convert(&path("logs"), &path("events"), &["--threads", "1"]);
    assert_eq!(ran.status, 4, "{}{}", ran.out, ran.err);
    let events = content(&path("events"));
    for more in [["--threads", "4"].as_slice(), &["--threads", "2", "--memory", "64KiB"]] {
        let _ = fs::remove_dir_all(path("again"));
        convert(&path("logs"), &path("again"), more);
        let again = content(&path("again"));
        assert!(events.keys().eq(again.keys()), "{:?} {:?}", events.keys(), again.keys());
        for (name, bytes) in &events {
            assert!(again[name] == *bytes, "{} with {more:?}", name.display());
        }
    }
}

#[test]
fn records_are_as_they_were_written_and_copies_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    odd_logs(&path("logs"));
    let ran = convert(&path("logs"), &path("events"), &[]);
    let found = records(&path("events"));
    // Four days, lines, the archive, half a log, and two records without an id: copies of nothing.
    let cut = run_json(&path("events/_trailsift"))["records"]["analysed"].as_u64().unwrap();
    let cut = cut - (4 + 1 + 1) * 300 - 12 - 2;
    assert_eq!(found.len() as u64, 5 * 300 + 12 + cut + 2, "{}", ran.out);
    assert!(ran.out.contains("300 copies"), "{}", ran.out);
    let odd = r#"{"eventTime":"2026-03-07T00:00:00Z","eventName":"X","n":5.240E2,"m":1.10,
        "recipientAccountId":"../..","awsRegion":"a/b","\u006b":"\/"}"#;
    let are_odd =
        |(uri, _, text): &&(String, i64, String)| uri.ends_with("odd.json") && text == odd;
    assert_eq!(found.iter().filter(are_odd).count(), 2);
    // Of copies the first place by name stays.
    assert_eq!(found.iter().filter(|(uri, ..)| uri.ends_with("/2.json.gz")).count(), 300);
    assert_eq!(found.iter().filter(|(uri, ..)| uri.ends_with("a copy.json")).count(), 0);
    let member = found.iter().find(|(uri, ..)| uri.ends_with("archive.tar!/in.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&member.2).unwrap(), events()[0]);
    // Nothing that a record says leads out of the folder.
    let names: Vec<PathBuf> = content(&path("events")).into_keys().collect();
    let hostile = names.iter().filter(|name| name.to_string_lossy().contains("%2E%2E"));
    assert_eq!(hostile.count(), 1, "{names:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_run_adds_what_is_new_and_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    odd_logs(&path("all"));
    fs::create_dir(path("logs")).unwrap();
    let give = |name: &str| fs::copy(path("all").join(name), path("logs").join(name)).unwrap();
    give("1.json.gz");
    give("2.json.gz");
    assert_eq!(convert(&path("logs"), &path("events"), &[]).status, 0);
    let first = content(&path("events"));
    give("3.json.gz");
    // A run that is stopped before its commit leaves files; the next one takes them away.
    let partition = parquet(&path("events"))[0].parent().unwrap().to_path_buf();
    for name in [".00000002.parquet", "00000002.parquet", ".00000002.parquet-x"] {
        fs::write(partition.join(name), "half").unwrap();
    }
    let ran = convert(&path("logs"), &path("events"), &[]);
    assert!(ran.status == 0 && ran.out.contains("added     300 events"), "{}{}", ran.out, ran.err);
    assert_eq!(records(&path("events")).len(), 900);
    let second = content(&path("events"));
    for (name, bytes) in first.iter().filter(|(name, _)| !name.starts_with("_trailsift")) {
        assert!(second[name] == *bytes, "{} has changed", name.display());
    }
    // Nothing is new.
    let ran = convert(&path("logs"), &path("events"), &[]);
    assert!(ran.out.contains("added     0 events in 0 files"), "{}", ran.out);
    let third = parquet(&path("events"));
    assert_eq!(third.len(), second.keys().filter(|name| !name.starts_with("_trailsift")).count());
    // Findings over what came in two runs are those over the logs.
    scan(&path("logs"), &path("logs.out"), &["--quiet"]);
    scan(&path("events"), &path("events.out"), &["--quiet"]);
    assert!(found(&path("logs.out")) == found(&path("events.out")));
}

#[test]
fn a_run_that_is_interrupted_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    odd_logs(&path("logs"));
    let mut read = trailsift::pipeline::ReadOptions::new(vec![path("logs").into()]);
    read.threads = 1;
    let options = trailsift::pipeline::ConvertOptions { read, out: path("events") };
    let stop = Stop(false.into());
    let done = trailsift::pipeline::convert(&options, &stop, &stop.0).unwrap();
    assert!(done.interrupted && done.account.records().seen > 0 && done.written.rows == 0);
    assert!(parquet(&path("events")).is_empty());
    fs::write(path("events/20250603.parquet"), "mine").unwrap();
    convert(&path("logs"), &path("events"), &[]);
    convert(&path("logs"), &path("whole"), &[]);
    fs::remove_file(path("events/20250603.parquet")).expect("files of others stay");
    assert_eq!(records(&path("events")), records(&path("whole")));
}

#[test]
fn days_and_accounts_that_are_not_asked_for_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    odd_logs(&path("logs"));
    convert(&path("logs"), &path("events"), &[]);
    let asked = ["--since", "2026-03-03", "--until", "2026-03-04", "--account", "444455556666"];
    scan(&path("logs"), &path("logs.out"), &asked);
    scan(&path("events"), &path("events.out"), &asked);
    assert!(found(&path("logs.out")) == found(&path("events.out")));
    let run = run_json(&path("events.out"));
    assert_eq!(run["records"]["analysed"], json!(100));
    // The day after is looked at for events at its first moment; of one account, two regions.
    assert_eq!(run["objects"]["read"], json!(4), "{run}");
}

#[test]
fn with_a_state_events_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    odd_logs(&path("all"));
    fs::create_dir(path("logs")).unwrap();
    let (state, tune) = (path("state"), common::few_detectors(&path("few")));
    let more = ["--state", state.to_str().unwrap(), "--tune", tune.to_str().unwrap(), "--quiet"];
    for part in [["1.json.gz", "2.json.gz"], ["3.json.gz", "a copy.json"]] {
        for name in part {
            fs::copy(path("all").join(name), path("logs").join(name)).unwrap();
        }
        convert(&path("logs"), &path("events"), &["--quiet"]);
        let ran = scan(&path("events"), &path("out"), &more);
        assert_eq!(ran.status, 0, "{}", ran.err);
    }
    let records = &run_json(&path("out"))["records"];
    assert_eq!((&records["analysed"], &records["duplicates"]), (&json!(300), &json!(300)));
    assert!(!common::findings_in(&path("out"), "findings_current.parquet").is_empty());
}

#[test]
fn a_scan_keeps_the_events_beside_its_findings() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    odd_logs(&path("all"));
    fs::create_dir(path("logs")).unwrap();
    let give = |name: &str| fs::copy(path("all").join(name), path("logs").join(name)).unwrap();
    let kept = path("kept");
    let more = ["--events-out", kept.to_str().unwrap()];
    for name in ["1.json.gz", "2.json.gz", "a copy.json", "lines.jsonl.zst", "archive.tar"] {
        give(name);
    }
    let ran = scan(&path("logs"), &path("out"), &more);
    assert_eq!(ran.status, 0, "{}", ran.err);
    convert(&path("logs"), &path("events"), &[]);
    assert_eq!(records(&kept), records(&path("events")));
    scan(&kept, &path("kept.out"), &["--quiet"]);
    assert!(found(&path("out")) == found(&path("kept.out")));
    // What is kept is not kept again.
    give("odd.json");
    give("3.json.gz");
    let ran = scan(&path("logs"), &path("out"), &more);
    assert!(ran.out.contains("302 events added"), "{}{}", ran.out, ran.err);
    assert_eq!(records(&kept).len(), records(&path("events")).len() + 302);
    let ran = scan(&path("logs"), &path("out"), &[&more[..], &["--since", "2026-03-02"]].concat());
    assert!(ran.status == 2 && ran.err.contains("leave out --since"), "{}", ran.err);
}

#[test]
fn a_detector_alone_finds_over_events_what_it_finds_among_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs");
    let events = path("events");
    scan(&samples, &path("all"), &["--quiet", "--events-out", events.to_str().unwrap()]);
    let of = |out: &str, ids: &str| -> Vec<String> {
        let found = findings(&path(out)).into_iter();
        let chosen = found.filter(|f| ids.split(',').any(|id| id == f.detector));
        chosen.map(|finding| format!("{finding:?}")).collect()
    };
    // Each asks for other columns, of other events.
    for ids in [
        "mass_object_delete,bucket_acl_public",
        "read_objects_of_pair,unusual_read",
        "new_principal_on_bucket,unusual_network_of_principal",
        "new_client_of_principal,destructive_call_without_mfa",
    ] {
        let ran = scan(&events, &path("only"), &["--only", ids, "--quiet"]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert_eq!(of("only", ids), of("all", ids));
        assert_eq!(findings(&path("only")).len(), of("only", ids).len());
        assert!(!of("only", ids).is_empty(), "{ids}");
        scan(&samples, &path("logs"), &["--only", ids, "--quiet"]);
        assert!(found(&path("only")) == found(&path("logs")), "{ids}");
    }
    let ran = scan(&events, &path("none"), &["--only", "mass_object_delet"]);
    assert!(ran.status == 2 && ran.err.contains("is no loaded detector"), "{}", ran.err);
}

#[test]
fn what_is_no_event_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    odd_logs(&path("logs"));
    convert(&path("logs"), &path("events"), &[]);
    let whole = fs::read(&parquet(&path("events"))[0]).unwrap();
    let mut broken = whole.clone();
    let middle = broken.len() / 2;
    broken[64..middle].fill(0x55);
    scan(&path("logs"), &path("out"), &["--quiet"]);
    let foreign = fs::read(path("out/findings.parquet")).unwrap();
    for (bytes, reason) in [
        (foreign, "Parquet of Security Lake"),
        (whole[..whole.len() / 2].to_vec(), "damaged Parquet"),
        (broken, "damaged Parquet"),
    ] {
        write(path("in/x.parquet"), &bytes);
        let ran = scan(&path("in"), &path("x.out"), &[]);
        assert!(ran.status == 4 && ran.out.contains(reason), "{reason}: {}{}", ran.out, ran.err);
        assert_eq!(run_json(&path("x.out"))["balances"], json!(true));
    }
}

#[test]
fn a_folder_that_holds_something_else_or_is_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(path("logs/1.json"), &document());
    write(path("mine/letter.txt"), b"dear");
    let ran = convert(&path("logs"), &path("mine"), &[]);
    assert!(ran.status == 2 && ran.err.contains("give an empty or a new folder"), "{}", ran.err);
    let held = trailsift::event_files::EventFolder::open(&path("events")).unwrap();
    let ran = convert(&path("logs"), &path("events"), &[]);
    assert!(ran.status == 2 && ran.err.contains("another trailsift writes to it"), "{}", ran.err);
    drop(held);
    assert_eq!(convert(&path("logs"), &path("events"), &[]).status, 0);
}
