//! What each principal does on a busy day, by which the strength of attacks is measured.
//!
//! In: benign events. Out: the 99th percentile of daily counts, per principal and class of actions.

use std::collections::{BTreeMap, BTreeSet};

use super::calendar::{DAYS, day_of};
use super::event::{Class, Event};

/// What is usual for everyone.
pub struct Baseline {
    /// Per principal and class, over the days of the simulation; `None` is all events together.
    usual: BTreeMap<(u16, Option<Class>), u64>,
    used: BTreeSet<(u16, u16)>,
}

impl Baseline {
    /// Counts benign events.
    pub fn of(events: &[Event]) -> Self {
        let mut counts: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        let mut used = BTreeSet::new();
        for event in events {
            let day = day_of(event.time) as usize;
            for class in [Some(event.class()), None] {
                let days = counts.entry((event.principal, class));
                days.or_insert_with(|| vec![0; DAYS as usize])[day] += 1;
            }
            used.insert((event.principal, event.bucket));
        }
        let usual = counts.into_iter().map(|(key, days)| (key, p99(days))).collect();
        Self { usual, used }
    }

    /// The 99th percentile of a principal's daily events of a class, or of all.
    pub fn usual(&self, principal: usize, class: Option<Class>) -> u64 {
        self.usual.get(&(principal as u16, class)).copied().unwrap_or(0)
    }

    /// Whether a principal has ever called a bucket.
    pub(crate) fn uses(&self, principal: usize, bucket: usize) -> bool {
        self.used.contains(&(principal as u16, bucket as u16))
    }
}

/// The 99th percentile by nearest rank.
pub fn p99(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    let rank = (values.len() * 99).div_ceil(100);
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}
