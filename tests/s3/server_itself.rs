//! The S3 server that other tests run against is itself tested, with Amazon's own client.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::server::{Fault, Faults, Moment, Rule, Server, USER};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{EncodingType, RequestPayer};

const BUCKET: &str = "trail-bucket";

/// Status and code of an error that S3 has answered; 0 for a broken connection.
fn refused<T, E: ProvideErrorMetadata>(answer: Result<T, SdkError<E>>) -> (u16, String) {
    let error = answer.err().expect("an error");
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (status, error.code().unwrap_or_default().to_owned())
}

async fn put(client: &Client, key: &str, text: &str) {
    let body = ByteStream::from(text.as_bytes().to_vec());
    client.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap();
}

/// The content of an object; `Err` if the body breaks off.
async fn get(client: &Client, key: &str) -> Result<String, String> {
    let got = client.get_object().bucket(BUCKET).key(key).send().await;
    let got = got.map_err(|error| format!("{:?}", error.into_service_error()))?;
    let bytes = got.body.collect().await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

#[test]
fn only_who_may_is_answered() {
    let server = Server::start();
    server.bucket(BUCKET);
    server.block_on(async {
        put(&server.client(), "a", "content").await;
        let list = |client: Client| client.list_objects_v2().bucket(BUCKET);
        let wrong = server.client_with(USER.0, "another secret", None);
        assert_eq!(refused(list(wrong).send().await), (403, "SignatureDoesNotMatch".into()));
        let unknown = server.client_with("AKIAUNKNOWN", USER.1, None);
        assert_eq!(refused(list(unknown).send().await), (403, "InvalidAccessKeyId".into()));
        assert_eq!(refused(list(server.anonymous()).send().await), (403, "AccessDenied".into()));

        server.make_public(BUCKET);
        list(server.anonymous()).send().await.unwrap();
        assert_eq!(get(&server.anonymous(), "a").await.unwrap(), "content");
        let body = ByteStream::from_static(b"x");
        let put = server.anonymous().put_object().bucket(BUCKET).key("b").body(body);
        assert_eq!(refused(put.send().await), (403, "AccessDenied".into()));

        server.make_requester_pays(BUCKET);
        let signed = list(server.client());
        assert_eq!(refused(signed.clone().send().await), (403, "AccessDenied".into()));
        signed.request_payer(RequestPayer::Requester).send().await.unwrap();
        let nowhere = server.client().list_objects_v2().bucket("no-such-bucket");
        assert_eq!(refused(nowhere.send().await), (404, "NoSuchBucket".into()));
    });
}

const ODD: [&str; 6] = [
    "odd/a b.json",
    "odd/a+b.json",
    "odd/%41.json",
    "odd/ü☃.json",
    "odd/a&<b>.json",
    "odd/=~!'().json",
];

#[test]
fn listings_are_paged_and_encoded() {
    let server = Server::start();
    let folder = server.bucket(BUCKET);
    let mut keys: BTreeSet<String> = ODD.map(str::to_owned).into();
    keys.extend((0..2_500).map(|number| format!("many/{:02}/{number:04}.json", number % 50)));
    for key in &keys {
        std::fs::create_dir_all(folder.join(key).parent().unwrap()).unwrap();
        std::fs::write(folder.join(key), key).unwrap();
    }
    server.archive("0007.json");
    server.block_on(async {
        let client = server.client();
        for encoding in [None, Some(EncodingType::Url)] {
            let mut pages = client.list_objects_v2().bucket(BUCKET).set_encoding_type(encoding);
            let (mut listed, mut sizes) = (Vec::new(), Vec::new());
            loop {
                let page = pages.clone().send().await.unwrap();
                sizes.push(page.contents().len());
                for object in page.contents() {
                    let key = object.key().unwrap();
                    let key =
                        if page.encoding_type().is_some() { form_decoded(key) } else { key.into() };
                    assert_eq!(object.size(), Some(i64::try_from(key.len()).unwrap()));
                    assert_eq!(object.e_tag().unwrap().len(), 34, "{key}");
                    let class = object.storage_class().unwrap().as_str();
                    assert_eq!(class == "GLACIER", key.ends_with("0007.json"), "{key}");
                    listed.push(key);
                }
                assert_eq!(page.is_truncated().unwrap(), page.next_continuation_token().is_some());
                let Some(token) = page.next_continuation_token() else { break };
                assert!(!keys.contains(token), "a token is no key");
                pages = pages.continuation_token(token);
            }
            assert_eq!(sizes, [1_000, 1_000, 506]);
            assert!(listed.iter().eq(&keys));
        }
        for key in ODD {
            assert_eq!(get(&client, key).await.unwrap(), key);
        }

        let few = client.list_objects_v2().bucket(BUCKET).prefix("many/").delimiter("/");
        let few = few.max_keys(20).start_after("many/07/0007.json").send().await.unwrap();
        let folders: Vec<_> = few.common_prefixes().iter().filter_map(|it| it.prefix()).collect();
        // Its first object is left out, the folder is not.
        assert_eq!((folders.len(), folders[0], folders[19]), (20, "many/07/", "many/26/"));
        let token = few.next_continuation_token().unwrap();
        let rest = client.list_objects_v2().bucket(BUCKET).prefix("many/").delimiter("/");
        let rest = rest.continuation_token(token).send().await.unwrap();
        assert_eq!(rest.common_prefixes()[0].prefix(), Some("many/27/"));
        assert_eq!((rest.common_prefixes().len(), rest.contents().len()), (23, 0));
        let wrong = client.list_objects_v2().bucket(BUCKET).continuation_token("many/27/");
        assert_eq!(refused(wrong.send().await), (400, "InvalidArgument".into()));
    });
    let lists =
        server.asked().iter().filter(|asked| asked.lists() && asked.status == Some(200)).count();
    assert_eq!(lists, 3 + 3 + 2);
}

fn form_decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8().unwrap().into_owned()
}

#[test]
fn of_conditional_writes_one_wins() {
    let server = Server::start();
    server.bucket(BUCKET);
    let client = server.client();
    // 16 that write at the same time, if the object is `expected`; the ETag of what one has written.
    // What the losers of one race would have written must be no content of the next.
    let race = |name: &str, expected: Option<String>| {
        let content = |number: usize| format!("{name} {number}");
        let tasks: Vec<_> = (0..16)
            .map(|number| {
                let body = ByteStream::from(content(number).into_bytes());
                let put = client.put_object().bucket(BUCKET).key("manifest").body(body);
                let put = match expected.clone() {
                    None => put.if_none_match("*"),
                    Some(etag) => put.if_match(etag),
                };
                server.spawn(put.send())
            })
            .collect();
        let mut winners = Vec::new();
        for (number, task) in tasks.into_iter().enumerate() {
            match server.block_on(task).unwrap() {
                Ok(_) => winners.push(number),
                lost => assert_eq!(refused(lost), (412, "PreconditionFailed".into())),
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        server.block_on(async {
            assert_eq!(get(&client, "manifest").await.unwrap(), content(winners[0]));
            let head = client.head_object().bucket(BUCKET).key("manifest").send().await.unwrap();
            head.e_tag().unwrap().to_owned()
        })
    };
    let first = race("first", None);
    let second = race("second", Some(first.clone()));
    assert_ne!(first, second);
    let body = ByteStream::from_static(b"late");
    let late = client.put_object().bucket(BUCKET).key("manifest").if_match(&first).body(body);
    assert_eq!(refused(server.block_on(late.send())), (412, "PreconditionFailed".into()));
    let get = |etag| client.get_object().bucket(BUCKET).key("manifest").if_match(etag).send();
    assert_eq!(refused(server.block_on(get(first))), (412, "PreconditionFailed".into()));
    server.block_on(get(second)).unwrap();
}

#[test]
fn faults_are_what_they_say() {
    let server = Server::start();
    server.bucket(BUCKET);
    let client = server.client();
    let text = "x".repeat(10_000);
    let rule = |request: &str, fault| Rule::once(request, fault);
    let always = Rule::always;
    server.block_on(async {
        for key in ["busy", "broken", "denied", "cold", "cut", "slow", "reset", "fine"] {
            put(&client, key, &text).await;
        }
        let rules = vec![
            rule("GET trail-bucket/busy", Fault::SlowDown),
            always("GET trail-bucket/broken", Fault::InternalError),
            always("GET trail-bucket/denied", Fault::AccessDenied),
            always("GET trail-bucket/cold", Fault::InvalidObjectState),
            rule("GET trail-bucket/cut", Fault::Cut),
            always("GET trail-bucket/slow", Fault::Slow),
            rule("GET trail-bucket/reset", Fault::Reset),
            rule("PUT trail-bucket/lost", Fault::LostAnswer),
            rule("PUT trail-bucket/conflict", Fault::ConditionalRequestConflict),
        ];
        server.set_faults(Faults { rules, ..Faults::default() });
        let refusal =
            async |key: &str| refused(client.get_object().bucket(BUCKET).key(key).send().await);
        assert_eq!(refusal("busy").await, (503, "SlowDown".into()));
        assert_eq!(refusal("denied").await, (403, "AccessDenied".into()));
        assert_eq!(refusal("cold").await, (403, "InvalidObjectState".into()));
        for _ in 0..5 {
            assert_eq!(refusal("broken").await, (500, "InternalError".into()));
        }
        assert_eq!(refusal("reset").await, (0, String::new()));
        let cut = client.get_object().bucket(BUCKET).key("cut").send().await.unwrap();
        assert_eq!(cut.content_length(), Some(10_000));
        assert!(cut.body.collect().await.is_err());
        for key in ["busy", "cut", "slow", "reset", "fine"] {
            assert_eq!(get(&client, key).await.as_ref(), Ok(&text), "{key}");
        }

        let create = async |key: &str| {
            let body = ByteStream::from_static(b"new");
            client.put_object().bucket(BUCKET).key(key).if_none_match("*").body(body).send().await
        };
        assert_eq!(refused(create("conflict").await), (409, "ConditionalRequestConflict".into()));
        create("conflict").await.unwrap();
        assert_eq!(refused(create("lost").await), (0, String::new()));
        assert_eq!(refused(create("lost").await), (412, "PreconditionFailed".into()));
        assert_eq!(get(&client, "lost").await.unwrap(), "new");
    });
    let asked = server.asked();
    let tries =
        |key: &str| asked.iter().filter(|asked| asked.gets_object() && asked.key == key).count();
    assert_eq!((tries("broken"), tries("busy"), tries("fine")), (5, 2, 1));
    let lost = asked.iter().find(|asked| asked.key == "lost").unwrap();
    assert_eq!((lost.status, lost.fault), (None, Some(Fault::LostAnswer)));
}

#[test]
fn rates_draw_the_same_faults_in_any_order() {
    let server = Server::start();
    let folder = server.bucket(BUCKET);
    for number in 0..500 {
        std::fs::write(folder.join(number.to_string()), "content").unwrap();
    }
    let rates = vec![(Fault::SlowDown, 0.05), (Fault::Cut, 0.02), (Fault::Reset, 0.01)];
    server.set_faults(Faults { seed: 1, rates, ..Faults::default() });
    let client = server.client();
    let draw = |order: Vec<usize>| {
        server.forget_asked();
        server.block_on(async {
            for number in order {
                let _ = get(&client, &number.to_string()).await;
            }
        });
        let faulty = server.asked().into_iter().filter_map(|asked| Some((asked.fault?, asked.key)));
        faulty.collect::<BTreeSet<_>>()
    };
    let drawn = draw((0..500).collect());
    assert_eq!(draw((0..500).rev().collect()), drawn);
    let count = |fault| drawn.iter().filter(|(drawn, _)| *drawn == fault).count();
    let counts = [Fault::SlowDown, Fault::Cut, Fault::Reset].map(count);
    assert!((12..38).contains(&counts[0]) && (4..18).contains(&counts[1]), "{counts:?}");
}

#[test]
fn temporary_keys_expire() {
    let server = Server::start();
    server.bucket(BUCKET);
    server.expire_after(3);
    let handed = || {
        let url = server.credentials_url().parse::<hyper::Uri>().unwrap();
        let text = server.block_on(fetch(url));
        let keys: serde_json::Value = serde_json::from_str(&text).unwrap();
        let part = |name: &str| keys[name].as_str().unwrap().to_owned();
        let token = part("Token");
        server.client_with(&part("AccessKeyId"), &part("SecretAccessKey"), Some(&token))
    };
    let (one, other) = (handed(), handed());
    server.block_on(async {
        let list = |client: &Client| client.list_objects_v2().bucket(BUCKET).send();
        for _ in 0..3 {
            list(&one).await.unwrap();
        }
        assert_eq!(refused(list(&one).await), (400, "ExpiredToken".into()));
        list(&other).await.unwrap();
        let forged = server.client_with("ASIA0000000000000001", "secret-1", Some("token-0"));
        assert_eq!(refused(list(&forged).await), (400, "InvalidToken".into()));
    });
    assert_eq!(server.handed_out(), 2);
}

/// What is at a URL.
async fn fetch(url: hyper::Uri) -> String {
    use http_body_util::{BodyExt as _, Empty};
    let executor = hyper_util::rt::TokioExecutor::new();
    let client = hyper_util::client::legacy::Client::builder(executor).build_http();
    let request = hyper::Request::get(url).body(Empty::<bytes::Bytes>::new()).unwrap();
    let answer = client.request(request).await.unwrap();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn requests_wait_where_they_are_told_to() {
    let server = Server::start();
    server.bucket(BUCKET);
    let client = server.client();
    let write = |key: &str| {
        let body = ByteStream::from_static(b"x");
        let put = client.put_object().bucket(BUCKET).key(key).body(body);
        server.spawn(put.send())
    };
    let is_there = |key: &str| server.block_on(get(&client, key)).is_ok();

    let held = server.hold(Moment::Before, 1, |asked| asked.method == "PUT");
    server.block_on(write("first")).unwrap().unwrap();
    let second = write("second");
    held.wait();
    assert!(!is_there("second"));
    held.release();
    server.block_on(second).unwrap().unwrap();

    let held = server.hold(Moment::After, 0, |asked| asked.key == "third");
    let third = write("third");
    held.wait();
    assert!(is_there("third"));
    drop(held);
    assert_eq!(refused(server.block_on(third).unwrap()), (0, String::new()));

    let held = server.hold(Moment::Before, 0, |asked| asked.key == "fourth");
    let fourth = write("fourth");
    held.wait();
    drop(held);
    assert_eq!(refused(server.block_on(fourth).unwrap()), (0, String::new()));
    assert!(!is_there("fourth"));

    server.barrier(2, |asked| asked.key.starts_with("manifest"));
    let held = server.hold(Moment::After, 0, |asked| asked.key == "other");
    let (one, other) = (write("manifest-1"), write("other"));
    held.wait();
    held.release();
    server.block_on(other).unwrap().unwrap();
    assert!(!one.is_finished());
    server.block_on(write("manifest-2")).unwrap().unwrap();
    server.block_on(one).unwrap().unwrap();
    server.block_on(write("manifest-3")).unwrap().unwrap();
}

#[test]
fn answers_take_as_long_as_said() {
    let server = Server::start();
    let folder = server.bucket(BUCKET);
    std::fs::write(folder.join("a"), "content").unwrap();
    let latency = Duration::from_millis(50);
    server.set_faults(Faults { latency, ..Faults::default() });
    let started = std::time::Instant::now();
    server.block_on(get(&server.client(), "a")).unwrap();
    assert!(started.elapsed() >= latency);
}
