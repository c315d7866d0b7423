//! The data lake: Firehose, Glue every hour, EMR every night, Athena all day, QuickSight.

use std::sync::Arc;

use super::agents::{self, by_service, open};
use super::calls::{Call, Session, Via, delete, get, head, list, put, size};
use super::clock::{self, DAYS, HOUR, at};
use super::dice::Dice;
use super::identities::{Origin, Role, role, session};
use super::journal::Journal;
use super::networks;
use super::world::{ARTIFACTS, ATHENA, COMMERCE, CURATED, EMR_LOGS, FEATURES, LANDING};

const ENDPOINT: &str = "vpce-04d92e6f1b0a7c35e";
pub const SETS: [&str; 7] =
    ["clickstream", "orders", "customers", "stock", "returns", "prices", "campaigns"];

pub fn log(journal: &mut Journal) {
    firehose(journal);
    glue(journal);
    emr(journal);
    scheduled_queries(journal);
    dashboards(journal);
}

fn firehose(journal: &mut Journal) {
    let mut dice = journal.dice("firehose");
    for day in 0..DAYS {
        for (stream, every) in [("clickstream", 300), ("orders", 900)] {
            let role = Role {
                account: COMMERCE,
                path: "/service-role/",
                name: "KinesisFirehose-nordkiosk",
            };
            let origin = Origin::Service("firehose.amazonaws.com");
            let who = session(&mut dice, role, "ToS3", at(day, 0.0), origin);
            let stream_session = by_service(who, "firehose.amazonaws.com");
            for slot in 0..86_400 / every {
                let time = at(day, 0.0) + slot * every + dice.between(0, 20);
                let hour = clock::text(time)[..13].replace(['-', 'T'], "/");
                let key = format!("{stream}/{hour}/{stream}-1-{}", dice.uuid());
                let length = size(&key, 1.8e6, 0.5);
                journal.log(time, &stream_session, put(&LANDING, key, length));
            }
        }
    }
}

/// Spark's way to write: temporary files, copies, deletes, markers.
fn spark_output(
    journal: &mut Journal,
    dice: &mut Dice,
    time: i64,
    worker: &Arc<Session>,
    folder: &str,
    files: i64,
) {
    for number in 0..files {
        let name = format!("part-{number:05}-{}.c000.snappy.parquet", dice.uuid());
        let staged = format!("{folder}/_temporary/0/{name}");
        let (length, time) = (size(&name, 2.2e7, 0.6), time + number);
        journal.log(time, worker, put(&CURATED, staged.clone(), length));
        let source = format!(r#","x-amz-copy-source":"{}/{staged}""#, CURATED.name);
        let copy = Call::new("CopyObject", &CURATED, format!("{folder}/{name}")).sends(234);
        journal.log(time + 4, worker, copy.with(source));
        journal.log(time + 6, worker, delete(&CURATED, staged));
    }
    let marker = format!("{folder}/_temporary_$folder$");
    journal.log(time + files + 8, worker, delete(&CURATED, marker));
    journal.log(time + files + 9, worker, put(&CURATED, format!("{folder}/_SUCCESS"), 0));
}

fn glue(journal: &mut Journal) {
    let mut dice = journal.dice("glue");
    for day in 0..DAYS {
        for hour in 0..24_u8 {
            if dice.chance(0.03) {
                continue;
            }
            let time = at(day, f64::from(hour) + 0.12) + dice.between(0, 300);
            let role = role(COMMERCE, "glue-etl-landing-to-curated");
            let who = session(&mut dice, role, "GlueJobRunnerSession", time - 60, Origin::Plain);
            let place = networks::private(&mut dice, 60);
            let worker = open(who, &place, agents::GLUE, Via::Endpoint(ENDPOINT));
            journal.log(time, &worker, get(&ARTIFACTS, "glue/landing_to_curated.py", 18_420));
            let hour = clock::text(time - HOUR)[..13].replace(['-', 'T'], "/");
            journal.log(time + 20, &worker, list(&LANDING, &format!("clickstream/{hour}/"), 12));
            for number in 0..dice.between(11, 14) {
                let key = format!("clickstream/{hour}/clickstream-1-{number}");
                let call = get(&LANDING, key.clone(), size(&key, 1.8e6, 0.5));
                let call = if dice.chance(0.003) { call.fails("InternalError") } else { call };
                journal.log(time + 25 + number, &worker, call);
            }
            let folder = format!("clickstream/dt={}", clock::text(time)[..13].replace('T', "/hr="));
            let files = dice.between(2, 4);
            spark_output(journal, &mut dice, time + 120, &worker, &folder, files);
        }
    }
}

/// A cluster per night; three nights late, one not at all.
fn emr(journal: &mut Journal) {
    let mut dice = journal.dice("emr");
    for day in (0..DAYS).filter(|day| *day != 23) {
        let late = if [6, 25, 26].contains(&day) { 3.4 } else { 0.0 };
        let begin = at(day, 3.3 + late) + dice.between(0, 500);
        let cluster = dice.upper(13);
        let role = role(COMMERCE, "EMR_EC2_DefaultRole");
        for node in 0..dice.between(3, 4) {
            let instance = format!("i-0{}", dice.hex(16));
            let who = session(&mut dice, role, &instance, begin - 200, Origin::Instance);
            let place = networks::private(&mut dice, 62);
            let worker = open(who, &place, agents::HADOOP, Via::Endpoint(ENDPOINT));
            emr_node(journal, &mut dice, day, begin + node * 3, &worker);
            for number in 0..dice.between(6, 12) {
                let key = format!("elasticmapreduce/j-{cluster}/node/{instance}/log-{number}.gz");
                journal.log(begin + number * 300, &worker, put(&EMR_LOGS, key, 14_000));
            }
        }
    }
}

fn emr_node(journal: &mut Journal, dice: &mut Dice, day: i64, begin: i64, worker: &Arc<Session>) {
    journal.log(begin, worker, get(&ARTIFACTS, "emr/bootstrap.sh", 3_021));
    let date = clock::text(at(day - 1, 12.0));
    for set in SETS {
        let folder = format!("{set}/dt={}", &date[..10]);
        journal.log(begin + 200, worker, list(&CURATED, &folder, 30));
        for number in 0..dice.count(17.0) {
            let key = format!("{folder}/part-{number:05}.c000.snappy.parquet");
            let time = begin + 220 + dice.between(0, 1500);
            journal.log(time, worker, head(&CURATED, key.clone()));
            journal.log(time, worker, get(&CURATED, key.clone(), size(&key, 2.2e7, 0.6)));
        }
    }
    let folder = format!("daily/{}/dt={}", SETS[dice.below(SETS.len())], &date[..10]);
    spark_output(journal, dice, begin + 1900, worker, &folder, 7);
    // Since day 19 features have a bucket of their own.
    if day >= 20 {
        for number in 0..5 {
            let key = format!("basket/dt={}/part-{number:05}.parquet", &date[..10]);
            let length = size(&key, 6e6, 0.4);
            journal.log(begin + 2100 + number, worker, put(&FEATURES, key, length));
        }
    }
}

/// A query of Athena: reads of the lake and a result, in the name of who asks.
pub fn query(journal: &mut Journal, dice: &mut Dice, time: i64, engine: &Arc<Session>, days: i64) {
    let set = SETS[dice.favourite(SETS.len())];
    let today = (time - clock::START) / 86_400;
    journal.log(time, engine, list(&CURATED, &format!("{set}/"), 45));
    for back in 1..=days {
        let date = clock::text(at(today - back, 12.0));
        for number in 0..dice.between(2, 5) {
            let key = format!("{set}/dt={}/part-{number:05}.c000.snappy.parquet", &date[..10]);
            let ranged = size(&key, 2.2e7, 0.6) / 5;
            journal.log(time + dice.between(1, 9), engine, get(&CURATED, key, ranged));
        }
    }
    let result = format!("primary/{}.csv", dice.uuid());
    let length = size(&result, 7e4, 1.6);
    journal.log(time + 11, engine, put(&ATHENA, result.clone(), length));
    journal.log(time + 11, engine, put(&ATHENA, format!("{result}.metadata"), 402));
    journal.log(time + 13, engine, get(&ATHENA, result, length));
}

fn scheduled_queries(journal: &mut Journal) {
    let mut dice = journal.dice("airflow");
    for day in 0..DAYS {
        let origin = Origin::Service("athena.amazonaws.com");
        for hour in 0..24_u8 {
            let time = at(day, f64::from(hour) + 0.55) + dice.between(0, 120);
            let name = format!("airflow-{}", time / 86_400);
            let who =
                session(&mut dice, role(COMMERCE, "mwaa-execution"), &name, time - 900, origin);
            let engine = by_service(who, "athena.amazonaws.com");
            query(journal, &mut dice, time, &engine, 2);
        }
    }
}

fn dashboards(journal: &mut Journal) {
    let mut dice = journal.dice("quicksight");
    let role =
        Role { account: COMMERCE, path: "/service-role/", name: "aws-quicksight-service-role-v0" };
    for day in 0..DAYS {
        let time = at(day, 6.4) + dice.between(0, 240);
        let origin = Origin::Service("athena.amazonaws.com");
        let who = session(&mut dice, role, "QuickSightAssumeRoleSession", time - 10, origin);
        let engine = by_service(who, "athena.amazonaws.com");
        for number in 0..dice.between(7, 11) {
            query(journal, &mut dice, time + number * 40, &engine, 3);
        }
    }
}
