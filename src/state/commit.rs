//! The folder of a state: opening the newest generation, and the swap to the next.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::manifest::{Files, Manifest};
use crate::error::{Error, Result};
use crate::store::Folder;

/// An opened state.
#[derive(Debug, Clone)]
pub struct State {
    folder: Arc<Folder>,
    /// The newest generation; none before the first commit.
    pub manifest: Option<Manifest>,
}

/// The next generation, not yet committed.
#[derive(Debug)]
pub struct Draft<'s> {
    state: &'s State,
    generation: u64,
    /// `<generation>-<hash>`; file names begin with it.
    pub run: String,
}

impl State {
    /// Opens the state in `folder`.
    ///
    /// # Errors
    /// [`Error::State`] for a folder with other files, or a state of another version; those of S3.
    pub fn open(folder: Arc<Folder>) -> Result<Self> {
        let names = folder.names()?;
        let newest = names.iter().filter_map(|name| Manifest::generation_of(name)).max();
        let Some(newest) = newest else {
            if let Some(other) = names.iter().find(|name| generation_of(name).is_none()) {
                let reason =
                    format!("holds `{other}` and no manifest; `--state` wants a folder of its own");
                return Err(Error::state(folder.location().to_string(), reason));
            }
            return Ok(Self { folder, manifest: None });
        };
        let manifest = Manifest::read(&folder.bring(&Manifest::name(newest))?)?;
        manifest.files.names().into_iter().try_for_each(|name| folder.bring(name).map(drop))?;
        Ok(Self { folder, manifest: Some(manifest) })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of one of the newest generation's files.
    #[must_use]
    pub fn file(&self, name: impl Fn(&Files) -> &String) -> Option<PathBuf> {
        let manifest = self.manifest.as_ref()?;
        Some(self.folder.path().join(name(&manifest.files)))
    }

    fn generation(&self) -> u64 {
        self.manifest.as_ref().map_or(0, |manifest| manifest.generation)
    }

    /// What temporary files of the next generation are called.
    #[must_use]
    pub fn temporary_prefix(&self) -> String {
        format!(".{:08}-", self.generation() + 1)
    }

    /// Begins the next generation; `identity` is a hash of everything that decides its content, so
    /// that a repeated run overwrites its own half-work.
    #[must_use]
    pub fn draft(&self, identity: &str) -> Draft<'_> {
        let generation = self.generation() + 1;
        Draft { state: self, generation, run: format!("{generation:08}-{identity}") }
    }

    /// Removes what older generations and broken runs have left. The generation before the newest
    /// stays: a run that began with it may still be reading.
    fn clean(&self) -> Result<()> {
        let newest = self.generation();
        let before = match newest.saturating_sub(1) {
            0 => None,
            before => Some(Manifest::read(&self.folder.bring(&Manifest::name(before))?)?),
        };
        let named: Vec<&str> = [self.manifest.as_ref(), before.as_ref()]
            .into_iter()
            .flatten()
            .flat_map(|manifest| manifest.files.names())
            .collect();
        for name in self.folder.names()? {
            let old = match (Manifest::generation_of(&name), generation_of(&name)) {
                (Some(generation), _) => generation.saturating_add(1) < newest,
                // Files of a later generation belong to a run that is under way.
                (None, Some(generation)) => generation <= newest && !named.contains(&name.as_str()),
                (None, None) => false,
            };
            if old {
                self.folder.remove(&name)?;
            }
        }
        Ok(())
    }
}

impl Draft<'_> {
    /// The name of a file of this generation.
    #[must_use]
    pub fn name(&self, kind: &str) -> String {
        format!("{}.{kind}.parquet", self.run)
    }

    /// The path of a file of that name.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.state.folder.path().join(name)
    }

    /// Makes the generation the newest one, once all its files are written.
    ///
    /// # Errors
    /// [`Error::State`] if another run has committed since the state was opened.
    pub fn commit(self, mut manifest: Manifest) -> Result<State> {
        (manifest.generation, manifest.run) = (self.generation, self.run);
        let folder = &self.state.folder;
        manifest.files.names().into_iter().try_for_each(|name| folder.send(name))?;
        let bytes = serde_json::to_vec_pretty(&manifest)?;
        if !folder.create_new(&Manifest::name(self.generation), &bytes)? {
            let reason = "another run has changed the state meanwhile; nothing of this run was \
                          published: run it again";
            return Err(Error::state(folder.location().to_string(), reason));
        }
        let state = State { folder: folder.clone(), manifest: Some(manifest) };
        // What stays is removed by a later commit. This one has succeeded.
        if let Err(error) = state.clean() {
            tracing::warn!(%error, "not cleaned");
        }
        Ok(state)
    }
}

/// The generation of a file that is no manifest, finished or not: `[.]00000013-…`; for a
/// manifest's temporary file that of the manifest.
fn generation_of(name: &str) -> Option<u64> {
    let name = name.strip_prefix('.').unwrap_or(name);
    let name = name.strip_prefix("manifest-").unwrap_or(name);
    let digits = name.find(|c: char| !c.is_ascii_digit())?;
    let (generation, rest) = name.split_at_checked(digits)?;
    (digits >= 8 && rest.starts_with(['-', '.'])).then(|| generation.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path) -> Result<State> {
        State::open(Arc::new(Folder::open(&folder.to_path_buf().into(), None)?))
    }

    fn commit(state: &State, identity: &str) -> Result<State> {
        let draft = state.draft(identity);
        let mut manifest = Manifest::new("x".to_owned(), 7, Vec::new());
        let name = |kind: &str| {
            let name = draft.name(kind);
            std::fs::write(draft.path(&name), kind).unwrap();
            name
        };
        manifest.files = Files {
            table: name("table"),
            ledger: name("ledger"),
            recent_ids: name("recent_ids"),
            coverage: name("coverage"),
            findings_current: name("findings_current"),
            findings: name("findings"),
        };
        draft.commit(manifest)
    }

    #[test]
    fn of_two_runs_one_commits() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path()).unwrap();
        let second = open(folder.path()).unwrap();
        let won = commit(&first, "a").unwrap();
        let lost = commit(&second, "b").unwrap_err().to_string();
        assert!(lost.contains("another run has changed the state"), "{lost}");
        let newest = open(folder.path()).unwrap().manifest;
        assert_eq!(newest, won.manifest);
    }

    #[test]
    fn half_work_and_old_generations_are_removed_and_work_under_way_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open(folder.path()).unwrap();
        for name in
            ["00000001-broken.table.parquet", ".00000001-spill-x", ".manifest-00000001.json-y"]
        {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let under_way = "00000004-other.table.parquet";
        std::fs::write(folder.path().join(under_way), "").unwrap();
        state = open(state.folder()).unwrap();
        for identity in ["a", "b", "c"] {
            state = commit(&state, identity).unwrap();
        }
        let names =
            Folder::open(&folder.path().to_path_buf().into(), None).unwrap().names().unwrap();
        assert!(names.contains(&under_way.to_owned()), "{names:?}");
        let kept = |start: &str| names.iter().filter(|name| name.starts_with(start)).count();
        let counts = ["00000001", ".", "00000002-b.", "00000003-c.", "manifest-"].map(kept);
        assert_eq!(counts, [0, 0, 6, 6, 2], "{names:?}");
    }

    #[test]
    fn a_folder_of_other_things_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("thesis.txt"), "").unwrap();
        let refused = open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("holds `thesis.txt` and no manifest"), "{refused}");
    }
}
