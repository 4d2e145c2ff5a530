//! Installs, suspends and removes the app, and changes which repositories it may access.
//!
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads#installation>

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use crate::{
    app_state::AppState,
    state::{Id, Installation, PEOPLE, Permissions, Selection, State, SuspendedThrough, Suspension},
    view::{View, merge},
};

/// Whether a repository is added to an installation or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    Added,
    Removed,
}

impl AppState {
    /// Installs the app on an account, or adds a repository to its installation there.
    pub(crate) fn install(self: &Arc<Self>, state: &mut State, account: Id, repo: Id) -> Id {
        let app = state.app.id;
        if let Some(installation) = state.installations.iter_mut().find(|all| all.account == account && all.app == app)
        {
            if let Selection::Selected(repositories) = &mut installation.selection {
                repositories.insert(repo);
            }
            return installation.id;
        }
        let sender = state.account_by_login(PEOPLE[0].0).map_or(account, |account| account.id);
        self.install_on(state, app, account, Selection::Selected(BTreeSet::from([repo])), sender)
    }

    /// Installs an app on an account that does not have it.
    pub(crate) fn install_on(
        self: &Arc<Self>,
        state: &mut State,
        app: Id,
        account: Id,
        selection: Selection,
        sender: Id,
    ) -> Id {
        let (id, now) = (state.new_id(), state.now());
        let permissions = state.app_by_id(app).map(|app| app.permissions.clone()).unwrap_or_default();
        let (created_at, updated_at) = (now, now);
        state.installations.push(Installation {
            id,
            app,
            account,
            selection,
            permissions,
            created_at,
            updated_at,
            suspended: None,
        });
        self.announce_installation(state, "created", id, sender);
        id
    }

    /// Suspends an installation. One that is suspended already keeps its first suspender.
    pub(crate) fn suspend(self: &Arc<Self>, state: &mut State, id: Id, by: Id, through: SuspendedThrough) {
        let at = state.now();
        let Some(installation) = state.installation_mut(id).filter(|all| all.suspended.is_none()) else { return };
        installation.suspended = Some(Suspension { by, at, through });
        installation.updated_at = at;
        self.announce_installation(state, "suspend", id, by);
    }

    /// Ends a suspension.
    pub(crate) fn unsuspend(self: &Arc<Self>, state: &mut State, id: Id, by: Id) {
        let now = state.now();
        let Some(installation) = state.installation_mut(id).filter(|all| all.suspended.is_some()) else { return };
        installation.suspended = None;
        installation.updated_at = now;
        self.announce_installation(state, "unsuspend", id, by);
    }

    /// Removes the app from an account. The installation's tokens become invalid.
    pub(crate) fn uninstall(self: &Arc<Self>, state: &mut State, id: Id, by: Id) {
        self.announce_installation(state, "deleted", id, by);
        state.installations.retain(|installation| installation.id != id);
        state.grants.retain(|_, grant| grant.installation != id);
    }

    /// Adds a repository to an installation of selected repositories, or removes it. Does nothing if that is the case
    /// already.
    pub(crate) fn select_repository(self: &Arc<Self>, state: &mut State, id: Id, repo: Id, way: Move, by: Id) {
        let now = state.now();
        let Some(installation) = state.installation_mut(id) else { return };
        let Selection::Selected(repositories) = &mut installation.selection else { return };
        let changed = match way {
            Move::Added => repositories.insert(repo),
            Move::Removed => repositories.remove(&repo),
        };
        if changed {
            installation.updated_at = now;
            self.announce_selection(state, id, (way, &[repo]), by);
        }
    }

    /// Gives an installation all repositories of its account, including future ones.
    pub(crate) fn select_all(self: &Arc<Self>, state: &mut State, id: Id, by: Id) {
        let now = state.now();
        let Some(before) = state.installation(id).cloned() else { return };
        if matches!(before.selection, Selection::All) {
            return;
        }
        let new = |repo: &&crate::state::Repo| repo.owner == before.account && !before.reaches(repo);
        let new: Vec<Id> = state.repos.values().filter(new).map(|repo| repo.id).collect();
        if let Some(installation) = state.installation_mut(id) {
            installation.selection = Selection::All;
            installation.updated_at = now;
        }
        self.announce_selection(state, id, (Move::Added, &new), by);
    }

    /// The account's owner accepts the permissions that the app requests now.
    /// <https://docs.github.com/en/apps/using-github-apps/approving-updated-permissions-for-a-github-app>
    pub(crate) fn accept_permissions(self: &Arc<Self>, state: &mut State, id: Id, by: Id) {
        let (asked, now): (Permissions, _) = (state.app_behind(id).permissions.clone(), state.now());
        let Some(installation) = state.installation_mut(id).filter(|all| all.permissions != asked) else { return };
        installation.permissions = asked;
        installation.updated_at = now;
        self.announce_installation(state, "new_permissions_accepted", id, by);
    }

    /// Sends the app an `installation` event, which has no repository.
    fn announce_installation(self: &Arc<Self>, state: &mut State, action: &'static str, id: Id, sender: Id) {
        let view = View::new(state, &self.urls);
        let Some(installation) = state.installation(id) else { return };
        let reached = state.repos.values().filter(|repo| installation.reaches(repo));
        let repositories: Vec<Value> = reached.map(|repo| view.repo_in_installation(repo)).collect();
        let payload = json!({
            "action": action, "installation": view.installation(installation), "repositories": repositories,
            "requester": null, "sender": view.account(sender),
        });
        self.deliver(state, "installation", None, id, &payload);
    }

    /// Announces that a repository left the account of an installation that has all repositories.
    pub(crate) fn announce_lost(self: &Arc<Self>, state: &mut State, id: Id, repo: Id, sender: Id) {
        self.announce_selection(state, id, (Move::Removed, &[repo]), sender);
    }

    fn announce_selection(self: &Arc<Self>, state: &mut State, id: Id, (way, repos): (Move, &[Id]), sender: Id) {
        let view = View::new(state, &self.urls);
        let Some(installation) = state.installation(id) else { return };
        let moved: Vec<Value> =
            repos.iter().filter_map(|id| state.repos.get(id)).map(|repo| view.repo_in_installation(repo)).collect();
        let mut payload = json!({
            "installation": view.installation(installation), "repository_selection": installation.selection.name(),
            "requester": null, "sender": view.account(sender),
        });
        merge(
            &mut payload,
            match way {
                Move::Added => json!({ "action": "added", "repositories_added": moved, "repositories_removed": [] }),
                Move::Removed => {
                    json!({ "action": "removed", "repositories_added": [], "repositories_removed": moved })
                }
            },
        );
        self.deliver(state, "installation_repositories", None, id, &payload);
    }
}
