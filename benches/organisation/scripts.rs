//! How each kind of attack proceeds.
//!
//! In: a stage (victim, day, time). Out: calls. [`KINDS`] is the registry: a new kind is one entry
//! there and one function here.

use fastrand::Rng;

use super::attacks::{Strength, office_hour};
use super::baseline::Baseline;
use super::calendar::midnight;
use super::event::{Action, Caller, Class, Event, Failure, Twist};
use super::generate::text;
use super::generate::world::Kind;
use super::network;
use super::org::{Naming, Org, Principal, Work};
use super::sample;
use super::traffic::LOOKS;

/// Whether a principal, with what it usually does of each class, can be a victim.
type Fits = fn(&Principal, &dyn Fn(Class) -> u64) -> bool;

/// Where an attack comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    /// As the principal always calls.
    Inside,
    /// From a network and with a client that it never has.
    Outside,
    /// One or the other.
    Either,
}

/// One kind of attack.
pub(crate) struct Script {
    pub(crate) name: &'static str,
    /// What its strength counts: one per unit.
    pub(crate) class: Class,
    /// Calls per unit.
    pub(crate) calls: u64,
    /// Whether naming a bucket is enough to find it.
    pub(crate) open: bool,
    pub(crate) fits: Fits,
    from: From,
    unit: fn(&mut Stage<'_>, i64),
}

const fn kind(
    name: &'static str,
    (class, calls): (Class, u64),
    from: From,
    fits: Fits,
    unit: fn(&mut Stage<'_>, i64),
) -> Script {
    Script { name, class, calls, open: false, fits, from, unit }
}

/// All kinds.
pub(crate) const KINDS: [Script; 12] = [
    kind(
        "stolen user key",
        (Class::Read, 1),
        From::Outside,
        |who, usual| {
            who.work == Work::Staff
                && who.actor.kind == Kind::User
                && (1..=120).contains(&usual(Class::Read))
        },
        read_all,
    ),
    kind(
        "insider takes much",
        (Class::Read, 1),
        From::Inside,
        |who, usual| who.work == Work::Staff && (5..=120).contains(&usual(Class::Read)),
        read_large,
    ),
    kind(
        "insider in new buckets",
        (Class::Read, 1),
        From::Inside,
        |who, usual| who.work == Work::Staff && (3..=120).contains(&usual(Class::Read)),
        read_new,
    ),
    kind(
        "mass delete",
        (Class::Delete, 1),
        From::Inside,
        |who, usual| is_machine(who) && (1..=60).contains(&usual(Class::Delete)),
        delete,
    ),
    kind(
        "ransomware",
        (Class::Write, 3),
        From::Either,
        |who, usual| is_machine(who) && (1..=120).contains(&usual(Class::Write)),
        ransom,
    ),
    kind(
        "discovery",
        (Class::Discovery, 1),
        From::Either,
        |who, usual| {
            matches!(who.work, Work::Staff | Work::Application) && usual(Class::Discovery) <= 60
        },
        enumerate,
    ),
    kind(
        "permissions",
        (Class::Permission, 1),
        From::Either,
        |who, usual| {
            matches!(who.work, Work::Staff | Work::Application) && usual(Class::Permission) == 0
        },
        permit,
    ),
    kind(
        "instance credentials outside",
        (Class::Read, 1),
        From::Outside,
        |who, usual| {
            matches!(who.naming, Naming::Instance) && (1..=250).contains(&usual(Class::Read))
        },
        read_all,
    ),
    kind(
        "made principal",
        (Class::Read, 1),
        From::Inside,
        |who, _| who.work == Work::Intruder && who.actor.kind == Kind::User,
        read_all,
    ),
    Script {
        open: true,
        ..kind(
            "opened bucket",
            (Class::Read, 1),
            From::Inside,
            |who, _| who.work == Work::Intruder && who.actor.kind == Kind::Foreign,
            read_opened,
        )
    },
    kind(
        "probing",
        (Class::Denied, 1),
        From::Either,
        |who, usual| {
            matches!(who.work, Work::Staff | Work::Application) && usual(Class::Denied) <= 5
        },
        probe,
    ),
    kind(
        "poisoning",
        (Class::Write, 1),
        From::Inside,
        |who, usual| {
            matches!(who.work, Work::Application | Work::Fleet)
                && usual(Class::Write) == 0
                && usual(Class::Read) >= 3
        },
        poison,
    ),
];

/// An attack in progress.
pub(crate) struct Stage<'o> {
    pub(crate) org: &'o Org,
    pub(crate) baseline: &'o Baseline,
    pub(crate) victim: usize,
    pub(crate) rng: Rng,
    pub(crate) events: Vec<Event>,
    who: &'o Principal,
    strength: Strength,
    /// Buckets of the account that the victim uses, and others.
    own: Vec<usize>,
    others: Vec<usize>,
    /// Network and client, of one who comes from outside.
    outside: Option<(usize, u16)>,
    caller: Option<Caller>,
    /// Units so far.
    count: u64,
    twist: Twist,
}

impl<'o> Stage<'o> {
    pub(crate) fn new(org: &'o Org, baseline: &'o Baseline, victim: usize, seed: u64) -> Self {
        let who = &org.principals[victim];
        let mut rng = Rng::with_seed(seed);
        let is_near = |at: &usize| {
            let store = &org.stores[*at];
            !store.logs && store.since == 0 && store.bucket.account == who.account
        };
        let near = (0..org.stores.len()).filter(is_near);
        let (own, mut others): (Vec<_>, Vec<_>) = near.partition(|at| baseline.uses(victim, *at));
        rng.shuffle(&mut others);
        Self {
            org,
            baseline,
            victim,
            rng,
            events: Vec::new(),
            who,
            strength: Strength::Loud,
            own,
            others,
            outside: None,
            caller: None,
            count: 0,
            twist: Twist::Stranger,
        }
    }

    /// Decides what stays the same over all days.
    pub(crate) fn prepare(&mut self, kind: &Script, strength: Strength) {
        self.strength = strength;
        let is_outside = match kind.from {
            From::Inside => false,
            From::Outside => true,
            From::Either => self.rng.bool(),
        };
        if is_outside {
            self.outside = Some((self.strange_network(), self.strange_client()));
        }
        self.twist = sample::weighted(
            &mut self.rng,
            &match kind.class {
                Class::Write => [(1, Twist::CustomerKey), (1, Twist::ForeignKey)],
                _ => [(1, Twist::Everyone), (2, Twist::Stranger)],
            },
        );
        let few = self.rng.usize(1..=4);
        if kind.class == Class::Read {
            self.others.truncate(few);
        }
        // Whoever uses nothing takes what there is.
        if self.own.is_empty() {
            self.own = self.others.iter().copied().take(1 + few / 3).collect();
        }
    }

    /// Whether the attack would happen on a day: people are there only when they work.
    pub(crate) fn is_natural(&self, kind: &Script, day: i64) -> bool {
        let person = self.who.people.first().filter(|_| kind.from != From::Outside);
        person.is_none_or(|person| person.works(day))
    }

    /// When it begins on a day.
    pub(crate) fn begin(&mut self, kind: &Script, day: i64) -> i64 {
        match self.who.people.first().filter(|_| kind.from != From::Outside) {
            Some(person) => office_hour(day, person.zone, &mut self.rng),
            None => midnight(day) + self.rng.i64(0..20 * 3_600),
        }
    }

    /// Nothing is kept from the day before.
    pub(crate) fn open_day(&mut self, _: &Script, _: i64) {
        self.caller = None;
    }

    /// Plays one unit.
    pub(crate) fn unit(&mut self, kind: &Script, time: i64) {
        (kind.unit)(self, time);
        self.count += 1;
    }

    /// One call.
    fn call(&mut self, time: i64, action: Action, bucket: usize, key: u64) -> &mut Event {
        let caller = self.caller(time);
        let at = self.events.len();
        self.events.push(Event::new(time, self.victim, caller, action).on(bucket, key));
        &mut self.events[at]
    }

    /// The same during a day, but for machines inside, of which each is another.
    fn caller(&mut self, time: i64) -> Caller {
        if let Some(mut caller) = self.caller {
            if self.who.people.is_empty() && self.outside.is_none() {
                caller = self.who.instance(self.count, time);
            }
            return caller;
        }
        let day = super::calendar::day_of(time);
        let mut caller = match self.who.people.first() {
            Some(_) => self.who.desk(0, day, 0, time),
            None => self.who.instance(self.count, time),
        };
        if let Some((network, agent)) = self.outside {
            let turn = self.rng.u64(..3);
            caller.ip = network::address(network, text::mix(self.who.seed, 800 + turn));
            caller.agent = agent;
            caller.inside = false;
        }
        self.caller = Some(caller);
        caller
    }

    /// A network in a country where none of the principal's people is.
    fn strange_network(&mut self) -> usize {
        let mut nets = network::of(network::Kind::Hosting, None);
        nets.extend(network::of(network::Kind::Abroad, None));
        let is_known = |at: usize| {
            self.who.people.iter().any(|person| {
                let there = person.travel.map(|(_, net)| network::NETWORKS[net].country);
                let country = network::NETWORKS[at].country;
                country == person.country || there == Some(country)
            })
        };
        nets.retain(|at| !is_known(*at));
        sample::any(&mut self.rng, &nets)
    }

    fn strange_client(&mut self) -> u16 {
        let known = |at: u16| self.org.agents.text(at).split('/').next().unwrap_or_default();
        let own = known(self.who.clients[0].on(0));
        let all = (0..self.org.agents.count()).filter(|at| {
            let name = known(*at);
            name != own && !name.starts_with("APN") && !name.starts_with("S3Console")
        });
        let all: Vec<u16> = all.collect();
        sample::any(&mut self.rng, &all)
    }

    fn own_bucket(&mut self) -> usize {
        sample::any(&mut self.rng, &self.own)
    }

    fn key(&mut self, bucket: usize) -> u64 {
        self.rng.u64(..self.org.stores[bucket].objects)
    }

    /// Whether this unit begins another hundred, at which loud intruders list.
    fn lists(&self) -> bool {
        self.strength != Strength::Low && self.count.is_multiple_of(100)
    }
}

fn is_machine(who: &Principal) -> bool {
    matches!(who.work, Work::Application | Work::Nightly | Work::Pipeline | Work::Fleet)
        && who.actor.kind == Kind::Role
        && who.twin.is_none()
}

/// One object after the other.
fn read_all(stage: &mut Stage<'_>, time: i64) {
    let bucket = stage.own[(stage.count / 500) as usize % stage.own.len()];
    if stage.lists() {
        stage.call(time, Action::List, bucket, 0);
    }
    let key = stage.count % stage.org.stores[bucket].objects;
    stage.call(time, Action::Get, bucket, key);
}

/// The largest objects of the usual buckets.
fn read_large(stage: &mut Stage<'_>, time: i64) {
    let bucket = stage.own_bucket();
    let keys = [0; 4].map(|_| stage.key(bucket));
    let store = &stage.org.stores[bucket];
    let key = keys.into_iter().max_by_key(|key| store.bytes(*key)).unwrap_or(0);
    stage.call(time, Action::Get, bucket, key);
}

fn read_new(stage: &mut Stage<'_>, time: i64) {
    let others = if stage.others.is_empty() { &stage.own } else { &stage.others };
    let bucket = sample::any(&mut stage.rng, others);
    if stage.lists() {
        stage.call(time, Action::List, bucket, 0);
    }
    let key = stage.key(bucket);
    stage.call(time, Action::Get, bucket, key);
}

/// Singly, or a hundred at once when it is loud.
fn delete(stage: &mut Stage<'_>, time: i64) {
    let bucket = stage.own[0];
    let at_once = stage.strength == Strength::Loud && stage.who.seed.is_multiple_of(2);
    if !at_once {
        let key = stage.key(bucket);
        stage.call(time, Action::Delete, bucket, key);
        return;
    }
    let parent = stage.who.seed ^ (stage.count / 100);
    if stage.count.is_multiple_of(100) {
        stage.call(time, Action::DeleteMany, bucket, parent);
    }
    let time = stage.events.iter().rev().find(|event| event.action == Action::DeleteMany);
    let time = time.map_or(0, |event| event.time);
    stage.call(time, Action::Delete, bucket, stage.count).parent = Some(parent);
}

/// Reads an object, writes it back encrypted with another key, and deletes what was there.
fn ransom(stage: &mut Stage<'_>, time: i64) {
    let (bucket, key, twist) = (stage.own[0], stage.count, stage.twist);
    stage.call(time, Action::Get, bucket, key);
    stage.call(time + 1, Action::Put, bucket, key).twist = Some(twist);
    stage.call(time + 2, Action::Delete, bucket, key);
}

/// Which buckets there are, what is in them and how they are protected.
fn enumerate(stage: &mut Stage<'_>, time: i64) {
    let all: Vec<usize> = stage.own.iter().chain(&stage.others).copied().collect();
    let bucket = all[(stage.count / 6) as usize % all.len()];
    let look = sample::any(&mut stage.rng, &LOOKS);
    let action = match stage.count % 12 {
        0 => Action::ListBuckets,
        1 | 6 => Action::List,
        2 | 7 => Action::Location,
        3 | 8 => Action::HeadBucket,
        9 => Action::Head,
        _ => look,
    };
    let key = stage.key(bucket);
    stage.call(time, action, bucket, key);
}

fn permit(stage: &mut Stage<'_>, time: i64) {
    let bucket = stage.own_bucket();
    let action = match stage.count % 10 {
        0 => Action::PutPolicy,
        5 => Action::PutBucketAcl,
        _ => Action::PutObjectAcl,
    };
    let (key, twist) = (stage.key(bucket), stage.twist);
    stage.call(time, action, bucket, key).twist = Some(twist);
}

/// Strangers read; in the loud case people without credentials do too.
fn read_opened(stage: &mut Stage<'_>, time: i64) {
    stage.own.truncate(1);
    read_all(stage, time);
    if stage.strength == Strength::Loud && stage.count.is_multiple_of(2) {
        let principals = &stage.org.principals;
        let nobody = principals.iter().position(|who| who.actor.kind == Kind::Anonymous);
        let Some((nobody, mut event)) = nobody.zip(stage.events.last().copied()) else { return };
        event.principal = nobody as u16;
        event.caller = principals[nobody].instance(stage.count, time);
        stage.events.push(event);
    }
}

/// Tries what may not be.
fn probe(stage: &mut Stage<'_>, time: i64) {
    let all = if stage.others.is_empty() { &stage.own } else { &stage.others };
    let bucket = all[(stage.count / 4) as usize % all.len()];
    let tries = [
        (6, Action::Get),
        (3, Action::List),
        (2, Action::Head),
        (1, Action::Policy),
        (1, Action::Put),
    ];
    let action = sample::weighted(&mut stage.rng, &tries);
    let key = stage.key(bucket);
    stage.call(time, action, bucket, key).failure = Some(Failure::Denied);
}

/// Writes over what is read.
fn poison(stage: &mut Stage<'_>, time: i64) {
    let bucket = stage.own[0];
    let key = stage.count % stage.org.stores[bucket].objects;
    stage.call(time, Action::Put, bucket, key);
}
