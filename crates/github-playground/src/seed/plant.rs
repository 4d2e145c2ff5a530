//! Applies a seed file.

use std::path::Path;
use std::sync::Arc;

use super::file::{SeedError, SeedFile, SeedIssue, SeedRepository};
use crate::acts::NewIssue;
use crate::app_state::AppState;
use crate::git::FileWrite;
use crate::options::{SeedLabel, grey};
use crate::state::{Id, Label, Role, State};

/// A larger import is probably an error in the path.
const MAX_IMPORT: u64 = 200 * 1024 * 1024;

impl SeedFile {
    /// Adds everything to the playground. The file was checked when it was read.
    pub(crate) async fn plant(&self, app_state: &Arc<AppState>) -> Result<(), SeedError> {
        for user in &self.users {
            app_state.state().add_user(&user.login);
        }
        app_state.state().ci.extend(self.ci.iter().cloned());
        for repository in &self.repositories {
            let id = self.ensure_repository(app_state, repository).await?;
            let mut state = app_state.state();
            for (login, role) in &repository.collaborators {
                let account = state.add_user(login);
                if let Some(role) = Role::parse(role) {
                    state.repo_mut(id).collaborators.insert(account, role);
                }
            }
            for label in &repository.labels {
                ensure_label(&mut state, id, label);
            }
            for issue in &repository.issues {
                add_issue(&mut state, id, issue);
            }
        }
        self.plant_teams(&mut app_state.state());
        // Last, so that the file itself does not use up its limits.
        if let Some(limits) = &self.rate_limits {
            app_state.limits.set(Some(limits.clone()));
        }
        if let Some(seed) = self.faults.seed {
            app_state.faults.seed(seed);
        }
        let rules = self.faults.rules().map_err(SeedError::Faults)?;
        app_state.faults.add(rules).map_err(|error| SeedError::Faults(error.0))
    }

    async fn ensure_repository(&self, app_state: &Arc<AppState>, wanted: &SeedRepository) -> Result<Id, SeedError> {
        let failed = |error: &dyn std::error::Error| SeedError::Git {
            repository: format!("{}/{}", wanted.owner, wanted.name),
            reason: error.to_string(),
        };
        let (known, owner) = {
            let mut state = app_state.state();
            let known = state.repo(&wanted.owner, &wanted.name).map(|repo| repo.id);
            (known, state.add_user(&wanted.owner))
        };
        let id = match known {
            Some(id) => id,
            None => app_state
                .add_repository(owner, &wanted.name, wanted.description.clone(), wanted.private, &wanted.default_branch)
                .await
                .map_err(|error| failed(&error))?,
        };
        let (git, branch, author) = {
            let state = app_state.state();
            let repo = state.repo_by_id(id);
            (Arc::clone(&repo.git), repo.default_branch.clone(), state.signature_of(maintainer(&state)))
        };
        if let Some(directory) = &wanted.directory
            && git.resolve(&branch).await.map_err(|error| failed(&error))?.is_none()
        {
            let files = read_directory(&self.folder.join(directory))?;
            let message = format!("Import {}", wanted.name);
            git.commit_files(&branch, &files, &message, &author).await.map_err(|error| failed(&error))?;
        }
        if wanted.installed && app_state.state().installation_of(id).is_none() {
            app_state.install(&mut app_state.state(), owner, id);
        }
        Ok(id)
    }
}

fn maintainer(state: &State) -> Id {
    state.account_by_login("maintainer").map_or(state.app.owner, |account| account.id)
}

/// The label of a repository. It is created if missing.
pub(crate) fn ensure_label(state: &mut State, repo: Id, label: &SeedLabel) -> Id {
    if let Some(known) = state.repo_by_id(repo).label(&label.name) {
        return known.id;
    }
    let id = state.new_id();
    let SeedLabel { name, color, description } = label.clone();
    state.repo_mut(repo).labels.push(Label { id, name, color: color.to_ascii_lowercase(), description });
    id
}

fn add_issue(state: &mut State, repo: Id, issue: &SeedIssue) {
    let author = match &issue.author {
        Some(login) => state.add_user(login),
        None => maintainer(state),
    };
    let plain = |name: &String| SeedLabel { name: name.clone(), color: grey(), description: None };
    let labels = issue.labels.iter().map(|name| ensure_label(state, repo, &plain(name))).collect();
    let (title, body) = (issue.title.clone(), issue.body.clone());
    state.add_issue(repo, NewIssue { title, body, author, via_app: false, labels, assignees: Vec::new() });
}

/// All files below a folder except those of git. Symbolic links are left out, because they may lead anywhere.
fn read_directory(top: &Path) -> Result<Vec<FileWrite>, SeedError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut files = Vec::new();
    let mut total = 0;
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        let unreadable = |source| SeedError::Unreadable { path: folder.clone(), source };
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let metadata = entry.metadata().map_err(unreadable)?;
            if metadata.is_dir() && entry.file_name() != ".git" {
                folders.push(entry.path());
            } else if metadata.is_file() {
                total += metadata.len();
                if total > MAX_IMPORT {
                    let fault = format!("{} holds more than 200 MiB; import a smaller folder", top.display());
                    return Err(SeedError::Faults(vec![fault]));
                }
                let path = entry.path();
                let content = std::fs::read(&path).map_err(unreadable)?;
                let relative = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().into_owned();
                let executable = metadata.permissions().mode() & 0o111 != 0;
                files.push(FileWrite { path: relative, content: Some(content), executable });
            }
        }
    }
    Ok(files)
}
