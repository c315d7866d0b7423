//! The list of objects: a row per actor, bucket, key and version, of all touches, with what an
//! inventory says of each; and the sums per bucket and actor.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use super::inventory::Listed;
use super::object::{Extent, ObjectUse};
use super::sorted::{Merged, Runs};
use super::touch::{DeleteKind, Restorable, Touch};
use crate::error::Result;

/// What an actor did to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    /// Whom it is counted for.
    pub actor: String,
    /// The bucket; empty if the log does not name it.
    pub bucket: String,
    /// The key; empty if the log does not name it.
    pub key: String,
    /// The version, if one was asked for.
    pub version: Option<String>,
    /// What was done.
    pub used: ObjectUse,
    /// Its size, and what says so.
    pub size: Option<(u64, &'static str)>,
    /// How much of it was read, if it was.
    pub extent: Option<Extent>,
    /// When and how it was taken away, and whether it can be had again.
    pub loss: Option<(i64, DeleteKind, Restorable)>,
}

/// What was done in a bucket, or by an actor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Objects read, each once: keys, or versions of them where versions were asked for.
    pub objects_read: u64,
    /// Keys read, each once.
    pub keys_read: u64,
    /// Objects of which reads were refused, and none was done.
    pub objects_denied: u64,
    /// Objects taken away.
    pub objects_deleted: u64,
    /// Bytes sent, where logged.
    pub bytes_out: u64,
    /// Reads of which the bytes are not known.
    pub bytes_unknown: u64,
}

/// The sums of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    /// Of all.
    pub total: Sum,
    /// By bucket.
    pub buckets: BTreeMap<String, Sum>,
    /// By actor.
    pub actors: BTreeMap<String, Sum>,
    /// Objects read whose size nothing tells.
    pub sizes_unknown: u64,
    /// Reads that were done of objects that the log does not name.
    pub unnamed: u64,
}

/// Makes the rows of the list, in the order of bucket, key, version and actor.
///
/// # Errors
/// Those of reading what was spilled, and of `each`.
pub fn list_objects(
    touches: &Runs<Touch>,
    inventory: &Runs<Listed>,
    mut each: impl FnMut(ObjectRow) -> Result<()>,
) -> Result<Sums> {
    let mut sums = Sums::default();
    let mut listed = inventory.read()?.peekable();
    let mut rows: Vec<ObjectRow> = Vec::new();
    for touch in touches.read()? {
        let touch = touch?;
        let is_same_key = |row: &ObjectRow| row.bucket == touch.bucket && row.key == touch.key;
        if rows.first().is_some_and(|row| !is_same_key(row)) {
            finish(&mut rows, &mut listed, &mut sums, &mut each)?;
        }
        let used = ObjectUse::of(&touch);
        let same = |row: &&mut ObjectRow| row.version == touch.version && row.actor == touch.actor;
        match rows.last_mut().filter(same) {
            Some(row) => row.used = std::mem::take(&mut row.used).join(used),
            None => rows.push(ObjectRow {
                actor: touch.actor,
                bucket: touch.bucket,
                key: touch.key,
                version: touch.version,
                used,
                size: None,
                extent: None,
                loss: None,
            }),
        }
    }
    finish(&mut rows, &mut listed, &mut sums, &mut each)?;
    Ok(sums)
}

/// Completes the rows of one key and hands them on.
fn finish(
    rows: &mut Vec<ObjectRow>,
    listed: &mut Peekable<Merged<'_, Listed>>,
    sums: &mut Sums,
    each: &mut impl FnMut(ObjectRow) -> Result<()>,
) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let known = known(listed, &first.bucket, &first.key)?;
    let there = rows.iter().filter_map(|row| row.used.there()).min();
    let is_older = |listed: &&Listed| listed.size.is_some();
    let listed_since = known.iter().filter(is_older).filter_map(|listed| listed.modified).min();
    let there = there.into_iter().chain(listed_since).min();
    for row in rows.iter_mut() {
        let of = |listed: &&Listed| match &row.version {
            Some(version) => listed.version.as_ref() == Some(version),
            None => listed.is_latest,
        };
        let size = known.iter().find(of).and_then(|listed| listed.size);
        row.extent = row.used.extent(size);
        row.size = size.map(|size| (size, "inventory")).or_else(|| row.used.logged_size());
        row.loss = row.used.loss(there);
    }
    // What a marker hides is there only as long as its versions are.
    let is_purged =
        |row: &ObjectRow| row.loss.is_some_and(|(_, kind, _)| kind == DeleteKind::Permanent);
    if rows.iter().any(is_purged) {
        for row in rows.iter_mut() {
            if let Some((_, _, restorable @ Restorable::Yes)) = &mut row.loss {
                *restorable = Restorable::Unknown;
            }
        }
    }
    sums.add(rows);
    rows.drain(..).try_for_each(each)
}

/// What the inventory says of a key: a row per version.
fn known(
    listed: &mut Peekable<Merged<'_, Listed>>,
    bucket: &str,
    key: &str,
) -> Result<Vec<Listed>> {
    let place = |listed: &Listed| (listed.bucket.clone(), listed.key.clone());
    let wanted = (bucket.to_owned(), key.to_owned());
    let mut known = Vec::new();
    while let Some(next) =
        listed.next_if(|next| next.as_ref().map_or(true, |next| place(next) <= wanted))
    {
        let next = next?;
        if place(&next) == wanted {
            known.push(next);
        }
    }
    Ok(known)
}

impl Sums {
    /// Adds the rows of one key.
    fn add(&mut self, rows: &[ObjectRow]) {
        let Some(first) = rows.first() else { return };
        let all = Sum::of(&rows.iter());
        self.total.add(all);
        if first.key.is_empty() || first.bucket.is_empty() {
            let reads = rows.iter().map(|row| row.used.reads_ok).sum::<u64>();
            self.unnamed = self.unnamed.saturating_add(reads);
        }
        self.buckets.entry(first.bucket.clone()).or_default().add(all);
        let actors: BTreeSet<&str> = rows.iter().map(|row| row.actor.as_str()).collect();
        for actor in actors {
            let own = Sum::of(&rows.iter().filter(|row| row.actor == actor));
            self.actors.entry(actor.to_owned()).or_default().add(own);
        }
        let versions = rows.iter().filter(|row| row.used.reads_ok > 0 && row.size.is_none());
        let versions: BTreeSet<_> = versions.map(|row| &row.version).collect();
        self.sizes_unknown += versions.len() as u64;
    }
}

impl Sum {
    /// Of rows of one key.
    fn of<'r>(rows: &(impl Iterator<Item = &'r ObjectRow> + Clone)) -> Self {
        let versions = |of: fn(&ObjectRow) -> bool| -> BTreeSet<&Option<String>> {
            rows.clone().filter(|row| of(row)).map(|row| &row.version).collect()
        };
        let read = versions(|row| row.used.reads_ok > 0);
        let denied = versions(|row| row.used.reads_denied > 0);
        let sum = |of: fn(&ObjectUse) -> u64| {
            rows.clone().fold(0_u64, |sum, row| sum.saturating_add(of(&row.used)))
        };
        Self {
            objects_read: read.len() as u64,
            keys_read: u64::from(!read.is_empty()),
            objects_denied: denied.difference(&read).count() as u64,
            objects_deleted: versions(|row| row.loss.is_some()).len() as u64,
            bytes_out: sum(|used| used.bytes_out),
            bytes_unknown: sum(|used| used.bytes_unknown),
        }
    }

    fn add(&mut self, other: Self) {
        self.objects_read += other.objects_read;
        self.keys_read += other.keys_read;
        self.objects_denied += other.objects_denied;
        self.objects_deleted += other.objects_deleted;
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.bytes_unknown = self.bytes_unknown.saturating_add(other.bytes_unknown);
    }
}
