//! The repositories that the app has no access to at present, as far as this process knows.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use adjutant_domain::ids::Repo;

/// The reason why each repository is out of reach, by repository id.
#[derive(Debug, Default)]
pub(super) struct OutOfReach(Mutex<BTreeMap<u64, String>>);

impl OutOfReach {
    pub(super) fn lost(&self, repo: &Repo, why: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.insert(repo.id, why.to_owned()).is_none() {
            let repository = repo.full_name();
            tracing::error!(
                repository,
                why,
                "the app has no access to a repository; its work waits until access is back"
            );
        }
    }

    pub(super) fn regained(&self, repo: &Repo) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let was_lost = all.remove(&repo.id).is_some();
        if was_lost {
            tracing::info!(repository = repo.full_name(), "the app has access to a repository again; its work goes on");
        }
        was_lost
    }

    /// Whether any repository is out of reach.
    pub(super) fn any(&self) -> bool {
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether this repository is known to be out of reach.
    pub(super) fn has(&self, repo: &Repo) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&repo.id)
    }
}
