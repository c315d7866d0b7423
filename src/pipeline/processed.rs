//! Objects that earlier runs have read to their end: they are known by the ledger, and left out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::accounting::{ObjectOutcome, ObjectRecord};
use crate::error::{Error, Result};
use crate::source::{Listing, LogObject, Place};
use crate::state::{LedgerEntry, LedgerReader};

/// Identity of the objects to read, by URI.
pub(super) type Identities = BTreeMap<Arc<str>, Arc<str>>;

/// The objects that earlier runs have read.
#[derive(Debug, Clone)]
pub(super) struct Processed {
    /// None before the first run.
    pub ledger: Option<PathBuf>,
    /// What wants objects to have names, for its messages.
    pub needed_by: &'static str,
}

impl Processed {
    /// Takes the objects out of the listing that need no reading. Returns them, and adds the others
    /// to `identities`.
    ///
    /// # Errors
    /// Those of reading the ledger; [`Error::Usage`] for what has no name.
    pub(super) fn leave_out(
        &self,
        listing: &mut Listing,
        identities: &mut Identities,
    ) -> Result<Vec<ObjectRecord>> {
        let left_out = self.look(&listing.objects, identities)?;
        let skipped = |object: &LogObject, reason: &str| {
            let (outcome, reason) = (ObjectOutcome::Skipped, Some(reason.to_owned()));
            ObjectRecord::unread(&object.uri, object.bytes, outcome, reason)
        };
        let (mut records, mut kept) = (Vec::new(), Vec::new());
        for (number, object) in std::mem::take(&mut listing.objects).into_iter().enumerate() {
            match left_out.get(&number) {
                Some(reason) => records.push(skipped(&object, reason)),
                None => kept.push(object),
            }
        }
        listing.objects = kept;
        Ok(records)
    }

    /// The positions of objects that need no reading, and why. The others are added to `identities`.
    ///
    /// # Errors
    /// Those of reading the ledger; [`Error::Usage`] for what has no name.
    pub(super) fn look(
        &self,
        objects: &[LogObject],
        identities: &mut Identities,
    ) -> Result<BTreeMap<usize, &'static str>> {
        let mut wanted: Vec<(Arc<str>, u64, usize)> = Vec::new();
        for (number, object) in objects.iter().enumerate() {
            if !matches!(object.place, Place::File(_) | Place::S3(_)) {
                let message = format!(
                    "`{}` with {}: what is piped in has no name to be known by in the next run; \
                     write it to a file first",
                    object.uri, self.needed_by
                );
                return Err(Error::Usage(message));
            }
            wanted.push((object.identity(), object.bytes, number));
        }
        wanted.sort_unstable();
        let left_out = self.left_out(&wanted)?;
        for (identity, _, number) in &wanted {
            if let Some(object) = objects.get(*number)
                && !left_out.contains_key(number)
            {
                identities.insert(object.uri.clone(), identity.clone());
            }
        }
        Ok(left_out)
    }

    /// The positions of objects that are in the ledger, or twice in the input, and why not to read
    /// them. Both lists are sorted.
    fn left_out(&self, wanted: &[(Arc<str>, u64, usize)]) -> Result<BTreeMap<usize, &'static str>> {
        let mut left_out = BTreeMap::new();
        for same in wanted.chunk_by(|a, b| (&a.0, a.1) == (&b.0, b.1)) {
            for (_, _, copy) in same.iter().skip(1) {
                left_out.insert(*copy, "a copy of another object");
            }
        }
        let Some(ledger) = &self.ledger else { return Ok(left_out) };
        let mut next = wanted.iter().peekable();
        let (Some((first, ..)), Some((last, ..))) = (wanted.first(), wanted.last()) else {
            return Ok(left_out);
        };
        for entry in LedgerReader::between(ledger, first, last)? {
            let entry = entry?;
            let known = (&entry.object, entry.bytes);
            while next.next_if(|(object, bytes, _)| (object, *bytes) < known).is_some() {}
            while let Some((.., number)) = next.next_if(|(o, bytes, _)| (o, *bytes) == known) {
                left_out.insert(*number, "processed by an earlier run");
            }
        }
        Ok(left_out)
    }
}

/// The ledger's lines of the objects that the run of that name has done.
pub(super) fn entries<'o>(
    done: impl Iterator<Item = &'o ObjectRecord>,
    name: &str,
    identities: &Identities,
) -> Vec<LedgerEntry> {
    let name: Arc<str> = name.into();
    let mut entries: Vec<LedgerEntry> = done
        .filter_map(|object| {
            let identity = identities.get(&object.uri)?.clone();
            let (bytes, records) = (object.bytes, object.records);
            Some(LedgerEntry { object: identity, bytes, records, run: name.clone() })
        })
        .collect();
    entries.sort_unstable();
    entries
}
