//! What is refused, and the place and words of its diagnostic.

use serde_json::json;

use super::{correlation, reads, run};

/// Rules that cannot be honoured, and what the diagnostic must name: code, line, words.
#[test]
fn what_cannot_be_honoured_is_refused_with_its_place() {
    let base = "group-by: [principal]\ntimespan: 1h\nrules: [read, list]\n";
    let cases = [
        ("type: value_percentile\ncondition: {field: bytes_out, lte: 1}", "condition", 9, "rare"),
        ("type: value_sum\ncondition: {gte: 1}", "condition", 9, "needs a field"),
        ("type: value_avg\ncondition: {gte: 1, field: [a, b]}", "condition", 9, "one field"),
        ("type: event_count\ncondition: {gte: 1, field: a}", "condition", 9, "no values"),
        (
            "type: value_count\ncondition: {gte: 1, field: a, percentile: 5}",
            "condition",
            9,
            "no per",
        ),
        (
            "type: value_percentile\ncondition: {gte: 1, field: a, percentile: 101}",
            "range",
            9,
            "100",
        ),
        ("type: value_count\ncondition: {gte: 1, field: event_time}", "field", 9, "is a time"),
        ("type: event_count\ncondition: read and list", "condition", 9, "needs numbers"),
        ("type: temporal\ncondition: read and delete", "condition", 9, "`delete`"),
        ("type: temporal\nwindow: tumbling", "window", 9, "`tumbling`"),
        ("type: temporal\nwindow: session\ngap: 5m", "window", 9, "`session`"),
        ("type: temporal\nwithin: 5m", "unknown_key", 9, "`within`"),
        ("type: temporal\naliases: {principal: {read: principal}}", "alias", 9, "rule `list`"),
        ("type: temporal\naliases: {principal: {other: a}}", "alias", 9, "`other`"),
    ];
    for (keys, code, line, words) in cases {
        let outcome = run(&correlation(&format!("{base}{keys}")), &reads(3));
        let [bad] = outcome.diagnostics.as_slice() else {
            panic!("{keys}: {:?}", outcome.diagnostics)
        };
        let message = format!("{} {}", bad["message"], bad["help"]);
        assert_eq!((&bad["code"], &bad["line"]), (&json!(code), &json!(line)), "{keys}: {bad}");
        assert!(message.contains(words), "{keys}: {message}");
        assert!(bad["file"].as_str().unwrap().ends_with("b_found.yml"));
        assert!(outcome.found.is_empty(), "{keys}: {:#?}", outcome.found);
    }
}

/// Where `same` stands beside what it does not fit.
#[test]
fn the_same_values_are_for_temporal_correlations_of_all_rules() {
    let base = "group-by: [principal]\ntimespan: 1h\nrules: [read, list]\n";
    for (keys, words) in [
        ("type: event_count\ncondition: {gte: 1}", "temporal correlations"),
        ("type: temporal\ncondition: {gte: 1}", "all rules"),
        ("type: temporal\ncondition: read and list", "all rules"),
    ] {
        let rules = correlation(&format!("{base}{keys}"));
        let outcome = run(
            &format!("{rules}trailsift: {{same: {{field: object_key, at_least: 2}}}}\n"),
            &reads(3),
        );
        let text = format!("{:?}", outcome.diagnostics);
        assert_eq!(outcome.diagnostics.len(), 1, "{keys}: {text}");
        assert!(text.contains(words), "{keys}: {text}");
        assert!(outcome.found.is_empty(), "{keys}: {:#?}", outcome.found);
    }
}

/// A correlation that rsigma-parser cannot read at all: its rules stay silent all the same.
#[test]
fn the_rules_of_a_broken_correlation_do_not_raise() {
    for keys in ["type: event_count\ntimespan: soon\ncondition: {gte: 2}", "type: nonsense"] {
        let outcome = run(&correlation(&format!("rules: [read]\n{keys}")), &reads(3));
        assert_eq!(outcome.diagnostics.len(), 1, "{:?}", outcome.diagnostics);
        assert!(outcome.found.is_empty(), "{keys}: {:#?}", outcome.found);
    }
}

#[test]
fn references_that_lead_nowhere_or_in_a_circle_are_refused() {
    let one = |name: &str, keys: &str| {
        format!("---\ntitle: T\nname: {name}\ncorrelation: {{timespan: 1h, {keys}}}\n")
    };
    let by = "group-by: [principal]";
    let circle = one("inner", &format!("type: temporal, rules: [outer, read], {by}"))
        + &one("outer", &format!("type: temporal, rules: [inner, list], {by}"));
    let inner =
        one("inner", "type: event_count, rules: [read], group-by: [bucket], condition: {gte: 2}");
    let cases = [
        (circle, vec!["cycle", "reference"], "depends on it"),
        (
            one("outer", &format!("type: temporal, rules: [read, nobody], {by}")),
            vec!["reference"],
            "`nobody`",
        ),
        (
            one("outer", &format!("type: temporal, rules: [read, read], {by}")),
            vec!["reference"],
            "twice",
        ),
        (
            inner.clone() + &one("outer", &format!("type: temporal, rules: [inner, read], {by}")),
            vec!["group_by"],
            "does not group by `principal`",
        ),
        (
            inner
                + &one(
                    "outer",
                    "type: value_sum, rules: [inner], group-by: [bucket], condition: {field: bytes_out, gte: 2}",
                ),
            vec!["chain"],
            "have no fields",
        ),
    ];
    for (rules, codes, words) in cases {
        let outcome = run(&rules, &reads(3));
        let mut found: Vec<&str> =
            outcome.diagnostics.iter().map(|bad| bad["code"].as_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, codes, "{rules}: {:?}", outcome.diagnostics);
        let text = format!("{:?}", outcome.diagnostics);
        assert!(text.contains(words), "{rules}: {text}");
        assert!(outcome.found.is_empty(), "{rules}: {:#?}", outcome.found);
    }
}
