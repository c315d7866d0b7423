//! Detector files to a plan: YAML in, compiled selections, folds and detectors out.
//!
//! A detector file holds Sigma documents; what Sigma lacks stands in a `trailsift:` section, read
//! by a span-keeping YAML reader so that diagnostics have line and column. A rule that cannot be
//! compiled becomes a [`Diagnostic`]; the others run.

mod anomaly;
mod catalog;
mod chain;
mod compile;
mod correlation;
mod cusum;
mod detector;
mod diagnostic;
mod document;
mod draft;
mod fault;
mod filter;
mod known;
mod limits;
mod lint;
mod message;
mod names;
mod needs;
mod placeholders;
mod plan;
mod scope;
mod section;
mod sequence;
mod source;
mod tune;
mod words;
pub(crate) mod yaml;

pub use catalog::{Entry, catalog};
pub use detector::{Detector, Foreign, Member, Metadata, Scope};
pub use diagnostic::{Diagnostic, Level};
pub use lint::lint;
pub use message::{Message, Placeholder};
pub use needs::Off;
pub use placeholders::read_placeholders;
pub use plan::{Plan, SAMPLES};
pub use sequence::{Sequence, SequenceBy, Stage};
pub use source::{RuleFile, read_folder, shipped};
pub use tune::{ONLY, Tuning, UsedFile};
