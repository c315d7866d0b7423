//! Which records become events: copies, conflicts, odd values, and what is asked for.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use common::logs::{document, each, event, scan, text, trailsift, zip_of};
use common::run_json;
use serde_json::{Value, json};

#[test]
fn copies_count_once_and_conflicts_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    std::fs::create_dir_all(&input).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(input.join(name), bytes).unwrap();
    write("b.json", &document());
    write("a.jsonl", &each("\n", |event| event));
    write("c.zip", &zip_of(&[("b.json", &document())]));
    let mut other = event(0);
    other["sourceIPAddress"] = json!("198.51.100.7");
    let mut foreign = event(0);
    foreign["recipientAccountId"] = json!("444455556666");
    let old: Value = serde_json::from_str(
        r#"{"eventVersion":"1.0","eventTime":"2026-03-04T10:00:00Z","eventName":"x"}"#,
    )
    .unwrap();
    write("d.json", text(&json!([other, foreign, old, old])).as_bytes());
    let mut runs = Vec::new();
    for threads in ["1", "2", "8"] {
        let out = folder.path().join(threads);
        let ran = trailsift()
            .arg("scan")
            .arg(&input)
            .args(["--threads", threads, "--out"])
            .arg(&out)
            .output();
        assert!(ran.unwrap().status.success());
        let run = run_json(&out);
        assert_eq!(
            run["records"],
            json!({"seen": 40, "analysed": 16, "duplicates": 24,
            "filtered": 0, "rejected": 0, "too_late": 0, "own_reads": 0, "conflict": 1})
        );
        assert_eq!(run["conflicts"], json!([{"account": "111122223333", "event_id": "id-0"}]));
        let manifest = std::fs::read(out.join("manifest.parquet")).unwrap();
        let findings = std::fs::read(out.join("findings.parquet")).unwrap();
        runs.push((manifest, findings));
    }
    assert!(runs.iter().all(|run| *run == runs[0]));
}

#[test]
fn odd_values_are_data() {
    let folder = tempfile::tempdir().unwrap();
    let odd = [
        json!({"eventTime": 1_772_618_400}),
        json!({"eventTime": "2026-03-04T10:00:00.123456+00:00"}),
        json!({"requestParameters": "a text", "responseElements": ["a list"], "userIdentity": null}),
        json!({"sourceIPAddress": {"not": "a text"}, "readOnly": "maybe"}),
        json!({"additionalEventData": {"bytesTransferredOut": "5.24E2", "bytesTransferredIn": [1, 2]}}),
        json!({"userIdentity": {"type": "IAMUser", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}}),
        json!({"eventVersion": "9.99", "somethingNew": {"a": [1, {"b": null}]}}),
        json!({"eventType": "AwsVpceEvent"}),
    ];
    let mut records: Vec<String> = odd
        .iter()
        .enumerate()
        .map(|(number, changes)| {
            let mut record = event(number);
            for (key, value) in changes.as_object().unwrap() {
                record[key] = value.clone();
            }
            text(&record)
        })
        .collect();
    let base = text(&event(30));
    records.push(base.replace("\"id-30\"", "\"id-\\ud83d\""));
    records.push(
        base.replace(
            "\"id-30\"",
            "\"id-x\",\"eventID\":\"id-y\",\"n\":[18446744073709551616,1e400]",
        ),
    );
    records.push(r#"{"eventVersion":"1.0","eventType":"AwsAggregatedEvent","eventId":"g","accountId":"111122223333","timeWindow":{"windowStart":"2026-03-04 10:00:00"}}"#.to_owned());
    let (status, run) = scan(folder.path(), "a.jsonl", records.join("\n").as_bytes(), &[]);
    assert_eq!((status, &run["records"]["rejected"]), (0, &json!(0)), "{run}");
    assert_eq!(run["records"]["analysed"], json!(records.len()));
    let expected = json!({"requestParameters": 1, "responseElements": 1, "source_ip": 1,
        "read_only": 1, "bytes_in": 1});
    assert_eq!(run["odd_fields"], expected);
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn only_events_that_are_asked_for_are_analysed() {
    let folder = tempfile::tempdir().unwrap();
    let change = |number: usize, key: &str, value: Value| {
        let mut event = event(number);
        event[key] = value;
        event
    };
    let role = json!({"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/app/i-1",
        "accessKeyId": "ASIA1", "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/app"}}});
    let records = [
        event(0),
        change(1, "recipientAccountId", json!("444455556666")),
        change(2, "awsRegion", json!("us-east-1")),
        change(3, "requestParameters", json!({"bucketName": "other", "key": "k"})),
        change(4, "userIdentity", role),
        change(5, "sourceIPAddress", json!("198.51.100.7")),
        change(6, "eventName", json!("GetObject")),
        change(7, "sourceIPAddress", json!("cloudtrail.amazonaws.com")),
    ];
    let mapped = change(5, "sourceIPAddress", json!("::ffff:198.51.100.7"));
    let (_, run) =
        scan(folder.path(), "a.json", text(&mapped).as_bytes(), &["--ip", "198.51.100.0/24"]);
    assert_eq!(run["records"]["analysed"], json!(1));
    let member = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/04/a.json";
    let zip = zip_of(&[(member, &document())]);
    for (region, skipped) in [("eu-west-1", 0), ("us-east-1", 1)] {
        let (_, run) = scan(folder.path(), "a.zip", &zip, &["--region", region]);
        assert_eq!(run["objects"]["skipped"], json!(skipped), "{region}: {run}");
    }
    let bytes = text(&json!({ "Records": records })).into_bytes();
    let cases: &[(&[&str], usize)] = &[
        (&["--account", "444455556666"], 1),
        (&["--account", "444455556666,111122223333"], 8),
        (&["--region", "us-east-1", "--region", "eu-west-1"], 8),
        (&["--region", "us-east-1"], 1),
        (&["--bucket", "other"], 1),
        (&["--principal", "arn:aws:iam::111122223333:role/app"], 1),
        (&["--principal", "arn:aws:sts::111122223333:assumed-role/app/i-1"], 1),
        (&["--access-key", "ASIA1"], 1),
        (&["--ip", "198.51.100.0/24"], 1),
        (&["--ip", "198.51.100.8"], 0),
        (&["--event-name", "getobject"], 1),
        (&["--bucket", "payroll", "--event-name", "DeleteObject", "--region", "eu-west-1"], 5),
        (&["--since", "2026-03-04T10:00:03Z", "--until", "2026-03-04T10:00:05Z"], 2),
    ];
    for (flags, analysed) in cases {
        let (_, run) = scan(folder.path(), "a.json", &bytes, flags);
        let counts = (&run["records"]["analysed"], &run["records"]["filtered"]);
        assert_eq!(counts, (&json!(analysed), &json!(8 - analysed)), "{flags:?}");
    }
    let input = folder.path().join("in/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/04");
    std::fs::create_dir_all(&input).unwrap();
    std::fs::write(input.join("a.json"), b"not even JSON").unwrap();
    for flags in
        [["--region", "us-east-1"], ["--account", "444455556666"], ["--since", "2026-03-09"]]
    {
        let out = folder.path().join("pruned");
        let ran = trailsift()
            .arg("scan")
            .arg(folder.path().join("in"))
            .arg("--out")
            .arg(&out)
            .args(flags)
            .output();
        let run = run_json(&out);
        assert_eq!(ran.unwrap().status.code(), Some(0), "{flags:?}: {run}");
        assert_eq!(run["objects"]["skipped"], json!(1), "{flags:?}");
    }
    let wrong = trailsift().arg("scan").arg(&input).args(["--account", "12"]).output();
    assert_eq!(wrong.unwrap().status.code(), Some(2));
    let state = folder.path().join("state");
    let refused =
        trailsift().arg("scan").arg(&input).args(["--bucket", "b", "--state"]).arg(state).output();
    assert_eq!(refused.unwrap().status.code(), Some(2));
}
