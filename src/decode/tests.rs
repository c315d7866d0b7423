//! Whole objects through the decoder: what is taken, what is rejected and where, and what the
//! decoder guarantees for any bytes (`tests::laws`).

mod damaged;
mod laws;
mod texts;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use simd_json::prelude::{ValueAsScalar as _, Writable as _};

use super::*;

/// Takes what the event builder takes, and keeps each record as compact JSON.
#[derive(Default)]
struct Kept(Vec<(u64, String)>);

impl RecordSink for Kept {
    fn record(&mut self, number: u64, record: Record<'_, '_, '_>) -> Result<(), RecordFault> {
        let record = record.value;
        let Some(object) = record.as_object() else { return Err(RecordFault::NotAnObject) };
        let time = object.get("eventTime").ok_or(RecordFault::MissingEventTime)?;
        match time.as_str() {
            Some(text) if text.ends_with('Z') => {}
            _ => return Err(RecordFault::UnreadableEventTime(time.encode())),
        }
        self.0.push((number, record.encode()));
        Ok(())
    }
}

impl Kept {
    fn numbers(&self) -> Vec<u64> {
        self.0.iter().map(|(number, _)| *number).collect()
    }

    fn records(&self) -> Vec<&str> {
        self.0.iter().map(|(_, record)| record.as_str()).collect()
    }
}

/// A record as CloudTrail writes them, distinct for each `n`.
fn event(n: usize) -> String {
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AWSAccount","arn":null}},"eventTime":"2024-05-01T00:00:{:02}Z","eventSource":"s3.amazonaws.com","requestParameters":{{"key":"a \"b\"\\{n}/\u00e9","x":[[],{{}}]}},"resources":[{{"type":"AWS::S3::Object","ARNPrefix":"arn:aws:s3:::b/"}},{{"accountId":"111122223333"}}],"bytes":{n}.0,"readOnly":true}}"#,
        n % 60
    )
}

fn document(events: &[String]) -> String {
    format!(r#"{{"Records":[{}]}}"#, events.join(","))
}

/// A document of `count` events.
fn whole(count: usize) -> String {
    document(&(0..count).map(event).collect::<Vec<_>>())
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn decode_with(limits: Limits, name: &str, stored: &[u8]) -> (Decoded, Kept) {
    let mut kept = Kept::default();
    let decoded = Decoder::new(limits).decode(name, Claim::Found, stored, &mut kept).unwrap();
    let given_up = decoded.rejected.len() as u64 + decoded.unlisted;
    assert_eq!(decoded.records, kept.0.len() as u64 + given_up);
    let numbers = decoded.rejected.iter().map(|piece| piece.record);
    assert!(numbers.clone().is_sorted_by(|a, b| a < b) && kept.numbers().is_sorted());
    assert!(numbers.chain(kept.numbers()).all(|number| number < decoded.records));
    for piece in &decoded.rejected {
        assert!(piece.offset < decoded.inflated_bytes);
        assert!(
            piece.excerpt.len() <= 120 && piece.excerpt.bytes().all(|b| (b' '..=b'~').contains(&b))
        );
    }
    (decoded, kept)
}

fn decode(name: &str, stored: &[u8]) -> (Decoded, Kept) {
    decode_with(Limits::default(), name, stored)
}

/// Limits that send every document down the slow path.
fn slow() -> Limits {
    Limits { document_bytes: 0, ..Limits::default() }
}

/// The outcome as one line.
fn say(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Read => "read".to_owned(),
        Outcome::Partial(damage) => format!("partial: {damage}"),
        Outcome::Skipped(reason) => format!("skipped: {reason}"),
        Outcome::Failed(reason) => format!("failed: {reason}"),
    }
}
