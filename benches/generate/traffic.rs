//! The steady benign traffic: one event at a time, drawn from the cast's patterns.
//!
//! In: a time and a random source. Out: one record, and the lane (account and
//! region) whose trail gets it. Nothing here ever deletes an object: benign
//! deletions are scheduled in `jobs`, where their number is under control.

use fastrand::Rng;

use super::cast::{Cast, Habit, Pattern};
use super::record::{Call, DENIED, NO_SUCH_KEY};
use super::world::{Actor, Bucket, Kind, REGIONS};
use super::{keys, other, text};

/// Events per hour of the day, as parts of the busiest; the firm works in Europe.
const HOURS: [u64; 24] = [
    20, 18, 18, 18, 20, 28, 45, 70, 90, 98, 100, 95, 88, 92, 95, 90, 80, 70, 60, 52, 45, 38, 30, 24,
];

/// How busy a five-minute slot is; `slot` counts from 1970.
pub(crate) fn busyness(slot: u64) -> u64 {
    // 1970-01-01 was a Thursday.
    let weekend = matches!((slot / 288 + 3) % 7, 5 | 6);
    HOURS[(slot / 12 % 24) as usize] * if weekend { 4 } else { 10 }
}

/// Draws benign events.
pub(crate) struct Traffic<'a> {
    cast: &'a Cast,
    /// Positions of patterns, each as often as its weight says.
    draw: Vec<u16>,
    key: String,
    tail: String,
    response: String,
}

/// What a habit does at one moment.
#[derive(Clone, Copy)]
enum Act {
    Get,
    Put,
    PutOwnerControl,
    Head,
    List,
    Tags,
    Acl,
    Location,
    Buckets,
}

impl<'a> Traffic<'a> {
    /// Traffic over a cast.
    pub(crate) fn new(cast: &'a Cast) -> Self {
        let draw = cast
            .patterns
            .iter()
            .zip(0_u16..)
            .flat_map(|(pattern, n)| (0..pattern.weight).map(move |_| n))
            .collect();
        Self { cast, draw, key: String::new(), tail: String::new(), response: String::new() }
    }

    /// Appends one event at `time` and returns its lane.
    pub(crate) fn event(&mut self, out: &mut String, time: i64, rng: &mut Rng) -> usize {
        let chosen = self.draw[rng.usize(..self.draw.len())];
        let pattern = &self.cast.patterns[usize::from(chosen)];
        self.act(out, pattern, time, rng)
    }

    /// Appends one event of a given pattern and returns its lane.
    pub(crate) fn act(
        &mut self,
        out: &mut String,
        pattern: &Pattern,
        time: i64,
        rng: &mut Rng,
    ) -> usize {
        let actor = &self.cast.actors[pattern.actor];
        let bucket = &self.cast.buckets[pattern.bucket];
        if pattern.habit == Habit::Elsewhere {
            let region = other::write(out, actor, time, rng);
            return lane(bucket.account, region);
        }
        let act = choose(pattern.habit, rng);
        self.prepare(act, actor, bucket, time, rng);
        let mut call =
            Call::new(time, name(act), (actor, actor.session(time, rng)), (bucket, &self.key));
        finish(&mut call, act, rng);
        if !self.tail.is_empty() {
            call.tail = &self.tail;
        }
        if !self.response.is_empty() {
            call.response = &self.response;
        }
        call.agent = keys::odd_agent(rng);
        if pattern.habit == Habit::Analyse && rng.u32(..60) == 0 {
            call.fault = Some(DENIED);
        }
        let mut shared = String::new();
        if matches!(actor.kind, Kind::Foreign | Kind::Service(_)) {
            text::uuid(&mut shared, rng);
            call.shared = &shared;
        }
        call.write(out, rng);
        lane(bucket.account, call.region())
    }

    fn prepare(&mut self, act: Act, actor: &Actor, bucket: &Bucket, time: i64, rng: &mut Rng) {
        self.key.clear();
        self.tail.clear();
        self.response.clear();
        if matches!(actor.kind, Kind::Service(_)) && matches!(act, Act::Put) {
            log_key(&mut self.key, bucket, time, rng);
            self.tail.push_str(",\"x-amz-acl\":\"bucket-owner-full-control\",\"x-amz-server-side-encryption\":\"AES256\"");
        } else if matches!(act, Act::Get | Act::Put | Act::PutOwnerControl | Act::Head) {
            keys::push(&mut self.key, bucket.keys, time, rng);
        }
        match act {
            Act::Put | Act::PutOwnerControl => {
                self.response.push_str("{\"x-amz-server-side-encryption\":\"AES256\"}");
            }
            Act::Tags => self.tail.push_str(",\"tagging\":\"\""),
            Act::List => {
                self.tail.push_str(",\"prefix\":");
                let prefix = ["", "documents/", "raw/table=orders/"][rng.usize(..3)];
                text::string(&mut self.tail, prefix);
                self.tail.push_str(",\"delimiter\":\"/\"");
            }
            _ => {}
        }
        if matches!(act, Act::PutOwnerControl) {
            self.tail.push_str(",\"x-amz-acl\":\"bucket-owner-full-control\"");
        }
    }
}

/// The lane of an account's region.
pub(crate) fn lane(account: usize, region: usize) -> usize {
    account * REGIONS.len() + region
}

fn choose(habit: Habit, rng: &mut Rng) -> Act {
    let acts: &[Act] = match habit {
        Habit::Serve => &[Act::Get, Act::Get, Act::Get, Act::Get, Act::Get, Act::Get, Act::Head],
        Habit::Ingest => &[Act::Put, Act::Put, Act::Put, Act::Head],
        Habit::Process => &[Act::Get, Act::Get, Act::Get, Act::Put, Act::List, Act::Head],
        Habit::Analyse => &[Act::List, Act::Get, Act::Get, Act::Get],
        Habit::Deploy => &[Act::PutOwnerControl, Act::Get, Act::List],
        Habit::Deliver => &[Act::Put, Act::Put, Act::Put, Act::Acl],
        Habit::Inspect | Habit::Elsewhere => &[Act::Acl, Act::Location, Act::Tags, Act::Buckets],
    };
    acts[rng.usize(..acts.len())]
}

fn name(act: Act) -> &'static str {
    match act {
        Act::Get => "GetObject",
        Act::Put | Act::PutOwnerControl => "PutObject",
        Act::Head => "HeadObject",
        Act::List => "ListObjects",
        Act::Tags => "GetBucketTagging",
        Act::Acl => "GetBucketAcl",
        Act::Location => "GetBucketLocation",
        Act::Buckets => "ListBuckets",
    }
}

/// Sets byte counts, encryption and the errors that happen to honest callers.
fn finish(call: &mut Call<'_>, act: Act, rng: &mut Rng) {
    let size = 1 << rng.u32(9..22);
    match act {
        Act::Get => {
            call.bytes_out = rng.u64(size..2 * size);
            call.encryption = "Default_SSE_S3";
            if rng.u32(..4) == 0 {
                call.head = "\"x-id\":\"GetObject\",";
            }
        }
        Act::Put | Act::PutOwnerControl => {
            call.bytes_in = rng.u64(size..2 * size);
            call.encryption = "Default_SSE_S3";
        }
        Act::List => {
            call.head = "\"list-type\":\"2\",\"encoding-type\":\"url\",\"max-keys\":\"1000\",";
            call.bytes_out = rng.u64(400..300_000);
        }
        Act::Acl => call.bytes_out = 552,
        Act::Location => call.bytes_out = 137,
        Act::Tags => call.bytes_out = rng.u64(120..600),
        Act::Buckets => call.bytes_out = 6322,
        Act::Head => {}
    }
    if matches!(act, Act::Get | Act::Head) && rng.u32(..80) == 0 {
        call.fault = Some(NO_SUCH_KEY);
    }
}

/// The key of a log file that CloudTrail delivers.
fn log_key(out: &mut String, bucket: &Bucket, time: i64, rng: &mut Rng) {
    let region = REGIONS[rng.usize(..REGIONS.len())];
    out.push_str("AWSLogs/");
    super::files::object_name(out, &bucket.owner, region, time, rng);
    out.push_str(".json.gz");
}
