//! Which log objects there are: listing, what their names tell (account, region, day), and the
//! members of archives. This room knows no JSON.

mod archive;
mod layout;
mod listing;
mod outputs;
mod prefixes;
mod prune;
mod shard;

pub use archive::{Content, Contents, Member, TakeMember, read_tar, read_zip};
pub use layout::{Layout, delivery_day, is_event_file, unique_name};
pub use listing::{Listing, LogObject, NotRead, Place, list};
pub use prefixes::{Asked, Order, Trail};
pub use prune::KeyRange;
pub use shard::Shard;
