//! The timeline for Timesketch: what its import asks for, a row per finding and per event.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::scan;
use crate::logs::{HOSTILE, lines, opened, sequence, with_state, write};

/// The rows of a table, by the names of its columns.
fn rows(path: &std::path::Path) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut table = csv::Reader::from_path(path).unwrap();
    table.deserialize().map(Result::unwrap).collect()
}

#[test]
fn a_finding_is_a_row_and_each_event_of_its_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let hostile: Vec<Value> = HOSTILE.iter().map(|text| opened(text)).collect();
    let logs = ["sample-logs".into(), write(folder.path().join("hostile.json"), &hostile)];
    let ran = scan(&logs, &out, &["--format", "timesketch,jsonl"]);
    assert!(ran.status == 0, "{}{}", ran.out, ran.err);
    let path = out.join("findings.timesketch.csv");
    let head = std::fs::read_to_string(&path).unwrap();
    assert!(head.starts_with("message,datetime,timestamp_desc,event_id,"), "{head:.80}");

    let mut expected = BTreeSet::new();
    for finding in lines(&out.join("findings.jsonl")) {
        let text = |value: &Value| value.as_str().unwrap_or_default().replace('Z', "+00:00");
        let id = finding["finding_id"].as_str().unwrap().to_owned();
        expected.insert((id.clone(), String::new(), text(&finding["first_seen"])));
        for event in finding["evidence"].as_array().unwrap() {
            let place = event["record_number"].to_string() + event["object_uri"].as_str().unwrap();
            expected.insert((id.clone(), place, text(&event["event_time"])));
        }
    }
    let rows = rows(&path);
    let told = rows.iter().map(|row| {
        let place = row["record_number"].clone() + &row["object_uri"];
        (row["finding_id"].clone(), place, row["datetime"].clone())
    });
    assert_eq!(told.collect::<BTreeSet<_>>(), expected);
    assert_eq!(rows.len(), expected.len(), "each once");
    for row in &rows {
        assert!(
            row.values().all(|v| !v.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])),
            "{row:?}"
        );
        assert!(row["datetime"].parse::<jiff::Timestamp>().is_ok(), "{row:?}");
        assert!(!row["message"].is_empty() && row["timestamp_desc"].contains(": "), "{row:?}");
    }
}

#[test]
fn with_a_state_it_tells_changes() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = BTreeSet::new();
    for log in sequence(folder.path()) {
        with_state(&[log], folder.path(), &["--format", "timesketch"]);
    }
    let files = crate::common::files(&folder.path().join("out/findings"));
    for file in files.iter().filter(|file| file.to_str().unwrap().ends_with(".timesketch.csv")) {
        told.extend(rows(file).iter().map(|row| row["change"].clone()));
    }
    assert_eq!(told.into_iter().collect::<Vec<_>>(), ["new", "updated", "withdrawn"]);
}
