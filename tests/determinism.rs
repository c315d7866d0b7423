//! The same records give byte-identical outputs: any thread count, file order, memory, or split
//! into partial runs.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;
#[path = "../benches/generate/mod.rs"]
mod generate;

use std::path::{Path, PathBuf};

use common::{files, run_json, scan, trailsift};

/// A dump with every attack over five accounts.
fn dump(folder: &Path) -> PathBuf {
    let out = folder.join("dump");
    let config =
        generate::Config { out: out.clone(), events: 6_000, accounts: 5, ..Default::default() };
    generate::generate(&config).unwrap();
    out
}

fn outputs(out: &Path) -> Vec<Vec<u8>> {
    [
        "findings.parquet",
        "first_appearances.parquet",
        "coverage.parquet",
        "manifest.parquet",
        "rejected.parquet",
    ]
    .map(|name| std::fs::read(out.join(name)).unwrap())
    .into()
}

#[test]
fn threads_order_memory_and_shards_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let dump = dump(folder.path());
    let out = |name: &str| folder.path().join(name);
    let expected = {
        let ran = scan(std::slice::from_ref(&dump), &out("one"), &["--threads", "1"]);
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
        outputs(&out("one"))
    };
    assert!(run_json(&out("one"))["findings"]["high"].as_u64().unwrap() >= 5);

    for threads in ["2", "8"] {
        scan(std::slice::from_ref(&dump), &out(threads), &["--threads", threads]);
        assert_eq!(outputs(&out(threads)), expected, "{threads} threads");
    }

    let mut shuffled = files(&dump);
    fastrand::Rng::with_seed(7).shuffle(&mut shuffled);
    scan(&shuffled, &out("shuffled"), &["--threads", "2"]);
    assert_eq!(outputs(&out("shuffled")), expected, "shuffled files");

    let ran = scan(
        std::slice::from_ref(&dump),
        &out("spilled"),
        &["--threads", "2", "--memory", "100KiB"],
    );
    assert_eq!(outputs(&out("spilled")), expected, "spilled tables");
    assert!(ran.out.contains("spilled to disk"), "{}", ran.out);
    assert_eq!(std::fs::read_dir(out("spilled")).unwrap().count(), 6, "a spill is left behind");

    for shards in [1, 2, 5] {
        let mut parts = Vec::new();
        for number in 1..=shards {
            let part = out(&format!("part-{number}-of-{shards}"));
            let shard = format!("{number}/{shards}");
            let ran = common::partial(std::slice::from_ref(&dump), &part, &["--shard", &shard]);
            assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
            parts.push(part);
        }
        parts.reverse();
        let merged = out(&format!("merged-{shards}"));
        let mut arguments: Vec<std::ffi::OsString> = vec!["merge".into(), "--out".into()];
        arguments.push(merged.clone().into());
        arguments.extend(parts.into_iter().map(Into::into));
        let ran = trailsift(arguments);
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
        assert_eq!(outputs(&merged), expected, "{shards} shards");
        let (whole, sum) = (run_json(&out("one")), run_json(&merged));
        assert_eq!(whole["records"], sum["records"]);
        assert_eq!(whole["objects"], sum["objects"]);
    }
}

#[test]
fn runs_that_do_not_belong_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dump = dump(folder.path());
    let out = |name: &str| folder.path().join(name);
    let part = |name: &str, more: &[&str]| {
        assert_eq!(common::partial(std::slice::from_ref(&dump), &out(name), more).status, 0);
    };
    part("whole", &[]);
    part("first", &["--shard", "1/2"]);
    part("second-of-three", &["--shard", "2/3"]);
    part("later", &["--shard", "2/2", "--since", "2025-06-05"]);
    std::fs::create_dir(out("empty")).unwrap();
    let merge = |names: &[&str]| {
        let mut arguments: Vec<std::ffi::OsString> = vec!["merge".into()];
        arguments.extend(names.iter().map(|name| out(name).into()));
        arguments.extend(["--out".into(), out("merged").into()]);
        trailsift(arguments)
    };
    for (names, status, word) in [
        (&["first", "first"][..], 2, "given twice"),
        (&["first", "second-of-three"], 2, "different splits"),
        (&["first", "later"], 2, "different events (`--since`"),
        (&["whole", "whole"], 2, "part of two of the runs"),
        (&["first", "empty"], 1, "no finished partial run"),
    ] {
        let ran = merge(names);
        assert_eq!(ran.status, status, "{names:?}: {}", ran.err);
        assert!(ran.err.contains(word), "{names:?}: {}", ran.err);
    }
    let over = trailsift(["merge".into(), out("first"), "--out".into(), out("first")]);
    assert_eq!(over.status, 2, "{}", over.err);
    let ran = merge(&["first"]);
    assert_eq!(ran.status, 4, "a result that is not whole");
    assert!(ran.out.contains("shares are missing: 2/2"), "{}", ran.out);
}
