//! What a run says of itself while it runs and in the end.

use clap::{Args, ValueEnum};

/// What is shown of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is shown of the run")]
pub(super) struct Shown {
    /// Print what each stage of the run cost, after the summary
    #[arg(long)]
    pub stats: bool,
    /// Print no summary and draw no progress bar: for schedulers that mail what is printed
    #[arg(long, short, conflicts_with = "stats")]
    pub quiet: bool,
    /// Log the stages of the run to standard error; `json`: one object per line, see docs/scheduling.md
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,
    /// Log what is at least this important [default: info with --log-format, else warn]
    #[arg(long, value_name = "LEVEL", value_enum)]
    pub log_level: Option<LogLevel>,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Json,
    Text,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

impl Shown {
    /// Whether standard error holds JSON only.
    pub(super) fn logs_json(&self) -> bool {
        self.log_format == Some(LogFormat::Json)
    }

    /// Whether a progress bar is welcome.
    pub(super) fn bar(&self) -> bool {
        !self.quiet && self.log_format.is_none() && self.log_level.is_none()
    }
}
