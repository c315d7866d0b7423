//! Detector files to a plan: YAML in, compiled selections, folds and detectors out.
//!
//! A detector file holds Sigma documents; what Sigma lacks stands in a `trailsift:` section, read
//! by a span-keeping YAML reader so that diagnostics have line and column. A rule that cannot be
//! compiled becomes a [`Diagnostic`]; the others run.

mod compile;
mod detector;
mod diagnostic;
mod document;
mod draft;
mod limits;
mod message;
mod plan;
mod section;
mod source;
mod yaml;

pub use detector::{Detector, Metadata, Scope};
pub use diagnostic::Diagnostic;
pub use message::{Message, Placeholder};
pub use plan::{Plan, SAMPLES};
pub use source::{RuleFile, read_folder, shipped};
