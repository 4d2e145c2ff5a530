//! The protection of a branch. <https://docs.github.com/en/rest/branches/branch-protection>
//!
//! A branch's name may contain slashes, so all paths below `/branches/` have one route and are split here.

use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, Ctx, Patch, no_content, ok, shaped},
    validation::not_supplied,
};
use crate::{
    acts::Writer,
    auth::Caller,
    error::ApiError,
    git::branch_ref,
    state::{
        Access, AccountKind, Actors, Id, Protection, Repo, RequiredCheck, RequiredChecks, RequiredReviews, Role, Scope,
        State, Switches,
    },
    view::View,
    webhooks::Event,
};

/// Splits a path into the branch and the part of its protection.
pub(super) fn split(rest: &str) -> Option<(&str, &str)> {
    let parts = ["", "/enforce_admins", "/required_pull_request_reviews", "/required_status_checks"];
    parts.into_iter().find_map(|part| {
        let branch = rest.strip_suffix(part)?.strip_suffix("/protection")?;
        Some((branch, part.trim_start_matches('/')))
    })
}

/// The caller, if they administer the repository (limited by the app that they act through); to all others it does not
/// exist. An archived repository can still be read.
pub(super) fn administer(ctx: &Ctx, state: &State, at: (&str, &str), access: Access) -> Result<Writer, ApiError> {
    const SCOPES: &[Scope] = &[Scope::Administration];
    let repo = ctx.read(state, at, &[Scope::Metadata])?;
    match &ctx.caller {
        Caller::User(id) if state.role(repo, *id) != Some(Role::Admin) => Err(ApiError::not_found()),
        _ if access != Access::Read => ctx.write(state, at, SCOPES, Role::Admin),
        Caller::User(_) if ctx.through.is_some_and(|app| !state.app_may(app, repo, SCOPES, access)) => {
            Err(ApiError::not_accessible())
        }
        Caller::User(id) => Ok(Writer { repo: repo.id, actor: *id, via_app: false, workflows: true }),
        Caller::Installation(grant) if state.covers(grant, repo.id) && state.allows(grant, SCOPES, access) => {
            let actor = state.app_behind(grant.installation).bot;
            Ok(Writer { repo: repo.id, actor, via_app: true, workflows: true })
        }
        Caller::Installation(_) => Err(ApiError::not_accessible()),
        Caller::Anonymous => Err(ApiError::requires_authentication()),
        Caller::App(_) => Err(ApiError::not_found()),
    }
}

/// Serves `/branches/{branch}/protection` and everything below it.
pub(super) async fn serve(
    ctx: &Ctx,
    method: Method,
    (owner, name): (&str, &str),
    (branch, part): (&str, &str),
    body: Value,
) -> Answer {
    let access = if method == Method::GET { Access::Read } else { Access::Write };
    let (writer, git) = {
        let state = ctx.state();
        let writer = administer(ctx, &state, (owner, name), access)?;
        (writer, state.repo_by_id(writer.repo).git.clone())
    };
    if git.ref_sha(&branch_ref(branch)).await?.is_none() {
        return Err(missing("Branch not found"));
    }
    let desk = Desk { ctx, writer, branch };
    match (part, method) {
        ("", Method::GET) => desk.read(|view, repo, protection| Some(view.protection(repo, branch, protection)), ""),
        ("", Method::PUT) => desk.put(&read_whole(&body)?),
        ("", Method::DELETE) => desk.delete(),
        ("enforce_admins", Method::GET) => {
            desk.read(|view, repo, protection| Some(view.enforce_admins(repo, branch, protection)), "")
        }
        ("enforce_admins", Method::POST) => desk.enforce_admins(true),
        ("enforce_admins", Method::DELETE) => desk.enforce_admins(false).map(|_| no_content()),
        ("required_pull_request_reviews", method) => desk.reviews(&method, body),
        ("required_status_checks", method) => desk.checks(&method, body),
        _ => Err(ApiError::not_found()),
    }
}

fn missing(message: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, message)
}

/// One branch, and a caller who administers it.
struct Desk<'c> {
    ctx: &'c Ctx,
    writer: Writer,
    branch: &'c str,
}

impl Desk<'_> {
    fn read(&self, show: impl FnOnce(View, &Repo, &Protection) -> Option<Value>, otherwise: &str) -> Answer {
        let state = self.ctx.state();
        let repo = state.repo_by_id(self.writer.repo);
        let protection = repo.rules.protections.get(self.branch).ok_or_else(|| missing("Branch not protected"))?;
        show(self.ctx.view(&state), repo, protection).map(ok).ok_or_else(|| missing(otherwise))
    }

    /// Changes the existing protection, with its webhook.
    fn change(&self, change: impl FnOnce(&mut Protection) -> Result<(), ApiError>) -> Result<(), ApiError> {
        let mut state = self.ctx.state();
        let had = state.repo_by_id(self.writer.repo).rules.protections.get(self.branch);
        let had = had.cloned().ok_or_else(|| missing("Branch not protected"))?;
        let mut now = had.clone();
        change(&mut now)?;
        self.keep(&mut state, now, Some(&had));
        Ok(())
    }

    fn keep(&self, state: &mut State, mut protection: Protection, had: Option<&Protection>) {
        protection.updated_at = state.now();
        state.repo_mut(self.writer.repo).rules.protections.insert(self.branch.to_owned(), protection.clone());
        let (action, changes) = match had {
            None => ("created", json!({})),
            Some(had) => ("edited", json!({ "changes": changes(self.ctx.view(state), had, &protection) })),
        };
        self.announce(state, &protection, action, changes);
    }

    fn announce(&self, state: &mut State, protection: &Protection, action: &'static str, changes: Value) {
        let (repo, sender) = (self.writer.repo, self.writer.actor);
        let mut fields = json!({ "rule": self.ctx.view(state).protection_rule(repo, self.branch, protection) });
        crate::view::merge(&mut fields, changes);
        let event = Event { name: "branch_protection_rule", action: Some(action), repo, sender, fields };
        self.ctx.app_state.announce(state, event);
    }

    fn put(&self, whole: &Whole) -> Answer {
        let mut state = self.ctx.state();
        let repo = state.repo_by_id(self.writer.repo);
        let mut protection = whole.protection(&state, repo)?;
        let had = repo.rules.protections.get(self.branch).cloned();
        (protection.id, protection.created_at) = match &had {
            Some(had) => (had.id, had.created_at),
            None => (state.new_id(), state.now()),
        };
        self.keep(&mut state, protection, had.as_ref());
        drop(state);
        self.read(|view, repo, protection| Some(view.protection(repo, self.branch, protection)), "")
    }

    fn delete(&self) -> Answer {
        let mut state = self.ctx.state();
        let had = state.repo_mut(self.writer.repo).rules.protections.remove(self.branch);
        let had = had.ok_or_else(|| missing("Branch not protected"))?;
        self.announce(&mut state, &had, "deleted", json!({}));
        Ok(no_content())
    }

    fn enforce_admins(&self, on: bool) -> Answer {
        self.change(|protection| {
            protection.switches.enforce_admins = on;
            Ok(())
        })?;
        self.read(|view, repo, protection| Some(view.enforce_admins(repo, self.branch, protection)), "")
    }

    fn reviews(&self, method: &Method, body: Value) -> Answer {
        let absent = "Required pull request reviews not enabled";
        if *method == Method::PATCH {
            let asked: Reviews = shaped(body)?;
            let state = self.ctx.state();
            let repo = state.repo_by_id(self.writer.repo);
            let had = repo.rules.protections.get(self.branch).and_then(|protection| protection.reviews.clone());
            let reviews = asked.over(&state, repo, had.unwrap_or_default())?;
            drop(state);
            self.change(|protection| {
                protection.reviews = Some(reviews);
                Ok(())
            })?;
        } else if *method == Method::DELETE {
            self.change(|protection| protection.reviews.take().map(drop).ok_or_else(|| missing(absent)))?;
            return Ok(no_content());
        }
        let show = |view: View, repo: &Repo, protection: &Protection| {
            Some(view.required_reviews(repo, self.branch, protection.reviews.as_ref()?))
        };
        self.read(show, absent)
    }

    fn checks(&self, method: &Method, body: Value) -> Answer {
        let absent = "Required status checks not enabled";
        if *method == Method::PATCH {
            let asked: Checks = shaped(body)?;
            let state = self.ctx.state();
            let repo = state.repo_by_id(self.writer.repo);
            let had = repo.rules.protections.get(self.branch).and_then(|protection| protection.status_checks.clone());
            let checks = asked.over(repo, had.ok_or_else(|| missing(absent))?);
            drop(state);
            self.change(|protection| {
                protection.status_checks = Some(checks);
                Ok(())
            })?;
        } else if *method == Method::DELETE {
            self.change(|protection| protection.status_checks.take().map(drop).ok_or_else(|| missing(absent)))?;
            return Ok(no_content());
        }
        let show = |view: View, repo: &Repo, protection: &Protection| {
            Some(view.required_checks(repo, self.branch, protection.status_checks.as_ref()?))
        };
        self.read(show, absent)
    }
}

/// The `changes` of the webhook: of the fields that it lists, those that differ.
fn changes(view: View, had: &Protection, now: &Protection) -> Value {
    const TOLD: [&str; 11] = [
        "admin_enforced",
        "authorized_actor_names",
        "authorized_actors_only",
        "authorized_dismissal_actors_only",
        "linear_history_requirement_enforcement_level",
        "lock_branch_enforcement_level",
        "lock_allows_fork_sync",
        "pull_request_reviews_enforcement_level",
        "require_last_push_approval",
        "required_status_checks",
        "required_status_checks_enforcement_level",
    ];
    let (had, now) = (view.protection_rule(0, "", had), view.protection_rule(0, "", now));
    let differing = TOLD.into_iter().filter(|name| had[*name] != now[*name]);
    differing.map(|name| (name.to_owned(), json!({ "from": had[name] }))).collect::<serde_json::Map<_, _>>().into()
}

/// The four parts that a request must have, if only as null.
#[expect(clippy::struct_excessive_bools, reason = "GitHub's protection is a row of switches")]
#[derive(Deserialize)]
struct Whole {
    #[serde(default)]
    required_status_checks: Patch<Checks>,
    #[serde(default)]
    enforce_admins: Patch<bool>,
    #[serde(default)]
    required_pull_request_reviews: Patch<Reviews>,
    #[serde(default)]
    restrictions: Patch<Named>,
    #[serde(default)]
    required_linear_history: bool,
    allow_force_pushes: Option<bool>,
    #[serde(default)]
    allow_deletions: bool,
    #[serde(default)]
    block_creations: bool,
    #[serde(default)]
    required_conversation_resolution: bool,
    #[serde(default)]
    lock_branch: bool,
    #[serde(default)]
    allow_fork_syncing: bool,
}

fn read_whole(body: &Value) -> Result<Whole, ApiError> {
    let needed = ["required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions"];
    supplied(body, &needed)?;
    for (part, needed) in [("required_status_checks", ["strict", "contexts"]), ("restrictions", ["users", "teams"])] {
        if body[part].is_object() {
            supplied(&body[part], &needed)?;
        }
    }
    shaped(body.clone())
}

/// Checks that these members are present, if only as null.
fn supplied(body: &Value, needed: &[&str]) -> Result<(), ApiError> {
    let absent: Vec<String> =
        needed.iter().filter(|name| body.get(**name).is_none()).map(|name| format!("\"{name}\"")).collect();
    match not_supplied(&absent) {
        Some(fault) => Err(ApiError::semantic(format!("Invalid request.\n\n{fault}"))),
        None => Ok(()),
    }
}

impl Whole {
    fn protection(&self, state: &State, repo: &Repo) -> Result<Protection, ApiError> {
        let reviews = self.required_pull_request_reviews.value();
        let restrictions = self.restrictions.value();
        if restrictions.is_some() && state.account(repo.owner).kind != AccountKind::Organization {
            return Err(ApiError::validation_failed(
                "Only organization repositories can have users and team restrictions",
            ));
        }
        Ok(Protection {
            status_checks: self
                .required_status_checks
                .value()
                .map(|checks| checks.over(repo, RequiredChecks::default())),
            reviews: reviews.map(|reviews| reviews.over(state, repo, RequiredReviews::with_one())).transpose()?,
            restrictions: restrictions.map(|named| named.actors(state, repo)),
            switches: Switches {
                enforce_admins: self.enforce_admins.value().copied().unwrap_or(false),
                linear_history: self.required_linear_history,
                force_pushes: self.allow_force_pushes.unwrap_or(false),
                deletions: self.allow_deletions,
                block_creations: self.block_creations,
                conversation_resolution: self.required_conversation_resolution,
                lock_branch: self.lock_branch,
                fork_syncing: self.allow_fork_syncing,
            },
            ..Protection::default()
        })
    }
}

#[expect(clippy::struct_field_names, reason = "the fields are named as GitHub names them")]
#[derive(Deserialize)]
struct Checks {
    strict: Option<bool>,
    contexts: Option<Vec<String>>,
    checks: Option<Vec<Check>>,
}

#[derive(Deserialize)]
struct Check {
    context: String,
    app_id: Option<i64>,
}

impl Checks {
    /// A check without an app gets the app that ran a check of this name last; -1 means any app.
    fn over(&self, repo: &Repo, mut had: RequiredChecks) -> RequiredChecks {
        let lately = |context: &str| repo.runs.iter().rev().find(|run| run.name == context).map(|run| run.app);
        let named = |context: &str, app: Option<i64>| RequiredCheck {
            context: context.to_owned(),
            app: match app {
                None => lately(context),
                Some(app) => Id::try_from(app).ok(),
            },
        };
        had.strict = self.strict.unwrap_or(had.strict);
        match (&self.checks, &self.contexts) {
            (Some(checks), contexts) if !checks.is_empty() || contexts.as_ref().is_none_or(Vec::is_empty) => {
                had.checks = checks.iter().map(|check| named(&check.context, check.app_id)).collect();
            }
            (_, Some(contexts)) => had.checks = contexts.iter().map(|context| named(context, None)).collect(),
            _ => {}
        }
        had
    }
}

#[expect(clippy::struct_field_names, reason = "the fields are named as GitHub names them")]
#[derive(Deserialize)]
struct Reviews {
    dismissal_restrictions: Option<Named>,
    dismiss_stale_reviews: Option<bool>,
    require_code_owner_reviews: Option<bool>,
    required_approving_review_count: Option<u64>,
    require_last_push_approval: Option<bool>,
    bypass_pull_request_allowances: Option<Named>,
}

/// GitHub's limit. <https://docs.github.com/en/rest/branches/branch-protection#update-branch-protection>
const MOST_APPROVALS: u64 = 6;

impl Reviews {
    fn over(&self, state: &State, repo: &Repo, mut had: RequiredReviews) -> Result<RequiredReviews, ApiError> {
        let count = self.required_approving_review_count.unwrap_or(had.approvals);
        if count > MOST_APPROVALS {
            return Err(ApiError::semantic(format!(
                "Invalid request.\n\n{count} must be less than or equal to {MOST_APPROVALS}."
            )));
        }
        had.approvals = count;
        had.dismiss_stale = self.dismiss_stale_reviews.unwrap_or(had.dismiss_stale);
        had.code_owners = self.require_code_owner_reviews.unwrap_or(had.code_owners);
        had.last_push = self.require_last_push_approval.unwrap_or(had.last_push);
        if let Some(named) = &self.dismissal_restrictions {
            had.dismissal = named.is_given().then(|| named.actors(state, repo));
        }
        if let Some(named) = &self.bypass_pull_request_allowances {
            had.bypass = named.is_given().then(|| named.actors(state, repo));
        }
        Ok(had)
    }
}

impl RequiredReviews {
    /// Required reviews with GitHub's default of one approval.
    fn with_one() -> Self {
        Self { approvals: 1, ..Self::default() }
    }
}

/// People, teams and apps, by name.
#[derive(Deserialize)]
struct Named {
    users: Option<Vec<String>>,
    teams: Option<Vec<String>>,
    apps: Option<Vec<String>>,
}

impl Named {
    /// An empty object removes the restriction.
    fn is_given(&self) -> bool {
        self.users.is_some() || self.teams.is_some() || self.apps.is_some()
    }

    /// Those of them who may write here. The others are ignored.
    fn actors(&self, state: &State, repo: &Repo) -> Actors {
        let users = self.users.iter().flatten().filter_map(|login| state.account_by_login(login));
        let users = users.map(|account| account.id).filter(|id| state.role(repo, *id) >= Some(Role::Write));
        let named = |slug: &str| self.apps.iter().flatten().any(|all| all == slug);
        let here = state.installations_of(repo.id).filter_map(|all| state.app_by_id(all.app));
        let apps = here.filter(|app| named(&app.slug)).map(|app| app.id).collect();
        Actors { users: users.collect(), teams: Vec::new(), apps }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_branch_with_slashes_is_distinguished_from_the_requested_part() {
        assert_eq!(split("main/protection"), Some(("main", "")));
        assert_eq!(split("a/b/protection/enforce_admins"), Some(("a/b", "enforce_admins")));
        assert_eq!(split("x/protection/protection"), Some(("x/protection", "")));
        assert_eq!(split("main/protection/other"), None);
        assert_eq!(split("main"), None);
    }
}
