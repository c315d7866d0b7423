//! The built binary on a real terminal (a pseudo-terminal by `script` of util-linux).

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test, and it says when it is skipped"
)]

use std::process::Command;

/// What the sample logs' scan shows on a terminal, with `environment` set.
fn shown(environment: (&str, &str)) -> Option<String> {
    if Command::new("script").arg("--version").output().is_err() {
        assert!(std::env::var_os("TRAILSIFT_CI").is_none(), "`script` is missing");
        eprintln!("skipped: `script` is not installed");
        return None;
    }
    let out = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_trailsift");
    let scan = format!("'{binary}' scan sample-logs --out '{}'", out.path().display());
    // A scan that waits for its own progress bar would wait for ever.
    let ran = Command::new("timeout")
        .args(["120", "script", "-qec", &scan, "/dev/null"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .env(environment.0, environment.1)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    Some(String::from_utf8_lossy(&ran.stdout).into_owned())
}

#[test]
fn a_terminal_gets_a_bar_and_colours() {
    let Some(shown) = shown(("CLICOLOR", "1")) else { return };
    assert!(shown.contains('░') || shown.contains('█'), "{shown}");
    assert!(shown.contains("\u{1b}[31mHIGH"), "{shown}");
}

#[test]
fn no_color_is_honoured() {
    let Some(shown) = shown(("NO_COLOR", "1")) else { return };
    assert!(shown.contains("HIGH 8.5") && !shown.contains("\u{1b}[31m"), "{shown}");
}
