//! `silence`: an entity that was seen steadily is seen no more, although logging goes on around it.
//!
//! Events are counted per hour. Behind each hour with events the judge follows the hours without.
//! Such an hour is *logged* if events of the entity's peers were seen in it, and again within a day
//! behind it: the end of the logs is no silence, nor is what is missing of everybody. Peers are the
//! entities that share all columns of the entity but the last ([`Siblings`]), or, where the detector
//! names rules under `usual`, the entity's own events of these. The pause is a silence once it is
//! longer than a factor times the longest pause of the history, and its logged hours held at least so
//! many events in each earlier period (week): what rests at weekends is held against weekends.
//!
//! A signal belongs to the hour in which the pause becomes a silence, and says nothing that is not
//! known a day later, so that the days of a state can be closed.

#[cfg(test)]
mod oracle;
mod siblings;

use std::collections::BTreeSet;

use super::history::Past;
use super::roll_up::RollUp;
use super::severity::{Day, Fired};
use super::{Count, History, Judge, Judgement, Signal, Terms, Unjudged};
use crate::detect::group::{Decimal, Details, Grain, Groups};

pub(super) use siblings::Siblings;

/// The registry's entry.
pub(super) const JUDGE: Judge = Judge {
    name: "silence",
    grain: |_| Grain::HOURS_OF_DAY,
    measure: |_| None,
    judge,
    #[cfg(test)]
    oracle: oracle::silence,
};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
const HOURS_OF_DAY: i64 = 24;
const MICROS: i64 = 1_000_000;

/// A pause is followed for so many days: what is no silence by then has no rhythm.
pub(super) const LONGEST: i64 = 14;
/// Peers must be seen again within so many hours behind an hour.
const GOES_ON: i64 = 24;
/// An event of a rule under `unless` explains a pause that begins within so many hours behind it.
const EXPLAINED: i64 = 72;

/// What a silence is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// The same hours held so many events in each earlier period.
    pub at_least: u64,
    /// So many earlier periods must be known.
    pub periods: usize,
    /// Length of a period, days.
    pub period_days: i64,
    /// It is longer than so many times the longest pause before.
    pub factor: i64,
    /// Whether hours count in which no peer was seen either, as long as one is seen again within a
    /// day: what is missing of everybody is a silence too.
    pub outages: bool,
}

/// The hours in which an entity was seen; hours since the epoch.
struct Seen {
    /// Hours with counted events, ascending, and how many.
    counted: Vec<(i64, u64)>,
    /// Hours with events that show it to be logged.
    usual: BTreeSet<i64>,
    /// Hours with successful calls that explain a pause, ascending.
    explained: Vec<i64>,
}

/// Hours without events.
#[derive(Clone, Copy)]
struct Pause {
    /// The last hour with events.
    last: i64,
    /// The next one.
    next: Option<i64>,
}

/// A pause that became a silence.
struct Silent {
    pause: Pause,
    past: Past,
    /// The hour in which it did.
    hour: i64,
    /// How many events the same hours of earlier periods held.
    earlier: Vec<u64>,
    /// Hours from one hour with events to the next, at most, before.
    longest: i64,
}

fn judge(terms: &Terms, groups: &Groups, history: &History<'_>) -> Judgement {
    let Some(silence) = &terms.silence else { return Judgement::default() };
    let seen = Seen::of(terms, groups);
    let peers = match history.roll_up {
        _ if !terms.has_siblings() => Some(&seen.usual),
        Some(RollUp::Siblings(siblings)) => siblings.of(&groups.entity),
        _ => None,
    };
    let Some(peers) = peers else { return Judgement::default() };
    let (mut judgement, mut judged, mut unjudged) = (Judgement::default(), false, false);
    for at in 0..seen.counted.len() {
        let Some(silent) = seen.silence_after(at, terms, silence, peers, history) else { continue };
        let day = silent.day();
        if !history.is_judged(day, silent.past) {
            unjudged = true;
            continue;
        }
        judged = true;
        // One finding per day; a second pause of a day is longer than twice the first.
        if judgement.signals.last().is_none_or(|before| before.day < day) {
            judgement.signals.extend(signal(terms, silence, groups, &silent));
        }
    }
    judgement.unjudged = (unjudged && !judged).then_some(Unjudged::NoHistory);
    judgement
}

impl Terms {
    /// Whether an entity is held against those that share all of its columns but the last.
    #[must_use]
    pub fn has_siblings(&self) -> bool {
        let mut rules = self.counted.iter().zip(&self.unless);
        self.silence.is_some() && !rules.any(|(counted, unless)| !counted && !unless)
    }
}

impl Seen {
    fn of(terms: &Terms, groups: &Groups) -> Self {
        let (mut counted, mut explained) = (Vec::<(i64, u64)>::new(), Vec::new());
        let mut usual = BTreeSet::new();
        let flag = |flags: &[bool], rule: u16| flags.get(usize::from(rule)) == Some(&true);
        for pane in groups.rows.iter().flat_map(|(_, row)| &row.panes) {
            let hour = pane.start.div_euclid(HOUR);
            if flag(&terms.counted, pane.rule) {
                match counted.last_mut().filter(|last| last.0 == hour) {
                    Some((_, count)) => *count = count.saturating_add(pane.count()),
                    None => counted.push((hour, pane.count())),
                }
            } else if !flag(&terms.unless, pane.rule) {
                usual.insert(hour);
            } else if pane.ok > 0 {
                explained.push(hour);
            }
        }
        Self { counted, usual, explained }
    }

    /// How many events an hour holds.
    fn count(&self, hour: i64) -> u64 {
        let found = self.counted.binary_search_by_key(&hour, |(hour, _)| *hour);
        found.ok().and_then(|at| self.counted.get(at)).map_or(0, |(_, count)| *count)
    }

    /// The silence that follows the hour with events at that position, if it is one.
    fn silence_after(
        &self,
        at: usize,
        terms: &Terms,
        silence: &Silence,
        peers: &BTreeSet<i64>,
        history: &History<'_>,
    ) -> Option<Silent> {
        let pause = Pause {
            last: self.counted.get(at)?.0,
            next: self.counted.get(at + 1).map(|(hour, _)| *hour),
        };
        let last_day = pause.last.div_euclid(HOURS_OF_DAY);
        let past = history.past(last_day, terms.lookback);
        let since = past.from.saturating_mul(HOURS_OF_DAY);
        let from = self.counted.partition_point(|(hour, _)| *hour < since);
        let before = self.counted.get(from..=at)?;
        let limit = (last_day + LONGEST + 1) * HOURS_OF_DAY;
        let end = pause.next.map_or(limit, |next| next.min(limit));
        let factor = silence.factor.max(1);
        let longest = longest_pause(before, |way| way * factor < end - 1 - pause.last)?;
        let mut days: Vec<i64> =
            before.iter().map(|(hour, _)| hour.div_euclid(HOURS_OF_DAY)).collect();
        days.dedup();
        if days.iter().filter(|day| past.holds(**day)).count() < terms.known_days {
            return None;
        }
        let begin = pause.last + 1;
        let mut earlier = Earlier::of(self, silence, begin, before.first()?.0, past);
        let hour = (begin..end).filter(|hour| is_logged(silence, peers, *hour)).find(|hour| {
            earlier.add(*hour);
            hour - pause.last > longest * factor && earlier.suffices(silence)
        })?;
        let explains = |other: &i64| (pause.last - EXPLAINED..=hour + GOES_ON).contains(other);
        if self.explained.iter().any(explains) {
            return None;
        }
        let earlier = earlier.totals.into_iter().flatten().collect();
        Some(Silent { pause, past, hour, earlier, longest })
    }
}

/// The longest way from one hour with events to the next; `None` if it is not `exceeded`, or there is
/// no way at all.
fn longest_pause(hours: &[(i64, u64)], exceeded: impl Fn(i64) -> bool) -> Option<i64> {
    let mut longest = None;
    // The pause of last night comes first, which mostly is long enough.
    for pair in hours.windows(2).rev() {
        let [(from, _), (to, _)] = pair else { continue };
        if !exceeded(to - from) {
            return None;
        }
        longest = longest.max(Some(to - from));
    }
    longest
}

/// Whether logging went on in an hour and behind it.
fn is_logged(silence: &Silence, peers: &BTreeSet<i64>, hour: i64) -> bool {
    let goes_on = || peers.range(hour + 1..=hour + GOES_ON).next().is_some();
    (silence.outages || peers.contains(&hour)) && goes_on()
}

/// What the hours of a pause held in earlier periods.
struct Earlier<'s> {
    seen: &'s Seen,
    period: i64,
    /// Hours that can be held against: from the first with events on.
    from: i64,
    /// Where the history ends.
    until: i64,
    /// By how many periods back; `None` where not all hours lie in the history.
    totals: Vec<Option<u64>>,
}

impl<'s> Earlier<'s> {
    fn of(seen: &'s Seen, silence: &Silence, begin: i64, from: i64, past: Past) -> Self {
        let period = silence.period_days.max(1).saturating_mul(HOURS_OF_DAY);
        let periods = usize::try_from((begin - from).max(0) / period).unwrap_or(0);
        let until = past.until.saturating_mul(HOURS_OF_DAY);
        Self { seen, period, from, until, totals: vec![Some(0); periods] }
    }

    fn add(&mut self, hour: i64) {
        for (total, back) in self.totals.iter_mut().zip(1..) {
            let then = hour - self.period * back;
            let held = (self.from..self.until).contains(&then).then(|| self.seen.count(then));
            *total = total.and_then(|total| Some(total.saturating_add(held?)));
        }
    }

    fn suffices(&self, silence: &Silence) -> bool {
        let known = || self.totals.iter().flatten();
        known().count() >= silence.periods.max(1)
            && known().all(|total| *total >= silence.at_least.max(1))
    }
}

impl Silent {
    /// The day in which the pause became a silence.
    fn day(&self) -> i64 {
        self.hour.div_euclid(HOURS_OF_DAY)
    }

    fn observed(&self) -> String {
        let silent = self.hour - self.pause.last;
        // What lies further ahead may not be known when the day is closed.
        match self.pause.next.filter(|next| next - self.hour <= GOES_ON) {
            Some(next) => {
                format!("no event in {}, then events again", hours(next - self.pause.last - 1))
            }
            None => format!("no event in {}, nor in the day after", hours(silent)),
        }
    }

    fn expected(&self, silence: &Silence) -> String {
        let fewest = self.earlier.iter().min().copied().unwrap_or_default();
        let most = self.earlier.iter().max().copied().unwrap_or_default();
        let known = self.earlier.len();
        let periods = match silence.period_days {
            7 => "weeks".to_owned(),
            1 => "days".to_owned(),
            days => format!("periods of {days} days"),
        };
        let pause = match self.longest - 1 {
            0 => "without a pause of an hour".to_owned(),
            pause => format!("with pauses of at most {}", hours(pause)),
        };
        format!("{fewest} to {most} events in the same hours of {known} earlier {periods}, {pause}")
    }
}

fn hours(count: i64) -> String {
    format!("{count} {}", if count == 1 { "hour" } else { "hours" })
}

fn signal(terms: &Terms, silence: &Silence, groups: &Groups, silent: &Silent) -> Option<Signal> {
    let last_day = silent.pause.last.div_euclid(HOURS_OF_DAY);
    let at = groups.rows.binary_search_by_key(&(last_day * DAY), |(bucket, _)| *bucket).ok()?;
    let details = last_seen(groups.rows.get(at)?.1.details()?);
    // Of the last event the hour is known, and the time if it is the last of its day.
    let end = (silent.pause.last + 1) * HOUR * MICROS - 1;
    let last = details.last.min(end);
    let peak = silent.earlier.iter().min().copied().unwrap_or_default();
    let fired = Fired { peak, first: last, last };
    // What is missing decides how severe it is; nothing failed.
    let judged = Day { ok: &[peak], counted: &[true], fired, earlier: &[] };
    Some(Signal {
        day: silent.day(),
        first: last,
        last,
        counts: vec![Count::default()],
        peak: Decimal::whole(peak),
        observed: Some(silent.observed()),
        values: Vec::new(),
        features: Vec::new(),
        expected: silent.expected(silence),
        baseline: Some((silent.past.from, silent.past.until)),
        severity: terms.severity.of(judged),
        details,
    })
}

/// The details of the day on which an entity was last seen. The first event alone is evidence, as
/// where history is thinned; none of its bytes belong to the silence.
fn last_seen(details: &Details) -> Details {
    let mut details = details.clone();
    details.evidence.truncate(1);
    (details.bytes_in, details.bytes_out) = (0, 0);
    details
}
