//! GitHub's list of the webhooks that it sent to the app.

use chrono::{DateTime, Utc};
use http::Method;
use serde::Deserialize;

use super::{client::GitHub, error::GitHubError, transport::Request};

/// The most pages of a hundred that are read. Further missed deliveries are requested in a later round.
const MOST_PAGES: usize = 20;

/// One attempt to deliver a webhook.
///
/// <https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AppDelivery {
    /// The attempt's id. A redelivery has a new one.
    pub id: u64,
    /// The delivery's GUID, which is the same for all attempts.
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
    /// The failed attempts of the last days, newest first, at most two thousand.
    pub async fn failed_deliveries(&self) -> Result<Vec<AppDelivery>, GitHubError> {
        let mut found = Vec::new();
        // A server that does not know the filter lists all attempts, so the result is filtered again.
        let mut next = Some("/app/hook/deliveries?per_page=100&status=failure".to_owned());
        for _ in 0..MOST_PAGES {
            let Some(path) = next else { break };
            let answer = self.as_app(&Request::get(path)).await?;
            next = answer.next_page();
            found.extend(answer.json::<Vec<AppDelivery>>()?.into_iter().filter(AppDelivery::failed));
        }
        Ok(found)
    }

    /// Requests that a delivery is sent again, under the same GUID.
    ///
    /// <https://docs.github.com/en/rest/apps/webhooks#redeliver-a-delivery-for-an-app-webhook>
    pub async fn redeliver(&self, attempt: u64) -> Result<(), GitHubError> {
        let path = format!("/app/hook/deliveries/{attempt}/attempts");
        self.as_app(&Request::new(Method::POST, path, None)).await.map(drop)
    }
}
