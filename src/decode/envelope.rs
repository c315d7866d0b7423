//! Whether an object claims to be a log, by its name or its first bytes. It knows a few well-known
//! words, and neither compression nor records.

use memchr::memmem;

use super::scan::is_space;
use super::table;

/// How many bytes from its start on an object without a telling name must show its shape.
pub(super) const SHAPE_BYTES: usize = 4096;

/// Names that end so claim to be logs, whatever the case.
const SUFFIXES: [&str; 13] = [
    ".json",
    ".gz",
    ".gzip",
    ".jsonl",
    ".ndjson",
    ".zst",
    ".bz2",
    ".zip",
    ".tar",
    ".tgz",
    ".tbz2",
    ".cloudtrail",
    ".cloudtrail.log",
];

/// Keys that tell logs of events, and what they come wrapped in, from other JSON.
const KEYS: [&[u8]; 8] = [
    br#""Records""#,
    br#""eventVersion""#,
    br#""eventSource""#,
    br#""CloudTrailEvent""#,
    br#""logEvents""#,
    br#""detail-type""#,
    br#""QueryResultRows""#,
    br#"\"eventVersion\""#,
];

/// Whether an object of this name claims to be a log.
pub(super) fn named_as_log(name: &str) -> bool {
    let tail = |suffix: &str| name.len().checked_sub(suffix.len()).and_then(|at| name.get(at..));
    SUFFIXES.iter().any(|suffix| tail(suffix).is_some_and(|end| end.eq_ignore_ascii_case(suffix)))
}

/// Whether unpacked bytes start as logs do.
pub(super) fn shaped_as_log(bytes: &[u8]) -> bool {
    let bytes = bytes.get(..SHAPE_BYTES).unwrap_or(bytes);
    let text = bytes.get(text_start(bytes)..).unwrap_or_default();
    match text.first() {
        Some(b'{' | b'[' | b'0'..=b'9') => KEYS.iter().any(|key| memmem::find(text, key).is_some()),
        _ => table::is_table(text),
    }
}

/// The position after a byte-order mark and white space.
pub(super) fn text_start(bytes: &[u8]) -> usize {
    let mark = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let text = bytes.get(mark..).unwrap_or_default();
    mark + text.iter().take_while(|byte| is_space(**byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_claim() {
        for name in ["a.json", "A.JSON.GZ", "x/y.Gz", ".jsonl", "log.ndjson", "ü.json", "a.tar.zst"]
        {
            assert!(named_as_log(name), "{name}");
        }
        for name in ["", "json", "a.json.txt", "readme.md", "gz", "a.csv", "日本"] {
            assert!(!named_as_log(name), "{name}");
        }
    }

    #[test]
    fn shapes_claim() {
        assert!(shaped_as_log(b"\xef\xbb\xbf \n{\"Records\":["));
        assert!(shaped_as_log(br#"{"x":1,"Records":[]}"#));
        assert!(shaped_as_log(br#"[{"eventVersion":"1.08"}]"#));
        assert!(shaped_as_log(br#"2023-07-10T12:12:05.000Z {"eventVersion":"1.08"}"#));
        assert!(shaped_as_log(b"eventTime,eventName,eventSource\n"));
        assert!(!shaped_as_log(br#"["Records are made"]"#));
        assert!(!shaped_as_log(br#"{"records":[]}"#));
        assert!(!shaped_as_log(b"name,time\n"));
        assert!(!shaped_as_log(
            &[b"{".to_vec(), vec![b' '; 5000], b"\"Records\"".to_vec()].concat()
        ));
    }
}
