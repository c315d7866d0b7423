//! What is new is told from what is usual: learning periods, borders put by hand, own accounts, and
//! entities of which too much is known.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::path::{Path, PathBuf};

use common::{Finding, findings, findings_in, run_json, scan};
use serde_json::{Value, json};

const APPEARANCES: &str = "first_appearances.parquet";
const ON_BUCKET: &str = "new_principal_on_bucket";

/// A read on day `day` of March 2026.
fn read(user: &str, day: i64) -> Value {
    common::logs::read(user, day, &format!("{user}-{day}"))
}

fn foreign(day: i64) -> Value {
    let mut record = read("mallory", day);
    record["userIdentity"] =
        json!({"type": "AWSAccount", "principalId": "AIDAX", "accountId": "999988887777"});
    record
}

fn write(folder: &Path, records: &[Value]) -> Vec<PathBuf> {
    let path = folder.join("log.json");
    std::fs::write(&path, json!({ "Records": records }).to_string()).unwrap();
    vec![path]
}

/// Scans the records and returns the findings.
fn found(records: &[Value], arguments: &[&str]) -> (tempfile::TempDir, Vec<Finding>) {
    let folder = tempfile::tempdir().unwrap();
    let (inputs, out) = (write(folder.path(), records), folder.path().join("out"));
    let ran = scan(&inputs, &out, arguments);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let found = findings(&out);
    (folder, found)
}

fn by<'f>(findings: &'f [Finding], detector: &str, name: &str) -> Vec<&'f Finding> {
    let ours = |f: &&Finding| f.detector == detector && f.principal.ends_with(name);
    findings.iter().filter(ours).collect()
}

/// Alice reads every day from the 1st to the 14th.
fn regular() -> Vec<Value> {
    (1..=14).map(|day| read("alice", day)).collect()
}

#[test]
fn what_appears_while_learning_is_listed_and_named() {
    let mut records = regular();
    records.push(read("bob", 3));
    records.push(read("carol", 12));
    let (folder, found) = found(&records, &[]);
    assert_eq!(by(&found, ON_BUCKET, "carol").len(), 1, "{found:#?}");
    assert!(by(&found, ON_BUCKET, "bob").is_empty());
    let out = folder.path().join("out");
    let learned = findings_in(&out, APPEARANCES);
    assert_eq!(by(&learned, ON_BUCKET, "bob").len(), 1, "{learned:#?}");
    assert_eq!(by(&learned, ON_BUCKET, "alice").len(), 1);
    let run = run_json(&out);
    assert_eq!(run["first_appearances"][ON_BUCKET], 2);
    let unjudged = run["not_judged"].as_array().unwrap();
    let named = unjudged.iter().find(|n| n["detectors"] == json!([ON_BUCKET])).unwrap();
    assert_eq!(named["entities"], 2, "{named}");
}

#[test]
fn the_border_between_learning_and_judging_can_be_put_by_hand() {
    let mut records = regular();
    records.push(read("bob", 3));
    records.push(read("bob", 4));
    let (_folder, usual) = found(&records, &[]);
    assert!(by(&usual, ON_BUCKET, "bob").is_empty());
    let (_folder, learned) = found(&records, &["--learn-until", "2026-03-03"]);
    assert_eq!(by(&learned, ON_BUCKET, "bob").len(), 1, "{learned:#?}");
    // Nothing in an incident is learned: the second day is as new as the first.
    let (folder, incident) = found(&records, &["--incident", "2026-03-03..2026-03-05"]);
    let bob = by(&incident, ON_BUCKET, "bob");
    assert_eq!(bob.len(), 2, "{incident:#?}");
    let run = run_json(&folder.path().join("out"));
    assert_eq!(run["learning"], "2026-03-03 to 2026-03-04 is judged by what was before it");
    let (_folder, later) = found(&records, &["--incident", "2026-03-05.."]);
    assert!(by(&later, ON_BUCKET, "bob").is_empty(), "{later:#?}");
}

#[test]
fn history_before_since_is_read_for_learning_only() {
    let mut records = regular();
    records.push(read("bob", 11));
    records.push(read("carol", 13));
    records.push(read("bob", 13));
    let since = ["--since", "2026-03-12"];
    let (_folder, without) = found(&records, &since);
    assert_eq!(by(&without, ON_BUCKET, "carol").len(), 1, "one day is history enough here");
    assert_eq!(by(&without, ON_BUCKET, "bob").len(), 1, "the 11th was not read");
    let (_folder, with) = found(&records, &[&since[..], &["--history", "30d"]].concat());
    assert_eq!(by(&with, ON_BUCKET, "carol").len(), 1, "{with:#?}");
    assert!(by(&with, ON_BUCKET, "bob").is_empty(), "known since the 11th: {with:#?}");
    let since = 1_773_273_600_000_000;
    assert!(with.iter().all(|finding| finding.last_seen >= since), "{with:#?}");
}

#[test]
fn own_accounts_tell_a_sister_from_a_stranger() {
    let mut records = regular();
    records.push(foreign(12));
    let severity = |arguments: &[&str]| {
        let (_folder, found) = found(&records, arguments);
        let one = by(&found, "new_account_on_bucket", "");
        assert_eq!(one.len(), 1, "{found:#?}");
        one[0].severity
    };
    let cases = [
        (&[][..], 5.0),
        (&["--own-account", "111122223333"][..], 7.5),
        (&["--own-account", "111122223333", "--own-account", "999988887777"][..], 3.0),
    ];
    for (arguments, expected) in cases {
        assert!((severity(arguments) - expected).abs() < 1e-9, "{arguments:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let inputs = write(folder.path(), &records);
    let bad = scan(&inputs, &folder.path().join("out"), &["--own-account", "12"]);
    assert_eq!(bad.status, 2, "{}", bad.err);
}

#[test]
fn an_entity_with_thousands_of_networks_is_named_and_not_judged() {
    let mut records = regular();
    for n in 0..5_000u32 {
        let mut record = read("alice", i64::from(2 + n % 12));
        record["sourceIPAddress"] =
            json!(format!("{}.{}.{}.1", 60 + n / 65_536, n / 256 % 256, n % 256));
        records.push(record);
    }
    let (folder, found) = found(&records, &["--memory", "1MiB"]);
    assert!(by(&found, "unusual_network_of_principal", "").is_empty(), "{found:#?}");
    let run = run_json(&folder.path().join("out"));
    let unjudged = run["not_judged"].to_string();
    assert!(unjudged.contains("more than 4096 different values"), "{unjudged}");
}
