//! The first look at the logs: which credentials were issued to whom, which keys act for whom, what
//! was changed of access, and what was logged where.

use std::collections::HashSet;
use std::path::Path;

use super::coverage::Coverage;
use super::credentials::{Link, Use, issues};
use super::event::{Columns, Detail, Event, Rows};
use super::seeds::{Caller, Reason, Seeds};
use super::sorted::Sorted;
use crate::error::Result;
use crate::events::{Core, EventBatch};

/// Uses that a worker remembers to have told.
const TOLD: usize = 1 << 17;

/// Calls that take away, or give, access or objects for the time after them. They are rare, and kept.
/// (`PutObjectAcl` is not: there is one per object.)
const CHANGES: &[&str] = &[
    "UpdateAccessKey",
    "DeleteAccessKey",
    "DeleteUser",
    "DeleteRole",
    "DeleteLoginProfile",
    "PutUserPolicy",
    "PutRolePolicy",
    "AttachUserPolicy",
    "AttachRolePolicy",
    "DeleteUserPolicy",
    "DeleteRolePolicy",
    "DetachUserPolicy",
    "DetachRolePolicy",
    "PutBucketLifecycle",
    "PutBucketLifecycleConfiguration",
    "DeleteBucketLifecycle",
    "PutBucketReplication",
    "DeleteBucketReplication",
    "PutBucketPolicy",
    "DeleteBucketPolicy",
    "PutBucketAcl",
    "PutAccessPointPolicy",
    "DeleteAccessPointPolicy",
    "DeleteBucket",
];

/// One worker's look.
#[derive(Debug)]
pub struct Survey<'s> {
    columns: &'s Columns,
    seeds: &'s Seeds,
    told: HashSet<Use>,
    seen: Surveyed,
}

/// What was seen.
#[derive(Debug)]
pub struct Surveyed {
    /// Credentials issued.
    pub links: Sorted<Link>,
    /// Keys in use.
    pub uses: Sorted<Use>,
    /// Calls that change access.
    pub changes: Vec<Event>,
    /// What was logged where.
    pub coverage: Coverage,
}

impl Surveyed {
    /// Nothing yet: beyond `budget` bytes rows go to temporary files in `folder`.
    #[must_use]
    pub fn new(folder: &Path, budget: usize) -> Self {
        Self {
            links: Sorted::new(folder, budget / 2),
            uses: Sorted::new(folder, budget / 2),
            changes: Vec::new(),
            coverage: Coverage::default(),
        }
    }

    /// Takes over what another worker has seen.
    ///
    /// # Errors
    /// Those of writing to disk.
    pub fn add(&mut self, other: Self) -> Result<()> {
        self.links.add(other.links)?;
        self.uses.add(other.uses)?;
        self.changes.extend(other.changes);
        self.coverage.join(other.coverage);
        Ok(())
    }
}

impl<'s> Survey<'s> {
    /// Has seen nothing yet.
    #[must_use]
    pub fn new(columns: &'s Columns, seeds: &'s Seeds, folder: &Path, budget: usize) -> Self {
        Self { columns, seeds, told: HashSet::new(), seen: Surveyed::new(folder, budget) }
    }

    /// Looks at a batch.
    ///
    /// # Errors
    /// Those of writing to disk.
    pub fn take(&mut self, batch: &EventBatch) -> Result<()> {
        let rows = Rows::new(self.columns, batch);
        for row in 0..batch.len() {
            self.seen.coverage.add(&rows, row);
            self.key(&rows, row)?;
            let name = rows.text(Core::EventName, row).unwrap_or_default();
            let is_ok = rows.text(Core::ErrorCode, row).is_none();
            if is_ok && CHANGES.contains(&name) {
                self.seen.changes.push(rows.event(row));
            }
            if is_ok && (issues(name) || rows.detail(Detail::IssuedKey, row).is_some()) {
                let event = rows.event(row);
                // What is done to a bucket issues nothing, and says nothing of who follows.
                let reason = self.seeds.reason(&Caller::of(&event));
                let is_seed = reason.is_some_and(|reason| reason != Reason::Bucket);
                if let Some(link) = Link::of(&event, is_seed) {
                    let bytes = size_of::<Link>() + 400;
                    self.seen.links.push(link, bytes)?;
                }
            }
        }
        Ok(())
    }

    /// Tells once who a key acts for.
    fn key(&mut self, rows: &Rows<'_>, row: usize) -> Result<()> {
        let Some(key) = rows.text(Core::AccessKeyId, row) else { return Ok(()) };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let used = Use {
            key: key.to_owned(),
            principal_id: owned(rows.detail(Detail::PrincipalId, row)),
            created: owned(rows.detail(Detail::SessionCreated, row)),
            principal: owned(rows.text(Core::Principal, row)),
            account: owned(rows.text(Core::CallerAccount, row)),
        };
        if self.told.contains(&used) {
            return Ok(());
        }
        if self.told.len() >= TOLD {
            self.told.clear();
        }
        self.told.insert(used.clone());
        self.seen.uses.push(used, size_of::<Use>() + 250)
    }

    /// What was seen.
    #[must_use]
    pub fn finish(self) -> Surveyed {
        self.seen
    }
}
