//! Where a JSON value ends: a cursor over pristine bytes that follows the grammar just far enough
//! to find the ends of texts, arrays and objects, and to notice a missing quote, comma or bracket
//! within a few bytes. It allocates one byte per open bracket and recurses nowhere. It does not
//! know what a record is, and leaves numbers, words, escapes and UTF-8 to the parser.

use memchr::memchr2;

/// Why no whole value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// The bytes end first.
    Cut,
    /// The byte at this position cannot stand there.
    Unexpected(usize),
}

/// A position in a document.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The closing brackets that are due, outermost first.
    due: Vec<u8>,
}

impl<'a> Scanner<'a> {
    /// A cursor at `at`.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, due: Vec::new() }
    }

    /// Where the cursor is.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Moves the cursor.
    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// The next byte that is no white space, without taking it; the cursor moves to it.
    pub(super) fn peek(&mut self) -> Result<u8, Broken> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| is_space(**byte)).count();
        self.bytes.get(self.at).copied().ok_or(Broken::Cut)
    }

    /// Takes the next byte that is no white space if it is `byte`; the cursor moves only then
    /// past it.
    pub(super) fn take(&mut self, byte: u8) -> Result<bool, Broken> {
        let found = self.peek()? == byte;
        self.at += usize::from(found);
        Ok(found)
    }

    /// Takes `byte`, which must be the next that is no white space.
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Broken> {
        if self.take(byte)? { Ok(()) } else { Err(Broken::Unexpected(self.at)) }
    }

    /// Takes a key and its colon; gives the key as it is spelt, without quotes.
    pub(super) fn key(&mut self) -> Result<&'a [u8], Broken> {
        self.expect(b'"')?;
        let start = self.at;
        self.text()?;
        let key = self.bytes.get(start..self.at - 1).unwrap_or_default();
        self.expect(b':')?;
        Ok(key)
    }

    /// Takes one value of any kind, at most `limit` bytes from its first byte on; gives its start.
    /// A longer value is [`Broken::Cut`] at the limit.
    pub(super) fn value(&mut self, limit: usize) -> Result<usize, Broken> {
        self.peek()?;
        let (start, whole) = (self.at, self.bytes);
        self.bytes = whole.get(..start.saturating_add(limit)).unwrap_or(whole);
        let taken = self.unlimited_value();
        self.bytes = whole;
        taken.map(|()| start)
    }

    fn unlimited_value(&mut self) -> Result<(), Broken> {
        self.due.clear();
        loop {
            let opened = self.value_start()?;
            if !opened && self.value_done()? {
                return Ok(());
            }
        }
    }

    /// Takes a text or a word whole, of an array or object only what comes before its first value;
    /// says whether a value must follow.
    fn value_start(&mut self) -> Result<bool, Broken> {
        let closer = match self.peek()? {
            b'{' => b'}',
            b'[' => b']',
            b'"' => {
                self.at += 1;
                return self.text().map(|()| false);
            }
            _ => return self.word().map(|()| false),
        };
        self.at += 1;
        if self.take(closer)? {
            return Ok(false);
        }
        self.due.push(closer);
        if closer == b'}' {
            self.key()?;
        }
        Ok(true)
    }

    /// After a value: closes what ends here; says whether everything is closed (else a comma, and
    /// in an object the next key, were taken).
    fn value_done(&mut self) -> Result<bool, Broken> {
        while let Some(&closer) = self.due.last() {
            if self.take(closer)? {
                self.due.pop();
                continue;
            }
            self.expect(b',')?;
            if closer == b'}' {
                self.key()?;
            }
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes the rest of a text, closing quote included.
    fn text(&mut self) -> Result<(), Broken> {
        while let Some(rest) = self.bytes.get(self.at..) {
            self.at += memchr2(b'"', b'\\', rest).ok_or(Broken::Cut)?;
            if self.bytes.get(self.at) == Some(&b'"') {
                self.at += 1;
                return Ok(());
            }
            self.at += 2;
        }
        Err(Broken::Cut)
    }

    /// Takes a number, `true`, `false`, `null` or whatever looks like one.
    fn word(&mut self) -> Result<(), Broken> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let inside =
            |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        match rest.iter().take_while(inside).count() {
            0 => Err(Broken::Unexpected(self.at)),
            length => {
                self.at += length;
                Ok(())
            }
        }
    }
}

/// Whether JSON counts `byte` as white space.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Result<usize, Broken> {
        let mut scanner = Scanner::new(text.as_bytes(), 0);
        scanner.value(usize::MAX).map(|_| scanner.at())
    }

    #[test]
    fn whole_values_end_where_they_end() {
        for value in
            ["1", "null", r#""a\"]\\""#, "[]", "{ }", "[1,[2] , {}]", r#"{"a":{"b":[{}]},"c":"}"}"#]
        {
            assert_eq!(end(value), Ok(value.len()), "{value}");
            assert_eq!(end(&format!("  {value} ,")), Ok(value.len() + 2), "{value}");
        }
    }

    #[test]
    fn damage_is_noticed_where_it_is() {
        for (value, at) in [
            ("[1,]", 3),
            ("[1}", 2),
            (r#"{"a"}"#, 4),
            (r#"{"a":1,{"b":2}}"#, 7),
            (r#"{"a":"x,"b":1}"#, 9),
            (r#"{"a":x","b":1}"#, 6),
            (r#"{"a":}"#, 5),
            ("]", 0),
        ] {
            assert_eq!(end(value), Err(Broken::Unexpected(at)), "{value}");
        }
    }

    #[test]
    fn every_prefix_of_a_container_is_cut() {
        let value = r#"{"a":[1,"\"",{"b":null}],"c":"\\"}"#;
        for length in 0..value.len() {
            assert_eq!(end(&value[..length]), Err(Broken::Cut), "{length}");
        }
        assert_eq!(Scanner::new(value.as_bytes(), 0).value(9), Err(Broken::Cut));
        assert_eq!(Scanner::new(value.as_bytes(), 0).value(value.len()), Ok(0));
    }

    #[test]
    fn deep_nesting_does_not_recurse() {
        let depth = 1_000_000;
        let value = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(end(&value), Ok(2 * depth));
    }
}
