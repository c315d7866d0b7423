//! Groups: selected events folded into tables keyed by (fold, entity, time bucket).
//!
//! *A table is a run sorted by its key.* Merging runs is a streaming k-way merge; judging consumes
//! one entity at a time; spilled runs, partial runs and kept states are the same rows. Merging
//! commutes and associates, with the empty table as identity: any number of threads, order of files
//! or split into shards gives the same table. Hence no floats here and no structure whose result
//! depends on order.

#![deny(clippy::float_arithmetic)]

mod decimal;
mod details;
mod details_builder;
mod fold;
mod key;
mod layout;
mod lazy_details;
mod measure;
mod members;
mod merge;
mod pool;
mod row;
mod row_builder;
mod row_map;
mod selected;
mod sketch;
mod spill;
mod spilled_events;
mod storage;
mod table;
pub mod tuple;
mod values;

pub use decimal::Decimal;
pub use details::{Details, Evidence};
pub use fold::{Fold, Grain, MAX_COLUMNS, MAX_ENTITY, Measured, Sample};
pub use key::{Entity, FoldId, Key};
pub use measure::{Content, MAX_DISTINCT, MAX_TAGS, Measure, MeasureKind, Measures, tag_of};
pub use merge::{Entities, Groups, MAX_VALUES, Run, merge};
pub use row::{Pane, Panes, Row};
pub use selected::SelectedBatch;
pub use sketch::Sketch;
pub use spill::{SpillWriter, SpilledRun, write_spilled};
pub use spilled_events::{SpilledEvents, SpilledRows};
pub use storage::{TableReader, TableWriter, write_table};
pub use table::{EntityNumber, Entry, Rows, Table, TableFold};
