//! Which log objects there are: listing, and what their names tell (account, region, day). This
//! room knows no JSON.

mod layout;
mod listing;
mod shard;

pub use layout::{Layout, unique_name};
pub use listing::{Listing, LogObject, NotRead, list};
pub use shard::Shard;
