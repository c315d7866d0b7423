//! Where whole records go on after a damage: the next `{` that can start an element or a line and
//! whose object is complete, parses, and holds an event. The search looks at bytes, not at the
//! grammar around them, since that is what is broken. A text cannot fake a record: the quotes in
//! it are escaped, so that no key follows its braces.

use memchr::memchr;

use super::RecordSink;
use super::salvage::Salvage;
use super::scan::is_space;

/// Bytes before a brace that stay at hand, to see what it follows.
const CONTEXT: usize = 64;

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

impl<S: RecordSink> Salvage<'_, '_, S> {
    /// The first whole record that starts at or after `from`. The cursor is moved somewhere.
    pub(super) fn next_whole(&mut self, from: usize) -> Next {
        let mut at = from;
        loop {
            let Some(found) = memchr(b'{', self.scanner.window().from(at)) else {
                at = at.max(self.scanner.window().end());
                self.scanner.go_to(at);
                self.scanner.keep_from(at.saturating_sub(CONTEXT));
                if !self.scanner.more() {
                    return Next::Nowhere;
                }
                continue;
            };
            let brace = at + found;
            if self.is_spent() {
                return Next::GivenUp;
            }
            if self.can_start(brace) && self.is_whole(brace) {
                return Next::At(brace);
            }
            at = brace + 1;
        }
    }

    /// Whether an element of an array or a value of its own can start at `brace`: it is the first,
    /// or follows a comma or (the comma being lost) another object, or starts a line. Objects after
    /// a colon are values of a key.
    fn can_start(&self, brace: usize) -> bool {
        let before = self.scanner.window().before(brace);
        if before.last().is_none_or(|last| *last == b'\n') {
            return true;
        }
        let last = before.iter().rfind(|byte| !is_space(**byte));
        matches!(last, None | Some(b',' | b'}' | b'['))
    }

    /// Whether a whole event starts at `brace`.
    fn is_whole(&mut self, brace: usize) -> bool {
        self.scanner.go_to(brace);
        self.scanner.keep_from(brace.saturating_sub(CONTEXT));
        let scanned = self.scanner.value(self.limits.record_bytes).is_ok();
        self.charge(brace);
        let end = self.scanner.at();
        scanned && self.holds_event(brace..end)
    }
}
