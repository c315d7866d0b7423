//! Field names of rules resolved to columns: a core column, or a path that the trie extracts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::core_reads::CoreReads;
use super::derived::derived_names;
use super::schema::Core;
use super::slots::canonical;

/// The most parts of a path: records nest no deeper by default.
const MAX_PARTS: usize = 128;

/// A column that a rule reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// A core column.
    Core(Core),
    /// Path column number n of [`Fields`].
    Path(usize),
}

/// A name that looks like a field of ours but is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no field: neither a CloudTrail path nor a column of trailsift")]
pub struct UnknownField {
    /// The name as written.
    pub name: String,
}

/// What is extracted of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extract {
    /// Its values as texts; of an object its JSON.
    Values,
    /// Of each value whether it is null: [`Fields::NULL`] or [`Fields::VALUE`].
    Presence,
    /// Every scalar of the record, whatever its path.
    Keywords,
}

/// A column of values that rules ask for: `List<Dictionary>`, 0…n values per event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathColumn {
    /// The dotted path.
    pub path: String,
    /// What of it.
    pub extract: Extract,
    /// Names of the events, in lower case, that it is extracted from; `None`: from all.
    pub events: Option<BTreeSet<String>>,
}

impl PathColumn {
    /// The values of a path, of all events.
    #[must_use]
    pub fn values(path: &str) -> Self {
        Self { path: path.to_owned(), extract: Extract::Values, events: None }
    }

    /// Its name in batches.
    #[must_use]
    pub fn name(&self) -> String {
        match self.extract {
            Extract::Values => self.path.clone(),
            Extract::Presence => format!("presence of {}", self.path),
            Extract::Keywords => "keywords".to_owned(),
        }
    }
}

/// The union of the fields that the loaded rules read.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    columns: Vec<PathColumn>,
    /// Core columns that are read, of those that are filled only then.
    on_demand: BTreeSet<Core>,
    core: Arc<CoreReads>,
}

impl Fields {
    /// What a presence column says of a null.
    pub const NULL: &str = super::path::NULL;
    /// What a presence column says of any other value.
    pub const VALUE: &str = super::path::VALUE;

    /// The column for `name`, which is a core column's name, the CloudTrail path of one, the
    /// list of [`derived_names`], or any other dotted path into the record. Well-known paths of
    /// CloudTrail are recognised in any case.
    ///
    /// # Errors
    /// [`UnknownField`] for an empty name or part of a name, and for more parts than records nest.
    pub fn resolve(&mut self, name: &str) -> Result<Field, UnknownField> {
        let name = canonical(name).unwrap_or(name);
        if let Some(core) = Core::find(name) {
            if core.is_on_demand() {
                self.on_demand.insert(core);
            }
            return Ok(Field::Core(core));
        }
        check(name)?;
        Ok(self.column(name, Extract::Values))
    }

    /// The column that tells whether `name`, a path into the record, is there; for normalised
    /// columns and paths with `**` the column itself.
    ///
    /// # Errors
    /// [`UnknownField`] for an empty name or part of a name.
    pub fn presence(&mut self, name: &str) -> Result<Field, UnknownField> {
        let name = canonical(name).unwrap_or(name);
        let normalised = Core::find(name).is_some_and(|core| core.name() == name);
        if normalised || derived_names().any(|derived| derived == name) || name.contains("**") {
            return self.resolve(name);
        }
        check(name)?;
        Ok(self.column(name, Extract::Presence))
    }

    /// The column of every scalar of the record.
    pub fn keywords(&mut self) -> Field {
        self.column("", Extract::Keywords)
    }

    fn column(&mut self, path: &str, extract: Extract) -> Field {
        let is_same = |column: &PathColumn| column.extract == extract && column.path == path;
        let known = self.columns.iter().position(is_same);
        Field::Path(known.unwrap_or_else(|| {
            self.columns.push(PathColumn { extract, ..PathColumn::values(path) });
            self.columns.len() - 1
        }))
    }

    /// What of the column is extracted; `None` for core columns.
    #[must_use]
    pub fn extract(&self, field: Field) -> Option<Extract> {
        match field {
            Field::Core(_) => None,
            Field::Path(path) => self.columns.get(path).map(|column| column.extract),
        }
    }

    /// Whether the column tells of what `core` holds: of its value, or that it is there.
    #[must_use]
    pub fn reads(&self, field: Field, core: Core) -> bool {
        match field {
            Field::Core(own) => own == core,
            Field::Path(path) => {
                self.columns.get(path).is_some_and(|column| Core::find(&column.path) == Some(core))
            }
        }
    }

    /// Extracts each path column from events of these names only, in lower case; `None`: from all.
    pub fn restrict(&mut self, events: impl IntoIterator<Item = Option<BTreeSet<String>>>) {
        for (column, events) in self.columns.iter_mut().zip(events) {
            column.events = events;
        }
    }

    /// Reads each core column of events of these names only, in lower case; `None`: of all. It is an
    /// offer to who fills batches: columns may be filled nevertheless.
    pub fn restrict_core(&mut self, reads: &BTreeMap<Core, Option<BTreeSet<String>>>) {
        self.core = CoreReads::of(reads).into();
    }

    /// Which core columns are read of which events; every one, unless they were restricted.
    #[must_use]
    pub fn core_reads(&self) -> &Arc<CoreReads> {
        &self.core
    }

    /// The name of a column.
    #[must_use]
    pub fn name(&self, field: Field) -> String {
        match field {
            Field::Core(core) => core.name().to_owned(),
            Field::Path(path) => self.columns.get(path).map(PathColumn::name).unwrap_or_default(),
        }
    }

    /// The path columns, in the order of their numbers.
    #[must_use]
    pub fn columns(&self) -> &[PathColumn] {
        &self.columns
    }

    /// The core columns that are read, of those that are filled only then.
    #[must_use]
    pub fn on_demand(&self) -> &BTreeSet<Core> {
        &self.on_demand
    }
}

fn check(name: &str) -> Result<(), UnknownField> {
    if name.split('.').any(str::is_empty)
        || name.split('.').nth(MAX_PARTS).is_some()
        || (name.contains("**") && !anywhere_is_last(name))
    {
        return Err(UnknownField { name: name.to_owned() });
    }
    Ok(())
}

/// `**` may only stand before the last part: `requestParameters.**.BypassGovernance`.
fn anywhere_is_last(name: &str) -> bool {
    name.matches("**").count() == 1
        && name.rsplit_once("**.").is_some_and(|(_, key)| !key.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_resolve_to_core_columns_or_to_one_path_each() {
        let mut fields = Fields::default();
        assert_eq!(fields.resolve("eventName"), Ok(Field::Core(Core::EventName)));
        assert_eq!(fields.resolve("requestParameters.acl"), Ok(Field::Path(0)));
        assert_eq!(fields.resolve("acl_grants"), Ok(Field::Path(1)));
        assert_eq!(fields.resolve("requestParameters.acl"), Ok(Field::Path(0)));
    }

    #[test]
    fn presence_is_a_column_of_its_own_and_case_is_forgiven_where_names_are_known() {
        let mut fields = Fields::default();
        assert_eq!(fields.presence("requestParameters.acl"), Ok(Field::Path(0)));
        assert_eq!(fields.resolve("requestParameters.acl"), Ok(Field::Path(1)));
        assert_eq!(fields.presence("source_network"), Ok(Field::Core(Core::SourceNetwork)));
        assert_eq!(fields.resolve("sourceIpAddress"), Ok(Field::Core(Core::SourceIp)));
        assert_eq!(fields.resolve("eventtime"), fields.resolve("eventTime"));
        assert_ne!(fields.resolve("requestparameters.a"), fields.resolve("requestParameters.a"));
    }

    #[test]
    fn what_is_filled_on_demand_is_noted() {
        let mut fields = Fields::default();
        fields.resolve("source_network").unwrap();
        assert!(fields.on_demand().is_empty());
        fields.resolve("source_origin").unwrap();
        fields.presence("actor").unwrap();
        assert_eq!(*fields.on_demand(), [Core::Actor, Core::SourceOrigin].into());
    }

    #[test]
    fn malformed_names_are_refused() {
        for name in ["", "a..b", "a.**", "**.a.b", "a.**.b.**.c"] {
            assert!(Fields::default().resolve(name).is_err(), "{name}");
        }
        assert!(Fields::default().resolve(&["a"; 129].join(".")).is_err());
        assert!(Fields::default().resolve(&["a"; 128].join(".")).is_ok());
        assert!(Fields::default().resolve("a.**.b").is_ok());
    }
}
