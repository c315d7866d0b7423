//! What explaining takes from the events: the texts of some records, and the events around a finding,
//! few in memory whatever there are.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Record;
use crate::error::Result;
use crate::events::{Core, EventBatch, Field};
use crate::pipeline::consumer::Consumer;

/// Names of calls that are counted one by one.
const MOST_NAMES: usize = 200;
/// In place of further ones.
const OTHER_NAMES: &str = "others";

/// An event in short. Its order is that of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Event {
    /// µs since the epoch.
    pub time: i64,
    /// Its object.
    pub object_uri: String,
    /// Its place there, from 0.
    pub record_number: u64,
    /// `eventName`.
    pub name: String,
    /// The bucket.
    pub bucket: Option<String>,
    /// The object's key.
    pub key: Option<String>,
    /// `sourceIPAddress`.
    pub source_ip: Option<String>,
    /// `errorCode`.
    pub error: Option<String>,
    /// The principal.
    pub principal: Option<String>,
}

/// Where an event stands to the finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stand {
    /// Before its first event.
    Before,
    /// From its first to its last.
    Within,
    /// After its last.
    After,
}

/// The events around a finding.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Around {
    /// Whose they are: the principal, or the buckets.
    pub of: Vec<String>,
    /// From here on, µs.
    pub since: i64,
    /// Before, µs.
    pub until: i64,
    /// The finding's first event, µs.
    pub first: i64,
    /// The finding's last event, µs.
    pub last: i64,
    /// How many there are in all, by part.
    pub counts: BTreeMap<Stand, u64>,
    /// How many there are, by name.
    pub names: BTreeMap<String, u64>,
    /// Those that are listed, in the order of time: of each part those nearest to the first event.
    pub events: Vec<(Stand, Event)>,
    /// Whether the user ended it early.
    pub cut: bool,
}

impl Around {
    /// `around` µs before the first event to as many after the last.
    pub(super) fn new(first: i64, last: i64, around: i64) -> Self {
        let until = last.saturating_add(around).saturating_add(1);
        Self { since: first.saturating_sub(around), until, first, last, ..Self::default() }
    }

    fn part(&self, time: i64) -> Stand {
        match time {
            time if time < self.first => Stand::Before,
            time if time <= self.last => Stand::Within,
            _ => Stand::After,
        }
    }

    /// Takes over what all workers have met.
    pub(super) fn take(&mut self, looked: Looked, most: usize) {
        let Looked { kept, counts, names, .. } = looked;
        (self.counts, self.names) = (counts, names);
        for (part, mut events) in kept {
            trim(part, &mut events, most);
            self.events.extend(events.into_iter().map(|event| (part, event)));
        }
    }
}

/// Leaves the events nearest to the finding's first: the latest before, else the earliest.
fn trim(part: Stand, events: &mut BTreeSet<Event>, most: usize) {
    while events.len() > most {
        let _ = if part == Stand::Before { events.pop_first() } else { events.pop_last() };
    }
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Looking {
    /// Texts of these records: object, number, id.
    records: BTreeMap<(String, u64), Option<String>>,
    around: Option<(Around, usize)>,
}

impl Looking {
    /// The texts of records.
    pub(super) fn records(records: &[Record]) -> Self {
        let place = |record: &Record| (record.object_uri.clone(), record.record_number);
        let records = records.iter().map(|record| (place(record), record.event_id.clone()));
        Self { records: records.collect(), around: None }
    }

    /// The events around a finding, of each part so many at most.
    pub(super) fn around(around: &Around, most: usize) -> Self {
        Self { records: BTreeMap::new(), around: Some((around.clone(), most)) }
    }

    /// A worker's own.
    pub(super) fn start(&self) -> Looker {
        Looker { looking: self.clone(), looked: Looked::default() }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Texts of records by their places.
    pub texts: BTreeMap<(String, u64), String>,
    kept: BTreeMap<Stand, BTreeSet<Event>>,
    counts: BTreeMap<Stand, u64>,
    names: BTreeMap<String, u64>,
}

impl Looked {
    /// Both together.
    pub(super) fn add(&mut self, other: Self) {
        self.texts.extend(other.texts);
        for (part, events) in other.kept {
            self.kept.entry(part).or_default().extend(events);
        }
        for (part, count) in other.counts {
            *self.counts.entry(part).or_default() += count;
        }
        for (name, count) in other.names {
            self.count(&name, count);
        }
    }

    fn count(&mut self, name: &str, more: u64) {
        let is_known = self.names.len() < MOST_NAMES || self.names.contains_key(name);
        let name = if is_known { name } else { OTHER_NAMES };
        *self.names.entry(name.to_owned()).or_default() += more;
    }
}

/// Looks at a worker's events.
#[derive(Debug)]
pub(super) struct Looker {
    looking: Looking,
    looked: Looked,
}

impl Looker {
    /// Keeps the text of a record that is evidence, unless another one stands in its place now.
    fn record(&mut self, batch: &EventBatch, row: usize) {
        let Some(uri) = batch.object_uri(row) else { return };
        let place = (uri.to_string(), batch.record_number(row));
        let Some(id) = self.looking.records.get(&place) else { return };
        let found = plain(batch, Core::EventId, row).filter(|id| !id.is_empty());
        if id.as_ref().is_some_and(|id| !id.is_empty() && found.as_ref() != Some(id)) {
            return;
        }
        if let Some(text) = batch.record_text(row) {
            self.looked.texts.insert(place, text.to_owned());
        }
    }

    /// Counts an event, and keeps it if it is near.
    fn event(&mut self, batch: &EventBatch, row: usize, time: i64) {
        let Some((around, most)) = &self.looking.around else { return };
        let part = around.part(time);
        let event = event(batch, row, time);
        *self.looked.counts.entry(part).or_default() += 1;
        self.looked.count(&event.name, 1);
        let kept = self.looked.kept.entry(part).or_default();
        kept.insert(event);
        trim(part, kept, *most);
    }
}

impl Consumer for Looker {
    type Yield = Looked;

    fn take(&mut self, batch: &EventBatch) -> Result<()> {
        for (row, time) in batch.times().iter().enumerate() {
            if self.looking.around.is_none() {
                self.record(batch, row);
            } else if !batch.is_copy(row) {
                self.event(batch, row, *time);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Looked> {
        Ok(self.looked)
    }
}

fn event(batch: &EventBatch, row: usize, time: i64) -> Event {
    let coded = |core| {
        let dictionary = batch.dictionary(Field::Core(core))?;
        dictionary.value(dictionary.first_key(row)?).map(str::to_owned)
    };
    Event {
        time,
        object_uri: batch.object_uri(row).map(ToString::to_string).unwrap_or_default(),
        record_number: batch.record_number(row),
        name: coded(Core::EventName).unwrap_or_default(),
        bucket: coded(Core::Bucket),
        key: plain(batch, Core::ObjectKey, row),
        source_ip: coded(Core::SourceIp),
        error: coded(Core::ErrorCode),
        principal: coded(Core::Principal),
    }
}

fn plain(batch: &EventBatch, core: Core, row: usize) -> Option<String> {
    use arrow::array::Array;
    let texts = batch.text(core)?;
    (row < texts.len() && texts.is_valid(row)).then(|| texts.value(row).to_owned())
}
