//! When the entities were seen that have all columns in common but the last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Seen, Terms};
use crate::detect::group::Groups;

/// The columns of an entity but the last.
type Parent = Vec<Option<Arc<str>>>;

/// The hours in which siblings were seen, the entity among them.
#[derive(Debug)]
pub struct Siblings {
    terms: Terms,
    hours: BTreeMap<Parent, BTreeSet<i64>>,
}

impl Siblings {
    /// No entity yet.
    pub(in crate::detect::judge) fn new(terms: &Terms) -> Self {
        Self { terms: terms.clone(), hours: BTreeMap::new() }
    }

    /// Whether it is what a detector of the same fold with these terms needs.
    pub(in crate::detect::judge) fn is_for(&self, terms: &Terms) -> bool {
        terms.has_siblings()
            && (&terms.counted, &terms.unless) == (&self.terms.counted, &self.terms.unless)
    }

    /// Adds entities.
    pub(in crate::detect::judge) fn add(&mut self, groups: &[Groups]) {
        for groups in groups {
            let seen = Seen::of(&self.terms, groups);
            let hours = self.hours.entry(parent(&groups.entity)).or_default();
            hours.extend(seen.counted.iter().map(|(hour, _)| *hour));
        }
    }

    /// The hours in which the siblings of an entity were seen.
    pub(super) fn of(&self, entity: &[Option<Arc<str>>]) -> Option<&BTreeSet<i64>> {
        self.hours.get(&parent(entity))
    }
}

fn parent(entity: &[Option<Arc<str>>]) -> Parent {
    entity.split_last().map(|(_, others)| others.to_vec()).unwrap_or_default()
}
