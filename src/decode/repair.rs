//! Odd values that are data, not damage, made palatable for the parser: lone surrogate escapes
//! become `\ufffd`, numbers that fit neither 64-bit integers nor floats become texts. In comes the
//! pristine text of one record, out goes a copy to parse. Boundaries are not looked for here.

use std::ops::Range;

use memchr::memchr2;

/// What an escape sequence that stands alone becomes.
const REPLACEMENT: &[u8] = br"\ufffd";

/// Copies `record` to `out` with its odd values replaced; says whether anything was replaced.
/// Broken JSON is copied as it is.
pub(super) fn repair(record: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let mut repaired = false;
    let mut rest = record;
    while let Some(&byte) = rest.first() {
        let (token, after) = match byte {
            b'"' => rest.split_at(text_len(rest)),
            b'-' | b'0'..=b'9' => rest.split_at(number_len(rest)),
            _ => rest.split_at(1),
        };
        repaired |= match byte {
            b'"' => copy_text(token, out),
            b'-' | b'0'..=b'9' => copy_number(token, out),
            _ => {
                out.extend_from_slice(token);
                false
            }
        };
        rest = after;
    }
    repaired
}

/// The length of the text that starts with the quote at the front, both quotes included; all of
/// `bytes` if the text does not end.
fn text_len(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// The length of the run of bytes that can stand in a number.
fn number_len(bytes: &[u8]) -> usize {
    let inside = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    bytes.iter().position(|byte| !inside(byte)).unwrap_or(bytes.len())
}

/// Copies a text, lone surrogates replaced.
fn copy_text(text: &[u8], out: &mut Vec<u8>) -> bool {
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += found;
        at += match (surrogate(text, at), surrogate(text, at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..)) => 12,
            (Some(_), _) => {
                out.extend_from_slice(text.get(copied..at).unwrap_or_default());
                out.extend_from_slice(REPLACEMENT);
                copied = at + 6;
                6
            }
            (None, _) => 2,
        };
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    copied > 0
}

/// The surrogate (0xd800 to 0xdfff) escaped at `at`, if there is one.
fn surrogate(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(br"\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u16::from_str_radix(digits, 16).ok().filter(|unit| (0xd800..0xe000).contains(unit))
}

/// Copies a number, in quotes if it is too wide.
fn copy_number(token: &[u8], out: &mut Vec<u8>) -> bool {
    let wide = is_number(token) && std::str::from_utf8(token).is_ok_and(is_wide);
    if wide {
        out.push(b'"');
    }
    out.extend_from_slice(token);
    if wide {
        out.push(b'"');
    }
    wide
}

/// Whether a number fits neither `i64`, nor `u64`, nor a finite `f64` where it has a fraction or
/// an exponent.
fn is_wide(number: &str) -> bool {
    if number.contains(['.', 'e', 'E']) {
        number.parse::<f64>().is_ok_and(f64::is_infinite)
    } else {
        number.parse::<u64>().is_err() && number.parse::<i64>().is_err()
    }
}

/// Whether `token` is a number as JSON spells it.
pub(super) fn is_number(token: &[u8]) -> bool {
    let digits = |range: Range<usize>| -> usize {
        let run = token.get(range).unwrap_or_default();
        run.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut at = usize::from(token.first() == Some(&b'-'));
    at += match (token.get(at), digits(at..token.len())) {
        (_, 0) | (Some(b'0'), 2..) => return false,
        (_, count) => count,
    };
    if token.get(at) == Some(&b'.') {
        match digits(at + 1..token.len()) {
            0 => return false,
            count => at += 1 + count,
        }
    }
    if matches!(token.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(token.get(at + 1), Some(b'+' | b'-')));
        match digits(at..token.len()) {
            0 => return false,
            count => at += count,
        }
    }
    at == token.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(record: &str) -> Option<String> {
        let mut out = Vec::new();
        let changed = repair(record.as_bytes(), &mut out);
        assert!(changed || out == record.as_bytes());
        changed.then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn lone_surrogates_become_the_replacement_character() {
        assert_eq!(repaired(r#"{"k":"a\ud800b"}"#).unwrap(), r#"{"k":"a\ufffdb"}"#);
        assert_eq!(repaired(r#"{"\uDC00":1}"#).unwrap(), r#"{"\ufffd":1}"#);
        assert_eq!(repaired(r#""\ud83d\ud83d\ude00""#).unwrap(), r#""\ufffd\ud83d\ude00""#);
        assert_eq!(repaired(r#""\ud83d""#).unwrap(), r#""\ufffd""#);
        assert_eq!(repaired(r#"{"k":"\ud83d\ude00"}"#), None);
        assert_eq!(repaired(r#"{"k":"\\ud800"}"#), None);
        assert_eq!(repaired(r#"{"k":"\u+d80"}"#), None);
    }

    #[test]
    fn wide_numbers_keep_their_text() {
        assert_eq!(repaired("[18446744073709551616]").unwrap(), r#"["18446744073709551616"]"#);
        assert_eq!(repaired("[-9223372036854775809]").unwrap(), r#"["-9223372036854775809"]"#);
        assert_eq!(repaired("[1e400,2]").unwrap(), r#"["1e400",2]"#);
        assert_eq!(repaired("[-1.5E+999]").unwrap(), r#"["-1.5E+999"]"#);
        for fits in ["[18446744073709551615]", "[-9223372036854775808]", "[1e308]", "[1e-400]"] {
            assert_eq!(repaired(fits), None, "{fits}");
        }
        assert_eq!(repaired(r#"{"k":"1e400 \" 1e400"}"#), None);
    }

    #[test]
    fn broken_numbers_are_left_alone() {
        for broken in ["01", "1.", ".5", "-", "1e", "1e+", "--1", "1.2.3", "", "+1"] {
            assert!(!is_number(broken.as_bytes()), "{broken}");
        }
        for good in ["0", "-0", "10", "1.5", "1e5", "1E-5", "-0.0e+00"] {
            assert!(is_number(good.as_bytes()), "{good}");
        }
        assert_eq!(repaired("[099999999999999999999999]"), None);
    }
}
