//! Field names of rules resolved to columns: a core column, or a path that the trie extracts.

use super::acl::ACL_GRANTS;
use super::schema::Core;

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

/// The union of the fields that the loaded rules read.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    paths: Vec<String>,
}

impl Fields {
    /// The column for `name`, which is a core column's name, the CloudTrail path of one, the
    /// normalised list `acl_grants`, or any other dotted path into the record.
    ///
    /// # Errors
    /// [`UnknownField`] for an empty name or part of a name, and for more parts than records nest.
    pub fn resolve(&mut self, name: &str) -> Result<Field, UnknownField> {
        if let Some(core) = Core::find(name) {
            return Ok(Field::Core(core));
        }
        if name.split('.').any(str::is_empty)
            || name.split('.').nth(MAX_PARTS).is_some()
            || (name.contains("**") && !anywhere_is_last(name))
        {
            return Err(UnknownField { name: name.to_owned() });
        }
        let known = self.paths.iter().position(|path| path == name);
        Ok(Field::Path(known.unwrap_or_else(|| {
            self.paths.push(name.to_owned());
            self.paths.len() - 1
        })))
    }

    /// The name of a column.
    #[must_use]
    pub fn name(&self, field: Field) -> String {
        match field {
            Field::Core(core) => core.name().to_owned(),
            Field::Path(path) => self.paths.get(path).cloned().unwrap_or_default(),
        }
    }

    /// The paths that the trie extracts, in the order of their numbers.
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// The number of the `acl_grants` column, if a rule asks for it.
    #[must_use]
    pub fn acl_grants(&self) -> Option<usize> {
        self.paths.iter().position(|path| path == ACL_GRANTS)
    }
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
        assert_eq!(fields.resolve(ACL_GRANTS), Ok(Field::Path(1)));
        assert_eq!(fields.resolve("requestParameters.acl"), Ok(Field::Path(0)));
        assert_eq!(fields.acl_grants(), Some(1));
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
