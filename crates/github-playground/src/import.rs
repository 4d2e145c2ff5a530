//! Imports a user's repository: its history is copied, and the original is not changed.
//!
//! The current branch is copied with its whole history. A repository that cannot be served is refused with the remedy
//! before anything is created: a folder without a repository or a commit, a shallow history, submodules.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use super::app_state::AppState;
use super::git::{GitError, ImportSource, is_valid_ref_name};

/// The largest repository that is imported. It is copied at every start.
const MAX_KIB: u64 = 2 * 1024 * 1024;

/// A repository to import, and its name in the playground: `DIR` or `OWNER/NAME=DIR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    owner: String,
    /// The given name; `None` for the folder's name.
    name: Option<String>,
    folder: PathBuf,
}

impl FromStr for Import {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (place, folder) = match text.split_once('=') {
            // A path may contain an equals sign. `OWNER/NAME` has exactly one slash, and begins with no dot or slash.
            Some((place, folder)) if place.matches('/').count() == 1 && !place.starts_with(['.', '/']) => {
                (Some(place), folder)
            }
            _ => (None, text),
        };
        if folder.is_empty() {
            return Err("give the folder of a repository, or OWNER/NAME=FOLDER".to_owned());
        }
        let (owner, name) = match place.and_then(|place| place.split_once('/')) {
            Some((owner, name)) if is_name(name) => (owner.to_owned(), Some(name.to_owned())),
            Some((_, name)) => return Err(format!("`{name}` is no name of a repository")),
            None => ("acme".to_owned(), None),
        };
        Ok(Self { owner, name, folder: PathBuf::from(folder) })
    }
}

/// Why a repository was not imported.
#[derive(Debug, Error)]
#[error("cannot import {}: {reason}", .folder.display())]
pub struct ImportError {
    folder: PathBuf,
    reason: String,
}

/// An imported repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// `owner/name`.
    pub repository: String,
    /// The branch that was copied. It is the default branch now.
    pub branch: String,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && !name.starts_with('.')
        && !name.to_ascii_lowercase().ends_with(".git")
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// A repository's name made from a folder's, by GitHub's rules.
fn name_of(folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_str()?;
    let name = name.strip_suffix(".git").unwrap_or(name).trim_start_matches('.');
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
    is_name(&name).then_some(name)
}

impl Import {
    /// Copies the repository, gives the people of the seed their roles, and installs the app.
    pub(crate) async fn bring(&self, app_state: &Arc<AppState>) -> Result<Imported, ImportError> {
        let refuse = |reason: String| ImportError { folder: self.folder.clone(), reason };
        let git = |error: GitError| ImportError { folder: self.folder.clone(), reason: error.to_string() };
        let folder = self.folder.canonicalize().map_err(|error| refuse(format!("it cannot be read: {error}")))?;
        let (source, branch) = self.looked_over(&folder).await?;
        let name = self.name.clone().or_else(|| name_of(source.root()));
        let name =
            name.ok_or_else(|| refuse("its name cannot be a repository's; give OWNER/NAME=FOLDER".to_owned()))?;
        let owner = {
            let state = app_state.state();
            if state.repo(&self.owner, &name).is_some() {
                return Err(refuse(format!("{}/{name} is there already; give OWNER/NAME=FOLDER", self.owner)));
            }
            let owner = state.account_by_login(&self.owner).map(|account| account.id);
            owner.ok_or_else(|| refuse(format!("the owner {} is neither acme nor one of the people", self.owner)))?
        };
        let mut notes = Vec::new();
        let repo = app_state.add_repository(owner, &name, None, false, &branch).await.map_err(git)?;
        let target = app_state.state().repo_by_id(repo).git.clone();
        if target.branches().await.map_err(git)?.is_empty() {
            target.copy_from(&source, &branch).await.map_err(git)?;
            if !source.bare {
                notes.push("what is not committed there was not copied".to_owned());
            }
        } else {
            notes.push("the data folder had it already, and it was left as it was there".to_owned());
        }
        let mut state = app_state.state();
        state.settle(repo, &app_state.app.labels);
        app_state.install(&mut state, owner, repo);
        Ok(Imported { repository: format!("{}/{name}", self.owner), branch, notes })
    }

    /// Refuses a repository that cannot be served, with the remedy. Returns the branch to copy.
    async fn looked_over(&self, folder: &Path) -> Result<(ImportSource, String), ImportError> {
        let refuse = |reason: &str| ImportError { folder: self.folder.clone(), reason: reason.to_owned() };
        let git = |error: GitError| ImportError { folder: self.folder.clone(), reason: error.to_string() };
        let source = ImportSource::find(folder).await.map_err(git)?;
        let source = source.ok_or_else(|| refuse("it is not a git repository; run `git init` and commit first"))?;
        let branch = source.branch().await.map_err(git)?;
        let branch = branch.ok_or_else(|| refuse("it is on no branch; check one out first"))?;
        if !is_valid_ref_name(&format!("refs/heads/{branch}")) {
            return Err(refuse("the name of its branch is not one that can be served"));
        }
        if !source.has_commits().await.map_err(git)? {
            return Err(refuse("it has no commits yet"));
        }
        if source.is_shallow().await.map_err(git)? {
            return Err(refuse("its history is cut off; run `git fetch --unshallow` in it first"));
        }
        let size = source.kib().await.map_err(git)?;
        if size > MAX_KIB {
            return Err(refuse(&format!(
                "its objects take {} MiB, and at most {} are copied",
                size / 1024,
                MAX_KIB / 1024
            )));
        }
        if let Some(path) = source.first_submodule().await.map_err(git)? {
            return Err(refuse(&format!("it has a submodule ({path}), whose content could not be fetched from here")));
        }
        Ok((source, branch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_may_be_given_a_place() {
        let read = |text: &str| text.parse::<Import>();
        let import = |owner: &str, name: Option<&str>, folder: &str| {
            Ok(Import { owner: owner.to_owned(), name: name.map(str::to_owned), folder: folder.into() })
        };
        assert_eq!(read("."), import("acme", None, "."));
        assert_eq!(read("/srv/a=b/c"), import("acme", None, "/srv/a=b/c"));
        assert_eq!(read("maintainer/gears=../x"), import("maintainer", Some("gears"), "../x"));
        assert!(read("").is_err() && read("acme/x=").is_err() && read("acme/.git=/x").is_err());
    }

    #[test]
    fn a_folders_name_becomes_one_that_a_repository_can_have() {
        for (folder, name) in
            [("/srv/widgets", Some("widgets")), ("/srv/my project.git", Some("my-project")), ("/", None)]
        {
            assert_eq!(name_of(Path::new(folder)).as_deref(), name, "{folder}");
        }
    }
}
