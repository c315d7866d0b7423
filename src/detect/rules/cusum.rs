//! What the section says of the judge `cusum`, and what tuning changes of it. Reference:
//! `docs/writing-detectors.md` and `docs/tuning.md`.

use super::anomaly::{FACTOR, at_least, levels, new_levels, quantile};
use super::diagnostic::Diagnostic;
use super::yaml::Mapping;
use crate::detect::judge::{Cusum, DayTotal, Level};

/// The quantile of a history unless the detector names one.
const QUANTILE: f64 = 0.9;
/// The sum that fires unless the detector names one, in whole days.
const DAYS: u64 = 6;
/// The windows unless the detector names some: a week and a month.
const WINDOWS: &[i64] = &[7, 30];
/// Covered days that a history needs unless the detector says it: two weeks.
const BASELINE_DAYS: usize = 14;
/// The longest window, in days.
const MAX_WINDOW: i64 = 366;

/// The mapping under `cusum`.
pub(super) fn cusum(section: &Mapping<'_, '_>) -> Result<Option<Cusum>, Diagnostic> {
    let Some(keys) = section.mapping("cusum")? else { return Ok(None) };
    keys.only(&["total", "windows", "baseline_days", "quantile", "at_least", "days", "levels"])?;
    let total = match keys.text("total")? {
        Some("new_objects") => DayTotal::NewObjects,
        Some("bytes_out") => DayTotal::BytesOut,
        _ => return Err(keys.fault("total", "value", "`total` is `new_objects` or `bytes_out`")),
    };
    let baseline = keys.count("baseline_days")?;
    let baseline = baseline.map_or(BASELINE_DAYS, |d| usize::try_from(d).unwrap_or(usize::MAX));
    Ok(Some(Cusum {
        total,
        windows: windows(&keys)?,
        baseline_days: baseline,
        quantile: quantile(&keys)?.unwrap_or(QUANTILE),
        at_least: at_least(&keys)?.unwrap_or(1),
        days: days(&keys)?.unwrap_or(DAYS),
        levels: above_one(&keys, levels(&keys, FACTOR)?)?,
    }))
}

fn windows(keys: &Mapping<'_, '_>) -> Result<Vec<i64>, Diagnostic> {
    let written = keys.counts("windows")?;
    if written.is_empty() {
        return Ok(WINDOWS.to_vec());
    }
    let days = written.iter().map(|days| i64::try_from(*days).ok());
    let days = days.map(|days| days.filter(|days| (1..=MAX_WINDOW).contains(days)));
    let days: Option<Vec<i64>> = days.collect();
    days.filter(|days| days.is_sorted_by(|a, b| a < b)).ok_or_else(|| {
        let message = format!("`windows` are numbers of days up to {MAX_WINDOW}, ascending");
        keys.fault("windows", "range", message)
    })
}

/// A sum of nothing says nothing.
fn days(keys: &Mapping<'_, '_>) -> Result<Option<u64>, Diagnostic> {
    Ok(keys.count("days")?.map(|days| days.max(1)))
}

/// Days are held against a value half way between the usual and `factor` times that.
fn above_one(keys: &Mapping<'_, '_>, levels: Vec<Level>) -> Result<Vec<Level>, Diagnostic> {
    if levels.iter().any(|level| level.from <= 1.0) {
        return Err(keys.fault("levels", "range", "each `factor` of `cusum` lies above 1"));
    }
    Ok(levels)
}

/// What tuning changes of `cusum`; what it does not name stays.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CusumChange {
    quantile: Option<f64>,
    at_least: Option<u64>,
    days: Option<u64>,
    levels: Option<Vec<Level>>,
}

impl CusumChange {
    /// The mapping under `cusum` of a change.
    pub(super) fn read(change: &Mapping<'_, '_>) -> Result<Option<Self>, Diagnostic> {
        let Some(keys) = change.mapping("cusum")? else { return Ok(None) };
        keys.only(&["quantile", "at_least", "days", "levels"])?;
        let levels = new_levels(&keys, FACTOR)?.map(|levels| above_one(&keys, levels));
        Ok(Some(Self {
            quantile: quantile(&keys)?,
            at_least: at_least(&keys)?,
            days: days(&keys)?,
            levels: levels.transpose()?,
        }))
    }

    /// Makes the change.
    pub(super) fn put(&self, cusum: &mut Cusum) {
        cusum.quantile = self.quantile.unwrap_or(cusum.quantile);
        cusum.at_least = self.at_least.unwrap_or(cusum.at_least);
        cusum.days = self.days.unwrap_or(cusum.days);
        if let Some(levels) = &self.levels {
            cusum.levels.clone_from(levels);
        }
    }
}
