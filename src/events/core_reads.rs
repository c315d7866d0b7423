//! Which core columns somebody reads: an event file is read no further than that.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::schema::Core;

/// A set of core columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CoreSet(u64);

impl CoreSet {
    /// Every column.
    #[must_use]
    pub fn all() -> Self {
        Core::all().collect()
    }

    /// Whether the column is among them.
    #[must_use]
    pub fn contains(self, core: Core) -> bool {
        self.0 & (1 << core.index()) != 0
    }

    /// The columns of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Core> for CoreSet {
    fn from_iter<I: IntoIterator<Item = Core>>(columns: I) -> Self {
        columns.into_iter().fold(Self::default(), |set, core| Self(set.0 | 1 << core.index()))
    }
}

/// The columns by which every event is counted and told from its copies.
const ALWAYS: [Core; 7] = [
    Core::EventTime,
    Core::EventId,
    Core::EventName,
    Core::RecipientAccount,
    Core::AccessClass,
    Core::ErrorCode,
    Core::AwsRegion,
];

/// The core columns that are read, by the names of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreReads {
    /// Of events of every name.
    usual: CoreSet,
    /// Of those of some names, in lower case.
    by_name: HashMap<Box<str>, CoreSet>,
    /// Of those whose names are not ASCII: letters of many alphabets fold to ASCII ones.
    everything: CoreSet,
}

impl Default for CoreReads {
    /// Every column of every event is read.
    fn default() -> Self {
        let all = CoreSet::all();
        Self { usual: all, by_name: HashMap::new(), everything: all }
    }
}

impl CoreReads {
    /// Each column is read of events of these names only, in lower case; `None`: of all. Others are
    /// read of none, but those that tell every event, and those that columns are worked out from.
    #[must_use]
    pub fn of(reads: &BTreeMap<Core, Option<BTreeSet<String>>>) -> Self {
        let read_of = |name: Option<&str>| -> CoreSet {
            let is_read = |names: &Option<BTreeSet<String>>| match (names, name) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(names), Some(name)) => names.contains(name),
            };
            let read = reads.iter().filter(|(_, names)| is_read(names)).map(|(core, _)| *core);
            with_sources(read)
        };
        let names: BTreeSet<&String> = reads.values().flatten().flatten().collect();
        let by_name = names.into_iter().map(|name| (name.as_str().into(), read_of(Some(name))));
        let everything = with_sources(reads.keys().copied());
        Self { usual: read_of(None), by_name: by_name.collect(), everything }
    }

    /// The columns that are read of events of this name.
    #[must_use]
    pub fn of_name(&self, name: Option<&str>) -> CoreSet {
        let Some(name) = name.filter(|_| !self.by_name.is_empty()) else { return self.usual };
        if !name.is_ascii() {
            return self.everything;
        }
        self.by_name.get(name.to_ascii_lowercase().as_str()).copied().unwrap_or(self.usual)
    }
}

/// The columns with those that they are worked out from.
fn with_sources(columns: impl Iterator<Item = Core>) -> CoreSet {
    let sources = |core: Core| -> &[Core] {
        match core {
            Core::Actor => &[Core::InvokedBy, Core::SourceIp, Core::Principal],
            Core::UserAgentFamily => &[Core::UserAgent],
            Core::SourceNetwork => &[Core::SourceIp],
            of_address if of_address.is_on_demand() => &[Core::SourceIp],
            _ => &[],
        }
    };
    // What is worked out anew is not read.
    let own = |core: Core| (core != Core::SourceNetwork).then_some(core);
    columns
        .flat_map(|core| own(core).into_iter().chain(sources(core).iter().copied()))
        .chain(ALWAYS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads() -> CoreReads {
        let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        CoreReads::of(&BTreeMap::from([
            (Core::Bucket, None),
            (Core::UserAgentFamily, names(&["getobject"])),
            (Core::ObjectKey, names(&["getobject", "putobject"])),
        ]))
    }

    #[test]
    fn columns_are_read_of_the_names_that_ask_for_them_and_with_what_they_are_made_of() {
        let reads = reads();
        let reads_of = |name, core| reads.of_name(name).contains(core);
        for name in [None, Some("ListBuckets"), Some("GetObject"), Some("é")] {
            assert!(reads_of(name, Core::Bucket) && reads_of(name, Core::EventId), "{name:?}");
            assert!(!reads_of(name, Core::Mfa), "{name:?}");
        }
        assert!(
            !reads_of(None, Core::ObjectKey) && !reads_of(Some("ListBuckets"), Core::ObjectKey)
        );
        assert!(reads_of(Some("PUTOBJECT"), Core::ObjectKey));
        assert!(!reads_of(Some("PutObject"), Core::UserAgent));
        assert!(reads_of(Some("GetObject"), Core::UserAgent));
        // The Kelvin sign folds to a k.
        assert!(reads_of(Some("\u{212a}"), Core::UserAgent));
    }

    #[test]
    fn usually_every_column_is_read() {
        let all = CoreReads::default().of_name(Some("GetObject"));
        assert_eq!(all, CoreSet::all());
        assert!(Core::all().all(|core| all.contains(core)));
    }
}
