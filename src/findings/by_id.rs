//! One finding of a file by its id, or by as much of the id's beginning as no other shares.

use std::path::Path;

use arrow::array::{AsArray, RecordBatch};

use super::revise::current_batches;
use crate::error::{Error, Result};

/// The row of the finding whose id is, or alone begins with, `id`.
///
/// # Errors
/// [`Error::Usage`] for an id that no finding has, or that several begin with; those of reading.
pub fn finding_by_id(path: &Path, id: &str) -> Result<RecordBatch> {
    let (mut found, mut names) = (Vec::new(), Vec::new());
    for batch in current_batches(path)? {
        let batch = batch?;
        let ids = batch.column_by_name("finding_id").and_then(|ids| ids.as_string_opt::<i32>());
        let ids = ids.ok_or_else(|| Error::table(path, "no findings: no column `finding_id`"))?;
        for (row, name) in ids.iter().enumerate() {
            if let Some(name) = name.filter(|name| !id.is_empty() && name.starts_with(id)) {
                found.push(batch.slice(row, 1));
                names.push(name.to_owned());
            }
        }
    }
    let exact = names.iter().position(|name| name == id).filter(|_| names.len() > 1);
    let one = exact.or_else(|| (names.len() == 1).then_some(0)).and_then(|at| found.get(at));
    one.cloned().ok_or_else(|| {
        Error::Usage(match names.as_slice() {
            [] => format!("no finding in {} has an id that begins with `{id}`", path.display()),
            some => format!("`{id}` begins several ids, give more of it: {}", some.join(", ")),
        })
    })
}
