//! The simulation of an organisation keeps its promises: it is a function of the seed, its records
//! are sound, and its attacks are as strong as they claim.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;
#[path = "../benches/organisation/mod.rs"]
mod organisation;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use organisation::{Attack, Class, Config, DAYS, Event, Plan, START, Strength, day_of, p99, plan};
use trailsift::pipeline::{Progress, scan};

/// A small organisation: everything is in it, but for most of the traffic.
fn small(seed: u64) -> Config {
    Config { seed, principals: 170, events: 40_000 }
}

struct Silent;

impl Progress for Silent {
    fn expect(&self, _: u64, _: u64) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}

/// Every file below a folder with its bytes.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let named = |path: std::path::PathBuf| {
        let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(path).unwrap())
    };
    common::files(folder).into_iter().map(named).collect()
}

fn written(config: Config, folder: &Path) -> (Plan, u64) {
    let plan = plan(config);
    let records = organisation::write(&plan, folder, &folder.join(organisation::DATABASE)).unwrap();
    (plan, records)
}

#[test]
fn equal_seeds_give_equal_bytes_and_every_record_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let (once, again) = (folder.path().join("once"), folder.path().join("again"));
    let (plan, records) = written(small(7), &once);
    written(small(7), &again);
    let files = bytes(&once);
    assert!(files == bytes(&again), "equal seeds, other bytes");
    let other = organisation::plan(small(8));
    assert_ne!(other.attacks[0].principal, plan.attacks[0].principal);

    let out = folder.path().join("out");
    let options = common::options(vec![once.join("AWSLogs")], &out);
    let run = scan(&options, &Silent, &AtomicBool::new(false)).unwrap();
    let seen = run.account.records();
    assert_eq!((seen.seen, seen.analysed), (records, records));
    let planned = plan.benign.len() + plan.attacks.iter().map(|a| a.events.len()).sum::<usize>();
    assert!(records as usize >= planned, "{records} records of {planned} calls");
    let span = run.span.unwrap();
    let last = (START + DAYS * 86_400) * 1_000_000;
    assert!(span.first >= START * 1_000_000 && span.last < last, "{span:?}");
}

#[test]
fn thirty_six_attacks_have_thirty_six_principals_that_the_logs_name() {
    for seed in [7, 8, 9] {
        let plan = plan(small(seed));
        assert_eq!(plan.attacks.len(), 36);
        let principals: BTreeSet<_> = plan.attacks.iter().map(|a| &a.principal).collect();
        assert_eq!(principals.len(), 36, "{principals:?}");
        let kinds: BTreeSet<_> = plan.attacks.iter().map(|a| (a.kind, a.strength)).collect();
        assert_eq!(kinds.len(), 36);
        for attack in &plan.attacks {
            assert!(day_of(attack.first) >= 30 && day_of(attack.last) < DAYS, "{attack:?}");
            assert!(!attack.buckets.is_empty());
        }
    }
}

/// Events per day, of one principal, of one class or of all.
fn per_day<'e>(
    events: impl Iterator<Item = &'e Event>,
    principal: u16,
    class: Option<Class>,
) -> Vec<u64> {
    let mut days = vec![0; usize::try_from(DAYS).unwrap()];
    let own = events.filter(|event| event.principal == principal);
    for event in own.filter(|event| class.is_none_or(|class| event.class() == class)) {
        days[usize::try_from(day_of(event.time)).unwrap()] += 1;
    }
    days
}

fn assert_strength(plan: &Plan, attack: &Attack) {
    let usual = |class| p99(per_day(plan.benign.iter(), attack.number, class));
    let own = usual(Some(attack.class)).max(10);
    let days = per_day(attack.events.iter(), attack.number, Some(attack.class));
    let most = days.iter().copied().max().unwrap();
    match attack.strength {
        Strength::Loud => assert!(most >= 20 * own, "{most} of {own}: {}", attack.kind),
        Strength::Moderate => {
            assert!((3 * own..=5 * own).contains(&most), "{most} of {own}: {}", attack.kind);
        }
        Strength::Low => {
            let all = per_day(attack.events.iter(), attack.number, None);
            assert!(all.iter().filter(|count| **count > 0).count() >= 10, "{}", attack.kind);
            let usual = usual(None);
            let limit = if usual == 0 { 6 } else { usual * 6 / 5 };
            assert!(all.iter().all(|count| *count <= limit.min(8)), "{all:?} of {usual}");
        }
    }
}

#[test]
fn attacks_are_as_strong_as_they_claim() {
    for seed in [7, 8] {
        let plan = plan(small(seed));
        plan.attacks.iter().for_each(|attack| assert_strength(&plan, attack));
    }
}
