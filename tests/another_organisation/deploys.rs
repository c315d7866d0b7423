//! GitHub Actions and Terraform: roles that workflows assume with a token of GitHub.

use std::fmt::Write as _;
use std::sync::Arc;

use super::agents::{self, open};
use super::calls::{
    Call, INSPECTIONS, Session, Via, delete, get, head, inspect, list, list_buckets, put, size,
};
use super::clock::{self, DAYS, OFFICE, at, within};
use super::dice::{Dice, fixed};
use super::identities::{Origin, Role, role, session};
use super::journal::Journal;
use super::networks;
use super::world::{
    self, ARTIFACTS, Bucket, COMMERCE, FEATURES, LONG_READS, MEDIA, REFERENCE, RESEARCH, SCRATCH,
    TERRAFORM, WEBSITE,
};

pub fn log(journal: &mut Journal) {
    shop(journal);
    pipelines(journal);
    plans(journal);
    applies(journal);
}

/// A run of a workflow: a token is exchanged, then the runner calls.
fn workflow(
    journal: &mut Journal,
    dice: &mut Dice,
    role: Role,
    time: i64,
    agent: &str,
) -> Arc<Session> {
    let name = if role.name.contains("terraform") {
        format!("tf-{}-{}", dice.between(13_900_000_000, 14_500_000_000), dice.between(1, 2))
    } else {
        "GitHubActions".to_owned()
    };
    let who = session(dice, role, &name, time - 2, Origin::GitHub);
    let runner = open(who, &networks::runner(dice), agent, Via::Internet);
    journal.exchanges.push((time - 2, Arc::clone(&runner)));
    runner
}

/// `AssumeRoleWithWebIdentity` by the workflow.
pub fn write_exchange(to: &mut String, journal: &Journal, number: usize) {
    let (time, session) = &journal.exchanges[number];
    let mut ids = fixed(journal.seed ^ 0x57_5357_5357, &number.to_string());
    let account = session.who.account;
    let subject = "repo:nordkiosk/platform:ref:refs/heads/main";
    let provider =
        format!("arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com");
    let (role, name) = session.who.arn.rsplit_once('/').unwrap();
    let role = role.rsplit_once('/').unwrap().1;
    let _ = write!(
        to,
        r#"{{"eventVersion":"1.08","userIdentity":{{"type":"WebIdentityUser","principalId":"{provider}:sts.amazonaws.com:{subject}","userName":"{subject}","identityProvider":"{provider}"}},"eventTime":"{}","eventSource":"sts.amazonaws.com","eventName":"AssumeRoleWithWebIdentity","awsRegion":"eu-central-1","sourceIPAddress":"{}","userAgent":"aws-sdk-js/3.738.0 ua/2.1 os/linux#6.8.0-1021-azure lang/js md/nodejs#20.18.1 configure-aws-credentials-for-github-actions","requestParameters":{{"roleArn":"arn:aws:iam::{account}:role/{role}","roleSessionName":"{name}","durationSeconds":3600}},"responseElements":{{"subjectFromWebIdentityToken":"{subject}","audience":"sts.amazonaws.com","provider":"{provider}"}},"requestID":"{}","eventID":"{}","readOnly":true,"resources":[{{"accountId":"{account}","type":"AWS::IAM::Role","ARN":"arn:aws:iam::{account}:role/{role}"}}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{account}","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"sts.eu-central-1.amazonaws.com"}}}}"#,
        clock::text(*time),
        session.address,
        ids.uuid(),
        ids.uuid(),
    );
}

/// Builds go to the artifacts, pages of campaigns to the old site, pictures of the theme to the media.
fn shop(journal: &mut Journal) {
    let mut dice = journal.dice("shop-deploy");
    let agent = agents::cli("os/linux#6.8.0-1021-azure md/arch#x86_64", "s3.sync");
    for day in 0..DAYS {
        let mean = if clock::is_workday(day) { 9.0 } else { 0.5 };
        for _ in 0..dice.count(mean) {
            let time = within(&mut dice, day, &OFFICE);
            let runner =
                workflow(journal, &mut dice, role(COMMERCE, "gha-shop-deploy"), time, &agent);
            let commit = dice.hex(12);
            let target: &'static Bucket = if dice.chance(0.15) { &WEBSITE } else { &MEDIA };
            journal.log(time, &runner, list(&ARTIFACTS, "shop/", 200));
            for number in 0..dice.between(3, 8) {
                let key = format!("shop/{commit}/bundle-{number}.zip");
                journal.log(time + 5, &runner, put(&ARTIFACTS, key.clone(), size(&key, 3e6, 0.9)));
            }
            journal.log(time + 9, &runner, list(target, "theme/", 120));
            for number in 0..dice.count(14.0) {
                let key = format!("theme/{}/{number}.js", &commit[..6]);
                journal.log(
                    time + 10 + number / 4,
                    &runner,
                    put(target, key.clone(), size(&key, 4e4, 0.9)),
                );
            }
            if dice.chance(0.2) {
                let old = format!("theme/{}/0.js", dice.hex(6));
                journal.log(time + 22, &runner, delete(target, old));
            }
        }
    }
}

fn pipelines(journal: &mut Journal) {
    let mut dice = journal.dice("pipeline-tests");
    for day in (0..DAYS).filter(|day| clock::is_workday(*day)) {
        for _ in 0..dice.count(2.0) {
            let time = within(&mut dice, day, &OFFICE);
            let role = role(RESEARCH, "gha-research-pipelines");
            let runner = workflow(journal, &mut dice, role, time, agents::NEXTFLOW);
            for number in 0..dice.between(4, 9) {
                let key = format!("ci/testdata/{number}.fastq.gz");
                journal.log(time + number, &runner, head(&REFERENCE, key.clone()));
                journal.log(
                    time + number,
                    &runner,
                    get(&REFERENCE, key.clone(), size(&key, 4e6, 0.4)),
                );
            }
            let keys: Vec<_> = (0..12).map(|n| format!("ci/{}/{n}.txt", dice.hex(8))).collect();
            for key in &keys {
                journal.log(time + 400, &runner, put(&SCRATCH, key.clone(), 2_200));
            }
            journal.delete_many(time + 640, &runner, &SCRATCH, &keys);
        }
    }
}

fn lock(journal: &mut Journal, time: i64, until: i64, runner: &Arc<Session>, stack: &str) {
    let (state, lock) =
        (format!("{stack}/terraform.tfstate"), format!("{stack}/terraform.tfstate.tflock"));
    journal.log(time, runner, put(&TERRAFORM, lock.clone(), 240).with(r#","if-none-match":"*""#));
    journal.log(time + 1, runner, get(&TERRAFORM, state, size(stack, 6e5, 0.4)));
    journal.log(until, runner, get(&TERRAFORM, lock.clone(), 240));
    journal.log(until, runner, delete(&TERRAFORM, lock));
}

/// What a plan reads. The state of both accounts lies in the account of research.
fn plan(
    journal: &mut Journal,
    dice: &mut Dice,
    account: &'static str,
    time: i64,
) -> (Arc<Session>, i64) {
    let role = role(account, "gha-terraform");
    let runner = workflow(journal, dice, role, time, agents::TERRAFORM);
    let buckets = world::of_account(account, (time - clock::START) / 86_400);
    let mut now = time + 8;
    for bucket in &buckets {
        journal.log(now, &runner, Call::new("HeadBucket", bucket, ""));
        for name in INSPECTIONS {
            journal.log(now + dice.between(0, 2), &runner, inspect(name, bucket));
        }
        now += 1;
    }
    let stack = if account == RESEARCH { "research" } else { "commerce" };
    lock(journal, time, now + 12, &runner, stack);
    (runner, now + 4)
}

/// With pull requests, and every night to find drift.
fn plans(journal: &mut Journal) {
    let mut dice = journal.dice("terraform");
    for day in 0..DAYS {
        for account in [RESEARCH, COMMERCE] {
            let _ = plan(journal, &mut dice, account, at(day, 4.05));
            if clock::is_workday(day) && dice.chance(0.55) {
                let time = within(&mut dice, day, &OFFICE);
                let _ = plan(journal, &mut dice, account, time);
            }
        }
    }
}

/// What is changed in 45 days: (day, hour, bucket, call, parameters).
const CHANGES: [(i64, f64, &Bucket, &str, &str); 12] = [
    (2, 10.4, &MEDIA, "PutBucketTagging", TAGS),
    (5, 14.2, &ARTIFACTS, "PutBucketLifecycle", LIFECYCLE),
    (9, 11.1, &SCRATCH, "PutBucketLifecycle", LIFECYCLE),
    (15, 15.6, &world::CURATED, "PutBucketPolicy", TLS_ONLY),
    (19, 9.5, &FEATURES, "CreateBucket", CONSTRAINT),
    (19, 9.51, &FEATURES, "PutBucketPublicAccessBlock", BLOCK),
    (19, 9.52, &FEATURES, "PutBucketEncryption", ENCRYPTION),
    (28, 16.3, &world::RESULTS, "PutBucketTagging", TAGS),
    (33, 13.2, &LONG_READS, "CreateBucket", CONSTRAINT),
    (33, 13.21, &LONG_READS, "PutBucketPublicAccessBlock", BLOCK),
    (33, 13.22, &LONG_READS, "PutBucketEncryption", ENCRYPTION),
    (38, 10.8, &world::ATHENA, "PutBucketLifecycle", LIFECYCLE),
];

const TAGS: &str = r#","tagging":"","Tagging":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","TagSet":{"Tag":[{"Key":"cost-centre","Value":4711},{"Key":"owner","Value":"platform"}]}}"#;
const LIFECYCLE: &str = r#","lifecycle":"","LifecycleConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"ID":"expire-old","Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":180},"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":7}}}"#;
const TLS_ONLY: &str = r#","policy":"","bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"TlsOnly","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::nordkiosk-lake-curated","arn:aws:s3:::nordkiosk-lake-curated/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
const CONSTRAINT: &str = r#","CreateBucketConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","LocationConstraint":"eu-central-1"}"#;
const BLOCK: &str = r#","publicAccessBlock":"","PublicAccessBlockConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","BlockPublicAcls":true,"IgnorePublicAcls":true,"BlockPublicPolicy":true,"RestrictPublicBuckets":true}"#;
const ENCRYPTION: &str = r#","encryption":"","ServerSideEncryptionConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms"},"BucketKeyEnabled":true}}"#;

fn applies(journal: &mut Journal) {
    let mut dice = journal.dice("terraform-apply");
    let mut running: Option<(i64, Arc<Session>)> = None;
    for (day, hour, bucket, name, parameters) in CHANGES {
        let time = at(day, hour);
        let runner = match running.take() {
            Some((before, runner)) if before == day => runner,
            _ => {
                let (runner, _) = plan(journal, &mut dice, bucket.account, time - 60);
                journal.log(time - 50, &runner, list_buckets());
                runner
            }
        };
        journal.log(time, &runner, Call::new(name, bucket, "").receives(600).with(parameters));
        let stack = if bucket.account == RESEARCH { "research" } else { "commerce" };
        let state = format!("{stack}/terraform.tfstate");
        journal.log(time + 9, &runner, put(&TERRAFORM, state, size(stack, 6e5, 0.4)));
        running = Some((day, runner));
    }
}
