//! Runs with a state: any split into runs gives what one run gives, nothing is counted twice, late
//! events revise and withdraw, and a run that is killed leaves nothing half-done.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;
#[path = "../benches/generate/mod.rs"]
mod generate;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Date32Type, Int64Type};
use arrow::row::{RowConverter, SortField};
use common::{Ran, files, run_json, scan, table};
use jiff::civil::Date;
use proptest::prelude::*;
use serde_json::{Value, json};

const CURRENT: &str = "findings_current.parquet";

/// The findings of one file or several: (id, status, revision, everything else).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    day: i32,
    id: String,
    detector: String,
    revision: i64,
    status: String,
    content: Vec<u8>,
}

fn rows(path: &Path) -> Vec<Row> {
    let batches = table(path);
    let Some(first) = batches.first() else { return Vec::new() };
    let batch = concat_batches(&first.schema(), &batches).unwrap();
    let contents = contents(&batch);
    let text = |name: &str, row: usize| {
        batch.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned()
    };
    let days = batch.column_by_name("day").unwrap().as_primitive::<Date32Type>();
    let revisions = batch.column_by_name("revision").unwrap().as_primitive::<Int64Type>();
    let row = |row: usize| Row {
        day: days.value(row),
        id: text("finding_id", row),
        detector: text("detector_id", row),
        revision: revisions.value(row),
        status: text("status", row),
        content: contents[row].clone(),
    };
    (0..batch.num_rows()).map(row).collect()
}

/// All columns but `revision` and `status`.
fn contents(batch: &RecordBatch) -> Vec<Vec<u8>> {
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| field.name());
    let columns: Vec<ArrayRef> = names
        .filter(|name| *name != "revision" && *name != "status")
        .map(|name| batch.column_by_name(name).unwrap().clone())
        .collect();
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone()));
    let converter = RowConverter::new(fields.collect()).unwrap();
    let rows = converter.convert_columns(&columns).unwrap();
    rows.iter().map(|row| row.as_ref().to_vec()).collect()
}

/// The active findings, revisions left out.
fn active(out: &Path) -> BTreeMap<String, (i32, String, Vec<u8>)> {
    let active = rows(&out.join(CURRENT)).into_iter().filter(|row| row.status == "active");
    active.map(|row| (row.id, (row.day, row.detector, row.content))).collect()
}

fn with_state(inputs: &[PathBuf], folder: &Path, more: &[&str]) -> Ran {
    let state = folder.join("state");
    let arguments = [&["--state", state.to_str().unwrap()], more].concat();
    scan(inputs, &folder.join("out"), &arguments)
}

/// Ninety days in three accounts: longer than history is kept.
fn dump(folder: &Path) -> Vec<PathBuf> {
    let out = folder.join("dump");
    let config = generate::Config {
        out: out.clone(),
        events: 8_000,
        days: 90,
        accounts: 3,
        churn: true,
        ..Default::default()
    };
    generate::generate(&config).unwrap();
    let objects = files(&out);
    for object in objects.iter().filter(|object| is_copied(object)) {
        // As another trail of the same account delivers it.
        let (name, rest) = object.to_str().unwrap().rsplit_once('_').unwrap();
        let (unique, ending) = rest.split_once('.').unwrap();
        let other: String = unique.chars().rev().collect();
        std::fs::copy(object, format!("{name}_{other}.{ending}")).unwrap();
    }
    files(&out)
}

/// Whether two trails deliver the object's events: by its minute, which both copies have.
fn is_copied(object: &Path) -> bool {
    let name = object.file_name().unwrap().to_str().unwrap();
    name.split('_').nth(3).unwrap().as_bytes()[11].is_multiple_of(4)
}

/// The day in the name of an object.
fn delivered(object: &Path) -> Date {
    let name = object.file_name().unwrap().to_str().unwrap();
    name.split('_').nth(3).unwrap()[..8].parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn any_split_into_runs_within_lateness_gives_what_one_run_gives(
        seed in any::<u64>(), runs in 2usize..9,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let objects = dump(folder.path());
        let one = folder.path().join("one");
        let more = &common::anomalies(folder.path());
        prop_assert_eq!(with_state(&objects, &one, &["--detectors", more]).status, 0);
        let expected = active(&one.join("out"));
        prop_assert!(expected.len() > 20, "{}", expected.len());
        let by: BTreeSet<&str> = expected.values().map(|(_, by, _)| by.as_str()).collect();
        prop_assert!(by.contains("low_unusual_read"), "{by:?}");
        prop_assert!(by.contains("low_deletes_of_principal"), "{by:?}");

        let mut random = fastrand::Rng::with_seed(seed);
        let mut arrival = |object: &PathBuf| {
            let late = if is_copied(object) { 0..3 } else { 0..6 };
            (delivered(object) + jiff::Span::new().days(random.i64(late)), object.clone())
        };
        let mut arriving: Vec<(Date, PathBuf)> = objects.iter().map(&mut arrival).collect();
        random.shuffle(&mut arriving);
        arriving.sort_by_key(|(day, _)| *day);
        let mut cuts: Vec<usize> = (1..runs).map(|_| random.usize(0..arriving.len())).collect();
        cuts.extend([0, arriving.len()]);
        cuts.sort_unstable();
        let split = folder.path().join("split");
        for cut in cuts.windows(2) {
            // Objects of a day that is cut in two come in either run.
            let mut part: Vec<PathBuf> =
                arriving[cut[0]..cut[1]].iter().map(|(_, object)| object.clone()).collect();
            random.shuffle(&mut part);
            if part.is_empty() {
                continue;
            }
            let ran = with_state(&part, &split, &["--threads", "2", "--detectors", more]);
            prop_assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
            prop_assert_eq!(&run_json(&split.join("out"))["records"]["too_late"], &json!(0));
        }
        let found = active(&split.join("out"));
        let ids = |all: &BTreeMap<String, (i32, String, Vec<u8>)>| {
            all.iter().map(|(id, (day, by, _))| (*day, by.clone(), id.clone())).collect::<BTreeSet<_>>()
        };
        prop_assert_eq!(ids(&found), ids(&expected));
        for (id, finding) in &expected {
            prop_assert_eq!(&found[id], finding, "{} of {}", id, finding.1);
        }
        prop_assert_eq!(newest(&split.join("out")), rows(&split.join("out").join(CURRENT)));
    }
}

/// The newest row per id of all that the runs have published.
fn newest(out: &Path) -> Vec<Row> {
    let mut newest: BTreeMap<(i32, String), Row> = BTreeMap::new();
    for file in files(&out.join("findings")) {
        for row in rows(&file) {
            let key = (row.day, row.id.clone());
            if newest.get(&key).is_none_or(|known| known.revision < row.revision) {
                newest.insert(key, row);
            }
        }
    }
    newest.into_values().collect()
}

/// A read, `day` days after 2026-02-28.
fn read(user: &str, day: i64) -> Value {
    common::logs::read(user, day, &format!("{user}-{day}"))
}

fn write(path: PathBuf, records: &[Value]) -> PathBuf {
    std::fs::write(&path, json!({ "Records": records }).to_string()).unwrap();
    path
}

/// Alice reads every day from the 1st to the 20th, Bob on the 20th.
fn bob_is_new(folder: &Path) -> PathBuf {
    let mut records: Vec<Value> = (1..=20).map(|day| read("alice", day)).collect();
    records.push(read("bob", 20));
    write(folder.join("first.json"), &records)
}

fn on_bucket(out: &Path) -> Vec<(i64, String)> {
    let ours =
        rows(&out.join(CURRENT)).into_iter().filter(|r| r.detector == "new_principal_on_bucket");
    ours.map(|row| (row.revision, row.status)).collect()
}

#[test]
fn late_events_withdraw_what_they_explain_and_too_late_ones_are_history() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let first = bob_is_new(folder.path());
    let ran = with_state(std::slice::from_ref(&first), folder.path(), &[]);
    assert!(ran.out.contains("3 new, 0 revised, 0 withdrawn"), "{}", ran.out);
    assert_eq!(on_bucket(&out), [(1, "active".to_owned())]);

    // Bob was there four days before: that day is the new one.
    let late = write(folder.path().join("late.json"), &[read("bob", 16)]);
    let ran = with_state(&[first.clone(), late.clone()], folder.path(), &[]);
    assert!(ran.out.contains("3 new, 0 revised, 3 withdrawn"), "{}", ran.out);
    assert!(ran.out.contains("processed by an earlier run"), "{}", ran.out);
    let (new, gone) = ((1, "active".to_owned()), (2, "withdrawn".to_owned()));
    assert_eq!(on_bucket(&out), [new.clone(), gone.clone()]);
    assert_eq!(newest(&out), rows(&out.join(CURRENT)));

    // So late that the day of its finding is closed.
    let too_late = write(folder.path().join("too-late.json"), &[read("bob", 9)]);
    let ran = with_state(&[first, late, too_late], folder.path(), &[]);
    assert!(ran.out.contains("1 event: their days are closed"), "{}", ran.out);
    assert_eq!(run_json(&out)["records"]["too_late"], 1);
    // The 16th is no longer new; the 9th is not judged.
    assert_eq!(on_bucket(&out), [(2, "withdrawn".to_owned()), gone]);
}

#[test]
fn a_time_that_has_not_come_yet_makes_nothing_late() {
    let folder = tempfile::tempdir().unwrap();
    let first = bob_is_new(folder.path());
    let mut forged = read("mallory", 20);
    forged["eventTime"] = json!("9998-12-31T23:59:59Z");
    let forged = write(folder.path().join("forged.json"), &[forged]);
    assert_eq!(with_state(&[first, forged], folder.path(), &[]).status, 0);
    let next = write(folder.path().join("next.json"), &[read("carol", 21)]);
    let ran = with_state(&[next], folder.path(), &[]);
    assert_eq!(run_json(&folder.path().join("out"))["records"]["too_late"], 0, "{}", ran.out);
    assert!(ran.out.contains("3 new, 0 revised, 0 withdrawn"), "{}", ran.out);
}

#[test]
fn a_second_run_over_the_same_logs_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let first = bob_is_new(folder.path());
    with_state(std::slice::from_ref(&first), folder.path(), &[]);
    let snapshot = || -> BTreeMap<PathBuf, Vec<u8>> {
        let all = files(folder.path()).into_iter();
        let kept = all.filter(|path| path.extension().is_some_and(|e| e == "parquet"));
        // These two tell of the run itself.
        let of_the_run = ["out/manifest.parquet", "out/first_appearances.parquet"];
        kept.filter(|path| !of_the_run.iter().any(|name| path.ends_with(name)))
            .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
            .collect()
    };
    let before = snapshot();
    let ran = with_state(std::slice::from_ref(&first), folder.path(), &["--fail-on", "low"]);
    assert_eq!(ran.status, 0, "nothing is new: {}{}", ran.out, ran.err);
    assert!(ran.out.contains("nothing new"), "{}", ran.out);
    assert!(before == snapshot(), "a file has changed");
    assert_eq!(run_json(&folder.path().join("out"))["objects"]["skipped"], 1);
}

#[test]
fn no_record_counts_twice() {
    let folder = tempfile::tempdir().unwrap();
    let whole = bob_is_new(folder.path());
    with_state(std::slice::from_ref(&whole), &folder.path().join("one"), &[]);
    let expected = active(&folder.path().join("one/out"));
    let balanced = |out: &Path| -> Value {
        let run = run_json(out);
        assert_eq!(run["balances"], true, "{run}");
        run["records"].clone()
    };

    // A part of the object, then all of it.
    let bounded = folder.path().join("bounded");
    with_state(std::slice::from_ref(&whole), &bounded, &["--until", "2026-03-15"]);
    with_state(std::slice::from_ref(&whole), &bounded, &[]);
    let records = balanced(&bounded.join("out"));
    assert_eq!((&records["duplicates"], &records["analysed"]), (&json!(14), &json!(7)));
    assert_eq!(active(&bounded.join("out")), expected);

    // A copy that was cut short, then the whole object.
    let cut = folder.path().join("cut");
    let text = std::fs::read_to_string(&whole).unwrap();
    std::fs::write(&whole, &text[..text.len() / 2]).unwrap();
    assert_eq!(with_state(std::slice::from_ref(&whole), &cut, &[]).status, 4);
    std::fs::write(&whole, &text).unwrap();
    assert_eq!(with_state(std::slice::from_ref(&whole), &cut, &[]).status, 0);
    let records = balanced(&cut.join("out"));
    assert!(records["duplicates"].as_u64().unwrap() > 5, "{records}");
    assert_eq!(active(&cut.join("out")), expected);

    // The same object in another folder, in the same run and in a later one.
    let name = "111122223333_CloudTrail_eu-west-1_20260320T1015Z_abcdefgh12345678.json";
    let copies = ["a", "b", "c"].map(|copy| {
        std::fs::create_dir(folder.path().join(copy)).unwrap();
        let path = folder.path().join(copy).join(name);
        std::fs::copy(&whole, &path).unwrap();
        path
    });
    let moved = folder.path().join("moved");
    let ran = with_state(&copies[..2], &moved, &[]);
    assert!(ran.out.contains("1 a copy of another object"), "{}", ran.out);
    let ran = with_state(&copies[2..], &moved, &[]);
    assert!(ran.out.contains("1 processed by an earlier run"), "{}", ran.out);
    assert_eq!(active(&moved.join("out")).len(), expected.len());
}

#[test]
fn a_copy_that_another_run_meets_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let first = bob_is_new(folder.path());
    assert_eq!(with_state(std::slice::from_ref(&first), folder.path(), &[]).status, 0);
    let before = active(&out);
    // Another trail delivers what the first has delivered, and one event more.
    let mut records: Vec<Value> = (18..=20).map(|day| read("alice", day)).collect();
    records.push(read("bob", 20));
    records.push(read("alice", 21));
    let mut other = read("alice", 20);
    other["sourceIPAddress"] = json!("192.0.2.99");
    records.push(other);
    let second = write(folder.path().join("0-before-by-name.json"), &records);
    assert_eq!(with_state(std::slice::from_ref(&second), folder.path(), &[]).status, 0);
    let run = run_json(&out);
    let records = &run["records"];
    assert_eq!(
        (&records["analysed"], &records["duplicates"], &records["conflict"]),
        (&json!(2), &json!(4), &json!(1)),
        "{records}"
    );
    assert_eq!(run["balances"], true);
    let one = folder.path().join("one");
    assert_eq!(with_state(&[first.clone(), second], &one, &[]).status, 0);
    assert_eq!(active(&out), active(&one.join("out")), "evidence and counts are those of one run");
    assert_ne!(active(&out), before);

    // Days later nobody delivers copies any more, and the ids are gone.
    let later = write(folder.path().join("later.json"), &[read("alice", 26)]);
    with_state(&[later], folder.path(), &[]);
    let copy = write(folder.path().join("copy.json"), &[read("alice", 20)]);
    with_state(&[copy], folder.path(), &[]);
    assert_eq!(run_json(&out)["records"]["duplicates"], 0);
}

#[test]
fn a_state_or_output_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = bob_is_new(folder.path());
    let inputs = std::slice::from_ref(&first);
    std::fs::create_dir(folder.path().join("state")).unwrap();
    std::fs::write(folder.path().join("state/notes.txt"), "").unwrap();
    let ran = with_state(inputs, folder.path(), &[]);
    assert_eq!(ran.status, 1, "{}", ran.out);
    assert!(ran.err.contains("holds `notes.txt` and no manifest"), "{}", ran.err);

    std::fs::remove_file(folder.path().join("state/notes.txt")).unwrap();
    with_state(inputs, folder.path(), &[]);
    let ran = scan(inputs, &folder.path().join("out"), &[]);
    assert_eq!(ran.status, 2, "{}", ran.out);
    assert!(ran.err.contains("holds the findings of runs with `--state`"), "{}", ran.err);

    let manifest = folder.path().join("state/manifest-00000001.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"version\": 2", "\"version\": 3")).unwrap();
    let ran = with_state(inputs, folder.path(), &[]);
    assert_eq!(ran.status, 1, "{}", ran.out);
    assert!(ran.err.contains("schema version 3, written by trailsift"), "{}", ran.err);
    for more in [&["--history", "7d", "--since", "2026-03-01"][..], &["--partial", "part"]] {
        assert_eq!(with_state(inputs, folder.path(), more).status, 2, "{more:?}");
    }
}

#[test]
fn a_detector_that_is_new_to_the_state_learns_first() {
    let folder = tempfile::tempdir().unwrap();
    let detectors = folder.path().join("detectors");
    std::fs::create_dir(&detectors).unwrap();
    let rule = "title: New caller\nname: new_caller\nstatus: test\nlevel: low\n\
        logsource: {product: aws, service: cloudtrail}\n\
        detection:\n  read:\n    eventName: GetObject\n  condition: read\n\
        trailsift:\n  judge: first_seen\n  group_by: [principal]\n  min_history_days: 3\n";
    std::fs::write(detectors.join("new_caller.yml"), rule).unwrap();
    let with = ["--detectors", detectors.to_str().unwrap()];
    let first = bob_is_new(folder.path());
    with_state(std::slice::from_ref(&first), folder.path(), &[]);
    let by = |detector: &str| {
        let rows = rows(&folder.path().join("out").join(CURRENT));
        rows.into_iter().filter(|row| row.detector == detector).count()
    };
    let day = |day: i64, users: &[&str]| {
        let records: Vec<Value> = users.iter().map(|user| read(user, day)).collect();
        write(folder.path().join(format!("{day}.json")), &records)
    };
    // The account has a history of twenty days, but none of it is the detector's.
    let ran = with_state(&[day(21, &["alice", "carol"])], folder.path(), &with);
    assert!(ran.out.contains("their history begins now: new_caller"), "{}", ran.out);
    assert_eq!(by("new_caller"), 0, "alice is not new");
    for next in 22..=25 {
        with_state(&[day(next, &["alice"])], folder.path(), &with);
    }
    with_state(&[day(26, &["alice", "dave"])], folder.path(), &with);
    assert_eq!(by("new_caller"), 1);
    let ran = with_state(&[day(27, &["alice"])], folder.path(), &[]);
    assert!(ran.out.contains("no detector asks for now"), "{}", ran.out);
    assert_eq!(by("new_caller"), 1, "what it found stands");
}

fn start(inputs: &[PathBuf], folder: &Path) -> std::process::Child {
    let mut arguments: Vec<OsString> = vec!["scan".into()];
    arguments.extend(["--tune".into(), common::few_detectors(folder).into()]);
    arguments.extend(inputs.iter().map(Into::into));
    arguments.extend(["--out".into(), folder.join("out").into()]);
    arguments.extend(["--state".into(), folder.join("state").into()]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailsift"));
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
}

/// What counts of a run: the published findings, and the files of the state.
fn left(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let is_temporary = |path: &Path| path.file_name().unwrap().to_str().unwrap().starts_with('.');
    let name = |path: &Path| path.strip_prefix(folder).unwrap().to_path_buf();
    let kept = files(folder).into_iter().filter(|path| {
        let path = name(path);
        path.starts_with("state") || path.starts_with("out/findings") || path.ends_with(CURRENT)
    });
    kept.filter(|path| path.starts_with(folder.join("state")) || !is_temporary(path))
        .map(|path| (name(&path), std::fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn a_run_killed_at_any_moment_and_run_again_equals_an_undisturbed_one() {
    let folder = tempfile::tempdir().unwrap();
    let objects = dump(folder.path());
    let (first, second) = objects.split_at(objects.len() / 2);
    let base = folder.path().join("base");
    assert!(start(first, &base).wait().unwrap().success());
    let undisturbed = folder.path().join("undisturbed");
    copy(&base, &undisturbed);
    let started = Instant::now();
    assert!(start(second, &undisturbed).wait().unwrap().success());
    let length = started.elapsed();
    let expected = left(&undisturbed);
    let mut random = fastrand::Rng::with_seed(50);
    let mut killed = 0;
    for trial in 0..50 {
        let folder = folder.path().join(format!("trial-{trial}"));
        copy(&base, &folder);
        let mut run = start(second, &folder);
        let moment = length.mul_f64(random.f64());
        let begun = Instant::now();
        while begun.elapsed() < moment {
            std::thread::yield_now();
        }
        run.kill().unwrap();
        killed += usize::from(!run.wait().unwrap().success());
        assert!(start(second, &folder).wait().unwrap().success());
        let left = left(&folder);
        let names = |left: &BTreeMap<PathBuf, Vec<u8>>| left.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&left), names(&expected), "killed after {moment:?}");
        assert!(left == expected, "another content; killed after {moment:?}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
    assert!(killed > 10, "only {killed} runs were killed before their end");
    assert!(length > Duration::ZERO);
}
