//! The work of a scan, shared by its workers: listed objects, largest first; objects of buckets, in
//! the order of their listing, as they are fetched; and the members of archives as they are found.
//! Few of these wait at a time: whoever finds a member that there is no room for reads it himself,
//! and listing and fetching wait for the workers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::source::{LogObject, Order, Place, delivery_day};
use crate::store::{Fault, Stored};

/// Objects of buckets that are listed and wait to be fetched.
const LISTED_AHEAD: usize = 10_000;

/// How often whoever waits for the network looks whether the user has had enough.
const GLANCE: Duration = Duration::from_millis(200);

/// Something to read.
pub(super) enum Job {
    /// A listed object.
    Object(LogObject),
    /// A listed object, and what came of fetching it.
    Fetched(LogObject, Result<Stored, Fault>),
    /// A member of an archive.
    Member(Found),
}

impl Job {
    /// The stored bytes of a listed object.
    pub(super) fn listed_bytes(&self) -> Option<u64> {
        match self {
            Self::Object(object) | Self::Fetched(object, _) => Some(object.bytes),
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
    shared: Arc<Shared>,
    interrupt: &'l AtomicBool,
    /// The most members, and bytes of members, that may wait.
    room: (usize, usize),
    /// Objects of buckets with more bytes are not fetched, but read as streams.
    whole_bytes: u64,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The last one is the next.
    listed: Vec<LogObject>,
    /// Whether more may be listed.
    listing: bool,
    to_fetch: VecDeque<LogObject>,
    /// Those on their way, by number.
    fetching: BTreeMap<u64, LogObject>,
    number: u64,
    fetched: VecDeque<(LogObject, Result<Stored, Fault>)>,
    waiting: VecDeque<Found>,
    waiting_bytes: usize,
    /// Workers that read something: they may find members.
    busy: usize,
    /// Whether something was left undone.
    cut: bool,
    /// Whether nothing more is to be read.
    stopped: bool,
}

impl State {
    fn is_done(&self) -> bool {
        self.busy == 0 && !self.is_left()
    }

    /// Whether something waits, or may come, that nobody has begun to read.
    fn is_left(&self) -> bool {
        self.listing
            || !self.fetching.is_empty()
            || !self.listed.is_empty()
            || !self.to_fetch.is_empty()
            || !self.fetched.is_empty()
            || !self.waiting.is_empty()
    }
}

/// Where fetched objects are brought.
#[derive(Clone)]
pub(super) struct Arrivals(Arc<Shared>);

impl Arrivals {
    /// The object of that number is there, or will not come.
    pub(super) fn bring(&self, number: u64, stored: Result<Stored, Fault>) {
        let mut state = self.0.lock();
        // Otherwise nobody waits for it any more.
        if let Some(object) = state.fetching.remove(&number) {
            state.fetched.push_back((object, stored));
        }
        drop(state);
        self.0.changed.notify_all();
    }
}

impl<'l> Feed<'l> {
    /// Nothing to read yet, until `interrupt` is raised; members of at most `bytes` wait, and
    /// objects of buckets of at most `whole_bytes` are fetched.
    pub(super) fn new(
        threads: usize,
        bytes: usize,
        whole_bytes: u64,
        interrupt: &'l AtomicBool,
    ) -> Self {
        Self { shared: Arc::default(), interrupt, room: (threads * 8, bytes), whole_bytes }
    }

    /// The objects that are listed before reading begins: the largest are read first, so that the
    /// last ones to finish are small, unless an order of days is asked for.
    pub(super) fn start(&self, mut objects: Vec<LogObject>, order: Option<Order>) {
        let day = |object: &LogObject| delivery_day(&object.uri);
        match order {
            None => objects.sort_by_key(|object| object.bytes),
            Some(Order::Newest) => objects.sort_by_cached_key(day),
            Some(Order::Oldest) => objects.sort_by_cached_key(|object| Reverse(day(object))),
        }
        self.shared.lock().listed = objects;
    }

    /// More is to be listed, until [`listed`](Self::listed).
    pub(super) fn listing(&self) {
        self.shared.lock().listing = true;
    }

    /// All is listed.
    pub(super) fn listed(&self) {
        self.shared.lock().listing = false;
        self.shared.changed.notify_all();
    }

    /// Adds objects of buckets, as soon as there is room for them; says whether to go on listing.
    pub(super) fn add(&self, objects: Vec<LogObject>) -> bool {
        let mut state = self.shared.lock();
        while state.to_fetch.len() > LISTED_AHEAD && !self.is_over(&state) {
            state = self.shared.wait(state);
        }
        for object in objects {
            if matches!(object.place, Place::S3(_)) && object.bytes <= self.whole_bytes {
                state.to_fetch.push_back(object);
            } else {
                state.listed.push(object);
            }
        }
        let over = self.is_over(&state);
        state.cut |= over;
        drop(state);
        self.shared.changed.notify_all();
        !over
    }

    /// The next object to fetch, waiting for it to be listed; `None`: there is no more. What comes
    /// of it is brought to [`arrivals`](Self::arrivals).
    pub(super) fn next_to_fetch(&self) -> Option<(u64, LogObject)> {
        let mut state = self.shared.lock();
        loop {
            if self.is_over(&state) {
                return None;
            }
            if let Some(object) = state.to_fetch.pop_front() {
                state.number += 1;
                let number = state.number;
                state.fetching.insert(number, object.clone());
                drop(state);
                self.shared.changed.notify_all();
                return Some((number, object));
            }
            if !state.listing {
                return None;
            }
            state = self.shared.wait(state);
        }
    }

    /// Whether anything more is to be read.
    pub(super) fn is_going_on(&self) -> bool {
        !self.is_over(&self.shared.lock())
    }

    /// Where fetched objects are brought.
    pub(super) fn arrivals(&self) -> Arrivals {
        Arrivals(self.shared.clone())
    }

    /// Something to read, waiting for it if others may still find it; `None`: there is no more. Who
    /// takes a job calls [`done`](Self::done) after it.
    pub(super) fn take(&self) -> Option<Job> {
        let mut state = self.shared.lock();
        loop {
            if self.is_over(&state) {
                state.cut |= state.is_left();
                return None;
            }
            if let Some(found) = state.waiting.pop_front() {
                state.waiting_bytes -= found.bytes.len();
                state.busy += 1;
                return Some(Job::Member(found));
            }
            if let Some((object, stored)) = state.fetched.pop_front() {
                state.busy += 1;
                return Some(Job::Fetched(object, stored));
            }
            if let Some(object) = state.listed.pop() {
                state.busy += 1;
                return Some(Job::Object(object));
            }
            if state.is_done() {
                return None;
            }
            state = self.shared.wait(state);
        }
    }

    /// Nothing more is to be read.
    pub(super) fn stop(&self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        state.waiting.clear();
        state.waiting_bytes = 0;
        drop(state);
        self.shared.changed.notify_all();
    }

    /// A job is done.
    pub(super) fn done(&self) {
        self.shared.lock().busy -= 1;
        self.shared.changed.notify_all();
    }

    /// Leaves a member to whoever is free; gives it back if there is no room for it.
    pub(super) fn offer(&self, found: Found) -> Option<Found> {
        let mut state = self.shared.lock();
        let bytes = state.waiting_bytes + found.bytes.len();
        if state.waiting.len() >= self.room.0 || bytes > self.room.1 {
            return Some(found);
        }
        state.waiting_bytes = bytes;
        state.waiting.push_back(found);
        drop(state);
        self.shared.changed.notify_one();
        None
    }

    /// Whether reading shall end; who asks then leaves something undone.
    pub(super) fn is_interrupted(&self) -> bool {
        let interrupted = self.interrupt.load(Ordering::Relaxed);
        if interrupted {
            self.shared.lock().cut = true;
        }
        interrupted
    }

    /// Whether something was left undone, and the objects that nobody has read.
    pub(super) fn leftovers(&self) -> (bool, Vec<LogObject>) {
        let mut state = self.shared.lock();
        let mut unread = std::mem::take(&mut state.listed);
        unread.extend(std::mem::take(&mut state.to_fetch));
        unread.extend(std::mem::take(&mut state.fetching).into_values());
        unread.extend(std::mem::take(&mut state.fetched).into_iter().map(|(object, _)| object));
        (state.cut, unread)
    }

    fn is_over(&self, state: &State) -> bool {
        state.stopped || self.interrupt.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements that can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&'s self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        let waited = self.changed.wait_timeout(state, GLANCE);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
