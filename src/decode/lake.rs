//! A row of a table of events → the JSON text of a record. The tables are exports: CloudTrail
//! Lake's query results, Athena's, and the event history downloaded from the console. In come
//! column names and cells, out goes JSON for the common parser. It does not know how tables are
//! stored.
//!
//! Sources: CloudTrail user guide ("View and download CloudTrail Lake query results", "Viewing
//! recent management events"), Athena user guide ("Create a table for CloudTrail logs"). Lake and
//! Athena show structures as Presto does: `{type=IAMUser, arn=…, sessioncontext={…}}`.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::presto;

/// Objects within each other that a column's name can ask for; no field of CloudTrail lies so deep.
const MAX_DEPTH: usize = 32;

/// CloudTrail's top-level fields, in its own spelling.
const FIELDS: [&str; 28] = [
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "requestID",
    "eventID",
    "eventType",
    "apiVersion",
    "managementEvent",
    "readOnly",
    "resources",
    "recipientAccountId",
    "serviceEventDetails",
    "sharedEventID",
    "vpcEndpointId",
    "vpcEndpointAccountId",
    "eventCategory",
    "addendum",
    "tlsDetails",
];

/// Fields that hold objects or lists.
const NESTED: [&str; 8] = [
    "userIdentity",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "resources",
    "serviceEventDetails",
    "addendum",
    "tlsDetails",
];

/// Columns that hold a whole event as JSON.
const WHOLE: [&str; 3] = ["eventjson", "cloudtrailevent", "eventdata"];

/// Headings of the console's download that are no field names.
const HEADINGS: [(&str, &str); 5] = [
    ("username", "userIdentity.userName"),
    ("awsaccesskey", "userIdentity.accessKeyId"),
    ("accesskeyid", "userIdentity.accessKeyId"),
    ("accesskey", "userIdentity.accessKeyId"),
    ("readonly", "readOnly"),
];

/// What the columns of an export are.
#[derive(Debug)]
pub(super) struct Columns {
    /// The path of each column into the record; `None` for a column whose name came before.
    paths: Vec<Option<Vec<String>>>,
    /// The column of whole events.
    whole: Option<usize>,
}

impl Columns {
    /// Reads a header; `None` if it is not one of events: there must be whole events, or times of
    /// events beside their name, source, id or version.
    pub(super) fn of_header<'h>(names: impl Iterator<Item = &'h str>) -> Option<Self> {
        let mut paths: Vec<Option<Vec<String>>> = Vec::new();
        let mut known = HashSet::new();
        let mut whole = None;
        for name in names {
            let plain = plain(name);
            if whole.is_none() && WHOLE.contains(&plain.as_str()) {
                whole = Some(paths.len());
            }
            let path = path_of(name, &plain);
            paths.push(known.insert(path.clone()).then_some(path));
        }
        let has = |field: &str| paths.iter().flatten().any(|path| path == &[field]);
        let told = ["eventName", "eventSource", "eventID", "eventVersion"].into_iter().any(has);
        (whole.is_some() || has("eventTime") && told).then_some(Self { paths, whole })
    }

    /// Writes the record of a row of these columns to `out` as JSON text.
    pub(super) fn record<'v>(&self, cells: impl Iterator<Item = &'v str>, out: &mut Vec<u8>) {
        out.clear();
        let mut record = Map::new();
        for (number, (path, cell)) in self.paths.iter().zip(cells).enumerate() {
            if self.whole == Some(number) && cell.trim_start().starts_with('{') {
                out.extend_from_slice(cell.as_bytes());
                return;
            }
            if let (Some(path), Some(value)) = (path, path.as_ref().and_then(|p| value(p, cell))) {
                insert(&mut record, path, value);
            }
        }
        // Writing JSON values to memory cannot fail.
        let _ = serde_json::to_writer(out, &Value::Object(record));
    }
}

/// A heading without case, spaces and punctuation.
fn plain(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// Where a column's cells stand in the record.
fn path_of(name: &str, plain: &str) -> Vec<String> {
    if let Some(field) = FIELDS.iter().find(|field| field.to_ascii_lowercase() == plain) {
        return vec![(*field).to_owned()];
    }
    if let Some((_, path)) = HEADINGS.iter().find(|(heading, _)| *heading == plain) {
        return path.split('.').map(str::to_owned).collect();
    }
    // `userIdentity.arn`, and `useridentity_arn` as queries name what they select.
    let inside = name.split_once(['.', '_']).and_then(|(parent, rest)| {
        let parent = NESTED.iter().find(|field| field.eq_ignore_ascii_case(parent))?;
        let deep = rest.split('.').nth(MAX_DEPTH).is_some();
        (!rest.is_empty() && !deep).then_some((parent, rest))
    });
    match inside {
        Some((parent, rest)) => {
            let keys = rest.split('.').map(|key| presto::spelling(key).to_owned());
            std::iter::once((*parent).to_owned()).chain(keys).collect()
        }
        None => vec![name.to_owned()],
    }
}

/// A cell as a value; `None` if it is empty.
fn value(path: &[String], cell: &str) -> Option<Value> {
    let cell = cell.trim();
    if cell.is_empty() || cell.eq_ignore_ascii_case("null") || cell == "-" {
        return None;
    }
    let field = path.first()?;
    if path.len() == 1 && NESTED.contains(&field.as_str()) {
        let json = serde_json::from_str(cell).ok().filter(|value: &Value| !value.is_number());
        return json.or_else(|| presto::parse(cell)).or_else(|| Some(cell.into()));
    }
    match (field.as_str(), cell) {
        ("readOnly" | "managementEvent", "true" | "false") => Some(Value::Bool(cell == "true")),
        _ => Some(cell.into()),
    }
}

/// Puts a value at its path; what is there already stays.
fn insert(record: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => drop(record.entry(key.as_str()).or_insert(value)),
        [key, rest @ ..] => {
            let inside = record.entry(key.as_str()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inside) = inside {
                insert(inside, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn record(header: &[&str], row: &[&str]) -> Value {
        let mut out = Vec::new();
        Columns::of_header(header.iter().copied()).unwrap().record(row.iter().copied(), &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn headers_of_events_are_told_from_others() {
        for header in [
            &["eventTime", "eventName"][..],
            &["Event time", "Event source"],
            &["eventid", "event_time"],
            &["x", "eventJson"],
        ] {
            assert!(Columns::of_header(header.iter().copied()).is_some(), "{header:?}");
        }
        for header in [&["time", "name"][..], &["eventTime"], &["eventName"], &[]] {
            assert!(Columns::of_header(header.iter().copied()).is_none(), "{header:?}");
        }
    }

    #[test]
    fn rows_become_records() {
        let lake = record(
            &[
                "eventtime",
                "eventname",
                "useridentity",
                "requestparameters",
                "readonly",
                "resources",
                "errorcode",
                "mine",
            ],
            &[
                "2023-07-10 12:12:05.000",
                "GetObject",
                "{type=IAMUser, principalid=AIDA, arn=arn:aws:iam::111122223333:user/a, sessioncontext={attributes={mfaauthenticated=false}}, invokedby=null}",
                "{\"bucketName\":\"b\",\"key\":\"a, c=d\"}",
                "true",
                "[{arn=arn:aws:s3:::b, accountid=111122223333, type=AWS::S3::Bucket}]",
                "",
                "=cmd",
            ],
        );
        let expected = json!({
            "eventTime": "2023-07-10 12:12:05.000", "eventName": "GetObject",
            "userIdentity": {"type": "IAMUser", "principalId": "AIDA",
                "arn": "arn:aws:iam::111122223333:user/a",
                "sessionContext": {"attributes": {"mfaAuthenticated": "false"}}},
            "requestParameters": {"bucketName": "b", "key": "a, c=d"}, "readOnly": true,
            "resources": [{"ARN": "arn:aws:s3:::b", "accountId": "111122223333", "type": "AWS::S3::Bucket"}],
            "mine": "=cmd",
        });
        assert_eq!(lake, expected);
        let console = record(
            &["Event name", "Event time", "User name", "AWS access key", "Read-only", "eventTime"],
            &["PutObject", "2023-07-10T12:12:05Z", "ann", "AKIA", "false", "later"],
        );
        let expected = json!({"eventName": "PutObject", "eventTime": "2023-07-10T12:12:05Z",
            "userIdentity": {"userName": "ann", "accessKeyId": "AKIA"}, "readOnly": false});
        assert_eq!(console, expected);
        let flat = record(
            &["eventTime", "eventName", "useridentity_principalid", "requestParameters.bucketName"],
            &["t", "n", "AIDA", "b"],
        );
        let expected = json!({"eventTime": "t", "eventName": "n",
            "userIdentity": {"principalId": "AIDA"}, "requestParameters": {"bucketName": "b"}});
        assert_eq!(flat, expected);
        let deep = format!("userIdentity{}", ".a".repeat(100_000));
        let deep = record(&["eventTime", "eventName", &deep], &["t", "n", "x"]);
        assert_eq!(deep["userIdentity"], Value::Null);
        let whole = record(&["x", "eventJson"], &["1", r#"{"eventName":"x"}"#]);
        assert_eq!(whole, json!({"eventName": "x"}));
    }

    proptest! {
        #[test]
        fn any_row_is_a_json_object(cells in prop::collection::vec(r#"[a-z{}=,"\[\]: \\\n]{0,30}"#, 0..9)) {
            let header = ["eventTime", "eventName", "userIdentity", "userIdentity.arn", "resources", "", "x"];
            let mut out = Vec::new();
            let columns = Columns::of_header(header.into_iter()).unwrap();
            columns.record(cells.iter().map(String::as_str), &mut out);
            prop_assert!(serde_json::from_slice::<Map<String, Value>>(&out).is_ok());
        }
    }
}
