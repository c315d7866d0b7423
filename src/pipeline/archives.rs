//! Opening archives: their members become objects of their own, which any worker may read.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::Instant;

use super::accounting::{ObjectOutcome, ObjectRecord};
use super::consumer::Consumer;
use super::feed::{Feed, Found};
use super::stats::Stage;
use super::worker::{Input, Worker};
use crate::codec::{Bounded, Damage, Unpacker};
use crate::decode::{Archive, Claim, FailReason};
use crate::error::{Error, Result};
use crate::source::{Content, Contents, Member, read_tar, read_zip};

/// Bounds on archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// The most members that are read of one archive.
    pub members: u64,
    /// How many archives within each other are opened.
    pub depth: u32,
}

impl Default for ArchiveLimits {
    /// 10 million members, two levels.
    fn default() -> Self {
        Self { members: 10_000_000, depth: 2 }
    }
}

/// A reader that can go back.
pub(super) trait ReadSeek: Read + Seek {}

impl<R: Read + Seek> ReadSeek for R {}

/// An archive about to be read.
pub(super) struct Open<'o, 'r> {
    /// What it is.
    pub archive: Archive,
    /// Its bytes, unpacked.
    pub unpacker: &'o mut Unpacker<'r>,
    /// Its stored bytes once more, where they can be read from any place.
    pub seek: Option<&'o mut (dyn ReadSeek + 'o)>,
}

impl<C: Consumer> Worker<'_, C> {
    /// Reads an archive; gives its line of the manifest.
    ///
    /// # Errors
    /// Only those that end the run; bad input is accounted for.
    pub(super) fn archive(
        &mut self,
        input: &Input,
        open: Open<'_, '_>,
        feed: &Feed<'_>,
    ) -> Result<ObjectRecord> {
        if open.archive == Archive::Parquet {
            return self.event_file(input, open.unpacker);
        }
        let line = |outcome, reason| ObjectRecord::unread(&input.uri, 0, outcome, reason);
        let deepest = self.task.archives.depth;
        if input.depth >= deepest {
            let reason = FailReason::ArchiveTooDeep(deepest).to_string();
            return Ok(line(ObjectOutcome::Failed, Some(reason)));
        }
        let Open { archive, unpacker, seek } = open;
        let limit = self.task.archives.members;
        let mut take = |member: Member<'_>| self.found(input, member, feed);
        let contents = match (archive, seek) {
            (Archive::Tar | Archive::Parquet, _) => read_tar(&mut *unpacker, limit, &mut take)?,
            (Archive::Zip, Some(seek)) if unpacker.layers() == 0 => {
                read_zip(seek, limit, &mut take)?
            }
            (Archive::Zip, _) => read_zip(self.spooled(unpacker)?, limit, &mut |member| {
                self.found(input, member, feed)
            })?,
        };
        let Contents { members, damage, .. } = contents;
        let damage = unpacker.damage().map(Damage::to_string).or(damage).or(input.cut.clone());
        Ok(match damage {
            Some(damage) if members == 0 => line(ObjectOutcome::Failed, Some(damage)),
            Some(damage) => line(ObjectOutcome::Partial, Some(damage)),
            None => {
                let plural = if members == 1 { "" } else { "s" };
                let reason = format!("archive of {members} member{plural}");
                line(ObjectOutcome::Read, Some(reason))
            }
        })
    }

    /// Reads one member, or leaves it to another worker; says whether to go on.
    fn found(&mut self, archive: &Input, member: Member<'_>, feed: &Feed<'_>) -> Result<bool> {
        if feed.is_interrupted() {
            return Ok(false);
        }
        self.members += 1;
        let uri: Arc<str> = format!("{}!/{}", archive.uri, member.name).into();
        let depth = archive.depth + 1;
        if let Some(reason) = self.task.range.excludes(&uri) {
            let (outcome, reason) = (ObjectOutcome::Skipped, Some(reason.to_owned()));
            self.manifest.push(ObjectRecord::unread(&uri, 0, outcome, reason));
            return Ok(true);
        }
        let (reader, stored) = match member.content {
            Content::Data { reader, stored } => (reader, stored),
            Content::NotRead { reason, failed } => {
                let outcome = if failed { ObjectOutcome::Failed } else { ObjectOutcome::Skipped };
                self.manifest.push(ObjectRecord::unread(&uri, 0, outcome, Some(reason)));
                return Ok(true);
            }
        };
        let mut reader = Bounded::new(reader, stored, self.task.limits.unpack());
        let whole = self.task.limits.whole_bytes;
        let mut bytes = Vec::new();
        let started = Instant::now();
        let read = (&mut reader).take(whole.saturating_add(1)).read_to_end(&mut bytes);
        self.stages.record(Stage::Inflate, started.elapsed());
        self.stages.add_bytes(Stage::Inflate, bytes.len() as u64);
        let cut = read.err().map(|error| Damage::of(&error).to_string());
        if cut.is_none() && bytes.len() as u64 > whole {
            let input = Input { uri, claim: Claim::Found, depth, cut };
            self.stream(&input, &mut Cursor::new(bytes).chain(reader), None, feed)?;
        } else if let Some(found) = feed.offer(Found { uri, bytes, cut, depth }) {
            self.member(found, feed)?;
        }
        Ok(true)
    }

    /// The bytes in a temporary file, where they can be read from any place.
    pub(super) fn spooled(&self, unpacker: &mut Unpacker<'_>) -> Result<std::fs::File> {
        let folder = self.task.spill.folder;
        let mut file = tempfile::tempfile_in(folder).map_err(Error::io(folder))?;
        // What cannot be unpacked is told by the unpacker; what cannot be written ends the run.
        match io::copy(unpacker, &mut file) {
            Err(error) if unpacker.damage().is_none() => return Err(Error::io(folder)(error)),
            _ => {}
        }
        file.seek(SeekFrom::Start(0)).map_err(Error::io(folder))?;
        Ok(file)
    }
}
