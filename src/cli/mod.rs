//! The command line: raw arguments become validated options, a run becomes an exit status.

mod args;
mod asked;
mod bounds;
mod completions;
mod convert;
mod detectors;
mod exit;
mod explain;
mod formats;
mod intel;
mod known;
mod log;
mod man;
mod report;
mod s3;
mod scope;
mod shown;
mod time;

use std::ffi::OsString;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use clap::Parser;

use crate::error::{Error, Result};
use crate::findings::{Finding, SeverityLabel};
use crate::pipeline::{self, Run, ScanOptions, Stages};
use crate::report::{Bar, object_line, stages_table, summary};
use crate::source::LogObject;
use args::{Arguments, Command, DryRunOf, Scan};
use exit::{ExitRules, FailOn};
use shown::Shown;

/// Exit status: done.
pub const EXIT_DONE: u8 = 0;
/// Exit status: failed, or interrupted.
pub const EXIT_FAILED: u8 = 1;
/// Exit status: the arguments are wrong.
pub const EXIT_USAGE: u8 = 2;
/// Exit status: done, with findings at or above `--fail-on`.
pub const EXIT_FINDINGS: u8 = 3;
/// Exit status: done, but part of the input could not be read.
pub const EXIT_UNREADABLE: u8 = 4;

/// Raised by the signal handler.
static INTERRUPT: AtomicBool = AtomicBool::new(false);

/// Ends the run that is under way: what was read is judged. Returns whether it was told before.
pub fn interrupt() -> bool {
    INTERRUPT.swap(true, Ordering::Relaxed)
}

/// The columns of the terminal; 0 if the output is none.
static COLUMNS: AtomicUsize = AtomicUsize::new(0);

/// Says that standard output is a terminal of so many columns, for which lines are broken.
pub fn terminal_of(columns: usize) {
    COLUMNS.store(columns, Ordering::Relaxed);
}

fn width() -> Option<usize> {
    Some(COLUMNS.load(Ordering::Relaxed)).filter(|columns| *columns > 0)
}

/// Runs trailsift with `arguments` (the program's name first) and returns the exit status. Results
/// go to `out`, complaints to `err`.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let stream: &mut dyn Write = if error.use_stderr() { err } else { out };
            // Nothing can be said if the stream is closed.
            let _ = write!(stream, "{}", error.render().ansi());
            return if error.use_stderr() { EXIT_USAGE } else { EXIT_DONE };
        }
    };
    let command = &arguments.command;
    let Some(shown) = command.shown() else {
        return execute(command, out).unwrap_or_else(|error| complain(&error, false, err));
    };
    log::logged(shown, || {
        execute(command, out).unwrap_or_else(|error| complain(&error, shown.logs_json(), err))
    })
}

/// Says what has ended the run, to the log if nothing but its lines may stand beside it.
fn complain(error: &Error, to_log: bool, err: &mut dyn Write) -> u8 {
    let status = match error {
        Error::Usage(_) => EXIT_USAGE,
        _ => EXIT_FAILED,
    };
    let text = error.to_string();
    let text = crate::report::escaped(&text);
    if to_log {
        log::failed(&text, status);
    } else {
        // Nothing can be said if the stream is closed.
        let _ = writeln!(err, "error: {text}");
    }
    status
}

fn execute(command: &Command, out: &mut dyn Write) -> Result<u8> {
    match command {
        Command::Scan(scan) => scan_and_show(scan, out),
        Command::Merge(merge) => {
            let run = pipeline::merge(&merge.options()?)?;
            show_run(&run.stages, &merge.shown, out, |out| summary(&run, width(), out))?;
            Ok(end(&run, &merge.exit, None))
        }
        Command::Convert(convert) => convert.run(out),
        Command::Detectors(detectors) => detectors.run(out),
        Command::Report(report) => report.run(out),
        Command::Explain(explain) => explain.run(out),
        Command::Completions(completions) => completions.run(out),
        Command::Man(man) => man.run(out),
        Command::Scope(scope) => scope.run(out),
    }
}

/// Says what a scan would read. An interrupted one has not listed everything.
fn dry_run(options: &ScanOptions, of: DryRunOf, out: &mut dyn Write) -> Result<u8> {
    let mut each = |object: &LogObject| match of {
        DryRunOf::Summary => Ok(()),
        DryRunOf::Objects => show(out, |out| object_line(object, out)),
    };
    let found = pipeline::dry_run(options, &INTERRUPT, &mut each)?;
    if of == DryRunOf::Summary {
        show(out, |out| crate::report::dry_run(&found, out))?;
    }
    Ok(if INTERRUPT.load(Ordering::Relaxed) { EXIT_FAILED } else { EXIT_DONE })
}

fn scan_and_show(scan: &Scan, out: &mut dyn Write) -> Result<u8> {
    let options = scan.options()?;
    if let Some(of) = scan.dry_run {
        return dry_run(&options, of, out);
    }
    let bar = if scan.shown.bar() { Bar::default() } else { Bar::hidden() };
    let bar = bar.with_interim(scan.interim(), scan.shown.logs_json());
    let run = pipeline::scan(&options, &bar, &INTERRUPT)?;
    show_run(&run.stages, &scan.shown, out, |out| {
        if options.partial {
            let objects = run.account.objects();
            let cut = if run.interrupted { ", cut short by an interrupt" } else { "" };
            writeln!(
                out,
                "partial run in {}: {} objects read, {} failed{cut}; next: trailsift merge",
                options.out, objects.read, objects.failed
            )
        } else {
            summary(&run, width(), out)
        }
    })?;
    Ok(end(&run, &scan.exit, scan.fail_on_new.and_then(FailOn::label)))
}

/// Shows a finished run as it was asked for.
fn show_run(
    stages: &Stages,
    shown: &Shown,
    out: &mut dyn Write,
    summary: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<()> {
    if shown.quiet {
        return Ok(());
    }
    show(out, |out| {
        summary(out)?;
        if shown.stats {
            writeln!(out)?;
            stages_table(stages, out)?;
        }
        Ok(())
    })
}

/// The exit status of a finished run, logged.
fn end(run: &Run, rules: &ExitRules, fail_on_new: Option<SeverityLabel>) -> u8 {
    let status = status(run, rules, fail_on_new);
    log::finished(run, status);
    status
}

/// Writes a value as JSON.
fn show_json(out: &mut dyn Write, value: &serde_json::Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    show(out, |out| writeln!(out, "{text}"))
}

/// Writes to `out`; a reader that went away (`| head`) is no error.
fn show(
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<()> {
    match write(out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::io("standard output")(error))
        }
        _ => Ok(()),
    }
}

fn status(run: &Run, rules: &ExitRules, fail_on_new: Option<SeverityLabel>) -> u8 {
    if run.interrupted {
        return EXIT_FAILED;
    }
    if rules.exit_zero {
        return EXIT_DONE;
    }
    let worst = run.visible().map(Finding::label).max();
    let new = run.visible().filter(|finding| run.added.contains(&finding.finding_id));
    let newest = new.map(Finding::label).max();
    if rules.fail_on.label().is_some_and(|mark| worst >= Some(mark))
        || fail_on_new.is_some_and(|mark| newest >= Some(mark))
    {
        return EXIT_FINDINGS;
    }
    if run.incomplete || run.account.unreadable() > rules.max_rejected {
        return EXIT_UNREADABLE;
    }
    EXIT_DONE
}
