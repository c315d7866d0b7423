//! Signals become finding rows with stable ids, and rows become Parquet, JSON lines,
//! CSV and OCSF events. This room knows no detector by name: all that a finding says comes from the
//! detector's metadata and the signal.

mod by_id;
mod columns;
mod combine;
mod deployments;
mod finding;
mod formats;
mod link;
mod read_back;
mod revise;
mod sequences;
mod shorten;
mod suppress;
mod time;
mod title;
mod weigh;

pub use by_id::finding_by_id;
pub use columns::{ParquetWriter, findings_batch, write_parquet, write_rows};
pub use deployments::merge_deployments;
pub use finding::{Finding, Known, Outcome, SeverityLabel, findings_of};
pub use formats::{Cell, Format, Row, Told, rows, write_findings};
pub use link::link_shared;
pub(crate) use read_back::read_findings;
pub use revise::{Revised, current_batches, read_by_day, read_current, revise, write_current};
pub use sequences::find_sequences;
pub use suppress::Suppressions;
pub use time::{day_text, interval, timestamp_text};
pub use title::title_beside;
