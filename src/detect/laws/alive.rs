//! That the laws are about something: every judge fires on some of the random histories.

use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

/// Histories that are tried for each judge.
const TRIES: usize = 400;

#[test]
fn every_judge_fires_on_some_history() {
    let mut runner = TestRunner::deterministic();
    let mut fired: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..TRIES {
        let events = histories().new_tree(&mut runner).unwrap().current();
        let terms = terms().new_tree(&mut runner).unwrap().current();
        let mut covered: Vec<i64> = events.iter().map(|e| e.time.div_euclid(86_400)).collect();
        covered.dedup();
        let learning = Learning::Covered { min_days: 1 };
        let history = History { covered: &covered, scope: &covered, learning, roll_up: None };
        for judge in REGISTRY {
            let terms = terms_for(judge, &terms);
            let days = (judge.oracle)(&terms, &events, &history).len();
            *fired.entry(judge.name).or_default() += days;
        }
    }
    for judge in REGISTRY {
        let days = fired.get(judge.name).copied().unwrap_or(0);
        assert!(days >= TRIES / 20, "{} fired on {days} days: {fired:?}", judge.name);
    }
}
