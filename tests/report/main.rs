//! The HTML report, of real scans: what it says, that equal outputs give equal bytes, and, in a real
//! browser, that it can be used and that nothing from the logs does anything in it.
//!
//! The browser is the Chromium that `TRAILSIFT_CHROMIUM` names, else Debian's, driven by the
//! `playwright-core` in the folder that `TRAILSIFT_PLAYWRIGHT` names. Without them those tests are
//! skipped, aloud; with `TRAILSIFT_CI` set they fail.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod many;

use std::path::{Path, PathBuf};

use common::browser::browser_or_skip;
use common::{Ran, scan, trailsift};

fn sample_logs() -> Vec<PathBuf> {
    vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs")]
}

/// Reports on a folder and gives what it printed, and the page.
fn report(dir: &Path, more: &[&str]) -> (Ran, String) {
    let mut arguments = vec!["report", dir.to_str().unwrap()];
    arguments.extend(more);
    let ran = trailsift(arguments);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    (ran, std::fs::read_to_string(dir.join("report.html")).unwrap())
}

/// Runs a part of `check.cjs` on the report of a folder.
fn check(part: &str, dir: &Path) {
    let Some(browser) = browser_or_skip() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report/check.cjs");
    browser.run(&script, &[part, dir.join("report.html").to_str().unwrap()]);
}

#[test]
fn the_report_of_the_sample_logs_can_be_used_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    assert_eq!(scan(&sample_logs(), &out, &[]).status, 0);
    let (ran, page) = report(&out, &[]);
    assert!(ran.out.contains("report.html: "), "{}", ran.out);
    assert!(page.contains("arn:aws:iam::123837392027:user/user-one"));
    assert!(page.contains("14,280 analysed"));
    let (_, again) = report(&out, &[]);
    assert!(page == again, "equal outputs give equal bytes");
    check("use", &out);
    let (_, berlin) = report(&out, &["--tz", "Europe/Berlin"]);
    assert!(berlin.contains("2023-07-10 13:42:18 +02:00"), "the zone's offset stands beside times");
    check("zone", &out);
    let ran = scan(&sample_logs(), &out, &[]);
    assert!(ran.out.contains("report.html` tells of an earlier run"), "{}", ran.out);
    let (_, after) = report(&out, &[]);
    assert!(!after.contains("an earlier run"), "it is of this run now");
}

#[test]
fn what_attackers_write_stays_text() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, out) = (folder.path().join("logs"), folder.path().join("out"));
    hostile::write(&logs);
    let ran = scan(&[logs], &out, &["--suppress", &hostile::suppression(folder.path())]);
    // Part of it cannot be read.
    assert_eq!(ran.status, 4, "{}{}", ran.out, ran.err);
    let (_, page) = report(&out, &[]);
    for raw in ["<img", "<svg", "<b>bold", "alert(1)</script", "\u{202e}", "\u{1b}", "\u{200b}"] {
        assert!(!page.contains(raw), "{raw:?} reached the page");
    }
    assert!(page.contains("\\u{202e}") || page.contains("\\\\u{202e}"), "it is shown instead");
    // Two of the page's own, and the data; nothing that a value has closed or opened.
    assert_eq!(page.matches("<script").count(), 3);
    assert_eq!(page.matches("</script").count(), 3);
    check("hostile", &out);
}

#[test]
fn fifty_thousand_findings_are_shown_and_the_rest_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    assert_eq!(scan(&sample_logs(), &out, &[]).status, 0);
    many::multiply(&out.join("findings.parquet"), 50_010);
    let (ran, page) = report(&out, &[]);
    assert!(ran.out.contains("50010 findings"), "{}", ran.out);
    assert!(ran.out.contains("10 of them did not fit"), "{}", ran.out);
    assert!(page.contains("10 others did not fit"));
    check("many", &out);
}

#[test]
fn the_report_of_a_state_is_of_all_its_findings() {
    let folder = tempfile::tempdir().unwrap();
    let (out, state) = (folder.path().join("out"), folder.path().join("state"));
    let state = ["--state", state.to_str().unwrap()];
    let first = [sample_logs()[0].join("invictus-stratus-2023")];
    assert_eq!(scan(&first, &out, &state).status, 0);
    let (_, before) = report(&out, &[]);
    assert!(before.contains("arn:aws:iam::123837392027:user/user-one"));
    assert_eq!(scan(&sample_logs(), &out, &state).status, 0);
    let (_, after) = report(&out, &[]);
    for principal in ["123837392027:user/user-one", "111122223333:user/storage-operator"] {
        assert!(after.contains(principal), "{principal}");
    }
    assert!(after.contains("findings_current.parquet"));
}

#[test]
fn a_folder_without_a_finished_run_is_refused_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    for dir in [folder.path(), &absent] {
        let ran = trailsift(["report", dir.to_str().unwrap()]);
        assert_eq!(ran.status, 2, "{}", ran.err);
        assert!(ran.err.contains("holds no finished run"), "{}", ran.err);
    }
    assert!(!absent.exists());
    std::fs::write(folder.path().join("run.json"), "{").unwrap();
    let ran = trailsift(["report", folder.path().to_str().unwrap()]);
    assert_eq!(ran.status, 1, "{}", ran.err);
}
