//! Real records of the generator, written again and again with other ids, times and keys: events
//! without end at the speed of copying.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use walkdir::WalkDir;

use crate::generate::{self, Config, Shape};

/// How every record starts.
const START: &[u8] = b"{\"eventVersion\":\"";

/// So many records are generated, of one day.
const GENERATED: u64 = 5_000;

/// Each time that all records have been written, their times are so many seconds later.
const STEP: i64 = 3_600;

/// An endless row of records.
pub(crate) struct Records {
    templates: Vec<Template>,
    written: u64,
}

/// A record, and where it changes.
struct Template {
    text: Vec<u8>,
    id: usize,
    time: usize,
    /// `eventTime` as generated, seconds.
    base: i64,
    /// Where the last eight bytes of the object's key stand, if it has as many.
    keys: Vec<usize>,
}

impl Records {
    /// Generates records in `folder`, which is not there yet and goes again.
    pub(crate) fn new(folder: &Path) -> Self {
        let config = Config {
            out: folder.to_path_buf(),
            events: GENERATED,
            days: 1,
            shape: Shape::Large,
            plain: true,
            ..Config::default()
        };
        generate::generate(&config).expect("a dump");
        let mut files: Vec<_> = WalkDir::new(folder)
            .into_iter()
            .map(|entry| entry.expect("a readable folder"))
            .filter(|entry| entry.file_type().is_file())
            .map(walkdir::DirEntry::into_path)
            .collect();
        files.sort();
        let documents = files.iter().map(|path| fs::read(path).expect("a file"));
        let templates = documents.flat_map(|document| templates(&document)).collect();
        fs::remove_dir_all(folder).expect("a folder that goes");
        Self { templates, written: 0 }
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> &[u8] {
        let number = self.written;
        let count = self.templates.len() as u64;
        self.written += 1;
        let template = self.templates.get_mut((number % count) as usize).expect("a record");
        template.change(number, (number / count) as i64);
        &template.text
    }
}

/// The records of a generated document.
fn templates(document: &[u8]) -> Vec<Template> {
    let starts: Vec<usize> = memchr::memmem::find_iter(document, START).collect();
    // Between records stands a comma, after the last `]}`.
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([document.len() - 2]);
    starts.iter().zip(ends).map(|(start, end)| Template::new(&document[*start..end])).collect()
}

impl Template {
    fn new(record: &[u8]) -> Self {
        let after = |name: &str| {
            let name = format!("\"{name}\":\"");
            memchr::memmem::find(record, name.as_bytes()).map(|at| at + name.len())
        };
        let (id, time) = (after("eventID").expect("an id"), after("eventTime").expect("a time"));
        let text = std::str::from_utf8(&record[time..time + 20]).expect("text");
        let base = text.parse::<Timestamp>().expect("a time").as_second();
        let key = after("key").map(|at| &record[at..]);
        let key = key.and_then(|key| key.split(|byte| *byte == b'"').next()).unwrap_or_default();
        let keys = match key.len() {
            8.. if key.is_ascii() && !key.contains(&b'\\') => {
                memchr::memmem::find_iter(record, key).map(|at| at + key.len() - 8).collect()
            }
            _ => Vec::new(),
        };
        Self { text: record.to_vec(), id, time, base, keys }
    }

    fn change(&mut self, number: u64, turn: i64) {
        write_id(number, &mut self.text[self.id..self.id + 36]);
        let time = Timestamp::from_second(self.base + turn * STEP).expect("a time");
        self.text[self.time..self.time + 20].copy_from_slice(time.to_string().as_bytes());
        for at in &self.keys {
            write_hex(number, &mut self.text[*at..*at + 8]);
        }
    }
}

/// Events of the smallest size that tells who did what.
pub(crate) struct SmallEvents {
    text: Vec<u8>,
    /// Where the number's digits stand in its names: all eight, or after so many bits only four.
    names: Vec<(usize, u32, usize)>,
    time: usize,
    id: usize,
}

/// How a small event begins and ends; `#` stands for the eight digits of a number.
const SMALL: [&str; 2] = [
    "{\"eventVersion\":\"1.11\",\"userIdentity\":{\"type\":\"IAMUser\",\"accountId\":\"111122223333\",\
     \"arn\":\"arn:aws:iam::111122223333:user/worker#\"},\"eventTime\":\"2025-06-02T08:15:00Z\",\
     \"eventSource\":\"s3.amazonaws.com\",\"awsRegion\":\"eu-west-1\",",
    "\"requestParameters\":{\"bucketName\":\"bucket#\",\"key\":\"key!\"},\"readOnly\":false,\
     \"eventID\":\"????????-????-????-????-????????????\",\"managementEvent\":false,\
     \"recipientAccountId\":\"111122223333\",\"eventCategory\":\"Data\"}",
];

/// What small events are about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Small {
    /// Reads of other keys by one user in one bucket.
    Reads,
    /// Deletes.
    Deletes,
    /// Reads, each by another user, from another address, in another bucket.
    Names,
}

impl SmallEvents {
    /// Events of a kind.
    pub(crate) fn new(kind: Small) -> Self {
        let event = if kind == Small::Deletes { "DeleteObject" } else { "GetObject" };
        let (address, number) = match kind {
            Small::Names => ("2001:%%%%:%%%%::1", "$$$$$$$$"),
            _ => ("198.51.100.7", ""),
        };
        let middle = format!("\"eventName\":\"{event}\",\"sourceIPAddress\":\"{address}\",");
        let text = [SMALL[0], &middle, SMALL[1]].concat();
        let text = text.replace('!', "00000000").replace('#', number);
        let at = |what: &str| text.find(what).expect("a place");
        let mut names = vec![(at("00000000\"}"), 0, 8)];
        names.extend(text.match_indices("$$$$$$$$").map(|(at, _)| (at, 0, 8)));
        names.extend(text.match_indices("%%%%").zip([16, 0]).map(|((at, _), bits)| (at, bits, 4)));
        let (time, id) = (at("2025-06-02T"), at("????????-"));
        Self { names, time, id, text: text.into_bytes() }
    }

    /// Event `number` of `count` in sixty days.
    pub(crate) fn write(&mut self, number: u64, count: u64) -> &[u8] {
        const START: i64 = 1_748_822_400;
        for (at, bits, digits) in &self.names {
            write_hex(number >> bits, &mut self.text[*at..*at + digits]);
        }
        write_id(number, &mut self.text[self.id..self.id + 36]);
        let seconds = number * 60 * 86_400 / count.max(1);
        let time = Timestamp::from_second(START + seconds as i64).expect("a time");
        self.text[self.time..self.time + 20].copy_from_slice(time.to_string().as_bytes());
        &self.text
    }
}

/// A UUID that no other number has; the digits look like random ones.
fn write_id(number: u64, id: &mut [u8]) {
    // Odd factors lose nothing; two words, since ids are spread by all of their bits.
    let low = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let high = (number ^ (number >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    for (range, word) in [(0..8, high >> 32), (9..13, high >> 16), (14..18, high)] {
        write_hex(word, &mut id[range]);
    }
    for dash in [8, 13, 18, 23] {
        id[dash] = b'-';
    }
    write_hex(low >> 48, &mut id[19..23]);
    write_hex(low, &mut id[24..36]);
}

/// The lowest digits of a number.
fn write_hex(number: u64, digits: &mut [u8]) {
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        *digit = b"0123456789abcdef"[(number >> (4 * place) & 15) as usize];
    }
}
