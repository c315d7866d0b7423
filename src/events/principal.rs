//! The *stable* principal: who acts, independent of the session. Source: AWS CloudTrail user
//! guide, "userIdentity element", and the variants seen in real logs.
//!
//! | caller | stable principal |
//! | --- | --- |
//! | assumed role | the role's ARN (the session issuer) |
//! | IAM user, root, federated user | its ARN |
//! | AWS service | the service, `cloudtrail.amazonaws.com` |
//! | anonymous | `anonymous` |
//! | caller of another account without an ARN | `foreign:<account>:<unique id>` |
//! | caller of the same account without an ARN | `account:<account>:<unique id>` |
//! | Identity Center user | `identitycenter:<user id>` |

use std::borrow::Cow;

use super::slots::{Slot, Slots};

/// The principal of a caller without credentials.
pub(super) const ANONYMOUS: &str = "anonymous";

/// Who made the call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Principal<'i> {
    /// The stable principal, see the module's table; `None` if the record names nobody.
    pub name: Option<Cow<'i, str>>,
    /// The caller's account, 12 digits; `None` for anonymous callers and AWS services.
    pub account: Option<&'i str>,
    /// The role session's name.
    pub session: Option<&'i str>,
}

/// Reads the principal off the identity slots of a record.
pub(super) fn principal<'i>(slots: &Slots<'_, 'i>) -> Principal<'i> {
    let arn = slots.non_empty(Slot::IdentityArn);
    let kind = slots.string(Slot::IdentityType);
    let account = slots
        .non_empty(Slot::IdentityAccount)
        .or_else(|| slots.non_empty(Slot::IssuerAccount))
        .filter(|account| !is_anonymous_account(account));
    // The search in the ARN is spared where the type says it.
    let assumed = kind == Some("AssumedRole")
        || kind.is_none() && arn.is_some_and(|arn| arn.contains(":assumed-role/"));
    let session = arn.filter(|_| assumed).and_then(session_of);
    Principal { name: name(slots, kind, assumed, arn, account), account, session }
}

fn name<'i>(
    slots: &Slots<'_, 'i>,
    kind: Option<&'i str>,
    assumed: bool,
    arn: Option<&'i str>,
    account: Option<&'i str>,
) -> Option<Cow<'i, str>> {
    if assumed {
        let issuer = slots.non_empty(Slot::IssuerArn).map(Cow::Borrowed);
        if let Some(role) = issuer.or_else(|| arn.and_then(role_of)) {
            return Some(role);
        }
    }
    if let Some(arn) = arn {
        return Some(Cow::Borrowed(arn));
    }
    if let Some(user) = slots.non_empty(Slot::IdentityOnBehalfOf) {
        return Some(Cow::Owned(format!("identitycenter:{user}")));
    }
    if is_anonymous(slots, kind) {
        return Some(Cow::Borrowed(ANONYMOUS));
    }
    if let Some(service) = slots.non_empty(Slot::IdentityInvokedBy) {
        return Some(Cow::Borrowed(service));
    }
    let unique = slots.non_empty(Slot::IdentityPrincipalId).map(without_session);
    match (account, unique.or_else(|| slots.non_empty(Slot::IdentityUserName))) {
        (Some(account), unique) => Some(Cow::Owned(by_account(slots, account, unique))),
        (None, unique) => unique.map(Cow::Borrowed),
    }
}

fn by_account(slots: &Slots<'_, '_>, account: &str, unique: Option<&str>) -> String {
    let foreign = slots.string(Slot::RecipientAccount).is_some_and(|own| own != account);
    let prefix = if foreign { "foreign" } else { "account" };
    match unique {
        Some(unique) => format!("{prefix}:{account}:{unique}"),
        None => format!("{prefix}:{account}"),
    }
}

/// `AROA…:session` → `AROA…`.
fn without_session(id: &str) -> &str {
    id.split_once(':').map_or(id, |(unique, _)| unique)
}

fn is_anonymous_account(account: &str) -> bool {
    account.eq_ignore_ascii_case(ANONYMOUS) || account == "ANONYMOUS_PRINCIPAL"
}

/// Seen as account `anonymous` (2024) and `ANONYMOUS_PRINCIPAL` (2022), with an empty principal id.
fn is_anonymous(slots: &Slots<'_, '_>, kind: Option<&str>) -> bool {
    match slots.string(Slot::IdentityAccount) {
        Some(account) if !account.is_empty() => is_anonymous_account(account),
        _ => kind == Some("AWSAccount") && slots.non_empty(Slot::IdentityPrincipalId).is_none(),
    }
}

fn session_of(arn: &str) -> Option<&str> {
    arn.rsplit_once('/').map(|(_, session)| session).filter(|session| !session.is_empty())
}

/// `arn:aws:sts::A:assumed-role/R/S` → `arn:aws:iam::A:role/R`; the role's path is not in the
/// session's ARN and stays unknown.
fn role_of(arn: &str) -> Option<Cow<'_, str>> {
    let (head, rest) = arn.split_once(":assumed-role/")?;
    let (role, _) = rest.split_once('/')?;
    Some(Cow::Owned(format!("{}:role/{role}", head.replacen(":sts:", ":iam:", 1))))
}

#[cfg(test)]
mod tests {
    use super::super::path::{PathSink, Trie};
    use super::*;

    struct Nowhere;

    impl PathSink for Nowhere {
        fn path_value(&mut self, _: usize, _: &str) {}
    }

    fn of(json: &str) -> (Option<String>, Option<String>, Option<String>) {
        let mut bytes = json.as_bytes().to_vec();
        let tape = simd_json::to_tape(&mut bytes).unwrap();
        let mut slots = Slots::new();
        Trie::new(&[]).walk(tape.as_value(), &mut slots, &mut Nowhere);
        let found = principal(&slots);
        let owned = |text: Option<&str>| text.map(str::to_owned);
        (found.name.map(Cow::into_owned), owned(found.account), owned(found.session))
    }

    #[test]
    fn every_kind_of_caller_has_a_stable_name() {
        let role = r#""type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/R/S","accountId":"111122223333""#;
        let issuer =
            r#""sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::111122223333:role/p/R"}}"#;
        let cases = [
            (format!("{role},{issuer}"), "arn:aws:iam::111122223333:role/p/R", Some("S")),
            (role.to_owned(), "arn:aws:iam::111122223333:role/R", Some("S")),
            (
                format!(r#"{role},"sessionContext":{{"sessionIssuer":{{}}}}"#),
                "arn:aws:iam::111122223333:role/R",
                Some("S"),
            ),
            (
                r#""type":"IAMUser","arn":"arn:aws:iam::1:user/a""#.to_owned(),
                "arn:aws:iam::1:user/a",
                None,
            ),
            (
                r#""type":"AWSService","invokedBy":"s3.amazonaws.com""#.to_owned(),
                "s3.amazonaws.com",
                None,
            ),
            (
                r#""type":"AWSAccount","principalId":"","accountId":"anonymous""#.to_owned(),
                "anonymous",
                None,
            ),
            (
                r#""type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL""#
                    .to_owned(),
                "anonymous",
                None,
            ),
            (
                r#""type":"AWSAccount","principalId":"AROAX:s","accountId":"999988887777""#
                    .to_owned(),
                "foreign:999988887777:AROAX",
                None,
            ),
            (
                r#""accountId":"111122223333","invokedBy":"AWS Internal""#.to_owned(),
                "AWS Internal",
                None,
            ),
            (
                r#""type":"IdentityCenterUser","onBehalfOf":{"userId":"u-1"}"#.to_owned(),
                "identitycenter:u-1",
                None,
            ),
        ];
        for (identity, name, session) in cases {
            let json =
                format!(r#"{{"recipientAccountId":"111122223333","userIdentity":{{{identity}}}}}"#);
            let found = of(&json);
            assert_eq!(found.0.as_deref(), Some(name), "{identity}");
            assert_eq!(found.2.as_deref(), session, "{identity}");
        }
    }

    #[test]
    fn accounts_of_anonymous_callers_and_services_are_unknown() {
        let anonymous =
            r#"{"userIdentity":{"type":"AWSAccount","principalId":"","accountId":"anonymous"}}"#;
        assert_eq!(of(anonymous).1, None);
        assert_eq!(of(r#"{"userIdentity":null}"#), (None, None, None));
    }
}
