//! A random rule and the two ways of writing it: for trailsift, and for rsigma-eval, which refuses
//! a time part that is compared (`|hour|gte`), anchors wildcards of `startswith` and `endswith` at
//! the wrong end, and means something else by `|expand`. Those are written out for it, so that they
//! are compared too.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::words::PLACEHOLDERS;

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    pub sections: Vec<Section>,
    pub conditions: Vec<Condition>,
}

/// A named detection.
#[derive(Debug, Clone)]
pub enum Section {
    Map(Vec<Item>),
    Maps(Vec<Vec<Item>>),
    Keywords(Vec<String>),
    /// Keywords and a map in one list.
    Mixed(String, Vec<Item>),
}

/// `field|modifiers: values`.
#[derive(Debug, Clone)]
pub struct Item {
    pub field: String,
    pub modifiers: Vec<&'static str>,
    /// As YAML writes them.
    pub values: Vec<String>,
}

/// A condition; sections are numbers that wrap around.
#[derive(Debug, Clone)]
pub enum Condition {
    Name(usize),
    /// `1 of`, `any of` or `all of` what a pattern finds.
    Of(&'static str, Pattern, usize),
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

/// How sections are named together.
#[derive(Debug, Clone, Copy)]
pub enum Pattern {
    Them,
    Prefix,
    Suffix,
    Whole,
}

/// For whom a rule is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Trailsift,
    Oracle,
}

const NAMES: &[&str] = &["selection", "selection_more", "filter_main", "_hidden", "filter_more"];

impl Rule {
    /// The rule as YAML.
    pub fn yaml(&self, title: &str, reader: Reader) -> String {
        let mut text = format!(
            "title: {title}\nlogsource:\n  product: aws\n  service: cloudtrail\ndetection:\n"
        );
        for (number, section) in self.sections.iter().enumerate() {
            let _ = write!(text, "  {}:", NAMES[number]);
            section.write(reader, &mut text);
        }
        let conditions: Vec<String> =
            self.conditions.iter().map(|condition| self.condition(condition)).collect();
        match conditions.as_slice() {
            [only] => writeln!(text, "  condition: {}", quoted(only)).unwrap(),
            several => {
                text.push_str("  condition:\n");
                for one in several {
                    writeln!(text, "    - {}", quoted(one)).unwrap();
                }
            }
        }
        text
    }

    fn condition(&self, condition: &Condition) -> String {
        let linked = |parts: &[Condition], link: &str| {
            let parts: Vec<String> = parts.iter().map(|part| self.condition(part)).collect();
            format!("({})", parts.join(link))
        };
        match condition {
            Condition::Name(number) => self.name(*number).to_owned(),
            Condition::Of(quantifier, pattern, number) => {
                format!("{quantifier} of {}", self.pattern(*pattern, *number))
            }
            Condition::Not(part) => format!("not {}", self.condition(part)),
            Condition::And(parts) => linked(parts, " and "),
            Condition::Or(parts) => linked(parts, " or "),
        }
    }

    fn name(&self, number: usize) -> &'static str {
        NAMES[number % self.sections.len()]
    }

    /// A pattern that finds section number `number`.
    fn pattern(&self, pattern: Pattern, number: usize) -> String {
        let name = self.name(number);
        match (pattern, name.rsplit_once('_')) {
            (Pattern::Them, _) => "them".to_owned(),
            (Pattern::Prefix, Some((before, _))) => format!("{before}_*"),
            (Pattern::Prefix, None) => format!("{name}*"),
            (Pattern::Suffix, Some((_, after))) => format!("*_{after}"),
            (Pattern::Suffix, None) => format!("*{name}"),
            (Pattern::Whole, _) => name.to_owned(),
        }
    }
}

impl Section {
    fn write(&self, reader: Reader, text: &mut String) {
        text.push('\n');
        match self {
            Self::Map(items) => write_items(items, reader, "    ", text),
            Self::Maps(maps) => {
                for items in maps {
                    write_map_entry(items, reader, text);
                }
            }
            Self::Keywords(words) => {
                for word in words {
                    writeln!(text, "    - {word}").unwrap();
                }
            }
            Self::Mixed(word, items) => {
                let _ = writeln!(text, "    - {word}");
                write_map_entry(items, reader, text);
            }
        }
    }
}

fn write_map_entry(items: &[Item], reader: Reader, text: &mut String) {
    text.push_str("    -\n");
    write_items(items, reader, "      ", text);
}

/// A key can stand only once in a map; the first one counts.
fn write_items(items: &[Item], reader: Reader, indent: &str, text: &mut String) {
    let mut keys = BTreeSet::new();
    for item in items {
        let written = if reader == Reader::Oracle { item.for_oracle() } else { item.clone() };
        if keys.insert(item.key()) {
            written.write(indent, text);
        }
    }
}

impl Item {
    fn key(&self) -> String {
        let modifiers = self.modifiers.iter().map(|modifier| format!("|{modifier}"));
        std::iter::once(self.field.clone()).chain(modifiers).collect()
    }

    fn write(&self, indent: &str, text: &mut String) {
        let _ = write!(text, "{indent}{}:", quoted(&self.key()));
        match self.values.as_slice() {
            [only] => writeln!(text, " {only}").unwrap(),
            several => {
                text.push('\n');
                for one in several {
                    writeln!(text, "{indent}  - {one}").unwrap();
                }
            }
        }
    }

    fn for_oracle(&self) -> Self {
        let mut item = self.clone();
        if let Some((part, comparison)) = self.compared_part() {
            item.modifiers.retain(|modifier| *modifier != comparison);
            item.values = self.values.iter().flat_map(|v| parts(part, comparison, v)).collect();
            // No part of a time is -1: rsigma-eval has no empty list.
            if item.values.is_empty() {
                item.values.push("-1".to_owned());
            }
        } else if let Some(anchor) = self.anchored_wildcard() {
            item.modifiers.retain(|modifier| *modifier != anchor);
            item.values = self.values.iter().map(|value| anchored(anchor, value)).collect();
        } else if self.modifiers.contains(&"expand") {
            item.modifiers.retain(|modifier| *modifier != "expand");
            item.values = self.values.iter().flat_map(|value| expanded(value)).collect();
        }
        item
    }

    /// `startswith` or `endswith` of a value with a wildcard: rsigma-eval anchors it at the wrong
    /// end.
    fn anchored_wildcard(&self) -> Option<&'static str> {
        let anchors = ["startswith", "endswith"];
        let anchor = self.modifiers.iter().find(|modifier| anchors.contains(modifier))?;
        let wild = self.values.iter().any(|value| value.contains(['*', '?']));
        let other = self.modifiers.iter().any(|modifier| ["fieldref", "re"].contains(modifier));
        (wild && !other).then_some(anchor)
    }

    fn compared_part(&self) -> Option<(&'static str, &'static str)> {
        let among = |names: &[&str]| self.modifiers.iter().find(|m| names.contains(m)).copied();
        let part = among(&["minute", "hour", "day", "week", "month", "year"])?;
        Some((part, among(&["lt", "lte", "gt", "gte"])?))
    }
}

/// The value with the wildcard that `anchor` stands for.
fn anchored(anchor: &str, value: &str) -> String {
    let text: String = serde_json::from_str(value).unwrap_or_else(|_| value.to_owned());
    let backslashes = text.len() - text.trim_end_matches('\\').len();
    // A last backslash would take the star's meaning away.
    let last = if backslashes % 2 == 1 { "\\" } else { "" };
    quoted(&if anchor == "startswith" { format!("{text}{last}*") } else { format!("*{text}") })
}

/// The values that a part of a time can have and that compare so to `value`.
fn parts(part: &str, comparison: &str, value: &str) -> Vec<String> {
    let value: f64 = value.trim_matches('"').parse().unwrap();
    let range = if part == "year" { 1999..2036 } else { 0..60 };
    let holds = |number: &i32| match comparison {
        "lt" => f64::from(*number) < value,
        "lte" => f64::from(*number) <= value,
        "gt" => f64::from(*number) > value,
        _ => f64::from(*number) >= value,
    };
    range.filter(holds).map(|number| number.to_string()).collect()
}

fn expanded(value: &str) -> Vec<String> {
    let known = PLACEHOLDERS.iter().find_map(|(name, values)| {
        Some((format!("%{name}%"), *values)).filter(|(name, _)| value.contains(name.as_str()))
    });
    match known {
        Some((name, values)) => values.iter().map(|filled| value.replace(&name, filled)).collect(),
        None => vec![value.to_owned()],
    }
}

/// A text as YAML, in double quotes.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}
