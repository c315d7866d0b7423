//! What a resource policy grants, normalised: the values of the field `policy_grants`, lines of
//! `<grantee> <permission>`. Sources: IAM user guide, "Policy elements reference"; S3 user guide,
//! "The meaning of public"; the record shapes of real logs, where the policy of a bucket is an object
//! and that of an access point a text.
//!
//! Only `Allow` statements count. `Deny` statements and Block Public Access may take away again what is
//! granted; no record of the call shows both.

use serde_json::{Map, Value as Json};
use simd_json::tape::Value;

use super::value;

/// The name under which rules ask for the grants.
pub(super) const POLICY_GRANTS: &str = "policy_grants";

/// Keys below `requestParameters` that hold a policy. (`policy` itself is the sub-resource's flag.)
const HOLDERS: &[&str] = &["bucketPolicy", "Policy"];

/// The nesting of requests within which a policy is looked for.
const DEPTH: usize = 8;

/// Actions that stand for what a permission allows (IAM service authorization reference, S3).
const ACTIONS: &[(&str, &[&str])] = &[
    ("READ", &["s3:getobject", "s3:getobjectversion"]),
    ("LIST", &["s3:listbucket", "s3:listbucketversions"]),
    ("WRITE", &["s3:putobject", "s3:replicateobject"]),
    ("DELETE", &["s3:deleteobject", "s3:deleteobjectversion"]),
    (
        "ADMIN",
        &[
            "s3:putbucketpolicy",
            "s3:deletebucketpolicy",
            "s3:putbucketacl",
            "s3:putobjectacl",
            "s3:putbucketpublicaccessblock",
            "s3:putlifecycleconfiguration",
            "s3:putreplicationconfiguration",
            "s3:putencryptionconfiguration",
            "s3:putbucketversioning",
            "s3:putbucketownershipcontrols",
            "s3:bypassgovernanceretention",
            "s3:objectowneroverridetobucketowner",
            "s3:putaccesspointpolicy",
        ],
    ),
];

/// Keys of conditions that bound who `*` is, if their values are fixed.
const BOUNDING: &[&str] = &[
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourcearn",
    "aws:userid",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:sourceip",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
];

/// Keys of conditions that only signed calls have a value for.
const SIGNED: &[&str] = &["s3:authtype", "s3:signatureversion", "aws:principaltype"];

/// Reports every grant of the policies of a request to `each`, those of the trail's own account as
/// `own=<account>`.
pub(super) fn grants(request: Value<'_, '_>, own: Option<&str>, each: &mut impl FnMut(&str)) {
    policies(request, DEPTH, &mut |policy| {
        for statement in listed(policy.get("Statement")).into_iter().filter_map(Json::as_object) {
            if statement.get("Effect").and_then(Json::as_str) == Some("Allow") {
                of_statement(statement, own, each);
            }
        }
    });
}

/// Every policy below `node`, whether an object or JSON in a text.
fn policies(node: Value<'_, '_>, depth: usize, each: &mut impl FnMut(&Map<String, Json>)) {
    let Some(depth) = depth.checked_sub(1) else { return };
    if let Some(array) = node.as_array() {
        array.iter().for_each(|inner| policies(inner, depth, each));
    }
    let Some(object) = node.as_object() else { return };
    for (key, inner) in &object {
        let is_policy = HOLDERS.iter().any(|holder| holder.eq_ignore_ascii_case(key));
        match is_policy.then(|| policy(inner)).flatten() {
            Some(policy) => each(&policy),
            None => policies(inner, depth, each),
        }
    }
}

fn policy(found: Value<'_, '_>) -> Option<Map<String, Json>> {
    let text = if let Some(text) = value::string(found) {
        text.to_owned()
    } else {
        let mut json = String::new();
        value::json(value::unwrapped(found), true, &mut json);
        json
    };
    match serde_json::from_str(&text) {
        Ok(Json::Object(policy)) if policy.contains_key("Statement") => Some(policy),
        _ => None,
    }
}

fn of_statement(statement: &Map<String, Json>, own: Option<&str>, each: &mut impl FnMut(&str)) {
    let permissions = permissions(statement);
    for grantee in grantees(statement, own) {
        for permission in &permissions {
            each(&format!("{grantee} {permission}"));
        }
    }
}

/// An element, or each one of a list.
fn listed(value: Option<&Json>) -> Vec<&Json> {
    match value {
        Some(Json::Array(list)) => list.iter().collect(),
        some => some.into_iter().collect(),
    }
}

fn texts(value: Option<&Json>) -> Vec<&str> {
    listed(value).into_iter().filter_map(Json::as_str).collect()
}

/// What the statement's actions come to: `ALL`, or some of READ, LIST, WRITE, DELETE and ADMIN, or
/// `OTHER`. All but what `NotAction` names counts as all.
fn permissions(statement: &Map<String, Json>) -> Vec<&'static str> {
    let Some(actions) = statement.get("Action") else { return vec!["ALL"] };
    let patterns: Vec<String> =
        texts(Some(actions)).iter().map(|action| action.to_ascii_lowercase()).collect();
    if patterns.iter().any(|pattern| ["*", "s3:*"].contains(&pattern.as_str())) {
        return vec!["ALL"];
    }
    let is_granted = |names: &[&str]| {
        patterns
            .iter()
            .any(|pattern| names.iter().any(|name| glob(pattern.as_bytes(), name.as_bytes())))
    };
    let granted = ACTIONS.iter().filter(|(_, names)| is_granted(names));
    let found: Vec<&'static str> = granted.map(|(permission, _)| *permission).collect();
    if found.is_empty() { vec!["OTHER"] } else { found }
}

/// Whether `text` is of the form of `pattern`: `*` for any characters, `?` for one.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(from) {
        match (pattern.get(at), star) {
            (Some(b'*'), _) => {
                star = Some((at, from));
                at += 1;
            }
            (Some(wanted), _) if *wanted == b'?' || wanted == byte => {
                at += 1;
                from += 1;
            }
            (_, Some((position, taken))) => {
                star = Some((position, taken + 1));
                at = position + 1;
                from = taken + 1;
            }
            _ => return false,
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|rest| *rest == b'*')
}

/// Whom the statement grants something.
fn grantees(statement: &Map<String, Json>, own: Option<&str>) -> Vec<String> {
    if statement.contains_key("NotPrincipal") {
        return vec!["EveryoneBut".to_owned()];
    }
    let bounded = bounds(statement);
    let everyone = || match &bounded {
        Bounds::None => vec!["Everyone".to_owned()],
        Bounds::Some => vec!["EveryoneBounded".to_owned()],
        Bounds::Signed => vec!["EveryoneSigned".to_owned()],
        Bounds::Accounts(accounts) => {
            accounts.iter().map(|account| of_account(account, own)).collect()
        }
    };
    let named = match statement.get("Principal") {
        Some(Json::Object(named)) => named,
        Some(principal) if texts(Some(principal)).contains(&"*") => return everyone(),
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    for (kind, names) in named {
        for name in texts(Some(names)) {
            match kind.as_str() {
                "AWS" if name == "*" => found.extend(everyone()),
                "AWS" => found.push(of_aws(name, own)),
                "Service" => found.push(format!("service={name}")),
                "Federated" => found.push(format!("federated={name}")),
                "CanonicalUser" => found.push(format!("canonical={name}")),
                _ => found.push(format!("other={name}")),
            }
        }
    }
    found
}

/// An ARN, an account's number, or the unique id of a principal that is gone.
fn of_aws(name: &str, own: Option<&str>) -> String {
    if is_account(name) {
        return of_account(name, own);
    }
    match name.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(3)) {
        Some(account) if is_account(account) => of_account(account, own),
        // `arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1…`
        Some(service) if !service.is_empty() => format!("service={service}"),
        _ => format!("id={name}"),
    }
}

fn of_account(account: &str, own: Option<&str>) -> String {
    let relation = if own == Some(account) { "own" } else { "account" };
    format!("{relation}={account}")
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Who of everyone is left by the conditions.
enum Bounds {
    /// Everyone.
    None,
    /// Those who sign their calls, with keys of whatever account.
    Signed,
    /// Those of certain networks, organisations or resources.
    Some,
    /// Those of certain accounts.
    Accounts(Vec<String>),
}

fn bounds(statement: &Map<String, Json>) -> Bounds {
    let Some(conditions) = statement.get("Condition").and_then(Json::as_object) else {
        return Bounds::None;
    };
    let mut bounds = Bounds::None;
    for (operator, keys) in conditions.iter().filter(|(operator, _)| is_positive(operator)) {
        for (key, values) in keys.as_object().into_iter().flatten() {
            let (key, values) = (key.to_ascii_lowercase(), texts(Some(values)));
            let is_fixed = |value: &&str| is_fixed(&key, value);
            if values.is_empty() || !values.iter().all(is_fixed) {
                continue;
            }
            if SIGNED.contains(&key.as_str()) && matches!(bounds, Bounds::None) {
                bounds = Bounds::Signed;
            }
            if !BOUNDING.contains(&key.as_str()) {
                continue;
            }
            let accounts = key == "aws:principalaccount" && operator.starts_with("String");
            match bounds {
                Bounds::Accounts(_) => {}
                _ if accounts && values.iter().all(|value| is_account(value)) => {
                    bounds = Bounds::Accounts(values.into_iter().map(str::to_owned).collect());
                }
                _ => bounds = Bounds::Some,
            }
        }
    }
    bounds
}

/// Operators that hold only for the values named; `…IfExists` and `ForAllValues:` hold for calls
/// without the key too.
fn is_positive(operator: &str) -> bool {
    let operator = operator.strip_prefix("ForAnyValue:").unwrap_or(operator);
    ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"]
        .contains(&operator)
}

/// Whether a condition's value leaves no stranger: no policy variable, no wildcard that spans
/// accounts, no network wider than /8 (IPv6: /32).
fn is_fixed(key: &str, text: &str) -> bool {
    if text.contains("${") {
        return false;
    }
    if key == "aws:sourceip" {
        return text.parse::<ipnet::IpNet>().map_or_else(
            |_| text.parse::<std::net::IpAddr>().is_ok(),
            |net| net.prefix_len() >= if net.addr().is_ipv4() { 8 } else { 32 },
        );
    }
    if text.contains(['*', '?']) {
        let account = text.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(3));
        // Names of buckets are unique: an ARN of S3 without account is of one owner.
        let of_bucket = text
            .strip_prefix("arn:aws:s3:::")
            .is_some_and(|name| !name.split('/').next().unwrap_or_default().contains(['*', '?']));
        let of_organization = key == "aws:principalorgpaths"
            && text.starts_with("o-")
            && !text.split('/').next().unwrap_or_default().contains(['*', '?']);
        return account.is_some_and(is_account) || of_bucket || of_organization;
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(request: &str) -> Vec<String> {
        let mut bytes = request.as_bytes().to_vec();
        let tape = simd_json::to_tape(&mut bytes).unwrap();
        let mut found = Vec::new();
        grants(tape.as_value(), Some("111122223333"), &mut |line| found.push(line.to_owned()));
        found
    }

    fn of(principal: &str, action: &str, condition: &str) -> Vec<String> {
        found(&format!(
            r#"{{"policy":"","bucketPolicy":{{"Version":"2012-10-17","Statement":
            {{"Effect":"Allow","Principal":{principal},"Action":{action},"Resource":"*"{condition}}}}}}}"#
        ))
    }

    #[test]
    fn grantees_are_told_apart() {
        for (principal, expected) in [
            (r#""*""#, "Everyone READ"),
            (r#"{"AWS":"*"}"#, "Everyone READ"),
            (
                r#"{"AWS":["arn:aws:iam::111122223333:role/app","*"]}"#,
                "own=111122223333 READ,Everyone READ",
            ),
            (r#"{"AWS":"999988887777"}"#, "account=999988887777 READ"),
            (r#"{"AWS":"arn:aws-cn:iam::999988887777:root"}"#, "account=999988887777 READ"),
            (r#"{"AWS":"AIDAEXAMPLE"}"#, "id=AIDAEXAMPLE READ"),
            (
                r#"{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}"#,
                "service=cloudfront READ",
            ),
            (r#"{"Service":"cloudtrail.amazonaws.com"}"#, "service=cloudtrail.amazonaws.com READ"),
            (r#"{"CanonicalUser":"79a5"}"#, "canonical=79a5 READ"),
            (r#"{"Federated":"accounts.google.com"}"#, "federated=accounts.google.com READ"),
            ("null", ""),
        ] {
            assert_eq!(of(principal, r#""s3:GetObject""#, "").join(","), expected, "{principal}");
        }
        let but = r#"{"bucketPolicy":{"Statement":[{"Effect":"Allow","NotPrincipal":{"AWS":"1"},"Action":"s3:*"}]}}"#;
        assert_eq!(found(but), ["EveryoneBut ALL"]);
        let deny =
            r#"{"bucketPolicy":{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*"}]}}"#;
        assert_eq!(found(deny), Vec::<String>::new());
    }

    #[test]
    fn actions_come_to_permissions() {
        for (action, expected) in [
            (r#""*""#, "ALL"),
            (r#""S3:*""#, "ALL"),
            (r#""s3:Get*""#, "READ"),
            (r#"["s3:List*","s3:GetObject"]"#, "READ LIST"),
            (r#""s3:PutObject""#, "WRITE"),
            (r#""s3:Put*""#, "WRITE ADMIN"),
            (r#""s3:*Object""#, "READ WRITE DELETE"),
            (r#""s3:GetBucketLocation""#, "OTHER"),
            (r#""s3:GetObjec?""#, "READ"),
            (r#""kms:Decrypt""#, "OTHER"),
        ] {
            let lines = of(r#""*""#, action, "");
            let found: Vec<&str> =
                lines.iter().filter_map(|line| line.strip_prefix("Everyone ")).collect();
            assert_eq!(found.join(" "), expected, "{action}");
        }
    }

    #[test]
    fn conditions_bound_who_everyone_is() {
        for (condition, expected) in [
            (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#, "EveryoneBounded READ"),
            (r#"{"StringEquals":{"AWS:PrincipalOrgID":["o-1","o-2"]}}"#, "EveryoneBounded READ"),
            (r#"{"StringLike":{"aws:SourceVpce":"vpce-*"}}"#, "Everyone READ"),
            (r#"{"StringEquals":{"aws:userid":"${aws:username}"}}"#, "Everyone READ"),
            (r#"{"StringEqualsIfExists":{"aws:SourceVpce":"vpce-1"}}"#, "Everyone READ"),
            (r#"{"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#, "Everyone READ"),
            (r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#, "Everyone READ"),
            (r#"{"StringEquals":{"s3:x-amz-acl":"public-read"}}"#, "Everyone READ"),
            (r#"{"StringEquals":{"s3:authType":"REST-HEADER"}}"#, "EveryoneSigned READ"),
            (
                r#"{"StringEquals":{"s3:authType":"REST-HEADER","aws:SourceVpce":"vpce-1"}}"#,
                "EveryoneBounded READ",
            ),
            (r#"{"Bool":{"aws:SecureTransport":"true"}}"#, "Everyone READ"),
            (r#"{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#, "EveryoneBounded READ"),
            (
                r#"{"IpAddress":{"aws:SourceIp":["192.0.2.7","2001:db8::/32"]}}"#,
                "EveryoneBounded READ",
            ),
            (r#"{"IpAddress":{"aws:SourceIp":["0.0.0.0/1","128.0.0.0/1"]}}"#, "Everyone READ"),
            (r#"{"IpAddress":{"aws:SourceIp":"::/0"}}"#, "Everyone READ"),
            (
                r#"{"ArnLike":{"aws:SourceArn":"arn:aws:cloudfront::111122223333:distribution/*"}}"#,
                "EveryoneBounded READ",
            ),
            (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::logs/*"}}"#, "EveryoneBounded READ"),
            (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::*"}}"#, "Everyone READ"),
            (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/x"}}"#, "Everyone READ"),
            (
                r#"{"StringEquals":{"aws:PrincipalAccount":["999988887777"]}}"#,
                "account=999988887777 READ",
            ),
        ] {
            let found = of(r#""*""#, r#""s3:GetObject""#, &format!(r#","Condition":{condition}"#));
            assert_eq!(found.join(","), expected, "{condition}");
        }
    }

    #[test]
    fn policies_are_found_as_objects_and_texts_at_some_depth() {
        let text = r#"{"name":"ap","PutAccessPointPolicyRequest":{"Policy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\"}]}"}}"#;
        assert_eq!(found(text), ["Everyone ALL"]);
        for broken in [
            r#"{"bucketPolicy":"{"}"#,
            r#"{"bucketPolicy":null,"policy":""}"#,
            r#"{"bucketPolicy":{"Statement":"s"}}"#,
            r#"{"bucketPolicy":{"Statement":[1,{"Effect":"Allow","Principal":7,"Action":{}}]}}"#,
            "7",
        ] {
            assert_eq!(found(broken), Vec::<String>::new(), "{broken}");
        }
    }
}
