//! What people read: the summary on the terminal, the progress bar, the HTML report, detectors and
//! their pages.
//! Nothing here decides anything; it shows what [`crate::pipeline`] came to.

mod converted;
mod detectors;
mod diff;
mod dry_run;
mod escape;
mod html;
mod markdown;
mod progress;
mod stages;
mod table;
mod terminal;

pub use converted::converted;
pub use detectors::{check_results, detector_list, detector_page, test_results};
pub use diff::detector_diff;
pub use dry_run::{dry_run, object_line};
pub use escape::escaped;
pub use html::{Report, ReportOptions, html_report};
pub use progress::Bar;
pub use stages::stages_table;
pub use terminal::{interim_summary, summary};
