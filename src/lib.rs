//! trailsift finds attacks on S3 in AWS CloudTrail logs, offline and fast.
//!
//! Data goes one way: [`store`] → [`codec`] → [`source`] → [`decode`] → [`events`] → [`detect`] (select →
//! group → judge; what is kept between runs: [`state`]) → [`findings`] → [`report`]; [`pipeline`] wires the rooms together and [`cli`]
//! is the door. See `docs/architecture.md`.

pub mod cli;
pub mod codec;
pub mod decode;
pub mod detect;
mod digest;
pub mod error;
pub mod event_files;
pub mod events;
pub mod findings;
pub mod intel;
mod parquet_file;
pub mod pipeline;
pub mod report;
pub mod scope;
pub mod source;
pub mod state;
pub mod store;

pub use error::{Error, Result};
