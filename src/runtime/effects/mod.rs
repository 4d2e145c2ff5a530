//! What each effect does on GitHub and in the repository.
//!
//! Every handler may run twice, here or in another process. It therefore checks first whether its result exists
//! already, and creates it only if not. It reads the directive as it is now, because the request for the effect may be
//! out of date. If the effect has become pointless, it does nothing.

mod base;
mod checks;
mod ci;
mod comments;
mod crossing;
mod diff;
mod environment;
mod integration;
mod merging;
mod pulls;
mod renames;
mod tasks;
mod trees;
mod verification;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

pub(in crate::runtime) use pulls::seen;

use super::app::App;
use super::sink::SignalSink;
use crate::github::GitHubError;
use crate::store::StoreError;
use crate::store::effects::{Claimed, Row};
use crate::store::queue::Held;
use adjutant_domain::directive::Directive;
use adjutant_domain::effect::Effect;
use adjutant_domain::failure::Failure;
use adjutant_domain::ids::StepId;
use adjutant_domain::signal::Signal;
use adjutant_domain::step::Step;
use adjutant_domain::task::TaskStatus;

/// How often something that GitHub refuses is tried before the refusal is accepted, with pauses of 1, 2, 4 and 8 s.
pub(super) const TRIES: u32 = 5;

/// Why an effect was not carried out.
#[derive(Debug)]
pub(super) enum EffectError {
    /// A temporary failure: try again.
    Later {
        /// When to try again, if GitHub named a time.
        after: Option<Duration>,
        why: String,
    },
    /// The app has no access to the repository: wait until people restore it.
    NoAccess {
        why: Failure,
        /// The signals that follow if the app turns out to have access and the refusal is accepted; as in `Refused`.
        then: Option<Vec<Signal>>,
    },
    /// GitHub refused it. GitHub also refuses for a moment (a new branch is not visible everywhere at once), so the
    /// effect is tried a few times before the refusal is accepted.
    Refused {
        why: Failure,
        /// The number of tries in all.
        tries: u32,
        /// The signals that follow once the refusal is accepted; `None` if the effect fails then.
        then: Option<Vec<Signal>>,
    },
    /// A permanent failure: a person is informed.
    Never { why: Failure },
    /// The lease was released: this process stops or lost the lease, and another one takes the effect.
    HandedBack,
}

impl EffectError {
    fn later(why: impl std::fmt::Display) -> Self {
        Self::Later { after: None, why: why.to_string() }
    }

    fn refused(why: Failure) -> Self {
        Self::Refused { why, tries: TRIES, then: None }
    }

    /// A refusal that is followed by `then` once it is accepted.
    fn refused_then(why: Failure, tries: u32, then: Vec<Signal>) -> Self {
        Self::Refused { why, tries, then: Some(then) }
    }

    fn never(why: Failure) -> Self {
        Self::Never { why }
    }
}

impl From<GitHubError> for EffectError {
    fn from(error: GitHubError) -> Self {
        match error {
            GitHubError::NoAccess { message } => Self::NoAccess { why: Failure::External(message), then: None },
            error if error.is_transient() => Self::Later { after: error.retry_after(), why: error.to_string() },
            error => Self::refused(external(error)),
        }
    }
}

impl From<StoreError> for EffectError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Newer { .. } => Self::HandedBack,
            error if error.is_certain() => Self::never(external(error)),
            error => Self::later(error),
        }
    }
}

/// Records in an effect's row whether this program's own code is working on it. If the process ends during that time,
/// the effect is blamed. While only an external process runs (an agent, a verifier), the effect is not blamed. Several
/// pieces of work may be active at once; they are counted.
pub(super) struct Working<'a> {
    app: &'a App,
    row: &'a Row,
    hands: Mutex<u32>,
}

impl<'a> Working<'a> {
    /// The work has begun, and the row says so already.
    pub(super) fn begun(app: &'a App, row: &'a Row) -> Self {
        Self { app, row, hands: Mutex::new(1) }
    }

    /// Waits for an external process. During this time the effect does not count as being worked on.
    pub(super) async fn rest_while<T>(&self, running: impl Future<Output = T>) -> T {
        self.leave().await;
        let came = running.await;
        self.enter().await;
        came
    }

    /// Does a piece of own work while an external process runs.
    pub(super) async fn work_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.enter().await;
        let came = work.await;
        self.leave().await;
        came
    }

    async fn enter(&self) {
        let mut hands = self.hands.lock().await;
        *hands += 1;
        if *hands == 1 {
            self.tell(self.app.store.begin_effect(self.row).await);
        }
    }

    async fn leave(&self) {
        let mut hands = self.hands.lock().await;
        *hands = hands.saturating_sub(1);
        if *hands == 0 {
            self.tell(self.app.store.rest_effect(self.row).await);
        }
    }

    fn tell(&self, written: Result<Held, StoreError>) {
        if let Err(error) = written {
            let key = &self.row.key;
            tracing::warn!(%error, key, "could not record whether effect {key} is being worked on; the work continues");
        }
    }
}

/// Carries out an effect. `cancel` asks long work to end; `stop` is also cancelled if the reason is that the process
/// stops.
pub(super) async fn carry_out(
    app: &App,
    claimed: &Claimed,
    working: &Working<'_>,
    cancel: &CancellationToken,
    stop: &CancellationToken,
) -> Result<Vec<Signal>, EffectError> {
    if let Effect::Announce { repo, issue, to, notice } = &claimed.effect {
        return comments::announce(app, repo, *issue, to, notice).await;
    }
    if let Effect::NeutralCheck { repo, head } = &claimed.effect {
        return checks::write_neutral(app, repo, head).await;
    }
    if let Effect::MergeGroupCheck { repo, head, pull } = &claimed.effect {
        return checks::write_merge_group(app, repo, head, *pull).await;
    }
    let Some(id) = claimed.row.directive else { return Ok(Vec::new()) };
    let Some(directive) = app.store.directive(id).await? else { return Ok(Vec::new()) };
    match for_directive(app, claimed, &directive, working, cancel, stop).await {
        Err(error) => Err(renames::or_gone(app, &directive, error).await),
        done => done,
    }
}

/// Carries out an effect of a directive.
async fn for_directive(
    app: &App,
    claimed: &Claimed,
    directive: &Directive,
    working: &Working<'_>,
    cancel: &CancellationToken,
    stop: &CancellationToken,
) -> Result<Vec<Signal>, EffectError> {
    match &claimed.effect {
        Effect::WriteStatus => comments::write_status(app, directive).await,
        Effect::Reply { source, to, notice } => comments::reply(app, directive, source, to, notice).await,
        Effect::React { source, reaction } => comments::react(app, directive, source, *reaction).await,
        Effect::PostReport { step, head } => comments::post_report(app, directive, *step, head).await,
        Effect::Remind { approval } => comments::remind(app, directive, *approval).await,
        Effect::CloseIssue => comments::close_issue(app, directive).await,
        Effect::WriteCheck { step } => checks::write_check(app, directive, *step).await,
        Effect::CutIntegration => integration::cut(app, directive).await,
        Effect::Integrate { .. } => integration::integrate(app, directive).await,
        Effect::OpenPull { step } => pulls::open(app, directive, *step).await,
        Effect::SyncPull { step } => pulls::sync(app, directive, *step).await,
        Effect::Merge { step, head, .. } => merging::merge(app, directive, *step, head).await,
        Effect::ClosePull { step, reason } => pulls::close(app, directive, *step, reason).await,
        Effect::DeleteBranch { step } => pulls::delete_branch(app, directive, *step).await,
        Effect::RunTask { task } => {
            let sink = SignalSink::new(app, directive.id);
            Box::pin(tasks::run(app, directive, *task, &sink, working, cancel, stop)).await
        }
        Effect::VerifyBase { round } => Box::pin(base::verify(app, directive, *round, working, cancel)).await,
        Effect::Verify { step, head, round } => {
            verification::verify(app, directive, *step, head, *round, working, cancel).await
        }
        Effect::ReadCi { step, head, .. } => ci::read(app, directive, *step, head).await,
        Effect::Announce { .. } | Effect::NeutralCheck { .. } | Effect::MergeGroupCheck { .. } => Ok(Vec::new()),
    }
}

/// Whether long work that has begun is still wanted.
pub(super) async fn is_wanted(app: &App, claimed: &Claimed) -> Result<bool, StoreError> {
    match (&claimed.effect, claimed.row.directive) {
        (Effect::RunTask { task }, _) => Ok(app.store.task_status(*task).await? != Some(TaskStatus::Cancelled)),
        (Effect::VerifyBase { round }, Some(id)) => {
            Ok(app.store.directive(id).await?.is_some_and(|directive| base::is_wanted(&directive, *round)))
        }
        (Effect::Verify { step, head, .. }, Some(id)) => app.store.is_verifying(id, *step, head).await,
        _ => Ok(true),
    }
}

/// A failure as people on GitHub may read it: the path of the operator's folder is removed.
pub(super) fn for_people(why: &Failure, folder: &Path) -> Failure {
    why.clone().with_texts(&|text| without_folder(text, folder))
}

fn without_folder(why: &str, folder: &Path) -> String {
    let absolute = folder.canonicalize().ok();
    let mut told = why.to_owned();
    for path in absolute.iter().map(PathBuf::as_path).chain([folder]) {
        // A relative folder such as `.` would match too much.
        if path.is_absolute() && path.parent().is_some() {
            told = told.replace(&path.display().to_string(), "…");
        }
    }
    told
}

/// What another program, a server or the system said.
fn external(error: impl std::fmt::Display) -> Failure {
    Failure::External(error.to_string())
}

/// A protected path of the policy is no pattern.
fn no_pattern(error: impl std::fmt::Display) -> EffectError {
    EffectError::never(Failure::ProtectedPattern { error: error.to_string() })
}

/// The signal for an effect that was set aside, whose row has that key; `None` if the directive does not depend on it.
pub(super) fn failure_signal(effect: &Effect, key: &str, why: Failure) -> Option<Signal> {
    Signal::of_failed_effect(effect.kind(), key, effect.task(), effect.step(), why)
}

/// The step, if it belongs to the current chain.
fn step_of(directive: &Directive, id: StepId) -> Option<&Step> {
    directive.step(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_on_github_do_not_see_the_paths_of_the_operators_files() {
        let folder = tempfile::tempdir().unwrap();
        let why = format!("{}/workspaces/trees/x/tree: File name too long", folder.path().display());
        assert_eq!(without_folder(&why, folder.path()), "…/workspaces/trees/x/tree: File name too long");
        assert_eq!(without_folder("a/b: gone", Path::new("/")), "a/b: gone");
        assert_eq!(without_folder("a.b: gone", Path::new("no-such-folder")), "a.b: gone");
    }
}
