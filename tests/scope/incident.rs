//! A made-up incident with every trap: a stolen key, a role in another account, a key left behind.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The key that is known to be stolen, that of the role that it assumes in the other account, and
/// the one that is made there.
pub(crate) const STOLEN: &str = "AKIASTOLEN";
pub(crate) const SESSION: &str = "ASIASESSION";
pub(crate) const LEFT: &str = "AKIALEFT";
/// Another user's.
pub(crate) const OTHER: &str = "AKIAOTHER";

const HOME: &str = "111122223333";
const AWAY: &str = "444455556666";
/// The unique id of the assumed role's session.
const SESSION_ID: &str = "AROAAWAY:loot";

/// A log under construction.
struct Log {
    events: Vec<Value>,
}

/// Who calls.
fn user(key: &str, name: &str, account: &str) -> Value {
    json!({"type": "IAMUser", "principalId": format!("AIDA{name}"), "accountId": account,
        "arn": format!("arn:aws:iam::{account}:user/{name}"), "accessKeyId": key, "userName": name})
}

fn session(key: &str) -> Value {
    json!({"type": "AssumedRole", "principalId": SESSION_ID, "accountId": AWAY, "accessKeyId": key,
        "arn": format!("arn:aws:sts::{AWAY}:assumed-role/away/loot"),
        "sessionContext": {"attributes": {"creationDate": "2026-03-04T10:01:00Z"}, "sessionIssuer":
            {"type": "Role", "principalId": "AROAAWAY", "arn": format!("arn:aws:iam::{AWAY}:role/away"),
             "accountId": AWAY}}})
}

/// A caller of another account, as the owner's trail tells.
fn redacted() -> Value {
    json!({"type": "AWSAccount", "principalId": SESSION_ID, "accountId": AWAY})
}

impl Log {
    /// Adds an event; `more` is laid over the usual fields.
    fn add(&mut self, time: &str, name: &str, who: Value, more: Value) -> &mut Self {
        let number = self.events.len();
        let source = match name {
            "AssumeRole" => "sts.amazonaws.com",
            name if name.contains("AccessKey") => "iam.amazonaws.com",
            _ => "s3.amazonaws.com",
        };
        let is_data = name.contains("Object") || name.contains("UploadPart");
        let mut event = json!({"eventVersion": "1.11", "userIdentity": who,
            "eventTime": format!("2026-03-{time}Z"), "eventSource": source, "eventName": name,
            "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.7", "userAgent": "[x]",
            "requestParameters": null, "responseElements": null,
            "eventID": format!("00000000-0000-4000-8000-{number:012}"), "eventType": "AwsApiCall",
            "recipientAccountId": HOME, "eventCategory": if is_data { "Data" } else { "Management" }});
        let (Value::Object(event), Value::Object(more)) = (&mut event, more) else { return self };
        event.extend(more);
        self.events.push(Value::Object(std::mem::take(event)));
        self
    }

    /// A call about an object.
    fn object(
        &mut self,
        time: &str,
        name: &str,
        who: Value,
        place: &str,
        more: Value,
    ) -> &mut Self {
        let (bucket, key) = place.split_once('/').unwrap();
        let mut request = json!({"bucketName": bucket, "key": key});
        let mut rest = json!({});
        for (name, value) in more.as_object().unwrap() {
            match name.strip_prefix("rp.") {
                Some(name) => request[name] = value.clone(),
                None => rest[name] = value.clone(),
            }
        }
        rest["requestParameters"] = request;
        self.add(time, name, who, rest)
    }
}

fn sent(bytes: u64) -> Value {
    json!({"additionalEventData": {"bytesTransferredOut": bytes, "AuthenticationMethod": "AuthHeader"}})
}

fn with(mut a: Value, b: Value) -> Value {
    let (Value::Object(to), Value::Object(more)) = (&mut a, b) else { return a };
    to.extend(more);
    a
}

/// All events.
pub(crate) fn events() -> Vec<Value> {
    let mut log = Log { events: Vec::new() };
    credentials(&mut log);
    reads(&mut log);
    across(&mut log);
    copies(&mut log);
    losses(&mut log);
    rules(&mut log);
    others(&mut log);
    log.events
}

fn credentials(log: &mut Log) {
    let eve = || user(STOLEN, "eve", HOME);
    let answer = json!({"credentials": {"accessKeyId": SESSION, "expiration": "Mar 4, 2026, 11:01:00 AM"},
        "assumedRoleUser": {"assumedRoleId": SESSION_ID}});
    let ask = json!({"roleArn": format!("arn:aws:iam::{AWAY}:role/away")});
    // The caller's copy has the caller's key, the role's owner has the answer.
    log.add(
        "04T10:01:00",
        "AssumeRole",
        eve(),
        json!({"sharedEventID": "shared-assume", "requestParameters": ask}),
    );
    log.add("04T10:01:00", "AssumeRole",
        json!({"type": "AWSAccount", "principalId": "AIDAeve", "accountId": HOME}),
        json!({"sharedEventID": "shared-assume", "recipientAccountId": AWAY, "requestParameters": ask,
            "responseElements": answer}));
    log.add(
        "04T10:02:00",
        "CreateAccessKey",
        session(SESSION),
        json!({"recipientAccountId": AWAY, "requestParameters": {"userName": "backup"},
            "responseElements": {"accessKey": {"accessKeyId": LEFT, "status": "Active"}}}),
    );
    // Refused: nothing is issued.
    log.add(
        "04T10:02:30",
        "AssumeRole",
        eve(),
        json!({"errorCode": "AccessDenied", "requestParameters": ask}),
    );
    log.add("07T09:00:00", "UpdateAccessKey", user("AKIAADMIN", "admin", HOME),
        json!({"requestParameters": {"userName": "eve", "accessKeyId": STOLEN, "status": "Inactive"}}));
}

fn reads(log: &mut Log) {
    let eve = || user(STOLEN, "eve", HOME);
    log.object("04T10:03:00", "GetObject", eve(), "home/whole", sent(100));
    log.object("04T10:03:01", "GetObject", eve(), "home/whole", sent(100));
    log.object(
        "04T10:03:02",
        "GetObject",
        eve(),
        "home/part",
        with(sent(40), json!({"rp.Range": "bytes=0-39"})),
    );
    log.object(
        "04T10:03:03",
        "GetObject",
        eve(),
        "home/parts",
        with(sent(40), json!({"rp.Range": "bytes=0-39"})),
    );
    log.object(
        "04T10:03:04",
        "GetObject",
        eve(),
        "home/parts",
        with(sent(60), json!({"rp.Range": "bytes=40-99"})),
    );
    log.object(
        "04T10:03:05",
        "GetObject",
        eve(),
        "home/denied",
        json!({"errorCode": "AccessDenied"}),
    );
    log.object("04T10:03:06", "GetObject", eve(), "home/absent", json!({"errorCode": "NoSuchKey"}));
    log.object("04T10:03:07", "GetObject", eve(), "home/silent", json!({}));
    log.object("04T10:03:08", "GetObject", eve(), "home/signed", json!({
        "rp.X-Amz-Date": "20260304T100000Z", "rp.X-Amz-Expires": "604800",
        "additionalEventData": {"bytesTransferredOut": 7.0, "AuthenticationMethod": "QueryString"}}));
    log.object("04T10:03:09", "HeadObject", eve(), "home/looked", json!({}));
    log.object("04T10:03:10", "GetObject", eve(), "home/=cmd|' /C calc'!A0", sent(5));
    log.object(
        "04T10:03:11",
        "GetObject",
        eve(),
        "home/old",
        with(sent(9), json!({"rp.versionId": "v0"})),
    );
    log.object("04T10:03:12", "GetObject", eve(), "home/unchanged", json!({"errorCode": "304"}));
    // It names no key.
    log.add(
        "04T10:03:13",
        "GetObject",
        eve(),
        json!({"requestParameters": {"bucketName": "home"}}),
    );
}

/// What the role in the other account reads at home.
fn across(log: &mut Log) {
    let both = |log: &mut Log, time: &str, place: &str, id: &str, key: &str| {
        let shared = || with(sent(11), json!({"sharedEventID": id}));
        log.object(time, "GetObject", redacted(), place, shared());
        log.object(
            time,
            "GetObject",
            session(key),
            place,
            with(shared(), json!({"recipientAccountId": AWAY})),
        );
    };
    both(log, "04T10:04:00", "home/across", "shared-1", SESSION);
    // The other trail does not tell of it.
    let owner_only = with(sent(12), json!({"sharedEventID": "shared-2"}));
    log.object("04T10:04:01", "GetObject", redacted(), "home/told-by-owner", owner_only);
    // Another session of the same name, while the first is good.
    both(log, "04T10:04:02", "home/other-session", "shared-3", "ASIAOTHERSESSION");
    // The session is over.
    let late = with(sent(13), json!({"sharedEventID": "shared-4"}));
    log.object("04T12:00:00", "GetObject", redacted(), "home/after-session", late);
}

fn copies(log: &mut Log) {
    let left = || user(LEFT, "backup", AWAY);
    log.object(
        "04T10:05:00",
        "CopyObject",
        left(),
        "loot/x",
        json!({"rp.x-amz-copy-source": "/home/a%20b%2B?versionId=v1"}),
    );
    log.object(
        "04T10:05:01",
        "UploadPartCopy",
        left(),
        "loot/y",
        json!({"rp.x-amz-copy-source": "home/big", "rp.x-amz-copy-source-range": "bytes=0-49"}),
    );
    log.object(
        "04T10:05:02",
        "CopyObject",
        left(),
        "loot/z",
        json!({"rp.x-amz-copy-source": "home/denied-copy", "errorCode": "AccessDenied"}),
    );
}

fn losses(log: &mut Log) {
    let eve = || user(STOLEN, "eve", HOME);
    log.object(
        "04T10:06:00",
        "DeleteObject",
        eve(),
        "home/marked",
        json!({"responseElements": {"x-amz-delete-marker": "true", "x-amz-version-id": "m1"}}),
    );
    log.object("04T10:06:01", "DeleteObject", eve(), "home/purged", json!({"rp.versionId": "v9"}));
    log.object("04T10:06:02", "DeleteObject", eve(), "home/gone", json!({}));
    log.object(
        "04T10:06:03",
        "DeleteObject",
        eve(),
        "home/kept",
        json!({"errorCode": "AccessDenied"}),
    );
    log.add(
        "04T10:06:04",
        "DeleteObjects",
        eve(),
        json!({"requestParameters": {"bucketName": "home", "delete": "", "x-id": "DeleteObjects"},
            "resources": [{"type": "AWS::S3::Object", "ARNPrefix": "arn:aws:s3:::home/"}]}),
    );
    log.object(
        "04T10:06:04",
        "DeleteObject",
        eve(),
        "home/batched",
        json!({"eventType": "AwsServiceEvent"}),
    );
    log.object(
        "04T10:06:05",
        "PutObject",
        eve(),
        "home/whole",
        json!({"responseElements": {"x-amz-version-id": "w2"},
            "additionalEventData": {"bytesTransferredIn": 3}}),
    );
    log.object("04T10:06:06", "PutObject", eve(), "home/new", json!({}));
}

/// What S3 does by the rules that the actor leaves.
fn rules(log: &mut Log) {
    let eve = || user(STOLEN, "eve", HOME);
    let service = || json!({"type": "AWSService", "invokedBy": "lifecycle.s3.amazonaws.com"});
    // Before the rule: not the actor's.
    log.object(
        "04T10:06:30",
        "LifecycleExpiration",
        service(),
        "trail/before",
        json!({"eventType": "AwsServiceEvent"}),
    );
    log.add(
        "04T10:07:00",
        "PutBucketLifecycle",
        eve(),
        json!({"requestParameters": {
        "bucketName": "trail", "LifecycleConfiguration": {"Rule":
            {"Status": "Enabled", "Expiration": {"Days": 1}, "ID": "x"}}}}),
    );
    log.object(
        "05T01:00:00",
        "LifecycleExpiration",
        service(),
        "trail/expired",
        json!({"eventType": "AwsServiceEvent"}),
    );
    log.add("04T10:08:00", "PutBucketReplication", eve(), json!({"requestParameters": {
        "bucketName": "home", "ReplicationConfiguration": {"Role": format!("arn:aws:iam::{HOME}:role/copier"),
            "Rule": {"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::theirs"}}}}}));
    let copier = json!({"type": "AssumedRole", "principalId": "AROACOPIER:s3", "accountId": HOME,
        "arn": format!("arn:aws:sts::{HOME}:assumed-role/copier/s3"), "accessKeyId": "ASIACOPIER",
        "invokedBy": "s3.amazonaws.com", "sessionContext": {"sessionIssuer": {"type": "Role",
            "arn": format!("arn:aws:iam::{HOME}:role/copier"), "accountId": HOME}}});
    log.object("04T10:09:00", "GetObject", copier, "home/replicated", sent(21));
}

/// Nobody that was asked for.
fn others(log: &mut Log) {
    let other = || user(OTHER, "alice", HOME);
    log.object("04T10:03:30", "GetObject", other(), "home/theirs", sent(8));
    log.object("04T10:03:31", "GetObject", other(), "home/whole", sent(100));
    // The same event in a network endpoint's log is no second read.
    log.object(
        "04T10:03:00",
        "GetObject",
        user(STOLEN, "eve", HOME),
        "home/whole",
        json!({"eventCategory": "NetworkActivity", "eventType": "AwsVpceEvent"}),
    );
    // The end of the logs, in both accounts.
    log.object("08T10:00:00", "HeadObject", other(), "home/theirs", json!({}));
    log.add(
        "08T10:00:00",
        "ListBuckets",
        user("AKIAAWAY", "bob", AWAY),
        json!({"recipientAccountId": AWAY}),
    );
}

/// Writes the events to `files` files in `folder`, those of `again` files twice.
pub(crate) fn write(folder: &Path, files: usize, again: usize) -> Vec<PathBuf> {
    std::fs::create_dir_all(folder).unwrap();
    let mut parts = vec![Vec::new(); files];
    for (number, event) in events().into_iter().enumerate() {
        parts[number % files].push(event);
    }
    let mut paths = Vec::new();
    for (number, records) in parts.iter().enumerate() {
        let copies = if number < again { 2 } else { 1 };
        for copy in 0..copies {
            let path = folder.join(format!("{copy}-{number}.json"));
            std::fs::write(&path, json!({"Records": records}).to_string()).unwrap();
            paths.push(path);
        }
    }
    paths
}
