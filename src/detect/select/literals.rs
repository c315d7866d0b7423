//! Many literals looked for in one pass. In comes a text, out go the actions of every literal that
//! is found in it. Literals of patterns and regular expressions are only a first test: each match
//! of these has the literal in it, and not the other way round.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Hir, HirKind};

use super::text::{Piece, fold};

/// What follows from a literal that is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// The predicate holds.
    Anywhere(usize),
    /// It holds if the text starts with the literal.
    AtStart(usize),
    /// It holds if the text ends with the literal.
    AtEnd(usize),
    /// The pattern of that number must be tried.
    Try(usize),
}

/// Literals by what follows from them.
#[derive(Debug, Default)]
pub(super) struct LiteralsBuilder(HashMap<String, Vec<Action>>);

/// Compiled literals.
#[derive(Debug, Clone, Default)]
pub(super) struct Literals {
    automaton: Option<AhoCorasick>,
    actions: Vec<Vec<Action>>,
}

impl LiteralsBuilder {
    /// Adds a literal, which must not be empty.
    pub(super) fn add(&mut self, literal: &str, action: Action) {
        self.0.entry(literal.to_owned()).or_default().push(action);
    }

    /// Compiles them. `None` if there are too many.
    pub(super) fn build(self) -> Option<Literals> {
        if self.0.is_empty() {
            return Some(Literals::default());
        }
        let mut sorted: Vec<(String, Vec<Action>)> = self.0.into_iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        let (literals, actions): (Vec<String>, Vec<Vec<Action>>) = sorted.into_iter().unzip();
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(literals);
        Some(Literals { automaton: Some(automaton.ok()?), actions })
    }
}

impl Literals {
    /// Calls `found` with what follows from each literal in `text`; often more than once.
    pub(super) fn find(&self, text: &str, mut found: impl FnMut(Action)) {
        let Some(automaton) = &self.automaton else { return };
        for hit in automaton.find_overlapping_iter(text) {
            let actions = self.actions.get(hit.pattern().as_usize()).into_iter().flatten();
            for action in actions {
                match action {
                    Action::AtStart(_) if hit.start() > 0 => {}
                    Action::AtEnd(_) if hit.end() < text.len() => {}
                    action => found(*action),
                }
            }
        }
    }
}

/// The longest literal of a pattern with wildcards.
pub(super) fn of_pattern(pieces: &[Piece]) -> Option<&str> {
    let literal = |piece: &'_ Piece| match piece {
        Piece::Literal(text) => Some(text.len()),
        Piece::AnyOne | Piece::AnyRun | Piece::AnyDash => None,
    };
    let longest = pieces.iter().filter(|piece| literal(piece).is_some()).max_by_key(|p| literal(p));
    match longest {
        Some(Piece::Literal(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Literals in lower case, one of which stands, whatever its case, in every ASCII text that the
/// regular expression is found in; none: there are no such literals of use.
pub(super) fn of_regex(pattern: &str) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(pattern) else { return Vec::new() };
    let sets = [ends(&hir, ExtractKind::Prefix), ends(&hir, ExtractKind::Suffix), inner(&hir)];
    let shortest = |set: &Vec<String>| set.iter().map(String::len).min().unwrap_or(0);
    // A longer literal is worth more, and twice as many are worth as little as a shorter one.
    let worth = |set: &Vec<String>| shortest(set).saturating_sub(set.len().max(1).ilog2() as usize);
    let best = sets.into_iter().max_by_key(worth).unwrap_or_default();
    if shortest(&best) < MIN_LITERAL { Vec::new() } else { best }
}

/// Shorter literals are found too often to be of use.
const MIN_LITERAL: usize = 3;

fn ends(hir: &Hir, kind: ExtractKind) -> Vec<String> {
    let found = Extractor::new().kind(kind).extract(hir);
    let literals = found.literals().unwrap_or_default();
    let texts =
        literals.iter().map(|l| Some(fold(str::from_utf8(l.as_bytes()).ok()?).into_owned()));
    let mut texts: Vec<String> = texts.collect::<Option<_>>().unwrap_or_default();
    texts.sort();
    texts.dedup();
    texts
}

/// The longest literal that stands in every match, beside whatever else.
fn inner(hir: &Hir) -> Vec<String> {
    match hir.kind() {
        HirKind::Literal(literal) => {
            str::from_utf8(&literal.0).map(|text| fold(text).into_owned()).into_iter().collect()
        }
        HirKind::Capture(capture) => inner(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => inner(&repetition.sub),
        HirKind::Concat(parts) => {
            let found = parts.iter().map(inner).filter(|set| set.len() == 1);
            found.max_by_key(|set| set.concat().len()).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_expressions_are_in_every_match() {
        let cases: &[(&str, &[&str])] = &[
            ("secret", &["secret"]),
            ("^arn:aws:[a-z]+", &["arn:aws:"]),
            ("[0-9]+Backup$", &["backup"]),
            (".*password.*", &["password"]),
            ("(?i)Kali", &["kali"]),
            ("(curl|wget)/", &["curl/", "wget/"]),
            ("a|bcd", &[]),
            ("[a-z]+", &[]),
            ("(", &[]),
        ];
        for (pattern, expected) in cases {
            assert_eq!(of_regex(pattern), *expected, "{pattern}");
        }
    }

    #[test]
    fn anchors_are_kept() {
        let mut builder = LiteralsBuilder::default();
        builder.add("ab", Action::AtStart(0));
        builder.add("ab", Action::AtEnd(1));
        builder.add("b", Action::Anywhere(2));
        let literals = builder.build().unwrap();
        let found = |text: &str| {
            let mut found = Vec::new();
            literals.find(text, |action| found.push(action));
            found.sort_by_key(|action| format!("{action:?}"));
            found.dedup();
            found
        };
        assert_eq!(found("abc"), [Action::Anywhere(2), Action::AtStart(0)]);
        assert_eq!(found("cab"), [Action::Anywhere(2), Action::AtEnd(1)]);
        assert_eq!(found("xx"), []);
    }
}
