//! Records become files as CloudTrail delivers them: by account, region and time of delivery.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use rayon::prelude::*;

use super::clock;
use super::dice::fixed;
use super::journal::Journal;
use super::records::{Copy, copies, region, write_record};

/// A file: account, region, time of delivery.
type Place = (&'static str, &'static str, i64);

/// Half an hour's events lie in one file, unless there are too many.
const SLOT: i64 = 1800;
const RECORDS: usize = 1500;

/// Writes all files below `root` and gives the number of different records.
pub fn write(journal: &Journal, root: &Path) -> usize {
    let mut files: BTreeMap<Place, Vec<(usize, Option<Copy>)>> = BTreeMap::new();
    let mut records = 0;
    for (number, event) in journal.events.iter().enumerate() {
        for copy in copies(event) {
            let place = (copy.recipient, region(&event.call), event.time / SLOT);
            files.entry(place).or_default().push((number, Some(copy)));
            records += 1;
            // CloudTrail delivers at least once.
            if number % 4999 == 0 {
                let later = (place.0, place.1, place.2 + 1);
                files.entry(later).or_default().push((number, Some(copy)));
            }
        }
    }
    for (number, (time, session)) in journal.exchanges.iter().enumerate() {
        let place = (session.who.account, super::world::FRANKFURT, time / SLOT);
        files.entry(place).or_default().push((number, None));
    }
    let files: Vec<_> = files.into_iter().collect();
    files.par_iter().for_each(|((account, region, slot), records)| {
        for (part, records) in records.chunks(RECORDS).enumerate() {
            let path = path(account, region, *slot, part);
            write_file(&root.join(path), journal, records);
        }
    });
    records
}

fn path(account: &str, region: &str, slot: i64, part: usize) -> String {
    let mut chance = fixed(8, &format!("{account}/{region}/{slot}/{part}"));
    let delivered = (slot + 1) * SLOT + 300 * chance.between(1, 2);
    let stamp = clock::text(delivered);
    let (day, minute) = (stamp[..10].replace('-', "/"), stamp[..16].replace(['-', ':'], ""));
    let unique = chance.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 16);
    format!(
        "AWSLogs/{account}/CloudTrail/{region}/{day}/{account}_CloudTrail_{region}_{minute}Z_{unique}.json.gz"
    )
}

fn write_file(path: &Path, journal: &Journal, records: &[(usize, Option<Copy>)]) {
    let mut text = String::with_capacity(records.len() * 1700);
    text.push_str(r#"{"Records":["#);
    for (position, (number, copy)) in records.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        match copy {
            Some(copy) => {
                let event = &journal.events[*number];
                write_record(&mut text, journal.seed, *number, event, *copy);
            }
            None => super::deploys::write_exchange(&mut text, journal, *number),
        }
    }
    text.push_str("]}");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    std::fs::write(path, encoder.finish().unwrap()).unwrap();
}
