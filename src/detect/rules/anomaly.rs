//! What the section says of the judges `spike`, `rare`, `silence` and `ascending`, and what tuning
//! changes of it: both are read by the same functions, so that neither can say what the other
//! could not. Reference: `docs/writing-detectors.md` and `docs/tuning.md`.

use super::diagnostic::Diagnostic;
use super::section::{Section, severity};
use super::yaml::Mapping;
use crate::detect::judge::{
    ApiName, Ascending, Feature, HOUR, KnownShare, Level, Rare, Silence, Spike, Total,
};
use crate::events::Core;

const TOTALS: &[&str] = &["events", "failed", "bytes_in", "bytes_out", "objects"];

/// The quantile of a history unless the detector names one.
const QUANTILE: f64 = 0.99;

/// What the levels of `spike` and `cusum` go by.
pub(super) const FACTOR: &str = "factor";
/// What the levels of `rare` go by.
const BITS: &str = "bits";

/// The mapping under `spike`.
pub(super) fn spike(section: &Mapping<'_, '_>) -> Result<Option<Spike>, Diagnostic> {
    let Some(keys) = section.mapping("spike")? else { return Ok(None) };
    keys.only(&["total", "quantile", "at_least", "peers_factor", "known", "levels"])?;
    let total = match keys.text("total")?.unwrap_or("events") {
        "events" => Total::Events,
        "failed" => Total::Failed,
        "bytes_in" => Total::BytesIn,
        "bytes_out" => Total::BytesOut,
        "objects" => Total::Objects,
        _ => {
            let message = format!("`total` is one of {}", TOTALS.join(", "));
            return Err(keys.fault("total", "value", message));
        }
    };
    Ok(Some(Spike {
        total,
        quantile: quantile(&keys)?.unwrap_or(QUANTILE),
        at_least: at_least(&keys)?.unwrap_or(1),
        peers_factor: number(&keys, "peers_factor")?.unwrap_or(1),
        known: known(&keys, total)?,
        levels: levels(&keys, FACTOR)?,
    }))
}

/// The share of the known keys; which column holds the bucket is not known yet.
fn known(keys: &Mapping<'_, '_>, total: Total) -> Result<Option<KnownShare>, Diagnostic> {
    let Some(known) = keys.mapping("known")? else { return Ok(None) };
    known.only(&["share", "at_least"])?;
    if total != Total::Objects {
        return Err(keys.fault("known", "value", "`known` is for `total: objects`"));
    }
    Ok(Some(KnownShare {
        share: share(&known)?,
        at_least: at_least(&known)?.unwrap_or(1),
        bucket: 0,
    }))
}

/// The mapping under `ascending`.
pub(super) fn ascending(section: &Mapping<'_, '_>) -> Result<Option<Ascending>, Diagnostic> {
    let Some(keys) = section.mapping("ascending")? else { return Ok(None) };
    keys.only(&["share", "at_least"])?;
    Ok(Some(Ascending { share: share(&keys)?, at_least: at_least(&keys)?.unwrap_or(1) }))
}

fn share(keys: &Mapping<'_, '_>) -> Result<f64, Diagnostic> {
    let share = keys.number("share")?.filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| keys.fault("share", "range", "`share` lies above 0 and is at most 1"))
}

pub(super) fn quantile(keys: &Mapping<'_, '_>) -> Result<Option<f64>, Diagnostic> {
    let quantile = keys.number("quantile")?;
    if quantile.is_some_and(|quantile| !(quantile > 0.0 && quantile <= 1.0)) {
        return Err(keys.fault("quantile", "range", "`quantile` lies above 0 and is at most 1"));
    }
    Ok(quantile)
}

/// A total of nothing is no spike.
pub(super) fn at_least(keys: &Mapping<'_, '_>) -> Result<Option<u64>, Diagnostic> {
    Ok(keys.count("at_least")?.map(|least| least.max(1)))
}

/// The mapping under `rare`.
pub(super) fn rare(section: &Mapping<'_, '_>) -> Result<Option<Rare>, Diagnostic> {
    let Some(keys) = section.mapping("rare")? else { return Ok(None) };
    keys.only(&["features", "judged", "levels"])?;
    let mut rare = Rare { levels: levels(&keys, BITS)?, ..Rare::default() };
    for text in keys.texts("features")? {
        if text == HOUR {
            rare.hour = true;
            continue;
        }
        let feature = feature(&keys, &rare.features, &text)?;
        rare.features.push(feature);
    }
    if rare.features.is_empty() {
        return Err(keys.fault("features", "features", "`rare` needs a feature beside `hour`"));
    }
    let of = |core: Core| {
        rare.features.iter().position(|feature| Core::find(&feature.name) == Some(core))
    };
    let (bucket, api) = (of(Core::Bucket), of(Core::EventName));
    let name = |text: String| match text.strip_suffix('*') {
        Some(start) => ApiName { text: start.to_owned(), goes_on: true },
        None => ApiName { text, goes_on: false },
    };
    let judged: Vec<ApiName> = keys.texts("judged")?.into_iter().map(name).collect();
    rare.bucket = bucket;
    rare.judged = match api {
        _ if judged.is_empty() => None,
        Some(api) => Some((api, judged)),
        None => {
            let message = "`judged` names calls: `event_name` must be among the features";
            return Err(keys.fault("judged", "features", message));
        }
    };
    Ok(Some(rare))
}

/// Days of a week, by which silences are held against what was before.
const WEEK: u64 = 7;

/// The most that numbers may be, but for those of events.
const MAX_NUMBER: u64 = 366;

/// The mapping under `silence`.
pub(super) fn silence(section: &Mapping<'_, '_>) -> Result<Option<Silence>, Diagnostic> {
    let Some(keys) = section.mapping("silence")? else { return Ok(None) };
    keys.only(&["at_least", "periods", "period_days", "factor", "outages"])?;
    let days = number(&keys, "period_days")?.unwrap_or(WEEK);
    Ok(Some(Silence {
        at_least: at_least(&keys)?.unwrap_or(1),
        periods: usize::try_from(number(&keys, "periods")?.unwrap_or(2)).unwrap_or(usize::MAX),
        period_days: i64::try_from(days).unwrap_or(i64::MAX),
        factor: i64::try_from(number(&keys, "factor")?.unwrap_or(2)).unwrap_or(i64::MAX),
        outages: keys.flag("outages")?.unwrap_or(false),
    }))
}

/// A whole number in its range.
fn number(keys: &Mapping<'_, '_>, key: &str) -> Result<Option<u64>, Diagnostic> {
    let number = keys.count(key)?;
    if number.is_some_and(|number| !(1..=MAX_NUMBER).contains(&number)) {
        let message = format!("`{key}` lies between 1 and {MAX_NUMBER}");
        return Err(keys.fault(key, "range", message));
    }
    Ok(number)
}

/// `source_country`, or `source_asn given source_country` with a feature that comes before.
fn feature(keys: &Mapping<'_, '_>, before: &[Feature], text: &str) -> Result<Feature, Diagnostic> {
    let fault = |message: String| keys.fault("features", "features", message);
    let (name, given) = match text.split_once(" given ") {
        Some((name, given)) => (name.trim(), Some(given.trim())),
        None => (text.trim(), None),
    };
    if before.iter().any(|feature| feature.name == name) {
        return Err(fault(format!("feature `{name}` is named twice")));
    }
    let given = match given {
        None => Vec::new(),
        Some(given) => {
            let found = before.iter().position(|feature| feature.name == given);
            let found = found.ok_or_else(|| {
                fault(format!("`{name}` is given `{given}`, which is no feature before it"))
            })?;
            let further = before.get(found).map(|feature| feature.given.clone());
            further.into_iter().flatten().chain([found]).collect()
        }
    };
    Ok(Feature { name: name.to_owned(), given })
}

/// Severities by a number under `key`, ascending.
pub(super) fn levels(keys: &Mapping<'_, '_>, key: &str) -> Result<Vec<Level>, Diagnostic> {
    let mut levels: Vec<Level> = Vec::new();
    for item in keys.mappings("levels")? {
        item.only(&[key, "severity"])?;
        let fault = |key: &str| {
            Err(item.fault(
                key,
                "range",
                format!("`levels` are pairs of `{key}` above 0 and `severity`, ascending"),
            ))
        };
        let Some(from) = item.number(key)?.filter(|number| *number > 0.0) else {
            return fault(key);
        };
        let Some(severity) = severity(&item, "severity")? else { return fault(key) };
        if levels.last().is_some_and(|last| last.from >= from) {
            return fault(key);
        }
        levels.push(Level { from, severity });
    }
    if levels.is_empty() {
        let message =
            format!("`levels` say from which `{key}` on it fires, and how severe that is");
        return Err(keys.fault("levels", "missing_key", message));
    }
    Ok(levels)
}

/// What tuning changes of `spike`; what it does not name stays.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SpikeChange {
    quantile: Option<f64>,
    at_least: Option<u64>,
    levels: Option<Vec<Level>>,
}

impl SpikeChange {
    /// The mapping under `spike` of a change. What is added up is not among its keys: another total
    /// is another detector.
    pub(super) fn read(change: &Mapping<'_, '_>) -> Result<Option<Self>, Diagnostic> {
        let Some(keys) = change.mapping("spike")? else { return Ok(None) };
        keys.only(&["quantile", "at_least", "levels"])?;
        Ok(Some(Self {
            quantile: quantile(&keys)?,
            at_least: at_least(&keys)?,
            levels: new_levels(&keys, FACTOR)?,
        }))
    }

    /// Makes the change.
    pub(super) fn put(&self, spike: &mut Spike) {
        spike.quantile = self.quantile.unwrap_or(spike.quantile);
        spike.at_least = self.at_least.unwrap_or(spike.at_least);
        if let Some(levels) = &self.levels {
            spike.levels.clone_from(levels);
        }
    }
}

/// What tuning changes of `rare`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RareChange {
    levels: Option<Vec<Level>>,
}

impl RareChange {
    /// The mapping under `rare` of a change. The features are not among its keys: others are
    /// another detector.
    pub(super) fn read(change: &Mapping<'_, '_>) -> Result<Option<Self>, Diagnostic> {
        let Some(keys) = change.mapping("rare")? else { return Ok(None) };
        keys.only(&["levels"])?;
        Ok(Some(Self { levels: new_levels(&keys, BITS)? }))
    }

    /// Makes the change.
    pub(super) fn put(&self, rare: &mut Rare) {
        if let Some(levels) = &self.levels {
            rare.levels.clone_from(levels);
        }
    }
}

/// What tuning changes of `silence`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SilenceChange {
    at_least: Option<u64>,
    periods: Option<u64>,
    factor: Option<u64>,
}

impl SilenceChange {
    /// The mapping under `silence` of a change.
    pub(super) fn read(change: &Mapping<'_, '_>) -> Result<Option<Self>, Diagnostic> {
        let Some(keys) = change.mapping("silence")? else { return Ok(None) };
        keys.only(&["at_least", "periods", "factor"])?;
        Ok(Some(Self {
            at_least: at_least(&keys)?,
            periods: number(&keys, "periods")?,
            factor: number(&keys, "factor")?,
        }))
    }

    /// Makes the change.
    pub(super) fn put(&self, silence: &mut Silence) {
        silence.at_least = self.at_least.unwrap_or(silence.at_least);
        let periods = self.periods.and_then(|periods| usize::try_from(periods).ok());
        silence.periods = periods.unwrap_or(silence.periods);
        let factor = self.factor.and_then(|factor| i64::try_from(factor).ok());
        silence.factor = factor.unwrap_or(silence.factor);
    }
}

/// The levels in place of all that a detector has, if a change names any.
pub(super) fn new_levels(
    keys: &Mapping<'_, '_>,
    key: &str,
) -> Result<Option<Vec<Level>>, Diagnostic> {
    keys.get("levels").map(|_| levels(keys, key)).transpose()
}

/// The levels of a detector of these judges, as a tuning file would say them.
pub(super) fn written_levels(section: &Section) -> Option<String> {
    let spike = section.spike.as_ref().map(|spike| ("spike", FACTOR, &spike.levels));
    let rare = section.rare.as_ref().map(|rare| ("rare", BITS, &rare.levels));
    let cusum = section.cusum.as_ref().map(|cusum| ("cusum", FACTOR, &cusum.levels));
    let (judge, key, levels) = spike.or(rare).or(cusum)?;
    let level =
        |level: &Level| format!("{{{key}: {}, severity: {:.1}}}", level.from, level.severity);
    let levels: Vec<String> = levels.iter().map(level).collect();
    Some(format!("{judge}: {{levels: [{}]}}", levels.join(", ")))
}

/// What stands for a threshold in a detector of these judges, as a tuning file would say it.
pub(super) fn written_threshold(section: &Section) -> Option<String> {
    let spike = section.spike.as_ref().map(|spike| ("spike", spike.at_least));
    let silence = || section.silence.as_ref().map(|silence| ("silence", silence.at_least));
    let least = spike.or_else(silence);
    let least = least.map(|(judge, least)| format!("{judge}: {{at_least: {least}}}"));
    let days = section.cusum.as_ref().map(|cusum| format!("cusum: {{days: {}}}", cusum.days));
    least.or(days).or_else(|| written_levels(section))
}
