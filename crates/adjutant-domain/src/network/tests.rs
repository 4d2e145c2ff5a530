use super::*;

fn hosts(patterns: &[&str]) -> Hosts {
    patterns.iter().map(|pattern| pattern.parse().unwrap()).collect()
}

fn allows(patterns: &[&str], host: &str) -> bool {
    HostName::parse(host).is_some_and(|host| hosts(patterns).allows(&host))
}

#[test]
fn a_host_is_compared_in_lower_case_and_without_a_final_dot() {
    for host in ["pypi.org", "PyPI.org", "pypi.org."] {
        assert!(allows(&["pypi.org"], host), "{host}");
        assert!(allows(&["PYPI.ORG."], host), "{host}");
    }
    for host in ["pypi.org..", ".pypi.org", "evil-pypi.org", "pypi.org.evil.example", "xpypi.org", "pypi", "org", ""] {
        assert!(!allows(&["pypi.org"], host), "{host}");
    }
}

#[test]
fn a_pattern_names_hosts_below_a_domain_and_not_the_domain() {
    assert!(allows(&["*.example.org"], "a.example.org"));
    assert!(allows(&["*.example.org"], "a.b.EXAMPLE.org"));
    for host in ["example.org", ".example.org", "badexample.org", "example.org.evil.example"] {
        assert!(!allows(&["*.example.org"], host), "{host}");
    }
    assert!(allows(&["*"], "anything.example"));
}

#[test]
fn an_address_is_matched_by_itself_only() {
    assert!(allows(&["198.51.100.7"], "198.51.100.7"));
    assert!(allows(&["2001:db8::7"], "[2001:db8:0::7]"));
    for host in ["198.51.100.7", "[2001:db8::7]", "::1"] {
        assert!(!allows(&["*", "*.example.org"], host), "{host}");
    }
}

#[test]
fn an_address_in_an_unusual_form_is_no_host() {
    for text in
        ["127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0X7F.0.0.1", "1.2.3.4.5", "127.0.0.1.", "a.0x"]
    {
        assert_eq!(HostName::parse(text), None, "{text}");
        assert!(text.parse::<HostPattern>().is_err(), "{text}");
    }
    assert_eq!("127.1".parse::<HostPattern>(), Err(HostFault::UnusualAddress("127.1".to_owned())));
}

#[test]
fn what_is_no_host_is_refused_in_a_list() {
    for text in [
        "",
        "https://pypi.org",
        "pypi.org:443",
        "pypi.org/simple",
        "a b",
        "*x.org",
        "a.*.org",
        "*.",
        "*.*",
        "*.1.2.3.4",
        "пример.рф",
        "a@b.org",
        "a%2eb",
    ] {
        assert!(text.parse::<HostPattern>().is_err(), "{text:?}");
    }
}

#[test]
fn a_list_is_cut_to_its_ceiling() {
    let ceiling = hosts(&["pypi.org", "*.example.org", "registry.npmjs.org"]);
    let (allowed, left_out) =
        hosts(&["pypi.org", "a.example.org", "*.b.example.org", "*.npmjs.org", "evil.example"]).within(&ceiling);
    assert_eq!(allowed, hosts(&["pypi.org", "a.example.org", "*.b.example.org", "registry.npmjs.org"]));
    let left_out: Vec<String> = left_out.iter().map(ToString::to_string).collect();
    assert_eq!(left_out, ["*.npmjs.org", "evil.example"]);
    let (all, none) = hosts(&["evil.example"]).within(&hosts(&["*"]));
    assert_eq!((all, none), (hosts(&["evil.example"]), Vec::new()));
    assert_eq!(hosts(&["pypi.org"]).within(&Hosts::default()).0, Hosts::default());
}

#[test]
fn a_list_is_kept_as_texts() {
    let list = hosts(&["*.example.org", "pypi.org", "198.51.100.7"]);
    let json = serde_json::to_value(&list).unwrap();
    assert_eq!(json, serde_json::json!(["*.example.org", "pypi.org", "198.51.100.7"]));
    assert_eq!(serde_json::from_value::<Hosts>(json).unwrap(), list);
}

#[test]
fn what_a_program_wrote_is_kept_short_and_printable() {
    let refused = RefusedHost::new(&format!("a\u{202e}\n`{}", "x".repeat(500)), 443, HostRefusal::Malformed);
    assert!(refused.host.starts_with("a??`x"));
    assert_eq!(refused.host.len(), 100);
}
