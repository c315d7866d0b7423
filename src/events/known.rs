//! The columns that come from [`crate::intel`]: functions of the source address or the user agent
//! alone, worked out once per distinct value, and only those that a rule reads.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, StringArray, new_null_array};
use arrow::datatypes::Int32Type;

use super::network::network;
use super::schema::{CORE, Core, dictionary_type};
use crate::error::Result;
use crate::intel::{Address, Intel, Kind, user_agent_family};

/// So many bytes are remembered of values and what they came to, then all are forgotten; and about
/// what one takes beside its text.
const REMEMBERED: usize = 1 << 20;
const VALUE_BYTES: usize = 256;

/// Longer values, which AWS does not write, are not remembered, bytes.
const LONGEST: usize = 1_024;

/// Columns that depend on the source address.
const OF_ADDRESS: &[Core] = &[
    Core::SourceAsn,
    Core::SourceAsOrganization,
    Core::SourceCountry,
    Core::SourceAwsRange,
    Core::ThreatLists,
    Core::TrustedSource,
    Core::SourceOrigin,
];

impl Core {
    /// The kinds of knowledge that decide what the column says; none for what the log alone says.
    #[must_use]
    pub fn known_from(self) -> Vec<Kind> {
        match self {
            Self::SourceAsn | Self::SourceAsOrganization => vec![Kind::Asn],
            Self::SourceCountry => vec![Kind::Country],
            Self::SourceAwsRange => vec![Kind::AwsRanges],
            Self::ThreatLists => vec![Kind::ThreatList],
            Self::TrustedSource => vec![Kind::Trusted],
            Self::SourceOrigin => vec![Kind::AwsRanges, Kind::Asn],
            _ => Vec::new(),
        }
    }
}

/// Fills the columns, batch after batch.
#[derive(Debug)]
pub(super) struct Known {
    intel: Arc<Intel>,
    /// The columns that are read.
    wanted: BTreeSet<Core>,
    addresses: Memo<Arc<Address>>,
    families: Memo<Arc<str>>,
}

impl Known {
    /// Fills the wanted columns from what is known.
    pub(super) fn new(intel: Arc<Intel>, wanted: BTreeSet<Core>) -> Self {
        Self { intel, wanted, addresses: Memo::default(), families: Memo::default() }
    }

    /// Whether a rule reads the column.
    pub(super) fn wants(&self, core: Core) -> bool {
        self.wanted.contains(&core)
    }

    /// Puts the columns in their places among the finished core columns, all of one length. A column
    /// that nobody reads is null throughout, and has no memory of its own.
    pub(super) fn fill(&mut self, columns: &mut [ArrayRef]) -> Result<()> {
        let events = columns.first().map_or(0, Array::len);
        let absent = new_null_array(&dictionary_type(), events);
        let unread = CORE.iter().map(|row| row.0).filter(|core| core.is_on_demand());
        for core in unread.filter(|core| !self.wanted.contains(core)) {
            put(columns, core, absent.clone());
        }
        if OF_ADDRESS.iter().any(|core| self.wanted.contains(core)) {
            self.fill_addresses(columns)?;
        }
        if self.wanted.contains(&Core::UserAgentFamily) {
            let Self { families, .. } = self;
            let column = derived(columns, Core::UserAgent, |agent| {
                Some(families.of(agent, || user_agent_family(agent).into()))
            })?;
            put(columns, Core::UserAgentFamily, column);
        }
        Ok(())
    }

    fn fill_addresses(&mut self, columns: &mut [ArrayRef]) -> Result<()> {
        let Self { intel, wanted, addresses, .. } = self;
        for core in OF_ADDRESS.iter().filter(|core| wanted.contains(core)) {
            let column = derived(columns, Core::SourceIp, |logged| {
                let known = addresses.of(logged, || Arc::new(intel.address(logged)));
                text(*core, &known, logged)
            })?;
            put(columns, *core, column);
        }
        Ok(())
    }
}

/// What a column says of an address.
fn text(core: Core, known: &Address, logged: &str) -> Option<Arc<str>> {
    match core {
        Core::SourceAsn => known.asn.clone(),
        Core::SourceAsOrganization => known.organization.clone(),
        Core::SourceCountry => known.country.clone(),
        Core::SourceAwsRange => known.aws_range.clone(),
        Core::ThreatLists => known.threat_lists.clone(),
        Core::TrustedSource => known.trusted.then(|| "true".into()),
        Core::SourceOrigin => known.origin.clone().or_else(|| Some(network(logged).into())),
        _ => None,
    }
}

/// A column with the keys of `from` and other values.
fn derived(
    columns: &[ArrayRef],
    from: Core,
    mut value: impl FnMut(&str) -> Option<Arc<str>>,
) -> Result<ArrayRef> {
    let from = columns.get(from.index()).and_then(|from| from.as_dictionary_opt::<Int32Type>());
    let values = from.and_then(|from| Some((from, from.values().as_string_opt::<i32>()?)));
    let Some((from, values)) = values else { return Ok(new_null_array(&dictionary_type(), 0)) };
    let values: Vec<Option<Arc<str>>> =
        values.iter().map(|text| text.and_then(&mut value)).collect();
    let mut keys = from.keys().clone();
    if values.iter().any(Option::is_none) {
        // Nothing is known of the value, so the event has none: nulls stand among the keys.
        let is_known = |key: &i32| {
            usize::try_from(*key).is_ok_and(|key| values.get(key).is_some_and(Option::is_some))
        };
        keys = keys.iter().map(|key| key.filter(is_known)).collect();
    }
    let texts: StringArray = values.iter().map(|text| text.as_deref().or(Some(""))).collect();
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(texts))?))
}

fn put(columns: &mut [ArrayRef], core: Core, column: ArrayRef) {
    if let Some(place) = columns.get_mut(core.index()) {
        *place = column;
    }
}

/// What was worked out before.
#[derive(Debug)]
struct Memo<T> {
    known: HashMap<Box<str>, T>,
    bytes: usize,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { known: HashMap::new(), bytes: 0 }
    }
}

impl<T: Clone> Memo<T> {
    fn of(&mut self, key: &str, work: impl FnOnce() -> T) -> T {
        if let Some(known) = self.known.get(key) {
            return known.clone();
        }
        let value = work();
        if key.len() <= LONGEST {
            if self.bytes >= REMEMBERED {
                *self = Self::default();
            }
            self.bytes += key.len() + VALUE_BYTES;
            self.known.insert(key.into(), value.clone());
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memo_is_bounded_and_asks_once() {
        let (mut memo, mut asked) = (Memo::default(), 0);
        for _ in 0..3 {
            assert_eq!(
                memo.of("a", || {
                    asked += 1;
                    asked
                }),
                1
            );
        }
        for key in 0..10_000 {
            memo.of(&key.to_string(), || 0);
            assert!(memo.bytes < REMEMBERED + LONGEST + VALUE_BYTES);
            assert!(memo.known.len() <= REMEMBERED / VALUE_BYTES);
        }
        memo.of(&"x".repeat(LONGEST + 1), || 0);
        assert!(memo.known.keys().all(|key| key.len() <= LONGEST));
    }
}
