//! Every file of `queries/` runs as it is over converted and scanned logs, and its answer is what
//! Python makes of the logs themselves; docs/schema.md names the columns that DuckDB sees.
//!
//! Needs a Python with the module `duckdb`: the one that `TRAILSIFT_DUCKDB_PYTHON` names, else
//! `python3`. Without one the test is skipped, aloud; with `TRAILSIFT_CI` set it fails.

#![allow(
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::fs;
use std::path::Path;

use common::python::{python_or_skip, run_script};
use common::trailsift;

const SCRIPT: &str = include_str!("queries/check.py");
const SAMPLES: &str = "sample-logs";
/// What the samples lack: presigned URLs, keys of multi-object deletes, lifecycle, hostile keys.
const ODD: &str = "tests/queries/logs";

/// Runs `command` over logs; one object of [`ODD`] is cut short, which convert tells by its status.
fn run(command: &str, logs: &[&Path], out: &Path, expected: u8) {
    let logs = logs.iter().map(|path| path.as_os_str());
    let out = ["--quiet".as_ref(), "--out".as_ref(), out.as_os_str()];
    let ran = trailsift(std::iter::once(command.as_ref()).chain(logs).chain(out));
    assert_eq!(ran.status, expected, "{}{}", ran.out, ran.err);
}

#[test]
fn every_query_answers_what_the_logs_say() {
    let Some(python) = python_or_skip("duckdb") else { return };
    let folder = tempfile::tempdir().unwrap();
    let [events, scan, twice, copies] =
        ["events", "scan", "twice", "copies"].map(|name| folder.path().join(name));
    let logs: [&Path; 2] = [SAMPLES.as_ref(), ODD.as_ref()];
    run("convert", &logs, &events, 4);
    run("scan", &logs, &scan, 4);
    fs::create_dir(&copies).unwrap();
    for name in ["a.json", "b.json"] {
        fs::copy(Path::new(ODD).join("odd.json"), copies.join(name)).unwrap();
        run("convert", &[&copies], &twice, 0);
    }
    let checked = run_script(&python, SCRIPT, &[&events, &scan, &twice, logs[0], logs[1]]);
    assert_eq!(checked, Ok(()), "{}", checked.as_ref().err().map_or("", String::as_str));
}
