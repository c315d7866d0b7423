//! How severe a signal is: a base, lowered when every call failed, raised when one rule alone
//! passes a mark, lowered for what the entity did on earlier days as well.

use super::Signal;

/// A detector's severity rules. Scale 1.0–10.0 as GuardDuty's: low below 4, medium below 7, high
/// below 9, then critical.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Severity {
    /// Unless one of the others applies.
    pub base: f64,
    /// If no call succeeded.
    pub if_failed: Option<f64>,
    /// The highest that applies replaces the base.
    pub escalate: Vec<Escalation>,
    /// For what is usual for the entity.
    pub recurring: Option<Recurring>,
}

/// Raises the severity.
#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    /// Position of the rule in the fold; `None`: all counted rules together.
    pub rule: Option<usize>,
    /// From this many successful calls on.
    pub at_least: u64,
    /// The severity then.
    pub severity: f64,
}

/// Lowers the severity of what recurs: a nightly cleanup is not an incident. What recurs was seen on
/// [`days`](Self::days) earlier days, or on one earlier day at the same time of day.
#[derive(Debug, Clone, PartialEq)]
pub struct Recurring {
    /// From this many earlier days on, whatever the time of day.
    pub days: usize,
    /// As long as the count is at most this many times the highest of the earlier days.
    pub factor: u64,
    /// The severity then.
    pub severity: f64,
}

/// A day on which the judge fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fired {
    /// The day's number.
    pub peak: u64,
    /// First event, µs.
    pub first: i64,
    /// Last event, µs.
    pub last: i64,
}

/// A severity from a number on: of bits, or of a factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// The number.
    pub from: f64,
    /// 1.0–10.0.
    pub severity: f64,
}

impl Level {
    /// The highest of the levels, which ascend, whose number is reached.
    #[must_use]
    pub fn reached(levels: &[Self], is_reached: impl Fn(f64) -> bool) -> Option<&Self> {
        levels.iter().rev().find(|level| is_reached(level.from))
    }
}

/// What is judged of a day.
#[derive(Debug, Clone, Copy)]
pub struct Day<'d> {
    /// Successful calls per rule.
    pub ok: &'d [u64],
    /// Per rule: whether it is counted.
    pub counted: &'d [bool],
    /// The day itself.
    pub fired: Fired,
    /// The earlier days on which the judge fired.
    pub earlier: &'d [Fired],
}

impl Severity {
    /// The day's severity.
    #[must_use]
    pub fn of(&self, day: Day<'_>) -> f64 {
        let counted = day.ok.iter().zip(day.counted).filter(|(_, counted)| **counted);
        let ok: u64 = counted.map(|(ok, _)| ok).sum();
        if let Some(severity) = self.if_failed.filter(|_| ok == 0) {
            return severity;
        }
        if let Some(recurring) = self.recurring.as_ref().filter(|recurring| recurring.holds(&day)) {
            return recurring.severity;
        }
        let reached = |escalation: &&Escalation| {
            let calls = escalation.rule.map_or(ok, |rule| day.ok.get(rule).copied().unwrap_or(0));
            calls >= escalation.at_least
        };
        let raised = self.escalate.iter().filter(reached).map(|escalation| escalation.severity);
        raised.fold(self.base, f64::max)
    }

    /// The severity of a day that reached a level, in place of the base.
    #[must_use]
    pub fn at(&self, level: &Level, day: Day<'_>) -> f64 {
        Self { base: level.severity, ..self.clone() }.of(day)
    }

    /// What was expected of the day: the entity's own earlier days where they count, else `usual`.
    #[must_use]
    pub fn expected(&self, day: Day<'_>, usual: &str) -> String {
        match (&self.recurring, day.earlier.iter().map(|earlier| earlier.peak).max()) {
            (Some(recurring), Some(highest)) if recurring.holds(&day) => {
                let days = day.earlier.len();
                let noun = if days == 1 { "day" } else { "days" };
                format!("up to {highest} as on {days} earlier {noun}")
            }
            _ => usual.to_owned(),
        }
    }
}

impl Recurring {
    fn holds(&self, day: &Day<'_>) -> bool {
        let highest = day.earlier.iter().map(|earlier| earlier.peak).max().unwrap_or(0);
        let often = day.earlier.len() >= self.days;
        let habitual = || day.earlier.iter().any(|earlier| day.fired.is_habit_of(earlier));
        day.fired.peak <= highest.saturating_mul(self.factor) && (often || habitual())
    }
}

impl Fired {
    /// The day of a signal.
    pub(super) fn of(signal: &Signal) -> Self {
        Self { peak: signal.peak.count(), first: signal.first, last: signal.last }
    }

    const HOUR: i64 = 3_600_000_000;

    /// Whether an earlier day's activity lay at the same time of day, give or take 90 minutes, and
    /// is not just the beginning of this one.
    fn is_habit_of(&self, earlier: &Self) -> bool {
        let day = 24 * Self::HOUR;
        let slack = 3 * Self::HOUR / 2;
        if self.first - earlier.last < 12 * Self::HOUR {
            return false;
        }
        let length = (earlier.last - earlier.first).min(day);
        let from_start = (self.first - earlier.first).rem_euclid(day);
        from_start <= length + slack || from_start >= day - slack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_habits_and_marks_change_the_base() {
        let severity = Severity {
            base: 5.0,
            if_failed: Some(3.0),
            escalate: vec![
                Escalation { rule: Some(1), at_least: 20, severity: 8.0 },
                Escalation { rule: None, at_least: 1_000, severity: 7.0 },
            ],
            recurring: Some(Recurring { days: 2, factor: 3, severity: 2.0 }),
        };
        // Days are 30 hours apart, so the times of day differ.
        let day =
            |n: i64, peak| Fired { peak, first: n * 30 * Fired::HOUR, last: n * 30 * Fired::HOUR };
        let of = |ok: [u64; 2], peak, earlier: &[u64]| {
            let earlier: Vec<Fired> = (0..).zip(earlier).map(|(n, peak)| day(n, *peak)).collect();
            let fired = day(9, peak);
            let day = Day { ok: &ok, counted: &[true, true], fired, earlier: &earlier };
            format!("{:.1}", severity.of(day))
        };
        assert_eq!(of([60, 0], 60, &[]), "5.0");
        assert_eq!(of([0, 0], 60, &[]), "3.0");
        assert_eq!(of([60, 20], 80, &[]), "8.0");
        assert_eq!(of([1_000, 0], 1_000, &[]), "7.0");
        assert_eq!(of([60, 0], 60, &[50]), "5.0");
        assert_eq!(of([60, 0], 60, &[50, 20]), "2.0");
        assert_eq!(of([151, 0], 151, &[50, 20]), "5.0");
    }

    #[test]
    fn a_habit_keeps_its_time_of_day_and_is_no_continuation() {
        let fired = |first: i64, last: i64| Fired {
            peak: 1,
            first: first * Fired::HOUR,
            last: last * Fired::HOUR,
        };
        let monday = fired(1, 2);
        for (today, habit) in [
            (fired(25, 26), true),   // the same time on the next day
            (fired(24, 25), true),   // an hour early
            (fired(27, 28), true),   // an hour after the end
            (fired(37, 38), false),  // at noon
            (fired(3, 4), false),    // the same burst
            (fired(169, 170), true), // a week later
        ] {
            assert_eq!(today.is_habit_of(&monday), habit, "{today:?}");
        }
    }
}
