//! What is kept between runs: history, the ledger of processed objects, current findings.
//!
//! A state is a folder of its own. `manifest-<generation>.json` names the files of a generation;
//! the newest counts. All files but manifests carry the generation and a hash of what was read in
//! their names and never change. A commit creates the next manifest, which fails if another run has
//! done so meanwhile: there is no lock, and the loser has changed nothing. See `docs/state.md`.

mod commit;
mod ledger;
mod manifest;
mod recent;
mod retention;

pub use commit::{Draft, State};
pub use ledger::{LedgerEntry, LedgerReader, write_ledger};
pub use manifest::{Files, FoldEntry, Manifest};
pub use recent::{RecentId, RecentReader, write_recent};
pub use retention::{Horizon, Kept, Retention};
