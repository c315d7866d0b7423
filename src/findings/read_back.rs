//! Findings read back from a file, as JSON objects with the columns by their names.

use std::path::Path;

use serde_json::{Map, Value};

use super::formats::row_objects;
use crate::error::Result;
use crate::parquet_file::{Fault, ParquetFile};

/// Rows read at a time.
const BATCH: usize = 1_024;

/// The findings of the file whose id is wanted, in the order of the file.
///
/// # Errors
/// Those of the file system, and `fault` for a file that holds no findings.
pub(crate) fn read_findings(
    path: &Path,
    fault: Fault,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Map<String, Value>>> {
    let mut found = Vec::new();
    for batch in ParquetFile::open(path, fault)?.batches(BATCH)? {
        found.extend(row_objects(&batch?, "finding_id", &wanted)?);
    }
    Ok(found)
}
