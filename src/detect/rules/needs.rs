//! What must be known, mostly of addresses: detectors without it are off, and tables are told apart by
//! it.

use std::collections::BTreeSet;

use super::document::Document;
use super::names::Names;
use crate::events::{Core, Field};
use crate::intel::{Available, Kind};

/// A detector that is off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Off {
    /// Its id.
    pub detector: String,
    /// What it needs and nobody has given.
    pub missing: Vec<Kind>,
}

/// What a document's detector needs, itself or by a rule that it refers to, and there is not.
pub(super) fn missing(
    documents: &[Document],
    names: &Names<'_>,
    number: usize,
    available: &Available,
) -> Vec<Kind> {
    let (mut missing, mut seen, mut waiting) = (BTreeSet::new(), BTreeSet::new(), vec![number]);
    while let Some(number) = waiting.pop() {
        let Some(document) = documents.get(number).filter(|_| seen.insert(number)) else {
            continue;
        };
        let needs = document.section.iter().flat_map(|section| &section.needs);
        missing.extend(needs.filter(|kind| !available.has(kind)).cloned());
        let rules = document.rules().iter();
        waiting.extend(rules.filter_map(|name| names.find(name, &document.file)));
    }
    missing.into_iter().collect()
}

/// The kinds of knowledge that decide what these columns say, as far as there are any. A table made
/// with one more must not be taken for one made without: all its values would seem new.
pub(super) fn known_from(
    fields: impl IntoIterator<Item = Field>,
    available: &Available,
) -> Option<String> {
    let cores = fields.into_iter().filter_map(|field| match field {
        Field::Core(core) => Some(core),
        Field::Path(_) => None,
    });
    let kinds: BTreeSet<Kind> =
        cores.flat_map(Core::known_from).filter(|kind| available.has(kind)).collect();
    let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    (!kinds.is_empty()).then(|| format!("known from {}", kinds.join(",")))
}
