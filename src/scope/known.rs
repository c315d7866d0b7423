//! Is it known? What can be said of a bucket: how many objects were read, that none was, or that the
//! logs cannot tell.

use serde::Serialize;

use super::activity::Activities;
use super::coverage::Coverage;
use super::objects::{Sum, Sums};
use crate::findings::timestamp_text;

/// What is known of the reads of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Objects were read.
    Read,
    /// None was, and reads were logged all the time.
    NoneRead,
    /// None that was logged; reads were not logged all the time.
    Unknowable,
}

/// A stretch of time, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// Its beginning.
    pub from: String,
    /// Its end.
    pub to: String,
}

impl Stretch {
    fn of((from, to): (i64, i64)) -> Self {
        Self { from: timestamp_text(from), to: timestamp_text(to) }
    }
}

/// A bucket that the actors have to do with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Its name.
    pub bucket: String,
    /// The account that owns it, where a log says so.
    pub owner: Option<String>,
    /// What is known.
    pub verdict: Verdict,
    /// The same in words.
    pub says: String,
    /// Objects read, each once.
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
    /// When reads of it were not logged, while the actors were active.
    pub unknowable: Vec<Stretch>,
}

/// An account in whose trail the actors were met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Its number.
    pub account: String,
    /// Its first and last event.
    pub logged: Stretch,
    /// When no read of an object in any bucket of it was logged, while the actors were active.
    pub reads_not_logged: Vec<Stretch>,
}

/// What is known of each bucket that the actors have to do with.
#[must_use]
pub(crate) fn buckets(activities: &Activities, sums: &Sums, coverage: &Coverage) -> Vec<Bucket> {
    let Some((first, last)) = activities.span else { return Vec::new() };
    let mut names: Vec<&String> = activities.buckets.keys().chain(sums.buckets.keys()).collect();
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    names.dedup();
    let none = super::coverage::Hours::default();
    let judged = |name: &&String| {
        let gaps = coverage.buckets.get(*name).unwrap_or(&none).gaps(first, last);
        let owner = activities.buckets.get(*name).and_then(|place| place.owner.clone());
        bucket(name, owner, sums.buckets.get(*name).copied().unwrap_or_default(), &gaps)
    };
    names.iter().map(judged).collect()
}

fn bucket(name: &str, owner: Option<String>, sum: Sum, gaps: &[(i64, i64)]) -> Bucket {
    let unknowable: Vec<Stretch> = gaps.iter().copied().map(Stretch::of).collect();
    let verdict = match (sum.objects_read, gaps.is_empty()) {
        (1.., _) => Verdict::Read,
        (0, true) => Verdict::NoneRead,
        (0, false) => Verdict::Unknowable,
    };
    let stretches = words(&unknowable);
    let says = match (verdict, unknowable.is_empty()) {
        (Verdict::Read, true) => count(sum.objects_read, "object") + " read",
        (Verdict::Read, false) => {
            let read = count(sum.objects_read, "object");
            format!("{read} read; what else was read is unknowable {stretches}")
        }
        (Verdict::NoneRead, _) => "none read, logging proven".to_owned(),
        (Verdict::Unknowable, _) => format!("unknowable {stretches}: no read was logged"),
    };
    Bucket {
        bucket: name.to_owned(),
        owner,
        verdict,
        says,
        objects_read: sum.objects_read,
        keys_read: sum.keys_read,
        objects_denied: sum.objects_denied,
        objects_deleted: sum.objects_deleted,
        bytes_out: sum.bytes_out,
        bytes_unknown: sum.bytes_unknown,
        unknowable,
    }
}

/// What was logged in the accounts in which the actors were met.
#[must_use]
pub(crate) fn accounts(activities: &Activities, coverage: &Coverage) -> Vec<Account> {
    let Some((first, last)) = activities.span else { return Vec::new() };
    let met = activities.actors.values().flat_map(|activity| &activity.accounts);
    let mut met: Vec<&String> = met.collect();
    met.sort_unstable();
    met.dedup();
    let known = met.into_iter().filter_map(|name| Some((name, coverage.trails.get(name)?)));
    let judged = known.map(|(name, trail)| Account {
        account: name.clone(),
        logged: Stretch::of(trail.span),
        reads_not_logged: trail.reads.gaps(first, last).into_iter().map(Stretch::of).collect(),
    });
    judged.collect()
}

/// `from … to …, from … to …`, at most three.
pub(crate) fn words(stretches: &[Stretch]) -> String {
    let shown = stretches.iter().take(3).map(|Stretch { from, to }| format!("from {from} to {to}"));
    let mut shown: Vec<String> = shown.collect();
    if let Some(more) = stretches.len().checked_sub(3).filter(|more| *more > 0) {
        shown.push(format!("and {} more", count(more as u64, "stretch")));
    }
    shown.join(", ")
}

/// `1 object`, `2 objects`.
pub(crate) fn count(number: u64, what: &str) -> String {
    let plural = match (number, what.ends_with("ch"), what.ends_with('y')) {
        (1, ..) => what.to_owned(),
        (_, true, _) => format!("{what}es"),
        (_, _, true) if !what.ends_with("ey") => {
            format!("{}ies", what.strip_suffix('y').unwrap_or(what))
        }
        _ => format!("{what}s"),
    };
    format!("{number} {plural}")
}
