//! Events become records of CloudTrail: one for the caller's account, one for the bucket's owner.

use std::fmt::Write as _;

use super::calls::{Call, Via, message};
use super::clock;
use super::dice::{Dice, fixed};
use super::journal::Event;
use super::world::{Bucket, COMMERCE, FRANKFURT, LABORATORY, RESEARCH, SPAIN, VIRGINIA};

/// In whose trail an event is recorded, and how much of the caller that shows.
#[derive(Clone, Copy)]
pub struct Copy {
    pub recipient: &'static str,
    pub redacted: bool,
    /// Whether another account's trail may have a copy.
    pub shared: bool,
}

/// The id of an event's record for an account.
pub fn event_id(seed: u64, number: usize, recipient: &str) -> String {
    ids(seed, number, recipient).uuid()
}

fn ids(seed: u64, number: usize, recipient: &str) -> Dice {
    fixed(seed ^ (number as u64).rotate_left(20), recipient)
}

pub fn region(call: &Call) -> &'static str {
    call.bucket.map_or(FRANKFURT, |bucket| bucket.region)
}

/// The copies of an event in the trails that we have.
pub fn copies(event: &Event) -> Vec<Copy> {
    let caller = event.session.who.account;
    let owner = event.call.bucket.map_or(caller, |bucket| bucket.account);
    let shared = caller != owner;
    let ours = |account: &str| account == RESEARCH || account == COMMERCE;
    let mut copies = Vec::new();
    if ours(caller) {
        copies.push(Copy { recipient: caller, redacted: false, shared });
    }
    if shared && ours(owner) {
        copies.push(Copy { recipient: owner, redacted: !caller.is_empty(), shared });
    }
    copies
}

fn is_read(name: &str) -> bool {
    ["Get", "List", "Head", "Preflight"].iter().any(|start| name.starts_with(start))
}

fn is_data(name: &str) -> bool {
    let bucket_wide = name.contains("Bucket") && name != "HeadBucket";
    !bucket_wide && name != "GetAccelerateConfiguration"
}

/// Versions change with services and regions, not at once.
fn version(event: &Event) -> &'static str {
    match (event.session.via, region(&event.call)) {
        (Via::Service, SPAIN) => "1.08",
        (Via::Service, _) => "1.09",
        (_, SPAIN) => "1.10",
        (_, VIRGINIA) if event.time < clock::at(20, 9.0) => "1.10",
        _ => "1.11",
    }
}

fn host(event: &Event) -> String {
    let region = region(&event.call);
    let dual = if event.session.address.contains(':') { "dualstack." } else { "" };
    match event.call.bucket {
        None => format!("s3.{region}.amazonaws.com"),
        Some(bucket) if event.session.agent.contains("Hadoop") => {
            format!("{}.s3.amazonaws.com", bucket.name)
        }
        Some(bucket) if bucket.name.contains('.') => {
            format!("s3.{dual}{region}.amazonaws.com")
        }
        Some(bucket) => format!("{}.s3.{dual}{region}.amazonaws.com", bucket.name),
    }
}

fn cipher(event: &Event) -> (&'static str, &'static str) {
    let agent = &event.session.agent;
    if agent.contains("1.8.0") || agent.contains("Veeam") || agent.contains("Python/3.6") {
        ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")
    } else {
        ("TLSv1.3", "TLS_AES_128_GCM_SHA256")
    }
}

fn resources(to: &mut String, call: &Call, bucket: &Bucket) {
    let Bucket { name, account, .. } = bucket;
    let owner = format!(
        r#"{{"accountId":"{account}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{name}"}}"#
    );
    let _ = match call.name {
        "ListObjects" | "ListObjectVersions" | "DeleteObjects" | "HeadBucket" => write!(
            to,
            r#","resources":[{{"type":"AWS::S3::Object","ARNPrefix":"arn:aws:s3:::{name}/"}},{owner}]"#
        ),
        _ if call.key.is_empty() => write!(to, r#","resources":[{owner}]"#),
        _ => write!(
            to,
            r#","resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::{name}/{}"}},{owner}]"#,
            call.key
        ),
    };
}

fn parameters(to: &mut String, event: &Event) {
    let Event { session, call, time } = event;
    let host = host(event);
    let _ = match call.bucket {
        Some(bucket) => {
            write!(to, r#","requestParameters":{{"bucketName":"{}","Host":"{host}""#, bucket.name)
        }
        None => write!(to, r#","requestParameters":{{"Host":"{host}""#),
    };
    if !call.key.is_empty() {
        let _ = write!(to, r#","key":"{}""#, call.key);
    }
    to.push_str(&call.parameters);
    if session.via == Via::Presigned {
        let date = clock::text(time - time % 300).replace(['-', ':'], "");
        let _ = write!(
            to,
            r#","X-Amz-Date":"{date}","X-Amz-Algorithm":"AWS4-HMAC-SHA256","X-Amz-SignedHeaders":"host","X-Amz-Expires":"900""#
        );
    }
    to.push('}');
}

fn response(to: &mut String, call: &Call) {
    let writes = matches!(call.name, "PutObject" | "CopyObject" | "UploadPart");
    let _ = match call.bucket {
        Some(Bucket { kms: true, account, region, .. }) if writes && call.error.is_none() => {
            write!(
                to,
                r#","responseElements":{{"x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:{region}:{account}:key/5c0f8f0e-2f54-4a3b-9e0a-4f3f5f4b9d11"}}"#
            )
        }
        Some(_) if writes && call.error.is_none() => {
            write!(to, r#","responseElements":{{"x-amz-server-side-encryption":"AES256"}}"#)
        }
        _ => write!(to, r#","responseElements":null"#),
    };
}

fn additional(to: &mut String, event: &Event, dice: &mut Dice) {
    let Event { session, call, .. } = event;
    to.push_str(r#","additionalEventData":{"#);
    let signed = match session.via {
        Via::Anonymous => None,
        Via::Presigned => Some("QueryString"),
        Via::Console if call.name == "GetObject" => Some("QueryString"),
        _ => Some("AuthHeader"),
    };
    if let Some(method) = signed {
        let (_, cipher) = cipher(event);
        let _ = write!(
            to,
            r#""SignatureVersion":"SigV4","CipherSuite":"{cipher}","AuthenticationMethod":"{method}","#
        );
    }
    let _ = write!(to, r#""bytesTransferredIn":{},"#, call.received);
    if matches!(call.name, "PutObject" | "UploadPart" | "CopyObject") && call.error.is_none() {
        let kms = call.bucket.is_some_and(|bucket| bucket.kms);
        let applied = if kms { "Default_SSE_KMS" } else { "Default_SSE_S3" };
        let _ = write!(to, r#""SSEApplied":"{applied}","#);
    }
    let id = dice.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 75);
    let _ = write!(to, r#""x-amz-id-2":"{id}=","bytesTransferredOut":{}}}"#, call.sent);
}

/// What follows the identifiers: kind of event, recipient, connection.
fn ending(to: &mut String, event: &Event, copy: Copy, shared_id: &str) {
    let Event { session, call, .. } = event;
    let data = is_data(call.name);
    let kind = if call.child { "AwsServiceEvent" } else { "AwsApiCall" };
    let _ = write!(
        to,
        r#","eventType":"{kind}","managementEvent":{},"recipientAccountId":"{}""#,
        !data, copy.recipient
    );
    if copy.shared {
        let _ = write!(to, r#","sharedEventID":"{shared_id}""#);
    }
    if let (Via::Endpoint(endpoint), false) = (session.via, copy.redacted) {
        let account = session.who.account;
        let _ = write!(to, r#","vpcEndpointId":"{endpoint}","vpcEndpointAccountId":"{account}""#);
    }
    let _ = write!(to, r#","eventCategory":"{}""#, if data { "Data" } else { "Management" });
    if !matches!(session.via, Via::Service) {
        let (tls, cipher) = cipher(event);
        let host = host(event);
        let _ = write!(
            to,
            r#","tlsDetails":{{"tlsVersion":"{tls}","cipherSuite":"{cipher}","clientProvidedHostHeader":"{host}"}}"#
        );
    }
    if session.via == Via::Console {
        to.push_str(r#","sessionCredentialFromConsole":"true""#);
    }
    to.push('}');
}

/// Writes the record of a copy to the end of `to`.
pub fn write_record(to: &mut String, seed: u64, number: usize, event: &Event, copy: Copy) {
    let Event { time, session, call } = event;
    let mut dice = ids(seed, number, copy.recipient);
    let id = dice.uuid();
    let who = if copy.redacted { &session.who.redacted } else { &session.who.json };
    let _ = write!(
        to,
        r#"{{"eventVersion":"{}","userIdentity":{who},"eventTime":"{}","eventSource":"s3.amazonaws.com","eventName":"{}","awsRegion":"{}","sourceIPAddress":"{}","userAgent":"{}""#,
        version(event),
        clock::text(*time),
        call.name,
        region(call),
        session.address,
        session.agent,
    );
    if let Some(error) = call.error {
        let _ = write!(to, r#","errorCode":"{error}","errorMessage":"{}""#, message(error));
    }
    parameters(to, event);
    response(to, call);
    additional(to, event, &mut dice);
    let request = fixed(seed, &number.to_string()).upper(16);
    let read = is_read(call.name);
    let _ = write!(to, r#","requestID":"{request}","eventID":"{id}","readOnly":{read}"#);
    if let Some(bucket) = call.bucket {
        resources(to, call, bucket);
    }
    ending(to, event, copy, &event_id(seed, number, LABORATORY));
}
