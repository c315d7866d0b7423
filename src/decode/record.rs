//! A record as it is handed on: the parsed value, and the text that it was parsed from. In comes
//! where the parsed copy of a text lies in memory, out goes the place of a value in the text as it
//! was written. It reads nothing itself.

use std::borrow::Cow;

use simd_json::prelude::Writable as _;
use simd_json::tape::{Object, Value};

use super::scan::{Scanner, is_space};
use super::window::Window;

/// A parsed value, and where its text is.
#[derive(Clone, Copy)]
pub struct Record<'a, 't, 'i> {
    /// The value.
    pub value: Value<'t, 'i>,
    source: Source<'a>,
}

/// A text, and where the copy of it lies that was parsed in place: the texts of a tape lie in that
/// copy, each where it began before its escapes were resolved.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// As it was written; empty if nobody has kept it.
    text: &'a [u8],
    /// The address of the parsed copy's first byte.
    parsed_at: usize,
}

impl<'a> Source<'a> {
    /// No text was kept.
    pub(super) const NONE: Self = Self { text: &[], parsed_at: 0 };

    /// `text`, of which a copy at the address `parsed_at` was parsed.
    pub(super) fn new(text: &'a [u8], parsed_at: usize) -> Self {
        Self { text, parsed_at }
    }

    /// Where `key`, a key of an object, begins in the text, its quote included.
    fn place(self, key: &str) -> Option<usize> {
        let at = (key.as_ptr() as usize).checked_sub(self.parsed_at)?.checked_sub(1)?;
        (self.text.get(at) == Some(&b'"')).then_some(at)
    }
}

/// A value whose text is not at hand.
impl<'t, 'i> From<Value<'t, 'i>> for Record<'_, 't, 'i> {
    fn from(value: Value<'t, 'i>) -> Self {
        Self::new(value, Source::NONE)
    }
}

impl<'a, 't, 'i> Record<'a, 't, 'i> {
    pub(super) fn new(value: Value<'t, 'i>, source: Source<'a>) -> Self {
        Self { value, source }
    }

    pub(super) fn source(self) -> Source<'a> {
        self.source
    }

    /// Its text as it was written, numbers with all their digits. Where that is not at hand (the
    /// sink wants no texts, or the record had to be repaired), the value as compact JSON.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        let written = self.written().and_then(|text| str::from_utf8(text).ok());
        written.map_or_else(|| Cow::Owned(self.value.encode()), Cow::Borrowed)
    }

    /// From the brace before the first key to the one after the last member.
    fn written(&self) -> Option<&'a [u8]> {
        let Source { text, .. } = self.source;
        let object: Object<'_, '_> = self.value.as_object()?;
        let (first, last) = (object.iter().next()?.0, object.iter().last()?.0);
        let before = text.get(..self.source.place(first)?)?;
        let spaces = before.iter().rev().take_while(|byte| is_space(**byte)).count();
        let start =
            before.len().checked_sub(spaces + 1).filter(|at| text.get(*at) == Some(&b'{'))?;
        let mut scanner = Scanner::new(Window::whole(text));
        scanner.go_to(self.source.place(last)?);
        scanner.key().ok()?;
        scanner.value(usize::MAX).ok()?;
        scanner.expect(b'}').ok()?;
        text.get(start..scanner.at())
    }
}
