//! Who may use the admin API: a program on this machine, and no page of a browser that was led here.
//!
//! The playground listens on the loopback, which alone keeps nobody out who can make a local browser ask. A page of another site
//! may send a form here, or have its own name resolve to 127.0.0.1 (DNS rebinding): the first cannot set a JSON content type
//! without asking leave, which nobody here gives, and brings its `Origin`; the second brings its own name as `Host`.

use std::net::IpAddr;

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Line, admin::Refused};

/// The layer around the admin API.
pub(super) async fn on_this_machine(request: Request, next: Next) -> Response {
    match refusal(&request) {
        Some((status, message)) => Refused(status, message, Vec::new()).into_response(),
        None => next.run(request).await,
    }
}

fn refusal(request: &Request) -> Option<(StatusCode, &'static str)> {
    let line = request.extensions().get::<ConnectInfo<Line>>();
    if !line.is_some_and(|line| line.0.peer.ip().to_canonical().is_loopback()) {
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

/// A header's text; what is not text is nobody's host and no content type.
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
