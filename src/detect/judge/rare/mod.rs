//! `rare`: a call is so unusual for its principal, feature by feature, that chance hardly explains
//! it.
//!
//! A fold keeps per principal and day which combinations of features occurred (API, bucket, origin,
//! client, …) and in which hours. For each feature of a combination [`odds`] says how probable a
//! value at least as rare is, from the principal's own history with back-off to the bucket's and
//! the account's; the surprisal −log2 of that, in bits, is summed over the features. A day fires if
//! a combination reaches the bits of the detector's lowest level. Method and sources:
//! `docs/anomaly.md`.

mod odds;
mod profile;

use std::collections::BTreeSet;

use super::history::Past;
use super::roll_up::RollUp;
use super::severity::{Day, Fired};
use super::{Count, History, Judge, Judgement, Level, Signal, Terms, Unjudged, gather};
use crate::detect::group::{Decimal, Grain, Groups, Pane, Row, tuple};

pub use odds::FeatureOdds;
use profile::Profile;
pub(super) use profile::Profiles;

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "rare",
    grain: |_| Grain::HOURS_OF_DAY,
    measure: None,
    judge,
    #[cfg(test)]
    oracle: oracle::rare,
};

const DAY: i64 = 86_400;

/// What is looked at, and how unusual it must be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rare {
    /// The features, in the order of the fold's tuple.
    pub features: Vec<Feature>,
    /// Whether the hour of the day is one more.
    pub hour: bool,
    /// The feature that names the bucket.
    pub bucket: Option<usize>,
    /// The feature that names the API, and the calls that are judged; the others are history only.
    pub judged: Option<(usize, Vec<ApiName>)>,
    /// How severe it is, by bits, ascending.
    pub levels: Vec<Level>,
}

/// The name of an API, or how names begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiName {
    /// The name, or its beginning.
    pub text: String,
    /// Whether it may go on.
    pub goes_on: bool,
}

impl ApiName {
    fn fits(&self, name: &str) -> bool {
        if self.goes_on { name.starts_with(&self.text) } else { name == self.text }
    }
}

/// A feature of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Its column.
    pub name: String,
    /// The features that it is looked at given these, which come before: an autonomous system is
    /// judged among those of its country.
    pub given: Vec<usize>,
}

/// The name of the feature that is no column.
pub const HOUR: &str = "hour";

/// A combination of features on a day.
struct Combination<'g> {
    row: &'g Row,
    bits: f64,
    odds: Vec<FeatureOdds>,
}

fn judge(terms: &Terms, groups: &Groups, history: &History<'_>) -> Judgement {
    let Some(rare) = &terms.rare else { return Judgement::default() };
    if groups.diffuse {
        return Judgement { diffuse: true, ..Judgement::default() };
    }
    let own = Profile::of(rare, groups);
    let scope = match history.roll_up {
        Some(RollUp::Profiles(profiles)) => Some(profiles),
        _ => None,
    };
    let days: BTreeSet<i64> =
        groups.rows.iter().map(|(bucket, _)| bucket.div_euclid(DAY)).collect();
    let mut judgement = Judgement { unjudged: Some(Unjudged::NoHistory), ..Judgement::default() };
    for day in days {
        let past = history.past(day, terms.lookback);
        if !history.is_judged(day, past) {
            continue;
        }
        judgement.unjudged = None;
        let judged = Judged { rare, own: &own, scope, past };
        let unusual = judged.unusual(groups, day);
        judgement.signals.extend(signal(terms, rare, day, past, &unusual));
    }
    judgement
}

/// A day being judged.
struct Judged<'j> {
    rare: &'j Rare,
    own: &'j Profile,
    scope: Option<&'j Profiles>,
    past: Past,
}

impl Judged<'_> {
    /// The combinations of the day that reach the lowest level, most bits first.
    fn unusual<'g>(&self, groups: &'g Groups, day: i64) -> Vec<Combination<'g>> {
        let rows = groups.rows.iter().zip(&groups.values);
        let of_day = rows.filter(|((bucket, _), _)| bucket.div_euclid(DAY) == day);
        let least = self.rare.levels.first().map_or(f64::INFINITY, |level| level.from);
        let mut unusual: Vec<Combination<'g>> = of_day
            .filter_map(|((_, row), value)| self.combination(value.as_deref()?, row))
            .filter(|combination| combination.bits >= least)
            .collect();
        // Equal bits keep the order of their texts, in which rows come.
        unusual.sort_by(|a, b| b.bits.total_cmp(&a.bits));
        unusual
    }

    fn combination<'g>(&self, value: &str, row: &'g Row) -> Option<Combination<'g>> {
        let values: Vec<Option<&str>> = tuple::split(value)?;
        if let Some((api, names)) = &self.rare.judged
            && !values.get(*api)?.is_some_and(|name| names.iter().any(|wanted| wanted.fits(name)))
        {
            return None;
        }
        let mut odds: Vec<FeatureOdds> = (0..self.rare.features.len())
            .map(|feature| self.odds(feature, &values, None))
            .collect();
        if self.rare.hour {
            let hours = row.panes.iter().map(|pane| self.hour_odds(&values, pane));
            odds.extend(hours.max_by(|a, b| a.bits.total_cmp(&b.bits)));
        }
        let bits = odds.iter().map(|odds| odds.bits).sum();
        Some(Combination { row, bits, odds })
    }

    fn hour_odds(&self, values: &[Option<&str>], pane: &Pane) -> FeatureOdds {
        self.odds(self.rare.features.len(), values, Some(&hour_text(pane.start)))
    }

    /// The odds of a feature's value; the hour's value is given.
    fn odds(&self, feature: usize, values: &[Option<&str>], hour: Option<&str>) -> FeatureOdds {
        let place = profile::Place::of(self.rare, feature, values, hour);
        let bucket = self.rare.bucket.filter(|bucket| *bucket != feature);
        let bucket = bucket.and_then(|bucket| values.get(bucket).copied().flatten());
        let levels = [
            Some(self.own.standing(&place, self.past)),
            bucket.and_then(|bucket| Some(self.scope?.of_bucket(bucket, &place, self.past))),
            self.scope.map(|scope| scope.of_account(&place, self.past)),
        ];
        let name = self.rare.features.get(feature).map_or(HOUR, |feature| feature.name.as_str());
        FeatureOdds::new(name, place.value(), levels)
    }
}

/// The hour of a time as a feature: `weekday 09h`, UTC.
fn hour_text(time: i64) -> String {
    // 1 January 1970 was a Thursday.
    let weekday = (time.div_euclid(DAY) + 3).rem_euclid(7);
    let kind = if weekday < 5 { "weekday" } else { "weekend" };
    format!("{kind} {:02}h", time.rem_euclid(DAY) / 3_600)
}

fn signal(
    terms: &Terms,
    rare: &Rare,
    day: i64,
    past: Past,
    unusual: &[Combination<'_>],
) -> Option<Signal> {
    let first = unusual.first()?;
    let level = Level::reached(&rare.levels, |bits| first.bits >= bits)?;
    let rows = || unusual.iter().map(|combination| combination.row);
    let details = gather(rows().filter_map(|row| row.details.as_deref()), i64::MIN, i64::MAX)?;
    let panes = rows().flat_map(|row| &row.panes);
    let count = panes.fold(Count::default(), |sum, pane| Count {
        ok: sum.ok.saturating_add(pane.ok),
        failed: sum.failed.saturating_add(pane.failed),
    });
    let fired = Fired { peak: count.total(), first: details.first, last: details.last };
    let judged = Day { ok: &[count.ok], counted: &[true], fired, earlier: &[] };
    Some(Signal {
        day,
        first: details.first,
        last: details.last,
        counts: vec![count],
        peak: tenths(first.bits),
        observed: Some(observed(first, unusual.len() - 1)),
        values: Vec::new(),
        features: first.odds.clone(),
        expected: expected(rare, past),
        baseline: Some((past.from, past.until)),
        severity: terms.severity.at(level, judged),
        details,
    })
}

/// Bits to one place.
fn tenths(bits: f64) -> Decimal {
    #[allow(clippy::cast_possible_truncation, reason = "some hundred bits at most")]
    Decimal::from_micros((bits * 10.0).round() as i128 * 100_000)
}

fn observed(combination: &Combination<'_>, others: usize) -> String {
    let mut odds: Vec<&FeatureOdds> =
        combination.odds.iter().filter(|odds| odds.is_telling()).collect();
    odds.sort_by(|a, b| b.bits.total_cmp(&a.bits));
    let features: Vec<String> = odds.iter().map(ToString::to_string).collect();
    let more = match others {
        0 => String::new(),
        1 => "; another combination of features is unusual too".to_owned(),
        _ => format!("; {others} more combinations of features are unusual too"),
    };
    format!("{:.1} bits: {}{more}", combination.bits, features.join(", "))
}

fn expected(rare: &Rare, past: Past) -> String {
    let least = rare.levels.first().map_or(0.0, |level| level.from);
    format!("less than {least} bits against the {} days before", past.until - past.from)
}

#[cfg(test)]
mod oracle {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{DAY, History, Terms, hour_text, tenths};
    use crate::detect::laws::{Event, Verdict};

    /// The value of a feature of an event, and the values that it is looked at given. The laws'
    /// principal uses the buckets 0 and 1 with the clients 0 and 1.
    fn value(terms: &Terms, event: &Event, feature: usize) -> (Vec<usize>, String) {
        let parts = [event.value % 2, event.value / 2];
        let rare = terms.rare.as_ref().unwrap();
        match rare.features.get(feature) {
            None => (Vec::new(), hour_text(event.time)),
            Some(feature_of) => {
                let given = feature_of.given.iter().map(|given| parts[*given]).collect();
                (given, parts[feature].to_string())
            }
        }
    }

    /// How probable the event's value is among `past`, or a rarer one; and whether it is new there.
    #[allow(clippy::cast_precision_loss)]
    fn probability(terms: &Terms, past: &[&Event], event: &Event, feature: usize) -> (f64, bool) {
        let (given, wanted) = value(terms, event, feature);
        let days: BTreeSet<(i64, String)> = past
            .iter()
            .map(|e| (e.time.div_euclid(DAY), value(terms, e, feature)))
            .filter(|(_, (others, _))| *others == given)
            .map(|(day, (_, value))| (day, value))
            .collect();
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        days.iter().for_each(|(_, value)| *counts.entry(value).or_default() += 1);
        let own = counts.get(&wanted).copied().unwrap_or(0);
        let rarer: usize = counts.values().filter(|count| **count <= own).sum();
        match days.len() {
            0 => (1.0, true),
            all => ((rarer + counts.len()) as f64 / (all + counts.len()) as f64, own == 0),
        }
    }

    fn bits(terms: &Terms, past: &[&Event], event: &Event) -> f64 {
        let mut bits = 0.0;
        for feature in 0..3 {
            let of_bucket: Vec<&Event> =
                past.iter().filter(|e| e.value % 2 == event.value % 2).copied().collect();
            // The account has no other principal.
            let histories = [past, if feature == 0 { &[] } else { &of_bucket }, past];
            let mut product = 1.0;
            for history in histories {
                let (probability, new) = probability(terms, history, event, feature);
                product *= probability;
                if !new {
                    break;
                }
            }
            bits -= f64::log2(product);
        }
        bits
    }

    /// Counts everything anew for every event.
    pub(super) fn rare(terms: &Terms, events: &[Event], history: &History<'_>) -> Vec<Verdict> {
        let Some(rare) = &terms.rare else { return Vec::new() };
        let day = |event: &Event| event.time.div_euclid(DAY);
        let mut found = Vec::new();
        for today in events.iter().map(day).collect::<BTreeSet<i64>>() {
            let window = history.past(today, terms.lookback);
            let past: Vec<&Event> = events.iter().filter(|e| window.holds(day(e))).collect();
            let mut of_value: BTreeMap<usize, (f64, Vec<Event>)> = BTreeMap::new();
            for event in events.iter().filter(|event| day(event) == today) {
                let known = of_value.entry(event.value).or_default();
                known.0 = known.0.max(bits(terms, &past, event));
                known.1.push(event.clone());
            }
            of_value.retain(|_, (bits, _)| *bits >= rare.levels[0].from);
            let most = of_value.values().map(|(bits, _)| *bits).fold(0.0, f64::max);
            let unusual: Vec<Event> =
                of_value.into_values().flat_map(|(_, events)| events).collect();
            if !unusual.is_empty() && history.is_judged(today, window) {
                let mut verdict = Verdict::new(today, &unusual);
                verdict.peak = tenths(most);
                found.push(verdict);
            }
        }
        found
    }
}
