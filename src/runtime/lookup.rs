//! What the interpretation of deliveries asks of the store.

use async_trait::async_trait;

use crate::github::interpret::{DirectiveLookup, LookupError};
use crate::store::{Store, StoreError};
use adjutant_domain::directive::Directive;
use adjutant_domain::ids::DirectiveId;

/// The store, as the interpretation sees it.
pub(super) struct StoreLookup<'a>(pub(super) &'a Store);

impl StoreLookup<'_> {
    async fn load(&self, id: Result<Option<DirectiveId>, StoreError>) -> Result<Option<Directive>, LookupError> {
        match id.map_err(failed)? {
            Some(id) => self.0.directive(id).await.map_err(failed),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl DirectiveLookup for StoreLookup<'_> {
    async fn live_for_issue(&self, repository: u64, issue: u64) -> Result<Option<Directive>, LookupError> {
        self.load(self.0.live_directive_for_issue(repository, issue).await).await
    }

    async fn newest_for_issue(&self, repository: u64, issue: u64) -> Result<Option<Directive>, LookupError> {
        self.load(self.0.newest_for_issue(repository, issue).await).await
    }

    async fn for_pull(&self, repository: u64, pull: u64) -> Result<Option<Directive>, LookupError> {
        self.load(self.0.directive_for_pull(repository, pull).await).await
    }

    async fn count_for_issue(&self, repository: u64, issue: u64) -> Result<u32, LookupError> {
        self.0.count_for_issue(repository, issue).await.map_err(failed)
    }
}

fn failed(error: StoreError) -> LookupError {
    LookupError(Box::new(error))
}
