//! Sliding windows over the panes of one entity, both ends inclusive. What a window shows is read
//! off a [`Gauge`], which moments of events enter and leave; the windows that end in one UTC day
//! and satisfy the conditions make one signal.
//!
//! Exact for timespans up to one hour; beyond, panes of timespan / 3600 are the slack.

use std::iter::Peekable;

use super::severity::{Day, Fired};
use super::{Condition, Count, Firing, Judgement, Pattern, Signal, Terms, gather};
use crate::detect::group::{Decimal, Details, Grain, Groups, Measure, Pane};

const DAY: i64 = 86_400;
const MICROS: i64 = 1_000_000;

/// What happened within one pane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'g> {
    /// Start of the pane, seconds since the epoch.
    pub start: i64,
    /// Counts of its counted rules; never empty.
    pub panes: &'g [Pane],
    /// Their values.
    pub measure: Option<&'g Measure>,
}

/// What a window shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// The number that the conditions are about.
    pub number: Decimal,
    /// Whether they are satisfied.
    pub holds: bool,
    /// Whether the number is an estimate.
    pub about: bool,
    /// Values that are no numbers.
    pub skipped: u64,
}

impl Reading {
    /// An exact number, held against the conditions.
    pub(super) fn of(terms: &Terms, number: Decimal) -> Self {
        let holds = terms.conditions.iter().all(|condition| condition.holds(number));
        Self { number, holds, about: false, skipped: 0 }
    }
}

/// Keeps what the moments of a window come to.
pub(super) trait Gauge {
    /// A moment enters the window at its end.
    fn enter(&mut self, moment: &Moment<'_>);
    /// The earliest moment leaves the window.
    fn leave(&mut self, moment: &Moment<'_>);
    /// What a window that begins at `since` (seconds) shows; `None` if there is nothing to show.
    fn read(&mut self, terms: &Terms, since: i64) -> Option<Reading>;
    /// The remarkable number in words, without the timespan; `None`: the plain number.
    fn words(&self, terms: &Terms, peak: &Reading) -> Option<String>;
}

/// A window that satisfies the conditions; moments are given by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    /// First moment.
    from: usize,
    /// Last moment: the one in which the judge fires.
    to: usize,
    reading: Reading,
}

/// Judges the windows of one entity.
pub(super) fn judge(terms: &Terms, groups: &Groups, mut gauge: impl Gauge) -> Judgement {
    let panes = counted_panes(terms, groups);
    let moments = moments(&panes, groups);
    let windows = windows(terms, &moments, &mut gauge);
    let mut earlier: Vec<(i64, Fired)> = Vec::new();
    let mut judgement = Judgement::default();
    let day_of = |w: &Window| moments.get(w.to).map_or(0, |moment| moment.start.div_euclid(DAY));
    for windows in windows.chunk_by(|a, b| day_of(a) == day_of(b)) {
        let since = windows.first().map_or(0, day_of) - terms.lookback;
        earlier.retain(|(day, _)| *day >= since);
        let fired: Vec<Fired> = earlier.iter().map(|(_, fired)| *fired).collect();
        if let Some(signal) = signal(terms, groups, &moments, windows, &fired, &gauge) {
            earlier.push((signal.day, Fired::of(&signal)));
            judgement.signals.push(signal);
        }
    }
    if terms.feeds {
        judgement.firings = firings(&moments, &windows);
    }
    judgement
}

/// The panes that count: those of counted rules without an `unless` event within the timespan,
/// before or after.
fn counted_panes(terms: &Terms, groups: &Groups) -> Vec<Pane> {
    let flag = |flags: &[bool], pane: &Pane| flags.get(usize::from(pane.rule)) == Some(&true);
    let all = || groups.rows.iter().flat_map(|(_, row)| &row.panes);
    let spoilers: Vec<i64> =
        all().filter(|pane| flag(&terms.unless, pane)).map(|pane| pane.start).collect();
    let spoiled = |pane: &Pane| {
        let next = spoilers.partition_point(|spoiler| *spoiler < pane.start - terms.timespan);
        spoilers.get(next).is_some_and(|spoiler| *spoiler <= pane.start + terms.timespan)
    };
    all().filter(|pane| flag(&terms.counted, pane) && !spoiled(pane)).copied().collect()
}

/// The panes by their start, each with its values.
pub(super) fn moments<'g>(panes: &'g [Pane], groups: &'g Groups) -> Vec<Moment<'g>> {
    let measures = groups.rows.iter().filter_map(|(_, row)| row.measures.as_deref()).flatten();
    let mut measures: Peekable<_> = measures.peekable();
    let same = panes.chunk_by(|a, b| a.start == b.start);
    let moment = |panes: &'g [Pane]| {
        let start = panes.first()?.start;
        while measures.next_if(|measure| measure.start < start).is_some() {}
        let measure = measures.next_if(|measure| measure.start == start);
        Some(Moment { start, panes, measure })
    };
    same.filter_map(moment).collect()
}

/// Every window that ends with an event and satisfies the conditions.
fn windows(terms: &Terms, moments: &[Moment<'_>], gauge: &mut impl Gauge) -> Vec<Window> {
    let mut found = Vec::new();
    let mut from = 0;
    for (to, moment) in moments.iter().enumerate() {
        gauge.enter(moment);
        let since = moment.start - terms.timespan;
        while let Some(first) = moments.get(from).filter(|first| first.start < since) {
            gauge.leave(first);
            from += 1;
        }
        let reading = gauge.read(terms, since).filter(|reading| reading.holds);
        found.extend(reading.map(|reading| Window { from, to, reading }));
    }
    found
}

/// The signal of the windows of one day.
fn signal(
    terms: &Terms,
    groups: &Groups,
    moments: &[Moment<'_>],
    windows: &[Window],
    earlier: &[Fired],
    gauge: &impl Gauge,
) -> Option<Signal> {
    let start = moments.get(windows.first()?.from)?.start;
    let end = moments.get(windows.last()?.to)?.start;
    let grain = Grain::sliding(terms.timespan);
    let (first, last) = (start * MICROS, (end + grain.pane) * MICROS - 1);
    let details = gather(touched(groups, grain, start, end), first, last)?;
    let counts = counts(terms, moments, windows);
    let peak = peak(terms, windows)?;
    let ok: Vec<u64> = counts.iter().map(|count| count.ok).collect();
    let fired = Fired {
        peak: peak.number.count(),
        first: first.max(details.first),
        last: last.min(details.last),
    };
    let day = Day { ok: &ok, counted: &terms.counted, fired, earlier };
    let words = gauge.words(terms, &peak);
    Some(Signal {
        day: end.div_euclid(DAY),
        first: fired.first,
        last: fired.last,
        severity: terms.severity.of(day),
        expected: terms.severity.expected(day, &usual(terms)),
        observed: words
            .map(|words| format!("{words} in {}{}", terms.timespan_text, skipped(&peak))),
        counts,
        peak: peak.number,
        values: Vec::new(),
        features: Vec::new(),
        baseline: None,
        details,
    })
}

/// The details of the rows that lie in part between two panes.
pub(super) fn touched(
    groups: &Groups,
    grain: Grain,
    start: i64,
    end: i64,
) -> impl Iterator<Item = &Details> {
    let rows = groups.rows.iter();
    rows.filter(move |(bucket, _)| bucket + grain.bucket > start && *bucket <= end)
        .filter_map(|(_, row)| row.details())
}

/// The most remarkable window: the lowest where only low numbers are remarkable.
fn peak(terms: &Terms, windows: &[Window]) -> Option<Reading> {
    let readings = windows.iter().map(|window| window.reading);
    let number = |reading: &Reading| reading.number;
    if terms.is_low() { readings.min_by_key(number) } else { readings.max_by_key(number) }
}

/// Counts per rule over the union of the windows.
fn counts(terms: &Terms, moments: &[Moment<'_>], windows: &[Window]) -> Vec<Count> {
    let mut counts = vec![Count::default(); terms.counted.len()];
    let mut next = 0;
    for window in windows {
        let new = moments.iter().take(window.to + 1).skip(window.from.max(next));
        for pane in new.flat_map(|moment| moment.panes) {
            if let Some(count) = counts.get_mut(usize::from(pane.rule)) {
                count.ok = count.ok.saturating_add(pane.ok);
                count.failed = count.failed.saturating_add(pane.failed);
            }
        }
        next = window.to + 1;
    }
    counts
}

/// What the conditions call unremarkable.
fn usual(terms: &Terms) -> String {
    let texts = match &terms.pattern {
        Some(Pattern { text: Some(text), .. }) => format!("not `{text}`"),
        Some(_) => {
            let counted = terms.titles.iter().zip(&terms.counted).filter(|(_, counted)| **counted);
            let titles: Vec<&str> = counted.map(|(title, _)| title.as_str()).collect();
            format!("not all of {}", titles.join(", "))
        }
        None => terms.conditions.iter().map(Condition::usual).collect::<Vec<_>>().join(" or "),
    };
    format!("{texts} in {}", terms.timespan_text)
}

fn skipped(peak: &Reading) -> String {
    match peak.skipped {
        0 => String::new(),
        1 => ", 1 value is no number".to_owned(),
        many => format!(", {many} values are no numbers"),
    }
}

/// When the windows satisfy the conditions, for correlations of correlations.
fn firings(moments: &[Moment<'_>], windows: &[Window]) -> Vec<Firing> {
    let mut before: Option<(usize, i64)> = None;
    let mut found = Vec::with_capacity(windows.len());
    for window in windows {
        let inside = moments.get(window.from..=window.to).unwrap_or_default();
        let (Some(first), Some(last)) = (inside.first(), inside.last()) else { continue };
        let goes_on = |(to, at): (usize, i64)| to + 1 == window.to && at >= first.start;
        let begins = !before.is_some_and(goes_on);
        let mut panes = inside.iter().flat_map(|moment| moment.panes);
        let ok = begins && panes.any(|pane| pane.ok > 0);
        found.push(Firing { from: first.start, at: last.start, begins, ok });
        before = Some((window.to, last.start));
    }
    found
}
