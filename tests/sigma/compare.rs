//! Many rules over many events through both engines; what differs must be a known difference.

use std::collections::BTreeMap;

use serde_json::Value;

use super::difference::{self, DIFFERENCES};
use super::engines::{Oracle, file, trailsift};

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
    /// Pairs that a known difference leaves out.
    pub left_out: usize,
    /// By known difference: pairs on which the engines do differ.
    pub differing: BTreeMap<&'static str, usize>,
    /// Rules that an engine refuses, by its reason.
    pub refused: BTreeMap<String, usize>,
}

/// A pair on which the engines differ without a reason.
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
        let leaves = difference::leaves(&oracle.rule.detection);
        for (number, event) in events.iter().enumerate() {
            let (ours, theirs) = (ours[number], oracle.holds(event));
            let known = difference::of(&leaves, event);
            self.pairs += 1;
            self.hits += usize::from(ours && theirs);
            self.left_out += usize::from(!known.is_empty());
            if ours == theirs {
                continue;
            }
            if known.is_empty() {
                mismatches.push(Mismatch { rule, event: number, ours, oracle: theirs });
            }
            for name in known {
                *self.differing.entry(name).or_default() += 1;
            }
        }
    }

    /// Prints the counts.
    pub fn print(&self, what: &str) {
        let Self { pairs, hits, left_out, .. } = self;
        println!("{what}: {pairs} pairs, {hits} hits in both, {left_out} left out as known");
        for difference in DIFFERENCES {
            let count = self.differing.get(difference.name).unwrap_or(&0);
            println!("  {count:>7} differ: {}", difference.name);
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
