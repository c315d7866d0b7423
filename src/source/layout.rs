//! What the key of a log object tells. Source: CloudTrail user guide, "Getting and viewing your
//! CloudTrail log files": `[prefix/]AWSLogs/[o-…/]<account>/CloudTrail/<region>/YYYY/MM/DD/<file>`
//! with `<file>` = `<account>_CloudTrail_<region>_<YYYYMMDDThhmmZ>_<unique>.json.gz`.

/// The parts of a key that say whose events it holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Layout {
    /// 12 digits.
    pub account: String,
    /// The region the events are from.
    pub region: String,
}

impl Layout {
    /// Reads the layout off a key: off its folders, else off its file name; `None` without either.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        of_folders(key).or_else(|| of_partition(key)).or_else(|| of_name(key.rsplit('/').next()?))
    }
}

/// The file name of a key, if CloudTrail has given it: it ends in a unique string, so it names the
/// object wherever it is copied to.
#[must_use]
pub fn unique_name(key: &str) -> Option<&str> {
    let name = key.rsplit('/').next()?;
    let (stem, _) = name.split_once('.')?;
    let mut parts = stem.rsplit('_');
    let (unique, time) = (parts.next()?, parts.next()?);
    let is_unique = unique.len() >= 16 && unique.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_time = time.len() == "20250603T1015Z".len()
        && time.bytes().zip(b"00000000T0000Z").all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            letter => byte == *letter,
        });
    (is_unique && is_time && of_name(name).is_some()).then_some(name)
}

/// The day of delivery that a key names, in days since the epoch: by its folders, else by its file
/// name.
#[must_use]
pub fn delivery_day(key: &str) -> Option<i64> {
    let name = key.rsplit('/').next()?;
    if let Some(layout) = of_folders(key) {
        let (_, rest) = key.rsplit_once(&format!("/{}/", layout.region))?;
        let mut parts = rest.split('/');
        let date = (parts.next()?, parts.next()?, parts.next()?);
        if let Some(day) = day(date.0, date.1, date.2) {
            return Some(day);
        }
    }
    of_name(name)?;
    let time = name.split('_').nth(3)?;
    day(time.get(..4)?, time.get(4..6)?, time.get(6..8)?)
}

/// The day of the events in a file of converted events, in days since the epoch.
#[must_use]
pub(super) fn event_day(key: &str) -> Option<i64> {
    let date = partition(key)?.2;
    day(date.get(..4)?, date.get(5..7)?, date.get(8..)?)
}

/// Days since the epoch.
pub(super) fn day(year: &str, month: &str, day: &str) -> Option<i64> {
    let date = jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let start = date.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(start.timestamp().as_second().div_euclid(86_400))
}

/// The last `AWSLogs/` counts: a prefix may hold another one.
fn of_folders(key: &str) -> Option<Layout> {
    let (_, rest) = key.rsplit_once("AWSLogs/")?;
    let mut parts = rest.split('/').peekable();
    parts.next_if(|part| is_organisation(part));
    let (account, folder, region) = (parts.next()?, parts.next()?, parts.next()?);
    (is_account(account) && folder.starts_with("CloudTrail") && is_region(region))
        .then(|| Layout { account: account.to_owned(), region: region.to_owned() })
}

/// Account, region and date of a file of converted events:
/// `account=111122223333/region=eu-west-1/date=2025-06-03/<file>`.
fn partition(key: &str) -> Option<(&str, &str, &str)> {
    let mut folders = key.rsplit('/').skip(1);
    let mut value = |name: &str| folders.next()?.strip_prefix(name);
    let (date, region, account) = (value("date=")?, value("region=")?, value("account=")?);
    (date.len() == 10).then_some((account, region, date))
}

fn of_partition(key: &str) -> Option<Layout> {
    let (account, region, _) = partition(key)?;
    (is_account(account) && is_region(region))
        .then(|| Layout { account: account.to_owned(), region: region.to_owned() })
}

fn of_name(name: &str) -> Option<Layout> {
    let mut parts = name.split('_');
    let (account, folder, region) = (parts.next()?, parts.next()?, parts.next()?);
    (is_account(account) && folder.starts_with("CloudTrail") && is_region(region))
        .then(|| Layout { account: account.to_owned(), region: region.to_owned() })
}

pub(super) fn is_organisation(part: &str) -> bool {
    part.strip_prefix("o-").is_some_and(|id| {
        (10..=32).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

pub(super) fn is_account(part: &str) -> bool {
    part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Regions are not whitelisted: AWS adds some every year.
pub(super) fn is_region(part: &str) -> bool {
    part.split('-').count() >= 3
        && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_names_tell_account_and_region() {
        let name = "111122223333_CloudTrail_eu-west-1_20250603T1015Z_abcdefgh12345678.json.gz";
        let cases = [
            format!("AWSLogs/111122223333/CloudTrail/eu-west-1/2025/06/03/{name}"),
            "x/AWSLogs/o-abcdefghij/111122223333/CloudTrail/eu-west-1/2025/06/03/f".to_owned(),
            "o-abcdefghij/AWSLogs/o-abcdefghij/111122223333/CloudTrail/eu-west-1/f".to_owned(),
            "AWSLogs/AWSLogs/111122223333/CloudTrail-Insight/eu-west-1/f".to_owned(),
            format!("dump/{name}"),
            "out/account=111122223333/region=eu-west-1/date=2025-06-03/00000001.parquet".to_owned(),
        ];
        for key in cases {
            let layout = Layout::of(&key);
            let parts = layout.as_ref().map(|l| (l.account.as_str(), l.region.as_str()));
            assert_eq!(parts, Some(("111122223333", "eu-west-1")), "{key}");
        }
    }

    #[test]
    fn keys_name_their_day_of_delivery() {
        let name = "111122223333_CloudTrail_eu-west-1_20250603T1015Z_abcdefgh12345678.json.gz";
        let folders = "AWSLogs/111122223333/CloudTrail/eu-west-1";
        let day = Some(20_242);
        assert_eq!(delivery_day(&format!("{folders}/2025/06/03/x.json")), day);
        assert_eq!(delivery_day(name), day);
        assert_eq!(delivery_day(&format!("dump/{name}")), day);
        assert_eq!(delivery_day(&format!("{folders}/2025/13/03/x.json")), None);
        for key in ["2025/06/03/x.json", "", "111122223333_CloudTrail_eu-west-1_x.json"] {
            assert_eq!(delivery_day(key), None, "{key}");
        }
    }

    #[test]
    fn converted_events_name_their_own_day() {
        let key = "x/account=111122223333/region=eu-west-1/date=2025-06-03/00000001.parquet";
        assert_eq!((event_day(key), delivery_day(key)), (Some(20_242), None));
        for key in ["date=2025-06-03/x", "account=1/region=x/date=2025-06-031/x", "", "a/b/c/d"] {
            assert_eq!(event_day(key), None, "{key}");
        }
    }

    #[test]
    fn names_that_cloudtrail_gave_are_unique() {
        let name = "111122223333_CloudTrail_eu-west-1_20250603T1015Z_abcdefgh12345678.json.gz";
        assert_eq!(unique_name(&format!("a/b/{name}")), Some(name));
        assert_eq!(unique_name(name), Some(name));
        for other in [
            "events.json",
            "111122223333_CloudTrail_eu-west-1_20250603T1015Z_abc.json.gz",
            "111122223333_CloudTrail_eu-west-1_2025-06-03T10_abcdefgh12345678.json.gz",
            "CloudTrail_eu-west-1_20250603T1015Z_abcdefgh12345678.json.gz",
        ] {
            assert_eq!(unique_name(other), None, "{other}");
        }
    }

    #[test]
    fn other_names_tell_nothing() {
        for key in ["a.json", "AWSLogs/111122223333/Config/eu-west-1/f", "AWSLogs/x/y/z", ""] {
            assert_eq!(Layout::of(key), None, "{key}");
        }
    }
}
