//! Runs with a state tell what they have changed, each change once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{files, run_json};
use crate::logs::{lines, sequence, with_state};

/// The files below `findings/` whose names have this ending.
fn told(out: &Path, ending: &str) -> Vec<PathBuf> {
    let named = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().ends_with(ending);
    files(&out.join("findings")).into_iter().filter(named).collect()
}

/// How often each word stands in files that are not among `known`.
fn words(files: &[PathBuf], known: &[PathBuf]) -> BTreeMap<String, u64> {
    let mut words = BTreeMap::new();
    for line in files.iter().filter(|file| !known.contains(file)).flat_map(|file| lines(file)) {
        *words.entry(line["change"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    words
}

fn counted(new: u64, updated: u64, withdrawn: u64) -> BTreeMap<String, u64> {
    let all = [("new", new), ("updated", updated), ("withdrawn", withdrawn)];
    all.into_iter().filter(|(_, n)| *n > 0).map(|(word, n)| (word.to_owned(), n)).collect()
}

#[test]
fn each_change_is_told_once_and_they_add_up_to_what_holds() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let logs = sequence(folder.path());
    let formats = ["--format", "jsonl,csv", "--format", "ocsf"];
    let mut known = Vec::new();
    for (number, log) in logs.iter().enumerate() {
        let ran = with_state(std::slice::from_ref(log), folder.path(), &formats);
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
        let mut all = told(&out, ".jsonl");
        all.retain(|file| !file.to_str().unwrap().ends_with(".ocsf.jsonl"));
        let state = &run_json(&out)["state"];
        let count = |name: &str| state[name].as_u64().unwrap();
        let expected = counted(count("new"), count("revised"), count("withdrawn"));
        assert_eq!(words(&all, &known), expected, "run {number}");
        assert_eq!(expected.contains_key("new"), number != 1, "run {number}: {expected:?}");
        assert_eq!(expected.contains_key("updated"), number == 1, "run {number}: {expected:?}");
        assert_eq!(expected.contains_key("withdrawn"), number == 2, "run {number}: {expected:?}");
        known = all;
    }
    // Nothing new: nothing told.
    let before = files(&out.join("findings"));
    with_state(&logs, folder.path(), &formats);
    assert_eq!(files(&out.join("findings")), before);

    // The newest row per finding is what holds.
    let mut newest: BTreeMap<String, Value> = BTreeMap::new();
    for mut line in known.iter().flat_map(|file| lines(file)) {
        line.as_object_mut().unwrap().remove("change");
        let id = line["finding_id"].as_str().unwrap().to_owned();
        let revision = |line: &Value| line["revision"].as_i64().unwrap();
        if newest.get(&id).is_none_or(|known| revision(known) < revision(&line)) {
            newest.insert(id, line);
        }
    }
    with_state(&logs, folder.path(), &["--format", "jsonl", "--emit", "all"]);
    let current = lines(&out.join("findings_current.jsonl"));
    let current =
        current.into_iter().map(|line| (line["finding_id"].as_str().unwrap().into(), line));
    assert_eq!(newest, current.collect::<BTreeMap<String, Value>>());
    assert_eq!(files(&out.join("findings")), before);
}

#[test]
fn csv_and_ocsf_tell_the_same_changes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for log in sequence(folder.path()) {
        with_state(&[log], folder.path(), &["--format", "jsonl,csv,ocsf"]);
    }
    let all = told(&out, ".parquet");
    assert!(all.len() >= 4, "{all:?}");
    for parquet in all {
        let changes: Vec<(String, String)> = lines(&parquet.with_extension("jsonl"))
            .iter()
            .map(|line| (text(&line["finding_id"]), text(&line["change"])))
            .collect();
        let mut table = csv::Reader::from_path(parquet.with_extension("csv")).unwrap();
        let heads = table.headers().unwrap().clone();
        let column = |name| heads.iter().position(|head| head == name).unwrap();
        let (id, change) = (column("finding_id"), column("change"));
        let rows = table.records().map(|row| {
            let row = row.unwrap();
            (row[id].to_owned(), row[change].to_owned())
        });
        assert_eq!(rows.collect::<Vec<_>>(), changes);
        let events = lines(&parquet.with_extension("ocsf.jsonl")).into_iter().map(|event| {
            let word = match event["activity_id"].as_u64() {
                Some(1) => "new",
                Some(2) => "updated",
                Some(3) => "withdrawn",
                other => panic!("{other:?}"),
            };
            assert_eq!(event["status_id"], if word == "withdrawn" { 4 } else { 1 });
            (text(&event["finding_info"]["uid"]), word.to_owned())
        });
        assert_eq!(events.collect::<Vec<_>>(), changes);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn a_run_that_was_stopped_after_its_commit_is_told_by_the_next_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let [first, second, ..] = sequence(folder.path());
    let formats = ["--format", "jsonl"];
    with_state(std::slice::from_ref(&first), folder.path(), &formats);
    let jsonl = told(&out, ".jsonl");
    let before: Vec<Vec<u8>> = jsonl.iter().map(|file| std::fs::read(file).unwrap()).collect();

    // As a run leaves it that is killed right after its commit.
    std::fs::remove_dir_all(out.join("findings")).unwrap();
    with_state(std::slice::from_ref(&second), folder.path(), &formats);
    let again: Vec<Vec<u8>> = jsonl.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert_eq!(again, before);

    // Whoever takes the files away has them; and a format asked for later tells of later runs.
    let taken = told(&out, ".jsonl");
    for file in &taken {
        std::fs::remove_file(file).unwrap();
    }
    with_state(&[first, second], folder.path(), &["--format", "jsonl,csv"]);
    assert_eq!((told(&out, ".jsonl"), told(&out, ".csv")), (Vec::new(), Vec::new()));
}
