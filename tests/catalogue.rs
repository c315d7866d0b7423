//! The catalogue of shipped detectors: what every one must have, and the pages that are made from
//! them. `UPDATE_DOCS=1 cargo nextest run --test catalogue` writes the pages anew.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;
#[path = "catalogue/pages.rs"]
mod pages;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pages::{Class, coverage_page, detectors_page};
use trailsift::detect::rules::Entry;
use trailsift::pipeline::{PRACTICES, list_detectors};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shipped() -> Vec<Entry> {
    let (entries, diagnostics) = list_detectors(None).unwrap();
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    entries
}

fn table(name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join("docs/data").join(name)).unwrap();
    let line = |line: &str| line.split('\t').map(str::to_owned).collect();
    text.lines().filter(|text| !text.is_empty()).map(line).collect()
}

fn classes() -> Vec<Class> {
    let class = |row: Vec<String>| {
        let [id, name, condition, reason] = row.try_into().unwrap();
        Class { id, name, condition, reason }
    };
    table("classes.tsv").into_iter().map(class).collect()
}

/// The page is what it would be made now.
fn is_current(path: &str, made: &str) {
    let path = root().join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(made.lines()).find(|(found, made)| found != made);
    assert!(
        found == made,
        "{} is not what its detectors say: run UPDATE_DOCS=1 cargo nextest run --test catalogue; \
         first difference: {differs:?}",
        path.display()
    );
}

#[test]
fn every_detector_tells_what_a_reader_needs() {
    let practices: BTreeSet<&str> = PRACTICES.iter().map(|(practice, _)| *practice).collect();
    for entry in shipped() {
        let Entry { id, .. } = &entry;
        let description = entry.description.as_deref().unwrap_or_default();
        assert!(description.len() > 20, "{id}: description");
        assert!(!entry.false_positives.is_empty(), "{id}: false positives");
        assert!(!entry.references.is_empty(), "{id}: references");
        let is_https = |link: &String| link.starts_with("https://");
        assert!(entry.references.iter().all(is_https), "{id}: references");
        assert!(!entry.tactics.is_empty(), "{id}: tactics");
        assert!(!entry.techniques.is_empty(), "{id}: techniques");
        let practice = entry.practice.as_deref().unwrap_or_default();
        assert!(practices.contains(practice), "{id}: practice `{practice}`");
        assert!(entry.finding_type.contains(':'), "{id}: finding type");
        let path = Path::new(&entry.file);
        assert_eq!(path.file_stem().unwrap().to_str(), Some(id.as_str()), "{id}: file");
        if entry.needs.iter().any(|need| need == "hunting") {
            assert!(entry.severity < 4.0, "{id}: what is weak alone is no alarm");
        }
    }
}

#[test]
fn ids_are_unique() {
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for file in common::files(&root().join("detectors")) {
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("id: ")) {
            let other = ids.insert(line.trim().to_owned(), file.display().to_string());
            assert_eq!(other, None, "{line} of {}", file.display());
        }
    }
}

/// Each class is covered by a detector, or it is said why not; no detector covers what is no class.
#[test]
fn every_class_is_covered_or_explained() {
    let (entries, classes) = (shipped(), classes());
    let known: BTreeSet<&str> = classes.iter().map(|class| class.id.as_str()).collect();
    assert_eq!(known.len(), 127 + 63);
    let covered: BTreeSet<&str> =
        entries.iter().flat_map(|entry| &entry.covers).map(String::as_str).collect();
    for id in &covered {
        assert!(known.contains(id), "`{id}` is no class");
    }
    for class in &classes {
        assert!(covered.contains(class.id.as_str()) || !class.reason.is_empty(), "{}", class.id);
    }
}

#[test]
fn the_pages_are_made_from_the_detectors() {
    let (entries, classes) = (shipped(), classes());
    let guardduty = table("guardduty.tsv");
    let ids: BTreeSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    for row in &guardduty {
        for id in row[1].split(' ').filter(|id| !id.is_empty()) {
            assert!(ids.contains(id), "{}: no detector `{id}`", row[0]);
        }
    }
    is_current("docs/detectors.md", &detectors_page(&entries, &guardduty));
    is_current("docs/coverage.md", &coverage_page(&entries, &classes));
}
