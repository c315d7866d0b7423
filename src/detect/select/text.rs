//! String predicates with Sigma's semantics: whole value by default, `*` and `?` as wildcards,
//! case-insensitive by Unicode simple folding unless `cased`. Source: Sigma specification v2.1,
//! "String wildcard" and "Modifiers" sections.

use std::borrow::Cow;

/// How a pattern is anchored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The whole value.
    Equals,
    /// `contains`.
    Contains,
    /// `startswith`.
    StartsWith,
    /// `endswith`.
    EndsWith,
}

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Literal text.
    Literal(String),
    /// `*`: any run of characters.
    AnyRun,
    /// `?`: exactly one character.
    AnyOne,
    /// Any of [`DASHES`], for `windash`.
    AnyDash,
}

/// The characters that start options of programs.
pub(super) const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// A compiled string predicate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TextMatcher {
    shape: Shape,
    cased: bool,
}

/// A pattern in its cheapest form; literals are folded unless cased.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    Equals(String),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Wild(Vec<Piece>),
}

impl TextMatcher {
    /// Compiles a pattern: its pieces in order, anchored by `operation`.
    #[must_use]
    pub fn new(pieces: Vec<Piece>, operation: Operation, cased: bool) -> Self {
        let mut pieces: Vec<Piece> =
            pieces.into_iter().map(|piece| fold_piece(piece, cased)).collect();
        if matches!(operation, Operation::Contains | Operation::EndsWith) {
            pieces.insert(0, Piece::AnyRun);
        }
        if matches!(operation, Operation::Contains | Operation::StartsWith) {
            pieces.push(Piece::AnyRun);
        }
        pieces.dedup_by(|a, b| *a == Piece::AnyRun && *b == Piece::AnyRun);
        Self { shape: Shape::new(pieces), cased }
    }

    /// The pattern's form.
    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether case counts.
    pub(super) fn is_cased(&self) -> bool {
        self.cased
    }

    /// Whether the value matches.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let value = if self.cased { Cow::Borrowed(value) } else { fold(value) };
        match &self.shape {
            Shape::Equals(text) => value == *text,
            Shape::Contains(text) => value.contains(text.as_str()),
            Shape::StartsWith(text) => value.starts_with(text.as_str()),
            Shape::EndsWith(text) => value.ends_with(text.as_str()),
            Shape::Wild(pieces) => wild(pieces, &value),
        }
    }
}

impl Shape {
    /// The cheapest form of the pattern.
    fn new(pieces: Vec<Piece>) -> Self {
        use Piece::{AnyRun, Literal};
        match pieces.as_slice() {
            [] => Self::Equals(String::new()),
            [Literal(text)] => Self::Equals(text.clone()),
            [AnyRun, Literal(text), AnyRun] => Self::Contains(text.clone()),
            [AnyRun] => Self::Contains(String::new()),
            [Literal(text), AnyRun] => Self::StartsWith(text.clone()),
            [AnyRun, Literal(text)] => Self::EndsWith(text.clone()),
            _ => Self::Wild(pieces),
        }
    }
}

fn fold_piece(piece: Piece, cased: bool) -> Piece {
    match piece {
        Piece::Literal(text) if !cased => Piece::Literal(fold(&text).into_owned()),
        other => other,
    }
}

/// Unicode simple folding, character by character.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(folded).collect())
}

/// Characters that are one another's upper or lower case fold to the same: the lower case of the
/// upper case, where both are one character.
fn folded(character: char) -> char {
    if let Some((_, to)) = FOLDED.iter().find(|(from, _)| *from == character) {
        return *to;
    }
    let upper = only(character.to_uppercase()).unwrap_or(character);
    only(upper.to_lowercase()).unwrap_or(upper)
}

/// Characters whose folding is not told by their cases: Turkish ones, which fold to themselves, and
/// those whose upper case is several characters.
const FOLDED: &[(char, char)] = &[
    ('\u{130}', '\u{130}'),
    ('\u{131}', '\u{131}'),
    ('\u{1fd3}', '\u{390}'),
    ('\u{1fe3}', '\u{3b0}'),
    ('\u{fb05}', '\u{fb06}'),
];

/// The only character, if there is only one.
fn only(mut characters: impl ExactSizeIterator<Item = char>) -> Option<char> {
    characters.next().filter(|_| characters.len() == 0)
}

/// Matches with one point of return: after a mismatch the last `*` swallows one character more.
/// Cost is at most pattern × value.
fn wild(pieces: &[Piece], value: &str) -> bool {
    let (mut at, mut rest) = (0, value);
    let mut retry: Option<(usize, &str)> = None;
    loop {
        match pieces.get(at) {
            None if rest.is_empty() => return true,
            Some(Piece::AnyRun) => {
                retry = Some((at, rest));
                at += 1;
                continue;
            }
            Some(Piece::Literal(text)) if rest.starts_with(text.as_str()) => {
                rest = rest.get(text.len()..).unwrap_or_default();
                at += 1;
                continue;
            }
            Some(Piece::AnyDash) if rest.starts_with(DASHES) => {
                rest = without_first(rest);
                at += 1;
                continue;
            }
            Some(Piece::AnyOne) if !rest.is_empty() => {
                rest = without_first(rest);
                at += 1;
                continue;
            }
            _ => {}
        }
        match retry {
            Some((star, from)) if !from.is_empty() => {
                rest = without_first(from);
                retry = Some((star, rest));
                at = star + 1;
            }
            _ => return false,
        }
    }
}

fn without_first(text: &str) -> &str {
    let mut rest = text.chars();
    rest.next();
    rest.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pattern: &str) -> Vec<Piece> {
        pattern
            .split_inclusive(['*', '?'])
            .flat_map(|part| {
                let wildcard = match part.chars().last() {
                    Some('*') => Some(Piece::AnyRun),
                    Some('?') => Some(Piece::AnyOne),
                    _ => None,
                };
                let literal = part.trim_end_matches(['*', '?']);
                let literal = (!literal.is_empty()).then(|| Piece::Literal(literal.to_owned()));
                literal.into_iter().chain(wildcard)
            })
            .collect()
    }

    #[test]
    fn patterns_match_as_sigma_says() {
        use Operation::{Contains, EndsWith, Equals, StartsWith};
        let cases = [
            ("GetObject", Equals, "getobject", true),
            ("GetObject", Equals, "GetObjectAcl", false),
            ("Get*", Equals, "GetObject", true),
            ("Get*", Equals, "Get", true),
            ("Get?bject", Equals, "GetObject", true),
            ("Get?bject", Equals, "Getbject", false),
            ("*a*b*c", Equals, "xaxbxbxc", true),
            ("*a*b*c", Equals, "xaxbxcx", false),
            ("?", Equals, "ü", true),
            ("?", Equals, "", false),
            ("*", Equals, "", true),
            ("", Equals, "", true),
            ("", Equals, "x", false),
            ("b", Contains, "abc", true),
            ("a?c", Contains, "xxabcxx", true),
            ("ab", StartsWith, "ABC", true),
            ("bc", EndsWith, "abc", true),
            ("ab", EndsWith, "abc", false),
            ("KÜCHE", Equals, "küche", true),
            ("k", Equals, "\u{212a}", true),
        ];
        for (pattern, operation, value, expected) in cases {
            let matcher = TextMatcher::new(pieces(pattern), operation, false);
            assert_eq!(matcher.matches(value), expected, "{pattern} {operation:?} {value}");
        }
    }

    #[test]
    fn characters_fold_as_unicode_says() {
        use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};
        for character in '\0'..=char::MAX {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(character, character)]);
            class.try_case_fold_simple().unwrap();
            let all = class.iter().flat_map(|range| range.start()..=range.end());
            for other in all {
                assert_eq!(folded(character), folded(other), "{character:?} {other:?}");
            }
            // Beyond, the standard library knows some letters that regex-syntax does not know yet.
            let to = folded(character);
            let is_in = class.iter().any(|range| range.start() <= to && to <= range.end());
            assert!(is_in || character > '\u{2000}', "{character:?}");
        }
    }

    #[test]
    fn cased_means_cased() {
        let matcher = TextMatcher::new(pieces("Get*"), Operation::Equals, true);
        assert!(matcher.matches("GetObject") && !matcher.matches("getObject"));
    }

    #[test]
    fn many_wildcards_do_not_explode() {
        let pattern = "*a".repeat(40) + "b";
        let matcher = TextMatcher::new(pieces(&pattern), Operation::Equals, false);
        assert!(!matcher.matches(&"a".repeat(20_000)));
    }
}
