//! The naive oracle, and proofs over longer histories than those of the law checker.

use std::collections::BTreeSet;

use super::{History, Terms};
use crate::detect::laws::{Event, Verdict};

fn hour(event: &Event) -> i64 {
    event.time.div_euclid(3_600)
}

/// Asks of every hour whether a silence begins to show in it: whether it does in the hours that lie
/// between the last event before it and itself, and did not in an hour before.
pub(super) fn silence(terms: &Terms, events: &[Event], history: &History<'_>) -> Vec<Verdict> {
    let Some(silence) = &terms.silence else { return Vec::new() };
    let is_usual = |e: &Event| !terms.counted[e.rule] && !terms.unless[e.rule];
    let has_usual = (0..terms.counted.len()).any(|r| !terms.counted[r] && !terms.unless[r]);
    let own: Vec<Event> = events.iter().filter(|e| terms.counted[e.rule]).cloned().collect();
    let count = |at: i64| own.iter().filter(|e| hour(e) == at).count() as u64;
    let is_peer = |e: &Event| if has_usual { is_usual(e) } else { terms.counted[e.rule] };
    let peers =
        |from: i64, to: i64| events.iter().any(|e| is_peer(e) && (from..=to).contains(&hour(e)));
    let logged = |at: i64| (silence.outages || peers(at, at)) && peers(at + 1, at + 24);
    // What the pause behind the hour `last` held up to the hour `at`, and whether it is a silence.
    let silent = |last: i64, at: i64| -> Option<u64> {
        let past = history.past(last.div_euclid(24), terms.lookback);
        let before: BTreeSet<i64> =
            own.iter().map(hour).filter(|h| (past.from * 24..=last).contains(h)).collect();
        let ways = before.iter().zip(before.iter().skip(1)).map(|(a, b)| b - a);
        let longest = ways.max()?;
        let days: BTreeSet<i64> = before.iter().map(|hour| hour.div_euclid(24)).collect();
        let known = days.iter().filter(|day| past.holds(**day)).count() >= terms.known_days;
        let inside: Vec<i64> = (last + 1..=at).filter(|at| logged(*at)).collect();
        let (first, period) = (*before.first()?, silence.period_days * 24);
        let held = |hour: i64| hour >= first && past.holds(hour.div_euclid(24));
        let shifts = (1..=60).map(|k| k * period);
        let earlier: Vec<u64> = shifts
            .filter(|back| last + 1 - back >= first && inside.iter().all(|h| held(h - back)))
            .map(|back| inside.iter().map(|h| count(h - back)).sum())
            .collect();
        let fewest = earlier.iter().min().copied()?;
        let fires = known
            && logged(at)
            && at.div_euclid(24) - last.div_euclid(24) <= 14
            && at - last > silence.factor * longest
            && earlier.len() >= silence.periods
            && fewest >= silence.at_least;
        fires.then_some(fewest)
    };
    let explained = |last: i64, at: i64| {
        let explains = |e: &Event| terms.unless[e.rule] && e.ok;
        events.iter().any(|e| explains(e) && (last - 72..=at + 24).contains(&hour(e)))
    };
    let mut found: Vec<Verdict> = Vec::new();
    let end = events.iter().map(hour).max().unwrap_or(0);
    for at in events.iter().map(hour).min().unwrap_or(0)..=end {
        let Some(last) = own.iter().map(hour).filter(|h| *h <= at).max() else { continue };
        let Some(fewest) = silent(last, at) else { continue };
        let begins = (last..at).all(|before| silent(last, before).is_none());
        let day = at.div_euclid(24);
        let past = history.past(last.div_euclid(24), terms.lookback);
        let is_judged = begins && !explained(last, at) && history.is_judged(day, past);
        if is_judged && found.last().is_none_or(|verdict| verdict.day < day) {
            let of_day = |e: &&Event| hour(e).div_euclid(24) == last.div_euclid(24);
            let time = own.iter().filter(of_day).map(|e| e.time).max().unwrap();
            let time = time.min(last * 3_600 + 3_599);
            let mut verdict = Verdict::new(day, &[]).peaking(usize::try_from(fewest).unwrap());
            verdict.span = Some((time, time));
            found.push(verdict);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::super::{JUDGE, Silence};
    use super::*;
    use crate::detect::group::FoldId;
    use crate::detect::judge::{Learning, RollUp, Severity, Signal};
    use crate::detect::laws::{Shape, facts, groups_of};

    const DAYS: i64 = 24;

    /// Rule 0 nearly every hour with pauses in between, rule 1 with others, rule 2 a few times.
    fn history(random: &mut Rng) -> Vec<Event> {
        let mut found: Vec<(i64, usize)> = Vec::new();
        for rule in 0..2 {
            let pauses: Vec<(i64, i64)> = (0..random.i64(1..5))
                .map(|_| (random.i64(0..DAYS * 24), random.i64(1..60)))
                .collect();
            let often = random.u32(50..=100);
            for hour in 0..DAYS * 24 {
                let is_pause =
                    pauses.iter().any(|(from, long)| (*from..from + long).contains(&hour));
                if !is_pause && random.u32(0..100) < often {
                    found.push((hour * 3_600 + random.i64(0..3_600), rule));
                }
            }
        }
        found.extend((0..random.usize(0..2)).map(|_| (random.i64(0..DAYS * 86_400), 2)));
        found.sort_unstable();
        let event = |(id, (time, rule))| Event { id, time, rule, ok: true, value: 0, text: None };
        found.into_iter().enumerate().map(event).collect()
    }

    fn terms(random: &mut Rng) -> Terms {
        let silence = Silence {
            at_least: random.u64(1..5),
            periods: random.usize(1..3),
            period_days: random.i64(1..4),
            factor: random.i64(1..3),
            outages: random.bool(),
        };
        Terms {
            counted: vec![true, false, false, false],
            unless: vec![false, false, true, true],
            lookback: random.i64(4..8),
            known_days: random.usize(0..4),
            timespan: 86_400,
            silence: Some(silence),
            severity: Severity { base: 5.0, ..Severity::default() },
            ..Terms::default()
        }
    }

    fn judged(terms: &Terms, events: &[Event], history: &History<'_>) -> Vec<Signal> {
        let shape = Shape { grain: (JUDGE.grain)(terms), measure: None };
        let groups = groups_of(FoldId::new("law"), events, shape, terms);
        let mut roll_up = RollUp::new(terms);
        for (roll_up, groups) in roll_up.iter_mut().zip(&groups) {
            roll_up.add(std::slice::from_ref(groups));
        }
        let history = History { roll_up: roll_up.as_ref(), ..*history };
        groups.map_or_else(Vec::new, |groups| (JUDGE.judge)(terms, &groups, &history).signals)
    }

    #[test]
    fn the_judge_says_what_the_oracle_says_of_weeks_with_pauses() {
        let covered: Vec<i64> = (0..=DAYS).collect();
        let learning = Learning::Covered { min_days: 2 };
        let history_of = History { covered: &covered, scope: &covered, learning, roll_up: None };
        let mut fired = 0;
        for seed in 0..150 {
            let mut random = Rng::with_seed(seed);
            let (events, mut terms) = (history(&mut random), terms(&mut random));
            if random.u8(0..4) == 0 {
                // Without rules under `usual`: held against siblings, of which it is the only one.
                terms.unless[1] = true;
            }
            let found: Vec<_> = judged(&terms, &events, &history_of).iter().map(facts).collect();
            let expected: Vec<_> =
                silence(&terms, &events, &history_of).iter().map(Verdict::facts).collect();
            assert_eq!(found, expected, "seed {seed}: {terms:?}");
            fired += found.len();
        }
        assert!(fired > 60, "{fired}");
    }

    /// What a state forgets, and what comes later than a day after, changes no signal: its days can
    /// be closed.
    #[test]
    fn a_signal_depends_on_its_reach_and_the_day_after_alone() {
        let mut fired = 0;
        for seed in 0..300 {
            let mut random = Rng::with_seed(seed);
            let (events, terms) = (history(&mut random), terms(&mut random));
            let learning = Learning::Covered { min_days: 2 };
            let of = |events: &[Event]| {
                let mut covered: Vec<i64> =
                    events.iter().map(|event| event.time.div_euclid(86_400)).collect();
                covered.dedup();
                let history =
                    History { covered: &covered, scope: &covered, learning, roll_up: None };
                judged(&terms, events, &history)
            };
            let whole = of(&events);
            fired += whole.len();
            for day in 0..DAYS {
                let near = day - terms.reach()..=day + 1;
                let is_near = |event: &&Event| near.contains(&event.time.div_euclid(86_400));
                let part: Vec<Event> = events.iter().filter(is_near).cloned().collect();
                let of_day = |signals: Vec<Signal>| -> Vec<Signal> {
                    signals.into_iter().filter(|signal| signal.day == day).collect()
                };
                assert_eq!(of_day(of(&part)), of_day(whole.clone()), "seed {seed}, day {day}");
            }
        }
        assert!(fired > 60, "{fired}");
    }
}
