//! What each effect does outside.
//!
//! Every handler may run twice, here or in another process: it looks first whether its result exists already,
//! and creates it only if not. It reads the directive as it stands now rather than trusting what was true when it
//! was asked for, and where it has become pointless, it does nothing.

mod checks;
mod comments;
mod integration;
mod pulls;
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
use adjutant_domain::ids::StepId;
use adjutant_domain::signal::Signal;
use adjutant_domain::step::Step;
use adjutant_domain::task::TaskStatus;

/// How often something that GitHub refuses is tried, with pauses of 1, 2, 4 and 8 s, before it is believed.
pub(super) const TRIES: u32 = 5;

/// Why an effect was not carried out.
#[derive(Debug)]
pub(super) enum EffectError {
    /// It may work later.
    Later {
        /// When, where somebody said so.
        after: Option<Duration>,
        why: String,
    },
    /// The app may not work in the repository at present: it waits until people give the access back.
    NoAccess {
        why: String,
        /// What the engine is told where the app turns out to have access and is refused all the same, as below.
        then: Option<Vec<Signal>>,
    },
    /// It was refused. GitHub does that for a moment, too (a fresh branch is not everywhere at once), so that it is tried
    /// a few times before it is believed.
    Refused {
        /// Why, as a sentence for a person.
        why: String,
        /// How often it is tried in all.
        tries: u32,
        /// What the engine is told once it is believed; none where the effect fails then.
        then: Option<Vec<Signal>>,
    },
    /// It will not work: a person is told.
    Never {
        /// Why not, as a sentence for a person.
        why: String,
    },
    /// This process stops, or has lost its lease: somebody else goes on.
    HandedBack,
}

impl EffectError {
    fn later(why: impl std::fmt::Display) -> Self {
        Self::Later { after: None, why: why.to_string() }
    }

    fn refused(why: impl std::fmt::Display) -> Self {
        Self::Refused { why: why.to_string(), tries: TRIES, then: None }
    }

    /// A refusal after which the engine is told so once it is believed.
    fn refused_then(why: impl std::fmt::Display, tries: u32, then: Vec<Signal>) -> Self {
        Self::Refused { why: why.to_string(), tries, then: Some(then) }
    }

    fn never(why: impl std::fmt::Display) -> Self {
        Self::Never { why: why.to_string() }
    }
}

impl From<GitHubError> for EffectError {
    fn from(error: GitHubError) -> Self {
        match error {
            GitHubError::NoAccess { message } => Self::NoAccess { why: message, then: None },
            error if error.is_transient() => Self::Later { after: error.retry_after(), why: error.to_string() },
            error => Self::refused(error),
        }
    }
}

impl From<StoreError> for EffectError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Newer { .. } => Self::HandedBack,
            error if error.is_certain() => Self::never(error),
            error => Self::later(error),
        }
    }
}

/// Whether this program's own code is at work on an effect, as its row says: a process that ends then counts against the effect.
/// What waits for a process of its own (an agent, a verifier) rests, and more than one thing may be at work.
pub(super) struct Working<'a> {
    app: &'a App,
    row: &'a Row,
    hands: Mutex<u32>,
}

impl<'a> Working<'a> {
    /// The work has begun, and its row says so.
    pub(super) fn begun(app: &'a App, row: &'a Row) -> Self {
        Self { app, row, hands: Mutex::new(1) }
    }

    /// Waits for something that runs in a process of its own.
    pub(super) async fn rest_while<T>(&self, running: impl Future<Output = T>) -> T {
        self.leave().await;
        let came = running.await;
        self.enter().await;
        came
    }

    /// Does something while the rest waits.
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
            tracing::warn!(%error, key, "whether effect {key} is at work could not be recorded; it goes on");
        }
    }
}

/// Carries an effect out. `cancel` asks long work to end; whether because the process stops is told by `stop`.
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
    let Some(id) = claimed.row.directive else { return Ok(Vec::new()) };
    let Some(directive) = app.store.directive(id).await? else { return Ok(Vec::new()) };
    let directive = &directive;
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
        Effect::Merge { step, head, .. } => pulls::merge(app, directive, *step, head).await,
        Effect::ClosePull { step, word } => pulls::close(app, directive, *step, word).await,
        Effect::DeleteBranch { step } => pulls::delete_branch(app, directive, *step).await,
        Effect::RunTask { task } => {
            let sink = SignalSink::new(app, id);
            Box::pin(tasks::run(app, directive, *task, &sink, working, cancel, stop)).await
        }
        Effect::Verify { step, head, round } => {
            verification::verify(app, directive, *step, head, *round, working, cancel).await
        }
        Effect::Announce { .. } | Effect::NeutralCheck { .. } => Ok(Vec::new()),
    }
}

/// Whether long work that has begun is still wanted.
pub(super) async fn is_wanted(app: &App, claimed: &Claimed) -> Result<bool, StoreError> {
    match (&claimed.effect, claimed.row.directive) {
        (Effect::RunTask { task }, _) => Ok(app.store.task_status(*task).await? != Some(TaskStatus::Cancelled)),
        (Effect::Verify { step, head, .. }, Some(id)) => app.store.is_verifying(id, *step, head).await,
        _ => Ok(true),
    }
}

/// What went wrong, as people on GitHub may read it: where the operator's files lie is none of it.
pub(super) fn without_folder(why: &str, folder: &Path) -> String {
    let absolute = folder.canonicalize().ok();
    let mut told = why.to_owned();
    for path in absolute.iter().map(PathBuf::as_path).chain([folder]) {
        // Of a folder such as `.` nothing could be told apart.
        if path.is_absolute() && path.parent().is_some() {
            told = told.replace(&path.display().to_string(), "…");
        }
    }
    told
}

/// What the engine is told when an effect is set aside: nothing, where the work goes on without it.
pub(super) fn failure_signal(effect: &Effect, why: &str) -> Option<Signal> {
    Signal::of_failed_effect(effect.kind(), effect.task(), effect.step(), why)
}

/// The step, where it is one of the present chain's.
fn step_of(directive: &Directive, id: StepId) -> Option<&Step> {
    directive.step(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_on_github_are_not_told_where_the_operators_files_lie() {
        let folder = tempfile::tempdir().unwrap();
        let why = format!("{}/workspaces/trees/x/tree: File name too long", folder.path().display());
        assert_eq!(without_folder(&why, folder.path()), "…/workspaces/trees/x/tree: File name too long");
        assert_eq!(without_folder("a/b: gone", Path::new("/")), "a/b: gone");
        assert_eq!(without_folder("a.b: gone", Path::new("no-such-folder")), "a.b: gone");
    }
}
