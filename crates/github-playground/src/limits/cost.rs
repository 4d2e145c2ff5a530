//! The cost of a request, and the resource that it counts for.

use axum::http::Method;

/// The resources that are counted separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Resource {
    Core,
    Graphql,
    Search,
}

impl Resource {
    /// The value of `x-ratelimit-resource`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Graphql => "graphql",
            Self::Search => "search",
        }
    }
}

/// The cost of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) resource: Resource,
    pub(crate) points: u32,
    /// Whether it creates content for which GitHub sends notifications.
    pub(crate) creates: bool,
}

/// A POST below these creates content for which GitHub sends notifications.
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>
const CONTENT: [&str; 8] = ["issues", "pulls", "comments", "reviews", "replies", "reactions", "releases", "sub_issues"];

/// The cost of a REST request, by its path below `/api/v3`.
pub(crate) fn of_rest(method: &Method, path: &str) -> Cost {
    let is_read = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    let resource = if path.starts_with("/search/") { Resource::Search } else { Resource::Core };
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    Cost {
        resource,
        points: if is_read { 1 } else { 5 },
        creates: method == Method::POST && path.starts_with("/repos/") && CONTENT.contains(&last),
    }
}

/// The cost of a GraphQL request.
pub(crate) fn of_graphql(is_mutation: bool) -> Cost {
    Cost { resource: Resource::Graphql, points: if is_mutation { 5 } else { 1 }, creates: is_mutation }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_one_point_a_write_five_and_only_some_writes_create_content() {
        let cost = |method: Method, path: &str| {
            let cost = of_rest(&method, path);
            (cost.points, cost.creates)
        };
        assert_eq!(cost(Method::GET, "/repos/a/b/issues"), (1, false));
        assert_eq!(cost(Method::POST, "/repos/a/b/issues"), (5, true));
        assert_eq!(cost(Method::POST, "/repos/a/b/issues/1/comments"), (5, true));
        assert_eq!(cost(Method::POST, "/repos/a/b/issues/1/labels"), (5, false));
        assert_eq!(cost(Method::PATCH, "/repos/a/b/issues/1"), (5, false));
        assert_eq!(of_rest(&Method::GET, "/search/issues").resource, Resource::Search);
    }
}
