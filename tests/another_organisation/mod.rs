//! A simulated dump of another organisation than the one that the detectors were made with: a
//! hospital's research group and a web shop of the same owner, two accounts, 45 days of S3.
//!
//! In go a seed and a folder, out come log files as CloudTrail delivers them, and the truth about
//! the attacks in them. Nothing here knows what the product finds, and nothing may be changed for
//! the sake of that: the organisation is a blind test.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the parts of a test may fail as loudly as the test itself; sizes and counts are small"
)]

mod agents;
mod attacks;
mod calls;
mod changes;
mod clinic;
mod clock;
mod deploys;
mod dice;
mod genomics;
mod identities;
mod journal;
mod lake;
mod networks;
mod people;
mod records;
mod services;
mod shop;
mod work;
mod world;
mod writer;

use std::collections::BTreeSet;
use std::path::Path;

use journal::Journal;

/// What is true about an attack.
#[derive(Debug)]
pub struct Attack {
    pub kind: &'static str,
    /// The ARN as the logs have it; empty for anonymous callers.
    pub principal: String,
    pub buckets: BTreeSet<&'static str>,
    /// Seconds since 1970.
    pub first: i64,
    pub last: i64,
    pub event_ids: BTreeSet<String>,
}

/// What was written.
pub struct Dump {
    /// Different records of S3 that no attack made.
    pub benign: usize,
    pub attacks: Vec<Attack>,
}

/// Writes the dump below `root`: the same for the same seed.
pub fn write(seed: u64, root: &Path) -> Dump {
    let mut journal = Journal::new(seed);
    genomics::log(&mut journal);
    clinic::log(&mut journal);
    shop::log(&mut journal);
    lake::log(&mut journal);
    deploys::log(&mut journal);
    services::log(&mut journal);
    changes::log(&mut journal);
    work::log(&mut journal);
    let planted = attacks::plant(&mut journal);
    let attacks: Vec<_> = planted.iter().map(|attack| truth(&journal, attack)).collect();
    let records = writer::write(&journal, root);
    let hostile: usize = attacks.iter().map(|attack| attack.event_ids.len()).sum();
    Dump { benign: records - hostile, attacks }
}

fn truth(journal: &Journal, planted: &attacks::Planted) -> Attack {
    let events = &journal.events[planted.events.clone()];
    let ids = planted.events.clone().zip(events).flat_map(|(number, event)| {
        let copies = records::copies(event).into_iter();
        copies.map(move |copy| records::event_id(journal.seed, number, copy.recipient))
    });
    Attack {
        kind: planted.kind,
        principal: planted.principal.clone(),
        buckets: events.iter().filter_map(|event| Some(event.call.bucket?.name)).collect(),
        first: events.iter().map(|event| event.time).min().unwrap(),
        last: events.iter().map(|event| event.time).max().unwrap(),
        event_ids: ids.collect(),
    }
}
