//! Seeds of the decoder: what tools make of two events, and how that comes to harm.

use serde_json::{Value, json};

use super::Seed;
use crate::common::logs::{bz, cells, event, gz, tar_of, text, utf16, zip_of, zst};

pub(super) fn seeds() -> Vec<Seed> {
    let groups = [packed(), sequences(), envelopes(), tables(), archives(), odd(), damaged()];
    groups.into_iter().flatten().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}

type Named = (&'static str, Vec<u8>);

fn events() -> [Value; 2] {
    [event(0), event(1)]
}

fn document() -> Vec<u8> {
    text(&json!({"Records": events()})).into_bytes()
}

fn each(separator: &str, wrap: impl Fn(Value) -> Value) -> Vec<u8> {
    events().map(|event| wrap(event).to_string()).join(separator).into_bytes()
}

fn lines() -> Vec<u8> {
    each("\n", |event| event)
}

/// One event, written out, with one more member.
fn with(member: &str) -> Vec<u8> {
    format!(
        r#"{{"Records":[{{"eventTime":"2026-03-04T10:00:00Z","eventVersion":"1",{member}}},{}]}}"#,
        event(1)
    )
    .into_bytes()
}

fn packed() -> Vec<Named> {
    let doc = document();
    let halves = |pack: fn(&[u8]) -> Vec<u8>| {
        let lines = lines();
        let (a, b) = lines.split_at(lines.len() / 3);
        [pack(a), pack(b)].concat()
    };
    vec![
        ("log-file.json", doc.clone()),
        ("log-file.json.gz", gz(&doc)),
        ("gzip-twice.json.gz", gz(&gz(&doc))),
        ("gzip-four-times.json.gz", gz(&gz(&gz(&gz(&doc))))),
        ("zstd.json.zst", zst(&doc)),
        ("bzip2.json.bz2", bz(&doc)),
        ("zstd-in-gzip.gz", gz(&zst(&doc))),
        ("bzip2-in-zstd.zst", zst(&bz(&doc))),
        ("gzip-members.gz", halves(gz)),
        ("zstd-frames.zst", halves(zst)),
        ("bzip2-streams.bz2", halves(bz)),
        ("gzip-padded.gz", [gz(&doc), vec![0; 40]].concat()),
        ("bomb.gz", gz(&vec![b' '; 300_000])),
        ("bomb.zst", zst(&vec![b' '; 3_000_000])),
        ("gzip-of-nothing.gz", gz(b"")),
    ]
}

fn sequences() -> Vec<Named> {
    let doc = document();
    vec![
        ("byte-order-mark.json", [b"\xef\xbb\xbf".to_vec(), doc.clone()].concat()),
        ("utf-16.json", utf16(&doc)),
        (
            "utf-16-big-endian.json",
            utf16(&doc).chunks(2).flat_map(|unit| [unit[1], unit[0]]).collect(),
        ),
        ("utf-16-cut.json", utf16(&doc)[..101].to_vec()),
        ("lines.jsonl", lines()),
        ("lines-of-windows.jsonl", each("\r\n", |event| event)),
        ("without-separators.json", each("", |event| event)),
        ("with-commas.json", each(",", |event| event)),
        ("record-separators.json", each("\n\u{1e}", |event| event)),
        ("padded-with-zeros.json", [doc.clone(), vec![0; 64]].concat()),
        ("documents.json", each("", |event| json!({"Records": [event]}))),
        ("array.json", text(&json!(events())).into_bytes()),
        ("array-of-documents.json", text(&json!([{"Records": events()}])).into_bytes()),
        ("pretty.json", serde_json::to_vec_pretty(&events()).unwrap()),
        ("texts.json", each("\n", |event| json!(text(&event)))),
        (
            "records-spelt-with-escapes.json",
            String::from_utf8(doc).unwrap().replace("Records", r"\u0052ecords").into_bytes(),
        ),
    ]
}

fn envelopes() -> Vec<Named> {
    let logs = |key: &str| {
        let entry = |event: Value| json!({"id": "1", "timestamp": 1, "message": text(&event)});
        json!({"messageType": "DATA_MESSAGE", "logGroup": "g", key: events().map(entry)})
    };
    let control = json!({"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "CWL"}]});
    let lookup =
        |event: Value| json!({"EventId": event["eventID"], "CloudTrailEvent": text(&event)});
    let cell = |event: Value| cells(&event).map(|(name, text)| json!({name: text}));
    let export = events().map(|event| format!("2026-03-04T10:00:00.000Z {event}\n")).concat();
    let notification =
        |message: String| json!({"Type": "Notification", "Message": message}).to_string();
    let digest = json!({"awsAccountId": "1", "digestS3Object": "x", "logFiles": []});
    let notice =
        json!({"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventTime": "x"}]});
    vec![
        ("cloudwatch-subscription.gz", gz(text(&logs("logEvents")).as_bytes())),
        (
            "firehose.gz",
            [gz(text(&logs("logEvents")).as_bytes()), gz(text(&control).as_bytes())].concat(),
        ),
        ("control-message.json", text(&control).into_bytes()),
        ("filter-log-events.json", text(&logs("events")).into_bytes()),
        ("cloudwatch-export.gz", gz(export.as_bytes())),
        ("lookup-events.json", text(&json!({"Events": events().map(lookup)})).into_bytes()),
        ("lookup-events.jsonl", each("\n", lookup)),
        (
            "eventbridge.jsonl",
            each(
                "\n",
                |event| json!({"detail-type": "AWS API Call via CloudTrail", "detail": event}),
            ),
        ),
        ("sns.json", notification(text(&json!({"Records": events()}))).into_bytes()),
        ("sns-with-cloudwatch.json", notification(text(&logs("logEvents"))).into_bytes()),
        (
            "validation-message.json",
            notification("CloudTrail validation message.".to_owned()).into_bytes(),
        ),
        ("splunk.json", each("\n", |event| json!({"result": {"_raw": text(&event)}}))),
        (
            "elastic.json",
            each("\n", |event| json!({"_source": {"event": {"original": text(&event)}}})),
        ),
        (
            "logstash.json",
            each("\n", |mut event| {
                event["@timestamp"] = json!("x");
                event
            }),
        ),
        ("query-results.json", text(&json!({"QueryResultRows": events().map(cell)})).into_bytes()),
        ("digest.json", text(&digest).into_bytes()),
        ("s3-notifications.json", text(&notice).into_bytes()),
        ("other-json.json", br#"{"configurationItems":[{"a":1}]}"#.to_vec()),
    ]
}

fn tables() -> Vec<Named> {
    let lake = "eventtime,eventname,useridentity,requestparameters,readonly,resources,mine\r\n\
        2023-07-10 12:12:05.000,GetObject,\"{type=IAMUser, principalid=AIDA, arn=arn:aws:iam::111122223333:user/a, \
        sessioncontext={attributes={mfaauthenticated=false}}, invokedby=null}\",\"{\"\"bucketName\"\":\"\"b\"\"}\",true,\
        \"[{arn=arn:aws:s3:::b, accountid=111122223333, type=AWS::S3::Bucket}]\",=cmd\r\n";
    let console = "Event name,Event time,User name,AWS access key,Read-only\nPutObject,2023-07-10T12:12:05Z,ann,AKIA,false\n";
    let flat = "eventTime,eventName,useridentity_principalid,requestParameters.bucketName\n2026-03-04T10:00:00Z,n,AIDA,b\n,,,\n";
    let whole = "x,eventJson\n1,\"{\"\"eventTime\"\":\"\"2026-03-04T10:00:00Z\"\",\"\"eventName\"\":\"\"x\"\"}\"\n2,\"{\"\"a\"\n";
    vec![
        ("lake.csv", lake.into()),
        ("lake.csv.gz", gz(lake.as_bytes())),
        ("console.csv", console.into()),
        ("flat.csv", flat.into()),
        ("whole-events.csv", whole.into()),
        ("no-utf-8.csv", [console.as_bytes(), b"\xff,x,y\n\"cut"].concat()),
        ("utf-16.csv", utf16(console.as_bytes())),
    ]
}

fn archives() -> Vec<Named> {
    let doc = document();
    let packed = gz(&doc);
    let members: [(&str, &[u8]); 3] =
        [("../etc/a.json.gz", &packed), ("b.txt", b"notes"), ("../etc/a.json.gz", b"{}")];
    // Zips cannot be written with a name twice.
    let (member, twice) = (&members[..2], &members[..]);
    let mut symlink = tar::Header::new_gnu();
    symlink.set_entry_type(tar::EntryType::Symlink);
    symlink.set_size(0);
    let mut linked = tar::Builder::new(Vec::new());
    linked.append_link(&mut symlink, "passwd.json", "/etc/passwd").unwrap();
    let mut long = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(2);
    long.append_data(&mut header, "a/".repeat(90) + "b.json", &b"{}"[..]).unwrap();
    vec![
        ("archive.tar", tar_of(twice)),
        ("archive.tar.gz", gz(&tar_of(member))),
        ("archive.zip", zip_of(member)),
        ("zip-of-tar.zip", zip_of(&[("b.tar", &tar_of(member))])),
        ("tar-of-zip.tar.bz2", bz(&tar_of(&[("z", &zip_of(&[("c.json", &doc)]))]))),
        ("zip-in-gzip.gz", gz(&zip_of(member))),
        ("zip-without-directory.zip", zip_of(member)[..500].to_vec()),
        ("tar-without-end.tar", tar_of(member)[..1_600].to_vec()),
        ("tar-with-link.tar", linked.into_inner().unwrap()),
        ("tar-with-long-name.tar", long.into_inner().unwrap()),
        ("tar-with-folder-and-pax.tar", pax()),
        ("tar-sparse.tar", sparse(4_000)),
        ("tars.tar", [tar_of(&[("a.json", b"{}")]), tar_of(&[("b.json", b"{}")])].concat()),
    ]
}

/// A folder, and a file with extended headers.
fn pax() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut folder = tar::Header::new_ustar();
    folder.set_entry_type(tar::EntryType::Directory);
    folder.set_size(0);
    builder.append_data(&mut folder, "logs/", &b""[..]).unwrap();
    builder.append_pax_extensions([("path", &b"logs/a.json"[..]), ("size", b"2")]).unwrap();
    let mut file = tar::Header::new_ustar();
    file.set_size(2);
    builder.append_data(&mut file, "short", &b"{}"[..]).unwrap();
    builder.into_inner().unwrap()
}

/// A sparse file of `size` bytes that holds two.
fn sparse(size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_path("sparse.json").unwrap();
    header.set_size(2);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.set_real_size(size);
    gnu.sparse[0].set_offset(0);
    gnu.sparse[0].set_length(2);
    gnu.sparse[1].set_offset(size);
    gnu.sparse[1].set_length(0);
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, &b"{}"[..]).unwrap();
    builder.into_inner().unwrap()
}

/// Values that are data, but odd.
fn odd() -> Vec<Named> {
    vec![
        ("lone-surrogates.json", with(r#""a":"\ud83d.","b":"\ude00\ud83d","c":"\ud83d\ude00""#)),
        ("wide-numbers.json", with(r#""a":18446744073709551616,"b":-99999999999999999999,"c":1e400,"d":1E-7"#)),
        ("deep.json", with(&format!("\"a\":{}{}", "[".repeat(31), "]".repeat(31)))),
        ("too-deep.json", with(&format!("\"a\":{}{}", "[".repeat(99), "]".repeat(99)))),
        ("long-record.json", with(&format!("\"a\":\"{}\"", "y".repeat(900)))),
        ("arrays-of-one.json", br#"{"Records":[{"eventTime":["2014-03-06T21:22:54Z"],"userIdentity":[{"type":["Root"],"arn":["x"]}],"requestParameters":{"bucketName":["b"],"key":["k"]}}]}"#.to_vec()),
        ("wrong-types.json", br#"{"Records":[{"eventTime":"2014-03-06T21:22:54Z","userIdentity":7,"requestParameters":"x","resources":{},"readOnly":"maybe","additionalEventData":[1,2],"eventID":null}]}"#.to_vec()),
        ("times.jsonl", times()),
        ("grants.json", with(r#""eventSource":"s3.amazonaws.com","eventName":"PutBucketAcl","requestParameters":{"bucketName":"b","x-amz-acl":["public-read"],"x-amz-grant-read":"uri=\"http://acs.amazonaws.com/groups/global/AllUsers\", id=\"7\"","AccessControlPolicy":{"AccessControlList":{"Grant":[{"Grantee":{"xsi:type":"CanonicalUser","ID":"7"},"Permission":"FULL_CONTROL"},{"Grantee":{"URI":"x"},"Permission":"READ"}]}}}"#)),
        ("places.jsonl", places()),
    ]
}

/// Events with times of all kinds.
fn times() -> Vec<u8> {
    let times = [
        r#""2023-07-10T12:12:05Z""#,
        r#""2023-07-10 12:12:05.250+02:00""#,
        r#""-009999-01-02T01:59:59Z""#,
        r#""9999-12-30T22:00:00Z""#,
        "1688991125.5",
        "99999999999999999999",
        r#""1e300""#,
        r#""soon""#,
        "null",
    ];
    let line = |time| format!(r#"{{"eventVersion":"1","eventName":"x","eventTime":{time}}}"#);
    times.map(line).join("\n").into_bytes()
}

/// Buckets and keys wherever they can stand.
fn places() -> Vec<u8> {
    let members = [
        r#""resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::b/k/%7e"},{"accountId":"1","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::b"}]"#,
        r#""requestParameters":{"bucketName":"arn:aws:s3:eu-west-1:111122223333:accesspoint/ap","key":"k"}"#,
        r#""requestParameters":{"Host":"b.s3.eu-west-1.amazonaws.com","key":"k"}"#,
        r#""requestParameters":{"Host":"s3.amazonaws.com"},"userIdentity":{"type":"AWSService","invokedBy":"cloudtrail.amazonaws.com"}"#,
        r#""sourceIPAddress":"2001:db8::1","userIdentity":{"type":"AssumedRole","principalId":"AROA:session","arn":"arn:aws:sts::1:assumed-role/r/session"}"#,
    ];
    let line = |member| {
        format!(
            r#"{{"eventVersion":"1","eventTime":"2026-03-04T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject",{member}}}"#
        )
    };
    members.map(line).join("\n").into_bytes()
}

/// Bytes that came to harm.
fn damaged() -> Vec<Named> {
    let (doc, lines) = (document(), lines());
    let cut = |bytes: &[u8], from_end: usize| bytes[..bytes.len() - from_end].to_vec();
    let between = |middle: &[u8]| {
        let [a, b] = events().map(|event| text(&event).into_bytes());
        [&b"{\"Records\":["[..], &a, b",", middle, b",", &b, b"]}"].concat()
    };
    let mut crc = gz(&doc);
    let at = crc.len() - 8;
    crc[at] ^= 0xff;
    vec![
        ("nothing", Vec::new()),
        ("white-space", b" \n".to_vec()),
        ("prose", b"hello world".to_vec()),
        ("parquet", b"PAR1xxxxPAR1".to_vec()),
        ("7z", b"7z\xbc\xaf\x27\x1c1234".to_vec()),
        ("cut-gzip", cut(&gz(&doc), 30)),
        ("cut-zstd", cut(&zst(&doc), 3)),
        ("cut-bzip2", cut(&bz(&doc), 9)),
        ("bad-crc", crc),
        ("trailing-garbage", [gz(&doc), b"tail".to_vec()].concat()),
        ("cut-document", cut(&doc, 30)),
        ("cut-between-records", cut(&between(b""), 2)),
        ("cut-line", cut(&lines, 30)),
        ("text-before", [b"garbage\n".to_vec(), lines.clone()].concat()),
        ("text-after", [doc.clone(), b"garbage".to_vec()].concat()),
        ("text-between", between(b"*** log rotated ***")),
        ("half-a-record", between(br#"{"eventVersion":"1.08","userId"#)),
        ("lost-quote", between(br#"{"eventVersion":"1.08,"x":1}"#)),
        ("lost-brace", between(br#"{"eventTime":"x","a":{"b":1}"#)),
        ("stray-bracket", between(b"{}],[{}")),
        ("no-events-between", between(br#"17,null,"x",{"level":"info"}"#)),
        (
            "no-utf-8",
            between(b"{\"eventVersion\":\"\xff\",\"eventTime\":\"2026-03-04T10:00:00Z\"}"),
        ),
        ("broken-tail", [&cut(&doc, 1)[..], b",x}"].concat()),
    ]
}
