//! What is known beyond the logs: which accounts are one's own, what databases, lists and AWS's own
//! ranges say of an address, and which program a user agent is.
//!
//! Everything comes from files that the user gives; nothing is looked up on a network. Reference:
//! `docs/intel.md`.

mod accounts;
mod available;
mod aws_ranges;
mod databases;
mod files;
mod intelligence;
mod lists;
mod networks;
mod source;
mod user_agent;

pub use accounts::{Caller, OwnAccounts};
pub use available::{Available, Kind};
pub use databases::GeoTable;
pub use files::IntelFiles;
pub use intelligence::{Address, Intel};
pub use lists::{Label, List, parse_list};
pub use networks::is_private;
pub use source::{Source, Unreadable};
pub(crate) use user_agent::is_service;
pub use user_agent::user_agent_family;
