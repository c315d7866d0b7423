//! What each stage of a run cost, as a table.

use std::io::{self, Write};

use bytesize::ByteSize;
use comfy_table::CellAlignment;

use super::table::table;
use super::words::number;
use crate::pipeline::{Cost, Percentiles, Stage, Stages};

const HEAD: [&str; 8] = ["stage", "count", "p50", "p90", "p99", "max", "total", "throughput"];

/// Writes a line per stage that the run had. Up to `detect`, totals are those of all workers, and
/// the throughput is that of one.
///
/// # Errors
/// Those of `out`.
pub fn stages_table(stages: &Stages, out: &mut dyn Write) -> io::Result<()> {
    let costs = Stage::ALL.map(|stage| (stage, stages.cost(stage)));
    let rows = costs.into_iter().filter(|(_, cost)| cost.count > 0).map(|(stage, cost)| {
        let Percentiles { p50, p90, p99, max, total } = cost.microseconds;
        let name = [stage.as_str().to_owned(), number(cost.count)];
        let times = [p50, p90, p99, max, total].map(duration);
        name.into_iter().chain(times).chain([throughput(cost)]).collect()
    });
    let mut table = table(HEAD, rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.to_string().lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Bytes per second, where a stage has bytes.
fn throughput(cost: Cost) -> String {
    let rate = |bytes: u64| {
        let rate = u128::from(bytes) * 1_000_000 / u128::from(cost.microseconds.total.max(1));
        format!("{}/s", ByteSize::b(u64::try_from(rate).unwrap_or(u64::MAX)))
    };
    cost.bytes.map_or_else(String::new, rate)
}

/// Microseconds as people read them.
fn duration(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        1_000_000..60_000_000 => format!("{seconds}.{} s", micros % 1_000_000 / 100_000),
        60_000_000..3_600_000_000 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_in_units_that_fit() {
        let shown = [0, 999, 1_234, 999_999, 1_000_000, 59_990_000, 60_000_000, 3_725_000_000];
        let expected =
            ["0 µs", "999 µs", "1.2 ms", "999.9 ms", "1.0 s", "59.9 s", "1 min 00 s", "1 h 02 min"];
        assert_eq!(shown.map(duration), expected);
    }

    #[test]
    fn throughput_is_bytes_per_second() {
        let microseconds = Percentiles { total: 2_000_000, ..Percentiles::default() };
        let cost = |bytes| Cost { count: 1, bytes, microseconds };
        assert_eq!(throughput(cost(Some(3 << 30))), "1.5 GiB/s");
        assert_eq!(throughput(cost(None)), "");
    }
}
