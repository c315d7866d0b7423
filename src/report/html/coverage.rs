//! What was logged when: events per account and hour, and the hours without any between others. An
//! hour without events is no safe hour: the logs do not say whether nothing happened or nothing was
//! logged.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use serde::Serialize;
use serde_json::{Value, json};

use super::losses::{batches, integer, text};
use crate::error::Result;
use crate::report::escape::visible;

const MICROS_OF_HOUR: i64 = 3_600_000_000;

/// Most hours of all accounts that are given to the page; beyond, only those of all accounts
/// together.
const MOST: usize = 300_000;

/// Accounts in the table; how many there are beyond is said.
const SHOWN: usize = 50;

/// Events and errors by hour since 1970.
type Hours = BTreeMap<i64, (i64, i64)>;

/// Events by account and hour.
#[derive(Debug, Default)]
pub(super) struct Coverage(BTreeMap<String, Hours>);

/// Hours without events, between hours with some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Gap {
    /// µs.
    from: i64,
    until: i64,
    hours: i64,
}

/// What was logged of an account.
#[derive(Debug, Serialize)]
pub(super) struct Logged<'a> {
    account: &'a str,
    events: i64,
    errors: i64,
    /// µs.
    first: Option<i64>,
    last: Option<i64>,
    /// Hours with events.
    hours: usize,
    /// Hours without.
    silent: i64,
    longest: Option<Gap>,
}

impl Coverage {
    /// Reads coverage.parquet.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut coverage = Self::default();
        for batch in batches(path)? {
            coverage.add(&batch?);
        }
        Ok(coverage)
    }

    fn add(&mut self, batch: &RecordBatch) {
        let starts = batch.column_by_name("hour");
        let Some(starts) = starts.and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>())
        else {
            return;
        };
        for row in (0..batch.num_rows()).filter(|row| starts.is_valid(*row)) {
            let hour = starts.value(row).div_euclid(MICROS_OF_HOUR);
            let account = text(batch, "account", row);
            if !self.0.contains_key(account) {
                self.0.insert(account.to_owned(), Hours::new());
            }
            let Some(hours) = self.0.get_mut(account) else { continue };
            let (events, errors) = hours.entry(hour).or_default();
            *events = events.saturating_add(integer(batch, "event_count", row));
            *errors = errors.saturating_add(integer(batch, "error_count", row));
        }
    }

    /// The first and the last hour, µs.
    pub(super) fn span(&self) -> impl Iterator<Item = i64> + use<'_> {
        let ends = |hours: &Hours| {
            let ends =
                [hours.keys().next().copied(), hours.keys().next_back().map(|last| last + 1)];
            ends.into_iter().flatten().map(|hour| hour.saturating_mul(MICROS_OF_HOUR))
        };
        self.0.values().flat_map(ends)
    }

    /// How many accounts there are.
    pub(super) fn accounts(&self) -> usize {
        self.0.len()
    }

    /// The accounts with the most events.
    pub(super) fn first(&self) -> Vec<Logged<'_>> {
        let mut logged: Vec<_> =
            self.0.iter().map(|(account, hours)| logged(account, hours)).collect();
        logged.sort_by_key(|account| std::cmp::Reverse(account.events));
        logged.truncate(SHOWN);
        logged
    }

    /// For the page: hours since 1970, events and errors of all accounts together, and of each.
    pub(super) fn json(&self) -> Value {
        let mut all = Hours::new();
        for (hour, (events, errors)) in self.0.values().flatten() {
            let sum = all.entry(*hour).or_default();
            *sum = (sum.0.saturating_add(*events), sum.1.saturating_add(*errors));
        }
        let fits = self.0.values().map(Hours::len).sum::<usize>() <= MOST;
        let by_account = self.0.iter().filter(|_| fits && self.0.len() > 1);
        let by_account = by_account.map(|(account, hours)| columns(account, hours));
        json!({
            "all": columns("", &all),
            "accounts": by_account.collect::<Vec<_>>(),
            "fits": fits,
        })
    }
}

fn columns(account: &str, hours: &Hours) -> Value {
    let column = |of: fn(&(i64, i64)) -> i64| hours.values().map(of).collect::<Vec<_>>();
    json!({
        "account": visible(account),
        "hours": hours.keys().collect::<Vec<_>>(),
        "events": column(|(events, _)| *events),
        "errors": column(|(_, errors)| *errors),
    })
}

fn logged<'a>(account: &'a str, hours: &Hours) -> Logged<'a> {
    let start = |hour: i64| hour.saturating_mul(MICROS_OF_HOUR);
    let gaps = hours.keys().zip(hours.keys().skip(1)).map(|(before, after)| Gap {
        from: start(before + 1),
        until: start(*after),
        hours: after - before - 1,
    });
    let gaps: Vec<Gap> = gaps.filter(|gap| gap.hours > 0).collect();
    let sum = |of: fn(&(i64, i64)) -> i64| hours.values().map(of).fold(0, i64::saturating_add);
    Logged {
        account,
        events: sum(|(events, _)| *events),
        errors: sum(|(_, errors)| *errors),
        first: hours.keys().next().map(|hour| start(*hour)),
        last: hours.keys().next_back().map(|hour| start(hour + 1)),
        hours: hours.len(),
        silent: gaps.iter().map(|gap| gap.hours).sum(),
        // Of equal ones the first.
        longest: gaps.iter().rev().max_by_key(|gap| gap.hours).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_without_events_between_others_are_a_gap() {
        let hours = Hours::from([(10, (3, 1)), (11, (1, 0)), (15, (2, 2)), (17, (1, 0))]);
        let logged = logged("111122223333", &hours);
        assert_eq!((logged.events, logged.errors, logged.hours, logged.silent), (7, 3, 4, 4));
        let longest = Gap { from: 12 * MICROS_OF_HOUR, until: 15 * MICROS_OF_HOUR, hours: 3 };
        assert_eq!(logged.longest, Some(longest));
    }
}
