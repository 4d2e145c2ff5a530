//! Repositories that the app may not work in at present: its installation is suspended, was removed, or covers them no more.
//!
//! Their work waits: it is tried again at growing intervals, and at once when a webhook reports a change of
//! installations or anything there works again. Nothing is cancelled, and no agent starts. The log says so once, for
//! the operator, and once more when it is over.

use super::app::App;
use crate::github::Access;
use crate::store::effects::Claimed;
use adjutant_domain::effect::{Effect, Lane};
use adjutant_domain::ids::Repo;

impl App {
    /// Whether the app may work in a repository at present; none where GitHub cannot be asked.
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

    /// Whether a refusal in a repository only says that the app may not work there at present.
    pub(super) async fn is_out_of_reach(&self, repo: &Repo) -> bool {
        self.in_reach(repo).await == Some(false)
    }

    /// Looks whether the app may work again in a repository that was out of reach.
    pub(super) async fn probe(&self, repo: &Repo) {
        if let Ok(Access::Granted) = self.github.access(repo).await {
            self.works_in(repo).await;
        }
    }

    /// Something worked in a repository: where it was out of reach, all that waits is due now.
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
            (Effect::Announce { repo, .. } | Effect::NeutralCheck { repo, .. }, _) => Some(repo.clone()),
            (_, Some(id)) => self.store.repo_of(id).await.ok()?,
            (_, None) => None,
        }
    }
}
