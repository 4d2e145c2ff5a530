//! What a verifier's run was not let through to, and how that can be allowed.

use std::collections::BTreeSet;

use adjutant_domain::network::{HostName, HostRefusal, NetworkReport, RefusedHost};

use super::text::code;

/// The hosts of one line, in bytes. Inline code has 200 characters.
const LINE: usize = 150;

/// A sentence for each thing that there is to tell, as Markdown; none where the run had everything that it asked for.
pub fn sentences(report: &NetworkReport) -> Vec<String> {
    let mut lines = Vec::new();
    if report.nothing_allowed {
        lines.push(
            "`network: true` opens nothing here, because the operator allows no hosts to verifiers: name hosts in the \
             policy, and ask the operator to allow them."
                .to_owned(),
        );
    }
    if !report.left_out.is_empty() {
        let left_out: Vec<_> = report.left_out.iter().map(|pattern| code(&pattern.to_string())).collect();
        lines.push(format!("The operator does not allow {}, which the policy names.", left_out.join(", ")));
    }
    lines.extend(report.refused.iter().map(refusal));
    let refused = report.refused.iter().filter(|it| can_be_listed(it)).map(|it| it.host.clone());
    let in_policy: BTreeSet<String> = refused.collect();
    if !in_policy.is_empty() {
        let line = code(&format!("network: [{}]", listed(&in_policy, str::to_owned)));
        lines.push(format!("To ask for it, add this to the verifier in the policy: {line}."));
    }
    let by_operator: BTreeSet<String> = report.left_out.iter().map(ToString::to_string).chain(in_policy).collect();
    if !by_operator.is_empty() {
        let line = code(&format!("verifier_hosts = [{}]", listed(&by_operator, |host| format!("\"{host}\""))));
        lines.push(format!("To allow it, the operator adds this below `[network]` in the settings: {line}."));
    }
    lines
}

/// As many hosts as fit on a line.
fn listed(hosts: &BTreeSet<String>, form: impl Fn(&str) -> String) -> String {
    let mut line = String::new();
    for host in hosts {
        let separator = if line.is_empty() { "" } else { ", " };
        let more = format!("{separator}{}", form(host));
        if line.len() + more.len() > LINE {
            break;
        }
        line.push_str(&more);
    }
    line
}

/// Whether a list could name it.
fn can_be_listed(refused: &RefusedHost) -> bool {
    refused.reason == HostRefusal::NotListed && matches!(HostName::parse(&refused.host), Some(HostName::Name(_)))
}

fn refusal(refused: &RefusedHost) -> String {
    let why = match refused.reason {
        HostRefusal::NotListed => "it is not on the list of hosts",
        HostRefusal::Port => "only port 443, and 80 for plain HTTP, are open",
        HostRefusal::PrivateAddress => {
            "its address is one of this machine or of a private network, which nobody can allow"
        }
        HostRefusal::Malformed => "this is not how a host is written",
        HostRefusal::Request => "plain HTTP is for reading only",
    };
    format!("The run asked for {}, which was refused: {why}.", code(&format!("{}:{}", refused.host, refused.port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_named_with_the_lines_that_would_allow_it() {
        let report = NetworkReport {
            left_out: vec!["*.example.org".parse().unwrap()],
            nothing_allowed: false,
            refused: vec![
                RefusedHost::new("pypi.org", 443, HostRefusal::NotListed),
                RefusedHost::new("127.0.0.1", 443, HostRefusal::NotListed),
                RefusedHost::new("intern.example", 443, HostRefusal::PrivateAddress),
                RefusedHost::new("a`b@maintainer|", 443, HostRefusal::Malformed),
            ],
        };
        insta::assert_snapshot!(sentences(&report).join("\n"), @r#"
        The operator does not allow `*.example.org`, which the policy names.
        The run asked for `pypi.org:443`, which was refused: it is not on the list of hosts.
        The run asked for `127.0.0.1:443`, which was refused: it is not on the list of hosts.
        The run asked for `intern.example:443`, which was refused: its address is one of this machine or of a private network, which nobody can allow.
        The run asked for `a'b@maintainer¦:443`, which was refused: this is not how a host is written.
        To ask for it, add this to the verifier in the policy: `network: [pypi.org]`.
        To allow it, the operator adds this below `[network]` in the settings: `verifier_hosts = ["*.example.org", "pypi.org"]`.
        "#);
        assert_eq!(sentences(&NetworkReport::default()), Vec::<String>::new());
    }
}
