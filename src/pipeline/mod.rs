//! The one place that wires the rooms together, with threads, memory bounds, progress and
//! accounting. Scanning and merging are its uses.

mod accounting;
mod archives;
mod cases;
mod chains;
mod consumer;
mod convert;
mod converted;
mod coverage;
mod detecting;
mod detectors;
mod diff;
mod dry_run;
mod entities;
mod events_out;
mod explain;
mod feed;
mod findings_files;
mod folds;
mod history;
mod interim;
mod judged;
mod judging;
mod log;
mod merge;
mod output;
mod partial;
mod pass;
mod posture;
mod processed;
mod publish;
mod read_options;
mod reading;
mod remote;
mod roll_ups;
mod run;
mod scan;
mod scope;
mod seen;
mod sheet;
mod sink;
mod stateful;
mod stats;
mod tables;
mod walk;
mod worker;

pub use accounting::{
    Account, Counts, ObjectOutcome, ObjectRecord, Objects, Records, RejectedRecord,
};
pub use archives::ArchiveLimits;
pub use cases::{Case, CaseFailure, CaseLine, check_cases, read_cases};
pub use convert::{ConvertOptions, Converted, convert};
pub use coverage::{Coverage, CoverageRow};
pub use detectors::{
    Checked, Described, Tested, check_detectors, describe_detector, list_detectors, test_detectors,
};
pub use diff::{Change, DetectorDiff, Diff, DiffOptions, EntityDiff, Named, Side, diff};
pub use dry_run::{DryRun, Part, dry_run};
pub use explain::{Around, Event, ExplainOptions, Explained, Missing, Record, Stand, explain};
pub use findings_files::{Emit, FindingsFiles};
pub use history::{Border, JudgeOptions};
pub use interim::{Interim, Snapshot};
pub use merge::{MergeOptions, merge};
pub use output::REPORT;
pub use posture::{PRACTICES, Posture};
pub use read_options::ReadOptions;
pub use run::{Appearances, NotJudged, Run, Span, StateChange};
pub use scan::{Progress, ScanOptions, load_plan, load_plan_with, scan};
pub use scope::{ScopeOptions, ScopeRun, scope};
pub use stats::{Cost, Percentiles, Stage, Stages};
