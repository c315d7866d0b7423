//! What tools make of CloudTrail logs, and what becomes of it: every shape gives the same events,
//! and whatever is lost is named. One line per input.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{run_json, table, trailsift};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const EVENTS: usize = 12;

fn event(number: usize) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/eve",
            "accountId": "111122223333"},
        "eventTime": format!("2026-03-04T10:00:{number:02}Z"),
        "eventSource": "s3.amazonaws.com",
        "eventName": "DeleteObject",
        "awsRegion": "eu-west-1",
        "requestParameters": {"bucketName": "payroll", "key": format!("k\"{number}\\")},
        "eventID": format!("id-{number}"),
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "eventCategory": "Data",
    })
}

fn events() -> Vec<Value> {
    (0..EVENTS).map(event).collect()
}

fn text(value: &Value) -> String {
    value.to_string()
}

fn each(separator: &str, wrap: impl Fn(Value) -> Value) -> Vec<u8> {
    let texts: Vec<String> = events().into_iter().map(|event| wrap(event).to_string()).collect();
    texts.join(separator).into_bytes()
}

fn document() -> Vec<u8> {
    text(&json!({"Records": events()})).into_bytes()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn bz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn utf16(text: &[u8]) -> Vec<u8> {
    let units = std::str::from_utf8(text).unwrap().encode_utf16();
    [0xff, 0xfe].into_iter().chain(units.flat_map(u16::to_le_bytes)).collect()
}

/// Rows of `get-query-results`, or the lines of a table.
fn cells(event: &Value) -> [(&'static str, String); 6] {
    let field = |name: &str| match &event[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    ["eventTime", "eventName", "eventSource", "eventID", "userIdentity", "requestParameters"]
        .map(|name| (name, field(name)))
}

fn table_of_events(names: [&str; 6]) -> Vec<u8> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let line = |cells: Vec<String>| cells.join(",") + "\r\n";
    let rows = events()
        .into_iter()
        .map(|event| line(cells(&event).iter().map(|(_, text)| quoted(text)).collect()));
    let header = line(names.iter().map(|name| quoted(name)).collect());
    (header + &rows.collect::<String>()).into_bytes()
}

/// Runs over one input and gives (exit status, run.json).
fn scan(folder: &Path, name: &str, bytes: &[u8], more: &[&str]) -> (i32, Value) {
    let (input, out) = (folder.join("in"), folder.join("out"));
    let _ = std::fs::remove_dir_all(&input);
    std::fs::create_dir_all(&input).unwrap();
    std::fs::write(input.join(name), bytes).unwrap();
    let ran = trailsift()
        .arg("scan")
        .args([&input, Path::new("--out"), &out])
        .args(more)
        .output()
        .unwrap();
    let run = run_json(&out);
    assert_eq!(run["balances"], json!(true), "{name}: {run}");
    (ran.status.code().unwrap(), run)
}

#[test]
fn every_shape_gives_every_event() {
    let doc = document();
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
        ("pretty", "a.json", serde_json::to_vec_pretty(&events()).unwrap()),
        ("texts", "a.json", each("\n", |event| json!(text(&event)))),
        ("subscription", "a.gz", gz(text(&logs("logEvents")).as_bytes())),
        ("firehose", "a", [gz(text(&logs("logEvents")).as_bytes()), gz(text(&control).as_bytes())].concat()),
        ("filter-log-events", "a.json", text(&logs("events")).into_bytes()),
        ("export task", "a.gz", gz(events().iter().map(|event| format!("2026-03-04T10:00:00.000Z {event}\n")).collect::<String>().as_bytes())),
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
        ("tar", "a.tar", tar_of(member)),
        ("tar.gz", "a.tgz", gz(&tar_of(member))),
        ("tar.zst, no name", "a", zst(&tar_of(member))),
        ("zip", "a.zip", zip_of(member)),
        ("zip of a tar of gz", "a.zip", zip_of(&[("b.tar", &tar_of(member))])),
        ("tar of a zip", "a.tar.bz2", bz(&tar_of(&[("z", &zip_of(&[("c.json", &doc)]))]))),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (what, name, bytes) in cases {
        for more in [&[][..], &["--memory", "1MiB"], &["--max-record", "600"]] {
            let (status, run) = scan(folder.path(), name, &bytes, more);
            assert_eq!(run["records"]["analysed"], json!(EVENTS), "{what} {more:?}: {run}");
            assert_eq!(run["records"]["seen"], json!(EVENTS), "{what} {more:?}");
            assert_eq!(status, 0, "{what} {more:?}: {run}");
        }
    }
}

/// What it is, its name and bytes, flags, then: exit status, events analysed, records rejected, and
/// what the reason of some object or rejected record says.
type Damaged =
    (&'static str, &'static str, Vec<u8>, &'static [&'static str], i32, usize, usize, &'static str);

fn cut(bytes: Vec<u8>, from_end: usize) -> Vec<u8> {
    bytes[..bytes.len() - from_end].to_vec()
}

fn flipped(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes[at] ^= 0xff;
    bytes
}

/// Twelve events as lines, the sixth of them replaced.
fn lines_with(sixth: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = events().iter().map(|event| text(event).into_bytes()).collect();
    lines[5] = sixth.to_vec();
    lines.join(&b'\n')
}

fn damaged() -> Vec<Damaged> {
    let doc = document();
    let lines = each("\n", |event| event);
    let long = format!(
        r#"{{"eventTime":"2026-03-04T10:00:00Z","eventVersion":"1","x":"{}"}}"#,
        "y".repeat(5_000)
    );
    let deep = format!(
        r#"{{"eventTime":"2026-03-04T10:00:00Z","eventVersion":"1","x":{}{}}}"#,
        "[".repeat(99),
        "]".repeat(99)
    );
    let digest = json!({"awsAccountId": "1", "digestS3Object": "x", "logFiles": []});
    let notice =
        json!({"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventTime": "x"}]});
    let three = zip_of(&[("a.zip", &zip_of(&[("b.zip", &zip_of(&[("c.json", &doc)]))]))]);
    let two: &[(&str, &[u8])] = &[("a.json", &doc), ("b.txt", b"notes")];
    let mut symlink = tar::Header::new_gnu();
    symlink.set_entry_type(tar::EntryType::Symlink);
    symlink.set_size(0);
    let mut linked = tar::Builder::new(Vec::new());
    linked.append_link(&mut symlink, "passwd.json", "/etc/passwd").unwrap();
    vec![
        ("nothing", "a.json", vec![], &[], 4, 0, 0, "empty"),
        ("nothing, packed", "a.gz", gz(b""), &[], 4, 0, 0, "empty"),
        ("white space", "a.json", b" \n".to_vec(), &[], 4, 0, 0, "empty"),
        ("prose", "a.json", b"hello world".to_vec(), &[], 4, 0, 0, "not JSON"),
        ("notes", "a.txt", b"hello".to_vec(), &[], 0, 0, 0, "not named or shaped"),
        ("digest", "a.json.gz", gz(text(&digest).as_bytes()), &[], 0, 0, 0, "digest"),
        (
            "notifications",
            "a.json",
            text(&notice).into_bytes(),
            &[],
            4,
            0,
            0,
            "S3 event notifications",
        ),
        ("other JSON", "a.json", br#"{"a":1}"#.to_vec(), &[], 4, 0, 0, "keys `a`"),
        ("Parquet", "a.parquet", b"PAR1xxxxPAR1".to_vec(), &[], 4, 0, 0, "OCSF"),
        ("7z", "a.7z", b"7z\xbc\xaf\x27\x1c1234".to_vec(), &[], 4, 0, 0, "7z is not read"),
        ("cut gzip", "a.gz", cut(gz(&doc), 30), &[], 4, 11, 1, "truncated gzip"),
        (
            "cut zstd",
            "a.zst",
            cut(zst(&[lines.clone(), vec![b' '; 300_000]].concat()), 3),
            &[],
            4,
            12,
            0,
            "truncated zstd",
        ),
        ("cut trailer", "a.gz", cut(gz(&doc), 1), &[], 4, 12, 0, "truncated gzip"),
        ("bad crc", "a.gz", flipped(gz(&doc), gz(&doc).len() - 8), &[], 4, 12, 0, "crc mismatch"),
        ("bad start", "a.gz", flipped(gz(&doc), 2), &[], 4, 0, 0, "invalid header"),
        (
            "trailing garbage",
            "a.gz",
            [gz(&doc), b"tail".to_vec()].concat(),
            &[],
            4,
            12,
            0,
            "trailing garbage of 4",
        ),
        ("cut document", "a.json", cut(doc.clone(), 30), &[], 4, 11, 1, "cut off"),
        ("cut line", "a.jsonl", cut(lines.clone(), 30), &[], 4, 11, 1, "cut off"),
        (
            "text before",
            "a.json",
            [b"garbage\n".to_vec(), lines.clone()].concat(),
            &[],
            4,
            12,
            1,
            "damaged",
        ),
        (
            "text after",
            "a.json",
            [doc.clone(), b"garbage".to_vec()].concat(),
            &[],
            4,
            12,
            1,
            "not JSON",
        ),
        ("text between", "a.jsonl", lines_with(b"*** log rotated ***"), &[], 4, 11, 1, "damaged"),
        (
            "half a line",
            "a.jsonl",
            lines_with(br#"{"eventVersion":"1.08","userId"#),
            &[],
            4,
            11,
            1,
            "damaged",
        ),
        (
            "a lost quote",
            "a.jsonl",
            lines_with(br#"{"eventVersion":"1.08,"x":1}"#),
            &[],
            4,
            11,
            1,
            "damaged",
        ),
        (
            "other JSON between",
            "a.jsonl",
            lines_with(br#"{"level":"info"}"#),
            &[],
            4,
            11,
            1,
            "keys `level`",
        ),
        ("a number between", "a.jsonl", lines_with(b"17"), &[], 4, 11, 1, "single JSON value"),
        (
            "no time",
            "a.jsonl",
            lines_with(br#"{"eventVersion":"1.08","eventName":"x"}"#),
            &[],
            4,
            11,
            1,
            "no eventTime",
        ),
        (
            "no readable time",
            "a.jsonl",
            lines_with(br#"{"eventVersion":"1.08","eventTime":"soon"}"#),
            &[],
            4,
            11,
            1,
            "not a time",
        ),
        (
            "no UTF-8",
            "a.jsonl",
            lines_with(b"{\"eventVersion\":\"\xff\",\"eventTime\":\"2026-03-04T10:00:00Z\"}"),
            &[],
            4,
            11,
            1,
            "UTF-8",
        ),
        (
            "a long record",
            "a.jsonl",
            lines_with(long.as_bytes()),
            &["--max-record", "2KiB"],
            4,
            11,
            1,
            "longer than 2048",
        ),
        (
            "a deep record",
            "a.jsonl",
            lines_with(deep.as_bytes()),
            &["--max-depth", "32"],
            4,
            11,
            1,
            "nested deeper",
        ),
        (
            "a bad message",
            "a.json",
            each(
                "\n",
                |event| json!({"message": text(&event).replace("\"eventTime\"", "eventTime")}),
            ),
            &[],
            4,
            0,
            0,
            "not JSON",
        ),
        (
            "too large",
            "a.gz",
            gz(&doc),
            &["--max-inflated", "3KB"],
            4,
            7,
            1,
            "limit of 3000 inflated bytes",
        ),
        ("a bomb", "a.zst", zst(&vec![b' '; 80 << 20]), &[], 4, 0, 0, "200 times its stored size"),
        ("four layers", "a.gz", gz(&gz(&gz(&gz(&doc)))), &[], 4, 0, 0, "3 layers of compression"),
        ("three archives", "a.zip", three, &[], 4, 0, 0, "an archive within 2 others"),
        (
            "an archive, not wanted",
            "a.zip",
            zip_of(two),
            &["--max-archive-depth", "0"],
            4,
            0,
            0,
            "an archive within 0 others",
        ),
        (
            "many members",
            "a.zip",
            zip_of(two),
            &["--max-members", "1"],
            4,
            12,
            0,
            "more than 1 members",
        ),
        (
            "a link in an archive",
            "a.tar",
            linked.into_inner().unwrap(),
            &[],
            0,
            0,
            0,
            "not followed",
        ),
        ("notes in an archive", "a.tar", tar_of(two), &[], 0, 12, 0, "not named or shaped"),
        ("a cut tar", "a.tar", cut(tar_of(two), 1_700), &[], 4, 12, 0, "tar"),
        (
            "a cut member",
            "a.tar",
            tar_of(two)[..2_000].to_vec(),
            &[],
            4,
            3,
            1,
            "cut off in its archive",
        ),
        ("a cut zip", "a.zip", cut(zip_of(two), 60), &[], 4, 12, 0, "broken zip"),
        ("a cut tar.gz", "a.tgz", cut(gz(&tar_of(two)), 40), &[], 4, 12, 0, "truncated gzip"),
        (
            "a cut table",
            "a.csv",
            [
                table_of_events(["eventTime", "eventName", "a", "b", "c", "d"]),
                b"\"2026\xff\",x".to_vec(),
            ]
            .concat(),
            &[],
            4,
            12,
            1,
            "UTF-8",
        ),
    ]
}

#[test]
fn nothing_is_lost_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let cases = damaged();
    assert!(cases.len() >= 40, "{}", cases.len());
    for (what, name, bytes, flags, status, analysed, rejected, reason) in cases {
        for memory in ["1GiB", "1MiB"] {
            let more: Vec<&str> = flags.iter().chain(&["--memory", memory]).copied().collect();
            let (ended, run) = scan(folder.path(), name, &bytes, &more);
            let found = (ended, &run["records"]["analysed"], &run["records"]["rejected"]);
            assert_eq!(
                found,
                (status, &json!(analysed), &json!(rejected)),
                "{what} {memory}: {run}"
            );
            let out = folder.path().join("out");
            let reasons = ["manifest.parquet", "rejected.parquet"].map(|file| {
                format!("{:?}", table(&out.join(file)).column_by_name("reason").unwrap())
            });
            assert!(reasons.concat().contains(reason), "{what}: {reasons:?}");
        }
    }
}

#[test]
fn standard_input_and_pipes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for bytes in
        [gz(&document()), gz(&tar_of(&[("a.json", &document())])), zip_of(&[("a", &document())])]
    {
        let mut scan = trailsift();
        let scan = scan.args(["scan", "-", "--out"]).arg(&out).stdin(Stdio::piped());
        let mut child = scan.stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(run_json(&out)["records"]["analysed"], json!(EVENTS));
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
            "filtered": 0, "rejected": 0, "too_late": 0, "conflict": 1})
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
