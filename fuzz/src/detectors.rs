//! Detector files through the compiler of rules; what compiles runs over a small batch, up to its
//! findings, and its page of cases is read.

use trailsift::detect::rules::{Plan, RuleFile};
use trailsift::events::{BatchBuilder, EventBatch, Wanted};
use trailsift::pipeline::read_cases;

use super::judged::{days, folded, judged};

/// Calls of several days: reads, deletes, some refused, a policy.
const EVENTS: &str = include_str!("events.json");

/// What stands between the detector and its page.
const PAGE: &str = "\n...\n# Cases";

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (text, page) = match text.split_once(PAGE) {
        Some((text, page)) => (text.to_owned(), Some(format!("# Cases{page}"))),
        None => (text.into_owned(), None),
    };
    if let Some(page) = &page {
        let _ = read_cases(page);
    }
    let file = RuleFile { name: "topic/mine.yml".to_owned(), text, page, shipped: false };
    let plan = Plan::compile(&[file]);
    for diagnostic in &plan.diagnostics {
        assert!(diagnostic.line > 0 && diagnostic.column > 0, "{diagnostic}");
        assert!(!diagnostic.message.is_empty(), "{diagnostic}");
    }
    if plan.detectors.is_empty() {
        return;
    }
    let batch = batch(&plan);
    for mask in plan.masks(&batch) {
        assert_eq!(mask.len(), batch.len());
    }
    let rows = folded(&plan, &batch);
    let days = days(&rows);
    for finding in judged(&plan, rows.into_iter().map(Ok), &days).unwrap() {
        assert!((0.0..=10.0).contains(&finding.severity), "{finding:?}");
    }
}

fn batch(plan: &Plan) -> EventBatch {
    let mut builder = BatchBuilder::new(&plan.fields);
    builder.start_object("events.json".into());
    let mut text = EVENTS.as_bytes().to_vec();
    let tape = simd_json::to_tape(&mut text).unwrap();
    let events = tape.as_value();
    let events = events.as_array().unwrap();
    for (number, event) in (0..).zip(events.iter()) {
        builder.append(number, event, |_| Wanted::Event).unwrap();
    }
    builder.finish().unwrap()
}
