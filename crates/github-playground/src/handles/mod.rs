//! Methods of a running playground for acts that GitHub offers only on its web pages: suspend or remove an
//! installation, give it repositories, grant the permissions that the app asks for.

mod faults;

use crate::{
    acts::Move,
    server::Playground,
    state::{Id, PEOPLE, Permissions, Scope, State, SuspendedThrough},
};

impl Playground {
    /// Suspends the app's installation as the account's owner. The app cannot undo it.
    pub fn suspend(&self) {
        let mut state = self.app_state.state();
        let by = owner(&state);
        self.app_state.suspend(&mut state, self.installation_id, by, SuspendedThrough::Account);
    }

    /// Ends the suspension.
    pub fn unsuspend(&self) {
        let mut state = self.app_state.state();
        let by = owner(&state);
        self.app_state.unsuspend(&mut state, self.installation_id, by);
    }

    /// Removes the app from the account. Its tokens become invalid.
    pub fn uninstall(&self) {
        let mut state = self.app_state.state();
        let by = owner(&state);
        self.app_state.uninstall(&mut state, self.installation_id, by);
    }

    /// Installs the app on a repository, `owner/name`. After [`Playground::uninstall`] it is a new installation.
    /// Returns whether the repository exists.
    pub fn install(&self, full_name: &str) -> bool {
        let mut state = self.app_state.state();
        let found = full_name.split_once('/').and_then(|(owner, name)| state.repo(owner, name));
        let Some((account, repo)) = found.map(|repo| (repo.owner, repo.id)) else { return false };
        self.app_state.install(&mut state, account, repo);
        true
    }

    /// Adds a repository of the account, `owner/name`, to the installation. Returns whether it exists.
    pub fn add_repository_to_installation(&self, full_name: &str) -> bool {
        self.select(full_name, Move::Added)
    }

    /// Removes a repository from the installation. Returns whether it exists.
    pub fn remove_repository_from_installation(&self, full_name: &str) -> bool {
        self.select(full_name, Move::Removed)
    }

    /// Gives the installation all repositories of its account, future ones included.
    pub fn give_all_repositories(&self) {
        let mut state = self.app_state.state();
        let by = owner(&state);
        self.app_state.select_all(&mut state, self.installation_id, by);
    }

    /// Makes the app request a permission (`issues: write`). [`Playground::accept_permissions`] grants it to the
    /// installation. Returns whether GitHub knows the permission.
    pub fn ask_permission(&self, name: &str, access: &str) -> bool {
        let asked = serde_json::from_value(serde_json::json!({ name: access }));
        let Ok(asked): Result<Permissions, _> = asked else { return false };
        self.app_state.state().app.permissions.extend(asked);
        true
    }

    /// Removes a permission from the app. Its installations lose it at once. Returns whether the app had it.
    /// <https://docs.github.com/en/apps/maintaining-github-apps/modifying-a-github-app-registration#changing-the-permissions-of-a-github-app>
    pub fn give_up_permission(&self, name: &str) -> bool {
        let Ok(scope) = serde_json::from_value::<Scope>(serde_json::json!(name)) else { return false };
        let mut state = self.app_state.state();
        let app = state.app.id;
        for installation in state.installations.iter_mut().filter(|all| all.app == app) {
            installation.permissions.remove(&scope);
        }
        state.app.permissions.remove(&scope).is_some()
    }

    /// Grants the installation all permissions that the app requests.
    pub fn accept_permissions(&self) {
        let mut state = self.app_state.state();
        let by = owner(&state);
        self.app_state.accept_permissions(&mut state, self.installation_id, by);
    }

    /// Renames an account. Returns whether it exists and the name was free.
    pub fn rename_account(&self, login: &str, new: &str) -> bool {
        let mut state = self.app_state.state();
        let Some(account) = state.account_by_login(login).map(|account| account.id) else { return false };
        self.app_state.rename_account(&mut state, account, new)
    }

    /// Accepts the transfer of a repository (`owner/name`) as the person it was offered to. Returns whether there is
    /// such an offer.
    pub fn accept_transfer(&self, full_name: &str) -> bool {
        self.app_state.accept_transfer(full_name)
    }

    fn select(&self, full_name: &str, way: Move) -> bool {
        let mut state = self.app_state.state();
        let found = full_name.split_once('/').and_then(|(owner, name)| state.repo(owner, name));
        let account = state.installation(self.installation_id).map(|installation| installation.account);
        let Some(repo) = found.filter(|repo| Some(repo.owner) == account).map(|repo| repo.id) else { return false };
        let by = owner(&state);
        self.app_state.select_repository(&mut state, self.installation_id, repo, way, by);
        true
    }
}

/// An owner of the seed's organisation.
fn owner(state: &State) -> Id {
    state.account_by_login(PEOPLE[0].0).map_or(state.app.owner, |account| account.id)
}
