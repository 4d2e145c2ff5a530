//! Repositories that the app has no access to at present: the installation was suspended or removed, or no longer
//! covers the repository.
//!
//! Effects in such a repository stay queued. They are tried again at growing intervals, and at once when a webhook
//! reports a change of installations or when any request there succeeds. Nothing is cancelled, and no agent starts. The
//! log has one line when the access is lost and one when it is back.

use super::app::App;
use crate::github::Access;
use crate::store::effects::Claimed;
use adjutant_domain::effect::{Effect, Lane};
use adjutant_domain::ids::Repo;

impl App {
    /// Whether the app has access to a repository; `None` when GitHub cannot be asked.
    pub(super) async fn in_reach(&self, repo: &Repo) -> Option<bool> {
        match self.github.access(repo).await {
            Ok(Access::Granted) => Some(true),
            Ok(Access::None(why)) => {
                self.out_of_reach.lost(repo, &why);
                Some(false)
            }
            Err(_) => None,
        }
    }

    /// Whether a refusal in a repository has no other reason than the app's missing access.
    pub(super) async fn is_out_of_reach(&self, repo: &Repo) -> bool {
        self.in_reach(repo).await == Some(false)
    }

    /// Checks whether the app has access again to a repository that was out of reach.
    pub(super) async fn probe(&self, repo: &Repo) {
        if let Ok(Access::Granted) = self.github.access(repo).await {
            self.works_in(repo).await;
        }
    }

    /// Called when a request in a repository succeeded. If the repository was out of reach, all its waiting work
    /// becomes due.
    pub(super) async fn works_in(&self, repo: &Repo) {
        if self.out_of_reach.regained(repo) {
            self.try_all_again().await;
        }
    }

    /// Makes all deferred work due now.
    pub(super) async fn try_all_again(&self) {
        match self.store.retry_now().await {
            Ok(due) => {
                tracing::debug!(due, "rescheduled deferred work to run now");
                for lane in Lane::ALL {
                    self.queued(*lane).notify_one();
                }
                self.arrived.notify_one();
            }
            Err(error) => tracing::warn!(%error, "could not reschedule deferred work early; it runs at its time"),
        }
    }

    /// The repository that an effect is carried out in.
    pub(super) async fn repo_of(&self, claimed: &Claimed) -> Option<Repo> {
        match (&claimed.effect, claimed.row.directive) {
            (
                Effect::Announce { repo, .. }
                | Effect::NeutralCheck { repo, .. }
                | Effect::MergeGroupCheck { repo, .. },
                _,
            ) => Some(repo.clone()),
            (_, Some(id)) => self.store.repo_of(id).await.ok()?,
            (_, None) => None,
        }
    }
}
