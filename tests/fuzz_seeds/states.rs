//! Seeds of the readers of a state: the files of a small real one, as they are and without
//! compression (so that mutations reach what they say), manifests, and descriptions of rows.

use std::fs::File;
use std::path::Path;

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde_json::{Value, json};

use super::Seed;
use crate::common::files;
use crate::common::logs::{event, text, trailsift};

pub(super) fn seeds() -> Vec<Seed> {
    let folder = tempfile::tempdir().unwrap();
    let mut seeds = manifests();
    for file in state(folder.path()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        // `00000001-<hash>.table.parquet`
        let Some((kind, _)) = name.split_once('.').and_then(|(_, rest)| rest.split_once('.'))
        else {
            seeds.push(("manifest.json".to_owned(), std::fs::read(&file).unwrap()));
            continue;
        };
        // The findings of the first run are the current ones.
        if kind == "findings" {
            continue;
        }
        seeds.push((format!("{kind}.parquet"), std::fs::read(&file).unwrap()));
        if kind != "coverage" {
            seeds.push((format!("{kind}-plain.parquet"), plain(&file)));
        }
    }
    seeds.extend(rows());
    seeds
}

/// The files of the state that a scan of a few events leaves.
fn state(folder: &Path) -> Vec<std::path::PathBuf> {
    let logs = folder.join("in");
    std::fs::create_dir(&logs).unwrap();
    for (name, records) in [("abcdefgh12345678", calm()), ("abcdefgh87654321", attack())] {
        let name = format!("111122223333_CloudTrail_eu-west-1_20260312T1015Z_{name}.json");
        std::fs::write(logs.join(name), text(&json!({"Records": records}))).unwrap();
    }
    let mut scan = trailsift();
    let scan = scan.current_dir(folder).args(["scan", "in", "--out", "out", "--state", "state"]);
    // What lies behind is filtered out, so that the events before it become recent ids.
    let scan = scan.args(["--until", "2026-03-11"]);
    assert!(scan.output().unwrap().status.code().is_some());
    files(&folder.join("state"))
}

/// Eight days of reading.
fn calm() -> Vec<Value> {
    let on = |day: usize| {
        let mut read = event(day);
        read["eventTime"] = json!(format!("2026-03-{:02}T09:00:00Z", day + 1));
        read["eventName"] = json!("GetObject");
        read
    };
    (0..8).map(on).collect()
}

/// Another principal opens the bucket and empties it; one record is broken, and one is filtered out.
fn attack() -> Vec<Value> {
    let by = |number: usize, name: &str| {
        let mut call = event(number);
        call["eventTime"] = json!(format!("2026-03-10T22:{:02}:{:02}Z", number / 60, number % 60));
        call["eventName"] = json!(name);
        call["userIdentity"]["arn"] = json!("arn:aws:iam::111122223333:user/mallory");
        call
    };
    let mut open = by(100, "PutBucketAcl");
    open["eventCategory"] = json!("Management");
    open["requestParameters"] = json!({"bucketName": "payroll", "x-amz-acl": "public-read"});
    let deletes = (101..220).map(|number| by(number, "DeleteObject"));
    let mut later = by(220, "GetObject");
    later["eventTime"] = json!("2026-03-12T10:00:00Z");
    [open, json!({"eventVersion": "1"}), later].into_iter().chain(deletes).collect()
}

/// The same table, uncompressed, without dictionaries and statistics.
fn plain(path: &Path) -> Vec<u8> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let pairs = builder.metadata().file_metadata().key_value_metadata().cloned();
    let pairs = pairs.map(|pairs| pairs.into_iter().filter(|p| p.key != "ARROW:schema").collect());
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(pairs)
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties);
    let options = options.with_skip_arrow_metadata(true);
    let schema = builder.schema().clone();
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options).unwrap();
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        writer.write(&batch.slice(0, batch.num_rows().min(12))).unwrap();
    }
    writer.into_inner().unwrap()
}

fn manifests() -> Vec<Seed> {
    let files = json!({"table": "t", "ledger": "../l", "recent_ids": "", "coverage": "c",
        "findings_current": "/f", "findings": "f"});
    let whole = json!({"format": "trailsift state", "version": 1, "trailsift": "0.1.0",
        "generation": 1, "run": "r", "newest_day": 20_000, "first_event": 0, "last_event": 1,
        "judged_by": "x", "folds": [], "files": files});
    let with = |key: &str, value: Value| {
        let mut manifest = whole.clone();
        manifest[key] = value;
        text(&manifest)
    };
    let texts = [
        ("small", text(&whole)),
        ("newer", with("version", json!(7))),
        ("foreign", json!({"format": "terraform"}).to_string()),
        ("last-generation", with("generation", json!(u64::MAX))),
        ("far-days", with("newest_day", json!(i64::MAX))),
        ("cut", text(&whole)[..99].to_owned()),
    ];
    texts.map(|(name, text)| (format!("manifest-{name}.json"), text.into_bytes())).into()
}

/// Descriptions of rows, see `Source` in the target.
fn rows() -> Vec<Seed> {
    let seeds: [(&str, Vec<u8>); 3] = [
        ("counting", (1..=250).collect()),
        ("falling", (1..=250).rev().collect()),
        ("extremes", [3, 2, 5, 255, 255, 254, 253, 9, 8, 7].repeat(30)),
    ];
    seeds.map(|(name, bytes)| (format!("rows-{name}"), bytes)).into()
}
