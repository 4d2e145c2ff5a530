//! Which workflows an event starts.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows>

use std::sync::Arc;

use serde_json::{Value, json};

use super::file::{WorkflowFile, words};
use crate::{
    app_state::AppState,
    filter_pattern,
    git::{CommitInfo, FileChange, GitError, Preview, Repository, branch_ref},
    state::{Id, State},
    webhooks::Event,
};

/// The event that may start a workflow.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) event: &'static str,
    /// The event's action, which `types` filters.
    pub(crate) activity: Option<String>,
    pub(crate) actor: Id,
    pub(crate) head_sha: String,
    pub(crate) head_branch: Option<String>,
    /// The title of the run; `None` means the first line of the head commit's message.
    pub(crate) title: Option<String>,
    place: Place,
    /// The branch or tag that the filters match, by its full name.
    filtered: Option<String>,
    /// What the head is compared with for `paths`.
    since: Since,
}

/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#git-diff-comparisons>
#[derive(Debug, Clone)]
enum Since {
    Commit(String),
    /// The parent of this commit, which is the first of a new branch.
    ParentOf(String),
    /// Nothing: neither a tag nor a manual request has paths.
    Nothing,
}

/// Where the workflow files are read.
#[derive(Debug, Clone)]
enum Place {
    /// In the head.
    Head,
    /// In the result of merging the head into this branch.
    MergedInto(String),
}

/// <https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs>
const SKIPS: [&str; 5] = ["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"];

impl Cause {
    /// The cause for a webhook event, if it can start workflows.
    fn of(state: &State, event: &Event) -> Option<Self> {
        match event.name {
            "push" => Self::of_push(event),
            "pull_request" => Self::of_pull(state, event),
            "merge_group" if event.action == Some("checks_requested") => Self::of_merge_group(event),
            _ => None,
        }
    }

    fn of_push(event: &Event) -> Option<Self> {
        let text = |key: &str| event.fields[key].as_str().map(str::to_owned);
        let name = text("ref")?;
        let short = name.strip_prefix("refs/heads/").or(name.strip_prefix("refs/tags/"))?.to_owned();
        if event.fields["deleted"] == json!(true) {
            return None;
        }
        let first = event.fields["commits"][0]["id"].as_str().map(str::to_owned);
        let since = match (event.fields["created"] == json!(true), name.starts_with("refs/tags/")) {
            (_, true) => Since::Nothing,
            (true, _) => first.map_or(Since::Nothing, Since::ParentOf),
            (false, _) => text("before").map_or(Since::Nothing, Since::Commit),
        };
        Some(Self {
            event: "push",
            activity: None,
            actor: event.sender,
            head_sha: text("after")?,
            head_branch: Some(short),
            title: None,
            place: Place::Head,
            filtered: Some(name),
            since,
        })
    }

    fn of_pull(state: &State, event: &Event) -> Option<Self> {
        let number = event.fields["number"].as_u64()?;
        let (issue, pull) = state.repo_by_id(event.repo).pull(number)?;
        Some(Self {
            event: "pull_request",
            activity: event.action.map(str::to_owned),
            actor: event.sender,
            head_sha: pull.head_sha.clone(),
            head_branch: Some(pull.head_ref.clone()),
            title: Some(issue.title.clone()),
            place: Place::MergedInto(pull.base_ref.clone()),
            filtered: Some(branch_ref(&pull.base_ref)),
            since: Since::Commit(pull.base_sha.clone()),
        })
    }

    fn of_merge_group(event: &Event) -> Option<Self> {
        let group = &event.fields["merge_group"];
        let text = |key: &str| group[key].as_str().map(str::to_owned);
        Some(Self {
            event: "merge_group",
            activity: event.action.map(str::to_owned),
            actor: event.sender,
            head_sha: text("head_sha")?,
            head_branch: text("head_ref").map(|name| name.trim_start_matches("refs/heads/").to_owned()),
            title: None,
            place: Place::Head,
            filtered: text("base_ref"),
            since: text("base_sha").map_or(Since::Nothing, Since::Commit),
        })
    }

    /// A request by somebody on a branch.
    pub(crate) fn asked(event: &'static str, actor: Id, (branch, sha): (&str, &str), title: Option<String>) -> Self {
        Self {
            event,
            activity: None,
            actor,
            head_sha: sha.to_owned(),
            head_branch: Some(branch.to_owned()),
            title,
            place: Place::Head,
            filtered: None,
            since: Since::Nothing,
        }
    }

    /// The same with the action that `types` filters.
    pub(crate) fn of_type(mut self, activity: &str) -> Self {
        self.activity = Some(activity.to_owned());
        self
    }

    /// Whether a file has this trigger. `changed` is only needed for `paths`.
    fn starts(&self, file: &WorkflowFile, changed: Option<&[FileChange]>) -> bool {
        let Some(told) = file.on.get(self.event) else { return false };
        let types = words(told.get("types"));
        let typed = match (&self.activity, types.is_empty()) {
            (None, _) => true,
            // https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request
            (Some(activity), true) => {
                self.event != "pull_request" || ["opened", "synchronize", "reopened"].contains(&activity.as_str())
            }
            (Some(activity), false) => types.contains(activity),
        };
        typed && self.filtered.as_deref().is_none_or(|name| passes_ref(told, name)) && passes_paths(told, changed)
    }
}

/// A list of patterns, if the file has one.
fn patterns(told: &Value, key: &str) -> Option<Vec<String>> {
    told.get(key).map(|list| words(Some(list)))
}

/// A filter for branches excludes tags, and the other way round.
fn passes_ref(told: &Value, name: &str) -> bool {
    let listed = |kind: &str| told.get(kind).is_some() || told.get(format!("{kind}-ignore")).is_some();
    let (kind, other, short) = match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
        (Some(branch), _) => ("branches", "tags", branch),
        (_, Some(tag)) => ("tags", "branches", tag),
        _ => return true,
    };
    if !listed(kind) {
        return !listed(other);
    }
    patterns(told, kind).is_none_or(|wanted| filter_pattern::passes(&wanted, short))
        && patterns(told, &format!("{kind}-ignore")).is_none_or(|not| !filter_pattern::passes(&not, short))
}

/// A push of tags has no paths, and some pushes cannot be compared. Both run.
fn passes_paths(told: &Value, changed: Option<&[FileChange]>) -> bool {
    let Some(changed) = changed else { return true };
    let paths = || changed.iter().map(|file| file.path.as_str());
    patterns(told, "paths").is_none_or(|wanted| paths().any(|path| filter_pattern::passes(&wanted, path)))
        && patterns(told, "paths-ignore").is_none_or(|not| paths().any(|path| !filter_pattern::passes(&not, path)))
}

impl AppState {
    /// Starts the workflows of an event in the background.
    pub(crate) fn start_workflows(self: &Arc<Self>, state: &State, event: &Event) {
        let Some(cause) = Cause::of(state, event) else { return };
        let (app_state, repo) = (self.clone(), event.repo);
        self.spawn(async move {
            if let Err(error) = app_state.run_workflows(repo, cause).await {
                tracing::debug!(%error, "an event's workflows could not be looked up");
            }
        });
    }

    /// Starts the workflows that have this trigger.
    pub(crate) async fn run_workflows(self: &Arc<Self>, repo: Id, mut cause: Cause) -> Result<(), GitError> {
        let git = self.state().repo_by_id(repo).git.clone();
        let Some(files) = read(&git, &cause).await?.filter(|files| !files.is_empty()) else { return Ok(()) };
        let Some(commit) = git.commit(&cause.head_sha).await? else { return Ok(()) };
        // A pushed tag may be a tag object.
        cause.head_sha.clone_from(&commit.sha);
        if ["push", "pull_request"].contains(&cause.event) && SKIPS.iter().any(|skip| commit.message.contains(skip)) {
            return Ok(());
        }
        let since = match &cause.since {
            Since::Commit(sha) => Some(sha.clone()),
            Since::ParentOf(sha) => git.commit(sha).await?.and_then(|commit| commit.parents.first().cloned()),
            Since::Nothing => None,
        };
        let changed = match &since {
            Some(since) => git.files_between(since, &cause.head_sha).await.ok(),
            None => None,
        };
        for (path, text) in files {
            match WorkflowFile::parse(&path, &text) {
                Ok(file) if cause.starts(&file, changed.as_deref()) => self.begin(repo, &file, &cause, &commit),
                Ok(file) => self.state().note_workflow(repo, &file.path, &file.name),
                // https://docs.github.com/en/actions/how-tos/troubleshoot-workflows: a file with a fault fails at each push.
                Err(fault) if cause.event == "push" => self.fail_to_begin(repo, &path, &fault, &cause, &commit),
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn begin(self: &Arc<Self>, repo: Id, file: &WorkflowFile, cause: &Cause, commit: &CommitInfo) {
        let mut state = self.state();
        self.begin_run(&mut state, repo, file, cause, commit);
    }

    fn fail_to_begin(self: &Arc<Self>, repo: Id, path: &str, fault: &str, cause: &Cause, commit: &CommitInfo) {
        tracing::debug!(path, fault, "a workflow file is not understood");
        let file = WorkflowFile { path: path.to_owned(), name: path.to_owned(), on: [].into(), jobs: Vec::new() };
        self.begin(repo, &file, cause, commit);
    }
}

/// The workflow files of an event. `None` if there is no run at all: a pull request with a conflict has no test merge.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request>
async fn read(git: &Repository, cause: &Cause) -> Result<Option<Vec<(String, String)>>, GitError> {
    let of_head = git.workflow_files(&cause.head_sha).await?;
    let Place::MergedInto(base) = &cause.place else { return Ok(Some(of_head)) };
    let Some(base) = git.ref_sha(&branch_ref(base)).await? else { return Ok(None) };
    // If neither side has workflow files, the merge has none.
    if of_head.is_empty() && git.workflow_files(&base).await?.is_empty() {
        return Ok(None);
    }
    match git.merge_preview(&base, &cause.head_sha).await {
        Ok(Preview::Clean { tree }) => git.workflow_files(&tree).await.map(Some),
        Ok(Preview::UpToDate) => git.workflow_files(&base).await.map(Some),
        Ok(Preview::Conflict { .. }) | Err(GitError::NoCommonAncestor(..)) => Ok(None),
        Err(error) => Err(error),
    }
}
