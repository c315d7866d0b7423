//! Seeds of the compiler of detectors: shipped ones, and one file per construct and fault.

use trailsift::detect::rules::shipped;

use super::Seed;

/// Shipped detectors that have most of the constructs.
const SHIPPED: [&str; 9] = [
    "mass_object_delete",
    "multi_object_delete",
    "new_principal_on_bucket",
    "unusual_network_of_principal",
    "vpc_endpoint_bypassed",
    "bucket_acl_cross_account",
    "object_lock_weakened",
    "lifecycle_expires_soon",
    "attack_sequence_data",
];

pub(super) fn seeds() -> Vec<Seed> {
    let shipped = shipped().into_iter().filter(|file| SHIPPED.contains(&file.slug()));
    let shipped = shipped.map(|file| (format!("shipped-{}.yml", file.slug()), file.text.into()));
    let own = [selections(), judges(), files(), bad_rules(), bad_texts()].into_iter().flatten();
    shipped.chain(own.map(|(name, text)| (format!("{name}.yml"), text.into_bytes()))).collect()
}

type Named = (&'static str, String);

/// A rule with this detection and section.
fn rule(detection: &str, section: &str) -> String {
    format!(
        "title: t\nname: mine\nlogsource: {{product: aws, service: cloudtrail}}\nlevel: high\n\
         tags: [attack.impact, attack.t1485]\ndetection:\n{detection}{section}"
    )
}

/// A rule and a correlation over it.
fn correlation(members: &str, section: &str) -> String {
    let counted = rule("  s: {eventName: DeleteObject}\n  condition: s\n", "");
    format!(
        "{counted}---\ntitle: many\nname: many\ncorrelation:\n  rules: [mine]\n{members}{section}"
    )
}

/// A selection.
const PLAIN: &str = "  s: {eventName: GetObject}\n  condition: s\n";

/// A correlation's members.
const COUNT: &str = "  type: event_count\n  group-by: [principal, bucket]\n  timespan: 10m\n  condition: {gte: 1}\n";

fn selections() -> Vec<Named> {
    vec![
        ("plain", rule(PLAIN, "")),
        (
            "modifiers",
            rule(
                "  a: {eventName|startswith: Get, userAgent|contains|all: [aws, 'cli*2.?'], eventSource|cased: s3.amazonaws.com}\n  \
                 b: {errorCode|exists: true}\n  c: {vpcEndpointId: null, readOnly: true, requestParameters.**.key|endswith: 7}\n  \
                 condition: a and not (b or c)\n",
                "",
            ),
        ),
        (
            "selectors",
            rule(
                "  sel_a: [{eventName: GetObject}, {eventName: '*Object'}]\n  sel_b: {readOnly: 'true'}\n  \
                 condition: [1 of sel_*, all of them]\n",
                "",
            ),
        ),
        ("keywords", rule("  k: [AccessDenied, payroll]\n  condition: k\n", "")),
        (
            "anchors",
            rule(
                "  a: &x {eventName: &n GetObject}\n  b: *x\n  c: {eventName: *n}\n  condition: a and b and c\n",
                "",
            ),
        ),
        (
            "block-texts",
            rule(
                "  s:\n    eventName: |\n      GetObject\n    userAgent: >-\n      aws\n      cli\n  condition: s\n",
                "",
            ),
        ),
    ]
}

fn judges() -> Vec<Named> {
    vec![
        (
            "messages",
            rule(
                PLAIN,
                "trailsift:\n  title: '{principal} {caller} {count:mine}'\n  \
                 description: '{bucket} {interval} {observed} {expected} {details}'\n  \
                 remediation: 'run {principal} {object}'\n  details: [requestParameters.key, acl_grants]\n",
            ),
        ),
        (
            "first-seen",
            rule(
                PLAIN,
                "trailsift:\n  judge: first_seen\n  group_by: [principal]\n  value: source_network\n  scope: account\n  \
                 lookback_days: 14\n  known_days: 1\n  roaming: {days: 2, factor: 3}\n  needs: s3_data_events\n",
            ),
        ),
        (
            "changed",
            format!(
                "{}---\n{}",
                rule(PLAIN, "").replace("mine", "stronger"),
                rule(
                    "  s: {eventName: DeleteObject}\n  condition: s\n",
                    "trailsift: {judge: changed, group_by: [bucket], stronger: [stronger], only_seen_changes: true}\n"
                )
            ),
        ),
        ("event-count", correlation(COUNT, "")),
        (
            "event-count-escalates",
            correlation(
                COUNT,
                "trailsift:\n  severity: 5.5\n  severity_if_failed: 2\n  escalate: [{rule: mine, at_least: 1, severity: 9}, {at_least: 2, severity: 8}]\n  \
                 recurring: {days: 1, factor: 2, severity: 2.0}\n  foreign: {sister: 3.0, unknown: 4.5}\n  unless: mine\n",
            ),
        ),
        ("timespan-of-a-year", correlation(&COUNT.replace("10m", "1y"), "")),
        ("conditions", correlation(&COUNT.replace("{gte: 1}", "{gt: 0, lt: 9, neq: 4}"), "")),
        (
            "value-count",
            correlation(
                &COUNT
                    .replace("event_count", "value_count")
                    .replace("{gte: 1}", "{field: eventName, gte: 1}"),
                "",
            ),
        ),
        (
            "temporal",
            correlation(
                &COUNT.replace("event_count", "temporal"),
                "  aliases: {x: {mine: bucket}}\n",
            ),
        ),
    ]
}

fn files() -> Vec<Named> {
    let cases = "\n...\n# Cases\n\n### one\n\n| eventTime | eventName | count | every |\n| - | - | - | - |\n\
                 | 2026-03-04T10:00:00Z | GetObject | 3 | 60 |\n\nNo findings\n";
    vec![
        (
            "action-global",
            format!("action: global\nlogsource: {{product: aws}}\n---\n{}", rule(PLAIN, "")),
        ),
        ("cases", rule(PLAIN, "") + cases),
        (
            "cases-with-findings",
            rule(PLAIN, "")
                + &cases
                    .replace("No findings", "| finding_type | event_count |\n| - | - |\n| x | 3 |"),
        ),
        (
            "filter",
            format!(
                "{}---\ntitle: f\nlogsource: {{product: aws}}\nfilter:\n  rules: [mine]\n  s: {{a: b}}\n  condition: not s\n",
                rule(PLAIN, "")
            ),
        ),
    ]
}

fn bad_texts() -> Vec<Named> {
    vec![
        ("nothing", String::new()),
        ("no-yaml", "{a: [\n".to_owned()),
        ("a-list", "- a\n- b\n".to_owned()),
    ]
}

fn bad_rules() -> Vec<Named> {
    vec![
        ("other-product", rule(PLAIN, "").replace("aws, service: cloudtrail", "windows")),
        ("unknown-key", rule(PLAIN, "trailsift: {colour: red}\n")),
        ("unknown-detection", rule("  s: {a: b}\n  condition: t and 1 of x*\n", "")),
        ("no-condition", rule("  s: {a: b}\n", "")),
        (
            "unknown-modifier",
            rule(
                "  s: {a|re: '(x+)+', b|cidr: 10.0.0.0/8, c|base64offset|contains: x}\n  condition: s\n",
                "",
            ),
        ),
        ("bad-field", rule("  s: {a..b: c, '': d, a.**: e}\n  condition: s\n", "")),
        (
            "wrong-types",
            rule(
                PLAIN,
                "trailsift: {severity: high, version: -1, group_by: {a: b}, escalate: 7, only_seen_changes: 1}\n",
            ),
        ),
        (
            "out-of-range",
            rule(
                PLAIN,
                "trailsift: {severity: 11.0, lookback_days: 9223372036854775807, roaming: {days: 18446744073709551615, factor: 1}}\n",
            ),
        ),
        (
            "deep-condition",
            rule(
                &format!("  s: {{a: b}}\n  condition: {}s{}\n", "not (".repeat(20), ")".repeat(20)),
                "",
            ),
        ),
        (
            "deep-yaml",
            rule(&format!("  s: {}b{}\n  condition: s\n", "[".repeat(60), "]".repeat(60)), ""),
        ),
        ("same-name-twice", format!("{}---\n{}", rule(PLAIN, ""), rule(PLAIN, ""))),
        ("refers-to-itself", rule(PLAIN, "trailsift: {judge: first_seen, usual: mine}\n")),
        ("unclosed-placeholder", rule(PLAIN, "trailsift: {title: '{principal'}\n")),
        ("no-utf-8", rule(PLAIN, "trailsift: {title: '\u{fffd}\u{0}'}\n")),
    ]
}
