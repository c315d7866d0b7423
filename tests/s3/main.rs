//! Scans of buckets over real HTTP: against a server in this process, with faults, and against moto.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::wildcard_imports,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

#[path = "../common/mod.rs"]
mod common;
mod faults;
#[path = "../../benches/generate/mod.rs"]
mod generate;
mod inputs;
mod interrupts;
mod moto;
mod parts;
mod prefixes;
mod server;
mod server_itself;
mod state;
