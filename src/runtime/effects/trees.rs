//! The repository's mirror, brought up to date for a piece of work.

use super::{EffectError, external};
use crate::github::RepoClient;
use crate::runtime::app::App;
use crate::workspace::{GitError, Identity, Merge, Mirror, PushError, Remote};
use adjutant_domain::directive::Directive;
use adjutant_domain::failure::Failure;
use adjutant_domain::ids::Branch;
use adjutant_domain::step::Step;

/// How many times longer than the API git may be silent: the server counts objects meanwhile.
const GIT_IS_SLOW: u32 = 4;

/// The mirror of a directive's repository, and the way to its server.
pub(super) struct Source {
    pub(super) mirror: Mirror,
    pub(super) remote: Remote,
    client: RepoClient,
}

impl Source {
    /// Opens the mirror, with a fresh token for the server.
    pub(super) async fn open(app: &App, directive: &Directive) -> Result<Self, EffectError> {
        let token = app.github.git_token(&directive.repo).await?;
        let silence = app.settings.limits.github * GIT_IS_SLOW;
        let remote = Remote { url: app.github.git_url(&directive.repo), token: Some(token), silence };
        let mirror = app.workspaces.mirror(&directive.repo.id.to_string()).await?;
        Ok(Self { mirror, remote, client: app.github.repository(&directive.repo) })
    }

    /// Pushes as [`Mirror::push`] does. A token that may write workflows is refused to an app that was not granted
    /// them, so that it is asked for only when the server says that it takes one.
    pub(super) async fn push(
        &self,
        app: &App,
        directive: &Directive,
        commit: &str,
        branch: &str,
        expected: Option<&str>,
    ) -> Result<(), PushError> {
        let path = match self.mirror.push(&self.remote, commit, branch, expected).await {
            Err(PushError::Workflow { path }) => path,
            outcome => return outcome,
        };
        tracing::info!(path, "the push is tried again with a token that may write workflows");
        let token = app.github.git_token_with_workflows(&directive.repo).await.map_err(|error| {
            if error.is_transient() {
                return PushError::Git(GitError::Network(error.to_string()));
            }
            PushError::NotGranted { path, error: error.to_string() }
        })?;
        let remote = Remote { token: Some(token), ..self.remote.clone() };
        self.mirror.push(&remote, commit, branch, expected).await
    }

    /// Where a branch is on the server now, its commits brought here. Asked of the API first, which costs a fraction of a
    /// `git ls-remote`.
    pub(super) async fn head(&self, branch: &Branch) -> Result<Option<String>, EffectError> {
        let shown = self.client.branch_head(branch).await?;
        let head = match shown {
            Some(head) => Some(head.to_string()),
            // The API may be a moment behind: git has the last word.
            None => self.mirror.remote_head(&self.remote, branch.as_str()).await?,
        };
        if let Some(head) = &head {
            self.mirror.fetch_commit(&self.remote, head).await?;
        }
        Ok(head)
    }

    /// Like [`Source::head`], for a branch that must be there.
    pub(super) async fn known_head(&self, branch: &Branch) -> Result<String, EffectError> {
        let head = self.head(branch).await?;
        head.ok_or_else(|| EffectError::refused(Failure::BranchGone { branch: branch.clone() }))
    }
}

/// Who Adjutant's commits are by.
pub(super) async fn identity(app: &App) -> Result<Identity, EffectError> {
    let app = app.github.app().await?;
    Ok(Identity { name: app.bot_login.to_string(), email: app.commit_email })
}

/// The paths in conflict between a step's branch and its target; none where it merges.
pub(super) async fn conflicts(
    app: &App,
    directive: &Directive,
    step: &Step,
) -> Result<Option<Vec<String>>, EffectError> {
    let source = Source::open(app, directive).await?;
    let (target, head) = (source.known_head(&step.target).await?, source.known_head(&step.branch).await?);
    Ok(match source.mirror.merge(&target, &head).await? {
        Merge::Conflicted { paths, .. } => Some(paths),
        Merge::Clean { .. } | Merge::UpToDate(_) => None,
    })
}

/// Why a push did not take place.
pub(super) fn push_failure(error: PushError) -> Failure {
    match error {
        PushError::Moved => Failure::BranchMoved,
        PushError::NotFastForward => Failure::NotFastForward,
        PushError::Rejected(answer) => Failure::PushRejected { answer },
        PushError::Workflow { path } => Failure::WorkflowRejected { path },
        PushError::NotGranted { path, error } => Failure::WorkflowsNotGranted { path, error },
        PushError::Git(error) => external(error),
    }
}

impl From<GitError> for EffectError {
    fn from(error: GitError) -> Self {
        match error {
            error if error.is_transient() => Self::later(error),
            // Nothing of this is the server's, or a moment's.
            GitError::Invalid(..) | GitError::Unfit(_) | GitError::TooMuch(_) | GitError::TreeExists(_) => {
                Self::never(external(error))
            }
            error => Self::refused(external(error)),
        }
    }
}
