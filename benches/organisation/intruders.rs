//! Casts those who come only to attack: users that an intruder has made, foreign accounts, and nobody.
//!
//! In: an organisation. Out: principals without traffic of their own.

use super::cast::Caster;
use super::client::Family;
use super::generate::world::{Actor, Kind, Net, Sessions};
use super::network;
use super::org::{Naming, Site, Work};
use super::sample;

/// Users that an intruder makes have names that do not stand out.
const MADE: [&str; 6] =
    ["svc-backup2", "s3-migration", "support-temp", "aws-sync", "report-export", "deploy-bot"];

/// Adds one of each for every strength, and nobody.
pub(crate) fn cast(caster: &mut Caster<'_>) {
    let mut names = MADE;
    caster.rng.shuffle(&mut names);
    for name in names.iter().take(3) {
        let account = caster.rng.usize(..caster.org.accounts.len());
        let made = caster.principal(Work::Intruder, Kind::User, account, name);
        add(caster, made);
    }
    for _ in 0..3 {
        let number = caster.rng.u64(100_000_000_000..1_000_000_000_000).to_string();
        let mut foreign = caster.principal(Work::Intruder, Kind::Foreign, 0, "sync");
        foreign.actor = Actor::new(Kind::Foreign, number, "sync", Net::Pool(0, 0), Sessions::Runs);
        foreign.naming = Naming::Run("botocore-session");
        add(caster, foreign);
    }
    let mut nobody = caster.principal(Work::Intruder, Kind::Anonymous, 0, "nobody");
    nobody.actor = Actor::anonymous(Net::Pool(0, 0));
    add(caster, nobody);
}

fn add(caster: &mut Caster<'_>, mut intruder: super::org::Principal) {
    let rented = network::of(network::Kind::Hosting, None);
    intruder.site = Site::Open(sample::any(&mut caster.rng, &rented));
    intruder.instances = 3;
    let tools = [Family::Cli, Family::Boto, Family::S3Browser, Family::Plain, Family::Rclone];
    let family = sample::any(&mut caster.rng, &tools);
    intruder.clients = vec![caster.install(family, 0)];
    caster.keep(intruder);
}
