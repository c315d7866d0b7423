//! Tables as they are filled, read and given up.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::valued;
use crate::detect::group::{
    Entities, FoldId, Groups, Key, MAX_VALUES, Pane, Panes, Row, Table, TableFold, TableReader,
    merge,
};
use crate::error::Result;

#[test]
fn a_foreign_parquet_file_is_refused_with_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.parquet");
    let batch = crate::findings::findings_batch(&[]).unwrap();
    crate::findings::write_parquet(&path, &batch).unwrap();
    let refused = TableReader::open(&path).unwrap_err().to_string();
    assert!(refused.ends_with("not a table of trailsift"), "{refused}");
    std::fs::write(&path, b"PAR1 but no more").unwrap();
    assert!(TableReader::open(&path).is_err());
}

#[test]
fn a_table_sorts_whatever_the_order_of_insertion() {
    let id = FoldId::new("order");
    let filled = |order: &[&str]| {
        let mut table = Table::new([TableFold { id, ..TableFold::default() }]);
        for name in order {
            let number = table.number([Some(*name)].into_iter());
            let entity = table.entity(0, number);
            let mut entry = table.entry(0, entity, 60).unwrap();
            entry.count(Pane { start: 60, rule: 0, ok: 1, failed: 0 });
        }
        table.drain_sorted().collect::<Vec<_>>()
    };
    assert_eq!(filled(&["a", "b", "a", "c"]), filled(&["c", "a", "b", "a"]));
}

#[test]
fn an_entity_of_too_many_values_is_diffuse_and_its_neighbours_are_not() {
    let values = |name: &'static str, count: usize| {
        let entity = move |value| Arc::from([Some(Arc::from(name)), Some(Arc::from(value))]);
        let mut values: Vec<String> = (0..count).map(|n| format!("{n:05}")).collect();
        values.sort();
        let row = move |value: String| {
            let panes = Panes::from([Pane { start: 0, rule: 0, ok: 1, failed: 0 }]);
            (Key { fold: valued(), entity: entity(value), bucket: 0 }, Row::new(panes, None))
        };
        values.into_iter().map(move |value| Ok(row(value)))
    };
    let table = values("a", MAX_VALUES).chain(values("b", MAX_VALUES + 1)).chain(values("c", 1));
    let groups: Vec<Groups> =
        Entities::new(table, BTreeSet::from([valued()])).collect::<Result<_>>().unwrap();
    let shape: Vec<_> = groups.iter().map(|g| (g.rows.len(), g.values.len(), g.diffuse)).collect();
    assert_eq!(shape, [(MAX_VALUES, MAX_VALUES, false), (0, 0, true), (1, 1, false)]);
}

/// However many values an entity gets and in however many tables: the judges see the same.
#[test]
fn a_table_gives_a_diffuse_entity_up_and_the_walk_sees_the_same() {
    let fill = |names: &mut dyn Iterator<Item = (&'static str, usize, i64)>| {
        let mut table =
            Table::new([TableFold { id: valued(), valued: true, ..TableFold::default() }]);
        let mut largest = 0;
        for (name, value, day) in names {
            let value = format!("{value}");
            let number = table.number([Some(name), Some(&*value)].into_iter());
            let entity = table.entity(0, number);
            if let Some(mut entry) = table.entry(0, entity, day * 86_400) {
                entry.count(Pane { start: day * 86_400, rule: 0, ok: 1, failed: 0 });
            }
            largest = largest.max(table.bytes());
        }
        (table.drain_sorted().collect::<Vec<_>>(), largest)
    };
    let events = |count: usize| {
        let busy = (0..count).map(|n| ("busy", n, i64::try_from(n % 3).unwrap()));
        busy.chain([("calm", 1, 0), ("calm", 2, 1), ("busy", 0, 7)])
    };
    let seen = |runs: Vec<Vec<(Key, Row)>>| {
        let run = |rows: Vec<(Key, Row)>| -> Box<dyn Iterator<Item = Result<(Key, Row)>> + Send> {
            Box::new(rows.into_iter().map(Ok))
        };
        let merged = merge(runs.into_iter().map(run).collect());
        let walk = Entities::new(merged, BTreeSet::from([valued()]));
        walk.collect::<Result<Vec<Groups>>>().unwrap()
    };
    for count in [MAX_VALUES, MAX_VALUES + 1, 4 * MAX_VALUES] {
        let (whole, bytes) = fill(&mut events(count));
        let half = |odd: usize| fill(&mut events(count).filter(move |e| e.1 % 2 == odd)).0;
        let groups = seen(vec![whole.clone()]);
        assert_eq!(groups, seen(vec![half(0), half(1)]), "{count}");
        assert_eq!(groups[0].diffuse, count > MAX_VALUES);
        assert_eq!(groups[1].rows.len(), 2);
        if count > MAX_VALUES {
            // Four days of one entity, two rows of the other.
            assert_eq!(whole.len(), 6);
        }
        assert!(bytes < 2 * MAX_VALUES * 1_024, "{bytes}");
    }
}

/// The values of diffuse entities are in memory until the table is emptied, and count.
#[test]
fn a_table_counts_what_it_holds_of_entities_that_it_gave_up() {
    let bytes = |names: &[&str]| {
        let mut table =
            Table::new([TableFold { id: valued(), valued: true, ..TableFold::default() }]);
        for name in names {
            for value in 0..MAX_VALUES + 10 {
                let number = table.number([Some(*name), Some(&*value.to_string())].into_iter());
                let entity = table.entity(0, number);
                if let Some(mut entry) = table.entry(0, entity, 0) {
                    entry.count(Pane { start: 0, rule: 0, ok: 1, failed: 0 });
                }
            }
        }
        table.bytes()
    };
    let one = bytes(&["a"]);
    assert!(bytes(&["a", "b", "c"]) > 5 * one / 2, "{one}");
}
