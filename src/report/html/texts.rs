//! The texts of a report, each once: findings repeat theirs, and refer to them by number.

use std::collections::HashMap;

use crate::report::escape::visible;

/// Texts, numbered as they are met. What could steer or reorder text on the screen is made visible
/// here, so that nothing of it reaches the page.
#[derive(Debug, Default)]
pub(super) struct Texts {
    numbers: HashMap<String, usize>,
    texts: Vec<String>,
}

impl Texts {
    /// The number of a text.
    pub(super) fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len();
        self.texts.push(visible(text).into_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    /// All of them, by number.
    pub(super) fn all(&self) -> &[String] {
        &self.texts
    }
}
