//! The progress bar, on standard error; silent when that is no terminal.

use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::pipeline::Progress;

/// A bar over the bytes to read.
#[derive(Debug, Default)]
pub struct Bar {
    bar: OnceLock<ProgressBar>,
    hidden: bool,
}

impl Bar {
    /// A bar that is not drawn.
    #[must_use]
    pub fn hidden() -> Self {
        Self { hidden: true, ..Self::default() }
    }
}

const TEMPLATE: &str =
    "{bar:40} {percent:>3}%  {bytes} of {total_bytes}  {binary_bytes_per_sec}  {eta} left";

impl Progress for Bar {
    fn start(&self, _objects: u64, bytes: u64) {
        // indicatif hides itself when standard error is no terminal.
        let target =
            if self.hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(bytes), target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        // Set once per run.
        let _ = self.bar.set(bar);
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = self.bar.get() {
            bar.inc(bytes);
        }
    }

    fn finish(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
