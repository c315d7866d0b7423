//! What a batch of events holds stays small, whatever the records are like.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

use serde_json::{Value, json};
use std::sync::Arc;

use trailsift::events::{BATCH_EVENTS, BatchBuilder, Core, Field, Fields, Wanted};
use trailsift::intel::{GeoTable, Intel, Label, parse_list};

const TIME: &str = "2026-03-04T10:00:00Z";

fn builder() -> (BatchBuilder, Field) {
    let mut fields = Fields::default();
    let path = fields.resolve("requestParameters.policy").unwrap();
    (BatchBuilder::new(&fields), path)
}

fn append(builder: &mut BatchBuilder, record: &Value, wanted: Wanted) {
    let mut text = serde_json::to_vec(record).unwrap();
    let tape = simd_json::to_tape(&mut text).unwrap();
    builder.append(0, tape.as_value(), |_| wanted).unwrap();
}

#[test]
fn a_batch_of_long_texts_is_full_early() {
    let (mut builder, _) = builder();
    let mut events = 0;
    while !builder.is_full() {
        let agent = format!("{events} {}", "x".repeat(60_000));
        let record = json!({"eventTime": TIME, "userAgent": agent});
        append(&mut builder, &record, Wanted::Event);
        events += 1;
    }
    assert!((200..BATCH_EVENTS / 8).contains(&events), "{events}");
    assert_eq!(builder.finish().unwrap().len(), events);
    assert!(!builder.is_full());
}

#[test]
fn events_left_out_leave_nothing_behind() {
    let (mut builder, path) = builder();
    let mut left_out = 0;
    while !builder.is_full() {
        let policy = format!("{left_out} {}", "x".repeat(60_000));
        let record = json!({"eventTime": TIME, "requestParameters": {"policy": policy}});
        append(&mut builder, &record, Wanted::No);
        left_out += 1;
        assert!(left_out < 10_000, "texts without end");
    }
    assert!(builder.finish().unwrap().is_empty());
    append(&mut builder, &json!({"eventTime": TIME}), Wanted::Event);
    let batch = builder.finish().unwrap();
    assert_eq!(batch.dictionary(path).unwrap().values().iter().count(), 0);
}

#[test]
fn texts_are_cut_where_no_letter_is() {
    let (mut builder, path) = builder();
    let long = "ü".repeat(200_000);
    let record =
        json!({"eventTime": TIME, "userAgent": long, "requestParameters": {"policy": long}});
    append(&mut builder, &record, Wanted::Event);
    let batch = builder.finish().unwrap();
    for field in [Field::Core(Core::UserAgent), path] {
        let column = batch.dictionary(field).unwrap();
        let text = column.value(column.first_key(0).unwrap()).unwrap();
        assert_eq!(text, "ü".repeat(32 << 10));
    }
}

#[test]
fn objects_without_events_are_forgotten() {
    let (mut builder, _) = builder();
    builder.start_object("first".into());
    append(&mut builder, &json!({"eventTime": TIME}), Wanted::Event);
    for number in 0..1_000 {
        builder.start_object(format!("empty {number}").into());
    }
    append(&mut builder, &json!({"eventTime": TIME}), Wanted::Event);
    let batch = builder.finish().unwrap();
    assert_eq!(batch.object_uri(0).unwrap().as_ref(), "first");
    assert_eq!(batch.object_uri(1).unwrap().as_ref(), "empty 999");
    append(&mut builder, &json!({"eventTime": TIME}), Wanted::Event);
    let batch = builder.finish().unwrap();
    assert_eq!(batch.object_uri(0).unwrap().as_ref(), "empty 999");
}

/// What a column says of each event.
fn texts(builder: &mut BatchBuilder, column: &str) -> Vec<Option<String>> {
    let batch = builder.finish().unwrap();
    let core = Core::find(column).unwrap();
    let column = batch.dictionary(Field::Core(core)).unwrap();
    let text = |row| column.first_key(row).map(|key| column.value(key).unwrap().to_owned());
    (0..batch.len()).map(text).collect()
}

fn known() -> Arc<Intel> {
    let mut intel = Intel::default();
    intel.add_geo_table(GeoTable::parse("198.51.100.0/24 AS64500 DE\n192.0.2.0/24 FR").unwrap());
    intel.add_threat_list(&Label::of("tor").unwrap(), parse_list(b"198.51.100.7"));
    intel.add_trusted(parse_list(b"192.0.2.0/28"));
    Arc::new(intel)
}

#[test]
fn what_is_known_of_addresses_stands_in_columns_that_are_read() {
    let addresses =
        ["198.51.100.7", "192.0.2.1", "203.0.113.9", "10.0.0.1", "athena.amazonaws.com", "AWS x"];
    let some = |texts: [&str; 6]| texts.map(|t| Some(t.to_owned()).filter(|t| !t.is_empty()));
    for (column, expected) in [
        ("source_asn", ["AS64500", "", "", "", "", ""]),
        ("source_country", ["DE", "FR", "", "", "", ""]),
        ("source_as_organization", ["", "", "", "", "", ""]),
        ("source_aws_range", ["", "", "", "", "", ""]),
        ("threat_lists", ["tor", "", "", "", "", ""]),
        ("trusted_source", ["", "true", "", "", "", ""]),
        (
            "source_origin",
            [
                "AS64500",
                "192.0.2.0/24",
                "203.0.113.0/24",
                "private",
                "athena.amazonaws.com",
                "service",
            ],
        ),
    ] {
        let mut fields = Fields::default();
        fields.resolve(column).unwrap();
        let mut builder = BatchBuilder::with_intel(&fields, known());
        let mut unread = BatchBuilder::with_intel(&Fields::default(), known());
        for round in 0..3 {
            for address in addresses {
                let record = json!({"eventTime": TIME, "sourceIPAddress": address});
                append(&mut builder, &record, Wanted::Event);
                append(&mut unread, &record, Wanted::Event);
            }
            assert_eq!(texts(&mut builder, column), some(expected), "{column}, batch {round}");
            assert_eq!(texts(&mut unread, column), vec![None; 6], "{column}");
        }
    }
}

#[test]
fn a_program_and_an_actor_are_told_of_each_event() {
    let mut fields = Fields::default();
    for column in ["actor", "user_agent_family"] {
        fields.resolve(column).unwrap();
    }
    let arn = "arn:aws:iam::111122223333:user/alice";
    let records = [
        json!({"eventTime": TIME, "userIdentity": {"type": "IAMUser", "arn": arn},
            "userAgent": "[aws-cli/2.15.0 Linux/6.5.0-kali3-amd64]"}),
        json!({"eventTime": TIME, "userIdentity": {"type": "IAMUser", "arn": arn,
            "invokedBy": "athena.amazonaws.com"}, "userAgent": "athena.amazonaws.com"}),
        json!({"eventTime": TIME, "userAgent": null}),
    ];
    for (column, expected) in [
        ("actor", [Some(arn), Some("athena.amazonaws.com"), None]),
        ("user_agent_family", [Some("kali"), Some("athena.amazonaws.com"), None]),
    ] {
        let mut builder = BatchBuilder::new(&fields);
        for record in &records {
            append(&mut builder, record, Wanted::Event);
        }
        let expected: Vec<_> = expected.iter().map(|text| text.map(str::to_owned)).collect();
        assert_eq!(texts(&mut builder, column), expected);
    }
}
