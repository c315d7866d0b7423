//! Object keys, from the usual to the odd but legal.
//!
//! In: a bucket's naming habit and a random source. Out: a key. Numbers are drawn
//! so that low ones come more often: some objects are popular, most are not.

use fastrand::Rng;

use super::text;
use super::world::Keys;

/// Keys that real buckets hold and careless tools choke on.
const ODD_KEYS: [&str; 12] = [
    "reports/Q2 2025 (final) v2.pdf",
    "fotos/Füße & Brücken/größe.jpg",
    "資料/二〇二五年/報告書.pdf",
    "notes/she said \"no\".txt",
    "inbox/a%2Bb%20c.csv",
    "launch/\u{1F680}/payload.bin",
    "../../etc/passwd",
    "/leading/slash.txt",
    "tabs\tand\nlines.txt",
    "windows\\path\\file.docx",
    "=HYPERLINK(\"http://example.com\",\"open\").csv",
    "cafe\u{301}/<b>bold</b>.html",
];

/// User agents that try to break the reader's terminal, browser or spreadsheet.
const ODD_AGENTS: [&str; 5] = [
    "\u{1b}[31mred\u{1b}[0m client/1.0",
    "<script>alert(document.title)</script>",
    "=cmd|' /C calc'!A0",
    "agent \"quoted\\\" and ünïcödé",
    "",
];

/// Appends a key of the given habit; one in two hundred is odd.
pub(crate) fn push(out: &mut String, keys: Keys, time: i64, rng: &mut Rng) {
    if rng.u32(..200) == 0 {
        odd(out, rng);
        return;
    }
    let popular = rng.u64(..20_000).min(rng.u64(..20_000));
    match keys {
        Keys::Media => media(out, popular),
        Keys::Lake => lake(out, time, popular),
        Keys::Scratch => scratch(out, time, popular),
        Keys::Builds => builds(out, popular),
        Keys::Documents => document(out, popular),
    }
}

/// Appends the key of document number `n`: distinct for distinct numbers.
pub(crate) fn document(out: &mut String, n: u64) {
    out.push_str("documents/20");
    text::padded(out, 15 + n % 10, 2);
    out.push('/');
    text::hex(out, text::mix(n, 3), 8);
    out.push('-');
    text::number(out, n);
    out.push_str(".pdf");
}

/// Appends the key of temporary chunk number `n` of the run at `time`.
pub(crate) fn scratch(out: &mut String, time: i64, n: u64) {
    out.push_str("tmp/run-");
    text::number(out, time.div_euclid(86_400).unsigned_abs());
    out.push_str("/chunk-");
    text::padded(out, n, 6);
    out.push_str(".bin");
}

/// An odd user agent, once in five hundred calls.
pub(crate) fn odd_agent(rng: &mut Rng) -> Option<&'static str> {
    (rng.u32(..500) == 0).then(|| ODD_AGENTS[rng.usize(..ODD_AGENTS.len())])
}

fn odd(out: &mut String, rng: &mut Rng) {
    let choice = rng.usize(..=ODD_KEYS.len());
    if let Some(key) = ODD_KEYS.get(choice) {
        out.push_str(key);
        return;
    }
    // As long as S3 allows: 1,024 bytes.
    for _ in 0..102 {
        out.push_str("long-path/");
    }
    out.push_str("end!");
}

fn media(out: &mut String, n: u64) {
    out.push_str("users/");
    text::hex(out, n, 2);
    out.push('/');
    text::hex(out, text::mix(n, 1), 12);
    out.push_str(["/avatar-200.png", "/cover-1200.jpg", "/clip.mp4"][(n % 3) as usize]);
}

fn lake(out: &mut String, time: i64, n: u64) {
    out.push_str(["raw/table=orders/dt=", "raw/table=clicks/dt="][(n & 1) as usize]);
    let (year, month, day) = text::civil(time.div_euclid(86_400) - (n % 7) as i64);
    text::padded(out, year, 4);
    out.push('-');
    text::padded(out, month, 2);
    out.push('-');
    text::padded(out, day, 2);
    out.push_str("/part-");
    text::padded(out, n % 400, 5);
    out.push_str(".snappy.parquet");
}

fn builds(out: &mut String, n: u64) {
    out.push_str("builds/web/");
    text::hex(out, text::mix(n / 8, 2), 10);
    out.push_str("/bundle-");
    text::number(out, n % 8);
    out.push_str(".tar.gz");
}
