//! Who calls: the `userIdentity` of users, roles, services and foreigners.

use std::sync::Arc;

use super::clock;
use super::dice::{Dice, fixed};

/// `userIdentity`, rendered once for the many calls of a session.
#[derive(Clone)]
pub struct Identity {
    pub json: Arc<str>,
    /// What the bucket's owner sees if the bucket is another account's.
    pub redacted: Arc<str>,
    /// The ARN as the logs have it; empty for services and anonymous callers.
    pub arn: Arc<str>,
    /// The caller's account; empty for services and anonymous callers.
    pub account: &'static str,
}

/// A role, as its sessions name it.
#[derive(Clone, Copy)]
pub struct Role {
    pub account: &'static str,
    /// `/` or `/aws-reserved/…/`.
    pub path: &'static str,
    pub name: &'static str,
}

/// How a role's session came about.
#[derive(Clone, Copy, PartialEq)]
pub enum Origin {
    Plain,
    Instance,
    GitHub,
    /// On behalf of the role, by a service.
    Service(&'static str),
}

const IDS: u64 = 0x1d;

pub fn role(account: &'static str, name: &'static str) -> Role {
    Role { account, path: "/", name }
}

/// A role of a permission set of IAM Identity Center.
pub fn sso(account: &'static str, name: &'static str) -> Role {
    Role { account, path: "/aws-reserved/sso.amazonaws.com/eu-central-1/", name }
}

pub fn service_linked(account: &'static str, path: &'static str, name: &'static str) -> Role {
    Role { account, path, name }
}

fn redacted(principal: &str, account: &str) -> Arc<str> {
    format!(r#"{{"type":"AWSAccount","principalId":"{principal}","accountId":"{account}"}}"#).into()
}

/// A user with a key that never changes.
pub fn user(account: &'static str, name: &str) -> Identity {
    let mut ids = fixed(IDS, &format!("{account}/{name}"));
    let (principal, key) = (format!("AIDA{}", ids.upper(17)), format!("AKIA{}", ids.upper(16)));
    let arn = format!("arn:aws:iam::{account}:user/{name}");
    let json = format!(
        r#"{{"type":"IAMUser","principalId":"{principal}","arn":"{arn}","accountId":"{account}","accessKeyId":"{key}","userName":"{name}"}}"#
    );
    let redacted = redacted(&principal, account);
    Identity { json: json.into(), redacted, arn: arn.into(), account }
}

/// A session of a role that began at `since`.
pub fn session(dice: &mut Dice, role: Role, name: &str, since: i64, origin: Origin) -> Identity {
    let Role { account, path, name: role_name } = role;
    let id = format!("AROA{}", fixed(IDS, &format!("{account}/{role_name}")).upper(17));
    let (principal, key) = (format!("{id}:{name}"), format!("ASIA{}", dice.upper(16)));
    let arn = format!("arn:aws:sts::{account}:assumed-role/{role_name}/{name}");
    let created = clock::text(since);
    let federated = match origin {
        Origin::GitHub => format!(
            r#","webIdFederationData":{{"federatedProvider":"arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com","attributes":{{}}}}"#
        ),
        _ => String::new(),
    };
    let delivered = if origin == Origin::Instance { r#","ec2RoleDelivery":"2.0""# } else { "" };
    let invoked = match origin {
        Origin::Service(service) => format!(r#","invokedBy":"{service}""#),
        _ => String::new(),
    };
    let json = format!(
        r#"{{"type":"AssumedRole","principalId":"{principal}","arn":"{arn}","accountId":"{account}","accessKeyId":"{key}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"{id}","arn":"arn:aws:iam::{account}:role{path}{role_name}","accountId":"{account}","userName":"{role_name}"}}{federated},"attributes":{{"creationDate":"{created}","mfaAuthenticated":"false"}}{delivered}}}{invoked}}}"#
    );
    let redacted = redacted(&principal, account);
    Identity { json: json.into(), redacted, arn: arn.into(), account }
}

/// A service by itself.
pub fn service(name: &str) -> Identity {
    let json: Arc<str> = format!(r#"{{"type":"AWSService","invokedBy":"{name}"}}"#).into();
    Identity { redacted: Arc::clone(&json), json, arn: "".into(), account: "" }
}

pub fn anonymous() -> Identity {
    let json: Arc<str> = r#"{"type":"AWSAccount","principalId":"","accountId":"anonymous"}"#.into();
    Identity { redacted: Arc::clone(&json), json, arn: "".into(), account: "" }
}

/// A role of an account whose trail is not ours.
pub fn foreign(account: &'static str, role: &str, name: &str) -> Identity {
    let id = format!("AROA{}:{name}", fixed(IDS, &format!("{account}/{role}")).upper(17));
    let json = redacted(&id, account);
    let arn = format!("arn:aws:sts::{account}:assumed-role/{role}/{name}");
    Identity { redacted: Arc::clone(&json), json, arn: arn.into(), account }
}
