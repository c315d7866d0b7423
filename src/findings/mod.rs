//! Signals become finding rows with stable ids, and rows become Parquet, JSON lines,
//! CSV and OCSF events. This room knows no detector by name: all that a finding says comes from the
//! detector's metadata and the signal.

mod columns;
mod deployments;
mod finding;
mod formats;
mod link;
mod revise;
mod shorten;
mod suppress;
mod time;

pub use columns::{ParquetWriter, findings_batch, write_parquet, write_rows};
pub use deployments::merge_deployments;
pub use finding::{Finding, Outcome, SeverityLabel, findings_of};
pub use formats::{Format, Told, write_findings};
pub use link::link_shared;
pub use revise::{Revised, current_batches, read_by_day, read_current, revise, write_current};
pub use suppress::Suppressions;
pub use time::{day_text, interval, timestamp_text};
