//! AWS's own services: log delivery, Config, Macie, inventory, access analysis; and a janitor.

use super::agents::{self, by_service, open};
use super::calls::{Call, INSPECTIONS, Via, get, inspect, list, list_buckets, put, size};
use super::clock::{self, ALWAYS, DAYS, at, within};
use super::identities::{Origin, role, service, service_linked, session};
use super::journal::Journal;
use super::networks;
use super::world::{self, COMMERCE, INVENTORY, LOGS, RESEARCH, SPAIN, UPLOADS, VIRGINIA};

pub fn log(journal: &mut Journal) {
    trail(journal);
    config(journal);
    macie(journal);
    analyzer(journal);
    inventory(journal);
    janitor(journal);
}

/// The trail's own deliveries of both accounts.
fn trail(journal: &mut Journal) {
    let mut dice = journal.dice("trail");
    let trail = by_service(service("cloudtrail.amazonaws.com"), "cloudtrail.amazonaws.com");
    for day in 0..DAYS {
        for (account, region, mean) in [
            (RESEARCH, world::FRANKFURT, 90.0),
            (COMMERCE, world::FRANKFURT, 110.0),
            (COMMERCE, VIRGINIA, 24.0),
            (RESEARCH, SPAIN, 16.0),
        ] {
            for _ in 0..dice.count(mean) {
                let time = within(&mut dice, day, &ALWAYS);
                let date = clock::text(time)[..10].replace('-', "/");
                let key = format!(
                    "AWSLogs/{account}/CloudTrail/{region}/{date}/{account}_CloudTrail_{region}_{}.json.gz",
                    dice.upper(16)
                );
                let acl = r#","x-amz-acl":"bucket-owner-full-control""#;
                let length = size(&key, 2.4e4, 0.9);
                journal.log(time, &trail, put(&LOGS, key, length).with(acl));
            }
            journal.log(within(&mut dice, day, &ALWAYS), &trail, inspect("GetBucketAcl", &LOGS));
        }
    }
}

fn config(journal: &mut Journal) {
    let mut dice = journal.dice("config");
    let path = "/aws-service-role/config.amazonaws.com/";
    for day in 0..DAYS {
        for account in [RESEARCH, COMMERCE] {
            let role = service_linked(account, path, "AWSServiceRoleForConfig");
            let origin = Origin::Service("config.amazonaws.com");
            let time = at(day, 1.6) + dice.between(0, 900);
            let who = session(&mut dice, role, "AWSConfig-Describe", time - 5, origin);
            let config = by_service(who, "config.amazonaws.com");
            journal.log(time, &config, list_buckets());
            for bucket in world::of_account(account, day) {
                for name in INSPECTIONS {
                    journal.log(time + dice.between(0, 200), &config, inspect(name, bucket));
                }
            }
            let key =
                format!("AWSLogs/{account}/Config/{}/snapshot.json.gz", &clock::text(time)[..10]);
            journal.log(time + 300, &config, put(&LOGS, key, 88_000));
        }
    }
}

/// Every day the buckets' settings, on Sundays a sample of the objects.
fn macie(journal: &mut Journal) {
    let mut dice = journal.dice("macie");
    let path = "/aws-service-role/macie.amazonaws.com/";
    for day in 0..DAYS {
        for account in [RESEARCH, COMMERCE] {
            let role = service_linked(account, path, "AWSServiceRoleForAmazonMacie");
            let origin = Origin::Service("macie.amazonaws.com");
            let time = at(day, 2.4) + dice.between(0, 1800);
            let who = session(&mut dice, role, "macie", time - 5, origin);
            let macie = by_service(who, "macie.amazonaws.com");
            for bucket in world::of_account(account, day) {
                for name in [
                    "GetBucketAcl",
                    "GetBucketPolicy",
                    "GetBucketEncryption",
                    "GetBucketPublicAccessBlock",
                ] {
                    journal.log(time + dice.between(0, 60), &macie, inspect(name, bucket));
                }
                if clock::weekday(day) == 6 {
                    journal.log(time + 90, &macie, list(bucket, "", 1000));
                    for number in 0..dice.between(4, 30) {
                        let key = format!("sampled/{}/{number}", bucket.name);
                        let call = get(bucket, key.clone(), size(&key, 9e5, 1.2));
                        journal.log(time + 100 + number * 3, &macie, call);
                    }
                }
            }
        }
    }
}

fn analyzer(journal: &mut Journal) {
    let mut dice = journal.dice("analyzer");
    let path = "/aws-service-role/access-analyzer.amazonaws.com/";
    for day in 0..DAYS {
        for account in [RESEARCH, COMMERCE] {
            let role = service_linked(account, path, "AWSServiceRoleForAccessAnalyzer");
            let origin = Origin::Service("access-analyzer.amazonaws.com");
            let time = within(&mut dice, day, &ALWAYS);
            let who = session(&mut dice, role, "access-analyzer", time - 5, origin);
            let analyzer = by_service(who, "access-analyzer.amazonaws.com");
            for bucket in world::of_account(account, day) {
                for name in ["GetBucketPolicyStatus", "GetBucketAcl", "GetBucketPolicy"] {
                    journal.log(time + dice.between(0, 20), &analyzer, inspect(name, bucket));
                }
            }
        }
    }
}

fn inventory(journal: &mut Journal) {
    let mut dice = journal.dice("inventory");
    let s3 = by_service(service("s3.amazonaws.com"), "s3.amazonaws.com");
    for day in 0..DAYS {
        for source in ["nlk-gen-results", "nlk-clinical-imaging", "nlk-gen-raw-fastq"] {
            let time = at(day, 7.5) + dice.between(0, 7200);
            let folder = format!("{source}/daily/{}T01-00Z", &clock::text(time)[..10]);
            for file in ["manifest.json", "manifest.checksum", "data/1.parquet", "data/2.parquet"] {
                let key = format!("{folder}/{file}");
                let length = size(&key, 4e5, 1.0);
                journal.log(time, &s3, put(&INVENTORY, key, length));
            }
        }
    }
}

/// A function that drops customers' photos after some weeks.
fn janitor(journal: &mut Journal) {
    let mut dice = journal.dice("janitor");
    for day in 0..DAYS {
        let time = at(day, 3.0) + dice.between(0, 30);
        let role = role(COMMERCE, "shop-retention-janitor");
        let who = session(&mut dice, role, "shop-retention-janitor", time - 3, Origin::Plain);
        let address = networks::function(&mut dice);
        let function = open(who, &address, agents::BOTO, Via::Internet);
        journal.log(time, &function, list(&UPLOADS, "reviews/", 1000));
        let keys: Vec<_> = (0..dice.count(62.0))
            .map(|_| format!("reviews/{}/{}.jpg", dice.between(20_000, 29_000), dice.hex(10)))
            .collect();
        journal.delete_many(time + 4, &function, &UPLOADS, &keys);
        if dice.chance(0.1) {
            let call = Call::new("GetObjectTagging", &UPLOADS, keys[0].clone());
            journal.log(time + 2, &function, call.with(r#","tagging":"""#));
        }
    }
}
