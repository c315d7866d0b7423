//! Logs whose findings the tests of this folder know.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::common::{self, Ran, scan};

pub const ACCOUNT: &str = "111122223333";

/// A read, `day` days after 2026-02-28.
pub fn read(user: &str, day: i64, id: &str) -> Value {
    common::logs::read(user, day, &format!("{user}-{day}-{id}"))
}

/// An ACL that opens a bucket to everybody; all of the caller's texts are `text`.
pub fn opened(text: &str) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/r/{text}"),
            "accountId": ACCOUNT,
            "accessKeyId": text,
            "sessionContext": {"sessionIssuer": {"arn": text, "type": "Role"}},
        },
        "eventTime": "2026-03-01T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "PutBucketAcl",
        "awsRegion": text,
        "sourceIPAddress": text,
        "userAgent": text,
        "requestParameters": {"bucketName": text, "x-amz-acl": "public-read-write"},
        "vpcEndpointId": text,
        "eventID": text,
        "eventCategory": "Management",
        "recipientAccountId": ACCOUNT,
    })
}

/// Texts that mean something to spreadsheets, terminals, JSON or CSV.
pub const HOSTILE: [&str; 12] = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r\n=1+1",
    "'quoted, \"twice\"",
    "a,b\r\nc;d\n\"",
    "\u{1b}[2J\u{7}\u{9b}31m",
    "\u{202e}txt.exe\u{feff}\u{fffd}\u{10ffff}",
    "back\\slash\\u0000\u{1}",
    "{\"json\": [null]}",
];

pub fn write(path: PathBuf, records: &[Value]) -> PathBuf {
    std::fs::write(&path, json!({ "Records": records }).to_string()).unwrap();
    path
}

/// A run over logs with a state, both in `folder`.
pub fn with_state(inputs: &[PathBuf], folder: &Path, more: &[&str]) -> Ran {
    let state = folder.join("state");
    let arguments = [&["--state", state.to_str().unwrap()], more].concat();
    scan(inputs, &folder.join("out"), &arguments)
}

/// Four logs to scan one after the other: Bob is new; he does more; he was there before (so the
/// first finding falls, and another comes); Carol is new.
pub fn sequence(folder: &Path) -> [PathBuf; 4] {
    let mut first: Vec<Value> = (1..=20).map(|day| read("alice", day, "")).collect();
    first.push(read("bob", 20, ""));
    [
        write(folder.join("1.json"), &first),
        write(folder.join("2.json"), &[read("bob", 20, "again")]),
        write(folder.join("3.json"), &[read("bob", 16, "")]),
        write(folder.join("4.json"), &[read("carol", 21, "")]),
    ]
}

/// The objects of a file of JSON lines.
pub fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
