//! Who did what to which resources, as OCSF's resources, evidences and observables.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::account;
use crate::error::Result;
use crate::findings::formats::row::{Cell, Row};

/// The longest address that the schema allows.
const LONGEST_ADDRESS: usize = 40;

/// The buckets, and the sample of object keys.
pub(super) fn resources(row: &Row<'_>) -> Result<Value> {
    let owner = account(row.text("bucket_owner_account")?, None);
    let owner = if owner.is_null() { owner } else { json!({ "account": owner }) };
    let buckets = row.texts("buckets")?;
    let bucket = |name: &&str| {
        json!({
            "uid": name,
            "name": name,
            "type": bucket_type(name),
            "owner": owner,
            "role_id": 1,
            "role": "Target",
        })
    };
    let only = if let [only] = buckets.as_slice() { Some(*only) } else { None };
    let key = |key: &str| {
        json!({
            "uid": key,
            "name": key,
            "namespace": only,
            "type": "AWS::S3::Object",
            "role_id": 1,
            "role": "Target",
        })
    };
    let keys = row.texts("object_keys")?;
    Ok(buckets.iter().map(bucket).chain(keys.into_iter().map(key)).collect())
}

/// Where the log does not name the bucket, there is an access point's ARN or alias.
fn bucket_type(name: &str) -> &'static str {
    if name.starts_with("arn:") || name.ends_with("-s3alias") {
        "AWS::S3::AccessPoint"
    } else {
        "AWS::S3::Bucket"
    }
}

/// The caller; each API operation, source and user agent; and the sample of events. What was called
/// from where with what, the columns do not say, so each stands by itself.
pub(super) fn evidences(row: &Row<'_>) -> Result<Value> {
    let mut evidences = Vec::new();
    if let Some(user) = user(row)? {
        evidences.push(json!({ "name": "caller", "actor": { "user": user } }));
    }
    for operation in row.texts("event_names")? {
        evidences.push(json!({ "name": "operation", "api": { "operation": operation } }));
    }
    for source in row.texts("source_ips")? {
        evidences.push(json!({ "name": "source", "src_endpoint": endpoint(source) }));
    }
    for vpc_endpoint in row.texts("vpc_endpoints")? {
        let endpoint = json!({ "uid": vpc_endpoint });
        evidences.push(json!({ "name": "VPC endpoint", "src_endpoint": endpoint }));
    }
    for agent in row.texts("user_agents")? {
        // The schema wants more than a request in an evidence.
        let (request, data) = (json!({ "user_agent": agent }), json!({ "userAgent": agent }));
        evidences.push(json!({ "name": "user agent", "http_request": request, "data": data }));
    }
    for event in row.list("evidence")? {
        let id = field(&event, "event_id").and_then(Cell::text);
        evidences.push(json!({
            "name": "CloudTrail event",
            "uid": id,
            "data": serde_json::to_value(&event)?,
        }));
    }
    Ok(Value::Array(evidences))
}

fn field<'c, 'b>(cell: &'c Cell<'b>, name: &str) -> Option<&'c Cell<'b>> {
    let Cell::Object(fields) = cell else { return None };
    fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// The principal, if there is but one, or at least its account.
fn user(row: &Row<'_>) -> Result<Option<Value>> {
    let (principal, caller) = (row.text("principal")?, row.text("caller_account")?);
    if principal.is_none() && caller.is_none() {
        return Ok(None);
    }
    let (type_id, kind) = match row.text("principal_type")? {
        Some("IAMUser") => (Some(1), Some("User")),
        Some("AWSService") => (Some(4), Some("Service")),
        Some(other) => (Some(99), Some(other)),
        None => (None, None),
    };
    let keys = row.texts("access_key_ids")?;
    let keys: Vec<Value> = keys.into_iter().map(|key| json!({ "uid": key })).collect();
    Ok(Some(json!({
        "uid": principal,
        "type_id": type_id,
        "type": kind,
        "account": account(caller, None),
        "programmatic_credentials": keys,
    })))
}

/// `sourceIPAddress` may hold an AWS service, and any text.
fn endpoint(source: &str) -> Value {
    if is_address(source) {
        json!({ "ip": source })
    } else if source.ends_with(".amazonaws.com") {
        json!({ "svc_name": source })
    } else {
        json!({ "name": source })
    }
}

fn is_address(source: &str) -> bool {
    source.len() <= LONGEST_ADDRESS && source.parse::<IpAddr>().is_ok()
}

/// What one searches for across events.
pub(super) fn observables(row: &Row<'_>) -> Result<Value> {
    let of = |name: &str, type_id: u8, kind: &str, values: Vec<&str>| -> Vec<Value> {
        let observable =
            |value| json!({ "name": name, "type_id": type_id, "type": kind, "value": value });
        values.into_iter().map(observable).collect()
    };
    let addresses = row.texts("source_ips")?.into_iter().filter(|source| is_address(source));
    let principal = row.text("principal")?.into_iter().collect();
    let credential = "evidences[].actor.user.programmatic_credentials[].uid";
    let agent = "evidences[].http_request.user_agent";
    Ok([
        of(
            "cloud.account.uid",
            35,
            "Account Object: uid",
            row.text("account")?.into_iter().collect(),
        ),
        of("evidences[].actor.user.uid", 31, "User Object: uid", principal),
        of(credential, 19, "User Credential ID", row.texts("access_key_ids")?),
        of("evidences[].src_endpoint.ip", 2, "IP Address", addresses.collect()),
        of(agent, 16, "HTTP User-Agent", row.texts("user_agents")?),
        of("resources[].uid", 10, "Resource UID", row.texts("buckets")?),
    ]
    .concat()
    .into())
}
