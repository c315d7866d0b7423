//! Many rules over many events through both engines; what differs must be a known difference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::difference::{self, DIFFERENCES, INSIGHTS};
use super::engines::{Oracle, file, trailsift};
use super::tree::Tree;

/// A rule, written for each engine.
pub struct Written {
    pub name: String,
    pub ours: String,
    pub oracle: String,
}

/// What a comparison came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// Pairs with a verdict of both engines.
    pub pairs: usize,
    /// Pairs on which both say yes.
    pub hits: usize,
    /// By rule: events that trailsift selects.
    pub by_rule: BTreeMap<String, usize>,
    /// Pairs whose verdict hangs on a known difference.
    pub left_out: usize,
    /// By known difference: pairs that fall under it.
    pub covered: BTreeMap<&'static str, usize>,
    /// By known difference: pairs on which the engines do differ.
    pub differing: BTreeMap<&'static str, usize>,
    /// Rules that an engine refuses, by its reason.
    pub refused: BTreeMap<String, usize>,
}

/// A pair on which the engines differ without a known reason.
#[derive(Debug)]
pub struct Mismatch {
    pub rule: usize,
    pub event: usize,
    pub ours: bool,
    pub oracle: bool,
}

impl Tally {
    /// Compares and counts; the mismatches are returned.
    pub fn compare(&mut self, rules: &[Written], events: &[Value]) -> Vec<Mismatch> {
        let files: Vec<_> = rules.iter().map(|rule| file(&rule.name, &rule.ours)).collect();
        let verdicts = trailsift(&files, events);
        let mut mismatches = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            let Some(ours) = &verdicts.by_file[number] else {
                let reason = verdicts.diagnostics.iter().find(|found| found.file == rule.name);
                let reason = reason.map_or("no detector", |found| &found.message);
                *self.refused.entry(format!("trailsift: {reason}")).or_default() += 1;
                continue;
            };
            let hits = ours.iter().filter(|holds| **holds).count();
            *self.by_rule.entry(rule.name.clone()).or_default() += hits;
            match Oracle::new(&rule.oracle) {
                Ok(oracle) => self.compare_rule(number, ours, &oracle, events, &mut mismatches),
                Err(reason) => {
                    *self.refused.entry(format!("rsigma-eval: {reason}")).or_default() += 1;
                }
            }
        }
        mismatches
    }

    fn compare_rule(
        &mut self,
        rule: usize,
        ours: &[bool],
        oracle: &Oracle,
        events: &[Value],
        mismatches: &mut Vec<Mismatch>,
    ) {
        let tree = Tree::new(&oracle.rule);
        let leaves = tree.leaves();
        for (number, event) in events.iter().enumerate() {
            let (ours, theirs) = (ours[number], oracle.holds(event));
            let mut known = Vec::new();
            let mut expected = tree.expected(event, &mut known);
            if known.is_empty() {
                assert_eq!(expected, Some(theirs), "a rule as a whole and taken apart");
            }
            if difference::is_unseen(&leaves, event) {
                known.push(INSIGHTS);
                expected = Some(false);
            }
            self.pairs += 1;
            self.hits += usize::from(ours && theirs);
            self.left_out += usize::from(expected.is_none());
            if expected.is_some_and(|expected| expected != ours) {
                mismatches.push(Mismatch { rule, event: number, ours, oracle: theirs });
            }
            for name in known.into_iter().collect::<BTreeSet<_>>() {
                *self.covered.entry(name).or_default() += 1;
                *self.differing.entry(name).or_default() += usize::from(ours != theirs);
            }
        }
    }

    /// Prints the counts.
    pub fn print(&self, what: &str) {
        let Self { pairs, hits, left_out, .. } = self;
        println!(
            "{what}: {pairs} pairs, {hits} hits in both, {left_out} hang on a known difference"
        );
        for difference in DIFFERENCES {
            let count = |of: &BTreeMap<&str, usize>| of.get(difference.name).copied().unwrap_or(0);
            let (differing, covered) = (count(&self.differing), count(&self.covered));
            println!("  {differing:>7} of {covered:>7} differ: {}", difference.name);
        }
        for (reason, count) in &self.refused {
            println!("  {count:>7} rules refused by {}", reason.replace('\n', " "));
        }
    }
}

/// The mismatch with its rule and event, to be read by people.
pub fn explain(rule: &Written, event: &Value, mismatch: &Mismatch) -> String {
    let (ours, oracle) = (mismatch.ours, mismatch.oracle);
    let other = if rule.ours == rule.oracle {
        String::new()
    } else {
        format!("--- as written for rsigma-eval\n{}", rule.oracle)
    };
    format!("trailsift: {ours}, rsigma-eval: {oracle}\n{}{other}--- event\n{event:#}\n", rule.ours)
}
