//! The hosts that runs of repositories' code may reach: the operator's ceiling.
//!
//! ```toml
//! [network]
//! setup_hosts = ["registries", "npm.example.org"]   # the default is ["registries"]
//! verifier_hosts = ["api.example.org"]              # none by default
//! ```

use figment::value::Value;

use adjutant_domain::network::{HostPattern, Hosts};

use super::faults::Faults;
use super::keys::{self, Sources, nearest};

/// The word in a list that stands for [`REGISTRIES`].
const ALL_REGISTRIES: &str = "registries";
/// The keys of the table.
const FIELDS: [&str; 2] = ["setup_hosts", "verifier_hosts"];

/// Where package managers read packages from. Code in a sandbox has no credential of the operator's or the repository's.
/// With one of its own it could publish to some of these: a tunnel hides what is done in it.
///
/// `github.com` is left out: it is also where an agent's words could be published. Go and Composer get modules and
/// archives from their proxies; Composer's archives of packages come from `codeload.github.com`, which only serves them.
pub(super) const REGISTRIES: &[(&str, &[&str])] = &[
    ("Rust", &["index.crates.io", "static.crates.io", "static.rust-lang.org"]),
    (
        "JavaScript",
        &[
            "registry.npmjs.org",
            "registry.yarnpkg.com",
            "repo.yarnpkg.com",
            "npm.jsr.io",
            "jsr.io",
            "deno.land",
            "nodejs.org",
        ],
    ),
    ("Python", &["pypi.org", "files.pythonhosted.org"]),
    ("Go", &["proxy.golang.org", "sum.golang.org", "go.dev", "dl.google.com"]),
    (
        "Java",
        &[
            "repo.maven.apache.org",
            "repo1.maven.org",
            "plugins.gradle.org",
            "plugins-artifacts.gradle.org",
            "services.gradle.org",
            "downloads.gradle.org",
            "maven.google.com",
            "dl.google.com",
        ],
    ),
    ("Ruby", &["rubygems.org", "index.rubygems.org"]),
    ("PHP", &["repo.packagist.org", "packagist.org", "codeload.github.com"]),
    (".NET", &["api.nuget.org", "www.nuget.org", "globalcdn.nuget.org"]),
    ("Elixir and Erlang", &["hex.pm", "repo.hex.pm", "builds.hex.pm"]),
    ("Haskell", &["hackage.haskell.org"]),
    ("Dart", &["pub.dev"]),
];

/// The hosts that runs of repositories' code may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSettings {
    /// While a repository's dependencies are installed.
    pub setup_hosts: Hosts,
    /// The ceiling for what a policy may give to verifiers.
    pub verifier_hosts: Hosts,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self { setup_hosts: registries().collect(), verifier_hosts: Hosts::default() }
    }
}

fn registries() -> impl Iterator<Item = HostPattern> {
    REGISTRIES.iter().flat_map(|(_, hosts)| *hosts).filter_map(|host| host.parse().ok())
}

pub(super) fn read(sources: &Sources, faults: &mut Faults) -> NetworkSettings {
    let mut settings = NetworkSettings::default();
    let table = match sources.table(keys::NETWORK) {
        None => return settings,
        Some(Value::Dict(_, table)) => table,
        Some(_) => {
            faults.add_about(keys::NETWORK, "is not a table: write `[network]` and below it `setup_hosts = [\"…\"]`");
            return settings;
        }
    };
    for (field, value) in table {
        let subject = format!("{}.{field}", keys::NETWORK);
        let list = match field.as_str() {
            "setup_hosts" => &mut settings.setup_hosts,
            "verifier_hosts" => &mut settings.verifier_hosts,
            unknown => {
                let hint = nearest(unknown, FIELDS).map_or_else(String::new, |it| format!("; did you mean `{it}`?"));
                faults.add_about(keys::NETWORK, &format!("has the unknown key `{unknown}`{hint}"));
                continue;
            }
        };
        match value.deserialize::<Vec<String>>() {
            Ok(texts) => *list = hosts(&subject, &texts, faults),
            Err(_) => faults.add_about(&subject, "is not a list of hosts: write [\"host\", \"*.example.org\"]"),
        }
    }
    settings
}

/// A list as a setting has it; what is no host in it is a fault.
pub(super) fn hosts(subject: &str, texts: &[String], faults: &mut Faults) -> Hosts {
    let mut patterns = Vec::new();
    for text in texts {
        match text.parse() {
            _ if text == ALL_REGISTRIES => patterns.extend(registries()),
            Ok(pattern) => patterns.push(pattern),
            Err(fault) => faults.add_about(subject, &format!("names what is no host: {fault}")),
        }
    }
    patterns.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_registry_is_a_host() {
        let named: usize = REGISTRIES.iter().map(|(_, hosts)| hosts.len()).sum();
        assert_eq!(registries().count(), named);
        assert!(registries().all(|host| matches!(host, HostPattern::Exactly(_))), "a default names no whole domain");
    }
}
