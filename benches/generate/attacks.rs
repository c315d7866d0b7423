//! The attacks, each in its own bucket, and what a detector should say about them.
//!
//! In: the cast and the span. Out: planned records and the ground truth. The list
//! of attacks is [`SCRIPTS`], in the order in which they are written down; how each
//! one proceeds is in `scripts`.

use std::collections::BTreeSet;

use super::Config;
use super::cast::{Cast, Project};
use super::plan::{FAN_OUT_SINCE, Plan, Planned};
use super::record::Call;
use super::scripts;
use super::text;
use super::world::{Actor, Bucket, Net, REGIONS, Session};

/// One row of the ground truth: an attack, and where to find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// Name of the attack, such as `mass_delete_single`.
    pub name: &'static str,
    /// The group of attacks it belongs to, such as `mass_delete`.
    pub family: &'static str,
    /// The account attacked.
    pub account: String,
    /// The region of the bucket.
    pub region: String,
    /// Role ARN, user ARN, `anonymous`, or `foreign:` and an account number.
    pub principal: String,
    /// The bucket attacked.
    pub bucket: String,
    /// Time of the first record, as in the log.
    pub first_event_time: String,
    /// Time of the last record, as in the log.
    pub last_event_time: String,
    /// Number of records.
    pub events: u64,
    /// Number of distinct object keys in the records.
    pub keys: u64,
    /// What a detector should say, in a sentence.
    pub expected: &'static str,
}

/// When an attack may happen.
#[derive(Clone, Copy)]
pub(crate) enum When {
    Any,
    /// Before multi-object deletes were reported key by key.
    BeforeFanOut,
    /// After that.
    AfterFanOut,
}

/// One attack: its name, its time, its course.
pub(crate) struct Script {
    pub(crate) attack: &'static str,
    pub(crate) family: &'static str,
    /// Start, in thousandths of the span.
    pub(crate) at: i64,
    pub(crate) when: When,
    pub(crate) act: fn(&mut Stage<'_, '_>),
    pub(crate) expected: &'static str,
}

/// An attack in progress.
pub(crate) struct Stage<'a, 'b> {
    pub(crate) plan: &'b mut Plan<'a>,
    pub(crate) actor: &'a Actor,
    pub(crate) bucket: &'a Bucket,
    pub(crate) session: Session,
    pub(crate) start: i64,
    keys: BTreeSet<String>,
}

/// The names of all attacks.
pub fn names() -> impl Iterator<Item = &'static str> {
    scripts::SCRIPTS.iter().map(|script| script.attack)
}

/// Plans the attacks that the configuration asks for and the span allows.
pub(crate) fn plan(cast: &Cast, config: &Config) -> (Vec<Planned>, Vec<Attack>) {
    let mut plan = Plan::new(cast, text::mix(config.seed, 12));
    let mut truth = Vec::new();
    for script in &scripts::SCRIPTS {
        let wanted = config.attacks.iter().any(|name| name == script.attack);
        let Some(start) = script.start(config.start_second(), config.days()) else {
            continue;
        };
        if let Some(project) = cast.victim(script.attack).filter(|_| wanted) {
            truth.push(stage(&mut plan, script, project, start));
        }
    }
    (plan.events, truth)
}

impl Script {
    /// The second at which the attack starts, if the span has room for it.
    fn start(&self, begin: i64, days: i64) -> Option<i64> {
        let span = days * 86_400;
        let start = begin + span / 1000 * self.at;
        let latest = begin + span - 2 * 3600;
        match self.when {
            When::Any => Some(start),
            When::BeforeFanOut => {
                let start = start.min(FAN_OUT_SINCE - 2 * 3600);
                (start >= begin).then_some(start)
            }
            When::AfterFanOut => {
                let start = start.max(FAN_OUT_SINCE + 2 * 3600);
                (start <= latest).then_some(start)
            }
        }
    }
}

fn stage(plan: &mut Plan<'_>, script: &Script, project: &Project, start: i64) -> Attack {
    let cast = plan.cast;
    let actor = &cast.actors[project.attacker];
    let bucket = &cast.buckets[project.bucket];
    let first = plan.events.len();
    let session = actor.session(start, &mut plan.rng);
    let mut stage = Stage { plan, actor, bucket, session, start, keys: BTreeSet::new() };
    (script.act)(&mut stage);
    let keys = stage.keys.len() as u64;
    let events = &plan.events[first..];
    let times = || events.iter().map(|event| event.time);
    let written = |time: Option<i64>| {
        let mut text = String::new();
        text::time(&mut text, time.unwrap_or(start));
        text
    };
    Attack {
        name: script.attack,
        family: script.family,
        account: bucket.owner.clone(),
        region: REGIONS[bucket.region].to_owned(),
        principal: actor.principal(),
        bucket: bucket.name.clone(),
        first_event_time: written(times().min()),
        last_event_time: written(times().max()),
        events: events.len() as u64,
        keys,
        expected: script.expected,
    }
}

impl<'a> Stage<'a, '_> {
    /// Makes one call, `after` seconds from the start; `change` sets what is unusual.
    pub(crate) fn call<'c>(
        &mut self,
        after: i64,
        event: &'c str,
        key: &'c str,
        change: impl FnOnce(&mut Call<'c>),
    ) where
        'a: 'c,
    {
        let caller = (self.actor, self.session);
        let mut call = Call::new(self.start + after, event, caller, (self.bucket, key));
        change(&mut call);
        self.plan.add(&call);
        if !key.is_empty() {
            self.keys.insert(key.to_owned());
        }
    }

    /// Deletes many objects with one call.
    pub(crate) fn delete_many(&mut self, after: i64, keys: &[String]) {
        let (time, caller) = (self.start + after, (self.actor, self.session));
        let before = self.plan.events.len();
        self.plan.delete_many(time, caller, self.bucket, keys);
        if self.plan.events.len() > before + 1 {
            self.keys.extend(keys.iter().cloned());
        }
    }

    /// Reads `count` documents, one every `every` seconds.
    pub(crate) fn read(&mut self, count: u64, every: i64, change: impl Fn(&mut Call<'_>)) {
        for n in 0..count {
            let bytes = self.plan.rng.u64(20_000..4_000_000);
            self.call(n as i64 * every, "GetObject", &scripts::document(n), |call| {
                call.bytes_out = bytes;
                call.encryption = "Default_SSE_S3";
                change(call);
            });
        }
    }

    /// Moves the attacker to another network.
    pub(crate) fn move_to(&mut self, net: Net) {
        let Net::Pool(a, b) = net else { return };
        let ip = [a, b, self.plan.rng.u8(..), self.plan.rng.u8(1..)];
        self.session = self.actor.session_from(self.start, ip);
    }
}
