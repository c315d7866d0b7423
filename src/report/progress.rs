//! The progress bar, on standard error; silent when that is no terminal.

use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::interim_summary;
use crate::pipeline::{Interim, Progress, Snapshot};

/// A bar over the bytes to read.
#[derive(Debug, Default)]
pub struct Bar {
    drawn: OnceLock<ProgressBar>,
    hidden: bool,
    interim: Option<Interim>,
    silent: bool,
}

impl Bar {
    /// A bar that is not drawn.
    #[must_use]
    pub fn hidden() -> Self {
        Self { hidden: true, ..Self::default() }
    }

    /// The bar of a run that is judged while it goes on; `silent`: somebody else says how.
    #[must_use]
    pub fn with_interim(self, interim: Option<Interim>, silent: bool) -> Self {
        Self { interim, silent, ..self }
    }
}

const TEMPLATE: &str =
    "{bar:40} {percent:>3}%  {bytes} of {total_bytes}  {binary_bytes_per_sec}  {eta} left";

impl Progress for Bar {
    fn expect(&self, _objects: u64, bytes: u64) {
        let bar = self.drawn.get_or_init(|| {
            // indicatif hides itself when standard error is no terminal.
            let target = if self.hidden {
                ProgressDrawTarget::hidden()
            } else {
                ProgressDrawTarget::stderr()
            };
            let bar = ProgressBar::with_draw_target(Some(0), target);
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            bar
        });
        bar.inc_length(bytes);
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = self.drawn.get() {
            bar.inc(bytes);
        }
    }

    fn finish(&self) {
        if let Some(bar) = self.drawn.get() {
            bar.finish_and_clear();
        }
    }

    fn interim(&self) -> Option<&Interim> {
        self.interim.as_ref()
    }

    fn snapshot(&self, snapshot: &Snapshot) {
        if self.silent {
            return;
        }
        // The run goes on, whether anybody reads this or not.
        let show = || _ = interim_summary(snapshot, &mut anstream::stderr());
        match self.drawn.get() {
            Some(bar) => bar.suspend(show),
            None => show(),
        }
    }
}
