//! Findings for machines: JSON lines and CSV say what Parquet says, OCSF events keep to the
//! published schema, and runs with a state tell each change once.
//!
//! Some of it is checked in Python; see `common/python.rs`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail as loudly as they like"
)]

mod changes;
#[path = "../common/mod.rs"]
mod common;
mod files;
mod logs;
mod ocsf;
mod readback;
mod timesketch;
