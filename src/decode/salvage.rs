//! The general path: an object is a stream of JSON values, one after the other, and each is taken
//! at once if it is sound and not too large, else piece by piece (`pieces`). In come pristine
//! bytes, out go the outcome and every piece that was given up.

use std::ops::Range;

use super::leaves::Unwrapper;
use super::outcome::{Damage, FailReason, Left, Other, Outcome};
use super::parser::{Parser, parse_repaired};
use super::record::Record;
use super::reject::{EXCERPT_CHARS, RejectReason, Rejected};
use super::scan::{Broken, Scanner};
use super::shape::{Shape, shape};
use super::taken::{MAX_BAD, Replay, Taken};
use super::{Decoded, Limits, RecordSink};

/// Pieces that are listed of one object; more are counted.
pub(super) const MAX_LISTED: usize = 10_000;

/// How often each byte may be looked at in search of whole records, on average. This bounds the
/// work on hostile input: all of salvage is O(bytes), with this factor.
const WORK_PER_BYTE: usize = 8;

/// What reading takes: parsers with their memory.
pub(super) struct Tools<'a> {
    /// Parses whole values, in which a record may be two levels down.
    pub(super) documents: &'a mut Parser,
    /// Parses elements of lists.
    pub(super) records: &'a mut Parser,
    /// Finds the events in what was parsed.
    pub(super) unwrapper: &'a mut Unwrapper,
}

/// An object being read.
pub(super) struct Salvage<'a, 'w, S> {
    pub(super) scanner: Scanner<'w>,
    pub(super) limits: &'a Limits,
    pub(super) tools: Tools<'a>,
    /// The value being parsed.
    pub(super) text: Vec<u8>,
    pub(super) sink: &'a mut S,
    /// The value at hand is read a second time.
    pub(super) replay: Option<Replay>,
    /// Whether an event, or a list for events, was met.
    pub(super) found: bool,
    /// Whether the value at hand has a list for events.
    pub(super) in_list: bool,
    /// What was wrong first with values that hold no event.
    problem: Option<FailReason>,
    left: Option<Left>,
    damage: Option<Damage>,
    pub(super) records: u64,
    rejected: Vec<Rejected>,
    unlisted: u64,
    /// Bytes looked at in search of whole records.
    spent: usize,
}

/// Why reading stops before the end of a value.
#[derive(Debug)]
pub(super) enum Stop {
    /// The grammar of the value itself is broken here.
    Broken(Broken),
    /// What follows is lost.
    Lost(Damage),
    /// These are S3 event notifications.
    Notifications,
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// A piece, as far as it can be shown when it is given up: its bytes may be gone by then.
pub(super) struct Piece {
    pub(super) start: usize,
    head: Vec<u8>,
}

impl<'a, 'w, S: RecordSink> Salvage<'a, 'w, S> {
    /// Nothing is read yet.
    pub(super) fn new(
        scanner: Scanner<'w>,
        limits: &'a Limits,
        tools: Tools<'a>,
        sink: &'a mut S,
    ) -> Self {
        Self {
            scanner,
            limits,
            tools,
            text: Vec::new(),
            sink,
            replay: None,
            found: false,
            in_list: false,
            problem: None,
            left: None,
            damage: None,
            records: 0,
            rejected: Vec::new(),
            unlisted: 0,
            spent: 0,
        }
    }

    /// The first value was read before.
    pub(super) fn replaying(mut self, replay: Option<Replay>) -> Self {
        self.replay = replay;
        self
    }

    /// Reads every value.
    pub(super) fn read(mut self) -> Decoded {
        let mut stopped = None;
        while stopped.is_none() && self.next_value() {
            stopped = self.value().err();
        }
        match stopped {
            Some(Stop::Notifications) => {
                self.found = false;
                self.problem = Some(FailReason::NotCloudTrail(Other::Notifications));
            }
            Some(Stop::Lost(damage)) => self.damage = self.damage.take().or(Some(damage)),
            Some(Stop::Broken(_)) | None => {}
        }
        self.decoded()
    }

    fn decoded(self) -> Decoded {
        let damage = self.scanner.window().damage().cloned().map(Damage::from).or(self.damage);
        let outcome = match (self.found, damage) {
            (true, Some(damage)) => Outcome::Partial(damage),
            (true, None) => Outcome::Read,
            (false, Some(Damage::Unpacking(damage))) => Outcome::Failed(FailReason::Broken(damage)),
            (false, _) => match (self.problem, self.left) {
                (Some(problem), _) => Outcome::Failed(problem),
                (None, Some(left)) => return Decoded::left_out(left, self.scanner.window().end()),
                (None, None) => Outcome::Failed(FailReason::Empty),
            },
        };
        let inflated_bytes = self.scanner.window().end() as u64;
        if !self.found {
            return Decoded { inflated_bytes, ..Decoded::without_records(outcome) };
        }
        Decoded {
            outcome,
            records: self.records,
            rejected: self.rejected,
            unlisted: self.unlisted,
            inflated_bytes,
        }
    }

    /// Moves the cursor to the next value; says whether there is one. Between values stand white
    /// space, and what writers of sequences put there: commas, record separators, zeros, a
    /// byte-order mark, and the time before a line of CloudWatch Logs.
    fn next_value(&mut self) -> bool {
        loop {
            self.scanner.keep_from(self.scanner.at());
            let Ok(byte) = self.scanner.peek() else { return false };
            let at = self.scanner.at();
            let skip = match byte {
                b',' | 0 | 0x1e => 1,
                0xef if self.scanner.window().from(at).starts_with(b"\xef\xbb\xbf") => 3,
                b'0'..=b'9' => log_prefix(self.scanner.window().from(at)),
                _ => 0,
            };
            if skip == 0 {
                return true;
            }
            self.scanner.go_to(at + skip);
        }
    }

    /// Reads one value: at once if it is sound and not too large, else piece by piece.
    fn value(&mut self) -> Result<(), Stop> {
        let start = self.scanner.at();
        self.scanner.keep_from(start);
        let limit = self.limits.document_bytes.max(self.limits.record_bytes);
        let scanned = self.scanner.value(limit);
        let end = self.scanner.at();
        let reason = match scanned {
            Ok(_) if self.replay.is_some() || end - start > self.limits.at_once() => None,
            Ok(_) => match self.at_once(start..end, true)? {
                None => return Ok(()),
                reason => reason,
            },
            Err(Broken::Unexpected(at)) => Some(RejectReason::Damaged { at: at - start }),
            Err(Broken::Cut) if end - start >= limit => {
                Some(RejectReason::TooLong(self.limits.record_bytes))
            }
            Err(Broken::Cut) => Some(RejectReason::Truncated),
        };
        self.by_pieces(start, scanned.ok().map(|_| end), reason)
    }

    /// Reads the value at `start`, which ends at `end` if it is whole, piece by piece. If it has no
    /// list for events it is one piece, to be given up for `reason`, if there is one.
    fn by_pieces(
        &mut self,
        start: usize,
        end: Option<usize>,
        reason: Option<RejectReason>,
    ) -> Result<(), Stop> {
        let piece = self.piece(start);
        self.scanner.go_to(start);
        self.in_list = false;
        let ended = self.pieces(matches!(reason, Some(RejectReason::TooLong(_))));
        self.replay = None;
        match ended {
            Ok(()) if self.in_list => return Ok(()),
            Err(Stop::Broken(_)) if self.in_list => return Err(Stop::Lost(Damage::TruncatedJson)),
            Ok(()) | Err(Stop::Broken(_)) => {}
            Err(stop) => return Err(stop),
        }
        let end = end.or_else(|| ended.is_ok().then(|| self.scanner.at()));
        let reason = match (reason, end) {
            (None, Some(end)) if end - start > self.limits.record_bytes => {
                Some(RejectReason::TooLong(self.limits.record_bytes))
            }
            (None, Some(end)) => self.at_once(start..end, false)?,
            (reason, _) => reason,
        };
        let Some(reason) = reason else {
            self.scanner.go_to(end.unwrap_or(usize::MAX));
            return Ok(());
        };
        match end.filter(|_| matches!(piece.head.first(), Some(b'{' | b'['))) {
            Some(end) => {
                self.reject(&piece, end, reason);
                self.scanner.go_to(end);
                Ok(())
            }
            None => self.give_up(&piece, start + 1, reason),
        }
    }

    /// Parses the value within `range` and hands its events to the sink. `Some`: it is no JSON, or
    /// (if it can be read `again`) some of its pieces were refused, and their places are not known.
    fn at_once(&mut self, range: Range<usize>, again: bool) -> Result<Option<RejectReason>, Stop> {
        let first = self.records;
        let mut taken = Taken::default();
        let (sink, bytes) = (&mut *self.sink, self.scanner.window().slice(range.clone()));
        let Tools { documents, unwrapper, .. } = &mut self.tools;
        let parsed = parse_repaired(documents, &mut self.text, bytes, |value| {
            unwrapper.leaves(value, &mut |leaf| {
                (taken.bad.len() < MAX_BAD || !again) && taken.take(first, leaf, sink, None)
            })
        });
        if let Err(reason) = parsed {
            return Ok(Some(reason));
        }
        self.note(&taken)?;
        self.found |= taken.leaves == 0 && taken.left.is_none();
        if again && !taken.bad.is_empty() && self.is_list(range.clone()) {
            let until = first + taken.leaves;
            self.replay = Some(Replay { refused: taken.bad, until });
            return Ok(Some(RejectReason::Truncated));
        }
        self.settle(range, first, taken);
        Ok(None)
    }

    /// Whether the value within `range` has a list for events, so that its events have places.
    fn is_list(&mut self, range: Range<usize>) -> bool {
        let bytes = self.scanner.window().slice(range);
        let is_list =
            |it: Record<'_, '_, '_>| matches!(shape(it.value), Shape::List(_) | Shape::Lists(_));
        parse_repaired(self.tools.documents, &mut self.text, bytes, is_list).unwrap_or(false)
    }

    /// Counts the leaves of the piece within `range`, and lists those that were given up.
    pub(super) fn settle(&mut self, range: Range<usize>, first: u64, taken: Taken) {
        if !taken.bad.is_empty() {
            let piece = self.piece(range.start);
            for (number, reason) in taken.bad {
                self.records = number;
                self.reject(&piece, range.end, reason);
            }
        }
        self.records = first + taken.leaves;
        self.unlisted += taken.uncounted;
    }

    /// Draws what holds for the whole object from the leaves of a value.
    pub(super) fn note(&mut self, taken: &Taken) -> Result<(), Stop> {
        self.found |= taken.event;
        self.left = self.left.or(taken.left);
        if taken.notification { Err(Stop::Notifications) } else { Ok(()) }
    }

    /// What can be shown later of the piece that starts at `start`.
    pub(super) fn piece(&self, start: usize) -> Piece {
        let head = self.scanner.window().slice(start..start + EXCERPT_CHARS);
        Piece { start, head: head.to_vec() }
    }

    /// Notes the piece that ends at `end`.
    pub(super) fn reject(&mut self, piece: &Piece, end: usize, reason: RejectReason) {
        if self.problem.is_none() {
            self.problem = Some(reason.of_object(piece.start as u64));
        }
        if self.rejected.len() < MAX_LISTED {
            let head = piece.head.get(..end - piece.start).unwrap_or(&piece.head);
            self.rejected.push(Rejected::new(self.records, piece.start, head, reason));
        } else {
            self.unlisted += 1;
        }
        self.records += 1;
    }

    /// Counts the bytes from `start` to the cursor as looked at in search of whole records.
    pub(super) fn charge(&mut self, start: usize) {
        let looked_at = self.scanner.at().saturating_sub(start).saturating_add(1);
        self.spent = self.spent.saturating_add(looked_at);
    }

    /// Whether more was looked at than the bytes at hand allow.
    pub(super) fn is_spent(&self) -> bool {
        let read = self.scanner.window().end();
        self.spent > read.saturating_mul(WORK_PER_BYTE).saturating_add(1 << 20)
    }
}

/// The length of what an export of CloudWatch Logs puts before the event in a line: a time, and
/// perhaps names; 0 if `line` starts otherwise.
fn log_prefix(line: &[u8]) -> usize {
    const LONGEST: usize = 512;
    let date = line.iter().zip(b"0000-00-00").all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        dash => byte == dash,
    });
    let prefix = line.get(..LONGEST).unwrap_or(line);
    let brace = prefix.iter().position(|byte| matches!(byte, b'{' | b'\n'));
    brace.filter(|at| date && *at > 10 && prefix.get(*at) == Some(&b'{')).unwrap_or(0)
}
