//! What a CloudTrail analyzer does: *select* some events, *group* them by who, what and when, and
//! *judge* the groups.
//!
//! In come event batches and detector files; out go [`judge::Signal`]s. This room sees neither
//! JSON nor files.

pub mod group;
pub mod judge;
#[cfg(test)]
pub(crate) mod laws;
pub mod rules;
pub mod select;
