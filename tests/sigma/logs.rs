//! Real records: the sample logs of this repository, and, where it is there, a folder of more data
//! beside the repository (`../shared/data`).

use std::path::{Path, PathBuf};

use serde_json::Value;
use trailsift::events::parse_event_time;
use walkdir::WalkDir;

/// A folder of the repository.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs")
}

/// Data that is no part of the repository; says so aloud if it is not there.
pub fn shared(below: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(below);
    let found = folder.is_dir().then_some(folder);
    if found.is_none() {
        println!("NOT TESTED: there is no ../shared/data/{below}");
    }
    found
}

/// Every `step`th record with a readable time of the JSON files below `folder`.
pub fn records(folder: &Path, step: usize) -> Vec<Value> {
    let mut found = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap) {
        if entry.file_type().is_file()
            && let Some(document) = document(entry.path())
        {
            collect(document, &mut found);
        }
    }
    found.into_iter().step_by(step).collect()
}

fn document(path: &Path) -> Option<Value> {
    let bytes = std::fs::read(path).unwrap();
    let bytes = if path.extension().is_some_and(|extension| extension == "gz") {
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&*bytes), &mut unpacked)
            .ok()?;
        unpacked
    } else {
        bytes
    };
    serde_json::from_slice(&bytes).ok()
}

/// The records in a document: anything with an `eventTime`, however it is wrapped.
fn collect(document: Value, found: &mut Vec<Value>) {
    match document {
        Value::Array(parts) => parts.into_iter().for_each(|part| collect(part, found)),
        Value::Object(fields) => {
            let time = fields.get("eventTime").and_then(Value::as_str);
            if time.is_some_and(|time| parse_event_time(time).is_some()) {
                found.push(Value::Object(fields));
            } else {
                fields.into_iter().for_each(|(_, part)| collect(part, found));
            }
        }
        _ => {}
    }
}
