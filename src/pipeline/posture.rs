//! What the findings say of the twelve S3 best practices. Logs show what was done against a practice,
//! never that it is followed: where nothing was seen the word is "not observed", not "ok".

use std::collections::BTreeSet;

use serde::Serialize;

use super::run::Run;
use crate::detect::rules::Plan;
use crate::findings::Finding;

/// The practices: id in detector files, and title. Source: S3 user guide, "Security best practices
/// for Amazon S3".
pub const PRACTICES: &[(&str, &str)] = &[
    ("least-privilege", "least privilege"),
    ("acls", "ACLs off"),
    ("block-public-access", "Block Public Access"),
    ("privatelink", "PrivateLink"),
    ("server-side-encryption", "server-side encryption"),
    ("client-side-encryption", "client-side encryption"),
    ("cloudtrail", "CloudTrail"),
    ("guardduty", "GuardDuty and access logs"),
    ("versioning", "versioning"),
    ("mfa-delete", "MFA delete"),
    ("object-lock", "Object Lock"),
    ("replication", "replication"),
];

/// A detector that ran, by the practice that it guards.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    practice: String,
    needs_data_events: bool,
}

/// Those of a plan.
pub(super) fn guards(plan: &Plan) -> Vec<Guard> {
    let guard = |practice: &String, needs_data_events| Guard {
        practice: practice.clone(),
        needs_data_events,
    };
    plan.raising()
        .filter_map(|metadata| Some(guard(metadata.practice.as_ref()?, metadata.needs_data_events)))
        .collect()
}

/// What was seen of a practice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Posture {
    /// Its id.
    pub practice: &'static str,
    /// Its title.
    pub title: &'static str,
    /// How many detectors looked.
    pub detectors: usize,
    /// Findings to be seen.
    pub findings: usize,
    /// The highest severity of them.
    pub highest: Option<f64>,
    /// The buckets of the most severe finding.
    pub buckets: Vec<String>,
    /// What that comes to, in words.
    pub observed: String,
}

impl Run {
    /// What was seen of each practice, in the order of [`PRACTICES`].
    #[must_use]
    pub fn posture(&self) -> Vec<Posture> {
        PRACTICES.iter().map(|(practice, title)| self.posture_of(practice, title)).collect()
    }

    fn posture_of(&self, practice: &'static str, title: &'static str) -> Posture {
        let is_of = |finding: &&Finding| finding.practice.as_deref() == Some(practice);
        let found: Vec<&Finding> = self.visible().filter(is_of).collect();
        let guards: Vec<&Guard> =
            self.guards.iter().filter(|guard| guard.practice == practice).collect();
        // Findings come most severe first.
        let worst = found.first();
        let buckets = worst.iter().flat_map(|finding| &finding.buckets).map(ToString::to_string);
        Posture {
            practice,
            title,
            detectors: guards.len(),
            findings: found.len(),
            highest: worst.map(|finding| finding.severity),
            buckets: buckets.collect(),
            observed: match worst {
                Some(worst) => observed(&found, worst),
                None => self.unobserved(&guards),
            },
        }
    }

    /// Why nothing was seen.
    fn unobserved(&self, guards: &[&Guard]) -> String {
        let looks_at_data = guards.iter().any(|guard| guard.needs_data_events);
        let looks_at_management = guards.iter().any(|guard| !guard.needs_data_events);
        let seen = looks_at_data && self.coverage.has_data_events()
            || looks_at_management && self.coverage.has_management_events();
        if guards.is_empty() {
            "not looked at: no detector of it ran".to_owned()
        } else if seen {
            "not observed in these logs".to_owned()
        } else if looks_at_management {
            "cannot be seen: the logs hold no management events".to_owned()
        } else {
            "cannot be seen: the logs hold no S3 data events".to_owned()
        }
    }
}

fn observed(found: &[&Finding], worst: &Finding) -> String {
    let detectors: BTreeSet<&str> = found.iter().map(|finding| &*finding.detector_id).collect();
    let noun = if found.len() == 1 { "finding" } else { "findings" };
    let others = match detectors.len() {
        1 => String::new(),
        2 => " and by another detector".to_owned(),
        more => format!(" and by {} other detectors", more - 1),
    };
    format!("{} {noun}, up to {:.1} by {}{others}", found.len(), worst.severity, worst.detector_id)
}
