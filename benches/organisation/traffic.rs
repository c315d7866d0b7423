//! The benign traffic: who calls what on which day.
//!
//! In: an organisation and a factor on how much is done. Out: events in no order. Every principal's
//! day has its own random source, so one that does more changes nothing for the others.

use fastrand::Rng;

use super::calendar::{DAY, DAYS, END, MONTH_ENDS, START, busyness, midnight, weekday};
use super::event::{Action, Caller, Event, Failure};
use super::generate::text;
use super::org::{Doing, Habit, Org, Principal, Work};
use super::{desks, sample};

/// What one principal does on one day.
pub(crate) struct Shift<'o> {
    pub(crate) org: &'o Org,
    pub(crate) number: usize,
    pub(crate) who: &'o Principal,
    pub(crate) day: i64,
    /// On the principal's median of calls.
    pub(crate) factor: f64,
    pub(crate) rng: Rng,
    pub(crate) events: Vec<Event>,
}

/// All benign events.
pub(crate) fn plan(org: &Org, seed: u64, factor: f64) -> Vec<Event> {
    let mut events = Vec::new();
    for (number, who) in org.principals.iter().enumerate() {
        for day in 0..DAYS {
            let own = text::mix(text::mix(seed, 50 + number as u64), day.unsigned_abs());
            let rng = Rng::with_seed(own);
            let mut shift =
                Shift { org, number, who, day, factor, rng, events: std::mem::take(&mut events) };
            let first = shift.events.len();
            shift.work();
            events = shift.events;
            let (from, until) = (who.active.0.max(START), who.active.1.min(END));
            let mut at = first;
            while at < events.len() {
                if (from..until).contains(&events[at].time) {
                    at += 1;
                } else {
                    events.swap_remove(at);
                }
            }
        }
    }
    events
}

impl Shift<'_> {
    fn work(&mut self) {
        let (from, until) = self.who.active;
        if until <= midnight(self.day) || from >= midnight(self.day + 1) {
            return;
        }
        match self.who.work {
            Work::Staff | Work::Admin => desks::work(self),
            Work::Application | Work::Fleet | Work::Service => self.run(),
            Work::Pipeline => self.build(),
            Work::Nightly | Work::Weekly | Work::Monthly | Work::Quarterly => self.job(),
            Work::Audit => self.audit(),
            Work::Intruder => {}
        }
    }

    /// Calls all day, hour by hour.
    fn run(&mut self) {
        if self.who.rate == 0.0 {
            self.set_up();
            return;
        }
        let today = sample::log_normal(&mut self.rng, self.who.rate * self.factor, 0.25);
        for hour in 0..24 {
            let mean = today / 24.0 * busyness(self.day, hour, self.who.swing);
            for _ in 0..sample::poisson(&mut self.rng, mean) {
                let time = midnight(self.day) + hour * 3_600 + self.rng.i64(0..3_600);
                let caller = self.who.instance(self.rng.u64(..), time);
                let habit = self.habit();
                self.act(habit, time, caller);
            }
        }
        // A service that starts says so.
        if (midnight(self.day)..midnight(self.day + 1)).contains(&self.who.active.0)
            && self.who.active.0 > START
        {
            for _ in 0..self.rng.i64(3..12) {
                let time = self.who.active.0 + self.rng.i64(0..3_600);
                let caller = self.who.instance(self.rng.u64(..), time);
                let habit = self.habit();
                self.act(habit, time, caller);
            }
        }
        let begin = midnight(self.day) + self.rng.i64(0..DAY - 600);
        self.clean(begin);
    }

    /// Makes the buckets of a deployment.
    fn set_up(&mut self) {
        let (begin, end) = self.who.active;
        for habit in &self.who.habits {
            let time = begin + self.rng.i64(0..(end - begin) / 2);
            let caller = self.who.instance(0, time);
            let steps = [
                Action::CreateBucket,
                Action::PutPublicBlock,
                Action::PutBucketTags,
                Action::PutPolicy,
            ];
            for (step, action) in (0_i64..).zip(steps) {
                let mut event = Event::new(time + 3 * step, self.number, caller, action);
                event.via = Some(1);
                self.events.push(event.on(habit.bucket, 0));
            }
        }
    }

    /// Builds: bursts, mostly on working days.
    fn build(&mut self) {
        let quiet = if weekday(self.day) < 5 { 1.0 } else { 0.15 };
        let calls = self.who.rate * self.factor * quiet;
        for build in 0..sample::poisson(&mut self.rng, calls / 12.0) {
            let hour = 7.0 + 11.0 * self.rng.f64() + sample::normal(&mut self.rng);
            let mut time = midnight(self.day) + (hour * 3_600.0) as i64;
            let run = text::mix(self.who.seed, (self.day * 500 + build).unsigned_abs());
            let mut caller = self.who.instance(0, time);
            caller.session = run;
            caller.created = time - 30;
            caller.ip = self.who.machine_address(run);
            let size = sample::log_normal(&mut self.rng, 9.0, 0.7).min(150.0) as i64;
            for _ in 0..size.max(2) {
                time += self.rng.i64(0..6);
                let habit = self.habit();
                self.act(habit, time, caller);
            }
        }
        let begin = midnight(self.day) + self.rng.i64(36_000..60_000);
        self.clean(begin);
    }

    /// A job that is due today, or not.
    fn job(&mut self) {
        let (hour, due) = self.who.due;
        let after_month = MONTH_ENDS.map(|end| end + 1);
        let is_due = match self.who.work {
            Work::Nightly => true,
            Work::Weekly => weekday(self.day) == due,
            Work::Monthly => {
                after_month.contains(&self.day) || after_month.contains(&(self.day - 1))
            }
            // Fiscal years begin in different months.
            _ => self.day == [6, after_month[0], after_month[1]][(self.who.seed % 3) as usize],
        };
        if !is_due {
            return;
        }
        let mut size = sample::log_normal(&mut self.rng, self.who.rate * self.factor, 0.3);
        if self.who.work == Work::Nightly {
            // Sundays do the week again; months end with more.
            let again = self.who.seed.is_multiple_of(4) && weekday(self.day) == 6;
            let closing = self.who.seed.is_multiple_of(3) && after_month.contains(&self.day);
            size *= if again { 2.5 } else { 1.0 } * if closing { 4.0 } else { 1.0 };
        }
        let begin = midnight(self.day) + hour * 3_600 + self.rng.i64(0..900);
        let length = self.rng.i64(900..7_200);
        for _ in 0..sample::poisson(&mut self.rng, size) {
            let time = begin + self.rng.i64(0..length);
            let mut caller = self.who.instance(0, begin);
            caller.session = text::mix(self.who.seed, self.day.unsigned_abs());
            caller.created = begin - 20;
            let habit = self.habit();
            self.act(habit, time, caller);
        }
        self.clean(begin + length);
    }

    /// Looks at the settings of all buckets of its account.
    fn audit(&mut self) {
        let (hour, due) = self.who.due;
        if due >= 0 && weekday(self.day) != due {
            return;
        }
        let mut time = midnight(self.day) + hour * 3_600 + self.rng.i64(0..1_800);
        let caller = self.who.instance(0, time);
        let owner = &self.who.actor.account;
        let stores = self.org.stores_at(time);
        let own: Vec<_> = stores.filter(|at| self.org.stores[*at].bucket.owner == *owner).collect();
        self.events.push(Event::new(time, self.number, caller, Action::ListBuckets));
        for bucket in own {
            for look in 0..self.who.rate as usize {
                time += self.rng.i64(0..3);
                let at = if due < 0 { self.day as usize * 2 + look } else { look };
                self.look(bucket, LOOKS[at % LOOKS.len()], time, caller);
                if due < 0
                    && let Some(event) = self.events.last_mut()
                {
                    event.via = Some(2);
                }
            }
        }
    }

    /// Asks for one setting of a bucket.
    pub(crate) fn look(&mut self, bucket: usize, action: Action, time: i64, caller: Caller) {
        let mut event = Event::new(time, self.number, caller, action).on(bucket, 0);
        let unset = text::mix(bucket as u64, action.wire().0.len() as u64) % 3 == 0;
        let can_be_unset =
            matches!(action, Action::Policy | Action::Lifecycle | Action::BucketTags);
        if can_be_unset && unset {
            event.failure = Some(Failure::NotSet);
        }
        self.events.push(event);
    }

    /// Deletes some objects, on the days when that happens.
    pub(crate) fn clean(&mut self, begin: i64) {
        if !sample::happens(&mut self.rng, self.who.cleans) {
            return;
        }
        let writes =
            |habit: &&Habit| !matches!(habit.doing, Doing::Serve | Doing::Fetch | Doing::Browse);
        let written = self.who.habits.iter().find(writes).or(self.who.habits.first());
        let Some(bucket) = written.map(|habit| habit.bucket) else { return };
        let caller = match self.who.work {
            Work::Staff | Work::Admin => self.who.desk(0, self.day, 0, begin),
            _ => self.who.instance(0, begin),
        };
        let count = sample::log_normal(&mut self.rng, 6.0, 0.9).clamp(1.0, 60.0) as i64;
        let many = self.rng.u32(..4) == 0 && count > 3;
        let parent = self.rng.u64(..);
        if many {
            let event = Event::new(begin, self.number, caller, Action::DeleteMany);
            self.events.push(event.on(bucket, parent));
        }
        for n in 0..count {
            let time = if many { begin } else { begin + n * 4 };
            let mut event = Event::new(time, self.number, caller, Action::Delete);
            event.parent = many.then_some(parent);
            self.events.push(event.on(bucket, self.rng.u64(..self.org.stores[bucket].objects)));
        }
    }

    /// Any of the principal's habits.
    pub(crate) fn habit(&mut self) -> Habit {
        let habits: Vec<_> = self.who.habits.iter().map(|habit| (habit.weight, *habit)).collect();
        sample::weighted(&mut self.rng, &habits)
    }

    /// One call of a habit.
    pub(crate) fn act(&mut self, habit: Habit, time: i64, caller: Caller) {
        let action = sample::weighted(&mut self.rng, actions(habit.doing));
        self.call(habit, action, time, caller);
    }

    /// A call that may fail as those of honest callers do.
    pub(crate) fn call(&mut self, habit: Habit, action: Action, time: i64, caller: Caller) {
        // Some objects are popular, most are not.
        let objects = self.org.stores[habit.bucket].objects;
        let key = self.rng.u64(..objects).min(self.rng.u64(..objects));
        let mut event = Event::new(time, self.number, caller, action).on(habit.bucket, key);
        let (missing, denied) = self.who.failing;
        if matches!(action, Action::Get | Action::Head) && sample::happens(&mut self.rng, missing) {
            event.failure = Some(Failure::NoSuchKey);
        }
        if sample::happens(&mut self.rng, denied) {
            event.failure = Some(Failure::Denied);
        }
        if habit.doing == Doing::Query {
            event.via = Some(0);
        }
        self.events.push(event);
    }
}

/// The settings that auditors, consoles and intruders look at.
pub(crate) const LOOKS: [Action; 8] = [
    Action::Acl,
    Action::Policy,
    Action::PublicBlock,
    Action::Encryption,
    Action::Versioning,
    Action::Logging,
    Action::Lifecycle,
    Action::BucketTags,
];

fn actions(doing: Doing) -> &'static [(u32, Action)] {
    use Action as A;
    match doing {
        Doing::Serve => &[(24, A::Get), (3, A::Head), (1, A::List)],
        Doing::Ingest => &[(12, A::Put), (2, A::Head), (1, A::PutTags)],
        Doing::Process => &[(8, A::Get), (4, A::Put), (2, A::List), (2, A::Head)],
        Doing::Browse => &[
            (6, A::List),
            (8, A::Get),
            (3, A::Head),
            (2, A::Location),
            (1, A::ListBuckets),
            (1, A::GetTags),
        ],
        Doing::Fetch => &[(14, A::Get), (2, A::List), (1, A::Head)],
        Doing::Upload => &[
            (6, A::Put),
            (3, A::UploadPart),
            (1, A::CreateUpload),
            (1, A::CompleteUpload),
            (1, A::List),
        ],
        Doing::Query => &[(12, A::Get), (3, A::List), (1, A::Location)],
        Doing::Manage => &[(3, A::ListBuckets), (3, A::List), (2, A::Location), (1, A::Get)],
        Doing::Deliver => &[(30, A::Put), (1, A::Acl)],
    }
}
