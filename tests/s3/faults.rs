//! A network and a server that fail do not change what is found.

use std::path::Path;

use serde_json::json;

use crate::common::{files, run_json};
use crate::inputs::{BUCKET, logs, scan_folder};
use crate::server::{
    Asked, Fault, Faults, Rule, Server, said, same_rows, text, trailsift_without_keys,
};

#[test]
fn faults_change_nothing() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let logs = logs(folder.path());
    server.put_folder(&logs, BUCKET, "");
    let objects = files(&logs);
    let broken = objects[700].strip_prefix(&logs).unwrap().to_str().unwrap().to_owned();
    let [local, remote] = ["local", "remote"].map(|name| folder.path().join(name));
    std::fs::remove_file(&objects[700]).unwrap();
    let ran = scan_folder(&logs, &local, &[]);
    assert!(ran.status.success(), "{}", said(&ran));

    let rates = vec![
        (Fault::SlowDown, 0.05),
        (Fault::Cut, 0.02),
        (Fault::Reset, 0.01),
        (Fault::Slow, 0.05),
    ];
    let rules = vec![Rule::always(&format!("GET {BUCKET}/{broken}"), Fault::InternalError)];
    server.set_faults(Faults { seed: 4, rates, rules, ..Faults::default() });
    // The first keys last for about half of it.
    server.expire_after(objects.len() / 2);
    let mut scan = trailsift_without_keys();
    scan.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.credentials_url());
    scan.args(["scan", "s3://trail-bucket/", "--endpoint-url", &server.endpoint]);
    let ran = scan.args(["--out", text(&remote)]).output().unwrap();
    assert_eq!(ran.status.code(), Some(4), "{}", said(&ran));

    for name in ["findings", "first_appearances", "coverage"] {
        let file = format!("{name}.parquet");
        let place = format!("{}/", text(&logs));
        same_rows(&[&local, &remote].map(|out| out.join(&file)), [&place, "s3://trail-bucket/"]);
    }
    let run = run_json(&remote);
    assert_eq!(run["records"], run_json(&local)["records"]);
    assert_eq!(run["objects"]["failed"], json!(1), "{run}");
    assert_eq!(run["objects"]["read"], json!(objects.len() - 1));
    assert_eq!(run["balances"], json!(true));

    let asked = server.asked();
    faults_were_met(&asked);
    let tries = asked.iter().filter(|asked| asked.key == broken).count();
    assert!((2..=10).contains(&tries), "{tries} tries of what is broken");
    let gets = asked.iter().filter(|asked| asked.gets_object()).count();
    assert!(gets < objects.len() * 5 / 4, "{gets} requests for {} objects", objects.len());
    let lists = asked.iter().filter(|asked| asked.lists()).count();
    let requests = &run["s3_requests"];
    assert_eq!((&requests["get"], &requests["list"]), (&json!(gets), &json!(lists)), "{requests}");
    assert!((2..=5).contains(&server.handed_out()), "{} keys", server.handed_out());
}

fn faults_were_met(asked: &[Asked]) {
    for fault in [Fault::SlowDown, Fault::Cut, Fault::Reset, Fault::Slow] {
        assert!(asked.iter().any(|asked| asked.fault == Some(fault)), "{fault:?}");
    }
    assert!(asked.iter().any(|asked| asked.status == Some(400)), "expired keys");
}

/// A bucket with two good objects, one of which meets faults; the scan's status and run.json, and
/// how often that object was asked for.
fn scan_with(rules: &[(u32, Fault)]) -> (Option<i32>, serde_json::Value, usize) {
    let server = Server::start();
    let folder = server.bucket(BUCKET);
    for name in ["good.json", "met.json"] {
        std::fs::write(folder.join(name), crate::common::logs::document()).unwrap();
    }
    let rules = rules.iter();
    let rules =
        rules.map(|(tries, fault)| Rule { tries: *tries, ..Rule::once("met.json", *fault) });
    server.set_faults(Faults { rules: rules.collect(), ..Faults::default() });
    let out = tempfile::tempdir().unwrap();
    let ran = server.scan(&["s3://trail-bucket"], text(out.path())).output().unwrap();
    let tries = server.asked().iter().filter(|asked| asked.key == "met.json").count();
    (ran.status.code(), run_json(out.path()), tries)
}

#[test]
fn an_object_that_is_cut_each_time_fails() {
    let (status, run, tries) = scan_with(&[(u32::MAX, Fault::Cut)]);
    assert_eq!((status, tries), (Some(4), 4), "{run}");
    let objects = &run["objects"];
    assert_eq!((&objects["read"], &objects["failed"]), (&json!(1), &json!(1)), "{run}");
    // Nothing of it was taken.
    assert_eq!(run["records"]["seen"], json!(crate::common::logs::EVENTS));
}

#[test]
fn one_kind_of_fault_does_not_use_up_the_patience_with_another() {
    let (status, run, tries) =
        scan_with(&[(3, Fault::SlowDown), (4, Fault::Cut), (5, Fault::Reset)]);
    assert_eq!((status, tries), (Some(0), 6), "{run}");
}

#[test]
fn a_root_that_cannot_be_listed_fails_the_run() {
    let server = Server::start();
    server.put_folder(Path::new("sample-logs/generated"), BUCKET, "");
    let rules = vec![Rule::always("GET trail-bucket/", Fault::InternalError)];
    server.set_faults(Faults { rules, ..Faults::default() });
    let out = tempfile::tempdir().unwrap();
    let ran = server.scan(&["s3://trail-bucket"], text(out.path())).output().unwrap();
    assert_eq!(ran.status.code(), Some(1), "{}", said(&ran));
    assert!(said(&ran).contains("InternalError"), "{}", said(&ran));
    assert!(server.asked().len() <= 10);
}
