use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn seen(budget: usize) -> Seen {
    Seen::new(budget, std::env::temp_dir())
}

fn key(number: u64) -> EventKey {
    EventKey::of(Some("111122223333"), &format!("id-{number}"))
}

/// Objects named so that their numbers are in the order of their names.
fn objects(seen: &Seen, count: u32) {
    for number in 0..count {
        seen.object(format!("{number:06}").into());
    }
}

/// Meets all; gives the verdicts, and the object that each content counts in.
fn meet_all(
    budget: usize,
    events: &[(u64, u32, u32)],
) -> (Vec<Verdict>, BTreeMap<(u64, u32), u32>) {
    let seen = seen(budget);
    objects(&seen, 1_000);
    let (mut verdicts, mut holders) = (Vec::new(), BTreeMap::new());
    for (id, digest, object) in events {
        let verdict = seen.meet(&key(*id), *digest, *object, false).unwrap();
        if !matches!(verdict, Verdict::Duplicate { first: false }) {
            holders.insert((*id, *digest), *object);
        }
        verdicts.push(verdict);
    }
    (verdicts, holders)
}

proptest! {
    #[test]
    fn verdicts_are_those_of_a_plain_map(
        events in prop::collection::vec((0..40_u64, 0..3_u32, 0..9_u32), 0..300),
    ) {
        let mut known: BTreeMap<u64, BTreeMap<u32, u32>> = BTreeMap::new();
        let expected: Vec<Verdict> = events.iter().map(|(id, digest, object)| {
            let contents = known.entry(*id).or_default();
            let other = !contents.is_empty();
            if let Some(holder) = contents.get_mut(digest) {
                let first = object < holder;
                *holder = (*holder).min(*object);
                return Verdict::Duplicate { first };
            }
            contents.insert(*digest, *object);
            if other { Verdict::Conflict } else { Verdict::New }
        }).collect();
        prop_assert_eq!(meet_all(usize::MAX, &events).0, expected);
    }
}

#[test]
fn the_budget_changes_no_verdict() {
    let mut random = fastrand::Rng::with_seed(7);
    let event = |_| (random.u64(..400_000), random.u32(..8) / 7, random.u32(..1_000));
    let events: Vec<_> = (0..1_500_000).map(event).collect();
    let whole = meet_all(usize::MAX, &events);
    let small = seen(1 << 20);
    objects(&small, 1_000);
    let verdicts: Vec<_> = events
        .iter()
        .map(|(id, digest, object)| small.meet(&key(*id), *digest, *object, false).unwrap())
        .collect();
    assert!(small.spills() > 256 && verdicts == whole.0);
    let filters = usize::try_from(small.size().0).unwrap() * 2;
    assert!(small.size().1 < (1 << 20) + SHARDS * MIN_RUN * 24 + filters, "{:?}", small.size());
}

#[test]
fn an_id_takes_at_most_24_bytes() {
    let seen = seen(usize::MAX);
    let object = seen.object("a".into());
    for number in 0..2_000_000 {
        seen.meet(&key(number), 0, object, false).unwrap();
        let (ids, bytes) = seen.size();
        if ids >= 100_000 && ids.is_multiple_of(50_000) {
            let held: usize =
                seen.shards.iter().map(|shard| lock(shard).slots.capacity() * 16).sum();
            assert!(held == bytes && bytes as u64 <= 24 * ids, "{ids} ids in {held} bytes");
        }
    }
}

#[test]
fn the_copy_in_the_first_object_counts_whatever_the_order() {
    let seen = seen(usize::MAX);
    let objects: Vec<u32> = ["c", "a", "d", "b"].map(|name| seen.object(name.into())).into();
    let verdicts: Vec<_> =
        objects.iter().map(|object| seen.meet(&key(1), 5, *object, false).unwrap()).collect();
    let copy = |first| Verdict::Duplicate { first };
    assert_eq!(verdicts, [Verdict::New, copy(true), copy(false), copy(false)]);
    let moved = HashMap::from([(Arc::from("c"), (1, 0))]);
    assert_eq!(seen.into_copies().moved, moved);
}

#[test]
fn workers_that_meet_the_same_events_agree() {
    let seen = seen(1 << 18);
    objects(&seen, 4);
    let new = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (seen, new) = (&seen, &new);
            scope.spawn(move || {
                for number in 0..50_000 {
                    let number = (number + u64::from(worker) * 12_500) % 50_000;
                    if seen.meet(&key(number), 0, worker, false).unwrap() == Verdict::New {
                        new.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(new.into_inner(), 50_000);
    let moved: u64 = seen.into_copies().moved.values().map(|moved| moved.0).sum();
    assert!(moved > 0);
}
