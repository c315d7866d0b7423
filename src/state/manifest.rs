//! The manifest: one JSON file per generation that names everything else.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What `format` says.
const FORMAT: &str = "trailsift state";
/// The version of the manifest and of the files that it names.
const VERSION: u64 = 2;

/// A generation of the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// `trailsift state`.
    pub(super) format: String,
    /// Version of the schema.
    pub(super) version: u64,
    /// The trailsift that wrote it.
    pub trailsift: String,
    /// Counts commits, from 1.
    pub generation: u64,
    /// Name of the run that made it; its findings are published under this name.
    pub run: String,
    /// Newest UTC day with an event, days since the epoch; lateness is measured from it.
    pub newest_day: Option<i64>,
    /// Time of the first event ever read, µs.
    pub first_event: Option<i64>,
    /// Time of the last one.
    pub last_event: Option<i64>,
    /// Identity of the detectors and of what else decides what is judged.
    pub judged_by: String,
    /// Seed of the hashes in the recent ids, chosen at random: who writes logs chooses the ids.
    pub id_seed: u64,
    /// What is in the table.
    pub folds: Vec<FoldEntry>,
    /// The other files, as names in the folder.
    pub files: Files,
}

/// A fold of the table, for readers of the Parquet and for later runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldEntry {
    /// Its id in the table's column `fold`.
    pub fold: String,
    /// The detectors that judge it.
    pub detectors: Vec<String>,
    /// What the texts of the table's column `entity` are.
    pub columns: Vec<String>,
    /// What the sketches of the table's column `samples` are of.
    pub sampled: Vec<String>,
    /// Its history begins on this day, since its detectors are younger than the state.
    pub since_day: Option<i64>,
}

/// The files of a generation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Folded events.
    pub table: String,
    /// Processed objects.
    pub ledger: String,
    /// Events that later runs may meet again.
    pub recent_ids: String,
    /// Events per hour.
    pub coverage: String,
    /// The newest row of every finding.
    pub findings_current: String,
    /// The findings that this generation's run has added, revised or withdrawn.
    pub findings: String,
}

impl Files {
    /// All names.
    pub(super) fn names(&self) -> [&str; 6] {
        let Self { table, ledger, recent_ids, coverage, findings_current, findings } = self;
        [table, ledger, recent_ids, coverage, findings_current, findings]
    }
}

impl Manifest {
    /// A manifest of this version; the commit fills in `generation`, `run` and the files' names.
    #[must_use]
    pub fn new(judged_by: String, id_seed: u64, folds: Vec<FoldEntry>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            trailsift: env!("CARGO_PKG_VERSION").to_owned(),
            generation: 0,
            run: String::new(),
            newest_day: None,
            first_event: None,
            last_event: None,
            judged_by,
            id_seed,
            folds,
            files: Files::default(),
        }
    }

    /// The name of a generation's manifest.
    pub(super) fn name(generation: u64) -> String {
        format!("manifest-{generation:08}.json")
    }

    /// The generation of the manifest of that name.
    pub(super) fn generation_of(name: &str) -> Option<u64> {
        name.strip_prefix("manifest-")?.strip_suffix(".json")?.parse().ok()
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// [`Error::State`] for one that is not ours, or of another version.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let foreign =
            |error: &str| Error::state(path, format!("no manifest of a trailsift state: {error}"));
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| foreign(&error.to_string()))?;
        if value.get("format").and_then(serde_json::Value::as_str) != Some(FORMAT) {
            return Err(foreign(&format!("`format` is not `{FORMAT}`")));
        }
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(VERSION) => {}
            Some(other) => {
                let by = value.get("trailsift").and_then(serde_json::Value::as_str);
                let by = by.unwrap_or("unknown");
                let what = if other > VERSION {
                    "use that version, or a newer one"
                } else {
                    "begin a new state with another folder"
                };
                let reason = format!(
                    "schema version {other}, written by trailsift {by}; this one knows version \
                     {VERSION}: {what}"
                );
                return Err(Error::state(path, reason));
            }
            None => return Err(foreign("no `version`")),
        }
        serde_json::from_value(value).map_err(|error| foreign(&error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest-00000001.json");
        std::fs::write(&path, text).unwrap();
        Manifest::read(&path).unwrap_err().to_string()
    }

    #[test]
    fn foreign_and_newer_manifests_are_refused_with_a_word() {
        let newer = r#"{"format": "trailsift state", "version": 7, "trailsift": "9.9.9"}"#;
        let cases = [
            ("{", "no manifest of a trailsift state"),
            ("[]", "`format` is not"),
            (r#"{"format": "terraform"}"#, "`format` is not"),
            (r#"{"format": "trailsift state"}"#, "no `version`"),
            (newer, "schema version 7, written by trailsift 9.9.9; this one knows version 2: use"),
            (r#"{"format": "trailsift state", "version": 1}"#, "begin a new state"),
            (r#"{"format": "trailsift state", "version": 2}"#, "missing field"),
        ];
        for (text, word) in cases {
            assert!(refused(text).contains(word), "{text}: {}", refused(text));
        }
    }
}
