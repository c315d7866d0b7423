//! The kept inputs of the fuzz targets, replayed: seeds of every format, and what the fuzzers have
//! found. See `docs/fuzzing.md`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;
#[path = "fuzz_seeds/seeds.rs"]
mod seeds;
#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "public to the fuzz targets")]
mod targets;

use std::path::{Path, PathBuf};

use common::files;

/// Seeds of all targets together.
const MOST_BYTES: u64 = 300_000;

fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind).join(target)
}

/// Runs the target over its seeds and regressions, each on a thread with the stack of a worker.
fn replay(target: &str, run: fn(&[u8])) {
    let seeds = files(&folder("seeds", target));
    assert!(seeds.len() > 5, "{target} has few seeds: {seeds:?}");
    let found = Some(folder("regressions", target)).filter(|folder| folder.is_dir());
    let found = found.map(|folder| files(&folder)).unwrap_or_default();
    let broken = seeds.iter().chain(&found).filter(|path| {
        let bytes = std::fs::read(path).unwrap();
        std::thread::spawn(move || run(&bytes)).join().is_err()
    });
    let broken: Vec<_> = broken.collect();
    assert!(broken.is_empty(), "{target} fails on {broken:#?}");
}

#[test]
fn decode() {
    replay("decode", targets::decode::run);
}

#[test]
fn detectors() {
    replay("detectors", targets::detectors::run);
}

#[test]
fn layout() {
    replay("layout", targets::layout::run);
}

#[test]
fn lists() {
    replay("lists", targets::lists::run);
}

#[test]
fn state() {
    replay("state", targets::state::run);
}

#[test]
fn seeds_are_small() {
    let all = ["decode", "detectors", "layout", "lists", "state"]
        .map(|target| files(&folder("seeds", target)));
    let bytes: u64 = all.iter().flatten().map(|path| path.metadata().unwrap().len()).sum();
    assert!(bytes < MOST_BYTES, "{bytes} bytes of seeds");
}

/// Makes the seeds anew: `cargo test --test fuzz_seeds -- --ignored make_seeds`.
#[test]
#[ignore = "writes the seeds"]
fn make_seeds() {
    for (target, seeds) in seeds::all() {
        let folder = folder("seeds", target);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in seeds {
            assert!(!folder.join(&name).exists(), "{name} twice");
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
}
