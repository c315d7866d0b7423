//! `trailsift explain`: what it says of a finding, and what it says when the logs are no longer there.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::path::{Path, PathBuf};

use common::logs::{gz, piped, zip_of};
use common::{Ran, scan, trailsift};
use serde_json::{Value, json};

/// What makes the finding, as it is written in the log: numbers that no float holds, odd spaces, and a
/// text that would steer a terminal.
const OPENED_TEXT: &str = r#"{"eventVersion": "1.11", "eventID":"opened-1","eventTime":"2026-03-04T10:00:00Z",
 "eventSource":"s3.amazonaws.com", "eventName":"PutBucketAcl","awsRegion":"eu-west-1",
 "userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/eve","accountId":"111122223333"},
 "sourceIPAddress":"198.51.100.7","userAgent":"curl\u001b[5m<RLO>",
 "requestParameters":{"bucketName":"payroll","x-amz-acl":"public-read","odd":[0.10,18446744073709551615,{}]},
 "recipientAccountId":"111122223333","eventCategory":"Management"}"#;

/// The same with a mark that turns the direction of text.
fn opened() -> String {
    OPENED_TEXT.replace("<RLO>", "\u{202e}")
}

fn event(id: &str, user: &str, time: &str, name: &str, key: &str) -> Value {
    json!({
        "eventVersion": "1.11", "eventID": id, "eventTime": format!("2026-03-04T{time}Z"),
        "eventSource": "s3.amazonaws.com", "eventName": name, "awsRegion": "eu-west-1",
        "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{user}"),
            "accountId": "111122223333"},
        "sourceIPAddress": "198.51.100.7",
        "requestParameters": {"bucketName": "payroll", "key": key},
        "errorCode": (name == "DeleteObject").then_some("AccessDenied"),
        "recipientAccountId": "111122223333", "eventCategory": "Data",
    })
}

/// A log of the finding and of what was done around it.
fn log() -> Vec<u8> {
    let around = [
        event("long-before", "eve", "07:00:00", "GetObject", "long-before"),
        event("before", "eve", "09:30:00", "GetObject", "just-before"),
        event("other", "bob", "09:45:00", "GetObject", "of-bob"),
        event("after", "eve", "10:59:59", "DeleteObject", "just-after"),
        event("long-after", "eve", "12:00:00", "GetObject", "long-after"),
    ];
    let around: Vec<String> = around.iter().map(Value::to_string).collect();
    format!("{{\"Records\":[{},{}]}}", around.join(",\n"), opened()).into_bytes()
}

fn written(path: PathBuf, bytes: &[u8]) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The id of the finding of the ACL.
fn id(out: &Path, file: &str) -> String {
    for batch in common::table(&out.join(file)) {
        use arrow::array::AsArray;
        let text = |name: &str, row| batch[name].as_string::<i32>().value(row).to_owned();
        if let Some(row) =
            (0..batch.num_rows()).find(|row| text("detector_id", *row) == "bucket_acl_public")
        {
            return text("finding_id", row);
        }
    }
    String::new()
}

fn explain(out: &Path, id: &str, more: &[&str]) -> Ran {
    let arguments = ["explain", out.to_str().unwrap(), id];
    trailsift(arguments.iter().chain(more).copied())
}

fn json_of(ran: &Ran) -> Value {
    assert_eq!(ran.status, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn it_tells_why_with_the_record_as_it_was_written_and_what_was_done_around() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let scanned = scan(&[written(folder.path().join("in/log.json"), &log())], &out, &["--hash"]);
    let id = id(&out, "findings.parquet");
    let command = format!("trailsift explain {} {}", out.display(), &id[..8]);
    assert!(scanned.out.contains(&command), "{}", scanned.out);
    let actors = scanned.out.find("user/eve").unwrap();
    let findings = scanned.out.find("findings\u{1b}[0m\n").unwrap();
    assert!(actors < findings, "actors come first:\n{}", scanned.out);
    let ran = explain(&out, &id[..8], &[]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    for said in [
        "why it fired",
        &id,
        "18446744073709551615",
        "\"odd\": [\n",
        "0.10,",
        "payroll/just-before",
        "failed: AccessDenied",
        "1 event",
        "2026-03-04 10:00:00 UTC",
        "FALSE POSITIVES",
        "trailsift scope LOGS --run ",
    ] {
        assert!(ran.out.contains(said), "{said}:\n{}", ran.out);
    }
    for unsaid in ["of-bob", "long-before", "long-after", "\u{1b}[5m", "\u{202e}", "not whole"] {
        assert!(!ran.out.contains(unsaid), "{unsaid}:\n{}", ran.out);
    }

    let told = json_of(&explain(&out, &id, &["--json", "--around", "4h", "--events", "1"]));
    assert_eq!(told["records"][0]["text"], json!(opened()));
    assert_eq!(told["around"]["counts"], json!({"before": 2, "within": 1, "after": 2}));
    let keys: Vec<&Value> =
        told["around"]["events"].as_array().unwrap().iter().map(|event| &event[1]["key"]).collect();
    assert_eq!(keys, [&json!("just-before"), &Value::Null, &json!("just-after")]);
    assert_eq!(told["missing"], json!([]));
    let local = explain(&out, &id, &["--tz", "Europe/Berlin"]);
    assert!(local.out.contains("2026-03-04 11:00:00 CET"), "{}", local.out);
    let offset = explain(&out, &id, &["--tz", "+05:30"]);
    assert!(offset.out.contains("2026-03-04 15:30:00 +05"), "{}", offset.out);
}

#[test]
fn records_are_found_in_archives_and_packed_and_wrapped() {
    let folder = tempfile::tempdir().unwrap();
    let lines = String::from_utf8(log()).unwrap();
    let records: Value = serde_json::from_slice(&log()).unwrap();
    let wrap =
        |record: &Value| json!({"detail-type": "AWS API Call via CloudTrail", "detail": record});
    let wrapped: Vec<String> = records["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| wrap(record).to_string())
        .collect();
    let member = gz(lines.as_bytes());
    let cases: [(&str, Vec<u8>); 3] = [
        ("log.json.gz", gz(lines.as_bytes())),
        ("dump.zip", zip_of(&[("AWSLogs/a.json", b"{}"), ("AWSLogs/b.json.gz", &member)])),
        ("events.jsonl", wrapped.join("\n").into_bytes()),
    ];
    for (name, bytes) in cases {
        let out = folder.path().join(format!("out-{name}"));
        scan(&[written(folder.path().join(name), &bytes)], &out, &[]);
        let told = json_of(&explain(&out, &id(&out, "findings.parquet"), &["--json"]));
        let text = told["records"][0]["text"].as_str().unwrap_or_default();
        let record: Value = serde_json::from_str(text).unwrap_or_default();
        assert_eq!(record["eventID"], "opened-1", "{name}: {told:#}");
        assert_eq!(told["around"]["counts"]["before"], 1, "{name}: {told:#}");
    }
}

#[test]
fn what_is_gone_or_changed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let path = written(folder.path().join("in/log.json"), &log());
    scan(std::slice::from_ref(&path), &out, &["--hash"]);
    let id = id(&out, "findings.parquet");

    let same_length = String::from_utf8(log()).unwrap().replace("opened-1", "opened-2");
    std::fs::write(&path, &same_length).unwrap();
    let told = json_of(&explain(&out, &id, &["--json"]));
    assert_eq!(told["records"][0]["text"], Value::Null);
    let reason = told["missing"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("SHA-256"), "{reason}");

    std::fs::remove_file(&path).unwrap();
    let ran = explain(&out, &id, &[]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.contains("not there any more"), "{}", ran.out);
    assert!(ran.out.contains("observed") && ran.out.contains("public-access-block"), "{}", ran.out);

    let out = folder.path().join("piped");
    piped(&out, &log());
    let ran = explain(&out, &self::id(&out, "findings.parquet"), &[]);
    assert!(ran.out.contains("a pipe, which cannot be read again"), "{}", ran.out);
}

#[test]
fn runs_with_a_state_are_explained_too() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let state = folder.path().join("state");
    let path = written(folder.path().join("in/log.json"), &log());
    scan(std::slice::from_ref(&path), &out, &["--state", state.to_str().unwrap()]);
    let id = id(&out, "findings_current.parquet");
    // The next run reads nothing, so its manifest has no object with events.
    scan(&[path], &out, &["--state", state.to_str().unwrap()]);
    let told = json_of(&explain(&out, &id, &["--json"]));
    assert_eq!(told["records"][0]["text"], json!(opened()));
}

#[test]
fn wrong_folders_and_ids_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let path = written(folder.path().join("in/log.json"), &log());
    scan(std::slice::from_ref(&path), &out, &[]);
    for (dir, id, said) in [
        (folder.path().join("nowhere"), "a", "is no folder"),
        (folder.path().join("in"), "a", "not its input"),
        (out.clone(), "zz", "has an id that begins so"),
        (out.clone(), "", "begins several ids"),
    ] {
        let ran = explain(&dir, id, &[]);
        assert!(ran.status == 2 && ran.err.contains(said), "{said}: {}", ran.err);
        assert!(!folder.path().join("nowhere").exists());
    }
    let zone = explain(&out, "a", &["--tz", "Mars/Base"]);
    assert!(zone.status == 2 && zone.err.contains("write UTC, Europe/Berlin"), "{}", zone.err);
}

#[test]
fn converted_events_stand_for_logs_that_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    written(path("logs/1.json.gz"), &gz(&log()));
    let [logs, events, out] = ["logs", "events", "out"].map(path);
    let texts = [&logs, &events].map(|path| path.to_str().unwrap());
    let converted = trailsift(["convert", texts[0], "--out", texts[1]]);
    assert_eq!(converted.status, 0, "{}", converted.err);
    scan(&[events], &out, &["--quiet"]);
    std::fs::remove_dir_all(&logs).unwrap();
    let ran = explain(&out, &id(&out, "findings.parquet"), &["--json"]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(ran.status, 0, "{}", ran.err);
    let record = &told["records"][0];
    assert!(record["object_uri"].as_str().unwrap().ends_with("logs/1.json.gz"), "{record}");
    assert_eq!(record["text"].as_str(), Some(&*opened()), "{told:#}");
    assert!(ran.out.contains("just-before") && ran.out.contains("just-after"), "{told:#}");
    assert!(!ran.out.contains("of-bob") && !ran.out.contains("long-before"), "{told:#}");
}
