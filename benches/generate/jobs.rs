//! The scheduled benign work of one day: nightly jobs, and rare but honest changes.
//!
//! In: a day. Out: planned records. All benign deletions are here, among them some
//! that look like an attack and are none. A day's plan depends on the seed and the
//! day alone, so it can be made twice: once to count it, once to write it.

use super::cast::{Cast, Habit, Jobs, Pattern, Project};
use super::keys;
use super::plan::Plan;
use super::record::Call;
use super::text;
use super::traffic::Traffic;
use super::world::{Actor, Bucket, Net, PARTNER};

const DAY: i64 = 86_400;

/// Plans day number `day` of `days`, which starts at `midnight`.
pub(crate) fn plan(cast: &Cast, seed: u64, midnight: i64, day: i64, days: i64) -> Plan<'_> {
    let mut plan = Plan::new(cast, text::mix(seed, 1_000 + day.unsigned_abs()));
    if day == 0 {
        introductions(&mut plan, midnight);
        hardening(&mut plan, midnight);
    }
    if let Some(jobs) = cast.jobs.first() {
        clean_scratch(&mut plan, jobs, midnight);
        expire_uploads(&mut plan, jobs, midnight);
        load(&mut plan, jobs, midnight);
        settings(&mut plan, jobs, midnight, day);
        if day == 2 * days / 5 {
            almost_mass_delete(&mut plan, jobs, midnight);
        }
    }
    if let Some(jobs) = cast.jobs.last() {
        clean_staging(&mut plan, jobs, midnight);
    }
    if let [first, second, ..] = &cast.jobs[..] {
        read_abroad(&mut plan, first, second, midnight);
    }
    plan
}

/// Every habit shows once on the first day, from each of its known addresses, so
/// that nothing benign is new in the second half of the span.
fn introductions(plan: &mut Plan<'_>, midnight: i64) {
    let cast = plan.cast;
    let mut traffic = Traffic::new(cast);
    for pattern in &cast.patterns {
        let actor = &cast.actors[pattern.actor];
        let time = midnight + plan.rng.i64(0..DAY);
        let mut record = String::new();
        let lane = traffic.act(&mut record, pattern, time, &mut plan.rng);
        plan.events.push(super::plan::Planned { time, lane, record });
        if let Net::Few(addresses) = actor.net {
            for ip in addresses {
                visit(plan, actor, pattern, *ip, midnight);
            }
        }
    }
}

fn visit(plan: &mut Plan<'_>, actor: &Actor, pattern: &Pattern, ip: [u8; 4], midnight: i64) {
    let bucket = &plan.cast.buckets[pattern.bucket];
    let time = midnight + plan.rng.i64(0..DAY);
    let caller = (actor, actor.session_from(time, ip));
    if matches!(pattern.habit, Habit::Inspect | Habit::Elsewhere) {
        plan.add(&Call::new(time, "GetBucketLocation", caller, (bucket, "")));
        return;
    }
    let mut key = String::new();
    keys::push(&mut key, bucket.keys, time, &mut plan.rng);
    let mut call = Call::new(time, "GetObject", caller, (bucket, &key));
    call.bytes_out = plan.rng.u64(500..2_000_000);
    call.encryption = "Default_SSE_S3";
    plan.add(&call);
}

/// The safe settings from which `config_weakened` later departs.
fn hardening(plan: &mut Plan<'_>, midnight: i64) {
    let cast = plan.cast;
    let Some(project) = cast.victim("config_weakened") else {
        return;
    };
    let (actor, bucket) = regular(cast, project);
    let time = midnight + 9 * 3600;
    let caller = (actor, actor.session(time, &mut plan.rng));
    let mut block = Call::new(time, "PutBucketPublicAccessBlock", caller, (bucket, ""));
    block.head = "\"PublicAccessBlockConfiguration\":{\"xmlns\":\"http://s3.amazonaws.com/doc/2006-03-01/\",\"RestrictPublicBuckets\":true,\"BlockPublicPolicy\":true,\"BlockPublicAcls\":true,\"IgnorePublicAcls\":true},";
    block.bytes_in = 356;
    plan.add(&block);
    let mut versions = Call::new(time + 4, "PutBucketVersioning", caller, (bucket, ""));
    versions.head = "\"VersioningConfiguration\":{\"xmlns\":\"http://s3.amazonaws.com/doc/2006-03-01/\",\"Status\":\"Enabled\"},";
    versions.bytes_in = 124;
    plan.add(&versions);
}

/// 60 to 300 temporary objects, one call each, around one in the morning.
fn clean_scratch(plan: &mut Plan<'_>, jobs: &Jobs, midnight: i64) {
    let count = plan.rng.i64(60..=300);
    let start = midnight + 3600 + plan.rng.i64(0..600);
    delete_each(plan, jobs.scratch_cleaner, jobs.scratch, (start, 40 * 60), count);
}

/// 60 to 300 temporary objects by multi-object deletes, around three.
fn clean_staging(plan: &mut Plan<'_>, jobs: &Jobs, midnight: i64) {
    let cast = plan.cast;
    let (actor, bucket) = (&cast.actors[jobs.staging_cleaner], &cast.buckets[jobs.staging]);
    let mut time = midnight + 3 * 3600 + plan.rng.i64(0..600);
    let session = actor.session(time, &mut plan.rng);
    let count = plan.rng.u64(60..=300);
    let keys: Vec<String> = (0..count).map(|n| chunk_key(midnight, n)).collect();
    for batch in keys.chunks(100) {
        plan.delete_many(time, (actor, session), bucket, batch);
        time += plan.rng.i64(2..30);
    }
}

/// A handful of uploads that their owners removed, spread over the day.
fn expire_uploads(plan: &mut Plan<'_>, jobs: &Jobs, midnight: i64) {
    for _ in 0..plan.rng.u32(3..=8) {
        let start = midnight + plan.rng.i64(8 * 3600..20 * 3600);
        delete_each(plan, jobs.uploader, jobs.media, (start, 60), 1);
    }
}

/// 49 deletions within an hour, once: one fewer than an alarm should need.
fn almost_mass_delete(plan: &mut Plan<'_>, jobs: &Jobs, midnight: i64) {
    let start = midnight + 14 * 3600 + 300;
    delete_each(plan, jobs.report_builder, jobs.reports, (start, 50 * 60), 49);
}

/// The nightly load: reads of yesterday's data, and a few written reports.
fn load(plan: &mut Plan<'_>, jobs: &Jobs, midnight: i64) {
    let cast = plan.cast;
    let actor = &cast.actors[jobs.etl];
    for n in 0..40 {
        let time = midnight + 2 * 3600 + n * 20;
        let caller = (actor, actor.session(time, &mut plan.rng));
        let write = n % 4 == 3;
        let bucket = &cast.buckets[if write { jobs.reports } else { jobs.lake }];
        let mut key = String::new();
        keys::push(&mut key, bucket.keys, midnight, &mut plan.rng);
        let event = if write { "PutObject" } else { "GetObject" };
        let mut call = Call::new(time, event, caller, (bucket, &key));
        call.encryption = "Default_SSE_S3";
        if write {
            call.tail = ",\"x-amz-acl\":\"bucket-owner-full-control\"";
            call.response = "{\"x-amz-server-side-encryption\":\"AES256\"}";
            call.bytes_in = plan.rng.u64(10_000..900_000);
        } else {
            call.bytes_out = plan.rng.u64(1_000_000..90_000_000);
        }
        plan.add(&call);
    }
}

/// Harmless changes of bucket settings by the administrators.
fn settings(plan: &mut Plan<'_>, jobs: &Jobs, midnight: i64, day: i64) {
    let cast = plan.cast;
    let actor = &cast.actors[jobs.admin];
    let time = midnight + 10 * 3600 + plan.rng.i64(0..3600);
    let caller = (actor, actor.session(time, &mut plan.rng));
    if day % 3 == 1 {
        let bucket = (&cast.buckets[jobs.reports], "");
        let mut tags = Call::new(time, "PutBucketTagging", caller, bucket);
        tags.head = "\"Tagging\":{\"xmlns\":\"http://s3.amazonaws.com/doc/2006-03-01/\",\"TagSet\":{\"Tag\":[{\"Value\":\"finance\",\"Key\":\"team\"},{\"Value\":true,\"Key\":\"backup\"}]}},";
        tags.bytes_in = 214;
        plan.add(&tags);
    }
    if day % 4 == 0 {
        let mut acl = Call::new(time + 40, "PutBucketAcl", caller, (&cast.buckets[jobs.lake], ""));
        acl.tail = ",\"acl\":\"\",\"x-amz-acl\":\"private\"";
        plan.add(&acl);
    }
    if day == 1 {
        let mut acl = Call::new(time + 90, "PutBucketAcl", caller, (&cast.buckets[jobs.logs], ""));
        acl.tail = ",\"acl\":\"\",\"x-amz-acl\":\"log-delivery-write\"";
        plan.add(&acl);
    }
}

/// The second account reads the first one's reports: both trails get a copy.
fn read_abroad(plan: &mut Plan<'_>, first: &Jobs, second: &Jobs, midnight: i64) {
    let cast = plan.cast;
    let reader = &cast.actors[second.reader_abroad];
    let bucket = &cast.buckets[first.reports];
    let mut seen_by_owner = Actor::foreign(PARTNER, reader.net);
    seen_by_owner.account.clone_from(&reader.account);
    seen_by_owner.id.clone_from(&reader.id);
    seen_by_owner.sessions = reader.sessions;
    for _ in 0..12 {
        let time = midnight + plan.rng.i64(6 * 3600..18 * 3600);
        let session = reader.session(time, &mut plan.rng);
        let (mut key, mut shared, mut request, mut host_id) = Default::default();
        keys::push(&mut key, bucket.keys, time, &mut plan.rng);
        text::uuid(&mut shared, &mut plan.rng);
        text::letters(&mut request, text::REQUEST, plan.rng.u64(..), 16);
        text::host_id(&mut host_id, &mut plan.rng);
        let bytes_out = plan.rng.u64(10_000..900_000);
        for (actor, recipient) in [(reader, &reader.account), (&seen_by_owner, &bucket.owner)] {
            let mut call = Call::new(time, "GetObject", (actor, session), (bucket, &key));
            call.agent = Some(reader.agent);
            call.recipient = recipient;
            call.shared = &shared;
            call.request = Some((&request, &host_id));
            call.bytes_out = bytes_out;
            call.encryption = "Default_SSE_S3";
            plan.add(&call);
        }
    }
}

fn delete_each(
    plan: &mut Plan<'_>,
    actor: usize,
    bucket: usize,
    (start, length): (i64, i64),
    count: i64,
) {
    let cast = plan.cast;
    let (actor, bucket) = (&cast.actors[actor], &cast.buckets[bucket]);
    let session = actor.session(start, &mut plan.rng);
    for n in 0..count {
        let key = chunk_key(start, n.unsigned_abs());
        let time = start + n * length / count;
        plan.add(&Call::new(time, "DeleteObject", (actor, session), (bucket, &key)));
    }
}

fn chunk_key(time: i64, n: u64) -> String {
    let mut key = String::new();
    keys::scratch(&mut key, time, n);
    key
}

/// The regular user and the bucket of a project.
pub(crate) fn regular<'a>(cast: &'a Cast, project: &Project) -> (&'a Actor, &'a Bucket) {
    (&cast.actors[project.owner], &cast.buckets[project.bucket])
}

/// How many records the day's plan holds.
pub(crate) fn count(cast: &Cast, seed: u64, midnight: i64, day: i64, days: i64) -> u64 {
    plan(cast, seed, midnight, day, days).events.len() as u64
}
