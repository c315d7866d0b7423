//! `trailsift scope`: the list of objects is exact, whoever asks, in whatever order logs are read.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

#[path = "../common/mod.rs"]
mod common;
mod incident;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use common::python::{python_or_skip, run_script};
use common::{Ran, trailsift};
use incident::{LEFT, OTHER, SESSION, STOLEN};
use serde_json::Value;

fn scope(inputs: &[PathBuf], out: &Path, more: &[&str]) -> Ran {
    let mut arguments: Vec<OsString> = vec!["scope".into()];
    arguments.extend(inputs.iter().map(Into::into));
    arguments.extend(["--out".into(), out.into()]);
    arguments.extend(more.iter().map(Into::into));
    trailsift(arguments)
}

fn done(ran: Ran) -> Ran {
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    ran
}

fn json(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out.join("scope.json")).unwrap()).unwrap()
}

/// The rows of objects.csv, of these columns, with bars between.
fn objects(out: &Path, columns: &[&str]) -> Vec<String> {
    let mut table = csv::Reader::from_path(out.join("objects.csv")).unwrap();
    let heads = table.headers().unwrap().clone();
    let at = |name: &&str| heads.iter().position(|head| head == *name).unwrap();
    let places: Vec<usize> = columns.iter().map(at).collect();
    let rows = table.records().map(Result::unwrap);
    rows.map(|row| places.iter().map(|at| &row[*at]).collect::<Vec<_>>().join("|")).collect()
}

/// An inventory of some of the incident's objects, as S3 writes them.
fn inventory(folder: &Path) -> String {
    let path = folder.join("inventory.csv");
    let rows = "\"home\",\"whole\",\"100\",\"2026-03-01T00:00:00.000Z\"\n\
                \"home\",\"part\",\"100\",\"2026-03-01T00:00:00.000Z\"\n\
                \"home\",\"parts\",\"100\",\"2026-03-01T00:00:00.000Z\"\n\
                \"home\",\"big\",\"50\",\"2026-03-01T00:00:00.000Z\"\n\
                \"elsewhere\",\"whole\",\"1\",\"2026-03-01T00:00:00.000Z\"\n";
    std::fs::write(&path, rows).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_object_that_the_actor_touched_is_listed_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, out) = (folder.path().join("logs"), folder.path().join("out"));
    incident::write(&logs, 3, 1);
    let inventory = inventory(folder.path());
    let more = ["--access-key", STOLEN, "--inventory", &inventory, "--stats"];
    let ran = done(scope(&[logs], &out, &more));
    assert!(ran.out.contains("\nparse "), "{}", ran.out);
    let columns = [
        "actor",
        "bucket",
        "key",
        "version",
        "reads_ok",
        "reads_denied",
        "reads_failed",
        "heads",
        "bytes_out",
        "bytes_unknown",
        "object_size",
        "size_source",
        "extent",
        "via",
        "delete_kind",
        "restorable",
    ];
    let found = objects(&out, &columns);
    let direct = r#"["direct"]"#;
    let expected = [
        // It names no key.
        format!("{STOLEN}|home|||1|0|0|0|0|1|||unknown|{direct}||"),
        format!("{STOLEN}|home|'=cmd\\|' /C calc'!A0||1|0|0|0|5|0|5|read|full|{direct}||")
            .replace("\\|", "|"),
        format!("{LEFT}|home|a b+|v1|1|0|0|0|0|1|||full|[\"copy\"]||"),
        format!("{STOLEN}|home|absent||0|0|1|0|0|0||||[]||"),
        format!("{SESSION}|home|across||1|0|0|0|11|0|11|read|full|{direct}||"),
        format!("{STOLEN}|home|batched||0|0|0|0|0|0||||[]||unknown"),
        format!("{LEFT}|home|big||1|0|0|0|50|0|50|inventory|full|[\"copy\"]||"),
        format!("{STOLEN}|home|denied||0|1|0|0|0|0||||[]||"),
        format!("{LEFT}|home|denied-copy||0|1|0|0|0|0||||[]||"),
        format!("{STOLEN}|home|gone||0|0|0|0|0|0||||[]||unknown"),
        format!("{STOLEN}|home|looked||0|0|0|1|0|0||||[]||"),
        format!("{STOLEN}|home|marked||0|0|0|0|0|0||||[]|marker|yes"),
        format!("{STOLEN}|home|new||0|0|0|0|0|0||||[]||"),
        format!("{STOLEN}|home|old|v0|1|0|0|0|9|0|9|read|full|{direct}||"),
        format!("{STOLEN}|home|part||1|0|0|0|40|0|100|inventory|partial|{direct}||"),
        format!("{STOLEN}|home|parts||2|0|0|0|100|0|100|inventory|full|{direct}||"),
        format!("{STOLEN}|home|purged|v9|0|0|0|0|0|0||||[]|permanent|no"),
        format!("{STOLEN}|home|replicated||1|0|0|0|21|0|21|read|full|[\"replication\"]||"),
        format!("{STOLEN}|home|signed||1|0|0|0|7|0|7|read|full|[\"presigned\"]||"),
        format!("{STOLEN}|home|silent||1|0|0|0|0|1|||unknown|{direct}||"),
        format!("{SESSION}|home|told-by-owner||1|0|0|0|12|0|12|read|full|{direct}||"),
        format!("{STOLEN}|home|unchanged||0|0|1|0|0|0||||[]||"),
        format!("{STOLEN}|home|whole||2|0|0|0|200|0|100|inventory|full|{direct}|overwrite|yes"),
        format!("{LEFT}|loot|x||0|0|0|0|0|0||||[]||"),
        format!("{STOLEN}|trail|expired||0|0|0|0|0|0||||[]|lifecycle|unknown"),
    ];
    assert_eq!(found, expected, "{found:#?}");
}

#[test]
fn who_acted_what_is_known_and_what_goes_on_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, out) = (folder.path().join("logs"), folder.path().join("out"));
    incident::write(&logs, 1, 0);
    let ran = done(scope(&[logs], &out, &["--access-key", STOLEN]));
    let found = json(&out);
    let actors: BTreeMap<&str, &Value> = found["actors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|actor| (actor["actor"].as_str().unwrap(), actor))
        .collect();
    assert_eq!(actors[SESSION]["parent"], STOLEN);
    assert_eq!(actors[SESSION]["expires"], "2026-03-04T11:01:00Z");
    assert_eq!(actors[SESSION]["relation"], "issued");
    assert_eq!(actors[LEFT]["parent"], SESSION);
    // Another key of a session of the same name.
    assert_eq!(actors["ASIAOTHERSESSION"]["relation"], "same_session");
    assert_eq!(actors["ASIAOTHERSESSION"]["followed"], false);
    assert!(!actors.contains_key(OTHER));

    // Deactivated, but its rules and its URL go on.
    let stolen = actors[STOLEN];
    assert_eq!(stolen["status"], "quiet");
    assert!(stolen["containment"][0].as_str().unwrap().contains("key deactivated"), "{stolen}");
    let running = stolen["still_running"].to_string();
    for what in ["lifecycle of trail", "home is replicated to arn:aws:s3:::theirs"] {
        assert!(running.contains(what), "{running}");
    }
    // Its URL died with the key, and the key that it left lives.
    assert!(!running.contains("URLs"), "{running}");
    assert_eq!(actors[LEFT]["status"], "quiet");
    assert!(actors[SESSION]["still_running"].to_string().contains(LEFT));
    assert_eq!(found["status"], "quiet");

    let says = |bucket: &str| {
        let buckets = found["buckets"].as_array().unwrap();
        buckets.iter().find(|b| b["bucket"] == bucket).unwrap()["says"].as_str().unwrap().to_owned()
    };
    assert!(says("home").starts_with("13 objects read"), "{}", says("home"));
    assert!(says("trail").starts_with("unknowable from"), "{}", says("trail"));
    let lacking = found["lacking"].to_string();
    for what in [
        "home: 1 call of DeleteObjects name no key; S3 tells of 1 deletion one by one",
        "1 read name no object",
        "of the same session as a followed key",
        "in the trail of account 444455556666",
    ] {
        assert!(lacking.contains(what), "{what}: {lacking}");
    }
    assert!(ran.out.contains("what this answer lacks") && ran.out.contains("not over"));
}

#[test]
fn nothing_is_over_within_a_day_of_the_end_of_the_logs() {
    let folder = tempfile::tempdir().unwrap();
    let status = |end: &str| {
        let (logs, out) = (folder.path().join("log.json"), folder.path().join("out"));
        let mut events = vec![incident::events().remove(5), incident::events().remove(4)];
        let mut last = common::logs::read("alice", 0, "end");
        last["eventTime"] = end.into();
        events.push(last);
        let text = serde_json::json!({ "Records": events }).to_string();
        std::fs::write(&logs, text).unwrap();
        done(scope(&[logs], &out, &["--access-key", STOLEN]));
        json(&out)["status"].clone()
    };
    // Read on the 4th, deactivated on the 7th at nine.
    assert_eq!(status("2026-03-05T09:00:00Z"), "quiet");
    assert_eq!(status("2026-03-08T08:59:59Z"), "quiet");
    assert_eq!(status("2026-03-08T09:00:00Z"), "over");
}

#[test]
fn a_key_that_was_never_used_is_not_over_either_before_its_own_trail_has_gone_on_for_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let event = |name: &str, time: &str, account: &str, more: serde_json::Value| {
        let mut event = common::logs::read("eve", 0, &format!("{name} {time}"));
        event["eventName"] = name.into();
        event["eventSource"] = "iam.amazonaws.com".into();
        event["eventTime"] = time.into();
        event["recipientAccountId"] = account.into();
        event["userIdentity"]["accessKeyId"] = STOLEN.into();
        event["requestParameters"] = more["requestParameters"].clone();
        event["responseElements"] = more["responseElements"].clone();
        event
    };
    let own = "111122223333";
    let made = serde_json::json!({"requestParameters": {"userName": "eve"}, "responseElements":
        {"accessKey": {"userName": "eve", "accessKeyId": "AKIANEW", "status": "Active"}}});
    let gone = serde_json::json!(
        {"requestParameters": {"userName": "eve", "accessKeyId": "AKIANEW"}});
    let status = |end: &str| {
        let events = [
            event("CreateAccessKey", "2026-03-04T10:00:00Z", own, made.clone()),
            event("DeleteAccessKey", "2026-03-04T10:01:00Z", own, gone.clone()),
            event("ListUsers", end, own, serde_json::json!({})),
            // Another account's trail goes on for long.
            event("ListUsers", "2027-03-04T10:00:00Z", "999988887777", serde_json::json!({})),
        ];
        let (logs, out) = (folder.path().join("log.json"), folder.path().join("out"));
        std::fs::write(&logs, serde_json::json!({ "Records": events }).to_string()).unwrap();
        done(scope(&[logs], &out, &["--access-key", STOLEN]));
        let actors = json(&out)["actors"].as_array().unwrap().clone();
        let new = actors.into_iter().find(|actor| actor["actor"] == "AKIANEW").unwrap();
        assert_eq!(new["quiet_for_seconds"], serde_json::Value::Null, "{new}");
        new["status"].clone()
    };
    assert_eq!(status("2026-03-05T10:00:59Z"), "quiet");
    assert_eq!(status("2026-03-05T10:01:00Z"), "over");
}

#[test]
fn threads_order_memory_and_copies_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = |out: &Path| {
        ["objects.csv", "objects.parquet", "actors.parquet"]
            .map(|name| std::fs::read(out.join(name)).unwrap())
    };
    let whole = |out: &Path| {
        let json = std::fs::read(out.join("scope.json")).unwrap();
        (outputs(out), json, std::fs::read(out.join("timeline.parquet")).unwrap())
    };
    let logs = incident::write(&folder.path().join("logs"), 7, 3);
    let out = |name: &str| folder.path().join(name);
    done(scope(&logs, &out("one"), &["--access-key", STOLEN, "--threads", "1"]));
    let expected = whole(&out("one"));

    done(scope(&logs, &out("four"), &["--access-key", STOLEN, "--threads", "4"]));
    assert!(whole(&out("four")) == expected);
    let mut shuffled = logs.clone();
    fastrand::Rng::with_seed(3).shuffle(&mut shuffled);
    done(scope(&shuffled, &out("shuffled"), &["--access-key", STOLEN, "--threads", "3"]));
    assert!(whole(&out("shuffled")) == expected);
    // No memory: everything goes to disk, which is said.
    done(scope(&logs, &out("small"), &["--access-key", STOLEN, "--memory", "64KiB"]));
    assert!(outputs(&out("small")) == expected.0);
    assert!(json(&out("small"))["notes"].to_string().contains("spilled"));
    // Each log once says the same.
    let once = incident::write(&folder.path().join("once"), 7, 0);
    done(scope(&once, &out("once-out"), &["--access-key", STOLEN]));
    assert!(outputs(&out("once-out")) == expected.0);
}

#[test]
fn addresses_buckets_sessions_and_principals_are_seeds_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let logs = [folder.path().join("logs")];
    incident::write(&logs[0], 2, 0);
    let relations = |more: &[&str]| {
        let out = folder.path().join("out");
        done(scope(&logs, &out, more));
        let found = json(&out);
        let of = |actor: &Value| {
            (
                actor["actor"].as_str().unwrap().to_owned(),
                actor["relation"].as_str().unwrap().to_owned(),
            )
        };
        found["actors"].as_array().unwrap().iter().map(of).collect::<BTreeMap<_, _>>()
    };
    let by_ip = relations(&["--ip", "198.51.100.0/24"]);
    assert_eq!(by_ip[OTHER], "used_from_seed");
    assert_eq!(by_ip[SESSION], "issued");
    let by_bucket = relations(&["--bucket", "loot"]);
    assert_eq!(by_bucket.into_iter().collect::<Vec<_>>(), [(LEFT.into(), "used_on_seed".into())]);
    let by_session = relations(&["--session", "loot"]);
    assert_eq!(by_session[SESSION], "seed");
    assert_eq!(by_session[LEFT], "issued");
    let by_principal = relations(&["--principal", "arn:aws:iam::111122223333:user/eve"]);
    assert_eq!((by_principal[STOLEN].as_str(), by_principal[LEFT].as_str()), ("seed", "issued"));
}

#[test]
fn what_cannot_be_followed_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let logs = incident::write(&folder.path().join("logs"), 1, 0);
    let refused = |inputs: &[PathBuf], more: &[&str], word: &str| {
        let ran = scope(inputs, &out, more);
        assert_eq!(ran.status, 2, "{}{}", ran.out, ran.err);
        assert!(ran.err.contains(word), "{}", ran.err);
    };
    refused(&logs, &[], "nothing to begin with");
    refused(&["-".into()], &["--access-key", STOLEN], "reads its inputs twice");
    let (since, until) = ("2026-03-05", "2026-03-04");
    refused(&logs, &["--ip", "192.0.2.1", "--since", since, "--until", until], "must lie before");
    let ran = done(scope(&logs, &out, &["--access-key", "AKIANOBODY"]));
    assert!(ran.out.contains("nothing found"), "{}", ran.out);
    assert!(json(&out)["lacking"].to_string().contains("AKIANOBODY"));
}

#[test]
fn a_finding_is_a_seed() {
    let folder = tempfile::tempdir().unwrap();
    let (run, out) = (folder.path().join("run"), folder.path().join("out"));
    let logs = [PathBuf::from("sample-logs/generated")];
    let ran = common::scan(&logs, &run, &[]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let (id, keys) = new_principal(&run);
    let run = run.to_str().unwrap();
    done(scope(&logs, &out, &["--run", run, "--finding", &id[..12]]));
    let found = json(&out);
    assert_eq!(found["seeds"]["access_keys"], serde_json::json!(keys));
    assert_eq!(found["objects_read"], 40);
    let ran = scope(&logs, &out, &["--run", run, "--finding", "zz"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("no finding in"), "{}", ran.err);
}

/// The finding on the role that read 40 objects, and its access keys.
fn new_principal(run: &Path) -> (String, Vec<String>) {
    use arrow::array::AsArray;
    for batch in common::table(&run.join("findings.parquet")) {
        let column = |name: &str| batch.column_by_name(name).unwrap().clone();
        let principals = column("principal");
        for (row, principal) in principals.as_string::<i32>().iter().enumerate() {
            let keys = column("access_key_ids").as_list::<i32>().value(row);
            let keys: Vec<String> =
                keys.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
            if principal.unwrap_or_default().ends_with("role/temp-migration") && !keys.is_empty() {
                return (column("finding_id").as_string::<i32>().value(row).to_owned(), keys);
            }
        }
    }
    panic!("no finding on temp-migration");
}

const READS: &str = include_str!("reads.py");

/// Compares with what DuckDB finds in the raw JSON.
fn compare(python: &str, logs: &Path, kind: &str, value: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let option = if kind == "key" { "--access-key".to_owned() } else { format!("--{kind}") };
    let ran = scope(&[logs.to_path_buf()], &out, &[&option, value]);
    // Some of the recorded logs hold what is no record.
    assert!(ran.status == 0 || ran.status == 4, "{}{}", ran.out, ran.err);
    run_script(python, READS, &[&out, logs, Path::new(kind), Path::new(value)])
}

#[test]
fn the_incidents_reads_are_those_that_duckdb_finds() {
    let Some(python) = python_or_skip("duckdb") else { return };
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs");
    let role = "arn:aws:iam::444455556666:role/temp-migration";
    for (logs, kind, value) in [
        ("generated", "principal", role),
        ("generated", "key", "AKIALF7VVHBI2JM62L25"),
        ("generated", "principal", "arn:aws:iam::111122223333:user/metrics-analyst"),
        ("invictus-stratus-2023", "principal", "arn:aws:iam::123837392027:user/user-one"),
    ] {
        assert_eq!(compare(&python, &samples.join(logs), kind, value), Ok(()));
    }
}

/// Recorded incidents that are not shipped, where they lie beside the repository.
#[test]
fn so_are_those_of_recorded_incidents() {
    let Some(python) = python_or_skip("duckdb") else { return };
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let mut compared = 0;
    for name in
        ["cribl-pack-samples", "splunk-security-content-examples", "umccr-cloudtrail-parquet"]
    {
        let logs = data.join(name);
        if !logs.is_dir() {
            eprintln!("SKIPPED: no recorded incident {name} in {}", data.display());
            continue;
        }
        for key in readers(&logs) {
            assert_eq!(compare(&python, &logs, "key", &key), Ok(()), "{name}");
            compared += 1;
        }
    }
    eprintln!("{compared} actors of recorded incidents compared");
}

/// The keys that read objects.
fn readers(logs: &Path) -> Vec<String> {
    let mut keys = Vec::new();
    for file in common::files(logs) {
        let text = std::fs::read(file).unwrap();
        let text = String::from_utf8_lossy(&text).replace("\\\"", "\"");
        for part in text.split("\"accessKeyId\"").skip(1) {
            let key = part.split('"').nth(1).unwrap_or_default();
            if text.contains("\"GetObject\"")
                && key.starts_with('A')
                && !keys.contains(&key.to_owned())
            {
                keys.push(key.to_owned());
            }
        }
    }
    keys.truncate(5);
    keys
}

#[test]
fn over_converted_events_it_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let logs = incident::write(&folder.path().join("logs"), 5, 2);
    let path = |name: &str| folder.path().join(name);
    let mut arguments: Vec<OsString> = vec!["convert".into(), "--out".into()];
    arguments.push(path("events").into());
    arguments.extend(logs.iter().map(Into::into));
    let converted = common::trailsift(arguments);
    assert_eq!(converted.status, 0, "{}", converted.err);
    done(scope(&logs, &path("of-logs"), &["--access-key", STOLEN]));
    done(scope(&[path("events")], &path("of-events"), &["--access-key", STOLEN]));
    for name in ["objects.csv", "objects.parquet", "actors.parquet", "timeline.parquet"] {
        let read = |out: &str| std::fs::read(path(out).join(name)).unwrap();
        assert!(read("of-logs") == read("of-events"), "{name}");
    }
}
