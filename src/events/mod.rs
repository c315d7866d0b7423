//! Records become columns: the Arrow schema of an event, the builder that fills a batch straight
//! from the parsed tape, and typed access to the columns.
//!
//! In come records from `decode` (through its [`RecordSink`](crate::decode::RecordSink)) and the
//! field paths that the loaded rules ask for; out go [`EventBatch`]es of up to 8,192 events. This
//! room knows no rules: only the paths wanted.

mod accounts;
mod acl;
mod arrival;
mod batch;
mod bucket;
mod builder;
mod class;
mod column;
mod core_column;
mod core_reads;
mod derived;
mod field;
mod filter;
mod identity;
mod known;
mod lookup;
mod network;
mod path;
mod policy;
mod principal;
mod reader;
mod records;
mod schema;
mod slots;
mod stored;
mod time;
mod value;

pub use arrival::{Arrival, Wanted};
pub use batch::{Dictionary, EventBatch};
pub use builder::{BatchBuilder, ObjectRef, OddFields};
pub use core_reads::{CoreReads, CoreSet};
pub use derived::{TIMED_OBJECT_KEY, derived_names};
pub use field::{Extract, Field, Fields, PathColumn, UnknownField};
pub use filter::EventFilter;
pub use identity::EventKey;
pub(crate) use network::network;
pub use reader::Reader;
pub use schema::{BATCH_EVENTS, Core, Kind as ColumnKind, NORMALISER};
pub use stored::{StoredColumns, StoredEvent};
pub use time::parse_event_time;
