//! The sample logs are what `sample-logs/README.md` says: complete, readable, small,
//! free of secrets and of the names of people, and in agreement with their ground
//! truth.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

const MAX_BYTES: u64 = 3_000_000;

/// SHA-256 of words that were names of people in the source.
const NAMES: [&str; 4] = [
    "e8a653b414c9801344a6f2ba2dfe30bae64a8f7de1fb08a94d48853d15a28f4f",
    "609388d39a88f560d4fcece8afa8283e713de02e90476e350e0e990e324ddc02",
    "1f9f1e0c6a85bf2b71650af147e044e713f46c3ebcbb459574a4d0b7ac36181e",
    "8ee9938e4b960a50540f1ca9299facc5a5f342d0848b402c322fd14592e4bc32",
];

/// Fields, in lower case, whose text must be `REDACTED`.
const SECRET_FIELDS: [&str; 16] = [
    "sessiontoken",
    "secretaccesskey",
    "secretkey",
    "secretstring",
    "secretbinary",
    "clientsecret",
    "privatekey",
    "privatekeymaterial",
    "keymaterial",
    "passphrase",
    "passworddata",
    "authtoken",
    "securitytoken",
    "x-amz-security-token",
    "apikey",
    "userdata",
];

struct Sample {
    path: PathBuf,
    json: Value,
}

impl Sample {
    fn records(&self) -> &[Value] {
        self.json["Records"].as_array().expect("an array of records")
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs")
}

fn files() -> Vec<PathBuf> {
    let entries = WalkDir::new(root()).sort_by_file_name().into_iter();
    entries
        .map(|entry| entry.expect("a readable folder"))
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// All log objects, inflated and parsed once for all tests.
fn samples() -> &'static [Sample] {
    static SAMPLES: OnceLock<Vec<Sample>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let logs = files().into_iter().filter(|p| p.to_string_lossy().ends_with(".json.gz"));
        logs.map(|path| {
            let mut text = String::new();
            MultiGzDecoder::new(File::open(&path).expect("a readable file"))
                .read_to_string(&mut text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let json = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            Sample { path, json }
        })
        .collect()
    })
}

/// Every distinct key and text of the logs: far less to look through than the logs.
fn strings() -> &'static BTreeSet<&'static str> {
    static STRINGS: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    STRINGS.get_or_init(|| {
        let mut strings = BTreeSet::new();
        let mut left: Vec<&Value> = samples().iter().map(|sample| &sample.json).collect();
        while let Some(value) = left.pop() {
            match value {
                Value::Object(map) => {
                    strings.extend(map.keys().map(String::as_str));
                    left.extend(map.values());
                }
                Value::Array(list) => left.extend(list),
                Value::String(text) => {
                    strings.insert(text.as_str());
                }
                _ => {}
            }
        }
        strings
    })
}

fn of(folder: &'static str) -> impl Iterator<Item = &'static Sample> {
    let folder = root().join(folder);
    samples().iter().filter(move |sample| sample.path.starts_with(&folder))
}

#[test]
fn the_samples_are_small() {
    let size = |path: &PathBuf| fs::metadata(path).expect("a readable file").len();
    let bytes: u64 = files().iter().map(size).sum();
    assert!(bytes <= MAX_BYTES, "{bytes} bytes");
}

#[test]
fn every_log_has_records_and_nothing_else() {
    for sample in samples() {
        let keys: Vec<_> = sample.json.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["Records"], "{}", sample.path.display());
        for (n, record) in sample.records().iter().enumerate() {
            for field in ["eventTime", "eventSource", "eventName", "eventID", "awsRegion"] {
                let text = record[field].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{}: record {n}: {field}", sample.path.display());
            }
        }
    }
}

#[test]
fn the_counts_are_those_of_the_readme() {
    let count = |folder| (of(folder).count(), of(folder).map(|s| s.records().len()).sum());
    assert_eq!(count("invictus-stratus-2023"), (55, 2_900));
    assert_eq!(count("generated"), (186, 11_380));
    assert_eq!(samples().len(), 55 + 186);
    let attacks: u64 = truth().iter().map(|row| number(row, "events")).sum();
    assert_eq!(attacks, 2_380);
}

#[test]
fn no_field_holds_a_secret() {
    let mut found = Vec::new();
    for sample in samples() {
        search(&sample.json, &mut |field| {
            found.push(format!("{}: {field}", sample.path.display()));
        });
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Reports every secret field that still has its text, also in JSON within strings.
fn search(value: &Value, report: &mut dyn FnMut(&str)) {
    match value {
        Value::Object(map) => {
            for (field, inner) in map {
                let name = field.to_lowercase();
                let secret = SECRET_FIELDS.contains(&name.as_str()) || name.ends_with("password");
                if secret && inner.as_str().is_some_and(|text| text != "REDACTED") {
                    report(field);
                }
                search(inner, report);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| search(inner, report)),
        Value::String(text) if text.contains('{') => {
            if let Ok(inner) = serde_json::from_str(text) {
                search(&inner, report);
            }
        }
        _ => {}
    }
}

#[test]
fn no_text_looks_like_a_secret() {
    // How tokens of the security token service begin, and what private keys contain.
    let tokens = ["IQoJb3JpZ2lu", "FwoGZXIvYXdz"];
    let other = |c: char| !(c.is_ascii_alphanumeric() || "/+=_-.".contains(c));
    for text in strings() {
        assert!(!tokens.iter().any(|start| text.starts_with(start)), "a session token: {text}");
        assert!(!text.contains("PRIVATE KEY"), "{text}");
        assert!(text.len() < 40 || !text.split(other).any(is_secret_key), "{text}");
    }
}

/// Secret access keys are 40 letters of base 64.
fn is_secret_key(word: &str) -> bool {
    let has = |test: fn(&u8) -> bool| word.bytes().filter(test).count() > 3;
    word.len() == 40
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/' || b == b'+')
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}

#[test]
fn no_person_is_named() {
    let mut words: BTreeSet<String> = BTreeSet::new();
    let mut collect = |text: &str| {
        let other = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
        words.extend(text.split(other).map(str::to_lowercase));
    };
    for text in strings() {
        collect(text);
    }
    for path in files() {
        collect(&path.to_string_lossy());
        if path.extension().is_none_or(|ending| ending != "gz") {
            collect(&fs::read_to_string(&path).expect("a readable text"));
        }
    }
    for word in words {
        let mut hash = String::new();
        for byte in Sha256::digest(word.as_bytes()) {
            write!(hash, "{byte:02x}").expect("a text can grow");
        }
        assert!(!NAMES.contains(&hash.as_str()), "a name of a person (hash {hash})");
    }
}

#[test]
fn the_ground_truth_is_in_the_logs() {
    let records: Vec<&Value> = of("generated").flat_map(Sample::records).collect();
    let rows = truth();
    assert_eq!(rows.len(), 19);
    for row in &rows {
        let mine = records.iter().filter(|record| belongs(record, row));
        let keys: BTreeSet<_> =
            mine.clone().filter_map(|r| r["requestParameters"]["key"].as_str()).collect();
        assert_eq!(mine.clone().count() as u64, number(row, "events"), "{row:?}");
        assert_eq!(keys.len() as u64, number(row, "keys"), "{row:?}");
        let times: BTreeSet<_> = mine.filter_map(|r| r["eventTime"].as_str()).collect();
        assert_eq!(times.first(), Some(&row["first_event_time"].as_str()), "{row:?}");
        assert_eq!(times.last(), Some(&row["last_event_time"].as_str()), "{row:?}");
    }
}

type Row = BTreeMap<String, String>;

fn truth() -> Vec<Row> {
    let csv = fs::read_to_string(root().join("generated-ground-truth.csv")).expect("the truth");
    let mut lines = csv.lines();
    let columns: Vec<_> = lines.next().expect("a header").split(',').collect();
    // Only the last column, a sentence, has commas and quotes.
    let named = |line: &str| {
        let fields = line.splitn(columns.len(), ',');
        columns.iter().zip(fields).map(|(c, f)| ((*c).to_owned(), f.to_owned())).collect()
    };
    lines.map(named).collect()
}

fn number(row: &Row, column: &str) -> u64 {
    row[column].parse().expect("a number")
}

fn belongs(record: &Value, row: &Row) -> bool {
    let time = record["eventTime"].as_str().unwrap_or_default();
    record["requestParameters"]["bucketName"] == *row["bucket"]
        && record["recipientAccountId"] == *row["account"]
        && record["awsRegion"] == *row["region"]
        && row["first_event_time"].as_str() <= time
        && time <= row["last_event_time"].as_str()
        && principal(&record["userIdentity"]) == row["principal"]
}

fn principal(identity: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match identity["type"].as_str() {
        Some("AssumedRole") => text(&identity["sessionContext"]["sessionIssuer"]["arn"]),
        Some("IAMUser") => text(&identity["arn"]),
        Some("AWSAccount") if identity["accountId"] == "anonymous" => "anonymous".to_owned(),
        Some("AWSAccount") => format!("foreign:{}", text(&identity["accountId"])),
        _ => text(&identity["invokedBy"]),
    }
}
