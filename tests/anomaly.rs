//! The judges of what is usual, from the built binary: detectors that are not shipped yet, over the
//! sample logs.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::path::{Path, PathBuf};

use common::{Finding, findings, scan};

fn detectors() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/anomaly").display().to_string()
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs/generated")
}

/// Findings of the judges `rare` and `spike`.
fn anomalies(out: &Path, more: &[&str]) -> Vec<Finding> {
    let detectors = detectors();
    let options: Vec<&str> = ["--detectors", &detectors].iter().chain(more).copied().collect();
    let ran = scan(&[samples()], out, &options);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let is_anomaly = |finding: &Finding| {
        finding.detector.starts_with("unusual_") && !finding.detector.starts_with("unusual_network")
            || finding.detector.ends_with("_of_principal")
                && !finding.detector.starts_with("unusual")
    };
    findings(out).into_iter().filter(is_anomaly).collect()
}

#[test]
fn what_is_usual_is_told_from_what_is_not_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let found = anomalies(&one, &["--threads", "1"]);
    assert!(found.iter().any(|f| f.detector == "unusual_read"), "{found:#?}");
    assert!(found.iter().any(|f| f.detector == "deletes_of_principal"), "{found:#?}");
    anomalies(&two, &["--threads", "2", "--memory", "64MiB"]);
    let bytes = |out: &Path| std::fs::read(out.join("findings.parquet")).unwrap();
    assert_eq!(bytes(&one), bytes(&two));
}
