//! What is known of names beyond the logs: so far, which accounts are one's own.

mod accounts;

pub use accounts::{Caller, OwnAccounts};
