//! A value read piece by piece, because it is damaged or large or some of its records were refused:
//! the scanner finds where each element of a list for events ends, and each is parsed alone, so
//! that a bad one costs no other.

use std::ops::Range;

use super::RecordSink;
use super::outcome::Damage;
use super::parser::parse_repaired;
use super::record::Record;
use super::reject::RejectReason;
use super::resync::Next;
use super::salvage::{Piece, Salvage, Stop, Tools};
use super::scan::{Broken, Scanner};
use super::shape::{LISTS, RECORDS};
use super::taken::Taken;

impl<S: RecordSink> Salvage<'_, '_, S> {
    /// Reads the lists for events in the value at the cursor, element by element.
    pub(super) fn pieces(&mut self, too_long: bool) -> Result<(), Stop> {
        let mut ended = match self.scanner.peek()? {
            b'{' => self.object(too_long),
            b'[' => self.scanner.expect(b'[').map_err(Stop::from).and_then(|()| self.list("")),
            _ => return Err(Stop::Broken(Broken::Unexpected(self.scanner.at()))),
        };
        while let (true, Err(Stop::Broken(Broken::Unexpected(at)))) = (self.in_list, &ended) {
            // A stray `]` can end the records early: go on with the next whole record, if any.
            let at = *at;
            let piece = self.piece(at);
            ended = match self.next_whole(at) {
                Next::At(next) => {
                    if next > at {
                        self.reject(&piece, next, RejectReason::Damaged { at: 0 });
                    }
                    self.scanner.go_to(next);
                    Ok(())
                }
                Next::Nowhere => Err(Stop::Lost(Damage::BrokenTail)),
                Next::GivenUp => Err(Stop::Lost(Damage::GivenUp)),
            };
            ended = ended.and_then(|()| self.list(RECORDS)).and_then(|()| self.members(too_long));
        }
        ended
    }

    /// Reads an object.
    fn object(&mut self, too_long: bool) -> Result<(), Stop> {
        self.scanner.expect(b'{')?;
        if self.scanner.take(b'}')? {
            return Ok(());
        }
        self.member(too_long)?;
        self.members(too_long)
    }

    /// Reads the members after the first, and the closing brace.
    fn members(&mut self, too_long: bool) -> Result<(), Stop> {
        while !self.scanner.take(b'}')? {
            self.scanner.expect(b',')?;
            self.member(too_long)?;
        }
        Ok(())
    }

    /// Reads one key and its value, piece by piece if it is a list for events.
    fn member(&mut self, too_long: bool) -> Result<(), Stop> {
        if too_long || self.in_list {
            self.scanner.keep_from(self.scanner.at());
        }
        let key = self.scanner.within(self.limits.record_bytes, Scanner::key)?;
        let list = self.list_key(key);
        if let Some(list) = list
            && self.scanner.take(b'[')?
        {
            return self.list(list);
        }
        if too_long || self.in_list {
            // Its bytes are not needed again.
            self.scanner.keep_from(usize::MAX);
        }
        self.scanner.value(usize::MAX)?;
        Ok(())
    }

    /// The key of a list for events, perhaps spelt with escapes.
    fn list_key(&mut self, key: Range<usize>) -> Option<&'static str> {
        let key = self.scanner.window().slice(key);
        if !key.contains(&b'\\') {
            return LISTS.into_iter().find(|name| name.as_bytes() == key);
        }
        let quoted = [b"\"", key, b"\""].concat();
        let known = |key: Record<'_, '_, '_>| {
            let key = simd_json::prelude::ValueIntoString::into_string(key.value)?;
            LISTS.into_iter().find(|name| *name == key)
        };
        parse_repaired(self.tools.records, &mut self.text, &quoted, known).ok().flatten()
    }

    /// Reads elements up to the closing bracket.
    fn list(&mut self, key: &'static str) -> Result<(), Stop> {
        self.in_list = true;
        self.found |= key == RECORDS;
        let mut empty = true;
        loop {
            self.scanner.keep_from(self.scanner.at());
            if self.scanner.take(b']')? {
                self.found |= empty;
                return Ok(());
            }
            empty = false;
            if self.element(key)? {
                self.separator()?;
            }
        }
    }

    /// Reads one element; says whether it ended where it should (else the cursor is where the next
    /// element starts, or at the closing bracket).
    fn element(&mut self, key: &'static str) -> Result<bool, Stop> {
        let start = self.scanner.at();
        let limit = match self.replay {
            Some(_) => usize::MAX,
            None => self.limits.record_bytes,
        };
        let reason = match self.scanner.value(limit) {
            Ok(_) => return self.record(key, start..self.scanner.at()).map(|()| true),
            Err(Broken::Unexpected(at)) => RejectReason::Damaged { at: at - start },
            Err(Broken::Cut) if self.scanner.at() - start >= limit => {
                return self.too_long(start, limit);
            }
            Err(Broken::Cut) => RejectReason::Truncated,
        };
        self.charge(start);
        let piece = self.piece(start);
        self.give_up(&piece, start + 1, reason).map(|()| false)
    }

    /// Gives up an element that is longer than `limit`, without holding it in memory; says whether it
    /// ended where it should.
    fn too_long(&mut self, start: usize, limit: usize) -> Result<bool, Stop> {
        let piece = self.piece(start);
        self.scanner.go_to(start);
        self.scanner.keep_from(usize::MAX);
        let ended = self.scanner.value(usize::MAX).is_ok();
        let at = self.scanner.at();
        if ended {
            self.reject(&piece, at, RejectReason::TooLong(limit));
        } else {
            self.give_up(&piece, at, RejectReason::TooLong(limit))?;
        }
        Ok(ended)
    }

    /// After a whole element: takes the comma, and gives up what else stands between elements.
    fn separator(&mut self) -> Result<(), Stop> {
        if self.scanner.take(b',')? || self.scanner.peek()? == b']' {
            return Ok(());
        }
        let at = self.scanner.at();
        let piece = self.piece(at);
        self.give_up(&piece, at, RejectReason::Damaged { at: 0 })
    }

    /// Hands the events of the element within `range` to the sink.
    fn record(&mut self, key: &'static str, range: Range<usize>) -> Result<(), Stop> {
        let first = self.records;
        let (sink, replay) = (&mut *self.sink, self.replay.as_ref());
        let bytes = self.scanner.window().slice(range.clone());
        let Tools { records, unwrapper, .. } = &mut self.tools;
        let mut taken = Taken::default();
        let parsed = parse_repaired(records, &mut self.text, bytes, |value| {
            unwrapper.element(key, value, &mut |leaf| taken.take(first, leaf, sink, replay))
        });
        self.note(&taken)?;
        match parsed {
            Ok(_) => self.settle(range, first, taken),
            Err(reason) => self.reject(&self.piece(range.start), range.end, reason),
        }
        Ok(())
    }

    /// Whether the bytes within `range` hold an event.
    pub(super) fn holds_event(&mut self, range: Range<usize>) -> bool {
        let bytes = self.scanner.window().slice(range);
        let may_hold = |record: Record<'_, '_, '_>| super::shape::may_hold_event(record.value);
        parse_repaired(self.tools.documents, &mut self.text, bytes, may_hold).unwrap_or(false)
    }

    /// Gives up the piece up to the next whole record at or after `from`, and moves the cursor
    /// there; without one, to the end of the list, if there is one.
    pub(super) fn give_up(
        &mut self,
        piece: &Piece,
        from: usize,
        reason: RejectReason,
    ) -> Result<(), Stop> {
        let truncated = reason == RejectReason::Truncated;
        let (end, reason, lost) = match self.next_whole(from) {
            Next::At(next) => (next, reason, None),
            Next::GivenUp => {
                let end = self.scanner.window().end();
                (end, RejectReason::GivenUp, Some(Damage::GivenUp))
            }
            Next::Nowhere => match self.closing(piece.start).filter(|_| !truncated) {
                Some(closing) if self.in_list => (closing, reason, None),
                _ => {
                    let cut = (self.in_list || truncated).then_some(Damage::TruncatedJson);
                    (self.scanner.window().end(), reason, cut)
                }
            },
        };
        if end > piece.start {
            self.reject(piece, end, reason);
        }
        self.scanner.go_to(end);
        lost.map_or(Ok(()), |damage| Err(Stop::Lost(damage)))
    }

    /// The bracket that ends the records, if the document ends with `]}`, at or after `start`.
    fn closing(&self, start: usize) -> Option<usize> {
        let window = self.scanner.window();
        let rest = window.from(start).trim_ascii_end().strip_suffix(b"}")?;
        let rest = rest.trim_ascii_end().strip_suffix(b"]")?;
        Some(window.end() - window.from(start).len() + rest.len())
    }
}
