//! What is known before a day: history is [day − lookback, day), never the future.

use super::roll_up::RollUp;

/// What the judges of histories know beside the groups of an entity.
#[derive(Debug, Clone, Copy)]
pub struct History<'h> {
    /// Days on which the logs show the entity's account, ascending.
    pub covered: &'h [i64],
    /// Days on which the logs show the entity's scope (its account or bucket), ascending. From the
    /// first of them on, the scope is covered by whatever covers its account: silence of one bucket
    /// while others are logged is no gap.
    pub scope: &'h [i64],
    /// What is only learned, and what is judged.
    pub learning: Learning,
    /// What the entities of the account come to, for judges that ask for it.
    pub roll_up: Option<&'h RollUp>,
}

/// Where learning ends and judging begins; days since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learning {
    /// A day is judged if its history has so many covered days.
    Covered {
        /// At least one.
        min_days: usize,
    },
    /// Days from this one on are judged, by whatever history they have.
    Until {
        /// The first judged day.
        day: i64,
    },
    /// The days of an incident are judged by what was before it: nothing in it is learned.
    Incident {
        /// First day of the incident.
        from: i64,
        /// The day after its last.
        until: i64,
    },
}

/// Days since the epoch: `from` ≤ day < `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Past {
    pub from: i64,
    pub until: i64,
}

impl Past {
    /// Whether the day belongs to it.
    pub(super) fn holds(self, day: i64) -> bool {
        (self.from..self.until).contains(&day)
    }
}

impl History<'_> {
    /// What counts as the history of `day`.
    pub(super) fn past(&self, day: i64, lookback: i64) -> Past {
        let until = match self.learning {
            Learning::Incident { from, until } if (from..until).contains(&day) => from,
            _ => day,
        };
        Past { from: until.saturating_sub(lookback), until }
    }

    /// Whether `day` is judged: after learning, by enough history.
    pub(super) fn is_judged(&self, day: i64, past: Past) -> bool {
        let covered = self.covered_in(past);
        match self.learning {
            Learning::Covered { min_days } => covered >= min_days.max(1),
            Learning::Until { day: border } => day >= border && covered > 0,
            Learning::Incident { from, until } => (from..until).contains(&day) && covered > 0,
        }
    }

    /// How many covered days the past has.
    pub(super) fn covered_in(&self, past: Past) -> usize {
        let first = self.scope.get(self.scope.partition_point(|day| *day < past.from));
        let before = |day: i64| self.covered.partition_point(|covered| *covered < day);
        first.map_or(0, |first| before(past.until).saturating_sub(before(*first)))
    }
}
