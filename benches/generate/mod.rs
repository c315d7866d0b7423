//! A seeded generator of CloudTrail dumps of S3, benign traffic and attacks.
//!
//! In: a [`Config`]. Out: log objects on disk in AWS's layout and record shape, and
//! the ground truth about the attacks hidden in them. Everything is a function of
//! the configuration: no clock, no hash order, no influence of the number of
//! threads. It streams: memory holds one open object per account and region, one
//! day of scheduled jobs, and the attacks, however many events are asked for.
//!
//! Steady traffic (`traffic`) is drawn slot by slot from habits (`cast`); scheduled
//! jobs (`jobs`) and attacks (`attacks`, `scripts`) are planned (`plan`) and woven
//! in. `record` and `other` write records, `files` writes objects.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "tests, benches and the example each include this module and use a part of it"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "positions and numbers come from the generator itself, not from input"
)]

mod attacks;
mod cast;
mod churn;
pub(crate) mod files;
mod jobs;
pub(crate) mod keys;
mod other;
mod plan;
pub(crate) mod record;
mod scripts;
pub(crate) mod text;
pub(crate) mod traffic;
pub(crate) mod world;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use jiff::civil::Date;

pub use attacks::{Attack, names};

use cast::Cast;
use files::Files;
use plan::Planned;
use traffic::{Traffic, busyness};

const SLOT: i64 = 300;
const SLOTS_A_DAY: i64 = 288;

/// How many records an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Five thousand, as after compaction or in a busy account.
    Large,
    /// What six hours bring.
    Medium,
    /// A median of twenty, as CloudTrail delivers in most accounts.
    Small,
}

/// What to generate.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder that gets `AWSLogs/…`.
    pub out: PathBuf,
    /// Another seed gives another dump with the same cast.
    pub seed: u64,
    /// Benign records. The scheduled jobs are counted in; they alone make some
    /// 400 records a day, so a smaller number still gives these.
    pub events: u64,
    /// Length of the span, at least one day.
    pub days: u32,
    /// First day, in UTC.
    pub start: Date,
    /// Records per object.
    pub shape: Shape,
    /// Number of accounts, at least one.
    pub accounts: usize,
    /// Names of the attacks; see [`names`]. Unknown names are ignored.
    pub attacks: Vec<String>,
    /// Benign traffic with deployments, new staff and travellers in it, beyond `events`.
    pub churn: bool,
    /// Plain `.json` instead of `.json.gz`.
    pub plain: bool,
    /// Compression level, 0 to 9; the first is several times faster than the rest.
    pub level: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            out: PathBuf::from("generated"),
            seed: 1,
            events: 10_000,
            days: 14,
            start: Date::constant(2025, 6, 2),
            shape: Shape::Medium,
            accounts: 2,
            attacks: names().map(str::to_owned).collect(),
            churn: false,
            plain: false,
            level: 1,
        }
    }
}

impl Config {
    fn days(&self) -> i64 {
        i64::from(self.days.max(1))
    }

    fn start_second(&self) -> i64 {
        let epoch = Date::constant(1970, 1, 1);
        let days = epoch.duration_until(self.start).as_secs();
        days.max(0)
    }
}

/// Writes the dump and returns the attacks that are in it, in order of time.
///
/// Existing files under `config.out` are left alone.
///
/// # Errors
///
/// When a folder or file cannot be written.
pub fn generate(config: &Config) -> io::Result<Vec<Attack>> {
    let cast = Cast::new(config.accounts.max(1));
    let (mut planned, mut truth) = attacks::plan(&cast, config);
    planned.sort_by_key(|event| event.time);
    let mut planned = planned.into_iter().peekable();

    let (begin, days) = (config.start_second(), config.days());
    let quota = Quota::new(config, &cast);
    let mut files = Files::new(config, &cast.accounts);
    let mut traffic = Traffic::new(&cast);
    let mut rng = Rng::with_seed(config.seed);
    for day in 0..days {
        let midnight = begin + day * 86_400;
        let mut events = jobs::plan(&cast, config.seed, midnight, day, days).events;
        if config.churn {
            events.extend(churn::plan(&cast, config.seed, midnight, day));
        }
        while let Some(event) = planned.next_if(|event| event.time < midnight + 86_400) {
            events.push(event);
        }
        events.sort_by_key(|event| event.time);
        let mut events = events.into_iter().peekable();
        for slot in 0..SLOTS_A_DAY {
            let from = midnight + slot * SLOT;
            let drawn = quota.of_slot(day * SLOTS_A_DAY + slot);
            steady(&mut traffic, &mut files, from, drawn, &mut rng)?;
            while let Some(event) = events.next_if(|event| event.time < from + SLOT) {
                write_planned(&mut files, &event)?;
            }
            files.tick(from + SLOT)?;
        }
        // Jobs that run past midnight are written with the day that began them.
        events.try_for_each(|event| write_planned(&mut files, &event))?;
    }
    files.finish()?;
    truth.sort_by(|a, b| a.first_event_time.cmp(&b.first_event_time));
    Ok(truth)
}

/// Writes the ground truth as CSV.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write_truth(path: &Path, attacks: &[Attack]) -> io::Result<()> {
    let mut csv = String::from(
        "attack,family,account,region,principal,bucket,first_event_time,last_event_time,events,keys,expected\n",
    );
    for row in attacks {
        let (events, keys) = (row.events.to_string(), row.keys.to_string());
        let expected = format!("\"{}\"", row.expected.replace('"', "\"\""));
        let fields = [
            row.name,
            row.family,
            &row.account,
            &row.region,
            &row.principal,
            &row.bucket,
            &row.first_event_time,
            &row.last_event_time,
            &events,
            &keys,
            &expected,
        ];
        csv.push_str(&fields.join(","));
        csv.push('\n');
    }
    fs::write(path, csv)
}

/// How many steady events each slot gets.
struct Quota {
    events: u64,
    first_slot: u64,
    /// Busyness of all slots before each slot, and of all at the end.
    before: Vec<u64>,
}

impl Quota {
    fn new(config: &Config, cast: &Cast) -> Self {
        let (begin, days) = (config.start_second(), config.days());
        let scheduled: u64 = (0..days)
            .map(|day| jobs::count(cast, config.seed, begin + day * 86_400, day, days))
            .sum();
        let first_slot = (begin / SLOT).unsigned_abs();
        let mut before = vec![0];
        let mut sum = 0;
        for slot in 0..(days * SLOTS_A_DAY).unsigned_abs() {
            sum += busyness(first_slot + slot);
            before.push(sum);
        }
        Self { events: config.events.saturating_sub(scheduled), first_slot, before }
    }

    /// The events of a slot; over the whole span they sum up exactly.
    fn of_slot(&self, slot: i64) -> u64 {
        let slot = slot.unsigned_abs() as usize;
        let total = u128::from(self.before.last().copied().unwrap_or(1).max(1));
        let until = |n: usize| u128::from(self.events) * u128::from(self.before[n]) / total;
        (until(slot + 1) - until(slot)) as u64
    }
}

fn steady(
    traffic: &mut Traffic<'_>,
    files: &mut Files,
    from: i64,
    count: u64,
    rng: &mut Rng,
) -> io::Result<()> {
    let mut record = String::with_capacity(4096);
    for _ in 0..count {
        record.clear();
        let time = from + rng.i64(0..SLOT);
        let lane = traffic.event(&mut record, time, rng);
        files.add(lane, time, &record)?;
    }
    Ok(())
}

fn write_planned(files: &mut Files, event: &Planned) -> io::Result<()> {
    files.add(event.lane, event.time, &event.record)
}
