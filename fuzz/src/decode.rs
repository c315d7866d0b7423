//! Stored bytes of any format through the decoder, whole and as a stream, archives with their
//! members; the records go on to the events' columns and to the shipped detectors.
//!
//! Holds for any bytes: the account balances, what is shown of rejected pieces is short and
//! printable, and the two ways to read an object agree.

use std::cell::RefCell;
use std::io::{Cursor, Read as _};
use std::sync::LazyLock;

use bytes::Bytes;
use trailsift::codec::{Bounded, Unpacker};
use trailsift::decode::{
    Archive, Claim, Decoded, Decoder, FailReason, Limits, Outcome, Record, RecordFault, RecordSink,
    RejectReason,
};
use trailsift::detect::rules::{Plan, shipped};
use trailsift::event_files::{self, StoredRecord, TakeEvents};
use trailsift::events::{BatchBuilder, Core, CoreSet, EventFilter, Fields, StoredEvent, Wanted};
use trailsift::source::{Content, Member, read_tar, read_zip};

use super::judged::{days, folded, judged};

/// Archives within archives that are opened.
const DEPTH: u32 = 2;

/// Members of an archive that are read.
const MEMBERS: u64 = 64;

static PLAN: LazyLock<Plan> = LazyLock::new(|| Plan::compile(&shipped()));

thread_local! {
    static BUILDER: RefCell<BatchBuilder> = RefCell::new(BatchBuilder::new(&PLAN.fields));
}

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let tar = with_checksums(bytes);
    let bytes = tar.as_deref().unwrap_or(bytes);
    for (limits, names) in [(usual(), &["a.json", "a"][..]), (tight(), &["a.json"])] {
        let mut reader = Reader { decoder: Decoder::new(limits.clone()), limits };
        for name in names {
            reader.object(name, bytes, 0);
        }
    }
}

/// Room for a few records, so that bombs stay small.
fn usual() -> Limits {
    Limits {
        inflated_bytes: 1 << 20,
        ratio: 200,
        whole_bytes: 256 << 10,
        document_bytes: 64 << 10,
        record_bytes: 64 << 10,
        depth: 32,
    }
}

/// So little room that every way around it is taken.
fn tight() -> Limits {
    Limits {
        inflated_bytes: 64 << 10,
        ratio: 2,
        whole_bytes: 4 << 10,
        document_bytes: 256,
        record_bytes: 700,
        depth: 6,
    }
}

struct Reader {
    decoder: Decoder,
    limits: Limits,
}

impl Reader {
    /// Reads an object in both ways.
    fn object(&mut self, name: &str, bytes: &[u8], depth: u32) {
        let claim = if depth == 0 && name == "a.json" { Claim::Given } else { Claim::Found };
        let mut sink = Sink::default();
        let whole = self.decoder.decode(name, claim, bytes, &mut sink);
        let whole = whole.map(|decoded| check(decoded, sink, true));
        let mut sink = Sink::default();
        let mut unpacker = Unpacker::new(bytes, self.limits.unpack());
        let streamed = self.decoder.stream(name, claim, &mut unpacker, &mut sink);
        let streamed = streamed.map(|decoded| check(decoded, sink, false));
        // A stream lets go of the bytes of what is too long, so that it cannot be searched again.
        if !is_too_long(&whole) && !is_too_long(&streamed) {
            assert_eq!(counts(&whole), counts(&streamed), "{whole:?} and {streamed:?}");
        }
        if let Err(archive) = whole
            && depth < DEPTH
        {
            self.archive(archive, bytes, unpacker, depth);
        }
    }

    fn archive(&mut self, archive: Archive, bytes: &[u8], unpacker: Unpacker<'_>, depth: u32) {
        let mut met = 0;
        let layers = unpacker.layers();
        let mut take = |member: Member<'_>| {
            met += 1;
            self.member(member, depth + 1);
            Ok(true)
        };
        let contents = match archive {
            Archive::Parquet => return self.event_file(unpacker),
            Archive::Tar => read_tar(unpacker, MEMBERS, &mut take),
            Archive::Zip if layers == 0 => read_zip(Cursor::new(bytes), MEMBERS, &mut take),
            Archive::Zip => {
                let mut inside = Vec::new();
                let _ = unpacker.take(1 << 20).read_to_end(&mut inside);
                read_zip(Cursor::new(inside), MEMBERS, &mut take)
            }
        };
        assert_eq!(contents.unwrap().members, met);
    }

    /// Parquet of whatever kind.
    fn event_file(&mut self, unpacker: Unpacker<'_>) {
        let mut bytes = Vec::new();
        unpacker.take(1 << 20).read_to_end(&mut bytes).unwrap_or_default();
        let file = Bytes::from(bytes);
        let (decoder, sink) = (&mut self.decoder, Sink::default());
        let mut taken = Taken { decoder, sink, columns: BatchBuilder::new(&Fields::default()) };
        let _ = event_files::records(file.clone(), &mut |stored| taken.record(stored));
        let _ = event_files::events(&file, &mut taken);
        taken.sink.finish(false);
        assert!(taken.columns.finish().is_ok());
    }

    fn member(&mut self, member: Member<'_>, depth: u32) {
        let Content::Data { reader, stored } = member.content else { return };
        let mut bytes = Vec::new();
        let bounded = Bounded::new(reader, stored, self.limits.unpack());
        let _ = bounded.take(self.limits.whole_bytes).read_to_end(&mut bytes);
        self.object(&member.name, &bytes, depth);
    }
}

/// Takes what an event file holds, from columns or records by the length of the event's name.
struct Taken<'d> {
    decoder: &'d mut Decoder,
    sink: Sink,
    columns: BatchBuilder,
}

impl TakeEvents for Taken<'_> {
    fn columns_of(&self, name: Option<&str>) -> Option<CoreSet> {
        let some = || [Core::EventTime, Core::EventName].into_iter().collect();
        let is_even = |name: &str| name.len().is_multiple_of(2);
        name.map_or_else(|| Some(some()), |name| is_even(name).then(CoreSet::all))
    }

    fn event(&mut self, _: &str, number: u64, event: StoredEvent<'_>) -> bool {
        self.columns.append_stored(number, event, |_| Wanted::Event);
        !self.columns.is_full()
    }

    fn record(&mut self, stored: StoredRecord<'_>) -> bool {
        let number = self.sink.last.map_or(0, |last| last + 1);
        let _ = self.decoder.record(number, stored.text.as_bytes(), &mut self.sink);
        true
    }
}

/// What became of an object, and how many records were seen and how many of them taken.
type Account = Result<(Decoded, (u64, u64)), Archive>;

fn counts(account: &Account) -> Result<(u64, u64), Archive> {
    account.as_ref().map(|(_, counts)| *counts).map_err(|archive| *archive)
}

/// Whether some piece was longer than a record may be.
fn is_too_long(account: &Account) -> bool {
    let Ok((decoded, _)) = account else { return false };
    let pieces = decoded.rejected.iter().map(|piece| &piece.reason);
    pieces.clone().any(|reason| matches!(reason, RejectReason::TooLong(_)))
        || matches!(&decoded.outcome, Outcome::Failed(FailReason::Unusable(why)) if why.starts_with("longer"))
}

/// Checks the account of an object.
fn check(decoded: Decoded, sink: Sink, judge: bool) -> (Decoded, (u64, u64)) {
    let given_up = decoded.rejected.len() as u64 + decoded.unlisted;
    assert_eq!(decoded.records, sink.taken + given_up, "{decoded:?}");
    let numbers = decoded.rejected.iter().map(|piece| piece.record);
    assert!(numbers.clone().is_sorted_by(|a, b| a < b), "{decoded:?}");
    assert!(numbers.chain(sink.last).all(|number| number < decoded.records), "{decoded:?}");
    for piece in &decoded.rejected {
        assert!(piece.offset < decoded.inflated_bytes, "{decoded:?}");
        assert!(piece.excerpt.len() <= 120, "{piece:?}");
        assert!(piece.excerpt.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{piece:?}");
        assert!(!piece.reason.to_string().is_empty());
    }
    let counts = (decoded.records, sink.taken);
    sink.finish(judge);
    (decoded, counts)
}

/// Records to columns.
#[derive(Default)]
struct Sink {
    taken: u64,
    last: Option<u64>,
    scratch: Vec<u8>,
}

impl RecordSink for Sink {
    fn record(&mut self, number: u64, record: Record<'_, '_, '_>) -> Result<(), RecordFault> {
        assert!(self.last.is_none_or(|last| last < number), "{:?} then {number}", self.last);
        self.last = Some(number);
        let asked_for =
            EventFilter { buckets: vec!["payroll".to_owned()], ..EventFilter::default() };
        BUILDER.with_borrow_mut(|builder| {
            builder.append(number, record, |event| {
                let _ = event.digest(&mut self.scratch);
                let _ = (event.key("a.json", number), event.account_and_id(), event.has_id());
                if event.is_asked_for(&asked_for) && number % 5 == 4 {
                    Wanted::Copy
                } else {
                    Wanted::Event
                }
            })
        })?;
        self.taken += 1;
        Ok(())
    }
}

impl Sink {
    /// The columns fit together; if `judge`, the shipped detectors bear them.
    fn finish(self, judge: bool) {
        let batch = BUILDER.with_borrow_mut(|builder| {
            builder.take_odd();
            builder.finish().unwrap()
        });
        assert_eq!(batch.len() as u64, self.taken);
        if judge && !batch.is_empty() {
            let rows = folded(&PLAN, &batch);
            let days = days(&rows);
            judged(&PLAN, rows.into_iter().map(Ok), &days).unwrap();
        }
    }
}

/// A tar archive with the checksum of every header put right: mutations seldom hit it.
fn with_checksums(bytes: &[u8]) -> Option<Vec<u8>> {
    const BLOCK: usize = 512;
    let is_header = |block: &[u8]| block.get(257..262) == Some(b"ustar");
    if !bytes.get(..BLOCK).is_some_and(is_header) {
        return None;
    }
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(BLOCK).filter(|block| is_header(block)) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    Some(bytes)
}
