//! What is known of addresses, as clap sees it.

use std::path::PathBuf;

use clap::Args;

use crate::error::Result;
use crate::intel::{Intel, IntelFiles, Label};

/// Files with what is known of addresses.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is known of addresses (files; see docs/intel.md)")]
pub(super) struct KnownAddresses {
    /// Database of countries, AS numbers or both, in MaxMind's format (*.mmdb); of several the first
    /// that knows an address counts
    #[arg(long, value_name = "FILE")]
    geoip: Vec<PathBuf>,
    /// List of bad addresses and networks; the label, by default the file's name, is what rules and
    /// findings call it: `tor=exits.csv`
    #[arg(long, value_name = "[LABEL=]FILE", value_parser = labelled)]
    threat_list: Vec<(Option<Label>, PathBuf)>,
    /// List of addresses and networks that are trusted: not judged where they come from
    #[arg(long, value_name = "FILE")]
    trusted: Vec<PathBuf>,
    /// AWS's own address ranges, as <https://ip-ranges.amazonaws.com/ip-ranges.json> has them
    #[arg(long, value_name = "FILE")]
    aws_ranges: Option<PathBuf>,
}

impl KnownAddresses {
    /// Reads the files.
    pub(super) fn read(&self) -> Result<Intel> {
        let files = IntelFiles {
            geoip: self.geoip.clone(),
            threat_lists: self.threat_list.clone(),
            trusted: self.trusted.clone(),
            aws_ranges: self.aws_ranges.clone(),
        };
        files.read()
    }
}

/// A file, with the label that stands before a `=`. A path before it is no label.
#[allow(clippy::unnecessary_wraps, reason = "clap asks for a result")]
fn labelled(text: &str) -> Result<(Option<Label>, PathBuf), String> {
    let labelled = text.split_once('=').filter(|(label, _)| !label.contains(['/', '\\', '.']));
    let label = labelled.and_then(|(label, file)| Some((Label::of(label)?, file)));
    Ok(match label {
        Some((label, file)) => (Some(label), file.into()),
        None => (None, text.into()),
    })
}
