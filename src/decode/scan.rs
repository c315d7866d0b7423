//! Where a JSON value ends: a cursor over pristine bytes (all of them, or a window that moves
//! along a stream) that follows the grammar just far enough
//! to find the ends of texts, arrays and objects, and to notice a missing quote, comma or bracket
//! within a few bytes. It allocates one byte per open bracket and recurses nowhere. It does not
//! know what a record is, and leaves numbers, words, escapes and UTF-8 to the parser.

use std::ops::Range;

use memchr::memchr2;

use super::window::Window;

/// The most brackets that are open at once: nothing that is parsed nests so deep.
const MAX_OPEN: usize = 4 << 20;

/// Why no whole value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// The bytes end first.
    Cut,
    /// The byte at this position cannot stand there.
    Unexpected(usize),
}

/// A position in a document.
pub(super) struct Scanner<'a> {
    window: Window<'a>,
    at: usize,
    /// Bytes before may be let go of.
    keep: usize,
    /// The value at hand may not reach beyond.
    limit: usize,
    /// The closing brackets that are due, outermost first.
    due: Vec<u8>,
}

impl<'a> Scanner<'a> {
    /// A cursor at the first byte.
    pub(super) fn new(window: Window<'a>) -> Self {
        Self { window, at: 0, keep: 0, limit: usize::MAX, due: Vec::new() }
    }

    /// The bytes at hand.
    pub(super) fn window(&self) -> &Window<'a> {
        &self.window
    }

    /// Where the cursor is.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Moves the cursor; not before the bytes that are kept.
    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// From here on bytes stay at hand; earlier ones may be let go of.
    pub(super) fn keep_from(&mut self, at: usize) {
        self.keep = at;
    }

    /// Gets more bytes at hand; says whether there were more within the limit.
    pub(super) fn more(&mut self) -> bool {
        self.window.end() < self.limit && self.window.more(self.keep.min(self.at))
    }

    /// The bytes at hand from the cursor on, within the limit.
    fn rest(&self) -> &[u8] {
        let rest = self.window.from(self.at);
        rest.get(..self.limit.saturating_sub(self.at)).unwrap_or(rest)
    }

    /// The next byte that is no white space, without taking it; the cursor moves to it.
    pub(super) fn peek(&mut self) -> Result<u8, Broken> {
        loop {
            let rest = self.rest();
            let spaces = rest.iter().take_while(|byte| is_space(**byte)).count();
            if let Some(&byte) = rest.get(spaces) {
                self.at += spaces;
                return Ok(byte);
            }
            self.at += spaces;
            if !self.more() {
                return Err(Broken::Cut);
            }
        }
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

    /// Takes a key and its colon; gives where the key is, without quotes.
    pub(super) fn key(&mut self) -> Result<Range<usize>, Broken> {
        self.expect(b'"')?;
        let start = self.at;
        self.text()?;
        let end = self.at - 1;
        self.expect(b':')?;
        Ok(start..end)
    }

    /// Takes one value of any kind, at most `limit` bytes from its first byte on; gives its start.
    /// A longer value is [`Broken::Cut`] at the limit.
    pub(super) fn value(&mut self, limit: usize) -> Result<usize, Broken> {
        self.peek()?;
        let start = self.at;
        self.within(limit, Self::unlimited_value).map(|()| start)
    }

    /// Lets `take` go at most `limit` bytes further.
    pub(super) fn within<T>(
        &mut self,
        limit: usize,
        take: impl FnOnce(&mut Self) -> Result<T, Broken>,
    ) -> Result<T, Broken> {
        let outer = self.limit;
        self.limit = outer.min(self.at.saturating_add(limit));
        let taken = take(self);
        self.limit = outer;
        taken
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
        if self.due.len() >= MAX_OPEN {
            return Err(Broken::Unexpected(self.at));
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
        loop {
            let rest = self.rest();
            match memchr2(b'"', b'\\', rest) {
                Some(found) if rest.get(found) == Some(&b'"') => {
                    self.at += found + 1;
                    return Ok(());
                }
                Some(found) if found + 1 < rest.len() => self.at += found + 2,
                // The escape is looked at again together with what it escapes.
                Some(found) => {
                    self.at += found;
                    self.more_or_cut()?;
                }
                None => {
                    self.at += rest.len();
                    self.more_or_cut()?;
                }
            }
        }
    }

    /// Takes a number, `true`, `false`, `null` or whatever looks like one.
    fn word(&mut self) -> Result<(), Broken> {
        let inside =
            |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let start = self.at;
        loop {
            let rest = self.rest();
            let length = rest.iter().take_while(inside).count();
            let open = length == rest.len();
            self.at += length;
            if open && self.more() {
                continue;
            }
            return if self.at > start { Ok(()) } else { Err(Broken::Unexpected(start)) };
        }
    }

    fn more_or_cut(&mut self) -> Result<(), Broken> {
        if self.more() { Ok(()) } else { Err(Broken::Cut) }
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
        let mut scanner = Scanner::new(Window::whole(text.as_bytes()));
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
        assert_eq!(Scanner::new(Window::whole(value.as_bytes())).value(9), Err(Broken::Cut));
        assert_eq!(Scanner::new(Window::whole(value.as_bytes())).value(value.len()), Ok(0));
    }

    #[test]
    fn deep_nesting_does_not_recurse() {
        let depth = 1_000_000;
        let value = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(end(&value), Ok(2 * depth));
        assert_eq!(end(&"[".repeat(MAX_OPEN + 9)), Err(Broken::Unexpected(MAX_OPEN + 1)));
    }
}
