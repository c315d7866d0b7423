//! Event files → events out of their columns, which costs a fraction of reading the records. Records
//! are read of those events alone of which somebody wants more than the columns, or of which these
//! do not tell all.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Int32Type, Int64Type, Schema, SchemaRef, UInt32Type};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};

use super::read::{
    StoredRecord, UNFIT, Unreadable, batch_rows, next, options, projection, records, sound,
};
use super::rows::{OBJECT_URI, RECORD, RECORD_DIGEST, RECORD_NUMBER, core};
use super::write::normaliser;
use crate::events::{ColumnKind, Core, CoreSet, StoredColumns, StoredEvent};

/// Rows that are looked at once for whether their records are needed.
const BATCH: usize = 4_096;

/// The columns that are read of every row, beside core columns.
const PLACES: [&str; 3] = [RECORD_DIGEST, OBJECT_URI, RECORD_NUMBER];

/// Takes what an event file holds.
pub trait TakeEvents {
    /// The core columns that are enough of events of this name; `None` if their records are needed.
    fn columns_of(&self, name: Option<&str>) -> Option<CoreSet>;
    /// An event whose columns are enough, with these and maybe more: the object that its record came from, and its position
    /// there. Says whether to go on.
    fn event(&mut self, object_uri: &str, record_number: u64, event: StoredEvent<'_>) -> bool;
    /// Any other one. Says whether to go on.
    fn record(&mut self, record: StoredRecord<'_>) -> bool;
}

/// Hands the events of an event file to `take`, in their order, until it says no. Of files whose
/// columns another version has made all records are read.
///
/// # Errors
/// Why the file cannot be read on; what was read before was taken.
pub fn events(file: &Bytes, take: &mut dyn TakeEvents) -> Result<(), Unreadable> {
    let metadata = sound(UNFIT, || ArrowReaderMetadata::load(file, options()))?;
    if !is_of_this_version(&metadata) {
        return records(file.clone(), &mut |record| take.record(record));
    }
    let with_dictionaries = options().with_schema(with_dictionaries(metadata.schema()));
    let metadata = metadata.metadata().clone();
    let metadata = sound(UNFIT, || ArrowReaderMetadata::try_new(metadata, with_dictionaries))?;
    let file = Columns::of(file, &metadata).ok_or(Unreadable::Foreign)?;
    for group in 0..metadata.metadata().num_row_groups() {
        if !file.group(group, take)? {
            break;
        }
    }
    Ok(())
}

/// Whether the columns mean what they mean to this version.
fn is_of_this_version(metadata: &ArrowReaderMetadata) -> bool {
    let known = metadata.metadata().file_metadata().key_value_metadata();
    known.is_some_and(|known| known.contains(&normaliser()))
}

/// The schema with dictionaries where core columns have them, so that each value is looked at once.
fn with_dictionaries(schema: &Schema) -> SchemaRef {
    let has_dictionary = |name: &str| {
        Core::find(name)
            .is_some_and(|core| core.name() == name && core.kind() == ColumnKind::Dictionary)
    };
    let fields = schema.fields().iter().map(|field| {
        if has_dictionary(field.name()) && *field.data_type() == DataType::Utf8 {
            Arc::new(field.as_ref().clone().with_data_type(Core::EventName.data_type()))
        } else {
            field.clone()
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A file with columns of this version.
struct Columns<'f> {
    file: &'f Bytes,
    metadata: &'f ArrowReaderMetadata,
    /// The columns that tell what is needed of which event; the record.
    telling: ProjectionMask,
    records: ProjectionMask,
}

/// What is needed of the events of a row group.
struct Needed {
    /// Of each row: whether its record is.
    records: BooleanArray,
    /// The core columns of the others.
    columns: CoreSet,
}

/// Opens a row group.
type Builder = ParquetRecordBatchReaderBuilder<Bytes>;

impl<'f> Columns<'f> {
    fn of(file: &'f Bytes, metadata: &'f ArrowReaderMetadata) -> Option<Self> {
        let schema = metadata.parquet_schema();
        let telling = projection(schema, [Core::EventName.name(), RECORD_DIGEST])?;
        let records = projection(schema, [RECORD])?;
        // Rows without some of them are no events of ours, whoever reads what.
        projection(schema, core().map(Core::name).chain(PLACES).collect::<Vec<_>>())?;
        Some(Self { file, metadata, telling, records })
    }

    fn reader(&self, group: usize, mask: ProjectionMask, rows: usize) -> Builder {
        let builder = Builder::new_with_metadata(self.file.clone(), self.metadata.clone());
        builder.with_row_groups(vec![group]).with_projection(mask).with_batch_size(rows)
    }

    /// Hands over the events of a row group; says whether to go on.
    fn group(&self, group: usize, take: &mut dyn TakeEvents) -> Result<bool, Unreadable> {
        let Needed { records: needed, columns } = self.needed(group, take)?;
        let (mut texts, rows) = (Texts::default(), batch_rows(self.metadata.metadata()));
        if needed.true_count() > 0 {
            let selection = RowSelection::from_filters(std::slice::from_ref(&needed));
            let builder = self.reader(group, self.records.clone(), rows);
            texts.reader = Some(sound(UNFIT, || builder.with_row_selection(selection).build())?);
        }
        let read = core().filter(|core| columns.contains(*core)).map(Core::name);
        let read: Vec<&str> = read.chain(PLACES).collect();
        let mask = projection(self.metadata.parquet_schema(), read);
        let mask = mask.ok_or(Unreadable::Foreign)?;
        let mut reader = sound(UNFIT, || self.reader(group, mask, rows).build())?;
        let mut before = 0;
        while let Some(rows) = next(&mut reader)? {
            let needed = needed.slice(before, rows.num_rows().min(needed.len() - before));
            before += needed.len();
            if !of_batch((&rows, columns), &needed, &mut texts, take)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is needed of a row group.
    fn needed(&self, group: usize, take: &dyn TakeEvents) -> Result<Needed, Unreadable> {
        let mut reader = sound(UNFIT, || self.reader(group, self.telling.clone(), BATCH).build())?;
        let (mut records, mut columns) = (Vec::new(), CoreSet::from_iter([Core::EventTime]));
        while let Some(rows) = next(&mut reader)? {
            let names = rows.column_by_name(Core::EventName.name()).ok_or(Unreadable::Foreign)?;
            let names = names.as_dictionary_opt::<Int32Type>().ok_or(Unreadable::Foreign)?;
            let values = names.values().as_string_opt::<i32>().ok_or(Unreadable::Foreign)?;
            let enough = |name| take.columns_of(name);
            let (without, by_name) = (enough(None), values.iter().map(enough).collect::<Vec<_>>());
            for (name, digest) in names.keys().iter().zip(digests(&rows)?) {
                let name = name.and_then(|name| usize::try_from(name).ok());
                let enough = name.map_or(Some(&without), |name| by_name.get(name));
                let enough = enough.copied().flatten().filter(|_| digest.is_some());
                records.push(enough.is_none());
                columns = columns.union(enough.unwrap_or_default());
            }
        }
        Ok(Needed { records: records.into(), columns })
    }
}

/// The records that are needed, in their order.
#[derive(Default)]
struct Texts {
    reader: Option<ParquetRecordBatchReader>,
    some: Option<StringArray>,
    /// The position of the next one among them.
    at: usize,
}

impl Texts {
    /// Shows the next one to `take`.
    fn next<T>(&mut self, take: impl FnOnce(&str) -> T) -> Result<T, Unreadable> {
        loop {
            if let Some(some) = self.some.as_ref().filter(|some| self.at < some.len()) {
                let text = if some.is_valid(self.at) { some.value(self.at) } else { "" };
                self.at += 1;
                return Ok(take(text));
            }
            let rows = self.reader.as_mut().map(next).transpose()?.flatten();
            let few = || Unreadable::Damaged("it has fewer records than rows".to_owned());
            (self.some, self.at) = (Some(texts(&rows.ok_or_else(few)?, RECORD)?.clone()), 0);
        }
    }
}

/// Hands over the events of a batch; says whether to go on.
fn of_batch(
    (rows, read): (&RecordBatch, CoreSet),
    needed: &BooleanArray,
    records: &mut Texts,
    take: &mut dyn TakeEvents,
) -> Result<bool, Unreadable> {
    let columns = StoredColumns::of(rows, read).ok_or(Unreadable::Foreign)?;
    let (uris, digests) = (texts(rows, OBJECT_URI)?, digests(rows)?);
    let numbers = rows.column_by_name(RECORD_NUMBER).ok_or(Unreadable::Foreign)?;
    let numbers = numbers.as_primitive_opt::<Int64Type>().ok_or(Unreadable::Foreign)?.values();
    let places = uris.iter().zip(numbers.iter()).zip(digests);
    for (row, (((uri, number), digest), needed)) in places.zip(needed).enumerate() {
        let object_uri = uri.unwrap_or_default();
        let record_number = u64::try_from(*number).unwrap_or(0);
        let go_on = match digest.filter(|_| needed == Some(false)) {
            Some(digest) => take.event(object_uri, record_number, columns.event(row, digest)),
            None => records
                .next(|text| take.record(StoredRecord { object_uri, record_number, text }))?,
        };
        if !go_on {
            return Ok(false);
        }
    }
    Ok(true)
}

fn texts<'b>(rows: &'b RecordBatch, name: &str) -> Result<&'b StringArray, Unreadable> {
    let column = rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    column.ok_or(Unreadable::Foreign)
}

fn digests(rows: &RecordBatch) -> Result<&UInt32Array, Unreadable> {
    let column = rows.column_by_name(RECORD_DIGEST);
    column.and_then(|column| column.as_primitive_opt::<UInt32Type>()).ok_or(Unreadable::Foreign)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::decode::{Decoder, Limits, Record, RecordFault, RecordSink};
    use crate::event_files::{Sorted, Sorter, write};
    use crate::events::{BatchBuilder, Fields, Wanted};

    /// Fills a batch, and counts what came as columns.
    struct Taking {
        builder: BatchBuilder,
        decoder: Option<Decoder>,
        of_columns: usize,
    }

    impl Taking {
        fn new(texts: bool) -> Self {
            let mut fields = Fields::default();
            for name in ["actor", "source_network", "requestParameters.acl", "acl_grants"] {
                fields.resolve(name).unwrap();
            }
            let acl: BTreeSet<String> = ["putbucketacl".to_owned()].into();
            fields.restrict([Some(acl.clone()), Some(acl)]);
            let builder = BatchBuilder::new(&fields).keeping_texts(texts);
            Self { builder, decoder: Some(Decoder::new(Limits::default())), of_columns: 0 }
        }

        fn batch(&mut self) -> crate::events::EventBatch {
            self.builder.finish().unwrap()
        }
    }

    impl RecordSink for Taking {
        fn wants_texts(&self) -> bool {
            true
        }

        fn record(&mut self, number: u64, record: Record<'_, '_, '_>) -> Result<(), RecordFault> {
            self.builder.append(number, record, |_| Wanted::Event).map(drop)
        }
    }

    impl TakeEvents for Taking {
        fn columns_of(&self, name: Option<&str>) -> Option<CoreSet> {
            self.builder.columns_of(name)
        }

        fn event(&mut self, _: &str, number: u64, event: StoredEvent<'_>) -> bool {
            self.of_columns += 1;
            self.builder.append_stored(number, event, |_| Wanted::Event)
        }

        fn record(&mut self, record: StoredRecord<'_>) -> bool {
            let mut decoder = self.decoder.take().unwrap();
            decoder.record(record.record_number, record.text.as_bytes(), self).unwrap();
            self.decoder = Some(decoder);
            true
        }
    }

    fn file(texts: &[String]) -> Bytes {
        let mut taking = Taking::new(true);
        taking.builder.start_object("logs/a.json".into());
        for (number, text) in (0..).zip(texts) {
            let record = StoredRecord { object_uri: "", record_number: number, text };
            TakeEvents::record(&mut taking, record);
        }
        let folder = tempfile::tempdir().unwrap();
        let mut rows = Sorter::new(1 << 20, folder.path());
        rows.push(&taking.batch(), &|_| true).unwrap();
        let (mut sorted, path) = (Sorted::default(), folder.path().join("events.parquet"));
        sorted.add(rows.finish());
        let partition = sorted.partitions().into_iter().next().unwrap();
        write(&sorted, &partition, &path).unwrap();
        std::fs::read(path).unwrap().into()
    }

    fn read(read: impl FnOnce(&mut Taking) -> Result<(), Unreadable>) -> (RecordBatch, usize) {
        let mut taking = Taking::new(false);
        taking.builder.start_object("logs/a.json".into());
        read(&mut taking).unwrap();
        (taking.batch().record_batch().clone(), taking.of_columns)
    }

    /// The file as another version would have written it.
    fn of_another_version(file: &Bytes) -> Bytes {
        let (key, mut bytes) = (normaliser().key, file.to_vec());
        let found = bytes.windows(key.len()).rposition(|part| part == key.as_bytes()).unwrap();
        let version = bytes[found + key.len()..].iter_mut().find(|byte| byte.is_ascii_digit());
        *version.unwrap() = b'0';
        bytes.into()
    }

    fn name() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![r#""GetObject""#, r#""PutBucketAcl""#, "null", "5", r#""é""#])
    }

    fn source() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![r#""192.0.2.7""#, r#""backup.amazonaws.com""#, "{}", "7"])
    }

    fn who() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            r#"{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/a","accountId":"111122223333"}"#,
            r#"{"type":"AWSService","invokedBy":"athena.amazonaws.com"}"#,
            r#"{"type":"AWSService","invokedBy":9}"#,
            r#""nobody""#,
        ])
    }

    proptest! {
        #[test]
        fn columns_tell_what_the_records_do(
            events in proptest::collection::vec((name(), source(), who(), any::<bool>()), 1..12),
        ) {
            let text = |(second, (name, source, who, more)): (usize, &(_, _, _, bool))| {
                let bytes = if *more { r#","additionalEventData":{"bytesTransferredOut":5}"# } else { "" };
                format!(
                    r#"{{"eventTime":"2026-03-01T00:00:{second:02}Z","eventName":{name},
                    "eventSource":"s3.amazonaws.com","sourceIPAddress":{source},"eventID":"{second}",
                    "recipientAccountId":"111122223333","userIdentity":{who},"readOnly":{more},
                    "requestParameters":{{"bucketName":"b","key":"k{second}","acl":"private"}}{bytes}}}"#
                )
            };
            let texts: Vec<String> = events.iter().enumerate().map(text).collect();
            let file = file(&texts);
            let (of_columns, taken) = read(|taking| super::events(&file, taking));
            let (of_records, none) =
                read(|taking| records(file.clone(), &mut |record| TakeEvents::record(taking, record)));
            prop_assert_eq!(&of_columns, &of_records);
            let plain = |(name, source, who, _): &&(&str, &str, &str, bool)| {
                [r#""GetObject""#, "null"].contains(name) && source.starts_with('"')
                    && !who.contains('9') && who.starts_with('{')
            };
            prop_assert_eq!((taken, none), (events.iter().filter(plain).count(), 0));
            let (of_another_version, none) =
                read(|taking| super::events(&of_another_version(&file), taking));
            prop_assert_eq!((of_another_version, none), (of_records, 0));
        }
    }
}
