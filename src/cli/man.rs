//! `trailsift man`: the help as manual pages, one of each command.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man as Page;

use super::args::Arguments;
use super::{EXIT_DONE, show};
use crate::error::{Error, Result};
use crate::store;

const EXAMPLES: &str = "\
Examples:
  trailsift man                                   the page of trailsift itself, to standard output
  trailsift man ~/.local/share/man/man1           all pages, for man trailsift-scan and the like";

/// Print the manual page, or write the pages of all commands to a folder
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Man {
    /// Folder for the pages, one of each command: trailsift.1, trailsift-scan.1 …
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<u8> {
        let mut command = Arguments::command().disable_help_subcommand(true);
        command.build();
        if let Some(folder) = &self.folder {
            std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
            pages(&command, folder)?;
        } else {
            let page = rendered(&command).map_err(Error::io("standard output"))?;
            show(out, |out| out.write_all(&page))?;
        }
        Ok(EXIT_DONE)
    }
}

/// Writes the page of a command and those of the commands below it.
fn pages(command: &Command, folder: &Path) -> Result<()> {
    let path = folder.join(Page::new(command.clone()).get_filename());
    let page = rendered(command).map_err(Error::io(&path))?;
    store::replace(&path, |file| (&*file).write_all(&page).map_err(Error::io(&path)))?;
    command.get_subcommands().try_for_each(|below| pages(below, folder))
}

fn rendered(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Page::new(command.clone()).render(&mut page)?;
    Ok(page)
}
