//! Keys of stored objects: whatever they are they are borne, and what CloudTrail writes is read
//! back.

use trailsift::source::{KeyRange, Layout, LogObject, Place, Shard, unique_name};

const DAY: i64 = 86_400_000_000;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    any_key(&text);
    let (numbers, rest) = bytes.split_at(bytes.len().min(12));
    let mut seed = [0; 12];
    seed[..numbers.len()].copy_from_slice(numbers);
    written_key(seed, &String::from_utf8_lossy(rest));
}

/// Nothing in a key is more than text.
fn any_key(key: &str) {
    let layout = Layout::of(key);
    if let Some(Layout { account, region }) = &layout {
        assert!(account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()));
        assert!(!region.is_empty() && key.contains(region.as_str()));
    }
    if let Some(name) = unique_name(key) {
        assert!(key.ends_with(name) && !name.contains('/'));
        // The name names the object wherever it is copied to.
        assert_eq!(unique_name(&format!("elsewhere/{name}")), Some(name));
        let object = LogObject { uri: key.into(), place: Place::Stdin, bytes: 1, given: false };
        assert_eq!(object.identity().as_ref(), name);
    }
    for of in [1, 2, 7, u64::MAX] {
        let holders = (1..=of.min(8)).filter(|number| {
            let shard = Shard { number: *number, of };
            assert_eq!(shard.to_string().parse(), Ok(shard));
            shard.holds(layout.as_ref())
        });
        assert!(holders.count() <= 1);
    }
    let _ = key.parse::<Shard>();
    for (since, until) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, 0)] {
        let _ = is_kept(key, since, until);
    }
    assert!(is_kept(key, i64::MIN, i64::MAX));
}

/// A key made of any account, region and day is read back, whatever stands before it.
fn written_key(seed: [u8; 12], prefix: &str) {
    let number = u64::from_le_bytes(seed[..8].try_into().unwrap());
    let account = format!("{:012}", number % 1_000_000_000_000);
    let region = ["eu-west-1", "us-gov-east-1", "us-iso-west-1", "ap-southeast-12"]
        [usize::from(seed[8] % 4)];
    let days = i64::from(u16::from_le_bytes([seed[9], seed[10]]));
    let date = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(days);
    let folder = ["CloudTrail", "CloudTrail-Insight", "CloudTrail-NetworkActivity"]
        [usize::from(seed[11] % 3)];
    let organisation = if seed[11] & 0x80 == 0 { "" } else { "o-a1b2c3d4e5/" };
    let name = format!(
        "{account}_{folder}_{region}_{}T1015Z_abcdefgh12345678.json.gz",
        date.strftime("%Y%m%d")
    );
    let folders = format!(
        "{prefix}AWSLogs/{organisation}{account}/{folder}/{region}/{}",
        date.strftime("%Y/%m/%d")
    );
    for key in [format!("{folders}/{name}"), format!("{folders}/x"), name.clone()] {
        let wanted = Layout { account: account.clone(), region: region.to_owned() };
        assert_eq!(Layout::of(&key), Some(wanted), "{key}");
        any_key(&key);
        let since = |after: i64| (days + after) * DAY;
        assert!(is_kept(&key, since(0), since(1)), "{key}");
        assert!(!is_kept(&key, since(3), i64::MAX), "{key}");
        assert!(!is_kept(&key, i64::MIN, since(-40)), "{key}");
    }
    assert_eq!(unique_name(&format!("{folders}/{name}")), Some(name.as_str()));
}

/// Whether an object of that key is read when events of a time are asked for.
fn is_kept(key: &str, since: i64, until: i64) -> bool {
    let range = KeyRange { since: Some(since), until: Some(until), ..KeyRange::default() };
    range.excludes(key).is_none()
}
