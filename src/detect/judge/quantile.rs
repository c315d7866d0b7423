//! Quantiles of histories, and how people say them.

use hdrhistogram::Histogram;

/// Significant digits of histograms: values are told apart to 0.1 %.
const DIGITS: u8 = 3;

/// A quantile as people say it.
pub(super) fn percent(quantile: f64) -> String {
    let number = (quantile * 1_000.0).round() / 10.0;
    if number >= 100.0 { "maximum".to_owned() } else { format!("{number} % quantile") }
}

/// The quantile of values, each with how often it occurs; 0 without any.
pub(super) fn quantile(values: impl Iterator<Item = (u64, u64)>, quantile: f64) -> u64 {
    let Ok(mut histogram) = Histogram::<u64>::new(DIGITS) else { return 0 };
    for (value, times) in values {
        // Cannot fail: the histogram grows.
        let _ = histogram.record_n(value, times);
    }
    if histogram.is_empty() { 0 } else { histogram.value_at_quantile(quantile) }
}

/// The largest number that a histogram does not tell from `value`: bounds the steps of a day.
pub(super) fn step(value: u64) -> u64 {
    Histogram::<u64>::new(DIGITS).map_or(value, |histogram| histogram.highest_equivalent(value))
}
