//! What is called: names, parameters, bytes and errors of S3.

use std::sync::Arc;

use super::dice::fixed;
use super::identities::Identity;
use super::world::Bucket;

/// What the calls of one session have in common.
#[derive(Clone)]
pub struct Session {
    pub who: Identity,
    pub address: Arc<str>,
    pub agent: Arc<str>,
    pub via: Via,
}

/// How a call comes to S3.
#[derive(Clone, Copy, PartialEq)]
pub enum Via {
    Internet,
    /// Through a VPC endpoint.
    Endpoint(&'static str),
    /// The browser of somebody who is logged in to the console.
    Console,
    /// A URL that the principal has signed for somebody else.
    Presigned,
    /// By a service; nothing is known of the connection.
    Service,
    Anonymous,
}

pub struct Call {
    pub name: &'static str,
    pub bucket: Option<&'static Bucket>,
    pub key: String,
    /// Further members of `requestParameters`, each with a comma before it.
    pub parameters: String,
    pub received: u64,
    pub sent: u64,
    pub error: Option<&'static str>,
    /// One of the deletes behind a `DeleteObjects`.
    pub child: bool,
}

impl Call {
    pub fn new(name: &'static str, bucket: &'static Bucket, key: impl Into<String>) -> Self {
        let key = key.into();
        let parameters = String::new();
        Self {
            name,
            bucket: Some(bucket),
            key,
            parameters,
            received: 0,
            sent: 0,
            error: None,
            child: false,
        }
    }

    pub fn sends(self, sent: u64) -> Self {
        Self { sent, ..self }
    }

    pub fn receives(self, received: u64) -> Self {
        Self { received, ..self }
    }

    pub fn fails(self, error: &'static str) -> Self {
        Self { error: Some(error), sent: 243 + error.len() as u64, received: 0, ..self }
    }

    pub fn with(self, parameters: impl Into<String>) -> Self {
        Self { parameters: parameters.into(), ..self }
    }
}

pub fn get(bucket: &'static Bucket, key: impl Into<String>, size: u64) -> Call {
    Call::new("GetObject", bucket, key).sends(size)
}

pub fn head(bucket: &'static Bucket, key: impl Into<String>) -> Call {
    Call::new("HeadObject", bucket, key)
}

pub fn put(bucket: &'static Bucket, key: impl Into<String>, size: u64) -> Call {
    Call::new("PutObject", bucket, key).receives(size)
}

pub fn delete(bucket: &'static Bucket, key: impl Into<String>) -> Call {
    Call::new("DeleteObject", bucket, key)
}

pub fn list(bucket: &'static Bucket, prefix: &str, found: u64) -> Call {
    let parameters =
        format!(r#","list-type":"2","prefix":"{prefix}","delimiter":"/","encoding-type":"url""#);
    Call::new("ListObjects", bucket, "").sends(420 + found * 310).with(parameters)
}

pub fn list_buckets() -> Call {
    let name = "ListBuckets";
    Call {
        name,
        bucket: None,
        key: String::new(),
        parameters: String::new(),
        received: 0,
        sent: 2911,
        error: None,
        child: false,
    }
}

/// A read of a bucket's configuration and the sub-resource that it asks for.
pub fn inspect(name: &'static str, bucket: &'static Bucket) -> Call {
    let (flag, sent) = match name {
        "GetBucketAcl" => ("acl", 480),
        "GetBucketPolicy" => ("policy", 742),
        "GetBucketPolicyStatus" => ("policyStatus", 141),
        "GetBucketVersioning" => ("versioning", 138),
        "GetBucketEncryption" => ("encryption", 341),
        "GetBucketLifecycle" => ("lifecycle", 655),
        "GetBucketLogging" => ("logging", 289),
        "GetBucketTagging" => ("tagging", 402),
        "GetBucketReplication" => ("replication", 512),
        "GetBucketCors" => ("cors", 318),
        "GetBucketWebsite" => ("website", 290),
        "GetBucketNotification" => ("notification", 205),
        "GetBucketPublicAccessBlock" => ("publicAccessBlock", 329),
        "GetBucketOwnershipControls" => ("ownershipControls", 197),
        "GetBucketObjectLockConfiguration" => ("object-lock", 180),
        "GetBucketRequestPayment" => ("requestPayment", 172),
        "GetAccelerateConfiguration" => ("accelerate", 113),
        _ => ("location", 137),
    };
    let call = Call::new(name, bucket, "").sends(sent).with(format!(r#","{flag}":"""#));
    match missing(name, bucket) {
        Some(error) => call.fails(error),
        None => call,
    }
}

/// Much of what can be configured is not.
fn missing(name: &str, bucket: &Bucket) -> Option<&'static str> {
    let error = match name {
        "GetBucketCors" => "NoSuchCORSConfiguration",
        "GetBucketWebsite" => "NoSuchWebsiteConfiguration",
        "GetBucketReplication" => "ReplicationConfigurationNotFoundError",
        "GetBucketObjectLockConfiguration" => "ObjectLockConfigurationNotFoundError",
        "GetBucketPolicy" => "NoSuchBucketPolicy",
        "GetBucketLifecycle" => "NoSuchLifecycleConfiguration",
        _ => return None,
    };
    let often = if matches!(name, "GetBucketPolicy" | "GetBucketLifecycle") { 0.3 } else { 0.85 };
    fixed(5, &format!("{name}/{}", bucket.name)).chance(often).then_some(error)
}

/// What Terraform, Config and the console ask of a bucket.
pub const INSPECTIONS: [&str; 15] = [
    "GetBucketAcl",
    "GetBucketPolicy",
    "GetBucketCors",
    "GetBucketWebsite",
    "GetBucketVersioning",
    "GetAccelerateConfiguration",
    "GetBucketRequestPayment",
    "GetBucketLogging",
    "GetBucketLifecycle",
    "GetBucketReplication",
    "GetBucketEncryption",
    "GetBucketObjectLockConfiguration",
    "GetBucketTagging",
    "GetBucketPublicAccessBlock",
    "GetBucketOwnershipControls",
];

/// The size of an object: always the same for the same key.
pub fn size(key: &str, median: f64, spread: f64) -> u64 {
    fixed(6, key).around(median, spread) as u64 + 1
}

pub fn message(error: &str) -> &'static str {
    match error {
        "AccessDenied" => "Access Denied",
        "NoSuchKey" => "The specified key does not exist.",
        "NoSuchBucket" => "The specified bucket does not exist",
        "NotModified" => "Not Modified",
        "NoSuchCORSConfiguration" => "The CORS configuration does not exist",
        "NoSuchWebsiteConfiguration" => {
            "The specified bucket does not have a website configuration"
        }
        "ReplicationConfigurationNotFoundError" => "The replication configuration was not found",
        "ObjectLockConfigurationNotFoundError" => {
            "Object Lock configuration does not exist for this bucket"
        }
        "NoSuchBucketPolicy" => "The bucket policy does not exist",
        "NoSuchLifecycleConfiguration" => "The lifecycle configuration does not exist",
        "SlowDown" => "Please reduce your request rate.",
        "RequestTimeout" => {
            "Your socket connection to the server was not read from or written to within the timeout period."
        }
        "PreconditionFailed" => "At least one of the pre-conditions you specified did not hold",
        _ => "We encountered an internal error. Please try again.",
    }
}
