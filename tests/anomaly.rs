//! The judges of what is usual, from the built binary, over the sample logs.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::path::{Path, PathBuf};

use common::{Finding, findings, scan, trailsift};

fn detectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("detectors/anomaly")
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs/generated")
}

/// Findings of the judges `rare` and `spike`.
fn anomalies(out: &Path, more: &[&str]) -> Vec<Finding> {
    let ran = scan(&[samples()], out, more);
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

#[test]
fn what_a_detector_says_wrongly_is_named_and_not_passed_over() {
    let of = |name: &str| std::fs::read_to_string(detectors().join(name)).unwrap();
    let (rare, spike) = (of("unusual_read.yml"), of("read_volume_of_principal.yml"));
    let slow = of("../exfiltration/slow_exfiltration_of_bytes.yml");
    let six = "group_by: [actor, bucket, aws_region, error_code, session_name]";
    for (text, from, to, message) in [
        (&rare, "group_by: [actor]", six, "more than 4 features"),
        (&rare, "given source_country", "given nothing", "is no feature before it"),
        (&rare, "hour]", "bucket]", "named twice"),
        (&rare, "bits: 40", "bits: 4", "ascending"),
        (&rare, "judge: rare", "judge: spike", "belong together"),
        (&rare, "features: [event_name, ", "features: [", "must be among the features"),
        (&spike, "quantile: 0.99", "quantile: 99", "at most 1"),
        (&spike, "total: bytes_out", "total: bytes", "is one of events"),
        (&slow, "total: bytes_out", "total: bytes", "`new_objects` or `bytes_out`"),
        (&slow, "windows: [7, 30]", "windows: [30, 7]", "ascending"),
        (&slow, "windows: [7, 30]", "windows: [7, 999]", "up to 366"),
        (&slow, "factor: 2,", "factor: 1,", "above 1"),
        (&slow, "judge: cusum", "judge: spike", "belong together"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        assert!(text.contains(from), "{from}");
        // Under its name it stands for the shipped one.
        let name = match text {
            text if text == &rare => "anomaly/unusual_read.yml",
            text if text == &spike => "anomaly/read_volume_of_principal.yml",
            _ => "exfiltration/slow_exfiltration_of_bytes.yml",
        };
        let file = folder.path().join(name);
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        std::fs::write(file, text.replacen(from, to, 1)).unwrap();
        let path = folder.path().to_str().unwrap();
        let ran = trailsift(["detectors", "check", path]);
        let said = format!("{}{}", ran.out, ran.err);
        assert!(ran.status != 0 && said.contains(message), "{to}: {said}");
    }
}
