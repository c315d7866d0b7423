//! Casts the people: users with access keys, and roles that people share through single sign-on.
//!
//! In: an organisation with buckets. Out: principals with persons behind them; some join later, some
//! leave, some travel.

use super::calendar::{DAYS, END, START};
use super::cast::{Caster, at};
use super::client::Family;
use super::generate::text;
use super::generate::world::Kind;
use super::network;
use super::org::{Doing, Habit, Naming, Person, Principal, Work};
use super::sample;

const FIRST: [&str; 20] = [
    "anna", "ben", "clara", "dev", "elif", "farid", "greta", "hugo", "ines", "jonas", "kavya",
    "lena", "marek", "nina", "oskar", "priya", "quinn", "rosa", "sven", "tara",
];
const LAST: [&str; 20] = [
    "adler", "bauer", "cole", "desai", "evans", "fuchs", "gray", "hahn", "iyer", "jansen", "kowal",
    "lang", "meyer", "novak", "olsen", "patel", "reed", "singh", "thorn", "weber",
];
/// Country, hours ahead of UTC, and how many live there.
const PLACES: [(u32, (&str, f64)); 6] = [
    (9, ("DE", 1.0)),
    (3, ("PL", 1.0)),
    (3, ("GB", 0.0)),
    (3, ("US", -5.0)),
    (2, ("US", -8.0)),
    (3, ("IN", 5.5)),
];
const DUTIES: [&str; 8] = [
    "Developer",
    "Analyst",
    "DataScience",
    "Support",
    "ReadOnly",
    "PowerUser",
    "Finance",
    "Release",
];
const SSO_PATH: &str = "aws-reserved/sso.amazonaws.com/eu-central-1/";

/// Adds all of them.
pub(crate) fn cast(caster: &mut Caster<'_>) {
    for number in 0..caster.share(200) {
        // One in ten is new, one in fifteen leaves.
        let employed = match number % 30 {
            0..3 => (caster.rng.i64(4..DAYS - 4), DAYS),
            3..5 => (0, caster.rng.i64(10..DAYS)),
            _ => (0, DAYS),
        };
        let user = user(caster, employed);
        caster.keep(user);
    }
    for number in 0..caster.share(95) {
        let role = shared_role(caster, number);
        caster.keep(role);
    }
    for number in 0..caster.share(20) {
        let admin = admin(caster, number);
        caster.keep(admin);
    }
}

/// A person, and where they live and work.
pub(crate) fn person(caster: &mut Caster<'_>, employed: (i64, i64)) -> Person {
    let rng = &mut caster.rng;
    let (country, hours): (&'static str, f64) = sample::weighted(rng, &PLACES);
    let (first, last) = (sample::any(rng, &FIRST), sample::any(rng, &LAST));
    let label = format!("{first}.{last}{}@{}.example", rng.u32(1..100), caster.company);
    let home = sample::any(rng, &network::of(network::Kind::Home, Some(country)));
    let mobile = sample::any(rng, &network::of(network::Kind::Mobile, Some(country)));
    let office = network::of(network::Kind::Office, Some(country))[0];
    let gateways = network::of(network::Kind::Gateway, None);
    let abroad = network::of(network::Kind::Abroad, None);
    let company = text::seed_of(caster.company);
    Person {
        label,
        country,
        zone: (hours * 3_600.0) as i64,
        home,
        mobile,
        office: [0, 1].map(|line| network::address(office, text::mix(company, 70 + line))),
        gateway: (rng.u32(..4) == 0).then(|| sample::any(rng, &gateways)),
        office_days: sample::weighted(rng, &[(2, 0), (3, 2), (3, 3), (2, 5)]),
        holiday: if rng.u32(..3) == 0 { rng.i64(0..DAYS) } else { -100 },
        travel: (rng.u32(..12) == 0).then(|| (rng.i64(3..DAYS), sample::any(rng, &abroad))),
        employed,
        seed: rng.u64(..),
    }
}

fn desk_clients(caster: &mut Caster<'_>, principal: &mut Principal) {
    let mains = [(5, Family::Cli), (4, Family::Console), (3, Family::Boto), (1, Family::Rclone)];
    let family = sample::weighted(&mut caster.rng, &mains);
    let upgrades = caster.rng.usize(0..4);
    principal.clients = vec![caster.install(family, upgrades)];
    if caster.rng.bool() {
        let second = if family == Family::Console { Family::Cli } else { Family::Console };
        principal.clients.push(caster.install(second, 2));
    }
}

/// One to four buckets, mostly of one team.
fn desk_habits(caster: &mut Caster<'_>, team: usize, principal: &mut Principal) {
    for number in 0..caster.rng.usize(1..=4) {
        let other = number > 1 && caster.rng.u32(..3) == 0;
        let team = if other { caster.rng.usize(..caster.teams.len()) } else { team };
        let doings = [
            (5, Doing::Browse),
            (4, Doing::Fetch),
            (2, Doing::Upload),
            (2, Doing::Process),
            (1, Doing::Query),
        ];
        let bucket = caster.store_of(team);
        // What another account has is not for everyone.
        if caster.org.stores[bucket].bucket.account != principal.account {
            continue;
        }
        let doing = sample::weighted(&mut caster.rng, &doings);
        principal.habits.push(Habit { bucket, doing, weight: caster.rng.u32(1..8) });
    }
    if principal.habits.is_empty() {
        let bucket = caster.store_of(team);
        principal.habits.push(Habit { bucket, doing: Doing::Browse, weight: 1 });
    }
    principal.naming = Naming::Person;
    principal.failing = (0.006, 0.004);
}

fn user(caster: &mut Caster<'_>, employed: (i64, i64)) -> Principal {
    let team = caster.rng.usize(..caster.teams.len());
    let who = person(caster, employed);
    let name = who.label.split('@').next().unwrap_or_default().to_owned();
    let mut user = caster.principal(Work::Staff, Kind::User, caster.teams[team].1, &name);
    user.rate = sample::log_normal(&mut caster.rng, 6.0, 1.1).min(300.0);
    user.people.push(who);
    user.active =
        (at(employed.0, 0.0).max(START), if employed.1 < DAYS { at(employed.1, 0.0) } else { END });
    if caster.rng.u32(..6) == 0 {
        user.cleans = 0.05;
    }
    desk_clients(caster, &mut user);
    desk_habits(caster, team, &mut user);
    user
}

fn shared_role(caster: &mut Caster<'_>, number: usize) -> Principal {
    let team = caster.rng.usize(..caster.teams.len());
    let mut suffix = String::new();
    text::hex(&mut suffix, caster.rng.u64(..), 16);
    let duty = DUTIES[number % DUTIES.len()];
    let name = format!("AWSReservedSSO_{duty}{number}_{suffix}");
    let mut role = caster.principal(Work::Staff, Kind::Role, caster.teams[team].1, &name);
    role.actor.path = SSO_PATH;
    for _ in 0..sample::weighted(&mut caster.rng, &[(4, 1), (3, 2), (2, 4), (1, 8)]) {
        let employed =
            if caster.rng.u32(..12) == 0 { (caster.rng.i64(5..55), DAYS) } else { (0, DAYS) };
        let who = person(caster, employed);
        role.people.push(who);
    }
    role.rate = sample::log_normal(&mut caster.rng, 5.0, 1.0).min(250.0);
    if caster.rng.u32(..6) == 0 {
        role.cleans = 0.05;
    }
    desk_clients(caster, &mut role);
    desk_habits(caster, team, &mut role);
    role
}

fn admin(caster: &mut Caster<'_>, number: usize) -> Principal {
    let mut suffix = String::new();
    text::hex(&mut suffix, caster.rng.u64(..), 16);
    let account = number % caster.org.accounts.len();
    let name = format!("AWSReservedSSO_Administrator{number}_{suffix}");
    let mut admin = caster.principal(Work::Admin, Kind::Role, account, &name);
    admin.actor.path = SSO_PATH;
    for _ in 0..caster.rng.usize(1..4) {
        let who = person(caster, (0, DAYS));
        admin.people.push(who);
    }
    admin.rate = sample::log_normal(&mut caster.rng, 10.0, 0.6);
    desk_clients(caster, &mut admin);
    admin.naming = Naming::Person;
    admin.failing = (0.01, 0.01);
    let own = |at: &usize| caster.org.stores[*at].bucket.account == account;
    admin.habits = (0..caster.org.stores.len())
        .filter(own)
        .map(|bucket| Habit { bucket, doing: Doing::Manage, weight: 1 })
        .collect();
    admin
}
