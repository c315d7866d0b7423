//! Nothing is lost in silence: every object and every record is counted under exactly one heading.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::seen::{Copies, Verdict};
use crate::decode::{Decoded, Outcome, Rejected};
use crate::source::{Listing, LogObject, NotRead};

/// Rejected records that are listed of a run.
const MAX_REJECTED: usize = 100_000;

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectOutcome {
    /// Read to its end.
    Read,
    /// Read, but some of it was lost.
    Partial,
    /// No log; left alone.
    Skipped,
    /// Should be a log, but could not be read.
    Failed,
}

impl ObjectOutcome {
    /// `read`, `partial`, `skipped` or `failed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Partial => "partial",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }

    /// The outcome of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Partial, Self::Skipped, Self::Failed]
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }
}

/// One line of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRecord {
    /// The object.
    pub uri: Arc<str>,
    /// Stored bytes.
    pub bytes: u64,
    /// What became of it.
    pub outcome: ObjectOutcome,
    /// Why, unless it was read.
    pub reason: Option<String>,
    /// Records seen in it.
    pub records: u64,
    /// Records that became events.
    pub analysed: u64,
    /// Records outside `--since`/`--until`.
    pub filtered: u64,
    /// Records that an earlier run has counted, or copies of events in other places.
    pub duplicates: u64,
    /// Those of `analysed` that came too late to be judged.
    pub too_late: u64,
    /// Records given up.
    pub rejected: u64,
    /// What identifies the content of a bucket's key.
    pub etag: Option<Box<str>>,
    /// The version of a bucket's key, in a bucket with versions.
    pub version_id: Option<Box<str>>,
    /// SHA-256 of the stored bytes, hexadecimal, with `--hash`.
    pub sha256: Option<String>,
}

/// What became of an object's records, as the events room counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Became events.
    pub analysed: u64,
    /// Were outside of what was asked for.
    pub filtered: u64,
    /// Were counted by an earlier run, or in another place.
    pub duplicates: u64,
    /// Those of `analysed` that came too late to be judged.
    pub too_late: u64,
}

impl Counts {
    /// Counts an event that was asked for.
    pub(super) fn count(&mut self, verdict: Verdict, late: bool) {
        match verdict {
            // What counts from now on counted in another object until now.
            Verdict::New | Verdict::Conflict | Verdict::Duplicate { first: true } => {
                self.analysed += 1;
                self.too_late += u64::from(late);
            }
            Verdict::Earlier | Verdict::Duplicate { first: false } => self.duplicates += 1,
        }
    }
}

/// A record, or bytes that hold no whole record, given up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RejectedRecord {
    /// The object.
    pub object_uri: Arc<str>,
    /// Position in the object, counted from 0.
    pub record_number: u64,
    /// Where it starts in the inflated bytes.
    pub byte_offset: u64,
    /// Why.
    pub reason: String,
    /// The first bytes, escaped.
    pub excerpt: String,
}

impl RejectedRecord {
    /// The rejected piece of `object`.
    #[must_use]
    pub fn new(object: &Arc<str>, rejected: Rejected) -> Self {
        Self {
            object_uri: object.clone(),
            record_number: rejected.record,
            byte_offset: rejected.offset,
            reason: rejected.reason.to_string(),
            excerpt: rejected.excerpt,
        }
    }
}

/// The rejected records that are listed: those whose places come first, in whatever order they are
/// met.
#[derive(Debug, Default)]
pub(super) struct FirstRejected(BTreeSet<RejectedRecord>);

impl FirstRejected {
    /// Adds rejected records.
    pub(super) fn add(&mut self, records: impl Iterator<Item = RejectedRecord>) {
        for record in records {
            self.0.insert(record);
            if self.0.len() > MAX_REJECTED {
                self.0.pop_last();
            }
        }
    }

    /// The records in the order of their places.
    pub(super) fn into_vec(self) -> Vec<RejectedRecord> {
        self.0.into_iter().collect()
    }
}

impl ObjectRecord {
    /// An object that was looked into; `counts` are what the events room took.
    #[must_use]
    pub fn decoded(uri: &Arc<str>, bytes: u64, decoded: &Decoded, counts: Counts) -> Self {
        let (outcome, reason) = match &decoded.outcome {
            Outcome::Read => (ObjectOutcome::Read, None),
            Outcome::Partial(damage) => (ObjectOutcome::Partial, Some(damage.to_string())),
            Outcome::Skipped(reason) => (ObjectOutcome::Skipped, Some(reason.to_string())),
            Outcome::Failed(reason) => (ObjectOutcome::Failed, Some(reason.to_string())),
        };
        Self {
            records: decoded.records,
            analysed: counts.analysed,
            filtered: counts.filtered,
            duplicates: counts.duplicates,
            too_late: counts.too_late,
            rejected: decoded.rejected.len() as u64 + decoded.unlisted,
            ..Self::unread(uri, bytes, outcome, reason)
        }
    }

    /// An object of which no record was seen.
    #[must_use]
    pub fn unread(
        uri: &Arc<str>,
        bytes: u64,
        outcome: ObjectOutcome,
        reason: Option<String>,
    ) -> Self {
        let uri = uri.clone();
        Self {
            uri,
            bytes,
            outcome,
            reason,
            records: 0,
            analysed: 0,
            filtered: 0,
            duplicates: 0,
            too_late: 0,
            rejected: 0,
            etag: None,
            version_id: None,
            sha256: None,
        }
    }

    /// Whether reading it again would bring nothing new.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.outcome == ObjectOutcome::Read && self.filtered == 0
    }

    fn not_read(entry: &NotRead) -> Self {
        let outcome = if entry.failed { ObjectOutcome::Failed } else { ObjectOutcome::Skipped };
        Self::unread(&entry.uri, 0, outcome, Some(entry.reason.clone()))
    }
}

/// `listed = read + skipped + failed`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objects {
    /// Everything at the inputs.
    pub listed: u64,
    /// Read, whole or partial.
    pub read: u64,
    /// Left alone.
    pub skipped: u64,
    /// Should be logs, but could not be read.
    pub failed: u64,
    /// Those of `read` of which some was lost.
    pub partial: u64,
}

/// `seen = analysed + duplicates + filtered + rejected`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// Met in the objects read.
    pub seen: u64,
    /// Became events.
    pub analysed: u64,
    /// Copies of events already counted.
    pub duplicates: u64,
    /// Outside of what was asked for.
    pub filtered: u64,
    /// Given up.
    pub rejected: u64,
    /// Those of `analysed` that came too late to be judged.
    pub too_late: u64,
    /// Those of `analysed` that are reads of the logs by the scan's own role.
    pub own_reads: u64,
    /// Those of `analysed` with an id seen before but other content.
    pub conflict: u64,
}

/// The accounting of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// How many objects the inputs listed, members of archives included.
    pub listed: u64,
    /// The manifest, sorted by URI.
    pub manifest: Vec<ObjectRecord>,
    /// Sorted by place; the first 100,000.
    pub rejected: Vec<RejectedRecord>,
    /// Events with an id met before, but other content: how many, and the first by account and id.
    pub conflicts: Conflicts,
    /// Events that are reads of the logs by the scan's own role: they are not judged.
    pub own_reads: u64,
    /// Fields of unexpected type, whose columns are null.
    pub odd: BTreeMap<String, u64>,
}

/// Events that share an id, but not their content: all of them are analysed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflicts {
    /// How many beyond the first of each id.
    pub count: u64,
    /// Recipient account and `eventID`, at most 1,000.
    pub events: BTreeSet<(String, String)>,
}

impl Account {
    /// The account of a listing of which nothing is read yet.
    #[must_use]
    pub fn of(listing: &Listing) -> Self {
        let manifest: Vec<_> = listing.not_read.iter().map(ObjectRecord::not_read).collect();
        let listed = (listing.objects.len() + manifest.len()) as u64;
        Self { listed, manifest, ..Self::default() }
    }

    /// Adds what a worker, or another run, accounts for.
    pub fn add(&mut self, manifest: Vec<ObjectRecord>, rejected: Vec<RejectedRecord>) {
        append(&mut self.manifest, manifest);
        append(&mut self.rejected, rejected);
    }

    /// Counts copies of events where the first of them by name of object stands.
    pub(super) fn settle(&mut self, copies: Copies) {
        for object in &mut self.manifest {
            if let Some((moved, late)) = copies.moved.get(&object.uri) {
                object.analysed = object.analysed.saturating_sub(*moved);
                object.duplicates += moved;
                object.too_late = object.too_late.saturating_sub(*late);
            }
        }
        self.conflicts = Conflicts { count: copies.conflicts, events: copies.listed };
    }

    /// Adds the conflicts, own reads and odd fields of another run.
    pub(super) fn add_oddities(
        &mut self,
        conflicts: Conflicts,
        own_reads: u64,
        odd: BTreeMap<String, u64>,
    ) {
        self.own_reads += own_reads;
        self.conflicts.count += conflicts.count;
        self.conflicts.events.extend(conflicts.events);
        for (name, count) in odd {
            *self.odd.entry(name).or_default() += count;
        }
    }

    /// Accounts for another listing of which nothing is read yet.
    pub(super) fn list(&mut self, listing: &Listing) {
        let more = Self::of(listing);
        self.listed += more.listed;
        append(&mut self.manifest, more.manifest);
    }

    /// Accounts for listed objects that nobody has read.
    pub(super) fn skip_unread(&mut self, unread: &[LogObject], reason: &str) {
        let skipped = |object: &LogObject| {
            let (outcome, reason) = (ObjectOutcome::Skipped, Some(reason.to_owned()));
            ObjectRecord::unread(&object.uri, object.bytes, outcome, reason)
        };
        self.manifest.extend(unread.iter().map(skipped));
    }

    /// Puts everything in its order.
    pub fn sort(&mut self) {
        self.manifest.sort_unstable_by(|a, b| (&a.uri, a.bytes).cmp(&(&b.uri, b.bytes)));
        self.rejected.sort_unstable();
        self.rejected.truncate(MAX_REJECTED);
    }

    /// The objects of the sorted manifest that need not be read again. An archive must be if one of
    /// its members must.
    pub(super) fn finished(&self) -> impl Iterator<Item = &ObjectRecord> {
        let members = |object: &ObjectRecord| {
            let prefix = format!("{}!/", object.uri);
            let from = self.manifest.partition_point(|other| *other.uri < *prefix);
            let rest = self.manifest.get(from..).unwrap_or_default();
            rest.iter().take_while(move |other| other.uri.starts_with(&prefix))
        };
        let is_done = |object: &ObjectRecord| {
            object.is_finished() || object.outcome == ObjectOutcome::Skipped
        };
        let finished = self.manifest.iter().filter(|object| object.is_finished());
        finished.filter(move |object| object.reason.is_none() || members(object).all(is_done))
    }

    /// An object that stands in the sorted manifest twice.
    #[must_use]
    pub fn listed_twice(&self) -> Option<&str> {
        let same = self.manifest.windows(2).find_map(|pair| match pair {
            [a, b] if a.uri == b.uri => Some(&a.uri),
            _ => None,
        });
        same.map(AsRef::as_ref)
    }

    /// The equation of objects.
    #[must_use]
    pub fn objects(&self) -> Objects {
        let count = |wanted: &[ObjectOutcome]| {
            self.manifest.iter().filter(|object| wanted.contains(&object.outcome)).count() as u64
        };
        Objects {
            listed: self.listed,
            read: count(&[ObjectOutcome::Read, ObjectOutcome::Partial]),
            skipped: count(&[ObjectOutcome::Skipped]),
            failed: count(&[ObjectOutcome::Failed]),
            partial: count(&[ObjectOutcome::Partial]),
        }
    }

    /// The equation of records.
    #[must_use]
    pub fn records(&self) -> Records {
        let sum = |of: fn(&ObjectRecord) -> u64| self.manifest.iter().map(of).sum();
        Records {
            seen: sum(|object| object.records),
            analysed: sum(|object| object.analysed),
            duplicates: sum(|object| object.duplicates),
            filtered: sum(|object| object.filtered),
            too_late: sum(|object| object.too_late),
            own_reads: self.own_reads,
            rejected: sum(|object| object.rejected),
            conflict: self.conflicts.count,
        }
    }

    /// Whether both equations hold. They are counted in different rooms; if they differ, something
    /// was lost.
    #[must_use]
    pub fn balances(&self) -> bool {
        let (objects, records) = (self.objects(), self.records());
        let taken = records.analysed + records.duplicates + records.filtered + records.rejected;
        objects.listed == objects.read + objects.skipped + objects.failed && records.seen == taken
    }

    /// How many data could not be read: failed and partial objects, and rejected records.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        let objects = self.objects();
        objects.failed + objects.partial + self.records().rejected
    }

    /// Skipped objects by reason.
    #[must_use]
    pub fn skipped_by_reason(&self) -> BTreeMap<&str, u64> {
        let mut reasons = BTreeMap::new();
        for object in self.manifest.iter().filter(|o| o.outcome == ObjectOutcome::Skipped) {
            *reasons.entry(object.reason.as_deref().unwrap_or_default()).or_default() += 1;
        }
        reasons
    }
}

/// Appends without a copy of what is there, where nothing is.
pub(super) fn append<T>(to: &mut Vec<T>, more: Vec<T>) {
    if to.is_empty() {
        *to = more;
    } else {
        to.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rejected_records_that_are_listed_are_the_first_whatever_the_order() {
        let record = |number: usize| RejectedRecord {
            object_uri: "a.json".into(),
            record_number: number as u64,
            byte_offset: 0,
            reason: String::new(),
            excerpt: String::new(),
        };
        let count = MAX_REJECTED + 9;
        let mut listed = FirstRejected::default();
        listed.add((count / 2..count).map(record));
        listed.add((0..count / 2).rev().map(record));
        let numbers = listed.into_vec().into_iter().map(|record| record.record_number);
        assert!(numbers.eq(0..MAX_REJECTED as u64));
    }
}
