use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn seen(budget: usize) -> Seen {
    Seen::new(7, budget, std::env::temp_dir())
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
    assert_eq!(seen.take_copies().moved, moved);
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
    let moved: u64 = seen.take_copies().moved.values().map(|moved| moved.0).sum();
    assert!(moved > 0);
}

#[test]
fn a_later_run_knows_what_an_earlier_one_has_counted() {
    let earlier = seen(1 << 18);
    let (old, new) = (earlier.object("old".into()), earlier.object("new".into()));
    earlier.delivered(old, 1);
    earlier.delivered(new, 5);
    for number in 0..600_000 {
        let object = if number % 2 == 0 { old } else { new };
        earlier.meet(&key(number), 3, object, false).unwrap();
    }
    assert!(earlier.spills() > 256);
    let ids: Vec<RecentId> = earlier
        .recent(|_, day| day + 3)
        .map(Result::unwrap)
        .filter(|id| id.keep_until >= 8)
        .collect();
    assert_eq!(ids.len(), 300_000);
    assert!(ids.is_sorted());
    let later = seen(1 << 18);
    ids.iter().try_for_each(|id| later.remember(id)).unwrap();
    let here = later.object("a".into());
    for number in 0..1_000 {
        let expected = if number % 2 == 0 { Verdict::New } else { Verdict::Earlier };
        assert_eq!(later.meet(&key(number), 3, here, false).unwrap(), expected, "{number}");
    }
    assert_eq!(later.meet(&key(1), 4, here, false).unwrap(), Verdict::Conflict);
    // What the earlier run has left is not left again.
    later.delivered(here, 9);
    assert_eq!(later.recent(|_, day| day).count(), 501);
}

#[test]
fn room_on_disk_is_used_again() {
    let small = seen(1 << 16);
    objects(&small, 1);
    for number in 0..3_500_000 {
        small.meet(&key(number), 0, 0, false).unwrap();
    }
    // Each id was written once per level, and twelve runs of a shard are three levels.
    let (ids, end) = (small.size().0 * 16, small.disk.end());
    assert!(end < ids * 5 / 2, "{end} bytes for {ids}");
    assert!(small.shards.iter().all(|shard| lock(shard).levels.iter().all(|l| l.len() < FAN_IN)));
    assert_eq!(small.recent(|_, _| 0).count(), 3_500_000);
}

#[test]
fn a_run_on_disk_is_found_in_with_a_filter_and_without() {
    let disk = Disk::new(std::env::temp_dir());
    let mut random = fastrand::Rng::with_seed(3);
    let mut entries: Vec<Entry> =
        (0..20_000).map(|_| Entry::new(random.u64(..) >> 8, random.u32(..), 1)).collect();
    // More ids of one hash than a page has, and hashes in a heap.
    entries.extend((0..600).map(|digest| Entry::new(77 << 40, digest, 2)));
    entries.extend((0..600).map(|hash| Entry::new(hash, 0, 3)));
    entries.sort_unstable();
    for filtered in [true, false] {
        let run = disk.append(&entries, filtered).unwrap();
        for entry in entries.iter().step_by(7) {
            let hash = entry.parts().0;
            let found: Vec<Entry> =
                run.find(hash, &disk).unwrap().into_iter().map(|(_, entry)| entry).collect();
            let expected: Vec<Entry> =
                entries.iter().filter(|entry| entry.parts().0 == hash).copied().collect();
            assert_eq!(found, expected);
        }
        for hash in [0, 1 << 63, u64::MAX, (77 << 40) + 1] {
            assert!(run.find(hash, &disk).unwrap().is_empty());
        }
    }
}
