//! Fault injection for webhooks, before a delivery is sent.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{UNREACHABLE, UNREACHABLE_CODE};
use crate::{
    app_state::AppState,
    faults::{DeliveryAct, Held, Until},
    state::{Delivery, Id, State},
};

/// A held delivery is sent after this time at the latest.
const HELD_AT_MOST: Duration = Duration::from_secs(10);

impl AppState {
    /// Sends a delivery, or applies the act of a rule to it.
    pub(crate) fn dispatch(self: &Arc<Self>, state: &mut State, mut delivery: Delivery) {
        if !self.faults.is_on() {
            return self.transmit(state, delivery);
        }
        let about = about(&delivery);
        match self.faults.delivery(state.now(), &delivery, &about) {
            None => self.transmit(state, delivery),
            Some(DeliveryAct::Drop) => {}
            Some(DeliveryAct::Fail) => {
                UNREACHABLE.clone_into(&mut delivery.status);
                delivery.status_code = UNREACHABLE_CODE;
                Self::enter(state, delivery);
            }
            Some(DeliveryAct::Duplicate { new_guid }) => {
                self.transmit(state, delivery.clone());
                if new_guid {
                    delivery.guid = uuid::Uuid::new_v4().to_string();
                }
                self.transmit(state, delivery);
            }
            Some(DeliveryAct::Delay { ms }) => {
                let app_state = self.clone();
                self.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    app_state.transmit(&mut app_state.state(), delivery);
                });
            }
            Some(DeliveryAct::Reorder { behind }) => self.hold(state, delivery, Until::Behind(behind)),
            Some(DeliveryAct::Stale) => self.hold(state, delivery, Until::About(about)),
        }
    }

    fn hold(self: &Arc<Self>, state: &mut State, delivery: Delivery, until: Until) {
        let since = state.new_id();
        self.faults.hold(Held { since, delivery, until });
        let app_state = self.clone();
        self.spawn(async move {
            tokio::time::sleep(HELD_AT_MOST).await;
            let mut state = app_state.state();
            app_state.release(&mut state, |held| held.since == since);
        });
    }

    /// Called when a delivery was sent or has failed. Deliveries that waited for it follow.
    pub(crate) fn sent(self: &Arc<Self>, state: &mut State, delivery: Id) {
        if !self.faults.is_on() || !self.faults.holds_any() {
            return;
        }
        let sent = state.deliveries.find(delivery).map(about).unwrap_or_default();
        self.release(state, |held| {
            held.since < delivery
                && match &mut held.until {
                    Until::Behind(left) => {
                        *left = left.saturating_sub(1);
                        *left == 0
                    }
                    Until::About(about) => *about == sent,
                }
        });
    }

    fn release(self: &Arc<Self>, state: &mut State, due: impl FnMut(&mut Held) -> bool) {
        for held in self.faults.take_held(due) {
            self.transmit(state, held.delivery);
        }
    }

    /// Removes all rules and sends the deliveries that were held back.
    pub(crate) fn clear_faults(self: &Arc<Self>) {
        let mut state = self.state();
        for delivery in self.faults.end() {
            self.transmit(&mut state, delivery);
        }
    }
}

/// The subject of a delivery: the issue or pull request, the check, or the ref; else its event.
fn about(delivery: &Delivery) -> String {
    let payload: Value = serde_json::from_slice(&delivery.body).unwrap_or_default();
    let repository = payload["repository"]["full_name"].as_str().unwrap_or_default();
    let numbered = ["issue", "pull_request"].iter().find_map(|name| payload[*name]["number"].as_u64());
    if let Some(number) = numbered {
        return format!("{repository}#{number}");
    }
    let identified = ["check_run", "check_suite"].iter().find_map(|name| Some((*name, payload[*name]["id"].as_u64()?)));
    if let Some((name, id)) = identified {
        return format!("{repository} {name} {id}");
    }
    match payload["ref"].as_str() {
        Some(name) => {
            format!("{repository} {}", name.trim_start_matches("refs/heads/").trim_start_matches("refs/tags/"))
        }
        None => format!("{repository} {}", delivery.event).trim_start().to_owned(),
    }
}
