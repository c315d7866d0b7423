//! What people do at their desks, and the honest oddities among it.
//!
//! In: a shift of a principal with people. Out: events in sittings, each from one place with one client.

use super::calendar::{DAY, midnight};
use super::event::{Action, Caller, Event, Failure};
use super::org::{Doing, Habit, Person, Work};
use super::sample;
use super::traffic::{LOOKS, Shift};

/// Adds the day of everyone who works.
pub(crate) fn work(shift: &mut Shift<'_>) {
    let who = shift.who;
    for (number, person) in who.people.iter().enumerate() {
        if !person.works(shift.day) {
            continue;
        }
        let today = sample::log_normal(&mut shift.rng, who.rate * shift.factor, 0.7);
        let calls = sample::poisson(&mut shift.rng, today);
        let sittings = (1 + calls / 25).min(5);
        for sitting in 0..sittings {
            sit(shift, number, sitting, calls / sittings);
        }
        if sample::happens(&mut shift.rng, 1.0 / 140.0) {
            try_another(shift, number);
        }
        if sample::happens(&mut shift.rng, 1.0 / 260.0) {
            download(shift, number);
        }
        if number == 0 && calls > 0 {
            let begin = begin(shift, person);
            shift.clean(begin);
        }
    }
}

/// When a sitting begins: office hours where the person is.
pub(crate) fn begin(shift: &mut Shift<'_>, person: &Person) -> i64 {
    let hour = 8.5 + 9.0 * shift.rng.f64() + 0.5 * sample::normal(&mut shift.rng);
    midnight(shift.day) + (hour * 3_600.0) as i64 - person.zone
}

fn sit(shift: &mut Shift<'_>, person: usize, sitting: i64, calls: i64) {
    let who = shift.who;
    let mut time = begin(shift, &who.people[person]);
    let caller = who.desk(person, shift.day, sitting.unsigned_abs(), time);
    let mut habit = shift.habit();
    if who.work == Work::Admin {
        administer(shift, habit.bucket, time, caller);
    }
    for _ in 0..calls {
        time += 1 + (-(1.0 - shift.rng.f64()).ln() * 22.0) as i64;
        if shift.rng.u32(..5) == 0 {
            habit = shift.habit();
        }
        shift.act(habit, time, caller);
    }
}

/// A console page about a bucket asks for its settings; one in four visits changes one.
fn administer(shift: &mut Shift<'_>, bucket: usize, time: i64, caller: Caller) {
    for (n, look) in (0_i64..).zip(LOOKS) {
        shift.look(bucket, look, time + n / 3, caller);
    }
    let changes = [
        (4, Action::PutBucketTags),
        (3, Action::PutPolicy),
        (2, Action::PutLifecycle),
        (1, Action::PutBucketAcl),
    ];
    if shift.rng.u32(..4) == 0 {
        let change = sample::weighted(&mut shift.rng, &changes);
        let event = Event::new(time + 90, shift.number, caller, change);
        shift.events.push(event.on(bucket, 0));
    }
}

/// Someone looks into a bucket that is new for them, and may not.
fn try_another(shift: &mut Shift<'_>, person: usize) {
    let who = shift.who;
    let mut time = begin(shift, &who.people[person]);
    let caller = who.desk(person, shift.day, 0, time);
    let own = |at: &usize| shift.org.stores[*at].bucket.account == who.account;
    let stores: Vec<usize> = shift.org.stores_at(time - DAY).filter(own).collect();
    let bucket = sample::any(&mut shift.rng, &stores);
    let refused = shift.rng.u32(..3) == 0;
    for _ in 0..shift.rng.u32(1..8) {
        time += shift.rng.i64(2..60);
        let habit = Habit { bucket, doing: Doing::Browse, weight: 1 };
        shift.act(habit, time, caller);
        if let Some(event) = shift.events.last_mut().filter(|_| refused) {
            event.failure = Some(Failure::Denied);
        }
    }
}

/// Two to four times of what a person does on a usual day, in one go.
fn download(shift: &mut Shift<'_>, person: usize) {
    let who = shift.who;
    let begin = begin(shift, &who.people[person]);
    let caller = who.desk(person, shift.day, 0, begin);
    let mut habit = shift.habit();
    habit.doing = Doing::Fetch;
    let usual = (who.rate * shift.factor).max(3.0);
    let calls = (usual * (2.0 + 2.0 * shift.rng.f64())) as i64;
    for n in 0..calls {
        let action = if n == 0 { Action::List } else { Action::Get };
        shift.call(habit, action, begin + n / 2, caller);
    }
}
