//! `cargo bench --bench rules`: what more rules cost.
//!
//! A whole scan (listing, reading, decoding, events, selections, folds, judging, output files) of one
//! generated dump with the shipped detectors and 0, 1, 10, 100 and 1,000 Sigma rules more, by turns
//! in one process, so that the ratios hold when the machine's speed drifts. Two kinds of rules:
//!
//! - *realistic*: over the names of events of fifty services, with conditions on the caller, the
//!   error, the user agent and the request, as public rules for CloudTrail have them;
//! - *hard*: every rule is about `GetObject` or `PutObject`, which most events of the dump are, each
//!   with a `contains`, `re` or `cidr` of its own.
//!
//! Out comes a Markdown table of medians. `RULES_EVENTS` sets the number of events (100,000),
//! `RULES_ROUNDS` the rounds (5), `RULES_THREADS` the threads (1).

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program of its own: it prints its result, and fails loudly"
)]

#[path = "generate/mod.rs"]
mod generate;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use generate::Config;
use trailsift::pipeline::{Progress, Run, ScanOptions, scan};

const COUNTS: [usize; 5] = [0, 1, 10, 100, 1_000];

fn main() {
    // `cargo test --benches` runs this too, without the flag.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let dump = folder.path().join("dump");
    let events = number("RULES_EVENTS", 100_000) as u64;
    let config = Config { out: dump.clone(), events, level: 6, ..Config::default() };
    generate::generate(&config).expect("a dump");
    println!("\n| rules | more rules | seconds | ratio | events/s | findings |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (kind, rule) in [("realistic", realistic as fn(usize) -> String), ("hard", hard)] {
        let folders: Vec<PathBuf> = COUNTS
            .iter()
            .map(|count| {
                let rules = folder.path().join(format!("{kind}-{count}"));
                std::fs::create_dir_all(&rules).expect("a folder");
                for number in 0..*count {
                    let path = rules.join(format!("bench_{kind}_{number:04}.yml"));
                    std::fs::write(path, rule(number)).expect("a rule");
                }
                rules
            })
            .collect();
        measure(kind, &dump, &folders, folder.path());
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect(variable))
}

/// Prints a line for each folder of rules.
fn measure(kind: &str, dump: &Path, folders: &[PathBuf], out: &Path) {
    let mut seconds = vec![Vec::new(); folders.len()];
    let mut ratios = vec![Vec::new(); folders.len()];
    let mut last = Vec::new();
    // The first round only warms up.
    for round in 0..=number("RULES_ROUNDS", 5) {
        let mut none = 0.0;
        last.clear();
        for (at, rules) in folders.iter().enumerate() {
            let start = Instant::now();
            let run = run(dump, rules, &out.join("out"));
            let taken = start.elapsed().as_secs_f64();
            none = if at == 0 { taken } else { none };
            assert!(run.diagnostics.is_empty(), "{:?}", run.diagnostics.first());
            last.push((run.account.records().seen, run.findings.len()));
            if let (true, Some(all), Some(ratio)) =
                (round > 0, seconds.get_mut(at), ratios.get_mut(at))
            {
                all.push(taken);
                ratio.push(taken / none);
            }
        }
    }
    for (((count, seconds), ratios), (events, findings)) in
        COUNTS.iter().zip(seconds).zip(ratios).zip(last)
    {
        let seconds = median(seconds);
        println!(
            "| {kind} | {count} | {seconds:.3} | {:.2} | {:.0} | {findings} |",
            median(ratios),
            events as f64 / seconds,
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn run(dump: &Path, rules: &Path, out: &Path) -> Run {
    let mut options = ScanOptions::new(vec![dump.to_path_buf().into()], out.to_path_buf().into());
    options.detectors = Some(rules.to_path_buf());
    options.read.threads = number("RULES_THREADS", 1);
    scan(&options, &Silent, &AtomicBool::new(false)).expect("a run")
}

struct Silent;

impl Progress for Silent {
    fn expect(&self, _: u64, _: u64) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}

const SERVICES: [&str; 10] =
    ["s3", "iam", "ec2", "sts", "kms", "cloudtrail", "guardduty", "lambda", "rds", "config"];
const VERBS: [&str; 10] =
    ["Create", "Delete", "Put", "Update", "Get", "Describe", "Attach", "Detach", "Stop", "Modify"];
const NOUNS: [&str; 10] = [
    "User",
    "Role",
    "AccessKey",
    "BucketPolicy",
    "Trail",
    "Detector",
    "Function",
    "Snapshot",
    "SecurityGroup",
    "Instance",
];

fn pick(list: &[&'static str; 10], number: usize) -> &'static str {
    list.get(number % list.len()).copied().unwrap_or_default()
}

fn head(kind: &str, number: usize) -> String {
    format!(
        "title: Bench {kind} {number}\nname: bench_{kind}_{number:04}\nstatus: test\nlevel: low\n\
         logsource: {{product: aws, service: cloudtrail}}\ndetection:\n"
    )
}

fn realistic(number: usize) -> String {
    let (service, verb) = (pick(&SERVICES, number), pick(&VERBS, number / 10));
    let noun = pick(&NOUNS, number / 100);
    let mut rule = head("realistic", number);
    let _ = write!(
        rule,
        "  selection:\n    eventSource: {service}.amazonaws.com\n    \
         eventName: [{verb}{noun}, {verb}{noun}s]\n"
    );
    let (more, condition) = match number % 5 {
        0 => ("", "selection"),
        1 => ("    errorCode: null\n", "selection"),
        2 => (
            "  agent:\n    userAgent|contains: [S3 Browser, kali, TruffleHog]\n",
            "selection and agent",
        ),
        3 => (
            "  filter:\n    userIdentity.arn|startswith: 'arn:aws:iam::111122223333:role/'\n",
            "selection and not filter",
        ),
        _ => (
            "  request:\n    requestParameters.policyDocument|contains: '*:*'\n  root:\n    \
             userIdentity.type: Root\n",
            "selection and 1 of r*",
        ),
    };
    rule + more + &format!("  condition: {condition}\n")
}

fn hard(number: usize) -> String {
    let mut rule = head("hard", number);
    let name = if number.is_multiple_of(2) { "GetObject" } else { "PutObject" };
    let _ =
        writeln!(rule, "  selection:\n    eventSource: s3.amazonaws.com\n    eventName: {name}");
    let word = format!("{:x}-suspect", number * 7_919 + 4_096);
    let _ = match number % 4 {
        0 => writeln!(rule, "    userAgent|contains: '{word}'"),
        1 => writeln!(rule, "    requestParameters.key|contains: '{word}'"),
        2 => writeln!(rule, "    userIdentity.arn|re: 'role/[a-z]+-{word}-[0-9]{{4,}}'"),
        _ => writeln!(
            rule,
            "    sourceIPAddress|cidr: '100.{}.{}.0/24'",
            64 + number % 64,
            number / 4
        ),
    };
    rule + "  condition: selection\n"
}
