//! Checks that are written for a browser: scripts that drive Chromium through Playwright.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What runs them.
pub struct Browser {
    chromium: PathBuf,
    playwright: PathBuf,
}

/// The Chromium that `TRAILSIFT_CHROMIUM` names, else `/usr/bin/chromium`, and node with the `playwright-core`
/// in the folder that `TRAILSIFT_PLAYWRIGHT` names. Without one the test is skipped, aloud; with
/// `TRAILSIFT_CI` set it fails.
pub fn browser_or_skip() -> Option<Browser> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let chromium = named("TRAILSIFT_CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
    let runs = |program: &Path| Command::new(program).arg("--version").output().is_ok();
    let playwright =
        named("TRAILSIFT_PLAYWRIGHT").map(|it| it.join("node_modules/playwright-core"));
    let playwright = playwright.filter(|folder| folder.is_dir());
    if let Some(playwright) = playwright
        && runs(&chromium)
        && runs(Path::new("node"))
    {
        return Some(Browser { chromium, playwright });
    }
    let missing = "no Chromium, node or playwright-core";
    assert!(std::env::var_os("TRAILSIFT_CI").is_none(), "{missing}");
    eprintln!("SKIPPED: {missing} (set TRAILSIFT_CHROMIUM and TRAILSIFT_PLAYWRIGHT)");
    None
}

impl Browser {
    /// Runs a script; fails with what it printed.
    pub fn run(&self, script: &Path, arguments: &[&str]) {
        let mut node = Command::new("node");
        node.arg(script).args(arguments);
        node.env("TRAILSIFT_CHROMIUM", &self.chromium);
        let output = node.env("TRAILSIFT_PLAYWRIGHT", &self.playwright).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{said}");
        eprint!("{said}");
    }
}
