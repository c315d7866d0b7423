//! The second look at the logs: every event that belongs to the scope, and how often keys were used
//! that are near it but not followed.

use std::collections::BTreeMap;
use std::path::Path;

use super::credentials::{Relation, Use};
use super::event::{Columns, Detail, Event, Rows};
use super::seeds::Caller;
use super::sorted::Sorted;
use super::wanted::Wanted;
use crate::error::Result;
use crate::events::{Core, EventBatch};

/// Keys that are not followed although a followed one acts for the same principal.
pub type Related = BTreeMap<String, (Relation, Use)>;

/// What a key that is not followed did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near {
    /// Its events.
    pub events: u64,
    /// Those of them that read objects.
    pub reads: u64,
    /// The first and the last of them, µs.
    pub span: (i64, i64),
}

/// One worker's look.
#[derive(Debug)]
pub struct Collect<'s> {
    columns: &'s Columns,
    wanted: &'s Wanted,
    related: &'s Related,
    found: Collected,
}

/// What was found.
#[derive(Debug)]
pub struct Collected {
    /// Events of the scope, by request.
    pub events: Sorted<Event>,
    /// Keys that are not followed.
    pub near: BTreeMap<String, Near>,
}

impl Collected {
    /// Nothing yet: beyond `budget` bytes events go to temporary files in `folder`.
    #[must_use]
    pub fn new(folder: &Path, budget: usize) -> Self {
        Self { events: Sorted::new(folder, budget), near: BTreeMap::new() }
    }

    /// Takes over what another worker has found.
    ///
    /// # Errors
    /// Those of writing to disk.
    pub fn add(&mut self, other: Self) -> Result<()> {
        self.events.add(other.events)?;
        for (key, near) in other.near {
            self.near.entry(key).and_modify(|own| own.join(near)).or_insert(near);
        }
        Ok(())
    }
}

impl Near {
    fn join(&mut self, other: Self) {
        self.events += other.events;
        self.reads += other.reads;
        self.span = (self.span.0.min(other.span.0), self.span.1.max(other.span.1));
    }
}

impl<'s> Collect<'s> {
    /// Has found nothing yet.
    #[must_use]
    pub fn new(
        columns: &'s Columns,
        wanted: &'s Wanted,
        related: &'s Related,
        folder: &Path,
        budget: usize,
    ) -> Self {
        Self { columns, wanted, related, found: Collected::new(folder, budget) }
    }

    /// Looks at a batch.
    ///
    /// # Errors
    /// Those of writing to disk.
    pub fn take(&mut self, batch: &EventBatch) -> Result<()> {
        let rows = Rows::new(self.columns, batch);
        for row in 0..batch.len() {
            let caller = Caller::of_row(&rows, row);
            let is_wanted = self.wanted.reason(&caller).is_some();
            if is_wanted || self.tells_apart(&rows, row, &caller) {
                let event = rows.event(row);
                let bytes = event.bytes();
                self.found.events.push(event, bytes)?;
            }
            if let Some(key) = caller.access_key.filter(|_| !is_wanted)
                && self.related.contains_key(key)
                && !batch.is_copy(row)
            {
                let reads = u64::from(caller.name == "GetObject");
                let near = Near { events: 1, reads, span: (caller.time, caller.time) };
                let known = self.found.near.entry(key.to_owned());
                known.and_modify(|own| own.join(near)).or_insert(near);
            }
        }
        Ok(())
    }

    /// Whether a copy of the event without a key would be taken for a followed session's, and this
    /// one, with another key, tells that it is not.
    fn tells_apart(&self, rows: &Rows<'_>, row: usize, caller: &Caller<'_>) -> bool {
        let id = rows.detail(Detail::PrincipalId, row);
        caller.access_key.is_some()
            && self.wanted.followed.key_of_session(id, caller.time).is_some()
            && rows.text(Core::SharedEventId, row).is_some()
    }

    /// What was found.
    #[must_use]
    pub fn finish(self) -> Collected {
        self.found
    }
}
