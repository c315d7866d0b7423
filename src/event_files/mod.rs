//! Events as Parquet files that are an input again: the core columns, and each record's text as it
//! was written. Files lie in a folder per account, region and UTC day, sorted by time.
//!
//! In come event batches; they are sorted within a bound of memory ([`Sorter`]), copies within a
//! partition are left out, and files are written that appear in the folder all at once
//! ([`EventFolder`]). The way back is [`read`]: records with the places that they came from.
//! `docs/schema.md` documents the columns.

mod folder;
mod merge;
mod partition;
mod read;
mod read_columns;
mod rows;
mod sorter;
mod write;

pub use folder::EventFolder;
pub use partition::Partition;
pub use read::{StoredRecord, Unreadable, records};
pub use read_columns::{TakeEvents, events};
pub use sorter::{Sorted, Sorter};
pub use write::{Written, write};
