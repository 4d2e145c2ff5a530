//! What people do on GitHub's web pages and nowhere else, for whoever holds the playground: an installation is suspended,
//! removed, given repositories, or granted what the app asks for by now.

mod faults;

use crate::{
    acts::Move,
    server::Playground,
    state::{Id, PEOPLE, Permissions, Scope, State, SuspendedThrough},
};

impl Playground {
    /// Suspends the app's installation, as the account's owner does on the web. The app cannot take it back.
    pub fn suspend(&self) {
        let mut state = self.app_state.state();
        let by = owner(&state);
        self.app_state.suspend(&mut state, self.installation_id, by, SuspendedThrough::Account);
    }

    /// Takes a suspension back.
    pub fn unsuspend(&self) {
        let mut state = self.app_state.state();
        let by = owner(&state);
        self.app_state.unsuspend(&mut state, self.installation_id, by);
    }

    /// Removes the app from the account. Its tokens are nobody's from now on.
    pub fn uninstall(&self) {
        let mut state = self.app_state.state();
        let by = owner(&state);
        self.app_state.uninstall(&mut state, self.installation_id, by);
    }

    /// Installs the app for a repository, `owner/name`, as its owner does: after [`Playground::uninstall`] as a new installation.
    /// Answers whether there is such a repository.
    pub fn install(&self, full_name: &str) -> bool {
        let mut state = self.app_state.state();
        let found = full_name.split_once('/').and_then(|(owner, name)| state.repo(owner, name));
        let Some((account, repo)) = found.map(|repo| (repo.owner, repo.id)) else { return false };
        self.app_state.install(&mut state, account, repo);
        true
    }

    /// Gives the installation a repository of its account, `owner/name`. Answers whether there is such a one.
    pub fn add_repository_to_installation(&self, full_name: &str) -> bool {
        self.select(full_name, Move::Added)
    }

    /// Takes a repository out of the installation. Answers whether there is such a one.
    pub fn remove_repository_from_installation(&self, full_name: &str) -> bool {
        self.select(full_name, Move::Removed)
    }

    /// Gives the installation all repositories of its account, also those to come.
    pub fn give_all_repositories(&self) {
        let mut state = self.app_state.state();
        let by = owner(&state);
        self.app_state.select_all(&mut state, self.installation_id, by);
    }

    /// Changes what the app asks for (`issues: write`), as its owner does in its settings. The installation has it only once
    /// [`Playground::accept_permissions`] was called. Answers whether GitHub knows the permission.
    pub fn ask_permission(&self, name: &str, access: &str) -> bool {
        let asked = serde_json::from_value(serde_json::json!({ name: access }));
        let Ok(asked): Result<Permissions, _> = asked else { return false };
        self.app_state.state().app.permissions.extend(asked);
        true
    }

    /// Gives up something that the app asks for, as its owner does in its settings: its installations have it no more, and
    /// nobody is asked. Answers whether it asked for it.
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

    /// Grants the installation what the app asks for, as the account's owner does.
    pub fn accept_permissions(&self) {
        let mut state = self.app_state.state();
        let by = owner(&state);
        self.app_state.accept_permissions(&mut state, self.installation_id, by);
    }

    /// Gives an account another name, as its owner does in its settings. Answers whether there is such an account and the name
    /// was free.
    pub fn rename_account(&self, login: &str, new: &str) -> bool {
        let mut state = self.app_state.state();
        let Some(account) = state.account_by_login(login).map(|account| account.id) else { return false };
        self.app_state.rename_account(&mut state, account, new)
    }

    /// Accepts a repository (`owner/name`) that somebody was offered, as they do by a link in a message. Answers whether there
    /// is such an offer.
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

/// Who owns the seed's organisation.
fn owner(state: &State) -> Id {
    state.account_by_login(PEOPLE[0].0).map_or(state.app.owner, |account| account.id)
}
