//! Twelve events, what tools make of them, and runs over that.

use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::run_json;

pub const EVENTS: usize = 12;

pub fn trailsift() -> Command {
    Command::new(env!("CARGO_BIN_EXE_trailsift"))
}

pub fn event(number: usize) -> Value {
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

/// A `GetObject` in bucket `payroll` by a user of account 111122223333, `day` days after 2026-02-28.
pub fn read(user: &str, day: i64, id: &str) -> Value {
    let time = jiff::civil::date(2026, 2, 28) + jiff::Span::new().days(day);
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "arn": format!("arn:aws:iam::111122223333:user/{user}"),
            "accountId": "111122223333",
        },
        "eventTime": format!("{time}T10:00:00Z"),
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "sourceIPAddress": "192.0.2.10",
        "requestParameters": {"bucketName": "payroll", "key": "k"},
        "eventID": id,
        "eventCategory": "Data",
        "recipientAccountId": "111122223333",
    })
}

pub fn events() -> Vec<Value> {
    (0..EVENTS).map(event).collect()
}

pub fn text(value: &Value) -> String {
    value.to_string()
}

pub fn each(separator: &str, wrap: impl Fn(Value) -> Value) -> Vec<u8> {
    let texts: Vec<String> = events().into_iter().map(|event| wrap(event).to_string()).collect();
    texts.join(separator).into_bytes()
}

pub fn document() -> Vec<u8> {
    text(&json!({"Records": events()})).into_bytes()
}

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

pub fn bz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
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

pub fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub fn utf16(text: &[u8]) -> Vec<u8> {
    let units = std::str::from_utf8(text).unwrap().encode_utf16();
    [0xff, 0xfe].into_iter().chain(units.flat_map(u16::to_le_bytes)).collect()
}

/// Rows of `get-query-results`, or the lines of a table.
pub fn cells(event: &Value) -> [(&'static str, String); 6] {
    let field = |name: &str| match &event[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    ["eventTime", "eventName", "eventSource", "eventID", "userIdentity", "requestParameters"]
        .map(|name| (name, field(name)))
}

pub fn table_of_events(names: [&str; 6]) -> Vec<u8> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let line = |cells: Vec<String>| cells.join(",") + "\r\n";
    let rows = events()
        .into_iter()
        .map(|event| line(cells(&event).iter().map(|(_, text)| quoted(text)).collect()));
    let header = line(names.iter().map(|name| quoted(name)).collect());
    (header + &rows.collect::<String>()).into_bytes()
}

/// Runs over one input and gives (exit status, run.json).
pub fn scan(folder: &Path, name: &str, bytes: &[u8], more: &[&str]) -> (i32, Value) {
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

/// Runs over standard input.
pub fn piped(out: &Path, bytes: &[u8]) -> Value {
    let mut scan = trailsift();
    let scan = scan.args(["scan", "-", "--out"]).arg(out).stdin(Stdio::piped());
    let mut child = scan.stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    assert!(child.wait().unwrap().success());
    run_json(out)
}
