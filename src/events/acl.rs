//! ACL grants, normalised: canned ACLs, grant headers and `AccessControlPolicy` bodies all become
//! lines of `<grantee> <permission>`, the values of the field `acl_grants`. Sources: S3 user
//! guide, "Access control list (ACL) overview"; the record shapes of real logs.
//!
//! Grantees: `AllUsers`, `AuthenticatedUsers`, `LogDelivery`, `owner`, `bucket-owner`,
//! `AwsExecRead`, `id=<canonical user id>`, `email=<address>`, `uri=<other group>`.

use simd_json::tape::{Object, Value};

use super::slots::{Slot, Slots};
use super::value;

/// The name under which rules ask for the grants.
pub(super) const ACL_GRANTS: &str = "acl_grants";

const GROUPS: &[(&str, &str)] = &[
    ("http://acs.amazonaws.com/groups/global/AllUsers", "AllUsers"),
    ("http://acs.amazonaws.com/groups/global/AuthenticatedUsers", "AuthenticatedUsers"),
    ("http://acs.amazonaws.com/groups/s3/LogDelivery", "LogDelivery"),
];

const CANNED: &[(&str, &[&str])] = &[
    ("private", &["owner FULL_CONTROL"]),
    ("public-read", &["AllUsers READ"]),
    ("public-read-write", &["AllUsers READ", "AllUsers WRITE"]),
    ("authenticated-read", &["AuthenticatedUsers READ"]),
    ("aws-exec-read", &["AwsExecRead READ"]),
    ("bucket-owner-read", &["bucket-owner READ"]),
    ("bucket-owner-full-control", &["bucket-owner FULL_CONTROL"]),
    ("log-delivery-write", &["LogDelivery WRITE", "LogDelivery READ_ACP"]),
];

const HEADERS: &[(Slot, &str, &str)] = &[
    (Slot::GrantRead, "x-amz-grant-read", "READ"),
    (Slot::GrantWrite, "x-amz-grant-write", "WRITE"),
    (Slot::GrantReadAcp, "x-amz-grant-read-acp", "READ_ACP"),
    (Slot::GrantWriteAcp, "x-amz-grant-write-acp", "WRITE_ACP"),
    (Slot::GrantFullControl, "x-amz-grant-full-control", "FULL_CONTROL"),
];

/// Reports every grant of the record to `each`. `line` is scratch space.
pub(super) fn grants(slots: &Slots<'_, '_>, line: &mut String, each: &mut impl FnMut(&str)) {
    if let Some(canned) = slots.non_empty(Slot::CannedAcl) {
        canned_grants(canned, line, each);
    }
    for (slot, _, permission) in HEADERS {
        if let Some(headers) = slots.value(*slot) {
            each_string(headers, &mut |header| header_grants(header, permission, line, each));
        }
    }
    if let Some(headers) = slots.value(Slot::AclHeaders).and_then(object) {
        for (name, inner) in &headers {
            let known = HEADERS.iter().find(|(_, header, _)| header.eq_ignore_ascii_case(name));
            let Some((_, _, permission)) = known else { continue };
            each_string(inner, &mut |header| header_grants(header, permission, line, each));
        }
    }
    if let Some(body) = slots.value(Slot::AclBody).and_then(object) {
        body_grants(&body, line, each);
    }
}

/// An object, or the one in a list of one.
fn object<'t, 'i>(value: Value<'t, 'i>) -> Option<Object<'t, 'i>> {
    value::unwrapped(value).as_object()
}

/// A string, or each one of a list: a header may be sent twice.
fn each_string(value: Value<'_, '_>, each: &mut impl FnMut(&str)) {
    match value.as_array() {
        Some(list) => list.iter().filter_map(value::string).for_each(each),
        None => value::string(value).into_iter().for_each(each),
    }
}

fn canned_grants(canned: &str, line: &mut String, each: &mut impl FnMut(&str)) {
    match CANNED.iter().find(|(name, _)| name.eq_ignore_ascii_case(canned)) {
        Some((_, grants)) => grants.iter().for_each(|grant| each(grant)),
        None => emit("canned=", canned, "UNKNOWN", line, each),
    }
}

/// `id="…", uri="http://…"`, quotes optional.
fn header_grants(header: &str, permission: &str, line: &mut String, each: &mut impl FnMut(&str)) {
    for grantee in header.split(',') {
        let Some((kind, name)) = grantee.trim().split_once('=') else { continue };
        let name = name.trim().trim_matches(['"', '\'']);
        match kind.trim().to_ascii_lowercase().as_str() {
            "uri" => emit_group(name, permission, line, each),
            "emailaddress" => emit("email=", name, permission, line, each),
            _ => emit("id=", name, permission, line, each),
        }
    }
}

/// `AccessControlPolicy{Owner{ID},AccessControlList{Grant}}`; one grant is an object, more are a
/// list.
fn body_grants(body: &Object<'_, '_>, line: &mut String, each: &mut impl FnMut(&str)) {
    let owner = body
        .get("Owner")
        .and_then(object)
        .and_then(|owner| owner.get("ID"))
        .and_then(value::string);
    let list = body.get("AccessControlList").and_then(object);
    let Some(list) = list.and_then(|list| list.get("Grant")) else { return };
    match list.as_array() {
        Some(many) => many.iter().for_each(|grant| body_grant(grant, owner, line, each)),
        None => body_grant(list, owner, line, each),
    }
}

fn body_grant(
    grant: Value<'_, '_>,
    owner: Option<&str>,
    line: &mut String,
    each: &mut impl FnMut(&str),
) {
    let permission = grant.get("Permission").and_then(value::string).unwrap_or("UNKNOWN");
    let Some(grantee) = grant.get("Grantee").and_then(object) else { return };
    let part = |key: &str| grantee.get(key).and_then(value::string);
    if let Some(uri) = part("URI") {
        emit_group(uri, permission, line, each);
    } else if let Some(id) = part("ID") {
        if Some(id) == owner {
            emit("", "owner", permission, line, each);
        } else {
            emit("id=", id, permission, line, each);
        }
    } else if let Some(email) = part("EmailAddress") {
        emit("email=", email, permission, line, each);
    }
}

fn emit_group(uri: &str, permission: &str, line: &mut String, each: &mut impl FnMut(&str)) {
    match GROUPS.iter().find(|(group, _)| group.eq_ignore_ascii_case(uri)) {
        Some((_, name)) => emit("", name, permission, line, each),
        None => emit("uri=", uri, permission, line, each),
    }
}

fn emit(
    kind: &str,
    grantee: &str,
    permission: &str,
    line: &mut String,
    each: &mut impl FnMut(&str),
) {
    line.clear();
    line.extend([kind, grantee, " ", permission]);
    each(line);
}

#[cfg(test)]
mod tests {
    use super::super::path::{PathSink, Trie};
    use super::*;

    struct Nowhere;

    impl PathSink for Nowhere {
        fn path_value(&mut self, _: usize, _: &str) {}
    }

    fn of(parameters: &str) -> Vec<String> {
        let mut bytes = format!(r#"{{"requestParameters":{{{parameters}}}}}"#).into_bytes();
        let tape = simd_json::to_tape(&mut bytes).unwrap();
        let mut slots = Slots::new();
        Trie::new(&[]).walk(tape.as_value(), &mut slots, &mut Nowhere);
        let mut found = Vec::new();
        grants(&slots, &mut String::new(), &mut |grant| found.push(grant.to_owned()));
        found
    }

    #[test]
    fn every_way_to_write_an_acl_gives_the_same_lines() {
        let all = "http://acs.amazonaws.com/groups/global/AllUsers";
        let cases: Vec<(String, Vec<&str>)> = vec![
            (r#""x-amz-acl":"public-read""#.into(), vec!["AllUsers READ"]),
            (r#""x-amz-acl":["private"]"#.into(), vec!["owner FULL_CONTROL"]),
            (r#""x-amz-acl":"made-up""#.into(), vec!["canned=made-up UNKNOWN"]),
            (
                r#""accessControlList":{"x-amz-grant-read":"uri=\"http://acs.amazonaws.com/groups/global/AuthenticatedUsers\", id=\"ab\""}"#.into(),
                vec!["AuthenticatedUsers READ", "id=ab READ"],
            ),
            (
                r#""x-amz-grant-write-acp":"emailAddress=a@example.com""#.into(),
                vec!["email=a@example.com WRITE_ACP"],
            ),
            (
                format!(r#""AccessControlPolicy":{{"AccessControlList":{{"Grant":{{"Grantee":{{"URI":"{all}"}},"Permission":"WRITE"}}}}}}"#),
                vec!["AllUsers WRITE"],
            ),
            (
                format!(r#""AccessControlPolicy":{{"Owner":{{"ID":"o"}},"AccessControlList":{{"Grant":[{{"Grantee":{{"ID":"o"}},"Permission":"FULL_CONTROL"}},{{"Grantee":{{"ID":"x"}},"Permission":"READ"}},{{"Grantee":{{"URI":"{all}"}},"Permission":"READ"}}]}}}}"#),
                vec!["owner FULL_CONTROL", "id=x READ", "AllUsers READ"],
            ),
            (
                r#""x-amz-grant-read":["id='a'","id=b"]"#.into(),
                vec!["id=a READ", "id=b READ"],
            ),
            (
                format!(r#""AccessControlPolicy":[{{"AccessControlList":[{{"Grant":{{"Grantee":[{{"URI":"{all}"}}],"Permission":"READ"}}}}]}}]"#),
                vec!["AllUsers READ"],
            ),
            (r#""AccessControlPolicy":"text","accessControlList":"","acl":"""#.into(), vec![]),
        ];
        for (parameters, expected) in cases {
            assert_eq!(of(&parameters), expected, "{parameters}");
        }
    }
}
