//! What a scope begins with, and which events that is.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::event::{Detail, Event, Rows};
use crate::events::Core;

/// What is asked for: whatever matches one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Seeds {
    /// Access keys.
    pub access_keys: Vec<String>,
    /// Stable principals, ARNs of sessions, or user names.
    pub principals: Vec<String>,
    /// Names of role sessions.
    pub sessions: Vec<String>,
    /// Networks.
    #[serde(rename = "addresses", serialize_with = "as_texts")]
    pub networks: Vec<IpNet>,
    /// Buckets.
    pub buckets: Vec<String>,
}

fn as_texts<S: Serializer>(networks: &[IpNet], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(networks.iter().map(ToString::to_string))
}

/// Why an event belongs to a scope, the strongest reason first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its access key is a seed.
    AccessKey,
    /// Its access key was issued to a followed one.
    Issued,
    /// Its principal is a seed.
    Principal,
    /// Its session's name is a seed.
    Session,
    /// It bears no access key, and the unique id of a followed session while that lived.
    SessionId,
    /// It comes from a seed.
    Address,
    /// It is about a bucket that is a seed.
    Bucket,
    /// S3 replicates by a rule of the actor.
    Replication,
    /// S3 deletes by a lifecycle rule of the actor.
    Lifecycle,
}

impl Reason {
    /// Its name in outputs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessKey => "access_key",
            Self::Issued => "issued",
            Self::Principal => "principal",
            Self::Session => "session",
            Self::SessionId => "session_id",
            Self::Address => "ip",
            Self::Bucket => "bucket",
            Self::Replication => "replication",
            Self::Lifecycle => "lifecycle",
        }
    }
}

/// Who made a call, whence, and on what, as far as it is matched.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Caller<'a> {
    pub time: i64,
    pub name: &'a str,
    pub access_key: Option<&'a str>,
    pub principal: Option<&'a str>,
    pub principal_arn: Option<&'a str>,
    pub principal_id: Option<&'a str>,
    pub user_name: Option<&'a str>,
    pub session_name: Option<&'a str>,
    pub source_ip: Option<&'a str>,
    pub invoked_by: Option<&'a str>,
    pub bucket: Option<&'a str>,
}

impl<'a> Caller<'a> {
    /// Of a row of a batch.
    pub(crate) fn of_row(rows: &Rows<'a>, row: usize) -> Self {
        Self {
            time: rows.batch.times().get(row).copied().unwrap_or_default(),
            name: rows.text(Core::EventName, row).unwrap_or_default(),
            access_key: rows.text(Core::AccessKeyId, row),
            principal: rows.text(Core::Principal, row),
            principal_arn: rows.text(Core::PrincipalArn, row),
            principal_id: rows.detail(Detail::PrincipalId, row),
            user_name: rows.detail(Detail::UserName, row),
            session_name: rows.text(Core::SessionName, row),
            source_ip: rows.text(Core::SourceIp, row),
            invoked_by: rows.text(Core::InvokedBy, row),
            bucket: rows.text(Core::Bucket, row),
        }
    }

    /// Of an event.
    pub(crate) fn of(event: &'a Event) -> Self {
        Self {
            time: event.time,
            name: &event.name,
            access_key: event.access_key.as_deref(),
            principal: event.principal.as_deref(),
            principal_arn: event.principal_arn.as_deref(),
            principal_id: event.detail(Detail::PrincipalId),
            user_name: event.detail(Detail::UserName),
            session_name: event.session_name.as_deref(),
            source_ip: event.source_ip.as_deref(),
            invoked_by: event.invoked_by.as_deref(),
            bucket: event.bucket.as_deref(),
        }
    }
}

impl Seeds {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what another asks for.
    pub fn add(&mut self, other: Self) {
        self.access_keys.extend(other.access_keys);
        self.principals.extend(other.principals);
        self.sessions.extend(other.sessions);
        self.networks.extend(other.networks);
        self.buckets.extend(other.buckets);
    }

    /// Sorted, each once: what is asked for does not depend on the order of asking.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        let texts =
            [&mut self.access_keys, &mut self.principals, &mut self.sessions, &mut self.buckets];
        for list in texts {
            list.sort_unstable();
            list.dedup();
        }
        self.networks = IpNet::aggregate(&self.networks);
        self
    }

    /// Why the caller's event is one of these.
    pub(crate) fn reason(&self, caller: &Caller<'_>) -> Option<Reason> {
        let one_of = |list: &[String], text: Option<&str>| {
            !list.is_empty() && text.is_some_and(|text| list.iter().any(|wanted| wanted == text))
        };
        let names = [caller.principal, caller.principal_arn, caller.user_name];
        if one_of(&self.access_keys, caller.access_key) {
            Some(Reason::AccessKey)
        } else if names.into_iter().any(|name| one_of(&self.principals, name)) {
            Some(Reason::Principal)
        } else if one_of(&self.sessions, caller.session_name) {
            Some(Reason::Session)
        } else if self.holds_address(caller.source_ip) {
            Some(Reason::Address)
        } else if one_of(&self.buckets, caller.bucket) {
            Some(Reason::Bucket)
        } else {
            None
        }
    }

    fn holds_address(&self, text: Option<&str>) -> bool {
        if self.networks.is_empty() {
            return false;
        }
        // `::ffff:198.51.100.7` is 198.51.100.7.
        let address = text.and_then(|text| text.parse::<IpAddr>().ok()).map(|a| a.to_canonical());
        address.is_some_and(|address| self.networks.iter().any(|n| n.contains(&address)))
    }
}
