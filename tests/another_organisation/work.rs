//! What people do with the console and the command line.

use std::sync::Arc;

use super::agents::{self, by_service, cli, open};
use super::calls::{Call, Session, Via, get, head, inspect, list, list_buckets, put, size};
use super::clock::{self, DAYS, OFFICE, at, within};
use super::dice::Dice;
use super::identities::{Origin, session};
use super::journal::Journal;
use super::lake;
use super::networks;
use super::people::{ON_CALL, PEOPLE, Person, Set};
use super::world::{
    ARTIFACTS, ATHENA, BACKUPS, Bucket, COHORTS, CURATED, EMR_LOGS, EXPORTS, FASTQ, FEATURES,
    INBOX, INVENTORY, INVOICES, LANDING, LOGS, MEDIA, RESEARCH, RESULTS, SCRATCH, TEACHING,
    TERRAFORM, UPLOADS, WEBSITE,
};

/// A bucket that is looked into, a folder in it, the usual size of its objects.
type Place = (&'static Bucket, &'static str, f64);

pub fn log(journal: &mut Journal) {
    for (number, person) in PEOPLE.iter().enumerate() {
        let mut dice = journal.dice(&format!("{}/{number}", person.mail));
        for day in (0..DAYS).filter(|day| person.works(*day)) {
            work_day(journal, &mut dice, person, day);
        }
    }
    nights(journal);
}

fn work_day(journal: &mut Journal, dice: &mut Dice, person: &Person, day: i64) {
    let weekend = !clock::is_workday(day);
    if weekend && !dice.chance(0.04) {
        return;
    }
    let usual = place(dice, person, day);
    for _ in 0..dice.count(person.busy) {
        let time = within(dice, day, &OFFICE);
        let address = if dice.chance(0.08) { place(dice, person, day) } else { usual.clone() };
        stint(journal, dice, person, time, &address);
    }
}

/// Tuesday to Thursday many are in the office; the rest is homes and, now and then, trains.
fn place(dice: &mut Dice, person: &Person, day: i64) -> String {
    if person.mail.starts_with("l.hoffmann") && (22..=25).contains(&day) {
        // A conference in Barcelona.
        return format!("88.27.114.{}", 60 + day % 2);
    }
    let office = if (1..=3).contains(&clock::weekday(day)) { 0.6 } else { 0.2 };
    let far = person.mail.starts_with("p.nowak") || person.mail.starts_with("o.kovacs");
    if dice.chance(office) && !far {
        return if person.account == RESEARCH {
            networks::campus(dice)
        } else {
            networks::office(dice)
        };
    }
    match dice.unit() {
        x if x < person.vpn => networks::vpn(dice),
        x if x > 0.96 => networks::mobile(dice),
        _ => person.at_home(day),
    }
}

pub fn identity(dice: &mut Dice, person: &Person, time: i64) -> super::identities::Identity {
    let since = time - dice.between(30, 5 * clock::HOUR);
    session(dice, person.role(), person.mail, since, Origin::Plain)
}

fn stint(journal: &mut Journal, dice: &mut Dice, person: &Person, time: i64, address: &str) {
    let who = identity(dice, person, time);
    if person.set == Set::Data && dice.chance(0.7) {
        queries(journal, dice, person, time, address);
    }
    let places = favourites(person);
    if dice.chance(person.console) {
        let browser = open(who.clone(), address, person.browser, Via::Console);
        let backend = open(who, address, agents::CONSOLE, Via::Console);
        for round in 0..dice.between(1, 3) {
            let place = places[dice.favourite(places.len())];
            browse(journal, dice, time + round * 240, &backend, &browser, place);
        }
    } else {
        let place = places[dice.favourite(places.len())];
        command_line(journal, dice, person, time, &who, address, place);
    }
    if person.set == Set::Admin && dice.chance(0.5) {
        let who = identity(dice, person, time);
        let backend = open(who, address, agents::CONSOLE, Via::Console);
        settings(journal, dice, person, time + 700, &backend);
    }
}

const ANALYST: [Place; 3] =
    [(&RESULTS, "runs", 8e6), (&TEACHING, "2026", 3e6), (&INBOX, "hansegen", 2e6)];
const POWER: [Place; 5] = [
    (&RESULTS, "runs", 4e7),
    (&FASTQ, "runs", 9e4),
    (&SCRATCH, "work", 2e4),
    (&COHORTS, "cohorts", 6e7),
    (&TEACHING, "2026", 3e6),
];
const ADMIN_OF_RESEARCH: [Place; 4] = [
    (&LOGS, "AWSLogs", 3e4),
    (&TERRAFORM, "research", 6e5),
    (&INVENTORY, "nlk-gen-results", 4e5),
    (&BACKUPS, "Veeam", 9e4),
];
const ADMIN_OF_COMMERCE: [Place; 3] =
    [(&ARTIFACTS, "shop", 2e6), (&EMR_LOGS, "elasticmapreduce", 2e4), (&MEDIA, "theme", 5e4)];
const DEVELOPER: [Place; 4] = [
    (&ARTIFACTS, "shop", 2e6),
    (&MEDIA, "catalog", 2e5),
    (&UPLOADS, "reviews", 2e6),
    (&WEBSITE, "img", 9e4),
];
const DATA: [Place; 4] = [
    (&ATHENA, "primary", 8e4),
    (&CURATED, "orders", 9e6),
    (&LANDING, "clickstream", 1e6),
    (&FEATURES, "basket", 5e6),
];
const SUPPORT: [Place; 3] =
    [(&INVOICES, "2026/04", 9e4), (&UPLOADS, "reviews", 2e6), (&EXPORTS, "refunds", 4e5)];

fn favourites(person: &Person) -> &'static [Place] {
    match (person.set, person.account == RESEARCH) {
        (Set::Analyst, _) => &ANALYST,
        (Set::Power, _) => &POWER,
        (Set::Admin, true) => &ADMIN_OF_RESEARCH,
        (Set::Admin, false) => &ADMIN_OF_COMMERCE,
        (Set::Developer, _) => &DEVELOPER,
        (Set::Data, _) => &DATA,
        (Set::Support, _) => &SUPPORT,
    }
}

/// Features are there since day 20; before, nobody looks.
fn existing(time: i64, place: Place) -> Place {
    let (bucket, ..) = place;
    if bucket == &FEATURES && time < at(20, 8.0) { (&ATHENA, "primary", 8e4) } else { place }
}

fn key(dice: &mut Dice, folder: &str) -> String {
    let name = *dice.pick(&["report", "summary", "export", "table", "Übersicht", "data", "notes"]);
    let ending = *dice.pick(&["csv", "json", "pdf", "html", "txt", "gz", "xlsx"]);
    format!("{folder}/{}/{name}-{}.{ending}", dice.between(100, 900), dice.between(1, 400))
}

/// From the list of buckets down to an object.
fn browse(
    journal: &mut Journal,
    dice: &mut Dice,
    time: i64,
    backend: &Arc<Session>,
    browser: &Arc<Session>,
    place: Place,
) {
    let (bucket, folder, median) = existing(time, place);
    if dice.chance(0.6) {
        journal.log(time, backend, list_buckets());
    }
    journal.log(time + 4, browser, inspect("GetBucketLocation", bucket));
    journal.log(time + 5, browser, list(bucket, "", 9));
    journal.log(time + 6, backend, inspect("GetBucketVersioning", bucket));
    let mut now = time + 12;
    for _ in 0..dice.between(1, 4) {
        journal.log(now, browser, list(bucket, &format!("{folder}/"), 40));
        now += dice.between(4, 30);
    }
    for _ in 0..dice.between(0, 3) {
        let key = key(dice, folder);
        journal.log(now, browser, head(bucket, key.clone()));
        if dice.chance(0.15) {
            let call = Call::new("GetObjectTagging", bucket, key.clone());
            journal.log(now + 1, browser, call.with(r#","tagging":"""#));
        }
        if dice.chance(0.6) {
            let length = size(&key, median, 1.0);
            journal.log(now + 5, browser, get(bucket, key, length));
        }
        now += dice.between(10, 90);
    }
    if dice.chance(0.05) {
        let call = list(&COHORTS, "", 0).fails("AccessDenied");
        if browser.who.account == RESEARCH {
            journal.log(now + 20, browser, call);
        }
    }
}

fn command_line(
    journal: &mut Journal,
    dice: &mut Dice,
    person: &Person,
    time: i64,
    who: &super::identities::Identity,
    address: &str,
    place: Place,
) {
    let (bucket, folder, median) = existing(time, place);
    let (writes, removes) = match person.set {
        Set::Power => (0.35, 0.12),
        Set::Developer => (0.3, 0.1),
        Set::Data => (0.15, 0.05),
        Set::Analyst => (0.03, 0.0),
        // They may read only, or change things through Terraform.
        Set::Admin | Set::Support => (0.0, 0.0),
    };
    let run =
        |command: &str| open(who.clone(), address, &cli(person.system, command), Via::Internet);
    let lister = run("s3.ls");
    for number in 0..dice.between(1, 3) {
        journal.log(time + number * 15, &lister, list(bucket, &format!("{folder}/"), 60));
    }
    let reader = run("s3.cp");
    let many = if dice.chance(0.12) { dice.between(15, 60) } else { dice.between(1, 6) };
    for number in 0..many {
        let key = key(dice, folder);
        let time = time + 50 + number * 2;
        journal.log(time, &reader, head(bucket, key.clone()));
        let call = get(bucket, key.clone(), size(&key, median, 1.0));
        journal.log(time, &reader, if dice.chance(0.02) { call.fails("NoSuchKey") } else { call });
    }
    if dice.chance(writes) {
        for number in 0..dice.between(1, 8) {
            let key = key(dice, folder);
            let length = size(&key, median, 0.8);
            journal.log(time + 300 + number * 3, &reader, put(bucket, key, length));
        }
    }
    if dice.chance(removes) {
        let eraser = run("s3.rm");
        for number in 0..dice.between(1, 6) {
            let call = super::calls::delete(bucket, key(dice, folder));
            journal.log(time + 500 + number, &eraser, call);
        }
    }
}

fn queries(journal: &mut Journal, dice: &mut Dice, person: &Person, time: i64, address: &str) {
    let role = person.role();
    let origin = Origin::Service("athena.amazonaws.com");
    let who = session(dice, role, person.mail, time - 300, origin);
    let engine = by_service(who, "athena.amazonaws.com");
    for number in 0..dice.between(1, 5) {
        let days = dice.between(1, 6);
        lake::query(journal, dice, time + number * 150, &engine, days);
    }
    let who = identity(dice, person, time);
    let browser = open(who, address, person.browser, Via::Console);
    if dice.chance(0.4) {
        let result = format!("primary/{}.csv", dice.uuid());
        journal.log(time + 600, &browser, get(&ATHENA, result.clone(), size(&result, 7e4, 1.6)));
    }
}

/// An administrator looks at how buckets are set up.
fn settings(
    journal: &mut Journal,
    dice: &mut Dice,
    person: &Person,
    time: i64,
    backend: &Arc<Session>,
) {
    let day = (time - clock::START) / 86_400;
    let buckets = super::world::of_account(person.account, day);
    journal.log(time, backend, list_buckets());
    for _ in 0..dice.between(1, 2) {
        let bucket = buckets[dice.favourite(buckets.len())];
        for name in [
            "GetBucketAcl",
            "GetBucketPolicy",
            "GetBucketPolicyStatus",
            "GetBucketPublicAccessBlock",
            "GetBucketOwnershipControls",
            "GetBucketCors",
            "GetBucketEncryption",
        ] {
            journal.log(time + 8 + dice.between(0, 3), backend, inspect(name, bucket));
        }
    }
}

/// Some nights who is on call is woken, and looks at logs from wherever that is.
fn nights(journal: &mut Journal) {
    let mut dice = journal.dice("on-call");
    for day in 0..DAYS {
        if !dice.chance(0.16) {
            continue;
        }
        let on_call = &PEOPLE[ON_CALL[(day / 7) as usize % ON_CALL.len()]];
        let time = at(day, 0.5 + dice.unit() * 5.0);
        let address =
            if dice.chance(0.6) { networks::mobile(&mut dice) } else { on_call.at_home(day) };
        stint(journal, &mut dice, on_call, time, &address);
    }
}
