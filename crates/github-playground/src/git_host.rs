//! Git over HTTP: permissions, and the consequences of a push.

use std::sync::{Arc, atomic::Ordering};

use async_trait::async_trait;
use axum::http::StatusCode;

use super::{
    acts::RefMove,
    app_state::AppState,
    auth::{Caller, app_of_header},
    git::http::{Authorised, GitAccess, GitHost, GitRefusal, Obstacle, RefUpdate},
    rules::{
        push::{self, Change},
        workflows,
    },
    state::{Access, Id, Repo, Role, Scope, State},
};

/// The playground as git's host.
pub(crate) struct PlaygroundGitHost(pub(crate) Arc<AppState>);

#[async_trait]
impl GitHost for PlaygroundGitHost {
    async fn authorise(
        &self,
        owner: &str,
        repository: &str,
        authorization: Option<&str>,
        access: GitAccess,
    ) -> Result<Authorised, GitRefusal> {
        let caller = match authorization {
            None => Caller::Anonymous,
            Some(header) => Caller::of_header(&self.0, header).map_err(|error| match error.status {
                StatusCode::FORBIDDEN => GitRefusal::new(StatusCode::FORBIDDEN, error.message),
                _ => GitRefusal::new(StatusCode::UNAUTHORIZED, "Invalid username or token."),
            })?,
        };
        let through = authorization.and_then(|header| app_of_header(&self.0, header));
        let (path, login, moving, without_workflows) = {
            let state = self.0.state();
            let absent = || GitRefusal::new(StatusCode::NOT_FOUND, "Repository not found.");
            let Some(repo) = state.repo(owner, repository) else {
                if let Some(repo) = state.moved_from(owner, repository) {
                    permit(&state, repo, &caller, GitAccess::Read)?;
                    return Err(GitRefusal::moved(&state.account(repo.owner).login, &repo.name));
                }
                // An anonymous caller is asked for credentials first, so that absent and hidden repositories look
                // alike.
                return Err(if matches!(caller, Caller::Anonymous) { unauthenticated() } else { absent() });
            };
            let account = permit(&state, repo, &caller, access)?;
            let wanted = if access == GitAccess::Write { Access::Write } else { Access::Read };
            let limited = |app: Id| !state.app_may(app, repo, &[Scope::Contents], wanted);
            if through.is_some_and(limited) && (repo.private || access == GitAccess::Write) {
                return Err(GitRefusal::new(StatusCode::FORBIDDEN, "Resource not accessible by integration"));
            }
            let login = account.map(|id| state.account(id).login.clone()).unwrap_or_default();
            let told = (!state.may_write_workflows(&caller, through, repo)).then(|| workflows::refusal("%s"));
            (repo.git.path().to_owned(), login, repo.moving.clone(), told)
        };
        let lock = match access {
            GitAccess::Write => Some(moving.lock_owned().await),
            GitAccess::Read => None,
        };
        let largest_push = self.0.largest_push.load(Ordering::Relaxed);
        Ok(Authorised { repository: path, login, largest_push, without_workflows, lock })
    }

    async fn obstacles(&self, owner: &str, repository: &str, login: &str, updates: &[RefUpdate]) -> Vec<Obstacle> {
        let Some((repo, pusher)) = self.found(owner, repository, login) else { return Vec::new() };
        let state = self.0.state();
        updates.iter().flat_map(|update| obstacles(&self.0, &state, (repo, pusher), update)).collect()
    }

    async fn pushed(&self, owner: &str, repository: &str, login: &str, updates: Vec<RefUpdate>) {
        let Some((repo, pusher)) = self.found(owner, repository, login) else { return };
        let moves =
            updates.into_iter().map(|update| RefMove { name: update.name, old: update.old, new: update.new }).collect();
        if let Err(error) = self.0.refs_moved(repo, moves, pusher).await {
            tracing::error!(%error, owner, repository, "a push could not be followed");
        }
    }
}

impl PlaygroundGitHost {
    fn found(&self, owner: &str, repository: &str, login: &str) -> Option<(Id, Id)> {
        let state = self.0.state();
        let repo = state.repo(owner, repository).map(|repo| repo.id);
        let pusher = state.account_by_login(login).map(|account| account.id);
        repo.zip(pusher)
    }
}

/// The obstacles for one ref, for each kind that the push may turn out to be.
fn obstacles(app_state: &AppState, state: &State, (repo, pusher): (Id, Id), update: &RefUpdate) -> Vec<Obstacle> {
    let change = Change { name: update.name.clone(), old: update.old.clone(), new: update.new.clone() };
    let repo = state.repo_by_id(repo);
    let hurdles = push::hurdles(state, repo, pusher, &change);
    if hurdles.is_empty() {
        return Vec::new();
    }
    let page = app_state.urls.web(&format!("/{}/{}/rules", state.account(repo.owner).login, repo.name));
    let kinds = [(false, false), (false, true), (true, false), (true, true)];
    let told = kinds.into_iter().filter_map(|(forced, merges)| {
        let met = push::met(hurdles.clone(), forced, merges);
        let message = (!met.is_empty()).then(|| push::told(&met, &update.name, &page))?;
        Some(Obstacle { name: update.name.clone(), forced, merges, message, reason: push::reason(&met) })
    });
    told.collect()
}

fn unauthenticated() -> GitRefusal {
    GitRefusal::new(StatusCode::UNAUTHORIZED, "Authentication required.")
}

/// The account, if it may. As on GitHub, an anonymous pusher is asked for credentials, and repositories that the bearer
/// may not see are hidden.
fn permit(state: &State, repo: &Repo, caller: &Caller, access: GitAccess) -> Result<Option<Id>, GitRefusal> {
    let writing = access == GitAccess::Write;
    let account = permitted(state, repo, caller, writing)?;
    if writing && repo.archived {
        let sentence = "This repository was archived so it is read-only.";
        return Err(GitRefusal::new(StatusCode::FORBIDDEN, sentence));
    }
    Ok(account)
}

fn permitted(state: &State, repo: &Repo, caller: &Caller, writing: bool) -> Result<Option<Id>, GitRefusal> {
    let absent = || GitRefusal::new(StatusCode::NOT_FOUND, "Repository not found.");
    let denied = |id: Id| {
        let login = &state.account(id).login;
        let full = format!("{}/{}", state.account(repo.owner).login, repo.name);
        GitRefusal::new(StatusCode::FORBIDDEN, format!("Permission to {full}.git denied to {login}."))
    };
    match caller {
        Caller::Anonymous if writing || repo.private => Err(unauthenticated()),
        Caller::Anonymous => Ok(None),
        Caller::App(_) => Err(absent()),
        Caller::User(id) => match state.role(repo, *id) {
            None => Err(absent()),
            Some(role) if writing && role < Role::Write => Err(denied(*id)),
            Some(_) => Ok(Some(*id)),
        },
        Caller::Installation(grant) => {
            let bot = state.app_behind(grant.installation).bot;
            let wanted = if writing { Access::Write } else { Access::Read };
            match (state.covers(grant, repo.id), repo.private || writing) {
                (true, _) if state.allows(grant, &[Scope::Contents], wanted) => Ok(Some(bot)),
                (false, true) if repo.private => Err(absent()),
                (_, false) => Ok(Some(bot)),
                _ => Err(denied(bot)),
            }
        }
    }
}
