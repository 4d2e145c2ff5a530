//! Teams and their members. <https://docs.github.com/en/rest/teams/teams>

use std::{collections::BTreeMap, sync::Arc};

use axum::{Router, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, Input, Patch, created, no_content, ok},
    orgs,
};
use crate::{
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    state::{AccountKind, Id, Privacy, Role, State, Team, TeamRole, slug},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/orgs/{login}/teams", get(teams).post(create))
        .route("/orgs/{login}/teams/{team}", get(team).patch(edit).delete(delete))
        .route("/orgs/{login}/teams/{team}/members", get(members))
        .route("/orgs/{login}/teams/{team}/memberships/{user}", get(membership).put(join).delete(leave))
        .route("/user/teams", get(own))
}

impl Ctx {
    /// Whether the caller can see a team. Only its members and the owners can see a secret one.
    pub(super) fn sees_team(&self, state: &State, team: &Team) -> bool {
        let secret = team.privacy == Privacy::Secret;
        match &self.caller {
            Caller::User(user) => {
                let inside = self.is_inside(state, team.org);
                inside && (!secret || team.members.contains_key(user) || state.owns(team.org, *user))
            }
            _ => self.is_inside(state, team.org),
        }
    }

    /// A team that the caller can see.
    pub(super) fn team<'s>(&self, state: &'s State, (login, slug): (&str, &str)) -> Result<&'s Team, ApiError> {
        let org = orgs::find(state, login)?;
        state.team(org, slug).filter(|team| self.sees_team(state, team)).ok_or_else(ApiError::not_found)
    }

    /// The actor, if the caller is an owner of the organisation, a maintainer of the team, or an installation with the
    /// permission.
    pub(super) fn maintains(&self, state: &State, team: &Team) -> Result<Id, ApiError> {
        match &self.caller {
            Caller::User(user) if team.members.get(user) == Some(&TeamRole::Maintainer) => Ok(*user),
            _ => self.manages(state, team.org, "Must have admin rights to the team."),
        }
    }
}

async fn teams(ctx: Ctx, At(login): At<String>) -> Answer {
    let state = ctx.state();
    let org = orgs::find(&state, &login)?;
    if !ctx.is_inside(&state, org) {
        return Err(match ctx.caller {
            Caller::Anonymous => ApiError::requires_authentication(),
            Caller::App(_) | Caller::Installation(_) => ApiError::not_accessible(),
            Caller::User(_) => ApiError::forbidden("You must be a member of the organization to see its teams."),
        });
    }
    let view = ctx.view(&state);
    Ok(ctx.list(state.teams_of(org).filter(|team| ctx.sees_team(&state, team)), |team| view.team(team)))
}

async fn team(ctx: Ctx, At((login, slug)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    Ok(ok(ctx.view(&state).team_full(ctx.team(&state, (&login, &slug))?)))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    name: Option<String>,
    description: Option<String>,
    privacy: Option<String>,
    notification_setting: Option<String>,
    permission: Option<String>,
    parent_team_id: Patch<Id>,
    maintainers: Vec<String>,
    repo_names: Vec<String>,
}

/// The checked fields of a request for a team.
struct Told {
    privacy: Option<Privacy>,
    notified: Option<bool>,
    permission: Option<Role>,
}

impl Asked {
    fn told(&self) -> Result<Told, ApiError> {
        let invalid = |field| ApiError::invalid("Team", field, "invalid");
        let word = |asked: &Option<String>| asked.as_deref().map(str::to_owned);
        let privacy = match word(&self.privacy).as_deref() {
            None => None,
            Some("closed") => Some(Privacy::Closed),
            Some("secret") => Some(Privacy::Secret),
            Some(_) => return Err(invalid("privacy")),
        };
        let notified = match word(&self.notification_setting).as_deref() {
            None => None,
            Some("notifications_enabled") => Some(true),
            Some("notifications_disabled") => Some(false),
            Some(_) => return Err(invalid("notification_setting")),
        };
        let permission = match word(&self.permission).as_deref() {
            None => None,
            Some("pull") => Some(Role::Read),
            Some("push") => Some(Role::Write),
            Some("admin") => Some(Role::Admin),
            Some(_) => return Err(invalid("permission")),
        };
        Ok(Told { privacy, notified, permission })
    }
}

/// The name, if no other team has it; 422 if it is empty or taken.
fn free_name(state: &State, org: Id, name: &str, own: Option<Id>) -> Result<String, ApiError> {
    let slug = slug(name);
    if slug.is_empty() || name.chars().count() > 255 {
        return Err(ApiError::invalid("Team", "name", "missing_field"));
    }
    match state.team(org, &slug) {
        Some(taken) if Some(taken.id) != own => {
            Err(ApiError::invalid_because("Team", "name", "Name must be unique for this org"))
        }
        _ => Ok(slug),
    }
}

/// The parent team. A secret team has no parent and no children.
/// <https://docs.github.com/en/organizations/organizing-members-into-teams/about-teams#nested-teams>
fn parent_of(state: &State, org: Id, parent: Id, privacy: Privacy) -> Result<Id, ApiError> {
    let parent = state.teams.get(&parent).filter(|team| team.org == org).ok_or_else(ApiError::not_found)?;
    if parent.privacy == Privacy::Secret || privacy == Privacy::Secret {
        return Err(ApiError::invalid_because("Team", "parent_team_id", "Secret teams cannot be nested"));
    }
    Ok(parent.id)
}

/// Any member may create a team, and maintains it.
/// <https://docs.github.com/en/rest/teams/teams#create-a-team>
async fn create(ctx: Ctx, At(login): At<String>, Input(asked): Input<Asked>) -> Answer {
    let told = asked.told()?;
    let mut state = ctx.state();
    let org = orgs::find(&state, &login)?;
    let actor = match &ctx.caller {
        Caller::User(user) if state.member(org, *user).is_some() => *user,
        _ => ctx.manages(&state, org, "Must be a member of the organization to create a team.")?,
    };
    let name = asked.name.clone().unwrap_or_default();
    let slug = free_name(&state, org, &name, None)?;
    // By default a nested team is closed and any other team is secret.
    let nested = asked.parent_team_id.value().copied();
    let privacy = told.privacy.unwrap_or(if nested.is_some() { Privacy::Closed } else { Privacy::Secret });
    let parent = nested.map(|parent| parent_of(&state, org, parent, privacy)).transpose()?;
    let mut members = BTreeMap::new();
    for login in &asked.maintainers {
        let person = state.account_by_login(login).filter(|account| state.member(org, account.id).is_some());
        let person = person.ok_or_else(|| ApiError::invalid("Team", "maintainers", "invalid"))?;
        members.insert(person.id, TeamRole::Maintainer);
    }
    if matches!(ctx.caller, Caller::User(_)) {
        members.insert(actor, TeamRole::Maintainer);
    }
    let repos = named_repos(&state, org, &asked.repo_names)?;
    let permission = told.permission.unwrap_or(Role::Read);
    let (id, now) = (state.new_id(), state.now());
    let team = Team {
        id,
        org,
        name,
        slug,
        description: asked.description,
        privacy,
        notified: told.notified.unwrap_or(true),
        permission,
        parent,
        members,
        repos: BTreeMap::new(),
        created_at: now,
        updated_at: now,
    };
    ctx.app_state.create_team(&mut state, team, actor);
    for repo in repos {
        ctx.app_state.give_team(&mut state, id, repo, permission, actor);
    }
    Ok(created(ctx.view(&state).team_full(&state.teams[&id])))
}

fn named_repos(state: &State, org: Id, names: &[String]) -> Result<Vec<Id>, ApiError> {
    let find = |full: &String| {
        let (owner, name) = full.split_once('/')?;
        state.repo(owner, name).filter(|repo| repo.owner == org).map(|repo| repo.id)
    };
    names.iter().map(|full| find(full).ok_or_else(|| ApiError::invalid("Team", "repo_names", "invalid"))).collect()
}

/// <https://docs.github.com/en/rest/teams/teams#update-a-team>
async fn edit(ctx: Ctx, At((login, slug)): At<(String, String)>, Input(asked): Input<Asked>) -> Answer {
    let told = asked.told()?;
    let mut state = ctx.state();
    let before = ctx.team(&state, (&login, &slug))?.clone();
    let actor = ctx.maintains(&state, &before)?;
    let mut team = before.clone();
    if let Some(name) = asked.name {
        team.slug = free_name(&state, team.org, &name, Some(team.id))?;
        team.name = name;
    }
    team.description = asked.description.or(team.description);
    team.privacy = told.privacy.unwrap_or(team.privacy);
    team.notified = told.notified.unwrap_or(team.notified);
    team.permission = told.permission.unwrap_or(team.permission);
    match asked.parent_team_id {
        Patch::Keep => {}
        Patch::Clear => team.parent = None,
        Patch::Set(parent) if state.offspring(team.id).contains(&parent) => {
            return Err(ApiError::invalid_because("Team", "parent_team_id", "A team cannot be below itself"));
        }
        Patch::Set(parent) => team.parent = Some(parent_of(&state, team.org, parent, team.privacy)?),
    }
    if team.privacy == Privacy::Secret && (team.parent.is_some() || state.offspring(team.id).len() > 1) {
        return Err(ApiError::invalid_because("Team", "privacy", "Nested teams cannot be secret"));
    }
    let changes = changes(&before, &team);
    team.updated_at = state.now();
    let id = team.id;
    state.teams.insert(id, team);
    if changes != json!({}) {
        ctx.app_state.announce_team(&mut state, id, "edited", actor, json!({ "changes": changes }));
    }
    Ok(ok(ctx.view(&state).team_full(&state.teams[&id])))
}

fn changes(before: &Team, after: &Team) -> Value {
    let mut changes = json!({});
    if before.name != after.name {
        changes["name"] = json!({ "from": before.name });
    }
    if before.description != after.description {
        changes["description"] = json!({ "from": before.description.clone().unwrap_or_default() });
    }
    if before.privacy != after.privacy {
        changes["privacy"] = json!({ "from": before.privacy.name() });
    }
    changes
}

/// <https://docs.github.com/en/rest/teams/teams#delete-a-team>
async fn delete(ctx: Ctx, At((login, slug)): At<(String, String)>) -> Answer {
    let mut state = ctx.state();
    let team = ctx.team(&state, (&login, &slug))?;
    let (actor, id) = (ctx.maintains(&state, team)?, team.id);
    ctx.app_state.delete_team(&mut state, id, actor);
    Ok(no_content())
}

/// <https://docs.github.com/en/rest/teams/members#list-team-members>
async fn members(ctx: Ctx, At((login, slug)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let team = ctx.team(&state, (&login, &slug))?;
    let wanted = ctx.query("role").filter(|role| *role != "all");
    let members = state.team_members(team).into_iter();
    let members = members.filter(|(_, (role, _))| wanted.is_none_or(|wanted| wanted == role.name()));
    let view = ctx.view(&state);
    Ok(ctx.list(members, |(id, (role, inherited))| {
        let mut value = view.account(id);
        value["role"] = json!(role.name());
        value["inherited"] = json!(inherited);
        value
    }))
}

/// An owner of the organisation is always shown as a maintainer.
/// <https://docs.github.com/en/rest/teams/members#get-team-membership-for-a-user>
async fn membership(ctx: Ctx, At((login, slug, user)): At<(String, String, String)>) -> Answer {
    let state = ctx.state();
    let team = ctx.team(&state, (&login, &slug))?;
    let person = state.account_by_login(&user).ok_or_else(ApiError::not_found)?.id;
    shown(&ctx, &state, team, person)
}

fn shown(ctx: &Ctx, state: &State, team: &Team, user: Id) -> Answer {
    let (role, _) = *state.team_members(team).get(&user).ok_or_else(ApiError::not_found)?;
    let role = if state.owns(team.org, user) { TeamRole::Maintainer } else { role };
    let login = &state.account(user).login;
    let url = ctx.urls.api(&format!("/organizations/{}/team/{}/memberships/{login}", team.org, team.id));
    Ok(ok(json!({ "url": url, "role": role.name(), "state": "active" })))
}

#[derive(Deserialize)]
struct Wanted {
    role: Option<String>,
}

/// A maintainer may add members of the organisation, and an owner anybody.
/// <https://docs.github.com/en/rest/teams/members#add-or-update-team-membership-for-a-user>
async fn join(ctx: Ctx, At((login, slug, user)): At<(String, String, String)>, Input(wanted): Input<Wanted>) -> Answer {
    let role = match wanted.role.as_deref() {
        None | Some("member") => TeamRole::Member,
        Some("maintainer") => TeamRole::Maintainer,
        Some(_) => return Err(ApiError::invalid("TeamMember", "role", "invalid")),
    };
    let mut state = ctx.state();
    let team = ctx.team(&state, (&login, &slug))?.clone();
    let actor = ctx.maintains(&state, &team)?;
    let person = state.account_by_login(&user).ok_or_else(ApiError::not_found)?;
    if person.kind != AccountKind::User {
        return Err(ApiError::invalid("TeamMember", "user", "unprocessable"));
    }
    let person = person.id;
    if state.member(team.org, person).is_none() {
        ctx.manages(&state, team.org, "You must be an owner to add somebody from outside the organization.")?;
    }
    ctx.app_state.join_team(&mut state, team.id, person, role, actor);
    shown(&ctx, &state, &state.teams[&team.id], person)
}

/// Members may leave a team themselves.
/// <https://docs.github.com/en/rest/teams/members#remove-team-membership-for-a-user>
async fn leave(ctx: Ctx, At((login, slug, user)): At<(String, String, String)>) -> Answer {
    let mut state = ctx.state();
    let team = ctx.team(&state, (&login, &slug))?.clone();
    let person = state.account_by_login(&user).ok_or_else(ApiError::not_found)?.id;
    let actor = match &ctx.caller {
        Caller::User(caller) if *caller == person => person,
        _ => ctx.maintains(&state, &team)?,
    };
    if !team.members.contains_key(&person) {
        return Err(ApiError::not_found());
    }
    ctx.app_state.leave_team(&mut state, team.id, person, actor);
    Ok(no_content())
}

async fn own(ctx: Ctx) -> Answer {
    let user = ctx.require_user()?;
    let state = ctx.state();
    let view = ctx.view(&state);
    let mine = state.teams.values().filter(|team| team.members.contains_key(&user));
    Ok(ctx.list(mine, |team| view.team_full(team)))
}
