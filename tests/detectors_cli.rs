//! `trailsift detectors`: list, show, check, test.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::path::Path;

use common::{Ran, scan, trailsift};
use serde_json::Value;
use tempfile::TempDir;

const GOOD: &str = "\
title: Bucket deleted
name: our_bucket_deleted
status: stable
level: low
tags: [attack.impact, attack.t1485]
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventSource: s3.amazonaws.com, eventName: DeleteBucket}
  condition: selection
";

const PAGE: &str = "\
# Bucket deleted

## Cases
### one call
| eventTime | eventName |
|---|---|
| 2026-03-04T10:00:00Z | DeleteBucket |

| severity | event_count |
|---|---|
| 3.0 | 1 |

### another call
| eventTime | eventName |
|---|---|
| 2026-03-04T10:00:00Z | CreateBucket |

No findings
";

/// A folder with files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn detectors(action: &str, folder: &Path, more: &[&str]) -> Ran {
    let folder = folder.to_str().unwrap();
    let arguments = match action {
        "list" => vec!["detectors", "list", "--detectors", folder],
        _ => vec!["detectors", action, folder],
    };
    trailsift(arguments.into_iter().chain(more.iter().copied()))
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn the_list_names_every_detector_and_whose_it_is() {
    let own = folder(&[("our_bucket_deleted.yml", GOOD)]);
    let ran = detectors("list", own.path(), &["--json"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let list = json(&ran);
    let entry = |id: &str| {
        let all = list["detectors"].as_array().unwrap();
        all.iter().find(|entry| entry["id"] == id).cloned().unwrap()
    };
    let (shipped, own_entry) = (entry("mass_object_delete"), entry("our_bucket_deleted"));
    assert_eq!(shipped["source"], "shipped");
    assert_eq!(shipped["judge"], "event_count");
    assert_eq!(shipped["numbers"]["condition"], "gte 50");
    assert_eq!(own_entry["source"], "file");
    assert_eq!(own_entry["severity"], 3.0);
    assert_eq!(own_entry["techniques"][0], "T1485");
    let table = detectors("list", own.path(), &[]);
    let line = table.out.lines().find(|line| line.starts_with("our_bucket_deleted")).unwrap();
    for word in ["3.0 low", "match", "T1485", "file", "Bucket deleted"] {
        assert!(line.contains(word), "{line}");
    }
}

#[test]
fn a_detector_is_shown_with_its_numbers_and_its_page() {
    let ran = trailsift(["detectors", "show", "mass_object_delete"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    for words in [
        "mass_object_delete: Many S3 objects deleted",
        "timespan            1h",
        "ATT&CK              impact: T1485",
        "shipped: deletion/mass_object_delete.yml",
        "FALSE POSITIVES",
    ] {
        let shown = strip(&ran.out);
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    let unknown = trailsift(["detectors", "show", "mass_object_delet"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.err.contains("did you mean `mass_object_delete`?"), "{}", unknown.err);
}

/// What is wrong with a rule: its YAML, then severity, line, column, code, and words of message or
/// help.
const FAULTS: &[(&str, &str, u64, u64, &str, &str)] = &[
    ("title: t\ndetection: [", "error", 3, 1, "yaml", ""),
    ("selection: {eventName|frob: x}", "error", 4, 15, "modifier", "frob"),
    (
        "selection: {eventName: x}\n  condition: selection and other",
        "error",
        5,
        14,
        "selection",
        "other",
    ),
    ("selection: {eventName: x, eventName: y}", "error", 4, 15, "sigma", "duplicate"),
    ("selection: {a..b: x}", "error", 4, 15, "selection", "a..b"),
    ("selection: {eventName: x}\ntrailsift: {judge: guess}", "error", 5, 20, "judge", "guess"),
    (
        "selection: {eventName: x}\ntrailsift: {severty: 3.0}",
        "error",
        5,
        13,
        "unknown_key",
        "severty",
    ),
    (
        "selection: {eventName: x}\ntrailsift: {description: 'by {whom}'}",
        "error",
        5,
        26,
        "placeholder",
        "{whom}",
    ),
    (
        "selection: {eventName: PutPublicAccessBlock}",
        "warning",
        4,
        26,
        "event_name",
        "`PutBucketPublicAccessBlock`",
    ),
    ("selection: {eventName: ListAllMyBuckets}", "warning", 4, 26, "event_name", "`ListBuckets`"),
    (
        "selection: {eventSource: s3.amazon.com}",
        "warning",
        4,
        28,
        "event_source",
        "`s3.amazonaws.com`",
    ),
    (
        "selection: {userIdentity.sessionIssuer.arn: x}",
        "warning",
        4,
        15,
        "unknown_field",
        "`userIdentity.sessionContext.sessionIssuer.arn`",
    ),
    ("selection: {eventname|contains: x}", "warning", 4, 15, "unknown_field", "`eventName`"),
    (
        "selection: {eventName: x}\ntrailsift: {group_by: [principle]}",
        "warning",
        5,
        24,
        "unknown_field",
        "`principal`",
    ),
];

/// A rule file around a selection; conditions are added where there are none.
fn rule(part: &str) -> String {
    if part.starts_with("title") {
        return part.to_owned();
    }
    let (selection, rest) = part.split_once('\n').unwrap_or((part, ""));
    let condition = if rest.contains("condition") { "" } else { "  condition: selection\n" };
    let (section, condition) = match rest.strip_prefix("trailsift") {
        Some(section) => (format!("trailsift{section}\n"), condition.to_owned()),
        None => (
            String::new(),
            if rest.is_empty() { condition.to_owned() } else { format!("{rest}\n") },
        ),
    };
    // The section stands at line 5: after title, log source, `detection` and the selection.
    let head = "title: t\nlogsource: {product: aws, service: cloudtrail}\n";
    if section.is_empty() {
        return format!("{head}detection:\n  {selection}\n{condition}");
    }
    format!("{head}detection: {{{selection}, condition: selection}}\nlevel: low\n{section}")
}

#[test]
fn every_fault_has_its_place_its_code_and_a_fix() {
    let mut wrong = Vec::new();
    for (part, severity, line, column, code, words) in FAULTS {
        let own = folder(&[("own.yml", &rule(part))]);
        let ran = detectors("check", own.path(), &["--json"]);
        let found = json(&ran);
        let diagnostics = found["diagnostics"].as_array().unwrap();
        let is_it = |bad: &&Value| {
            bad["code"] == *code
                && bad["severity"] == *severity
                && (bad["line"].as_u64(), bad["column"].as_u64()) == (Some(*line), Some(*column))
                && format!("{} {}", bad["message"], bad["help"]).contains(words)
        };
        let place = format!("own.yml:{line}:{column}: {severity}[{code}]");
        let shown = strip(&detectors("check", own.path(), &[]).out);
        if !diagnostics.iter().any(|bad| is_it(&bad))
            || ran.status != u8::from(*severity == "error")
            || !shown.contains(&place)
        {
            wrong.push(format!("{part}: not {place} {words}, but\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Without the terminal's styles.
fn strip(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn missing_cases_of_ones_own_are_a_warning_and_broken_ones_an_error() {
    let without = folder(&[("our_bucket_deleted.yml", GOOD)]);
    let ran = detectors("check", without.path(), &["--json"]);
    assert_eq!((ran.status, &json(&ran)["diagnostics"][0]["code"]), (0, &"cases".into()));
    let good = folder(&[("our_bucket_deleted.yml", GOOD), ("our_bucket_deleted.md", PAGE)]);
    let ran = detectors("check", good.path(), &["--json"]);
    assert_eq!((ran.status, json(&ran)["warnings"].as_u64()), (0, Some(0)), "{}", ran.out);
    let page = PAGE.replace("No findings", "nothing");
    let broken = folder(&[("our_bucket_deleted.yml", GOOD), ("our_bucket_deleted.md", &page)]);
    let ran = detectors("check", broken.path(), &["--json"]);
    let fault = &json(&ran)["diagnostics"][0];
    assert_eq!((ran.status, fault["line"].as_u64()), (1, Some(13)), "{fault}");
}

#[test]
fn the_shipped_detectors_are_beyond_doubt() {
    let ran = trailsift(["detectors", "check", "--json"]);
    assert_eq!(ran.status, 0);
    assert_eq!(json(&ran)["diagnostics"], Value::Array(Vec::new()));
    // A working copy of them stands for them.
    let copy = trailsift(["detectors", "check", "detectors", "--json"]);
    assert_eq!(json(&copy)["diagnostics"], Value::Array(Vec::new()));
}

#[test]
fn cases_are_run_and_differences_shown() {
    let good = folder(&[("our_bucket_deleted.yml", GOOD), ("our_bucket_deleted.md", PAGE)]);
    let ran = detectors("test", good.path(), &["--json"]);
    let test = json(&ran)["detectors"][0].clone();
    assert_eq!((ran.status, test["cases"].as_u64()), (0, Some(2)), "{test}");
    let page = PAGE.replace("| 3.0 | 1 |", "| 5.0 | 1 |");
    let bad = folder(&[("our_bucket_deleted.yml", GOOD), ("our_bucket_deleted.md", &page)]);
    let ran = detectors("test", bad.path(), &[]);
    assert_eq!(ran.status, 1);
    for words in [
        "case `one call`, reversed",
        "- severity: 5.0 | event_count: 1",
        "+ severity: 3.0 | event_count: 1",
    ] {
        assert!(ran.out.contains(words), "{words}:\n{}", ran.out);
    }
    let ran = detectors("test", bad.path(), &["--json"]);
    let failures = json(&ran)["detectors"][0]["failures"].clone();
    assert_eq!(failures.as_array().unwrap().len(), 3, "{failures}");
    assert_eq!(failures[0]["found"][0]["severity"], "3.0");
    let refused = folder(&[("own.yml", &rule("selection: {eventName|frob: x}"))]);
    let ran = detectors("test", refused.path(), &[]);
    assert!(ran.status == 1 && ran.out.contains("does not run"), "{}", ran.out);
}

#[test]
fn a_scan_names_refused_rules_and_runs_the_rest() {
    let bad = [("bad.yml", rule("selection: {eventName|frob: x}")), ("good.yml", GOOD.to_owned())];
    let files: Vec<(&str, &str)> = bad.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (own, out) = (folder(&files), tempfile::tempdir().unwrap());
    let more = ["--detectors", own.path().to_str().unwrap()];
    let ran = scan(&["sample-logs".into()], out.path(), &more);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let shown = strip(&ran.out);
    let line = shown.lines().find(|line| line.starts_with("not run")).unwrap();
    assert!(line.contains("bad.yml:4:15: modifier") && line.contains("frob"), "{line}");
    let run = common::run_json(out.path());
    assert_eq!(run["diagnostics"].as_array().unwrap().len(), 1);
    assert_eq!(run["diagnostics"][0]["severity"], "error");
    let ran_ids = run["detectors"].as_array().unwrap();
    assert!(ran_ids.contains(&"our_bucket_deleted".into()) && !ran_ids.contains(&"bad".into()));
}

#[test]
fn a_comparison_counts_what_is_gained_and_lost() {
    let folder = folder(&[
        ("tune.yml", "mass_object_delete: {threshold: 1000}\nacl_changed: {severity: 2.0}"),
        ("quiet.yml", "- {detector: mass_object_delete, reason: known}"),
    ]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let diff = |more: &[&str]| {
        let start = ["detectors", "diff", "shipped", "shipped", "sample-logs"];
        trailsift(start.iter().chain(more).copied())
    };
    let same = diff(&[]);
    assert!(same.status == 0 && same.out.contains("both find the same"), "{}", same.out);
    let ran = diff(&["--json", "--tune", &path("tune.yml")]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let found = json(&ran);
    let number = |path: &str| found.pointer(path).and_then(Value::as_u64).unwrap();
    let lost = number("/total/lost");
    assert!(lost > 0 && number("/total/gained") == 0 && number("/total/regraded") > 0);
    assert_eq!(number("/by_detector/mass_object_delete/lost"), lost);
    assert_eq!(number("/old/findings") - number("/new/findings"), lost);
    assert_eq!(found["lost"].as_array().unwrap().len() as u64, lost);
    let by_day = found["by_day"].as_object().unwrap().values();
    assert_eq!(by_day.map(|day| day["lost"].as_u64().unwrap()).sum::<u64>(), lost);
    let top = &found["by_detector"]["mass_object_delete"]["top"];
    assert!(top[0]["lost"].as_u64() >= top[1]["lost"].as_u64(), "{top}");
    let shown = strip(&diff(&["--tune", &path("tune.yml")]).out);
    for words in ["DETECTOR", "mass_object_delete, most at", "DAY", "lost\n"] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    let quiet =
        json(&diff(&["--json", "--tune", &path("tune.yml"), "--suppress", &path("quiet.yml")]));
    assert_eq!(quiet["total"]["lost"], 0, "{quiet:#}");
    let other = trailsift(["detectors", "diff", "shipped", &path("none"), "sample-logs"]);
    assert_eq!(other.status, 2, "{}", other.err);
}
