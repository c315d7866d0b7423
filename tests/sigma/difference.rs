//! Where trailsift differs from rsigma-eval on purpose. Each difference is a predicate on one leaf
//! of a rule and one event, as narrow as it can be told; `docs/sigma.md` lists them by name.

use rsigma_parser::{Modifier, SigmaString, SigmaValue};
use serde_json::Value;
use trailsift::events::parse_event_time;

use super::encoding::{base64_at, utf16be, utf16le};
use super::leaf::{Found, Leaf, contains, folded, has_dotted_key, lower, text_of};

/// A known difference.
pub struct Difference {
    /// As in `docs/sigma.md`.
    pub name: &'static str,
    holds: fn(&Leaf<'_>, &Value) -> bool,
    /// What trailsift says of the leaf, where that is told.
    says: fn(&Leaf<'_>) -> Known,
}

/// What is known of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Is(bool),
    Nothing,
}

/// All of them.
pub const DIFFERENCES: &[Difference] = &[
    Difference { name: "neq of an absent field", holds: absent_neq, says: |_| Known::Is(true) },
    Difference { name: "exists of null", holds: exists_of_null, says: exists_wanted },
    unsaid("numbers are compared as texts", number_as_text),
    unsaid("the text of a float", float_text),
    unsaid("booleans are compared as texts", boolean_as_text),
    unsaid("objects are texts", object_as_text),
    Difference {
        name: "null in a list",
        holds: null_in_list,
        says: |leaf| Known::Is(!leaf.has(Modifier::Neq)),
    },
    unsaid("wildcards and line breaks", wildcard_over_lines),
    unsaid("case folding", case_folding),
    unsaid("keywords and numbers", keyword_number),
    Difference { name: "all keywords", holds: keyword_all, says: |_| Known::Is(true) },
    unsaid("fieldref and lists", reference),
    unsaid("numbers with spaces, and infinite ones", odd_number),
    unsaid("forms of times", form_of_time),
    unsaid("IPv4 addresses in IPv6", mapped_address),
    unsaid("dashes of windash", dashes),
    unsaid("ends of base64offset", base64_ends),
    unsaid("UTF-16 without base64", utf16_alone),
    unsaid("keys with dots", dotted_key),
    unsaid("names of fields in another case", name_in_another_case),
    unsaid("normalised columns", normalised),
    unsaid(INSIGHTS, |_, _| false),
];

/// Rules that do not look at the category never select them.
pub const INSIGHTS: &str = "events that are no calls";

const fn unsaid(name: &'static str, holds: fn(&Leaf<'_>, &Value) -> bool) -> Difference {
    Difference { name, holds, says: |_| Known::Nothing }
}

/// The known differences that a leaf and an event fall under.
pub fn of(leaf: &Leaf<'_>, event: &Value) -> Vec<(&'static str, Known)> {
    let applies = |found: &&Difference| (found.holds)(leaf, event);
    DIFFERENCES.iter().filter(applies).map(|found| (found.name, (found.says)(leaf))).collect()
}

/// Whether the event is one that only rules with an eye on the category see, and this is none.
pub fn is_unseen(leaves: &[Leaf<'_>], event: &Value) -> bool {
    let reads_category = |leaf: &Leaf<'_>| fields(leaf).any(|field| field == "eventCategory");
    is_no_call(event) && !leaves.iter().any(reads_category)
}

fn exists_wanted(leaf: &Leaf<'_>) -> Known {
    Known::Is(leaf.values == [SigmaValue::Bool(true)])
}

fn is_no_call(event: &Value) -> bool {
    let is =
        |key: &str, names: &[&str]| event[key].as_str().is_some_and(|text| names.contains(&text));
    is("eventCategory", &["Insight", "NetworkActivity"])
        || is("eventType", &["AwsCloudTrailInsight", "AwsVpceEvent", "AwsAggregatedEvent"])
}

fn absent_neq(leaf: &Leaf<'_>, event: &Value) -> bool {
    let null = leaf.values.contains(&SigmaValue::Null);
    leaf.has(Modifier::Neq) && !null && leaf.found(event).is_none()
}

fn exists_of_null(leaf: &Leaf<'_>, event: &Value) -> bool {
    leaf.has(Modifier::Exists) && leaf.found(event).is_some_and(|found| found.is_null())
}

fn number_as_text(leaf: &Leaf<'_>, event: &Value) -> bool {
    let number = |value: &SigmaValue| match value {
        SigmaValue::Integer(_) | SigmaValue::Float(_) => {
            let text = value.to_string();
            text.parse::<f64>().ok().map(|number| (text, number))
        }
        _ => None,
    };
    let Some(found) = leaf.found(event).filter(|_| leaf.is_text()) else { return false };
    leaf.values.iter().filter_map(number).any(|(text, number)| {
        let is_same = |other: &String| {
            *other != text && other.parse::<f64>().is_ok_and(|other| (other - number).abs() < 1e-9)
        };
        found.texts().any(|other| is_same(&other))
    })
}

fn float_text(leaf: &Leaf<'_>, event: &Value) -> bool {
    let is_odd = |value: &Value| {
        value.is_f64() && value.as_f64().map(|float| float.to_string()) != Some(text_of(value))
    };
    let texts = !leaf.is_number() && !leaf.has(Modifier::Exists);
    let found = leaf.found(event).into_iter().chain(leaf.others(event));
    texts && found.into_iter().any(|found| found.scalars.iter().any(is_odd))
}

fn boolean_as_text(leaf: &Leaf<'_>, event: &Value) -> bool {
    use Modifier::{Cased, Contains, EndsWith, StartsWith};
    let is_other_name =
        |text: &str| matches!(text.to_lowercase().as_str(), "1" | "0" | "yes" | "no");
    let booleans = leaf.values.iter().any(|value| matches!(value, SigmaValue::Bool(_)));
    let Some(found) = leaf.found(event).filter(|_| booleans && leaf.is_text()) else {
        return false;
    };
    found
        .strings()
        .any(|text| is_other_name(text) || leaf.has_any(&[Cased, Contains, EndsWith, StartsWith]))
}

fn object_as_text(leaf: &Leaf<'_>, event: &Value) -> bool {
    let texts = leaf.is_text() || leaf.has_any(&[Modifier::Re, Modifier::FieldRef]);
    let null_only = leaf.values.iter().all(|value| matches!(value, SigmaValue::Null));
    let mut found = leaf.found(event).into_iter().chain(leaf.others(event));
    leaf.field.is_some() && texts && !null_only && found.any(|found| found.has_object)
}

fn null_in_list(leaf: &Leaf<'_>, event: &Value) -> bool {
    let null = leaf.is_text() && leaf.values.iter().any(|v| matches!(v, SigmaValue::Null));
    null && leaf.found(event).is_some_and(|found| found.is_list && found.has_null)
}

fn wildcard_over_lines(leaf: &Leaf<'_>, event: &Value) -> bool {
    let wild = leaf.is_text() && leaf.texts().any(SigmaString::contains_wildcards);
    wild && leaf.found(event).is_some_and(|found| found.texts().any(|text| text.contains('\n')))
}

fn case_folding(leaf: &Leaf<'_>, event: &Value) -> bool {
    if leaf.has(Modifier::Cased) || !(leaf.is_text() || leaf.has(Modifier::FieldRef)) {
        return false;
    }
    let found = leaf.found(event).into_iter().chain(leaf.others(event));
    let texts: Vec<String> = found.flat_map(|found| found.texts().collect::<Vec<_>>()).collect();
    let odd = |text: &String| text.chars().any(|character| folded(character) != lower(character));
    if leaf.has(Modifier::FieldRef) {
        return texts.iter().any(|text| odd(text) || text.contains('\u{3a3}'));
    }
    leaf.texts().any(|pattern| {
        let plain = &pattern.original;
        texts.iter().any(|text| {
            let fold = |text: &str| text.chars().map(folded).collect::<String>();
            let as_folded = fold(text).contains(&fold(plain));
            let as_lower = text.to_lowercase().contains(&plain.to_lowercase());
            if pattern.contains_wildcards() { odd(text) } else { as_folded != as_lower }
        })
    })
}

fn keyword_number(leaf: &Leaf<'_>, event: &Value) -> bool {
    if leaf.field.is_some() {
        return false;
    }
    let everything = leaf.found(event).unwrap_or_default();
    leaf.values.iter().any(|value| match value {
        SigmaValue::String(_) if leaf.has(Modifier::Re) => {
            everything.scalars.iter().any(|scalar| !scalar.is_string())
        }
        SigmaValue::String(pattern) => everything
            .scalars
            .iter()
            .any(|scalar| !scalar.is_string() && contains(pattern, &text_of(scalar))),
        number => everything.texts().any(|text| text.contains(&number.to_string())),
    })
}

fn keyword_all(leaf: &Leaf<'_>, event: &Value) -> bool {
    let everything = leaf.found(event).unwrap_or_default();
    let is_found = |pattern: &SigmaString| everything.texts().any(|text| contains(pattern, &text));
    leaf.field.is_none() && leaf.has(Modifier::All) && leaf.texts().all(is_found)
}

fn reference(leaf: &Leaf<'_>, event: &Value) -> bool {
    use Modifier::{Cased, Contains, EndsWith, StartsWith};
    let Some(found) = leaf.found(event) else { return false };
    let part = leaf.has_any(&[Contains, EndsWith, StartsWith]);
    let is_type = |other: &Found| {
        let kinds = found.scalars.iter().chain(&other.scalars);
        leaf.has(Cased)
            && kinds.clone().any(Value::is_string)
            && !kinds.clone().all(Value::is_string)
    };
    leaf.others(event).iter().any(|other| {
        let lists = other.is_list || found.is_list && !part;
        lists || other.is_null() && found.is_null() || is_type(other)
    })
}

fn odd_number(leaf: &Leaf<'_>, event: &Value) -> bool {
    let is_odd = |text: &str| {
        let number = text.trim().parse::<f64>();
        number.is_ok_and(|number| !number.is_finite() || text.trim() != text)
    };
    leaf.is_number() && leaf.found(event).is_some_and(|found| found.strings().any(is_odd))
}

fn form_of_time(leaf: &Leaf<'_>, event: &Value) -> bool {
    let is_odd = |text: &str| {
        let is_known = text.contains('T') || text.len() == "2024-05-01 00:00:00".len();
        !is_known && parse_event_time(text).is_some()
    };
    leaf.is_time()
        && leaf.found(event).is_some_and(|found| {
            found.scalars.iter().any(Value::is_number) || found.strings().any(is_odd)
        })
}

fn mapped_address(leaf: &Leaf<'_>, event: &Value) -> bool {
    let is_mapped = |text: &str| {
        let address = text.parse::<std::net::Ipv6Addr>();
        address.is_ok_and(|address| address.to_ipv4_mapped().is_some())
    };
    let found = leaf.found(event);
    leaf.has(Modifier::Cidr) && found.is_some_and(|found| found.strings().any(is_mapped))
}

fn dashes(leaf: &Leaf<'_>, _: &Value) -> bool {
    // rsigma-eval replaces every dash, and no slash.
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let is_odd = |text: &SigmaString| {
        let characters: Vec<char> = text.original.chars().collect();
        characters.iter().enumerate().any(|(at, character)| {
            let before = at.checked_sub(1).and_then(|at| characters.get(at));
            let starts = before.is_none_or(|before| !is_word(*before))
                && characters.get(at + 1).is_some_and(|after| is_word(*after));
            (*character == '-' && !starts) || (*character == '/' && starts)
        })
    };
    leaf.has(Modifier::WindAsh) && leaf.texts().any(is_odd)
}

/// rsigma-eval leaves the last character in place that depends on what follows, and looks within
/// the value without being asked.
fn base64_ends(leaf: &Leaf<'_>, event: &Value) -> bool {
    let Some(found) = leaf.found(event).filter(|_| leaf.has(Modifier::Base64Offset)) else {
        return false;
    };
    let is_found = |bytes: &[u8]| {
        (0..3).any(|offset| {
            let variant = base64_at(bytes, offset).to_lowercase();
            found.strings().any(|text| text.to_lowercase().contains(&variant))
        })
    };
    leaf.texts().any(|text| is_found(&encoded(leaf, &text.original)))
}

fn encoded(leaf: &Leaf<'_>, text: &str) -> Vec<u8> {
    if leaf.has(Modifier::Utf16be) {
        utf16be(text)
    } else if leaf.has(Modifier::Utf16) {
        [vec![0xff, 0xfe], utf16le(text)].concat()
    } else if leaf.has(Modifier::Wide) {
        utf16le(text)
    } else {
        text.as_bytes().to_vec()
    }
}

fn utf16_alone(leaf: &Leaf<'_>, event: &Value) -> bool {
    use Modifier::{Base64, Base64Offset, Utf16, Utf16be, Wide};
    let Some(found) = leaf.found(event) else { return false };
    let is_found = |text: &SigmaString| {
        let bytes = encoded(leaf, &text.original);
        let encoded = String::from_utf8_lossy(&bytes).to_lowercase();
        let plain = text.original.to_lowercase();
        let within = |text: String| text.contains(&encoded) || text.contains(&plain);
        found.strings().any(|text| within(text.to_lowercase()))
    };
    leaf.has_any(&[Wide, Utf16, Utf16be])
        && !leaf.has_any(&[Base64, Base64Offset])
        && leaf.texts().any(is_found)
}

/// The fields that a leaf reads.
fn fields<'l>(leaf: &'l Leaf<'_>) -> impl Iterator<Item = &'l str> {
    let reference = leaf.has(Modifier::FieldRef);
    let others = leaf.texts().filter(move |_| reference).map(|text| text.original.as_str());
    leaf.field.into_iter().chain(others)
}

fn dotted_key(leaf: &Leaf<'_>, event: &Value) -> bool {
    fields(leaf).any(|field| has_dotted_key(event, field))
}

fn name_in_another_case(leaf: &Leaf<'_>, _: &Value) -> bool {
    let is_odd = |field: &str| {
        let known = COPIED.iter().any(|known| known.eq_ignore_ascii_case(field));
        known && !COPIED.contains(&field)
    };
    fields(leaf).any(is_odd)
}

/// The fields that trailsift's columns copy.
const COPIED: &[&str] = &[
    "eventID",
    "eventSource",
    "eventName",
    "awsRegion",
    "recipientAccountId",
    "eventCategory",
    "eventType",
    "readOnly",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "userIdentity.type",
    "userIdentity.arn",
    "userIdentity.accessKeyId",
    "userIdentity.invokedBy",
    "tlsDetails.tlsVersion",
    "vpcEndpointId",
    "sharedEventID",
];

fn normalised(leaf: &Leaf<'_>, event: &Value) -> bool {
    !leaf.has(Modifier::Exists) && fields(leaf).any(|field| is_changed(field, event))
}

/// Whether a column says something else than the field that it copies.
fn is_changed(field: &str, event: &Value) -> bool {
    if !COPIED.contains(&field) {
        return false;
    }
    let value = event.pointer(&format!("/{}", field.replace('.', "/"))).unwrap_or(&Value::Null);
    match field {
        "readOnly" => {
            let is_text = matches!(value.as_str(), Some("true" | "false"));
            !(is_text || value.is_boolean() || value.is_null())
        }
        "recipientAccountId" if value.is_null() => !event["accountId"].is_null(),
        "eventCategory" => !value.is_string(),
        _ => value.is_array() || value.is_object(),
    }
}

#[test]
fn every_difference_is_documented() {
    let page = include_str!("../../docs/sigma.md");
    for difference in DIFFERENCES {
        assert!(page.contains(&format!("\n| {} |", difference.name)), "{}", difference.name);
    }
}
