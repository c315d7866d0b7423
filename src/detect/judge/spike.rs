//! `spike`: what an entity does within 24 hours leaves its own history.
//!
//! Totals are kept per hour. Each hour with events ends a window of 24 hours; the windows that end
//! in the days before are the history, of which a quantile is taken with an HDR histogram. A window
//! fires if its total is at least the detector's floor and more than a factor times that quantile.
//! An entity that was seen on too few days to have a history is held against what the entities of
//! its account come to in a day ([`Peers`]).
//!
//! GuardDuty counts calls over 24 hours in the same way, for a principal, a bucket and the pair
//! (user guide, "S3 Protection finding types", `Exfiltration:S3/AnomalousBehavior`).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use bytesize::ByteSize;
use hdrhistogram::Histogram;

use super::history::Past;
use super::roll_up::RollUp;
use super::severity::{Day, Fired};
use super::{Count, History, Judge, Judgement, Level, Signal, Terms, Unjudged, gather};
use crate::detect::group::{Decimal, Details, Grain, Groups, Row, Sketch};

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "spike",
    grain: |_| Grain::HOUR,
    measure: None,
    judge,
    #[cfg(test)]
    oracle: oracle::spike,
};

const DAY: i64 = 86_400;
/// Length of a window, seconds.
pub const WINDOW: i64 = DAY;
/// Significant digits of histograms: values are told apart to 0.1 %.
const DIGITS: u8 = 3;

/// What a spike is.
#[derive(Debug, Clone, PartialEq)]
pub struct Spike {
    /// What is added up.
    pub total: Total,
    /// The quantile of the history, above 0 and at most 1.
    pub quantile: f64,
    /// Totals below are none.
    pub at_least: u64,
    /// How severe it is, by the factor between the total and the quantile, ascending.
    pub levels: Vec<Level>,
}

/// What is added up over the hours of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// Calls.
    Events,
    /// Calls with an error code.
    Failed,
    /// `bytesTransferredIn`.
    BytesIn,
    /// `bytesTransferredOut`.
    BytesOut,
    /// Distinct values of the sample at that position; exact below the size of the sample.
    Distinct(usize),
}

/// A window of 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    /// Start of its last hour.
    at: i64,
    total: u64,
}

fn judge(terms: &Terms, groups: &Groups, history: &History<'_>) -> Judgement {
    let Some(spike) = &terms.spike else { return Judgement::default() };
    let windows = windows(terms, spike.total, groups);
    let (mut judgement, mut judged, mut unjudged) = (Judgement::default(), false, false);
    let mut days: Vec<i64> = windows.iter().map(Window::day).collect();
    days.dedup();
    for day in days {
        let of_day = || windows.iter().filter(|window| window.day() == day);
        let highest = of_day().max_by_key(|window| (window.total, std::cmp::Reverse(window.at)));
        let Some(highest) = highest.filter(|window| window.total >= spike.at_least) else {
            continue;
        };
        let past = history.past(day, terms.lookback);
        if !history.is_judged(day, past) {
            unjudged = true;
            continue;
        }
        judged = true;
        let usual = Usual::of(terms, spike, &windows, history, past);
        let level =
            Level::reached(&spike.levels, |factor| exceeds(highest.total, factor, usual.value));
        let Some(level) = level else { continue };
        judgement.signals.extend(signal(terms, groups, *highest, &usual, past, level));
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
}

/// The windows that end in an hour with events of the detector, in the order of time.
fn windows(terms: &Terms, total: Total, groups: &Groups) -> Vec<Window> {
    let is_counted = |row: &Row| row.panes.iter().any(|pane| counts(terms, pane.rule));
    let hours: Vec<(i64, &Row)> = groups
        .rows
        .iter()
        .filter(|(_, row)| is_counted(row))
        .map(|(hour, row)| (*hour, row))
        .collect();
    let mut from = 0;
    let mut windows = Vec::with_capacity(hours.len());
    for (number, (at, _)) in hours.iter().enumerate() {
        while hours.get(from).is_some_and(|(hour, _)| *hour <= at - WINDOW) {
            from += 1;
        }
        let rows = hours.get(from..=number).unwrap_or_default();
        windows.push(Window { at: *at, total: total.of(terms, rows.iter().map(|(_, row)| *row)) });
    }
    windows
}

impl Total {
    /// What the rows come to.
    fn of<'r>(self, terms: &Terms, rows: impl Iterator<Item = &'r Row>) -> u64 {
        if let Self::Distinct(sample) = self {
            return distinct(sample, rows);
        }
        let bytes = |of: fn(&Details) -> u64, row: &Row| row.details.as_deref().map_or(0, of);
        rows.fold(0, |sum: u64, row| {
            sum.saturating_add(match self {
                Self::Events => own_count(terms, row).total(),
                Self::Failed => own_count(terms, row).failed,
                Self::BytesIn => bytes(|details| details.bytes_in, row),
                Self::BytesOut => bytes(|details| details.bytes_out, row),
                Self::Distinct(_) => 0,
            })
        })
    }

    /// A total in words.
    fn text(self, total: u64) -> String {
        match self {
            Self::Events => format!("{total} calls"),
            Self::Failed => format!("{total} failed calls"),
            Self::BytesIn => format!("{} written", ByteSize::b(total).display().si()),
            Self::BytesOut => format!("{} read", ByteSize::b(total).display().si()),
            Self::Distinct(_) => format!("{total} different objects"),
        }
    }
}

fn distinct<'r>(sample: usize, rows: impl Iterator<Item = &'r Row>) -> u64 {
    let sketches = rows.filter_map(|row| row.details.as_deref()?.samples.get(sample));
    let mut union: Option<Sketch> = None;
    for sketch in sketches {
        match &mut union {
            Some(union) => union.merge(sketch),
            none => *none = Some(sketch.clone()),
        }
    }
    union.map_or(0, |union| union.distinct())
}

fn counts(terms: &Terms, rule: u16) -> bool {
    terms.counted.get(usize::from(rule)) == Some(&true)
}

fn own_count(terms: &Terms, row: &Row) -> Count {
    let panes = row.panes.iter().filter(|pane| counts(terms, pane.rule));
    panes.fold(Count::default(), |sum, pane| Count {
        ok: sum.ok.saturating_add(pane.ok),
        failed: sum.failed.saturating_add(pane.failed),
    })
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
        windows: &[Window],
        history: &History<'_>,
        past: Past,
    ) -> Self {
        let before: Vec<Window> =
            windows.iter().filter(|window| past.holds(window.day())).copied().collect();
        let days = before.iter().map(Window::day).collect::<BTreeSet<i64>>().len();
        let percent = percent(spike.quantile);
        if days >= terms.known_days.max(1) {
            let value = quantile(before.iter().map(|window| (window.total, 1)), spike.quantile);
            let text = format!(
                "up to {} (the {percent} of its windows on {days} days before)",
                spike.total.text(value)
            );
            return Self { value, text };
        }
        let peers = match history.roll_up {
            Some(RollUp::Peers(peers)) => peers.usual(past),
            _ => 0,
        };
        let text = format!(
            "up to {} (the {percent} of what others of the account come to in a day; seen on {days} \
             days before itself)",
            spike.total.text(peers)
        );
        Self { value: peers, text }
    }
}

/// A quantile as people say it.
fn percent(quantile: f64) -> String {
    let number = (quantile * 1_000.0).round() / 10.0;
    if number >= 100.0 { "maximum".to_owned() } else { format!("{number} % quantile") }
}

/// The quantile of values, each with how often it occurs; 0 without any.
fn quantile(values: impl Iterator<Item = (u64, u64)>, quantile: f64) -> u64 {
    let Ok(mut histogram) = Histogram::<u64>::new(DIGITS) else { return 0 };
    for (value, times) in values {
        // Cannot fail: the histogram grows.
        let _ = histogram.record_n(value, times);
    }
    if histogram.is_empty() { 0 } else { histogram.value_at_quantile(quantile) }
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
    let inside = |hour: i64| window.at - WINDOW < hour && hour <= window.at;
    let rows = || groups.rows.iter().filter(|(hour, _)| inside(*hour)).map(|(_, row)| row);
    let details = gather(rows().filter_map(|row| row.details.as_deref()), i64::MIN, i64::MAX)?;
    let count = rows().map(|row| own_count(terms, row)).fold(Count::default(), |sum, more| Count {
        ok: sum.ok.saturating_add(more.ok),
        failed: sum.failed.saturating_add(more.failed),
    });
    let (first, last) = (details.first, details.last);
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
    /// How often a day of an entity came to so much, in steps of [`DIGITS`], by day.
    days: BTreeMap<i64, BTreeMap<u64, u64>>,
    /// What was asked for already.
    known: RefCell<BTreeMap<(i64, i64), u64>>,
}

impl Peers {
    /// No entity yet.
    pub(super) fn new(terms: &Terms) -> Self {
        Self { terms: terms.clone(), days: BTreeMap::new(), known: RefCell::default() }
    }

    /// Whether it is what a detector with these terms needs.
    pub(super) fn is_for(&self, terms: &Terms) -> bool {
        terms.spike == self.terms.spike && terms.counted == self.terms.counted
    }

    /// Adds an entity.
    pub(super) fn add(&mut self, groups: &Groups) {
        let Some(spike) = &self.terms.spike else { return };
        let mut highest: BTreeMap<i64, u64> = BTreeMap::new();
        for window in windows(&self.terms, spike.total, groups) {
            let day = highest.entry(window.day()).or_default();
            *day = (*day).max(window.total);
        }
        for (day, total) in highest {
            *self.days.entry(day).or_default().entry(step(total)).or_default() += 1;
        }
    }

    /// The quantile of the entities' days in the past.
    fn usual(&self, past: Past) -> u64 {
        let Some(spike) = &self.terms.spike else { return 0 };
        let key = (past.from, past.until);
        if let Some(known) = self.known.borrow().get(&key) {
            return *known;
        }
        let days = self.days.range(past.from..past.until.max(past.from));
        let values = days.flat_map(|(_, day)| day.iter().map(|(total, times)| (*total, *times)));
        let usual = quantile(values, spike.quantile);
        self.known.borrow_mut().insert(key, usual);
        usual
    }
}

/// The largest number that a histogram does not tell from `value`: bounds the steps of a day.
fn step(value: u64) -> u64 {
    Histogram::<u64>::new(DIGITS).map_or(value, |histogram| histogram.highest_equivalent(value))
}

#[cfg(test)]
mod oracle {
    use std::collections::BTreeSet;

    use super::{History, Terms, Total, step};
    use crate::detect::laws::{Event, Verdict};

    /// Adds up the 24 hours that end with each event's hour, for every event.
    pub(super) fn spike(terms: &Terms, events: &[Event], history: &History<'_>) -> Vec<Verdict> {
        let Some(spike) = &terms.spike else { return Vec::new() };
        let own: Vec<Event> = events.iter().filter(|e| terms.counted[e.rule]).cloned().collect();
        let hour = |event: &Event| event.time.div_euclid(3_600);
        let window = |end: i64| -> Vec<Event> {
            own.iter().filter(|e| (end - 23..=end).contains(&hour(e))).cloned().collect()
        };
        let total = |events: &[Event]| -> u64 {
            let count = match spike.total {
                Total::Failed => events.iter().filter(|event| !event.ok).count(),
                Total::BytesOut => 2 * events.len(),
                _ => events.len(),
            };
            count as u64
        };
        let ends: BTreeSet<i64> = own.iter().map(hour).collect();
        let days: BTreeSet<i64> = ends.iter().map(|hour| hour.div_euclid(24)).collect();
        let mut found = Vec::new();
        for day in days {
            let past = history.past(day, terms.lookback);
            let before: Vec<i64> =
                ends.iter().filter(|end| past.holds(end.div_euclid(24))).copied().collect();
            let known: BTreeSet<i64> = before.iter().map(|end| end.div_euclid(24)).collect();
            // The account has no other entity: its peers are its own days.
            let day_of = |known: &i64| -> u64 {
                before
                    .iter()
                    .filter(|e| e.div_euclid(24) == *known)
                    .map(|e| total(&window(*e)))
                    .max()
                    .unwrap()
            };
            let mut values: Vec<u64> = match known.len() >= terms.known_days.max(1) {
                true => before.iter().map(|end| total(&window(*end))).collect(),
                false => known.iter().map(day_of).collect(),
            };
            values.sort_unstable();
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss
            )]
            let rank = ((values.len() as f64 * spike.quantile).ceil() as usize).max(1);
            let usual = values.get(rank - 1).map_or(0, |value| step(*value));
            let today = ends.iter().filter(|end| end.div_euclid(24) == day);
            let mut highest: Option<(u64, i64)> = None;
            for end in today {
                let new = total(&window(*end));
                if highest.is_none_or(|(old, _)| new > old) {
                    highest = Some((new, *end));
                }
            }
            let (peak, end) = highest.unwrap();
            #[allow(clippy::cast_precision_loss)]
            let fires = peak >= spike.at_least
                && peak as f64 > spike.levels[0].from * usual as f64
                && history.is_judged(day, past);
            if fires {
                let peak = usize::try_from(peak).unwrap();
                found.push(Verdict::new(day, &window(end)).peaking(peak));
            }
        }
        found
    }
}
