//! What tools make of CloudTrail logs: every shape gives the same events.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::process::{Command, Stdio};

use common::logs::{
    EVENTS, bz, cells, document, each, events, gz, piped, scan, table_of_events, tar_of, text,
    trailsift, utf16, zip_of, zst,
};
use common::run_json;
use serde_json::{Value, json};

#[test]
#[rustfmt::skip] // One line per shape.
#[allow(clippy::too_many_lines, reason = "a table")]
fn every_shape_gives_every_event() {
    let doc = document();
    let export: Vec<u8> = events().iter().flat_map(|event| format!("2026-03-04T10:00:00.000Z {event}\n").into_bytes()).collect();
    let logs = |key: &str| {
        let entry = |event: Value| json!({"id": "1", "timestamp": 1, "message": text(&event)});
        let entries: Vec<Value> = events().into_iter().map(entry).collect();
        json!({"messageType": "DATA_MESSAGE", "logGroup": "g", key: entries})
    };
    let control = json!({"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "CWL"}]});
    let lookup = |event: Value| json!({"EventId": event["eventID"], "ReadOnly": "false", "EventTime": 1.5, "CloudTrailEvent": text(&event)});
    let bridge =
        |event: Value| json!({"detail-type": "AWS API Call via CloudTrail", "detail": event});
    let halves = |pack: fn(&[u8]) -> Vec<u8>| {
        let lines = each("\n", |event| event);
        let (a, b) = lines.split_at(lines.len() / 3);
        [pack(a), pack(b)].concat()
    };
    let cell = |event: Value| cells(&event).map(|(name, text)| json!({name: text}));
    let rows: Vec<_> = events().into_iter().map(cell).collect();
    let six =
        ["eventtime", "eventname", "eventsource", "eventid", "useridentity", "requestparameters"];
    let console = [
        "Event time",
        "Event name",
        "Event source",
        "Event ID",
        "userIdentity",
        "requestParameters",
    ];
    let member: &[(&str, &[u8])] = &[("../etc/a.json.gz", &gz(&doc))];
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("a log file", "a.json", doc.clone()),
        ("gzip", "a.json.gz", gz(&doc)),
        ("gzip twice", "a.json.gz", gz(&gz(&doc))),
        ("a wrong name", "a.gz", doc.clone()),
        ("no name, plain", "a", doc.clone()),
        ("no name, packed", "a", gz(&doc)),
        ("zstd", "a.zst", zst(&doc)),
        ("bzip2, no name", "a", bz(&doc)),
        ("zstd in gzip", "a.gz", gz(&zst(&doc))),
        ("members", "a.gz", halves(gz)),
        ("frames", "a.zst", halves(zst)),
        ("streams", "a.bz2", halves(bz)),
        ("mark", "a.json", [b"\xef\xbb\xbf".to_vec(), doc.clone()].concat()),
        ("utf-16", "a.json", utf16(&doc)),
        ("lines", "a.jsonl", each("\n", |event| event)),
        ("lines without a name", "a", each("\r\n", |event| event)),
        ("without separators", "a.json", each("", |event| event)),
        ("with commas", "a.json", each(",", |event| event)),
        ("record separators", "a.json", each("\n\u{1e}", |event| event)),
        ("padded with zeros", "a.json", [doc.clone(), vec![0; 512]].concat()),
        ("documents", "a.json", each("", |event| json!({"Records": [event]}))),
        ("documents of many", "a.json", [&doc[..], b"{\"Records\":[]}"].concat()),
        ("an array", "a.json", text(&json!(events())).into_bytes()),
        ("an array of documents", "a.json", text(&json!([{"Records": events()}])).into_bytes()),
        ("several documents in an array", "a.json", text(&json!([{"Records": events()[..5]}, {"Records": events()[5..]}])).into_bytes()),
        ("lookup-events, an array", "a.json", text(&json!(events().into_iter().map(|event| json!({"CloudTrailEvent": text(&event)})).collect::<Vec<_>>())).into_bytes()),
        ("a wrapper twice", "a.json", each("\n", |event| event).split(|byte| *byte == b'\n').flat_map(|line| [br#"{"detail":{},"detail":"#, line, b"}"].concat()).collect()),
        ("SQS", "a.json", text(&json!({"Messages": events().into_iter().map(|event| json!({"Body": text(&event)})).collect::<Vec<_>>()})).into_bytes()),
        ("Elasticsearch", "a.json", text(&json!({"hits": {"total": 12, "hits": events().into_iter().map(|event| json!({"_source": {"event": {"original": text(&event)}}})).collect::<Vec<_>>()}})).into_bytes()),
        ("pretty", "a.json", serde_json::to_vec_pretty(&events()).unwrap()),
        ("texts", "a.json", each("\n", |event| json!(text(&event)))),
        ("subscription", "a.gz", gz(text(&logs("logEvents")).as_bytes())),
        ("firehose", "a", [gz(text(&logs("logEvents")).as_bytes()), gz(text(&control).as_bytes())].concat()),
        ("filter-log-events", "a.json", text(&logs("events")).into_bytes()),
        ("export task", "a.gz", gz(&export)),
        ("lookup-events", "a.json", text(&json!({"Events": events().into_iter().map(lookup).collect::<Vec<_>>(), "NextToken": "x"})).into_bytes()),
        ("lookup-events, lines", "a.jsonl", each("\n", lookup)),
        ("EventBridge", "a.jsonl", each("\n", bridge)),
        ("SNS", "a.json", each("\n", |event| json!({"Type": "Notification", "Message": text(&json!({"Records": [event]}))}))),
        ("SNS with a log of CloudWatch", "a.json", text(&json!({"Type": "Notification", "Message": text(&logs("logEvents"))})).into_bytes()),
        ("Splunk", "a.json", each("\n", |event| json!({"result": {"_raw": text(&event)}}))),
        ("Elastic", "a.json", each("\n", |event| json!({"_source": {"event": {"original": text(&event)}}}))),
        ("Logstash", "a.json", each("\n", |mut event| { event["@timestamp"] = json!("x"); event })),
        ("query results", "a.json", text(&json!({"QueryResultRows": rows})).into_bytes()),
        ("Lake", "result_1.csv.gz", gz(&table_of_events(six))),
        ("console", "event_history.csv", table_of_events(console)),
        ("a table in utf-16", "events.csv", utf16(&table_of_events(six))),
        ("tar", "a.tar", tar_of(member)),
        ("tar.gz", "a.tgz", gz(&tar_of(member))),
        ("tar.zst, no name", "a", zst(&tar_of(member))),
        ("zip", "a.zip", zip_of(member)),
        ("zip of a tar of gz", "a.zip", zip_of(&[("b.tar", &tar_of(member))])),
        ("tar of a zip", "a.tar.bz2", bz(&tar_of(&[("z", &zip_of(&[("c.json", &doc)]))]))),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (what, name, bytes) in cases {
        let (status, run) = scan(folder.path(), name, &bytes, &[]);
        assert_eq!((status, &run["records"]["analysed"]), (0, &json!(EVENTS)), "{what}: {run}");
        assert_eq!(run["records"]["seen"], json!(EVENTS), "{what}");
        let run = piped(&folder.path().join("out"), &bytes);
        assert_eq!(run["records"]["analysed"], json!(EVENTS), "{what}, piped: {run}");
        assert_eq!(run["records"]["seen"], json!(EVENTS), "{what}, piped");
    }
}

#[test]
fn standard_input_and_pipes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for bytes in
        [gz(&document()), gz(&tar_of(&[("a.json", &document())])), zip_of(&[("a", &document())])]
    {
        assert_eq!(piped(&out, &bytes)["records"]["analysed"], json!(EVENTS));
    }
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let child =
        trailsift().arg("scan").arg(&pipe).arg("--out").arg(&out).stdout(Stdio::null()).spawn();
    std::fs::write(&pipe, document()).unwrap();
    assert!(child.unwrap().wait().unwrap().success());
    assert_eq!(run_json(&out)["records"]["analysed"], json!(EVENTS));
    let state = folder.path().join("state");
    let refused =
        trailsift().args(["scan", "-", "--state"]).arg(&state).arg("--out").arg(&out).output();
    assert_eq!(refused.unwrap().status.code(), Some(2));
}
