//! How many requests are under way: more while the server answers, half as many when it asks to
//! slow down (additive increase, multiplicative decrease: Chiu and Jain, 1989; the first increase
//! is exponential, as in TCP's slow start, RFC 5681).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Requests under way at the beginning.
const FIRST: usize = 32;
/// Requests under way at the least.
const LEAST: usize = 2;
/// Answers to requests that were under way at a decrease are no reason for another one.
const CALM: Duration = Duration::from_millis(500);

/// Lets so many requests through at a time.
#[derive(Debug)]
pub(super) struct Pace {
    semaphore: Arc<Semaphore>,
    state: Mutex<State>,
    most: usize,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Permits to be taken away when they come back.
    excess: usize,
    /// Whether the server has asked to slow down yet.
    slowed: bool,
    since_increase: usize,
    decreased: Option<Instant>,
}

/// Leave to make a request.
#[derive(Debug)]
pub(super) struct Leave {
    pace: Arc<Pace>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Pace {
    /// At most `most` requests at a time.
    pub(super) fn new(most: usize) -> Self {
        let limit = FIRST.min(most.max(1));
        let state = State { limit, excess: 0, slowed: false, since_increase: 0, decreased: None };
        Self { semaphore: Arc::new(Semaphore::new(limit)), state: Mutex::new(state), most }
    }

    /// Waits until one more request may be made.
    pub(super) async fn leave(self: &Arc<Self>) -> Leave {
        // The semaphore is never closed.
        let permit = self.semaphore.clone().acquire_owned().await.ok();
        Leave { pace: self.clone(), permit }
    }

    /// A request was answered.
    pub(super) fn faster(&self) {
        let mut state = self.lock();
        state.since_increase += 1;
        let enough = if state.slowed { state.limit } else { 1 };
        if state.since_increase < enough || state.limit >= self.most {
            return;
        }
        state.since_increase = 0;
        state.limit += 1;
        if state.excess > 0 {
            state.excess -= 1;
        } else {
            self.semaphore.add_permits(1);
        }
    }

    /// The server has asked to slow down.
    pub(super) fn slower(&self) {
        let mut state = self.lock();
        let now = Instant::now();
        state.slowed = true;
        if state.decreased.is_some_and(|before| now.duration_since(before) < CALM) {
            return;
        }
        state.decreased = Some(now);
        state.since_increase = 0;
        let limit = (state.limit / 2).max(LEAST).min(state.limit);
        let fewer = state.limit - limit;
        state.limit = limit;
        state.excess += fewer - self.semaphore.forget_permits(fewer);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements that can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut state = self.pace.lock();
        if state.excess > 0
            && let Some(permit) = self.permit.take()
        {
            state.excess -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many requests are let through at once.
    async fn width(pace: &Arc<Pace>) -> usize {
        let mut leaves = Vec::new();
        while pace.semaphore.available_permits() > 0 {
            leaves.push(pace.leave().await);
        }
        leaves.len()
    }

    #[tokio::test(start_paused = true)]
    async fn answers_widen_and_slow_downs_halve() {
        let pace = Arc::new(Pace::new(100));
        assert_eq!(width(&pace).await, FIRST);
        (0..8).for_each(|_| pace.faster());
        assert_eq!(width(&pace).await, FIRST + 8);
        // Under way while the limit is halved: the permits are taken away when they come back.
        let under_way = [pace.leave().await, pace.leave().await];
        (0..3).for_each(|_| pace.slower());
        drop(under_way);
        assert_eq!(width(&pace).await, 20);
        tokio::time::advance(CALM).await;
        pace.slower();
        assert_eq!(width(&pace).await, 10);
        (0..10).for_each(|_| pace.faster());
        assert_eq!(width(&pace).await, 11);
    }

    #[tokio::test(start_paused = true)]
    async fn the_limits_hold() {
        let pace = Arc::new(Pace::new(40));
        (0..1_000).for_each(|_| pace.faster());
        assert_eq!(width(&pace).await, 40);
        for _ in 0..20 {
            pace.slower();
            tokio::time::advance(CALM).await;
        }
        assert_eq!(width(&pace).await, LEAST);
    }
}
