//! The manifest: one JSON file per generation that names everything else.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What `format` says.
const FORMAT: &str = "trailsift state";
/// The version of the manifest and of the files that it names.
const VERSION: u64 = 2;

/// Commits that there can be.
const MAX_GENERATION: u64 = 1 << 48;
/// Days since the epoch, and before, that events can have.
const MAX_DAY: i64 = 5_000_000;
const DAY_MICROS: i64 = 86_400_000_000;

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
        let manifest: Self =
            serde_json::from_value(value).map_err(|error| foreign(&error.to_string()))?;
        match manifest.fault(path) {
            Some(fault) => Err(foreign(&format!("`{fault}` cannot be"))),
            None => Ok(manifest),
        }
    }

    /// The field that cannot have been written so. What a manifest says is calculated with, and
    /// becomes the names of files.
    fn fault(&self, path: &Path) -> Option<&'static str> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_day = |day: &i64| (-MAX_DAY..=MAX_DAY).contains(day);
        let is_time = |time: &i64| is_day(&time.div_euclid(DAY_MICROS));
        let is_name = |name: &str| Path::new(name).file_name().is_some_and(|own| own == name);
        let since = || self.folds.iter().filter_map(|fold| fold.since_day);
        let checks = [
            ("generation", Self::generation_of(name) == Some(self.generation)),
            ("generation", self.generation <= MAX_GENERATION),
            ("run", is_name(&self.run)),
            ("newest_day", self.newest_day.iter().all(is_day)),
            ("first_event", self.first_event.iter().all(is_time)),
            ("last_event", self.last_event.iter().all(is_time)),
            ("since_day", since().all(|day| is_day(&day))),
            ("files", self.files.names().into_iter().all(is_name)),
        ];
        checks.into_iter().find(|(_, holds)| !holds).map(|(field, _)| field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Manifest);

    fn refused(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest-00000001.json");
        std::fs::write(&path, text).unwrap();
        Manifest::read(&path).unwrap_err().to_string()
    }

    #[test]
    fn what_no_run_has_written_is_refused() {
        let mut manifest = Manifest::new("x".to_owned(), 7, Vec::new());
        (manifest.generation, manifest.run) = (1, "00000001-x".to_owned());
        let file = "t".to_owned();
        let [table, ledger, recent_ids] = [&file; 3].map(Clone::clone);
        let (coverage, findings_current, findings) = (file.clone(), file.clone(), file);
        manifest.files = Files { table, ledger, recent_ids, coverage, findings_current, findings };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest-00000001.json");
        std::fs::write(&path, serde_json::to_vec(&manifest).unwrap()).unwrap();
        assert_eq!(Manifest::read(&path).unwrap(), manifest);
        let changes: [(&str, Change); 7] = [
            ("generation", |m| m.generation = u64::MAX),
            ("run", |m| "../run".clone_into(&mut m.run)),
            ("newest_day", |m| m.newest_day = Some(i64::MAX)),
            ("first_event", |m| m.first_event = Some(i64::MIN)),
            ("last_event", |m| m.last_event = Some(i64::MAX)),
            ("files", |m| "/etc/passwd".clone_into(&mut m.files.ledger)),
            ("files", |m| m.files.table.clear()),
        ];
        for (field, change) in changes {
            let mut other = manifest.clone();
            change(&mut other);
            let refused = refused(&serde_json::to_string(&other).unwrap());
            assert!(refused.contains(&format!("`{field}` cannot be")), "{refused}");
        }
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
