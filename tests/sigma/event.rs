//! Random events in the shape of CloudTrail's: every field may be missing, null, or of an
//! unexpected type; objects, lists of scalars and of objects, and keys with dots are among them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::words::{ALL_TEXTS, EVENT_NAMES, TEXTS, TIMES};

/// A key and what may stand under it; `None`: nothing.
type Entry = BoxedStrategy<(&'static str, Option<Value>)>;

fn text() -> BoxedStrategy<Value> {
    select(ALL_TEXTS.as_slice()).prop_map(Value::String).boxed()
}

/// A text of which most events have the same few.
fn of(texts: &'static [&'static str]) -> BoxedStrategy<Value> {
    select(texts).prop_map(|text| json!(text)).boxed()
}

fn number() -> BoxedStrategy<Value> {
    let numbers = [json!(0), json!(1), json!(5), json!(-3), json!(300), json!(1000), json!(5.5)];
    let odd = [json!(5.0), json!(1e21), json!(u64::MAX), json!(1_714_521_600)];
    prop_oneof![
        8 => select(numbers.to_vec()),
        1 => select(odd.to_vec()),
        3 => of(&["5", "05", "300", "1e3", "", "many", "0"]),
    ]
    .boxed()
}

fn flag() -> BoxedStrategy<Value> {
    select(vec![json!(true), json!(false), json!("true"), json!("FALSE"), json!("maybe")]).boxed()
}

fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![6 => text(), 2 => number(), 1 => flag(), 1 => Just(Value::Null)].boxed()
}

fn list(of: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    vec(of, 0..4).prop_map(Value::Array).boxed()
}

/// Whatever JSON can hold, small.
fn anything() -> BoxedStrategy<Value> {
    prop_oneof![
        5 => scalar(),
        1 => list(scalar()),
        1 => object(vec![entry("leaf", 1, scalar()), entry("x", 1, scalar())]),
    ]
    .boxed()
}

/// Under `key` stands `usual`; missing, null or something else now and then.
fn entry(key: &'static str, oddity: u32, usual: BoxedStrategy<Value>) -> Entry {
    let found = prop_oneof![
        3 => Just(None),
        12 => usual.prop_map(Some),
        oddity => Just(Some(Value::Null)),
        oddity => anything_flat().prop_map(Some),
    ];
    found.prop_map(move |value| (key, value)).boxed()
}

fn anything_flat() -> BoxedStrategy<Value> {
    prop_oneof![
        3 => scalar(),
        1 => list(scalar()),
        1 => Just(json!({})),
        1 => Just(json!([])),
        1 => Just(json!({"leaf": "alpha"})),
    ]
    .boxed()
}

fn object(entries: Vec<Entry>) -> BoxedStrategy<Value> {
    let present = |entries: Vec<(&str, Option<Value>)>| {
        let present = entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Value::Object(present.collect::<Map<_, _>>())
    };
    entries.prop_map(present).boxed()
}

fn item() -> BoxedStrategy<Value> {
    let deep = object(vec![entry("leaf", 1, anything())]);
    object(vec![
        entry("name", 1, text()),
        entry("n", 1, number()),
        entry("deep", 1, prop_oneof![deep.clone(), list(deep)].boxed()),
    ])
}

fn request() -> BoxedStrategy<Value> {
    let nested = object(vec![entry("b", 1, text())]);
    object(vec![
        entry("bucketName", 1, of(&["payroll", "alpha", "ALPHA"])),
        entry("key", 1, text()),
        entry("x-amz-acl", 1, of(&["private", "public-read", "alpha"])),
        entry("aws:SourceVpce", 1, of(&["vpce-1", "alpha"])),
        entry("a", 1, nested),
        entry("count", 1, number()),
        entry("flag", 1, flag()),
        entry("tags", 1, list(scalar())),
        entry("grid", 1, list(list(scalar()))),
        entry("items", 1, prop_oneof![3 => list(item()), 1 => item()].boxed()),
        entry("policy", 1, object(vec![entry("Action", 1, text())])),
        entry("when", 1, of(TIMES)),
        entry("Host", 1, text()),
    ])
    .prop_flat_map(|request| {
        // Rarely a key that another way of reading a path finds.
        let more = prop_oneof![
            12 => Just(None),
            1 => text().prop_map(|text| Some(("a.b", text))),
            1 => text().prop_map(|text| Some(("host", text))),
        ];
        (Just(request), more).prop_map(|(mut request, more)| {
            if let Some((key, value)) = more {
                request[key] = value;
            }
            request
        })
    })
    .boxed()
}

fn identity() -> BoxedStrategy<Value> {
    let attributes =
        object(vec![entry("mfaAuthenticated", 1, flag()), entry("creationDate", 1, of(TIMES))]);
    let session = object(vec![entry("attributes", 1, attributes)]);
    object(vec![
        entry("type", 1, of(&["IAMUser", "AssumedRole", "Root", "alpha"])),
        entry("arn", 1, of(&["arn:aws:iam::111122223333:user/alpha", "alpha", "Beta-gamma"])),
        entry("userName", 1, text()),
        entry("sessionContext", 1, session),
    ])
}

fn resource() -> BoxedStrategy<Value> {
    object(vec![
        entry("ARN", 1, of(&["arn:aws:s3:::payroll", "arn:aws:s3:::alpha/GetObject"])),
        entry("accountId", 1, of(&["111122223333", "5"])),
        entry("type", 1, of(&["AWS::S3::Bucket"])),
    ])
}

/// A random event.
pub fn event() -> BoxedStrategy<Value> {
    let category = prop_oneof![14 => of(&["Management", "Data"]), 1 => of(&["Insight"])].boxed();
    let response = object(vec![entry("code", 1, number()), entry("text", 1, text())]);
    let extra = object(vec![
        entry("bytesTransferredOut", 1, number()),
        entry("x-amz-id-2", 1, text()),
        entry("SignatureVersion", 1, of(&["SigV4", "SigV2"])),
    ]);
    let entries = vec![
        entry("eventVersion", 1, of(&["1.08", "1.11"])),
        entry("eventName", 1, of(EVENT_NAMES)),
        entry("eventSource", 1, of(&["s3.amazonaws.com", "S3.amazonaws.com", "iam.amazonaws.com"])),
        entry("awsRegion", 1, of(&["eu-west-1", "us-east-1", "alpha"])),
        entry("sourceIPAddress", 1, address()),
        entry("userAgent", 1, text()),
        entry("errorCode", 4, of(&["AccessDenied", "alpha", "", "5"])),
        entry("errorMessage", 4, text()),
        entry("readOnly", 1, select(vec![json!(true), json!(false)]).boxed()),
        entry("recipientAccountId", 1, of(&["111122223333", "444455556666"])),
        entry("eventCategory", 1, category),
        entry("eventType", 1, of(&["AwsApiCall", "AwsServiceEvent"])),
        entry("userIdentity", 1, identity()),
        entry("requestParameters", 1, request()),
        entry("responseElements", 4, response),
        entry("resources", 1, list(resource())),
        entry("additionalEventData", 1, extra),
        entry("vpcEndpointId", 1, of(&["vpce-1", "alpha"])),
    ];
    (object(entries), select(TIMES))
        .prop_map(|(mut event, time)| {
            event["eventTime"] = json!(time);
            event
        })
        .boxed()
}

fn address() -> BoxedStrategy<Value> {
    prop_oneof![
        6 => of(&["10.1.2.3", "192.0.2.200", "::ffff:10.1.2.3", "2001:db8::1", "AWS Internal",
            "s3.amazonaws.com", "010.1.2.3"]),
        1 => of(TEXTS),
    ]
    .boxed()
}
