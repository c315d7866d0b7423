//! One JSON text → its tape: simd-json with its memory kept from text to text. In come bytes that
//! the parser may overwrite, the tape goes to a closure, and out comes the closure's answer. It
//! does not know what the text means.

use simd_json::tape::{Tape, Value};
use simd_json::{Buffers, ErrorType, INPUT_PADDING};

use super::record::{Record, Source};
use super::reject::RejectReason;
use super::repair::repair;

/// Memory beyond this many tape nodes (96 MiB of them) is given back after each text.
const KEPT_NODES: usize = 4 << 20;

/// The most values of one text: a tape takes 24 bytes for each.
const MAX_VALUES: usize = 2 << 20;

/// Why a text was not parsed.
#[derive(Debug)]
pub(super) enum Unparsed {
    /// What simd-json says.
    Json(simd_json::Error),
    /// It may hold more than [`MAX_VALUES`].
    TooManyValues,
}

/// simd-json and its reused memory.
pub(super) struct Parser {
    buffers: Buffers,
    tape: Tape<'static>,
    depth: usize,
}

impl Parser {
    /// A parser that refuses texts nested deeper than `depth` levels.
    pub(super) fn new(depth: usize) -> Self {
        Self { buffers: Buffers::with_max_depth(0, depth), tape: Tape(Vec::new()), depth }
    }

    /// Parses `text` in place (its escapes are resolved where they stand) and shows the root to
    /// `read`, with the address of the first byte that was parsed. `text` grows by some padding first, and is left in an unusable state.
    pub(super) fn parse<R>(
        &mut self,
        text: &mut Vec<u8>,
        start: usize,
        read: impl FnOnce(Value<'_, '_>, usize) -> R,
    ) -> Result<R, Unparsed> {
        let length = text.len().saturating_sub(start);
        if has_many_values(text.get(start..).unwrap_or_default()) {
            return Err(Unparsed::TooManyValues);
        }
        text.resize(text.len() + INPUT_PADDING, 0);
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let padded = text.get_mut(start..).unwrap_or_default();
        let at = padded.as_ptr() as usize;
        let parsed = simd_json::fill_tape_padded(padded, length, &mut self.buffers, &mut tape);
        let answer = parsed.map(|()| read(tape.as_value(), at));
        if tape.0.capacity() > KEPT_NODES {
            self.buffers = Buffers::with_max_depth(0, self.depth);
        } else {
            self.tape = tape.reset();
        }
        answer.map_err(Unparsed::Json)
    }

    /// What `error` means for a record parsed by this parser. Positions count from the record's
    /// start and are named only if simd-json knows them and `exact` says that the record was
    /// parsed as it stands.
    pub(super) fn reason(&self, error: &Unparsed, exact: bool) -> RejectReason {
        let error = match error {
            Unparsed::Json(error) => error,
            Unparsed::TooManyValues => return RejectReason::TooManyValues(MAX_VALUES),
        };
        match error.error() {
            ErrorType::InvalidUtf8 if error.character().is_none() => RejectReason::InvalidUtf8,
            ErrorType::DepthLimitExceeded => RejectReason::TooDeep(self.depth),
            other if exact && error.index() > 0 => RejectReason::NotJson(format!(
                "{} {} bytes into the record",
                words(&format!("{other:?}")),
                error.index()
            )),
            ErrorType::InternalError => RejectReason::NotJson("no JSON value".to_owned()),
            other => RejectReason::NotJson(words(&format!("{other:?}"))),
        }
    }
}

/// Parses one text and shows it to `read`, repaired if it does not parse as it stands.
pub(super) fn parse_repaired<R>(
    parser: &mut Parser,
    text: &mut Vec<u8>,
    record: &[u8],
    mut read: impl FnMut(Record<'_, '_, '_>) -> R,
) -> Result<R, RejectReason> {
    text.clear();
    text.extend_from_slice(record);
    let as_written = |value: Value<'_, '_>, at| read(Record::new(value, Source::new(record, at)));
    let error = match parser.parse(text, 0, as_written) {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    if matches!(error, Unparsed::TooManyValues) || !repair(record, text) {
        return Err(parser.reason(&error, true));
    }
    let repaired = |value: Value<'_, '_>, _| read(Record::new(value, Source::NONE));
    parser.parse(text, 0, repaired).map_err(|error| parser.reason(&error, false))
}

/// Whether a text may hold more than [`MAX_VALUES`]. A value takes two bytes, and a comma, a colon or a
/// bracket stands before it.
fn has_many_values(text: &[u8]) -> bool {
    let starts = |byte: &u8| u8::from(matches!(byte, b',' | b':' | b'[' | b'{'));
    // By pieces that a byte can count, sixteen bytes at a time.
    let count = |piece: &[u8]| usize::from(piece.iter().map(starts).sum::<u8>());
    text.len() / 2 > MAX_VALUES && text.chunks(240).map(count).sum::<usize>() > MAX_VALUES
}

/// `ExpectedArrayComma` → `expected array comma`.
fn words(camel_case: &str) -> String {
    let mut text = String::with_capacity(camel_case.len() + 4);
    for letter in camel_case.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parses(text: &[u8]) -> bool {
        Parser::new(128).parse(&mut text.to_vec(), 0, |_, _| ()).is_ok()
    }

    /// 0.17 read a lone surrogate as NUL. Salvage rests on the refusal: it repairs only records
    /// that fail to parse.
    #[test]
    fn lone_surrogates_are_refused() {
        for pad in 0..70 {
            for lone in [r"\ud800", r"\udfff", r"\uD800\u0041", r"\udbff\udbff", r"\udc00\ud800"] {
                let text = format!(r#"{{"{}":"{lone}x"}}"#, "k".repeat(pad));
                assert!(!parses(text.as_bytes()), "{text}");
                let text = format!(r#"{{"{}{lone}":1}}"#, "k".repeat(pad));
                assert!(!parses(text.as_bytes()), "{text}");
            }
        }
    }

    #[test]
    fn reasons_are_words() {
        let reason = |text: &[u8]| {
            let mut parser = Parser::new(3);
            let error = parser.parse(&mut text.to_vec(), 0, |_, _| ()).unwrap_err();
            parser.reason(&error, true).to_string()
        };
        assert_eq!(reason(b"{\"a\":\"\xff\"}"), "invalid UTF-8");
        assert_eq!(reason(b"[[[[]]]]"), "nested deeper than 3 levels");
        assert_eq!(reason(b"[1,tru]"), "not JSON: expected true 3 bytes into the record");
    }

    #[test]
    fn the_tape_of_a_text_stays_small() {
        let list = |element: &str, count: usize| format!("[0{}]", element.repeat(count));
        assert!(parses(list(",0", MAX_VALUES - 1).as_bytes()));
        assert!(!parses(list(",0", MAX_VALUES + 1).as_bytes()));
        assert!(parses(list(",\"long enough\"", 500_000).as_bytes()));
    }

    proptest! {
        /// Whatever simd-json accepts, serde_json reads as the same value, and the other way round
        /// but for numbers out of range.
        #[test]
        fn agrees_with_serde_json(text in r#"[{\["](\\[u"nd]|[0-9a-fe.\-]|["\[\]{}:, ]|true|\\ud83d|\\ude00){0,40}[}\]"]"#) {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            if parses(text.as_bytes()) {
                prop_assert!(theirs.is_ok(), "{}: {:?}", text, theirs);
            }
        }
    }
}
