//! Scores as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::interval::{bootstrap, wilson};
use crate::organisation::{Strength, names};
use crate::score::{Outcome, Score, Tried, Verdict};

/// The tables: attacks found, false findings, findings by detector.
pub(crate) fn tables(scores: &[Score]) -> String {
    let mut out =
        String::from("\n| attack | loud | moderate | low and slow |\n| --- | --- | --- | --- |\n");
    for kind in names() {
        row(&mut out, kind, scores, |tried| tried.kind == kind);
    }
    row(&mut out, "**all**", scores, |_| true);
    out.push_str(
        "\nFound by findings of medium severity or higher, with Wilson's 95 % interval; in ",
    );
    out.push_str("brackets those that findings of low severity alone name.\n\n");
    rates(&mut out, scores);
    detectors(&mut out, scores);
    out
}

fn row(out: &mut String, name: &str, scores: &[Score], is_of: impl Fn(&Tried) -> bool) {
    let _ = write!(out, "| {name} |");
    for strength in Strength::ALL {
        let tried: Vec<&Tried> = scores
            .iter()
            .flat_map(|score| &score.tried)
            .filter(|tried| tried.strength == strength && is_of(tried))
            .collect();
        let count = |outcome| tried.iter().filter(|tried| tried.outcome == outcome).count();
        let (found, low) = (count(Outcome::Found), count(Outcome::FoundLow));
        let (from, to) = wilson(found, tried.len());
        let share = 100.0 * found as f64 / tried.len().max(1) as f64;
        let _ = write!(
            out,
            " {found}/{} = {share:.0} % ({:.0}–{:.0})",
            tried.len(),
            100.0 * from,
            100.0 * to
        );
        out.push_str(&if low > 0 { format!(" [{low}] |") } else { " |".to_owned() });
    }
    out.push('\n');
}

fn rates(out: &mut String, scores: &[Score]) {
    let is_false = |score: &Score| {
        score.said.iter().filter(|said| said.verdict == Verdict::False).count() as f64
    };
    let seeds: Vec<(f64, f64)> =
        scores.iter().map(|score| (is_false(score), score.benign as f64 / 1e5)).collect();
    let (all, events) = seeds.iter().fold((0.0, 0.0), |sum, seed| (sum.0 + seed.0, sum.1 + seed.1));
    let (from, to) = bootstrap(&seeds);
    let _ = writeln!(
        out,
        "False findings of medium severity or higher: {all} in {:.0} benign events of {} seeds, {:.2} \
         per 100,000 (95 % interval by bootstrap over seeds: {from:.2}–{to:.2}).\n",
        events * 1e5,
        seeds.len(),
        all / f64::max(events, 1e-9),
    );
}

fn detectors(out: &mut String, scores: &[Score]) {
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for said in scores.iter().flat_map(|score| &score.said) {
        let at = match said.verdict {
            Verdict::True => 0,
            Verdict::Near => 1,
            Verdict::False => 2,
        };
        counts.entry(&said.detector).or_default()[at] += 1;
    }
    out.push_str(
        "| detector (medium or higher) | true | near | false |\n| --- | ---: | ---: | ---: |\n",
    );
    for (detector, [right, near, wrong]) in counts {
        let _ = writeln!(out, "| {detector} | {right} | {near} | {wrong} |");
    }
    out.push_str(
        "\n*near*: about the bucket of an attack at its time, or its principal within a day.\n",
    );
}

/// Every missed attack and every false finding.
pub(crate) fn details(scores: &[Score]) -> String {
    let mut out = String::from("\n## Missed attacks\n\n");
    for score in scores {
        for tried in score.tried.iter().filter(|tried| tried.outcome != Outcome::Found) {
            let low = if tried.outcome == Outcome::FoundLow { " [low]" } else { "" };
            let _ = writeln!(out, "- seed {}: {}{low}", score.seed, tried.text);
        }
    }
    let mut wrong: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for score in scores {
        for said in score.said.iter().filter(|said| said.verdict == Verdict::False) {
            let line = format!("- seed {}: {}", score.seed, said.text);
            wrong.entry(&said.detector).or_default().push(line);
        }
    }
    for (detector, lines) in wrong {
        let _ = writeln!(out, "\n## False: {detector}\n\n{}", lines.join("\n"));
    }
    out
}
