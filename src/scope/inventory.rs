//! S3 inventories: the sizes of objects, and which versions there were. CSV, compressed or not, and
//! Parquet. Source: S3 user guide, "Amazon S3 Inventory".

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::sorted::Sorted;
use crate::codec::{UnpackLimits, Unpacker};
use crate::error::{Error, Result};
use crate::events::parse_event_time;
use crate::parquet_file::ParquetFile;

/// Rows read at a time.
const BATCH: usize = 8_192;

/// What an inventory says of an object. Sorts by object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listed {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The version, where the inventory has versions.
    pub version: Option<String>,
    /// Whether it is the current one; all are in an inventory without versions.
    pub is_latest: bool,
    /// Its bytes; none for delete markers.
    pub size: Option<u64>,
    /// When it was written, µs.
    pub modified: Option<i64>,
}

/// Where the columns of a CSV are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Places {
    version: Option<usize>,
    latest: Option<usize>,
    size: Option<usize>,
    modified: Option<usize>,
}

/// Reads what the inventory at `path` says of objects in these buckets.
///
/// # Errors
/// [`Error::Table`] for what is no inventory, and those of the file system.
pub fn read_inventory(
    path: &Path,
    buckets: &BTreeSet<String>,
    into: &mut Sorted<Listed>,
) -> Result<()> {
    let mut magic = [0; 4];
    let mut file = File::open(path).map_err(Error::io(path))?;
    let bytes = file.metadata().map_err(Error::io(path))?.len();
    let is_parquet = bytes >= 4 && {
        file.read_exact(&mut magic).map_err(Error::io(path))?;
        magic == *b"PAR1"
    };
    let mut push = |listed: Listed| {
        if !buckets.contains(&listed.bucket) {
            return Ok(());
        }
        let bytes = size_of::<Listed>() + listed.bucket.len() + listed.key.len();
        into.push(listed, bytes)
    };
    if is_parquet {
        return parquet(path, &mut push);
    }
    let file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    // A user's own file: as large as it is.
    let limits = UnpackLimits { bytes: u64::MAX, ratio: u64::MAX };
    csv(path, Unpacker::new(file, limits), &mut push)
}

fn csv(path: &Path, text: impl Read, push: &mut impl FnMut(Listed) -> Result<()>) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let mut places = None;
    for (number, record) in reader.byte_records().enumerate() {
        let record = record.map_err(|error| Error::table(path, format!("no CSV: {error}")))?;
        let cells: Vec<String> =
            record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
        let head = number == 0 && cells.first().is_some_and(|cell| is_named(cell, "bucket"));
        if places.is_none() {
            places = Some(if head { named(&cells) } else { guessed(path, &cells)? });
        }
        if head {
            continue;
        }
        let text = |at: Option<usize>| cells.get(at?).map(String::as_str).filter(|t| !t.is_empty());
        let (Some(bucket), Some(key), Some(places)) = (text(Some(0)), text(Some(1)), places) else {
            return Err(Error::table(path, format!("line {}: no bucket and key", number + 1)));
        };
        push(Listed {
            bucket: bucket.to_owned(),
            key: percent_decode_str(key).decode_utf8_lossy().into_owned(),
            version: text(places.version).map(str::to_owned),
            is_latest: text(places.latest).is_none_or(|text| text.eq_ignore_ascii_case("true")),
            size: text(places.size).and_then(|text| text.parse().ok()),
            modified: text(places.modified).and_then(parse_event_time),
        })?;
    }
    Ok(())
}

/// `IsLatest` and `is_latest` are one name.
fn is_named(cell: &str, name: &str) -> bool {
    cell.trim().replace(['_', ' '], "").eq_ignore_ascii_case(name)
}

fn named(head: &[String]) -> Places {
    let at = |name| head.iter().position(|cell| is_named(cell, name));
    Places {
        version: at("versionid"),
        latest: at("islatest"),
        size: at("size"),
        modified: at("lastmodifieddate"),
    }
}

/// Inventories have no head; the optional columns come in a fixed order, versions and their flags
/// first, then the size and the time.
fn guessed(path: &Path, first: &[String]) -> Result<Places> {
    let is_flag = |at: usize| {
        first.get(at).is_some_and(|cell| matches!(cell.to_lowercase().as_str(), "true" | "false"))
    };
    let is_number = |at: usize| first.get(at).is_some_and(|cell| cell.parse::<u64>().is_ok());
    if is_flag(3) && is_flag(4) {
        let (version, latest) = (Some(2), Some(3));
        return Ok(Places { version, latest, size: Some(5), modified: Some(6) });
    }
    if is_number(2) {
        return Ok(Places { size: Some(2), modified: Some(3), ..Places::default() });
    }
    let reason = "no S3 inventory with sizes: its columns should be Bucket, Key, Size, or Bucket, Key, \
                  VersionId, IsLatest, IsDeleteMarker, Size; or give the file a head of these names";
    Err(Error::table(path, reason))
}

fn parquet(path: &Path, push: &mut impl FnMut(Listed) -> Result<()>) -> Result<()> {
    let file = ParquetFile::open(path, |path, reason| Error::table(path, reason))?;
    for batch in file.batches(BATCH)? {
        let batch = batch?;
        let column = |name: &str, to: &DataType| {
            let schema = batch.schema();
            let at = schema.fields().iter().position(|field| is_named(field.name(), name))?;
            arrow::compute::cast(batch.column(at), to).ok()
        };
        let texts = |name| column(name, &DataType::Utf8);
        let missing = |name| Error::table(path, format!("no S3 inventory: no column `{name}`"));
        let buckets = texts("bucket").ok_or_else(|| missing("bucket"))?;
        let keys = texts("key").ok_or_else(|| missing("key"))?;
        let sizes = column("size", &DataType::Int64).ok_or_else(|| missing("size"))?;
        let (versions, latest) = (texts("versionid"), column("islatest", &DataType::Boolean));
        let modified =
            column("lastmodifieddate", &DataType::Timestamp(TimeUnit::Microsecond, None));
        for row in 0..batch.num_rows() {
            let text = |column: &dyn Array| {
                let texts = column.as_string_opt::<i32>()?;
                texts.is_valid(row).then(|| texts.value(row).to_owned())
            };
            let (Some(bucket), Some(key)) = (text(&buckets), text(&keys)) else { continue };
            let sizes = sizes.as_primitive_opt::<Int64Type>();
            let size = sizes.filter(|sizes| sizes.is_valid(row)).map(|sizes| sizes.value(row));
            let flags = latest.as_ref().and_then(|flags| flags.as_boolean_opt());
            let times = modified.as_ref();
            let times =
                times.and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>());
            push(Listed {
                bucket,
                key,
                version: versions
                    .as_ref()
                    .and_then(|column| text(column))
                    .filter(|v| !v.is_empty()),
                is_latest: flags.is_none_or(|flags| flags.is_null(row) || flags.value(row)),
                size: size.and_then(|size| u64::try_from(size).ok()),
                modified: times.filter(|times| times.is_valid(row)).map(|times| times.value(row)),
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Result<Vec<Listed>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inventory.csv");
        std::fs::write(&path, text).unwrap();
        let mut sorted = Sorted::new(folder.path(), 1 << 20);
        read_inventory(&path, &["b".to_owned()].into(), &mut sorted)?;
        sorted.finish().read()?.collect()
    }

    #[test]
    fn an_inventory_is_read_with_and_without_versions_and_heads() {
        let plain =
            listed("\"b\",\"a%20k\",\"7\",\"2026-03-01T00:00:00.000Z\"\n\"x\",\"k\",\"1\"\n");
        let plain = plain.unwrap();
        assert_eq!(plain.len(), 1);
        assert_eq!((plain[0].key.as_str(), plain[0].size), ("a k", Some(7)));
        assert_eq!(plain[0].modified, parse_event_time("2026-03-01T00:00:00Z"));

        let versions = listed("b,k,v2,true,false,7\nb,k,v1,false,false,5\n").unwrap();
        assert_eq!(versions[0].version.as_deref(), Some("v1"));
        assert_eq!((versions[0].is_latest, versions[0].size), (false, Some(5)));

        let head = listed("Bucket,Key,Size\nb,k,9\n").unwrap();
        assert_eq!(head[0].size, Some(9));
        assert!(listed("b,k,etag\n").unwrap_err().to_string().contains("Bucket, Key, Size"));
    }
}
