//! What becomes of the events that are read: the one thing in which scan, scope, convert and explain
//! differ while they go over the same inputs.

use crate::error::Result;
use crate::events::EventBatch;

/// One worker's own; nothing of it is shared.
pub(super) trait Consumer {
    /// What it leaves.
    type Yield: Send;

    /// Takes a batch.
    ///
    /// # Errors
    /// Only those that end the run.
    fn take(&mut self, batch: &EventBatch) -> Result<()>;

    /// Whether it wants a [`pause`](Self::pause) now. What waits to become a batch is handed over
    /// before.
    fn wants_pause(&self) -> bool {
        false
    }

    /// Called after each batch, and between objects if it is wanted. `newest`, µs, is the newest
    /// event so far that has happened, with a state.
    ///
    /// # Errors
    /// Only those that end the run.
    fn pause(&mut self, _newest: Option<i64>) -> Result<()> {
        Ok(())
    }

    /// Nothing more comes.
    ///
    /// # Errors
    /// Only those that end the run.
    fn finish(self) -> Result<Self::Yield>;
}
