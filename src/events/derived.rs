//! Lists that are worked out from several fields of a record, for rules that ask for them.

use std::collections::BTreeSet;

use super::accounts::{self, FOREIGN_ACCOUNTS};
use super::acl::{self, ACL_GRANTS};
use super::field::PathColumn;
use super::path::PathSink;
use super::policy::{self, POLICY_GRANTS};
use super::slots::{Slot, Slots};

/// What is worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Derived {
    AclGrants,
    PolicyGrants,
    ForeignAccounts,
    TimedObjectKey,
}

const DERIVED: &[(&str, Derived)] = &[
    (ACL_GRANTS, Derived::AclGrants),
    (POLICY_GRANTS, Derived::PolicyGrants),
    (FOREIGN_ACCOUNTS, Derived::ForeignAccounts),
    (TIMED_OBJECT_KEY, Derived::TimedObjectKey),
];

/// The name under which the judge of order asks for them.
pub const TIMED_OBJECT_KEY: &str = "timed_object_key";

/// The names of the columns.
pub fn derived_names() -> impl Iterator<Item = &'static str> + Clone {
    DERIVED.iter().map(|(name, _)| *name)
}

/// The columns that are asked for.
#[derive(Debug)]
pub(super) struct Derivations(Vec<Derivation>);

#[derive(Debug)]
struct Derivation {
    what: Derived,
    /// Its number among the path columns.
    column: usize,
    /// Names of the events, in lower case, that it is worked out for; `None`: for all.
    events: Option<BTreeSet<String>>,
}

impl Derivations {
    pub(super) fn of(columns: &[PathColumn]) -> Self {
        let derivation = |(column, path): (usize, &PathColumn)| {
            let (_, what) = DERIVED.iter().find(|(name, _)| *name == path.path)?;
            Some(Derivation { what: *what, column, events: path.events.clone() })
        };
        Self(columns.iter().enumerate().filter_map(derivation).collect())
    }

    /// Reports the values of a record. `line` is scratch space.
    pub(super) fn report(
        &self,
        slots: &Slots<'_, '_>,
        line: &mut String,
        sink: &mut impl PathSink,
    ) {
        for Derivation { what, column, events } in &self.0 {
            // Letters of many alphabets fold to ASCII ones.
            let is_wanted = |events: &BTreeSet<String>| {
                slots.string(Slot::EventName).is_none_or(|name| {
                    !name.is_ascii() || events.iter().any(|event| event.eq_ignore_ascii_case(name))
                })
            };
            if !events.as_ref().is_none_or(is_wanted) {
                continue;
            }
            let mut each = |text: &str| sink.path_value(*column, text);
            match what {
                Derived::AclGrants => acl::grants(slots, line, &mut each),
                Derived::PolicyGrants => {
                    if let Some(request) = slots.value(Slot::RequestParameters) {
                        policy::grants(request, slots.account().as_deref(), &mut each);
                    }
                }
                Derived::ForeignAccounts => accounts::foreign(slots, line, &mut each),
                Derived::TimedObjectKey => timed_key(slots, line, &mut each),
            }
        }
    }
}

/// `eventTime` as logged, a blank, and the key: they sort by time.
fn timed_key(slots: &Slots<'_, '_>, line: &mut String, each: &mut impl FnMut(&str)) {
    let parts = (slots.non_empty(Slot::EventTime), slots.non_empty(Slot::Key));
    let (Some(time), Some(key)) = parts else { return };
    line.clear();
    line.push_str(time);
    line.push(' ');
    line.push_str(key);
    each(line);
}
