//! Events as the columns of event files have them: the core columns, which depend on the record
//! alone.

use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{
    Array, AsArray, BooleanArray, DictionaryArray, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};

use super::core_reads::CoreSet;
use super::schema::Core;
use super::time::is_event_time;

/// How many columns were opened.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// The core columns of events.
#[derive(Debug)]
pub struct StoredColumns<'b> {
    /// Tells the dictionaries of these columns from those of others.
    number: u64,
    times: &'b [i64],
    /// By [`Core`].
    columns: Vec<StoredColumn<'b>>,
}

#[derive(Debug)]
enum StoredColumn<'b> {
    Dictionary(&'b DictionaryArray<Int32Type>, &'b StringArray),
    Text(&'b StringArray),
    Flag(&'b BooleanArray),
    Count(&'b Int64Array),
    Time,
    /// Nobody reads it: it is null.
    Unread,
}

/// An event of an event file.
#[derive(Debug, Clone, Copy)]
pub struct StoredEvent<'b> {
    columns: &'b StoredColumns<'b>,
    row: usize,
    /// The digest of its record.
    pub digest: u32,
}

impl<'b> StoredColumns<'b> {
    /// The columns of rows that have all of those that are `read`, and times that events can have.
    #[must_use]
    pub fn of(rows: &'b RecordBatch, read: CoreSet) -> Option<Self> {
        let stored = |core: Core| {
            if !read.contains(core) {
                return Some(StoredColumn::Unread);
            }
            let column = rows.column_by_name(core.name())?;
            if core == Core::EventTime {
                return Some(StoredColumn::Time);
            }
            if let Some(array) = column.as_dictionary_opt::<Int32Type>() {
                let values = array.values().as_string_opt::<i32>()?;
                return Some(StoredColumn::Dictionary(array, values));
            }
            let text = column.as_string_opt::<i32>().map(StoredColumn::Text);
            let flag = || column.as_boolean_opt().map(StoredColumn::Flag);
            let count = || column.as_primitive_opt::<Int64Type>().map(StoredColumn::Count);
            text.or_else(flag).or_else(count)
        };
        let times = rows.column_by_name(Core::EventTime.name())?;
        let times = times.as_primitive_opt::<TimestampMicrosecondType>()?;
        // A file that somebody has changed must not bring in what no record can.
        let are_times = || times.values().iter().all(|time| is_event_time(*time));
        let times = Some(times).filter(|times| times.null_count() == 0 && are_times())?.values();
        let columns = Core::all().filter(|core| !core.is_on_demand()).map(stored);
        let columns = columns.collect::<Option<_>>()?;
        Some(Self { number: NUMBERS.fetch_add(1, Ordering::Relaxed), times, columns })
    }

    /// The event in a row, whose record has that digest.
    #[must_use]
    pub fn event(&'b self, row: usize, digest: u32) -> StoredEvent<'b> {
        StoredEvent { columns: self, row, digest }
    }
}

impl<'b> StoredEvent<'b> {
    /// Its `eventTime`, µs.
    pub(super) fn time(self) -> i64 {
        self.columns.times.get(self.row).copied().unwrap_or(0)
    }

    /// The value of a text column.
    pub(super) fn text(self, core: Core) -> Option<&'b str> {
        match self.columns.columns.get(core.index())? {
            StoredColumn::Dictionary(..) => self.dictionary_value(core).map(|(_, text)| text),
            StoredColumn::Text(texts) if texts.is_valid(self.row) => Some(texts.value(self.row)),
            _ => None,
        }
    }

    /// The value of a column with a dictionary, and its key there.
    pub(super) fn dictionary_value(self, core: Core) -> Option<(usize, &'b str)> {
        match self.columns.columns.get(core.index())? {
            StoredColumn::Dictionary(array, values) => {
                let key = array.key(self.row).filter(|key| *key < values.len())?;
                Some((key, values.value(key)))
            }
            _ => None,
        }
    }

    /// The number of the dictionaries of its columns, from 1.
    pub(super) fn dictionaries(self) -> u64 {
        self.columns.number
    }

    /// The value of a boolean column.
    pub(super) fn flag(self, core: Core) -> Option<bool> {
        match self.columns.columns.get(core.index())? {
            StoredColumn::Flag(flags) if flags.is_valid(self.row) => Some(flags.value(self.row)),
            _ => None,
        }
    }

    /// The value of a column of byte counts.
    pub(super) fn count(self, core: Core) -> Option<i64> {
        match self.columns.columns.get(core.index())? {
            StoredColumn::Count(counts) if counts.is_valid(self.row) => {
                Some(counts.value(self.row))
            }
            _ => None,
        }
    }
}
