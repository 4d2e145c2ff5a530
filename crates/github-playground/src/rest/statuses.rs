//! Commit statuses: the older kind of check, which everybody with write access may set.
//! <https://docs.github.com/en/rest/commits/statuses>

use std::sync::Arc;

use axum::{Router, routing::post};
use serde::Deserialize;
use serde_json::json;

use super::{
    context::{Answer, At, Ctx, Input, created, ok},
    sizes,
    validation::is_web_address,
};
use crate::{
    app_state::AppState,
    error::ApiError,
    git::Branch,
    state::{Role, Scope, Status, StatusState},
    view::{merge, without},
    webhooks::Event,
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new().route("/repos/{owner}/{repo}/statuses/{sha}", post(create))
}

/// <https://docs.github.com/en/rest/commits/statuses#create-a-commit-status>
const MOST: usize = 1000;

/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#status>
const BRANCHES_SHOWN: usize = 10;

const STATUSES: &[Scope] = &[Scope::Statuses];

fn are_enough(statuses: &[Status], sha: &str, context: &str) -> bool {
    let same = statuses.iter().filter(|all| all.sha == sha && all.context.eq_ignore_ascii_case(context));
    same.count() >= MOST
}

#[derive(Deserialize)]
struct New {
    state: Option<StatusState>,
    target_url: Option<String>,
    description: Option<String>,
    context: Option<String>,
}

async fn create(ctx: Ctx, At((owner, name, sha)): At<(String, String, String)>, Input(new): Input<New>) -> Answer {
    let (writer, git) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), STATUSES, Role::Write)?;
        (writer, state.repo_by_id(writer.repo).git.clone())
    };
    let given = new.state.ok_or_else(|| ApiError::invalid("Status", "state", "missing_field"))?;
    sizes::check("Status", "description", new.description.as_deref(), 140)?;
    sizes::check("Status", "context", new.context.as_deref(), 255)?;
    let target_url = new.target_url.filter(|url| !url.is_empty());
    if target_url.as_ref().is_some_and(|url| !is_web_address(url)) {
        return Err(ApiError::invalid_because("Status", "target_url", "target_url must use http(s) scheme"));
    }
    let commit = git.commit(&sha).await?.filter(|commit| commit.sha == sha);
    let commit = commit.ok_or_else(|| ApiError::semantic(format!("No commit found for SHA: {sha}")))?;
    let branches = git.branches_with(&sha).await?;
    let mut state = ctx.state();
    let context = new.context.unwrap_or_else(|| "default".to_owned());
    if are_enough(&state.repo_by_id(writer.repo).statuses, &sha, &context) {
        return Err(ApiError::custom("Status", "This SHA and context has reached the maximum number of statuses."));
    }
    let status = Status {
        id: state.new_id(),
        sha: sha.clone(),
        context,
        state: given,
        description: new.description,
        target_url,
        creator: writer.actor,
        created_at: state.now(),
    };
    state.repo_mut(writer.repo).statuses.push(status.clone());
    let repo = state.repo_by_id(writer.repo);
    let full_name = ctx.view(&state).full_name(repo);
    let branch = |branch: &Branch| ctx.view(&state).branch(repo, &branch.name, &branch.sha);
    let branches: Vec<_> = branches.iter().take(BRANCHES_SHOWN).map(branch).collect();
    let mut fields = ctx.view(&state).status(repo, &status);
    merge(
        &mut fields,
        json!({ "sha": sha, "name": full_name, "branches": branches, "commit": ctx.view(&state).commit(repo, &commit) }),
    );
    without(&mut fields, &["creator", "node_id", "url"]);
    for person in ["author", "committer"] {
        without(&mut fields["commit"][person], &["user_view_type"]);
    }
    ctx.app_state
        .announce(&mut state, Event { name: "status", action: None, repo: writer.repo, sender: writer.actor, fields });
    Ok(created(ctx.view(&state).status(state.repo_by_id(writer.repo), &status)))
}

/// `GET /commits/{ref}/statuses`, newest first.
pub(super) fn statuses_of(ctx: &Ctx, (owner, name): (&str, &str), sha: &str) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (owner, name), STATUSES)?;
    let view = ctx.view(&state);
    let found = repo.statuses.iter().rev().filter(|status| status.sha == sha);
    Ok(ctx.list(found, |status| view.status(repo, status)))
}

/// `GET /commits/{ref}/status`.
pub(super) fn combined(ctx: &Ctx, (owner, name): (&str, &str), sha: &str) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (owner, name), STATUSES)?;
    Ok(ok(ctx.view(&state).combined_status(repo, sha)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_statuses_of_a_context_in_any_case_are_enough_for_a_commit() {
        let status = |context: &str| Status {
            id: 1,
            sha: "a".to_owned(),
            context: context.to_owned(),
            state: StatusState::Success,
            description: None,
            target_url: None,
            creator: 1,
            created_at: chrono::DateTime::UNIX_EPOCH,
        };
        let mut statuses: Vec<Status> = (0..999).map(|n| status(if n % 2 == 0 { "ci" } else { "CI" })).collect();
        statuses.push(status("other"));
        assert!(!are_enough(&statuses, "a", "ci"));
        statuses.push(status("Ci"));
        assert!(are_enough(&statuses, "a", "cI"));
        assert!(!are_enough(&statuses, "b", "ci"));
    }
}
