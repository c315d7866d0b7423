//! The progress bar, on standard error; silent when that is no terminal.

use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::pipeline::Progress;

/// A bar over the bytes to read.
#[derive(Debug, Default)]
pub struct Bar(OnceLock<ProgressBar>);

const TEMPLATE: &str =
    "{bar:40} {percent:>3}%  {bytes} of {total_bytes}  {binary_bytes_per_sec}  {eta} left";

impl Progress for Bar {
    fn expect(&self, _objects: u64, bytes: u64) {
        let bar = self.0.get_or_init(|| {
            // indicatif hides itself when standard error is no terminal.
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            bar
        });
        bar.inc_length(bytes);
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = self.0.get() {
            bar.inc(bytes);
        }
    }

    fn finish(&self) {
        if let Some(bar) = self.0.get() {
            bar.finish_and_clear();
        }
    }
}
