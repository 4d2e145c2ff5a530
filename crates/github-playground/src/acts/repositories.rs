//! Creates, renames, transfers, archives, hides and deletes repositories.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Move;
use crate::{
    app_state::AppState,
    git::{GitError, Repository},
    state::{AccountKind, Id, Label, Repo, Role, Selection, State},
    view::View,
    webhooks::Event,
};

impl AppState {
    /// Creates an empty repository. If its folder exists already, its contents are kept.
    pub(crate) async fn add_repository(
        &self,
        owner: Id,
        name: &str,
        description: Option<String>,
        private: bool,
        default_branch: &str,
    ) -> Result<Id, GitError> {
        let path = self.repository_path(owner, name);
        let git = if path.join("HEAD").exists() {
            Repository::open(&path)?
        } else {
            Repository::init(&path, default_branch).await?
        };
        let mut state = self.state();
        let (id, now) = (state.new_id(), state.now());
        let labels = default_labels(&mut state);
        let mut repo = Repo::new((id, owner), name, default_branch, Arc::new(git), now);
        repo.labels = labels;
        repo.description = description;
        repo.private = private;
        let place = state.place(owner, name);
        state.moved.remove(&place);
        state.repos.insert(id, repo);
        Ok(id)
    }

    /// The folder for a repository: the one with its name, unless that belongs to a repository that had this name
    /// before.
    fn repository_path(&self, owner: Id, name: &str) -> PathBuf {
        let state = self.state();
        let login = &state.account(owner).login;
        let taken =
            |path: &PathBuf| state.repos.values().chain(state.deleted.values()).any(|repo| repo.git.path() == path);
        let first = repository_path(&self.data, login, name);
        if !taken(&first) {
            return first;
        }
        let others = (2_u32..).map(|number| repository_path(&self.data, login, &format!("{name}.{number}")));
        others.into_iter().find(|path| !taken(path) && !path.exists()).unwrap_or(first)
    }

    /// Sends the webhook of a repository.
    pub(crate) fn announce_repository(
        self: &Arc<Self>,
        state: &mut State,
        repo: Id,
        action: &'static str,
        sender: Id,
        changes: Option<Value>,
    ) {
        let fields = changes.map_or_else(|| json!({}), |changes| json!({ "changes": changes }));
        self.announce(state, Event { name: "repository", action: Some(action), repo, sender, fields });
    }

    /// Renames a repository. The old name redirects until another repository takes it.
    /// <https://docs.github.com/en/repositories/creating-and-managing-repositories/renaming-a-repository>
    pub(crate) fn rename(self: &Arc<Self>, state: &mut State, repo: Id, name: &str, sender: Id) {
        let old = state.repo_by_id(repo).name.clone();
        let owner = state.repo_by_id(repo).owner;
        state.settle_at(repo, owner, name);
        let changes = json!({ "repository": { "name": { "from": old } } });
        self.announce_repository(state, repo, "renamed", sender, Some(changes));
    }

    /// Makes a repository private or public.
    pub(crate) fn set_private(self: &Arc<Self>, state: &mut State, repo: Id, private: bool, sender: Id) {
        if state.repo_by_id(repo).private == private {
            return;
        }
        state.repo_mut(repo).private = private;
        let action = if private { "privatized" } else { "publicized" };
        self.announce_repository(state, repo, action, sender, None);
        if !private {
            self.announce(state, Event { name: "public", action: None, repo, sender, fields: json!({}) });
        }
    }

    /// Archives or unarchives a repository.
    pub(crate) fn set_archived(self: &Arc<Self>, state: &mut State, repo: Id, archived: bool, sender: Id) {
        if state.repo_by_id(repo).archived == archived {
            return;
        }
        state.repo_mut(repo).archived = archived;
        self.announce_repository(state, repo, if archived { "archived" } else { "unarchived" }, sender, None);
    }

    /// Removes a repository from the model. Running requests end on what is left of it.
    pub(crate) fn delete_repository(self: &Arc<Self>, state: &mut State, repo: Id, sender: Id) {
        self.announce_repository(state, repo, "deleted", sender, None);
        state.forget_selected(repo);
        state.moved.retain(|_, to| *to != repo);
        state.transfers.remove(&repo);
        for team in state.teams.values_mut() {
            team.repos.remove(&repo);
        }
        if let Some(gone) = state.repos.remove(&repo) {
            state.deleted.insert(repo, gone);
        }
    }

    /// Transfers a repository. Numbers, labels and collaborators stay. Teams and installations of the old organisation
    /// lose it.
    /// <https://docs.github.com/en/repositories/creating-and-managing-repositories/transferring-a-repository>
    pub(crate) fn transfer(self: &Arc<Self>, state: &mut State, repo: Id, (owner, name): (Id, &str), sender: Id) {
        let old = state.repo_by_id(repo).owner;
        state.transfers.remove(&repo);
        let losing: Vec<Id> =
            state.installations.iter().filter(|all| all.reaches(state.repo_by_id(repo))).map(|all| all.id).collect();
        for installation in losing {
            match state.installation(installation).map(|installation| &installation.selection) {
                Some(Selection::Selected(_)) => {
                    self.select_repository(state, installation, repo, Move::Removed, sender);
                }
                _ => self.announce_lost(state, installation, repo, sender),
            }
        }
        for team in state.teams.values_mut() {
            team.repos.remove(&repo);
        }
        state.settle_at(repo, owner, name);
        let collaborators = &mut state.repo_mut(repo).collaborators;
        collaborators.remove(&owner);
        let kinds = (state.account(old).kind, state.account(owner).kind);
        if kinds == (AccountKind::User, AccountKind::User) {
            state.repo_mut(repo).collaborators.insert(old, Role::Write);
        }
        let view = View::new(state, &self.urls);
        let from = match kinds.0 {
            AccountKind::Organization => json!({ "organization": view.organization(old) }),
            AccountKind::User | AccountKind::Bot => json!({ "user": view.account(old) }),
        };
        let changes = json!({ "owner": { "from": from } });
        self.announce_repository(state, repo, "transferred", sender, Some(changes));
    }
}

impl State {
    /// Moves a repository to a free owner and name, and makes the old ones redirect there.
    fn settle_at(&mut self, repo: Id, owner: Id, name: &str) {
        let old = self.repo_by_id(repo);
        let place = self.place(old.owner, &old.name);
        self.moved.insert(place, repo);
        let new = self.place(owner, name);
        self.moved.remove(&new);
        let repo = self.repo_mut(repo);
        repo.owner = owner;
        name.clone_into(&mut repo.name);
    }

    /// The key of a repository, independent of the letters' case.
    pub(crate) fn place(&self, owner: Id, name: &str) -> (String, String) {
        (self.account(owner).login.to_lowercase(), name.to_lowercase())
    }

    /// The repository that had this owner and name before.
    pub(crate) fn moved_from(&self, owner: &str, name: &str) -> Option<&Repo> {
        if self.repo(owner, name).is_some() {
            return None;
        }
        self.repos.get(self.moved.get(&(owner.to_lowercase(), name.to_lowercase()))?)
    }

    fn forget_selected(&mut self, repo: Id) {
        for installation in &mut self.installations {
            if let Selection::Selected(repositories) = &mut installation.selection {
                repositories.remove(&repo);
            }
        }
    }
}

/// The path of a bare repository in the data folder.
pub(crate) fn repository_path(data: &Path, login: &str, name: &str) -> PathBuf {
    data.join("repositories").join(login).join(format!("{name}.git"))
}

/// The default labels of a new repository on GitHub, as far as they are used here.
fn default_labels(state: &mut State) -> Vec<Label> {
    let defaults = [
        ("bug", "d73a4a", "Something isn't working"),
        ("documentation", "0075ca", "Improvements or additions to documentation"),
        ("enhancement", "a2eeef", "New feature or request"),
        ("good first issue", "7057ff", "Good for newcomers"),
    ];
    defaults
        .map(|(name, color, description)| Label {
            id: state.new_id(),
            name: name.to_owned(),
            color: color.to_owned(),
            description: Some(description.to_owned()),
        })
        .to_vec()
}
