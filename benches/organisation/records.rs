//! Events as CloudTrail records in log objects.
//!
//! In: events in the order of time. Out: objects in AWS's layout. A call across accounts becomes two
//! records that share an id, one in each account's trail.

use std::io;
use std::path::Path;

use fastrand::Rng;

use super::calendar::START;
use super::event::{Action, Class, Event, Failure, Twist, VIA};
use super::generate::files::{self, Files};
use super::generate::record::{Call, DENIED, Details, Fault, NO_SUCH_KEY};
use super::generate::traffic::lane;
use super::generate::world::{Actor, Bucket, Kind, REGIONS, Session};
use super::generate::{self, Shape, keys, text};
use super::org::{Naming, Org, Principal, Store};

const SLOT: i64 = 300;
/// Someone else's account, and someone else's canonical id.
const STRANGER: &str = "902817465530";
const STRANGER_ID: &str = "7c1a4f0e5d9b2836a1c0e4f7b8d92653f0a1b2c3d4e5968778695a4b3c2d1e0f";

/// The texts of one call.
#[derive(Default)]
struct Texts {
    key: String,
    head: String,
    tail: String,
    response: String,
    session: String,
    agent: String,
}

/// Writes all events and returns the number of records.
pub(crate) fn write(org: &Org, events: &[Event], seed: u64, logs: &Path) -> io::Result<u64> {
    let config = generate::Config {
        out: logs.to_path_buf(),
        seed,
        shape: Shape::Medium,
        level: 1,
        ..generate::Config::default()
    };
    let mut files = Files::new(&config, &org.accounts);
    let mut writer =
        Writer { org, rng: Rng::with_seed(text::mix(seed, 70)), texts: Texts::default() };
    let (mut record, mut slot, mut count) = (String::with_capacity(4_096), START, 0);
    for event in events {
        while event.time >= slot + SLOT {
            slot += SLOT;
            files.tick(slot)?;
        }
        let store = &org.stores[usize::from(event.bucket)];
        let who = &org.principals[usize::from(event.principal)];
        writer.describe(event, store, who);
        let shared = writer.shared(store, who);
        for (actor, recipient) in recipients(event, store, who) {
            record.clear();
            let region = writer.record(&mut record, event, (actor, recipient), &shared);
            let account = org.accounts.iter().position(|number| number == recipient);
            files.add(lane(account.unwrap_or(0), region), event.time, &record)?;
            count += 1;
        }
    }
    files.finish()?;
    Ok(count)
}

/// Whose trails get a record, and how it names the caller.
fn recipients<'o>(
    event: &Event,
    store: &'o Store,
    who: &'o Principal,
) -> Vec<(&'o Actor, &'o str)> {
    let owner = store.bucket.owner.as_str();
    match &who.twin {
        _ if event.action == Action::ListBuckets => vec![(&who.actor, &who.actor.account)],
        Some(twin) if event.failure != Some(Failure::Denied) => {
            vec![(&who.actor, &who.actor.account), (twin, owner)]
        }
        Some(_) => vec![(&who.actor, &who.actor.account)],
        None => vec![(&who.actor, owner)],
    }
}

struct Writer<'o> {
    org: &'o Org,
    rng: Rng,
    texts: Texts,
}

impl Writer<'_> {
    /// Makes the texts of a call.
    fn describe(&mut self, event: &Event, store: &Store, who: &Principal) {
        let texts = &mut self.texts;
        texts.key.clear();
        texts.head.clear();
        texts.response.clear();
        texts.tail.clear();
        texts.tail.push_str(event.action.wire().1);
        if event.action.has_key() {
            push_key(&mut texts.key, event, store, &mut self.rng);
        }
        push_parameters(texts, event, &store.bucket);
        texts.session.clear();
        match &who.naming {
            Naming::Instance => {
                texts.session.push_str("i-0");
                text::hex(&mut texts.session, event.caller.session, 16);
            }
            Naming::Run(prefix) => {
                texts.session.push_str(prefix);
                texts.session.push('-');
                text::number(&mut texts.session, event.caller.session % 10_000_000_000);
            }
            Naming::Fixed(name) => texts.session.push_str(name),
            Naming::Person => {
                texts.session.push_str(&who.people[usize::from(event.caller.person)].label);
            }
        }
        texts.agent.clear();
        texts.agent.push_str(self.org.agents.text(event.caller.agent));
        if texts.agent.starts_with("aws-cli/") {
            texts.agent.push_str(" md/command#");
            texts.agent.push_str(command(event.action));
        }
    }

    /// The id that links the records of a call that concerns several accounts.
    fn shared(&mut self, store: &Store, who: &Principal) -> String {
        let mut shared = String::new();
        let is_foreign =
            !matches!(who.actor.kind, Kind::Anonymous) && who.actor.account != store.bucket.owner;
        if is_foreign || matches!(who.actor.kind, Kind::Service(_)) {
            text::uuid(&mut shared, &mut self.rng);
        }
        shared
    }

    /// Appends a record and returns the position of its region.
    fn record(
        &mut self,
        out: &mut String,
        event: &Event,
        (actor, recipient): (&Actor, &str),
        shared: &str,
    ) -> usize {
        let texts = &self.texts;
        let store = &self.org.stores[usize::from(event.bucket)];
        let session = Session {
            seed: text::mix(event.caller.session, event.caller.created.unsigned_abs()),
            created: event.caller.created,
            ip: event.caller.ip,
        };
        let place = (&store.bucket, texts.key.as_str());
        let mut call = Call::new(event.time, event.action.wire().0, (actor, session), place);
        call.recipient = recipient;
        call.head = &texts.head;
        call.tail = &texts.tail;
        if !texts.response.is_empty() {
            call.response = &texts.response;
        }
        call.agent = Some(&texts.agent);
        call.shared = shared;
        call.fault = event.failure.map(|failure| fault(failure, event.action));
        call.details = Details {
            session_name: Some(&texts.session),
            invoked_by: event.via.map(|via| VIA[usize::from(via)]),
        };
        call.public_path = !event.caller.inside || event.via.is_some();
        call.child = event.parent.is_some();
        weigh(&mut call, event, store, &mut self.rng);
        let (mut request, mut host_id) = (String::new(), String::new());
        let parent = event.parent.or((event.action == Action::DeleteMany).then_some(event.key));
        if let Some(seed) = parent {
            text::letters(&mut request, text::REQUEST, seed, 16);
            text::host_id(&mut host_id, &mut Rng::with_seed(seed));
            call.request = Some((&request, &host_id));
        }
        call.write(out, &mut self.rng);
        call.region()
    }
}

fn push_key(out: &mut String, event: &Event, store: &Store, rng: &mut Rng) {
    if store.logs && event.action == Action::Put {
        out.push_str("AWSLogs/");
        let region = REGIONS[rng.usize(..REGIONS.len())];
        files::object_name(out, &store.bucket.owner, region, event.time, rng);
        out.push_str(".json.gz");
        return;
    }
    let mut object = Rng::with_seed(text::mix(u64::from(event.bucket), 90 + event.key));
    keys::push(out, store.bucket.keys, event.time, &mut object);
}

/// Sets byte counts and what is said about encryption.
fn weigh(call: &mut Call<'_>, event: &Event, store: &Store, rng: &mut Rng) {
    match event.action {
        Action::Get => {
            call.bytes_out = store.bytes(event.key);
            call.encryption = "Default_SSE_S3";
        }
        Action::Put => {
            call.bytes_in = store.bytes(event.key);
            call.encryption = match event.twist {
                Some(Twist::CustomerKey) => "SSE_C",
                Some(Twist::ForeignKey) => "SSE_KMS",
                _ => "Default_SSE_S3",
            };
        }
        Action::UploadPart => {
            call.bytes_in = 8 << 20;
            call.encryption = "Default_SSE_S3";
        }
        Action::List | Action::ListVersions => call.bytes_out = rng.u64(400..300_000),
        Action::ListBuckets => call.bytes_out = 120 * self::many(rng),
        Action::DeleteMany => (call.bytes_in, call.bytes_out) = (1_400, 1_900),
        action if action.class() == Class::Discovery && action != Action::Head => {
            call.bytes_out = rng.u64(130..900);
        }
        action if action.class() == Class::Permission => call.bytes_in = rng.u64(0..700),
        _ => {}
    }
}

fn many(rng: &mut Rng) -> u64 {
    rng.u64(20..80)
}

fn fault(failure: Failure, action: Action) -> Fault {
    match (failure, action) {
        (Failure::Denied, _) => DENIED,
        (Failure::NoSuchKey, _) => NO_SUCH_KEY,
        (Failure::NotSet, Action::Policy) => {
            ("NoSuchBucketPolicy", "The bucket policy does not exist")
        }
        (Failure::NotSet, Action::Lifecycle) => {
            ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
        }
        (Failure::NotSet, _) => ("NoSuchTagSet", "The TagSet does not exist"),
    }
}

fn command(action: Action) -> &'static str {
    match action {
        Action::Get | Action::Put | Action::UploadPart => "s3.cp",
        Action::List | Action::ListBuckets => "s3.ls",
        Action::Delete | Action::DeleteMany => "s3.rm",
        Action::Head => "s3api.head-object",
        Action::PutPolicy => "s3api.put-bucket-policy",
        Action::PutObjectAcl => "s3api.put-object-acl",
        _ => "s3api.get-bucket-location",
    }
}

/// Appends what the request says beyond the action's name.
fn push_parameters(texts: &mut Texts, event: &Event, bucket: &Bucket) {
    let Texts { head, tail, response, .. } = texts;
    match event.action {
        Action::List => {
            head.push_str("\"list-type\":\"2\",\"encoding-type\":\"url\",\"max-keys\":\"1000\",");
            tail.push_str(",\"prefix\":\"\",\"delimiter\":\"/\"");
        }
        Action::Put => push_put(tail, response, event.twist, bucket),
        Action::UploadPart => tail.push_str(",\"partNumber\":\"1\",\"uploadId\":\"x7Qm2pLd\""),
        Action::CompleteUpload => tail.push_str(",\"uploadId\":\"x7Qm2pLd\""),
        Action::CreateBucket => head.push_str(
            "\"CreateBucketConfiguration\":{\"LocationConstraint\":\"eu-central-1\",\"xmlns\":\"http://s3.amazonaws.com/doc/2006-03-01/\"},",
        ),
        Action::PutPublicBlock => head.push_str(
            "\"PublicAccessBlockConfiguration\":{\"xmlns\":\"http://s3.amazonaws.com/doc/2006-03-01/\",\"RestrictPublicBuckets\":true,\"BlockPublicPolicy\":true,\"BlockPublicAcls\":true,\"IgnorePublicAcls\":true},",
        ),
        Action::PutLifecycle => head.push_str(
            "\"LifecycleConfiguration\":{\"xmlns\":\"http://s3.amazonaws.com/doc/2006-03-01/\",\"Rule\":{\"Expiration\":{\"Days\":730},\"Filter\":{\"Prefix\":\"tmp/\"},\"ID\":\"tidy\",\"Status\":\"Enabled\"}},",
        ),
        Action::PutPolicy => push_policy(head, event.twist, bucket),
        Action::PutBucketAcl | Action::PutObjectAcl => match event.twist {
            Some(Twist::Everyone) => tail.push_str(",\"x-amz-acl\":\"public-read\""),
            Some(_) => {
                head.push_str("\"accessControlList\":{\"x-amz-grant-read\":\"id=\\\"");
                head.push_str(STRANGER_ID);
                head.push_str("\\\"\"},");
            }
            None => tail.push_str(",\"x-amz-acl\":\"private\""),
        },
        _ => {}
    }
}

fn push_put(tail: &mut String, response: &mut String, twist: Option<Twist>, bucket: &Bucket) {
    match twist {
        Some(Twist::CustomerKey) => {
            let said = "\"x-amz-server-side-encryption-customer-algorithm\":\"AES256\"";
            tail.push(',');
            tail.push_str(said);
            response.push_str(&format!("{{{said}}}"));
        }
        Some(Twist::ForeignKey) => {
            let said = format!(
                "\"x-amz-server-side-encryption\":\"aws:kms\",\"x-amz-server-side-encryption-aws-kms-key-id\":\"arn:aws:kms:{}:{STRANGER}:key/3f1c6f0e-5a0b-4c0e-9d53-6b1f0a9c7e21\"",
                REGIONS[bucket.region]
            );
            tail.push(',');
            tail.push_str(&said);
            response.push_str(&format!("{{{said}}}"));
        }
        _ => response.push_str("{\"x-amz-server-side-encryption\":\"AES256\"}"),
    }
}

fn push_policy(head: &mut String, twist: Option<Twist>, bucket: &Bucket) {
    let principal = match twist {
        Some(Twist::Everyone) => "\"*\"".to_owned(),
        Some(_) => format!("{{\"AWS\":\"arn:aws:iam::{STRANGER}:root\"}}"),
        None => format!("{{\"AWS\":\"arn:aws:iam::{}:root\"}}", bucket.owner),
    };
    head.push_str(&format!(
        "\"bucketPolicy\":{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Sid\":\"Readers\",\"Effect\":\"Allow\",\"Principal\":{principal},\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::{}/*\"}}]}},",
        bucket.name
    ));
}
