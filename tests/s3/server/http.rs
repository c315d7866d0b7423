//! The connections: what is asked for goes through gates and faults to S3, and back.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::Shared;
use super::body::Script;
use super::credentials::Refusal;
use super::faults::Fault;
use super::gates::Moment;
use super::log::Asked;

/// Where containers get their credentials. No bucket can be called that.
pub(super) const CREDENTIALS: &str = "/-/credentials";

type Error = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<UnsyncBoxBody<Bytes, Error>>;

/// The connection breaks, with a reset.
#[derive(Debug, thiserror::Error)]
#[error("a reset")]
struct Reset;

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, shared.clone()));
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Else small answers wait for the caller's acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| Box::pin(answer(request, shared.clone())));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let stream = connection.into_parts().io.into_inner();
    let cause = ended.as_ref().err().and_then(std::error::Error::source);
    if cause.is_some_and(<dyn std::error::Error>::is::<Reset>) {
        // The caller gets a reset and not an end.
        let _ = stream.set_zero_linger();
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Answer, Reset> {
    let (parts, body) = request.into_parts();
    if let Some(answer) = beside_s3(&parts, &shared) {
        return Ok(answer);
    }
    if parts.method == Method::POST && parts.uri.path() == "/" {
        return sts(body, &shared).await;
    }
    let (asked, place) = shared.log.lock().unwrap().enter(&parts);
    let fault = shared.faults.lock().unwrap().of(&asked);
    let answer = faulty(parts, body, &asked, fault, &shared).await;
    let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
    shared.log.lock().unwrap().leave(place, fault, status);
    if shared.gates.pass(&asked, Moment::After).await { answer } else { Err(Reset) }
}

/// Credentials for containers.
fn beside_s3(parts: &Parts, shared: &Shared) -> Option<Answer> {
    (parts.uri.path() == CREDENTIALS).then(|| {
        let credentials = shared.credentials.lock().unwrap().container();
        let answer = Response::builder().header(CONTENT_TYPE, "application/json");
        answer.body(text(credentials)).unwrap()
    })
}

async fn sts(body: Incoming, shared: &Shared) -> Result<Answer, Reset> {
    let form = body.collect().await.map_err(|_| Reset)?.to_bytes();
    let answered = shared.credentials.lock().unwrap().sts(&String::from_utf8_lossy(&form));
    Ok(match answered {
        Some(xml) => Response::builder().header(CONTENT_TYPE, "text/xml").body(text(xml)).unwrap(),
        None => refused(&Method::POST, (400, "InvalidAction", "not an action of this server")),
    })
}

/// S3's answer, or that of a fault.
async fn faulty(
    parts: Parts,
    body: Incoming,
    asked: &Asked,
    fault: Option<Fault>,
    shared: &Shared,
) -> Result<Answer, Reset> {
    if !shared.gates.pass(asked, Moment::Before).await || fault == Some(Fault::Reset) {
        return Err(Reset);
    }
    // All of it is read first, else who is refused may meet a broken connection and not the answer.
    let body = body.collect().await.map_err(|_| Reset)?.to_bytes();
    let refusal = fault.and_then(Fault::refusal).or_else(|| refusal(&parts, asked, shared));
    if let Some(refusal) = refusal {
        return Ok(refused(&parts.method, refusal));
    }
    if asked.gets_object() {
        let latency = shared.faults.lock().unwrap().latency;
        tokio::time::sleep(latency).await;
    }
    // A task of its own: a caller that is gone does not stop what is under way, on AWS neither.
    let s3 = shared.s3.clone();
    let request = Request::from_parts(parts, s3s::Body::from(body));
    let answered = tokio::spawn(async move { s3.call(request).await }).await;
    let answer = answered.unwrap().map_err(|_| Reset)?;
    match fault {
        Some(Fault::LostAnswer) => Err(Reset),
        Some(Fault::Cut) => Ok(played(answer, Script::cut).await),
        Some(Fault::Slow) => Ok(played(answer, Script::slow).await),
        _ => Ok(answer.map(http_body_util::BodyExt::boxed_unsync)),
    }
}

/// What is refused before S3 is asked.
fn refusal(parts: &Parts, asked: &Asked, shared: &Shared) -> Option<Refusal> {
    let mut credentials = shared.credentials.lock().unwrap();
    if credentials.requester_pays.contains(&asked.bucket) && !asked.pays {
        return Some((403, "AccessDenied", "Access Denied"));
    }
    let is_signed = parts.headers.contains_key(AUTHORIZATION);
    let access_key = asked.access_key.as_deref().filter(|_| is_signed)?;
    credentials.check(access_key, asked.token.as_deref()).err()
}

fn refused(method: &Method, (status, code, message): Refusal) -> Answer {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
         <Message>{message}</Message><RequestId>0123456789ABCDEF</RequestId></Error>"
    );
    let body = if method == Method::HEAD { String::new() } else { xml };
    let answer = Response::builder().status(status).header(CONTENT_TYPE, "application/xml");
    answer.body(text(body)).unwrap()
}

/// The answer with its true head, and its body as `script` has it.
async fn played(answer: Response<s3s::Body>, script: fn(&Bytes) -> Script) -> Answer {
    let (head, body) = answer.into_parts();
    let whole = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, script(&whole).boxed_unsync())
}

fn text(text: String) -> UnsyncBoxBody<Bytes, Error> {
    Full::from(text).map_err(|never: Infallible| match never {}).boxed_unsync()
}
