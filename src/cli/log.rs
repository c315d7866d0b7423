//! The log of a run, on standard error.

use std::io;

use tracing::{Dispatch, level_filters::LevelFilter};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::{Registry, fmt};

use super::shown::{LogFormat, LogLevel, Shown};
use crate::findings::SeverityLabel;
use crate::pipeline::Run;

/// Runs `work` while its events are logged as `shown` says. Only this thread's events are: threads
/// that have something to say take over its dispatcher.
pub(super) fn logged<T>(shown: &Shown, work: impl FnOnce() -> T) -> T {
    let level = match (shown.log_level, shown.log_format) {
        (Some(LogLevel::Error), _) => LevelFilter::ERROR,
        (Some(LogLevel::Debug), _) => LevelFilter::DEBUG,
        (Some(LogLevel::Info), _) | (None, Some(_)) => LevelFilter::INFO,
        (Some(LogLevel::Warn), _) | (None, None) => LevelFilter::WARN,
    };
    // Libraries have nothing to say to a user.
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    let lines = fmt::layer().with_target(false).with_writer(io::stderr);
    let lines = match shown.log_format {
        Some(LogFormat::Json) => {
            let json = lines.json().flatten_event(true);
            json.with_current_span(false).with_span_list(false).boxed()
        }
        Some(LogFormat::Text) | None => lines.with_ansi(false).boxed(),
    };
    let dispatch = Dispatch::new(Registry::default().with(lines.with_filter(ours)));
    tracing::dispatcher::with_default(&dispatch, work)
}

/// The run is over.
pub(super) fn finished(run: &Run, status: u8) {
    tracing::info!(
        status,
        critical = run.count(SeverityLabel::Critical),
        high = run.count(SeverityLabel::High),
        medium = run.count(SeverityLabel::Medium),
        low = run.count(SeverityLabel::Low),
        suppressed = run.suppressed(),
        unreadable = run.account.unreadable(),
        interrupted = run.interrupted,
        "finished"
    );
}

/// An error has ended the run.
pub(super) fn failed(error: &str, status: u8) {
    tracing::error!(status, error, "failed");
}
