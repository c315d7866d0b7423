//! The `trailsift:` section of a detector: what Sigma has no words for. Reference:
//! `docs/writing-detectors.md`.

use saphyr::MarkedYaml;

use super::anomaly;
use super::cusum;
use super::detector::Foreign;
use super::diagnostic::Diagnostic;
use super::sequence::{Stage, stages};
use super::yaml::Mapping;
use crate::detect::judge::{Ascending, Cusum, Rare, Silence, Spike};
use crate::intel::Kind;

const KEYS: &[&str] = &[
    "version",
    "judge",
    "group_by",
    "finding_type",
    "title",
    "description",
    "severity",
    "severity_if_failed",
    "escalate",
    "recurring",
    "unless",
    "same",
    "stages",
    "value",
    "usual",
    "spike",
    "rare",
    "silence",
    "cusum",
    "ascending",
    "scope",
    "lookback_days",
    "min_history_days",
    "known_days",
    "roaming",
    "stronger",
    "only_seen_changes",
    "foreign",
    "details",
    "deployment",
    "weighed",
    "confidence",
    "practice",
    "covers",
    "remediation",
    "needs",
];

/// S3 data events; all else that a detector can need is knowledge of addresses.
const DATA_EVENTS: &str = "s3_data_events";

/// The longest lookback: a century.
const MAX_DAYS: u64 = 36_525;

/// The section as written; rule names are not resolved yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Section {
    /// Raised when the detector's meaning changes.
    pub version: Option<u64>,
    /// For plain rules; correlations bring their own.
    pub judge: Option<String>,
    /// For plain rules; correlations bring their own.
    pub group_by: Vec<String>,
    /// GuardDuty's form.
    pub finding_type: Option<String>,
    /// Message; Sigma's title by default.
    pub title: Option<String>,
    /// Message: a full sentence with the numbers.
    pub description: Option<String>,
    /// 1.0–10.0; from Sigma's level by default.
    pub severity: Option<f64>,
    /// If no call succeeded.
    pub severity_if_failed: Option<f64>,
    /// (Rule or all, at least, severity).
    pub escalate: Vec<(Option<String>, u64, f64)>,
    /// (Days, factor, severity).
    pub recurring: Option<(u64, u64, f64)>,
    /// Rules whose events keep counted ones within the timespan from counting; for `silence`, whose
    /// events explain it.
    pub unless: Vec<String>,
    /// (Field or alias, how many of its values must have events of all rules); for temporal
    /// correlations.
    pub same: Option<(String, u64)>,
    /// The stages of an attack sequence; for temporal correlations.
    pub stages: Vec<Stage>,
    /// The field whose values are the entity's; for `first_seen`.
    pub value: Option<String>,
    /// Rules of what the entity does otherwise; for `first_seen`, `spike` and `silence`.
    pub usual: Vec<String>,
    /// Rules of the stronger values of a configuration; for `changed`.
    pub stronger: Vec<String>,
    /// What a spike is; for `spike`.
    pub spike: Option<Spike>,
    /// What is looked at; for `rare`.
    pub rare: Option<Rare>,
    /// What a silence is; for `silence`.
    pub silence: Option<Silence>,
    /// What counts as in order; for `ascending`.
    pub ascending: Option<Ascending>,
    /// What is added up over days; for `cusum`.
    pub cusum: Option<Cusum>,
    /// How history is held against.
    pub history: HistoryKeys,
    /// Whether `changed` fires only if the stronger value was seen.
    pub only_seen_changes: bool,
    /// How severe it is at most where the account may be one's own.
    pub foreign: Option<Foreign>,
    /// Fields whose values the finding names.
    pub details: Vec<String>,
    /// From how many principals on they are one finding.
    pub deployment: Option<u64>,
    /// Whether what surrounds a finding raises its severity.
    pub weighed: Option<bool>,
    /// 0.0–1.0.
    pub confidence: Option<f64>,
    /// The S3 best practice it guards.
    pub practice: Option<String>,
    /// The classes of detections that it covers, by their ids in docs/coverage.md.
    pub covers: Vec<String>,
    /// What to do.
    pub remediation: Option<String>,
    /// Whether it can fire only where S3 data events are logged.
    pub needs_data_events: bool,
    /// What must be known of addresses, else it is off.
    pub needs: Vec<Kind>,
}

/// What the history of an entity must be.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct HistoryKeys {
    /// `account` or `bucket`.
    pub scope: Option<String>,
    /// How far back history counts.
    pub lookback: Option<u64>,
    /// Covered days that the scope must have.
    pub min: Option<u64>,
    /// Days on which the entity itself must have been seen.
    pub known: Option<u64>,
    /// (Days, factor): when new values are no news.
    pub roaming: Option<(u64, u64)>,
}

impl Section {
    /// The mappings that belong to one judge each, by its name, and whether they are given.
    pub(super) fn of_judges(&self) -> [(&'static str, bool); 5] {
        [
            ("spike", self.spike.is_some()),
            ("rare", self.rare.is_some()),
            ("silence", self.silence.is_some()),
            ("cusum", self.cusum.is_some()),
            ("ascending", self.ascending.is_some()),
        ]
    }

    /// Reads the section of a document, if it has one.
    pub(super) fn read(file: &str, document: &MarkedYaml<'_>) -> Result<Option<Self>, Diagnostic> {
        let document = Mapping::of(file, document)?;
        let Some(section) = document.mapping("trailsift")? else { return Ok(None) };
        section.only(KEYS)?;
        let (needs_data_events, needs) = needs(&section)?;
        let owned = |key| Ok::<_, Diagnostic>(section.text(key)?.map(str::to_owned));
        Ok(Some(Self {
            version: section.count("version")?,
            judge: owned("judge")?,
            group_by: section.texts("group_by")?,
            finding_type: owned("finding_type")?,
            title: owned("title")?,
            description: owned("description")?,
            severity: severity(&section, "severity")?,
            severity_if_failed: severity(&section, "severity_if_failed")?,
            escalate: escalations(&section)?,
            recurring: recurring(&section)?,
            unless: section.texts("unless")?,
            same: same(&section)?,
            stages: stages(&section)?,
            value: owned("value")?,
            usual: section.texts("usual")?,
            stronger: section.texts("stronger")?,
            spike: anomaly::spike(&section)?,
            rare: anomaly::rare(&section)?,
            silence: anomaly::silence(&section)?,
            cusum: cusum::cusum(&section)?,
            ascending: anomaly::ascending(&section)?,
            history: HistoryKeys {
                scope: owned("scope")?,
                lookback: lookback(&section)?,
                min: section.count("min_history_days")?,
                known: section.count("known_days")?,
                roaming: roaming(&section)?,
            },
            only_seen_changes: section.flag("only_seen_changes")?.unwrap_or(false),
            foreign: foreign(&section)?,
            details: section.texts("details")?,
            deployment: section.count("deployment")?,
            weighed: section.flag("weighed")?,
            confidence: confidence(&section)?,
            practice: owned("practice")?,
            covers: section.texts("covers")?,
            remediation: owned("remediation")?,
            needs_data_events,
            needs,
        }))
    }
}

/// The severity under `key`, in its range.
pub(super) fn severity(mapping: &Mapping<'_, '_>, key: &str) -> Result<Option<f64>, Diagnostic> {
    let number = mapping.number(key)?;
    match number {
        Some(number) if !(1.0..=10.0).contains(&number) => {
            Err(mapping.fault(key, "range", format!("`{key}` must lie between 1.0 and 10.0")))
        }
        _ => Ok(number),
    }
}

/// `lookback_days` within its range.
pub(super) fn lookback(section: &Mapping<'_, '_>) -> Result<Option<u64>, Diagnostic> {
    let days = section.count("lookback_days")?;
    if days.is_some_and(|days| days > MAX_DAYS) {
        let message = format!("`lookback_days` must be at most {MAX_DAYS}");
        return Err(section.fault("lookback_days", "range", message));
    }
    Ok(days)
}

fn foreign(section: &Mapping<'_, '_>) -> Result<Option<Foreign>, Diagnostic> {
    let Some(item) = section.mapping("foreign")? else { return Ok(None) };
    item.only(&["of", "sister", "unknown"])?;
    let in_details = match item.text("of")? {
        None | Some("caller") => false,
        Some("details") => true,
        Some(_) => return Err(item.fault("of", "value", "`of` is `caller` or `details`")),
    };
    Ok(Some(Foreign {
        in_details,
        sister: needed(&item, "sister", severity(&item, "sister")?)?,
        unknown: needed(&item, "unknown", severity(&item, "unknown")?)?,
    }))
}

fn confidence(mapping: &Mapping<'_, '_>) -> Result<Option<f64>, Diagnostic> {
    let number = mapping.number("confidence")?;
    match number {
        Some(number) if !(0.0..=1.0).contains(&number) => {
            Err(mapping.fault("confidence", "range", "`confidence` must lie between 0.0 and 1.0"))
        }
        _ => Ok(number),
    }
}

/// Whether data events are needed, and what must be known of addresses.
fn needs(section: &Mapping<'_, '_>) -> Result<(bool, Vec<Kind>), Diagnostic> {
    let (data, known): (Vec<String>, Vec<String>) =
        section.texts("needs")?.into_iter().partition(|need| need == DATA_EVENTS);
    let kind = |need: &String| {
        Kind::parse(need).ok_or_else(|| {
            let message = format!(
                "`needs` can be `{DATA_EVENTS}`, `asn`, `country`, `threat_list`, \
                 `threat_list:LABEL`, `aws_ranges`, `placeholder:NAME`, `hunting`, or a list of \
                 these"
            );
            section.fault("needs", "value", message)
        })
    };
    Ok((!data.is_empty(), known.iter().map(kind).collect::<Result<_, _>>()?))
}

fn escalations(section: &Mapping<'_, '_>) -> Result<Vec<(Option<String>, u64, f64)>, Diagnostic> {
    let mut found = Vec::new();
    for item in section.mappings("escalate")? {
        item.only(&["rule", "at_least", "severity"])?;
        let rule = item.text("rule")?.map(str::to_owned);
        found.push((
            rule,
            needed(&item, "at_least", item.count("at_least")?)?,
            needed(&item, "severity", severity(&item, "severity")?)?,
        ));
    }
    Ok(found)
}

fn recurring(section: &Mapping<'_, '_>) -> Result<Option<(u64, u64, f64)>, Diagnostic> {
    let Some(item) = section.mapping("recurring")? else { return Ok(None) };
    item.only(&["days", "factor", "severity"])?;
    Ok(Some((
        needed(&item, "days", item.count("days")?)?,
        needed(&item, "factor", item.count("factor")?)?,
        needed(&item, "severity", severity(&item, "severity")?)?,
    )))
}

fn same(section: &Mapping<'_, '_>) -> Result<Option<(String, u64)>, Diagnostic> {
    let Some(item) = section.mapping("same")? else { return Ok(None) };
    item.only(&["field", "at_least"])?;
    let field = needed(&item, "field", item.text("field")?.map(str::to_owned))?;
    Ok(Some((field, needed(&item, "at_least", item.count("at_least")?)?.max(1))))
}

fn roaming(section: &Mapping<'_, '_>) -> Result<Option<(u64, u64)>, Diagnostic> {
    let Some(item) = section.mapping("roaming")? else { return Ok(None) };
    item.only(&["days", "factor"])?;
    let days = needed(&item, "days", item.count("days")?)?;
    Ok(Some((days, needed(&item, "factor", item.count("factor")?)?)))
}

fn needed<T>(mapping: &Mapping<'_, '_>, key: &str, value: Option<T>) -> Result<T, Diagnostic> {
    value.ok_or_else(|| mapping.fault(key, "missing_key", format!("`{key}` is missing")))
}
