//! What rules and events are made of: the same words on both sides, so that they often meet.

use std::sync::LazyLock;

use super::encoding::{base64, utf16be, utf16le};

/// Texts that are encoded in some events.
pub const SECRETS: &[&str] = &["foobar", "foob", "/bin/sh", "PutX"];

/// Plain texts.
pub const TEXTS: &[&str] = &[
    "GetObject",
    "getOBJECT",
    "PutObject",
    "DeleteBucket",
    "s3.amazonaws.com",
    "alpha",
    "ALPHA",
    "alphabet",
    "Beta-gamma",
    "beta/gamma",
    "cmd -a -b",
    "cmd /a -b",
    "cmd /a /b",
    "cmd \u{2013}a",
    "-x",
    "*",
    "a*b",
    "a?b",
    "aXb",
    "a\\b",
    "a\\*b",
    "\\\\srv\\share\\",
    "",
    " ",
    "0",
    "5",
    "05",
    "5.0",
    "-3",
    "1e3",
    " 7 ",
    "inf",
    "300",
    "true",
    "TRUE",
    "false",
    "yes",
    "no",
    "1",
    "null",
    "\u{dc}n\u{ef}code",
    "\u{fc}N\u{cf}CODE",
    "stra\u{df}e",
    "STRASSE",
    "\u{3a3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}",
    "\u{3c3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c3}",
    "\u{17f}ilk",
    "silk",
    "\u{212a}elvin",
    "kelvin",
    "line\nbreak",
    "say \"hi\"",
    "{\"Effect\":\"Allow\",\"Action\":\"s3:*\"}",
    "10.1.2.3",
    "10.1.2.3 ",
    "192.0.2.200",
    "::ffff:10.1.2.3",
    "2001:db8::1",
    "AWS Internal",
    "100%",
    "jump-1",
];

/// Names of events, of rules too.
pub const EVENT_NAMES: &[&str] =
    &["GetObject", "PutObject", "getobject", "DeleteBucket", "\u{212a}elvin", "kelvin"];

/// Times as CloudTrail and other tools write them.
pub const TIMES: &[&str] = &[
    "2024-05-01T00:00:00Z",
    "2024-12-30T23:59:01Z",
    "2021-01-01T05:07:09Z",
    "2024-02-29T12:30:00.250Z",
    "2024-12-31T23:30:00-02:00",
    "2023-07-10T12:12:05+05:30",
    "2020-12-31T00:00:59Z",
];

/// Expressions that both engines compile.
pub const REGEXES: &[&str] = &[
    "a.*b",
    "^alpha",
    "ALPHA$",
    "^a.b$",
    "(Get|Put)Object",
    "\\d+",
    "^\\d{1,3}(\\.\\d{1,3}){3}$",
    "[A-Z]{5}",
    "line.break",
    "^break$",
    "\u{fc}n",
    "a\\*b",
    "\\\\srv",
    ".",
    "",
    "k",
];

/// Networks.
pub const NETS: &[&str] = &[
    "10.0.0.0/8",
    "10.1.2.3/32",
    "10.1.2.99/24",
    "192.0.2.128/25",
    "0.0.0.0/0",
    "2001:db8::/32",
    "::/0",
    "2001:db8::1/128",
];

/// Numbers of rules, as YAML writes them.
pub const NUMBERS: &[&str] = &["0", "1", "5", "-3", "300", "1000", "5.5", "2024"];

/// Fields that rules ask for. Some are never there, some are written in an odd way.
pub const FIELDS: &[&str] = &[
    "eventName",
    "eventSource",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "readOnly",
    "recipientAccountId",
    "eventCategory",
    "eventTime",
    "eventVersion",
    "userIdentity",
    "userIdentity.type",
    "userIdentity.arn",
    "userIdentity.userName",
    "userIdentity.sessionContext.attributes.mfaAuthenticated",
    "userIdentity.sessionContext.attributes.creationDate",
    "requestParameters",
    "requestParameters.bucketName",
    "requestParameters.key",
    "requestParameters.x-amz-acl",
    "requestParameters.aws:SourceVpce",
    "requestParameters.a.b",
    "requestParameters.count",
    "requestParameters.flag",
    "requestParameters.tags",
    "requestParameters.grid",
    "requestParameters.items",
    "requestParameters.items.name",
    "requestParameters.items.n",
    "requestParameters.items.deep.leaf",
    "requestParameters.policy",
    "requestParameters.when",
    "requestParameters.Host",
    "requestParameters.host",
    "responseElements",
    "responseElements.code",
    "resources",
    "resources.ARN",
    "resources.accountId",
    "additionalEventData.bytesTransferredOut",
    "additionalEventData.x-amz-id-2",
    "vpcEndpointId",
    "no.such.field",
    "eventname",
];

/// Fields that often hold a time.
pub const TIME_FIELDS: &[&str] = &[
    "eventTime",
    "requestParameters.when",
    "userIdentity.sessionContext.attributes.creationDate",
    "requestParameters.count",
    "errorCode",
];

/// Fields that often hold a number.
pub const NUMBER_FIELDS: &[&str] = &[
    "requestParameters.count",
    "requestParameters.items.n",
    "additionalEventData.bytesTransferredOut",
    "requestParameters.tags",
    "errorCode",
    "responseElements.code",
];

/// Fields that often hold an address.
pub const ADDRESS_FIELDS: &[&str] =
    &["sourceIPAddress", "requestParameters.tags", "requestParameters.Host", "userAgent"];

/// Values of placeholders.
pub const PLACEHOLDERS: &[(&str, &[&str])] =
    &[("admins", &["alpha", "Beta-gamma"]), ("jump_hosts", &["10.1.2.3", "jump-*"])];

/// Every text that events hold: plain ones, times, and texts with encoded ones inside.
pub static ALL_TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut texts: Vec<String> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    texts.extend(TIMES.iter().map(|time| (*time).to_owned()));
    for secret in SECRETS {
        let bytes = secret.as_bytes();
        texts.push(base64(bytes));
        for (before, after) in [("", "xyz"), ("a", "q"), ("ab", "")] {
            let padded = [before.as_bytes(), bytes, after.as_bytes()].concat();
            texts.push(format!("powershell {}", base64(&padded)));
        }
        texts.push(base64(&utf16le(secret)));
        texts.push(base64(&utf16be(secret)));
        texts.push(base64(&[vec![0xff, 0xfe], utf16le(secret)].concat()));
        texts.push(String::from_utf8_lossy(&utf16le(secret)).into_owned());
    }
    texts
});
