//! Faults that the Sigma parser found, told with their place: by itself it names no field and no
//! line of the file.

use saphyr::{MarkedYaml, YamlData};

use super::diagnostic::Diagnostic;
use super::words::Words;
use super::yaml::{place, text};

/// The parser's message as a diagnostic; `nodes` are the documents of the file.
pub(super) fn of_parser(file: &str, nodes: &[MarkedYaml<'_>], message: &str) -> Diagnostic {
    let unknown = message.strip_prefix("Unknown modifier '");
    let unknown = unknown.and_then(|rest| rest.strip_suffix('\''));
    if let Some(modifier) = unknown.or(message.starts_with("`not` is").then_some("not")) {
        return modifier_fault(file, nodes, modifier);
    }
    if message.starts_with("Condition parse error") {
        return condition_fault(file, nodes, message);
    }
    let place = nodes.iter().find_map(|node| Words::of(node).find(message));
    Diagnostic::at(file, place.unwrap_or((1, 1)), "sigma", message)
}

fn modifier_fault(file: &str, nodes: &[MarkedYaml<'_>], modifier: &str) -> Diagnostic {
    let has = |key: &str| key.split('|').skip(1).any(|part| part == modifier);
    let (at, key) = find(nodes, &|key, _| has(key)).unwrap_or(((1, 1), String::new()));
    let field = key.split('|').next().unwrap_or_default();
    let message = format!("unknown modifier `{modifier}` of field `{field}`");
    let fault = Diagnostic::at(file, at, "modifier", message);
    if modifier == "not" {
        return fault.help("say `not` in the condition, or `neq` behind the field");
    }
    fault
}

/// The parser draws the condition, points into it, and says what it expected there.
fn condition_fault(file: &str, nodes: &[MarkedYaml<'_>], message: &str) -> Diagnostic {
    let after = |mark: &str| message.lines().find_map(|line| Some(line.split_once(mark)?.1.trim()));
    let (source, expected) = (after("1 | ").unwrap_or_default(), after("= ").unwrap_or_default());
    let is_it = |key: &str, value: &MarkedYaml<'_>| {
        let is_source = |value: &MarkedYaml<'_>| text(value).is_some_and(|t| t.trim() == source);
        key == "condition"
            && match &value.data {
                YamlData::Sequence(parts) => parts.iter().any(is_source),
                _ => is_source(value),
            }
    };
    let (at, _) = find(nodes, &is_it).unwrap_or(((1, 1), String::new()));
    let message = format!("condition `{source}` cannot be read: {expected}");
    let fault = Diagnostic::at(file, at, "condition", message);
    if source.contains('|') {
        return fault.help("what follows `|` is now a document of its own with `correlation:`");
    }
    fault
}

/// The first key, at any depth, that is looked for, and where it stands.
fn find(
    nodes: &[MarkedYaml<'_>],
    wanted: &dyn Fn(&str, &MarkedYaml<'_>) -> bool,
) -> Option<((usize, usize), String)> {
    nodes.iter().find_map(|node| match &node.data {
        YamlData::Sequence(parts) => find(parts, wanted),
        YamlData::Mapping(entries) => entries.iter().find_map(|(key, value)| {
            let own = text(key).filter(|name| wanted(name, value));
            let own = own.map(|name| (place(key), name.to_owned()));
            own.or_else(|| find(std::slice::from_ref(value), wanted))
        }),
        _ => None,
    })
}
