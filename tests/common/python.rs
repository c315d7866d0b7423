//! Checks that are written in Python: with DuckDB, or against published schemas.

use std::path::Path;
use std::process::Command;

/// A Python that can `import` these modules: the one that `TRAILSIFT_DUCKDB_PYTHON` names, else
/// `python3`. Without one the test is skipped, aloud; with `TRAILSIFT_CI` set it fails.
pub fn python_or_skip(modules: &str) -> Option<String> {
    let named = std::env::var("TRAILSIFT_DUCKDB_PYTHON").ok();
    let python = named.unwrap_or_else(|| "python3".to_owned());
    let tried = Command::new(&python).args(["-c", &format!("import {modules}")]).output();
    if tried.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(std::env::var_os("TRAILSIFT_CI").is_none(), "no Python with {modules}");
    eprintln!("SKIPPED: no Python with {modules} (set TRAILSIFT_DUCKDB_PYTHON)");
    None
}

/// Runs a script with files as its arguments. What it printed if it failed.
pub fn run_script(python: &str, script: &str, files: &[&Path]) -> Result<(), String> {
    let mut command = Command::new(python);
    command.args(["-c", script]).args(files).env("PYTHONIOENCODING", "utf-8");
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said).into_owned()) }
}
