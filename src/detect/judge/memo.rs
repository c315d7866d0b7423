//! Answers of a roll-up that many entities ask for, kept for all threads that judge.

use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

use hashbrown::HashMap;

/// The most answers that are kept; beyond, all are made anew.
const MAX_ANSWERS: usize = 100_000;

/// Answers by question.
#[derive(Debug)]
pub(super) struct Memo<Q, A> {
    known: RwLock<HashMap<Q, A>>,
}

impl<Q, A> Default for Memo<Q, A> {
    fn default() -> Self {
        Self { known: RwLock::default() }
    }
}

impl<Q: Hash + Eq, A> Memo<Q, A> {
    /// Looks at the answer to a question, which is made if it is not known. Two threads may make it
    /// at the same time; it is the same.
    pub(super) fn look<T>(
        &self,
        question: Q,
        make: impl FnOnce() -> A,
        look: impl FnOnce(&A) -> T,
    ) -> T {
        // A map of whole answers is consistent, whoever panicked.
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = known.get(&question) {
            return look(answer);
        }
        drop(known);
        let answer = make();
        let seen = look(&answer);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_ANSWERS {
            known.clear();
        }
        known.insert(question, answer);
        seen
    }
}
