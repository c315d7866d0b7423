//! Roll-ups: what the entities of one account come to together, which a judge holds an entity
//! against that has little history of its own.

use super::Terms;
use super::known_keys::KnownKeys;
use super::rare::Profiles;
use super::silence::Siblings;
use super::spike::Peers;
use crate::detect::group::Groups;

/// The roll-up of a fold's entities of one account.
#[derive(Debug)]
pub enum RollUp {
    /// For `spike`.
    Peers(Box<Peers>),
    /// For `spike` that asks for a share of what is known.
    Keys(KnownKeys),
    /// For `rare`.
    Profiles(Box<Profiles>),
    /// For `silence`.
    Siblings(Box<Siblings>),
}

impl RollUp {
    /// The empty roll-up that a detector with these terms needs; `None` if it needs none.
    #[must_use]
    pub fn new(terms: &Terms) -> Option<Self> {
        if let Some(spike) = &terms.spike {
            return Some(match &spike.known {
                Some(known) => Self::Keys(KnownKeys::new(known)),
                None => Self::Peers(Box::new(Peers::new(terms))),
            });
        }
        if terms.has_siblings() {
            return Some(Self::Siblings(Box::new(Siblings::new(terms))));
        }
        terms.rare.as_ref().map(|rare| Self::Profiles(Box::new(Profiles::new(rare))))
    }

    /// Whether a detector of the same fold with these terms needs it.
    #[must_use]
    pub fn is_for(&self, terms: &Terms) -> bool {
        match self {
            Self::Peers(peers) => peers.is_for(terms),
            Self::Siblings(siblings) => siblings.is_for(terms),
            Self::Keys(keys) => {
                let known = terms.spike.as_ref().and_then(|spike| spike.known.as_ref());
                known.is_some_and(|known| keys.is_for(known))
            }
            Self::Profiles(profiles) => {
                terms.rare.as_ref().is_some_and(|rare| profiles.is_for(rare))
            }
        }
    }

    /// Adds entities. What is costly is done by the threads of the pool in which it is called.
    pub fn add(&mut self, groups: &[Groups]) {
        match self {
            Self::Peers(peers) => peers.add(groups),
            Self::Siblings(siblings) => siblings.add(groups),
            Self::Keys(keys) => keys.add(groups),
            Self::Profiles(profiles) => profiles.add(groups),
        }
    }
}
