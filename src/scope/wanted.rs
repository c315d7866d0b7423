//! Which events belong to a scope, and to whom: what is followed, and what S3 does by the rules that
//! the actor has put on buckets.

use std::collections::BTreeMap;

use super::credentials::Followed;
use super::event::{Detail, Event};
use super::seeds::{Caller, Reason};

/// What belongs to a scope.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The seeds, and what was issued from them.
    pub followed: Followed,
    /// What S3 does for the actor.
    rules: BTreeMap<String, Vec<Rule>>,
    /// Events before are left out, µs.
    pub since: Option<i64>,
    /// Events from here on are left out, µs.
    pub until: Option<i64>,
}

/// A rule of the actor on a bucket, while it stood.
#[derive(Debug, Clone)]
struct Rule {
    from: i64,
    until: i64,
    actor: String,
    what: Standing,
}

#[derive(Debug, Clone)]
enum Standing {
    Lifecycle,
    /// Replication with a role.
    Replication(Option<String>),
}

/// Whether a change sets, or takes away, the lifecycle rules of a bucket.
pub(crate) fn is_lifecycle(name: &str) -> bool {
    name.contains("BucketLifecycle")
}

/// Whether a change sets, or takes away, the replication of a bucket.
pub(crate) fn is_replication(name: &str) -> bool {
    name.contains("BucketReplication")
}

impl Wanted {
    /// What is followed, with the rules that it has put on buckets, from and until `times`, µs; `changes` come by
    /// time.
    #[must_use]
    pub fn new(followed: Followed, changes: &[Event], times: (Option<i64>, Option<i64>)) -> Self {
        let mut wanted = Self { followed, ..Self::default() };
        for (at, change) in changes.iter().enumerate() {
            let caller = Caller::of(change);
            let is_own = wanted.followed.reason(&caller).is_some_and(|why| why != Reason::Bucket);
            let (true, Some(bucket)) = (is_own && change.name.starts_with("Put"), &change.bucket)
            else {
                continue;
            };
            let (kind, what): (fn(&str) -> bool, Standing) = if is_lifecycle(&change.name) {
                (is_lifecycle, Standing::Lifecycle)
            } else if is_replication(&change.name) {
                let role = change.detail(Detail::ReplicationRole).map(str::to_owned);
                (is_replication, Standing::Replication(role))
            } else {
                continue;
            };
            let ends = |next: &&Event| next.bucket == change.bucket && kind(&next.name);
            let next =
                changes.iter().skip(at + 1).find(|next| ends(next) && next.time > change.time);
            let until = next.map_or(i64::MAX, |next| next.time);
            let rule = Rule { from: change.time, until, actor: wanted.actor(&caller), what };
            wanted.rules.entry(bucket.clone()).or_default().push(rule);
        }
        (wanted.since, wanted.until) = times;
        wanted
    }

    /// Why an event belongs to the scope.
    pub(crate) fn reason(&self, caller: &Caller<'_>) -> Option<Reason> {
        if self.since.is_some_and(|since| caller.time < since)
            || self.until.is_some_and(|until| caller.time >= until)
        {
            return None;
        }
        self.followed.reason(caller).or_else(|| self.rule(caller).map(|(reason, _)| reason))
    }

    /// The rule by which S3 does what the event tells.
    fn rule(&self, caller: &Caller<'_>) -> Option<(Reason, &Rule)> {
        if self.rules.is_empty() {
            return None;
        }
        let rules = self.rules.get(caller.bucket?)?.iter();
        let mut standing =
            rules.filter(|rule| rule.from <= caller.time && caller.time < rule.until);
        standing.find_map(|rule| {
            let reason = match &rule.what {
                Standing::Lifecycle => is_expiry(caller).then_some(Reason::Lifecycle),
                Standing::Replication(role) => {
                    let by_role = role.is_some() && caller.principal == role.as_deref();
                    let named = matches!(caller.name, "InitiateReplication" | "ReplicateObject");
                    (by_role || named).then_some(Reason::Replication)
                }
            };
            reason.map(|reason| (reason, rule))
        })
    }

    /// Whom the event is counted for: the access key where there is one, the key that a rule or a
    /// session is of, else the principal.
    pub(crate) fn actor(&self, caller: &Caller<'_>) -> String {
        if let Some(reason) = self.followed.reason(caller) {
            let session = || self.followed.key_of_session(caller.principal_id, caller.time);
            let session = if reason == Reason::SessionId { session() } else { None };
            let actor = caller.access_key.or(session).or(caller.principal);
            return actor.unwrap_or("unknown").to_owned();
        }
        let by_rule = self.rule(caller).map(|(_, rule)| rule.actor.clone());
        let own = || caller.access_key.or(caller.principal).unwrap_or("unknown").to_owned();
        by_rule.unwrap_or_else(own)
    }
}

/// Whether S3 expires an object.
fn is_expiry(caller: &Caller<'_>) -> bool {
    let by_service =
        [caller.invoked_by, caller.principal].into_iter().flatten().any(|who| who.contains('.'))
            && caller.access_key.is_none();
    let named = ["Lifecycle", "Expir", "EXPIRE", "DeleteMarker"];
    let by_lifecycle = caller.invoked_by.is_some_and(|who| who.contains("lifecycle"));
    by_service
        && (named.iter().any(|word| caller.name.contains(word))
            || by_lifecycle && caller.name.starts_with("Delete"))
}
