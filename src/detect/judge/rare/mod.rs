//! `rare`: a call is so unusual for its principal, feature by feature, that chance hardly explains
//! it.
//!
//! A fold keeps per principal and day which combinations of features occurred (API, bucket, origin,
//! client, …) and in which hours. For each feature of a combination [`odds`] says how probable a
//! value at least as rare is, from the principal's own history with back-off to the bucket's and
//! the account's; the surprisal −log2 of that, in bits, is summed over the features. A day fires if
//! a combination reaches the bits of the detector's lowest level. Method and sources:
//! `docs/anomaly.md`.

mod combination;
mod odds;
mod profile;

use std::collections::BTreeMap;

use super::history::Past;
use super::roll_up::RollUp;
use super::severity::{Day, Fired};
use super::{Count, History, Judge, Judgement, Level, Signal, Terms, Unjudged, gather};
use crate::detect::group::{Decimal, Grain, Groups, Row};

use combination::{Combination, Place, combinations, hour_text};
pub use odds::FeatureOdds;
use odds::Odds;
use profile::Profile;
pub(super) use profile::Profiles;

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "rare",
    grain: |_| Grain::HOURS_OF_DAY,
    measure: |_| None,
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

/// A combination of features on a day, with the odds of each feature.
struct Unusual<'g> {
    row: &'g Row,
    bits: f64,
    odds: Vec<FeatureOdds>,
}

fn judge(terms: &Terms, groups: &Groups, history: &History<'_>) -> Judgement {
    let Some(rare) = &terms.rare else { return Judgement::default() };
    if groups.diffuse {
        return Judgement { diffuse: true, ..Judgement::default() };
    }
    let scope = match history.roll_up {
        Some(RollUp::Profiles(profiles)) => Some(profiles.as_ref()),
        _ => None,
    };
    let combinations = combinations(rare, groups);
    let own = Profile::of(rare, groups, &combinations);
    let mut judgement = Judgement { unjudged: Some(Unjudged::NoHistory), ..Judgement::default() };
    let days = by_day(groups, &combinations);
    for (day, calls) in &days {
        let (day, past) = (*day, history.past(*day, terms.lookback));
        let known = days.keys().filter(|day| past.holds(**day)).count();
        if known < terms.known_days || !history.is_judged(day, past) {
            continue;
        }
        judgement.unjudged = None;
        let unusual = Judged { rare, own: &own, scope, past }.unusual(calls);
        judgement.signals.extend(signal(terms, rare, day, past, &unusual));
    }
    judgement
}

/// A combination's calls of a day.
type Calls<'j, 'g> = (&'j Combination<'g>, &'g Row);

/// The judged combinations of each day, in the order of their tuples.
fn by_day<'j, 'g>(
    groups: &'g Groups,
    combinations: &'j [Combination<'g>],
) -> BTreeMap<i64, Vec<Calls<'j, 'g>>> {
    let mut days: BTreeMap<i64, Vec<Calls<'j, 'g>>> = BTreeMap::new();
    for combination in combinations {
        for (start, row) in groups.rows.get(combination.rows.clone()).unwrap_or_default() {
            let day = days.entry(start.div_euclid(DAY)).or_default();
            day.extend(combination.judged.then_some((combination, row)));
        }
    }
    days
}

/// A day being judged.
struct Judged<'j> {
    rare: &'j Rare,
    own: &'j Profile,
    scope: Option<&'j Profiles>,
    past: Past,
}

impl Judged<'_> {
    /// The calls that reach the lowest level, most bits first.
    fn unusual<'g>(&self, calls: &[Calls<'_, 'g>]) -> Vec<Unusual<'g>> {
        let least = self.rare.levels.first().map_or(f64::INFINITY, |level| level.from);
        let mut unusual: Vec<Unusual<'g>> =
            calls.iter().filter_map(|(calls, row)| self.judge(calls, row, least)).collect();
        // Equal bits keep the order of the calls, which is that of their tuples.
        unusual.sort_by(|a, b| b.bits.total_cmp(&a.bits));
        unusual
    }

    /// The calls with their odds, if they reach so many bits.
    fn judge<'g>(
        &self,
        combination: &Combination<'_>,
        row: &'g Row,
        least: f64,
    ) -> Option<Unusual<'g>> {
        let odds = |place: &Place| self.odds(*place, combination.bucket);
        let of_features: Vec<Odds> = combination.places.iter().map(odds).collect();
        let hours = row.panes.iter().filter(|_| self.rare.hour);
        let hours = hours.map(|pane| (pane.start, odds(&Place::of_hour(pane.start))));
        let hour = hours.max_by(|(_, a), (_, b)| a.bits().total_cmp(&b.bits()));
        let all = of_features.iter().chain(hour.iter().map(|(_, odds)| odds));
        let bits = all.map(Odds::bits).sum();
        if bits < least {
            return None;
        }
        let named = self.rare.features.iter().zip(&combination.values).zip(&of_features);
        let named = named.map(|((feature, value), odds)| odds.of_feature(&feature.name, *value));
        let hour = hour.map(|(start, odds)| odds.of_feature(HOUR, Some(&hour_text(start))));
        Some(Unusual { row, bits, odds: named.chain(hour).collect() })
    }

    fn odds(&self, place: Place, bucket: Option<u64>) -> Odds {
        let bucket = bucket.filter(|_| self.rare.bucket != Some(place.feature()));
        Odds::of([
            &|| self.own.standing(place, self.past),
            &|| self.scope?.of_bucket(bucket?, place, self.past),
            &|| self.scope?.of_account(place, self.past),
        ])
    }
}

fn signal(
    terms: &Terms,
    rare: &Rare,
    day: i64,
    past: Past,
    unusual: &[Unusual<'_>],
) -> Option<Signal> {
    let first = unusual.first()?;
    let level = Level::reached(&rare.levels, |bits| first.bits >= bits)?;
    let rows = || unusual.iter().map(|combination| combination.row);
    let details = gather(rows().filter_map(|row| row.details()), i64::MIN, i64::MAX)?;
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

fn observed(combination: &Unusual<'_>, others: usize) -> String {
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
    #[allow(clippy::cast_precision_loss, reason = "some sixty events")]
    fn probability(terms: &Terms, past: &[&Event], event: &Event, feature: usize) -> (f64, bool) {
        let (given, wanted) = value(terms, event, feature);
        let days: BTreeSet<(i64, String)> = past
            .iter()
            .map(|e| (e.time.div_euclid(DAY), value(terms, e, feature)))
            .filter(|(_, (others, _))| *others == given)
            .map(|(day, (_, value))| (day, value))
            .collect();
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        for (_, value) in &days {
            *counts.entry(value).or_default() += 1;
        }
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
            let known = past.iter().map(|event| day(event)).collect::<BTreeSet<i64>>().len();
            let is_known = known >= terms.known_days;
            if is_known && !unusual.is_empty() && history.is_judged(today, window) {
                let mut verdict = Verdict::new(today, &unusual);
                verdict.peak = tenths(most);
                found.push(verdict);
            }
        }
        found
    }
}
