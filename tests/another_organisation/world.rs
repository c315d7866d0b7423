//! Two accounts, a partner's account, and their buckets.

/// Genomics, imaging, logs.
pub const RESEARCH: &str = "640287195314";
/// The web shop and the data lake.
pub const COMMERCE: &str = "915538402276";
/// A sequencing laboratory with an account of its own; its trail is not ours.
pub const LABORATORY: &str = "288470613959";

pub const FRANKFURT: &str = "eu-central-1";
pub const VIRGINIA: &str = "us-east-1";
/// An opt-in region.
pub const SPAIN: &str = "eu-south-2";

#[derive(PartialEq)]
pub struct Bucket {
    pub name: &'static str,
    pub region: &'static str,
    pub account: &'static str,
    /// Encrypted with a key of KMS.
    pub kms: bool,
}

const fn bucket(
    name: &'static str,
    account: &'static str,
    region: &'static str,
    kms: bool,
) -> Bucket {
    Bucket { name, region, account, kms }
}

pub static FASTQ: Bucket = bucket("nlk-gen-raw-fastq", RESEARCH, FRANKFURT, true);
pub static REFERENCE: Bucket = bucket("nlk-gen-reference", RESEARCH, FRANKFURT, false);
pub static RESULTS: Bucket = bucket("nlk-gen-results", RESEARCH, FRANKFURT, true);
pub static SCRATCH: Bucket = bucket("nlk-gen-scratch", RESEARCH, FRANKFURT, false);
pub static COHORTS: Bucket = bucket("nlk-clinical-cohorts", RESEARCH, FRANKFURT, true);
pub static IMAGING: Bucket = bucket("nlk-clinical-imaging", RESEARCH, FRANKFURT, true);
pub static IMAGING_COPY: Bucket = bucket("nlk-dr-imaging-es", RESEARCH, SPAIN, true);
pub static PACS: Bucket = bucket("nlk-pacs-archive-2019", RESEARCH, FRANKFURT, false);
pub static TEACHING: Bucket = bucket("nlk-teaching-files", RESEARCH, FRANKFURT, false);
pub static BACKUPS: Bucket = bucket("nlk-backup-veeam-01", RESEARCH, FRANKFURT, false);
pub static INBOX: Bucket = bucket("nlk-partner-inbox", RESEARCH, FRANKFURT, true);
pub static LOGS: Bucket = bucket("nlk-log-archive-640287195314", RESEARCH, FRANKFURT, false);
pub static INVENTORY: Bucket = bucket("nlk-s3-inventory", RESEARCH, FRANKFURT, false);
pub static OPEN_DATA: Bucket = bucket("nlk-open-data-mirror", RESEARCH, VIRGINIA, false);
pub static TERRAFORM: Bucket = bucket("nlk-tf-state-eu", RESEARCH, FRANKFURT, true);
/// Made on day 33.
pub static LONG_READS: Bucket = bucket("nlk-gen-longread", RESEARCH, FRANKFURT, true);

pub static MEDIA: Bucket = bucket("nordkiosk-shop-media", COMMERCE, FRANKFURT, false);
pub static UPLOADS: Bucket = bucket("nordkiosk-shop-uploads", COMMERCE, FRANKFURT, false);
pub static INVOICES: Bucket = bucket("nordkiosk-invoices", COMMERCE, FRANKFURT, true);
pub static EXPORTS: Bucket = bucket("nordkiosk-erp-exports", COMMERCE, FRANKFURT, true);
pub static ARTIFACTS: Bucket = bucket("nordkiosk-deploy-artifacts", COMMERCE, FRANKFURT, false);
pub static WEBSITE: Bucket = bucket("static.nordkiosk.example", COMMERCE, VIRGINIA, false);
pub static EDGE_LOGS: Bucket = bucket("nordkiosk-cloudfront-logs", COMMERCE, VIRGINIA, false);
pub static LANDING: Bucket = bucket("nordkiosk-lake-landing", COMMERCE, FRANKFURT, false);
pub static CURATED: Bucket = bucket("nordkiosk-lake-curated", COMMERCE, FRANKFURT, true);
pub static ATHENA: Bucket = bucket("nordkiosk-athena-results", COMMERCE, FRANKFURT, false);
pub static EMR_LOGS: Bucket =
    bucket("aws-logs-915538402276-eu-central-1", COMMERCE, FRANKFURT, false);
/// Made on day 19.
pub static FEATURES: Bucket = bucket("nordkiosk-lake-features", COMMERCE, FRANKFURT, false);

/// The laboratory's own.
pub static DELIVERIES: Bucket = bucket("hansegen-deliveries-nlk", LABORATORY, FRANKFURT, true);

pub fn research() -> Vec<&'static Bucket> {
    vec![
        &FASTQ,
        &REFERENCE,
        &RESULTS,
        &SCRATCH,
        &COHORTS,
        &IMAGING,
        &IMAGING_COPY,
        &PACS,
        &TEACHING,
        &BACKUPS,
        &INBOX,
        &LOGS,
        &INVENTORY,
        &OPEN_DATA,
        &TERRAFORM,
    ]
}

pub fn commerce() -> Vec<&'static Bucket> {
    vec![
        &MEDIA, &UPLOADS, &INVOICES, &EXPORTS, &ARTIFACTS, &WEBSITE, &EDGE_LOGS, &LANDING,
        &CURATED, &ATHENA, &EMR_LOGS,
    ]
}

/// The buckets of an account on a day.
pub fn of_account(account: &str, day: i64) -> Vec<&'static Bucket> {
    let (mut buckets, newest, made) = if account == RESEARCH {
        (research(), &LONG_READS, 33)
    } else {
        (commerce(), &FEATURES, 19)
    };
    if day > made {
        buckets.push(newest);
    }
    buckets
}
