//! What an actor did to one object, put together of all its touches, in any order.

use std::collections::BTreeSet;

use super::touch::{Act, DeleteKind, Part, Restorable, Touch, Via};

/// Bytes of an object, as stretches that neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretches(Vec<(u64, u64)>);

impl Stretches {
    fn of(first: u64, bytes: u64) -> Self {
        Self(if bytes == 0 { Vec::new() } else { vec![(first, first.saturating_add(bytes))] })
    }

    fn join(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(self.0.len());
        for (first, end) in self.0.drain(..) {
            match joined.last_mut().filter(|last| first <= last.1) {
                Some(last) => last.1 = last.1.max(end),
                None => joined.push((first, end)),
            }
        }
        self.0 = joined;
    }

    fn cover(&self, size: u64) -> bool {
        size == 0 || self.0.first().is_some_and(|(first, end)| *first == 0 && *end >= size)
    }
}

/// How much of an object was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Full,
    /// Not all of it.
    Partial,
    /// The logs do not say.
    Unknown,
}

impl Extent {
    /// Its name in outputs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Unknown => "unknown",
        }
    }
}

/// What was done to an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectUse {
    /// Reads that were done.
    pub reads_ok: u64,
    /// Reads that were refused.
    pub reads_denied: u64,
    /// Reads that came to nothing: no such key, not modified …
    pub reads_failed: u64,
    /// Reads of its properties.
    pub heads: u64,
    /// Bytes sent, where logged.
    pub bytes_out: u64,
    /// Reads of which the bytes are not known.
    pub bytes_unknown: u64,
    /// The first and the last read that was done, µs.
    pub read_span: Option<(i64, i64)>,
    /// Whence.
    pub source_ips: BTreeSet<String>,
    /// How it was read.
    pub via: BTreeSet<Via>,
    /// Who.
    pub principals: BTreeSet<String>,
    /// The last write: when, µs, its bytes if known, and whether what was there before is left.
    pub written: Option<(i64, Option<u64>, Restorable)>,
    /// When it was last taken away, µs, and how.
    pub deleted: Option<(i64, DeleteKind, Restorable)>,
    /// When it was first seen to be there, µs.
    there: Option<i64>,
    /// The most bytes that a read of all of it sent.
    largest: Option<u64>,
    /// Whether a copy of all of it was made.
    copied: bool,
    /// What reads of parts sent.
    stretches: Stretches,
    /// Whether a read may have sent any part.
    vague: bool,
}

impl ObjectUse {
    /// What one touch did.
    #[must_use]
    pub fn of(touch: &Touch) -> Self {
        let none = Self::default();
        let mut found = match &touch.act {
            Act::Read { via, part, bytes } => Self::read(touch.time, *via, *part, *bytes),
            Act::Denied => Self { reads_denied: 1, ..none },
            Act::Failed => Self { reads_failed: 1, ..none },
            Act::Head => Self { heads: 1, there: Some(touch.time), ..none },
            Act::Write(bytes, before) => Self {
                written: Some((touch.time, *bytes, *before)),
                there: Some(touch.time),
                ..none
            },
            Act::Delete(kind, restorable) => {
                Self { deleted: Some((touch.time, *kind, *restorable)), ..none }
            }
        };
        found.source_ips.extend(touch.source_ip.clone());
        found.principals.extend(touch.principal.clone());
        found
    }

    fn read(time: i64, via: Via, part: Part, bytes: Option<u64>) -> Self {
        let whole = part == Part::Whole;
        let copies = matches!(via, Via::Copy | Via::Replication) && whole;
        Self {
            reads_ok: 1,
            bytes_out: bytes.unwrap_or(0),
            bytes_unknown: u64::from(bytes.is_none()),
            read_span: Some((time, time)),
            via: [via].into(),
            there: Some(time),
            largest: bytes.filter(|_| whole),
            copied: copies,
            stretches: match (part, bytes) {
                (Part::From(first), Some(bytes)) => Stretches::of(first, bytes),
                (Part::Whole, Some(bytes)) => Stretches::of(0, bytes),
                _ => Stretches::default(),
            },
            vague: bytes.is_none() || part == Part::Some,
            ..Self::default()
        }
    }

    /// Both together.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.reads_ok = self.reads_ok.saturating_add(other.reads_ok);
        self.reads_denied = self.reads_denied.saturating_add(other.reads_denied);
        self.reads_failed = self.reads_failed.saturating_add(other.reads_failed);
        self.heads = self.heads.saturating_add(other.heads);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.bytes_unknown = self.bytes_unknown.saturating_add(other.bytes_unknown);
        self.read_span = match (self.read_span, other.read_span) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (span, None) | (None, span) => span,
        };
        self.source_ips.extend(other.source_ips);
        self.via.extend(other.via);
        self.principals.extend(other.principals);
        self.written = self.written.max(other.written);
        self.deleted = self.deleted.max(other.deleted);
        self.there = self.there.into_iter().chain(other.there).min();
        self.largest = self.largest.max(other.largest);
        self.copied |= other.copied;
        self.stretches.join(other.stretches);
        self.vague |= other.vague;
        self
    }

    /// The size that the log itself tells, and by what: what a read of all of it sent, or what was
    /// written.
    #[must_use]
    pub fn logged_size(&self) -> Option<(u64, &'static str)> {
        let read = self.largest.filter(|bytes| *bytes > 0).map(|bytes| (bytes, "read"));
        let written = self.written.and_then(|(_, bytes, _)| bytes).map(|bytes| (bytes, "written"));
        read.or(written)
    }

    /// How much of it was read; `size` as an inventory says it.
    #[must_use]
    pub fn extent(&self, size: Option<u64>) -> Option<Extent> {
        if self.reads_ok == 0 {
            return None;
        }
        let is_full = match size {
            Some(size) => self.stretches.cover(size) && (size > 0 || self.largest.is_some()),
            // Nothing may be what a client got that had it already.
            None => self.largest.is_some_and(|bytes| bytes > 0),
        };
        Some(if self.copied || is_full {
            Extent::Full
        } else if size.is_some() && !self.vague {
            Extent::Partial
        } else {
            Extent::Unknown
        })
    }

    /// When it was first seen to be there, µs.
    #[must_use]
    pub fn there(&self) -> Option<i64> {
        self.there
    }

    /// When it was last taken away, how, and whether it can be had again. What was `there`, since a
    /// time in µs, and is written anew is overwritten.
    #[must_use]
    pub fn loss(&self, there: Option<i64>) -> Option<(i64, DeleteKind, Restorable)> {
        let overwritten = self.written.and_then(|(time, _, before)| {
            let was_there = there.is_some_and(|there| there < time);
            was_there.then_some((time, DeleteKind::Overwrite, before))
        });
        self.deleted.max(overwritten)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn act() -> impl Strategy<Value = Act> {
        let via = prop_oneof![Just(Via::Direct), Just(Via::Presigned), Just(Via::Copy)];
        let part =
            prop_oneof![Just(Part::Whole), Just(Part::Some), (0..9_u64).prop_map(Part::From)];
        let bytes = || prop_oneof![Just(None), (0..9_u64).prop_map(Some), Just(Some(u64::MAX))];
        let left = || prop_oneof![Just(Restorable::Yes), Just(Restorable::Unknown)];
        let kind = prop_oneof![Just(DeleteKind::Marker), Just(DeleteKind::Permanent)];
        prop_oneof![
            (via, part, bytes()).prop_map(|(via, part, bytes)| Act::Read { via, part, bytes }),
            Just(Act::Denied),
            Just(Act::Failed),
            Just(Act::Head),
            (bytes(), left()).prop_map(|(bytes, left)| Act::Write(bytes, left)),
            (kind, left()).prop_map(|(kind, left)| Act::Delete(kind, left)),
        ]
    }

    fn used() -> impl Strategy<Value = ObjectUse> {
        (act(), 0..5_i64, "[ab]").prop_map(|(act, time, ip)| {
            ObjectUse::of(&Touch {
                bucket: "b".to_owned(),
                key: "k".to_owned(),
                version: None,
                actor: "a".to_owned(),
                time,
                act,
                source_ip: Some(ip),
                principal: None,
            })
        })
    }

    fn folded() -> impl Strategy<Value = ObjectUse> {
        prop::collection::vec(used(), 0..6)
            .prop_map(|uses| uses.into_iter().fold(ObjectUse::default(), ObjectUse::join))
    }

    proptest! {
        #[test]
        fn joining_commutes_and_associates(a in folded(), b in folded(), c in folded()) {
            prop_assert_eq!(a.clone().join(b.clone()), b.clone().join(a.clone()));
            let left = a.clone().join(b.clone()).join(c.clone());
            prop_assert_eq!(left, a.clone().join(b.join(c)));
            prop_assert_eq!(a.clone().join(ObjectUse::default()), a);
        }
    }

    fn read(part: Part, bytes: Option<u64>) -> ObjectUse {
        ObjectUse::read(1, Via::Direct, part, bytes)
    }

    #[test]
    fn the_extent_is_what_was_sent_of_the_size() {
        let parts = || read(Part::From(0), Some(6)).join(read(Part::From(6), Some(4)));
        let cases = [
            (read(Part::Whole, Some(10)), Some(10), Extent::Full),
            (read(Part::Whole, Some(4)), Some(10), Extent::Partial),
            (read(Part::Whole, Some(4)), None, Extent::Full),
            (read(Part::Whole, None), Some(10), Extent::Unknown),
            (read(Part::Whole, Some(0)), None, Extent::Unknown),
            (read(Part::Whole, Some(0)), Some(0), Extent::Full),
            (parts(), Some(10), Extent::Full),
            (parts(), Some(11), Extent::Partial),
            (parts(), None, Extent::Unknown),
            (
                read(Part::From(0), Some(6)).join(read(Part::From(0), Some(6))),
                Some(10),
                Extent::Partial,
            ),
            (read(Part::Some, Some(6)), Some(10), Extent::Unknown),
            (ObjectUse::read(1, Via::Copy, Part::Whole, None), None, Extent::Full),
        ];
        for (used, size, expected) in cases {
            assert_eq!(used.extent(size), Some(expected), "{used:?} of {size:?}");
        }
        assert_eq!(ObjectUse { reads_denied: 1, ..ObjectUse::default() }.extent(None), None);
    }
}
