//! The report: one HTML file that needs nothing else, made of the outputs of a finished run. It
//! reads what the run has written and judges nothing.

mod actors;
mod coverage;
mod findings;
mod losses;
mod page;
mod texts;
mod zone;

use std::io::Write as _;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::pipeline::REPORT;
use crate::store::{self, Access, Folder, Location, S3};
use coverage::Coverage;
use findings::Findings;
use losses::Losses;
use zone::Zone;

/// What a report is made of.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// The folder that the run has written.
    pub dir: Location,
    /// The file to write; none for `report.html` in that folder.
    pub out: Option<PathBuf>,
    /// How S3 is reached.
    pub access: Access,
    /// The zone in which times are shown.
    pub zone: TimeZone,
}

/// A report that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Where it is.
    pub place: String,
    /// Its length.
    pub bytes: u64,
    /// How many findings the run's files hold, those not to be seen included.
    pub findings: usize,
    /// How many of them did not fit into the report; it says so itself.
    pub left_out: usize,
}

/// Writes the report of a finished run: complete or not at all. Equal outputs give equal bytes.
///
/// # Errors
/// [`Error::Usage`] if the folder holds no finished run; [`Error::Table`] and [`Error::State`] if
/// its files are damaged; those of the file system and of S3.
pub fn html_report(options: &ReportOptions) -> Result<Report> {
    let s3 = S3::connect_for(std::iter::once(&options.dir), &options.access)?;
    let folder = open(&options.dir, s3.as_ref())?;
    let has_state = folder.holds("findings_current.parquet")?;
    let file = if has_state { "findings_current.parquet" } else { "findings.parquet" };
    let run = run(&folder)?;
    let found = Findings::read(&folder.bring(file)?)?;
    let coverage = Coverage::read(&folder.bring("coverage.parquet")?)?;
    let losses =
        Losses::read(&folder.bring("manifest.parquet")?, &folder.bring("rejected.parquet")?)?;
    let zone = Zone::new(options.zone.clone(), found.span().into_iter().chain(coverage.span()));
    let (findings, left_out) = (found.total(), found.left_out());
    let page = page::render(&page::Parts { file, run, found, coverage, losses, zone })?;
    let path = options.out.clone().unwrap_or_else(|| folder.path().join(REPORT));
    store::replace(&path, |to| to.write_all(page.as_bytes()).map_err(Error::io(&path)))?;
    let place = if let Some(path) = &options.out {
        path.display().to_string()
    } else {
        folder.send(REPORT)?;
        format!("{}/{REPORT}", folder.location().to_string().trim_end_matches('/'))
    };
    Ok(Report { place, bytes: page.len() as u64, findings, left_out })
}

/// The folder, which must hold a finished run.
fn open(dir: &Location, s3: Option<&S3>) -> Result<Folder> {
    let nothing = || {
        Error::Usage(format!(
            "`{dir}` holds no finished run (no run.json): give the folder that `trailsift scan \
             --out DIR` or `trailsift merge --out DIR` has written"
        ))
    };
    // Opening would make it.
    if dir.local().is_some_and(|path| !path.is_dir()) {
        return Err(nothing());
    }
    let folder = Folder::open(dir, s3)?;
    if folder.holds("run.json")? { Ok(folder) } else { Err(nothing()) }
}

fn run(folder: &Folder) -> Result<Value> {
    let path = folder.bring("run.json")?;
    let text = std::fs::read(&path).map_err(Error::io(&path))?;
    let damaged = |error| Error::table(&path, format!("no run.json of trailsift: {error}"));
    serde_json::from_slice(&text).map_err(damaged)
}
