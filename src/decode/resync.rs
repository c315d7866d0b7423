//! Where whole records go on after a damage: the next `{` that can start an element and whose
//! object is complete, parses, and has the keys of an event. The search looks at bytes, not at the
//! grammar around them, since that is what is broken. A text cannot fake a record: the quotes in
//! it are escaped, so that no key follows its braces.

use memchr::memchr;

use super::RecordSink;
use super::salvage::Salvage;
use super::scan::is_space;

/// What the search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The next whole record starts here.
    At(usize),
    /// There is none up to the end of the data.
    Nowhere,
    /// The allowance of work is used up.
    GivenUp,
}

impl<S: RecordSink> Salvage<'_, S> {
    /// The first whole record that starts at or after `from`. The cursor is moved somewhere.
    pub(super) fn next_whole(&mut self, from: usize) -> Next {
        let mut at = from;
        while let Some(found) = self.bytes.get(at..).and_then(|rest| memchr(b'{', rest)) {
            let brace = at + found;
            if self.allowance == 0 {
                return Next::GivenUp;
            }
            if self.can_start(brace) && self.is_whole(brace) {
                return Next::At(brace);
            }
            at = brace + 1;
        }
        Next::Nowhere
    }

    /// Whether an element of an array can start at `brace`: it is the first, or follows a comma or
    /// (the comma being lost) another object. Objects after a colon are values of a key.
    fn can_start(&self, brace: usize) -> bool {
        let before = self.bytes.get(..brace).unwrap_or_default();
        let last = before.iter().rfind(|byte| !is_space(**byte));
        matches!(last, Some(b',' | b'}' | b'['))
    }

    /// Whether a whole event starts at `brace`.
    fn is_whole(&mut self, brace: usize) -> bool {
        self.scanner.go_to(brace);
        let scanned = self.scanner.value(self.limits.record_bytes).is_ok();
        self.charge(brace);
        let end = self.scanner.at();
        scanned && self.is_event(brace, end)
    }

    /// Counts the bytes from `start` to the cursor as looked at in search of whole records.
    pub(super) fn charge(&mut self, start: usize) {
        let looked_at = self.scanner.at().saturating_sub(start).saturating_add(1);
        self.allowance = self.allowance.saturating_sub(looked_at);
    }
}
