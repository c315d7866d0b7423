//! What raises the severity of a finding, whatever found it: calls of the root user, calls from
//! listed addresses, and buckets that somebody has called sensitive. Attempts that all failed are not
//! raised, nor what recurs or is weak alone, nor detectors that weigh such things themselves.

use wildmatch::WildMatch;

use super::finding::{Finding, Outcome};
use crate::detect::rules::Detector;
use crate::intel::{Intel, Kind};

/// What each reason raises by.
const RAISE: f64 = 1.0;
/// The scale's end.
const HIGHEST: f64 = 10.0;
/// Signs that are weak alone, and work that recurs, are of this severity at most.
const WEAK: f64 = 3.0;

/// Raises the severity, and says why in the description.
pub(super) fn weigh(
    finding: &mut Finding,
    detector: &Detector,
    intel: &Intel,
    sensitive: &[WildMatch],
) {
    let metadata = &detector.metadata;
    if !metadata.weighed || finding.severity <= WEAK || finding.outcome() == Outcome::Failed {
        return;
    }
    let is_of_lists =
        |kind: &Kind| matches!(kind, Kind::ThreatList | Kind::Labelled(_) | Kind::Trusted);
    let is_listed = |address: &str| {
        let known = intel.address(address);
        known.threat_lists.is_some() && !known.trusted
    };
    let is_sensitive = |bucket: &str| sensitive.iter().any(|pattern| pattern.matches(bucket));
    let reasons = [
        ("root user", finding.principal_type.as_deref() == Some("Root")),
        (
            "listed address",
            !metadata.needs.iter().any(is_of_lists)
                && finding.source_ips.iter().any(|address| is_listed(address)),
        ),
        ("sensitive bucket", finding.buckets.iter().any(|bucket| is_sensitive(bucket))),
    ];
    let reasons: Vec<&str> =
        reasons.into_iter().filter(|(_, holds)| *holds).map(|(reason, _)| reason).collect();
    if reasons.is_empty() {
        return;
    }
    let raised = reasons.iter().fold(finding.severity, |severity, _| severity + RAISE);
    let text = format!(
        "; severity raised from {:.1} to {:.1}: {}",
        finding.severity,
        raised.min(HIGHEST),
        reasons.join(", ")
    );
    finding.severity = raised.min(HIGHEST);
    finding.description.push_str(&text);
}
