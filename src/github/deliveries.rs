//! What GitHub remembers of the webhooks that it sent to the app.

use chrono::{DateTime, Utc};
use http::Method;
use serde::Deserialize;

use super::{client::GitHub, error::GitHubError, transport::Request};

/// Pages of a hundred that are read at most: who missed more has GitHub send the rest in a later round.
const MOST_PAGES: usize = 20;

/// One attempt to deliver a webhook.
///
/// <https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AppDelivery {
    /// The attempt's id: a redelivery has one of its own.
    pub id: u64,
    /// The delivery's GUID: the same for all of its attempts.
    pub guid: String,
    pub event: String,
    /// When it was sent.
    pub delivered_at: DateTime<Utc>,
    /// The HTTP status of the answer; 0 if there was none.
    #[serde(default)]
    pub status_code: u16,
}

impl AppDelivery {
    fn failed(&self) -> bool {
        !(200..400).contains(&self.status_code)
    }
}

impl GitHub {
    /// The attempts of the last days that failed, newest first; up to two thousand.
    pub async fn failed_deliveries(&self) -> Result<Vec<AppDelivery>, GitHubError> {
        let mut found = Vec::new();
        // A server that does not know the filter lists all, so that it is not relied upon.
        let mut next = Some("/app/hook/deliveries?per_page=100&status=failure".to_owned());
        for _ in 0..MOST_PAGES {
            let Some(path) = next else { break };
            let answer = self.as_app(&Request::get(path)).await?;
            next = answer.next_page();
            found.extend(answer.json::<Vec<AppDelivery>>()?.into_iter().filter(AppDelivery::failed));
        }
        Ok(found)
    }

    /// Has a delivery sent again, under the same GUID.
    ///
    /// <https://docs.github.com/en/rest/apps/webhooks#redeliver-a-delivery-for-an-app-webhook>
    pub async fn redeliver(&self, attempt: u64) -> Result<(), GitHubError> {
        let path = format!("/app/hook/deliveries/{attempt}/attempts");
        self.as_app(&Request::new(Method::POST, path, None)).await.map(drop)
    }
}
