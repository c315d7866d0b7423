//! Malformed and hostile inputs, one line each: whatever is lost is named, its neighbours live, and
//! the account balances.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

mod common;

use std::path::Path;

use arrow::array::AsArray as _;
use common::logs::{
    document, each, events, gz, scan, table_of_events, tar_of, text, utf16, zip_of, zst,
};
use common::table;
use serde_json::json;

/// What it is, its name and bytes, flags, then: exit status, events analysed, records rejected, and
/// what the reason of some object or rejected record says.
type Damaged =
    (&'static str, &'static str, Vec<u8>, &'static [&'static str], i32, usize, usize, &'static str);

fn cut(bytes: &[u8], from_end: usize) -> Vec<u8> {
    bytes[..bytes.len() - from_end].to_vec()
}

fn flipped(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes[at] ^= 0xff;
    bytes
}

/// Twelve events as lines, the sixth of them replaced.
fn lines_with(sixth: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = events().iter().map(|event| text(event).into_bytes()).collect();
    lines[5] = sixth.to_vec();
    lines.join(&b'\n')
}

#[rustfmt::skip] // One line per input.
#[allow(clippy::too_many_lines, reason = "a table")]
fn damaged() -> Vec<Damaged> {
    let doc = document();
    let lines = each("\n", |event| event);
    let long = format!(
        r#"{{"eventTime":"2026-03-04T10:00:00Z","eventVersion":"1","x":"{}"}}"#,
        "y".repeat(5_000)
    );
    let deep = format!(
        r#"{{"eventTime":"2026-03-04T10:00:00Z","eventVersion":"1","x":{}{}}}"#,
        "[".repeat(99),
        "]".repeat(99)
    );
    let digest = json!({"awsAccountId": "1", "digestS3Object": "x", "logFiles": []});
    let notice =
        json!({"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventTime": "x"}]});
    let three = zip_of(&[("a.zip", &zip_of(&[("b.zip", &zip_of(&[("c.json", &doc)]))]))]);
    let two: &[(&str, &[u8])] = &[("a.json", &doc), ("b.txt", b"notes")];
    let mut symlink = tar::Header::new_gnu();
    symlink.set_entry_type(tar::EntryType::Symlink);
    symlink.set_size(0);
    let mut linked = tar::Builder::new(Vec::new());
    linked.append_link(&mut symlink, "passwd.json", "/etc/passwd").unwrap();
    vec![
        ("nothing", "a.json", vec![], &[], 4, 0, 0, "empty"),
        ("nothing, packed", "a.gz", gz(b""), &[], 4, 0, 0, "empty"),
        ("white space", "a.json", b" \n".to_vec(), &[], 4, 0, 0, "empty"),
        ("prose", "a.json", b"hello world".to_vec(), &[], 4, 0, 0, "not JSON"),
        ("notes", "a.txt", b"hello".to_vec(), &[], 0, 0, 0, "not named or shaped"),
        ("digest", "a.json.gz", gz(text(&digest).as_bytes()), &[], 0, 0, 0, "digest"),
        (
            "notifications",
            "a.json",
            text(&notice).into_bytes(),
            &[],
            4,
            0,
            0,
            "S3 event notifications",
        ),
        (
            "a notification among events",
            "a.jsonl",
            lines_with(br#"{"eventVersion":"2.1","eventSource":"aws:s3","eventTime":"2026-03-04T10:00:00Z"}"#),
            &[],
            4,
            11,
            1,
            "S3 event notification",
        ),
        ("notes in UTF-16", "a.txt", utf16(b"hello"), &[], 0, 0, 0, "not named or shaped"),
        ("a text that begins like ORC", "a.txt", b"ORC, the word".to_vec(), &[], 0, 0, 0, "not named or shaped"),
        (
            "a year that cannot be shown",
            "a.jsonl",
            lines_with(br#"{"eventVersion":"1.08","eventTime":"9999-12-31T23:59:59Z"}"#),
            &[],
            4,
            11,
            1,
            "not a time",
        ),
        ("other JSON", "a.json", br#"{"a":1}"#.to_vec(), &[], 4, 0, 0, "keys `a`"),
        ("Parquet", "a.parquet", b"PAR1xxxxPAR1".to_vec(), &[], 4, 0, 0, "damaged Parquet"),
        ("7z", "a.7z", b"7z\xbc\xaf\x27\x1c1234".to_vec(), &[], 4, 0, 0, "7z is not read"),
        ("cut gzip", "a.gz", cut(&gz(&doc), 30), &[], 4, 10, 1, "truncated gzip"),
        (
            "cut zstd",
            "a.zst",
            cut(&zst(&[lines.clone(), vec![b' '; 300_000]].concat()), 3),
            &[],
            4,
            12,
            0,
            "truncated zstd",
        ),
        ("cut trailer", "a.gz", cut(&gz(&doc), 1), &[], 4, 12, 0, "truncated gzip"),
        ("bad crc", "a.gz", flipped(gz(&doc), gz(&doc).len() - 8), &[], 4, 12, 0, "crc mismatch"),
        ("bad start", "a.gz", flipped(gz(&doc), 2), &[], 4, 0, 0, "invalid header"),
        (
            "trailing garbage",
            "a.gz",
            [gz(&doc), b"tail".to_vec()].concat(),
            &[],
            4,
            12,
            0,
            "trailing garbage of 4",
        ),
        ("cut document", "a.json", cut(&doc, 30), &[], 4, 11, 1, "cut off"),
        ("cut line", "a.jsonl", cut(&lines, 30), &[], 4, 11, 1, "cut off"),
        (
            "text before",
            "a.json",
            [b"garbage\n".to_vec(), lines.clone()].concat(),
            &[],
            4,
            12,
            1,
            "no JSON value",
        ),
        (
            "text after",
            "a.json",
            [doc.clone(), b"garbage".to_vec()].concat(),
            &[],
            4,
            12,
            1,
            "not JSON",
        ),
        ("text between", "a.jsonl", lines_with(b"*** log rotated ***"), &[], 4, 11, 1, "damaged"),
        (
            "half a line",
            "a.jsonl",
            lines_with(br#"{"eventVersion":"1.08","userId"#),
            &[],
            4,
            11,
            1,
            "damaged",
        ),
        (
            "a lost quote",
            "a.jsonl",
            lines_with(br#"{"eventVersion":"1.08,"x":1}"#),
            &[],
            4,
            11,
            1,
            "damaged",
        ),
        (
            "other JSON between",
            "a.jsonl",
            lines_with(br#"{"level":"info"}"#),
            &[],
            4,
            11,
            1,
            "keys `level`",
        ),
        ("a number between", "a.jsonl", lines_with(b"17"), &[], 4, 11, 1, "single JSON value"),
        (
            "no time",
            "a.jsonl",
            lines_with(br#"{"eventVersion":"1.08","eventName":"x"}"#),
            &[],
            4,
            11,
            1,
            "no eventTime",
        ),
        (
            "no readable time",
            "a.jsonl",
            lines_with(br#"{"eventVersion":"1.08","eventTime":"soon"}"#),
            &[],
            4,
            11,
            1,
            "not a time",
        ),
        (
            "no UTF-8",
            "a.jsonl",
            lines_with(b"{\"eventVersion\":\"\xff\",\"eventTime\":\"2026-03-04T10:00:00Z\"}"),
            &[],
            4,
            11,
            1,
            "UTF-8",
        ),
        (
            "a long record",
            "a.jsonl",
            lines_with(long.as_bytes()),
            &["--max-record", "2KiB"],
            4,
            11,
            1,
            "longer than 2048",
        ),
        (
            "a deep record",
            "a.jsonl",
            lines_with(deep.as_bytes()),
            &["--max-depth", "32"],
            4,
            11,
            1,
            "nested deeper",
        ),
        (
            "a bad message",
            "a.json",
            each(
                "\n",
                |event| json!({"message": text(&event).replace("\"eventTime\"", "eventTime")}),
            ),
            &[],
            4,
            0,
            0,
            "not JSON",
        ),
        (
            "too large",
            "a.gz",
            gz(&doc),
            &["--max-inflated", "3KB"],
            4,
            7,
            1,
            "limit of 3000 inflated bytes",
        ),
        ("a bomb", "a.zst", zst(&vec![b' '; 80 << 20]), &[], 4, 0, 0, "200 times its stored size"),
        ("four layers", "a.gz", gz(&gz(&gz(&gz(&doc)))), &[], 4, 0, 0, "3 layers of compression"),
        ("three archives", "a.zip", three, &[], 4, 0, 0, "an archive within 2 others"),
        (
            "an archive, not wanted",
            "a.zip",
            zip_of(two),
            &["--max-archive-depth", "0"],
            4,
            0,
            0,
            "an archive within 0 others",
        ),
        (
            "many members",
            "a.zip",
            zip_of(two),
            &["--max-members", "1"],
            4,
            12,
            0,
            "more than 1 members",
        ),
        (
            "a link in an archive",
            "a.tar",
            linked.into_inner().unwrap(),
            &[],
            0,
            0,
            0,
            "not followed",
        ),
        ("notes in an archive", "a.tar", tar_of(two), &[], 0, 12, 0, "not named or shaped"),
        ("a cut tar", "a.tar", cut(&tar_of(two), 1_700), &[], 4, 12, 0, "tar"),
        (
            "a cut member",
            "a.tar",
            tar_of(two)[..2_000].to_vec(),
            &[],
            4,
            3,
            1,
            "cut off in its archive",
        ),
        ("a cut zip", "a.zip", cut(&zip_of(two), 60), &[], 4, 12, 0, "broken zip"),
        ("a cut tar.gz", "a.tgz", cut(&gz(&tar_of(two)), 40), &[], 4, 12, 0, "truncated gzip"),
        (
            "a cut table",
            "a.csv",
            [
                table_of_events(["eventTime", "eventName", "a", "b", "c", "d"]),
                b"\"2026\xff\",x".to_vec(),
            ]
            .concat(),
            &[],
            4,
            12,
            1,
            "UTF-8",
        ),
    ]
}

#[test]
fn nothing_is_lost_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let cases = damaged();
    assert!(cases.len() >= 40, "{}", cases.len());
    let mut wrong = Vec::new();
    for (what, name, bytes, flags, status, analysed, rejected, reason) in cases {
        for memory in ["1GiB", "1MiB"] {
            let more: Vec<&str> = flags.iter().chain(&["--memory", memory]).copied().collect();
            let (ended, run) = scan(folder.path(), name, &bytes, &more);
            let records = &run["records"];
            let found = (ended, records["analysed"].clone(), records["rejected"].clone());
            let out = folder.path().join("out");
            let reasons = ["manifest.parquet", "rejected.parquet"]
                .map(|file| format!("{:?}", reasons(&out.join(file))));
            if found != (status, json!(analysed), json!(rejected))
                || !reasons.concat().contains(reason)
            {
                wrong.push(format!("{what}, {memory}: {found:?} {reasons:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn reasons(path: &Path) -> Vec<String> {
    let text = |batch: &arrow::array::RecordBatch| -> Vec<String> {
        let column = batch.column_by_name("reason").unwrap();
        column.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    };
    table(path).iter().flat_map(text).collect()
}

#[test]
fn rows_of_tables_are_found_at_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for ending in ["\n", "\r\n"] {
        let rows = ["eventTime,eventName", "2026-03-04T10:00:00Z,a", "soon,b", "later,c", ""];
        let bytes = rows.join(ending);
        scan(folder.path(), "a.csv", bytes.as_bytes(), &[]);
        let rejected = &table(&folder.path().join("out/rejected.parquet"))[0];
        let offsets = rejected["byte_offset"].as_primitive::<arrow::datatypes::Int64Type>();
        let at: Vec<&str> = offsets
            .values()
            .iter()
            .map(|at| &bytes[usize::try_from(*at).unwrap()..][..5])
            .collect();
        assert_eq!(at, ["soon,", "later"], "{ending:?}");
        let excerpts = rejected["excerpt"].as_string::<i32>();
        assert_eq!(excerpts.value(0), "soon,b");
    }
}
