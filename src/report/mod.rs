//! What people read: the summary on the terminal, the progress bar, the HTML report, detectors and
//! their pages.
//! Nothing here decides anything; it shows what [`crate::pipeline`] came to.

mod accounting;
mod actors;
mod cards;
mod converted;
mod detectors;
mod diff;
mod dry_run;
mod escape;
mod explain;
mod gaps;
mod html;
mod markdown;
mod progress;
mod raw;
mod scope;
mod stages;
mod table;
mod terminal;
mod words;
mod wrap;

pub use converted::converted;
pub use detectors::{check_results, detector_list, detector_page, test_results};
pub use diff::detector_diff;
pub use dry_run::{dry_run, object_line};
pub use escape::escaped;
pub use explain::{Shown as ExplanationShown, explanation};
pub use html::{Report, ReportOptions, html_report};
pub use progress::Bar;
pub use scope::scope_summary;
pub use stages::stages_table;
pub use terminal::{interim_summary, summary};
