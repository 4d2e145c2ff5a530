//! Reads the commits, refs and objects that a request names from git, before the model is locked.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    parse::{Document, Field, FieldSelection},
    select::flat,
};
use crate::{
    app_state::AppState,
    git::{Blob, CommitInfo, GitError, branch_ref},
    state::Id,
};

#[derive(Debug, Default)]
pub(super) struct Fetched {
    /// The shas of refs, by repository and full name.
    pub(super) refs: HashMap<(Id, String), String>,
    pub(super) commits: HashMap<(Id, String), CommitInfo>,
    /// The objects of expressions, by repository and expression.
    pub(super) objects: HashMap<(Id, String), Object>,
    /// The commits of pull requests, oldest first.
    pub(super) of_pulls: HashMap<(Id, u64), Vec<String>>,
}

/// The object of an expression such as `main:README.md`.
#[derive(Debug, Clone)]
pub(super) enum Object {
    Commit(String),
    Blob(String, Vec<u8>),
    Tree(String),
}

/// The full name for `ref(qualifiedName:)`. A short name is a branch.
pub(super) fn full_name(name: &str) -> String {
    if name.starts_with("refs/") { name.to_owned() } else { branch_ref(name) }
}

impl Fetched {
    /// Asks git for the data of a root field, as far as `repos` and `pulls` are known from it.
    pub(super) async fn of(
        app_state: &AppState,
        document: &Document,
        variables: &Map<String, Value>,
        root: &Field,
        (repo, pulls): (Id, &[u64]),
    ) -> Result<Self, GitError> {
        let mut fetched = Self::default();
        let (git, default) = {
            let state = app_state.state();
            let repo = state.repo_by_id(repo);
            (repo.git.clone(), repo.default_branch.clone())
        };
        let mut wanted = Vec::new();
        collect(document, variables, &root.selection, &mut wanted, 0);
        for field in &wanted {
            let text = |name: &str| field.argument(name, variables).as_str().map(str::to_owned);
            let name = match field.name.as_str() {
                "defaultBranchRef" => Some(branch_ref(&default)),
                "ref" => text("qualifiedName").map(|name| full_name(&name)),
                _ => None,
            };
            if let Some(name) = name
                && let Some(sha) = git.ref_sha(&name).await?
            {
                fetched.commits.extend(git.commit(&sha).await?.map(|commit| ((repo, commit.sha.clone()), commit)));
                fetched.refs.insert((repo, name), sha);
            }
            if field.name == "object"
                && let Some(expression) = text("expression").or_else(|| text("oid"))
            {
                fetched.object(&git, repo, expression).await?;
            }
        }
        for sha in groups(app_state, repo, &wanted) {
            fetched.commits.extend(git.commit(&sha).await?.map(|commit| ((repo, sha), commit)));
        }
        for number in pulls {
            let sides = app_state
                .state()
                .repo_by_id(repo)
                .pull(*number)
                .map(|(_, pull)| (pull.base_sha.clone(), pull.head_sha.clone()));
            let Some((base, head)) = sides else { continue };
            let commits = git.commits_between(&base, &head).await?;
            fetched.of_pulls.insert((repo, *number), commits.iter().map(|commit| commit.sha.clone()).collect());
            fetched.commits.extend(commits.into_iter().map(|commit| ((repo, commit.sha.clone()), commit)));
        }
        Ok(fetched)
    }

    async fn object(&mut self, git: &crate::git::Repository, repo: Id, expression: String) -> Result<(), GitError> {
        let object = match expression.split_once(':') {
            Some((rev, path)) if !path.is_empty() => match git.read_file(rev, path).await {
                Ok(Some(Blob { sha, bytes, .. })) => Some(Object::Blob(sha, bytes)),
                Ok(None) => git.entry(rev, path).await?.map(|entry| Object::Tree(entry.sha)),
                Err(GitError::InvalidPath(_)) => None,
                Err(error) => return Err(error),
            },
            _ => match git.commit(expression.trim_end_matches(':')).await? {
                Some(commit) if expression.ends_with(':') => Some(Object::Tree(commit.tree)),
                Some(commit) => {
                    let sha = commit.sha.clone();
                    self.commits.insert((repo, sha.clone()), commit);
                    Some(Object::Commit(sha))
                }
                None => None,
            },
        };
        self.objects.extend(object.map(|object| ((repo, expression), object)));
        Ok(())
    }
}

/// The commits of a repository's merge groups, if any field needs them.
fn groups(app_state: &AppState, repo: Id, wanted: &[&Field]) -> Vec<String> {
    if !wanted.iter().any(|field| ["baseCommit", "headCommit"].contains(&field.name.as_str())) {
        return Vec::new();
    }
    let state = app_state.state();
    let entries = state.repo_by_id(repo).queues.values().flat_map(|queue| &queue.entries);
    let groups = entries.filter_map(|entry| entry.group.as_ref());
    groups.flat_map(|group| [group.base_sha.clone(), group.head_sha.clone()]).collect()
}

/// All fields below a selection, however deep.
fn collect<'d>(
    document: &'d Document,
    variables: &Map<String, Value>,
    selection: &'d [FieldSelection],
    found: &mut Vec<&'d Field>,
    depth: usize,
) {
    if depth > 16 {
        return;
    }
    for wanted in selection.iter().filter(|wanted| wanted.is_wanted(variables)) {
        match wanted {
            FieldSelection::Field(field) => {
                found.push(field);
                collect(document, variables, &field.selection, found, depth + 1);
            }
            FieldSelection::Inline { selection, .. } => collect(document, variables, selection, found, depth + 1),
            FieldSelection::Spread { name, .. } => {
                if let Some(fragment) = document.fragments.get(name) {
                    collect(document, variables, &fragment.selection, found, depth + 1);
                }
            }
        }
    }
}

/// Whether any field below a selection needs the commits of a pull request.
pub(super) fn asks_for_commits(document: &Document, variables: &Map<String, Value>, root: &Field) -> bool {
    let mut wanted = Vec::new();
    collect(document, variables, &root.selection, &mut wanted, 0);
    wanted.iter().any(|field| field.name == "commits")
}

/// The numbers of the pull requests that a `repository { … }` may show.
pub(super) fn pulls_of(document: &Document, variables: &Map<String, Value>, root: &Field, all: &[u64]) -> Vec<u64> {
    let fields = flat(document, variables, &root.selection, "Repository");
    let named: Vec<u64> = fields
        .iter()
        .filter(|field| ["pullRequest", "issueOrPullRequest"].contains(&field.name.as_str()))
        .filter_map(|field| field.argument("number", variables).as_u64())
        .collect();
    if fields.iter().any(|field| field.name == "pullRequests") { all.to_vec() } else { named }
}
