//! Asks GitHub to send deliveries again that could not be stored.
//!
//! GitHub does not resend a failed delivery by itself. It keeps it for three days (a GitHub Enterprise Server for
//! seven), lists it, and sends it again under the same GUID on request
//! (<https://docs.github.com/en/webhooks/using-webhooks/automatically-redelivering-failed-deliveries-for-a-github-app-webhook>).
//! A delivery that is in the inbox is never requested. A missing one is requested a few times, at growing intervals,
//! and by one process only; the store ensures this.

use std::collections::BTreeMap;

use super::app::App;
use crate::github::AppDelivery;
use crate::store::StoreError;

/// How many deliveries are requested in one round. The rest waits for the next.
const ROUND: usize = 200;

/// Requests all missed deliveries. If GitHub cannot be reached, that is only logged, because the next round tries
/// again.
pub(super) async fn ask(app: &App) -> Result<(), StoreError> {
    let failed = match app.github.failed_deliveries().await {
        Ok(failed) => failed,
        Err(error) => {
            tracing::warn!(%error, "GitHub could not be asked for deliveries that failed");
            return Ok(());
        }
    };
    let mut asked = 0;
    for delivery in oldest_first(failed) {
        if asked == ROUND {
            break;
        }
        if !app.store.may_ask_again(&delivery.guid).await? {
            continue;
        }
        asked += 1;
        match app.github.redeliver(delivery.id).await {
            Ok(()) => {
                tracing::info!(guid = delivery.guid, event = delivery.event, "asked GitHub for a missed delivery");
            }
            Err(error) => tracing::warn!(%error, guid = delivery.guid, "GitHub did not take the request to redeliver"),
        }
    }
    Ok(())
}

/// The newest attempt of each delivery, in the order in which the deliveries were first sent: a label comes before the
/// comment about it.
fn oldest_first(failed: Vec<AppDelivery>) -> Vec<AppDelivery> {
    let mut by_guid: BTreeMap<String, (AppDelivery, chrono::DateTime<chrono::Utc>)> = BTreeMap::new();
    for delivery in failed {
        let entry = by_guid.entry(delivery.guid.clone()).or_insert_with(|| (delivery.clone(), delivery.delivered_at));
        entry.1 = entry.1.min(delivery.delivered_at);
        if delivery.delivered_at > entry.0.delivered_at {
            entry.0 = delivery;
        }
    }
    let mut all: Vec<_> = by_guid.into_values().collect();
    all.sort_by_key(|(_, first)| *first);
    all.into_iter().map(|(delivery, _)| delivery).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn delivery(id: u64, guid: &str, at: i64) -> AppDelivery {
        let delivered_at = DateTime::from_timestamp(at, 0).unwrap();
        AppDelivery { id, guid: guid.to_owned(), event: "issues".to_owned(), delivered_at, status_code: 502 }
    }

    #[test]
    fn each_delivery_is_requested_once_in_the_order_of_the_first_attempts() {
        let failed = vec![delivery(3, "label", 30), delivery(2, "comment", 20), delivery(1, "label", 10)];
        let asked: Vec<u64> = oldest_first(failed).into_iter().map(|delivery| delivery.id).collect();
        assert_eq!(asked, [3, 2]);
    }
}
