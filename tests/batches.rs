//! What a batch of events holds stays small, whatever the records are like.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself"
)]

use serde_json::{Value, json};
use trailsift::events::{BATCH_EVENTS, BatchBuilder, Core, Field, Fields, Wanted};

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
