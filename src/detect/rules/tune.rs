//! Tuning: what the user changes of detectors without copying their files. A file maps detector ids
//! to changes; they are made to the documents, before anything is compiled, so that a tuned detector
//! is an ordinary one.

use std::collections::BTreeSet;

use rsigma_parser::{Detections, Level, Timespan, parse_sigma_yaml};
use saphyr::{MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Value, json};

use super::anomaly::{self, RareChange, SilenceChange, SpikeChange};
use super::correlation::{OPERATORS, Written};
use super::cusum::CusumChange;
use super::detector::severity_of;
use super::diagnostic::Diagnostic;
use super::document::{Document, Kind};
use super::draft::MAX_TIMESPAN;
use super::section::{Section, lookback, severity};
use super::yaml::{Mapping, place, strict_documents, text};
use crate::detect::group::Decimal;
use crate::detect::judge::Condition;
use crate::detect::select::{Compiler, Placeholders, Predicates};
use crate::digest::sha256;
use crate::events::{Core, Field, Fields};

const KEYS: &[&str] = &[
    "enabled",
    "level",
    "severity",
    "threshold",
    "timespan",
    "lookback_days",
    "min_history_days",
    "known_days",
    "spike",
    "rare",
    "silence",
    "cusum",
    "exclude_events",
];

const LEVELS: &[(&str, Level)] = &[
    ("informational", Level::Informational),
    ("low", Level::Low),
    ("medium", Level::Medium),
    ("high", Level::High),
    ("critical", Level::Critical),
];

/// What stands for a file where detectors were chosen, and none was given.
pub const ONLY: &str = "--only";

/// A file that a run was given beside its detectors.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct UsedFile {
    /// The file, as given.
    pub file: String,
    /// SHA-256 of its text.
    pub sha256: String,
}

/// The changes of a tuning file.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// The file.
    pub used: UsedFile,
    changes: Vec<Change>,
    /// The detectors that are left on; none: all.
    only: BTreeSet<String>,
    faults: Vec<Diagnostic>,
}

/// What is changed of one detector.
#[derive(Debug, Clone, PartialEq)]
struct Change {
    id: String,
    place: (usize, usize),
    enabled: Option<bool>,
    severity: Option<f64>,
    threshold: Option<Threshold>,
    timespan: Option<Timespan>,
    lookback: Option<u64>,
    min: Option<u64>,
    known: Option<u64>,
    spike: Option<SpikeChange>,
    rare: Option<RareChange>,
    silence: Option<SilenceChange>,
    cusum: Option<CusumChange>,
    exclude: Option<Detections>,
}

#[derive(Debug, Clone, PartialEq)]
enum Threshold {
    /// In place of the only number.
    Number(Decimal),
    /// In place of the whole condition.
    Conditions(Vec<Condition>),
}

impl Tuning {
    /// Reads a tuning file. The changes of a detector are understood as a whole, or none is made.
    #[must_use]
    pub fn parse(file: &str, text: &str) -> Self {
        let used = UsedFile { file: file.to_owned(), sha256: sha256(text.as_bytes()) };
        let (changes, only, faults) = (Vec::new(), BTreeSet::new(), Vec::new());
        let mut tuning = Self { used, changes, only, faults };
        match strict_documents(file, text) {
            Ok(documents) => documents.iter().for_each(|document| tuning.read(file, document)),
            Err(fault) => tuning.faults.push(fault),
        }
        tuning
    }

    /// These changes, or none, and all detectors off but those with these ids.
    #[must_use]
    pub fn only(tuning: Option<Self>, ids: &[String]) -> Self {
        let mut tuning = tuning.unwrap_or_else(|| Self::parse(ONLY, ""));
        tuning.only.extend(ids.iter().cloned());
        let text = format!("{} {:?}", tuning.used.sha256, tuning.only);
        tuning.used.sha256 = sha256(text.as_bytes());
        tuning
    }

    fn read(&mut self, file: &str, document: &MarkedYaml<'_>) {
        let YamlData::Mapping(entries) = &document.data else {
            let message = "expected a mapping of detector ids";
            return self.faults.push(Diagnostic::at(file, place(document), "type", message));
        };
        for (key, value) in entries {
            let change = match text(key) {
                Some(id) => Change::read(file, id, place(key), value),
                None => Err(Diagnostic::at(file, place(key), "type", "a detector's id is a text")),
            };
            match change {
                Ok(change) => self.changes.push(change),
                Err(fault) => self.faults.push(fault),
            }
        }
    }

    /// Makes the changes. Returns what could not be made, and why: warnings, since the detector runs
    /// as it is written.
    pub(super) fn apply(&self, documents: &mut [Document]) -> Vec<Diagnostic> {
        let mut faults = self.faults.clone();
        for change in &self.changes {
            if let Err((code, message)) = change.apply(documents) {
                faults.push(Diagnostic::at(&self.used.file, change.place, code, message));
            }
        }
        for fault in &mut faults {
            fault.message.push_str("; nothing is changed by it");
        }
        faults.extend(self.leave_on(documents));
        faults.into_iter().map(Diagnostic::warning).collect()
    }
}

impl Tuning {
    /// Switches all detectors off but those that are to be left on. Returns which of these are not
    /// there.
    fn leave_on(&self, documents: &mut [Document]) -> Vec<Diagnostic> {
        let unknown = |id: &&String| !documents.iter().any(|d| d.judged && d.id == **id);
        let unknown: Vec<Diagnostic> = self
            .only
            .iter()
            .filter(unknown)
            .map(|id| {
                let message =
                    format!("`{id}` is no loaded detector: see `trailsift detectors list`");
                Diagnostic::at(ONLY, (1, 1), "unknown_detector", message)
            })
            .collect();
        let is_off = |document: &&mut Document| !self.only.contains(&document.id);
        if !self.only.is_empty() {
            documents.iter_mut().filter(is_off).for_each(Document::switch_off);
        }
        unknown
    }
}

impl Change {
    fn read(
        file: &str,
        id: &str,
        place: (usize, usize),
        node: &MarkedYaml<'_>,
    ) -> Result<Self, Diagnostic> {
        let mapping = Mapping::of(file, node)?;
        mapping.only(KEYS)?;
        let timespan = mapping.text("timespan")?.map(|text| {
            let timespan = Timespan::parse(text)
                .ok()
                .filter(|span| i64::try_from(span.seconds).is_ok_and(|s| s <= MAX_TIMESPAN));
            let message = "write a timespan as 30s, 10m or 2h; it has at most 366 days";
            timespan.ok_or_else(|| mapping.fault("timespan", "timespan", message))
        });
        Ok(Self {
            id: id.to_owned(),
            place,
            enabled: mapping.flag("enabled")?,
            severity: severity_or_level(&mapping)?,
            threshold: threshold(&mapping)?,
            timespan: timespan.transpose()?,
            lookback: lookback(&mapping)?,
            min: mapping.count("min_history_days")?,
            known: mapping.count("known_days")?,
            spike: SpikeChange::read(&mapping)?,
            rare: RareChange::read(&mapping)?,
            silence: SilenceChange::read(&mapping)?,
            cusum: CusumChange::read(&mapping)?,
            exclude: exclude(&mapping)?,
        })
    }

    fn apply(&self, documents: &mut [Document]) -> Result<(), (&'static str, String)> {
        let ids: Vec<String> =
            documents.iter().filter(|d| d.judged).map(|document| document.id.clone()).collect();
        let found = documents.iter_mut().find(|document| document.judged && document.id == self.id);
        let Some(document) = found else {
            let near = ids.iter().min_by_key(|id| strsim::damerau_levenshtein(id, &self.id));
            let near = near.filter(|id| strsim::damerau_levenshtein(id, &self.id) < 4);
            let meant = near.map(|id| format!(", did you mean `{id}`?")).unwrap_or_default();
            return Err((
                "unknown_detector",
                format!("`{}` is no loaded detector{meant}", self.id),
            ));
        };
        self.fits(document).map_err(|message| ("not_tunable", message))?;
        if self.enabled == Some(false) {
            document.switch_off();
        }
        if let (Kind::Correlation(rule), Some(timespan)) = (&mut document.kind, &self.timespan) {
            rule.timespan = timespan.clone();
        }
        if let (Some(threshold), Some(condition)) = (&self.threshold, document.condition_mut()) {
            threshold.put(condition);
        }
        let section = document.section.get_or_insert_with(Section::default);
        section.severity = self.severity.or(section.severity);
        let history = &mut section.history;
        history.lookback = self.lookback.or(history.lookback);
        history.min = self.min.or(history.min);
        history.known = self.known.or(history.known);
        if let (Some(change), Some(spike)) = (&self.spike, &mut section.spike) {
            change.put(spike);
        }
        if let (Some(change), Some(rare)) = (&self.rare, &mut section.rare) {
            change.put(rare);
        }
        if let (Some(change), Some(silence)) = (&self.silence, &mut section.silence) {
            change.put(silence);
        }
        if let (Some(change), Some(cusum)) = (&self.cusum, &mut section.cusum) {
            change.put(cusum);
        }
        document.exclude.clone_from(&self.exclude);
        Ok(())
    }

    /// Whether the detector has what is to be changed.
    fn fits(&self, document: &Document) -> Result<(), String> {
        self.fits_judge(document.section.as_ref())?;
        if let Kind::Rule(_) = &document.kind {
            return self.fits_rule(document.section.as_ref());
        }
        let numbers = match document.correlation().map(|correlation| &correlation.condition) {
            Ok(Written::Numbers { conditions, .. }) => conditions.len(),
            _ => 0,
        };
        match (&self.threshold, numbers) {
            (Some(_), 0) => Err("its condition has no number to be changed".to_owned()),
            (Some(Threshold::Number(_)), 2..) => {
                Err("its condition has several numbers: write `threshold: {gte: 50}`".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether the detector's judge has the numbers.
    fn fits_judge(&self, section: Option<&Section>) -> Result<(), String> {
        let judge = section.and_then(|section| section.judge.as_deref());
        let has_history =
            matches!(judge, Some("first_seen" | "spike" | "rare" | "silence" | "cusum"));
        if (self.min.is_some() || self.known.is_some()) && !has_history {
            return Err("`min_history_days` and `known_days` are for `first_seen`, `spike`, \
                        `rare`, `silence` and `cusum` alone"
                .to_owned());
        }
        let given = [
            ("spike", self.spike.is_some()),
            ("rare", self.rare.is_some()),
            ("silence", self.silence.is_some()),
            ("cusum", self.cusum.is_some()),
        ];
        for (key, is_given) in given {
            if is_given && judge != Some(key) {
                return Err(format!("`{key}` is for detectors with the judge `{key}` alone"));
            }
        }
        match section.and_then(anomaly::written_levels) {
            Some(levels) if self.severity.is_some() => Err(format!(
                "its severities are those of its levels: write `{levels}`, with other numbers"
            )),
            _ => Ok(()),
        }
    }

    /// Whether a plain rule has what is to be changed: the numbers that it may fire from on have
    /// other names.
    fn fits_rule(&self, section: Option<&Section>) -> Result<(), String> {
        if self.threshold.is_none() && self.timespan.is_none() {
            return Ok(());
        }
        let own = section.and_then(anomaly::written_threshold);
        let write = match own.filter(|_| self.threshold.is_some()) {
            Some(own) => format!(": write `{own}`, with other numbers"),
            None => String::new(),
        };
        Err(format!("`threshold` and `timespan` are for correlations alone{write}"))
    }
}

impl Threshold {
    fn put(&self, condition: &mut Written) {
        let Written::Numbers { conditions, .. } = condition else { return };
        match self {
            Self::Number(number) => {
                for condition in conditions {
                    condition.value = *number;
                }
            }
            Self::Conditions(new) => conditions.clone_from(new),
        }
    }
}

fn severity_or_level(mapping: &Mapping<'_, '_>) -> Result<Option<f64>, Diagnostic> {
    let severity = severity(mapping, "severity")?;
    let Some(level) = mapping.text("level")? else { return Ok(severity) };
    if severity.is_some() {
        return Err(mapping.fault("level", "level", "give `level` or `severity`, not both"));
    }
    let known = LEVELS.iter().find(|(name, _)| *name == level);
    known.map(|(_, level)| Some(severity_of(Some(*level)))).ok_or_else(|| {
        let names: Vec<&str> = LEVELS.iter().map(|(name, _)| *name).collect();
        mapping.fault("level", "level", format!("`{level}` is no level: {}", names.join(", ")))
    })
}

fn threshold(mapping: &Mapping<'_, '_>) -> Result<Option<Threshold>, Diagnostic> {
    match mapping.get("threshold").map(|node| &node.data) {
        None => Ok(None),
        Some(YamlData::Mapping(_)) => {
            let Some(condition) = mapping.mapping("threshold")? else { return Ok(None) };
            let names: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).collect();
            condition.only(&names)?;
            let mut conditions = Vec::new();
            for (name, operator) in OPERATORS {
                let value = condition.decimal(name)?;
                conditions.extend(value.map(|value| Condition { operator: *operator, value }));
            }
            Ok(Some(Threshold::Conditions(conditions)))
        }
        Some(_) => Ok(mapping.decimal("threshold")?.map(Threshold::Number)),
    }
}

/// The events that are taken away: named detections with a condition, without one any of them; or
/// the fields of one.
fn exclude(mapping: &Mapping<'_, '_>) -> Result<Option<Detections>, Diagnostic> {
    let Some(node) = mapping.get("exclude_events") else { return Ok(None) };
    let fault = |message: String| mapping.fault("exclude_events", "exclude_events", message);
    let value = json_of(node).ok_or_else(|| fault("expected a detection".to_owned()))?;
    let detection = detection(value)
        .ok_or_else(|| fault("expected fields with values, or named maps of such".to_owned()))?;
    let rule = json!({
        "title": "exclude_events",
        "logsource": {"product": "aws", "service": "cloudtrail"},
        "detection": detection,
    });
    let parsed = parse_sigma_yaml(&rule.to_string()).map_err(|error| fault(error.to_string()))?;
    if let Some(error) = parsed.errors.into_iter().next() {
        return Err(fault(error));
    }
    let rule = parsed.rules.into_iter().next();
    let detections = rule.ok_or_else(|| fault("expected a detection".to_owned()))?.detection;
    let (mut fields, mut predicates) = (Fields::default(), Predicates::default());
    let placeholders = &Placeholders::new();
    Compiler { fields: &mut fields, predicates: &mut predicates, placeholders }
        .compile(&detections)
        .map_err(|error| fault(error.to_string()))?;
    let category = Field::Core(Core::EventCategory);
    if predicates.list().iter().any(|predicate| predicate.field == category) {
        return Err(fault("cannot look at `eventCategory`".to_owned()));
    }
    Ok(Some(detections))
}

/// Sigma's `detection` of what the user wrote; `None` if it is neither fields nor named maps.
fn detection(value: Value) -> Option<Value> {
    let is_map = |value: &Value| {
        let is_list = |list: &Vec<Value>| !list.is_empty() && list.iter().all(Value::is_object);
        value.is_object() || value.as_array().is_some_and(is_list)
    };
    let Value::Object(mut fields) = value else {
        return is_map(&value).then(|| json!({"selection": value, "condition": "selection"}));
    };
    let condition = fields.remove("condition");
    let named = fields.values().filter(|value| is_map(value)).count();
    if fields.is_empty() || (named != 0 && named != fields.len()) {
        return None;
    }
    if named == 0 {
        let only = json!({"selection": fields, "condition": "selection"});
        return condition.is_none().then_some(only);
    }
    let condition = condition.unwrap_or_else(|| json!("1 of them"));
    fields.insert("condition".to_owned(), condition);
    Some(Value::Object(fields))
}

/// Plain YAML as JSON; `None` for what JSON has no word for.
fn json_of(node: &MarkedYaml<'_>) -> Option<Value> {
    Some(match &node.data {
        YamlData::Value(Scalar::Null) => Value::Null,
        YamlData::Value(Scalar::Boolean(flag)) => json!(flag),
        YamlData::Value(Scalar::Integer(number)) => json!(number),
        YamlData::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        YamlData::Value(Scalar::String(text)) => json!(text),
        YamlData::Sequence(items) => {
            Value::Array(items.iter().map(json_of).collect::<Option<_>>()?)
        }
        YamlData::Mapping(mapping) => {
            let pair = |(key, value): (&MarkedYaml<'_>, &MarkedYaml<'_>)| {
                Some((text(key)?.to_owned(), json_of(value)?))
            };
            Value::Object(mapping.iter().map(pair).collect::<Option<Map<_, _>>>()?)
        }
        _ => return None,
    })
}
