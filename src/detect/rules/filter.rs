//! Sigma filters: conditions that other files add to rules, mostly to exclude what is known to be
//! harmless. Source: Sigma specification v2.1, "Sigma Filters".

use std::collections::BTreeMap;

use rsigma_parser::{ConditionExpr, Detection, FilterRule, FilterRuleTarget, LogSource, SigmaRule};

use super::diagnostic::Diagnostic;

/// A filter with its file.
#[derive(Debug)]
pub(super) struct Filter {
    /// The file.
    pub file: String,
    /// The filter.
    pub rule: FilterRule,
}

impl Filter {
    /// Whether it is meant for the rule: it names it, or names none, and the rule's log source lies
    /// within its own.
    pub(super) fn applies_to(&self, rule: &SigmaRule) -> bool {
        let names = [rule.id.as_ref(), rule.name.as_ref(), Some(&rule.title)];
        let is_named = match &self.rule.rules {
            FilterRuleTarget::Any => true,
            FilterRuleTarget::Specific(rules) => {
                rules.is_empty() || names.iter().flatten().any(|name| rules.contains(name))
            }
        };
        is_named && self.rule.logsource.as_ref().is_none_or(|own| contains(own, &rule.logsource))
    }

    /// What is odd about it; `used` says whether it applies to a rule that is loaded.
    pub(super) fn oddity(&self, used: bool) -> Option<Diagnostic> {
        let title = &self.rule.title;
        let odd = |message: String, help| {
            Some(Diagnostic::of_file(&self.file, "filter", message).help(help))
        };
        if !used {
            let message = format!("filter `{title}` applies to no rule that is loaded");
            return odd(message, "it names rules by `id`, `name` or title, or `any`");
        }
        if !self.rule.detection.conditions.iter().any(negates) {
            let message =
                format!("filter `{title}` keeps only what it selects, since it negates nothing");
            return odd(message, "to exclude, write `condition: not selection`");
        }
        None
    }

    /// Its condition as text, for the digest of folds.
    pub(super) fn describe(&self) -> String {
        let detection = &self.rule.detection;
        let named: BTreeMap<&String, &Detection> = detection.named.iter().collect();
        format!("filter {named:?} {:?}\n", detection.condition_strings)
    }
}

fn contains(outer: &LogSource, inner: &LogSource) -> bool {
    let fits = |outer: &Option<String>, inner: &Option<String>| outer.is_none() || outer == inner;
    fits(&outer.product, &inner.product)
        && fits(&outer.service, &inner.service)
        && fits(&outer.category, &inner.category)
}

fn negates(condition: &ConditionExpr) -> bool {
    match condition {
        ConditionExpr::Not(_) => true,
        ConditionExpr::And(parts) | ConditionExpr::Or(parts) => parts.iter().any(negates),
        ConditionExpr::Identifier(_) | ConditionExpr::Selector { .. } => false,
    }
}
