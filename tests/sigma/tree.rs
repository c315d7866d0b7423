//! A rule taken apart: its condition over leaves, each of which rsigma-eval judges by itself, so
//! that a known difference in one leaf leaves the others to be compared.

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Quantifier, SelectorPattern, SigmaRule,
};
use serde_json::Value;

use super::difference::{self, Known};
use super::engines::Oracle;
use super::leaf::Leaf;

/// A condition over leaves.
pub enum Tree {
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    Leaf(Box<JudgedLeaf>),
}

/// A leaf, and the same as a rule of its own.
pub struct JudgedLeaf {
    detection: Detection,
    oracle: Oracle,
}

impl JudgedLeaf {
    fn leaf(&self) -> Leaf<'_> {
        match &self.detection {
            Detection::AllOf(items) => Leaf::of(&items[0]),
            Detection::Keywords(values) => Leaf { field: None, modifiers: &[], values },
            _ => unreachable!("no leaf"),
        }
    }
}

impl Tree {
    /// Takes a rule apart.
    pub fn new(rule: &SigmaRule) -> Self {
        let conditions = rule.detection.conditions.iter();
        Self::Any(conditions.map(|condition| Self::condition(rule, condition)).collect())
    }

    fn condition(rule: &SigmaRule, condition: &ConditionExpr) -> Self {
        let each = |parts: &[ConditionExpr]| {
            parts.iter().map(|part| Self::condition(rule, part)).collect()
        };
        match condition {
            ConditionExpr::And(parts) => Self::All(each(parts)),
            ConditionExpr::Or(parts) => Self::Any(each(parts)),
            ConditionExpr::Not(part) => Self::Not(Box::new(Self::condition(rule, part))),
            ConditionExpr::Identifier(name) => {
                Self::detection(rule, &rule.detection.named[name.as_str()])
            }
            ConditionExpr::Selector { quantifier, pattern } => {
                Self::selector(rule, quantifier, pattern)
            }
        }
    }

    fn selector(rule: &SigmaRule, quantifier: &Quantifier, pattern: &SelectorPattern) -> Self {
        let named = rule.detection.named.iter();
        let found = named.filter(|(name, _)| pattern.matches_detection_name(name));
        let parts = found.map(|(_, detection)| Self::detection(rule, detection)).collect();
        if *quantifier == Quantifier::All { Self::All(parts) } else { Self::Any(parts) }
    }

    fn detection(rule: &SigmaRule, detection: &Detection) -> Self {
        match detection {
            Detection::AllOf(items) => {
                let one = |item: &DetectionItem| Detection::AllOf(vec![item.clone()]);
                Self::All(items.iter().map(|item| Self::leaf(rule, one(item))).collect())
            }
            Detection::AnyOf(parts) => {
                Self::Any(parts.iter().map(|part| Self::detection(rule, part)).collect())
            }
            Detection::Keywords(_) => Self::leaf(rule, detection.clone()),
            _ => panic!("a detection that is not generated: {detection:?}"),
        }
    }

    fn leaf(rule: &SigmaRule, detection: Detection) -> Self {
        let mut alone = rule.clone();
        alone.detection.named = [("leaf".to_owned(), detection.clone())].into();
        alone.detection.conditions = vec![ConditionExpr::Identifier("leaf".to_owned())];
        Self::Leaf(Box::new(JudgedLeaf { detection, oracle: Oracle::of(alone).unwrap() }))
    }

    /// The leaves.
    pub fn leaves(&self) -> Vec<Leaf<'_>> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::leaves).collect(),
            Self::Not(part) => part.leaves(),
            Self::Leaf(leaf) => vec![leaf.leaf()],
        }
    }

    /// What trailsift must say of the event; `None` if it hangs on a known difference whose outcome
    /// is not told. The names of the differences are added to `known`.
    pub fn expected(&self, event: &Value, known: &mut Vec<&'static str>) -> Option<bool> {
        match self {
            Self::All(parts) => linked(parts, false, event, known),
            Self::Any(parts) => linked(parts, true, event, known),
            Self::Not(part) => part.expected(event, known).map(|holds| !holds),
            Self::Leaf(judged) => {
                let differences = difference::of(&judged.leaf(), event);
                known.extend(differences.iter().map(|(name, _)| *name));
                match differences.as_slice() {
                    [] => Some(judged.oracle.holds(event)),
                    [(_, Known::Is(verdict))] => Some(*verdict),
                    _ => None,
                }
            }
        }
    }
}

/// Parts of which one that is `decisive` decides.
fn linked(
    parts: &[Tree],
    decisive: bool,
    event: &Value,
    known: &mut Vec<&'static str>,
) -> Option<bool> {
    let verdicts: Vec<_> = parts.iter().map(|part| part.expected(event, known)).collect();
    if verdicts.contains(&Some(decisive)) {
        return Some(decisive);
    }
    (!verdicts.contains(&None)).then_some(!decisive)
}
