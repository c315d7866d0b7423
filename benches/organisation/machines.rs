//! Casts the machines that are there from the start: fleets, build services, jobs, auditors, services.
//!
//! In: an organisation with buckets. Out: principals.

use super::cast::Caster;
use super::client::Family;
use super::generate::world::{Actor, Kind, Net, Sessions};
use super::network;
use super::org::{Doing, Habit, Naming, Principal, Site, Work};
use super::sample;

/// Adds all of them.
pub(crate) fn cast(caster: &mut Caster<'_>) {
    services(caster);
    auditors(caster);
    for number in 0..caster.share(50) {
        fleet(caster, number);
    }
    for number in 0..caster.share(40) {
        pipeline(caster, number);
    }
    for number in 0..caster.share(75) {
        nightly(caster, number);
    }
    for number in 0..caster.share(35) {
        seasonal(caster, number);
    }
    for number in 0..caster.share(20) {
        sister(caster, number);
    }
}

fn team(caster: &mut Caster<'_>) -> usize {
    caster.rng.usize(..caster.teams.len())
}

fn fleet(caster: &mut Caster<'_>, number: usize) {
    let team = team(caster);
    let name = format!("{}-fleet-{number}", caster.teams[team].0);
    let mut fleet = caster.principal(Work::Fleet, Kind::Role, caster.teams[team].1, &name);
    fleet.rate = sample::log_normal(&mut caster.rng, 45.0, 1.1).min(1_500.0);
    fleet.naming = Naming::Instance;
    fleet.instances = caster.rng.u64(4..30);
    fleet.lasting = caster.rng.i64(3..30) * 3_600;
    let clouds = network::of(network::Kind::Cloud, None);
    fleet.site = Site::Open(sample::any(&mut caster.rng, &clouds));
    fleet.swing = 0.6 + 0.4 * caster.rng.f64();
    let doing = sample::any(&mut caster.rng, &[Doing::Serve, Doing::Serve, Doing::Process]);
    let bucket = caster.store_of(team);
    fleet.habits.push(Habit { bucket, doing, weight: 9 });
    let bucket = caster.store_of(team);
    fleet.habits.push(Habit { bucket, doing: Doing::Serve, weight: 2 });
    caster.keep(fleet);
}

fn pipeline(caster: &mut Caster<'_>, number: usize) {
    let team = team(caster);
    let name = format!("{}-deploy-{number}", caster.teams[team].0);
    let mut pipeline = caster.principal(Work::Pipeline, Kind::Role, caster.teams[team].1, &name);
    pipeline.rate = sample::log_normal(&mut caster.rng, 45.0, 0.8).min(400.0);
    // A runner per build, and never the same again.
    pipeline.instances = 1;
    if caster.rng.u32(..3) > 0 {
        pipeline.site = Site::Runners;
        pipeline.naming = Naming::Run("GitHubActions");
    } else {
        let clouds = network::of(network::Kind::Cloud, None);
        pipeline.site = Site::Open(sample::any(&mut caster.rng, &clouds));
        pipeline.naming = Naming::Run("AWSCodeBuild");
    }
    let family = sample::any(&mut caster.rng, &[Family::Cli, Family::Terraform, Family::Node]);
    pipeline.clients = vec![caster.install(family, 3)];
    pipeline.habits.push(Habit { bucket: caster.store_of(team), doing: Doing::Process, weight: 3 });
    pipeline.habits.push(Habit { bucket: caster.store_of(team), doing: Doing::Ingest, weight: 3 });
    pipeline.cleans = 0.1;
    caster.keep(pipeline);
}

fn job(caster: &mut Caster<'_>, work: Work, name: &str, median: f64) -> (usize, Principal) {
    let team = team(caster);
    let name = format!("{}-{name}", caster.teams[team].0);
    let mut job = caster.principal(work, Kind::Role, caster.teams[team].1, &name);
    job.rate = sample::log_normal(&mut caster.rng, median, 0.8).min(12.0 * median);
    job.naming = Naming::Run("job");
    job.swing = 0.0;
    (team, job)
}

fn nightly(caster: &mut Caster<'_>, number: usize) {
    let (team, mut job) = job(caster, Work::Nightly, &format!("etl-{number}"), 34.0);
    job.habits.push(Habit { bucket: caster.store_of(team), doing: Doing::Fetch, weight: 5 });
    job.habits.push(Habit { bucket: caster.store_of(team), doing: Doing::Ingest, weight: 3 });
    if caster.rng.bool() {
        // Some clean up every night, most now and then.
        job.cleans = sample::any(&mut caster.rng, &[1.0, 0.3, 0.15, 0.07]);
    }
    caster.keep(job);
}

fn seasonal(caster: &mut Caster<'_>, number: usize) {
    let (work, name, median) = match number % 4 {
        0 | 1 => (Work::Weekly, "backup", 320.0),
        2 => (Work::Monthly, "month-end", 500.0),
        _ => (Work::Quarterly, "quarter-close", 900.0),
    };
    let (team, mut job) = job(caster, work, &format!("{name}-{number}"), median);
    let doing = if work == Work::Weekly { Doing::Upload } else { Doing::Ingest };
    for _ in 0..3 {
        job.habits.push(Habit { bucket: caster.store_of(team), doing: Doing::Fetch, weight: 3 });
    }
    job.habits.push(Habit { bucket: caster.store_of(team), doing, weight: 2 });
    caster.keep(job);
}

/// A role that reads a bucket of another account of the organisation.
fn sister(caster: &mut Caster<'_>, number: usize) {
    let team = team(caster);
    let account = (caster.teams[team].1 + 1 + number % 2) % caster.org.accounts.len();
    let name = format!("{}-reader-{number}", caster.teams[team].0);
    let mut reader = caster.principal(Work::Application, Kind::Role, account, &name);
    reader.rate = sample::log_normal(&mut caster.rng, 14.0, 1.0).min(300.0);
    reader.instances = 2;
    let bucket = caster.store_of(team);
    reader.habits.push(Habit { bucket, doing: Doing::Fetch, weight: 1 });
    let number = reader.actor.account.clone();
    let mut twin = Actor::new(Kind::Foreign, number, &name, Net::Pool(0, 0), Sessions::Runs);
    twin.id.clone_from(&reader.actor.id);
    reader.twin = Some(twin);
    // Endpoints of another account are not logged with the owner's copy.
    let clouds = network::of(network::Kind::Cloud, None);
    reader.site = Site::Gateway(sample::any(&mut caster.rng, &clouds));
    caster.keep(reader);
}

fn services(caster: &mut Caster<'_>) {
    for (name, rate) in [
        ("cloudtrail.amazonaws.com", 110.0),
        ("logging.s3.amazonaws.com", 60.0),
        ("delivery.logs.amazonaws.com", 45.0),
    ] {
        let mut service = caster.principal(Work::Service, Kind::Service(name), 0, name);
        service.rate = rate;
        service.swing = 0.1;
        service.failing = (0.0, 0.0);
        let logs = (0..caster.org.stores.len()).filter(|at| caster.org.stores[*at].logs);
        service.habits =
            logs.map(|bucket| Habit { bucket, doing: Doing::Deliver, weight: 1 }).collect();
        caster.keep(service);
    }
}

fn auditors(caster: &mut Caster<'_>) {
    for account in 0..caster.org.accounts.len() {
        let mut recorder =
            caster.principal(Work::Audit, Kind::Role, account, "AWSServiceRoleForConfig");
        recorder.actor.path = "aws-service-role/config.amazonaws.com/";
        recorder.naming = Naming::Fixed("AWSConfig-Describe".to_owned());
        // Every day a little of every bucket.
        recorder.rate = 2.0;
        recorder.due = (caster.rng.i64(0..24), -1);
        caster.keep(recorder);
        let mut posture = caster.principal(Work::Audit, Kind::Role, account, "security-posture");
        posture.site = Site::Open(sample::any(
            &mut caster.rng,
            &network::of(network::Kind::Cloud, Some("US")),
        ));
        posture.rate = 7.0;
        posture.due = (caster.rng.i64(0..24), caster.rng.i64(0..7));
        caster.keep(posture);
    }
}
