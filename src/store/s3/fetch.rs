//! Fetching whole objects: many at a time, within a budget of bytes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::bucket::{Bucket, Stored};
use super::fault::Fault;

/// The budget is counted in pieces of so many bytes.
const PIECE: u64 = 1 << 10;
/// How often whoever waits looks whether to go on waiting.
const GLANCE: Duration = Duration::from_millis(200);
/// What the smallest object takes of it: a request under way needs memory of its own.
const LEAST_PIECES: u64 = 16;

/// Memory for objects that are on their way, or wait to be read.
#[derive(Debug, Clone)]
pub struct Budget {
    pieces: Arc<Semaphore>,
    most: u32,
}

impl Budget {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let most = u32::try_from(bytes / PIECE).unwrap_or(u32::MAX >> 4).clamp(1, u32::MAX >> 4);
        Self { pieces: Arc::new(Semaphore::new(most as usize)), most }
    }

    /// Waits for room, as long as `waits` says so.
    async fn take(&self, bytes: u64, waits: &dyn Fn() -> bool) -> Option<OwnedSemaphorePermit> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE).max(LEAST_PIECES)).unwrap_or(u32::MAX);
        // An object larger than all of the budget travels alone.
        let taking = self.pieces.clone().acquire_many_owned(pieces.min(self.most));
        let mut taking = std::pin::pin!(taking);
        while waits() {
            if let Ok(taken) = tokio::time::timeout(GLANCE, &mut taking).await {
                return taken.ok();
            }
        }
        None
    }
}

impl Bucket {
    /// Begins to fetch an object that is listed with `bytes`, as soon as the budget allows: until
    /// then the call waits, but no longer than `waits` says so. `done` is called when it is there,
    /// or will not come; not at all, if nobody waits for it.
    pub fn fetch(
        &self,
        key: String,
        bytes: u64,
        budget: &Budget,
        waits: &dyn Fn() -> bool,
        done: impl FnOnce(Result<Stored, Fault>) + Send + 'static,
    ) {
        let taken = self.shared.handle.block_on(budget.take(bytes, waits));
        if taken.is_none() {
            return;
        }
        let bucket = self.clone();
        self.shared.handle.spawn(async move {
            let stored = bucket.whole(&key, bytes).await;
            done(stored.map(|stored| Stored { budget: taken, ..stored }));
        });
    }

    /// An object of at most `most` bytes.
    ///
    /// # Errors
    /// Those of the requests.
    pub fn get(&self, key: &str, most: u64) -> Result<Vec<u8>, Fault> {
        self.shared.handle.block_on(self.whole(key, most)).map(|stored| stored.bytes)
    }

    /// Writes the file at `path` as an object.
    ///
    /// # Errors
    /// Those of the requests.
    pub fn upload(&self, key: &str, path: &Path) -> Result<(), Fault> {
        self.shared.handle.block_on(self.put(key, path))
    }

    /// Writes an object unless there is one: of several processes that try, one succeeds. Returns
    /// whether this one did.
    ///
    /// # Errors
    /// Those of the requests.
    pub fn create(&self, key: &str, bytes: &[u8]) -> Result<bool, Fault> {
        self.shared.handle.block_on(self.create_new(key, bytes))
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// Those of the requests.
    pub fn remove(&self, key: &str) -> Result<(), Fault> {
        self.shared.handle.block_on(self.delete(key))
    }
}
