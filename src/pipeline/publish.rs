//! What a state has committed, brought to the output folder. Doing so again changes nothing: a run
//! may have been stopped right after its commit.

use super::findings_files::FindingsFiles;
use super::output;
use super::run::Run;
use crate::error::{Error, Result};
use crate::findings::{self, day_text};
use crate::state::State;
use crate::store::{self, Folder};

/// Brings what was committed to the output folder.
pub(super) fn publish(
    state: &State,
    files: &FindingsFiles,
    out: &Folder,
    run: &mut Run,
) -> Result<()> {
    publish_findings(state, files, out)?;
    if let Some(current) = state.file(|files| &files.findings_current) {
        let path = run.out.join(output::CURRENT);
        store::replace(&path, |file| {
            let mut from = std::fs::File::open(&current).map_err(Error::io(&current))?;
            std::io::copy(&mut from, file).map_err(Error::io(&path))?;
            Ok(())
        })?;
        files.write_current(&run.out, &current)?;
    }
    output::write(run)
}

/// Writes the findings of the newest generation as `findings/date=<day>/<run>.parquet`, unless they
/// are there, and beside it in the other formats.
pub(super) fn publish_findings(state: &State, files: &FindingsFiles, out: &Folder) -> Result<()> {
    let (Some(manifest), Some(path)) = (&state.manifest, state.file(|files| &files.findings))
    else {
        return Ok(());
    };
    for (day, findings) in findings::read_by_day(&path)? {
        let folder = format!("findings/date={}", day_text(i64::from(day)));
        files.write_changes(out, &folder, &manifest.run, &findings)?;
    }
    Ok(())
}
