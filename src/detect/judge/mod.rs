//! Judges: the groups of one entity become signals.
//!
//! A new kind of judgement is one file in this folder and one line in [`REGISTRY`]; the law
//! checker then holds it to its naive oracle. Floats are born here and nowhere before.

mod ascending;
mod chain;
mod changed;
mod condition;
mod cusum;
mod event_count;
mod first_seen;
mod history;
mod known_keys;
mod match_events;
mod memo;
mod quantile;
mod rare;
mod roll_up;
mod same_values;
mod severity;
mod silence;
mod sliding;
mod spike;
mod temporal;
mod temporal_ordered;
mod total;
mod value_avg;
mod value_count;
mod value_median;
mod value_percentile;
mod value_sum;

use std::sync::Arc;

use crate::detect::group::{Decimal, Details, Grain, Groups, MAX_VALUES, MeasureKind};

pub use ascending::{Ascending, SAMPLED_READS};
pub use chain::chained_rows;
pub use condition::{Condition, Operator, Pattern, Way};
pub use cusum::{Cusum, DayTotal};
pub use history::{History, Learning};
pub use known_keys::KnownShare;
pub use rare::{ApiName, Feature, FeatureOdds, HOUR, Rare};
pub use roll_up::RollUp;
pub use severity::{Escalation, Level, Recurring, Severity};
pub use silence::Silence;
pub use spike::{Spike, WINDOW};
pub use total::Total;

/// What a judge needs to know beside the groups: the detector's numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Terms {
    /// Length of the sliding window, seconds; 0 for judges without one.
    pub timespan: i64,
    /// The timespan as the detector writes it, `1h`.
    pub timespan_text: String,
    /// When a number is remarkable; all must hold.
    pub conditions: Vec<Condition>,
    /// For the temporal judges: the rules that must be there, instead of how many.
    pub pattern: Option<Pattern>,
    /// For judges of values: the field as the detector names it.
    pub field: String,
    /// For `value_percentile`: 0 to 100.
    pub percentile: Decimal,
    /// Whether correlations refer to it, so that its [`Firing`]s are wanted.
    pub feeds: bool,
    /// By how much the windows of correlations around it, or of those that it refers to, lengthen
    /// the time that a signal depends on, seconds.
    pub chained: i64,
    /// Per rule of the fold: whether its events are counted.
    pub counted: Vec<bool>,
    /// Per rule of the fold: whether an event of it keeps the counted events within the timespan,
    /// before and after, from counting.
    pub unless: Vec<bool>,
    /// The titles of the fold's rules.
    pub titles: Vec<String>,
    /// How many days before a day are its history; what lies further back does not count.
    pub lookback: i64,
    /// Days of its history on which an entity must have been seen to be judged.
    pub known_days: usize,
    /// When new values are no news.
    pub roaming: Option<Roaming>,
    /// Whether a weaker configuration fires only if the stronger one before was seen.
    pub only_seen_changes: bool,
    /// For `spike`: what a spike is.
    pub spike: Option<Spike>,
    /// For `rare`: what is looked at.
    pub rare: Option<Rare>,
    /// For `silence`: what a silence is.
    pub silence: Option<Silence>,
    /// For `ascending`: what counts as in order.
    pub ascending: Option<Ascending>,
    /// For `cusum`: what is added up over days.
    pub cusum: Option<Cusum>,
    /// How severe it is.
    pub severity: Severity,
}

/// An entity roams if it had new values on so many earlier days, and not many more at once than
/// on those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roaming {
    /// Earlier days with new values.
    pub days: usize,
    /// As long as there are at most this many times the most of an earlier day.
    pub factor: usize,
}

/// Calls that succeeded and calls that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Without an error code.
    pub ok: u64,
    /// With one.
    pub failed: u64,
}

impl Count {
    /// All calls.
    #[must_use]
    pub fn total(self) -> u64 {
        self.ok.saturating_add(self.failed)
    }
}

/// One entity's judgement for one UTC day.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// Days since the epoch: the day in which the judge fires.
    pub day: i64,
    /// First and last event of the judged intervals, µs.
    pub first: i64,
    /// See `first`.
    pub last: i64,
    /// Counts per rule of the fold within the judged intervals.
    pub counts: Vec<Count>,
    /// The remarkable number: the highest of a window (the lowest where only low numbers are
    /// remarkable), or the number of events.
    pub peak: Decimal,
    /// The remarkable number in words, where it is no count of events.
    pub observed: Option<String>,
    /// The new values, for judges of values.
    pub values: Vec<Arc<str>>,
    /// For `rare`: the features of the most unusual calls, with their odds.
    pub features: Vec<FeatureOdds>,
    /// Against what: the threshold, the entity's own earlier highest, or its history.
    pub expected: String,
    /// The history that it was held against: its first day, and the day after its last.
    pub baseline: Option<(i64, i64)>,
    /// 1.0–10.0.
    pub severity: f64,
    /// Evidence and samples.
    pub details: Details,
}

impl Signal {
    /// Calls over all counted rules.
    #[must_use]
    pub fn count(&self) -> Count {
        self.counts.iter().fold(Count::default(), |sum, count| Count {
            ok: sum.ok.saturating_add(count.ok),
            failed: sum.failed.saturating_add(count.failed),
        })
    }
}

/// What a judge says of one entity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// In the order of days.
    pub signals: Vec<Signal>,
    /// First appearances that were only learned, in the order of days, and why.
    pub learned: Vec<(Signal, Unjudged)>,
    /// Whether it has too many values for any to be judged.
    pub diffuse: bool,
    /// Why some of its days were not judged, though nothing was learned of them that could be listed.
    pub unjudged: Option<Unjudged>,
    /// When it fires, for correlations that refer to the detector.
    pub firings: Vec<Firing>,
}

/// A window that satisfies a correlation's conditions, as an event of the correlations that refer
/// to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firing {
    /// Start of the window's first pane, seconds since the epoch.
    pub from: i64,
    /// Start of its last pane: when it fires.
    pub at: i64,
    /// Whether it begins to hold here: no window ending at the event before holds.
    pub begins: bool,
    /// Whether a call of the window succeeded.
    pub ok: bool,
}

/// Why an entity was not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unjudged {
    /// Its scope has too few covered days before, or the days belong to the learning period.
    #[error(
        "first seen while its account or bucket was still being learned; listed in first_appearances.parquet"
    )]
    ShortHistory,
    /// The same, where there is nothing to list.
    #[error("its account has too few logged days before to say what is usual")]
    NoHistory,
    /// The entity itself was seen on too few days before.
    #[error("seen on too few days before to have habits; listed in first_appearances.parquet")]
    LittleKnown,
    /// Something was new for it on too many days before.
    #[error("has new values so often that none is unusual; listed in first_appearances.parquet")]
    Roaming,
    /// It has too many values.
    #[error("more than {MAX_VALUES} different values, so that none is unusual")]
    Diffuse,
}

impl Terms {
    /// How many days before a judged day the rows of its entity must reach. The days that make an
    /// entity roam have a history of their own, a silence has its history before its begin, and
    /// windows begin a timespan before.
    #[must_use]
    pub fn reach(&self) -> i64 {
        let histories = 1 + i64::from(self.roaming.is_some());
        let silent = if self.silence.is_some() { silence::LONGEST } else { 0 };
        // Whether it fired in the longest window before, and what was new then.
        let drift = self.cusum.as_ref().map_or(0, |cusum| cusum.longest().saturating_mul(2));
        let more = silent.saturating_add(drift);
        let history = self.lookback.saturating_mul(histories).saturating_add(more);
        history.saturating_add(self.timespan_days())
    }

    /// The days that a window can touch beside the one in which it ends.
    #[must_use]
    pub fn timespan_days(&self) -> i64 {
        self.timespan.saturating_add(self.chained) / 86_400 + 1
    }

    /// Whether they are of a judge of what is usual.
    #[must_use]
    pub fn is_anomaly(&self) -> bool {
        self.spike.is_some() || self.rare.is_some() || self.cusum.is_some()
    }

    /// Whether only low numbers are remarkable.
    #[must_use]
    pub fn is_low(&self) -> bool {
        let low =
            |condition: &Condition| matches!(condition.operator, Operator::Lt | Operator::Lte);
        self.pattern.is_none() && !self.conditions.is_empty() && self.conditions.iter().all(low)
    }
}

impl From<Vec<Signal>> for Judgement {
    fn from(signals: Vec<Signal>) -> Self {
        Self { signals, ..Self::default() }
    }
}

/// A kind of judgement.
#[derive(Debug)]
pub struct Judge {
    /// Its name in detector files: Sigma's correlation type, or a word of ours.
    pub name: &'static str,
    /// The grain of time that its fold needs.
    pub grain: fn(&Terms) -> Grain,
    /// What it needs of the values of a field, if it judges them.
    pub measure: fn(&Terms) -> Option<MeasureKind>,
    /// Judges one entity.
    pub judge: fn(&Terms, &Groups, &History<'_>) -> Judgement,
    /// The same from the fully sorted list of events, as plainly as can be said.
    #[cfg(test)]
    pub oracle: Oracle,
}

#[cfg(test)]
type Oracle =
    fn(&Terms, &[crate::detect::laws::Event], &History<'_>) -> Vec<crate::detect::laws::Verdict>;

/// Every judge, in the order of the documentation.
pub const REGISTRY: &[Judge] = &[
    match_events::JUDGE,
    event_count::JUDGE,
    value_count::JUDGE,
    value_sum::JUDGE,
    value_avg::JUDGE,
    value_percentile::JUDGE,
    value_median::JUDGE,
    temporal::JUDGE,
    temporal_ordered::JUDGE,
    same_values::JUDGE,
    same_values::ORDERED,
    first_seen::JUDGE,
    changed::JUDGE,
    spike::JUDGE,
    rare::JUDGE,
    silence::JUDGE,
    cusum::JUDGE,
    ascending::JUDGE,
];

/// The judge of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Judge> {
    REGISTRY.iter().find(|judge| judge.name == name)
}

/// Details of several rows together, evidence restricted to [first, last] where any lies in it.
fn gather<'d>(
    mut rows: impl Iterator<Item = &'d Details>,
    first: i64,
    last: i64,
) -> Option<Details> {
    let mut gathered = rows.next()?.clone();
    rows.for_each(|row| gathered.merge(row));
    let inside = |time: i64| (first..=last).contains(&time);
    if gathered.evidence.iter().any(|event| inside(event.event_time)) {
        gathered.evidence.retain(|event| inside(event.event_time));
    }
    Some(gathered)
}
