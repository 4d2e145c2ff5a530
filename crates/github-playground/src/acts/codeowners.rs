//! CODEOWNERS: who is asked to review which files.
//! <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>

use crate::{
    git::{FileChange, GitError, Repository},
    rules::fnmatch,
    state::{Id, Repo, Role, State},
};

/// The paths of the file. The first that exists counts.
const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// GitHub ignores a file larger than 3 MB.
const LIMIT: usize = 3 * 1024 * 1024;

/// The file of one branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodeOwners {
    pub(crate) path: &'static str,
    pub(crate) lines: Vec<OwnersLine>,
}

/// A line with a pattern and its owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnersLine {
    pub(crate) number: usize,
    pub(crate) text: String,
    pattern: String,
    /// Each with its column, counted from one.
    pub(crate) owners: Vec<(usize, String)>,
}

/// A fault of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnersFault {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) source: String,
    pub(crate) kind: &'static str,
    pub(crate) suggestion: Option<String>,
    pub(crate) message: String,
}

impl CodeOwners {
    /// Reads the file of a branch or commit.
    pub(crate) async fn of(git: &Repository, rev: &str) -> Result<Option<Self>, GitError> {
        for path in git.present(rev, &PLACES).await? {
            if let Some(blob) = git.read_file(rev, path).await?
                && blob.bytes.len() <= LIMIT
            {
                return Ok(Some(Self::parse(path, &String::from_utf8_lossy(&blob.bytes))));
            }
        }
        Ok(None)
    }

    fn parse(path: &'static str, text: &str) -> Self {
        let lines = text.lines().enumerate().filter_map(|(at, text)| OwnersLine::parse(at + 1, text)).collect();
        Self { path, lines }
    }

    /// The owners of a path, as written: those of the last line that matches. That line may name none.
    fn owners_of(&self, path: &str) -> &[(usize, String)] {
        let matching = self.lines.iter().rev().find(|line| line.is_valid() && line.matches(path));
        matching.map_or(&[], |line| &line.owners)
    }

    /// The people and teams that own the changed files, without the author. One owner of each entry has to approve.
    pub(crate) fn owners(&self, state: &State, repo: &Repo, files: &[FileChange], author: Id) -> Vec<Vec<Id>> {
        let mut all: Vec<Vec<Id>> = Vec::new();
        let paths = files.iter().flat_map(|file| std::iter::once(&file.path).chain(&file.previous_path));
        for path in paths {
            let owners = self.owners_of(path).iter().filter_map(|(_, name)| owner(state, repo, name));
            let owners: Vec<Id> = owners.filter(|owner| *owner != author).collect();
            if !owners.is_empty() && !all.contains(&owners) {
                all.push(owners);
            }
        }
        all
    }

    /// The faults of the file.
    pub(crate) fn faults(&self, state: &State, repo: &Repo) -> Vec<OwnersFault> {
        let mut faults = Vec::new();
        for line in &self.lines {
            if !line.is_valid() {
                faults.push(line.fault(1, "Invalid pattern", None, ""));
                continue;
            }
            for (column, name) in &line.owners {
                if !is_owner_name(name) {
                    faults.push(line.fault(*column, "Invalid owner", None, ""));
                } else if owner(state, repo, name).is_none() {
                    let owner = name.trim_start_matches('@');
                    let advice = format!("make sure @{owner} exists and has write access to the repository");
                    faults.push(line.fault(*column, "Unknown owner", Some(&advice), &format!(": {advice}")));
                }
            }
        }
        faults
    }
}

/// An owner who counts: a user with write access, or a team of the organisation with write access.
fn owner(state: &State, repo: &Repo, name: &str) -> Option<Id> {
    if let Some((org, team)) = name.strip_prefix('@').and_then(|name| name.split_once('/')) {
        let team = state.team(repo.owner, team).filter(|team| state.team_role(team, repo.id) >= Some(Role::Write));
        return team.filter(|_| state.account(repo.owner).login.eq_ignore_ascii_case(org)).map(|team| team.id);
    }
    let account = match name.strip_prefix('@') {
        Some(login) => state.account_by_login(login),
        None => state.account_by_email(name),
    };
    account.map(|account| account.id).filter(|id| state.role(repo, *id) >= Some(Role::Write))
}

fn is_owner_name(name: &str) -> bool {
    match name.strip_prefix('@') {
        Some(login) => !login.is_empty(),
        None => name.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.')),
    }
}

impl OwnersLine {
    fn parse(number: usize, text: &str) -> Option<Self> {
        let said = text.split('#').next().unwrap_or_default();
        let mut words = Vec::new();
        let mut at = 0;
        for word in said.split_inclusive(char::is_whitespace) {
            let name = word.trim();
            if !name.is_empty() {
                words.push((at + 1, name.to_owned()));
            }
            at += word.chars().count();
        }
        let (_, pattern) = (!words.is_empty()).then(|| words.remove(0))?;
        Some(Self { number, text: text.to_owned(), pattern, owners: words })
    }

    /// False for the parts of gitignore's syntax that CODEOWNERS does not support: `!` and `[ ]`.
    fn is_valid(&self) -> bool {
        !self.pattern.starts_with('!') && !self.pattern.contains(['[', ']']) && !self.pattern.contains("***")
    }

    fn matches(&self, path: &str) -> bool {
        let (pattern, is_folder) = match self.pattern.strip_suffix('/') {
            Some(pattern) => (pattern, true),
            None => (self.pattern.as_str(), false),
        };
        // A slash at the beginning or in the middle anchors the pattern at the top.
        let (pattern, is_tied) = match pattern.strip_prefix('/') {
            Some(pattern) => (pattern.to_owned(), true),
            None => (pattern.to_owned(), pattern.contains('/')),
        };
        let pattern = if is_tied { pattern } else { format!("**/{pattern}") };
        // `docs/*` matches the files in the folder, but not deeper ones.
        let shallow = is_tied && pattern.ends_with("/*");
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        let is_below = !shallow && folders.into_iter().any(|folder| fnmatch(pattern.as_bytes(), folder.as_bytes()));
        is_below || (!is_folder && fnmatch(pattern.as_bytes(), path.as_bytes()))
    }

    fn fault(&self, column: usize, kind: &'static str, suggestion: Option<&str>, more: &str) -> OwnersFault {
        let (number, pointer) = (self.number, " ".repeat(column - 1));
        OwnersFault {
            line: number,
            column,
            source: self.text.clone(),
            kind,
            suggestion: suggestion.map(str::to_owned),
            message: format!("{kind} on line {number}{more}\n\n  {}\n  {pointer}^", self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(text: &str, path: &str) -> Option<String> {
        let file = CodeOwners::parse(PLACES[0], text);
        file.owners_of(path).first().map(|(_, name)| name.clone())
    }

    #[test]
    fn a_pattern_owns_what_githubs_documentation_says_it_owns() {
        for (pattern, path, wanted) in [
            ("*", "a/b/c.rs", true),
            ("*.js", "src/deep/x.js", true),
            ("*.js", "src/x.ts", false),
            ("/build/logs/", "build/logs/x/y.log", true),
            ("/build/logs/", "src/build/logs/y.log", false),
            ("docs/*", "docs/getting-started.md", true),
            ("docs/*", "docs/build-app/troubleshooting.md", false),
            ("apps/", "deep/apps/x", true),
            ("apps/", "apps", false),
            ("/docs/", "docs/a/b", true),
            ("/scripts/", "other/scripts/x", false),
            ("**/logs", "build/logs/x", true),
            ("**/logs", "deeply/nested/logs/x", true),
            ("/apps/github", "apps/github/x", true),
            ("src/lib.rs", "src/lib.rs", true),
        ] {
            assert_eq!(owner(&format!("{pattern} @one"), path).is_some(), wanted, "{pattern} {path}");
        }
    }

    #[test]
    fn the_last_line_that_matches_counts_and_may_name_nobody() {
        let text = "# All\n*  @global # the rest\n*.md @docs @more\n/private/\n";
        assert_eq!(owner(text, "x.rs").as_deref(), Some("@global"));
        assert_eq!(owner(text, "x.md").as_deref(), Some("@docs"));
        assert_eq!(owner(text, "private/x.md"), None);
    }

    #[test]
    fn an_owner_is_found_at_its_column() {
        let file = CodeOwners::parse(PLACES[0], "\n*.txt  docs@ @a\n");
        assert_eq!(file.lines[0].number, 2);
        assert_eq!(file.lines[0].owners, [(8, "docs@".to_owned()), (14, "@a".to_owned())]);
        assert!(!is_owner_name("docs@") && is_owner_name("@a") && is_owner_name("a@example.org"));
    }
}
