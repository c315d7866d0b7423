//! Which files there are: those that were asked for, and nothing stale.

use std::path::{Path, PathBuf};

use crate::common::{files, partial, scan, trailsift};
use crate::logs::{opened, sequence, with_state, write};

/// Names of findings files in a folder.
fn names(out: &Path) -> Vec<String> {
    let all = std::fs::read_dir(out).unwrap();
    let all = all.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = all.filter(|name| name.starts_with("findings")).collect();
    names.sort();
    names
}

#[test]
fn formats_that_are_not_asked_for_do_not_stay() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let logs = [write(folder.path().join("log.json"), &[opened("a")])];
    scan(&logs, &out, &["--format", "csv,ocsf,parquet,jsonl,timesketch"]);
    let all = [
        "findings.csv",
        "findings.jsonl",
        "findings.ocsf.jsonl",
        "findings.parquet",
        "findings.timesketch.csv",
    ];
    assert_eq!(names(&out), all);
    scan(&logs, &out, &["--format", "jsonl"]);
    assert_eq!(names(&out), ["findings.jsonl", "findings.parquet"]);
    scan(&logs, &out, &[]);
    assert_eq!(names(&out), ["findings.parquet"]);
}

#[test]
fn with_a_state_neither() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let [log, ..] = sequence(folder.path());
    let logs = [log];
    scan(&logs, &out, &["--format", "csv"]);
    with_state(&logs, folder.path(), &["--format", "csv,ocsf", "--emit", "all"]);
    let current =
        ["findings_current.csv", "findings_current.ocsf.jsonl", "findings_current.parquet"];
    assert_eq!(names(&out), [&["findings"], &current[..]].concat());
    let days = files(&out.join("findings"));
    assert!(days.iter().all(|file| file.extension().is_some_and(|e| e == "parquet")), "{days:?}");
    with_state(&logs, folder.path(), &["--format", "csv,ocsf"]);
    assert_eq!(names(&out), ["findings", "findings_current.parquet"]);
}

#[test]
fn no_findings_are_an_empty_file_and_a_head() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut harmless = opened("a");
    harmless["eventName"] = "GetBucketAcl".into();
    scan(
        &[write(folder.path().join("log.json"), &[harmless])],
        &out,
        &["--format", "jsonl,csv,ocsf"],
    );
    assert_eq!(std::fs::read(out.join("findings.jsonl")).unwrap(), b"");
    assert_eq!(std::fs::read(out.join("findings.ocsf.jsonl")).unwrap(), b"");
    let table = std::fs::read_to_string(out.join("findings.csv")).unwrap();
    assert!(table.starts_with("finding_id,revision,status,"), "{table}");
    assert!(table.ends_with(",suppressed,suppression_reason\r\n"), "{table}");
    assert_eq!(table.lines().count(), 1);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let logs = [write(folder.path().join("log.json"), &[opened("a")])];
    let out = folder.path().join("out");
    for (arguments, word) in
        [(&["--emit", "changes"][..], "--state"), (&["--format", "xml"], "jsonl")]
    {
        let ran = scan(&logs, &out, arguments);
        assert_eq!(ran.status, 2, "{arguments:?}: {}", ran.out);
        assert!(ran.err.contains(word), "{arguments:?}: {}", ran.err);
        assert!(!out.exists(), "{arguments:?}");
    }
    for arguments in [["--format", "jsonl"], ["--emit", "all"]] {
        let ran = partial(&logs, &out, &arguments);
        assert_eq!(ran.status, 2, "{arguments:?}: {}", ran.out);
        assert!(ran.err.contains("trailsift merge") && !out.exists(), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(scan(&logs, &out, &["--emit", "all", "--format", "jsonl"]).status, 0);
}

#[test]
fn a_merge_writes_what_the_scan_writes_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let logs = vec![PathBuf::from("sample-logs/generated")];
    let formats = ["--format", "jsonl,csv,ocsf"];
    let ran = scan(&logs, &at("one"), &[&formats[..], &["--threads", "1"]].concat());
    assert_eq!(ran.status, 0, "{}", ran.err);
    scan(&logs, &at("two"), &[&formats[..], &["--threads", "2"]].concat());
    for share in ["1/2", "2/2"] {
        partial(&logs, &at(&share.replace('/', "-")), &["--shard", share]);
    }
    let mut merge: Vec<std::ffi::OsString> = vec!["merge".into()];
    merge.extend(["1-2", "2-2"].map(|name| at(name).into()));
    merge.extend(["--out".into(), at("merged").into()]);
    merge.extend(formats.map(Into::into));
    let ran = trailsift(merge);
    assert_eq!(ran.status, 0, "{}", ran.err);
    for name in names(&at("one")) {
        let bytes = |run: &str| std::fs::read(at(run).join(&name)).unwrap();
        assert!(bytes("one").len() > 10_000, "{name}");
        assert!(bytes("one") == bytes("two"), "{name}: threads");
        assert!(bytes("one") == bytes("merged"), "{name}: merge");
    }
}
