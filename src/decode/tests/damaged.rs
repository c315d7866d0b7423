//! Malformed inputs and what becomes of them, one line each.

use super::*;

/// One input: what it is, its bytes, the outcome, the numbers taken, and for each rejected piece
/// its number, its offset and its reason.
type Case = (&'static str, Vec<u8>, &'static str, Vec<u64>, Vec<(u64, usize, &'static str)>);

/// A short event with one more member.
fn with(member: &str) -> String {
    format!(r#"{{"eventTime":"1Z","eventVersion":"1",{member}}}"#)
}

fn check(cases: Vec<Case>) {
    for (what, bytes, outcome, taken, rejected) in cases {
        let (decoded, kept) = decode("a.json", &bytes);
        assert_eq!(say(&decoded.outcome), outcome, "{what}");
        assert_eq!(kept.numbers(), taken, "{what}");
        let pieces: Vec<_> = decoded
            .rejected
            .iter()
            .map(|piece| {
                (piece.record, usize::try_from(piece.offset).unwrap(), piece.reason.to_string())
            })
            .collect();
        let expected: Vec<_> =
            rejected.iter().map(|(record, at, why)| (*record, *at, (*why).to_owned())).collect();
        assert_eq!(pieces, expected, "{what}");
        for piece in &decoded.rejected {
            if let Some(&byte) = bytes.get(usize::try_from(piece.offset).unwrap()) {
                assert!(
                    !byte.is_ascii_graphic()
                        || byte == b'\\'
                        || piece.excerpt.starts_with(byte as char),
                    "{what}"
                );
            }
        }
    }
}

/// Two sound records around `middle`, which starts at the offset given.
fn around(middle: &str) -> (Vec<u8>, usize) {
    let document = document(&[with("\"n\":0"), middle.to_owned(), with("\"n\":2")]);
    (document.into_bytes(), r#"{"Records":["#.len() + with("\"n\":0").len() + 1)
}

#[test]
fn a_bad_record_costs_no_other() {
    let odd: Vec<(&str, String, &'static str)> = vec![
        ("a number", "17".into(), "not an object"),
        ("null", "null".into(), "not an object"),
        ("a text", r#""},{\"eventTime\":\"1Z\",\"eventVersion\":1}""#.into(), "not an object"),
        ("no time", r#"{"eventName":"x"}"#.into(), "no eventTime"),
        (
            "bad time",
            r#"{"eventTime":"yesterday\n"}"#.into(),
            r#"eventTime is not a time: `"yesterday\\n"`"#,
        ),
        ("bad word", with("\"a\":tru"), "not JSON: expected true 41 bytes into the record"),
        ("bad number", with("\"a\":01"), "not JSON: invalid number 42 bytes into the record"),
        ("bad escape", with(r#""a":"\x""#), "not JSON: invalid escape"),
        ("control character", with("\"a\":\"\n\""), "not JSON: syntax"),
        (
            "missing quote",
            with(r#""a":"x,"b":1"#),
            "damaged: unexpected byte 45 bytes into the piece",
        ),
        (
            "quote lost at the end",
            r#"{"eventTime":"1Z","a":"x}"#.into(),
            "damaged: unexpected byte 28 bytes into the piece",
        ),
        (
            "missing brace",
            r#"{"eventTime":"1Z","a":{"b":1}"#.into(),
            "damaged: unexpected byte 30 bytes into the piece",
        ),
        ("wrong bracket", with("\"a\":[1}"), "damaged: unexpected byte 43 bytes into the piece"),
        (
            "no colon",
            r#"{"eventTime" "1Z"}"#.into(),
            "damaged: unexpected byte 13 bytes into the piece",
        ),
        ("rubbish", "%%%".into(), "damaged: unexpected byte 0 bytes into the piece"),
        ("nothing", String::new(), "damaged: unexpected byte 0 bytes into the piece"),
        (
            "too deep",
            with(&format!("\"a\":{}{}", "[".repeat(128), "]".repeat(128))),
            "nested deeper than 128 levels",
        ),
    ];
    for (what, middle, reason) in odd {
        let (bytes, at) = around(&middle);
        check(vec![(what, bytes, "read", vec![0, 2], vec![(1, at, reason)])]);
    }
    let (mut bytes, at) = around(&with("\"a\":\"#\""));
    let hash = bytes.iter().position(|byte| *byte == b'#').unwrap();
    bytes[hash] = 0xff;
    check(vec![("utf-8", bytes, "read", vec![0, 2], vec![(1, at, "invalid UTF-8")])]);
}

#[test]
fn odd_values_are_data() {
    let deep = format!("\"a\":{}{}", "[".repeat(127), "]".repeat(127));
    for (member, read) in [
        (r#""a":"\ud83d.""#, "\"\u{fffd}.\""),
        (r#""a":"\ude00\ud83d""#, "\"\u{fffd}\u{fffd}\""),
        (r#""a":"\ud83d\ude00""#, "\"\u{1f600}\""),
        (r#""a":18446744073709551616"#, r#""18446744073709551616""#),
        (r#""a":-99999999999999999999"#, r#""-99999999999999999999""#),
        (r#""a":1e400"#, r#""1e400""#),
        (r#""a":1E-7"#, "1e-7"),
        (deep.as_str(), "[[[[["),
    ] {
        let (bytes, _) = around(&with(member));
        let (decoded, kept) = decode("a.json", &bytes);
        assert_eq!(decoded.outcome, Outcome::Read);
        assert_eq!(kept.numbers(), [0, 1, 2], "{member}");
        assert!(kept.0[1].1.contains(&format!("\"a\":{read}")), "{member}: {}", kept.0[1].1);
    }
}

#[test]
fn damage_between_records() {
    let (a, b) = (with("\"n\":0"), with("\"n\":1"));
    let next = 12 + a.len();
    let bytes = |text: String| text.into_bytes();
    check(vec![
        ("empty", bytes(document(&[])), "read", vec![], vec![]),
        ("missing comma", bytes(format!(r#"{{"Records":[{a}{b}]}}"#)), "read", vec![0, 1], vec![]),
        ("comma at the end", bytes(format!(r#"{{"Records":[{a},]}}"#)), "read", vec![0], vec![]),
        (
            "brace too many",
            bytes(format!(r#"{{"Records":[{a}}},{b}]}}"#)),
            "read",
            vec![0, 2],
            vec![(1, next, "damaged: unexpected byte 0 bytes into the piece")],
        ),
        (
            "bracket too many",
            bytes(format!(r#"{{"Records":[{a}],{b}]}}"#)),
            "read",
            vec![0, 1],
            vec![],
        ),
        (
            "broken last",
            bytes(format!(r#"{{"Records":[{a},{{"x":"y}}]}}"#)),
            "partial: truncated JSON",
            vec![0],
            vec![(1, next + 1, "cut off by the end of the data")],
        ),
        (
            "damaged last",
            bytes(format!(r#"{{"Records":[{a},{{"x" 1}}]}}"#)),
            "read",
            vec![0],
            vec![(1, next + 1, "damaged: unexpected byte 5 bytes into the piece")],
        ),
    ]);
}

#[test]
fn damage_after_records() {
    let (a, b) = (with("\"n\":0"), with("\"n\":1"));
    let (start, next) = (12, 12 + a.len());
    let bytes = |text: String| text.into_bytes();
    check(vec![
        (
            "cut in a record",
            bytes(format!(r#"{{"Records":[{a},{{"x":[1]}}"#)[..next + 8].to_owned()),
            "partial: truncated JSON",
            vec![0],
            vec![(1, next + 1, "cut off by the end of the data")],
        ),
        (
            "cut between records",
            bytes(format!(r#"{{"Records":[{a},"#)),
            "partial: truncated JSON",
            vec![0],
            vec![],
        ),
        (
            "cut after the array",
            bytes(format!(r#"{{"Records":[{a}]"#)),
            "partial: truncated JSON",
            vec![0],
            vec![],
        ),
        (
            "broken tail",
            bytes(format!(r#"{{"Records":[{a}],x}}"#)),
            "partial: broken JSON after the records",
            vec![0],
            vec![],
        ),
        (
            "two documents",
            bytes(document(std::slice::from_ref(&a)) + &document(std::slice::from_ref(&b))),
            "read",
            vec![0, 1],
            vec![],
        ),
        (
            "two arrays",
            bytes(format!(r#"{{"Records":[{a}],"Records":[{b}]}}"#)),
            "read",
            vec![0, 1],
            vec![],
        ),
        (
            "mark and space",
            bytes(format!("\u{feff} \n{} \n", document(&[a.clone(), "1".into()]))),
            "read",
            vec![0],
            vec![(1, start + a.len() + 6, "not an object")],
        ),
    ]);
}

#[test]
fn what_is_no_log() {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let cases: Vec<(&'static str, Vec<u8>, &'static str)> = vec![
        ("empty", vec![], "failed: empty"),
        ("space", bytes(" \n"), "failed: empty"),
        ("empty gzip", gz(b""), "failed: empty"),
        ("bad gzip", vec![0x1f, 0x8b, 8], "failed: no record could be unpacked: truncated gzip"),
        (
            "no gzip",
            vec![0x1f, 0x8b, 8, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
            "failed: no record could be unpacked: corrupt gzip: invalid header",
        ),
        ("four layers", gz(&gz(&gz(&gz(b"{}")))), "failed: more than 3 layers of compression"),
        ("prose", bytes("hello"), "failed: not JSON: unexpected byte at 0"),
        ("broken", bytes(r#"{"Records" [1]}"#), "failed: not JSON: unexpected byte at 11"),
        ("cut early", bytes(r#"{"Rec"#), "failed: truncated JSON: ends before its records"),
        (
            "utf-16, cut",
            vec![0xff, 0xfe, b'{', 0],
            "failed: truncated JSON: ends before its records",
        ),
        ("array", bytes("[{}]"), "failed: not CloudTrail: a JSON object with no keys"),
        ("scalar", bytes("-1.5"), "failed: not CloudTrail: a single JSON value"),
        (
            "object",
            bytes(r#"{"Records":{},"a":1}"#),
            "failed: not CloudTrail: a JSON object with the keys `Records`, `a`",
        ),
        (
            "7z",
            b"7z\xbc\xaf\x27\x1c\0\x04".to_vec(),
            "failed: 7z is not read: unpack or convert it first",
        ),
        (
            "notifications",
            bytes(
                r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventTime":"1Z"}]}"#,
            ),
            "failed: not CloudTrail: S3 event notifications",
        ),
        (
            "digest",
            gz(br#"{"awsAccountId":"1","digestS3Object":"x","logFiles":[]}"#),
            "skipped: digest file",
        ),
    ];
    for (what, stored, outcome) in cases {
        check(vec![(what, stored, outcome, vec![], vec![])]);
    }
}

#[test]
fn names_and_shapes_decide_what_is_skipped() {
    let skipped = Outcome::Skipped(SkipReason::NotALog);
    assert_eq!(decode("readme.md", b"# hello").0.outcome, skipped);
    assert_eq!(decode("a", b"[]").0.outcome, skipped);
    assert_eq!(decode("a", &gz(b"hello")).0.outcome, skipped);
    assert_eq!(decode("a", b"").0.outcome, skipped);
    for stored in [whole(3).into_bytes(), gz(whole(3).as_bytes()), gz(&gz(whole(3).as_bytes()))] {
        let (decoded, kept) = decode("a", &stored);
        assert_eq!((decoded.outcome, kept.0.len()), (Outcome::Read, 3));
    }
}

#[test]
fn damaged_gzip_keeps_its_records() {
    let document = whole(200);
    let mut stored = gz(document.as_bytes());
    let outcome = |stored: &[u8]| {
        let (decoded, kept) = decode("a.gz", stored);
        (say(&decoded.outcome), kept.0.len())
    };
    let padded = [stored.clone(), vec![0; 512]].concat();
    assert_eq!(outcome(&padded), ("read".into(), 200));
    let trailing = [stored.clone(), b"tail".to_vec()].concat();
    assert_eq!(outcome(&trailing), ("partial: trailing garbage of 4 bytes".into(), 200));
    assert_eq!(outcome(&stored[..stored.len() - 1]), ("partial: truncated gzip".into(), 200));
    let crc = stored.len() - 8;
    stored[crc] ^= 1;
    assert_eq!(outcome(&stored), ("partial: corrupt gzip: crc mismatch".into(), 200));
    let limits = Limits { inflated_bytes: document.len() as u64 / 2, ..Limits::default() };
    let (decoded, kept) = decode_with(limits, "a.gz", &gz(document.as_bytes()));
    assert_eq!(decoded.inflated_bytes, document.len() as u64 / 2);
    assert!(say(&decoded.outcome).starts_with("partial: larger than the limit of"));
    assert!((95..=100).contains(&kept.0.len()));
}

#[test]
fn records_have_a_limit_where_they_are_read_one_by_one() {
    let long = with(&format!("\"a\":\"{}\"", "x".repeat(500)));
    let limits = Limits { record_bytes: 200, ..slow() };
    let (decoded, kept) = decode_with(limits, "a.json", &around(&long).0);
    assert_eq!(kept.numbers(), [0, 2]);
    assert_eq!(decoded.rejected[0].reason, RejectReason::TooLong(200));
    assert_eq!(decoded.outcome, Outcome::Read);
    let refused = document(&[long, "1".to_owned()]);
    let limits = Limits { record_bytes: 200, ..Limits::default() };
    let (decoded, kept) = decode_with(limits, "a.json", refused.as_bytes());
    assert!(kept.numbers().is_empty());
    assert_eq!(decoded.rejected[0].reason, RejectReason::TooLong(200));
    assert_eq!(decoded.rejected[1].reason, RejectReason::Fault(RecordFault::NotAnObject));
}

#[test]
fn hostile_documents_are_given_up_in_linear_time() {
    let open = format!(r#"{{"Records":[{}"#, r#"{"a":["#.repeat(40_000));
    let (decoded, _) = decode("a.json", open.as_bytes());
    assert_eq!(decoded.outcome, Outcome::Partial(Damage::GivenUp));
    assert_eq!(decoded.rejected[0].reason, RejectReason::GivenUp);
    let numbers = format!(r#"{{"Records":[{}{}]}}"#, "1,".repeat(100_000), event(0));
    for limits in [Limits::default(), slow()] {
        let (decoded, kept) = decode_with(limits, "a.json", numbers.as_bytes());
        assert_eq!((decoded.outcome, kept.numbers()), (Outcome::Read, vec![100_000]));
        assert_eq!((decoded.rejected.len(), decoded.unlisted), (10_000, 90_000));
    }
}

#[test]
fn what_holds_logs_is_told_from_logs() {
    let cases =
        [(b"PAR1....PAR1".to_vec(), Archive::Parquet), (b"PK\x03\x04".to_vec(), Archive::Zip)];
    for (bytes, archive) in cases {
        let mut kept = Kept::default();
        let mut decoder = Decoder::new(Limits::default());
        assert_eq!(decoder.decode("x", Claim::Found, &bytes, &mut kept), Err(archive));
    }
}
