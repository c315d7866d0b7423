//! Where detector files come from: the binary itself, and folders of the user's.

use std::path::Path;

use include_dir::{Dir, DirEntry, include_dir};
use walkdir::WalkDir;

use super::diagnostic::Diagnostic;
use crate::error::{Error, Result};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/detectors");

/// A detector file and the page beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// `deletion/mass_object_delete.yml`, or the user's path.
    pub name: String,
    /// The YAML.
    pub text: String,
    /// The Markdown page: the attack, triage, false positives, cases.
    pub page: Option<String>,
    /// Whether it is embedded in the binary.
    pub shipped: bool,
}

impl RuleFile {
    /// `mass_object_delete`.
    #[must_use]
    pub fn slug(&self) -> &str {
        Path::new(&self.name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(&self.name)
    }
}

/// The detectors in the binary, sorted by name.
#[must_use]
pub fn shipped() -> Vec<RuleFile> {
    let mut files = Vec::new();
    collect(&SHIPPED, &mut files);
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

fn collect(dir: &Dir<'_>, files: &mut Vec<RuleFile>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(inner) => collect(inner, files),
            DirEntry::File(file) if is_yaml(file.path()) => {
                let page = SHIPPED.get_file(file.path().with_extension("md"));
                files.push(RuleFile {
                    name: file.path().to_string_lossy().into_owned(),
                    text: file.contents_utf8().unwrap_or_default().to_owned(),
                    page: page.and_then(|page| page.contents_utf8()).map(str::to_owned),
                    shipped: true,
                });
            }
            DirEntry::File(_) => {}
        }
    }
}

/// The detectors below `dir`, sorted by name; files that cannot be read become diagnostics.
///
/// # Errors
/// [`Error::Usage`] if there is no such folder.
pub fn read_folder(dir: &Path) -> Result<(Vec<RuleFile>, Vec<Diagnostic>)> {
    if !dir.is_dir() {
        return Err(Error::Usage(format!("`{}`: no such folder of detectors", dir.display())));
    }
    let (mut files, mut diagnostics) = (Vec::new(), Vec::new());
    for entry in WalkDir::new(dir).sort_by_file_name() {
        let path = match entry {
            Ok(entry) if entry.file_type().is_file() => entry.into_path(),
            Ok(_) => continue,
            Err(error) => {
                let name = dir.display().to_string();
                diagnostics.push(Diagnostic::of_file(&name, "unreadable", error.to_string()));
                continue;
            }
        };
        if !is_yaml(&path) {
            continue;
        }
        let name = path.display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let page = std::fs::read_to_string(path.with_extension("md")).ok();
                files.push(RuleFile { name, text, page, shipped: false });
            }
            Err(error) => {
                diagnostics.push(Diagnostic::of_file(&name, "unreadable", error.to_string()));
            }
        }
    }
    Ok((files, diagnostics))
}

fn is_yaml(path: &Path) -> bool {
    matches!(path.extension().and_then(|extension| extension.to_str()), Some("yml" | "yaml"))
}
