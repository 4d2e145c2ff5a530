//! What a run may reach on the network, as a list of hosts, and what it was refused.
//!
//! A list has patterns: a host (`pypi.org`), every host below a domain (`*.example.org`), an address
//! (`198.51.100.7`), or every host (`*`, for operators only). Names are compared in lower case and without a final dot.
//! Whether an address that a name resolves to may be reached is decided where connections are made.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The network of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Network {
    /// A network of its own with nothing but a loopback.
    #[default]
    None,
    /// The same, and a proxy that connects to these hosts only. An empty list reaches nothing, and what was asked for
    /// is reported.
    Hosts(Hosts),
    /// The host's network, loopback included. Only an operator's agent may have it.
    Host,
}

impl Network {
    /// The list of hosts, if it is one.
    pub fn hosts(&self) -> Option<&Hosts> {
        match self {
            Self::Hosts(hosts) => Some(hosts),
            Self::None | Self::Host => None,
        }
    }
}

/// A host in the one form that is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostName {
    /// A name: ASCII, lower case, without a final dot.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// A pattern of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPattern {
    /// `*`: every host that has a name.
    Any,
    /// `*.example.org`: every host below that domain, not the domain itself.
    Below(String),
    /// This host.
    Exactly(HostName),
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// An address, a port or a path was given.
    #[error("`{0}` is not a host: write the name alone, such as `registry.npmjs.org` or `*.example.org`")]
    NoHost(String),
    /// An address in a form that programs read in different ways.
    #[error("`{0}` is an address in an unusual form: write it as four decimal numbers")]
    UnusualAddress(String),
}

/// A list of hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hosts(pub BTreeSet<HostPattern>);

/// A host that a run asked for and was not let through to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RefusedHost {
    /// As the program wrote it, printable ASCII, at most 100 characters.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Why.
    pub reason: HostRefusal,
}

/// Why a host was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostRefusal {
    /// It is not on the list.
    NotListed,
    /// Only port 443, and 80 for plain HTTP, are open.
    Port,
    /// It is, or resolves to, an address of this machine or of a private network.
    PrivateAddress,
    /// It is not written as a host name or an address is.
    Malformed,
    /// Plain HTTP allows only `GET` and `HEAD` without a body, for the host that the `Host` header names.
    Request,
}

/// What a verifier's run had of the network; stored with its result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkReport {
    /// Hosts of the policy that the operator does not allow.
    #[serde(default)]
    pub left_out: Vec<HostPattern>,
    /// Whether the policy says `network: true` and the operator allows no host.
    #[serde(default)]
    pub nothing_allowed: bool,
    /// What the run asked for in vain.
    #[serde(default)]
    pub refused: Vec<RefusedHost>,
}

impl NetworkReport {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.left_out.is_empty() && !self.nothing_allowed && self.refused.is_empty()
    }
}

impl HostName {
    /// The host that a program wrote, an IPv6 address with or without brackets; none where it is neither a name nor an
    /// address in its usual form.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            return address.parse::<Ipv6Addr>().ok().map(|address| Self::Address(address.into()));
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        (is_name(name) && !ends_in_number(name)).then(|| Self::Name(name.to_ascii_lowercase()))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

/// Letters, digits, `-` and `_` in labels of at most 63 (RFC 1035, 2.3.4; underscores are in use).
fn is_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

/// Many programs read such a name as an IPv4 address: `127.1`, `0x7f000001`, `2130706433`
/// (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    last.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl HostPattern {
    /// Whether it names `host`. An address is never matched but by itself.
    fn matches(&self, host: &HostName) -> bool {
        match (self, host) {
            (Self::Exactly(listed), _) => listed == host,
            (Self::Any, HostName::Name(_)) => true,
            (Self::Below(domain), HostName::Name(name)) => is_below(name, domain),
            (Self::Any | Self::Below(_), HostName::Address(_)) => false,
        }
    }

    /// Whether it names every host that `other` names.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exactly(host)) => self.matches(host),
            (Self::Any, _) => true,
            (Self::Below(domain), Self::Below(other)) => other == domain || is_below(other, domain),
            (Self::Below(_), Self::Any) | (Self::Exactly(_), Self::Any | Self::Below(_)) => false,
        }
    }
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

impl FromStr for HostPattern {
    type Err = HostFault;

    fn from_str(text: &str) -> Result<Self, HostFault> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (name, below) = text.strip_prefix("*.").map_or((text, false), |domain| (domain, true));
        match HostName::parse(name) {
            Some(HostName::Name(domain)) if below => Ok(Self::Below(domain)),
            Some(host) if !below => Ok(Self::Exactly(host)),
            None if is_name(name) => Err(HostFault::UnusualAddress(short(text))),
            _ => Err(HostFault::NoHost(short(text))),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Below(domain) => write!(f, "*.{domain}"),
            Self::Exactly(host) => write!(f, "{host}"),
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = HostFault;

    fn try_from(text: String) -> Result<Self, HostFault> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

impl Hosts {
    /// Whether a pattern of the list names `host`.
    pub fn allows(&self, host: &HostName) -> bool {
        self.0.iter().any(|pattern| pattern.matches(host))
    }

    /// What of this list is within `ceiling`, and the patterns that are not, or only in part.
    pub fn within(&self, ceiling: &Self) -> (Self, Vec<HostPattern>) {
        let (allowed, left_out): (Vec<_>, Vec<_>) =
            self.0.iter().cloned().partition(|pattern| ceiling.0.iter().any(|allowed| allowed.covers(pattern)));
        let narrower = ceiling.0.iter().filter(|allowed| self.0.iter().any(|pattern| pattern.covers(allowed)));
        (Self(allowed.into_iter().chain(narrower.cloned()).collect()), left_out)
    }
}

impl FromIterator<HostPattern> for Hosts {
    fn from_iter<I: IntoIterator<Item = HostPattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

impl RefusedHost {
    /// `host` is what a program wrote, which may be anything.
    pub fn new(host: &str, port: u16, reason: HostRefusal) -> Self {
        Self { host: short(host), port, reason }
    }
}

/// Printable ASCII of at most 100 characters.
fn short(text: &str) -> String {
    text.chars().take(100).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests;
