//! Entities of the merged table, handed on in batches of one fold each.

use std::sync::mpsc::sync_channel;

use crate::detect::group::Groups;
use crate::error::Result;

/// Rows of entities, and about their bytes, that are handed over at once unless one entity has more.
const BATCH_ROWS: usize = 4_096;
const BATCH_BYTES: usize = 2 << 20;

/// Shows entities to `take`, some of one fold at a time. Unless it is 0, a thread of its own reads so
/// many batches `ahead`, since making rows costs as much as judging them.
///
/// # Errors
/// Those of reading and of `take`.
pub(super) fn each_batch(
    entities: impl Iterator<Item = Result<Groups>> + Send,
    ahead: usize,
    mut take: impl FnMut(Vec<Groups>) -> Result<()>,
) -> Result<()> {
    if ahead == 0 {
        let mut taken = Ok(());
        in_batches(entities, |batch| {
            taken = batch.and_then(&mut take);
            taken.is_ok()
        });
        return taken;
    }
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel(ahead);
        scope.spawn(move || {
            // Nobody listens after an error.
            in_batches(entities, |batch| send.send(batch).is_ok());
        });
        receive.into_iter().try_for_each(|batch| take(batch?))
    })
}

/// Hands entities on in batches of one fold each, until `take` wants no more.
fn in_batches(
    entities: impl Iterator<Item = Result<Groups>>,
    mut take: impl FnMut(Result<Vec<Groups>>) -> bool,
) {
    let (mut batch, mut rows, mut bytes): (Vec<Groups>, usize, usize) = (Vec::new(), 0, 0);
    for groups in entities {
        let groups = match groups {
            Ok(groups) => groups,
            Err(error) => {
                take(Err(error));
                return;
            }
        };
        let is_other = batch.first().is_some_and(|first| first.fold != groups.fold);
        if is_other || rows >= BATCH_ROWS || bytes >= BATCH_BYTES {
            (rows, bytes) = (0, 0);
            if !take(Ok(std::mem::take(&mut batch))) {
                return;
            }
        }
        rows += 1 + groups.rows.len();
        bytes += groups.bytes();
        batch.push(groups);
    }
    take(Ok(batch));
}
