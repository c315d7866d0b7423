//! The binary: standard streams, signals and the exit status around [`trailsift::cli::run`].

use std::process::ExitCode;

// Rows are many small allocations: the usual allocator takes a third of a scan.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Without a handler Ctrl-C still ends the program, only less politely.
    let _ = ctrlc::set_handler(|| {
        if trailsift::cli::interrupt() {
            // The second Ctrl-C does not wait for the judgement.
            std::process::exit(i32::from(trailsift::cli::EXIT_FAILED));
        }
    });
    if let Some((columns, _)) = terminal_size::terminal_size_of(std::io::stdout()) {
        trailsift::cli::terminal_of(usize::from(columns.0));
    }
    let mut out = anstream::stdout().lock();
    // Not locked: the progress bar draws on standard error from the workers' threads.
    let mut err = anstream::stderr();
    ExitCode::from(trailsift::cli::run(std::env::args_os(), &mut out, &mut err))
}
