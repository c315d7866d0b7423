//! OCSF events keep to the published schema: those of a run, those of runs with a state, and those
//! of hostile logs. Checked in Python by others' code; see `ocsf.py`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::common::python::{python_or_skip, run_script};
use crate::common::{files, findings, scan};
use crate::logs::{HOSTILE, lines, opened, sequence, with_state, write};

const SCRIPT: &str = include_str!("ocsf.py");
const MODULES: &str = "jsonschema, ocsf_json_schema";

/// The events of the sample logs.
fn samples(folder: &Path) -> PathBuf {
    let ran = scan(&["sample-logs".into()], folder, &["--format", "ocsf"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    folder.join("findings.ocsf.jsonl")
}

#[test]
fn the_events_of_the_samples_keep_to_the_schema() {
    let Some(python) = python_or_skip(MODULES) else { return };
    let folder = tempfile::tempdir().unwrap();
    let events = samples(folder.path());
    assert_eq!(lines(&events).len(), findings(folder.path()).len());
    assert_eq!(run_script(&python, SCRIPT, &[&events]), Ok(()));
}

#[test]
fn new_updated_withdrawn_and_suppressed_ones_do() {
    let Some(python) = python_or_skip(MODULES) else { return };
    let folder = tempfile::tempdir().unwrap();
    let suppress = folder.path().join("suppress.yml");
    let entry = "- detector: new_principal_in_account\n  reason: known\n";
    std::fs::write(&suppress, entry).unwrap();
    let more = ["--format", "ocsf", "--suppress", suppress.to_str().unwrap()];
    for log in sequence(folder.path()) {
        let ran = with_state(&[log], folder.path(), &more);
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    }
    let all = files(&folder.path().join("out/findings"));
    let all: Vec<&Path> = all.iter().map(PathBuf::as_path).collect();
    let events: Vec<&Path> =
        all.into_iter().filter(|file| file.extension().is_some_and(|e| e == "jsonl")).collect();
    let number = |event: &Value, name: &str| event[name].as_u64().unwrap();
    let events_of = events.iter().flat_map(|file| lines(file));
    let activities: Vec<(u64, u64)> =
        events_of.map(|e| (number(&e, "activity_id"), number(&e, "status_id"))).collect();
    for told in [(1, 1), (1, 3), (2, 1), (3, 4)] {
        assert!(activities.contains(&told), "{told:?} is not among {activities:?}");
    }
    assert_eq!(run_script(&python, SCRIPT, &events), Ok(()));
}

#[test]
fn those_of_hostile_logs_do() {
    let Some(python) = python_or_skip(MODULES) else { return };
    let folder = tempfile::tempdir().unwrap();
    let hostile: Vec<Value> = HOSTILE.iter().map(|text| opened(text)).collect();
    let log = write(folder.path().join("log.json"), &hostile);
    let out = folder.path().join("out");
    scan(&[log], &out, &["--format", "ocsf"]);
    assert_eq!(run_script(&python, SCRIPT, &[&out.join("findings.ocsf.jsonl")]), Ok(()));
}

/// Each fault of an event, and what the check must say of it.
type Fault = (fn(&mut Value), &'static str);

#[test]
fn the_check_sees_every_kind_of_fault() {
    let Some(python) = python_or_skip(MODULES) else { return };
    let folder = tempfile::tempdir().unwrap();
    let event = lines(&samples(folder.path())).swap_remove(0);
    let faults: [Fault; 11] = [
        (|event| drop(event.as_object_mut().unwrap().remove("time")), "time"),
        (|event| drop(event["finding_info"].as_object_mut().unwrap().remove("uid")), "uid"),
        (|event| drop(event.as_object_mut().unwrap().remove("cloud")), "cloud"),
        (|event| event["invented"] = json!(1), "invented"),
        (|event| event["finding_info"]["invented"] = json!(1), "invented"),
        (|event| event["evidences"][1]["api"]["invented"] = json!(1), "invented"),
        (|event| event["severity_id"] = json!(42), "42"),
        (|event| event["severity"] = json!("Grave"), "Grave"),
        (|event| event["activity_id"] = json!(3), "Close"),
        (|event| event["evidences"][0] = json!({"name": "nothing else"}), "evidences"),
        (|event| event["finding_info"]["first_seen_time"] = json!(1_749_934_710), "milliseconds"),
    ];
    let file = folder.path().join("event.jsonl");
    for (number, (make, word)) in faults.into_iter().enumerate() {
        let mut bad = event.clone();
        make(&mut bad);
        std::fs::write(&file, bad.to_string()).unwrap();
        let said = run_script(&python, SCRIPT, &[&file]).expect_err(&format!("fault {number}"));
        assert!(said.contains("AssertionError") && said.contains(word), "fault {number}: {said}");
    }
    std::fs::write(&file, event.to_string()).unwrap();
    assert_eq!(run_script(&python, SCRIPT, &[&file]), Ok(()));
}

#[test]
fn an_event_says_what_its_finding_says() {
    let folder = tempfile::tempdir().unwrap();
    let events = lines(&samples(folder.path()));
    let rows = findings(folder.path());
    for (event, row) in events.iter().zip(&rows) {
        let info = &event["finding_info"];
        assert_eq!(info["analytic"]["uid"], row.detector.as_str());
        assert_eq!(info["first_seen_time"], row.first_seen / 1_000);
        assert_eq!((&info["last_seen_time"], &event["time"]), (&event["time"], &event["end_time"]));
        assert_eq!(event["count"], row.event_count);
        assert_eq!(event["unmapped"]["observed"], row.observed.as_str());
        let caller = event["evidences"].as_array().unwrap().iter().find(|e| e["name"] == "caller");
        let principal = caller.map_or(&Value::Null, |caller| &caller["actor"]["user"]["uid"]);
        assert_eq!(principal.as_str().unwrap_or_default(), row.principal);
        let resources = event["resources"].as_array().map_or(&[][..], Vec::as_slice);
        let buckets = resources.iter().filter(|r| r["type"] == "AWS::S3::Bucket");
        let buckets: Vec<&str> = buckets.map(|r| r["uid"].as_str().unwrap()).collect();
        assert_eq!(buckets, row.buckets);
    }
    assert!(rows.len() > 50);
}

/// The texts and numbers in a value.
fn leaves(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, found)),
        Value::String(text) => drop(found.insert(text.clone())),
        other => drop(found.insert(other.to_string())),
    }
}

/// Columns that an event says in its own words.
const TRANSLATED: [&str; 6] =
    ["revision", "status", "severity_label", "mitre_tactics", "first_seen", "last_seen"];

#[test]
fn nothing_that_a_finding_says_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let ran = scan(&["sample-logs".into()], folder.path(), &["--format", "jsonl,ocsf"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let findings = lines(&folder.path().join("findings.jsonl"));
    let events = lines(&folder.path().join("findings.ocsf.jsonl"));
    let mut said = BTreeSet::new();
    for (finding, event) in findings.iter().zip(&events) {
        let mut in_event = BTreeSet::new();
        leaves(event, &mut in_event);
        for (name, value) in finding.as_object().unwrap() {
            let mut in_finding = BTreeSet::new();
            leaves(value, &mut in_finding);
            if !in_finding.is_empty() {
                said.insert(name.clone());
            }
            let lost: Vec<&String> = in_finding.difference(&in_event).collect();
            assert!(lost.is_empty() || TRANSLATED.contains(&name.as_str()), "{name}: {lost:?}");
        }
    }
    assert!(said.len() > 45, "the samples fill few columns: {said:?}");
}
