//! Whose covered days are the history that a detector judges by.

use super::chain::{Column, bucket_of};
use super::detector::Scope;
use super::diagnostic::Diagnostic;
use super::draft::Draft;

/// Covered days that a scope's history needs, where state is kept and the detector names none.
const MIN_HISTORY: u64 = 7;

/// Whose history the entity is judged by.
pub(super) fn scope(draft: &Draft<'_>, columns: &[Column]) -> Result<Option<Scope>, Diagnostic> {
    let keys = &draft.section.history;
    if !matches!(draft.judge, "first_seen" | "spike" | "rare" | "silence" | "cusum") {
        return Ok(None);
    }
    let bucket = bucket_of(columns);
    let bucket = match keys.scope.as_deref() {
        None | Some("account") => None,
        Some("bucket") if bucket.is_some() => bucket,
        Some(_) => {
            let message = "`scope` is `account`, or `bucket` where `group_by` has it";
            return Err(draft.document.fault("scope", message));
        }
    };
    let (data, min_days) = (draft.section.needs_data_events, keys.min.unwrap_or(MIN_HISTORY));
    Ok(Some(Scope { bucket, data, min_days }))
}
