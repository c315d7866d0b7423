//! Everything that an actor did: from access keys, principals, sessions, addresses or buckets to the
//! credentials issued from them, the requests, the list of objects, and what is known and over.
//!
//! In come batches of events, twice: a [`Survey`] sees which credentials were issued to whom, then
//! [`Collect`] takes every event of what is followed. Out come requests, object rows and an
//! [`Outcome`]. This room knows no threads, no inputs and no output files.

mod activity;
mod collect;
mod columns;
mod coverage;
mod credentials;
mod event;
mod inventory;
mod known;
mod object;
mod objects;
mod outcome;
mod over;
mod request;
mod seeds;
mod sorted;
mod survey;
mod touch;
mod wanted;

pub use activity::{Activities, Activity, Place};
pub use collect::{Collect, Collected, Near, Related};
pub use columns::{actors_batch, objects_batch, timeline_batch};
pub use coverage::{Coverage, Hours, Trail};
pub use credentials::{Credential, Followed, Link, Relation, Use};
pub use event::{Columns, Detail, Event};
pub use inventory::{Listed, read_inventory};
pub use known::{Account, Bucket, Stretch, Verdict};
pub use object::{Extent, ObjectUse, Stretches};
pub use objects::{ObjectRow, Sum, Sums, list_objects};
pub(crate) use outcome::ActorJson;
pub use outcome::{Actor, Outcome, Parts};
pub use over::{Over, Status};
pub use request::{Request, requests};
pub use seeds::{Reason, Seeds};
pub use sorted::{Merged, Row, Runs, Sorted};
pub use survey::{Survey, Surveyed};
pub use touch::{Act, DeleteKind, Part, Restorable, Touch, Via, is_denied, touches};
pub use wanted::Wanted;
