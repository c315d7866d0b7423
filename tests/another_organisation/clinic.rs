//! Imaging, cohorts and notebooks of the research account, and what the hospital's own rooms send.

use std::sync::Arc;

use super::agents::{self, by_service, open};
use super::calls::{Call, Session, Via, get, head, list, put, size};
use super::clock::{self, DAYS, OFFICE, at, within};
use super::dice::{Dice, fixed};
use super::genomics::ENDPOINT;
use super::identities::{Origin, Role, role, session, user};
use super::journal::Journal;
use super::networks;
use super::world::{
    BACKUPS, COHORTS, IMAGING, IMAGING_COPY, INBOX, OPEN_DATA, RESEARCH, RESULTS, TEACHING,
};

pub const BACKUP_ADDRESS: &str = "193.174.91.66";

pub fn log(journal: &mut Journal) {
    imaging(journal);
    cohorts(journal);
    notebooks(journal);
    backups(journal);
    mirror(journal);
}

/// A study's series, and its files.
fn study(dice: &mut Dice, day: i64) -> (String, i64) {
    let month = &clock::text(at(day, 12.0))[..7].replace('-', "/");
    (
        format!("dicom/{month}/1.2.276.0.7230010.3.1.2.{}", dice.between(1_000_000, 9_999_999)),
        dice.count(9.0),
    )
}

pub fn pacs(day: i64) -> Arc<Session> {
    let address = if day % 9 == 4 { "193.174.91.21" } else { "193.174.91.20" };
    open(user(RESEARCH, "pacs-gateway"), address, agents::PACS, Via::Internet)
}

/// Studies arrive, are replicated to Spain, and read by a model.
fn imaging(journal: &mut Journal) {
    let mut dice = journal.dice("imaging");
    let copier = Role {
        account: RESEARCH,
        path: "/service-role/",
        name: "s3crr_role_for_nlk-clinical-imaging",
    };
    for day in 0..DAYS {
        let gateway = pacs(day);
        let who = session(&mut dice, copier, "s3-replication", at(day, 0.0), Origin::Plain);
        let copier = by_service(who, "s3.amazonaws.com");
        let task = dice.hex(32);
        let who = session(
            &mut dice,
            role(RESEARCH, "nlk-imaging-inference"),
            &task,
            at(day, 1.0),
            Origin::Plain,
        );
        let place = networks::private(&mut dice, 44);
        let model = open(who, &place, agents::BOTO, Via::Endpoint(ENDPOINT));
        let studies = dice.count(if clock::is_workday(day) { 13.0 } else { 3.5 });
        for _ in 0..studies {
            let time = within(&mut dice, day, &OFFICE);
            let (series, files) = study(&mut dice, day);
            for file in 0..files {
                let key = format!("{series}/{file:04}.dcm");
                let length = size(&key, 7e6, 1.1);
                let time = time + file * 2;
                journal.log(time, &gateway, put(&IMAGING, key.clone(), length));
                let lag = dice.between(4, 140);
                journal.log(time + lag, &copier, get(&IMAGING, key.clone(), length));
                journal.log(time + lag + 1, &copier, put(&IMAGING_COPY, key.clone(), length));
                journal.log(time + 30, &model, get(&IMAGING, key, length));
            }
            journal.log(
                time + 90,
                &model,
                put(&IMAGING, format!("{series}/inference.json"), 8_122),
            );
        }
    }
}

pub const TABLES: [&str; 6] =
    ["demographics", "diagnoses", "laboratory", "medication", "procedures", "followup"];

/// The cohorts are made anew in the early morning of workdays.
fn cohorts(journal: &mut Journal) {
    let mut dice = journal.dice("cohorts");
    for day in (0..DAYS).filter(|day| clock::weekday(*day) < 6) {
        let begin = at(day, dice.around(4.7, 0.05));
        let name = format!("cohort-etl-{}", dice.hex(8));
        let who = session(&mut dice, role(RESEARCH, "nlk-cohort-etl"), &name, begin, Origin::Plain);
        let place = networks::private(&mut dice, 44);
        let etl = open(who, &place, agents::BOTO, Via::Endpoint(ENDPOINT));
        for table in TABLES {
            journal.log(begin, &etl, list(&COHORTS, &format!("source/{table}/"), 12));
            for part in 0..dice.between(5, 9) {
                let key = format!("source/{table}/part-{part:05}.parquet");
                journal.log(
                    begin + part * 3,
                    &etl,
                    get(&COHORTS, key.clone(), size(&key, 4e7, 0.6)),
                );
            }
            let key = format!("cohorts/{table}/d={}/part-0.parquet", &clock::text(begin)[..10]);
            journal.log(begin + 400, &etl, put(&COHORTS, key.clone(), size(&key, 9e7, 0.4)));
        }
        journal.log(begin + 520, &etl, put(&RESULTS, "cohorts/summary.json", 66_210));
    }
}

pub const NOTEBOOKS: [(&str, &str); 3] = [
    ("i-0b7d3a91c64e2f850", "10.44.3.17"),
    ("i-04c9e6d2170ab83ff", "10.44.3.92"),
    ("i-0e51f8b7a3d90c264", "10.44.7.40"),
];

/// A session of a machine for notebooks; credentials change every few hours.
pub fn notebook(dice: &mut Dice, machine: usize, time: i64) -> Arc<Session> {
    let (instance, place) = NOTEBOOKS[machine];
    let role = role(RESEARCH, "nlk-jupyter-notebook");
    let who = session(dice, role, instance, time - time % 21_600, Origin::Instance);
    open(who, place, agents::BOTO, Via::Endpoint(ENDPOINT))
}

fn notebooks(journal: &mut Journal) {
    let mut dice = journal.dice("notebooks");
    for day in 0..DAYS {
        for machine in 0..NOTEBOOKS.len() {
            let busy = if clock::is_workday(day) { 0.75 } else { 0.12 };
            if !dice.chance(busy) {
                continue;
            }
            for _ in 0..dice.count(3.0) {
                let time = within(&mut dice, day, &OFFICE);
                let user = notebook(&mut dice, machine, time);
                notebook_cells(journal, &mut dice, day, time, &user);
            }
        }
    }
}

fn notebook_cells(
    journal: &mut Journal,
    dice: &mut Dice,
    day: i64,
    time: i64,
    user: &Arc<Session>,
) {
    let table = TABLES[dice.favourite(TABLES.len())];
    let date = clock::text(at((day - dice.between(0, 4)).max(0), 4.0));
    let prefix = format!("cohorts/{table}/d={}/", &date[..10]);
    journal.log(time, user, list(&COHORTS, &prefix, 1));
    let key = format!("{prefix}part-0.parquet");
    let length = size(&key, 9e7, 0.4);
    journal.log(time + 3, user, head(&COHORTS, key.clone()));
    journal.log(time + 4, user, get(&COHORTS, key, length));
    for number in 0..dice.count(6.0) {
        let key =
            format!("runs/{}/NLK26-{}.maf", fixed(9, &date).hex(6), 1200 + dice.between(0, 90));
        let call = get(&RESULTS, key.clone(), size(&key, 3.1e7, 0.5));
        let call = if dice.chance(0.05) { call.fails("NoSuchKey") } else { call };
        journal.log(time + 60 + number * 25, user, call);
    }
    if dice.chance(0.35) {
        let key = format!("notebooks/figures/{}.png", dice.hex(8));
        journal.log(time + 900, user, put(&RESULTS, key.clone(), size(&key, 4e5, 0.7)));
    }
}

pub fn veeam() -> Arc<Session> {
    open(user(RESEARCH, "backup-veeam"), BACKUP_ADDRESS, agents::VEEAM, Via::Internet)
}

/// The name of a block of a backup.
pub fn block(day: i64, number: i64) -> String {
    format!("Veeam/Backup/nlk-hh/Clients/{{7c1f}}/blocks/{:03}/{number:05}.blk", day + 300)
}

/// Every night blocks go up, and a few old ones are dropped.
fn backups(journal: &mut Journal) {
    let mut dice = journal.dice("backups");
    let agent = veeam();
    for day in 0..DAYS {
        // Once the backup server was down for two nights.
        if day == 8 || day == 9 {
            continue;
        }
        let mut now = at(day, dice.around(22.4, 0.02));
        journal.log(now, &agent, Call::new("HeadBucket", &BACKUPS, ""));
        journal.log(now + 1, &agent, list(&BACKUPS, "Veeam/Backup/nlk-hh/", 40));
        let full = clock::weekday(day) == 5;
        for number in 0..dice.count(if full { 420.0 } else { 95.0 }) {
            let key = block(day, number);
            let length = size(&key, 8e5, 0.4);
            journal.log(now, &agent, put(&BACKUPS, key, length));
            now += dice.between(0, 6);
        }
        journal.log(now + 2, &agent, get(&BACKUPS, "Veeam/Backup/nlk-hh/Clients/metadata", 91_223));
        let outdated: Vec<_> = (0..dice.count(7.0)).map(|number| block(day - 30, number)).collect();
        for key in outdated {
            now += dice.between(1, 5);
            journal.log(now, &agent, super::calls::delete(&BACKUPS, key));
        }
    }
}

/// Public data for others and from others, and a folder for teaching.
fn mirror(journal: &mut Journal) {
    let mut dice = journal.dice("mirror");
    for day in (0..DAYS).filter(|day| clock::weekday(*day) == 2) {
        let begin = at(day, dice.around(2.2, 0.1));
        let who =
            session(&mut dice, role(RESEARCH, "nlk-open-data-sync"), "sync", begin, Origin::Plain);
        let place = networks::function(&mut dice);
        let sync = open(who, &place, agents::BOTO, Via::Internet);
        journal.log(begin, &sync, list(&OPEN_DATA, "clinvar/", 400));
        for number in 0..dice.count(110.0) {
            let key = format!("clinvar/{}/chunk-{number:04}.vcf.gz", &clock::text(begin)[..10]);
            let length = size(&key, 2e7, 0.4);
            journal.log(begin + number * 2, &sync, put(&OPEN_DATA, key, length));
        }
        journal.log(begin + 300, &sync, list(&TEACHING, "", 33));
        journal.log(begin + 301, &sync, get(&INBOX, "manifests/latest.json", 1_822));
    }
}
