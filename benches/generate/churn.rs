//! What is new without being an attack: deployments with roles of their own, new staff, and a user
//! who travels.
//!
//! In: a day. Out: planned records.

use super::cast::{Cast, Jobs};
use super::keys;
use super::plan::{Plan, Planned};
use super::record::Call;
use super::text;
use super::world::{Actor, Net, Session, Sessions};

/// Plans day number `day`, which starts at `midnight`.
pub(crate) fn plan(cast: &Cast, seed: u64, midnight: i64, day: i64) -> Vec<Planned> {
    let mut plan = Plan::new(cast, text::mix(seed, 5_000 + day.unsigned_abs()));
    for (account, jobs) in cast.jobs.iter().enumerate() {
        let traveller = Actor::user(account, "field-engineer", Net::Pool(80, 187));
        let ip = [80, 187, plan.rng.u8(..), plan.rng.u8(1..)];
        let session = traveller.session_from(midnight + 30_000, ip);
        work(&mut plan, jobs, (&traveller, session), midnight + 30_000, 12);
        if day % 3 == 1 {
            let name = format!("release-{day}");
            let role = Actor::role(account, &name, Net::Pool(3, 121), Sessions::Instances(3));
            let session = role.session(midnight + 40_000, &mut plan.rng);
            work(&mut plan, jobs, (&role, session), midnight + 40_000, 60);
        }
        if day % 5 == 4 {
            let hired =
                Actor::user(account, &format!("analyst-{day}"), Net::Few(&[[62, 153, 44, 11]]));
            let session = hired.session(midnight + 50_000, &mut plan.rng);
            work(&mut plan, jobs, (&hired, session), midnight + 50_000, 20);
        }
    }
    plan.events
}

/// Reads with some writes, a minute apart.
fn work(
    plan: &mut Plan<'_>,
    jobs: &Jobs,
    (actor, session): (&Actor, Session),
    start: i64,
    count: i64,
) {
    let cast = plan.cast;
    for n in 0..count {
        let bucket = &cast.buckets[if n % 3 == 0 { jobs.lake } else { jobs.reports }];
        let mut key = String::new();
        keys::push(&mut key, bucket.keys, start, &mut plan.rng);
        let event = if n % 6 == 5 { "PutObject" } else { "GetObject" };
        let mut call = Call::new(start + n * 60, event, (actor, session), (bucket, &key));
        call.encryption = "Default_SSE_S3";
        call.bytes_out = if event == "GetObject" { plan.rng.u64(1_000..900_000) } else { 0 };
        plan.add(&call);
    }
}
