//! Casts what is rolled out while the logs run: new services with roles, and some buckets, of their own.
//!
//! In: an organisation with buckets. Out: principals that start within an hour of each other, with
//! the same client and network.

use super::calendar::{DAYS, END};
use super::cast::{Caster, at};
use super::client::of_machine;
use super::generate::world::{Keys, Kind};
use super::network;
use super::org::{Doing, Habit, Naming, Site, Work};
use super::sample;

/// Adds a deployment about every week; small organisations have fewer.
pub(crate) fn cast(caster: &mut Caster<'_>) {
    let count = (caster.config.principals / 50).clamp(1, 8) as i64;
    for number in 0..count {
        let day =
            (DAYS * (2 * number + 1) / (2 * count) + caster.rng.i64(-3..=3)).clamp(1, DAYS - 2);
        deploy(caster, number, day);
    }
}

fn deploy(caster: &mut Caster<'_>, number: i64, day: i64) {
    let team = caster.rng.usize(..caster.teams.len());
    let begin = at(day, 8.0 + 8.0 * caster.rng.f64());
    let family = of_machine(&mut caster.rng);
    let client = caster.install(family, 0);
    let clouds = network::of(network::Kind::Cloud, None);
    let net = sample::any(&mut caster.rng, &clouds);
    let inside = caster.rng.u8(..200);
    let site = if caster.rng.bool() { Site::Inside(inside) } else { Site::Open(net) };
    // Whoever deploys makes the buckets, through CloudFormation.
    let maker = format!("{}-stack-{number}", caster.teams[team].0);
    let mut stack = caster.principal(Work::Application, Kind::Role, caster.teams[team].1, &maker);
    stack.naming = Naming::Fixed("AWSCloudFormation".to_owned());
    stack.active = (begin - 1_200, begin);
    stack.rate = 0.0;
    for service in 0..caster.rng.usize(8..=20) {
        let name = format!("{}-svc{number}-{service}", caster.teams[team].0);
        let mut role = caster.application(team, &name);
        role.rate = sample::log_normal(&mut caster.rng, 5.0, 1.0).min(120.0);
        role.clients = vec![client.clone()];
        role.site = site;
        role.active = (begin + caster.rng.i64(0..3_600), END);
        if caster.rng.u32(..3) == 0 {
            let purpose = ("service", Keys::Documents, 60_000.0, 400);
            let bucket = caster.store(team, purpose, begin - 900);
            role.habits = vec![Habit { bucket, doing: Doing::Process, weight: 1 }];
            stack.habits.push(Habit { bucket, doing: Doing::Manage, weight: 1 });
        }
        caster.keep(role);
    }
    caster.keep(stack);
}
