//! A log whose values would do something, if anything took them for more than text.

use std::path::Path;

use serde_json::{Value, json};

const SCRIPT: &str = "<script>window.harmed='script'</script>";
const IMAGE: &str = "\"><img src=x onerror=\"window.harmed='image'\">";
const CLOSING: &str = "</script><script>window.harmed='closed';alert(1)</script><!--";
const SVG: &str = "'><svg/onload=window.harmed='svg'>{{7*7}}${7*7}<b>bold</b>";
const REORDERED: &str = "report\u{202e}fdp.exe\u{202c}\u{200b}";
const ESCAPES: &str = "\u{1b}[31mred\u{1b}[0m\u{7}\u{9b}2J\u{0}";

fn hostile() -> [String; 7] {
    let long = "k<i>".repeat(2_560);
    [SCRIPT, IMAGE, CLOSING, SVG, REORDERED, ESCAPES, &long].map(str::to_owned)
}

fn event(number: usize, name: &str, parameters: &Value, day: usize) -> Value {
    let value = &hostile()[number % 7];
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333",
            "arn": format!("arn:aws:iam::111122223333:user/eve{}", hostile()[number / 150]),
            "accessKeyId": format!("AKIA{value}")},
        "eventTime": format!("2026-03-{day:02}T10:{:02}:{:02}Z", number / 60 % 60, number % 60),
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": value,
        "userAgent": format!("[{value}]"),
        "requestParameters": parameters,
        "eventID": format!("id-{day}-{number}"),
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "eventCategory": "Data",
    })
}

/// Mass deletions by users with such names, in buckets with such names, of objects with such keys, on
/// two days with nothing between them; and two broken records.
pub(super) fn write(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let delete = |day: usize| {
        (0..300).map(move |number| {
            let key = format!("{number}{}", hostile()[number % 7]);
            let bucket = format!("payroll{}", hostile()[number / 150]);
            event(number, "DeleteObject", &json!({"bucketName": bucket, "key": key}), day)
        })
    };
    let records: Vec<Value> = delete(4).chain(delete(6)).collect();
    let text = json!({"Records": records}).to_string();
    std::fs::write(folder.join("a.json"), text).unwrap();
    let broken = format!("{{\"Records\":[{{\"eventName\":\"{}\",}}]}}", IMAGE.replace('"', ""));
    std::fs::write(folder.join("broken<img src=x>.json"), broken).unwrap();
}

/// A file that suppresses the findings of the first day.
pub(super) fn suppression(folder: &Path) -> String {
    let path = folder.join("suppress<img>.yml");
    let text = "- detector: mass_object_delete\n  until: 2026-03-05\n  reason: 'known <img src=x onerror=1>'\n";
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
