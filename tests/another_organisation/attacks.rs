//! Twelve attacks in the last nine days, two of a kind, and the truth about them.

use std::sync::Arc;

use super::agents::{self, cli, open};
use super::calls::{Call, Session, Via, delete, get, inspect, list, list_buckets, put, size};
use super::clinic;
use super::clock::{HOUR, at};
use super::dice::Dice;
use super::genomics;
use super::identities::{Origin, anonymous, role, session, user};
use super::journal::Journal;
use super::people::named;
use super::shop;
use super::work::identity;
use super::world::{
    ARTIFACTS, ATHENA, BACKUPS, Bucket, COHORTS, COMMERCE, CURATED, EXPORTS, FASTQ, IMAGING, INBOX,
    INVOICES, RESEARCH, RESULTS, TEACHING,
};

/// What an attack is, and which events of the journal are its own.
pub struct Planted {
    pub kind: &'static str,
    /// The ARN as the logs have it; empty for anonymous callers.
    pub principal: String,
    pub events: std::ops::Range<usize>,
}

/// Plants all attacks, in the order of the kinds.
pub fn plant(journal: &mut Journal) -> Vec<Planted> {
    let mut dice = journal.dice("attacks");
    let mut planted = Vec::new();
    let attacks: [(&'static str, Attack); 12] = [
        ("mass delete", deleted_backups),
        ("mass delete", deleted_results),
        ("made public", public_invoices),
        ("made public", public_exports),
        ("new principal", new_user),
        ("new principal", new_role),
        ("unusual address", stolen_session),
        ("unusual address", stolen_key),
        ("exfiltration", copied_cohorts),
        ("exfiltration", copied_invoices),
        ("anonymous access", open_teaching),
        ("anonymous access", open_artifacts),
    ];
    for (kind, attack) in attacks {
        let from = journal.events.len();
        let principal = attack(journal, &mut dice);
        planted.push(Planted { kind, principal, events: from..journal.events.len() });
    }
    planted
}

/// Logs an attack and gives the ARN of who did it.
type Attack = fn(&mut Journal, &mut Dice) -> String;

/// On a Sunday before dawn, from the backup server itself.
fn deleted_backups(journal: &mut Journal, dice: &mut Dice) -> String {
    let mut now = at(41, 3.66);
    let who = user(RESEARCH, "backup-veeam");
    let arn = who.arn.to_string();
    let run = |command| {
        let agent = cli(agents::WINDOWS, command);
        open(who.clone(), clinic::BACKUP_ADDRESS, &agent, Via::Internet)
    };
    let (lister, remover) = (run("s3.ls"), run("s3.rm"));
    journal.log(now, &lister, list(&BACKUPS, "", 6));
    journal.log(now + 40, &lister, list(&BACKUPS, "Veeam/Backup/nlk-hh/", 1000));
    now += 95;
    for number in 0..1380 {
        let call = delete(&BACKUPS, clinic::block(20 + number / 90, number % 90));
        journal.log(now + number / 5 + dice.between(0, 1), &remover, call);
    }
    arn
}

/// A researcher, in the evening and from home, with the tool that deletes in batches.
fn deleted_results(journal: &mut Journal, dice: &mut Dice) -> String {
    let person = named("a.brandt@nlk-research.example");
    let begin = at(43, 19.35);
    let who = identity(dice, person, begin);
    let arn = who.arn.to_string();
    let session = open(who, &person.at_home(43), agents::BOTO, Via::Internet);
    journal.log(begin, &session, list(&RESULTS, "runs/", 30));
    for run in 0..5 {
        let time = begin + 30 + run * 75;
        let prefix = format!("runs/2604{:02}_A01234_{:04}/", 10 + run, 437 + run);
        journal.log(time, &session, list(&RESULTS, &prefix, 700));
        let keys: Vec<_> =
            (0..dice.between(560, 760)).map(|n| format!("{prefix}S{n:04}.vcf.gz")).collect();
        journal.delete_many(time + 8, &session, &RESULTS, &keys);
    }
    arn
}

const UNBLOCK: &str = r#","publicAccessBlock":"","PublicAccessBlockConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","BlockPublicAcls":false,"IgnorePublicAcls":false,"BlockPublicPolicy":false,"RestrictPublicBuckets":false}"#;
const WRITER: &str = r#","ownershipControls":"","OwnershipControls":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"ObjectOwnership":"BucketOwnerPreferred"}}"#;

/// A developer's session opens the bucket of the invoices.
fn public_invoices(journal: &mut Journal, dice: &mut Dice) -> String {
    let begin = at(37, 13.2);
    let who = identity(dice, named("t.yilmaz@nordkiosk.example"), begin);
    let arn = who.arn.to_string();
    let run =
        |command| open(who.clone(), "185.44.76.11", &cli(agents::MAC, command), Via::Internet);
    let unblock =
        Call::new("PutBucketPublicAccessBlock", &INVOICES, "").receives(357).with(UNBLOCK);
    journal.log(begin, &run("s3api.put-public-access-block"), unblock);
    let writer = Call::new("PutBucketOwnershipControls", &INVOICES, "").receives(190).with(WRITER);
    journal.log(begin + 31, &run("s3api.put-bucket-ownership-controls"), writer);
    let acl =
        Call::new("PutBucketAcl", &INVOICES, "").with(r#","acl":"","x-amz-acl":"public-read""#);
    journal.log(begin + 58, &run("s3api.put-bucket-acl"), acl);
    journal.log(begin + 75, &run("s3api.get-bucket-acl"), inspect("GetBucketAcl", &INVOICES));
    arn
}

const READ_FOR_ALL: &str = r#","acl":"","AccessControlPolicy":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Owner":{"ID":"9c1d8e2f6b7a40315c2e9d8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b"},"AccessControlList":{"Grant":[{"Grantee":{"xsi:type":"CanonicalUser","ID":"9c1d8e2f6b7a40315c2e9d8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b","xmlns:xsi":"http://www.w3.org/2001/XMLSchema-instance"},"Permission":"FULL_CONTROL"},{"Grantee":{"xsi:type":"Group","URI":"http://acs.amazonaws.com/groups/global/AllUsers","xmlns:xsi":"http://www.w3.org/2001/XMLSchema-instance"},"Permission":"READ"}]}}"#;

/// The key of the product system opens objects of the exports, one by one.
fn public_exports(journal: &mut Journal, dice: &mut Dice) -> String {
    let begin = at(42, 2.25);
    let session = shop::cms();
    journal.log(begin, &session, list(&EXPORTS, "erp/", 60));
    let mut now = begin + 20;
    for number in 0..14 {
        let key = format!("erp/customers/2026-04-{:02}.csv.gz", number + 8);
        let call = Call::new("PutObjectAcl", &EXPORTS, key).receives(712).with(READ_FOR_ALL);
        journal.log(now, &session, call);
        now += dice.between(2, 9);
    }
    session.who.arn.to_string()
}

/// Looks at what there is, and closer at a few buckets whose names promise something.
fn explore(
    journal: &mut Journal,
    dice: &mut Dice,
    begin: i64,
    session: &Arc<Session>,
    buckets: &[&'static Bucket],
) -> i64 {
    let mut now = begin;
    journal.log(now, session, list_buckets());
    for bucket in buckets {
        for name in ["GetBucketLocation", "GetBucketAcl", "GetBucketPolicy", "GetBucketVersioning"]
        {
            now += dice.between(1, 4);
            journal.log(now, session, inspect(name, bucket));
        }
    }
    now
}

fn take(
    journal: &mut Journal,
    dice: &mut Dice,
    begin: i64,
    session: &Arc<Session>,
    places: &[(&'static Bucket, &str, i64, f64)],
) -> i64 {
    let mut now = begin;
    for (bucket, folder, objects, median) in places {
        journal.log(now, session, list(bucket, "", 12));
        now += dice.between(3, 20);
        journal.log(now, session, list(bucket, &format!("{folder}/"), 300));
        for number in 0..*objects {
            let key = format!("{folder}/{number:05}.gz");
            let length = size(&key, *median, 0.8);
            now += dice.between(0, 12);
            journal.log(now, session, get(bucket, key, length));
        }
        now += dice.between(30, 240);
    }
    now
}

/// A user that somebody made for himself, named like all the others.
fn new_user(journal: &mut Journal, dice: &mut Dice) -> String {
    let agent = cli("os/linux#5.10.0-28-amd64 md/arch#x86_64", "s3.cp");
    let session = open(user(COMMERCE, "svc-health-sync"), "146.70.124.203", &agent, Via::Internet);
    let now = explore(
        journal,
        dice,
        at(36, 23.8),
        &session,
        &[&EXPORTS, &INVOICES, &CURATED, &ARTIFACTS],
    );
    let places: [(&'static Bucket, &str, i64, f64); 4] = [
        (&EXPORTS, "erp/customers", 62, 4e6),
        (&INVOICES, "2026/04", 75, 9e4),
        (&CURATED, "customers", 30, 2e7),
        (&ARTIFACTS, "shop", 9, 2e6),
    ];
    let now = take(journal, dice, now + 120, &session, &places);
    journal.log(now + 60, &session, put(&ARTIFACTS, "shop/assets/loader.js", 18_441));
    session.who.arn.to_string()
}

/// The role that every account of an organisation has and nobody uses.
fn new_role(journal: &mut Journal, dice: &mut Dice) -> String {
    let begin = at(39, 11.4);
    let role = role(RESEARCH, "OrganizationAccountAccessRole");
    let who = session(dice, role, "aws-go-sdk-1777022641772", begin - 20, Origin::Plain);
    let session = open(who, "54.86.211.9", agents::GO_SERVICE, Via::Internet);
    let now = explore(journal, dice, begin, &session, &[&COHORTS, &IMAGING, &RESULTS, &INBOX]);
    let places: [(&'static Bucket, &str, i64, f64); 3] = [
        (&COHORTS, "cohorts", 40, 9e7),
        (&IMAGING, "dicom/2026/04", 25, 7e6),
        (&RESULTS, "runs", 20, 4e7),
    ];
    let now = take(journal, dice, now + 60, &session, &places);
    for number in 0..22 {
        let key = format!("cohorts/.stage/{number:03}.bin");
        journal.log(now + number * 3, &session, put(&COHORTS, key.clone(), size(&key, 5e6, 0.3)));
    }
    session.who.arn.to_string()
}

/// An analyst's session, used at a hosting provider in Singapore while the analyst sleeps.
fn stolen_session(journal: &mut Journal, dice: &mut Dice) -> String {
    let begin = at(38, 4.5);
    let who = identity(dice, named("k.schuster@nordkiosk.example"), begin);
    let session = open(who, "128.199.184.71", agents::BOTO, Via::Internet);
    journal.log(begin, &session, list_buckets());
    let places: [(&'static Bucket, &str, i64, f64); 3] = [
        (&ATHENA, "primary", 14, 8e4),
        (&CURATED, "customers", 26, 2e7),
        (&CURATED, "orders", 18, 2e7),
    ];
    take(journal, dice, begin + 40, &session, &places);
    session.who.arn.to_string()
}

/// The sequencer's key, in a data centre in Chisinau.
fn stolen_key(journal: &mut Journal, dice: &mut Dice) -> String {
    let begin = at(44, 1.5);
    let agent = cli("os/linux#6.1.0-31-amd64 md/arch#x86_64", "s3.cp");
    let session = open(user(RESEARCH, genomics::SEQUENCER), "176.123.4.58", &agent, Via::Internet);
    journal.log(begin, &session, list_buckets().fails("AccessDenied"));
    journal.log(begin + 25, &session, list(&RESULTS, "", 0).fails("AccessDenied"));
    let places: [(&'static Bucket, &str, i64, f64); 1] =
        [(&FASTQ, "runs/260424_A01234_0451", 34, 4e8)];
    take(journal, dice, begin + 60, &session, &places);
    session.who.arn.to_string()
}

/// A notebook machine reads all cohorts in one night.
fn copied_cohorts(journal: &mut Journal, dice: &mut Dice) -> String {
    let begin = at(40, 0.9);
    let machine = clinic::notebook(dice, 1, begin);
    let mut now = begin;
    for table in clinic::TABLES {
        for page in 0..2 {
            journal.log(now + page, &machine, list(&COHORTS, &format!("source/{table}/"), 1000));
        }
        for number in 0..dice.between(430, 520) {
            let key = format!("source/{table}/part-{number:05}.parquet");
            let length = size(&key, 4e7, 0.6);
            journal.log(now + 4, &machine, get(&COHORTS, key, length));
            now += dice.between(2, 8);
        }
    }
    machine.who.arn.to_string()
}

/// Somebody of the support synchronises invoices and dumps to a laptop.
fn copied_invoices(journal: &mut Journal, dice: &mut Dice) -> String {
    let person = named("s.wagner@nordkiosk.example");
    let begin = at(43, 20.2);
    let who = identity(dice, person, begin);
    let agent = cli(agents::WINDOWS, "s3.sync");
    let session = open(who, &person.at_home(43), &agent, Via::Internet);
    for month in 1..=4 {
        journal.log(
            begin + month * 3,
            &session,
            list(&INVOICES, &format!("2026/{month:02}/"), 1000),
        );
    }
    let mut now = begin + 20;
    for number in 0..1750 {
        let key = format!("2026/{:02}/NK-{}.pdf", 1 + number / 440, 612_000 + number * 17);
        let length = size(&key, 9e4, 0.3);
        journal.log(now, &session, get(&INVOICES, key, length));
        now += dice.between(0, 2);
    }
    journal.log(now, &session, list(&EXPORTS, "erp/", 60));
    for number in 0..48 {
        let key = format!("erp/full/orders-{number:03}.sql.gz");
        now += dice.between(12, 50);
        journal.log(now, &session, get(&EXPORTS, key.clone(), size(&key, 7e8, 0.3)));
    }
    session.who.arn.to_string()
}

/// Strangers read a bucket without any credentials.
fn read_openly(
    journal: &mut Journal,
    dice: &mut Dice,
    bucket: &'static Bucket,
    begin: i64,
    until: i64,
    strangers: &[(&str, &str, i64)],
) {
    for (address, agent, objects) in strangers {
        let stranger = open(anonymous(), address, agent, Via::Anonymous);
        let mut now = dice.between(begin, begin + (until - begin) / 3);
        journal.log(now, &stranger, list(bucket, "", 300));
        for number in 0..*objects {
            now += dice.between(1, 2 * (until - begin) * 2 / 3 / objects.max(&1));
            let key = format!("2026/{}/{number:04}.zip", dice.between(1, 40));
            let length = size(&key, 4e6, 0.9);
            journal.log(now.min(until), &stranger, get(bucket, key, length));
        }
    }
}

fn open_teaching(journal: &mut Journal, dice: &mut Dice) -> String {
    let strangers = [
        ("185.220.70.14", "[python-requests/2.32.3]", 96),
        ("103.152.220.19", "[Wget/1.21.4]", 31),
        ("45.83.66.7", "[curl/8.5.0]", 6),
    ];
    let begin = at(41, 14.0);
    read_openly(journal, dice, &TEACHING, begin, begin + HOUR, &strangers);
    String::new()
}

fn open_artifacts(journal: &mut Journal, dice: &mut Dice) -> String {
    let strangers =
        [("92.118.39.82", "[Go-http-client/1.1]", 41), ("194.165.16.77", "[curl/7.88.1]", 12)];
    let begin = at(37, 21.1);
    read_openly(journal, dice, &ARTIFACTS, begin, begin + 3 * HOUR, &strangers);
    String::new()
}
