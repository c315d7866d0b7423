//! `trailsift completions`: what a shell needs to complete commands and options.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::args::Arguments;
use super::{EXIT_DONE, show};
use crate::error::Result;

const EXAMPLES: &str = "\
Examples:
  trailsift completions bash                      write this to a file, and source it:
        trailsift completions bash > ~/.local/share/bash-completion/completions/trailsift
  trailsift completions zsh                       the same for zsh: _trailsift in a folder of $fpath
  trailsift completions fish                      ~/.config/fish/completions/trailsift.fish";

/// Print the completions of a shell: bash, zsh, fish, elvish, powershell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<u8> {
        let mut command = Arguments::command();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "trailsift", &mut script);
        show(out, |out| out.write_all(&script))?;
        Ok(EXIT_DONE)
    }
}
