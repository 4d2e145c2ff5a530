//! The seed file: people, repositories, labels and issues to begin with, in YAML or JSON.
//!
//! ```yaml
//! users:
//!   - login: ada                # token: playground-ada
//! members: { ada: owner }       # of `acme`, or member
//! teams:                        # of `acme`
//!   - name: Gears
//!     parent: Machines          # a team earlier in the file
//!     members: { ada: maintainer }
//!     repositories: { gears: write }
//! repositories:
//!   - name: gears               # of `acme`, unless `owner` names a user
//!     description: Round parts.
//!     private: false
//!     default_branch: main
//!     directory: ../gears       # becomes the first commit; relative to this file
//!     installed: true           # the app is installed on it
//!     collaborators: { ada: write, maintainer: admin }
//!     labels:
//!       - { name: urgent, color: 1f6feb, description: Before all others }
//!     issues:
//!       - title: Count the teeth
//!         body: "## Goal\n\nTeeth are counted."
//!         author: ada           # default: `maintainer`
//!         labels: [urgent]
//! ci:                           # the conclusions of jobs; the last matching rule decides
//!   - repository: acme/gears    # default: any; the same for workflow, job, branch and event
//!     workflow: CI              # or its file, ci.yml
//!     job: test                 # its id or name, as a pattern
//!     branch: "feature/**"      # of the head, as a pattern
//!     event: push
//!     conclusion: failure       # or one for each attempt: [failure, success]; default: success
//!     after: 90                 # seconds; default: 0
//!     never: in_progress        # the job stays in this state, or in `queued`
//! rate_limits: {}               # github.com's numbers; or your own: { core: 100 }
//! faults:                       # see the table in `faults`
//!   seed: 7
//!   rules:
//!     - { requests: { methods: [POST], path: "/repos/*/*/pulls" }, does: done_then_reset, times: 1 }
//!     - { deliveries: { event: issues }, does: { delay: { ms: 3000 } }, chance: 0.5 }
//! ```
//!
//! A repository that exists already (`acme/widgets`) gets the collaborators, labels and issues. Nothing in the file sends a
//! webhook, because it describes the initial state.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use super::teams::SeedTeam;
use crate::faults::FaultConfig;
use crate::git::{branch_ref, is_valid_ref_name};
use crate::limits::RateLimits;
use crate::options::SeedLabel;
use crate::state::{CiRule, Role};

/// A larger file is an error, and its aliases could exhaust the memory.
const MAX_BYTES: u64 = 1024 * 1024;

/// The content of a seed file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedFile {
    #[serde(default)]
    pub(super) users: Vec<SeedUser>,
    #[serde(default)]
    pub(super) members: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) teams: Vec<SeedTeam>,
    #[serde(default)]
    pub(super) repositories: Vec<SeedRepository>,
    /// The script of the CI.
    #[serde(default)]
    pub(super) ci: Vec<CiRule>,
    pub(super) rate_limits: Option<RateLimits>,
    #[serde(default)]
    pub(super) faults: FaultConfig,
    /// The folder that `directory` is relative to.
    #[serde(skip)]
    pub(super) folder: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedUser {
    pub(super) login: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedRepository {
    #[serde(default = "default_owner")]
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) private: bool,
    #[serde(default = "default_branch")]
    pub(super) default_branch: String,
    pub(super) directory: Option<PathBuf>,
    #[serde(default = "yes")]
    pub(super) installed: bool,
    #[serde(default)]
    pub(super) collaborators: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) labels: Vec<SeedLabel>,
    #[serde(default)]
    pub(super) issues: Vec<SeedIssue>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedIssue {
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) author: Option<String>,
    #[serde(default)]
    pub(super) labels: Vec<String>,
}

fn default_owner() -> String {
    "acme".to_owned()
}

fn default_branch() -> String {
    super::DEFAULT_BRANCH.to_owned()
}

fn yes() -> bool {
    true
}

/// The errors of a seed file.
#[derive(Debug, Error)]
pub enum SeedError {
    /// The file, or a folder that it names, could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not YAML or JSON of the right shape.
    #[error("the seed file {} is not understood: {reason}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The place, and what was expected there.
        reason: String,
    },
    /// The shape is right, but the content has these faults.
    #[error("the seed file has {} fault{}:\n  - {}", .0.len(), if .0.len() == 1 { "" } else { "s" }, .0.join("\n  - "))]
    Faults(Vec<String>),
    /// Git refused a write.
    #[error("the seed's repository {repository} could not be written: {reason}")]
    Git {
        /// The repository, as `owner/name`.
        repository: String,
        /// Git's message.
        reason: String,
    },
}

impl SeedFile {
    /// Reads and checks a file.
    pub(crate) fn read(path: &Path) -> Result<Self, SeedError> {
        let unreadable = |source| SeedError::Unreadable { path: path.to_owned(), source };
        let malformed = |reason: String| SeedError::Malformed { path: path.to_owned(), reason };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > MAX_BYTES {
            return Err(malformed(format!("it has {size} bytes; at most {MAX_BYTES} are read")));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let mut file: Self = serde_saphyr::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        file.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let faults = file.errors();
        if faults.is_empty() { Ok(file) } else { Err(SeedError::Faults(faults)) }
    }

    fn errors(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut people: BTreeSet<String> = crate::state::PEOPLE.iter().map(|(login, _)| (*login).to_owned()).collect();
        for user in &self.users {
            if !is_login(&user.login) {
                faults.push(format!(
                    "users: `{}` is not a login (letters, digits and single hyphens, at most 39)",
                    user.login
                ));
            } else if !people.insert(user.login.to_ascii_lowercase()) {
                faults.push(format!("users: `{}` is there twice, or always there", user.login));
            }
        }
        faults.extend(self.ci.iter().filter_map(CiRule::fault).map(|fault| format!("ci: {fault}")));
        self.faults_of_teams(&people, |fault| faults.push(fault));
        let mut seen = BTreeSet::new();
        for repository in &self.repositories {
            let at = format!("repositories: {}/{}", repository.owner, repository.name);
            if !seen.insert(at.to_ascii_lowercase()) {
                faults.push(format!("{at}: it is there twice"));
            }
            if repository.owner != "acme" && !people.contains(&repository.owner.to_ascii_lowercase()) {
                faults.push(format!("{at}: the owner `{}` is neither acme nor one of the users", repository.owner));
            }
            repository.faults(&people, &self.folder, |fault| faults.push(format!("{at}: {fault}")));
        }
        let limits = self.rate_limits.iter().flat_map(RateLimits::faults);
        faults.extend(limits.map(|fault| format!("rate_limits: {fault}")));
        if let Err(found) = self.faults.rules() {
            faults.extend(found.into_iter().map(|fault| format!("faults: {fault}")));
        }
        faults
    }
}

impl SeedRepository {
    fn faults(&self, people: &BTreeSet<String>, folder: &Path, mut fault: impl FnMut(String)) {
        let name_ok = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.name.is_empty()
            || self.name.starts_with('.')
            || !self.name.chars().all(name_ok)
            || self.name.to_ascii_lowercase().ends_with(".git")
        {
            fault(format!("`{}` is not a repository's name (letters, digits, `.`, `_` and `-`)", self.name));
        }
        if !is_valid_ref_name(&branch_ref(&self.default_branch)) {
            fault(format!("`{}` is not a branch's name", self.default_branch));
        }
        if let Some(directory) = &self.directory
            && !folder.join(directory).is_dir()
        {
            fault(format!("the directory {} is not there", folder.join(directory).display()));
        }
        for (login, role) in &self.collaborators {
            if !people.contains(&login.to_ascii_lowercase()) {
                fault(format!("the collaborator `{login}` is not one of the users"));
            }
            if Role::parse(role).is_none() {
                fault(format!("`{role}` is not a role; use read, triage, write, maintain or admin"));
            }
        }
        for label in &self.labels {
            if label.name.trim().is_empty() {
                fault("a label has no name".to_owned());
            }
            if label.color.len() != 6 || !label.color.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                fault(format!(
                    "`{}` is not a colour; give six hexadecimal digits, in quotes if all are digits",
                    label.color
                ));
            }
        }
        for issue in &self.issues {
            if issue.title.trim().is_empty() {
                fault("an issue has no title".to_owned());
            }
            if let Some(author) = issue.author.as_ref().filter(|author| !people.contains(&author.to_ascii_lowercase()))
            {
                fault(format!("the author `{author}` of `{}` is not one of the users", issue.title));
            }
        }
    }
}

/// <https://docs.github.com/en/enterprise-server/admin/managing-iam/iam-configuration-reference/username-considerations-for-external-authentication>
fn is_login(login: &str) -> bool {
    (1..40).contains(&login.len())
        && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !login.starts_with('-')
        && !login.ends_with('-')
        && !login.contains("--")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Reads a seed file with this text.
    pub(in crate::seed) fn read(text: &str) -> Result<SeedFile, SeedError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed.yml");
        std::fs::write(&path, text).unwrap();
        SeedFile::read(&path)
    }

    #[test]
    fn yaml_and_json_say_the_same() {
        let yaml = read("users:\n  - login: ada\nrepositories:\n  - name: gears\n    collaborators: { ada: write }\n")
            .unwrap();
        let json = read(
            r#"{"users": [{"login": "ada"}], "repositories": [{"name": "gears", "collaborators": {"ada": "write"}}]}"#,
        )
        .unwrap();
        for file in [yaml, json] {
            let repository = &file.repositories[0];
            assert_eq!((repository.owner.as_str(), repository.default_branch.as_str()), ("acme", "main"));
            assert_eq!(repository.collaborators["ada"], "write");
            assert!(repository.installed);
        }
    }

    #[test]
    fn the_examples_of_the_document_can_be_read() {
        let document = include_str!("../../README.md");
        let examples: Vec<&str> =
            document.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(examples.iter().any(|all| all.contains("faults:")) && examples.len() > 2);
        for example in examples {
            let told = match read(&example.replace("/path/to/a/folder", env!("CARGO_MANIFEST_DIR"))) {
                Ok(_) => continue,
                Err(error) => error.to_string(),
            };
            panic!("{told} in:\n{example}");
        }
    }

    #[test]
    fn all_faults_are_reported_at_once() {
        let text = "users: [{ login: -bad- }, { login: ada }, { login: Ada }]\n\
            repositories:\n\
            - { name: a b, owner: nobody, directory: ./no-such, collaborators: { eve: king } }\n\
            - { name: c, default_branch: 'x..y', labels: [{ name: l, color: red }], issues: [{ title: '', author: eve }] }\n\
            rate_limits: { status: 500 }\n\
            faults: { rules: [{ deliveries: {}, does: explode }] }\n";
        let SeedError::Faults(faults) = read(text).unwrap_err() else { panic!("it was read") };
        let all = faults.join("\n");
        for part in [
            "-bad-",
            "`Ada` is there twice",
            "a b",
            "nobody",
            "no-such",
            "`eve`",
            "king",
            "x..y",
            "`red`",
            "no title",
            "faults: rules[0].does",
            "rate_limits: status",
        ] {
            assert!(all.contains(part), "{part} is missing in:\n{all}");
        }
    }

    #[test]
    fn a_word_that_is_not_known_is_named_with_its_place() {
        let error = read("users:\n  - login: ada\n    rolle: admin\n").unwrap_err().to_string();
        assert!(error.contains("rolle") && error.contains('3'), "{error}");
        let error = read(&format!("users: [] # {}", "x".repeat(2_000_000))).unwrap_err().to_string();
        assert!(error.contains("bytes"), "{error}");
    }
}
