//! Organisations and their members. <https://docs.github.com/en/rest/orgs/members>

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use serde::Deserialize;

use super::context::{Answer, At, Ctx, Input, no_content, ok};
use crate::{
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    state::{Access, AccountKind, Id, Member, OrgRole, Scope, Shown, State},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/orgs/{login}", get(organization))
        .route("/orgs/{login}/members", get(members))
        .route("/orgs/{login}/members/{user}", get(is_member).delete(remove))
        .route("/orgs/{login}/memberships/{user}", get(membership).put(set_membership).delete(remove))
        .route("/orgs/{login}/outside_collaborators", get(outside_collaborators))
        .route("/orgs/{login}/installations", get(installations))
        .route("/user/orgs", get(own))
        .route("/user/memberships/orgs", get(own_memberships))
        .route("/user/memberships/orgs/{login}", get(own_membership))
}

impl Ctx {
    /// Whether the caller is a member of the organisation, or an installation on it that may read members.
    pub(super) fn is_inside(&self, state: &State, org: Id) -> bool {
        match &self.caller {
            Caller::User(user) => state.member(org, *user).is_some(),
            Caller::Installation(grant) => {
                let here = state.installation(grant.installation).is_some_and(|all| all.account == org);
                here && state.allows(grant, &[Scope::Members], Access::Read)
            }
            Caller::Anonymous | Caller::App(_) => false,
        }
    }

    /// The actor, if the caller is an owner of the organisation or an installation on it that may change members; else
    /// the error `refusal`.
    pub(super) fn manages(&self, state: &State, org: Id, refusal: &str) -> Result<Id, ApiError> {
        match &self.caller {
            Caller::Anonymous => Err(ApiError::requires_authentication()),
            Caller::App(_) => Err(ApiError::not_accessible()),
            Caller::User(user) if state.owns(org, *user) => {
                if self.through.is_none_or(|app| changes_members(state, app, org)) {
                    Ok(*user)
                } else {
                    Err(ApiError::not_accessible())
                }
            }
            Caller::User(_) => Err(ApiError::forbidden(refusal)),
            Caller::Installation(grant) => {
                let here = state.installation(grant.installation).is_some_and(|all| all.account == org);
                let may = here && state.allows(grant, &[Scope::Members], Access::Write);
                if may { Ok(state.app_behind(grant.installation).bot) } else { Err(ApiError::not_accessible()) }
            }
        }
    }
}

/// Whether an app may change the members of an organisation.
fn changes_members(state: &State, app: Id, org: Id) -> bool {
    let mut here =
        state.installations.iter().filter(|all| all.app == app && all.account == org && all.suspended.is_none());
    here.any(|all| all.permissions.get(&Scope::Members) >= Some(&Access::Write))
}

/// The organisation with this login.
pub(super) fn find(state: &State, login: &str) -> Result<Id, ApiError> {
    let found = state.account_by_login(login).filter(|account| account.kind == AccountKind::Organization);
    Ok(found.ok_or_else(ApiError::not_found)?.id)
}

async fn organization(ctx: Ctx, At(login): At<String>) -> Answer {
    let state = ctx.state();
    let org = find(&state, &login)?;
    let view = ctx.view(&state);
    let owner = matches!(ctx.caller, Caller::User(user) if state.owns(org, user));
    let organization = state.organization(org).filter(|_| owner);
    Ok(ok(organization.map_or_else(|| view.organization_full(org), |found| view.organization_for_members(org, found))))
}

/// Outsiders see only the public members. <https://docs.github.com/en/rest/orgs/members#list-organization-members>
async fn members(ctx: Ctx, At(login): At<String>) -> Answer {
    let state = ctx.state();
    let org = find(&state, &login)?;
    let inside = ctx.is_inside(&state, org);
    let role = match ctx.query("role") {
        None | Some("all") => None,
        Some("admin") => Some(OrgRole::Owner),
        Some("member") => Some(OrgRole::Member),
        Some(_) => return Err(ApiError::invalid("Organization", "role", "invalid")),
    };
    let all = state.organization(org).into_iter().flat_map(|organization| &organization.members);
    let wanted = all
        .filter(|(_, member)| inside || member.shown == Shown::Publicly)
        .filter(|(_, member)| role.is_none_or(|role| member.role == role));
    let view = ctx.view(&state);
    Ok(ctx.list(wanted, |(id, _)| view.account(*id)))
}

/// Outsiders are redirected to the public members.
/// <https://docs.github.com/en/rest/orgs/members#check-organization-membership-for-a-user>
async fn is_member(ctx: Ctx, At((login, user)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let org = find(&state, &login)?;
    let account = state.account_by_login(&user).ok_or_else(ApiError::not_found)?;
    if !ctx.is_inside(&state, org) {
        let place = ctx.urls.api(&format!("/orgs/{login}/public_members/{}", account.login));
        let place = HeaderValue::from_str(&place).map_err(|_| ApiError::not_found())?;
        return Ok((StatusCode::FOUND, [(header::LOCATION, place)]).into_response());
    }
    state.member(org, account.id).map(|_| no_content()).ok_or_else(ApiError::not_found)
}

/// <https://docs.github.com/en/rest/orgs/members#get-organization-membership-for-a-user>
async fn membership(ctx: Ctx, At((login, user)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let org = find(&state, &login)?;
    let account = state.account_by_login(&user).ok_or_else(ApiError::not_found)?.id;
    if !ctx.is_inside(&state, org) {
        let sentence = format!("You must be a member of {login} to see membership information for {user}.");
        return Err(ApiError::forbidden(sentence));
    }
    shown(&ctx, &state, org, account)
}

fn shown(ctx: &Ctx, state: &State, org: Id, user: Id) -> Answer {
    let member = state.member(org, user).ok_or_else(ApiError::not_found)?;
    Ok(ok(ctx.view(state).membership(org, (user, member))))
}

#[derive(Deserialize)]
struct Wanted {
    role: Option<String>,
}

/// <https://docs.github.com/en/rest/orgs/members#set-organization-membership-for-a-user>
async fn set_membership(ctx: Ctx, At((login, user)): At<(String, String)>, Input(wanted): Input<Wanted>) -> Answer {
    let mut state = ctx.state();
    let org = find(&state, &login)?;
    let actor = ctx.manages(&state, org, "You must be an admin to add or update an organization membership.")?;
    let role = match wanted.role.as_deref() {
        None | Some("member") => OrgRole::Member,
        Some("admin") => OrgRole::Owner,
        Some(_) => return Err(ApiError::invalid("OrganizationMembership", "role", "invalid")),
    };
    let person = state.account_by_login(&user).filter(|account| account.kind == AccountKind::User);
    let person = person.ok_or_else(ApiError::not_found)?.id;
    if role == OrgRole::Member {
        keep_an_owner(&state, org, person)?;
    }
    ctx.app_state.join(&mut state, org, person, role, actor);
    shown(&ctx, &state, org, person)
}

/// An organisation must have an owner.
/// <https://docs.github.com/en/organizations/managing-peoples-access-to-your-organization-with-roles/maintaining-ownership-continuity-for-your-organization>
fn keep_an_owner(state: &State, org: Id, leaving: Id) -> Result<(), ApiError> {
    let owner = |(id, member): (&Id, &Member)| member.role == OrgRole::Owner && *id != leaving;
    let another = state.organization(org).is_some_and(|organization| organization.members.iter().any(owner));
    if another || !state.owns(org, leaving) {
        return Ok(());
    }
    Err(ApiError::forbidden("You can't remove the last owner of the organization."))
}

/// Only owners may remove somebody.
/// <https://docs.github.com/en/rest/orgs/members#remove-organization-membership-for-a-user>
async fn remove(ctx: Ctx, At((login, user)): At<(String, String)>) -> Answer {
    let mut state = ctx.state();
    let org = find(&state, &login)?;
    let actor = ctx.manages(&state, org, "You must be an admin to remove a member from the organization.")?;
    let person = state.account_by_login(&user).ok_or_else(ApiError::not_found)?.id;
    state.member(org, person).ok_or_else(ApiError::not_found)?;
    keep_an_owner(&state, org, person)?;
    ctx.app_state.leave(&mut state, org, person, actor);
    Ok(no_content())
}

/// <https://docs.github.com/en/rest/orgs/outside-collaborators#list-outside-collaborators-for-an-organization>
async fn outside_collaborators(ctx: Ctx, At(login): At<String>) -> Answer {
    let state = ctx.state();
    let org = find(&state, &login)?;
    if !ctx.is_inside(&state, org) {
        return Err(ApiError::not_found());
    }
    let has_a_role =
        |user: Id| state.repos.values().any(|repo| repo.owner == org && repo.collaborators.contains_key(&user));
    let outside = state.accounts.keys().filter(|id| state.member(org, **id).is_none() && has_a_role(**id));
    let view = ctx.view(&state);
    Ok(ctx.list(outside, |id| view.account(*id)))
}

/// Only for owners. <https://docs.github.com/en/rest/orgs/orgs#list-app-installations-for-an-organization>
async fn installations(ctx: Ctx, At(login): At<String>) -> Answer {
    let state = ctx.state();
    let org = find(&state, &login)?;
    let user = ctx.require_user()?;
    if !state.owns(org, user) {
        return Err(ApiError::not_found());
    }
    let view = ctx.view(&state);
    let here = state.installations.iter().filter(|installation| installation.account == org);
    Ok(ctx.counted_list("installations", here, |installation| view.installation(installation)))
}

async fn own(ctx: Ctx) -> Answer {
    let user = ctx.require_user()?;
    let state = ctx.state();
    let view = ctx.view(&state);
    Ok(ctx.list(state.organizations_of(user), |org| view.organization(org)))
}

async fn own_memberships(ctx: Ctx) -> Answer {
    let user = ctx.require_user()?;
    // There are no pending invitations here.
    let active = match ctx.query("state") {
        None | Some("active") => true,
        Some("pending") => false,
        Some(_) => return Err(ApiError::invalid("OrganizationMembership", "state", "invalid")),
    };
    let state = ctx.state();
    let view = ctx.view(&state);
    let mine = state.organizations_of(user).filter(|_| active);
    let mine = mine.filter_map(|org| Some((org, state.member(org, user)?)));
    Ok(ctx.list(mine, |(org, member)| view.membership(org, (user, member))))
}

async fn own_membership(ctx: Ctx, At(login): At<String>) -> Answer {
    let user = ctx.require_user()?;
    let state = ctx.state();
    let org = find(&state, &login)?;
    shown(&ctx, &state, org, user)
}
