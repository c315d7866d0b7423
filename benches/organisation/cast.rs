//! Casts an organisation: teams with buckets, and machines and people that use them.
//!
//! In: the configuration. Out: an [`Org`] without intruders. Shares of the kinds of principals are
//! fixed; who they are, what they use, where they are and how much they do is drawn from the seed.

use fastrand::Rng;

use super::Config;
use super::calendar::{DAY, DAYS, END, START, midnight};
use super::client::{Agents, Client, Family};
use super::generate::text;
use super::generate::world::{Actor, Bucket, Keys, Kind, Net, REGIONS, Sessions};
use super::org::{Doing, Habit, Naming, Org, Principal, Site, Store, Work};
use super::{deployments, intruders, machines, network, people, sample};

const TEAMS: [&str; 16] = [
    "payments",
    "catalog",
    "search",
    "billing",
    "logistics",
    "identity",
    "growth",
    "media",
    "risk",
    "platform",
    "analytics",
    "mobile",
    "pricing",
    "support",
    "content",
    "research",
];
const COMPANIES: [&str; 8] =
    ["nordwind", "brightfield", "halcyon", "kestrel", "lumen", "tessera", "ostara", "quillon"];

/// What a team's bucket holds: its name, keys, median size of objects and their number.
const PURPOSES: [(&str, Keys, f64, u64); 9] = [
    ("media", Keys::Media, 180_000.0, 20_000),
    ("lake", Keys::Lake, 9_000_000.0, 6_000),
    ("documents", Keys::Documents, 300_000.0, 8_000),
    ("builds", Keys::Builds, 24_000_000.0, 2_000),
    ("exports", Keys::Documents, 2_500_000.0, 1_500),
    ("config", Keys::Builds, 9_000.0, 200),
    ("scratch", Keys::Scratch, 1_200_000.0, 5_000),
    ("events", Keys::Lake, 700_000.0, 12_000),
    ("uploads", Keys::Media, 900_000.0, 15_000),
];

/// An organisation in the making.
pub(crate) struct Caster<'c> {
    pub(crate) config: &'c Config,
    pub(crate) rng: Rng,
    pub(crate) org: Org,
    pub(crate) company: &'static str,
    /// Name and account of each team.
    pub(crate) teams: Vec<(&'static str, usize)>,
}

/// Casts the organisation of a configuration.
pub(crate) fn cast(config: &Config) -> Org {
    let mut rng = Rng::with_seed(text::mix(config.seed, 40));
    let accounts = (0..3).map(|_| rng.u64(100_000_000_000..1_000_000_000_000).to_string());
    let org = Org {
        accounts: accounts.collect(),
        stores: Vec::new(),
        principals: Vec::new(),
        agents: Agents::default(),
    };
    let company = sample::any(&mut rng, &COMPANIES);
    let mut names = TEAMS;
    rng.shuffle(&mut names);
    // Most live in the first account, the others by project and for data; no account is without.
    let account = |at: usize| match at {
        0..3 => at,
        _ => sample::weighted(&mut rng, &[(5, 0), (3, 1), (2, 2)]),
    };
    let teams = names.iter().take(10).zip((0..10).map(account));
    let teams = teams.map(|(name, account)| (*name, account)).collect();
    let mut caster = Caster { config, rng, org, company, teams };
    caster.stores();
    machines::cast(&mut caster);
    people::cast(&mut caster);
    deployments::cast(&mut caster);
    caster.applications();
    intruders::cast(&mut caster);
    caster.org
}

impl Caster<'_> {
    /// A part of the principals, in thousandths.
    pub(crate) fn share(&self, thousandths: usize) -> usize {
        (self.config.principals * thousandths).div_ceil(1_000)
    }

    fn stores(&mut self) {
        for team in 0..self.teams.len() {
            let mut purposes = PURPOSES;
            self.rng.shuffle(&mut purposes);
            for purpose in purposes.iter().take(self.rng.usize(4..=7)) {
                self.store(team, *purpose, 0);
            }
        }
        for account in 0..self.org.accounts.len() {
            let purpose = ("logs", Keys::Documents, 8_000.0, 100_000);
            let team = self.teams.iter().position(|(_, at)| *at == account).unwrap_or(0);
            let at = self.store(team, purpose, 0);
            self.org.stores[at].logs = true;
            self.org.stores[at].bucket.account = account;
            self.org.stores[at].bucket.owner = self.org.accounts[account].clone();
        }
    }

    /// A new bucket of a team.
    pub(crate) fn store(
        &mut self,
        team: usize,
        (topic, keys, size, objects): (&str, Keys, f64, u64),
        since: i64,
    ) -> usize {
        let (name, account) = self.teams[team];
        let number = self.org.stores.len();
        let region = usize::from(self.rng.u8(..4) == 0);
        let name = format!("{}-{name}-{topic}-{number:03}", self.company);
        let host = format!("{name}.s3.{}.amazonaws.com", REGIONS[region]);
        let owner = self.org.accounts[account].clone();
        let size = (sample::log_normal(&mut self.rng, size, 0.5), 0.6 + self.rng.f64());
        let bucket = Bucket { name, host, account, owner, region, keys };
        self.org.stores.push(Store { bucket, team, since, size, objects, logs: false });
        number
    }

    /// Any bucket of a team; not one of logs.
    pub(crate) fn store_of(&mut self, team: usize) -> usize {
        let own = |store: &&Store| store.team == team && !store.logs && store.since == 0;
        let count = self.org.stores.iter().filter(own).count();
        let chosen = self.rng.usize(..count.max(1));
        let position =
            self.org.stores.iter().filter(own).nth(chosen).map(|store| &store.bucket.name);
        self.org.stores.iter().position(|store| Some(&store.bucket.name) == position).unwrap_or(0)
    }

    /// A principal of a team with all the usual, to be adapted and kept with [`Caster::keep`].
    pub(crate) fn principal(
        &mut self,
        work: Work,
        kind: Kind,
        account: usize,
        name: &str,
    ) -> Principal {
        let number = self.org.accounts[account].clone();
        let sessions = match work {
            Work::Fleet => Sessions::Instances(1),
            _ => Sessions::Runs,
        };
        let actor = Actor::new(kind, number, name, Net::Pool(0, 0), sessions);
        let upgrades = self.rng.usize(0..3);
        let family = super::client::of_machine(&mut self.rng);
        let client = self.install(family, upgrades);
        Principal {
            actor,
            twin: None,
            account,
            work,
            people: Vec::new(),
            rate: 1.0,
            habits: Vec::new(),
            clients: vec![client],
            site: self.site(),
            naming: Naming::Fixed(name.to_owned()),
            instances: 1,
            lasting: self.rng.i64(2..20) * DAY,
            swing: self.rng.f64(),
            failing: (sample::log_normal(&mut self.rng, 0.004, 1.2).min(0.4), 0.0),
            cleans: 0.0,
            due: (self.rng.i64(0..6), self.rng.i64(5..7)),
            active: (START, END),
            seed: self.rng.u64(..),
        }
    }

    /// Adds a principal.
    pub(crate) fn keep(&mut self, mut principal: Principal) -> usize {
        if let Site::Inside(_) = principal.site {
            principal.actor = principal.actor.via_endpoint();
        }
        self.org.principals.push(principal);
        self.org.principals.len() - 1
    }

    pub(crate) fn install(&mut self, family: Family, upgrades: usize) -> Client {
        self.org.agents.install(family, upgrades, &mut self.rng)
    }

    fn site(&mut self) -> Site {
        let clouds = network::of(network::Kind::Cloud, None);
        let net = sample::any(&mut self.rng, &clouds);
        match self.rng.u32(..10) {
            0..5 => Site::Inside(self.rng.u8(..200)),
            5..8 => Site::Gateway(net),
            _ => Site::Open(net),
        }
    }

    /// Applications make up the rest.
    fn applications(&mut self) {
        while self.org.principals.len() < self.config.principals {
            let team = self.rng.usize(..self.teams.len());
            let name = format!(
                "{}-{}-{}",
                self.teams[team].0,
                sample::any(&mut self.rng, &["api", "worker", "web", "sync", "thumbs", "indexer"]),
                self.org.principals.len()
            );
            let app = self.application(team, &name);
            self.keep(app);
        }
    }

    /// A role with few instances that uses one to three buckets.
    pub(crate) fn application(&mut self, team: usize, name: &str) -> Principal {
        let mut app = self.principal(Work::Application, Kind::Role, self.teams[team].1, name);
        app.rate = sample::log_normal(&mut self.rng, 11.0, 1.4).min(900.0);
        app.instances = self.rng.u64(1..5);
        let reads = self.rng.u32(..3) > 0;
        let main = if reads { Doing::Serve } else { Doing::Process };
        app.habits.push(Habit { bucket: self.store_of(team), doing: main, weight: 12 });
        for _ in 0..self.rng.usize(0..3) {
            let doings = if reads {
                &[Doing::Serve, Doing::Fetch][..]
            } else {
                &[Doing::Ingest, Doing::Process][..]
            };
            let doing = sample::any(&mut self.rng, doings);
            app.habits.push(Habit {
                bucket: self.store_of(team),
                doing,
                weight: self.rng.u32(1..8),
            });
        }
        // Some run on instances, some as functions, some as tasks.
        match self.rng.u32(..3) {
            0 => app.naming = Naming::Instance,
            1 => app.naming = Naming::Run("task"),
            _ => app.instances = 6,
        }
        if let Naming::Instance = app.naming {
            app.actor.sessions = Sessions::Instances(1);
        }
        if !reads && self.rng.u32(..3) == 0 {
            app.cleans = 0.05 + 0.4 * self.rng.f64();
        }
        if self.rng.u32(..14) == 0 {
            app.failing.1 = 0.02 + 0.1 * self.rng.f64();
        }
        app
    }
}

/// Unix seconds at an hour of a day.
pub(crate) fn at(day: i64, hour: f64) -> i64 {
    midnight(day.min(DAYS - 1)) + (hour * 3_600.0) as i64
}
