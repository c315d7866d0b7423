//! A detector, ready to run: what it judges and what its findings say.

use rsigma_parser::Level;

use super::message::Message;
use crate::detect::judge::{Judge, Terms};
use crate::intel::Kind;

/// What a detector's findings say of themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// The slug: `mass_object_delete`.
    pub id: String,
    /// Raised when the detector's meaning changes.
    pub version: u64,
    /// The file it came from.
    pub file: String,
    /// GuardDuty's form: `Impact:S3/AnomalousBehavior.Delete`.
    pub finding_type: String,
    /// One line.
    pub title: Message,
    /// A full sentence with the numbers.
    pub description: Message,
    /// 0.0–1.0.
    pub confidence: f64,
    /// MITRE ATT&CK tactics, `impact`.
    pub tactics: Vec<String>,
    /// MITRE ATT&CK techniques, `T1485`.
    pub techniques: Vec<String>,
    /// The S3 best practice it guards.
    pub practice: Option<String>,
    /// Whether it can fire only where S3 data events are logged.
    pub needs_data_events: bool,
    /// What must be known of addresses, else it is off.
    pub needs: Vec<Kind>,
    /// Where it matters whose account it is.
    pub foreign: Option<Foreign>,
    /// From how many principals on findings of one hour that have client and place in common are one;
    /// `None`: each stands for itself.
    pub deployment: Option<usize>,
    /// Whether what surrounds a finding raises its severity: the root user, listed addresses, sensitive
    /// buckets.
    pub weighed: bool,
    /// What to do.
    pub remediation: Option<Message>,
}

/// How severe a finding is at most where the account may be one's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Foreign {
    /// Whether the accounts that `details` name are meant, and not the caller's.
    pub in_details: bool,
    /// For a sister account.
    pub sister: f64,
    /// For one that may be a sister's or a stranger's.
    pub unknown: f64,
}

/// A detector: a selection, a grouping and a judge, all compiled.
#[derive(Debug, Clone)]
pub struct Detector {
    /// What its findings say.
    pub metadata: Metadata,
    /// How it judges.
    pub judge: &'static Judge,
    /// Its numbers.
    pub terms: Terms,
    /// Whose history it judges by; `None` for judges without history.
    pub scope: Option<Scope>,
    /// Its fold's position in the plan.
    pub fold: usize,
    /// How many of the fold's last samples are the detector's `details`.
    pub details: usize,
    /// Whether it gives findings of its own.
    pub raises: bool,
    /// The correlations that it refers to.
    pub members: Vec<Member>,
    /// How many correlations lie between it and plain rules: 0 without members.
    pub depth: u8,
}

/// A correlation whose signals are events of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its position in the plan.
    pub detector: usize,
    /// Its position among the rules of the other's fold.
    pub rule: u16,
    /// For each column of the other's entity: the column of its own that holds the value.
    pub columns: Vec<usize>,
}

/// Whose covered days are the history of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The entity column that holds the bucket; without one, the account's days count.
    pub bucket: Option<usize>,
    /// Whether only data events cover a day.
    pub data: bool,
    /// Covered days needed, where state is kept.
    pub min_days: u64,
}

/// The severity of Sigma's level where a detector names none.
pub(super) fn severity_of(level: Option<Level>) -> f64 {
    match level {
        Some(Level::Informational) => 1.0,
        Some(Level::Low) => 3.0,
        None | Some(Level::Medium) => 5.0,
        Some(Level::High) => 7.5,
        Some(Level::Critical) => 9.5,
    }
}

/// Splits Sigma's `attack.*` tags into tactics and techniques.
pub(super) fn attack(tags: &[String]) -> (Vec<String>, Vec<String>) {
    let names = tags.iter().filter_map(|tag| tag.strip_prefix("attack."));
    let is_technique = |name: &&str| {
        name.strip_prefix('t').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let (techniques, tactics): (Vec<&str>, Vec<&str>) = names.partition(is_technique);
    (
        tactics.into_iter().map(str::to_owned).collect(),
        techniques.into_iter().map(str::to_uppercase).collect(),
    )
}
