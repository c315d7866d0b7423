//! Where learning ends and judging begins, as the user or the scanned span says it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::judging::{Judging, MOST_WAITING};
use super::run::Span;
use super::tables::Spill;
use crate::detect::judge::Learning;
use crate::findings::Suppressions;
use crate::intel::{Available, Intel, Kind, OwnAccounts};

const DAY: i64 = 86_400_000_000;

/// How the run's entities are judged; times in µs.
#[derive(Debug, Clone, Default)]
pub struct JudgeOptions {
    /// The border between learning and judging, put by hand.
    pub border: Option<Border>,
    /// One's own accounts.
    pub own: OwnAccounts,
    /// Findings that somebody does not want to see.
    pub suppress: Suppressions,
    /// What is known of addresses.
    pub intel: Arc<Intel>,
    /// Whether detectors that are weak alone run too.
    pub hunting: bool,
}

/// A border put by hand. Tables hold days, so it lies at the beginning of its UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// Everything before is learned and not judged.
    LearnUntil(i64),
    /// The days of an incident, judged by what was before.
    Incident {
        /// Its begin.
        from: i64,
        /// Its end, exclusive.
        until: i64,
    },
}

impl JudgeOptions {
    /// What detectors may ask for, but for placeholders.
    pub(super) fn available(&self) -> Available {
        self.intel.available().with(self.hunting.then_some(Kind::Hunting))
    }

    /// How a run over `span` judges. Without a border half of the span is learned, between one and
    /// seven days. Findings before `since` are left out: what lies before it was only learned.
    pub(super) fn judging<'j>(
        &'j self,
        span: Option<Span>,
        since: Option<i64>,
        spill: Spill<'j>,
    ) -> Judging<'j> {
        let from_day = since.map(|since| since.div_euclid(DAY));
        let min_days = || {
            let days = span.map_or(0, |span| span.last.saturating_sub(span.first) / DAY);
            usize::try_from(days / 2).unwrap_or(1).clamp(1, 7)
        };
        let by_span = || Learning::Covered { min_days: min_days() };
        Judging {
            learning: Some(self.learning().unwrap_or_else(by_span)),
            from_day,
            learned_from_day: None,
            listed_from_day: None,
            folds_since: BTreeMap::new(),
            own: &self.own,
            suppress: &self.suppress,
            intel: &self.intel,
            spill,
            waiting: MOST_WAITING,
            threads: 1,
        }
    }

    /// What the border put by hand says.
    pub(super) fn learning(&self) -> Option<Learning> {
        Some(match self.border? {
            Border::LearnUntil(time) => Learning::Until { day: time.div_euclid(DAY) },
            Border::Incident { from, until } => Learning::Incident {
                from: from.div_euclid(DAY),
                until: until.saturating_sub(1).div_euclid(DAY) + 1,
            },
        })
    }
}

impl Judging<'_> {
    /// What is learned and what is judged, for `run.json`.
    pub(super) fn learning_text(&self) -> String {
        use crate::findings::day_text;
        let Some(learning) = self.learning else {
            return "a day is judged if its account or bucket has as many logged days before it as \
                    the detector asks for"
                .to_owned();
        };
        match learning {
            Learning::Until { day } => format!("days before {} are only learned", day_text(day)),
            Learning::Incident { from, until } => format!(
                "{} to {} is judged by what was before it",
                day_text(from),
                day_text(until - 1)
            ),
            Learning::Covered { min_days } => {
                format!(
                    "a day is judged if its account or bucket has {min_days} logged days before it"
                )
            }
        }
    }
}
