//! What a scope comes to: who, where, what is known, what is over, and what the answer lacks.

use std::collections::BTreeMap;

use serde::Serialize;

use super::activity::{Activities, Activity};
use super::collect::{Near, Related};
use super::coverage::Coverage;
use super::credentials::{Link, Relation};
use super::event::Event;
use super::known::{self, Account, Bucket, count, words};
use super::objects::{Sum, Sums};
use super::over::{Facts, Over, Status};
use super::seeds::{Reason, Seeds};
use super::wanted::Wanted;
use crate::findings::timestamp_text;

/// An actor, or a key beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The access key, else the principal.
    pub actor: String,
    /// The access key.
    pub access_key: Option<String>,
    /// How it came to be listed.
    pub relation: Relation,
    /// Whether all that it did is in the scope.
    pub is_followed: bool,
    /// The call that issued its key, where the logs hold it.
    pub issued: Option<Link>,
    /// What it did.
    pub activity: Activity,
    /// What it did to objects.
    pub sum: Sum,
    /// Whether it is through.
    pub over: Over,
}

/// What a scope comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What was asked for.
    pub seeds: Seeds,
    /// The actors, then keys beside them.
    pub actors: Vec<Actor>,
    /// The buckets that they have to do with.
    pub buckets: Vec<Bucket>,
    /// The accounts in whose trails they were met.
    pub accounts: Vec<Account>,
    /// All together.
    pub total: Sum,
    /// First and last request, µs.
    pub span: Option<(i64, i64)>,
    /// Requests, each once.
    pub requests: u64,
    /// The last event of the logs, µs.
    pub horizon: Option<i64>,
    /// Whether it is over.
    pub status: Option<Status>,
    /// What the answer lacks, in plain words.
    pub lacking: Vec<String>,
}

/// What an outcome is made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'p> {
    /// What belongs to the scope.
    pub wanted: &'p Wanted,
    /// Calls that change access, by time.
    pub changes: &'p [Event],
    /// What was logged where.
    pub coverage: &'p Coverage,
    /// Keys that are not followed, and what they did.
    pub related: &'p Related,
    /// What they did.
    pub near: &'p BTreeMap<String, Near>,
    /// What the requests come to.
    pub activities: &'p Activities,
    /// What they did to objects.
    pub sums: &'p Sums,
    /// Whether an inventory was given.
    pub has_inventory: bool,
}

impl Parts<'_> {
    /// What the scope comes to.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let actors = self.actors();
        let statuses = actors.iter().filter(|actor| actor.is_followed);
        let status = statuses.filter_map(|actor| actor.over.status).max();
        let buckets = known::buckets(self.activities, self.sums, self.coverage);
        let accounts = known::accounts(self.activities, self.coverage);
        let lacking = self.lacking(&actors, &buckets, &accounts);
        Outcome {
            seeds: self.wanted.followed.seeds.clone(),
            actors,
            buckets,
            accounts,
            total: self.sums.total,
            span: self.activities.span,
            requests: self.activities.requests,
            horizon: self.coverage.last(),
            status,
            lacking,
        }
    }

    fn actors(&self) -> Vec<Actor> {
        let Self { wanted, changes, coverage, activities, sums, .. } = *self;
        let facts = Facts { followed: &wanted.followed, changes, coverage };
        let sum = |actor: &str| sums.actors.get(actor).copied().unwrap_or_default();
        let mut actors: Vec<Actor> = Vec::new();
        for (name, activity) in &activities.actors {
            let relation = self.relation(name, activity);
            actors.push(Actor {
                actor: name.clone(),
                access_key: activity.access_key.clone(),
                relation,
                is_followed: matches!(relation, Relation::Seed | Relation::Issued),
                issued: self.issued(name),
                sum: sum(name),
                over: facts.judge(name, activity),
                activity: activity.clone(),
            });
        }
        for (key, credential) in &wanted.followed.keys {
            if activities.actors.contains_key(key) {
                continue;
            }
            // Issued, and never used in these logs.
            let activity = Activity { access_key: Some(key.clone()), ..Activity::default() };
            let relation = if credential.is_seed { Relation::Seed } else { Relation::Issued };
            actors.push(Actor {
                actor: key.clone(),
                access_key: Some(key.clone()),
                relation,
                is_followed: true,
                issued: credential.issued.clone(),
                sum: sum(key),
                over: facts.judge(key, &activity),
                activity,
            });
        }
        actors.extend(self.beside());
        actors.sort_by(|a, b| (a.relation, &a.actor).cmp(&(b.relation, &b.actor)));
        actors
    }

    fn issued(&self, key: &str) -> Option<Link> {
        self.wanted.followed.keys.get(key)?.issued.clone()
    }

    fn relation(&self, actor: &str, activity: &Activity) -> Relation {
        match self.wanted.followed.keys.get(actor) {
            Some(credential) if credential.is_seed => Relation::Seed,
            Some(_) => Relation::Issued,
            None => match activity.reason {
                // Without a key there is nothing else that it is used for.
                Some(Reason::Address) if activity.access_key.is_some() => Relation::UsedFromSeed,
                Some(Reason::Bucket) => Relation::UsedOnSeed,
                _ => Relation::Seed,
            },
        }
    }

    /// Keys that are not followed, and did something.
    fn beside(&self) -> impl Iterator<Item = Actor> {
        let done =
            self.related.iter().filter(|(key, _)| !self.activities.actors.contains_key(*key));
        done.filter_map(|(key, (relation, used))| {
            let near = self.near.get(key)?;
            let activity = Activity {
                access_key: Some(key.clone()),
                principals: used.principal.iter().cloned().collect(),
                span: Some(near.span),
                requests: near.events,
                ..Activity::default()
            };
            Some(Actor {
                actor: key.clone(),
                access_key: Some(key.clone()),
                relation: *relation,
                is_followed: false,
                issued: None,
                activity,
                sum: Sum::default(),
                over: Over::default(),
            })
        })
    }

    /// What the answer lacks.
    fn lacking(&self, actors: &[Actor], buckets: &[Bucket], accounts: &[Account]) -> Vec<String> {
        let mut lacking = self.unmet();
        lacking.extend(Self::unfollowed(actors));
        lacking.extend(Self::unlogged(accounts));
        lacking.extend(self.unnamed());
        let unknown = buckets.iter().filter(|bucket| bucket.verdict != known::Verdict::Read);
        let unknown = unknown.filter(|bucket| !bucket.unknowable.is_empty()).count() as u64;
        if unknown > 0 {
            lacking.push(format!(
                "of {} the logs do not say whether objects were read: see `buckets`",
                count(unknown, "bucket")
            ));
        }
        let bytes = self.sums.total.bytes_unknown;
        if bytes > 0 {
            lacking.push(format!("the bytes of {} are not logged", count(bytes, "read")));
        }
        if self.sums.sizes_unknown > 0 {
            let objects = count(self.sums.sizes_unknown, "object");
            let help =
                if self.has_inventory { "" } else { "; an inventory would tell (--inventory)" };
            lacking.push(format!("the size of {objects} that were read is not known{help}"));
        }
        lacking
    }

    /// Seeds that the logs do not hold.
    fn unmet(&self) -> Vec<String> {
        let seeds = &self.wanted.followed.seeds;
        let is_met = |key: &&String| self.activities.actors.contains_key(*key);
        let unmet = seeds.access_keys.iter().filter(|key| !is_met(key));
        let mut lacking: Vec<String> =
            unmet.map(|key| format!("no event with access key {key} is in these logs")).collect();
        if self.activities.requests == 0 {
            lacking.push("nothing that was asked for is in these logs".to_owned());
        }
        if let Some(since) = self.wanted.since {
            lacking.push(format!("requests before {} were left out", timestamp_text(since)));
        }
        if let Some(until) = self.wanted.until {
            lacking.push(format!("requests from {} on were left out", timestamp_text(until)));
        }
        lacking
    }

    /// Who may belong to it, and does not.
    fn unfollowed(actors: &[Actor]) -> Vec<String> {
        let of = |relation: Relation| {
            let keys = actors.iter().filter(|actor| actor.relation == relation);
            keys.fold((0_u64, 0_u64), |(keys, all), actor| {
                (keys + 1, all + actor.activity.requests)
            })
        };
        let mut lacking = Vec::new();
        for (relation, what) in [
            (Relation::SameSession, "of the same session as a followed key"),
            (Relation::SamePrincipal, "of the same principal as a followed key"),
        ] {
            let (keys, events) = of(relation);
            if keys > 0 {
                lacking.push(format!(
                    "{} {what} did {} that are not in this scope; --principal or --access-key take \
                     them in",
                    count(keys, "other key"),
                    count(events, "thing"),
                ));
            }
        }
        for (relation, what) in [
            (Relation::UsedFromSeed, "from the addresses asked for"),
            (Relation::UsedOnSeed, "on the buckets asked for"),
        ] {
            let (keys, _) = of(relation);
            if keys > 0 {
                lacking.push(format!(
                    "{} were used {what}: what they did elsewhere is not in this scope; --access-key \
                     takes it in",
                    count(keys, "key"),
                ));
            }
        }
        lacking
    }

    /// When no reads were logged.
    fn unlogged(accounts: &[Account]) -> Vec<String> {
        let gaps = accounts.iter().filter(|account| !account.reads_not_logged.is_empty());
        let said = gaps.map(|account| {
            format!(
                "in the trail of account {} no S3 data event that reads was logged {}: objects read \
                 then are not known",
                account.account,
                words(&account.reads_not_logged)
            )
        });
        said.collect()
    }

    /// What the logs do not name.
    fn unnamed(&self) -> Vec<String> {
        let mut lacking = Vec::new();
        for (bucket, place) in &self.activities.buckets {
            if place.unnamed_batches == 0 {
                continue;
            }
            let batches = count(place.unnamed_batches, "call");
            let told = match place.fan_out {
                0 => "which objects these were is not known".to_owned(),
                some => format!("S3 tells of {} one by one", count(some, "deletion")),
            };
            lacking.push(format!("{bucket}: {batches} of DeleteObjects name no key; {told}"));
        }
        if self.sums.unnamed > 0 {
            let reads = count(self.sums.unnamed, "read");
            lacking.push(format!("{reads} name no object: they are in the list without one"));
        }
        if self.activities.keyless_reads > 0 {
            lacking.push(format!(
                "{} bear no access key (anonymous, or told by another account's trail): who that was \
                 is known by address or principal alone",
                count(self.activities.keyless_reads, "read")
            ));
        }
        if self.activities.batch_jobs > 0 {
            lacking.push(format!(
                "{} of S3 Batch Operations were created: what these did is not in this scope; \
                 --principal with their role takes it in",
                count(self.activities.batch_jobs, "job")
            ));
        }
        if self.activities.by_session > 0 {
            lacking.push(format!(
                "{} bear no access key and were put to a followed session by its unique id and time",
                count(self.activities.by_session, "request")
            ));
        }
        lacking
    }
}

impl Actor {
    /// The key that its key was issued to.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.issued.as_ref()?.parent.as_deref()
    }
}

/// One line of `scope.json` per actor.
#[derive(Debug, Serialize)]
pub(crate) struct ActorJson<'a> {
    actor: &'a str,
    relation: Relation,
    followed: bool,
    parent: Option<&'a str>,
    requests: u64,
    objects_read: u64,
    first_seen: Option<String>,
    last_seen: Option<String>,
    horizon: Option<String>,
    quiet_for_seconds: Option<i64>,
    status: Option<Status>,
    expires: Option<String>,
    containment: &'a [String],
    still_running: &'a [String],
}

impl<'a> ActorJson<'a> {
    pub(crate) fn of(actor: &'a Actor) -> Self {
        let Actor { activity, over, .. } = actor;
        Self {
            actor: &actor.actor,
            relation: actor.relation,
            followed: actor.is_followed,
            parent: actor.parent(),
            requests: activity.requests,
            objects_read: actor.sum.objects_read,
            first_seen: activity.span.map(|(first, _)| timestamp_text(first)),
            last_seen: activity.span.map(|(_, last)| timestamp_text(last)),
            horizon: over.horizon.map(timestamp_text),
            quiet_for_seconds: over.quiet_for,
            status: over.status,
            expires: over.expires.map(timestamp_text),
            containment: &over.containment,
            still_running: &over.still_running,
        }
    }
}
