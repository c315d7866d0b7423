//! What holds for any bytes.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// JSON-like rubbish, which gets further into the decoder than arbitrary bytes do.
fn rubbish() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        Just(r#"{"Records":["#.to_owned()),
        Just(r#"{"eventTime":"1Z","eventVersion":"1"}"#.to_owned()),
        Just(r#""eventTime":"1Z","#.to_owned()),
        Just(r#""\ud800""#.to_owned()),
        Just("1e999".to_owned()),
        Just(event(7)),
        r#"[\[\]{}",:\\ 0-9a-z]{1,3}"#,
    ];
    prop::collection::vec(token, 0..30).prop_map(|tokens| tokens.concat().into_bytes())
}

fn any_limits() -> impl Strategy<Value = Limits> {
    (0..3000_u64, 0..3000_usize, 0..600_usize, 0..9_usize).prop_map(
        |(inflated_bytes, document_bytes, record_bytes, depth)| Limits {
            inflated_bytes,
            document_bytes,
            record_bytes,
            depth,
            ..Limits::default()
        },
    )
}

/// An event with odd keys, values and white space.
fn odd_event() -> impl Strategy<Value = String> {
    (any::<String>(), any::<f64>(), any::<i64>(), 1..20_usize, "[ \n\r\t]{0,3}").prop_map(
        |(text, float, integer, depth, space)| {
            let text = serde_json::to_string(&text).unwrap();
            let float = serde_json::to_string(&float).unwrap();
            let nested = "[".repeat(depth) + &"]".repeat(depth);
            format!(
                r#"{space}{{{text}:{float},"eventTime"{space}:"1Z","a":[{integer},{nested},{text}]}}{space}"#
            )
        },
    )
}

/// The accounting of `decode_with` is checked by itself, for each of its calls.
fn runs(bytes: &[u8], limits: &Limits) {
    for name in ["a.json", "a"] {
        decode_with(limits.clone(), name, bytes);
        decode_with(limits.clone(), name, &gz(bytes));
        decode_with(Limits::default(), name, bytes);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_the_account_balances(
        bytes in prop::collection::vec(any::<u8>(), 0..400), limits in any_limits(),
    ) {
        runs(&bytes, &limits);
        runs(&[&[0x1f, 0x8b, 8, 0], &bytes[..]].concat(), &limits);
        runs(&[&b"{\"Records\":["[..], &bytes].concat(), &limits);
    }

    #[test]
    fn rubbish_never_panics_and_the_account_balances(bytes in rubbish(), limits in any_limits()) {
        runs(&bytes, &limits);
        runs(&[&b"{\"Records\":["[..], &bytes].concat(), &limits);
    }

    /// Both paths give the same records, numbers, rejects and outcome for any valid document.
    #[test]
    fn both_paths_agree(
        events in prop::collection::vec(prop_oneof![
            4 => odd_event(), 1 => Just("null".to_owned()), 1 => Just(r#"{"eventTime":3}"#.to_owned()),
        ], 0..9),
        before in prop::option::of(Just(r#""x":{"Records":[1]},"#)),
        after in prop::option::of(Just(r#","y":[1],"\u0052ecords":[{"eventTime":"2Z"}]"#)),
    ) {
        let (before, after) = (before.unwrap_or(""), after.unwrap_or(""));
        let document =
            format!("{{{before}\"Records\":[{}]{after}}}\n", events.join(",")).into_bytes();
        serde_json::from_slice::<serde_json::Value>(&document).unwrap();
        let stored = gz(&document);
        let fast = decode("a.gz", &stored);
        let alone = decode_with(slow(), "a.gz", &stored);
        prop_assert_eq!(&fast.1.0, &alone.1.0);
        prop_assert_eq!(&fast.0, &alone.0);
        prop_assert_eq!(fast.0.outcome, Outcome::Read);
        prop_assert_eq!(decode("a.json", &document).1.0, fast.1.0);
    }

    /// Every whole record before the cut is taken, and none is made up.
    #[test]
    fn truncated_documents_give_every_whole_record(count in 1..9_usize, cut in any::<Index>()) {
        let document = whole(count);
        let cut = cut.index(document.len());
        let (decoded, kept) = decode("a.json", &document.as_bytes()[..cut]);
        let (_, all) = decode("a.json", document.as_bytes());
        let before = document[..cut].matches("\"readOnly\":true}").count();
        prop_assert_eq!(kept.records(), all.records()[..before].to_vec());
        prop_assert!(decoded.rejected.len() <= 1);
        prop_assert!(!matches!(decoded.outcome, Outcome::Read | Outcome::Skipped(_)));
        prop_assert_eq!(before == 0 || matches!(decoded.outcome, Outcome::Partial(_)), true);
    }

    #[test]
    fn truncated_gzip_gives_every_whole_record(count in 1..60_usize, cut in any::<Index>()) {
        let document = whole(count);
        let stored = gz(document.as_bytes());
        let stored = &stored[..cut.index(stored.len())];
        let mut inflater = Inflater::default();
        inflater.unpack(stored, 1 << 30);
        let inflated = std::str::from_utf8(&inflater.bytes).unwrap();
        let (decoded, kept) = decode("a.json.gz", stored);
        prop_assert_eq!(kept.0.len(), inflated.matches("\"readOnly\":true}").count());
        if !kept.0.is_empty() {
            prop_assert_eq!(decoded.outcome, Outcome::Partial(codec::Damage::Truncated(codec::Codec::Gzip).into()));
        }
    }

    /// One replaced byte anywhere in a record leaves every other record as it was; a few leave
    /// every record that is more than one neighbour away. (Enough of them can write `]}` and so
    /// end the document, or open a list that swallows what follows; three hardly can.)
    #[test]
    fn damage_stays_in_its_record(
        count in 1..8_usize,
        victim in any::<Index>(),
        flips in prop::collection::vec((any::<Index>(), prop_oneof![
            any::<u8>(), prop::sample::select(br#""\{}[],: 0"#.to_vec()),
        ]), 1..4),
        stored_plain in any::<bool>(),
    ) {
        let events: Vec<String> = (0..count).map(event).collect();
        let victim = victim.index(count);
        let start = document(&events[..victim]).len() - 2 + usize::from(victim > 0);
        let mut bytes = document(&events).into_bytes();
        prop_assert!(bytes[start..].starts_with(events[victim].as_bytes()));
        for (place, byte) in &flips {
            bytes[start + place.index(events[victim].len())] = *byte;
        }
        let reach = usize::from(flips.len() > 1);
        let stored = if stored_plain { bytes } else { gz(&bytes) };
        let (_, all) = decode("a", document(&events).as_bytes());
        let (_, kept) = decode("a", &stored);
        for (other, record) in all.records().into_iter().enumerate() {
            if other.abs_diff(victim) > reach {
                prop_assert!(kept.records().contains(&record), "{} lost", other);
            }
        }
        let before = victim.saturating_sub(reach);
        prop_assert_eq!(kept.records()[..before].to_vec(), all.records()[..before].to_vec());
    }

    #[test]
    fn members_are_one_stream(count in 0..9_usize, cuts in prop::collection::vec(any::<Index>(), 0..5)) {
        let document = whole(count).into_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(document.len())).collect();
        cuts.extend([0, document.len()]);
        cuts.sort_unstable();
        let members: Vec<Vec<u8>> =
            cuts.windows(2).map(|cut| gz(&document[cut[0]..cut[1]])).collect();
        let (one, taken) = decode("a.gz", &gz(&document));
        let (many, also_taken) = decode("a.gz", &members.concat());
        prop_assert_eq!(taken.0, also_taken.0);
        prop_assert_eq!(many, one);
    }
}
