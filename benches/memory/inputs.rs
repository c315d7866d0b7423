//! The inputs: larger than memory, or made to eat it. Each is written as a stream.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;

use crate::records::{Records, Small, SmallEvents};
use crate::{gigabytes, number};

/// A gigabyte.
pub(crate) const GB: f64 = 1e9;

/// What is told of an input.
#[derive(Default)]
pub(crate) struct Made {
    /// Bytes after inflating.
    pub inflated: u64,
}

/// An input: what it is, and what writes it to a path that is not there yet.
pub(crate) struct Input {
    pub name: &'static str,
    pub what: &'static str,
    pub make: fn(&Path, &mut Records) -> io::Result<Made>,
}

/// All inputs.
pub(crate) const INPUTS: [Input; 11] = [
    Input { name: "jsonl", what: "JSON lines", make: lines },
    Input { name: "document", what: "one document, gzip", make: document },
    Input { name: "gzlines", what: "JSON lines, gzip", make: packed_lines },
    Input { name: "zip", what: "zip: 2,000 members and a huge one", make: zipped },
    Input { name: "ids", what: "small events", make: ids },
    Input { name: "busy", what: "deletes by one user, in every second", make: busy },
    Input { name: "names", what: "as many users and buckets as events", make: names },
    Input { name: "empty", what: "empty files", make: empty_files },
    Input { name: "bad", what: "records that are none", make: bad_records },
    Input { name: "bombs", what: "gzip bombs", make: bombs },
    Input { name: "dense", what: "dense JSON of 16 MiB", make: dense },
];

/// Counts what goes through.
struct Counted<W> {
    inner: W,
    count: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

type Gz = Counted<GzEncoder<Counted<BufWriter<File>>>>;

fn gz(path: &Path, level: u32) -> io::Result<Gz> {
    let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let stored = Counted { inner: file, count: 0 };
    Ok(Counted { inner: GzEncoder::new(stored, Compression::new(level)), count: 0 })
}

impl Gz {
    fn stored(&self) -> u64 {
        self.inner.get_ref().count
    }

    /// Ends the file; gives the bytes before packing.
    fn finish(self) -> io::Result<u64> {
        self.inner.finish()?.inner.flush()?;
        Ok(self.count)
    }
}

fn lines(path: &Path, records: &mut Records) -> io::Result<Made> {
    let limit = gigabytes("MEMORY_JSONL_GB", 1.0);
    fs::create_dir(path)?;
    let file = BufWriter::with_capacity(1 << 20, File::create(path.join("events.jsonl"))?);
    let mut file = Counted { inner: file, count: 0 };
    while file.count < limit {
        file.write_all(records.next())?;
        file.write_all(b"\n")?;
    }
    file.flush()?;
    Ok(Made { inflated: file.count })
}

fn document(path: &Path, records: &mut Records) -> io::Result<Made> {
    let limit = gigabytes("MEMORY_GZ_GB", 0.2);
    fs::create_dir(path)?;
    let mut file = gz(&path.join("events.json.gz"), 1)?;
    let mut before: &[u8] = b"{\"Records\":[";
    while file.stored() < limit {
        file.write_all(before)?;
        file.write_all(records.next())?;
        before = b",";
    }
    file.write_all(b"]}")?;
    Ok(Made { inflated: file.finish()? })
}

fn packed_lines(path: &Path, records: &mut Records) -> io::Result<Made> {
    let limit = gigabytes("MEMORY_GZ_GB", 0.2);
    fs::create_dir(path)?;
    let mut file = gz(&path.join("events.jsonl.gz"), 1)?;
    while file.stored() < limit {
        file.write_all(records.next())?;
        file.write_all(b"\n")?;
    }
    Ok(Made { inflated: file.finish()? })
}

fn zipped(path: &Path, records: &mut Records) -> io::Result<Made> {
    let huge = gigabytes("MEMORY_JSONL_GB", 1.0);
    fs::create_dir(path)?;
    let file = BufWriter::with_capacity(1 << 20, File::create(path.join("dump.zip"))?);
    let mut file = zip::ZipWriter::new(file);
    let options = SimpleFileOptions::default().compression_level(Some(1)).large_file(true);
    let sizes = std::iter::repeat_n(1_000_000, 2_000).chain([huge]);
    let mut inflated = 0;
    for (member, size) in sizes.enumerate() {
        file.start_file(format!("{member}.jsonl"), options)?;
        let mut member = Counted { inner: &mut file, count: 0 };
        while member.count < size {
            member.write_all(records.next())?;
            member.write_all(b"\n")?;
        }
        inflated += member.count;
    }
    file.finish()?.flush()?;
    Ok(Made { inflated })
}

/// Many ids, so that they do not stay in memory.
fn ids(path: &Path, _: &mut Records) -> io::Result<Made> {
    small_events(path, number("MEMORY_IDS", 10_000_000), Small::Reads)
}

/// A window of an hour ends in every second.
fn busy(path: &Path, _: &mut Records) -> io::Result<Made> {
    small_events(path, number("MEMORY_BUSY", 5_000_000), Small::Deletes)
}

/// Names without end.
fn names(path: &Path, _: &mut Records) -> io::Result<Made> {
    small_events(path, number("MEMORY_NAMES", 100_000), Small::Names)
}

fn small_events(path: &Path, count: u64, kind: Small) -> io::Result<Made> {
    const OBJECT: u64 = 100_000;
    let (mut events, mut inflated) = (SmallEvents::new(kind), 0);
    fs::create_dir(path)?;
    for first in (0..count).step_by(OBJECT as usize) {
        let mut file = gz(&path.join(format!("{first:010}.jsonl.gz")), 1)?;
        for number in first..count.min(first + OBJECT) {
            file.write_all(events.write(number, count))?;
            file.write_all(b"\n")?;
        }
        inflated += file.finish()?;
    }
    Ok(Made { inflated })
}

fn empty_files(path: &Path, _: &mut Records) -> io::Result<Made> {
    fs::create_dir(path)?;
    for file in 0..number("MEMORY_FILES", 1_000_000) {
        File::create(path.join(format!("{file:07}.json.gz")))?;
    }
    Ok(Made::default())
}

/// Every element is rejected, and 10,000 of each object are listed.
fn bad_records(path: &Path, _: &mut Records) -> io::Result<Made> {
    let mut inflated = 0;
    fs::create_dir(path)?;
    for object in 0..number("MEMORY_BAD_OBJECTS", 1_000) {
        let mut file = gz(&path.join(format!("{object:07}.json.gz")), 1)?;
        file.write_all(b"{\"Records\":[{}")?;
        for number in 0..20_000 {
            write!(file, ",{{\"eventTime\":\"not a time, but number {number}\"}}")?;
        }
        file.write_all(b"]}")?;
        inflated += file.finish()?;
    }
    Ok(Made { inflated })
}

/// How a value begins, and what it then repeats.
const ENDLESS: [(&str, &[u8], &[u8]); 7] = [
    ("spaces", b"", b" "),
    ("brackets", b"", b"["),
    ("numbers", b"[0", b",0"),
    ("objects", b"{\"Records\":[{}", b",{}"),
    ("text", b"{\"Records\":[{\"eventName\":\"", b"x"),
    ("nested", b"{\"Records\":[", b"{\"a\":"),
    ("keys", b"{\"Records\":[{\"a\":0", b",\"a\":0"),
];

/// Each repeats itself a thousand times as long as it is stored.
fn bombs(path: &Path, _: &mut Records) -> io::Result<Made> {
    let limit = gigabytes("MEMORY_BOMB_GB", 4.0);
    fs::create_dir(path)?;
    let mut inflated = 0;
    for (name, start, again) in ENDLESS {
        let mut file = gz(&path.join(format!("{name}.json.gz")), 9)?;
        endless(&mut file, start, again, limit)?;
        let stored = file.stored();
        // More is not taken of it.
        inflated += file.finish()?.min(stored * 200);
    }
    Ok(Made { inflated })
}

/// Small enough to be parsed at once, and as many values as there can be.
fn dense(path: &Path, _: &mut Records) -> io::Result<Made> {
    fs::create_dir(path)?;
    let mut inflated = 0;
    for (name, start, again) in ENDLESS {
        let end: &[u8] = match name {
            "numbers" => b"]",
            "objects" => b"]}",
            "keys" => b"}]}",
            _ => continue,
        };
        for copy in 0..4 {
            let mut file = gz(&path.join(format!("{name}-{copy}.json.gz")), 1)?;
            endless(&mut file, start, again, (16 << 20) - 8)?;
            file.write_all(end)?;
            inflated += file.finish()?;
        }
    }
    Ok(Made { inflated })
}

fn endless(file: &mut Gz, start: &[u8], again: &[u8], limit: u64) -> io::Result<()> {
    file.write_all(start)?;
    let block = again.repeat((1 << 20) / again.len());
    while file.count + block.len() as u64 <= limit {
        file.write_all(&block)?;
    }
    while file.count + again.len() as u64 <= limit {
        file.write_all(again)?;
    }
    Ok(())
}
