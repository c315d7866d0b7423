//! Where requests wait: for a test, or for each other.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::log::Asked;

/// A test that waits longer than this has gone wrong.
const PATIENCE: Duration = Duration::from_mins(1);

/// When a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing is done yet.
    Before,
    /// All is done, but the caller does not know.
    After,
}

/// What becomes of a held request.
#[derive(Debug)]
pub(super) enum Verdict {
    GoOn,
    Forget,
}

pub(super) type Fits = Box<dyn Fn(&Asked) -> bool + Send>;

/// Holds one request.
struct Gate {
    fits: Fits,
    moment: Moment,
    /// How many that fit are let through before.
    before: usize,
    arrived: mpsc::Sender<()>,
    verdict: oneshot::Receiver<Verdict>,
}

/// A request that is held, or will be. Dropped, it is forgotten: the connection breaks.
#[derive(Debug)]
pub struct Held {
    arrived: mpsc::Receiver<()>,
    verdict: oneshot::Sender<Verdict>,
}

impl Held {
    /// Waits until the request is there.
    pub fn wait(&self) {
        self.arrived.recv_timeout(PATIENCE).expect("a request that is to be held");
    }

    /// Lets it go on.
    pub fn release(self) {
        let _ = self.verdict.send(Verdict::GoOn);
    }
}

/// Holds the first requests that fit until so many are there.
struct Barrier {
    fits: Fits,
    wanted: usize,
    there: watch::Sender<usize>,
}

/// All gates and barriers.
#[derive(Default)]
pub(super) struct Gates {
    gates: Mutex<Vec<Gate>>,
    barriers: Mutex<Vec<Barrier>>,
}

impl Gates {
    /// Holds one request: the one that fits after `before` others.
    pub(super) fn hold(&self, moment: Moment, before: usize, fits: Fits) -> Held {
        let (arrived, wait) = mpsc::channel();
        let (send, verdict) = oneshot::channel();
        self.gates.lock().unwrap().push(Gate { fits, moment, before, arrived, verdict });
        Held { arrived: wait, verdict: send }
    }

    pub(super) fn barrier(&self, wanted: usize, fits: Fits) {
        let (there, _) = watch::channel(0);
        self.barriers.lock().unwrap().push(Barrier { fits, wanted, there });
    }

    /// Waits where the request has to; whether it goes on.
    pub(super) async fn pass(&self, asked: &Asked, moment: Moment) -> bool {
        if moment == Moment::Before {
            self.meet(asked).await;
        }
        let Some(gate) = self.closed(asked, moment) else { return true };
        let _ = gate.arrived.send(());
        matches!(gate.verdict.await, Ok(Verdict::GoOn))
    }

    fn closed(&self, asked: &Asked, moment: Moment) -> Option<Gate> {
        let mut gates = self.gates.lock().unwrap();
        let fits = |gate: &Gate| gate.moment == moment && (gate.fits)(asked);
        for gate in gates.iter_mut().filter(|gate| fits(gate)) {
            match gate.before.checked_sub(1) {
                Some(before) => gate.before = before,
                None => gate.before = usize::MAX,
            }
        }
        let place = gates.iter().position(|gate| gate.before == usize::MAX)?;
        Some(gates.swap_remove(place))
    }

    /// Waits for the others of a barrier.
    async fn meet(&self, asked: &Asked) {
        let joined = self.join(asked);
        let Some((wanted, mut there)) = joined else { return };
        let all = there.wait_for(|there| *there >= wanted);
        tokio::time::timeout(PATIENCE, all).await.expect("others at the barrier").unwrap();
    }

    fn join(&self, asked: &Asked) -> Option<(usize, watch::Receiver<usize>)> {
        let barriers = self.barriers.lock().unwrap();
        let is_open = |barrier: &&Barrier| *barrier.there.borrow() < barrier.wanted;
        let barrier = barriers.iter().filter(is_open).find(|barrier| (barrier.fits)(asked))?;
        let there = barrier.there.subscribe();
        barrier.there.send_modify(|there| *there += 1);
        Some((barrier.wanted, there))
    }
}
