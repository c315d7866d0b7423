//! All predicates on one column, tried together on one value: literals by one pass over the text,
//! whole values by look-up, networks by prefix, so that the cost hardly grows with the predicates.

use std::collections::{BTreeMap, HashMap};

use ipnet::IpNet;
use regex::{Regex, RegexBuilder};

use super::literals::{Action, Literals, LiteralsBuilder, of_pattern, of_regex};
use super::predicate::{Comparison, Predicate, Test, TimePart, address_of, number_of};
use super::text::{Shape, TextMatcher, fold};
use crate::events::Field;

/// The predicates on one column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Which column.
    pub(super) field: Field,
    /// Hold for every value.
    always: Vec<usize>,
    /// By the whole value, folded and as it is.
    whole: [HashMap<String, Vec<usize>>; 2],
    /// In the folded text and in the text as it is.
    literals: [Literals; 2],
    /// What is tried by itself.
    patterns: Vec<(usize, Matcher)>,
    /// Those of `patterns` that no literal leads to.
    unled: Vec<usize>,
    /// Those of `patterns` that are regular expressions: literals do not lead to them in texts
    /// that are not ASCII.
    expressions: Vec<usize>,
    networks: BTreeMap<(bool, u8), HashMap<IpNet, Vec<usize>>>,
    numbers: Vec<(usize, Comparison, f64)>,
    times: Vec<(usize, TimePart, Comparison, f64)>,
}

#[derive(Debug, Clone)]
enum Matcher {
    Text(TextMatcher),
    Regex(Regex),
}

impl Matcher {
    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Text(text) => text.matches(value),
            Self::Regex(regex) => regex.is_match(value),
        }
    }
}

/// Memory for trying one value after the other.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    hits: Vec<usize>,
    tried: Vec<usize>,
}

impl Column {
    /// Compiles the numbered predicates, all of which are on `field`.
    pub(super) fn new(field: Field, predicates: &[(usize, &Predicate)]) -> Self {
        let mut column = Self {
            field,
            always: Vec::new(),
            whole: [HashMap::new(), HashMap::new()],
            literals: [Literals::default(), Literals::default()],
            patterns: Vec::new(),
            unled: Vec::new(),
            expressions: Vec::new(),
            networks: BTreeMap::new(),
            numbers: Vec::new(),
            times: Vec::new(),
        };
        let mut literals = [LiteralsBuilder::default(), LiteralsBuilder::default()];
        for (number, predicate) in predicates {
            column.add(*number, &predicate.test, &mut literals);
        }
        for (place, builder) in column.literals.iter_mut().zip(literals) {
            match builder.build() {
                Some(built) => *place = built,
                None => return Self::one_by_one(field, predicates),
            }
        }
        column
    }

    /// Every predicate tried by itself: slower, for more literals than fit together.
    fn one_by_one(field: Field, predicates: &[(usize, &Predicate)]) -> Self {
        let mut column = Self::new(field, &[]);
        for (number, predicate) in predicates {
            match &predicate.test {
                Test::Text(text) => column.lone(*number, Matcher::Text(text.clone())),
                test => column.add(*number, test, &mut Default::default()),
            }
        }
        column.unled = (0..column.patterns.len()).collect();
        column
    }

    fn add(&mut self, number: usize, test: &Test, literals: &mut [LiteralsBuilder; 2]) {
        match test {
            Test::Present => self.always.push(number),
            Test::Text(matcher) => self.add_text(number, matcher, literals),
            Test::Regex(pattern) => {
                // It was built before, when the rule was compiled.
                let Ok(regex) = RegexBuilder::new(&pattern.0).size_limit(usize::MAX).build() else {
                    return;
                };
                let [folded, _] = literals;
                let leads = of_regex(&pattern.0);
                for lead in &leads {
                    folded.add(lead, Action::Try(self.patterns.len()));
                }
                self.expressions.push(self.patterns.len());
                if leads.is_empty() {
                    self.unled.push(self.patterns.len());
                }
                self.patterns.push((number, Matcher::Regex(regex)));
            }
            Test::Cidr(network) => {
                let same = self.networks.entry((network.addr().is_ipv6(), network.prefix_len()));
                same.or_default().entry(*network).or_default().push(number);
            }
            Test::Number(comparison, to) => self.numbers.push((number, *comparison, to.0)),
            Test::TimePart(part, comparison, to) => {
                self.times.push((number, *part, *comparison, to.0));
            }
            // Not a matter of one value.
            Test::Reference(_) => {}
        }
    }

    fn add_text(&mut self, number: usize, text: &TextMatcher, literals: &mut [LiteralsBuilder; 2]) {
        let [folded, cased] = literals;
        let literals = if text.is_cased() { cased } else { folded };
        let [folded, cased] = &mut self.whole;
        let whole = if text.is_cased() { cased } else { folded };
        match text.shape() {
            Shape::Equals(text) => whole.entry(text.clone()).or_default().push(number),
            Shape::Contains(text) | Shape::StartsWith(text) | Shape::EndsWith(text)
                if text.is_empty() =>
            {
                self.always.push(number);
            }
            Shape::Contains(text) => literals.add(text, Action::Anywhere(number)),
            Shape::StartsWith(text) => literals.add(text, Action::AtStart(number)),
            Shape::EndsWith(text) => literals.add(text, Action::AtEnd(number)),
            Shape::Wild(pieces) => match of_pattern(pieces) {
                Some(lead) => {
                    literals.add(lead, Action::Try(self.patterns.len()));
                    self.patterns.push((number, Matcher::Text(text.clone())));
                }
                None => self.lone(number, Matcher::Text(text.clone())),
            },
        }
    }

    fn lone(&mut self, number: usize, matcher: Matcher) {
        self.unled.push(self.patterns.len());
        self.patterns.push((number, matcher));
    }

    /// The numbers of the predicates that hold for `value`, ascending.
    pub(super) fn hits<'s>(&self, value: &str, scratch: &'s mut Scratch) -> &'s [usize] {
        let Scratch { hits, tried } = scratch;
        hits.clear();
        tried.clear();
        hits.extend_from_slice(&self.always);
        let folded = fold(value);
        let texts = [folded.as_ref(), value];
        for ((text, whole), literals) in texts.into_iter().zip(&self.whole).zip(&self.literals) {
            hits.extend(whole.get(text).into_iter().flatten());
            literals.find(text, |action| match action {
                Action::Anywhere(hit) | Action::AtStart(hit) | Action::AtEnd(hit) => hits.push(hit),
                Action::Try(pattern) => tried.push(pattern),
            });
        }
        tried.extend_from_slice(&self.unled);
        if !value.is_ascii() {
            tried.extend_from_slice(&self.expressions);
        }
        tried.sort_unstable();
        tried.dedup();
        let patterns = tried.iter().filter_map(|pattern| self.patterns.get(*pattern));
        hits.extend(patterns.filter(|(_, m)| m.matches(value)).map(|(number, _)| *number));
        self.hits_of_kinds(value, hits);
        hits.sort_unstable();
        hits.dedup();
        hits
    }

    /// Adds those that read the value as something else than text.
    fn hits_of_kinds(&self, value: &str, hits: &mut Vec<usize>) {
        if !self.networks.is_empty()
            && let Some(address) = address_of(value)
        {
            for ((ipv6, prefix), networks) in &self.networks {
                let network = (*ipv6 == address.is_ipv6()).then(|| IpNet::new(address, *prefix));
                let network = network.and_then(Result::ok).map(|network| network.trunc());
                hits.extend(network.and_then(|n| networks.get(&n)).into_iter().flatten());
            }
        }
        if !self.numbers.is_empty()
            && let Some(found) = number_of(value)
        {
            let held = self.numbers.iter().filter(|(_, how, to)| how.holds(found, *to));
            hits.extend(held.map(|(number, ..)| *number));
        }
        let held = self
            .times
            .iter()
            .filter(|(_, part, how, to)| part.of(value).is_some_and(|found| how.holds(found, *to)));
        hits.extend(held.map(|(number, ..)| *number));
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::{Operation, Piece};
    use super::*;
    use crate::detect::select::predicate::{Number, Pattern};
    use crate::events::Core;

    fn text(literal: &str, operation: Operation, cased: bool) -> Test {
        let pieces = literal.split('*').map(|part| Piece::Literal(part.to_owned()));
        let mut with_runs: Vec<Piece> = Vec::new();
        for piece in pieces {
            if !with_runs.is_empty() {
                with_runs.push(Piece::AnyRun);
            }
            with_runs.push(piece);
        }
        with_runs.retain(|piece| *piece != Piece::Literal(String::new()));
        Test::Text(TextMatcher::new(with_runs, operation, cased))
    }

    fn tests() -> Vec<Test> {
        use Operation::{Contains, EndsWith, Equals, StartsWith};
        let number = |how, to| Test::Number(how, Number(to));
        vec![
            text("GetObject", Equals, false),
            text("GetObject", Equals, true),
            text("Get", StartsWith, false),
            text("object", EndsWith, false),
            text("tOb", Contains, true),
            text("g*t*ct", Equals, false),
            Test::Regex(Pattern("(?i)get(object|acl)$".to_owned())),
            Test::Regex(Pattern("[a-z]{9}".to_owned())),
            Test::Cidr("10.0.0.0/8".parse().unwrap()),
            Test::Cidr("10.1.0.0/16".parse().unwrap()),
            Test::Cidr("2001:db8::/32".parse().unwrap()),
            number(Comparison::Gte, 10.0),
            number(Comparison::Lt, 10.0),
            Test::TimePart(TimePart::Hour, Comparison::Gt, Number(21.0)),
            Test::Present,
            text("", Contains, false),
            text("", Equals, false),
        ]
    }

    /// Each by itself, as plainly as it can be said.
    fn holds(test: &Test, value: &str) -> bool {
        match test {
            Test::Text(matcher) => matcher.matches(value),
            Test::Regex(pattern) => Regex::new(&pattern.0).unwrap().is_match(value),
            Test::Cidr(network) => address_of(value).is_some_and(|a| network.contains(&a)),
            Test::Number(how, to) => number_of(value).is_some_and(|n| how.holds(n, to.0)),
            Test::TimePart(part, how, to) => part.of(value).is_some_and(|n| how.holds(n, to.0)),
            Test::Present => true,
            Test::Reference(_) => false,
        }
    }

    #[test]
    fn together_they_say_what_each_says_alone() {
        let predicates: Vec<Predicate> = tests()
            .into_iter()
            .map(|test| Predicate { field: Field::Core(Core::EventName), test })
            .collect();
        let numbered: Vec<(usize, &Predicate)> = predicates.iter().enumerate().collect();
        let columns = [
            Column::new(Field::Core(Core::EventName), &numbered),
            Column::one_by_one(Field::Core(Core::EventName), &numbered),
        ];
        let values = [
            "",
            "GetObject",
            "getobject",
            "GETOBJECTACL",
            "getacl",
            "xGetObject",
            "Götobject",
            "10.1.2.3",
            "10.9.9.9",
            "::ffff:10.1.2.3",
            "2001:db8::7",
            "AWS Internal",
            "9.5",
            "10",
            "1e3",
            "2026-03-04T22:15:00Z",
            "\u{212a}ali",
            "GET\u{17f}",
            "ſecretſecret",
        ];
        for column in &columns {
            let mut scratch = Scratch::default();
            for value in values {
                let expected: Vec<usize> = numbered
                    .iter()
                    .filter(|(_, p)| holds(&p.test, value))
                    .map(|(n, _)| *n)
                    .collect();
                assert_eq!(column.hits(value, &mut scratch), expected, "{value}");
            }
        }
    }
}
