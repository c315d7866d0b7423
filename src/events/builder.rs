//! Fills event batches straight from the parsed tape. One builder per worker; batches run across
//! objects, since most objects hold only some twenty events.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};
use simd_json::prelude::TypedScalarValue as _;
use simd_json::tape::Value;

use super::arrival::{Arrival, Source, Wanted};
use super::batch::EventBatch;
use super::bucket::{Place, is_s3, place};
use super::class::access_class;
use super::column::ListColumn;
use super::core_column::CoreColumn;
use super::core_reads::{CoreReads, CoreSet};
use super::derived::Derivations;
use super::field::{Fields, PathColumn};
use super::known::Known;
use super::network::networks;
use super::path::{PathSink, Trie};
use super::principal;
use super::records::RecordsBuilder;
use super::schema::{BATCH_EVENTS, CORE, Core, core_fields, dictionary_type};
use super::slots::{Slot, Slots};
use super::stored::StoredEvent;
use super::time::parse_event_time;
use super::value;
use crate::decode::{Record, RecordFault};
use crate::error::Result;
use crate::intel::{Intel, is_service};

/// A batch is handed on before its texts, repeated ones counted again, become more than this.
const BATCH_BYTES: usize = 16 << 20;

/// The longest text in a column; longer ones, which AWS does not write, are cut. Tables keep texts by
/// the hundred, so these must have a bound of their own.
const MAX_TEXT: usize = 64 << 10;

/// The object that the next records come from.
pub type ObjectRef = Arc<str>;

/// The path columns; takes values as the trie finds them.
#[derive(Debug)]
struct Paths {
    columns: Vec<ListColumn>,
    /// Bytes of all values taken, those of records left out too.
    bytes: usize,
}

impl PathSink for Paths {
    fn path_value(&mut self, path: usize, text: &str) {
        if let Some(column) = self.columns.get_mut(path) {
            let text = cut(text);
            self.bytes += text.len() + size_of::<i32>();
            column.value(text);
        }
    }
}

/// The text, or as much of it as a column takes.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default()
}

/// Fields of unexpected type, by name: their columns are null.
pub type OddFields = BTreeMap<&'static str, u64>;

/// Builds [`EventBatch`]es from records.
#[derive(Debug)]
pub struct BatchBuilder {
    schema: SchemaRef,
    trie: Trie,
    core_reads: Arc<CoreReads>,
    derivations: Derivations,
    known: Known,
    columns: Vec<CoreColumn>,
    paths: Paths,
    /// Bytes of all texts in the core columns, repeated ones counted again.
    text_bytes: usize,
    object_numbers: Vec<u32>,
    record_numbers: Vec<u64>,
    objects: Vec<ObjectRef>,
    copies: Vec<bool>,
    /// The records, if they are kept.
    records: Option<RecordsBuilder>,
    /// Whether the columns tell all that the event at hand is known by.
    is_told: bool,
    odd: OddFields,
    counts_odd: bool,
    scratch: String,
}

impl BatchBuilder {
    /// A builder that extracts the core columns and the wanted paths, and knows nothing beyond.
    #[must_use]
    pub fn new(fields: &Fields) -> Self {
        Self::with_intel(fields, Arc::default())
    }

    /// A builder that fills the columns of what is known of addresses too.
    #[must_use]
    pub fn with_intel(fields: &Fields, intel: Arc<Intel>) -> Self {
        let item = Arc::new(ArrowField::new_list_field(dictionary_type(), true));
        let path = |column: &PathColumn| {
            ArrowField::new(column.name(), DataType::List(item.clone()), false)
        };
        let mut arrow_fields = core_fields();
        arrow_fields.extend(fields.columns().iter().map(path));
        arrow_fields.push(ArrowField::new("object_number", DataType::UInt32, false));
        arrow_fields.push(ArrowField::new("record_number", DataType::UInt64, false));
        Self {
            schema: Arc::new(Schema::new(arrow_fields)),
            trie: Trie::new(fields.columns()),
            core_reads: fields.core_reads().clone(),
            derivations: Derivations::of(fields.columns()),
            known: Known::new(intel, fields.on_demand().clone()),
            columns: CORE.iter().map(|row| CoreColumn::new(row.2)).collect(),
            paths: Paths {
                columns: fields.columns().iter().map(|_| ListColumn::default()).collect(),
                bytes: 0,
            },
            text_bytes: 0,
            object_numbers: Vec::new(),
            record_numbers: Vec::new(),
            objects: Vec::new(),
            copies: Vec::new(),
            records: None,
            is_told: true,
            odd: OddFields::new(),
            counts_odd: true,
            scratch: String::new(),
        }
    }

    /// The builder, keeping the records' texts or not.
    #[must_use]
    pub fn keeping_texts(self, kept: bool) -> Self {
        Self { records: kept.then(|| RecordsBuilder::new(BATCH_BYTES + MAX_TEXT)), ..self }
    }

    /// The records that follow come from `object`.
    pub fn start_object(&mut self, object: ObjectRef) {
        let used = self.object_numbers.last().map(|number| u64::from(*number) + 1);
        // Objects without an event leave nothing behind.
        self.objects.truncate(used.and_then(|used| usize::try_from(used).ok()).unwrap_or(0));
        self.objects.push(object);
    }

    /// How many events wait in the builder.
    #[must_use]
    pub fn len(&self) -> usize {
        self.record_numbers.len()
    }

    /// Whether no event waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.record_numbers.is_empty()
    }

    /// Whether the batch should be handed on before the next event.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= BATCH_EVENTS || self.text_bytes + self.paths.bytes > BATCH_BYTES
    }

    /// The fields of unexpected type met so far.
    pub fn take_odd(&mut self) -> OddFields {
        std::mem::take(&mut self.odd)
    }

    /// Appends a record as event if `wanted` says so of it. Returns whether it did.
    ///
    /// # Errors
    /// [`RecordFault`] if the record is no object or has no readable `eventTime`; nothing of it is
    /// kept then.
    pub fn append<'a, 't, 'i>(
        &mut self,
        number: u64,
        record: impl Into<Record<'a, 't, 'i>>,
        wanted: impl FnOnce(&Arrival<'_, '_, '_>) -> Wanted,
    ) -> Result<bool, RecordFault>
    where
        'i: 't,
    {
        let record = record.into();
        if !record.value.is_object() {
            return Err(RecordFault::NotAnObject);
        }
        let mut slots = Slots::new();
        self.trie.walk(record.value, &mut slots, &mut self.paths);
        let time = match fit(&slots) {
            Ok(time) => time,
            Err(fault) => {
                self.abandon();
                return Err(fault);
            }
        };
        let wanted = wanted(&Arrival { time, of: Source::Record(&slots) });
        if wanted == Wanted::No {
            self.abandon();
            return Ok(false);
        }
        self.push_provenance(number, wanted);
        self.push_copied(time, &slots);
        self.push_normalised(&slots);
        if let Some(records) = &mut self.records {
            self.text_bytes += records.push(&record.text(), &slots, self.is_told);
        }
        self.derivations.report(&slots, &mut self.scratch, &mut self.paths);
        self.paths.columns.iter_mut().for_each(ListColumn::end);
        Ok(true)
    }

    /// The core columns that are enough of events of this name; `None` if their records are needed.
    #[must_use]
    pub fn columns_of(&self, name: Option<&str>) -> Option<CoreSet> {
        let is_enough = self.records.is_none() && self.trie.wants_nothing_of(name);
        is_enough.then(|| self.core_reads.of_name(name))
    }

    /// Appends an event from the columns of an event file if `wanted` says so of it, as
    /// [`append`](Self::append) would from its record. Of events of its name nothing may be wanted
    /// [beyond the columns](Self::columns_of) that were read. Returns whether it did.
    pub fn append_stored(
        &mut self,
        number: u64,
        event: StoredEvent<'_>,
        wanted: impl FnOnce(&Arrival<'_, '_, '_>) -> Wanted,
    ) -> bool {
        let time = event.time();
        let wanted = wanted(&Arrival { time, of: Source::Columns(event) });
        if wanted == Wanted::No {
            return false;
        }
        self.push_provenance(number, wanted);
        self.push_time(time);
        for core in Core::all().filter(|core| !core.is_on_demand()) {
            match self.columns.get_mut(core.index()) {
                Some(CoreColumn::Boolean(values)) => values.push(event.flag(core)),
                Some(CoreColumn::Integer(values)) => values.push(event.count(core)),
                Some(CoreColumn::Dictionary(column)) if core != Core::SourceNetwork => {
                    match event.dictionary_value(core) {
                        Some((key, text)) => {
                            self.text_bytes += text.len();
                            column.push_of(event.dictionaries(), key, text);
                        }
                        None => column.push(event.text(core)),
                    }
                }
                // The network is worked out of the address.
                Some(_) if core != Core::SourceNetwork => self.push_text(core, event.text(core)),
                _ => {}
            }
        }
        if self.known.wants(Core::Actor) {
            self.push_actor(
                event.text(Core::InvokedBy).filter(|text| !text.is_empty()),
                event.text(Core::SourceIp),
                event.text(Core::Principal),
            );
        }
        self.paths.columns.iter_mut().for_each(ListColumn::end);
        true
    }

    fn push_actor(&mut self, service: Option<&str>, source: Option<&str>, who: Option<&str>) {
        let source = source.filter(|source| !source.is_empty() && is_service(source));
        self.push_text(Core::Actor, service.or(source).or(who));
    }

    /// The events so far as a batch; the builder is empty afterwards and stays at its object.
    ///
    /// # Errors
    /// Arrow's, if the columns do not fit together; that would be a bug.
    pub fn finish(&mut self) -> Result<EventBatch> {
        let mut arrays = Vec::with_capacity(self.schema.fields().len());
        for column in &mut self.columns {
            arrays.push(column.finish()?);
        }
        // A function of the address alone: worked out per distinct address, not per event.
        if let Some(networks) = arrays.get(Core::SourceIp.index()).and_then(networks)
            && let Some(column) = arrays.get_mut(Core::SourceNetwork.index())
        {
            *column = networks;
        }
        self.known.fill(&mut arrays)?;
        for column in &mut self.paths.columns {
            arrays.push(column.finish()?);
        }
        (self.text_bytes, self.paths.bytes) = (0, 0);
        arrays.push(Arc::new(UInt32Array::from(std::mem::take(&mut self.object_numbers))));
        arrays.push(Arc::new(UInt64Array::from(std::mem::take(&mut self.record_numbers))));
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)?;
        let current = self.objects.last().cloned();
        let objects = std::mem::take(&mut self.objects);
        self.objects.extend(current);
        let records = self.records.as_mut().map(RecordsBuilder::finish);
        Ok(EventBatch::new(batch, objects, std::mem::take(&mut self.copies), records))
    }

    fn abandon(&mut self) {
        self.paths.columns.iter_mut().for_each(ListColumn::abandon);
    }

    fn push_provenance(&mut self, number: u64, wanted: Wanted) {
        if wanted == Wanted::Copy {
            self.copies.resize(self.len(), false);
            self.copies.push(true);
        }
        // Copies were counted where they were met first.
        (self.counts_odd, self.is_told) = (wanted == Wanted::Event, true);
        let object = self.objects.len().saturating_sub(1);
        self.object_numbers.push(u32::try_from(object).unwrap_or(u32::MAX));
        self.record_numbers.push(number);
    }

    /// The columns that copy a field of the record.
    fn push_copied(&mut self, time: i64, slots: &Slots<'_, '_>) {
        self.push_time(time);
        for (core, slot) in COPIED {
            let Some(found) = slots.value(*slot) else {
                self.push_text(*core, None);
                continue;
            };
            let text = value::text(found);
            self.is_told &= found.is_str() || found.is_null();
            self.note_odd(text.is_none() && !found.is_null(), core.name());
            self.push_text(*core, text.as_deref());
        }
        let account = slots.account();
        let odd = |found: Value<'_, '_>| !found.is_null() && account.is_none();
        self.note_odd(slots.value(Slot::RecipientAccount).is_some_and(odd), "recipient_account");
        self.push_text(Core::RecipientAccount, account.as_deref());
        for (core, slot) in [(Core::ReadOnly, Slot::ReadOnly), (Core::Mfa, Slot::Mfa)] {
            let found = slots.value(slot);
            let flag = found.and_then(value::boolean);
            self.note_odd(flag.is_none() && found.is_some_and(|f| !f.is_null()), core.name());
            if let Some(CoreColumn::Boolean(values)) = self.columns.get_mut(core.index()) {
                values.push(flag);
            }
        }
        for (core, slot) in [(Core::BytesIn, Slot::BytesIn), (Core::BytesOut, Slot::BytesOut)] {
            let found = slots.value(slot);
            let count = found.and_then(value::byte_count);
            self.note_odd(count.is_none() && found.is_some_and(|f| !f.is_null()), core.name());
            if let Some(CoreColumn::Integer(values)) = self.columns.get_mut(core.index()) {
                values.push(count);
            }
        }
    }

    /// The columns that are worked out from several fields.
    fn push_normalised(&mut self, slots: &Slots<'_, '_>) {
        for (slot, name) in STRUCTURES {
            let odd = |found: Value<'_, '_>| !found.is_object() && !found.is_null();
            self.note_odd(slots.value(*slot).is_some_and(odd), name);
        }
        let category = category(slots);
        self.push_text(Core::EventCategory, category);
        let who = principal::principal(slots);
        self.push_text(Core::Principal, who.name.as_deref());
        if self.known.wants(Core::Actor) {
            let service = slots.non_empty(Slot::IdentityInvokedBy);
            self.push_actor(service, slots.string(Slot::SourceIp), who.name.as_deref());
        }
        self.push_text(Core::CallerAccount, who.account);
        let own = slots.account();
        let cross = who.account.zip(own).is_some_and(|(caller, own)| *caller != *own);
        self.push_text(Core::CrossAccount, cross.then_some("true"));
        self.push_text(Core::SessionName, who.session);
        let source = slots.string(Slot::EventSource).unwrap_or_default();
        let place = if is_s3(source) { place(slots) } else { Place::default() };
        self.push_text(Core::Bucket, place.bucket);
        self.push_text(Core::ObjectKey, place.key);
        self.push_text(Core::BucketOwnerAccount, place.owner);
        let flag = |slot| slots.value(slot).and_then(value::boolean);
        let class = access_class(
            category,
            flag(Slot::ManagementEvent),
            flag(Slot::ReadOnly),
            slots.string(Slot::EventName).unwrap_or_default(),
        );
        self.push_text(Core::AccessClass, Some(class));
    }

    fn note_odd(&mut self, is_odd: bool, name: &'static str) {
        self.is_told &= !is_odd;
        if is_odd && self.counts_odd {
            *self.odd.entry(name).or_default() += 1;
        }
    }

    fn push_time(&mut self, time: i64) {
        if let Some(CoreColumn::Time(values)) = self.columns.get_mut(Core::EventTime.index()) {
            values.push(time);
        }
    }

    fn push_text(&mut self, core: Core, text: Option<&str>) {
        let written = text.map_or(0, str::len);
        let text = text.map(cut);
        self.is_told &= text.map_or(0, str::len) == written;
        self.text_bytes += text.map_or(0, str::len);
        match self.columns.get_mut(core.index()) {
            Some(CoreColumn::Dictionary(column)) => column.push(text),
            Some(CoreColumn::Text(column)) => column.append_option(text),
            _ => {}
        }
    }
}

/// Text columns that copy one slot.
const COPIED: &[(Core, Slot)] = &[
    (Core::EventId, Slot::EventId),
    (Core::EventSource, Slot::EventSource),
    (Core::EventName, Slot::EventName),
    (Core::AwsRegion, Slot::AwsRegion),
    (Core::EventType, Slot::EventType),
    (Core::SourceIp, Slot::SourceIp),
    (Core::UserAgent, Slot::UserAgent),
    (Core::ErrorCode, Slot::ErrorCode),
    (Core::PrincipalType, Slot::IdentityType),
    (Core::PrincipalArn, Slot::IdentityArn),
    (Core::AccessKeyId, Slot::IdentityAccessKey),
    (Core::InvokedBy, Slot::IdentityInvokedBy),
    (Core::VersionId, Slot::VersionId),
    (Core::AuthMethod, Slot::AuthMethod),
    (Core::SignatureVersion, Slot::SignatureVersion),
    (Core::TlsVersion, Slot::TlsVersion),
    (Core::VpcEndpoint, Slot::VpcEndpoint),
    (Core::EncryptionApplied, Slot::EncryptionApplied),
    (Core::SharedEventId, Slot::SharedEventId),
];

/// Fields that are objects, or null.
const STRUCTURES: &[(Slot, &str)] = &[
    (Slot::UserIdentity, "userIdentity"),
    (Slot::RequestParameters, "requestParameters"),
    (Slot::ResponseElements, "responseElements"),
    (Slot::AdditionalEventData, "additionalEventData"),
];

/// The category, also of events whose type alone tells it.
fn category<'i>(slots: &Slots<'_, 'i>) -> Option<&'i str> {
    slots.string(Slot::EventCategory).or_else(|| match slots.string(Slot::EventType)? {
        "AwsCloudTrailInsight" => Some("Insight"),
        "AwsVpceEvent" | "AwsVpceEvents" => Some("NetworkActivity"),
        "AwsAggregatedEvent" => Some("Aggregated"),
        _ => None,
    })
}

/// The time of a record that is of use.
fn fit(slots: &Slots<'_, '_>) -> Result<i64, RecordFault> {
    if slots.string(Slot::EventSource) == Some("aws:s3") {
        return Err(RecordFault::Notification);
    }
    event_time(slots)
}

/// Aggregated events have a window of time instead.
fn event_time(slots: &Slots<'_, '_>) -> Result<i64, RecordFault> {
    let time = slots.value(Slot::EventTime).or_else(|| slots.value(Slot::WindowStart));
    let found = time.filter(|found| !found.is_null()).ok_or(RecordFault::MissingEventTime)?;
    let text = value::text(found).ok_or(RecordFault::NoTextEventTime)?;
    parse_event_time(&text).ok_or_else(|| RecordFault::UnreadableEventTime(Cow::into_owned(text)))
}
