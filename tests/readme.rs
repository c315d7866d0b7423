//! What the README shows is what happens: its main command runs, and its query gives the rows that
//! stand below it.
//!
//! The query needs a Python with the module `duckdb`: the one that `TRAILSIFT_DUCKDB_PYTHON` names,
//! else `python3`. Without one that test is skipped, aloud; with `TRAILSIFT_CI` set it fails.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::python::python_or_skip;

const QUERY: &str = "import sys, duckdb; duckdb.sql(sys.argv[1]).show(max_width=250)";

/// Runs the statements of each argument; every query must give rows.
const QUERIES: &str = "
import sys, duckdb
for block in sys.argv[1:]:
    for statement in filter(None, map(str.strip, block.split(';'))):
        if statement.startswith(('set ', 'create ')):
            duckdb.sql(statement)
        else:
            (rows,), = duckdb.sql('select count(*) from (' + statement + ')').fetchall()
            assert rows > 0, statement
";

/// The contents of the README's blocks of a language, in their order.
fn blocks(language: &str) -> Vec<String> {
    blocks_of("README.md", language)
}

fn blocks_of(page: &str, language: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let page = std::fs::read_to_string(page).expect("a page");
    let fence = format!("\n```{language}\n");
    let after = page.split(&fence).skip(1);
    after.map(|text| text.split("\n```").next().unwrap_or_default().to_owned()).collect()
}

/// The one block of a language.
fn block(language: &str) -> String {
    let found = blocks(language);
    assert_eq!(found.len(), 1, "blocks of {language}");
    found.into_iter().next().unwrap_or_default()
}

/// Runs the README's main command with this build and with `out` as the output folder.
fn scan(out: &Path) -> Output {
    let block = blocks("sh").into_iter().next().expect("a first command");
    let arguments = block.strip_prefix("cargo run --release -- ").expect("cargo runs trailsift");
    assert!(arguments.ends_with(" --out out"), "{arguments}");
    let arguments = arguments.split_whitespace().filter(|argument| *argument != "out");
    Command::new(env!("CARGO_BIN_EXE_trailsift"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .arg(out)
        .output()
        .expect("trailsift runs")
}

/// The cells of the rows of a table drawn with box characters; the heads are left out.
fn rows(table: &str) -> Vec<Vec<String>> {
    let body = table.lines().skip_while(|line| !line.starts_with('├'));
    let cells = |line: &str| {
        let inner = line.trim_matches('│').split('│');
        inner.map(|cell| cell.trim().to_owned()).collect()
    };
    body.filter(|line| line.starts_with('│')).map(cells).collect()
}

#[test]
fn there_are_two_commands_the_scan_and_the_tests() {
    let commands = blocks("sh");
    assert_eq!(commands.len(), 2, "{commands:?}");
    assert_eq!(commands.last().map(String::as_str), Some("cargo test"));
}

#[test]
fn the_main_command_writes_what_the_readme_lists() {
    let out = tempfile::tempdir().expect("a temporary folder");
    let output = scan(out.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("findings"));
    let mut files: Vec<String> = std::fs::read_dir(out.path())
        .expect("the output folder")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let readme = std::fs::read_to_string("README.md").expect("the README");
    let mut listed: Vec<String> = readme
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once("` |")?.0.to_owned()))
        .collect();
    listed.sort();
    assert_eq!(files, listed);
}

#[test]
fn the_queries_of_the_state_give_rows() {
    let Some(python) = python_or_skip("duckdb") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs");
    let mut scan = Command::new(env!("CARGO_BIN_EXE_trailsift"));
    scan.current_dir(folder.path()).arg("scan").arg(logs);
    let scanned = scan.args(["--state", "state", "--out", "out"]).output().expect("trailsift runs");
    assert!(scanned.status.success(), "{}", String::from_utf8_lossy(&scanned.stderr));
    let queries = blocks_of("docs/state.md", "sql");
    assert_eq!(queries.len(), 6, "{queries:?}");
    let mut run = Command::new(python);
    run.args(["-c", QUERIES]).args(queries).current_dir(folder.path());
    let output = run.output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_query_gives_the_rows_shown() {
    let Some(python) = python_or_skip("duckdb") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = scan(&folder.path().join("out"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(python)
        .args(["-c", QUERY, &block("sql")])
        .current_dir(folder.path())
        .env("PYTHONIOENCODING", "utf-8")
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (shown, given) = (block("text"), String::from_utf8_lossy(&output.stdout));
    assert!(!rows(&shown).is_empty());
    assert_eq!(rows(&given), rows(&shown), "README.md shows other rows; the query gives:\n{given}");
}
