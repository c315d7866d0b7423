//! Findings as Arrow columns and Parquet. Lists are Arrow lists and times UTC timestamps, so that
//! DuckDB needs no casts.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::finding::Finding;
use crate::detect::judge::FeatureOdds;
use crate::error::Result;
use crate::store;

/// Writes a batch as Parquet: complete or not at all.
///
/// # Errors
/// Those of the file system and of Parquet.
pub fn write_parquet(path: &Path, batch: &RecordBatch) -> Result<()> {
    write_batches(path, &batch.schema(), std::iter::once(Ok(batch.clone())))
}

/// Rows that are made a batch at a time.
const ROWS: usize = 8_192;

/// Writes rows as Parquet, a batch at a time: complete or not at all.
///
/// # Errors
/// Those of the batches, of the file system and of Parquet.
pub fn write_rows<T>(
    path: &Path,
    rows: &[T],
    to_batch: impl Fn(&[T]) -> Result<RecordBatch>,
) -> Result<()> {
    let schema = to_batch(&[])?.schema();
    write_batches(path, &schema, rows.chunks(ROWS).map(to_batch))
}

/// Writes batches of one schema as Parquet: complete or not at all.
///
/// # Errors
/// Those of the batches, of the file system and of Parquet.
pub(super) fn write_batches(
    path: &Path,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<()> {
    store::replace(path, |file| {
        let mut writer = ParquetWriter::new(file, schema.clone())?;
        for batch in batches {
            writer.write(&batch?)?;
        }
        writer.close()
    })
}

/// Bytes of an open row group that are held in memory.
const GROUP_BYTES: usize = 16 << 20;

/// Writes batches as one of the outputs.
pub struct ParquetWriter<W: Write + Send>(ArrowWriter<W>);

impl<W: Write + Send> ParquetWriter<W> {
    /// Starts the file.
    ///
    /// # Errors
    /// Those of Parquet.
    pub fn new(file: W, schema: SchemaRef) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_created_by(concat!("trailsift ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        Ok(Self(ArrowWriter::try_new(file, schema, Some(properties))?))
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// Those of Parquet and of the file.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.0.write(batch)?;
        if self.0.memory_size() >= GROUP_BYTES {
            self.0.flush()?;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Those of Parquet and of the file.
    pub fn close(self) -> Result<()> {
        self.0.close()?;
        Ok(())
    }
}

/// The full finding schema, column by column as `docs/findings.md` documents it.
///
/// # Errors
/// Arrow's, if the columns do not fit together; that would be a bug.
pub fn findings_batch(findings: &[Finding]) -> Result<RecordBatch> {
    let mut columns = identity(findings)?;
    columns.extend(actor(findings)?);
    columns.extend(target(findings)?);
    columns.extend(activity(findings)?);
    columns.extend(judgement(findings)?);
    let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
    Ok(RecordBatch::try_from_iter_with_nullable(nullable)?)
}

type Columns = Vec<(&'static str, ArrayRef)>;

fn identity(findings: &[Finding]) -> Result<Columns> {
    Ok(vec![
        ("finding_id", text(findings, |f| Some(&f.finding_id))),
        ("revision", Arc::new(Int64Array::from_iter_values(findings.iter().map(|_| 1)))),
        ("status", text(findings, |_| Some("active"))),
        ("day", Arc::new(Date32Array::from_iter_values(findings.iter().map(day)))),
        ("continues", text(findings, |f| f.continues.as_deref())),
        ("related", list(findings, |f| &f.related)?),
        ("detector_id", text(findings, |f| Some(&f.detector_id))),
        ("detector_version", count(findings, |f| f.detector_version)),
        ("finding_type", text(findings, |f| Some(&f.finding_type))),
        ("title", text(findings, |f| Some(&f.title))),
        ("description", text(findings, |f| Some(&f.description))),
        ("severity", float(findings, |f| f.severity)),
        ("severity_label", text(findings, |f| Some(f.label().as_str()))),
        ("confidence", float(findings, |f| f.confidence)),
    ])
}

/// Days beyond the range of Arrow's dates, some five million years away, are clamped.
fn day(finding: &Finding) -> i32 {
    i32::try_from(finding.day).unwrap_or(i32::MAX)
}

fn actor(findings: &[Finding]) -> Result<Columns> {
    Ok(vec![
        ("account", text(findings, |f| f.account.as_deref())),
        ("account_name", text(findings, |f| f.account_name.as_deref())),
        ("region", text(findings, |f| f.region.as_deref())),
        ("principal", text(findings, |f| f.principal.as_deref())),
        ("principal_type", text(findings, |f| f.principal_type.as_deref())),
        ("caller_account", text(findings, |f| f.caller_account.as_deref())),
        ("is_foreign", flag(findings, |f| f.is_foreign)),
        ("access_key_ids", list(findings, |f| &f.access_key_ids)?),
        ("session_names", list(findings, |f| &f.session_names)?),
    ])
}

fn target(findings: &[Finding]) -> Result<Columns> {
    Ok(vec![
        ("buckets", list(findings, |f| &f.buckets)?),
        ("bucket_owner_account", text(findings, |f| f.bucket_owner_account.as_deref())),
        ("object_keys", list(findings, |f| &f.object_keys)?),
        ("distinct_objects", count(findings, |f| f.distinct_objects)),
        ("distinct_is_exact", flag(findings, |f| Some(f.distinct_is_exact))),
    ])
}

fn activity(findings: &[Finding]) -> Result<Columns> {
    Ok(vec![
        ("event_names", list(findings, |f| &f.event_names)?),
        ("outcome", text(findings, |f| Some(f.outcome().as_str()))),
        ("ok_count", count(findings, |f| f.ok_count)),
        ("error_count", count(findings, |f| f.error_count)),
        ("error_codes", list(findings, |f| &f.error_codes)?),
        ("source_ips", list(findings, |f| &f.source_ips)?),
        ("asns", list(findings, |f| &f.asns)?),
        ("countries", list(findings, |f| &f.countries)?),
        ("vpc_endpoints", list(findings, |f| &f.vpc_endpoints)?),
        ("user_agents", list(findings, |f| &f.user_agents)?),
        ("event_count", count(findings, |f| f.ok_count.saturating_add(f.error_count))),
        ("bytes_in", count(findings, |f| f.bytes_in)),
        ("bytes_out", count(findings, |f| f.bytes_out)),
        ("first_seen", time(findings, |f| Some(f.first_seen))),
        ("last_seen", time(findings, |f| Some(f.last_seen))),
    ])
}

fn judgement(findings: &[Finding]) -> Result<Columns> {
    Ok(vec![
        ("observed", text(findings, |f| Some(&f.observed))),
        ("expected", text(findings, |f| Some(&f.expected))),
        ("features", features(findings)?),
        ("baseline_from", time(findings, |f| f.baseline.map(|(from, _)| from))),
        ("baseline_until", time(findings, |f| f.baseline.map(|(_, until)| until))),
        ("evidence", evidence(findings)?),
        ("mitre_tactics", list(findings, |f| &f.mitre_tactics)?),
        ("mitre_techniques", list(findings, |f| &f.mitre_techniques)?),
        ("practice", text(findings, |f| f.practice.as_deref())),
        ("remediation", text(findings, |f| f.remediation.as_deref())),
        ("suppressed", flag(findings, |f| Some(f.is_suppressed()))),
        ("suppression_reason", text(findings, |f| f.suppression_reason.as_deref())),
    ])
}

fn text<'f>(findings: &'f [Finding], of: impl Fn(&'f Finding) -> Option<&'f str>) -> ArrayRef {
    Arc::new(findings.iter().map(of).collect::<StringArray>())
}

fn count(findings: &[Finding], of: impl Fn(&Finding) -> u64) -> ArrayRef {
    let number = |finding| i64::try_from(of(finding)).unwrap_or(i64::MAX);
    Arc::new(Int64Array::from_iter_values(findings.iter().map(number)))
}

fn float(findings: &[Finding], of: impl Fn(&Finding) -> f64) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(findings.iter().map(of)))
}

fn flag(findings: &[Finding], of: impl Fn(&Finding) -> Option<bool>) -> ArrayRef {
    Arc::new(findings.iter().map(of).collect::<BooleanArray>())
}

fn time(findings: &[Finding], of: impl Fn(&Finding) -> Option<i64>) -> ArrayRef {
    let times: TimestampMicrosecondArray = findings.iter().map(of).collect();
    Arc::new(times.with_timezone("UTC"))
}

fn list<'f, T: AsRef<str> + 'f>(
    findings: &'f [Finding],
    of: impl Fn(&'f Finding) -> &'f [T],
) -> Result<ArrayRef> {
    let values = findings.iter().flat_map(|finding| of(finding).iter().map(AsRef::as_ref));
    let items: ArrayRef = Arc::new(values.map(Some).collect::<StringArray>());
    nested(findings.iter().map(|finding| of(finding).len()), items)
}

fn nested(lengths: impl Iterator<Item = usize>, items: ArrayRef) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), items, None)?))
}

fn evidence(findings: &[Finding]) -> Result<ArrayRef> {
    let all = || findings.iter().flat_map(|finding| &finding.evidence);
    let times = TimestampMicrosecondArray::from_iter_values(all().map(|event| event.event_time));
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let columns: Columns = vec![
        ("event_id", Arc::new(all().map(|e| Some(&e.event_id)).collect::<StringArray>())),
        ("event_time", Arc::new(times.with_timezone("UTC"))),
        ("object_uri", Arc::new(all().map(|e| Some(&e.object_uri)).collect::<StringArray>())),
        (
            "record_number",
            Arc::new(Int64Array::from_iter_values(all().map(|e| number(e.record_number)))),
        ),
    ];
    nested(findings.iter().map(|f| f.evidence.len()), structs(columns))
}

fn features(findings: &[Finding]) -> Result<ArrayRef> {
    let all = || findings.iter().flat_map(|finding| &finding.features);
    let number = |of: fn(&FeatureOdds) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(all().map(of)))
    };
    let new_to = all().flat_map(|odds| &odds.new_to).map(|whose| Some(*whose));
    let new_to: ArrayRef = Arc::new(new_to.collect::<StringArray>());
    let columns: Columns = vec![
        ("feature", Arc::new(all().map(|odds| Some(&odds.feature)).collect::<StringArray>())),
        ("value", Arc::new(all().map(|odds| odds.value.as_deref()).collect::<StringArray>())),
        ("probability", number(|odds| odds.probability)),
        ("bits", number(FeatureOdds::rounded_bits)),
        ("new_to", nested(all().map(|odds| odds.new_to.len()), new_to)?),
    ];
    nested(findings.iter().map(|f| f.features.len()), structs(columns))
}

fn structs(columns: Columns) -> ArrayRef {
    let field =
        |name, column: &ArrayRef| Arc::new(Field::new(name, column.data_type().clone(), true));
    let columns: Vec<_> = columns.into_iter().map(|(name, c)| (field(name, &c), c)).collect();
    Arc::new(StructArray::from(columns))
}
