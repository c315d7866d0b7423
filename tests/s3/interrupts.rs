//! SIGINT and SIGTERM end a scan of a bucket, whatever it waits for, and take nothing away.

use std::process::{Child, Command, Output, Stdio};

use crate::common::{files, run_json};
use crate::inputs::{BUCKET, logs};
use crate::server::{Asked, Held, Moment, Server, said, text};

/// `--memory` of which an eighth has room for so many small objects under way.
const MEMORY: &str = "1MiB";
const UNDER_WAY: usize = 8;

fn start(scan: &mut Command) -> Child {
    scan.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends a signal, and waits for the end.
fn end(run: Child, signal: &str) -> Output {
    let sent = Command::new("kill").args([signal, &run.id().to_string()]).status().unwrap();
    assert!(sent.success());
    run.wait_with_output().unwrap()
}

/// Holds so many requests for objects.
fn hold(server: &Server, requests: usize) -> Vec<Held> {
    let is_log = |asked: &Asked| asked.gets_object() && asked.bucket == BUCKET;
    (0..requests).map(|before| server.hold(Moment::Before, before, is_log)).collect()
}

#[test]
fn nobody_waits_for_what_will_not_come() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let logs = logs(folder.path());
    server.put_folder(&logs, BUCKET, "");
    for signal in ["-INT", "-TERM"] {
        let held = hold(&server, UNDER_WAY);
        let out = folder.path().join("out");
        let mut scan = server.scan(&["s3://trail-bucket/"], text(&out));
        let run = start(scan.args(["--memory", MEMORY]));
        held.iter().for_each(Held::wait);
        let ran = end(run, signal);
        assert_eq!(ran.status.code(), Some(1), "{}", said(&ran));
        let run = run_json(&out);
        assert_eq!((&run["interrupted"], &run["balances"]), (&true.into(), &true.into()), "{run}");
        assert_eq!(run["objects"]["read"], 0, "{run}");
        let listed = run["objects"]["listed"].as_u64().unwrap();
        assert!((UNDER_WAY as u64..=files(&logs).len() as u64).contains(&listed), "{listed}");
    }
}

#[test]
fn an_interrupted_run_takes_no_results_away() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let logs = logs(folder.path());
    server.put_folder(&logs.join("odd"), BUCKET, "first");
    let results = server.bucket("results");
    let run = |inputs: &[&str]| {
        let mut scan = server.scan(inputs, "s3://results/out");
        scan.args(["--state", "s3://results/state", "--format", "jsonl", "--emit", "all"]);
        scan
    };
    let ran = run(&["s3://trail-bucket/first/"]).output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    let left = || files(&results).into_iter().map(|file| (std::fs::read(&file).unwrap(), file));
    let before: Vec<_> = left().collect();
    assert!(before.iter().any(|(_, file)| file.ends_with("findings_current.jsonl")));

    server.put_folder(&logs, BUCKET, "second");
    let held = hold(&server, 300);
    let ran = start(&mut run(&["s3://trail-bucket/first/", "s3://trail-bucket/second/"]));
    held[20].wait();
    let ran = end(ran, "-TERM");
    assert_eq!(ran.status.code(), Some(1), "{}", said(&ran));
    assert!(left().eq(before), "{}", said(&ran));
}
