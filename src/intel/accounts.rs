//! One's own accounts: `--own-account`, and `--org` with the output of
//! `aws organizations list-accounts`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use crate::error::{Error, Result};

/// The accounts that belong together, with their names where they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnAccounts(BTreeMap<Arc<str>, Option<Arc<str>>>);

/// Whose account a caller's is, seen from the account whose trail got the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The same account.
    Same,
    /// Another one of one's own.
    Sister,
    /// A stranger's.
    Foreign,
    /// A stranger's or one's own: own accounts were not named.
    ForeignOrSister,
}

/// Output of `aws organizations list-accounts` (AWS Organizations API reference, `ListAccounts`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAccounts {
    accounts: Vec<Account>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Account {
    id: String,
    name: Option<String>,
}

impl OwnAccounts {
    /// The accounts of both sources together.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Usage`] if the file cannot be read or is something else, and
    /// [`Error::Usage`] for an id that is no account number.
    pub fn read(org: Option<&Path>, ids: &[String]) -> Result<Self> {
        let mut own = BTreeMap::new();
        if let Some(path) = org {
            let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
            let list: ListAccounts = serde_json::from_str(&text).map_err(|error| {
                Error::Usage(format!(
                    "{}: not the output of `aws organizations list-accounts`: {error}",
                    path.display()
                ))
            })?;
            for account in list.accounts {
                own.insert(number(&account.id)?, account.name.map(Arc::from));
            }
        }
        for id in ids {
            own.entry(number(id)?).or_insert(None);
        }
        Ok(Self(own))
    }

    /// The account's name.
    #[must_use]
    pub fn name(&self, account: &str) -> Option<&Arc<str>> {
        self.0.get(account)?.as_ref()
    }

    /// Whose account `caller` is to `own`, whose trail got the record.
    #[must_use]
    pub fn caller(&self, own: &str, caller: &str) -> Caller {
        match (own == caller, self.0.is_empty(), self.0.contains_key(caller)) {
            (true, ..) => Caller::Same,
            (_, true, _) => Caller::ForeignOrSister,
            (_, _, true) => Caller::Sister,
            _ => Caller::Foreign,
        }
    }
}

/// An account number has 12 digits.
fn number(id: &str) -> Result<Arc<str>> {
    if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Arc::from(id));
    }
    Err(Error::Usage(format!("`{id}` is no account number: it must have 12 digits")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_told_apart_once_own_accounts_are_named() {
        let (a, b, c) = ("111122223333", "444455556666", "999988887777");
        let nobody = OwnAccounts::default();
        assert_eq!(nobody.caller(a, a), Caller::Same);
        assert_eq!(nobody.caller(a, c), Caller::ForeignOrSister);
        let folder = tempfile::tempdir().unwrap();
        let org = folder.path().join("org.json");
        let text = r#"{"Accounts":[{"Id":"111122223333","Name":"prod","Status":"ACTIVE"}]}"#;
        std::fs::write(&org, text).unwrap();
        let own = OwnAccounts::read(Some(&org), &[b.to_owned(), a.to_owned()]).unwrap();
        assert_eq!(own.caller(a, b), Caller::Sister);
        assert_eq!(own.caller(a, c), Caller::Foreign);
        assert_eq!(own.name(a).map(AsRef::as_ref), Some("prod"));
        assert_eq!(own.name(b), None);
    }

    #[test]
    fn what_is_no_account_is_refused() {
        assert!(OwnAccounts::read(None, &["12".to_owned()]).is_err());
        let folder = tempfile::tempdir().unwrap();
        let org = folder.path().join("org.json");
        for text in ["{}", "[]", r#"{"Accounts":[{"Id":"x"}]}"#] {
            std::fs::write(&org, text).unwrap();
            assert!(OwnAccounts::read(Some(&org), &[]).is_err(), "{text}");
        }
    }
}
