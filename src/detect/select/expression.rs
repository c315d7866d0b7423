//! Conditions over predicates, and what can be told of them before any event is seen.

use std::collections::BTreeSet;

use super::predicate::{Predicate, Predicates, Test};
use super::text::Shape;
use crate::events::{Core, Field, Fields};

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// Every part holds; true when empty.
    All(Vec<Expression>),
    /// Some part holds; false when empty.
    Any(Vec<Expression>),
    /// The part does not hold.
    Not(Box<Expression>),
    /// The predicate of that number holds.
    Leaf(usize),
}

impl Expression {
    /// The numbers of its predicates.
    pub fn leaves(&self) -> Vec<usize> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::leaves).collect(),
            Self::Not(part) => part.leaves(),
            Self::Leaf(leaf) => vec![*leaf],
        }
    }

    /// A set of predicates of which one must hold wherever the condition does; `None`: there is no
    /// such set, or none is known. Of several sets the one whose worst predicate is best counts.
    #[must_use]
    pub fn guard(&self, predicates: &[Predicate]) -> Option<Vec<usize>> {
        match self {
            Self::Leaf(leaf) => Some(vec![*leaf]),
            Self::Not(_) => None,
            Self::Any(parts) => {
                let guards: Option<Vec<_>> = parts.iter().map(|p| p.guard(predicates)).collect();
                Some(guards?.concat())
            }
            Self::All(parts) => {
                let guards = parts.iter().filter_map(|part| part.guard(predicates));
                let cost = |guard: &Vec<usize>| {
                    let rank = |leaf: &usize| predicates.get(*leaf).map_or(9, rank);
                    (guard.iter().map(rank).max().unwrap_or(0), guard.len())
                };
                guards.min_by_key(cost)
            }
        }
    }

    /// The names of events, in lower case, that it can hold for; `None`: of any name.
    #[must_use]
    pub fn event_names(&self, predicates: &[Predicate]) -> Option<BTreeSet<String>> {
        match self {
            Self::Leaf(leaf) => {
                let predicate = predicates.get(*leaf)?;
                let Test::Text(text) = &predicate.test else { return None };
                match (predicate.field, text.shape()) {
                    (Field::Core(Core::EventName), Shape::Equals(name)) => {
                        Some(BTreeSet::from([name.to_lowercase()]))
                    }
                    _ => None,
                }
            }
            Self::Not(_) => None,
            Self::Any(parts) => {
                let names: Option<Vec<_>> =
                    parts.iter().map(|part| part.event_names(predicates)).collect();
                Some(names?.into_iter().flatten().collect())
            }
            Self::All(parts) => {
                let names = parts.iter().filter_map(|part| part.event_names(predicates));
                names.reduce(|a, b| a.intersection(&b).cloned().collect())
            }
        }
    }
}

/// How rarely a predicate holds, as a guess: the lower the better.
fn rank(predicate: &Predicate) -> u8 {
    match (predicate.field, &predicate.test) {
        (_, Test::Present | Test::Reference(_)) => 8,
        (Field::Core(Core::EventSource), _) => 7,
        (_, Test::Number(..) | Test::TimePart(..))
        | (Field::Core(Core::ReadOnly | Core::Mfa | Core::AccessClass | Core::PrincipalType), _) => {
            6
        }
        (Field::Core(Core::EventName), Test::Text(_)) => 2,
        (_, Test::Text(text)) => match text.shape() {
            Shape::Equals(text) if !text.is_empty() => 1,
            Shape::Contains(text) if text.is_empty() => 8,
            _ => 3,
        },
        (_, Test::Regex(_) | Test::Cidr(_)) => 3,
    }
}

/// A rule's selection: a condition, and what is known of it beforehand.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The condition.
    pub condition: Expression,
    /// Of these predicates one must hold; `None`: it must always be looked at.
    pub guard: Option<Vec<usize>>,
    /// Whether it looks at the category of events, and so sees those of every category.
    pub sees_every_category: bool,
}

impl Selection {
    /// The selection of a condition.
    #[must_use]
    pub fn new(condition: Expression, predicates: &Predicates, fields: &Fields) -> Self {
        let list = predicates.list();
        let is_category = |field| fields.reads(field, Core::EventCategory);
        let sees_category = |predicate: &Predicate| match &predicate.test {
            Test::Reference(reference) => {
                is_category(predicate.field) || is_category(reference.other)
            }
            _ => is_category(predicate.field),
        };
        let leaves = condition.leaves();
        let sees_every_category =
            leaves.iter().filter_map(|leaf| list.get(*leaf)).any(sees_category);
        Self { guard: condition.guard(list), sees_every_category, condition }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::{Operation, Piece, TextMatcher};
    use super::*;

    fn equals(predicates: &mut Predicates, core: Core, text: &str) -> Expression {
        let pieces = vec![Piece::Literal(text.to_owned())];
        let matcher = TextMatcher::new(pieces, Operation::Equals, false);
        let predicate = Predicate { field: Field::Core(core), test: Test::Text(matcher) };
        Expression::Leaf(predicates.intern(predicate))
    }

    #[test]
    fn a_guard_is_necessary_and_names_are_those_it_can_hold_for() {
        use Expression::{All, Any, Not};
        let mut p = Predicates::default();
        let source = equals(&mut p, Core::EventSource, "s3.amazonaws.com");
        let (get, put) =
            (equals(&mut p, Core::EventName, "GetObject"), equals(&mut p, Core::EventName, "Put"));
        let root = equals(&mut p, Core::PrincipalType, "Root");
        let both = || Any(vec![get.clone(), put.clone()]);
        let cases = [
            (All(vec![source.clone(), both()]), Some(vec![1, 2]), Some(vec!["getobject", "put"])),
            (All(vec![source.clone(), Not(Box::new(get.clone()))]), Some(vec![0]), None),
            (Not(Box::new(get.clone())), None, None),
            (Any(vec![get.clone(), root.clone()]), Some(vec![1, 3]), None),
            (Any(vec![get.clone(), Not(Box::new(root))]), None, None),
            (All(vec![get.clone(), both()]), Some(vec![1]), Some(vec!["getobject"])),
            (All(vec![]), None, None),
            (Any(vec![]), Some(vec![]), Some(vec![])),
        ];
        for (condition, guard, names) in cases {
            assert_eq!(condition.guard(p.list()), guard, "{condition:?}");
            let found = condition.event_names(p.list());
            let names = names.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(found, names, "{condition:?}");
        }
    }

    #[test]
    fn equal_predicates_are_one() {
        let mut p = Predicates::default();
        let first = equals(&mut p, Core::EventName, "GetObject");
        assert_eq!(first, equals(&mut p, Core::EventName, "getobject"));
        assert_eq!(p.list().len(), 1);
    }
}
