//! Reading YAML with spans: mappings whose keys must be known, values whose types must fit.

use rsigma_parser::lint::{LintRule, lint_yaml_str};
use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use super::diagnostic::Diagnostic;
use super::limits;
use crate::detect::group::Decimal;

/// A mapping of a detector file; every key must be read or is reported as unknown.
pub(crate) struct Mapping<'y, 'i> {
    file: &'y str,
    /// (key, where it stands, value)
    entries: Vec<(&'y str, (usize, usize), &'y MarkedYaml<'i>)>,
    /// Where the mapping itself stands.
    pub(crate) place: (usize, usize),
}

/// The documents of a YAML text.
///
/// # Errors
/// A diagnostic with the place of the syntax error.
pub(crate) fn documents<'i>(file: &str, text: &'i str) -> Result<Vec<MarkedYaml<'i>>, Diagnostic> {
    MarkedYaml::load_from_str(text).map_err(|error| {
        let place = (error.marker().line(), error.marker().col() + 1);
        Diagnostic::at(file, place, "yaml", error.info())
    })
}

/// The same, and a key given twice is a fault: saphyr would take the last one in silence.
///
/// # Errors
/// A diagnostic with the place of the fault.
pub(crate) fn strict_documents<'i>(
    file: &str,
    text: &'i str,
) -> Result<Vec<MarkedYaml<'i>>, Diagnostic> {
    limits::check(file, text)?;
    let documents = documents(file, text)?;
    let is_fault = |rule| rule == LintRule::YamlParseError;
    let Some(fault) = lint_yaml_str(text).into_iter().find(|fault| is_fault(fault.rule)) else {
        return Ok(documents);
    };
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let place = fault.span.map(|span| (number(span.start_line) + 1, number(span.start_col).max(1)));
    Err(Diagnostic::at(file, place.unwrap_or((1, 1)), "yaml", fault.message))
}

/// The items of a list.
pub(crate) fn sequence<'y, 'i>(
    file: &str,
    node: &'y MarkedYaml<'i>,
) -> Result<&'y [MarkedYaml<'i>], Diagnostic> {
    match &node.data {
        YamlData::Sequence(items) => Ok(items),
        _ => Err(Diagnostic::at(file, place(node), "type", "expected a list")),
    }
}

/// Line and column, counted from 1.
pub(crate) fn place(node: &MarkedYaml<'_>) -> (usize, usize) {
    (node.span.start.line(), node.span.start.col() + 1)
}

impl<'y, 'i> Mapping<'y, 'i> {
    /// The mapping in `node`.
    pub(crate) fn of(file: &'y str, node: &'y MarkedYaml<'i>) -> Result<Self, Diagnostic> {
        let YamlData::Mapping(mapping) = &node.data else {
            return Err(Diagnostic::at(file, place(node), "type", "expected a mapping"));
        };
        let entries = mapping
            .iter()
            .filter_map(|(key, value)| Some((text(key)?, place(key), value)))
            .collect();
        Ok(Self { file, entries, place: place(node) })
    }

    /// The value under `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&'y MarkedYaml<'i>> {
        self.entries.iter().find(|(name, ..)| *name == key).map(|(.., value)| *value)
    }

    /// The keys, in their order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'y str> {
        self.entries.iter().map(|(key, ..)| *key)
    }

    /// Where the value under `key` stands.
    pub(super) fn place_of(&self, key: &str) -> Option<(usize, usize)> {
        self.get(key).map(place)
    }

    /// The number under `key`, to six places.
    pub(super) fn decimal(&self, key: &str) -> Result<Option<Decimal>, Diagnostic> {
        self.typed(key, "a number below 10^21", |node| match &node.data {
            YamlData::Value(Scalar::FloatingPoint(number)) => {
                Decimal::parse(&number.into_inner().to_string())
            }
            YamlData::Value(Scalar::Integer(number)) => Decimal::parse(&number.to_string()),
            _ => None,
        })
    }

    /// The mapping under `key`.
    pub(crate) fn mapping(&self, key: &str) -> Result<Option<Self>, Diagnostic> {
        self.get(key).map(|node| Self::of(self.file, node)).transpose()
    }

    /// Reports the first key that is not in `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Diagnostic> {
        let stranger = self.entries.iter().find(|(name, ..)| !known.contains(name));
        stranger.map_or(Ok(()), |(name, at, _)| {
            let message = format!("unknown key `{name}`");
            let help = format!("known keys: {}", known.join(", "));
            Err(Diagnostic::at(self.file, *at, "unknown_key", message).help(help))
        })
    }

    /// The text under `key`.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'y str>, Diagnostic> {
        self.typed(key, "a text", text)
    }

    /// The number under `key`.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>, Diagnostic> {
        self.typed(key, "a number", |node| match &node.data {
            YamlData::Value(Scalar::FloatingPoint(number)) => Some(number.into_inner()),
            YamlData::Value(Scalar::Integer(number)) => i32::try_from(*number).ok().map(f64::from),
            _ => None,
        })
    }

    /// The whole, non-negative number under `key`.
    pub(crate) fn count(&self, key: &str) -> Result<Option<u64>, Diagnostic> {
        self.typed(key, "a whole number", |node| match &node.data {
            YamlData::Value(Scalar::Integer(number)) => u64::try_from(*number).ok(),
            _ => None,
        })
    }

    /// The whole, non-negative number, or list of them, under `key`; empty if there is none.
    pub(crate) fn counts(&self, key: &str) -> Result<Vec<u64>, Diagnostic> {
        let count = |node: &MarkedYaml<'_>| match &node.data {
            YamlData::Value(Scalar::Integer(number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        let list = self.typed(key, "a list of whole numbers", |node| match &node.data {
            YamlData::Sequence(items) => items.iter().map(count).collect::<Option<Vec<_>>>(),
            _ => count(node).map(|only| vec![only]),
        })?;
        Ok(list.unwrap_or_default())
    }

    /// The truth value under `key`.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, Diagnostic> {
        self.typed(key, "true or false", |node| match &node.data {
            YamlData::Value(Scalar::Boolean(flag)) => Some(*flag),
            _ => None,
        })
    }

    /// The text, or list of texts, under `key`; empty if there is none.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<String>, Diagnostic> {
        let list = self.typed(key, "a text or a list of texts", |node| match &node.data {
            YamlData::Sequence(items) => {
                items.iter().map(|item| text(item).map(str::to_owned)).collect::<Option<Vec<_>>>()
            }
            _ => text(node).map(|only| vec![only.to_owned()]),
        })?;
        Ok(list.unwrap_or_default())
    }

    /// The list of mappings under `key`; empty if there is none.
    pub(crate) fn mappings(&self, key: &str) -> Result<Vec<Self>, Diagnostic> {
        let items = self.typed(key, "a list of mappings", |node| match &node.data {
            YamlData::Sequence(items) => Some(items),
            _ => None,
        })?;
        items.into_iter().flatten().map(|item| Self::of(self.file, item)).collect()
    }

    /// A fault of the value under `key`.
    pub(crate) fn fault(
        &self,
        key: &str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        let at = self.get(key).map_or(self.place, |node| place(node));
        Diagnostic::at(self.file, at, code, message)
    }

    fn typed<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&'y MarkedYaml<'i>) -> Option<T>,
    ) -> Result<Option<T>, Diagnostic> {
        let Some(node) = self.get(key) else { return Ok(None) };
        read(node)
            .map(Some)
            .ok_or_else(|| self.fault(key, "type", format!("`{key}` must be {expected}")))
    }
}

/// Where the mapping's numbers with fractions stand: positions of characters.
pub(super) fn fractions(mapping: &Mapping<'_, '_>) -> Vec<(usize, usize)> {
    let nodes = mapping.entries.iter().map(|(.., node)| node);
    let fraction =
        |node: &&&MarkedYaml<'_>| matches!(node.data, YamlData::Value(Scalar::FloatingPoint(_)));
    nodes.filter(fraction).map(|node| (node.span.start.index(), node.span.end.index())).collect()
}

/// A scalar's text.
pub(crate) fn text<'y>(node: &'y MarkedYaml<'_>) -> Option<&'y str> {
    match &node.data {
        YamlData::Value(Scalar::String(text)) => Some(text),
        _ => None,
    }
}
