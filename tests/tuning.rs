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
use common::{Finding, Ran, findings, findings_in, run_json, scan, table, trailsift};
use serde_json::{Value, json};
use tempfile::TempDir;

/// One object deleted by a user.
fn deleted(user: &str, n: u32, time: &str, address: &str) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333",
            "arn": format!("arn:aws:iam::111122223333:user/{user}")},
        "eventTime": time,
        "eventSource": "s3.amazonaws.com",
        "eventName": "DeleteObject",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": address,
        "requestParameters": {"bucketName": "payroll", "key": format!("k{n}")},
        "eventID": format!("{user}-{time}"),
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "eventCategory": "Data",
    })
}

fn write(file: &Path, records: &[Value]) {
    std::fs::write(file, json!({ "Records": records }).to_string()).unwrap();
}

/// 60 deletes by each of the users within an hour, in one bucket; every third from an address of its
/// own.
fn logs(users: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut records: Vec<Value> = Vec::new();
    for user in users {
        for n in 0..60 {
            let address = if n % 3 == 0 { "198.51.100.7" } else { "203.0.113.9" };
            records.push(deleted(user, n, &format!("2026-03-04T10:{n:02}:00Z"), address));
        }
    }
    write(&folder.path().join("log.json"), &records);
    folder
}

/// Ten days on each of which somebody deletes 10 objects, once 12; then, in a file of its own, one
/// with 110, from elsewhere, by another program, in another bucket, at night.
fn days() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut before, mut burst) = (Vec::new(), Vec::new());
    for day in 1..11 {
        for n in 0..if day == 5 { 12 } else { 10 } {
            let time = format!("2026-03-{day:02}T10:{n:02}:00Z");
            before.push(deleted("alice", n, &time, "198.51.100.7"));
        }
    }
    for n in 0..110 {
        let time = format!("2026-03-11T23:{:02}:{:02}Z", n % 60, n / 60);
        let mut record = deleted("alice", n, &time, "203.0.113.9");
        record["userAgent"] = json!("rclone/v1.65");
        record["requestParameters"]["bucketName"] = json!("backups");
        burst.push(record);
    }
    write(&folder.path().join("before.json"), &before);
    write(&folder.path().join("burst.json"), &burst);
    folder
}

/// Detectors of the judges `spike` and `rare`.
const SPIKE: &str = "deletes_of_principal";
const RARE: &str = "unusual_delete";
/// One of `cusum`.
const SLOW: &str = "slow_exfiltration_of_objects";

/// The severities of a detector's findings.
fn severities(found: &[Finding], detector: &str) -> Vec<f64> {
    let of = found.iter().filter(|finding| finding.detector == detector);
    of.map(|finding| finding.severity).collect()
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
        ("{}", both(3.0)),
        ("mass_object_delete: {enabled: false}", vec![]),
        ("mass_object_delete: {threshold: 61}", vec![]),
        ("mass_object_delete: {threshold: {gte: 60}}", both(3.0)),
        ("mass_object_delete: {timespan: 10m}", vec![]),
        ("mass_object_delete: {severity: 9.2}", both(9.2)),
        ("mass_object_delete: {level: high}", both(7.5)),
        (
            "mass_object_delete: {exclude_events: {principal: '*/job'}}",
            vec![("alice".to_owned(), 3.0, 60)],
        ),
        (
            "mass_object_delete:\n  exclude_events:\n    job: {principal: '*/job'}\n    \
             far: {sourceIPAddress: 203.0.113.9}\n    condition: job and far\n  threshold: 20",
            vec![("alice".to_owned(), 3.0, 60), ("job".to_owned(), 3.0, 20)],
        ),
        // Of an episode that noise and an attacker share, the attacker's part stays.
        (
            "mass_object_delete: {threshold: 20, exclude_events: {sourceIPAddress: 203.0.113.9}}",
            vec![("alice".to_owned(), 3.0, 20), ("job".to_owned(), 3.0, 20)],
        ),
        ("mass_delete_denied: {enabled: false}", both(3.0)),
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

/// The severity of a detector's finding without any change.
fn usual(detector: &str) -> f64 {
    if detector == SPIKE { 4.0 } else { 3.0 }
}

/// Whether each change of a detector gives findings of these severities, and leaves the other alone.
fn each_finds(detector: &str, other: &str, cases: &[(&str, &[f64])]) {
    let days = days();
    for (change, expected) in cases {
        let text = format!("{detector}: {change}");
        let (ran, out) = run(&days, &[("--tune", &text)], &[]);
        assert_eq!(ran.status, 0, "{text}: {}", ran.err);
        let found = findings(out.path());
        assert_eq!(severities(&found, detector), *expected, "{text}");
        assert_eq!(severities(&found, other), [usual(other)], "{text}");
        assert_eq!(run_json(out.path())["diagnostics"], json!([]), "{text}");
    }
}

/// Before these days: up to 12 in 24 hours by the 0.99 quantile, 10 by the median. The detector fires
/// for at least 70 and more than 3.5 times that, more severely for more than 10 times.
#[test]
fn a_tuning_file_changes_from_what_on_it_is_a_spike_and_how_severe() {
    let cases: &[(&str, &[f64])] = &[
        ("{}", &[4.0]),
        ("{spike: {}}", &[4.0]),
        ("{spike: {at_least: 110}}", &[4.0]),
        ("{spike: {at_least: 111}}", &[]),
        ("{spike: {quantile: 0.5}}", &[7.0]),
        ("{spike: {quantile: 1}}", &[4.0]),
        ("{spike: {levels: [{factor: 3, severity: 6.5}]}}", &[6.5]),
        ("{spike: {levels: [{factor: 9.5, severity: 6.5}]}}", &[]),
        ("{spike: {levels: [{factor: 2, severity: 1}, {factor: 9, severity: 10}]}}", &[10.0]),
        ("{spike: {levels: [{factor: 2, severity: 2.5}, {factor: 10, severity: 9}]}}", &[2.5]),
        ("{spike: {quantile: 0.5, levels: [{factor: 10.5, severity: 8}]}}", &[8.0]),
        ("{spike: {quantile: 0.5, at_least: 200}}", &[]),
        ("{enabled: false, spike: {at_least: 1}}", &[]),
    ];
    each_finds(SPIKE, RARE, cases);
}

#[test]
fn a_tuning_file_changes_from_how_many_bits_on_it_is_rare_and_how_severe() {
    let cases: &[(&str, &[f64])] = &[
        ("{}", &[3.0]),
        ("{rare: {}}", &[3.0]),
        ("{rare: {levels: [{bits: 20, severity: 5.5}]}}", &[5.5]),
        ("{rare: {levels: [{bits: 2, severity: 2}, {bits: 20, severity: 8.5}]}}", &[8.5]),
        ("{rare: {levels: [{bits: 60, severity: 9}]}}", &[]),
        ("{rare: {levels: [{bits: 10.5, severity: 2}, {bits: 60, severity: 9}]}}", &[2.0]),
    ];
    each_finds(RARE, SPIKE, cases);
}

/// A tuning file, words of what is said of it, line and column.
type Misunderstood<'c> = (&'c str, &'c str, (u64, u64));

/// Whether a fault is told where it is, alone, and with its effect.
fn is_named((text, words, place): &Misunderstood<'_>, ran: &Ran, out: &Path) {
    assert_eq!(ran.status, 0, "{text}: {}", ran.err);
    let run = run_json(out);
    let faults = run["diagnostics"].as_array().unwrap();
    assert_eq!(faults.len(), 1, "{text}: {faults:?}");
    let fault = &faults[0];
    let at = (fault["line"].as_u64().unwrap(), fault["column"].as_u64().unwrap());
    assert_eq!((at, &fault["severity"]), (*place, &json!("warning")), "{text}: {fault}");
    let said = format!("{} {}", fault["message"].as_str().unwrap(), fault["help"]);
    assert!(said.contains(words) && said.contains("nothing is changed"), "{text}: {said}");
    assert!(ran.out.contains("nothing is changed by it"), "{}", ran.out);
}

#[test]
fn what_a_tuning_file_does_not_mean_is_named_and_not_half_done() {
    let logs = logs(&["alice"]);
    let cases: &[Misunderstood] = &[
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
    for case in cases {
        let (ran, out) = run(&logs, &[("--tune", case.0)], &[]);
        assert_eq!(deletions(out.path()).len(), 1, "{}", case.0);
        is_named(case, &ran, out.path());
    }
}

/// A detector, a change, words of what is said of it, column.
type Refused<'c> = (&'c str, &'c str, &'c str, u64);

fn none_changes_anything(cases: &[Refused]) {
    let days = days();
    for (detector, change, words, column) in cases {
        let text = format!("{detector}: {change}");
        let (ran, out) = run(&days, &[("--tune", &text)], &[]);
        is_named(&(&text, words, (1, *column)), &ran, out.path());
        let found = findings(out.path());
        assert_eq!([SPIKE, RARE].map(|id| severities(&found, id)), [[4.0], [3.0]], "{text}");
    }
}

#[test]
fn levels_that_a_detector_file_could_not_say_change_nothing() {
    let cases: &[Refused] = &[
        (SPIKE, "{spike: {quantile: 0}}", "at most 1", 42),
        (SPIKE, "{spike: {quantile: 99}}", "at most 1", 42),
        (SPIKE, "{spike: {quantile: .nan}}", "at most 1", 42),
        (SPIKE, "{spike: {quantile: high}}", "must be a number", 42),
        (SPIKE, "{spike: {at_least: -1}}", "whole number", 42),
        (SPIKE, "{spike: {at_least: 0.5}}", "whole number", 42),
        (SPIKE, "{spike: {total: objects}}", "known keys: quantile, at_least, levels", 32),
        (SPIKE, "{spike: 30}", "expected a mapping", 31),
        (SPIKE, "{spike: {levels: []}}", "from which `factor` on", 40),
        (SPIKE, "{spike: {levels: {factor: 3, severity: 4}}}", "list of mappings", 40),
        (SPIKE, "{spike: {levels: [{bits: 3, severity: 4}]}}", "known keys: factor, severity", 42),
        (SPIKE, "{spike: {levels: [{factor: 3}]}}", "pairs of `factor`", 50),
        (SPIKE, "{spike: {levels: [{severity: 4}]}}", "pairs of `factor`", 41),
        (SPIKE, "{spike: {levels: [{factor: 0, severity: 4}]}}", "above 0", 50),
        (SPIKE, "{spike: {levels: [{factor: 3, severity: 0.5}]}}", "1.0 and 10.0", 63),
        (SPIKE, "{spike: {levels: [{factor: 3, severity: 10.5}]}}", "1.0 and 10.0", 63),
        (
            SPIKE,
            "{spike: {at_least: 1, levels: [{factor: 3, severity: 4}, {factor: 3, severity: 5}]}}",
            "ascending",
            89,
        ),
        (RARE, "{rare: {levels: [{bits: 9, severity: 4}, {bits: 8, severity: 5}]}}", "ascend", 65),
        (RARE, "{rare: {levels: [{factor: 9, severity: 4}]}}", "known keys: bits, severity", 35),
        (RARE, "{rare: {at_least: 3}}", "known keys: levels", 25),
        (SLOW, "{cusum: {levels: [{factor: 1, severity: 4}]}}", "above 1", 48),
        (SLOW, "{cusum: {windows: [7]}}", "known keys: quantile, at_least, days, levels", 40),
    ];
    none_changes_anything(cases);
}

#[test]
fn a_number_that_the_detector_has_not_is_refused_with_those_that_it_has() {
    let cases: &[Refused] = &[
        (SPIKE, "{rare: {levels: [{bits: 9, severity: 4}]}}", "the judge `rare` alone", 1),
        (RARE, "{spike: {at_least: 3}}", "the judge `spike` alone", 1),
        ("mass_object_delete", "{spike: {at_least: 3}}", "the judge `spike` alone", 1),
        (
            SPIKE,
            "{severity: 6.0}",
            "`spike: {levels: [{factor: 3.5, severity: 4.0}, {factor: 10, severity: 7.0}]}`",
            1,
        ),
        (RARE, "{level: high}", "{bits: 26, severity: 4.0}, {bits: 40, severity: 7.0}]}`", 1),
        (SPIKE, "{spike: {at_least: 1}, severity: 6.0}", "of its levels", 1),
        (SPIKE, "{threshold: 50}", "`spike: {at_least: 70}`", 1),
        (RARE, "{threshold: 50}", "`rare: {levels: [{bits: 20, ", 1),
        (SPIKE, "{cusum: {days: 3}}", "the judge `cusum` alone", 1),
        (SLOW, "{threshold: 50}", "`cusum: {days: 6}`", 1),
        (SLOW, "{severity: 6.0}", "`cusum: {levels: [{factor: 2, severity: 3.0}, ", 1),
        (SPIKE, "{timespan: 2h}", "for correlations alone;", 1),
    ];
    none_changes_anything(cases);
}

#[test]
fn tuned_levels_keep_the_history_of_a_state() {
    let (days, folder) = (days(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let tune = "deletes_of_principal: {spike: {quantile: 0.5, at_least: 11}}\n\
                unusual_delete: {rare: {levels: [{bits: 2, severity: 8.5}]}}";
    std::fs::write(path("tune.yml"), tune).unwrap();
    let (state, out) = (path("state"), path("out"));
    let run = |log: &str, more: &[&str]| {
        let arguments = [&["--state", state.as_str()], more].concat();
        let ran = scan(&[days.path().join(log)], Path::new(&out), &arguments);
        assert_eq!(ran.status, 0, "{}", ran.err);
    };
    run("before.json", &[]);
    run("burst.json", &["--tune", &path("tune.yml")]);
    let found = findings_in(Path::new(&out), "findings_current.parquet");
    assert_eq!(severities(&found, SPIKE), [7.0]);
    assert_eq!(severities(&found, RARE), [8.5]);
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
        assert_eq!(run["findings"]["low"], visible, "{text}");
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
