//! What each stage of a run costs, for `run.json` and `--stats`. Nothing here reaches a finding.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

/// A stage of a run. The values of those up to `Detect` come from all workers, so that their sum is
/// time of workers; on one worker they follow each other and do not overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Listing: a value per input, or per request.
    List,
    /// Getting stored bytes: a value per object. What is read out of an archive is not fetched
    /// again, and an archive that is streamed is fetched while its members are unpacked.
    Fetch,
    /// Unpacking: a value per compressed object, and one for taking a member out of its archive.
    Inflate,
    /// Bytes to records to batches, copies told apart: a value per object. What the other stages do
    /// meanwhile is taken off.
    Parse,
    /// Selecting and folding: a value per batch of up to 8,192 events, from however many objects.
    Detect,
    /// Merging the tables and judging them, at the same time: one value.
    Judge,
    /// Writing the outputs, all but `run.json`: a value for the folder of outputs, and one for the
    /// state.
    Write,
}

impl Stage {
    /// All stages, in the order of a run.
    pub const ALL: [Self; 7] = [
        Self::List,
        Self::Fetch,
        Self::Inflate,
        Self::Parse,
        Self::Detect,
        Self::Judge,
        Self::Write,
    ];

    /// Its name, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Fetch => "fetch",
            Self::Inflate => "inflate",
            Self::Parse => "parse",
            Self::Detect => "detect",
            Self::Judge => "judge",
            Self::Write => "write",
        }
    }
}

/// What the stages of a run, or of one worker, cost.
#[derive(Debug, Clone, Default)]
pub struct Stages(BTreeMap<Stage, Measured>);

/// What was measured of a stage.
#[derive(Debug, Clone, Default)]
struct Measured {
    /// Microseconds; grows with its values.
    histogram: Option<Histogram<u64>>,
    total: Duration,
    longest: Duration,
    bytes: Option<u64>,
}

/// What a stage cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// How many values were measured.
    pub count: u64,
    /// Bytes: stored (fetch), unpacked (inflate), or looked into (parse).
    pub bytes: Option<u64>,
    /// The values.
    pub microseconds: Percentiles,
}

/// Times in microseconds; percentiles to two significant digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// The longest.
    pub max: u64,
    /// All together.
    pub total: u64,
}

impl Stages {
    /// Adds a value.
    pub(super) fn record(&mut self, stage: Stage, duration: Duration) {
        self.0.entry(stage).or_default().record(duration);
    }

    /// Counts bytes that went through a stage.
    pub(super) fn add_bytes(&mut self, stage: Stage, bytes: u64) {
        *self.0.entry(stage).or_default().bytes.get_or_insert(0) += bytes;
    }

    /// Adds what somebody else has measured.
    pub(super) fn add(&mut self, other: &Self) {
        for (stage, measured) in &other.0 {
            self.0.entry(*stage).or_default().add(measured);
        }
    }

    /// What a stage cost.
    #[must_use]
    pub fn cost(&self, stage: Stage) -> Cost {
        self.0.get(&stage).map(Measured::cost).unwrap_or_default()
    }
}

impl Serialize for Stages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Stage::ALL.map(|stage| (stage.as_str(), self.cost(stage))))
    }
}

impl Measured {
    fn record(&mut self, duration: Duration) {
        self.total += duration;
        self.longest = self.longest.max(duration);
        if self.histogram.is_none() {
            self.histogram = Histogram::new(2).ok();
        }
        if let Some(histogram) = &mut self.histogram {
            // A histogram that grows takes any value.
            let _ = histogram.record(micros(duration));
        }
    }

    fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
        if let Some(bytes) = other.bytes {
            *self.bytes.get_or_insert(0) += bytes;
        }
        match (&mut self.histogram, &other.histogram) {
            (Some(mine), Some(theirs)) => {
                // A histogram that grows takes any other.
                let _ = mine.add(theirs);
            }
            (mine, theirs) => *mine = mine.take().or_else(|| theirs.clone()),
        }
    }

    fn cost(&self) -> Cost {
        let Some(histogram) = &self.histogram else { return Cost::default() };
        let max = micros(self.longest);
        // The upper end of a histogram's bin may lie beyond.
        let at = |quantile: f64| histogram.value_at_quantile(quantile).min(max);
        let total = micros(self.total);
        let microseconds = Percentiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), max, total };
        Cost { count: histogram.len(), bytes: self.bytes, microseconds }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_workers_measured_adds_up() {
        let mut workers = [Stages::default(), Stages::default()];
        for (number, millis) in [1, 2, 3, 4, 5, 6, 7, 8, 9, 7_200_000].into_iter().enumerate() {
            let stages = &mut workers[number % 2];
            stages.record(Stage::Parse, Duration::from_millis(millis));
            stages.add_bytes(Stage::Parse, 10);
        }
        workers[1].record(Stage::Detect, Duration::from_nanos(1));
        let mut sum = Stages::default();
        for stages in &workers {
            sum.add(stages);
        }
        let parse = sum.cost(Stage::Parse);
        assert_eq!((parse.count, parse.bytes), (10, Some(100)));
        let near = |found: u64, wanted: u64| found >= wanted && found - wanted <= wanted / 100;
        let Percentiles { p50, p90, p99, max, total } = parse.microseconds;
        assert!(near(p50, 5_000) && near(p90, 9_000), "{p50} {p90}");
        // Two hours, although no bound was set.
        assert_eq!((p99, max, total), (7_200_000_000, 7_200_000_000, 7_200_045_000));
        assert_eq!((sum.cost(Stage::Detect).count, sum.cost(Stage::Detect).bytes), (1, None));
        assert_eq!(sum.cost(Stage::Fetch), Cost::default());
    }
}
