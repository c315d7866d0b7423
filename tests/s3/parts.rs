//! Objects that do not fit into memory, and archives, are read part by part.

use std::path::Path;

use serde_json::{Value, json};

use crate::common::logs::{document, event, tar_of, zip_of};
use crate::common::run_json;
use crate::inputs::{BUCKET, scan_folder};
use crate::server::{Asked, Fault, Faults, Moment, Server, said, same_outputs, text};

/// Little enough that the large object of these tests is read in parts.
const MEMORY: [&str; 2] = ["--memory", "64MiB"];

/// Some 20 MB of JSON lines.
fn lines() -> Vec<u8> {
    let line = |number: usize| {
        let mut event = event(number % 60);
        event["eventID"] = json!(format!("id-{number}"));
        event["additionalEventData"] = json!({"note": format!("{number}").repeat(60)});
        event.to_string() + "\n"
    };
    (0..25_000).map(line).collect::<String>().into_bytes()
}

fn write(folder: &Path, files: &[(&str, &[u8])]) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

#[test]
fn parts_that_fail_are_fetched_again() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    let other = |number: usize| {
        let mut event = event(number);
        event["eventID"] = json!(format!("other-{number}"));
        json!({"Records": [event]}).to_string().into_bytes()
    };
    let zip = zip_of(&[("a.json", &document()), ("b/c.json", &other(1)), ("d.json", &other(2))]);
    let tar = tar_of(&[("a.json", &document()), ("e.json", &other(3))]);
    write(&logs, &[("large.json", &lines()), ("logs.zip", &zip), ("logs.tar", &tar)]);
    server.put_folder(&logs, BUCKET, "");
    let rates = vec![(Fault::Cut, 0.2), (Fault::SlowDown, 0.1), (Fault::Reset, 0.1)];
    server.set_faults(Faults { seed: 2, rates, ..Faults::default() });

    let [local, remote] = ["local", "remote"].map(|name| folder.path().join(name));
    let ran = scan_folder(&logs, &local, &MEMORY);
    assert!(ran.status.success(), "{}", said(&ran));
    let ran = server.scan(&["s3://trail-bucket/"], text(&remote)).args(MEMORY).output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    same_outputs([&local, &remote], [&format!("{}/", text(&logs)), "s3://trail-bucket/"]);
    assert!(run_json(&remote)["records"]["analysed"].as_u64().unwrap() > 25_000);
    let asked = server.asked();
    let parts = asked.iter().filter(|asked| asked.key == "large.json" && asked.range.is_some());
    assert!(parts.count() >= 3, "it is read in parts");
    assert!(asked.iter().any(|asked| asked.range.is_some() && asked.status.is_none()));
}

/// Scans a bucket whose only object is replaced before its request `before` is answered; gives
/// run.json.
fn replaced(content: &[u8], before: usize, by: &[u8]) -> Value {
    let server = Server::start();
    let bucket = server.bucket(BUCKET);
    write(&bucket, &[("logs.json", content)]);
    let held = server.hold(Moment::Before, before, Asked::gets_object);
    let out = tempfile::tempdir().unwrap();
    let mut scan = server.scan(&["s3://trail-bucket/"], text(out.path()));
    let scan = std::thread::spawn(move || scan.args(MEMORY).output().unwrap());
    held.wait();
    write(&bucket, &[("logs.json", by)]);
    held.release();
    let ran = scan.join().unwrap();
    assert_eq!(ran.status.code(), Some(4), "{}", said(&ran));
    let run = run_json(out.path());
    assert_eq!(run["balances"], json!(true));
    run
}

#[test]
fn what_is_replaced_while_it_is_read_is_not_mixed() {
    let large = lines();
    let other: Vec<u8> = large.iter().rev().copied().collect();
    let run = replaced(&large, 1, &other);
    // What was read of it by then counts.
    assert_eq!(run["objects"]["partial"], json!(1), "{run}");
    assert!(run["records"]["analysed"].as_u64().unwrap() > 1_000);

    let longer = [document(), vec![b' '; 100]].concat();
    let run = replaced(&document(), 0, &longer);
    assert_eq!(run["objects"]["failed"], json!(1), "{run}");
}
