//! `cusum`: what an entity does in a day leaves its own history by a little, day after day.
//!
//! A cumulative sum over days (E. S. Page, "Continuous inspection schemes", Biometrika 41, 1954;
//! NIST/SEMATECH e-Handbook, 6.3.2.3). The history before a window of days gives a quantile, the
//! *usual* day. A day adds to the sum what it lies above the value half way between the usual and
//! `factor` times that, in units of that distance, but never more than 1 nor less than −1: neither
//! one wild day nor one day off decides (winsorised as in J. M. Lucas and R. B. Crosier, "Robust
//! CUSUM", Communications in Statistics 11, 1982). The sum does not fall below 0, and the judge fires
//! when it reaches so many whole days.
//!
//! Hence, whatever the distribution: with a quantile of 90 % a day like those before adds with a
//! chance of 10 % and takes 1 away with 90 %, so the sum reaches 6 with one of (0.1 / 0.9)^6, 2 in a
//! million. Rhythms that are quiet on half of the days never get far.

use std::collections::{BTreeMap, HashMap};

use bytesize::ByteSize;

use super::history::Past;
use super::known_keys::union;
use super::severity::{Day, Fired};
use super::total::OBJECTS;
use super::{Count, History, Judge, Judgement, Level, Signal, Terms, Unjudged, quantile};
use crate::detect::group::{Decimal, Grain, Groups, MeasureKind, Row, Sketch};

/// The registry's entry. The fold is that of `spike` over objects, whatever is added up: rows have
/// their bytes in any case.
pub(super) const JUDGE: Judge = Judge {
    name: "cusum",
    grain: |_| Grain::HOURS_OF_DAY,
    measure: |terms| terms.cusum.as_ref().map(|_| MeasureKind::Distinct(OBJECTS)),
    judge,
    #[cfg(test)]
    oracle: oracle::cusum,
};

const DAY: i64 = 86_400;

/// What is added up, and what is too much.
#[derive(Debug, Clone, PartialEq)]
pub struct Cusum {
    /// What a day comes to.
    pub total: DayTotal,
    /// Lengths of the windows, in days, ascending: what lies before each is its history.
    pub windows: Vec<i64>,
    /// Covered days that a history needs since the entity was first seen.
    pub baseline_days: usize,
    /// The quantile of the history, above 0 and at most 1.
    pub quantile: f64,
    /// A usual day of less counts as so much.
    pub at_least: u64,
    /// The sum that fires: so many whole days.
    pub days: u64,
    /// How severe it is, by the factor that days are held against, above 1, ascending.
    pub levels: Vec<Level>,
}

/// What a day comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayTotal {
    /// Object keys that the entity had not in the longest window before the day.
    NewObjects,
    /// `bytesTransferredOut`.
    BytesOut,
}

/// What a day came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Came {
    total: u64,
    /// Whether the total is an estimate.
    about: bool,
}

/// A sum that has reached the mark.
#[derive(Debug, Clone, PartialEq)]
struct Drift {
    /// Position of the highest level whose mark is reached.
    level: usize,
    /// The day with which the sum began to grow.
    since: i64,
    /// What the days since then came to.
    came: Came,
    usual: Usual,
}

/// What is usual.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Usual {
    value: Came,
    /// The history.
    past: Past,
    /// How many covered days it has.
    days: usize,
}

fn judge(terms: &Terms, groups: &Groups, history: &History<'_>) -> Judgement {
    let Some(cusum) = &terms.cusum else { return Judgement::default() };
    let came = cusum.came(groups);
    let (mut judgement, mut judged, mut unjudged) = (Judgement::default(), false, false);
    let mut reached: BTreeMap<i64, usize> = BTreeMap::new();
    for day in came.iter().filter(|(_, came)| came.total > 0).map(|(day, _)| *day) {
        let past = history.past(day, terms.lookback);
        if !history.is_judged(day, past) {
            unjudged = true;
            continue;
        }
        judged = true;
        let Some(drift) = cusum.drift(terms, &came, history, (day, past)) else { continue };
        let before = reached.range(day - cusum.longest()..).map(|(_, level)| *level).max();
        reached.insert(day, drift.level);
        // What goes on is no news, unless it is more severe.
        if before.is_none_or(|before| before < drift.level) {
            judgement.signals.extend(signal(terms, cusum, groups, day, &drift));
        }
    }
    judgement.unjudged = (unjudged && !judged).then_some(Unjudged::NoHistory);
    judgement
}

impl Cusum {
    /// The longest window, in days: for so long it fires only once, and so long keys are not new.
    #[must_use]
    pub fn longest(&self) -> i64 {
        self.windows.last().copied().unwrap_or(0)
    }

    /// What the days on which the entity was seen came to. Events of context alone came to nothing.
    fn came(&self, groups: &Groups) -> BTreeMap<i64, Came> {
        let mut known = Known { within: self.longest(), ..Known::default() };
        let rows = groups.rows.iter().map(|(bucket, row)| (bucket.div_euclid(DAY), row));
        rows.map(|(day, row)| {
            let came = match self.total {
                DayTotal::NewObjects => known.take(day, row),
                DayTotal::BytesOut => bytes_out(row),
            };
            (day, came)
        })
        .collect()
    }

    /// The most severe sum of the windows that end with the day.
    fn drift(
        &self,
        terms: &Terms,
        came: &BTreeMap<i64, Came>,
        history: &History<'_>,
        (day, past): (i64, Past),
    ) -> Option<Drift> {
        let since = *came.range(past.from..).next()?.0;
        let of_window = |window: &i64| {
            let from = day - window + 1;
            let days = Self::days_of(came, history, from, day + 1);
            // Most entities end here.
            if (days.iter().filter(|(_, came)| came.total > self.at_least).count() as u64)
                < self.days
            {
                return None;
            }
            let past = Past { from: since, until: past.until.min(from) };
            let usual = self.usual(terms, came, history, past)?;
            let reached = |(level, factor): (usize, f64)| {
                let since = self.sum(&days, usual.value.total, factor)?;
                let of_drift = days.iter().filter(|(day, _)| *day >= since);
                let came = of_drift.fold(Came::default(), |sum, (_, came)| sum.plus(*came));
                Some(Drift { level, since, came, usual: usual.clone() })
            };
            let factors = self.levels.iter().map(|level| level.from).enumerate();
            factors.rev().find_map(reached)
        };
        let drifts = self.windows.iter().filter_map(of_window);
        drifts.reduce(|short, long| if long.level > short.level { long } else { short })
    }

    /// The covered days from `from` until `until`.
    fn days_of(
        came: &BTreeMap<i64, Came>,
        history: &History<'_>,
        from: i64,
        until: i64,
    ) -> Vec<(i64, Came)> {
        let days = history.covered.iter().skip_while(|day| **day < from);
        let days = days.take_while(|day| **day < until);
        days.map(|day| (*day, came.get(day).copied().unwrap_or_default())).collect()
    }

    /// What was usual in the past; `None` if that is too short to tell.
    fn usual(
        &self,
        terms: &Terms,
        came: &BTreeMap<i64, Came>,
        history: &History<'_>,
        past: Past,
    ) -> Option<Usual> {
        let mut days = Self::days_of(came, history, past.from, past.until);
        let seen = came.range(past.from..past.until.max(past.from)).count();
        if days.len() < self.baseline_days.max(1) || seen < terms.known_days {
            return None;
        }
        days.sort_unstable_by_key(|(_, came)| came.total);
        let value = days.get(nearest_rank(days.len(), self.quantile)).map(|(_, came)| *came)?;
        Some(Usual { value, past, days: days.len() })
    }

    /// The first of the days whose sum reaches the mark with the last of them.
    fn sum(&self, days: &[(i64, Came)], usual: u64, factor: f64) -> Option<i64> {
        let usual = usual.max(self.at_least);
        let (mut sum, mut since) = (0.0_f64, None);
        for (day, came) in days {
            sum += step(came.total, usual, factor);
            if sum > 0.0 {
                since = since.or(Some(*day));
            } else {
                (sum, since) = (0.0, None);
            }
        }
        since.filter(|_| sum >= whole(self.days))
    }
}

/// What a day adds.
fn step(total: u64, usual: u64, factor: f64) -> f64 {
    let half = (factor - 1.0) / 2.0 * whole(usual);
    ((whole(total) - whole(usual)) / half - 1.0).clamp(-1.0, 1.0)
}

#[allow(clippy::cast_precision_loss, reason = "sums of days need no 53 bits")]
fn whole(number: u64) -> f64 {
    number as f64
}

/// The position of the quantile's nearest rank among so many sorted values.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "some hundred days"
)]
fn nearest_rank(values: usize, quantile: f64) -> usize {
    ((values as f64 * quantile).ceil() as usize).clamp(1, values.max(1)) - 1
}

impl Came {
    fn plus(self, other: Self) -> Self {
        let total = self.total.saturating_add(other.total);
        Self { total, about: self.about || other.about }
    }
}

fn bytes_out(row: &Row) -> Came {
    Came { total: row.bytes_out(), about: false }
}

/// Which keys were seen when.
#[derive(Debug, Default)]
struct Known {
    /// For so many days a key is known.
    within: i64,
    /// Hash of the key: the last day.
    last: HashMap<u64, i64>,
    /// Of days whose keys are a sample: up to which hash they are known.
    limits: BTreeMap<i64, u64>,
}

impl Known {
    /// How many keys of the day are new. Days come in their order.
    fn take(&mut self, day: i64, row: &Row) -> Came {
        let Some(sketch) = union(row.measures.iter().flat_map(|measures| measures.iter())) else {
            return Came::default();
        };
        let limit = sketch.hashes().last().filter(|_| !sketch.is_exact());
        self.limits.extend(limit.map(|limit| (day, *limit)));
        let since = day - self.within;
        let limit = self.limits.range(since..).map(|(_, limit)| *limit).min();
        let mut new = 0;
        for hash in sketch.hashes() {
            let known = self.last.insert(*hash, day).is_some_and(|last| last >= since);
            new += u64::from(!known && limit.is_none_or(|limit| *hash <= limit));
        }
        match limit {
            None => Came { total: new, about: false },
            // A day with few keys says little through a narrow sample, but never more than it has.
            Some(limit) => {
                let total = Sketch::scaled(new, limit).min(sketch.distinct());
                Came { total, about: true }
            }
        }
    }
}

impl DayTotal {
    /// The column whose values are kept.
    #[must_use]
    pub fn column(self) -> String {
        "object_key".to_owned()
    }

    /// What days came to, in words.
    fn text(self, came: Came) -> String {
        let about = if came.about { "about " } else { "" };
        match self {
            Self::NewObjects => format!("{about}{} new objects", came.total),
            Self::BytesOut => format!("{} read", ByteSize::b(came.total).display().si()),
        }
    }
}

/// The signal of the day with which the sum reaches a level. Its events are those of the day: of days
/// before, a state keeps no samples.
fn signal(
    terms: &Terms,
    cusum: &Cusum,
    groups: &Groups,
    day: i64,
    drift: &Drift,
) -> Option<Signal> {
    let (_, row) = groups.rows.iter().find(|(bucket, _)| bucket.div_euclid(DAY) == day)?;
    let details = row.details()?.clone();
    let level = cusum.levels.get(drift.level)?;
    let panes = row.panes.iter();
    let panes = panes.filter(|pane| terms.counted.get(usize::from(pane.rule)) == Some(&true));
    let count = panes.fold(Count::default(), |sum, pane| Count {
        ok: sum.ok.saturating_add(pane.ok),
        failed: sum.failed.saturating_add(pane.failed),
    });
    let fired = Fired { peak: drift.came.total, first: details.first, last: details.last };
    let judged = Day { ok: &[count.ok], counted: &[true], fired, earlier: &[] };
    let Usual { value, past, days } = &drift.usual;
    let length = day - drift.since + 1;
    Some(Signal {
        day,
        first: details.first,
        last: details.last,
        counts: vec![count],
        peak: Decimal::whole(drift.came.total),
        observed: Some(format!("{} in {length} days", cusum.total.text(drift.came))),
        values: Vec::new(),
        features: Vec::new(),
        expected: format!(
            "up to {} a day (the {} of {days} days before)",
            cusum.total.text(*value),
            quantile::percent(cusum.quantile)
        ),
        baseline: Some((past.from, past.until)),
        severity: terms.severity.at(level, judged),
        details,
    })
}

#[cfg(test)]
mod oracle {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::history::Past;
    use super::{Cusum, DayTotal, History, Terms};
    use crate::detect::laws::{Event, Verdict};

    fn day(event: &Event) -> i64 {
        event.time.div_euclid(86_400)
    }

    /// What a day came to, from the list of all counted events.
    fn total(cusum: &Cusum, own: &[Event], of: i64) -> u64 {
        let keys = |from: i64, until: i64| -> BTreeSet<&str> {
            let inside = own.iter().filter(|event| (from..until).contains(&day(event)));
            inside.filter_map(Event::text).collect()
        };
        match cusum.total {
            // Each event of a history brings two bytes.
            DayTotal::BytesOut => 2 * own.iter().filter(|event| day(event) == of).count() as u64,
            DayTotal::NewObjects => {
                let longest = cusum.windows.iter().max().unwrap();
                keys(of, of + 1).difference(&keys(of - longest, of)).count() as u64
            }
        }
    }

    /// The first day of all from which on every sum of days up to a later one is above 0, if the sum
    /// of all is large enough.
    #[allow(clippy::cast_precision_loss, reason = "some sixty events")]
    fn since(days: &[(i64, u64)], usual: u64, factor: f64, mark: u64) -> Option<i64> {
        let half = (factor - 1.0) / 2.0 * usual as f64;
        let step = |total: u64| ((total as f64 - usual as f64) / half - 1.0).clamp(-1.0, 1.0);
        for start in 0..days.len() {
            let sums: Vec<f64> = days[start..]
                .iter()
                .scan(0.0, |sum, (_, total)| {
                    *sum += step(*total);
                    Some(*sum)
                })
                .collect();
            if sums.iter().all(|sum| *sum > 0.0) {
                return sums.last().filter(|sum| **sum >= mark as f64).map(|_| days[start].0);
            }
        }
        None
    }

    /// (Level, total) of the day, if the sum of a window reaches a level.
    fn reached(
        terms: &Terms,
        totals: &BTreeMap<i64, u64>,
        history: &History<'_>,
        (day, past): (i64, Past),
    ) -> Option<(usize, u64)> {
        let cusum = terms.cusum.as_ref()?;
        let first = *totals.keys().find(|day| **day >= past.from)?;
        let between = |from: i64, until: i64| -> Vec<(i64, u64)> {
            let days = history.covered.iter().filter(|day| (from..until).contains(*day));
            days.map(|day| (*day, totals.get(day).copied().unwrap_or(0))).collect()
        };
        let mut best: Option<(usize, u64)> = None;
        for window in &cusum.windows {
            let begin = day - window + 1;
            let (mut before, inside) =
                (between(first, past.until.min(begin)), between(begin, day + 1));
            let seen = before.iter().filter(|(day, _)| totals.contains_key(day)).count();
            if before.len() < cusum.baseline_days || seen < terms.known_days {
                continue;
            }
            before.sort_unstable_by_key(|(_, total)| *total);
            // The least value that so large a part of the history does not exceed.
            #[allow(clippy::cast_precision_loss, reason = "some days")]
            let usual = before.iter().find(|(_, value)| {
                let within = before.iter().filter(|(_, total)| total <= value).count();
                within as f64 >= before.len() as f64 * cusum.quantile
            });
            let usual = usual.unwrap().1.max(cusum.at_least);
            for (level, factor) in cusum.levels.iter().map(|level| level.from).enumerate().rev() {
                let Some(since) = since(&inside, usual, factor, cusum.days) else { continue };
                let total = inside.iter().filter(|(day, _)| *day >= since).map(|(_, t)| t).sum();
                if best.is_none_or(|(other, _)| level > other) {
                    best = Some((level, total));
                }
                break;
            }
        }
        best
    }

    /// Adds up the days of each window anew for every day.
    pub(super) fn cusum(terms: &Terms, events: &[Event], history: &History<'_>) -> Vec<Verdict> {
        let Some(cusum) = &terms.cusum else { return Vec::new() };
        let own: Vec<Event> = events.iter().filter(|e| terms.counted[e.rule]).cloned().collect();
        let days: BTreeSet<i64> = events.iter().map(day).collect();
        let totals: BTreeMap<i64, u64> =
            days.iter().map(|day| (*day, total(cusum, &own, *day))).collect();
        let (mut found, mut before) = (Vec::new(), BTreeMap::new());
        for (of, _) in totals.iter().filter(|(_, total)| **total > 0) {
            let past = history.past(*of, terms.lookback);
            if !history.is_judged(*of, past) {
                continue;
            }
            let Some((level, total)) = reached(terms, &totals, history, (*of, past)) else {
                continue;
            };
            let recent = before.iter().filter(|(day, _)| **day >= of - cusum.longest());
            if recent.map(|(_, level)| *level).max().is_none_or(|highest: usize| highest < level) {
                let inside: Vec<Event> = own.iter().filter(|e| day(e) == *of).cloned().collect();
                let peak = usize::try_from(total).unwrap();
                found.push(Verdict::new(*of, &inside).peaking(peak));
            }
            before.insert(*of, level);
        }
        found
    }
}
