//! The built program against a server.

use std::path::Path;
use std::process::{Command, Output};

use super::{Server, USER};

/// `trailsift` with the keys of [`USER`], and nothing of the machine's own AWS settings.
pub fn trailsift() -> Command {
    let mut command = trailsift_without_keys();
    command.env("AWS_ACCESS_KEY_ID", USER.0).env("AWS_SECRET_ACCESS_KEY", USER.1);
    command
}

/// `trailsift` that finds no keys.
pub fn trailsift_without_keys() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailsift"));
    without_settings(&mut command);
    command
}

/// Takes the machine's own AWS settings away from a program.
pub fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_REGION", "eu-central-1");
}

impl Server {
    /// A scan of `inputs` into `out`, to be given further arguments.
    pub fn scan(&self, inputs: &[&str], out: &str) -> Command {
        let mut command = trailsift();
        command.arg("scan").args(inputs).args(["--endpoint-url", &self.endpoint, "--out", out]);
        command
    }
}

/// What a run has said, for messages.
pub fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
