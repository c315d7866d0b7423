//! `spike`: what an entity does within 24 hours leaves its own history.
//!
//! Totals are kept per hour. Each hour in which the entity was seen ends a window of 24 hours; the
//! windows that end in the days before are the history, of which a quantile is taken with an HDR
//! histogram. A window fires if its total is at least the detector's floor and more than a factor
//! times that quantile. Rules of context say when the entity was seen without adding anything: who
//! has read for weeks has a history of no writes. An entity that was seen on too few days is held
//! against what the entities of its account come to in a day as well ([`Peers`]).
//!
//! GuardDuty counts calls over 24 hours in the same way, for a principal, a bucket and the pair
//! (user guide, "S3 Protection finding types", `Exfiltration:S3/AnomalousBehavior`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::history::Past;
use super::known_keys::{Drained, KnownShare};
use super::memo::Memo;
use super::quantile::{percent, quantile, step};
use super::roll_up::RollUp;
use super::severity::{Day, Fired};
use super::sliding;
use super::total::{SlidingSum, Sum, Total, count, is_counted};
use super::{History, Judge, Judgement, Level, Signal, Terms, Unjudged, gather};
use crate::detect::group::{Decimal, Grain, Groups, Pane};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "spike",
    grain: |_| Grain::HOURS_OF_DAY,
    measure: |terms| terms.spike.as_ref()?.total.measure(),
    judge,
    #[cfg(test)]
    oracle: oracle::spike,
};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
const MICROS: i64 = 1_000_000;
/// Length of a window, seconds.
pub const WINDOW: i64 = DAY;
/// What a spike is.
#[derive(Debug, Clone, PartialEq)]
pub struct Spike {
    /// What is added up.
    pub total: Total,
    /// The quantile of the history, above 0 and at most 1.
    pub quantile: f64,
    /// Totals below are none.
    pub at_least: u64,
    /// An entity that is hardly known may come to so many times what its peers come to.
    pub peers_factor: u64,
    /// Which share of a bucket's known keys must have been read as well.
    pub known: Option<KnownShare>,
    /// How severe it is, by the factor between the total and the quantile, ascending.
    pub levels: Vec<Level>,
}

/// A window of 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    /// Start of its last hour.
    at: i64,
    total: u64,
    /// The part of it since midnight UTC.
    today: u64,
}

fn judge(terms: &Terms, groups: &Groups, history: &History<'_>) -> Judgement {
    let Some(spike) = &terms.spike else { return Judgement::default() };
    let windows = windows(terms, spike.total, groups);
    let (mut judgement, mut judged, mut unjudged) = (Judgement::default(), false, false);
    for of_day in windows.chunk_by(|a, b| a.day() == b.day()) {
        let own = of_day.iter().filter(|w| w.total >= spike.at_least && w.is_of_its_day());
        let Some(highest) = own.max_by_key(|w| (w.total, Reverse(w.at))) else { continue };
        let past = history.past(highest.day(), terms.lookback);
        if !history.is_judged(highest.day(), past) {
            unjudged = true;
            continue;
        }
        judged = true;
        // What belongs to the window itself is no habit.
        let before: Vec<Window> = windows
            .iter()
            .filter(|w| past.holds(w.day()) && w.at <= highest.at - WINDOW)
            .copied()
            .collect();
        let usual = Usual::of(terms, spike, &before, history, past);
        let level =
            Level::reached(&spike.levels, |factor| exceeds(highest.total, factor, usual.value));
        let Some(level) = level else { continue };
        let mut signal = signal(terms, groups, *highest, &usual, past, level);
        if let Some(known) = &spike.known {
            let Some(read) = Drained::within(known, groups, history, past, highest.at) else {
                continue;
            };
            if let Some(signal) = &mut signal {
                read.say(known, signal);
            }
        }
        judgement.signals.extend(signal);
    }
    judgement.unjudged = (unjudged && !judged).then_some(Unjudged::NoHistory);
    judgement
}

#[allow(clippy::cast_precision_loss, reason = "a factor is no exact number")]
fn exceeds(total: u64, factor: f64, usual: u64) -> bool {
    total as f64 > factor * usual as f64
}

impl Window {
    fn day(&self) -> i64 {
        self.at.div_euclid(DAY)
    }

    /// Whether most of it happened on the day in which it ends: that of the day before shows in many
    /// a window of the next.
    fn is_of_its_day(&self) -> bool {
        self.total > 0 && self.today.saturating_mul(2) >= self.total
    }
}

/// The windows that end in an hour with events, in the order of time. Events of context alone show
/// that the entity was there and came to nothing.
fn windows(terms: &Terms, total: Total, groups: &Groups) -> Vec<Window> {
    let panes: Vec<Pane> = groups.rows.iter().flat_map(|(_, row)| &row.panes).copied().collect();
    let moments = sliding::moments(&panes, groups);
    let (mut inside, none) = (SlidingSum::default(), Sum::default());
    let (mut today, mut day) = (Sum::default(), i64::MIN);
    let mut windows = Vec::with_capacity(moments.len());
    for moment in &moments {
        if day != moment.start.div_euclid(DAY) {
            (today, day) = (Sum::default(), moment.start.div_euclid(DAY));
        }
        today.add(terms, moment);
        inside.enter(terms, moment);
        inside.leave(terms, moment.start - WINDOW + 1);
        let (total, today) = (inside.value(total), today.with(&none, total));
        windows.push(Window { at: moment.start, total, today });
    }
    windows
}

/// What is usual, and of whom.
struct Usual {
    value: u64,
    text: String,
}

impl Usual {
    fn of(
        terms: &Terms,
        spike: &Spike,
        before: &[Window],
        history: &History<'_>,
        past: Past,
    ) -> Self {
        let days = before.iter().map(Window::day).collect::<BTreeSet<i64>>().len();
        let of_history = percent(spike.quantile);
        let value = quantile(before.iter().map(|window| (window.total, 1)), spike.quantile);
        // Other buckets' readers say nothing of a share of this one.
        if spike.known.is_some() || days >= terms.known_days.max(1) {
            let text = format!(
                "up to {} (the {of_history} of its windows on {days} days before)",
                spike.total.text(value)
            );
            return Self { value, text };
        }
        let peers = match history.roll_up {
            Some(RollUp::Peers(peers)) => peers.usual(past),
            _ => 0,
        };
        let value = value.max(peers.saturating_mul(spike.peers_factor));
        let times = match spike.peers_factor {
            1 => String::new(),
            factor => format!("{factor} times "),
        };
        let text = format!(
            "up to {} ({times}what it and others of the account come to in a day, {of_history}; seen on \
             {days} days before itself)",
            spike.total.text(value)
        );
        Self { value, text }
    }
}

fn signal(
    terms: &Terms,
    groups: &Groups,
    window: Window,
    usual: &Usual,
    past: Past,
    level: &Level,
) -> Option<Signal> {
    let total = terms.spike.as_ref()?.total;
    let inside = |pane: &&Pane| window.at - WINDOW < pane.start && pane.start <= window.at;
    let panes = groups.rows.iter().flat_map(|(_, row)| &row.panes).filter(inside);
    let panes: Vec<Pane> = panes.filter(|pane| is_counted(terms, pane)).copied().collect();
    let (from, to) = (panes.first()?.start, panes.last()?.start);
    let count = count(terms, &panes);
    let (start, end) = (from * MICROS, (to + HOUR) * MICROS - 1);
    let rows = sliding::touched(groups, Grain::HOURS_OF_DAY, from, to);
    let details = gather(rows, start, end)?;
    let (first, last) = (start.max(details.first), end.min(details.last));
    let fired = Fired { peak: window.total, first, last };
    let judged = Day { ok: &[count.ok], counted: &[true], fired, earlier: &[] };
    Some(Signal {
        day: window.day(),
        first,
        last,
        counts: vec![count],
        peak: Decimal::whole(window.total),
        observed: Some(format!("{} in {}", total.text(window.total), terms.timespan_text)),
        values: Vec::new(),
        features: Vec::new(),
        expected: usual.text.clone(),
        baseline: Some((past.from, past.until)),
        severity: terms.severity.at(level, judged),
        details,
    })
}

/// What the entities of an account come to in a day: their highest windows.
#[derive(Debug)]
pub struct Peers {
    terms: Terms,
    /// How often a day of an entity came to so much, in steps of those of [`step`], by day.
    days: BTreeMap<i64, BTreeMap<u64, u64>>,
    /// What was asked for already.
    known: Memo<(i64, i64), u64>,
}

impl Peers {
    /// No entity yet.
    pub(super) fn new(terms: &Terms) -> Self {
        Self { terms: terms.clone(), days: BTreeMap::new(), known: Memo::default() }
    }

    /// Whether it is what a detector with these terms needs.
    pub(super) fn is_for(&self, terms: &Terms) -> bool {
        terms.spike == self.terms.spike && terms.counted == self.terms.counted
    }

    /// Adds entities.
    pub(super) fn add(&mut self, groups: &[Groups]) {
        let highest = groups.par_iter().map(|groups| self.highest(groups));
        for (day, total) in highest.collect::<Vec<_>>().into_iter().flatten() {
            *self.days.entry(day).or_default().entry(step(total)).or_default() += 1;
        }
    }

    /// The highest window of each day of an entity.
    fn highest(&self, groups: &Groups) -> BTreeMap<i64, u64> {
        let mut highest: BTreeMap<i64, u64> = BTreeMap::new();
        let Some(spike) = &self.terms.spike else { return highest };
        let windows = windows(&self.terms, spike.total, groups);
        for window in windows.into_iter().filter(Window::is_of_its_day) {
            let day = highest.entry(window.day()).or_default();
            *day = (*day).max(window.total);
        }
        highest
    }

    /// The quantile of the entities' days in the past.
    fn usual(&self, past: Past) -> u64 {
        let Some(spike) = &self.terms.spike else { return 0 };
        let usual = || {
            let days = self.days.range(past.from..past.until.max(past.from));
            let values =
                days.flat_map(|(_, day)| day.iter().map(|(total, times)| (*total, *times)));
            quantile(values, spike.quantile)
        };
        self.known.look((past.from, past.until), usual, |usual| *usual)
    }
}

#[cfg(test)]
mod oracle {
    use std::collections::BTreeSet;
    use std::ops::Range;

    use super::{History, KnownShare, Spike, Terms, Total, step};
    use crate::detect::group::Decimal;
    use crate::detect::laws::{Event, Verdict};

    fn total(kind: Total, events: &[Event]) -> u64 {
        let bytes = || Decimal::from_micros(events.iter().filter_map(Event::micros).sum()).count();
        match kind {
            Total::Events => events.len() as u64,
            Total::Failed => events.iter().filter(|event| !event.ok).count() as u64,
            Total::BytesIn | Total::BytesOut => bytes(),
            Total::Objects => {
                events.iter().filter_map(Event::text).collect::<BTreeSet<_>>().len() as u64
            }
        }
    }

    /// First and last second that are known of a window: rows are of days, and tell their hours.
    fn span(own: &[Event], inside: &[Event]) -> Option<(i64, i64)> {
        let (from, to) = (inside.first()?.time, inside.last()?.time);
        let is_near = |e: &&Event| {
            (from.div_euclid(86_400)..=to.div_euclid(86_400)).contains(&e.time.div_euclid(86_400))
        };
        let near = || own.iter().filter(is_near).map(|event| event.time);
        let start = from.div_euclid(3_600) * 3_600;
        let end = to.div_euclid(3_600) * 3_600 + 3_599;
        Some((start.max(near().min()?), end.min(near().max()?)))
    }

    /// The value of nearest rank, as exact as a histogram tells it.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some sixty events"
    )]
    fn nearest(mut values: Vec<u64>, quantile: f64) -> u64 {
        values.sort_unstable();
        let rank = ((values.len() as f64 * quantile).ceil() as usize).max(1);
        values.get(rank - 1).map_or(0, |value| step(*value))
    }

    /// Whether so many of the keys of the days before are among those of the window.
    fn drained(spike: &Spike, own: &[Event], window: &[Event], days: Range<i64>) -> bool {
        let Some(KnownShare { share, at_least, .. }) = spike.known else { return true };
        let before = own.iter().filter(|e| days.contains(&e.time.div_euclid(86_400)));
        let known: BTreeSet<&str> = before.filter_map(Event::text).collect();
        let keys: BTreeSet<&str> = window.iter().filter_map(Event::text).collect();
        let read = known.intersection(&keys).count();
        #[allow(clippy::cast_precision_loss, reason = "some sixty events")]
        let enough = read as f64 / known.len() as f64 >= share;
        enough && known.len() as u64 >= at_least
    }

    /// Adds up the 24 hours that end with each event's hour, for every event.
    pub(super) fn spike(terms: &Terms, events: &[Event], history: &History<'_>) -> Vec<Verdict> {
        let Some(spike) = &terms.spike else { return Vec::new() };
        let own: Vec<Event> = events.iter().filter(|e| terms.counted[e.rule]).cloned().collect();
        let hour = |event: &Event| event.time.div_euclid(3_600);
        let window = |end: i64| -> Vec<Event> {
            own.iter().filter(|e| (end - 23..=end).contains(&hour(e))).cloned().collect()
        };
        let total = |events: &[Event]| total(spike.total, events);
        // The others show that it was there.
        let ends: BTreeSet<i64> = events.iter().map(hour).collect();
        let days: BTreeSet<i64> = ends.iter().map(|hour| hour.div_euclid(24)).collect();
        // Of a day: the highest window of which it has at least half, and where that ends.
        let highest = |day: i64| {
            let since = |end: i64| {
                total(&window(end).into_iter().filter(|e| hour(e) >= day * 24).collect::<Vec<_>>())
            };
            let of_day = ends.iter().filter(|end| end.div_euclid(24) == day);
            let own = of_day.map(|end| (total(&window(*end)), *end));
            own.filter(|(total, end)| *total > 0 && 2 * since(*end) >= *total)
                .max_by_key(|(total, end)| (*total, -end))
        };
        let mut found = Vec::new();
        for day in days.iter().copied() {
            let Some((peak, end)) = highest(day) else { continue };
            let past = history.past(day, terms.lookback);
            let before: Vec<i64> = ends
                .iter()
                .filter(|e| past.holds(e.div_euclid(24)) && **e <= end - 24)
                .copied()
                .collect();
            let known: BTreeSet<i64> = before.iter().map(|end| end.div_euclid(24)).collect();
            let mut usual =
                nearest(before.iter().map(|e| total(&window(*e))).collect(), spike.quantile);
            if spike.known.is_none() && known.len() < terms.known_days.max(1) {
                // The account has no other entity: its peers are its own days.
                let of_past = days.iter().filter(|day| past.holds(**day));
                let peers = of_past.filter_map(|day| Some(highest(*day)?.0)).collect();
                usual = usual.max(nearest(peers, spike.quantile) * spike.peers_factor);
            }
            #[allow(clippy::cast_precision_loss, reason = "some sixty events")]
            let fires = peak >= spike.at_least
                && peak as f64 > spike.levels[0].from * usual as f64
                && history.is_judged(day, past)
                && drained(
                    spike,
                    &own,
                    &window(end),
                    past.from..past.until.min((end - 23).div_euclid(24)),
                );
            if fires {
                let peak = usize::try_from(peak).unwrap();
                let mut verdict = Verdict::new(day, &window(end)).peaking(peak);
                verdict.span = span(&own, &window(end));
                found.push(verdict);
            }
        }
        found
    }
}
