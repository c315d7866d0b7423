//! JSON lines and CSV, read back by others, say what Parquet says.

use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use proptest::prelude::*;
use serde_json::Value;

use crate::common::python::{python_or_skip, run_script};
use crate::common::{scan, table};
use crate::logs::{HOSTILE, lines, opened, write};

const SCRIPT: &str = include_str!("readback.py");

#[test]
fn duckdb_reads_the_rows_of_the_parquet() {
    let Some(python) = python_or_skip("duckdb") else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let hostile: Vec<Value> = HOSTILE.iter().map(|text| opened(text)).collect();
    let logs = ["sample-logs".into(), write(folder.path().join("hostile.json"), &hostile)];
    let ran = scan(&logs, &out, &["--format", "jsonl,csv"]);
    assert!(ran.status == 0, "{}{}", ran.out, ran.err);
    let [parquet, jsonl, csv] =
        ["parquet", "jsonl", "csv"].map(|e| out.join("findings.x").with_extension(e));
    assert_eq!(run_script(&python, SCRIPT, &[&parquet, &jsonl, &csv]), Ok(()));

    // That the comparison sees a difference.
    let text = std::fs::read_to_string(&csv).unwrap();
    std::fs::write(&csv, text.replacen("300", "301", 1)).unwrap();
    let said = run_script(&python, SCRIPT, &[&parquet, &jsonl, &csv]).unwrap_err();
    assert!(said.contains("csv"), "{said}");
    std::fs::write(&csv, text).unwrap();
    let text = std::fs::read_to_string(&jsonl).unwrap();
    std::fs::write(&jsonl, text.replacen("impact", "Impact", 1)).unwrap();
    let said = run_script(&python, SCRIPT, &[&parquet, &jsonl, &csv]).unwrap_err();
    assert!(said.contains("jsonl"), "{said}");
}

/// The one finding's text of a column, or the first of its list.
fn in_parquet(out: &Path, name: &str) -> Option<String> {
    let batches = table(&out.join("findings.parquet"));
    let column = batches[0].column_by_name(name).unwrap();
    let texts =
        if let Some(list) = column.as_list_opt::<i32>() { list.value(0) } else { column.clone() };
    let texts = texts.as_string::<i32>();
    texts.iter().next().flatten().map(str::to_owned)
}

/// The one finding's row in the table, and where its columns are.
fn in_csv(path: &Path) -> impl Fn(&str) -> String + use<> {
    let mut table = csv::Reader::from_path(path).unwrap();
    let heads = table.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let row = rows[0].clone();
    move |name| row[heads.iter().position(|head| head == name).unwrap()].to_owned()
}

fn first(value: &Value) -> Option<String> {
    let value = if value.is_array() { value.get(0)? } else { value };
    value.as_str().map(str::to_owned)
}

/// Scans a log with `text` as every name in it, and holds what comes back against Parquet.
fn survives(text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let logs: [PathBuf; 1] = [write(folder.path().join("log.json"), &[opened(text)])];
    scan(&logs, &out, &["--format", "jsonl,csv,ocsf"]);
    let objects = lines(&out.join("findings.jsonl"));
    let events = lines(&out.join("findings.ocsf.jsonl"));
    assert_eq!((objects.len(), events.len()), (1, 1), "{text:?}");
    let cell = in_csv(&out.join("findings.csv"));
    for name in ["principal", "region", "description", "remediation"] {
        let expected = in_parquet(&out, name);
        assert_eq!(first(&objects[0][name]), expected, "{name} of {text:?}");
        let shown = cell(name);
        assert!(!shown.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{name}: {shown:?}");
        let read = shown.strip_prefix('\'').unwrap_or(&shown);
        assert_eq!(read, expected.unwrap_or_default(), "{name} of {text:?}");
    }
    for name in ["buckets", "user_agents", "source_ips", "access_key_ids"] {
        let expected = in_parquet(&out, name);
        assert_eq!(first(&objects[0][name]), expected, "{name} of {text:?}");
        let list: Value = serde_json::from_str(&cell(name)).unwrap();
        assert_eq!(first(&list), expected, "{name} of {text:?}");
    }
    let desc = &events[0]["finding_info"]["desc"];
    assert_eq!(desc.as_str().map(str::to_owned), in_parquet(&out, "description"));
}

#[test]
fn hostile_names_survive() {
    for text in HOSTILE {
        survives(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_names_survive(text in "[=+@'\"\\-,;\\t\\r\\n\\x00-\\x7f]{1,8}|\\PC{1,12}") {
        survives(&text);
    }
}
