//! What became of the leaves of one value: which the sink took, and which were given up.

use super::RecordSink;
use super::leaves::Leaf;
use super::outcome::Left;
use super::reject::RejectReason;
use super::shape::is_notification;

/// Refused records of one value that are held in memory.
pub(super) const MAX_BAD: usize = 1 << 16;

/// A value is read a second time to find where the refused records of it stand. The sink is not
/// shown again what it has seen.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// What the sink said to the records that it refused, by number.
    pub(super) refused: Vec<(u64, RejectReason)>,
    /// The first number that the sink has not seen.
    pub(super) until: u64,
}

/// What became of the leaves of one value.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) leaves: u64,
    /// Leaves that are no events, or were refused.
    pub(super) bad: Vec<(u64, RejectReason)>,
    /// More of them than are held.
    pub(super) uncounted: u64,
    pub(super) left: Option<Left>,
    pub(super) event: bool,
    pub(super) notification: bool,
}

impl Replay {
    /// What the sink has said to this record, if it has seen it.
    fn verdict(&self, number: u64) -> Option<Result<(), RejectReason>> {
        let at = self.refused.binary_search_by_key(&number, |(number, _)| *number).ok();
        let refused = at.and_then(|at| self.refused.get(at)).map(|(_, reason)| reason.clone());
        (number < self.until).then(|| refused.map_or(Ok(()), Err))
    }
}

impl Taken {
    /// Takes one leaf; says whether to go on.
    pub(super) fn take(
        &mut self,
        first: u64,
        leaf: Leaf<'_, '_, '_>,
        sink: &mut impl RecordSink,
        replay: Option<&Replay>,
    ) -> bool {
        let number = first + self.leaves;
        let verdict = match leaf {
            Leaf::Event(event) if number == 0 && is_notification(event.value) => {
                self.notification = true;
                return false;
            }
            Leaf::Event(event) => {
                self.event = true;
                let known = replay.and_then(|replay| replay.verdict(number));
                known.unwrap_or_else(|| sink.record(number, event).map_err(RejectReason::from))
            }
            Leaf::Bad(reason) => Err(reason),
            Leaf::Left(left) => {
                self.left = Some(left);
                return true;
            }
        };
        self.leaves += 1;
        match verdict {
            Err(reason) if self.bad.len() < MAX_BAD => self.bad.push((number, reason)),
            Err(_) => self.uncounted += 1,
            Ok(()) => {}
        }
        true
    }
}
