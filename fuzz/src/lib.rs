//! What the fuzz targets do with their bytes. It knows no fuzzer, so `tests/fuzz_seeds.rs` runs the
//! same code over the kept inputs under plain `cargo test`. A target fails by panicking.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a target fails loudly"
)]

pub mod decode;
pub mod detectors;
mod judged;
pub mod layout;
pub mod lists;
pub mod state;
