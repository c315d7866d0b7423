//! Random rules over random and real events.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use super::compare::{Mismatch, Tally, Written, explain};
use super::difference::DIFFERENCES;
use super::engines::{file, trailsift};
use super::event::event;
use super::logs;
use super::rule::{Reader, Rule};
use super::rule_strategy::rule;

const RULES: usize = 60;
const EVENTS: usize = 200;
const ROUNDS: usize = 12;

/// The same rules in every run, unless `TRAILSIFT_SEED` is set to another number.
fn runner() -> TestRunner {
    let seed: u64 = std::env::var("TRAILSIFT_SEED").map_or(0, |seed| seed.parse().unwrap());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn written(rule: &Rule, number: usize) -> Written {
    Written {
        name: format!("rule_{number}.yml"),
        ours: rule.yaml(&format!("Rule {number}"), Reader::Trailsift),
        oracle: rule.yaml(&format!("Rule {number}"), Reader::Oracle),
    }
}

fn trees<T: std::fmt::Debug + 'static>(
    strategy: &BoxedStrategy<T>,
    count: usize,
    runner: &mut TestRunner,
) -> Vec<Box<dyn ValueTree<Value = T>>> {
    (0..count).map(|_| strategy.new_tree(runner).unwrap()).collect()
}

#[test]
fn random_rules_over_random_events_agree() {
    let (mut runner, mut tally) = (runner(), Tally::default());
    let mut failures = Vec::new();
    for _ in 0..ROUNDS {
        let mut rules = trees(&rule(), RULES, &mut runner);
        let mut events = trees(&event(), EVENTS, &mut runner);
        let texts: Vec<_> = rules
            .iter()
            .enumerate()
            .map(|(number, rule)| written(&rule.current(), number))
            .collect();
        let values: Vec<Value> = events.iter().map(ValueTree::current).collect();
        let mismatches = tally.compare(&texts, &values);
        let mut seen = BTreeSet::new();
        for mismatch in mismatches.iter().filter(|found| seen.insert(found.rule)).take(3) {
            failures.push(minimal(
                &mut rules[mismatch.rule],
                &mut events[mismatch.event],
                mismatch,
            ));
        }
        alone_as_among_others(&texts, &values);
    }
    tally.print("random rules over random events");
    assert!(failures.is_empty(), "{}\n{} in all", failures.join("\n"), failures.len());
    assert!(tally.pairs >= 100_000, "only {} pairs", tally.pairs);
    assert!(tally.left_out * 5 < tally.pairs, "too much is left out");
    for difference in DIFFERENCES {
        let name = difference.name;
        assert!(tally.differing.get(name) > Some(&0), "no difference any more: {name}");
    }
}

#[test]
fn random_rules_over_real_events_agree() {
    let mut events = logs::records(&logs::samples(), 40);
    if let Some(folder) = logs::shared("") {
        events.extend(logs::records(&folder, 12));
    }
    let (mut runner, mut tally) = (runner(), Tally::default());
    let rules = vec(rule(), RULES).new_tree(&mut runner).unwrap().current();
    let texts: Vec<_> =
        rules.iter().enumerate().map(|(number, rule)| written(rule, number)).collect();
    let mut failures = Vec::new();
    for events in events.chunks(EVENTS) {
        let mismatches = tally.compare(&texts, events);
        let first = mismatches.first();
        failures.extend(first.map(|m| explain(&texts[m.rule], &events[m.event], m)));
    }
    tally.print("random rules over real events");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A plan shares columns, predicates and an index among its rules; none may tell.
fn alone_as_among_others(rules: &[Written], events: &[Value]) {
    let files: Vec<_> = rules.iter().map(|rule| file(&rule.name, &rule.ours)).collect();
    let among = trailsift(&files, events);
    for (number, rule) in files.iter().enumerate().step_by(5) {
        let alone = trailsift(std::slice::from_ref(rule), events);
        assert_eq!(
            alone.by_file[0], among.by_file[number],
            "alone and among others:\n{}",
            rule.text
        );
    }
}

/// The smallest rule and event that still differ.
fn minimal(
    rule: &mut Box<dyn ValueTree<Value = Rule>>,
    event: &mut Box<dyn ValueTree<Value = Value>>,
    mismatch: &Mismatch,
) -> String {
    let differ = |rule: &Rule, event: &Value| {
        let text = written(rule, mismatch.rule);
        let found = Tally::default().compare(&[text], std::slice::from_ref(event)).pop();
        found.map(|found| Mismatch { rule: mismatch.rule, ..found })
    };
    if differ(&rule.current(), &event.current()).is_none() {
        let text = written(&rule.current(), mismatch.rule);
        return format!("only among others: {}", explain(&text, &event.current(), mismatch));
    }
    for _ in 0..3 {
        let value = event.current();
        shrink(rule, |rule| differ(rule, &value).is_some());
        let value = rule.current();
        shrink(event, |event| differ(&value, event).is_some());
    }
    let (rule, event) = (rule.current(), event.current());
    let mismatch = differ(&rule, &event).unwrap();
    explain(&written(&rule, mismatch.rule), &event, &mismatch)
}

/// Shrinks a value as long as it fails.
fn shrink<T: std::fmt::Debug>(
    tree: &mut Box<dyn ValueTree<Value = T>>,
    fails: impl Fn(&T) -> bool,
) {
    for _ in 0..2_000 {
        if !tree.simplify() {
            return;
        }
        while !fails(&tree.current()) {
            if !tree.complicate() {
                return;
            }
        }
    }
}
