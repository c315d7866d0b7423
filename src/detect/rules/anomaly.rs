//! What the section says of the judges `spike` and `rare`. Reference: `docs/writing-detectors.md`.

use super::diagnostic::Diagnostic;
use super::section::severity;
use super::yaml::Mapping;
use crate::detect::judge::{ApiName, Feature, HOUR, Level, Rare, Spike, Total};
use crate::events::Core;

const TOTALS: &[&str] = &["events", "failed", "bytes_in", "bytes_out", "objects"];

/// The quantile of a history unless the detector names one.
const QUANTILE: f64 = 0.99;

/// The mapping under `spike`.
pub(super) fn spike(section: &Mapping<'_, '_>) -> Result<Option<Spike>, Diagnostic> {
    let Some(keys) = section.mapping("spike")? else { return Ok(None) };
    keys.only(&["total", "quantile", "at_least", "levels"])?;
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
    let quantile = keys.number("quantile")?.unwrap_or(QUANTILE);
    if !(quantile > 0.0 && quantile <= 1.0) {
        return Err(keys.fault("quantile", "range", "`quantile` lies above 0 and is at most 1"));
    }
    let at_least = keys.count("at_least")?.unwrap_or(1).max(1);
    Ok(Some(Spike { total, quantile, at_least, levels: levels(&keys, "factor")? }))
}

/// The mapping under `rare`.
pub(super) fn rare(section: &Mapping<'_, '_>) -> Result<Option<Rare>, Diagnostic> {
    let Some(keys) = section.mapping("rare")? else { return Ok(None) };
    keys.only(&["features", "judged", "levels"])?;
    let mut rare = Rare { levels: levels(&keys, "bits")?, ..Rare::default() };
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
fn levels(keys: &Mapping<'_, '_>, key: &str) -> Result<Vec<Level>, Diagnostic> {
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
