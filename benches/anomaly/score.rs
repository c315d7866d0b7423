//! Findings held against attacks.
//!
//! An attack is *found* by a finding of medium severity or higher that names its principal (for
//! strangers in an opened bucket: the bucket) and overlaps its time. Such a finding is *false* if it
//! overlaps no attack, by principal or bucket, until a day after the attack.

use trailsift::findings::Finding;
use trailsift::pipeline::Run;

use crate::organisation::{Attack, DAY, Plan, START, Strength};

/// The severity from which findings count.
const MEDIUM: f64 = 4.0;

/// How an attack fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Found,
    /// By findings of low severity alone.
    FoundLow,
    Missed,
}

/// What a finding turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It finds an attack.
    True,
    /// It is about the bucket of an attack, or just after it: neither found nor false.
    Near,
    False,
}

/// An attack, and how it fared.
pub(crate) struct Tried {
    pub(crate) kind: &'static str,
    pub(crate) strength: Strength,
    pub(crate) outcome: Outcome,
    /// For the list of missed attacks.
    pub(crate) text: String,
}

/// A finding of medium severity or higher, and what it turned out to be.
pub(crate) struct Said {
    pub(crate) detector: String,
    pub(crate) verdict: Verdict,
    /// For the list of false findings.
    pub(crate) text: String,
}

/// The result of a seed.
pub(crate) struct Score {
    pub(crate) seed: u64,
    /// Benign calls.
    pub(crate) benign: usize,
    pub(crate) tried: Vec<Tried>,
    pub(crate) said: Vec<Said>,
}

/// Holds the findings of a run against the attacks of its plan.
pub(crate) fn score(plan: &Plan, run: &Run) -> Score {
    let tried = plan.attacks.iter().map(|attack| tried(attack, &run.findings)).collect();
    let loud = run.findings.iter().filter(|finding| finding.severity >= MEDIUM);
    let said = loud.map(|finding| said(finding, &plan.attacks)).collect();
    Score { seed: plan.config.seed, benign: plan.benign.len(), tried, said }
}

fn tried(attack: &Attack, findings: &[Finding]) -> Tried {
    let best = findings
        .iter()
        .filter(|finding| finds(finding, attack))
        .map(|finding| finding.severity)
        .max_by(f64::total_cmp);
    let outcome = match best {
        Some(severity) if severity >= MEDIUM => Outcome::Found,
        Some(_) => Outcome::FoundLow,
        None => Outcome::Missed,
    };
    let text = format!(
        "{} ({}): {} on day {}, {} calls",
        attack.kind,
        attack.strength.name(),
        attack.principal,
        (attack.first - START) / DAY,
        attack.events.len()
    );
    Tried { kind: attack.kind, strength: attack.strength, outcome, text }
}

fn said(finding: &Finding, attacks: &[Attack]) -> Said {
    let verdict = if attacks.iter().any(|attack| finds(finding, attack)) {
        Verdict::True
    } else if attacks.iter().any(|attack| is_near(finding, attack)) {
        Verdict::Near
    } else {
        Verdict::False
    };
    let description: String = finding
        .description
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(220)
        .collect();
    let text = format!(
        "{:.1} {} day {}: {description}",
        finding.severity,
        finding.principal.as_deref().unwrap_or("-"),
        (finding.first_seen / 1_000_000 - START) / DAY,
    );
    Said { detector: finding.detector_id.clone(), verdict, text }
}

fn finds(finding: &Finding, attack: &Attack) -> bool {
    (names(finding, attack) || attack.open && touches(finding, attack))
        && overlaps(finding, attack, 0)
}

fn is_near(finding: &Finding, attack: &Attack) -> bool {
    names(finding, attack) && overlaps(finding, attack, DAY)
        || touches(finding, attack) && overlaps(finding, attack, 0)
}

fn names(finding: &Finding, attack: &Attack) -> bool {
    finding.principal.as_deref() == Some(attack.principal.as_str())
}

fn touches(finding: &Finding, attack: &Attack) -> bool {
    finding.buckets.iter().any(|bucket| attack.buckets.iter().any(|own| **own == **bucket))
}

fn overlaps(finding: &Finding, attack: &Attack, grace: i64) -> bool {
    finding.first_seen <= (attack.last + grace) * 1_000_000
        && finding.last_seen >= attack.first * 1_000_000
}
