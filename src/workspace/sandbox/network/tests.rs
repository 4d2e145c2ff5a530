//! Requests against lists. What a process in a sandbox reaches is in `tests/it/network`.

use adjutant_domain::network::{HostName, HostRefusal, Hosts, RefusedHost};
use http::Request;

use super::request::{Denied, Destination, end_to_end, onward, target};

fn hosts() -> Hosts {
    ["pypi.org", "*.example.org", "198.51.100.7"].iter().map(|host| host.parse().unwrap()).collect()
}

fn ask(method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<Destination, Denied> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    target(&request.body(()).unwrap(), &hosts())
}

fn refusal(asked: Result<Destination, Denied>) -> (String, u16, HostRefusal) {
    match asked {
        Err(Denied::Refused(RefusedHost { host, port, reason })) => (host, port, reason),
        other => panic!("it was not refused: {other:?}"),
    }
}

#[test]
fn a_listed_host_is_let_through_on_its_port() {
    let pypi = |port| Ok(Destination { host: HostName::Name("pypi.org".to_owned()), port });
    assert_eq!(ask("CONNECT", "pypi.org:443", &[]), pypi(443));
    assert_eq!(ask("CONNECT", "PyPI.org.:443", &[]), pypi(443));
    assert_eq!(ask("GET", "http://pypi.org/simple", &[("host", "pypi.org")]), pypi(80));
    assert_eq!(ask("HEAD", "http://pypi.org:80/", &[("host", "pypi.org:80"), ("content-length", "0")]), pypi(80));
    assert!(ask("CONNECT", "a.example.org:443", &[]).is_ok());
    assert!(ask("CONNECT", "198.51.100.7:443", &[]).is_ok());
}

#[test]
fn every_other_host_is_refused_by_name() {
    for host in ["evil.example", "example.org", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"] {
        let (named, port, reason) = refusal(ask("CONNECT", &format!("{host}:443"), &[]));
        assert_eq!((named.as_str(), port), (host.trim_matches(['[', ']']), 443));
        assert_eq!(reason, HostRefusal::NotListed, "{host}");
    }
    for host in ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "a@pypi.org", "pypi.org@evil.example", "pypi.org.."]
    {
        let refused = refusal(ask("CONNECT", &format!("{host}:443"), &[]));
        assert_eq!(refused, (host.to_owned(), 443, HostRefusal::Malformed), "{host}");
    }
}

#[test]
fn other_ports_are_refused() {
    for (method, uri, port) in [
        ("CONNECT", "pypi.org:80", 80),
        ("CONNECT", "pypi.org:22", 22),
        ("GET", "http://pypi.org:443/", 443),
        ("GET", "http://pypi.org:8080/", 8080),
    ] {
        assert_eq!(refusal(ask(method, uri, &[])), ("pypi.org".to_owned(), port, HostRefusal::Port), "{uri}");
    }
}

#[test]
fn plain_http_only_reads_and_only_from_the_host_that_it_names() {
    for (method, uri, headers) in [
        ("POST", "http://pypi.org/", &[][..]),
        ("PUT", "http://pypi.org/", &[]),
        ("GET", "https://pypi.org:80/", &[]),
        ("GET", "http://pypi.org/", &[("host", "evil.example")]),
        ("GET", "http://pypi.org/", &[("host", "pypi.org"), ("host", "evil.example")]),
        ("GET", "http://pypi.org/", &[("host", "pypi.org:8080")]),
        ("GET", "http://pypi.org/", &[("host", "evil.example@pypi.org")]),
        ("GET", "http://pypi.org/", &[("content-length", "3")]),
        ("GET", "http://pypi.org/", &[("transfer-encoding", "chunked")]),
    ] {
        let (host, port, reason) = refusal(ask(method, uri, headers));
        assert_eq!((host.as_str(), port, reason), ("pypi.org", 80, HostRefusal::Request), "{method} {uri} {headers:?}");
    }
    assert_eq!(ask("GET", "/simple", &[("host", "pypi.org")]), Err(Denied::NoProxyRequest));
    assert_eq!(ask("OPTIONS", "*", &[("host", "pypi.org")]), Err(Denied::NoProxyRequest));
}

#[test]
fn the_origin_gets_no_header_that_is_for_the_proxy() {
    let request = Request::builder()
        .uri("http://PyPI.org/simple?a=b")
        .header("proxy-authorization", "Basic eDp5")
        .header("proxy-connection", "keep-alive")
        .header("connection", "close, X-Secret")
        .header("x-secret", "1")
        .header("accept", "*/*")
        .body(())
        .unwrap();
    let passed = onward(&request, &target(&request, &hosts()).unwrap(), ());
    assert_eq!(passed.uri(), "/simple?a=b");
    let headers: Vec<_> =
        passed.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    assert_eq!(headers, ["accept: */*", "host: pypi.org"]);
    assert!(end_to_end(request.headers()).contains_key("accept"));
}
