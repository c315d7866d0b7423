//! `--tune` and `--suppress`: what they change, what they refuse, and that nothing disappears.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use common::{Ran, findings, run_json, scan, table, trailsift};
use serde_json::{Value, json};
use tempfile::TempDir;

/// 60 deletes by each of the users within an hour, in one bucket; every third from an address of its
/// own.
fn logs(users: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut records: Vec<Value> = Vec::new();
    for user in users {
        for n in 0..60 {
            let address = if n % 3 == 0 { "198.51.100.7" } else { "203.0.113.9" };
            records.push(json!({
                "eventVersion": "1.11",
                "userIdentity": {"type": "IAMUser", "accountId": "111122223333",
                    "arn": format!("arn:aws:iam::111122223333:user/{user}")},
                "eventTime": format!("2026-03-04T10:{n:02}:00Z"),
                "eventSource": "s3.amazonaws.com",
                "eventName": "DeleteObject",
                "awsRegion": "eu-west-1",
                "sourceIPAddress": address,
                "requestParameters": {"bucketName": "payroll", "key": format!("k{n}")},
                "eventID": format!("{user}-{n}"),
                "eventType": "AwsApiCall",
                "recipientAccountId": "111122223333",
                "eventCategory": "Data",
            }));
        }
    }
    let text = json!({ "Records": records }).to_string();
    std::fs::write(folder.path().join("log.json"), text).unwrap();
    folder
}

/// A scan of the logs with files of these texts.
fn run(logs: &TempDir, files: &[(&str, &str)], more: &[&str]) -> (Ran, TempDir) {
    let (out, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut arguments: Vec<String> = more.iter().map(|&text| text.to_owned()).collect();
    for (flag, text) in files {
        let file = beside.path().join(format!("{flag}.yml"));
        std::fs::write(&file, text).unwrap();
        arguments.extend([(*flag).to_owned(), file.to_str().unwrap().to_owned()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = scan(&[logs.path().to_path_buf()], out.path(), &arguments);
    (ran, out)
}

/// User, severity, and number of calls.
type Deletions = Vec<(String, f64, i64)>;

/// The mass deletions found, by user.
fn deletions(out: &Path) -> Deletions {
    let user = |principal: &str| principal.rsplit('/').next().unwrap_or_default().to_owned();
    let found = findings(out).into_iter().filter(|f| f.detector == "mass_object_delete");
    let mut found: Vec<_> =
        found.map(|f| (user(&f.principal), f.severity, f.event_count)).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn a_tuning_file_changes_what_it_says_and_nothing_else() {
    let logs = logs(&["alice", "job"]);
    let both =
        |severity: f64| vec![("alice".to_owned(), severity, 60), ("job".to_owned(), severity, 60)];
    let cases: &[(&str, Deletions)] = &[
        ("{}", both(5.0)),
        ("mass_object_delete: {enabled: false}", vec![]),
        ("mass_object_delete: {threshold: 61}", vec![]),
        ("mass_object_delete: {threshold: {gte: 60}}", both(5.0)),
        ("mass_object_delete: {timespan: 10m}", vec![]),
        ("mass_object_delete: {severity: 9.2}", both(9.2)),
        ("mass_object_delete: {level: low}", both(3.0)),
        (
            "mass_object_delete: {exclude_events: {principal: '*/job'}}",
            vec![("alice".to_owned(), 5.0, 60)],
        ),
        (
            "mass_object_delete:\n  exclude_events:\n    job: {principal: '*/job'}\n    \
             far: {sourceIPAddress: 203.0.113.9}\n    condition: job and far\n  threshold: 20",
            vec![("alice".to_owned(), 5.0, 60), ("job".to_owned(), 5.0, 20)],
        ),
        // Of an episode that noise and an attacker share, the attacker's part stays.
        (
            "mass_object_delete: {threshold: 20, exclude_events: {sourceIPAddress: 203.0.113.9}}",
            vec![("alice".to_owned(), 5.0, 20), ("job".to_owned(), 5.0, 20)],
        ),
        ("mass_delete_denied: {enabled: false}", both(5.0)),
    ];
    for (text, expected) in cases {
        let (ran, out) = run(&logs, &[("--tune", text)], &[]);
        assert_eq!(ran.status, 0, "{text}: {}", ran.err);
        assert_eq!(deletions(out.path()), *expected, "{text}");
        let run = run_json(out.path());
        assert_eq!(run["diagnostics"], json!([]), "{text}");
        assert_eq!(run["tuning"]["sha256"].as_str().unwrap().len(), 64);
    }
}

#[test]
fn what_a_tuning_file_does_not_mean_is_named_and_not_half_done() {
    let logs = logs(&["alice"]);
    let cases: &[(&str, &str, (u64, u64))] = &[
        ("mass_object_delet: {enabled: false}", "did you mean `mass_object_delete`?", (1, 1)),
        ("mass_object_delete: {enabled: false, thresold: 3}", "thresold", (1, 38)),
        ("mass_object_delete: {enabled: false, severity: 11}", "severity", (1, 48)),
        ("mass_object_delete: {enabled: false, known_days: 3}", "first_seen", (1, 1)),
        ("bucket_acl_public: {threshold: 3}", "correlations", (1, 1)),
        ("mass_object_delete: {level: huge}", "informational", (1, 29)),
        ("mass_object_delete: {timespan: soon}", "10m", (1, 32)),
        ("mass_object_delete: {timespan: 9999w}", "366 days", (1, 32)),
        ("mass_object_delete: {lookback_days: 36526}", "36525", (1, 37)),
        ("mass_object_delete: {exclude_events: {eventName|frob: x}}", "frob", (1, 38)),
        ("mass_object_delete: {exclude_events: {a: {eventName: x}, condition: b}}", "b", (1, 38)),
        ("mass_object_delete: {exclude_events: {eventCategory: Data}}", "eventCategory", (1, 38)),
        ("mass_object_delete: {exclude_events: {}}", "fields", (1, 38)),
        ("- mass_object_delete", "mapping", (1, 1)),
        ("3: {enabled: false}", "text", (1, 1)),
        (
            "mass_object_delete: {enabled: false}\nmass_object_delete: {level: low}",
            "duplicate",
            (1, 1),
        ),
        ("mass_object_delete: {enabled: false, enabled: true}", "duplicate", (1, 21)),
    ];
    for (text, words, place) in cases {
        let (ran, out) = run(&logs, &[("--tune", text)], &[]);
        assert_eq!(ran.status, 0, "{text}: {}", ran.err);
        assert_eq!(deletions(out.path()).len(), 1, "{text}");
        let run = run_json(out.path());
        let faults = run["diagnostics"].as_array().unwrap();
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
        let fault = &faults[0];
        let at = (fault["line"].as_u64().unwrap(), fault["column"].as_u64().unwrap());
        assert_eq!((at, &fault["severity"]), (*place, &json!("warning")), "{text}: {fault}");
        let said = format!("{} {}", fault["message"], fault["help"]);
        assert!(said.contains(words) && said.contains("nothing is changed"), "{text}: {said}");
        assert!(ran.out.contains("nothing is changed by it"), "{}", ran.out);
    }
}

#[test]
fn partial_runs_merge_under_the_same_tuning_only() {
    let (logs, folder) = (logs(&["alice"]), tempfile::tempdir().unwrap());
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    std::fs::write(path("a.yml"), "mass_object_delete: {severity: 6.0}").unwrap();
    std::fs::write(path("b.yml"), "mass_object_delete: {severity: 6.5}").unwrap();
    let tune = path("a.yml");
    let more = ["--tune", tune.to_str().unwrap()];
    let ran = common::partial(&[logs.path().into()], &path("part"), &more);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let merge = |tune: Option<&str>| {
        let mut arguments = vec!["merge".into(), path("part"), "--out".into(), path("out")];
        arguments.extend(tune.iter().flat_map(|name| ["--tune".into(), path(name)]));
        trailsift(arguments)
    };
    for other in [None, Some("b.yml")] {
        let ran = merge(other);
        assert!(ran.status == 2 && ran.err.contains("another tuning"), "{}", ran.err);
    }
    assert_eq!(merge(Some("a.yml")).status, 0);
    assert_eq!(deletions(&path("out")), [("alice".to_owned(), 6.0, 60)]);
}

/// Detector, whether it is suppressed, and why.
fn suppressed(out: &Path) -> Vec<(String, bool, String)> {
    let mut found = Vec::new();
    for batch in table(&out.join("findings.parquet")) {
        let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
        let (detectors, reasons) = (text("principal"), text("suppression_reason"));
        let flags = batch.column_by_name("suppressed").unwrap().as_boolean();
        for row in 0..batch.num_rows() {
            let reason = if reasons.is_null(row) { "" } else { reasons.value(row) };
            let user = detectors.value(row).rsplit('/').next().unwrap().to_owned();
            found.push((user, flags.value(row), reason.to_owned()));
        }
    }
    found.sort();
    found
}

#[test]
fn suppressed_findings_stay_in_the_file_and_count_apart() {
    let logs = logs(&["alice", "job"]);
    let cases: &[(&str, &[&str])] = &[
        ("- {detector: mass_object_delete, principal: '*/job', reason: nightly}", &["job"]),
        ("- {detector: '*', principal: '*:user/j?b', reason: nightly}", &["job"]),
        ("- {detector: '*', bucket: pay*, reason: nightly}", &["alice", "job"]),
        ("- {detector: mass_object_delete, reason: nightly}", &["alice", "job"]),
        (
            "- {detector: mass_object_delete, principal: ['*/job', '*/alice'], reason: nightly}",
            &["alice", "job"],
        ),
        ("- {detector: '*', bucket: pay*, principal: '*/job', reason: nightly}", &["job"]),
        ("- {detector: '*', bucket: other, reason: nightly}", &[]),
        // One of its two addresses is no match for a finding.
        ("- {detector: '*', source_ip: 203.0.113.*, reason: nightly}", &[]),
        (
            "- {detector: '*', source_ip: [203.0.113.*, 198.51.100.7], reason: nightly}",
            &["alice", "job"],
        ),
        (
            "- {detector: '*', bucket: payroll, until: 2026-03-05, reason: nightly}",
            &["alice", "job"],
        ),
        ("- {detector: '*', bucket: payroll, until: 2026-03-04, reason: nightly}", &[]),
        ("- {detector: multi_object_delete, bucket: payroll, reason: nightly}", &[]),
    ];
    for (text, expected) in cases {
        let (ran, out) = run(&logs, &[("--suppress", text)], &["--fail-on", "low"]);
        let found = suppressed(out.path());
        assert_eq!(found.len(), 2, "{text}");
        for (user, is_suppressed, reason) in &found {
            assert_eq!(*is_suppressed, expected.contains(&user.as_str()), "{text}: {user}");
            assert_eq!(reason, if *is_suppressed { "nightly" } else { "" }, "{text}");
        }
        let (visible, run) = (2 - expected.len(), run_json(out.path()));
        assert_eq!(run["findings"]["suppressed"], expected.len(), "{text}");
        assert_eq!(run["findings"]["medium"], visible, "{text}");
        assert_eq!(run["suppression"]["sha256"].as_str().unwrap().len(), 64);
        assert_eq!(ran.status, if visible == 0 { 0 } else { 3 }, "{text}");
        assert_eq!(ran.out.matches("Many S3 objects deleted").count(), visible, "{}", ran.out);
        assert_eq!(
            ran.out.contains("suppressed"),
            !expected.is_empty() || text.contains("03-04"),
            "{}",
            ran.out
        );
    }
}

#[test]
fn an_expired_entry_is_said_and_a_bad_one_suppresses_nothing() {
    let logs = logs(&["alice"]);
    let expired = "- {detector: '*', bucket: payroll, until: 2026-03-04, reason: x}";
    let (_, out) = run(&logs, &[("--suppress", expired)], &[]);
    let notes = run_json(out.path())["notes"].to_string();
    assert!(notes.contains("ended on 2026-03-04") && notes.contains("matches 1 later"), "{notes}");
    let cases: &[(&str, &str)] = &[
        ("- {detector: '*', reason: x}", "needs a pattern"),
        ("- {bucket: payroll, reason: x}", "`detector` is missing"),
        ("- {detector: '*', bucket: payroll}", "`reason` is missing"),
        ("- {detector: '*', bukcet: payroll, reason: x}", "bukcet"),
        ("- {detector: '*', bucket: payroll, until: soon, reason: x}", "2026-04-01"),
        ("- {detector: '*', account: 111122223333, reason: x}", "a text"),
        ("detector: '*'", "a list"),
        ("- {detector: nobody, reason: x}", "`nobody` is no detector of this run"),
        ("- [", "yaml"),
        ("- {detector: '*', bucket: a, bucket: payroll, reason: x}", "duplicate"),
    ];
    for (text, words) in cases {
        let (ran, out) = run(&logs, &[("--suppress", text)], &[]);
        assert!(
            suppressed(out.path()).iter().all(|(_, is_suppressed, _)| !is_suppressed),
            "{text}"
        );
        let faults = run_json(out.path())["diagnostics"].to_string();
        assert!(faults.contains(words), "{text}: {faults}");
        assert!(ran.out.contains("warning"), "{}", ran.out);
    }
}

#[test]
fn a_state_notices_other_files() {
    let (logs, folder) = (logs(&["alice"]), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("tune.yml"), "mass_object_delete: {severity: 6.0}").unwrap();
    std::fs::write(path("quiet.yml"), "- {detector: '*', bucket: payroll, reason: x}").unwrap();
    let (state, out) = (path("state"), path("out"));
    let run = |more: &[&str]| {
        let arguments = [&["--state", &state], more].concat();
        let ran = scan(&[logs.path().into()], Path::new(&out), &arguments);
        assert_eq!(ran.status, 0, "{}", ran.err);
        run_json(Path::new(&out))["state"].clone()
    };
    assert_eq!((&run(&[])["new"], &run(&[])["revised"]), (&json!(1), &json!(0)));
    assert_eq!(run(&["--tune", &path("tune.yml")])["revised"], 1);
    assert_eq!(run(&["--tune", &path("tune.yml"), "--suppress", &path("quiet.yml")])["revised"], 1);
    assert_eq!(run(&[])["revised"], 1);
}

#[test]
fn a_file_that_is_not_there_is_a_usage_error() {
    let logs = logs(&["alice"]);
    for flag in ["--tune", "--suppress"] {
        let out = tempfile::tempdir().unwrap();
        let ran = scan(&[logs.path().into()], out.path(), &[flag, "no-such.yml"]);
        assert!(ran.status == 2 && ran.err.contains("no-such.yml"), "{}", ran.err);
    }
}
