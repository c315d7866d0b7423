//! The work of a scan, shared by its workers: listed objects, largest first, and the members of
//! archives as they are found. Few members wait at a time; whoever finds one that there is no room
//! for reads it himself.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::source::LogObject;

/// Something to read.
pub(super) enum Job<'l> {
    /// A listed object.
    Object(&'l LogObject),
    /// A member of an archive.
    Member(Found),
}

impl Job<'_> {
    /// The stored bytes of a listed object.
    pub(super) fn listed_bytes(&self) -> Option<u64> {
        match self {
            Self::Object(object) => Some(object.bytes),
            Self::Member(_) => None,
        }
    }
}

/// A member of an archive, in memory.
pub(super) struct Found {
    /// Its name: that of the archive, `!/`, and its own.
    pub uri: Arc<str>,
    /// What the archive holds of it.
    pub bytes: Vec<u8>,
    /// Why bytes may be missing at its end.
    pub cut: Option<String>,
    /// How many archives it is in.
    pub depth: u32,
}

/// What is left to do.
pub(super) struct Feed<'l> {
    listed: Vec<&'l LogObject>,
    state: Mutex<State>,
    changed: Condvar,
    interrupt: &'l AtomicBool,
    /// The most members, and bytes of members, that may wait.
    room: (usize, usize),
}

#[derive(Default)]
struct State {
    /// The position of the next listed object.
    next: usize,
    waiting: VecDeque<Found>,
    waiting_bytes: usize,
    /// Workers that read something: they may find members.
    busy: usize,
    /// Whether something was left undone.
    cut: bool,
}

impl<'l> Feed<'l> {
    /// The work of reading `listed`, until `interrupt` is raised; members of at most `bytes` wait.
    pub(super) fn new(
        mut listed: Vec<&'l LogObject>,
        threads: usize,
        bytes: usize,
        interrupt: &'l AtomicBool,
    ) -> Self {
        listed.sort_by_key(|object| std::cmp::Reverse(object.bytes));
        let (state, changed) = (Mutex::default(), Condvar::new());
        Self { listed, state, changed, interrupt, room: (threads * 8, bytes) }
    }

    /// Something to read, waiting for it if others may still find it; `None`: there is no more. Who
    /// takes a job calls [`done`](Self::done) after it.
    pub(super) fn take(&self) -> Option<Job<'l>> {
        let mut state = self.lock();
        loop {
            if self.interrupt.load(Ordering::Relaxed) {
                state.cut |= state.next < self.listed.len() || !state.waiting.is_empty();
                return None;
            }
            if let Some(found) = state.waiting.pop_front() {
                state.waiting_bytes -= found.bytes.len();
                state.busy += 1;
                return Some(Job::Member(found));
            }
            if let Some(object) = self.listed.get(state.next) {
                state.next += 1;
                state.busy += 1;
                return Some(Job::Object(object));
            }
            if state.busy == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more is to be read.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.next = usize::MAX;
        state.waiting.clear();
        state.waiting_bytes = 0;
    }

    /// A job is done.
    pub(super) fn done(&self) {
        self.lock().busy -= 1;
        self.changed.notify_all();
    }

    /// Leaves a member to whoever is free; gives it back if there is no room for it.
    pub(super) fn offer(&self, found: Found) -> Option<Found> {
        let mut state = self.lock();
        let bytes = state.waiting_bytes + found.bytes.len();
        if state.waiting.len() >= self.room.0 || bytes > self.room.1 {
            return Some(found);
        }
        state.waiting_bytes = bytes;
        state.waiting.push_back(found);
        drop(state);
        self.changed.notify_one();
        None
    }

    /// Whether reading shall end; who asks then leaves something undone.
    pub(super) fn is_interrupted(&self) -> bool {
        let interrupted = self.interrupt.load(Ordering::Relaxed);
        if interrupted {
            self.lock().cut = true;
        }
        interrupted
    }

    /// Whether something was left undone.
    pub(super) fn was_cut(&self) -> bool {
        self.lock().cut
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements that can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
