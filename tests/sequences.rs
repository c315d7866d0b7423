//! Attack sequences and what surrounds a finding: findings are linked, told in order, and weighed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use common::{scan, table, trailsift};
use serde_json::{Value, json};

const KALI: &str = "[aws-cli/2.15.0 Python/3.11.6 Linux/6.5.0-kali3-amd64 exe/x86_64]";

/// A call of `user` on the bucket `invoices`.
fn call(name: &str, user: &str, time: &str) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333",
            "arn": format!("arn:aws:iam::111122223333:user/{user}")},
        "eventTime": time,
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "[aws-cli/2.15.0]",
        "requestParameters": {"bucketName": "invoices"},
        "eventID": format!("{name}-{user}-{time}"),
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "eventCategory": "Data",
    })
}

fn with(mut event: Value, path: &str, value: Value) -> Value {
    *event.pointer_mut(path).expect("the path is there") = value;
    event
}

/// Looks around with a tool of attackers, and leaves a note two hours later.
fn attack() -> [Value; 2] {
    let look = call("ListBuckets", "mallory", "2026-03-04T10:00:00Z");
    let note = call("PutObject", "mallory", "2026-03-04T12:00:00Z");
    let named = json!({"bucketName": "invoices", "key": "HOW_TO_DECRYPT_FILES.txt"});
    [with(look, "/userAgent", json!(KALI)), with(note, "/requestParameters", named)]
}

fn log(folder: &Path, name: &str, events: &[Value]) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, json!({ "Records": events }).to_string()).unwrap();
    file
}

/// Of each finding: detector, severity, description, id, related, and whether it is suppressed.
#[derive(Debug, PartialEq, Clone)]
struct Row {
    detector: String,
    severity: f64,
    description: String,
    id: String,
    related: Vec<String>,
    suppressed: bool,
}

fn rows(file: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in table(file) {
        let text = |name: &str, row: usize| {
            batch.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned()
        };
        for row in 0..batch.num_rows() {
            let related = batch.column_by_name("related").unwrap().as_list::<i32>().value(row);
            let severity = batch.column_by_name("severity").unwrap().as_primitive::<Float64Type>();
            let related = related.as_string::<i32>();
            rows.push(Row {
                detector: text("detector_id", row),
                severity: severity.value(row),
                description: text("description", row),
                id: text("finding_id", row),
                related: (0..related.len()).map(|at| related.value(at).to_owned()).collect(),
                suppressed: batch.column_by_name("suppression_reason").unwrap().is_valid(row),
            });
        }
    }
    rows
}

fn found<'r>(rows: &'r [Row], detector: &str) -> Option<&'r Row> {
    rows.iter().find(|row| row.detector == detector)
}

#[test]
fn a_sequence_tells_its_findings_in_order_and_links_them() {
    let folder = tempfile::tempdir().unwrap();
    let input = log(folder.path(), "log.json", &attack());
    let out = folder.path().join("out");
    scan(&[input], &out, &[]);
    let rows = rows(&out.join("findings.parquet"));
    let sequence = found(&rows, "attack_sequence_data").expect("a sequence");
    let (look, note) = (found(&rows, "kali_linux").unwrap(), found(&rows, "ransom_note").unwrap());
    let mut parts = vec![look.id.clone(), note.id.clone()];
    parts.sort();
    assert_eq!(sequence.related, parts);
    assert!(sequence.severity > look.severity && sequence.severity > note.severity);
    let places = ["Kali Linux", "ransom note"].map(|part| sequence.description.find(part).unwrap());
    assert!(places[0] < places[1], "{}", sequence.description);
}

#[test]
fn suppressed_findings_make_no_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let input = log(folder.path(), "log.json", &attack());
    let suppress = folder.path().join("suppress.yml");
    std::fs::write(&suppress, "- detector: kali_linux\n  reason: our own test\n").unwrap();
    let out = folder.path().join("out");
    scan(&[input], &out, &["--suppress", suppress.to_str().unwrap()]);
    let rows = rows(&out.join("findings.parquet"));
    assert!(found(&rows, "kali_linux").unwrap().suppressed);
    assert_eq!(found(&rows, "attack_sequence_data"), None);
}

#[test]
fn a_sequence_over_two_runs_is_that_of_one() {
    let folder = tempfile::tempdir().unwrap();
    let [look, note] = attack();
    let (first, second) =
        (log(folder.path(), "a.json", &[look]), log(folder.path(), "b.json", &[note]));
    let whole = folder.path().join("whole");
    scan(&[first.clone(), second.clone()], &whole, &[]);
    let (state, out) = (folder.path().join("state"), folder.path().join("out"));
    for input in [first, second] {
        scan(&[input], &out, &["--state", state.to_str().unwrap()]);
    }
    let (whole, parts) =
        (rows(&whole.join("findings.parquet")), rows(&out.join("findings_current.parquet")));
    let sequence = found(&parts, "attack_sequence_data");
    assert!(sequence.is_some());
    assert_eq!(sequence, found(&whole, "attack_sequence_data"));
}

#[test]
fn root_listed_addresses_and_sensitive_buckets_weigh_more() {
    let folder = tempfile::tempdir().unwrap();
    let (list, names) = (folder.path().join("bad.txt"), folder.path().join("names.yml"));
    std::fs::write(&list, "203.0.113.0/24\n").unwrap();
    std::fs::write(&names, "sensitive_buckets: ['pay*']\n").unwrap();
    let note = |user: &str, key: &str| {
        let event = call("PutObject", user, "2026-03-04T12:00:00Z");
        with(event, "/requestParameters", json!({"bucketName": key, "key": "HOW_TO_DECRYPT.txt"}))
    };
    let root = json!({"type": "Root", "accountId": "111122223333",
        "arn": "arn:aws:iam::111122223333:root"});
    let mut refused = note("eve", "payroll");
    refused["errorCode"] = json!("AccessDenied");
    // Fifty deletes are of low severity, as is what recurs.
    let weak = (0..50).map(|n| {
        let event = call("DeleteObject", "weak", &format!("2026-03-04T13:{n:02}:00Z"));
        with(event, "/requestParameters", json!({"bucketName": "payroll", "key": n.to_string()}))
    });
    let events = [
        note("plain", "invoices"),
        with(note("root", "invoices"), "/userIdentity", root),
        with(note("listed", "invoices"), "/sourceIPAddress", json!("203.0.113.9")),
        note("sensitive", "payroll"),
        with(note("both", "payroll"), "/sourceIPAddress", json!("203.0.113.9")),
        refused,
    ];
    let events: Vec<Value> = events.into_iter().chain(weak).collect();
    let input = log(folder.path(), "log.json", &events);
    let out = folder.path().join("out");
    let more = ["--threat-list", list.to_str().unwrap(), "--placeholders", names.to_str().unwrap()];
    scan(&[input], &out, &more);
    let rows = rows(&out.join("findings.parquet"));
    let severity = |who: &str| {
        let of = |row: &&Row| row.detector == "ransom_note" && row.description.contains(who);
        rows.iter().find(of).map(|row| row.severity)
    };
    let base = severity("user/plain").unwrap();
    let raised = ["111122223333:root", "user/listed", "user/sensitive"].map(severity);
    assert_eq!(raised, [Some(base + 1.0); 3]);
    assert_eq!(severity("user/both"), Some(base + 2.0));
    assert!(severity("user/eve").is_none_or(|severity| severity < base));
    assert_eq!(found(&rows, "mass_object_delete").map(|row| row.severity), Some(3.0));
    let why = rows.iter().any(|row| row.description.ends_with("listed address, sensitive bucket"));
    assert!(why, "{rows:?}");
}

/// What `detectors check` says of a sequence with these lines in place of the usual ones.
fn refused(correlation: &str, section: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let stages =
        "stages:\n    - {name: a, detectors: [trail_stopped]}\n    - {name: b, tactics: [impact]}";
    let section = if section.is_empty() { stages } else { section };
    let text = format!(
        "title: Sequence\nname: found\ncorrelation:\n  {correlation}\ntrailsift:\n  {section}\n"
    );
    std::fs::write(folder.path().join("found.yml"), text).unwrap();
    trailsift(["detectors", "check", folder.path().to_str().unwrap()]).out
}

#[test]
fn what_is_no_sequence_is_refused() {
    let usual =
        "type: temporal\n  rules: [a, b]\n  group-by: [principal]\n  timespan: 1h".to_owned();
    let cases = [
        (usual.clone(), "", ""),
        (usual.replace("temporal", "event_count"), "", "event_count"),
        (usual.replace("[principal]", "[region]"), "", "`principal` or by `bucket`"),
        (usual.replace("1h", "25h"), "", "at most 24 hours"),
        (usual.replace("[a, b]", "[a, c]"), "", "must name each of the stages once"),
        (
            usual.clone(),
            "stages: [{name: a, detectors: [no_such]}, {name: b, tactics: [impact]}]",
            "no detector",
        ),
        (
            usual.clone(),
            "stages: [{name: a, tactics: [magic]}, {name: b, tactics: [impact]}]",
            "which no detector has",
        ),
        (
            usual.clone(),
            "stages: [{name: a}, {name: b, tactics: [impact]}]",
            "needs `detectors` or `tactics`",
        ),
        (
            usual,
            "description: '{count:a}'\n  stages: [{name: a, detectors: [trail_stopped]}, {name: b, tactics: [impact]}]",
            "the texts of a sequence",
        ),
    ];
    for (correlation, section, message) in cases {
        let said = refused(&correlation, section);
        match message {
            "" => assert!(said.contains("0 errors"), "{said}"),
            some => assert!(said.contains(some), "{some}: {said}"),
        }
    }
}
