//! How a run is judged: what is learned, what is known, and what it may take.

use std::collections::BTreeMap;

use super::tables::Spill;
use crate::detect::group::FoldId;
use crate::detect::judge::Learning;
use crate::detect::rules::Detector;
use crate::findings::Suppressions;
use crate::intel::{Intel, OwnAccounts};

/// How the entities of a run are judged.
#[derive(Debug, Clone)]
pub(super) struct Judging<'j> {
    /// What is only learned, and what is judged; `None`: each detector asks for its own minimum of
    /// history.
    pub learning: Option<Learning>,
    /// Findings of days before are left out.
    pub from_day: Option<i64>,
    /// First appearances of days before are left out.
    pub learned_from_day: Option<i64>,
    /// Those of days before are counted, and not listed.
    pub listed_from_day: Option<i64>,
    /// Folds whose history begins on a day later than that of their accounts.
    pub folds_since: BTreeMap<FoldId, i64>,
    /// One's own accounts.
    pub own: &'j OwnAccounts,
    /// Findings that somebody does not want to see.
    pub suppress: &'j Suppressions,
    /// What is known of addresses.
    pub intel: &'j Intel,
    /// Where rows go that there may be millions of.
    pub spill: Spill<'j>,
    /// Bytes of entities that wait in memory for their account.
    pub waiting: usize,
    /// So many entities are judged at once.
    pub threads: usize,
}

/// The most bytes of entities that wait in memory for their account; with `--memory` an eighth of it,
/// if that is less.
pub(super) const MOST_WAITING: usize = 96 << 20;

/// Batches that are read ahead, and with plenty of memory: what wait for their account are judged in
/// one go, and reading goes on meanwhile.
const AHEAD: usize = 2;
const FAR_AHEAD: usize = 24;

impl Judging<'_> {
    /// So many batches of entities are read ahead of those that are judged.
    pub(super) fn ahead(&self) -> usize {
        match self.threads {
            0 | 1 => 0,
            _ if self.waiting < MOST_WAITING => AHEAD,
            _ => FAR_AHEAD,
        }
    }

    /// What of a detector's history is only learned.
    pub(super) fn learning(&self, detector: &Detector) -> Learning {
        let min = detector.scope.map_or(0, |scope| scope.min_days);
        let own = || Learning::Covered { min_days: usize::try_from(min).unwrap_or(usize::MAX) };
        self.learning.unwrap_or_else(own)
    }
}
