//! Random rules: every modifier with every value that is legal for it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::rule::{Condition, Item, Pattern, Rule, Section, quoted};
use super::words::{
    ADDRESS_FIELDS, ALL_TEXTS, EVENT_NAMES, FIELDS, NETS, NUMBER_FIELDS, NUMBERS, REGEXES, SECRETS,
    TIME_FIELDS,
};

/// A random rule.
pub fn rule() -> BoxedStrategy<Rule> {
    let conditions = prop_oneof![5 => vec(condition(), 1), 1 => vec(condition(), 2)];
    (vec(section(), 1..4), conditions)
        .prop_map(|(sections, conditions)| Rule { sections, conditions })
        .boxed()
}

fn condition() -> BoxedStrategy<Condition> {
    let pattern = select(vec![Pattern::Them, Pattern::Prefix, Pattern::Suffix, Pattern::Whole]);
    let leaf = prop_oneof![
        3 => any::<usize>().prop_map(Condition::Name),
        1 => (select(vec!["1", "any", "all"]), pattern, any::<usize>())
            .prop_map(|(quantifier, pattern, number)| Condition::Of(quantifier, pattern, number)),
    ];
    let linked = |inner: BoxedStrategy<Condition>| {
        prop_oneof![
            2 => inner.clone().prop_map(|part| Condition::Not(Box::new(part))),
            2 => vec(inner.clone(), 2..3).prop_map(Condition::And),
            2 => vec(inner, 2..3).prop_map(Condition::Or),
        ]
    };
    leaf.prop_recursive(2, 6, 2, move |inner| linked(inner.boxed())).boxed()
}

fn section() -> BoxedStrategy<Section> {
    prop_oneof![
        10 => vec(item(), 1..3).prop_map(Section::Map),
        3 => (event_name(), vec(item(), 1..3)).prop_map(|(name, mut items)| {
            items.insert(0, name);
            Section::Map(items)
        }),
        2 => vec(vec(item(), 1..3), 1..3).prop_map(Section::Maps),
        1 => vec(keyword(), 1..3).prop_map(Section::Keywords),
        1 => keyword_item().prop_map(|item| Section::Map(vec![item])),
        1 => (keyword(), vec(item(), 1..2))
            .prop_map(|(word, items)| Section::Mixed(word, items)),
    ]
    .boxed()
}

/// What most rules say first; what they ask else is extracted from these events only.
fn event_name() -> BoxedStrategy<Item> {
    vec(select(EVENT_NAMES).prop_map(quoted), 1..3)
        .prop_map(|names| made("eventName", &[], names))
        .boxed()
}

/// A keyword is a text of some length: short ones are everywhere.
fn keyword() -> BoxedStrategy<String> {
    prop_oneof![8 => pattern(), 1 => select(vec!["300", "1000"]).prop_map(str::to_owned)].boxed()
}

fn keyword_item() -> BoxedStrategy<Item> {
    let chains: Vec<&[&str]> = vec![
        &["contains"],
        &["startswith"],
        &["endswith"],
        &["contains", "all"],
        &["all"],
        &["cased", "contains"],
    ];
    let texts = (select(chains), vec(pattern(), 2..3));
    let regexes = (select(vec![&["re"][..], &["re", "i"]]), vec(regex(), 1..3));
    prop_oneof![3 => texts.boxed(), 1 => regexes.boxed()]
        .prop_map(|(chain, values)| made("", chain, values))
        .boxed()
}

fn made(field: &str, chain: &[&'static str], values: Vec<String>) -> Item {
    Item { field: field.to_owned(), modifiers: chain.to_vec(), values }
}

fn item() -> BoxedStrategy<Item> {
    prop_oneof![
        6 => texts(),
        3 => plain(),
        1 => nothing(),
        2 => regexes(),
        2 => networks(),
        2 => encoded(),
        1 => windash(),
        1 => exists(),
        2 => numbers(),
        2 => times(),
        2 => references(),
        1 => expands(),
    ]
    .boxed()
}

/// Of several fields and chains one each, with so many values.
fn some(
    fields: &'static [&'static str],
    chains: &[&'static [&'static str]],
    values: impl Strategy<Value = Vec<String>> + 'static,
) -> BoxedStrategy<Item> {
    (select(fields), select(chains.to_vec()), values)
        .prop_map(|(field, chain, values)| made(field, chain, values))
        .boxed()
}

fn texts() -> BoxedStrategy<Item> {
    let one_or_more: &[&[&str]] = &[
        &["contains"],
        &["startswith"],
        &["endswith"],
        &["cased"],
        &["contains", "cased"],
        &["startswith", "cased"],
        &["endswith", "cased"],
        &["neq"],
        &["contains", "neq"],
        &["cased", "neq"],
        &["startswith", "neq"],
    ];
    let several: &[&[&str]] = &[&["contains", "all"], &["all"], &["startswith", "all", "cased"]];
    prop_oneof![
        4 => some(FIELDS, one_or_more, vec(value(), 1..4)),
        1 => some(FIELDS, several, vec(value(), 2..4)),
    ]
    .boxed()
}

fn plain() -> BoxedStrategy<Item> {
    some(FIELDS, &[&[]], vec(value(), 1..4))
}

fn nothing() -> BoxedStrategy<Item> {
    let value = select(vec!["null", "\"\"", "null"]).prop_map(|value| vec![value.to_owned()]);
    some(FIELDS, &[&[], &["neq"], &[]], value)
}

fn value() -> BoxedStrategy<String> {
    prop_oneof![
        9 => pattern(),
        1 => select(NUMBERS).prop_map(str::to_owned),
        1 => select(vec!["true", "false"]).prop_map(str::to_owned),
    ]
    .boxed()
}

/// A text of the pool, changed: cut, with wildcards, escaped, in another case.
fn pattern() -> BoxedStrategy<String> {
    (select(ALL_TEXTS.as_slice()), 0..9_u8, any::<prop::sample::Index>())
        .prop_map(|(text, change, at)| quoted(&changed(&text, change, at)))
        .boxed()
}

fn changed(text: &str, change: u8, at: prop::sample::Index) -> String {
    let characters: Vec<char> = text.chars().collect();
    let at = if characters.is_empty() { 0 } else { at.index(characters.len()) };
    let with = |wildcard: &str| {
        let (before, after) = (&characters[..at], characters.get(at + 1..).unwrap_or_default());
        before.iter().collect::<String>() + wildcard + &after.iter().collect::<String>()
    };
    match change {
        0 => with("*"),
        1 => with("?"),
        2 => format!("*{}", characters[at..].iter().collect::<String>()),
        3 => format!("{}*", characters[..at].iter().collect::<String>()),
        4 => text.to_uppercase(),
        5 => text.to_lowercase(),
        6 => text.replace('\\', "\\\\").replace('*', "\\*").replace('?', "\\?"),
        7 => characters[at..].iter().collect(),
        _ => text.to_owned(),
    }
}

fn regex() -> BoxedStrategy<String> {
    select(REGEXES).prop_map(quoted).boxed()
}

fn regexes() -> BoxedStrategy<Item> {
    let chains: &[&[&str]] = &[
        &["re"],
        &["re", "i"],
        &["re", "m"],
        &["re", "s"],
        &["re", "i", "m", "s"],
        &["re", "neq"],
    ];
    prop_oneof![
        4 => some(FIELDS, chains, vec(regex(), 1..4)),
        1 => some(FIELDS, &[&["re", "all"]], vec(regex(), 2..3)),
    ]
    .boxed()
}

fn networks() -> BoxedStrategy<Item> {
    let nets = vec(select(NETS).prop_map(quoted), 1..3);
    some(ADDRESS_FIELDS, &[&["cidr"], &["cidr"], &["cidr", "neq"]], nets)
}

fn encoded() -> BoxedStrategy<Item> {
    let chains: &[&[&str]] = &[
        &["base64"],
        &["base64", "contains"],
        &["base64", "cased"],
        &["base64offset", "contains"],
        &["base64offset"],
        &["wide", "base64"],
        &["utf16le", "base64offset", "contains"],
        &["utf16be", "base64", "contains"],
        &["utf16", "base64"],
        &["wide", "base64offset", "contains"],
        &["wide"],
        &["wide", "contains"],
        &["utf16be", "contains"],
    ];
    let fields = &["userAgent", "requestParameters.key", "requestParameters.tags", "errorMessage"];
    some(fields, chains, vec(select(SECRETS).prop_map(quoted), 1..3))
}

fn windash() -> BoxedStrategy<Item> {
    let chains: &[&[&str]] = &[&["windash"], &["windash", "contains"], &["contains", "windash"]];
    let words = ["cmd -a -b", "-a", "beta-gamma", "-x", " /a", "cmd /a -b"];
    let values = vec(select(words.to_vec()).prop_map(quoted), 1..3);
    let both = vec(select(vec![" -a", " -b", "cmd"]).prop_map(quoted), 2..3);
    prop_oneof![
        3 => some(FIELDS, chains, values),
        1 => some(FIELDS, &[&["windash", "contains", "all"]], both),
    ]
    .boxed()
}

fn exists() -> BoxedStrategy<Item> {
    let value = select(vec!["true", "false"]).prop_map(|value| vec![value.to_owned()]);
    some(FIELDS, &[&["exists"]], value)
}

fn numbers() -> BoxedStrategy<Item> {
    let number = prop_oneof![select(NUMBERS).prop_map(str::to_owned), Just("\"5\"".to_owned())];
    let chains: &[&[&str]] =
        &[&["lt"], &["lte"], &["gt"], &["gte"], &["gt", "neq"], &["lt", "neq"]];
    prop_oneof![
        3 => some(NUMBER_FIELDS, chains, vec(number.clone(), 1..3)),
        1 => some(FIELDS, chains, vec(number.clone(), 1)),
        1 => some(NUMBER_FIELDS, &[&["gt", "all"]], vec(number, 2..3)),
    ]
    .boxed()
}

fn times() -> BoxedStrategy<Item> {
    let chains: &[&[&str]] = &[
        &["minute"],
        &["hour"],
        &["day"],
        &["week"],
        &["month"],
        &["year"],
        &["minute", "lt"],
        &["hour", "gte"],
        &["day", "gt"],
        &["week", "lte"],
        &["month", "lt"],
        &["year", "gte"],
        &["hour", "neq"],
    ];
    let numbers = ["0", "1", "5", "7", "12", "23", "30", "53", "59", "2024", "2020", "\"21\""];
    let values = vec(select(numbers.to_vec()).prop_map(str::to_owned), 1..3);
    some(TIME_FIELDS, chains, values)
}

fn references() -> BoxedStrategy<Item> {
    let chains: &[&[&str]] = &[
        &["fieldref"],
        &["fieldref", "startswith"],
        &["fieldref", "endswith"],
        &["fieldref", "contains"],
        &["fieldref", "neq"],
        &["fieldref", "cased"],
        &["fieldref", "contains", "cased"],
    ];
    some(FIELDS, chains, vec(select(FIELDS).prop_map(quoted), 1..3))
}

fn expands() -> BoxedStrategy<Item> {
    let words = ["%admins%", "x%admins%", "%jump_hosts%", "alpha"];
    let values = vec(select(words.to_vec()).prop_map(quoted), 1..3);
    some(FIELDS, &[&["expand"], &["expand", "contains"], &["expand", "cased"]], values)
}
