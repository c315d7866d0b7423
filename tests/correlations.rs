//! Sigma's correlations from YAML to findings: every type, aliases, chains, `generate`, and what is
//! refused.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;
#[path = "correlations/faults.rs"]
mod faults;

use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use common::{run_json, scan, table, trailsift};
use serde_json::{Value, json};

/// Plain rules that the correlations refer to.
const RULES: &str = r"
title: read
name: read
id: 5a1d2a5e-7a5c-4b0e-9d5c-7d5d4c3b2a10
logsource: {product: aws, service: cloudtrail}
detection: {selection: {eventName: GetObject}, condition: selection}
---
title: list
name: list
logsource: {product: aws, service: cloudtrail}
detection: {selection: {eventName: ListObjects}, condition: selection}
---
title: delete
name: delete
logsource: {product: aws, service: cloudtrail}
detection: {selection: {eventName: DeleteObject}, condition: selection}
---
title: assume
name: assume
logsource: {product: aws, service: cloudtrail}
detection: {selection: {eventName: AssumeRole}, condition: selection}
";

/// A correlation `found` of these keys.
fn correlation(keys: &str) -> String {
    let keys = keys.trim().replace('\n', "\n  ");
    format!("title: Found\nname: found\nlevel: medium\ncorrelation:\n  {keys}\n")
}

/// An event at `minute`:`second` after ten by `user`.
fn event(name: &str, user: &str, time: (usize, usize)) -> Value {
    static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333",
            "arn": format!("arn:aws:iam::111122223333:user/{user}")},
        "eventTime": format!("2026-03-04T10:{:02}:{:02}Z", time.0, time.1),
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7",
        "requestParameters": {"bucketName": "payroll", "key": "k"},
        "eventID": format!("id-{number}"),
        "eventType": "AwsApiCall",
        "eventCategory": "Data",
        "recipientAccountId": "111122223333",
    })
}

fn with(mut event: Value, path: &str, value: Value) -> Value {
    *event.pointer_mut(path).unwrap() = value;
    event
}

fn sized(size: Value, second: usize) -> Value {
    let mut event = event("GetObject", "eve", (0, second));
    event["requestParameters"]["size"] = size;
    event
}

/// A finding, as far as these tests look at it.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    detector: String,
    principal: String,
    events: i64,
    observed: String,
    expected: String,
    description: String,
}

/// A run of our rules over some records.
struct Outcome {
    folder: tempfile::TempDir,
    found: Vec<Found>,
    diagnostics: Vec<Value>,
}

fn findings(out: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    for batch in table(&out.join("findings.parquet")) {
        let text = |name: &str, row: usize| {
            let column = batch.column_by_name(name).unwrap().as_string::<i32>();
            if column.is_null(row) { String::new() } else { column.value(row).to_owned() }
        };
        let events = batch.column_by_name("event_count").unwrap();
        let events = events.as_primitive::<arrow::datatypes::Int64Type>();
        found.extend((0..batch.num_rows()).map(|row| Found {
            detector: text("detector_id", row),
            principal: text("principal", row),
            events: events.value(row),
            observed: text("observed", row),
            expected: text("expected", row),
            description: text("description", row),
        }));
    }
    // Those of the shipped detectors are not ours.
    let names = ["found", "read", "list", "delete", "assume", "inner", "outer", "whole"];
    found.retain(|finding| names.contains(&finding.detector.as_str()));
    found.sort_by_key(|finding| (finding.detector.clone(), finding.principal.clone()));
    found
}

fn write(path: &Path, records: &[Value]) -> PathBuf {
    std::fs::write(path, json!({ "Records": records }).to_string()).unwrap();
    path.to_path_buf()
}

/// Runs the rules over the records; and again split in two, in reversed order and merged, which
/// must not change a byte.
fn run(rules: &str, records: &[Value]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("rules")).unwrap();
    std::fs::write(at("rules/a_base.yml"), RULES).unwrap();
    std::fs::write(at("rules/b_found.yml"), rules).unwrap();
    let detectors = at("rules").display().to_string();
    let ran = scan(&[write(&at("log.json"), records)], &at("out"), &["--detectors", &detectors]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);

    let (odd, even): (Vec<_>, Vec<_>) =
        records.iter().rev().cloned().enumerate().partition(|(n, _)| n % 2 == 1);
    let mut parts = Vec::new();
    for (name, half) in [("odd", odd), ("even", even)] {
        let half: Vec<Value> = half.into_iter().map(|(_, record)| record).collect();
        let log = write(&at(&format!("{name}.json")), &half);
        let part = at(&format!("part-{name}"));
        let ran = common::partial(&[log], &part, &["--detectors", &detectors]);
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
        parts.push(part);
    }
    let mut arguments: Vec<std::ffi::OsString> = vec!["merge".into()];
    arguments.extend(parts.into_iter().map(Into::into));
    arguments.extend(["--out".into(), at("merged").into()]);
    arguments.extend(["--detectors".into(), detectors.into()]);
    let ran = trailsift(arguments);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let found = findings(&at("out"));
    assert_eq!(found, findings(&at("merged")), "split and merged");
    let diagnostics = run_json(&at("out"))["diagnostics"].as_array().unwrap().clone();
    Outcome { folder, found, diagnostics }
}

/// What the only finding observed and expected.
fn only(rules: &str, records: &[Value]) -> (String, String) {
    let outcome = run(rules, records);
    assert!(outcome.diagnostics.is_empty(), "{:?}", outcome.diagnostics);
    match outcome.found.as_slice() {
        [found] => (found.observed.clone(), found.expected.clone()),
        other => panic!("{other:#?}"),
    }
}

fn nothing(rules: &str, records: &[Value]) {
    let outcome = run(rules, records);
    assert!(outcome.diagnostics.is_empty(), "{:?}", outcome.diagnostics);
    assert!(outcome.found.is_empty(), "{:#?}", outcome.found);
}

fn reads(count: usize) -> Vec<Value> {
    (0..count).map(|n| event("GetObject", "eve", (0, n))).collect()
}

#[test]
fn event_count_takes_ranges_and_ids() {
    let rules = correlation(
        "type: event_count\nrules: [5a1d2a5e-7a5c-4b0e-9d5c-7d5d4c3b2a10]\ngroup-by: [principal]\n\
         timespan: 10m\ncondition: {gte: 5, lt: 8, neq: 6}",
    );
    nothing(&rules, &reads(4));
    assert_eq!(only(&rules, &reads(5)).0, "5 in 10m");
    assert_eq!(only(&rules, &reads(20)).0, "7 in 10m");
}

#[test]
fn value_count_counts_distinct_values_and_their_combinations() {
    let records: Vec<Value> = (0..6)
        .map(|n| {
            let read = event("GetObject", "eve", (0, n));
            with(read, "/sourceIPAddress", json!(format!("192.0.2.{}", n % 3)))
        })
        .collect();
    let rules = |field: &str, least: u32| {
        correlation(&format!(
            "type: value_count\nrules: [read]\ngroup-by: [principal]\ntimespan: 1h\n\
             condition: {{field: {field}, gte: {least}}}"
        ))
    };
    let (observed, expected) = only(&rules("sourceIPAddress", 3), &records);
    assert_eq!(observed, "3 distinct values of sourceIPAddress in 1h");
    assert_eq!(expected, "under 3 in 1h");
    nothing(&rules("sourceIPAddress", 4), &records);
    nothing(&rules("requestParameters.notThere", 1), &records);
    let (observed, _) = only(&rules("[sourceIPAddress, eventID]", 6), &records);
    assert_eq!(observed, "6 distinct values of sourceIPAddress, eventID in 1h");
    let outcome = run(&rules("sourceIPAddress", 3), &records);
    assert_eq!(
        outcome.found[0].description,
        "arn:aws:iam::111122223333:user/eve: 3 distinct values of sourceIPAddress in 1h, expected \
         under 3 in 1h; 6 events (6 succeeded, 0 failed)"
    );
}

#[test]
fn sums_means_and_percentiles_read_numbers_of_every_form() {
    let sizes = [json!(1), json!("2.5"), json!("1e2"), json!("big"), json!(0.5)];
    let records: Vec<Value> =
        sizes.into_iter().enumerate().map(|(n, size)| sized(size, n)).collect();
    let rules = |kind: &str, condition: &str| {
        correlation(&format!(
            "type: {kind}\nrules: [read]\ngroup-by: [principal]\ntimespan: 1h\n\
             condition: {{field: requestParameters.size, {condition}}}"
        ))
    };
    let observed = |kind: &str, condition: &str| only(&rules(kind, condition), &records).0;
    let field = "of requestParameters.size in 1h, 1 value is no number";
    assert_eq!(observed("value_sum", "gte: 103.5, lt: 200"), format!("a sum of 104 {field}"));
    nothing(&rules("value_sum", "gt: 104"), &records);
    assert_eq!(observed("value_avg", "lt: 26.5, gt: 25.9"), format!("a mean of 26 {field}"));
    assert_eq!(observed("value_median", "eq: 1"), format!("a median of 1 {field}"));
    assert_eq!(
        observed("value_percentile", "percentile: 99.5, gte: 100"),
        format!("a percentile 99.5 of 100 {field}")
    );
    // Fractions are found behind letters of any width.
    let wide = format!("# Größe, 大きさ\n{}", rules("value_sum", "gte: 103.75"));
    assert_eq!(only(&wide, &records).0, format!("a sum of 104 {field}"));
    nothing(&rules("value_sum", "gte: 104.25"), &records);
    nothing(&rules("value_percentile", "percentile: 50, gte: 100"), &records);
}

#[test]
fn sums_read_columns_of_trailsift() {
    let records: Vec<Value> = (0..3)
        .map(|n| {
            let mut read = event("GetObject", "eve", (0, n));
            read["additionalEventData"] = json!({"bytesTransferredOut": 2_000_000_000_000_000u64});
            read
        })
        .collect();
    let rules = correlation(
        "type: value_sum\nrules: [read]\ngroup-by: [principal]\ntimespan: 1h\n\
         condition: {field: bytes_out, gte: 5000000000000000}",
    );
    assert_eq!(only(&rules, &records).0, "a sum of 6000000000000000 of bytes_out in 1h");
}

fn temporal(kind: &str, condition: &str) -> String {
    correlation(&format!(
        "type: {kind}\nrules: [read, list, delete]\ngroup-by: [principal]\ntimespan: 5m\n{condition}"
    ))
}

fn steps(steps: &[(&str, usize)]) -> Vec<Value> {
    steps.iter().map(|(name, minute)| event(name, "eve", (*minute, 0))).collect()
}

#[test]
fn temporal_wants_all_rules_so_many_or_an_expression() {
    let all = steps(&[("DeleteObject", 0), ("GetObject", 2), ("ListObjects", 5)]);
    let rules = temporal("temporal", "");
    let (observed, expected) = only(&rules, &all);
    assert_eq!(observed, "3 of 3 rules in 5m");
    assert_eq!(expected, "not all of read, list, delete in 5m");
    nothing(&rules, &steps(&[("DeleteObject", 0), ("GetObject", 2), ("ListObjects", 6)]));
    nothing(&rules, &all[..2]);
    let two = temporal("temporal", "condition: {gte: 2}");
    assert_eq!(only(&two, &all[..2]).0, "2 of 3 rules in 5m");
    nothing(&two, &all[..1]);
    // One rule is not all of them, though the parser takes both conditions for the same.
    assert_eq!(
        only(&temporal("temporal", "condition: {gte: 1}"), &all[..1]).0,
        "1 of 3 rules in 5m"
    );
    let either = temporal("temporal", "condition: delete and (read or list)");
    assert_eq!(only(&either, &all[..2]).1, "not `delete and (read or list)` in 5m");
    nothing(&either, &all[1..]);
    let without = temporal("temporal", "condition: read and not delete");
    assert_eq!(only(&without, &all[1..]).0, "2 of 3 rules in 5m");
    nothing(&without, &all[..2]);
}

#[test]
fn temporal_ordered_wants_the_order_of_the_list() {
    let rules = temporal("temporal_ordered", "");
    let order = steps(&[("GetObject", 0), ("ListObjects", 2), ("DeleteObject", 5)]);
    assert_eq!(only(&rules, &order).0, "3 of 3 rules in order in 5m");
    nothing(&rules, &steps(&[("ListObjects", 0), ("GetObject", 2), ("DeleteObject", 5)]));
    nothing(&rules, &steps(&[("GetObject", 0), ("ListObjects", 2), ("DeleteObject", 6)]));
    // Of one second, in whatever order.
    let at_once = steps(&[("DeleteObject", 1), ("ListObjects", 1), ("GetObject", 1)]);
    assert_eq!(only(&rules, &at_once).0, "3 of 3 rules in order in 5m");
    let two = temporal("temporal_ordered", "condition: {gte: 2}");
    let apart = steps(&[("ListObjects", 0), ("GetObject", 2), ("DeleteObject", 5)]);
    assert_eq!(only(&two, &apart).0, "2 of 3 rules in order in 5m");
    nothing(&two, &steps(&[("DeleteObject", 0), ("ListObjects", 1), ("GetObject", 2)]));
    let expression = temporal("temporal_ordered", "condition: read and delete and not list");
    assert_eq!(only(&expression, &steps(&[("GetObject", 0), ("DeleteObject", 1)])).0, {
        "2 of 3 rules in order in 5m"
    });
    nothing(&expression, &steps(&[("DeleteObject", 0), ("GetObject", 1)]));
}

#[test]
fn aliases_name_another_field_in_each_rule() {
    let role = "arn:aws:iam::111122223333:role/ops";
    let mut assume = event("AssumeRole", "eve", (0, 0));
    assume["requestParameters"] = json!({"roleArn": role});
    let mut used = event("DeleteObject", "eve", (1, 0));
    used["userIdentity"] = json!({"type": "AssumedRole", "arn": role, "accountId": "111122223333"});
    let rules = correlation(
        "aliases:\n  role:\n    assume: requestParameters.roleArn\n    delete: principal_arn\n\
         type: temporal\nrules: [assume, delete]\ngroup-by: [role]\ntimespan: 5m",
    );
    assert_eq!(only(&rules, &[assume.clone(), used.clone()]).0, "2 of 2 rules in 5m");
    let other = with(used, "/userIdentity/arn", json!("arn:aws:iam::111122223333:role/dev"));
    nothing(&rules, &[assume, other]);
}

#[test]
fn a_name_stands_for_the_rule_of_its_own_file() {
    let own = "title: Mine\nname: read\nlogsource: {product: aws, service: cloudtrail}\n\
               detection: {selection: {eventName: ListObjects}, condition: selection}\n---\n";
    let counted = correlation(
        "type: event_count\nrules: [read]\ngroup-by: [principal]\ntimespan: 5m\ncondition: {gte: 2}",
    );
    let rules = format!("{own}{counted}");
    // Rules of the other file that nothing refers to are detectors too.
    let found = |records: &[Value]| -> Vec<String> {
        let found =
            run(&rules, records).found.into_iter().filter(|found| found.detector == "found");
        found.map(|found| found.observed).collect()
    };
    assert_eq!(found(&reads(3)), Vec::<String>::new());
    assert_eq!(found(&steps(&[("ListObjects", 0), ("ListObjects", 1)])), ["2 in 5m"]);
}

#[test]
fn what_is_referred_to_is_silent_unless_a_correlation_generates() {
    let rules = |generate: &str, second: &str| {
        let found = correlation(
            "type: event_count\nrules: [read]\ngroup-by: [principal]\ntimespan: 10m\n\
             condition: {gte: 3}",
        );
        format!("{found}{generate}\n{second}")
    };
    let detectors = |rules: &str| -> Vec<String> {
        run(rules, &reads(3)).found.into_iter().map(|found| found.detector).collect()
    };
    assert_eq!(detectors(&rules("", "")), ["found"]);
    assert_eq!(detectors(&rules("generate: true", "")), ["found", "read"]);
    let outer = "---\ntitle: Outer\nname: outer\ncorrelation: {type: event_count, rules: [read], \
                 group-by: [principal], timespan: 1m, condition: {gte: 2}}";
    assert_eq!(detectors(&rules("", outer)), ["found", "outer"]);
    assert_eq!(detectors(&rules("generate: true", outer)), ["found", "outer", "read"]);
}

/// `inner`: three reads in a minute. `outer`: that, and a deletion within ten minutes.
const CHAIN: &str = "
title: Outer
name: outer
level: high
correlation:
  type: temporal
  rules: [inner, delete]
  group-by: [principal]
  timespan: 10m
---
title: Inner
name: inner
correlation:
  type: event_count
  rules: [read]
  group-by: [principal, bucket]
  timespan: 1m
  condition: {gte: 3}
";

#[test]
fn a_correlation_of_a_correlation_waits_for_its_signals() {
    let mut records = reads(3);
    nothing(CHAIN, &records);
    records.push(event("DeleteObject", "mallory", (5, 0)));
    nothing(CHAIN, &records);
    records.push(event("DeleteObject", "eve", (5, 0)));
    let outcome = run(CHAIN, &records);
    assert!(outcome.diagnostics.is_empty(), "{:?}", outcome.diagnostics);
    let [found] = outcome.found.as_slice() else { panic!("{:#?}", outcome.found) };
    assert_eq!((found.detector.as_str(), found.events), ("outer", 2));
    assert!(found.principal.ends_with("user/eve"));
    assert_eq!(found.observed, "2 of 2 rules in 10m");
    nothing(CHAIN, &[&reads(3)[..], &[event("DeleteObject", "eve", (20, 0))]].concat());
    let generating = CHAIN.replace("level: high", "generate: true");
    let detectors: Vec<String> =
        run(&generating, &records).found.into_iter().map(|found| found.detector).collect();
    assert_eq!(detectors, ["delete", "delete", "inner", "outer"]);
}

#[test]
fn a_chain_may_have_several_links_and_counts_episodes() {
    let whole = "---\ntitle: Whole\nname: whole\ncorrelation: {type: event_count, \
                 rules: [outer], group-by: [principal], timespan: 1h, condition: {gte: 2}}";
    let rules = format!("{CHAIN}{whole}");
    let episode = |minute: usize| {
        let reads = (0..4).map(|n| event("GetObject", "eve", (minute, n)));
        let delete = std::iter::once(event("DeleteObject", "eve", (minute + 1, 0)));
        reads.chain(delete).collect::<Vec<_>>()
    };
    nothing(&rules, &episode(0));
    let outcome = run(&rules, &[episode(0), episode(40)].concat());
    let [found] = outcome.found.as_slice() else { panic!("{:#?}", outcome.found) };
    assert_eq!((found.detector.as_str(), found.observed.as_str()), ("whole", "2 in 1h"));
}

#[test]
fn a_missing_group_by_is_one_group_with_a_warning() {
    let rules = correlation("type: event_count\nrules: [read]\ntimespan: 10m\ncondition: {gte: 4}");
    let mut records = reads(3);
    records.push(event("GetObject", "bob", (1, 0)));
    let outcome = run(&rules, &records);
    assert_eq!(outcome.found.len(), 1, "{:#?}", outcome.found);
    let [warning] = outcome.diagnostics.as_slice() else { panic!("{:?}", outcome.diagnostics) };
    assert_eq!((&warning["code"], &warning["severity"]), (&json!("group_by"), &json!("warning")));
    assert!(
        run_json(&outcome.folder.path().join("out"))["detectors"]
            .as_array()
            .unwrap()
            .contains(&json!("found"))
    );
}

#[test]
fn signals_of_an_earlier_run_wait_in_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("rules")).unwrap();
    let sums = correlation(
        "type: value_sum\nrules: [read]\ngroup-by: [principal]\ntimespan: 1h\n\
         condition: {field: requestParameters.size, gte: 10}",
    );
    std::fs::write(at("rules/rules.yml"), format!("{RULES}---{CHAIN}---\n{sums}")).unwrap();
    let (detectors, state) = (at("rules").display().to_string(), at("state").display().to_string());
    let early: Vec<Value> = (0..3).map(|n| sized(json!(3), n)).collect();
    let late = [event("DeleteObject", "eve", (5, 0)), sized(json!("2.5"), 50)];
    for (name, records) in [("early", &early[..]), ("late", &late[..])] {
        let log = write(&at(&format!("{name}.json")), records);
        let more = ["--detectors", &detectors, "--state", &state];
        let ran = scan(&[log], &at("out"), &more);
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    }
    std::fs::rename(at("out/findings_current.parquet"), at("out/findings.parquet")).unwrap();
    let found = findings(&at("out"));
    let log = write(&at("all.json"), &[&early[..], &late[..]].concat());
    let ran = scan(&[log], &at("whole"), &["--detectors", &detectors]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    assert_eq!(found, findings(&at("whole")));
    let observed: Vec<_> = found.iter().map(|f| f.observed.as_str()).collect();
    assert_eq!(observed, ["a sum of 11.5 of requestParameters.size in 1h", "2 of 2 rules in 10m"]);
}
