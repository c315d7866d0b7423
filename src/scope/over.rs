//! Is it over? When an actor was last seen, how far the logs go beyond, what has ended its
//! credentials, and what goes on without it.

use serde::Serialize;

use super::activity::{Activity, gives};
use super::coverage::Coverage;
use super::credentials::{Credential, Followed};
use super::event::{Detail, Event};
use super::known::count;
use super::seeds::{Caller, Reason};
use super::wanted::{is_lifecycle, is_replication};
use crate::findings::timestamp_text;

/// Nothing is over that ended less than this before the logs do, µs.
const QUIET: i64 = 24 * 3_600_000_000;

/// Whether an actor is through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its credential has ended, it was quiet for a day, and nothing goes on without it.
    Over,
    /// It was quiet for a day, but it may come back, or something goes on without it.
    Quiet,
    /// It was active within a day of the end of the logs.
    Active,
}

impl Status {
    /// Its name in outputs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Quiet => "quiet",
            Self::Active => "active",
        }
    }
}

/// What was done against an actor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Containment {
    time: i64,
    what: String,
    /// Whether it ends the credential.
    ends: bool,
}

/// Whether an actor is through, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Over {
    /// Whether it is through; none for keys that are not followed.
    pub status: Option<Status>,
    /// The last event of the trails that tell of it, µs.
    pub horizon: Option<i64>,
    /// From its last request to the horizon, s; none if it made none.
    pub quiet_for: Option<i64>,
    /// Until when its credential is good by itself, µs.
    pub expires: Option<i64>,
    /// When its credential ended, µs: it expired, or was taken away.
    pub ended: Option<i64>,
    /// What was done against it, in words.
    pub containment: Vec<String>,
    /// What goes on without it, in words.
    pub still_running: Vec<String>,
}

/// What it is judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'f> {
    /// What is followed.
    pub followed: &'f Followed,
    /// Calls that change access, by time.
    pub changes: &'f [Event],
    /// How far the logs go.
    pub coverage: &'f Coverage,
}

impl Facts<'_> {
    /// Whether an actor is through.
    #[must_use]
    pub(crate) fn judge(&self, actor: &str, activity: &Activity) -> Over {
        let key = activity.access_key.as_deref();
        let credential = key.and_then(|key| self.followed.keys.get(key));
        let mut over = Over {
            expires: credential.and_then(expiry),
            horizon: self.horizon(activity, credential),
            ..Over::default()
        };
        let against = self.against(key, activity, credential);
        let taken = against.iter().filter(|c| c.ends).map(|c| c.time).min();
        over.containment = against.iter().map(text).collect();
        let horizon = over.horizon.unwrap_or(i64::MIN);
        over.ended = taken.into_iter().chain(over.expires.filter(|at| *at <= horizon)).min();
        over.still_running = self.running(actor, activity, &over);
        let last = activity.span.map(|(_, last)| last);
        over.quiet_for =
            over.horizon.zip(last).map(|(end, last)| end.saturating_sub(last) / 1_000_000);
        let last = last.unwrap_or(i64::MIN);
        let is_before = |time: i64| time.saturating_add(QUIET) <= horizon;
        let acted_on = over.ended.is_some_and(|ended| activity.last_ok > Some(ended));
        over.status = Some(if !is_before(last) {
            Status::Active
        } else if over.ended.is_some_and(is_before) && !acted_on && over.still_running.is_empty() {
            Status::Over
        } else {
            Status::Quiet
        });
        over
    }

    /// The earliest end of the trails that tell of the actor, or of how it came to its credential:
    /// beyond it something is not seen. If none does, the earliest end of all.
    fn horizon(&self, activity: &Activity, credential: Option<&Credential>) -> Option<i64> {
        let issued = credential.and_then(|credential| credential.issued.as_ref());
        let accounts =
            activity.accounts.iter().chain(issued.and_then(|link| link.account.as_ref()));
        let ends = accounts.filter_map(|account| self.coverage.trails.get(account));
        let all = || self.coverage.trails.values().map(|trail| trail.span.1).min();
        ends.map(|trail| trail.span.1).min().or_else(all)
    }

    /// What was done against the actor, and stands.
    fn against(
        &self,
        key: Option<&str>,
        activity: &Activity,
        credential: Option<&Credential>,
    ) -> Vec<Containment> {
        let mut found = Vec::new();
        for (at, change) in self.changes.iter().enumerate() {
            let Some((what, ends)) = contains(change, key, activity, credential) else { continue };
            let later = self.changes.iter().skip(at + 1);
            if later.into_iter().any(|later| undoes(later, change)) {
                continue;
            }
            found.push(Containment { time: change.time, what, ends });
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What goes on without the actor.
    fn running(&self, actor: &str, activity: &Activity, over: &Over) -> Vec<String> {
        let mut running = Vec::new();
        for (at, change) in self.changes.iter().enumerate() {
            let is_own = self.is_by(actor, change);
            let Some(what) = is_own.then(|| standing(change)).flatten() else { continue };
            if !self.changes.iter().skip(at + 1).any(|later| replaces(later, change)) {
                running.push(format!("{what}, since {}", timestamp_text(change.time)));
            }
        }
        if activity.opened_objects > 0 {
            let objects = count(activity.opened_objects, "object");
            running.push(format!("ACLs of {objects} give access to others"));
        }
        let horizon = over.horizon.unwrap_or(i64::MIN);
        if let Some((requests, until)) = activity.presigned {
            let until = until.min(over.expires.unwrap_or(i64::MAX));
            if until > horizon && over.ended.is_none() {
                running.push(format!(
                    "URLs signed in advance, {} seen, the last good until {}",
                    count(requests, "use"),
                    timestamp_text(until)
                ));
            }
        }
        running.extend(self.children(actor, horizon));
        running
    }

    /// Credentials that the actor has issued and that are good beyond the logs.
    fn children<'a>(&'a self, actor: &'a str, horizon: i64) -> impl Iterator<Item = String> + 'a {
        let issued = self.followed.keys.iter().filter(move |(_, credential)| {
            credential.issued.as_ref().is_some_and(|link| link.parent.as_deref() == Some(actor))
        });
        issued.filter_map(move |(key, credential)| {
            let none = Activity::default();
            let against = self.against(Some(key), &none, Some(credential));
            if against.iter().any(|containment| containment.ends) {
                return None;
            }
            match credential.issued.as_ref().and_then(|link| link.expires) {
                Some(until) if until <= horizon => None,
                Some(until) => Some(format!(
                    "key {key}, issued by it, is good until {}",
                    timestamp_text(until)
                )),
                None => Some(format!("key {key}, issued by it, was not seen to be deactivated")),
            }
        })
    }

    fn is_by(&self, actor: &str, change: &Event) -> bool {
        let caller = Caller::of(change);
        let reason = self.followed.reason(&caller).filter(|reason| *reason != Reason::Bucket);
        let session = || self.followed.key_of_session(caller.principal_id, caller.time);
        reason.is_some()
            && (caller.access_key == Some(actor)
                || caller.access_key.is_none()
                    && (caller.principal == Some(actor) || session() == Some(actor)))
    }
}

fn expiry(credential: &Credential) -> Option<i64> {
    credential.issued.as_ref().and_then(|link| link.expires)
}

fn text(containment: &Containment) -> String {
    format!("{} {}", timestamp_text(containment.time), containment.what)
}

/// What a change does against an actor, and whether that ends its credential.
fn contains(
    change: &Event,
    key: Option<&str>,
    activity: &Activity,
    credential: Option<&Credential>,
) -> Option<(String, bool)> {
    let by = change.principal.as_deref().unwrap_or("somebody");
    let of_key = key.is_some() && change.detail(Detail::TargetKey) == key;
    let target = |detail, kind| {
        let named = change.detail(detail)?;
        let is_named = |principal: &String| is_principal(principal, kind, named, change);
        activity.principals.iter().find(|principal| is_named(principal)).map(|_| named)
    };
    let user = || target(Detail::TargetUser, "user");
    let role = || target(Detail::TargetRole, "role");
    let policy = change.detail(Detail::PolicyName).or_else(|| change.detail(Detail::PolicyArn));
    match change.name.as_str() {
        "UpdateAccessKey" if of_key && change.detail(Detail::KeyStatus) == Some("Inactive") => {
            Some((format!("key deactivated by {by}"), true))
        }
        "DeleteAccessKey" if of_key => Some((format!("key deleted by {by}"), true)),
        "DeleteUser" => user().map(|user| (format!("user {user} deleted by {by}"), true)),
        "DeleteRole" => role().map(|role| (format!("role {role} deleted by {by}"), true)),
        "DeleteLoginProfile" => {
            user().map(|user| (format!("password of {user} deleted by {by}"), false))
        }
        "PutRolePolicy" | "PutUserPolicy" | "AttachRolePolicy" | "AttachUserPolicy" => {
            let named = user().or_else(role)?;
            let policy = policy.unwrap_or_default();
            let revokes = is_revocation(change);
            let issued = credential.and_then(|credential| credential.issued.as_ref());
            let is_older = issued.is_none_or(|link| link.time <= change.time);
            (revokes || denies(change, policy)).then(|| {
                let what = if revokes { "older sessions revoked" } else { "denied" };
                (format!("{what} by {by}: policy {policy} of {named}"), !revokes || is_older)
            })
        }
        _ => None,
    }
}

/// The policy with which the console revokes sessions, or one that does the same.
fn is_revocation(change: &Event) -> bool {
    let text = change.detail(Detail::PolicyText).unwrap_or_default();
    change.detail(Detail::PolicyName) == Some("AWSRevokeOlderSessions")
        || text.contains("Deny") && text.contains("TokenIssueTime")
}

/// AWS's policies that take everything, or what thieves want.
fn denies(change: &Event, policy: &str) -> bool {
    let text: String =
        change.detail(Detail::PolicyText).unwrap_or_default().split_whitespace().collect();
    let all = r#""Action":"*""#;
    let all_of = r#""Action":["*"]"#;
    policy.contains("AWSDenyAll")
        || text.contains(r#""Effect":"Deny""#)
            && (text.contains(all) || text.contains(all_of))
            && !text.contains("Condition")
}

/// Whether `arn:aws:iam::111122223333:user/path/name` is the user of that name in the account of the
/// change.
fn is_principal(principal: &str, kind: &str, name: &str, change: &Event) -> bool {
    let Some((head, resource)) = principal.rsplit_once(':') else { return false };
    let account = head.rsplit(':').next();
    let is_kind = resource.strip_prefix(kind).is_some_and(|rest| rest.starts_with('/'));
    is_kind && resource.rsplit('/').next() == Some(name) && account == change.account.as_deref()
}

/// Whether a later change takes back what was done against an actor.
fn undoes(later: &Event, change: &Event) -> bool {
    let same = |detail| later.detail(detail) == change.detail(detail);
    let same_target =
        same(Detail::TargetUser) && same(Detail::TargetRole) && later.account == change.account;
    match change.name.as_str() {
        "UpdateAccessKey" => {
            later.name == "UpdateAccessKey"
                && same(Detail::TargetKey)
                && later.detail(Detail::KeyStatus) == Some("Active")
        }
        "PutUserPolicy" => {
            later.name == "DeleteUserPolicy" && same_target && same(Detail::PolicyName)
        }
        "PutRolePolicy" => {
            later.name == "DeleteRolePolicy" && same_target && same(Detail::PolicyName)
        }
        "AttachUserPolicy" => {
            later.name == "DetachUserPolicy" && same_target && same(Detail::PolicyArn)
        }
        "AttachRolePolicy" => {
            later.name == "DetachRolePolicy" && same_target && same(Detail::PolicyArn)
        }
        _ => false,
    }
}

/// What a change leaves behind, in words.
fn standing(change: &Event) -> Option<String> {
    let bucket = change.bucket.as_deref().unwrap_or("a bucket");
    let grants: Vec<&str> = gives(change).take(3).collect();
    match change.name.as_str() {
        name if !name.starts_with("Put") => None,
        name if is_lifecycle(name) => {
            let is_on = change.details(Detail::RuleStatus).any(|status| status == "Enabled");
            let expires: Vec<&str> = change.details(Detail::RuleExpires).take(3).collect();
            (is_on && !expires.is_empty())
                .then(|| format!("lifecycle of {bucket} expires objects: {}", expires.join(" ")))
        }
        name if is_replication(name) => {
            let to: Vec<&str> = change.details(Detail::ReplicationTo).take(3).collect();
            Some(format!("{bucket} is replicated to {}", to.join(" ")))
        }
        "PutBucketPolicy" | "PutBucketAcl" | "PutAccessPointPolicy" if !grants.is_empty() => {
            let what = change.name.strip_prefix("Put").unwrap_or_default();
            Some(format!("{what} of {bucket} gives {}", grants.join(", ")))
        }
        _ => None,
    }
}

/// Whether a later change takes the place of what stands.
fn replaces(later: &Event, change: &Event) -> bool {
    let subject = |name: &str| {
        let name = name.strip_prefix("Put").or_else(|| name.strip_prefix("Delete"));
        name.map(|name| name.strip_suffix("Configuration").unwrap_or(name).to_owned())
    };
    let is_same = subject(&later.name) == subject(&change.name);
    later.bucket == change.bucket && (is_same || later.name == "DeleteBucket")
}
