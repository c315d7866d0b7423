//! Reading scalars off the parsed tape. CloudTrail's S3 records write numbers as text, old ones
//! wrap every value in an array of one, and any field may have an unexpected type: what cannot be
//! read as asked is `None`, never an error.

use std::borrow::Cow;

use simd_json::StaticNode;
use simd_json::prelude::{TypedScalarValue as _, ValueAsScalar as _, ValueIntoString as _};
use simd_json::tape::Value;

/// The value itself, or the only element of an array of one (records of the 1.03 era).
pub(super) fn unwrapped<'t, 'i>(value: Value<'t, 'i>) -> Value<'t, 'i> {
    match value.as_array() {
        Some(array) if array.len() == 1 => array.get(0).unwrap_or(value),
        _ => value,
    }
}

/// The text of a string, number or boolean; `None` for null, objects and lists.
pub(super) fn text<'i>(value: Value<'_, 'i>) -> Option<Cow<'i, str>> {
    let value = unwrapped(value);
    if let Some(text) = value.into_string() {
        return Some(Cow::Borrowed(text));
    }
    match static_node(value)? {
        StaticNode::Null => None,
        StaticNode::Bool(flag) => Some(Cow::Borrowed(if flag { "true" } else { "false" })),
        number => Some(Cow::Owned(number.to_string())),
    }
}

/// The text of a string, or of the string that an array of one holds.
pub(super) fn string<'i>(value: Value<'_, 'i>) -> Option<&'i str> {
    unwrapped(value).into_string()
}

/// A boolean, also as the text `true` or `false`.
pub(super) fn boolean(value: Value<'_, '_>) -> Option<bool> {
    let value = unwrapped(value);
    value.as_bool().or_else(|| match value.as_str()? {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    })
}

/// A byte count: an integer, or a float of the 2020–2022 records (`524.0`, `5.24E2`) that is
/// whole; `None` (unknown, not 0) for anything else.
pub(super) fn byte_count(value: Value<'_, '_>) -> Option<i64> {
    let value = unwrapped(value);
    if let Some(text) = value.into_string() {
        // Tables of events give every number as text.
        return text.parse().map_or_else(|_| whole(text.parse().ok()?), Some).filter(|n| *n >= 0);
    }
    match static_node(value)? {
        StaticNode::I64(count) => Some(count).filter(|count| *count >= 0),
        StaticNode::U64(count) => i64::try_from(count).ok(),
        StaticNode::F64(count) => whole(count),
        StaticNode::Bool(_) | StaticNode::Null => None,
    }
}

/// The float as an integer, if it is whole, not negative and exact.
fn whole(count: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    if (0.0..=EXACT).contains(&count) && count.fract() == 0.0 {
        #[allow(clippy::cast_possible_truncation, reason = "in range and whole, checked above")]
        return Some(count as i64);
    }
    None
}

/// Adds to `text` what tells the value from others: a text or a number, of a structure how large
/// it is.
pub(super) fn print(value: Option<Value<'_, '_>>, text: &mut Vec<u8>) {
    let Some(value) = value else {
        text.push(0);
        return;
    };
    if let Some(string) = value.into_string() {
        text.extend_from_slice(&(string.len() as u64).to_le_bytes());
        text.extend_from_slice(string.as_bytes());
    } else if let Some(object) = value.as_object() {
        text.extend_from_slice(&(object.len() as u64 + 1).to_le_bytes());
    } else if let Some(array) = value.as_array() {
        text.extend_from_slice(&(!(array.len() as u64)).to_le_bytes());
    } else if let Some(node) = static_node(value) {
        let (kind, bits) = match node {
            StaticNode::Null => (1, 0),
            StaticNode::Bool(flag) => (2, u64::from(flag)),
            StaticNode::U64(number) => (3, number),
            StaticNode::I64(number) => (4, number.cast_unsigned()),
            StaticNode::F64(number) => (5, number.to_bits()),
        };
        text.push(kind);
        text.extend_from_slice(&bits.to_le_bytes());
    }
}

/// Appends the value as compact JSON; texts in it with escapes, or as they are.
pub(super) fn json(value: Value<'_, '_>, escaped: bool, out: &mut String) {
    if let Some(object) = value.as_object() {
        out.push('{');
        for (number, (key, inner)) in object.iter().enumerate() {
            out.push_str(if number == 0 { "" } else { "," });
            json_text(key, escaped, out);
            out.push(':');
            json(inner, escaped, out);
        }
        out.push('}');
    } else if let Some(array) = value.as_array() {
        out.push('[');
        for (number, inner) in array.iter().enumerate() {
            out.push_str(if number == 0 { "" } else { "," });
            json(inner, escaped, out);
        }
        out.push(']');
    } else if let Some(text) = value.into_string() {
        json_text(text, escaped, out);
    } else if let Some(node) = static_node(value) {
        out.push_str(&node.to_string());
    }
}

fn json_text(text: &str, escaped: bool, out: &mut String) {
    match serde_json::to_string(text) {
        Ok(json) if escaped => out.push_str(&json),
        _ => out.extend(["\"", text, "\""]),
    }
}

fn static_node(value: Value<'_, '_>) -> Option<StaticNode> {
    if value.is_object() || value.is_array() {
        return None;
    }
    if let Some(flag) = value.as_bool() {
        return Some(StaticNode::Bool(flag));
    }
    if let Some(number) = value.as_u64() {
        return Some(StaticNode::U64(number));
    }
    if let Some(number) = value.as_i64() {
        return Some(StaticNode::I64(number));
    }
    if let Some(number) = value.as_f64() {
        return Some(StaticNode::F64(number));
    }
    value.is_null().then_some(StaticNode::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(json: &str, read: impl Fn(Value<'_, '_>) -> T) -> T {
        let mut bytes = json.as_bytes().to_vec();
        let tape = simd_json::to_tape(&mut bytes).unwrap();
        read(tape.as_value())
    }

    #[test]
    fn scalars_have_canonical_text() {
        let cases = [
            (r#""a""#, Some("a")),
            (r#"["a"]"#, Some("a")),
            (r#"["a","b"]"#, None),
            ("true", Some("true")),
            ("300", Some("300")),
            ("-3", Some("-3")),
            ("null", None),
            ("{}", None),
            ("[]", None),
        ];
        for (json, expected) in cases {
            let found = with(json, |value| text(value).map(Cow::into_owned));
            assert_eq!(found.as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn byte_counts_are_whole_or_unknown() {
        let cases = [
            ("524", Some(524)),
            ("524.0", Some(524)),
            ("5.24E2", Some(524)),
            ("0", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("18446744073709551615", None),
            (r#""12""#, Some(12)),
            (r#""5.24E2""#, Some(524)),
            (r#""-1""#, None),
            (r#""18446744073709551616""#, None),
            (r#""twelve""#, None),
            ("null", None),
        ];
        for (json, expected) in cases {
            assert_eq!(with(json, byte_count), expected, "{json}");
        }
    }

    #[test]
    fn booleans_come_as_text_too() {
        for (json, expected) in [("true", Some(true)), (r#""false""#, Some(false)), ("1", None)] {
            assert_eq!(with(json, boolean), expected, "{json}");
        }
    }
}
