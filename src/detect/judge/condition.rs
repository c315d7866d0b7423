//! When a window is remarkable: Sigma's correlation conditions (specification 2.1, "Correlation
//! Rules", `condition`).

use crate::detect::group::Decimal;

/// A comparison of Sigma's correlation conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "Sigma's own names")]
pub enum Operator {
    Lt,
    Lte,
    Gt,
    Gte,
    Eq,
    Neq,
}

/// `gte: 50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// The comparison.
    pub operator: Operator,
    /// What is compared with.
    pub value: Decimal,
}

impl Condition {
    /// Whether the number satisfies it.
    #[must_use]
    pub fn holds(&self, number: Decimal) -> bool {
        self.holds_ratio(number, 1)
    }

    /// Whether `sum` / `count` satisfies it, exactly.
    #[must_use]
    pub fn holds_ratio(&self, sum: Decimal, count: u64) -> bool {
        let bound = self.value.micros().saturating_mul(i128::from(count));
        let order = sum.micros().cmp(&bound);
        match self.operator {
            Operator::Lt => order.is_lt(),
            Operator::Lte => order.is_le(),
            Operator::Gt => order.is_gt(),
            Operator::Gte => order.is_ge(),
            Operator::Eq => order.is_eq(),
            Operator::Neq => order.is_ne(),
        }
    }

    /// What does not satisfy it, in words.
    pub(super) fn usual(&self) -> String {
        if (self.operator, self.value) == (Operator::Gte, Decimal::whole(1)) {
            return "none".to_owned();
        }
        let word = match self.operator {
            Operator::Gte => "under",
            Operator::Gt => "at most",
            Operator::Lte => "over",
            Operator::Lt => "at least",
            Operator::Eq => "not",
            Operator::Neq => "exactly",
        };
        format!("{word} {}", self.value)
    }
}

/// Which rules must have events in a window: one of several ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The expression as the detector writes it; `None`: all rules.
    pub text: Option<String>,
    /// The ways.
    pub ways: Vec<Way>,
}

/// One way to satisfy a [`Pattern`]; rules by their position in the fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// All of these must be there: in this order, where order matters.
    pub present: Vec<usize>,
    /// None of these may be there.
    pub absent: Vec<usize>,
}
