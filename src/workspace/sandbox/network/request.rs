//! What a request to the proxy asks for, and whether the list allows it.

use adjutant_domain::network::{HostName, HostRefusal, Hosts, RefusedHost};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

const HTTPS: u16 = 443;
const HTTP: u16 = 80;

/// A host and port that the list allows. Its address is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) host: HostName,
    pub(super) port: u16,
}

/// Why a request is not passed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// It asks for a host that the run may not reach.
    Refused(RefusedHost),
    /// It is no request to a proxy.
    NoProxyRequest,
}

/// Where a request wants to go, if it may.
pub(super) fn target<B>(request: &Request<B>, hosts: &Hosts) -> Result<Destination, Denied> {
    let uri = request.uri();
    let authority = uri.authority().ok_or(Denied::NoProxyRequest)?;
    let tunnel = request.method() == Method::CONNECT;
    let open = if tunnel { HTTPS } else { HTTP };
    let port = match (authority.port(), tunnel) {
        (Some(port), _) => port.as_u16(),
        (None, true) => return Err(Denied::NoProxyRequest),
        (None, false) => HTTP,
    };
    let refuse = |host: &str, reason| Err(Denied::Refused(RefusedHost::new(host, port, reason)));
    // `user@host` is a way to make people and programs read another host.
    let host = match HostName::parse(authority.host()) {
        Some(host) if !authority.as_str().contains('@') => host,
        _ => return refuse(without_port(authority), HostRefusal::Malformed),
    };
    if !hosts.allows(&host) {
        return refuse(&host.to_string(), HostRefusal::NotListed);
    }
    if port != open {
        return refuse(&host.to_string(), HostRefusal::Port);
    }
    if !tunnel && !is_plain_read(request, &host) {
        return refuse(&host.to_string(), HostRefusal::Request);
    }
    Ok(Destination { host, port })
}

fn without_port(authority: &Authority) -> &str {
    let text = authority.as_str();
    match authority.port() {
        Some(port) => text.strip_suffix(port.as_str()).and_then(|text| text.strip_suffix(':')).unwrap_or(text),
        None => text,
    }
}

/// Whether it only reads, and from the host that it names twice.
fn is_plain_read<B>(request: &Request<B>, host: &HostName) -> bool {
    let headers = request.headers();
    let mut named = headers.get_all(HOST).iter();
    let same = match (named.next(), named.next()) {
        (None, _) => true,
        (Some(named), None) => names(named, host),
        (Some(_), Some(_)) => false,
    };
    let bodiless = headers.get(CONTENT_LENGTH).is_none_or(|length| length.as_bytes() == b"0")
        && !headers.contains_key(TRANSFER_ENCODING);
    same && bodiless
        && request.uri().scheme() == Some(&Scheme::HTTP)
        && matches!(*request.method(), Method::GET | Method::HEAD)
}

fn names(header: &HeaderValue, host: &HostName) -> bool {
    let authority = header.to_str().ok().and_then(|text| text.parse::<Authority>().ok());
    authority.is_some_and(|authority| {
        HostName::parse(authority.host()).as_ref() == Some(host)
            && authority.port().is_none_or(|port| port.as_u16() == HTTP)
            && !authority.as_str().contains('@')
    })
}

/// The request as the origin gets it: in origin form, with the host that was checked, and without the headers that are
/// for the proxy (RFC 9110, 7.6.1).
pub(super) fn onward<B, E>(request: &Request<B>, target: &Destination, body: E) -> Request<E> {
    let mut onward = Request::new(body);
    *onward.method_mut() = request.method().clone();
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *onward.uri_mut() = path.into();
    *onward.headers_mut() = end_to_end(request.headers());
    if let Ok(host) = HeaderValue::from_str(&bracketed(&target.host)) {
        onward.headers_mut().insert(HOST, host);
    }
    onward
}

fn bracketed(host: &HostName) -> String {
    match host {
        HostName::Address(address) if address.is_ipv6() => format!("[{address}]"),
        other => other.to_string(),
    }
}

/// The headers without those of one connection.
pub(super) fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let of_connection = |name: &HeaderName| {
        [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].contains(name)
            || name.as_str().starts_with("proxy-")
            || name == "keep-alive"
            || listed.contains(name)
    };
    let kept = headers.iter().filter(|(name, _)| !of_connection(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}
