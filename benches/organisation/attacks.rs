//! The attacks: twelve kinds in three strengths, each with a principal of its own.
//!
//! In: the organisation and its benign events. Out: the ground truth with the events of each attack.
//! How many calls an attack has follows from what its victim does on a busy day; what the calls are is
//! in `scripts`.

use fastrand::Rng;

use super::baseline::Baseline;
use super::calendar::{DAYS, midnight};
use super::event::{Class, Event};
use super::generate::text;
use super::org::{Org, Work};
use super::sample;
use super::scripts::{KINDS, Script, Stage};

/// The day of the first attacks.
const FIRST_DAY: i64 = 30;
/// What a principal does less often counts as this often: 20 times is 200, 3 times is 30.
const LEAST: u64 = 10;

/// How much stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// On one day at least twenty times the 99th percentile of the principal's days, in calls of the
    /// attack's class.
    Loud,
    /// Three to five times of it.
    Moderate,
    /// On ten days or more at most 1.2 times the 99th percentile of all its daily calls.
    Low,
}

/// An attack, and what happens in it.
#[derive(Clone, Debug)]
pub struct Attack {
    /// Name of its kind.
    pub kind: &'static str,
    /// What its strength counts.
    pub class: Class,
    pub strength: Strength,
    /// The account attacked.
    pub account: String,
    /// Position of the principal.
    pub number: u16,
    /// The principal's stable name.
    pub principal: String,
    /// The buckets called, sorted.
    pub buckets: Vec<String>,
    /// Whether strangers come through an opened bucket, so that naming the bucket is enough.
    pub open: bool,
    /// Unix seconds.
    pub first: i64,
    pub last: i64,
    /// In the order of time.
    pub events: Vec<Event>,
}

/// Names of the kinds, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

impl Strength {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Loud, Self::Moderate, Self::Low];

    /// As tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loud => "loud",
            Self::Moderate => "moderate",
            Self::Low => "low and slow",
        }
    }
}

/// Plans all attacks.
pub(crate) fn plan(org: &Org, benign: &[Event], seed: u64) -> Vec<Attack> {
    let baseline = Baseline::of(benign);
    let mut rng = Rng::with_seed(text::mix(seed, 60));
    let mut taken = Vec::new();
    let mut attacks = Vec::new();
    // Kinds that few can be victims of choose first.
    let mut order: Vec<usize> = (0..KINDS.len()).collect();
    order.sort_by_key(|at| candidates(org, &baseline, &KINDS[*at], &[]).len());
    for at in order {
        for strength in Strength::ALL {
            let fit = candidates(org, &baseline, &KINDS[at], &taken);
            if fit.is_empty() {
                continue;
            }
            let victim = sample::any(&mut rng, &fit);
            taken.push(victim);
            let stage = Stage::new(org, &baseline, victim, text::mix(rng.u64(..), at as u64));
            attacks.push((at, attack(stage, &KINDS[at], strength)));
        }
    }
    attacks.sort_by_key(|(at, attack)| (*at, attack.strength));
    attacks.into_iter().map(|(_, attack)| attack).collect()
}

fn candidates(org: &Org, baseline: &Baseline, kind: &Script, taken: &[usize]) -> Vec<usize> {
    let fits = |at: &usize| {
        let who = &org.principals[*at];
        let is_regular = who.is_settled()
            && baseline.usual(*at, None) >= 5
            && who.people.first().is_none_or(|person| person.employed == (0, DAYS));
        let is_known = who.work == Work::Intruder || is_regular;
        is_known
            && !taken.contains(at)
            && (kind.fits)(who, &|class| baseline.usual(*at, Some(class)))
    };
    (0..org.principals.len()).filter(fits).collect()
}

fn attack(mut stage: Stage<'_>, kind: &Script, strength: Strength) -> Attack {
    stage.prepare(kind, strength);
    for (day, units) in schedule(&mut stage, kind, strength) {
        stage.open_day(kind, day);
        let begin = stage.begin(kind, day);
        let length = match strength {
            Strength::Low => 1_800,
            _ => stage.rng.i64(3_000..8_500),
        };
        let mut times: Vec<i64> = (0..units).map(|_| begin + stage.rng.i64(0..length)).collect();
        times.sort_unstable();
        times.iter().for_each(|time| stage.unit(kind, *time));
    }
    let Stage { org, victim, mut events, .. } = stage;
    events.sort_by_key(|event| event.time);
    let mut buckets: Vec<usize> = events
        .iter()
        .filter(|event| event.action.wire().0 != "ListBuckets")
        .map(|event| usize::from(event.bucket))
        .collect();
    buckets.sort_unstable();
    buckets.dedup();
    let account = buckets.first().map_or(0, |at| org.stores[*at].bucket.account);
    let mut names: Vec<String> =
        buckets.iter().map(|at| org.stores[*at].bucket.name.clone()).collect();
    names.sort();
    Attack {
        kind: kind.name,
        class: kind.class,
        strength,
        account: org.accounts[account].clone(),
        number: victim as u16,
        principal: org.name(victim as u16),
        buckets: names,
        open: kind.open,
        first: events.first().map_or(0, |event| event.time),
        last: events.last().map_or(0, |event| event.time),
        events,
    }
}

/// On which days, and how many units on each.
fn schedule(stage: &mut Stage<'_>, kind: &Script, strength: Strength) -> Vec<(i64, u64)> {
    let usual = stage.baseline.usual(stage.victim, Some(kind.class)).max(LEAST);
    let times = match strength {
        Strength::Loud => 20.0 + 6.0 * stage.rng.f64(),
        Strength::Moderate => 3.0 + 1.9 * stage.rng.f64(),
        Strength::Low => return slow_schedule(stage, kind),
    };
    let units = (usual as f64 * times).ceil() as u64;
    let mut days: Vec<i64> = (FIRST_DAY..DAYS - 1).collect();
    days.retain(|day| stage.is_natural(kind, *day));
    vec![(sample::any(&mut stage.rng, &days), units)]
}

fn slow_schedule(stage: &mut Stage<'_>, kind: &Script) -> Vec<(i64, u64)> {
    let count = stage.rng.usize(10..=14);
    let first = FIRST_DAY + stage.rng.i64(0..9);
    let mut days: Vec<i64> = (first..DAYS - 1).collect();
    days.retain(|day| stage.is_natural(kind, *day));
    // Now and then a day is left out.
    while days.len() > count && stage.rng.u32(..3) > 0 {
        let at = stage.rng.usize(1..days.len());
        days.remove(at);
    }
    days.truncate(count);
    let all = stage.baseline.usual(stage.victim, None);
    // Whoever has done nothing before is measured by no day.
    let most = if all == 0 { 6 } else { all * 6 / 5 };
    days.into_iter()
        .map(|day| (day, (stage.rng.u64(2..=8).min(most) / kind.calls).max(1)))
        .collect()
}

/// Seconds from the start of the day at which it begins, for a place so many seconds ahead of UTC.
pub(crate) fn office_hour(day: i64, zone: i64, rng: &mut Rng) -> i64 {
    // Early enough to end on the same day of UTC everywhere.
    midnight(day) + (9.0 * 3_600.0 + 3.0 * 3_600.0 * rng.f64()) as i64 - zone
}
