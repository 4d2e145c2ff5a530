//! Finds the workflows of a repository that do not run for the pull requests of steps.
//!
//! A workflow with `on: pull_request: branches: [main]` runs for no pull request into an integration branch, and nothing on
//! GitHub says so. What never happens here: no expression is evaluated, and a workflow that cannot be read is left to
//! GitHub, which says itself what is wrong with it.

use adjutant_domain::yaml;
use globset::GlobBuilder;
use serde_json::Value;

use crate::workspace::{GitError, Mirror};

const FOLDER: &str = ".github/workflows/";
/// The most workflows that are read.
const MOST: usize = 100;
const OF_PULLS: [&str; 2] = ["pull_request", "pull_request_target"];

/// The workflows of `commit` that run for pull requests, but for none into `target`, nor for a push to `head`.
pub async fn left_out(mirror: &Mirror, commit: &str, target: &str, head: &str) -> Result<Vec<String>, GitError> {
    let is_workflow = |path: &String| {
        let name = path.strip_prefix(FOLDER).filter(|name| !name.contains('/'));
        name.is_some_and(|name| [".yml", ".yaml"].iter().any(|end| name.ends_with(end)))
    };
    let paths = mirror.files(commit).await?.into_iter().map(|entry| entry.path).filter(is_workflow).take(MOST);
    let mut found = Vec::new();
    for path in paths {
        if let Some(bytes) = mirror.read(commit, &path, yaml::MAX_BYTES as u64).await?
            && let Ok(workflow) = yaml::value(&String::from_utf8_lossy(&bytes))
            && leaves_out(&workflow, target, head)
        {
            found.push(path);
        }
    }
    Ok(found)
}

fn leaves_out(workflow: &Value, target: &str, head: &str) -> bool {
    // Only an event with settings can have a filter.
    let Some(events) = workflow.get("on").and_then(Value::as_object) else { return false };
    let of_pulls: Vec<&Value> = OF_PULLS.iter().filter_map(|event| events.get(*event)).collect();
    let runs = of_pulls.iter().any(|event| takes(event, target))
        // A filter for tags alone lets no push to a branch through.
        || events.get("push").is_some_and(|push| takes(push, head) && (has_branches(push) || push.get("tags").is_none()));
    !of_pulls.is_empty() && !runs
}

fn has_branches(event: &Value) -> bool {
    ["branches", "branches-ignore"].iter().any(|filter| event.get(filter).is_some())
}

/// Whether an event's filters let a branch through.
///
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#onpull_requestpull_request_targetbranchesbranches-ignore>
fn takes(event: &Value, branch: &str) -> bool {
    if let Some(ignored) = event.get("branches-ignore") {
        return !matches(ignored, branch);
    }
    event.get("branches").is_none_or(|wanted| matches(wanted, branch))
}

/// Whether the last pattern that fits is one without `!`.
fn matches(patterns: &Value, branch: &str) -> bool {
    let one = patterns.as_str().into_iter();
    let all = one.chain(patterns.as_array().into_iter().flatten().filter_map(Value::as_str));
    all.fold(false, |found, pattern| match pattern.strip_prefix('!') {
        Some(pattern) => found && !fits(pattern, branch),
        None => found || fits(pattern, branch),
    })
}

fn fits(pattern: &str, branch: &str) -> bool {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    // What GitHub takes and this does not is no reason to warn.
    glob.map_or(true, |glob| glob.compile_matcher().is_match(branch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(on: &str) -> bool {
        leaves_out(&yaml::value(on).unwrap(), "adjutant/7-1/main", "adjutant/7-1/g1-parse")
    }

    #[test]
    fn only_a_workflow_for_pull_requests_whose_filters_leave_the_branch_out_is_found() {
        for on in [
            "on: { pull_request: { branches: [main] } }",
            "on: { pull_request: { branches: main } }",
            "on: { pull_request: { branches: ['*'] } }",
            "on: { pull_request: { branches: ['**', '!adjutant/**'] } }",
            "on: { pull_request: { branches-ignore: ['adjutant/**'] } }",
            "on: { pull_request: { branches: [main] }, push: { branches: [main] } }",
            "on: { pull_request_target: { branches: [main] }, push: { tags: ['v*'] } }",
        ] {
            assert!(leaves(on), "{on}");
        }
        for on in [
            "on: pull_request",
            "on: [push, pull_request]",
            "on: { pull_request: }",
            "on: { pull_request: { types: [opened] } }",
            "on: { pull_request: { branches: [main, 'adjutant/**'] } }",
            "on: { pull_request: { branches: ['**'] } }",
            "on: { pull_request: { branches-ignore: [docs] } }",
            "on: { pull_request: { branches: [main] }, push: }",
            "on: { push: { branches: [main] } }",
            "on: { schedule: [{ cron: '0 0 * * *' }] }",
            "jobs: {}",
        ] {
            assert!(!leaves(on), "{on}");
        }
    }
}
