//! Repositories that the app may not work in at present: its installation is suspended, was removed, or covers them no more.
//!
//! What is to be done there waits: it is tried again at growing intervals, and at once when GitHub tells of a change of
//! installations or anything there works again. Nothing is called off, and no agent starts. The log says so once, for
//! the operator, and once more when it is over.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::App;
use crate::github::Access;
use crate::store::effects::Claimed;
use adjutant_domain::effect::{Effect, Lane};
use adjutant_domain::ids::Repo;

/// The repositories that are out of reach, each with why.
#[derive(Debug, Default)]
pub(super) struct OutOfReach(Mutex<BTreeMap<u64, String>>);

impl OutOfReach {
    fn lost(&self, repo: &Repo, why: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.insert(repo.id, why.to_owned()).is_none() {
            let repository = repo.full_name();
            tracing::error!(repository, why, "the app may not work in a repository; its work waits until it may again");
        }
    }

    fn regained(&self, repo: &Repo) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let was_lost = all.remove(&repo.id).is_some();
        if was_lost {
            tracing::info!(repository = repo.full_name(), "the app may work in a repository again; its work goes on");
        }
        was_lost
    }

    /// Whether any is.
    pub(super) fn any(&self) -> bool {
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether it is known to be out of reach.
    pub(super) fn has(&self, repo: &Repo) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&repo.id)
    }
}

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

    /// Makes all due that was put back for another try.
    pub(super) async fn try_all_again(&self) {
        match self.store.retry_now().await {
            Ok(due) => {
                tracing::debug!(due, "what was put back is tried now");
                for lane in Lane::ALL {
                    self.queued(*lane).notify_one();
                }
                self.arrived.notify_one();
            }
            Err(error) => tracing::warn!(%error, "what was put back is not tried before its time"),
        }
    }

    /// The repository that an effect is carried out in.
    pub(super) async fn repo_of(&self, claimed: &Claimed) -> Option<Repo> {
        match (&claimed.effect, claimed.row.directive) {
            (Effect::Announce { repo, .. } | Effect::NeutralCheck { repo, .. }, _) => Some(repo.clone()),
            (_, Some(id)) => Some(self.store.directive(id).await.ok()??.repo),
            (_, None) => None,
        }
    }
}
