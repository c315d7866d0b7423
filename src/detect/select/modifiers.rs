//! Modifiers: what the chain behind a field's name says, and the values it makes of those written.
//! Transformations apply from left to right. Source: Sigma specification v2.1, "Modifiers".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsigma_parser::{Modifier, SigmaString, SigmaValue, SpecialChar, StringPart};

use super::compile::CompileError;
use super::predicate::{Comparison, TimePart};
use super::text::{DASHES, Operation, Piece};

/// Why modifiers cannot be applied.
#[derive(Debug)]
pub(super) enum Unfit {
    /// They do not fit together.
    Combination,
    /// A value that is encoded has a wildcard.
    EncodedWildcard,
}

impl Unfit {
    /// The same, of a field.
    pub(super) fn of(self, field: &str) -> CompileError {
        match self {
            Self::Combination => CompileError::Combination(field.to_owned()),
            Self::EncodedWildcard => CompileError::EncodedWildcard(field.to_owned()),
        }
    }
}

/// What the modifiers of a field say.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "one for each modifier")]
pub(super) struct Modifiers {
    /// How texts are anchored.
    pub operation: Option<Operation>,
    pub cased: bool,
    /// Every value must be found, not one.
    pub all: bool,
    pub exists: bool,
    pub negated: bool,
    pub regex: bool,
    pub ignore_case: bool,
    pub multi_line: bool,
    pub dot_all: bool,
    pub cidr: bool,
    pub reference: bool,
    pub expand: bool,
    pub comparison: Option<Comparison>,
    pub time_part: Option<TimePart>,
    /// In their order.
    transformations: Vec<Modifier>,
}

impl Modifiers {
    /// Reads a chain.
    pub(super) fn read(chain: &[Modifier]) -> Result<Self, Unfit> {
        let mut found = Self::default();
        for modifier in chain {
            found.add(*modifier);
        }
        found.check()?;
        Ok(found)
    }

    fn add(&mut self, modifier: Modifier) {
        match modifier {
            Modifier::Contains => self.operation = Some(Operation::Contains),
            Modifier::StartsWith => self.operation = Some(Operation::StartsWith),
            Modifier::EndsWith => self.operation = Some(Operation::EndsWith),
            Modifier::Cased => self.cased = true,
            Modifier::All => self.all = true,
            Modifier::Exists => self.exists = true,
            Modifier::Neq => self.negated = true,
            Modifier::Re => self.regex = true,
            Modifier::IgnoreCase => self.ignore_case = true,
            Modifier::Multiline => self.multi_line = true,
            Modifier::DotAll => self.dot_all = true,
            Modifier::Cidr => self.cidr = true,
            Modifier::FieldRef => self.reference = true,
            Modifier::Expand => self.expand = true,
            Modifier::Lt => self.comparison = Some(Comparison::Lt),
            Modifier::Lte => self.comparison = Some(Comparison::Lte),
            Modifier::Gt => self.comparison = Some(Comparison::Gt),
            Modifier::Gte => self.comparison = Some(Comparison::Gte),
            Modifier::Minute => self.time_part = Some(TimePart::Minute),
            Modifier::Hour => self.time_part = Some(TimePart::Hour),
            Modifier::Day => self.time_part = Some(TimePart::Day),
            Modifier::Week => self.time_part = Some(TimePart::Week),
            Modifier::Month => self.time_part = Some(TimePart::Month),
            Modifier::Year => self.time_part = Some(TimePart::Year),
            Modifier::Base64
            | Modifier::Base64Offset
            | Modifier::Wide
            | Modifier::Utf16be
            | Modifier::Utf16
            | Modifier::WindAsh => self.transformations.push(modifier),
        }
    }

    /// Refuses chains that mean nothing.
    fn check(&self) -> Result<(), Unfit> {
        let kinds = [
            self.regex,
            self.cidr,
            self.exists,
            self.comparison.is_some() || self.time_part.is_some(),
            self.reference,
        ];
        let kinds = kinds.into_iter().filter(|kind| *kind).count();
        let transformed = !self.transformations.is_empty();
        let anchored = self.operation.is_some();
        let flags = self.ignore_case || self.multi_line || self.dot_all;
        let number = self.comparison.is_some() || self.time_part.is_some();
        let senseless = kinds > 1
            || flags && !self.regex
            || self.exists && (transformed || anchored || self.all || self.expand || self.negated)
            || (self.cidr || number) && (transformed || anchored || self.cased)
            || (self.regex || self.reference) && transformed;
        if senseless { Err(Unfit::Combination) } else { Ok(()) }
    }

    /// The texts that a value stands for: one of them must be found. `None`: it is no text.
    pub(super) fn texts(&self, value: &SigmaValue) -> Result<Option<Vec<Vec<Piece>>>, Unfit> {
        let pieces = match value {
            SigmaValue::Null => return Ok(None),
            SigmaValue::String(text) => pieces(text),
            scalar => vec![Piece::Literal(scalar.to_string())],
        };
        let mut texts = vec![Encoded::Text(pieces)];
        for modifier in &self.transformations {
            let made: Result<Vec<Vec<Encoded>>, _> =
                texts.into_iter().map(|text| text.transformed(*modifier)).collect();
            texts = made?.concat();
        }
        Ok(Some(texts.into_iter().map(Encoded::pieces).collect()))
    }
}

/// A text on its way through transformations.
#[derive(Clone)]
enum Encoded {
    Text(Vec<Piece>),
    Bytes(Vec<u8>),
}

impl Encoded {
    fn transformed(self, modifier: Modifier) -> Result<Vec<Self>, Unfit> {
        if modifier == Modifier::WindAsh {
            let Self::Text(pieces) = self else { return Err(Unfit::Combination) };
            return Ok(vec![Self::Text(windash(&pieces))]);
        }
        let encoded: Result<Vec<Vec<Self>>, _> =
            self.spelled_out()?.into_iter().map(|one| one.encoded(modifier)).collect();
        Ok(encoded?.concat())
    }

    /// Texts without wildcards.
    fn spelled_out(self) -> Result<Vec<Self>, Unfit> {
        let Self::Text(pieces) = self else { return Ok(vec![self]) };
        let texts = spelled_out(&pieces).ok_or(Unfit::EncodedWildcard)?;
        Ok(texts.into_iter().map(literal).collect())
    }

    fn encoded(self, modifier: Modifier) -> Result<Vec<Self>, Unfit> {
        Ok(match modifier {
            Modifier::Wide => vec![Self::Bytes(utf16(&self.text()?, u16::to_le_bytes))],
            Modifier::Utf16be => vec![Self::Bytes(utf16(&self.text()?, u16::to_be_bytes))],
            Modifier::Utf16 => {
                let bytes = utf16(&self.text()?, u16::to_le_bytes);
                vec![Self::Bytes([vec![0xff, 0xfe], bytes].concat())]
            }
            Modifier::Base64 => vec![literal(STANDARD.encode(self.bytes()?))],
            Modifier::Base64Offset => base64_offsets(&self.bytes()?),
            _ => return Err(Unfit::Combination),
        })
    }

    /// Its text, which must be free of wildcards.
    fn text(&self) -> Result<String, Unfit> {
        let Self::Text(pieces) = self else { return Err(Unfit::Combination) };
        let mut whole = String::new();
        for piece in pieces {
            let Piece::Literal(text) = piece else { return Err(Unfit::EncodedWildcard) };
            whole.push_str(text);
        }
        Ok(whole)
    }

    fn bytes(&self) -> Result<Vec<u8>, Unfit> {
        match self {
            Self::Text(_) => Ok(self.text()?.into_bytes()),
            Self::Bytes(bytes) => Ok(bytes.clone()),
        }
    }

    fn pieces(self) -> Vec<Piece> {
        match self {
            Self::Text(pieces) => pieces,
            Self::Bytes(bytes) => {
                vec![Piece::Literal(String::from_utf8_lossy(&bytes).into_owned())]
            }
        }
    }
}

fn literal(text: String) -> Encoded {
    Encoded::Text(vec![Piece::Literal(text)])
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// What every base64 text has in it that encodes `bytes` after zero, one or two other bytes: the
/// characters that depend on these bytes alone.
fn base64_offsets(bytes: &[u8]) -> Vec<Encoded> {
    let variant = |offset: usize| {
        let encoded = STANDARD.encode([vec![b' '; offset], bytes.to_vec()].concat());
        let start = [0, 2, 3].get(offset).copied().unwrap_or(0);
        let cut = [0, 3, 2].get((bytes.len() + offset) % 3).copied().unwrap_or(0);
        let end = encoded.len().saturating_sub(cut);
        literal(encoded.get(start..end).unwrap_or_default().to_owned())
    };
    (0..3).map(variant).collect()
}

/// The text with any dash in place of the dashes and slashes that start a word.
fn windash(pieces: &[Piece]) -> Vec<Piece> {
    let mut before = None;
    let mut changed = Vec::new();
    for piece in pieces {
        if let Piece::Literal(text) = piece {
            dashed(text, &mut before, &mut changed);
        } else {
            before = None;
            changed.push(piece.clone());
        }
    }
    changed
}

fn dashed(text: &str, before: &mut Option<char>, changed: &mut Vec<Piece>) {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut literal = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let starts = matches!(character, '-' | '/')
            && before.is_none_or(|before| !is_word(before))
            && characters.peek().is_some_and(|next| is_word(*next));
        *before = Some(character);
        if !starts {
            literal.push(character);
            continue;
        }
        if !literal.is_empty() {
            changed.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        changed.push(Piece::AnyDash);
    }
    if !literal.is_empty() {
        changed.push(Piece::Literal(literal));
    }
}

/// Every text that a pattern of literals and dashes stands for; `None` if there are too many, or
/// other wildcards.
fn spelled_out(pieces: &[Piece]) -> Option<Vec<String>> {
    let mut texts = vec![String::new()];
    for piece in pieces {
        texts = match piece {
            Piece::Literal(literal) => texts.into_iter().map(|text| text + literal).collect(),
            Piece::AnyDash if texts.len() <= MAX_SPELLED_OUT => {
                let with = |text: &String| DASHES.map(|dash| format!("{text}{dash}"));
                texts.iter().flat_map(with).collect()
            }
            _ => return None,
        };
    }
    Some(texts)
}

/// Texts that one value may stand for before it is encoded.
const MAX_SPELLED_OUT: usize = 125;

/// A text as written, wildcards told from literals.
fn pieces(text: &SigmaString) -> Vec<Piece> {
    let piece = |part: &StringPart| match part {
        StringPart::Plain(text) => Piece::Literal(text.clone()),
        StringPart::Special(SpecialChar::WildcardMulti) => Piece::AnyRun,
        StringPart::Special(SpecialChar::WildcardSingle) => Piece::AnyOne,
    };
    text.parts.iter().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(chain: &[Modifier], value: &str) -> Vec<String> {
        let modifiers = Modifiers::read(chain).unwrap();
        let value = SigmaValue::String(SigmaString::new(value));
        let texts = modifiers.texts(&value).unwrap().unwrap();
        let piece = |piece: Piece| match piece {
            Piece::Literal(text) => text,
            Piece::AnyRun => "*".to_owned(),
            Piece::AnyOne => "?".to_owned(),
            Piece::AnyDash => "~".to_owned(),
        };
        texts.into_iter().map(|pieces| pieces.into_iter().map(piece).collect()).collect()
    }

    #[test]
    fn values_are_transformed_from_left_to_right() {
        use Modifier::{Base64, Base64Offset, Utf16, Utf16be, Wide, WindAsh};
        assert_eq!(made(&[Base64], "foobar"), ["Zm9vYmFy"]);
        assert_eq!(made(&[Base64Offset], "foobar"), ["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]);
        assert_eq!(
            made(&[Base64Offset], "/bin/bash"),
            ["L2Jpbi9iYXNo", "9iaW4vYmFza", "vYmluL2Jhc2"]
        );
        assert_eq!(made(&[Wide], "ab"), ["a\0b\0"]);
        assert_eq!(made(&[Utf16be], "ab"), ["\0a\0b"]);
        assert_eq!(made(&[Wide, Base64], "ab"), ["YQBiAA=="]);
        assert_eq!(made(&[Utf16, Base64], "a"), ["//5hAA=="]);
        assert_eq!(made(&[WindAsh], "x -a a-b /c *"), ["x ~a a-b ~c *"]);
        let dashes = made(&[WindAsh, Base64], "-a -b");
        assert_eq!(dashes.len(), 25);
        assert!(dashes.contains(&STANDARD.encode("/a \u{2013}b")), "{dashes:?}");
    }

    #[test]
    fn senseless_chains_are_refused() {
        use Modifier::{Base64, Cidr, Contains, Exists, Gt, IgnoreCase, Re, Wide};
        for chain in [
            &[IgnoreCase][..],
            &[Re, Cidr],
            &[Exists, Contains],
            &[Gt, Contains],
            &[Re, Base64],
            &[Cidr, Wide],
        ] {
            assert!(Modifiers::read(chain).is_err(), "{chain:?}");
        }
    }
}
