//! What a row of a table is about.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::{Identity, hex};

/// Identity of a fold: a hash of its selection, grouping and the version of the normalisers.
///
/// A changed threshold keeps the fold, a changed selection makes a new one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub struct FoldId([u8; 16]);

impl FoldId {
    /// The id of the fold that `description` describes in full.
    #[must_use]
    pub fn new(description: &str) -> Self {
        Self::chained(description, 0)
    }

    /// The id of a fold that is judged after those of a lower `depth`, on whose signals it depends:
    /// it sorts behind them.
    #[must_use]
    pub fn chained(description: &str, depth: u8) -> Self {
        Self::ranked(description, depth.saturating_add(1))
    }

    /// The id of a fold that others need when they are judged: it sorts before all of [`new`](Self::new).
    #[must_use]
    pub fn roll_up(description: &str) -> Self {
        Self::ranked(description, 0)
    }

    fn ranked(description: &str, rank: u8) -> Self {
        let mut id = Identity::default().part(Some(description)).finish();
        if let Some(first) = id.first_mut() {
            *first = rank;
        }
        Self(id)
    }

    /// Reads the id back from its hexadecimal text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        u128::from_str_radix(text, 16)
            .ok()
            .filter(|_| text.len() == 32)
            .map(|n| Self(n.to_be_bytes()))
    }
}

impl fmt::Display for FoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// The values of a fold's entity columns, in their order; `None` where the event has none.
pub type Entity = Arc<[Option<Arc<str>>]>;

/// The key of a row; tables are sorted by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// Which fold.
    pub fold: FoldId,
    /// Who and what.
    pub entity: Entity,
    /// When: start of the time bucket, seconds since the epoch.
    pub bucket: i64,
}

#[cfg(test)]
mod tests {
    use super::FoldId;

    #[test]
    fn roll_ups_sort_first() {
        for text in ["a", "b", "c", "d"] {
            assert!(FoldId::roll_up(text) < FoldId::new("a"));
            assert!(FoldId::new(text) < FoldId::chained("a", 1));
        }
    }

    #[test]
    fn an_id_survives_its_text() {
        let id = FoldId::new("anything");
        assert_eq!(FoldId::parse(&id.to_string()), Some(id));
        assert_eq!(FoldId::parse("xyz"), None);
        assert_eq!(FoldId::parse("00"), None);
    }
}
