//! Planted attacks are found with the right principal, bucket and time; clean traffic is quiet.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;
#[path = "../benches/generate/mod.rs"]
mod generate;

use std::path::Path;

use common::{Finding, findings, scan};
use generate::{Attack, Config};

/// The detector that must find an attack; those of later versions are left out.
fn detector(attack: &str) -> Option<&'static str> {
    Some(match attack {
        "mass_delete_single" | "mass_delete_slow" | "mass_delete_multi" => "mass_object_delete",
        "mass_delete_multi_legacy" => "multi_object_delete",
        "version_purge" => "object_version_purge",
        "mass_delete_denied" => "mass_delete_denied",
        "acl_public_bucket" | "acl_public_bucket_body" | "acl_public_denied" => "bucket_acl_public",
        "acl_authenticated" => "acl_authenticated_users",
        "acl_cross_account" => "bucket_acl_cross_account",
        "acl_public_object" | "acl_public_upload" => "object_acl_public",
        "new_principal" => "new_principal_on_bucket",
        "new_account" => "new_account_on_bucket",
        "anonymous_access" => "anonymous_access_first_seen",
        "unusual_ip" => "unusual_network_of_principal",
        "endpoint_bypass" => "vpc_endpoint_bypassed",
        "config_weakened" => "bucket_block_public_access_weakened",
        _ => return None,
    })
}

fn micros(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

fn finds(finding: &Finding, attack: &Attack, detector: &str) -> bool {
    let (first, last) = (micros(&attack.first_event_time), micros(&attack.last_event_time));
    finding.detector == detector
        && finding.principal.starts_with(&attack.principal)
        && finding.buckets == [attack.bucket.clone()]
        && finding.first_seen <= last
        && finding.last_seen >= first
}

fn generated(folder: &Path, config: &Config) -> Vec<Attack> {
    generate::generate(&Config { out: folder.join("dump"), ..config.clone() }).unwrap()
}

#[test]
fn every_planted_attack_is_found() {
    for (seed, start) in [(11, "2025-06-02"), (12, "2024-03-01"), (13, "2026-02-01")] {
        let folder = tempfile::tempdir().unwrap();
        let start = start.parse::<jiff::civil::Date>().unwrap();
        let config = Config { seed, start, events: 20_000, ..Config::default() };
        let attacks = generated(folder.path(), &config);
        let out = folder.path().join("out");
        let ran = scan(&[folder.path().join("dump")], &out, &[]);
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
        let found = findings(&out);
        let mut expected = 0;
        for attack in &attacks {
            let Some(detector) = detector(attack.name) else { continue };
            expected += 1;
            let hits: Vec<_> = found.iter().filter(|f| finds(f, attack, detector)).collect();
            assert_eq!(hits.len(), 1, "seed {seed}: {attack:?} by {detector}: {hits:?}");
            // By themselves a new principal, a new network and some sixty deletes are daily business.
            let daily = ["new_principal", "unusual_ip", "mass_delete_slow"];
            let least = if daily.contains(&attack.name) { 3.0 } else { 4.0 };
            assert!(hits[0].severity >= least, "{attack:?}: {:?}", hits[0]);
            assert!((1..=4).contains(&hits[0].evidence));
        }
        assert!(expected >= 17, "seed {seed}: {expected}");
    }
}

/// With nightly cleanups, deployments, new staff, a traveller and autoscaling addresses in it.
#[test]
fn clean_traffic_has_at_most_one_finding_of_medium_per_100_000_events() {
    let folder = tempfile::tempdir().unwrap();
    let attacks = Vec::new();
    let events = 300_000;
    let config = Config { seed: 21, events, attacks, churn: true, ..Config::default() };
    assert!(generated(folder.path(), &config).is_empty());
    let out = folder.path().join("out");
    assert_eq!(scan(&[folder.path().join("dump")], &out, &[]).status, 0);
    let loud: Vec<_> = findings(&out).into_iter().filter(|f| f.severity >= 4.0).collect();
    assert!(loud.len() <= 3, "{loud:#?}");
}
