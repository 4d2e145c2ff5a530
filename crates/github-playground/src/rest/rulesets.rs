//! Rulesets. <https://docs.github.com/en/rest/repos/rules>

use std::sync::Arc;

use axum::{Router, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, Input, created, no_content, ok},
    protection::administer,
};
use crate::{
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    rules::demands::{Way, passes, rulesets_of},
    state::{Access, Bypass, BypassMode, Enforcement, Id, Repo, Role, Rule, Ruleset, Scope, State, Target},
    view::{View, merge},
    webhooks::Event,
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/rulesets", get(list).post(create))
        .route("/repos/{owner}/{repo}/rulesets/{id}", get(read).put(update).delete(delete))
        .route("/repos/{owner}/{repo}/rules/branches/{*branch}", get(of_branch))
}

#[derive(Deserialize)]
struct Asked {
    name: Option<String>,
    target: Option<Target>,
    enforcement: Option<Enforcement>,
    bypass_actors: Option<Vec<Bypass>>,
    conditions: Option<Conditions>,
    rules: Option<Vec<Rule>>,
}

#[derive(Deserialize)]
struct Conditions {
    ref_name: Option<RefName>,
}

#[derive(Deserialize)]
struct RefName {
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
}

impl Asked {
    /// The request applied to the existing ruleset.
    fn over(self, mut ruleset: Ruleset) -> Ruleset {
        ruleset.name = self.name.unwrap_or(ruleset.name);
        ruleset.target = self.target.unwrap_or(ruleset.target);
        ruleset.enforcement = self.enforcement.unwrap_or(ruleset.enforcement);
        ruleset.bypass = self.bypass_actors.unwrap_or(ruleset.bypass);
        if let Some(refs) = self.conditions.and_then(|conditions| conditions.ref_name) {
            (ruleset.include, ruleset.exclude) = (refs.include, refs.exclude);
        }
        ruleset.rules = self.rules.unwrap_or(ruleset.rules);
        ruleset
    }
}

fn find(repo: &Repo, id: Id) -> Result<&Ruleset, ApiError> {
    repo.rules.rulesets.iter().find(|ruleset| ruleset.id == id).ok_or_else(ApiError::not_found)
}

fn shown(ctx: &Ctx, state: &State, repo: &Repo, ruleset: &Ruleset) -> Value {
    let account = ctx.caller.account(state);
    let passes = |way: Way| account.is_some_and(|id| passes(state, repo, ruleset, id, way));
    let bypass = match (passes(Way::Push), passes(Way::Merge)) {
        (true, _) => Some(BypassMode::Always),
        (false, true) => Some(BypassMode::PullRequest),
        (false, false) => None,
    };
    let is_admin = match &ctx.caller {
        Caller::User(id) => state.role(repo, *id) == Some(Role::Admin),
        Caller::Installation(grant) => {
            state.covers(grant, repo.id) && state.allows(grant, &[Scope::Administration], Access::Write)
        }
        _ => false,
    };
    ctx.view(state).ruleset(repo, ruleset, bypass, is_admin)
}

async fn list(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), &[Scope::Metadata])?;
    let view = ctx.view(&state);
    Ok(ctx.list(&repo.rules.rulesets, |ruleset| view.ruleset_listed(repo, ruleset)))
}

async fn read(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), &[Scope::Metadata])?;
    Ok(ok(shown(&ctx, &state, repo, find(repo, id)?)))
}

fn check(state: &State, repo: &Repo, asked: &Asked, own: Option<Id>) -> Result<(), ApiError> {
    let taken = |name: &String| repo.rules.rulesets.iter().any(|all| all.name == *name && Some(all.id) != own);
    if asked.name.as_ref().is_some_and(taken) {
        return Err(ApiError::custom("Ruleset", "Name must be unique"));
    }
    // GitHub refuses a check whose app is not installed.
    let pins = asked.rules.iter().flatten().filter_map(|rule| match rule {
        Rule::RequiredStatusChecks { parameters } => Some(&parameters.required_status_checks),
        _ => None,
    });
    let installed = |id: Id| id == state.actions.id || state.installations_of(repo.id).any(|all| all.app == id);
    if pins.flatten().any(|check| check.integration_id.is_some_and(|id| !installed(id))) {
        return Err(ApiError::custom("Ruleset", "Invalid rule 'required_status_checks': Invalid integration_id"));
    }
    Ok(())
}

async fn create(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(asked): Input<Asked>) -> Answer {
    let mut state = ctx.state();
    let writer = administer(&ctx, &state, (&owner, &name), Access::Write)?;
    let absent: Vec<&str> = [("\"name\"", asked.name.is_none()), ("\"enforcement\"", asked.enforcement.is_none())]
        .into_iter()
        .filter_map(|(field, is_absent)| is_absent.then_some(field))
        .collect();
    if !absent.is_empty() {
        let verb = if absent.len() == 1 { "wasn't" } else { "weren't" };
        return Err(ApiError::semantic(format!("Invalid request.\n\n{} {verb} supplied.", absent.join(", "))));
    }
    check(&state, state.repo_by_id(writer.repo), &asked, None)?;
    let (id, now) = (state.new_id(), state.now());
    let ruleset = asked.over(Ruleset {
        id,
        name: String::new(),
        target: Target::Branch,
        enforcement: Enforcement::Active,
        bypass: Vec::new(),
        include: Vec::new(),
        exclude: Vec::new(),
        rules: Vec::new(),
        created_at: now,
        updated_at: now,
    });
    state.repo_mut(writer.repo).rules.rulesets.push(ruleset);
    announce(&ctx, &mut state, (writer.repo, id), writer.actor, "created", json!({}));
    let repo = state.repo_by_id(writer.repo);
    Ok(created(shown(&ctx, &state, repo, find(repo, id)?)))
}

async fn update(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>, Input(asked): Input<Asked>) -> Answer {
    let mut state = ctx.state();
    let writer = administer(&ctx, &state, (&owner, &name), Access::Write)?;
    let repo = state.repo_by_id(writer.repo);
    let had = find(repo, id)?.clone();
    check(&state, repo, &asked, Some(id))?;
    let mut ruleset = asked.over(had.clone());
    ruleset.updated_at = state.now();
    let changes = changes(&had, &ruleset);
    let kept = state.repo_mut(writer.repo).rules.rulesets.iter_mut().find(|all| all.id == id);
    *kept.ok_or_else(ApiError::not_found)? = ruleset;
    announce(&ctx, &mut state, (writer.repo, id), writer.actor, "edited", json!({ "changes": changes }));
    let repo = state.repo_by_id(writer.repo);
    Ok(ok(shown(&ctx, &state, repo, find(repo, id)?)))
}

async fn delete(ctx: Ctx, At((owner, name, id)): At<(String, String, Id)>) -> Answer {
    let mut state = ctx.state();
    let writer = administer(&ctx, &state, (&owner, &name), Access::Write)?;
    find(state.repo_by_id(writer.repo), id)?;
    announce(&ctx, &mut state, (writer.repo, id), writer.actor, "deleted", json!({}));
    state.repo_mut(writer.repo).rules.rulesets.retain(|all| all.id != id);
    Ok(no_content())
}

/// The `changes` of the webhook.
fn changes(had: &Ruleset, now: &Ruleset) -> Value {
    let mut changes = json!({});
    if had.name != now.name {
        changes["name"] = json!({ "from": had.name });
    }
    if had.enforcement != now.enforcement {
        changes["enforcement"] = json!({ "from": had.enforcement });
    }
    if had.rules != now.rules {
        let added: Vec<&Rule> = now.rules.iter().filter(|rule| !had.rules.contains(rule)).collect();
        let deleted: Vec<&Rule> = had.rules.iter().filter(|rule| !now.rules.contains(rule)).collect();
        changes["rules"] = json!({ "added": added, "deleted": deleted, "updated": [] });
    }
    if (&had.include, &had.exclude) != (&now.include, &now.exclude) {
        let condition = json!({ "ref_name": { "include": now.include, "exclude": now.exclude } });
        let mut from = json!({});
        if had.include != now.include {
            from["include"] = json!({ "from": had.include });
        }
        if had.exclude != now.exclude {
            from["exclude"] = json!({ "from": had.exclude });
        }
        changes["conditions"] =
            json!({ "added": [], "deleted": [], "updated": [{ "condition": condition, "changes": from }] });
    }
    changes
}

fn announce(ctx: &Ctx, state: &mut State, (repo, id): (Id, Id), sender: Id, action: &'static str, changes: Value) {
    let view = View::new(state, &ctx.app_state.urls);
    let found = state.repo_by_id(repo);
    let Ok(ruleset) = find(found, id) else { return };
    let mut fields = json!({ "repository_ruleset": view.ruleset(found, ruleset, None, true) });
    merge(&mut fields, changes);
    ctx.app_state.announce(state, Event { name: "repository_ruleset", action: Some(action), repo, sender, fields });
}

/// The active rules of a branch, whether it exists or not. Bypass permissions are ignored.
async fn of_branch(ctx: Ctx, At((owner, name, branch)): At<(String, String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), &[Scope::Metadata])?;
    let source = ctx.view(&state).full_name(repo);
    let full = format!("refs/heads/{branch}");
    let rules = rulesets_of(repo, &full).flat_map(|ruleset| ruleset.rules.iter().map(|rule| (ruleset.id, rule)));
    Ok(ctx.list(rules, |(id, rule)| {
        let mut value = json!(rule);
        let of = json!({ "ruleset_source_type": "Repository", "ruleset_source": source, "ruleset_id": id });
        merge(&mut value, of);
        value
    }))
}
