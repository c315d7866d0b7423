//! A seeded simulation of an organisation for sixty days, with attacks whose strength is known.
//!
//! In: a [`Config`]. Out: what happens, as a [`Plan`]; then log objects in AWS's layout and record
//! shape, a database of the networks, and the ground truth. Everything is a function of the seed: who
//! there is, what they do, and who is attacked how. Nothing here knows what a detector looks for.
//!
//! `cast` makes the organisation (`org`) with its machines, people and deployments, `traffic` and
//! `desks` what they do all day. `baseline` counts that; `attacks` chooses victims and strengths by it,
//! and `scripts` plays the attacks. `records` writes it all, with the records of `generate`.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    reason = "a bench and a test each include this module and use a part of it"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "positions and numbers come from the simulation itself, not from input"
)]

mod attacks;
mod baseline;
mod calendar;
mod cast;
mod client;
mod deployments;
mod desks;
mod event;
mod intruders;
mod machines;
mod mmdb;
mod network;
mod org;
mod people;
mod records;
mod sample;
mod scripts;
mod traffic;

#[path = "../generate/mod.rs"]
pub(crate) mod generate;

use std::fs;
use std::io;
use std::path::Path;

pub use attacks::{Attack, Strength, names};
pub use baseline::p99;
pub use calendar::{DAY, DAYS, START, day_of};
pub use event::{Class, Event};
pub use org::Org;

/// The name of the database of networks.
pub const DATABASE: &str = "organisation.mmdb";

/// What to simulate.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Another seed gives another organisation, and other traffic and attacks.
    pub seed: u64,
    /// Principals with traffic of their own; at least 150, so that there are victims enough.
    pub principals: usize,
    /// About how many benign calls.
    pub events: usize,
}

impl Config {
    /// The organisation that detectors are scored with.
    pub fn of_seed(seed: u64) -> Self {
        Self { seed, principals: 400, events: 450_000 }
    }
}

/// What happens in the sixty days.
pub struct Plan {
    pub config: Config,
    pub org: Org,
    /// In the order of time.
    pub benign: Vec<Event>,
    /// In the order of kinds and strengths.
    pub attacks: Vec<Attack>,
}

/// Decides what happens.
pub fn plan(config: Config) -> Plan {
    let org = cast::cast(&config);
    // How much all together do is known only when they have done it.
    let drawn = traffic::plan(&org, config.seed, 1.0).len();
    let factor = config.events as f64 / drawn.max(1) as f64;
    let mut benign = traffic::plan(&org, config.seed, factor);
    benign.sort_by_key(|event| event.time);
    let attacks = attacks::plan(&org, &benign, config.seed);
    Plan { config, org, benign, attacks }
}

/// Writes the logs and the database of networks below a folder and returns how many records there
/// are; calls across accounts are two.
///
/// # Errors
///
/// When a folder or file cannot be written.
pub fn write(plan: &Plan, logs: &Path, database: &Path) -> io::Result<u64> {
    let mut events = plan.benign.clone();
    events.extend(plan.attacks.iter().flat_map(|attack| &attack.events));
    events.sort_by_key(|event| event.time);
    fs::create_dir_all(logs)?;
    fs::write(database, mmdb::database())?;
    records::write(&plan.org, &events, plan.config.seed, logs)
}
