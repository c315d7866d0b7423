//! The words of a document and where they stand: what is said of a rule names the word at fault, and
//! so its place is found.

use saphyr::{MarkedYaml, YamlData};

use super::yaml::{place, text};

/// Keys of running text, which may hold any word.
const PROSE: &[&str] =
    &["title", "description", "author", "falsepositives", "references", "remediation"];

/// Every key and text of a document.
#[derive(Debug, Default)]
pub(super) struct Words(Vec<Word>);

#[derive(Debug)]
struct Word {
    text: String,
    is_prose: bool,
    place: (usize, usize),
}

impl Words {
    /// The words of a document.
    pub(super) fn of(document: &MarkedYaml<'_>) -> Self {
        let mut words = Self::default();
        words.collect(document, false);
        words
    }

    fn collect(&mut self, node: &MarkedYaml<'_>, is_prose: bool) {
        match &node.data {
            YamlData::Mapping(mapping) => {
                for (key, value) in mapping {
                    self.collect(key, false);
                    let is_prose = is_prose || text(key).is_some_and(|key| PROSE.contains(&key));
                    self.collect(value, is_prose);
                }
            }
            YamlData::Sequence(items) => items.iter().for_each(|item| self.collect(item, is_prose)),
            _ => {
                let word =
                    |text: &str| Word { text: text.to_owned(), is_prose, place: place(node) };
                self.0.extend(text(node).map(word));
            }
        }
    }

    /// Where the word stands that `message` names between backticks or quotes.
    pub(super) fn find(&self, message: &str) -> Option<(usize, usize)> {
        let named = message.split(['`', '\'', '"']).skip(1).step_by(2);
        let find = |name: &str| self.0.iter().find(|word| word.holds(name)).map(|word| word.place);
        named.filter(|name| !name.is_empty()).find_map(find)
    }
}

impl Word {
    fn holds(&self, name: &str) -> bool {
        if self.is_prose {
            return name.starts_with('{') && self.text.contains(name);
        }
        let mut parts = self.text.split(['|', ' ', '(', ')']);
        self.text == name || parts.any(|part| part.eq_ignore_ascii_case(name))
    }
}
