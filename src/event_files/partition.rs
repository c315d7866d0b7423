//! The part of a folder of events that an event is in.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in a folder's name for a value that an event lacks. Source: Hive's
/// `hive.exec.default.partition.name`; DuckDB and Spark read it as null.
const NONE: &str = "__HIVE_DEFAULT_PARTITION__";

/// All that is written in other characters could lead out of the folder, or be read as another.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The longest value that becomes a folder's name; AWS writes shorter ones.
const MAX_VALUE: usize = 64;

/// The account whose trail got the event, its region and its UTC day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// `recipientAccountId`.
    pub account: Option<Box<str>>,
    /// `awsRegion`.
    pub region: Option<Box<str>>,
    /// Days since the epoch.
    pub day: i64,
}

impl Partition {
    /// Its folder, `account=…/region=…/date=…`.
    #[must_use]
    pub fn folder(&self) -> String {
        let value = |value: &Option<Box<str>>| match value.as_deref() {
            None | Some("") => NONE.to_owned(),
            Some(value) => {
                let short = value.get(..value.floor_char_boundary(MAX_VALUE)).unwrap_or_default();
                utf8_percent_encode(short, ESCAPED).to_string()
            }
        };
        let (account, region) = (value(&self.account), value(&self.region));
        format!("account={account}/region={region}/date={}", day_text(self.day))
    }
}

/// `2025-06-03`. Times that an event can have lie within the years that a date can have.
fn day_text(day: i64) -> String {
    let epoch = jiff::civil::Date::constant(1970, 1, 1);
    epoch.saturating_add(jiff::Span::new().days(day.clamp(-7_304_484, 4_371_587))).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(account: Option<&str>, region: Option<&str>) -> String {
        let [account, region] = [account, region].map(|value| value.map(Into::into));
        Partition { account, region, day: 20_242 }.folder()
    }

    #[test]
    fn no_value_leads_out_of_the_folder() {
        let usual = "account=111122223333/region=eu-west-1/date=2025-06-03";
        assert_eq!(folder(Some("111122223333"), Some("eu-west-1")), usual);
        let hostile = folder(Some("../../x"), Some("a=b/c\0\u{1b}"));
        assert_eq!(hostile, "account=%2E%2E%2F%2E%2E%2Fx/region=a%3Db%2Fc%00%1B/date=2025-06-03");
        assert_eq!(folder(None, Some("")), format!("account={NONE}/region={NONE}/date=2025-06-03"));
        assert!(folder(Some(&"é".repeat(5_000)), None).len() < 300);
    }
}
