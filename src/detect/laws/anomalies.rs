//! Terms of the judges of what is usual, and of silence.

use proptest::prelude::*;

use crate::detect::judge::{Feature, Level, Rare, Silence, Spike, Total};

/// All kinds of totals.
pub(super) fn spikes() -> impl Strategy<Value = Option<Spike>> {
    let totals = [Total::Events, Total::Failed, Total::BytesOut, Total::Objects];
    let total = proptest::sample::select(totals.to_vec());
    let quantile = proptest::sample::select(vec![0.01, 0.5, 0.9, 0.99, 1.0]);
    let spike =
        (total, quantile, 1u64..12, 0.5f64..3.0).prop_map(|(total, quantile, at_least, from)| {
            Spike { total, quantile, at_least, levels: vec![Level { from, severity: 5.0 }] }
        });
    spike.prop_map(Some)
}

/// A bucket, a client that may be given it, the hour.
pub(super) fn rares() -> impl Strategy<Value = Option<Rare>> {
    (0.1f64..12.0, any::<bool>()).prop_map(|(from, chained)| {
        let feature = |name: &str, given| Feature { name: name.to_owned(), given };
        let given = if chained { vec![0] } else { Vec::new() };
        Some(Rare {
            features: vec![feature("bucket", Vec::new()), feature("client", given)],
            hour: true,
            bucket: Some(0),
            judged: None,
            levels: vec![Level { from, severity: 5.0 }],
        })
    })
}

/// Rhythms of a day: histories are short.
pub(super) fn silences() -> impl Strategy<Value = Option<Silence>> {
    (1u64..3, 1usize..3, 1i64..3, any::<bool>()).prop_map(|(at_least, periods, factor, outages)| {
        Some(Silence { at_least, periods, period_days: 1, factor, outages })
    })
}
