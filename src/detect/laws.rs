//! The law checker: holds every judge of the registry to its naive oracle on random histories, and
//! the tables to the laws of merging, compared as serialised bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

mod alive;
mod anomalies;
mod tables;

use super::group::{
    Decimal, Details, Entities, Evidence, FoldId, Grain, Groups, Key, MeasureKind, Measures, Pane,
    Panes, Row, Sketch, TableReader, merge, tuple, write_spilled, write_table,
};
use super::judge::{
    Condition, History, Judge, Operator, Pattern, REGISTRY, Roaming, RollUp, SAMPLED_READS,
    Severity, Signal, Terms, Way,
};
use crate::error::Result;

/// An event as oracles see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its position in the history.
    pub id: usize,
    /// Seconds since the epoch.
    pub time: i64,
    /// Position of the rule that selects it.
    pub rule: usize,
    /// Whether the call succeeded.
    pub ok: bool,
    /// The value, for judges of new values.
    pub value: usize,
    /// The value of the measured field, if it has one: a number, or a text that is none.
    pub text: Option<String>,
}

impl Event {
    /// The value of the measured field.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The same in millionths, if it is a number; histories hold numbers of up to two places.
    pub fn micros(&self) -> Option<i128> {
        let number: f64 = self.text()?.parse().ok()?;
        #[allow(clippy::cast_possible_truncation, reason = "small numbers only")]
        Some((number * 100.0).round() as i128 * 10_000)
    }
}

/// Looks at every counted event as the end of a window of the events that end with it. `number`
/// says what the window shows; `None` if it does not fire.
pub(crate) fn every_window(
    terms: &Terms,
    events: &[Event],
    number: impl Fn(&[Event]) -> Option<Decimal>,
) -> Vec<Verdict> {
    let near = |a: &Event, b: &Event| (a.time - b.time).abs() <= terms.timespan;
    let spoiled = |event: &&Event| events.iter().any(|e| terms.unless[e.rule] && near(e, event));
    let counted = events.iter().filter(|e| terms.counted[e.rule]);
    let counted: Vec<Event> = counted.filter(|e| !spoiled(e)).cloned().collect();
    let mut found: Vec<Verdict> = Vec::new();
    for last in &counted {
        let inside: Vec<Event> =
            counted.iter().filter(|e| e.time <= last.time && near(e, last)).cloned().collect();
        let Some(peak) = number(&inside) else { continue };
        let verdict = Verdict { peak, ..Verdict::new(last.time.div_euclid(86_400), &inside) };
        match found.last_mut().filter(|before| before.day == verdict.day) {
            Some(before) => before.join(&verdict, terms.is_low()),
            None => found.push(verdict),
        }
    }
    found
}

/// What an oracle says of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Days since the epoch.
    pub day: i64,
    /// The remarkable number.
    pub peak: Decimal,
    /// First and last second, where they are not known exactly.
    pub span: Option<(i64, i64)>,
    events: BTreeMap<usize, Event>,
}

impl Verdict {
    /// The verdict over one window.
    pub fn new(day: i64, events: &[Event]) -> Self {
        let events: BTreeMap<usize, Event> =
            events.iter().map(|event| (event.id, event.clone())).collect();
        Self { day, peak: Decimal::whole(events.len() as u64), span: None, events }
    }

    /// The same with another remarkable number.
    pub fn peaking(self, peak: usize) -> Self {
        Self { peak: Decimal::whole(peak as u64), ..self }
    }

    /// The verdict over both windows.
    fn join(&mut self, other: &Self, low: bool) {
        let (a, b) = (self.peak, other.peak);
        self.peak = if low { a.min(b) } else { a.max(b) };
        self.events.extend(other.events.clone());
    }

    /// (day, first, last, ok, failed, peak)
    pub(crate) fn facts(&self) -> (i64, i64, i64, u64, u64, Decimal) {
        let times = || self.events.values().map(|event| event.time);
        let count = |ok| self.events.values().filter(|event| event.ok == ok).count() as u64;
        let exact = || (times().min().unwrap(), times().max().unwrap());
        let (first, last) = self.span.unwrap_or_else(exact);
        (self.day, first, last, count(true), count(false), self.peak)
    }
}

pub(crate) fn facts(signal: &Signal) -> (i64, i64, i64, u64, u64, Decimal) {
    let count = signal.count();
    let seconds = |micros: i64| micros.div_euclid(1_000_000);
    let (first, last) = (seconds(signal.first), seconds(signal.last));
    (signal.day, first, last, count.ok, count.failed, signal.peak)
}

/// The grain of a table's rows, and what they measure.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub grain: Grain,
    pub measure: Option<MeasureKind>,
}

fn row_of(event: &Event, shape: Shape, detailed: bool) -> (i64, Row) {
    let grain = shape.grain;
    let micros = event.time * 1_000_000;
    let mut sample = Sketch::new(8, 4);
    let text = format!("value-{}", event.id % 20);
    sample.insert(Sketch::hash(&text), || text.as_str().into());
    let pane = Pane {
        start: grain.pane_of(micros),
        rule: u16::try_from(event.rule).unwrap(),
        ok: u64::from(event.ok),
        failed: u64::from(!event.ok),
    };
    let mut measures = Measures::default();
    if let (Some(kind), Some(text)) = (shape.measure, event.text()) {
        let (value, rule) = ((Sketch::hash(text), text), u16::try_from(event.rule).unwrap());
        measures.take(grain.pane_of(micros), kind, value, rule);
    }
    let mut reads = Sketch::new(SAMPLED_READS, SAMPLED_READS);
    if let Some(text) = event.text() {
        let read = format!("{:09} {text}", event.time);
        reads.insert(Sketch::hash(&read), || read.as_str().into());
    }
    let details = Details {
        first: micros,
        last: micros,
        bytes_in: 1,
        bytes_out: 2,
        evidence: vec![Evidence {
            event_time: micros,
            event_id: format!("id-{}", event.id).into(),
            object_uri: "object".into(),
            record_number: event.id as u64,
        }],
        samples: vec![sample, reads],
    };
    let mut row = Row::new(Panes::from([pane]), detailed.then_some(details));
    row.measures = (detailed && !measures.is_empty()).then(|| Box::new(measures));
    (grain.bucket_of(micros), row)
}

/// A run that was spilled and read again.
fn spilled(run: Vec<(Key, Row)>) -> Vec<(Key, Row)> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let spilled = write_spilled(file, run.into_iter().map(Ok)).unwrap();
    spilled.open().unwrap().collect::<Result<_>>().unwrap()
}

/// A sorted run over the events; the entity is chosen by the rule's parity.
fn run_of(events: &[Event], shape: Shape) -> Vec<(Key, Row)> {
    run_of_fold(FoldId::new("law"), events, shape, &[true; RULES])
}

fn valued() -> FoldId {
    FoldId::new("law of values")
}

fn run_of_fold(fold: FoldId, events: &[Event], shape: Shape, detailed: &[bool]) -> Vec<(Key, Row)> {
    let mut rows: BTreeMap<Key, Row> = BTreeMap::new();
    for event in events {
        // As in folds: rules that are context only have no details.
        let (bucket, row) = row_of(event, shape, detailed[event.rule]);
        let value = |part: usize| part.to_string();
        let value = tuple::join(&[Some(&value(event.value % 2)), Some(&value(event.value / 2))]);
        let entity = if fold == valued() {
            Arc::from([Some(Arc::from("account")), Some(Arc::from(value))])
        } else {
            Arc::from([Some(Arc::from("account")), None])
        };
        rows.entry(Key { fold, entity, bucket }).or_default().merge(row);
    }
    rows.into_iter().collect()
}

fn bytes(path: &Path, runs: Vec<Vec<(Key, Row)>>) -> Vec<u8> {
    let run = |rows: Vec<(Key, Row)>| -> Box<dyn Iterator<Item = Result<(Key, Row)>> + Send> {
        Box::new(rows.into_iter().map(Ok))
    };
    write_table(path, merge(runs.into_iter().map(run).collect())).unwrap();
    std::fs::read(path).unwrap()
}

/// The groups of one entity with these events.
pub(crate) fn groups_of(
    fold: FoldId,
    events: &[Event],
    shape: Shape,
    terms: &Terms,
) -> Option<Groups> {
    let run = run_of_fold(fold, events, shape, &terms.counted).into_iter().map(Ok);
    Entities::new(run, BTreeSet::from([valued()])).next().transpose().unwrap()
}

/// Rules of the histories.
const RULES: usize = 4;

/// Values of the measured field: numbers of both signs, texts, nothing.
fn texts() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        (0u32..6).prop_map(|n| Some(n.to_string())),
        (-90_000i32..900_000).prop_map(|n| Some(format!("{}", f64::from(n) / 100.0))),
        Just(Some("1.5e2".to_owned())),
        Just(Some("no number".to_owned())),
        Just(None),
    ]
}

/// A few rules over three days, bursts around midnight; on a grid of ten seconds, so that many
/// events lie in the same second or exactly a timespan apart.
pub(crate) fn histories() -> impl Strategy<Value = Vec<Event>> {
    let time = prop_oneof![0i64..100, 8_600i64..8_690, 0i64..26_000, 0i64..80_000]
        .prop_map(|tens| tens * 10);
    let rule = prop_oneof![0usize..2, 0usize..RULES];
    let event = (time, rule, any::<bool>(), 0usize..4, texts());
    proptest::collection::vec(event, 0..60).prop_map(|mut events| {
        events.sort_unstable();
        let numbered = events.into_iter().enumerate();
        let event = |(id, (time, rule, ok, value, text))| Event { id, time, rule, ok, value, text };
        numbered.map(event).collect()
    })
}

pub(crate) fn conditions() -> impl Strategy<Value = Vec<Condition>> {
    let operator = prop_oneof![
        Just(Operator::Gte),
        Just(Operator::Gt),
        Just(Operator::Lt),
        Just(Operator::Lte),
        Just(Operator::Eq),
        Just(Operator::Neq),
    ];
    let value = prop_oneof![
        (1u64..8).prop_map(Decimal::whole),
        (-5_000_000_000i128..5_000_000_000).prop_map(Decimal::from_micros),
    ];
    let condition = (operator, value).prop_map(|(operator, value)| Condition { operator, value });
    proptest::collection::vec(condition, 1..3)
}

/// Ways through the first three rules.
fn patterns() -> impl Strategy<Value = Option<Pattern>> {
    let way = (proptest::sample::subsequence(vec![0usize, 1, 2], 0..=3), any::<bool>()).prop_map(
        |(present, without)| {
            let others = (0..3).filter(|rule| !present.contains(rule));
            let absent = if without { others.collect() } else { Vec::new() };
            Way { present, absent }
        },
    );
    let ways = proptest::collection::vec(way, 1..3);
    proptest::option::of(ways.prop_map(|ways| Pattern { text: None, ways }))
}

fn terms() -> impl Strategy<Value = Terms> {
    let roaming = proptest::option::of((1usize..3, 1usize..3));
    let history = (1i64..6, 0usize..3, any::<bool>(), roaming);
    let window = (1i64..=3_600, conditions(), patterns(), 0u64..=100);
    (window, any::<bool>(), history, anomalies::all()).prop_map(
        |(
            (timespan, conditions, pattern, percentile),
            unless,
            (lookback, known_days, only_seen_changes, roaming),
            anomalies,
        )| Terms {
            timespan,
            timespan_text: format!("{timespan}s"),
            conditions,
            pattern,
            percentile: Decimal::whole(percentile),
            counted: vec![true, true, true, !unless],
            unless: vec![false, false, false, unless],
            titles: (0..RULES).map(|rule| format!("rule {rule}")).collect(),
            lookback,
            known_days,
            only_seen_changes,
            roaming: roaming.map(|(days, factor)| Roaming { days, factor }),
            severity: Severity { base: 5.0, ..Severity::default() },
            ..anomalies
        },
    )
}

/// The terms as detectors of the judge have them: only the temporal judges have patterns, and the
/// others know nothing of windows or of rules that take them back.
fn terms_for(judge: &Judge, terms: &Terms) -> Terms {
    let first = |count: usize| (0..RULES).map(|rule| rule < count).collect();
    match judge.name {
        "changed" | "first_seen" => Terms { counted: first(1), ..terms.clone() },
        "spike" => Terms { counted: first(2), rare: None, silence: None, ..terms.clone() },
        // With room for a history before the windows.
        "cusum" => {
            let lookback = terms.lookback + 4;
            Terms { counted: first(2), lookback, rare: None, silence: None, ..terms.clone() }
        }
        "rare" => Terms { counted: first(RULES), spike: None, silence: None, ..terms.clone() },
        // With rules that show the entity to be logged, or held against its siblings.
        "silence" => {
            let counted = if terms.pattern.is_some() { first(1) } else { terms.counted.clone() };
            Terms { counted, spike: None, rare: None, cusum: None, ..terms.clone() }
        }
        "match" => Terms { counted: first(RULES), unless: first(0), ..terms.clone() },
        "temporal" | "temporal_ordered" => terms.clone(),
        _ => Terms { pattern: None, ..terms.clone() },
    }
}

fn measures() -> impl Strategy<Value = Option<MeasureKind>> {
    let kinds = [
        MeasureKind::Distinct(4),
        MeasureKind::DistinctByRule(4),
        MeasureKind::Sum,
        MeasureKind::Histogram,
    ];
    proptest::option::of(proptest::sample::select(kinds.to_vec()))
}

proptest! {
    #[test]
    fn every_judge_says_what_its_oracle_says(
        events in histories(), terms in terms(), learning in anomalies::learnings(),
    ) {
        let mut covered: Vec<i64> = events.iter().map(|e| e.time.div_euclid(86_400)).collect();
        covered.dedup();
        let history = History { covered: &covered, scope: &covered, learning, roll_up: None };
        for judge in REGISTRY {
            let terms = terms_for(judge, &terms);
            let shape = Shape { grain: (judge.grain)(&terms), measure: (judge.measure)(&terms) };
            let is_valued = matches!(judge.name, "first_seen" | "rare");
            let fold = if is_valued { valued() } else { FoldId::new("law") };
            let groups = groups_of(fold, &events, shape, &terms);
            let mut roll_up = RollUp::new(&terms);
            for (roll_up, groups) in roll_up.iter_mut().zip(&groups) {
                roll_up.add(std::slice::from_ref(groups));
            }
            let history = History { roll_up: roll_up.as_ref(), ..history };
            let signals = groups
                .map_or_else(Vec::new, |groups| (judge.judge)(&terms, &groups, &history).signals);
            let found: Vec<_> = signals.iter().map(facts).collect();
            let expected: Vec<_> =
                (judge.oracle)(&terms, &events, &history).iter().map(Verdict::facts).collect();
            prop_assert_eq!(found, expected, "{}", judge.name);
        }
    }

    #[test]
    fn merging_commutes_associates_and_ignores_empty_runs(
        events in histories(),
        parts in proptest::collection::vec(0usize..4, 60),
        measure in measures(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        let shape = Shape { grain: Grain::sliding(3_600), measure };
        let mut split = vec![Vec::new(); 4];
        for (event, part) in events.iter().zip(&parts) {
            split[*part].push(event.clone());
        }
        let runs: Vec<_> = split.iter().map(|part| run_of(part, shape)).collect();
        let whole = bytes(&path, vec![run_of(&events, shape)]);
        let mut reversed = runs.clone();
        reversed.reverse();
        reversed.push(Vec::new());
        prop_assert_eq!(&whole, &bytes(&path, runs.clone()));
        prop_assert_eq!(&whole, &bytes(&path, reversed));
        // Each event in a run of its own, some of them spilled.
        let alone = events.iter().map(|event| run_of(std::slice::from_ref(event), shape));
        let alone = alone.enumerate();
        let alone = alone.map(|(n, run)| if n % 2 == 0 { run } else { spilled(run) }).collect();
        prop_assert_eq!(&whole, &bytes(&path, alone));
        // ((a + b) + (c + d))
        let pair = |a: usize, b: usize| -> Vec<(Key, Row)> {
            bytes(&path, vec![runs[a].clone(), runs[b].clone()]);
            TableReader::open(&path).unwrap().collect::<Result<_>>().unwrap()
        };
        let (left, right) = (pair(0, 1), pair(2, 3));
        prop_assert_eq!(&whole, &bytes(&path, vec![left, right]));
    }

    #[test]
    fn a_table_survives_parquet_and_spilling(events in histories(), measure in measures()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        let run = run_of(&events, Shape { grain: Grain::sliding(600), measure });
        write_table(&path, run.clone().into_iter().map(Ok)).unwrap();
        let back: Vec<_> = TableReader::open(&path).unwrap().collect::<Result<_>>().unwrap();
        prop_assert_eq!(&run, &back);
        prop_assert_eq!(&run, &spilled(run.clone()));
    }
}
