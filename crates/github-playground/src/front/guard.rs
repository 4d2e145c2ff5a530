//! Guards against web pages: programs may send requests, pages of other sites may not.
//!
//! The playground listens on the loopback interface, and everybody's token is known. A page of another site can make
//! the local browser send a form here, or resolve its own name to 127.0.0.1 (DNS rebinding). The first has its own
//! `Origin`, the second its own name as `Host`. Therefore requests with a name as host are refused ([`own_name`]),
//! REST, GraphQL and git refuse pages of other sites ([`no_strangers`]), and the admin API answers only this machine
//! ([`on_this_machine`]). Modules with forms check them ([`from_elsewhere`]).

use std::net::IpAddr;

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::admin::AdminRefusal;
use crate::socket::Socket;

/// The layer around everything. The owner of a name can let it point to this machine. That is not possible with an
/// address.
pub(crate) async fn own_name(request: Request, next: Next) -> Response {
    let host = text(request.headers(), &header::HOST).or_else(|| request.uri().authority().map(Authority::as_str));
    if host.is_some_and(is_address) {
        return next.run(request).await;
    }
    let message = "This server answers at an address or at localhost, and not under another name.";
    AdminRefusal(StatusCode::MISDIRECTED_REQUEST, message, Vec::new()).into_response()
}

/// The layer around everything that accepts tokens: a page of another site is refused with any token.
pub(crate) async fn no_strangers(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let strange = text(headers, &header::ORIGIN)
        .is_some_and(|origin| !is_own(headers, origin) && !is_local_origin(origin))
        || (!request.method().is_safe() && sent_across(headers));
    if strange {
        let message = "The request came from a page of another site: no such page may call this.";
        return AdminRefusal(StatusCode::FORBIDDEN, message, Vec::new()).into_response();
    }
    next.run(request).await
}

/// Why a form cannot come from a page of this server; `None` if it can.
pub(crate) fn from_elsewhere(headers: &HeaderMap) -> Option<&'static str> {
    let elsewhere =
        text(headers, &header::ORIGIN).is_some_and(|origin| !is_own(headers, origin)) || sent_across(headers);
    elsewhere.then_some("This form came from another site.")
}

fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    let host = text(headers, &header::HOST).unwrap_or_default();
    origin.strip_prefix("http://").is_some_and(|origin| origin.eq_ignore_ascii_case(host))
}

/// Whether the browser itself reports that the request comes from another site. <https://www.w3.org/TR/fetch-metadata/>
fn sent_across(headers: &HeaderMap) -> bool {
    let site = text(headers, &HeaderName::from_static("sec-fetch-site"));
    site.is_some_and(|site| !["same-origin", "none"].contains(&site))
}

/// Whether a host is an address or `localhost`, with or without a port.
pub(crate) fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok()
}

/// The layer around the admin API.
pub(super) async fn on_this_machine(request: Request, next: Next) -> Response {
    match refusal(&request) {
        Some((status, message)) => AdminRefusal(status, message, Vec::new()).into_response(),
        None => next.run(request).await,
    }
}

fn refusal(request: &Request) -> Option<(StatusCode, &'static str)> {
    let socket = request.extensions().get::<ConnectInfo<Socket>>();
    if !socket.is_some_and(|socket| socket.0.peer.ip().to_canonical().is_loopback()) {
        return Some((StatusCode::FORBIDDEN, "The admin API is for this machine: call it by 127.0.0.1."));
    }
    let headers = request.headers();
    let host = text(headers, &header::HOST).or_else(|| request.uri().authority().map(Authority::as_str));
    if !host.is_some_and(is_local) {
        return Some((
            StatusCode::FORBIDDEN,
            "The Host header is not this machine's: call 127.0.0.1, [::1] or localhost.",
        ));
    }
    if text(headers, &header::ORIGIN).is_some_and(|origin| !is_local_origin(origin)) {
        return Some((
            StatusCode::FORBIDDEN,
            "The Origin header is another site's: no page of a browser may call this.",
        ));
    }
    let writes = [Method::POST, Method::PUT, Method::PATCH].contains(request.method());
    let kind = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if writes && !essence.eq_ignore_ascii_case("application/json") {
        return Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send JSON, and say so: content-type: application/json."));
    }
    None
}

/// A header's text; `None` if it is not text, which is then no valid host and no content type.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn is_local_origin(origin: &str) -> bool {
    origin.parse::<Uri>().ok().and_then(|uri| uri.authority().map(|host| is_local(host.as_str()))).unwrap_or(false)
}

/// `127.0.0.1:3000`, `[::1]`, `localhost`.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(name, _)| name),
        None => host.split(':').next(),
    };
    name.is_some_and(|name| {
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_names_are_local() {
        for host in ["127.0.0.1", "127.0.0.1:3000", "127.1.2.3:1", "localhost:80", "LOCALHOST", "[::1]", "[::1]:3000"] {
            assert!(is_local(host), "{host}");
        }
        for host in
            ["", "10.0.0.1", "evil.example", "127.0.0.1.evil.example:3000", "localhost.evil.example", "[::2]", "[", "?"]
        {
            assert!(!is_local(host), "{host}");
        }
        assert!(is_local_origin("http://127.0.0.1:3000"));
        assert!(!is_local_origin("null") && !is_local_origin("https://evil.example"));
    }
}
