//! The arguments that say what the exit status tells.

use clap::{Args, ValueEnum};

use crate::findings::SeverityLabel;

/// What the exit status tells.
#[derive(Debug, Args)]
#[command(next_help_heading = "Exit status")]
pub(super) struct ExitRules {
    /// Exit with status 3 if a finding is at least this severe
    #[arg(long, value_name = "SEVERITY", value_enum, default_value = "never")]
    pub fail_on: FailOn,
    /// So many unreadable objects and rejected records are tolerated before status 4
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_rejected: u64,
    /// Exit with status 0 where it would be 3 or 4
    #[arg(long)]
    pub exit_zero: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum FailOn {
    Never,
    Low,
    Medium,
    High,
    Critical,
}

impl FailOn {
    pub(super) fn label(self) -> Option<SeverityLabel> {
        match self {
            Self::Never => None,
            Self::Low => Some(SeverityLabel::Low),
            Self::Medium => Some(SeverityLabel::Medium),
            Self::High => Some(SeverityLabel::High),
            Self::Critical => Some(SeverityLabel::Critical),
        }
    }
}
