//! The files that the user names, read.

use std::path::{Path, PathBuf};

use super::aws_ranges::AwsRanges;
use super::databases::Database;
use super::intelligence::Intel;
use super::lists::{Label, List, parse_list};
use super::source::{Source, Unreadable};
use crate::digest::sha256;
use crate::error::{Error, Result};

/// The names of files with what is known of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntelFiles {
    /// Databases in MaxMind's format; the first that knows an address counts.
    pub geoip: Vec<PathBuf>,
    /// Lists of bad addresses, with a label each; without one, the file's name is the label.
    pub threat_lists: Vec<(Option<Label>, PathBuf)>,
    /// Lists of good addresses.
    pub trusted: Vec<PathBuf>,
    /// AWS's `ip-ranges.json`.
    pub aws_ranges: Option<PathBuf>,
}

impl IntelFiles {
    /// Reads them all.
    ///
    /// # Errors
    /// [`Error::Usage`] for a file that cannot be read, that is something else, or that holds no
    /// address.
    pub fn read(&self) -> Result<Intel> {
        let mut intel = Intel::default();
        for path in &self.geoip {
            let (bytes, source) = open(path, "geoip")?;
            let database = Database::read(bytes)
                .map_err(|why| refused(path, &format!("no database in MaxMind's format: {why}")))?;
            if database.kinds().is_empty() {
                return Err(refused(path, "the database has neither countries nor AS numbers"));
            }
            let (entries, built) = (database.entries(), database.built());
            intel.add_source(Source { entries, built, ..source });
            intel.add_database(database);
        }
        for (label, path) in &self.threat_lists {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy());
            let own = label.clone().or_else(|| Label::of(&stem?));
            let label =
                own.ok_or_else(|| refused(path, "needs a label: --threat-list LABEL=FILE"))?;
            let (list, source) = list(path, "threat_list")?;
            let text = label.text().to_string();
            intel.add_source(Source { label: Some(text), ..source });
            intel.add_threat_list(&label, list);
        }
        for path in &self.trusted {
            let (list, source) = list(path, "trusted")?;
            intel.add_source(source);
            intel.add_trusted(list);
        }
        if let Some(path) = &self.aws_ranges {
            aws_ranges(path, &mut intel)?;
        }
        Ok(intel)
    }
}

fn list(path: &Path, kind: &'static str) -> Result<(List, Source)> {
    let (bytes, source) = open(path, kind)?;
    let mut list = parse_list(&bytes);
    let unreadable = std::mem::take(&mut list.unreadable);
    if list.entries.is_empty() {
        let example = unreadable.first.first().map_or(String::new(), |line| format!(" ({line})"));
        return Err(refused(path, &format!("no line holds an address or a network{example}")));
    }
    let entries = list.entries.len() as u64;
    Ok((list, Source { entries, unreadable, ..source }))
}

fn aws_ranges(path: &Path, intel: &mut Intel) -> Result<()> {
    let (bytes, source) = open(path, "aws_ranges")?;
    let mut ranges = AwsRanges::parse(&bytes)
        .map_err(|why| refused(path, &format!("not AWS's ip-ranges.json: {why}")))?;
    if ranges.entries() == 0 {
        return Err(refused(path, "holds no range"));
    }
    let unreadable = std::mem::take(&mut ranges.unreadable);
    let (entries, built) = (ranges.entries(), ranges.created.clone());
    intel.add_source(Source { entries, built, unreadable, ..source });
    intel.set_aws_ranges(ranges);
    Ok(())
}

/// The bytes of a file, and the beginning of its line in `run.json`.
fn open(path: &Path, kind: &'static str) -> Result<(Vec<u8>, Source)> {
    let bytes = std::fs::read(path).map_err(|error| refused(path, &error.to_string()))?;
    let source = Source {
        kind,
        file: path.display().to_string(),
        sha256: sha256(&bytes),
        entries: 0,
        built: None,
        label: None,
        unreadable: Unreadable::default(),
    };
    Ok((bytes, source))
}

fn refused(path: &Path, why: &str) -> Error {
    Error::Usage(format!("`{}`: {why}", path.display()))
}
