//! The JSON of GitHub's resources, for REST answers and webhooks.
//!
//! A [`View`] is the model plus the host that the reader called. Clients follow the URLs they are given, and some
//! refuse those of another host, so every URL is built from that host. Views only read. Shapes follow
//! <https://docs.github.com/en/rest>. A field without a meaning here is present and empty, as GitHub's would be.

mod account;
mod actions;
mod app;
mod check;
mod git;
mod issue;
mod planning;
mod protection;
mod pull;
mod repo;
mod team;

pub(crate) use account::merge;
pub(crate) use app::{listed_delivery, whole_delivery};
pub(crate) use check::suite_state;
use chrono::SecondsFormat;
pub(crate) use git::{encode_path, simple_commit};
pub(crate) use planning::{completeness, without_view_type};
pub(crate) use repo::without_merging;
use serde_json::{Value, json};
pub(crate) use team::permissions;

use super::state::{Id, State, Time};

/// The version of GitHub Enterprise Server that the playground emulates.
pub(crate) const GHES_VERSION: &str = "3.17.0";

/// The base URLs for one reader.
#[derive(Debug, Clone)]
pub(crate) struct Urls {
    base: String,
}

impl Urls {
    /// From the server's URL, for example `http://127.0.0.1:3000`.
    pub(crate) fn new(base: impl Into<String>) -> Self {
        Self { base: base.into() }
    }

    /// The URL of a page; `path` starts with a slash.
    pub(crate) fn web(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The URL of a resource of the REST API; `path` starts with a slash.
    pub(crate) fn api(&self, path: &str) -> String {
        format!("{}/api/v3{path}", self.base)
    }
}

/// The model as one reader sees it.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) state: &'a State,
    pub(crate) urls: &'a Urls,
}

impl<'a> View<'a> {
    pub(crate) fn new(state: &'a State, urls: &'a Urls) -> Self {
        Self { state, urls }
    }
}

/// Removes members that GitHub leaves out in this place.
pub(crate) fn without(value: &mut Value, names: &[&str]) {
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, _| !names.contains(&name.as_str()));
    }
}

/// A time in GitHub's format: UTC, whole seconds.
pub(crate) fn time(time: Time) -> Value {
    json!(time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// A time that may be absent.
pub(crate) fn maybe_time(moment: Option<Time>) -> Value {
    moment.map_or(Value::Null, time)
}

/// The global id of a node. GraphQL parses it with [`parse_node_id`].
pub(crate) fn node_id(kind: &str, id: Id) -> String {
    format!("{kind}_kwDO{id:08x}")
}

/// The kind and id of a global id.
pub(crate) fn parse_node_id(node: &str) -> Option<(&str, Id)> {
    let (kind, rest) = node.rsplit_once("_kwDO")?;
    Some((kind, Id::from_str_radix(rest, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_id_is_parsed_into_its_parts() {
        assert_eq!(parse_node_id(&node_id("PR", 1234)), Some(("PR", 1234)));
        assert_eq!(parse_node_id("nonsense"), None);
    }
}
