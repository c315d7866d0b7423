//! Structures as Presto (Athena, CloudTrail Lake) shows them in text: `{a=1, b={c=2}}` and
//! `[{a=1}, {a=2}]`. Values are bare, so a comma ends one only where a key follows.

use serde_json::{Map, Value};

/// Structures within each other.
const MAX_DEPTH: usize = 32;

/// Keys in CloudTrail's spelling; Presto gives them in lower case.
const SPELLINGS: [&str; 26] = [
    "type",
    "principalId",
    "arn",
    "accountId",
    "accessKeyId",
    "userName",
    "sessionContext",
    "attributes",
    "creationDate",
    "mfaAuthenticated",
    "sessionIssuer",
    "webIdFederationData",
    "federatedProvider",
    "sourceIdentity",
    "ec2RoleDelivery",
    "invokedBy",
    "onBehalfOf",
    "userId",
    "identityStoreArn",
    "credentialId",
    "identityProvider",
    "tlsVersion",
    "cipherSuite",
    "clientProvidedHostHeader",
    "bytesTransferredIn",
    "bytesTransferredOut",
];

/// A key in CloudTrail's spelling, if it is a known one.
pub(super) fn spelling(key: &str) -> &str {
    SPELLINGS.into_iter().find(|known| known.eq_ignore_ascii_case(key)).unwrap_or(key)
}

/// Reads a structure; `None` if `text` is none.
pub(super) fn parse(text: &str) -> Option<Value> {
    let mut rest = text;
    let value = structure(&mut rest, MAX_DEPTH)?;
    rest.trim().is_empty().then_some(value)
}

fn structure(rest: &mut &str, depth: usize) -> Option<Value> {
    let deeper = depth.checked_sub(1)?;
    *rest = rest.trim_start();
    if let Some(inside) = rest.strip_prefix('{') {
        *rest = inside;
        object(rest, deeper)
    } else {
        *rest = rest.strip_prefix('[')?;
        list(rest, deeper)
    }
}

fn object(rest: &mut &str, depth: usize) -> Option<Value> {
    let mut object = Map::new();
    loop {
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            *rest = after;
            return Some(Value::Object(object));
        }
        let key = key_of(rest)?;
        *rest = rest.get(key.len() + 1..)?;
        let value = value(rest, '}', depth)?;
        if value != Value::Null {
            object.insert(spelling(key).to_owned(), value);
        }
        *rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// Elements of lists are structures, or texts up to the next comma. The only known list of
/// structures is `resources`, whose `arn` is spelt in capitals.
fn list(rest: &mut &str, depth: usize) -> Option<Value> {
    let mut list = Vec::new();
    loop {
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(']') {
            *rest = after;
            return Some(Value::Array(list));
        }
        let mut value = value(rest, ']', depth)?;
        if let Value::Object(resource) = &mut value
            && let Some(arn) = resource.remove("arn")
        {
            resource.insert("ARN".to_owned(), arn);
        }
        list.push(value);
        *rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// Takes a value up to the comma after it, or up to `close`.
fn value(rest: &mut &str, close: char, depth: usize) -> Option<Value> {
    if rest.starts_with(['{', '[']) {
        return structure(rest, depth);
    }
    let ends = |at: usize, character: char| match character {
        ',' if close == ']' => true,
        ',' => rest.get(at + 1..).is_some_and(|next| key_of(next.trim_start()).is_some()),
        other => other == close,
    };
    let end = rest.char_indices().find(|(at, character)| ends(*at, *character))?.0;
    let (text, after) = rest.split_at_checked(end)?;
    *rest = after;
    Some(if text == "null" { Value::Null } else { Value::from(text) })
}

/// The key before an equals sign.
fn key_of(text: &str) -> Option<&str> {
    const LONGEST: usize = 128;
    let inside =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':' | b'.');
    let length = text.bytes().take(LONGEST).take_while(inside).count();
    let key = text.get(..length).filter(|key| !key.is_empty())?;
    text.get(length..)?.starts_with('=').then_some(key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn structures_are_read() {
        let cases = [
            ("{}", json!({})),
            ("{a=1, b=x y, c=null}", json!({"a": "1", "b": "x y"})),
            ("{a=x, y, b={c=2}}", json!({"a": "x, y", "b": {"c": "2"}})),
            ("{url=https://a/?b=c, key=v}", json!({"url": "https://a/?b=c", "key": "v"})),
            ("[{arn=a, type=T}, {arn=b}]", json!([{"ARN": "a", "type": "T"}, {"ARN": "b"}])),
            ("[x, y]", json!(["x", "y"])),
            (
                "{principalid=A, mfaauthenticated=true}",
                json!({"principalId": "A", "mfaAuthenticated": "true"}),
            ),
        ];
        for (text, value) in cases {
            assert_eq!(parse(text), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_structure_is_none() {
        for text in ["", "x", "{", "{a", "{a=", "{a=1", "{a=1} x", "[", "{=1}", "{{a=1}}"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"{a=".repeat(1 << 20)), None);
        assert_eq!(parse(&format!("{{a={}", ",".repeat(1 << 20))), None);
    }
}
