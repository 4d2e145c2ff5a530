//! The settings of a repository; its transfer and deletion. <https://docs.github.com/en/rest/repos/repos#update-a-repository>

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    routing::{get, patch, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, Input, Patch, answer, no_content, ok},
    repos::{shown, valid_name},
    validation::check_homepage,
};
use crate::{
    acts::Writer,
    app_state::AppState,
    error::ApiError,
    git::GitError,
    state::{
        AccountKind, Id, MergeBody, MergeSettings, MergeTitle, Repo, Role, Scope, SquashMessage, SquashTitle, State,
        Wording,
    },
};

/// The most topics; each has at most fifty characters.
/// <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/classifying-your-repository-with-topics>
const TOPICS: usize = 20;
const TOPIC: usize = 50;

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}", patch(edit).delete(delete))
        .route("/repos/{owner}/{repo}/topics", get(topics).put(set_topics))
        .route("/repos/{owner}/{repo}/transfer", post(transfer))
}

/// A request's settings for merging.
#[derive(Deserialize, Default, Clone, Copy)]
#[serde(default)]
pub(super) struct Merging {
    allow_merge_commit: Option<bool>,
    allow_squash_merge: Option<bool>,
    allow_rebase_merge: Option<bool>,
    allow_auto_merge: Option<bool>,
    allow_update_branch: Option<bool>,
    delete_branch_on_merge: Option<bool>,
    squash_merge_commit_title: Option<SquashTitle>,
    squash_merge_commit_message: Option<SquashMessage>,
    merge_commit_title: Option<MergeTitle>,
    merge_commit_message: Option<MergeBody>,
}

impl Merging {
    /// The settings after the request. At least one merge method must remain.
    pub(super) fn applied_to(self, old: MergeSettings) -> Result<MergeSettings, ApiError> {
        let new = MergeSettings {
            allow_merge_commit: self.allow_merge_commit.unwrap_or(old.allow_merge_commit),
            allow_squash_merge: self.allow_squash_merge.unwrap_or(old.allow_squash_merge),
            allow_rebase_merge: self.allow_rebase_merge.unwrap_or(old.allow_rebase_merge),
            allow_auto_merge: self.allow_auto_merge.unwrap_or(old.allow_auto_merge),
            allow_update_branch: self.allow_update_branch.unwrap_or(old.allow_update_branch),
            delete_branch_on_merge: self.delete_branch_on_merge.unwrap_or(old.delete_branch_on_merge),
            wording: Wording {
                squash_title: self.squash_merge_commit_title.unwrap_or(old.wording.squash_title),
                squash_message: self.squash_merge_commit_message.unwrap_or(old.wording.squash_message),
                merge_title: self.merge_commit_title.unwrap_or(old.wording.merge_title),
                merge_message: self.merge_commit_message.unwrap_or(old.wording.merge_message),
            },
        };
        if new.allow_merge_commit || new.allow_squash_merge || new.allow_rebase_merge {
            return Ok(new);
        }
        let sentence = "Sorry, you need to allow at least one merge strategy. (no_merge_method)";
        Err(ApiError::invalid_because("Repository", "merge_commit_allowed", sentence))
    }
}

/// Whether a request asks for a private repository. `visibility` overrides `private`.
pub(super) fn wants_private(visibility: Option<&str>, private: Option<bool>) -> Result<Option<bool>, ApiError> {
    match visibility {
        None => Ok(private),
        Some("public") => Ok(Some(false)),
        Some("private") => Ok(Some(true)),
        // `internal` needs an enterprise, which does not exist here.
        Some(_) => Err(ApiError::invalid("Repository", "visibility", "invalid")),
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Edit {
    name: Option<String>,
    description: Patch<String>,
    homepage: Patch<String>,
    private: Option<bool>,
    visibility: Option<String>,
    default_branch: Option<String>,
    archived: Option<bool>,
    #[serde(flatten)]
    merging: Merging,
}

impl Edit {
    /// Whether the edit has a field that a maintainer may not change.
    fn is_for_administrators(&self) -> bool {
        self.name.is_some()
            || self.private.is_some()
            || self.visibility.is_some()
            || self.default_branch.is_some()
            || self.archived.is_some()
    }
}

/// Maintainers may change the description and the merge methods. The rest is for administrators.
/// <https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization#permissions-for-each-role>
async fn edit(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(edit): Input<Edit>) -> Answer {
    let least = if edit.is_for_administrators() { Role::Admin } else { Role::Maintain };
    let (writer, git) = {
        let state = ctx.state();
        let writer = ctx.write_whole(&state, (&owner, &name), &[Scope::Administration], least)?;
        checked(&state, state.repo_by_id(writer.repo), &edit)?;
        (writer, state.repo_by_id(writer.repo).git.clone())
    };
    if let Some(branch) = &edit.default_branch {
        match git.set_head(branch).await {
            Ok(()) => {}
            Err(GitError::RefNotFound(_) | GitError::InvalidRefName(_)) => {
                let sentence = format!(
                    "The branch {branch} was not found. Please push that ref first or create it via the Git Data API."
                );
                return Err(ApiError::invalid_because("Repository", "default_branch", &sentence));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut state = ctx.state();
    // Checked again under the lock, because the search for the branch released it.
    checked(&state, state.repo_by_id(writer.repo), &edit)?;
    apply(&ctx, &mut state, writer, edit)?;
    Ok(ok(shown(&ctx, &state, state.repo_by_id(writer.repo))))
}

/// Checks everything before anything is changed.
fn checked(state: &State, repo: &Repo, edit: &Edit) -> Result<(), ApiError> {
    if repo.archived && edit.archived != Some(false) {
        return Err(ApiError::archived());
    }
    edit.merging.applied_to(repo.merging)?;
    wants_private(edit.visibility.as_deref(), edit.private)?;
    check_homepage(edit.homepage.value().map(String::as_str))?;
    match &edit.name {
        Some(name) => free(state, repo, repo.owner, name),
        None => Ok(()),
    }
}

/// Checks that no other repository of the account has this name.
fn free(state: &State, repo: &Repo, owner: Id, name: &str) -> Result<(), ApiError> {
    if !valid_name(name) {
        return Err(ApiError::invalid("Repository", "name", "missing_field"));
    }
    match state.repo(&state.account(owner).login, name) {
        Some(taken) if taken.id != repo.id => {
            Err(ApiError::invalid_because("Repository", "name", "name already exists on this account"))
        }
        _ => Ok(()),
    }
}

fn apply(ctx: &Ctx, state: &mut State, writer: Writer, edit: Edit) -> Result<(), ApiError> {
    let (id, sender) = (writer.repo, writer.actor);
    if let Some(archived) = edit.archived {
        ctx.app_state.set_archived(state, id, archived, sender);
    }
    let merging = edit.merging.applied_to(state.repo_by_id(id).merging)?;
    let repo = state.repo_mut(id);
    repo.merging = merging;
    let mut changes = json!({});
    change(&mut changes, "description", &mut repo.description, edit.description);
    change(&mut changes, "homepage", &mut repo.homepage, edit.homepage.unless(String::is_empty));
    if let Some(branch) = edit.default_branch.filter(|branch| *branch != repo.default_branch) {
        changes["default_branch"] = json!({ "from": repo.default_branch });
        repo.default_branch = branch;
    }
    if changes != json!({}) {
        ctx.app_state.announce_repository(state, id, "edited", sender, Some(changes));
    }
    if let Some(private) = wants_private(edit.visibility.as_deref(), edit.private)? {
        ctx.app_state.set_private(state, id, private, sender);
    }
    if let Some(name) = edit.name.filter(|name| *name != state.repo_by_id(id).name) {
        ctx.app_state.rename(state, id, &name, sender);
    }
    Ok(())
}

fn change(changes: &mut Value, field: &str, held: &mut Option<String>, wanted: Patch<String>) {
    let new = match wanted {
        Patch::Keep => return,
        Patch::Clear => None,
        Patch::Set(text) => Some(text).filter(|text| !text.is_empty()),
    };
    if *held != new {
        changes[field] = json!({ "from": held });
        *held = new;
    }
}

/// <https://docs.github.com/en/rest/repos/repos#delete-a-repository>
async fn delete(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write_whole(&state, (&owner, &name), &[Scope::Administration], Role::Admin)?;
    ctx.app_state.delete_repository(&mut state, writer.repo, writer.actor);
    Ok(no_content())
}

async fn topics(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), &[Scope::Metadata])?;
    Ok(ok(json!({ "names": repo.topics })))
}

#[derive(Deserialize)]
struct Topics {
    names: Vec<String>,
}

/// <https://docs.github.com/en/rest/repos/repos#replace-all-repository-topics>
async fn set_topics(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(asked): Input<Topics>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), &[Scope::Administration], Role::Maintain)?;
    let mut names: Vec<String> = Vec::new();
    for topic in asked.names.iter().map(|topic| topic.to_lowercase()) {
        let letters = topic.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !letters || topic.is_empty() || topic.starts_with('-') || topic.len() > TOPIC {
            return Err(ApiError::semantic(
                "Topics must start with a lowercase letter or number, consist of 50 characters or less, and can include hyphens.",
            ));
        }
        if !names.contains(&topic) {
            names.push(topic);
        }
    }
    if names.len() > TOPICS {
        return Err(ApiError::semantic("A repository cannot have more than 20 topics."));
    }
    let repo = state.repo_mut(writer.repo);
    let before = std::mem::replace(&mut repo.topics, names);
    let after = repo.topics.clone();
    if before != after {
        let changes = json!({ "topics": { "from": before } });
        ctx.app_state.announce_repository(&mut state, writer.repo, "edited", writer.actor, Some(changes));
    }
    Ok(ok(json!({ "names": after })))
}

#[derive(Deserialize)]
struct Transfer {
    new_owner: String,
    new_name: Option<String>,
    #[serde(default)]
    team_ids: Vec<Id>,
}

/// A transfer to oneself or to one's own organisation happens at once; to another person, after they accept.
/// <https://docs.github.com/en/rest/repos/repos#transfer-a-repository>
async fn transfer(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(asked): Input<Transfer>) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write_whole(&state, (&owner, &name), &[Scope::Administration], Role::Admin)?;
    let refuse = |message: &str| ApiError::invalid_because("Repository", "new_owner", message);
    let target = state.account_by_login(&asked.new_owner).filter(|account| account.kind != AccountKind::Bot);
    let (target, kind) = target.map(|account| (account.id, account.kind)).ok_or_else(|| refuse("is invalid"))?;
    let repo = state.repo_by_id(writer.repo);
    let name = asked.new_name.clone().unwrap_or_else(|| repo.name.clone());
    if repo.owner == target {
        return Err(refuse("The repository is already owned by this account"));
    }
    free(&state, repo, target, &name)?;
    let unknown = asked.team_ids.iter().find(|id| state.teams.get(id).is_none_or(|team| team.org != target));
    if unknown.is_some() {
        return Err(ApiError::invalid("Repository", "team_ids", "invalid"));
    }
    let member = state.member(target, writer.actor).is_some();
    if kind == AccountKind::Organization && !member {
        return Err(refuse("You don't have the permission to create repositories on this account"));
    }
    let before = ctx.view(&state).repo_minimal(repo);
    if kind == AccountKind::User && target != writer.actor {
        state.transfers.insert(writer.repo, (target, name));
    } else {
        ctx.app_state.transfer(&mut state, writer.repo, (target, &name), writer.actor);
        for team in asked.team_ids {
            let role = state.teams[&team].permission;
            ctx.app_state.give_team(&mut state, team, writer.repo, role, writer.actor);
        }
    }
    Ok(answer(StatusCode::ACCEPTED, before))
}
