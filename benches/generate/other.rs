//! Records of other services that share the trail with S3.
//!
//! In: a principal, a time, a random source. Out: one management record of STS,
//! EC2, KMS or IAM. They are here so that a reader meets records without a bucket;
//! no attack depends on them.

use fastrand::Rng;

use super::record::{identity, write_address, write_tls};
use super::text;
use super::world::{Actor, REGIONS};

/// The four calls, each with what is particular to it.
struct Shape {
    version: &'static str,
    source: &'static str,
    event: &'static str,
    /// Position in [`REGIONS`]; IAM answers from us-east-1.
    region: usize,
    host: &'static str,
    parameters: &'static str,
}

const SHAPES: [Shape; 4] = [
    Shape {
        version: "1.08",
        source: "sts.amazonaws.com",
        event: "AssumeRole",
        region: 0,
        host: "sts.eu-central-1.amazonaws.com",
        parameters: "",
    },
    Shape {
        version: "1.10",
        source: "ec2.amazonaws.com",
        event: "DescribeInstances",
        region: 0,
        host: "ec2.eu-central-1.amazonaws.com",
        parameters: "{\"maxResults\":100,\"instancesSet\":{},\"filterSet\":{\"items\":[{\"name\":\"instance-state-name\",\"valueSet\":{\"items\":[{\"value\":\"running\"}]}}]}}",
    },
    Shape {
        version: "1.11",
        source: "kms.amazonaws.com",
        event: "Decrypt",
        region: 0,
        host: "kms.eu-central-1.amazonaws.com",
        parameters: "{\"encryptionAlgorithm\":\"SYMMETRIC_DEFAULT\",\"encryptionContext\":{\"purpose\":\"settings\"}}",
    },
    Shape {
        version: "1.09",
        source: "iam.amazonaws.com",
        event: "ListRoles",
        region: 1,
        host: "iam.amazonaws.com",
        parameters: "{\"maxItems\":1000}",
    },
];

/// Appends one record and returns the position of its region.
pub(crate) fn write(out: &mut String, actor: &Actor, time: i64, rng: &mut Rng) -> usize {
    let shape = &SHAPES[rng.usize(..SHAPES.len())];
    let session = actor.session(time, rng);
    out.push_str("{\"eventVersion\":\"");
    out.push_str(shape.version);
    out.push_str("\",\"userIdentity\":");
    identity(out, actor, session);
    out.push_str(",\"eventTime\":\"");
    text::time(out, time);
    out.push_str("\",\"eventSource\":\"");
    out.push_str(shape.source);
    out.push_str("\",\"eventName\":\"");
    out.push_str(shape.event);
    out.push_str("\",\"awsRegion\":\"");
    out.push_str(REGIONS[shape.region]);
    out.push_str("\",\"sourceIPAddress\":\"");
    write_address(out, session.ip);
    out.push_str("\",\"userAgent\":\"Boto3/1.38.23 md/Botocore#1.38.23 ua/2.1 os/linux#6.8.0-1029-aws lang/python#3.12.3\",\"requestParameters\":");
    if shape.event == "AssumeRole" {
        assume_role(out, actor, time, session.seed);
    } else {
        out.push_str(shape.parameters);
        out.push_str(",\"responseElements\":null");
    }
    out.push_str(",\"requestID\":\"");
    text::uuid(out, rng);
    out.push_str("\",\"eventID\":\"");
    text::uuid(out, rng);
    out.push_str("\",\"readOnly\":true");
    resources(out, shape.event, &actor.account);
    out.push_str(
        ",\"eventType\":\"AwsApiCall\",\"managementEvent\":true,\"recipientAccountId\":\"",
    );
    out.push_str(&actor.account);
    out.push_str("\",\"eventCategory\":\"Management\"");
    write_tls(out, shape.host);
    out.push('}');
    shape.region
}

fn assume_role(out: &mut String, actor: &Actor, time: i64, seed: u64) {
    out.push_str("{\"roleArn\":\"arn:aws:iam::");
    out.push_str(&actor.account);
    out.push_str(":role/inventory-scanner\",\"roleSessionName\":\"scan\",\"durationSeconds\":3600},\"responseElements\":{\"credentials\":{\"accessKeyId\":\"ASIA");
    text::letters(out, text::BASE32, text::mix(seed, 4), 16);
    // A session token would look like a leaked secret to every scanner.
    out.push_str("\",\"sessionToken\":\"REDACTED\",\"expiration\":\"");
    text::time(out, time + 3600);
    out.push_str("\"},\"assumedRoleUser\":{\"assumedRoleId\":\"AROA");
    text::letters(out, text::BASE32, text::seed_of(&actor.account), 17);
    out.push_str(":scan\",\"arn\":\"arn:aws:sts::");
    out.push_str(&actor.account);
    out.push_str(":assumed-role/inventory-scanner/scan\"}}");
}

fn resources(out: &mut String, event: &str, account: &str) {
    let (kind, service, path) = match event {
        "AssumeRole" => ("AWS::IAM::Role", "iam:", "role/inventory-scanner"),
        "Decrypt" => {
            ("AWS::KMS::Key", "kms:eu-central-1", "key/3f1c6f0e-5a0b-4c0e-9d53-6b1f0a9c7e21")
        }
        _ => return,
    };
    out.push_str(",\"resources\":[{\"accountId\":\"");
    out.push_str(account);
    out.push_str("\",\"type\":\"");
    out.push_str(kind);
    out.push_str("\",\"ARN\":\"arn:aws:");
    out.push_str(service);
    out.push(':');
    out.push_str(account);
    out.push(':');
    out.push_str(path);
    out.push_str("\"}]");
}
