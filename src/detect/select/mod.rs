//! Selections: Sigma detections compiled to vector kernels, all rules together. A selection turns a
//! batch into a mask, one bit per event.
//!
//! The way of a rule: `compile` turns its syntax tree into an [`Expression`] over interned
//! [`Predicate`]s (`modifiers` reads what stands behind a field's name); `column` tries all
//! predicates on one column together, on each distinct value once, with `literals` looking for all
//! texts in one pass; `evaluate` makes masks of what was found.

mod column;
mod compile;
mod evaluate;
mod expression;
mod literals;
mod modifiers;
mod predicate;
mod text;

pub use compile::{CompileError, Compiler, Placeholders};
pub use evaluate::{Evaluator, Program};
pub use expression::{Expression, Selection};
pub use predicate::{
    Comparison, Number, Pattern, Predicate, Predicates, Reference, Test, TimePart,
};
pub use text::{Operation, TextMatcher};
