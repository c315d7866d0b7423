//! What the names of rules refer to: the rule of the same file, else the first of that name.

use std::collections::BTreeMap;

use super::document::Document;

/// The documents by name and id.
pub(super) struct Names<'d> {
    documents: &'d [Document],
    known: BTreeMap<&'d str, Vec<usize>>,
}

impl<'d> Names<'d> {
    pub(super) fn of(documents: &'d [Document]) -> Self {
        let mut known: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, document) in documents.iter().enumerate() {
            for name in document.names() {
                known.entry(name).or_default().push(number);
            }
        }
        Self { documents, known }
    }

    /// The document that `name` stands for where it stands in `file`.
    pub(super) fn find(&self, name: &str, file: &str) -> Option<usize> {
        let found = self.known.get(name)?;
        let is_near = |number: &&usize| {
            self.documents.get(**number).is_some_and(|document| document.file == file)
        };
        found.iter().find(is_near).or_else(|| found.first()).copied()
    }
}
