//! The proxy's own answers. Most programs print them.

use adjutant_domain::network::{HostRefusal, RefusedHost};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};

/// The body of an answer: ours, or one that is passed on.
pub(super) type Body = BoxBody<Bytes, hyper::Error>;

/// The tunnel is open.
pub(super) fn connected() -> Response<Body> {
    Response::new(empty())
}

/// 403 with the reason, as text.
pub(super) fn refused(refused: &RefusedHost) -> Response<Body> {
    let why = match refused.reason {
        HostRefusal::NotListed => "it is not on the list of this run",
        HostRefusal::Port => "only port 443, and 80 for plain HTTP, are open",
        HostRefusal::PrivateAddress => "its address is one of this machine or of a private network",
        HostRefusal::Malformed => "this is not how a host is written",
        HostRefusal::Request => "plain HTTP is for GET and HEAD without a body, with one Host header that is true",
    };
    text(StatusCode::FORBIDDEN, &format!("Adjutant refused {}:{}: {why}.\n", refused.host, refused.port))
}

/// The request is none that a proxy gets.
pub(super) fn no_proxy_request() -> Response<Body> {
    text(StatusCode::BAD_REQUEST, "This is a proxy: ask for `CONNECT host:443` or `GET http://host/path`.\n")
}

/// The host may be reached, and could not be.
pub(super) fn unreachable(host: &str, error: &std::io::Error) -> Response<Body> {
    text(StatusCode::BAD_GATEWAY, &format!("{host} could not be reached: {error}\n"))
}

/// The host accepted the connection and gave no answer.
pub(super) fn no_answer(host: &str) -> Response<Body> {
    text(StatusCode::BAD_GATEWAY, &format!("{host} gave no answer.\n"))
}

fn text(status: StatusCode, words: &str) -> Response<Body> {
    let mut response = Response::new(Full::from(words.to_owned()).map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}
