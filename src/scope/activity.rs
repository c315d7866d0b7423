//! What the requests of a scope come to, by actor and by bucket: when, whence, how many, and what
//! stays behind.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Detail, Event};
use super::request::Request;
use super::seeds::Reason;
use super::touch::is_read;

/// What an actor did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// Why its requests belong to the scope; the strongest reason.
    pub reason: Option<Reason>,
    /// The access key; none for who has none.
    pub access_key: Option<String>,
    /// Who.
    pub principals: BTreeSet<String>,
    /// Names of role sessions.
    pub session_names: BTreeSet<String>,
    /// The accounts whose trails tell of it.
    pub accounts: BTreeSet<String>,
    /// Whence.
    pub source_ips: BTreeSet<String>,
    /// First and last request, µs.
    pub span: Option<(i64, i64)>,
    /// The last request that was done, µs.
    pub last_ok: Option<i64>,
    /// Requests.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
    /// Requests with URLs signed in advance, and until when the last of these URLs is good, µs.
    pub presigned: Option<(u64, i64)>,
    /// Objects that were opened to others by an ACL.
    pub opened_objects: u64,
}

/// What was done in a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The account that owns it, where a log says so.
    pub owner: Option<String>,
    /// Batches of deletions that name no key.
    pub unnamed_batches: u64,
    /// Deletions that S3 tells of key by key.
    pub fan_out: u64,
}

/// What the requests come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activities {
    /// By actor.
    pub actors: BTreeMap<String, Activity>,
    /// By bucket.
    pub buckets: BTreeMap<String, Place>,
    /// First and last request, µs.
    pub span: Option<(i64, i64)>,
    /// Requests, each once.
    pub requests: u64,
    /// Those of which more than one trail tells.
    pub merged: u64,
    /// Those that were put to a session by its unique id.
    pub by_session: u64,
    /// Reads of objects that bear no access key.
    pub keyless_reads: u64,
    /// Jobs that read or change objects with a role of their own.
    pub batch_jobs: u64,
}

fn extend(span: &mut Option<(i64, i64)>, time: i64) {
    *span = Some(span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
}

impl Activities {
    /// Adds a request.
    pub fn add(&mut self, request: &Request) {
        let event = &request.event;
        extend(&mut self.span, request.time);
        self.requests += 1;
        self.merged += u64::from(request.accounts.len() > 1);
        self.by_session += u64::from(request.reason == Reason::SessionId);
        let is_job = event.source.starts_with("s3") && event.name == "CreateJob" && event.is_ok();
        self.batch_jobs += u64::from(is_job);
        let is_keyless = event.access_key.is_none() && request.reason != Reason::SessionId;
        self.keyless_reads += u64::from(is_keyless && is_read(event));
        if let Some(bucket) = &event.bucket {
            self.buckets.entry(bucket.clone()).or_default().add(event);
        }
        self.actors.entry(request.actor.clone()).or_default().add(request);
    }
}

impl Place {
    fn add(&mut self, event: &Event) {
        if self.owner.is_none() || event.bucket_owner.is_some() && self.owner > event.bucket_owner {
            self.owner.clone_from(&event.bucket_owner);
        }
        let is_named = event.detail(Detail::BatchKey).is_some();
        let is_batch = event.name == "DeleteObjects" && event.is_ok();
        self.unnamed_batches += u64::from(is_batch && !is_named);
        let is_told = event.event_type.as_deref() == Some("AwsServiceEvent");
        self.fan_out += u64::from(event.name == "DeleteObject" && is_told);
    }
}

impl Activity {
    fn add(&mut self, request: &Request) {
        let event = &request.event;
        self.reason = self.reason.into_iter().chain([request.reason]).min();
        let is_own = event.access_key.as_deref() == Some(request.actor.as_str());
        if is_own || request.reason == Reason::SessionId {
            self.access_key = Some(request.actor.clone());
        }
        // What S3 does by the actor's rules has an identity of its own.
        if !matches!(request.reason, Reason::Replication | Reason::Lifecycle) {
            self.principals.extend(event.principal.clone());
            self.session_names.extend(event.session_name.clone());
            self.source_ips.extend(event.source_ip.clone());
        }
        self.accounts.extend(request.accounts.iter().cloned());
        extend(&mut self.span, request.time);
        self.requests += 1;
        if event.is_ok() {
            self.last_ok = self.last_ok.max(Some(request.time));
        } else {
            self.errors += 1;
        }
        if let Some(until) = good_until(event) {
            let (count, last) = self.presigned.unwrap_or((0, i64::MIN));
            self.presigned = Some((count + 1, last.max(until)));
        }
        let opens = event.name == "PutObjectAcl" && event.is_ok() && gives(event).next().is_some();
        self.opened_objects += u64::from(opens);
    }
}

/// Until when the URL that was signed in advance is good, µs.
fn good_until(event: &Event) -> Option<i64> {
    let signed = event.detail(Detail::SignedAt)?;
    let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", signed).ok()?;
    let signed = jiff::tz::TimeZone::UTC.to_timestamp(signed).ok()?;
    let seconds: i64 = event.detail(Detail::SignedFor)?.parse().ok()?;
    signed.as_microsecond().checked_add(seconds.checked_mul(1_000_000)?)
}

/// What a change gives to others than the owner's own account: grants of its policy or ACL.
pub(crate) fn gives(event: &Event) -> impl Iterator<Item = &str> {
    let grants = event.details(Detail::PolicyGrants).chain(event.details(Detail::AclGrants));
    grants.filter(|grant| {
        !grant.starts_with("own=") && !grant.starts_with("owner") && !grant.starts_with("service=")
    })
}
