//! A finding: one row per (detector, entity, UTC day in which the judge fires).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use wildmatch::WildMatch;

use super::shorten::{shorten, shorten_list};
use super::time::interval;
use super::weigh::weigh;
use crate::detect::group::{Details, Entity, Evidence, Sketch};
use crate::detect::judge::{FeatureOdds, Signal};
use crate::detect::rules::{Detector, Placeholder, SAMPLES};
use crate::digest::{Identity, hex};
use crate::events::Core;
use crate::intel::{Address, Caller, Intel, OwnAccounts};

const MICROS_OF_DAY: i64 = 86_400_000_000;

/// What the calls behind a finding came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every call succeeded.
    Succeeded,
    /// Every call failed.
    Failed,
    /// Some of each.
    Mixed,
}

impl Outcome {
    /// `succeeded`, `failed` or `mixed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Mixed => "mixed",
        }
    }
}

/// The bands of GuardDuty's severity scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeverityLabel {
    /// Below 4.0.
    Low,
    /// 4.0–6.9.
    Medium,
    /// 7.0–8.9.
    High,
    /// From 9.0 on.
    Critical,
}

impl SeverityLabel {
    /// The band of a severity.
    #[must_use]
    pub fn of(severity: f64) -> Self {
        match severity {
            s if s >= 9.0 => Self::Critical,
            s if s >= 7.0 => Self::High,
            s if s >= 4.0 => Self::Medium,
            _ => Self::Low,
        }
    }

    /// `low`, `medium`, `high` or `critical`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// A finding. Lists are samples of at most 16 values, alphabetical; see `docs/findings.md`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "documented column by column in docs/findings.md")]
pub struct Finding {
    pub finding_id: String,
    /// The UTC day in which the judge fires, days since the epoch.
    pub day: i64,
    pub continues: Option<String>,
    pub related: Vec<String>,
    pub detector_id: String,
    pub detector_version: u64,
    pub finding_type: String,
    pub title: String,
    pub description: String,
    pub severity: f64,
    pub confidence: f64,
    pub account: Option<Arc<str>>,
    pub account_name: Option<Arc<str>>,
    pub region: Option<Arc<str>>,
    pub principal: Option<Arc<str>>,
    pub principal_type: Option<Arc<str>>,
    pub caller_account: Option<Arc<str>>,
    /// Whether the caller's account is known to be, or may be, a stranger's; `None` if not known.
    pub is_foreign: Option<bool>,
    pub access_key_ids: Vec<Arc<str>>,
    pub session_names: Vec<Arc<str>>,
    pub buckets: Vec<Arc<str>>,
    pub bucket_owner_account: Option<Arc<str>>,
    pub object_keys: Vec<Arc<str>>,
    pub distinct_objects: u64,
    pub distinct_is_exact: bool,
    pub event_names: Vec<Arc<str>>,
    pub ok_count: u64,
    pub error_count: u64,
    pub error_codes: Vec<Arc<str>>,
    pub source_ips: Vec<Arc<str>>,
    pub asns: Vec<Arc<str>>,
    pub countries: Vec<Arc<str>>,
    pub vpc_endpoints: Vec<Arc<str>>,
    pub user_agents: Vec<Arc<str>>,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub first_seen: i64,
    pub last_seen: i64,
    pub observed: String,
    pub expected: String,
    /// What makes the most unusual calls unusual, feature by feature.
    pub features: Vec<FeatureOdds>,
    /// The history held against, µs: its begin and end.
    pub baseline: Option<(i64, i64)>,
    pub evidence: Vec<Evidence>,
    pub mitre_tactics: Vec<String>,
    pub mitre_techniques: Vec<String>,
    pub practice: Option<String>,
    pub remediation: Option<String>,
    /// Why it is suppressed, if it is.
    pub suppression_reason: Option<String>,
    /// Ids that link the copies of one action in two accounts' trails; not a column.
    pub shared_event_ids: Vec<Arc<str>>,
}

impl Finding {
    /// The severity's band.
    #[must_use]
    pub fn label(&self) -> SeverityLabel {
        SeverityLabel::of(self.severity)
    }

    /// Whether the user does not want to see it.
    #[must_use]
    pub fn is_suppressed(&self) -> bool {
        self.suppression_reason.is_some()
    }

    /// What the calls came to.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match (self.ok_count, self.error_count) {
            (_, 0) => Outcome::Succeeded,
            (0, _) => Outcome::Failed,
            _ => Outcome::Mixed,
        }
    }
}

/// What is known beside the logs.
#[derive(Debug, Clone, Copy)]
pub struct Known<'k> {
    /// One's own accounts.
    pub own: &'k OwnAccounts,
    /// What is known of addresses.
    pub intel: &'k Intel,
    /// Names of buckets that weigh more.
    pub sensitive: &'k [WildMatch],
}

/// The findings of one entity's signals, which come in the order of days.
#[must_use]
pub fn findings_of(
    detector: &Detector,
    entity: &Entity,
    signals: &[Signal],
    known: Known<'_>,
) -> Vec<Finding> {
    let mut before: Option<(i64, String)> = None;
    let mut findings = Vec::with_capacity(signals.len());
    for signal in signals {
        let id = finding_id(&detector.metadata.id, entity, signal.day);
        let continues =
            before.take().filter(|(day, _)| day + 1 == signal.day).map(|(_, previous)| previous);
        let mut finding = finding(detector, entity, signal, id.clone(), continues);
        place(&mut finding, detector, signal, known.own);
        locate(&mut finding, known.intel);
        shorten(&mut finding);
        write(&mut finding, detector, signal, known.own);
        weigh(&mut finding, detector, known.intel, known.sensitive);
        findings.push(finding);
        before = Some((signal.day, id));
    }
    findings
}

/// The identity of (detector, entity, day).
fn finding_id(detector: &str, entity: &Entity, day: i64) -> String {
    let start = Identity::default().part(Some(detector)).part(Some(&day.to_string()));
    hex(&entity.iter().fold(start, |id, value| id.part(value.as_deref())).finish())
}

fn finding(
    detector: &Detector,
    entity: &Entity,
    signal: &Signal,
    finding_id: String,
    continues: Option<String>,
) -> Finding {
    let metadata = &detector.metadata;
    let sample = |core: Core| sample(&signal.details, core);
    let only = |core: Core| sample(core).and_then(Sketch::only).cloned();
    let list = |core: Core| sample(core).map(Sketch::sorted_texts).unwrap_or_default();
    let count = signal.count();
    let objects = sample(Core::ObjectKey);
    Finding {
        finding_id,
        day: signal.day,
        continues,
        related: Vec::new(),
        detector_id: metadata.id.clone(),
        detector_version: metadata.version,
        finding_type: metadata.finding_type.clone(),
        title: String::new(),
        description: String::new(),
        severity: signal.severity,
        confidence: metadata.confidence,
        account: entity.first().cloned().flatten(),
        account_name: None,
        region: only(Core::AwsRegion),
        principal: only(Core::Principal),
        principal_type: only(Core::PrincipalType),
        caller_account: only(Core::CallerAccount),
        is_foreign: None,
        access_key_ids: list(Core::AccessKeyId),
        session_names: list(Core::SessionName),
        buckets: list(Core::Bucket),
        bucket_owner_account: only(Core::BucketOwnerAccount),
        object_keys: list(Core::ObjectKey),
        distinct_objects: objects.map_or(0, Sketch::distinct),
        distinct_is_exact: objects.is_none_or(Sketch::is_exact),
        event_names: list(Core::EventName),
        ok_count: count.ok,
        error_count: count.failed,
        error_codes: list(Core::ErrorCode),
        source_ips: list(Core::SourceIp),
        asns: Vec::new(),
        countries: Vec::new(),
        vpc_endpoints: list(Core::VpcEndpoint),
        user_agents: list(Core::UserAgent),
        bytes_in: signal.details.bytes_in,
        bytes_out: signal.details.bytes_out,
        first_seen: signal.first,
        last_seen: signal.last,
        observed: observed(detector, signal),
        expected: signal.expected.clone(),
        features: signal.features.clone(),
        baseline: signal
            .baseline
            .map(|(from, until)| (from * MICROS_OF_DAY, until * MICROS_OF_DAY)),
        evidence: signal.details.evidence.clone(),
        mitre_tactics: metadata.tactics.clone(),
        mitre_techniques: metadata.techniques.clone(),
        practice: metadata.practice.clone(),
        remediation: None,
        suppression_reason: None,
        shared_event_ids: list(Core::SharedEventId),
    }
}

/// Whose account the caller's is, and what that means.
fn place(finding: &mut Finding, detector: &Detector, signal: &Signal, own: &OwnAccounts) {
    finding.account_name = finding.account.as_ref().and_then(|account| own.name(account)).cloned();
    let caller = caller(finding, own);
    finding.is_foreign = caller.map(|c| matches!(c, Caller::Foreign | Caller::ForeignOrSister));
    let Some(foreign) = detector.metadata.foreign else { return };
    let whose = if foreign.in_details {
        most_foreign(finding.account.as_deref(), &detail_values(detector, signal), own)
    } else {
        caller
    };
    let most = match whose {
        Some(Caller::Sister) => foreign.sister,
        Some(Caller::ForeignOrSister) => foreign.unknown,
        _ => return,
    };
    finding.severity = finding.severity.min(most);
}

/// The most foreign of the accounts that values such as `kms-key=<account>` and `account=<account>
/// READ` name; `None` if one of them names no account.
fn most_foreign(account: Option<&str>, values: &[Arc<str>], own: &OwnAccounts) -> Option<Caller> {
    let whose = |value: &Arc<str>| {
        let (_, named) = value.split_once('=')?;
        let named = named.split(' ').next()?;
        let is_account = named.len() == 12 && named.bytes().all(|byte| byte.is_ascii_digit());
        is_account.then(|| own.caller(account.unwrap_or_default(), named))
    };
    let whose: Option<Vec<Caller>> = values.iter().map(whose).collect();
    let order = [Caller::Foreign, Caller::ForeignOrSister, Caller::Sister, Caller::Same];
    order.into_iter().find(|caller| whose.as_ref().is_some_and(|found| found.contains(caller)))
}

/// Which autonomous systems and countries the calls came from.
fn locate(finding: &mut Finding, intel: &Intel) {
    if !intel.knows_places() {
        return;
    }
    let known: Vec<_> = finding.source_ips.iter().map(|address| intel.address(address)).collect();
    let sorted = |of: fn(&Address) -> Option<Arc<str>>| -> Vec<Arc<str>> {
        known.iter().filter_map(of).collect::<BTreeSet<_>>().into_iter().collect()
    };
    finding.asns = sorted(|address| address.asn.clone());
    finding.countries = sorted(|address| address.country.clone());
}

fn caller(finding: &Finding, own: &OwnAccounts) -> Option<Caller> {
    Some(own.caller(finding.account.as_ref()?, finding.caller_account.as_ref()?))
}

/// Fills in the texts.
fn write(finding: &mut Finding, detector: &Detector, signal: &Signal, own: &OwnAccounts) {
    let metadata = &detector.metadata;
    let known: &Finding = finding;
    let fill = |placeholder: &Placeholder| {
        let mut text = value(placeholder, known, detector, signal, own);
        shorten_list(&mut text);
        text
    };
    let (mut title, description) = (metadata.title.render(fill), metadata.description.render(fill));
    if detector.terms.severity.if_failed.is_some() && finding.outcome() == Outcome::Failed {
        // What the title says did not come about.
        title.insert_str(0, "Failed attempt: ");
    }
    // People paste these commands into a shell, and attackers write log values.
    let quoted = |placeholder: &Placeholder| shell_quoted(&fill(placeholder));
    let remediation = metadata.remediation.as_ref().map(|text| text.render(quoted));
    (finding.title, finding.description, finding.remediation) = (title, description, remediation);
}

/// The text as one harmless word of a shell; what cannot be quoted (NUL) is withheld.
pub(super) fn shell_quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| "NAME".to_owned(), Cow::into_owned)
}

fn sample(details: &Details, core: Core) -> Option<&Sketch> {
    let position = SAMPLES.iter().position(|(sampled, ..)| *sampled == core)?;
    details.samples.get(position)
}

/// The values of the detector's own `details` fields.
fn detail_values(detector: &Detector, signal: &Signal) -> Vec<Arc<str>> {
    let samples = &signal.details.samples;
    let own = samples.iter().skip(samples.len().saturating_sub(detector.details));
    let mut values: Vec<Arc<str>> = own.flat_map(Sketch::sorted_texts).collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// The remarkable values where the detector names some, else the remarkable number.
fn observed(detector: &Detector, signal: &Signal) -> String {
    if !signal.values.is_empty() {
        return signal.values.join(", ");
    }
    let values = detail_values(detector, signal);
    if !values.is_empty() {
        return values.join(", ");
    }
    if let Some(words) = &signal.observed {
        return words.clone();
    }
    match detector.terms.timespan_text.as_str() {
        "" => signal.peak.to_string(),
        timespan => format!("{} in {timespan}", signal.peak),
    }
}

fn value(
    placeholder: &Placeholder,
    finding: &Finding,
    detector: &Detector,
    signal: &Signal,
    own: &OwnAccounts,
) -> String {
    let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or("unknown").to_owned();
    let list = |list: &[Arc<str>]| match list {
        [] => "unknown".to_owned(),
        some => some.join(", "),
    };
    match placeholder {
        Placeholder::Principal => text(&finding.principal),
        Placeholder::Caller => caller_text(finding, own),
        Placeholder::DistinctValues => signal.peak.to_string(),
        Placeholder::Bucket => list(&finding.buckets),
        Placeholder::Account => text(&finding.account),
        Placeholder::Region => text(&finding.region),
        Placeholder::EventCount => signal.count().total().to_string(),
        Placeholder::OkCount => finding.ok_count.to_string(),
        Placeholder::ErrorCount => finding.error_count.to_string(),
        Placeholder::DistinctObjects if finding.distinct_is_exact => {
            finding.distinct_objects.to_string()
        }
        Placeholder::DistinctObjects => format!("about {}", finding.distinct_objects),
        Placeholder::Observed => finding.observed.clone(),
        Placeholder::Expected => finding.expected.clone(),
        Placeholder::Timespan => detector.terms.timespan_text.clone(),
        Placeholder::Interval => interval(signal.first, signal.last),
        Placeholder::SourceIps => list(&finding.source_ips),
        Placeholder::ErrorCodes => list(&finding.error_codes),
        Placeholder::Details => list(&detail_values(detector, signal)),
        Placeholder::Count(rule) => {
            signal.counts.get(*rule).map_or(0, |count| count.total()).to_string()
        }
    }
}

/// The caller's account as a message says it.
fn caller_text(finding: &Finding, own: &OwnAccounts) -> String {
    let account = finding.caller_account.as_deref().unwrap_or("unknown");
    let name = own.name(account).map(|name| format!(" ({name})")).unwrap_or_default();
    let kind = match caller(finding, own) {
        Some(Caller::Same) => "own account",
        Some(Caller::Sister) => "sister account",
        Some(Caller::Foreign) => "foreign account",
        Some(Caller::ForeignOrSister) => "foreign or sister account",
        None => "account",
    };
    format!("{kind} {account}{name}")
}
