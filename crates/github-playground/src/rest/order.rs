//! `sort`, `direction` and `since` of the lists of issues, pull requests and comments, each with the defaults of its
//! resource.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};

use super::context::Ctx;
use crate::state::{Id, Issue, Repo, Time};

/// Issues: newest first, unless the query says otherwise.
/// <https://docs.github.com/en/rest/issues/issues#list-repository-issues>
pub(super) fn issues(ctx: &Ctx, issues: &mut [&Issue]) {
    match ctx.query("sort") {
        Some("updated") => issues.sort_by_key(|issue| (issue.updated_at, issue.number)),
        Some("comments") => issues.sort_by_key(|issue| (issue.comments.len(), issue.number)),
        _ => issues.sort_by_key(|issue| issue.number),
    }
    if ctx.query("direction") != Some("asc") {
        issues.reverse();
    }
}

/// Whether the query keeps the default order: newest first.
pub(super) fn is_newest_first(ctx: &Ctx) -> bool {
    !matches!(ctx.query("sort"), Some("updated" | "comments")) && ctx.query("direction") != Some("asc")
}

/// Pull requests: newest first; any other sort key is ascending. `long-running` keeps those that were opened more than
/// a month ago and were active within the last month. <https://docs.github.com/en/rest/pulls/pulls#list-pull-requests>
pub(super) fn pulls(ctx: &Ctx, now: Time, pulls: &mut Vec<&Issue>) {
    let by = ctx.query("sort").unwrap_or("created");
    match by {
        "updated" => pulls.sort_by_key(|issue| (issue.updated_at, issue.number)),
        "popularity" => pulls.sort_by_key(|issue| (issue.comments.len(), issue.number)),
        "long-running" => {
            let month_ago = now - TimeDelta::days(30);
            pulls.retain(|issue| issue.created_at < month_ago && issue.updated_at >= month_ago);
            pulls.sort_by_key(|issue| issue.number);
        }
        _ => pulls.sort_by_key(|issue| issue.number),
    }
    let down = match ctx.query("direction") {
        Some(word) => word == "desc",
        None => by == "created",
    };
    if down {
        pulls.reverse();
    }
}

/// Repositories: names are ascending, times descending.
/// <https://docs.github.com/en/rest/repos/repos#list-repositories-for-a-user>
pub(super) fn repositories(ctx: &Ctx, repos: &mut [&Repo]) {
    let by = ctx.query("sort").unwrap_or("full_name");
    match by {
        "created" => repos.sort_by_key(|repo| (repo.created_at, repo.id)),
        "updated" | "pushed" => repos.sort_by_key(|repo| (repo.pushed_at, repo.id)),
        _ => repos.sort_by_key(|repo| repo.name.to_lowercase()),
    }
    let down = match ctx.query("direction") {
        Some(word) => word == "desc",
        None => matches!(by, "created" | "updated" | "pushed"),
    };
    if down {
        repos.reverse();
    }
}

/// Comments: oldest first. A direction without a `sort` is ignored.
/// <https://docs.github.com/en/rest/issues/comments#list-issue-comments-for-a-repository>
pub(super) fn comments<T>(ctx: &Ctx, comments: impl Iterator<Item = T>, of: impl Fn(&T) -> (Id, Time)) -> Vec<T> {
    let since = ctx.query("since").and_then(|since| since.parse::<DateTime<Utc>>().ok());
    let mut found: Vec<T> = comments.filter(|comment| since.is_none_or(|since| of(comment).1 >= since)).collect();
    let key = |comment: &T| {
        let (id, updated) = of(comment);
        // Ids grow with time.
        (if ctx.query("sort") == Some("updated") { Some(updated) } else { None }, id)
    };
    if ctx.query("sort").is_some() && ctx.query("direction") == Some("desc") {
        found.sort_by_key(|comment| Reverse(key(comment)));
    } else {
        found.sort_by_key(key);
    }
    found
}
