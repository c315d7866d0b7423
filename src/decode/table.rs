//! Tables of events as comma-separated values: saved results of CloudTrail Lake queries, Athena's
//! results, the event history downloaded from the console. In comes a reader, out go records.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder};

use super::lake::Columns;
use super::outcome::{Damage, Outcome};
use super::parser::{Parser, parse_repaired};
use super::reject::{RejectReason, Rejected};
use super::salvage::MAX_LISTED;
use super::{Decoded, Limits, RecordSink};
use crate::codec;

/// What the reader of tables reads ahead.
const AHEAD: usize = 64 << 10;

/// Whether text starts with a header of columns of events.
pub(super) fn is_table(text: &[u8]) -> bool {
    if matches!(text.first(), Some(b'{' | b'[')) {
        return false;
    }
    let line = memchr::memchr(b'\n', text).map_or(text, |end| text.get(..end).unwrap_or(text));
    header(line).is_some()
}

fn header(line: &[u8]) -> Option<Columns> {
    let mut reader = ReaderBuilder::new().has_headers(false).from_reader(line);
    let mut record = ByteRecord::new();
    let read = reader.read_byte_record(&mut record).unwrap_or(false);
    let names: Option<Vec<&str>> = record.iter().map(|name| str::from_utf8(name).ok()).collect();
    Columns::of_header(names.filter(|_| read)?.into_iter())
}

/// Reads a table that starts with its header, row by row: each row is a record.
pub(super) fn read(
    bytes: &mut dyn Read,
    limits: &Limits,
    parser: &mut Parser,
    sink: &mut impl RecordSink,
) -> Decoded {
    let (room, ending) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
    let guarded = Guard { inner: bytes, room: room.clone(), ending: ending.clone(), last: 0 };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(AHEAD)
        .from_reader(guarded);
    let mut decoded = Decoded::without_records(Outcome::Read);
    let (mut row, mut columns) = (ByteRecord::new(), None::<Columns>);
    let (mut source, mut text) = (Vec::new(), Vec::new());
    loop {
        room.set(limits.record_bytes.saturating_add(2 * AHEAD));
        match reader.read_byte_record(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                decoded.outcome = Outcome::Partial(damage(error));
                break;
            }
        }
        // After `\r\n` the reader stands at the `\n`.
        let start = row.position().map_or(0, csv::Position::byte);
        let offset = start + ending.get().filter(|_| start > 0).map_or(0, u64::from);
        let Some(columns) = &columns else {
            let names = row.iter().map(|name| str::from_utf8(name).unwrap_or_default());
            columns = Columns::of_header(names);
            if columns.is_none() {
                break;
            }
            continue;
        };
        let reason = match record(columns, &row, &mut source) {
            Ok(()) => {
                let number = decoded.records;
                let verdict =
                    parse_repaired(parser, &mut text, &source, |value| sink.record(number, value));
                verdict.and_then(|taken| taken.map_err(RejectReason::from)).err()
            }
            Err(reason) => Some(reason),
        };
        decoded.note(offset, &row, reason);
    }
    decoded.inflated_bytes = reader.position().byte();
    decoded
}

/// Writes the row as the text of a record.
fn record(columns: &Columns, row: &ByteRecord, source: &mut Vec<u8>) -> Result<(), RejectReason> {
    let values: Result<Vec<&str>, _> = row.iter().map(str::from_utf8).collect();
    columns.record(values.map_err(|_| RejectReason::InvalidUtf8)?.into_iter(), source);
    Ok(())
}

impl Decoded {
    /// Counts one row, and lists it if it was given up.
    fn note(&mut self, offset: u64, row: &ByteRecord, reason: Option<RejectReason>) {
        if let Some(reason) = reason {
            if self.rejected.len() < MAX_LISTED {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                let piece = row.iter().collect::<Vec<_>>().join(&b',');
                self.rejected.push(Rejected::new(self.records, offset, &piece, reason));
            } else {
                self.unlisted += 1;
            }
        }
        self.records += 1;
    }
}

fn damage(error: csv::Error) -> Damage {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => match error.kind() {
            io::ErrorKind::FileTooLarge => Damage::GivenUp,
            _ => codec::Damage::of(&error).into(),
        },
        _ => Damage::GivenUp,
    }
}

/// Ends the table at a row that is too long to be one.
struct Guard<'r> {
    inner: &'r mut dyn Read,
    room: Rc<Cell<usize>>,
    /// Whether the first line ends with `\r\n`, once that is known.
    ending: Rc<Cell<Option<bool>>>,
    /// The last byte given.
    last: u8,
}

impl Read for Guard<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let room = self.room.get();
        if room == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let count = out.len().min(room);
        let read = self.inner.read(out.get_mut(..count).unwrap_or_default())?;
        self.room.set(room - read);
        let given = out.get(..read).unwrap_or_default();
        if self.ending.get().is_none()
            && let Some(end) = memchr::memchr(b'\n', given)
        {
            let before = end.checked_sub(1).and_then(|at| given.get(at)).unwrap_or(&self.last);
            self.ending.set(Some(*before == b'\r'));
        }
        self.last = given.last().copied().unwrap_or(self.last);
        Ok(read)
    }
}
