//! Terms of the judges of what is usual, and of silence, and how they learn.

use proptest::prelude::*;

use crate::detect::judge::{
    Ascending, Cusum, DayTotal, Feature, KnownShare, Learning, Level, Rare, Silence, Spike, Terms,
    Total,
};

/// Terms with what each of them needs.
pub(super) fn all() -> impl Strategy<Value = Terms> {
    let all = (spikes(), rares(), silences(), cusums(), ascendings());
    all.prop_map(|(spike, rare, silence, cusum, ascending)| Terms {
        spike,
        rare,
        silence,
        ascending,
        cusum,
        ..Terms::default()
    })
}

fn ascendings() -> impl Strategy<Value = Option<Ascending>> {
    (0.1f64..=1.0, 1u64..6).prop_map(|(share, at_least)| Some(Ascending { share, at_least }))
}

/// All kinds of totals.
fn spikes() -> impl Strategy<Value = Option<Spike>> {
    let totals = [Total::Events, Total::Failed, Total::BytesOut, Total::Objects];
    let total = proptest::sample::select(totals.to_vec());
    let quantile = proptest::sample::select(vec![0.01, 0.5, 0.9, 0.99, 1.0]);
    let known = proptest::option::of((0.1f64..1.0, 1u64..4));
    let spike = (total, quantile, 1u64..12, 1u64..3, 0.5f64..3.0, known).prop_map(
        |(total, quantile, at_least, peers_factor, from, known)| {
            let levels = vec![Level { from, severity: 5.0 }];
            let share = |(share, at_least)| KnownShare { share, at_least, bucket: 1 };
            let known = known.filter(|_| total == Total::Objects).map(share);
            Spike { total, quantile, at_least, peers_factor, known, levels }
        },
    );
    spike.prop_map(Some)
}

/// A bucket, a client that may be given it, the hour.
fn rares() -> impl Strategy<Value = Option<Rare>> {
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
fn silences() -> impl Strategy<Value = Option<Silence>> {
    (1u64..3, 1usize..3, 1i64..3, any::<bool>()).prop_map(|(at_least, periods, factor, outages)| {
        Some(Silence { at_least, periods, period_days: 1, factor, outages })
    })
}

/// Windows of one to three of the few days that a history has.
fn cusums() -> impl Strategy<Value = Option<Cusum>> {
    let total = proptest::sample::select(vec![DayTotal::NewObjects, DayTotal::BytesOut]);
    let windows = proptest::sample::subsequence(vec![1i64, 2, 3, 4], 1..=2);
    let history = (windows, 1usize..3, proptest::sample::select(vec![0.01, 0.3, 0.5, 0.9]));
    let days = proptest::sample::select(vec![1u64, 1, 2]);
    let sum = (1u64..4, days, 1.1f64..2.0, 0.1f64..2.0);
    (total, history, sum).prop_map(|(total, (windows, baseline_days, quantile), sum)| {
        let (at_least, days, from, more) = sum;
        let level = |from| Level { from, severity: 5.0 };
        let levels = vec![level(from), level(from + more)];
        Some(Cusum { total, windows, baseline_days, quantile, at_least, days, levels })
    })
}

/// Where learning ends: a third each of the three ways.
pub(super) fn learnings() -> impl Strategy<Value = Learning> {
    prop_oneof![
        (0usize..5).prop_map(|min_days| Learning::Covered { min_days }),
        (0i64..9).prop_map(|day| Learning::Until { day }),
        (0i64..9, 1i64..4).prop_map(|(from, days)| Learning::Incident { from, until: from + days }),
    ]
}
