//! What the specification says in words: rules in `rules/*.yml`, and beside each file the events
//! that each of its rules must select (`+`) and must not (`-`). rsigma-eval has no say here.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use trailsift::detect::rules::Diagnostic;
use trailsift::detect::select::Placeholders;

use super::engines::{file, named_verdicts, plan};

/// An event and whether a rule selects it.
struct Case {
    rule: String,
    expected: bool,
    event: Value,
}

fn cases(text: &str) -> Vec<Case> {
    let mut rule = String::new();
    let mut cases = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some(case) = line.strip_prefix("  ") else {
            line.clone_into(&mut rule);
            continue;
        };
        let (sign, json) = case.split_once(' ').unwrap();
        let mut event = json!({"eventTime": "2026-03-04T10:00:00Z"});
        let fields: Value =
            serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
        for (key, value) in fields.as_object().unwrap() {
            event[key] = value.clone();
        }
        cases.push(Case { rule: rule.clone(), expected: sign == "+", event });
    }
    cases
}

fn placeholders() -> Placeholders {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Placeholders::from([
        ("admins".to_owned(), list(&["alpha", "beta*"])),
        ("net".to_owned(), list(&["10.0.0.0/8"])),
    ])
}

#[test]
fn rules_select_what_the_specification_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sigma/rules");
    let (mut failures, mut files, mut count) = (Vec::new(), 0, 0);
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap) {
        if entry.path().extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        files += 1;
        let name = entry.file_name().to_str().unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let table = std::fs::read_to_string(entry.path().with_extension("cases")).unwrap();
        let cases = cases(&table);
        let events: Vec<Value> = cases.iter().map(|case| case.event.clone()).collect();
        let (verdicts, diagnostics) =
            named_verdicts(&[file(name, &text)], &placeholders(), &events);
        failures.extend(diagnostics.iter().map(ToString::to_string));
        for (number, case) in cases.iter().enumerate() {
            let found = verdicts.get(&case.rule).map(|verdicts| verdicts[number]);
            if found != Some(case.expected) {
                failures.push(format!("{name}: {}: {found:?} for {}", case.rule, case.event));
            }
        }
        let told: BTreeSet<&str> = cases.iter().map(|case| case.rule.as_str()).collect();
        assert_eq!(told.len(), text.matches("\nname: ").count(), "{name}: a rule without cases");
        count += cases.len();
    }
    println!("{count} cases in {files} files");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(files >= 12);
}

/// A rule with this detection section.
fn rule(detection: &str) -> String {
    format!("title: t\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n{detection}\n")
}

fn diagnostics(text: &str) -> Vec<Diagnostic> {
    let plan = plan(&[file("bad.yml", text)], &Placeholders::new());
    assert!(plan.detectors.is_empty(), "runs: {text}");
    plan.diagnostics
}

#[test]
fn what_is_not_understood_is_refused_with_its_name() {
    let with = |selection: &str| rule(&format!("  s:\n    {selection}\n  condition: s"));
    let cases = [
        (with("userAgent|containz: x"), "containz"),
        (with("userAgent|not: x"), "not"),
        (with("userAgent: []"), "userAgent"),
        (with("userAgent|exists: maybe"), "userAgent"),
        (with("userAgent|exists: [true, false]"), "userAgent"),
        (with("userAgent|exists|contains: true"), "userAgent"),
        (with("userAgent|re: 'a('"), "a("),
        (with("userAgent|re: '(?<=a)b'"), "(?<=a)b"),
        (with("userAgent|re: '(a)\\1'"), "(a)\\1"),
        (with("userAgent|i: x"), "userAgent"),
        (with("userAgent|re|cidr: x"), "userAgent"),
        (with("sourceIPAddress|cidr: 10.0.0/8"), "10.0.0/8"),
        (with("sourceIPAddress|cidr: s3.amazonaws.com"), "sourceIPAddress"),
        (with("userAgent|gt: many"), "userAgent"),
        (with("eventTime|hour: noon"), "eventTime"),
        (with("userAgent|base64: 'a*'"), "userAgent"),
        (with("userAgent|wide: 'a?'"), "userAgent"),
        (with("userAgent|expand: '%nobody%'"), "nobody"),
        (with("'a..b': x"), "a..b"),
        (rule("  a:\n    userAgent: x\n  condition: b"), "`b`"),
        (rule("  a:\n    userAgent: x\n  condition: 1 of b*"), "`b*`"),
        (rule("  _a:\n    userAgent: x\n  condition: all of them"), "`them`"),
        (rule("  a:\n    userAgent: x\n  condition: 2 of a*"), "of"),
        (rule("  a:\n    userAgent: x\n  condition: a and"), "condition"),
        (rule("  a:\n    userAgent: x\n  condition: a | count() > 5"), "correlation"),
        (rule("  a:\n    userAgent: x\n  condition: a | near b"), "correlation"),
    ];
    let mut failures = Vec::new();
    for (text, word) in cases {
        let found = diagnostics(&text);
        let told = found.iter().any(|d| {
            d.file == "bad.yml"
                && (d.message.contains(word) || d.help.iter().any(|h| h.contains(word)))
        });
        if !told {
            failures.push(format!("`{word}` is not named:\n{text}{found:?}\n"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_log_source_that_contains_cloudtrail_is_run() {
    let cases = [
        ("product: aws, service: cloudtrail", true),
        ("product: aws", true),
        ("service: cloudtrail", true),
        ("product: aws, service: cloudtrail, definition: all of it", true),
        ("product: aws, service: guardduty", false),
        ("product: windows, service: sysmon", false),
        ("service: sysmon", false),
    ];
    for (source, expected) in cases {
        let text = format!(
            "title: t\nlogsource: {{{source}}}\n\
             detection:\n  s:\n    userAgent: x\n  condition: s\n"
        );
        let plan = plan(&[file("r.yml", &text)], &Placeholders::new());
        assert_eq!(plan.detectors.len(), usize::from(expected), "{source}");
        assert_eq!(plan.diagnostics.is_empty(), expected, "{source}");
    }
}
