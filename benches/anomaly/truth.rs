//! The ground truth as CSV.

use std::fmt::Write as _;
use std::path::Path;

use crate::organisation::Attack;

/// Writes a line per attack; buckets are separated by spaces, times are Unix seconds.
pub(crate) fn write(path: &Path, attacks: &[Attack]) -> std::io::Result<()> {
    let mut csv = String::from("kind,strength,account,principal,buckets,first,last,events\n");
    for attack in attacks {
        let _ = writeln!(
            csv,
            "{},{},{},{},{},{},{},{}",
            attack.kind,
            attack.strength.name(),
            attack.account,
            attack.principal,
            attack.buckets.join(" "),
            attack.first,
            attack.last,
            attack.events.len(),
        );
    }
    std::fs::write(path, csv)
}
