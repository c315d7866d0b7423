//! What people read: the summary on the terminal and the progress bar. Nothing here decides
//! anything; it shows a [`crate::pipeline::Run`].

mod escape;
mod progress;
mod terminal;

pub use escape::escaped;
pub use progress::Bar;
pub use terminal::summary;
