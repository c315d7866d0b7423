//! The seeds of the fuzz targets, made from code: one small file per format and shape, named after
//! what it shows.

mod lists;
mod logs;
mod rules;
mod states;

/// Name and bytes.
pub(crate) type Seed = (String, Vec<u8>);

/// The seeds of each target.
pub(crate) fn all() -> [(&'static str, Vec<Seed>); 5] {
    [
        ("decode", logs::seeds()),
        ("detectors", rules::seeds()),
        ("layout", keys()),
        ("lists", lists::seeds()),
        ("state", states::seeds()),
    ]
}

/// Keys as CloudTrail and its neighbours write them.
fn keys() -> Vec<Seed> {
    const FILE: &str = "111122223333_CloudTrail_eu-west-1_20250603T1015Z_abcdefgh12345678.json.gz";
    let account = "111122223333";
    let day = "eu-west-1/2025/06/03";
    let keys = [
        ("trail", format!("AWSLogs/{account}/CloudTrail/{day}/{FILE}")),
        ("prefix", format!("a/b/AWSLogs/{account}/CloudTrail/{day}/{FILE}")),
        ("prefix-like-the-layout", format!("AWSLogs/AWSLogs/{account}/CloudTrail/{day}/{FILE}")),
        ("organisation", format!("AWSLogs/o-a1b2c3d4e5/{account}/CloudTrail/{day}/{FILE}")),
        ("control-tower", format!("o-a1b2c3d4e5/AWSLogs/{account}/CloudTrail/{day}/{FILE}")),
        (
            "control-tower-organisation",
            format!("o-a1b2c3d4e5/AWSLogs/o-a1b2c3d4e5/{account}/CloudTrail/{day}/{FILE}"),
        ),
        (
            "insight",
            format!(
                "AWSLogs/{account}/CloudTrail-Insight/{day}/{account}_CloudTrail-Insight_eu-west-1_20250603T1015Z_abcdefgh12345678.json.gz"
            ),
        ),
        ("network-activity", format!("AWSLogs/{account}/CloudTrail-NetworkActivity/{day}/{FILE}")),
        ("aggregated", format!("AWSLogs/{account}/CloudTrail-Aggregated/{day}/{FILE}")),
        (
            "digest",
            format!(
                "AWSLogs/{account}/CloudTrail-Digest/{day}/{account}_CloudTrail-Digest_eu-west-1_my_trail_us-east-1_20250603T101530Z_backfill.json.gz"
            ),
        ),
        (
            "lake-query",
            format!("AWSLogs/{account}/CloudTrail-Lake/Query/2025/06/03/id/result_1.csv.gz"),
        ),
        ("config", format!("AWSLogs/{account}/Config/{day}/ConfigHistory/x.json.gz")),
        ("folder-marker", format!("AWSLogs/{account}/CloudTrail/")),
        ("file-alone", FILE.to_owned()),
        ("file-without-underscore", FILE.replace("Z_", "Z")),
        ("file-of-a-member", format!("dump.tar!/{FILE}#2")),
        ("impossible-day", format!("AWSLogs/{account}/CloudTrail/eu-west-1/2025/13/32/{FILE}")),
        ("govcloud", FILE.replace("eu-west-1", "us-gov-west-1")),
        ("share", "2/5".to_owned()),
        ("share-of-many", "18446744073709551615/18446744073709551615".to_owned()),
        ("no-ascii", format!("Protokolle/Übersicht/AWSLogs/{account}/CloudTrail/日本/{FILE}")),
    ];
    keys.map(|(name, key)| (format!("{name}.txt"), key.into_bytes())).into()
}
