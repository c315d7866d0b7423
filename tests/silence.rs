//! Silences from logs to findings: told once, by whatever runs the logs came in, and withdrawn by
//! late events.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use common::{json_lines, logs, scan};
use serde_json::{Value, json};

/// A read of a bucket in each hour of a day of March 2026.
fn hours(bucket: &str, day: i64) -> Vec<Value> {
    let read = |hour: i64| {
        let mut event = logs::read("alice", day, &format!("{bucket}-{day}-{hour}"));
        let date = event["eventTime"].as_str().unwrap()[..10].to_owned();
        event["eventTime"] = json!(format!("{date}T{hour:02}:20:00Z"));
        event["awsRegion"] = json!("eu-west-1");
        event["requestParameters"]["bucketName"] = json!(bucket);
        event
    };
    (0..24).map(read).collect()
}

/// The file of a day, of the buckets that are used on it.
fn file(folder: &Path, name: &str, day: i64, buckets: &[&str]) -> PathBuf {
    let records: Vec<Value> = buckets.iter().flat_map(|bucket| hours(bucket, day)).collect();
    let path = folder.join(format!("{name}-{day}.json"));
    std::fs::write(&path, json!({ "Records": records }).to_string()).unwrap();
    path
}

/// `web` goes on; `payroll` ends with the 20th day, and `media` pauses from the 30th to the 32nd.
fn days(folder: &Path, days: RangeInclusive<i64>) -> Vec<PathBuf> {
    let used = |day: i64| {
        let mut buckets = vec!["web"];
        buckets.extend((day <= 20).then_some("payroll"));
        buckets.extend((!(30..=32).contains(&day)).then_some("media"));
        buckets
    };
    days.map(|day| file(folder, "day", day, &used(day))).collect()
}

/// What is said of silences: (status, everything but the revision).
fn silences(folder: &Path, inputs: &[PathBuf], state: &str) -> Vec<(String, Value)> {
    let (state, out) = (folder.join(state), folder.join(format!("{state}-out")));
    let state = state.to_str().unwrap();
    let ran = scan(inputs, &out, &["--state", state, "--format", "jsonl", "--emit", "all"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let lines = json_lines(&std::fs::read(out.join("findings_current.jsonl")).unwrap());
    let is_silence = |line: &Value| line["detector_id"].as_str().unwrap().ends_with("_silent");
    let mut found: Vec<(String, Value)> = lines
        .into_iter()
        .filter(is_silence)
        .map(|mut line| {
            let fields = line.as_object_mut().unwrap();
            fields.remove("revision");
            let status = fields.remove("status").unwrap();
            (status.as_str().unwrap().to_owned(), line)
        })
        .collect();
    found.sort_by_key(|(_, line)| line["day"].as_str().map(str::to_owned));
    found
}

#[test]
fn a_silence_is_told_once_whatever_the_runs_that_the_logs_came_in() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let all = days(folder, 1..=50);
    let whole = silences(folder, &all, "one");
    let said: Vec<[&str; 4]> = whole
        .iter()
        .map(|(_, line)| {
            ["day", "detector_id", "last_seen", "observed"].map(|key| line[key].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        said,
        [
            [
                "2026-03-21",
                "data_events_silent",
                "2026-03-20T23:20:00.000000Z",
                "no event in 20 hours, nor in the day after"
            ],
            [
                "2026-03-30",
                "data_events_silent",
                "2026-03-29T23:20:00.000000Z",
                "no event in 20 hours, nor in the day after"
            ],
        ]
    );
    assert_eq!(whole[0].1["evidence"][0]["event_id"], "payroll-20-0");
    assert_eq!(whole[0].1["principal"], Value::Null);
    for (name, cuts) in
        [("few", &[21, 31, 50][..]), ("many", &[12, 20, 22, 29, 30, 33, 34, 48, 50])]
    {
        let (mut from, mut found) = (0, Vec::new());
        for cut in cuts {
            found = silences(folder, &all[from..*cut], name);
            from = *cut;
        }
        assert_eq!(found, whole, "{name}");
    }
}

#[test]
fn the_end_of_the_logs_is_no_silence_and_late_events_withdraw_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut inputs = days(folder, 1..=20);
    assert_eq!(silences(folder, &inputs, "state"), []);
    inputs.extend(days(folder, 21..=22));
    let found = silences(folder, &inputs, "state");
    assert_eq!(found.iter().map(|(status, _)| status.as_str()).collect::<Vec<_>>(), ["active"]);
    inputs.push(file(folder, "late", 21, &["payroll"]));
    let found = silences(folder, &inputs, "state");
    let said: Vec<(&str, &str)> = found
        .iter()
        .map(|(status, line)| (status.as_str(), line["day"].as_str().unwrap()))
        .collect();
    assert_eq!(said, [("withdrawn", "2026-03-21"), ("active", "2026-03-22")]);
}
