//! The organisation: accounts, buckets and the principals that call them.
//!
//! Plain data, made by `cast` out of the seed. Where a principal is at a given moment is computed
//! here from its habits, so that traffic and attacks agree on it.

use fastrand::Rng;

use super::calendar::{self, DAY};
use super::client::{Agents, Client};
use super::event::Caller;
use super::generate::text;
use super::generate::world::{Actor, Bucket};
use super::{network, sample};

/// A bucket.
pub struct Store {
    pub(crate) bucket: Bucket,
    /// The team that owns it.
    pub(crate) team: usize,
    /// Unix seconds; created then.
    pub(crate) since: i64,
    /// Median size of its objects in bytes, and the sigma of the logarithm.
    pub(crate) size: (f64, f64),
    /// How many objects it has.
    pub(crate) objects: u64,
    /// Whether it gets logs that services deliver.
    pub(crate) logs: bool,
}

/// What a principal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// People at their desks.
    Staff,
    /// People who look after buckets.
    Admin,
    /// Few instances, around the clock.
    Application,
    /// Many instances that come and go.
    Fleet,
    /// A build service.
    Pipeline,
    /// A job per night.
    Nightly,
    /// A backup per week.
    Weekly,
    /// A job at the end of months.
    Monthly,
    /// A job that runs once in sixty days.
    Quarterly,
    /// Reads the settings of all buckets.
    Audit,
    /// An AWS service.
    Service,
    /// Belongs to an attacker and has no traffic of its own.
    Intruder,
}

/// What one does with a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Serve,
    Ingest,
    Process,
    Browse,
    Fetch,
    Upload,
    /// SQL over objects, which Athena reads.
    Query,
    Manage,
    Deliver,
}

/// A bucket that a principal uses.
#[derive(Clone, Copy)]
pub(crate) struct Habit {
    pub(crate) bucket: usize,
    pub(crate) doing: Doing,
    pub(crate) weight: u32,
}

/// How sessions are called.
pub(crate) enum Naming {
    Instance,
    /// A fixed name with a number.
    Run(&'static str),
    Fixed(String),
    Person,
}

/// Where machines call from.
#[derive(Clone, Copy)]
pub(crate) enum Site {
    /// Through a VPC endpoint; the second byte of the subnet.
    Inside(u8),
    /// A few addresses of a NAT gateway, in this network.
    Gateway(usize),
    /// An address per instance, in this network.
    Open(usize),
    /// Runners of a build service.
    Runners,
}

/// One of the people behind a principal.
pub(crate) struct Person {
    /// Their address, as the session's name.
    pub(crate) label: String,
    pub(crate) country: &'static str,
    /// Seconds that their clocks are ahead of UTC.
    pub(crate) zone: i64,
    pub(crate) home: usize,
    pub(crate) mobile: usize,
    /// Two addresses of the office.
    pub(crate) office: [[u8; 4]; 2],
    /// The company's gateway, for those who use it.
    pub(crate) gateway: Option<usize>,
    /// How many days of the week are spent in the office.
    pub(crate) office_days: i64,
    /// First day of a week off.
    pub(crate) holiday: i64,
    /// First day of a week elsewhere, and the network there.
    pub(crate) travel: Option<(i64, usize)>,
    /// First day, and the day after the last.
    pub(crate) employed: (i64, i64),
    pub(crate) seed: u64,
}

/// A principal.
pub struct Principal {
    pub(crate) actor: Actor,
    /// The same as the trail of another account names it.
    pub(crate) twin: Option<Actor>,
    /// Position of its account.
    pub(crate) account: usize,
    pub(crate) work: Work,
    pub(crate) people: Vec<Person>,
    /// Median calls of a busy day, per person.
    pub(crate) rate: f64,
    pub(crate) habits: Vec<Habit>,
    pub(crate) clients: Vec<Client>,
    pub(crate) site: Site,
    pub(crate) naming: Naming,
    /// Instances at a time.
    pub(crate) instances: u64,
    /// Seconds that an instance, or a session, lasts.
    pub(crate) lasting: i64,
    /// How much it follows the rhythm of the day.
    pub(crate) swing: f64,
    /// Part of the calls that ask for what is not there, and that are refused.
    pub(crate) failing: (f64, f64),
    /// How often a day it deletes some objects.
    pub(crate) cleans: f64,
    /// Hour and weekday of jobs.
    pub(crate) due: (i64, i64),
    /// Unix seconds: active from and until.
    pub(crate) active: (i64, i64),
    pub(crate) seed: u64,
}

/// Everything that has calls and is called.
pub struct Org {
    pub(crate) accounts: Vec<String>,
    pub(crate) stores: Vec<Store>,
    pub(crate) principals: Vec<Principal>,
    pub(crate) agents: Agents,
}

impl Org {
    /// The stable name of a principal, as trailsift gives it.
    pub fn name(&self, principal: u16) -> String {
        let actor = &self.principals[usize::from(principal)].actor;
        match actor.kind {
            super::generate::world::Kind::Foreign => format!("{}:{}", actor.principal(), actor.id),
            _ => actor.principal(),
        }
    }

    /// Positions of the buckets that exist at a time.
    pub(crate) fn stores_at(&self, time: i64) -> impl Iterator<Item = usize> {
        (0..self.stores.len()).filter(move |at| self.stores[*at].since <= time)
    }
}

impl Store {
    /// The size of an object, the same every time.
    pub(crate) fn bytes(&self, key: u64) -> u64 {
        let (median, sigma) = self.size;
        let seed = text::mix(text::seed_of(&self.bucket.name), key);
        sample::log_normal(&mut Rng::with_seed(seed), median, sigma) as u64 + 1
    }
}

impl Person {
    fn draw(&self, what: u64) -> u64 {
        text::mix(self.seed, what)
    }

    /// Whether they work on a day; now and then on a weekend too.
    pub(crate) fn works(&self, day: i64) -> bool {
        let (first, last) = self.employed;
        let away = (self.holiday..self.holiday + 7).contains(&day);
        let chance = self.draw(1_000 + day.unsigned_abs()) % 100;
        let wants = if calendar::is_workday(self.country, day) { chance < 94 } else { chance < 4 };
        (first..last).contains(&day) && wants && !away
    }

    /// Their address at a sitting of a day.
    pub(crate) fn address(&self, day: i64, sitting: u64) -> [u8; 4] {
        let days = day.unsigned_abs();
        let chance = self.draw(days * 16 + sitting + 5_000) % 100;
        if let Some((first, there)) = self.travel
            && (first..first + 7).contains(&day)
        {
            // The hotel, or the phone, which roams through the operator at home.
            return match chance {
                0..70 => network::address(there, self.draw(days / 3 + 90)),
                _ => network::address(self.mobile, self.draw(days * 16 + sitting)),
            };
        }
        if chance < 7 {
            return network::address(self.mobile, self.draw(days * 16 + sitting));
        }
        if let Some(gateway) = self.gateway.filter(|_| chance < 40) {
            return network::address(gateway, self.draw(700 + chance % 4) % 32);
        }
        let shift = self.draw(60) % 5;
        let in_office = (calendar::weekday(day) + shift as i64) % 5 < self.office_days;
        if in_office && calendar::weekday(day) < 5 {
            return self.office[(chance % 2) as usize];
        }
        // Providers give a household another address every other week.
        let since = (days + self.draw(61) % 14) / 14;
        network::address(self.home, self.draw(300 + since))
    }
}

impl Principal {
    /// Where one of its people sits at a sitting of a day that starts at `time`.
    pub(crate) fn desk(&self, person: usize, day: i64, sitting: u64, time: i64) -> Caller {
        let who = &self.people[person];
        let client = if sitting % 3 == 2 { self.clients.len() - 1 } else { 0 };
        Caller {
            ip: who.address(day, sitting),
            session: text::mix(who.seed, 9_000 + day.unsigned_abs()),
            created: time - 120 - (who.draw(day.unsigned_abs()) % 3_000) as i64,
            agent: self.clients[client].on(day),
            person: person as u8,
            inside: false,
        }
    }

    /// Where one of its instances runs at a time.
    pub(crate) fn instance(&self, number: u64, time: i64) -> Caller {
        let number = number % self.instances.max(1);
        // Instances do not change all at once.
        let shifted = time + (text::mix(self.seed, number) % self.lasting.unsigned_abs()) as i64;
        let turn = shifted.div_euclid(self.lasting);
        let instance = text::mix(text::mix(self.seed, 31 + number), turn.unsigned_abs());
        // Credentials are renewed every six hours.
        let age = shifted.rem_euclid(self.lasting).rem_euclid(6 * 3_600);
        Caller {
            ip: self.machine_address(instance),
            session: instance,
            created: time - age - 60,
            agent: self.clients[0].on(calendar::day_of(time)),
            person: 0,
            inside: matches!(self.site, Site::Inside(_)),
        }
    }

    /// The address of the instance, or of the runner, with that seed.
    pub(crate) fn machine_address(&self, instance: u64) -> [u8; 4] {
        match self.site {
            Site::Inside(subnet) => network::private_address(subnet, instance),
            Site::Gateway(net) => network::address(
                net,
                text::mix(u64::from(self.actor.account.as_bytes()[11]), instance % 3),
            ),
            Site::Open(net) => network::address(net, instance),
            Site::Runners => {
                let nets = network::of(network::Kind::Runners, None);
                network::address(nets[(instance % nets.len() as u64) as usize], instance)
            }
        }
    }

    /// Whether it is there all the time from early on.
    pub(crate) fn is_settled(&self) -> bool {
        let (from, until) = self.active;
        from <= calendar::START + 5 * DAY && until >= calendar::END
    }
}
