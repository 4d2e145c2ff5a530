//! Webhooks: one delivery for every event, sent once and at once, in no guaranteed order.
//!
//! In: an [`Event`]. Its payload is made from the model at that moment. Out: a signed POST to the app's only hook URL,
//! and a [`Delivery`] that stores request and response. Neither GitHub nor the playground retries by itself.
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads>

mod faults;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    app_state::AppState,
    state::{AccountKind, Delivery, Id, State},
    view::View,
};

/// GitHub gives a receiver ten seconds. <https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks>
const TIMEOUT: Duration = Duration::from_secs(10);

/// The status of a delivery without an answer yet.
pub(crate) const PENDING: &str = "pending";

/// The status of a delivery whose receiver could not be reached.
pub(crate) const UNREACHABLE: &str = "failed to connect to host";

/// The status codes by which deliveries are filtered: 400 to 599 is a failure.
/// <https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook>
pub(crate) const UNREACHABLE_CODE: u16 = 502;
const TIMED_OUT_CODE: u16 = 504;

/// The largest payload, in bytes. A larger one is not delivered.
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap>
const LARGEST: usize = 25 * 1024 * 1024;

/// How long a delivery can be seen and redelivered.
/// <https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries>
const RETENTION: TimeDelta = TimeDelta::days(3);

/// How much of a receiver's answer is stored, in characters.
const BODY_KEPT: usize = 10_000;

/// The events that an app gets without a subscription.
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#installation>
const ALWAYS: [&str; 5] =
    ["github_app_authorization", "installation", "installation_repositories", "installation_target", "ping"];

/// After these events, auto-merge may be possible.
const DECIDING: [&str; 8] = [
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "pull_request",
    "pull_request_review",
    "pull_request_review_thread",
    "repository_ruleset",
    "status",
];

/// An event in a repository.
pub(crate) struct Event {
    /// The `X-GitHub-Event`.
    pub(crate) name: &'static str,
    pub(crate) action: Option<&'static str>,
    pub(crate) repo: Id,
    pub(crate) sender: Id,
    /// The members of this kind of event, besides the common ones.
    pub(crate) fields: Value,
}

impl Event {
    /// The app that owns the check, if only that app gets the event, because it asks that app for something.
    /// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#check_suite>
    fn addressee(&self, state: &State) -> Option<Id> {
        let (kind, asks) = match self.name {
            "check_suite" => ("check_suite", ["requested", "rerequested"]),
            "check_run" => ("check_run", ["requested_action", "rerequested"]),
            _ => return None,
        };
        let app =
            self.fields[kind]["app"]["id"].as_u64().filter(|_| self.action.is_some_and(|all| asks.contains(&all)))?;
        state.app_by_id(app).map(|app| app.id)
    }
}

impl State {
    /// The stored deliveries within the retention time, newest first.
    pub(crate) fn recent_deliveries(&self) -> impl Iterator<Item = &Delivery> {
        let since = self.now() - RETENTION;
        self.deliveries.iter().rev().take_while(move |delivery| delivery.delivered_at > since)
    }

    /// One of them by id.
    pub(crate) fn recent_delivery(&self, id: Id) -> Option<&Delivery> {
        self.deliveries.find(id).filter(|delivery| delivery.delivered_at > self.now() - RETENTION)
    }
}

impl AppState {
    /// Sends the event to the apps that are installed on the repository and have a hook URL.
    pub(crate) fn announce(self: &Arc<Self>, state: &mut State, event: Event) {
        self.start_workflows(state, &event);
        if DECIDING.contains(&event.name) {
            self.nudge(state, event.repo);
        }
        // A suspended app only gets events of its installations.
        let here = state.installations_of(event.repo).filter(|all| all.suspended.is_none());
        let meant = event.addressee(state);
        let here: Vec<Id> = here.filter(|all| meant.is_none_or(|app| app == all.app)).map(|all| all.id).collect();
        if here.is_empty() {
            return;
        }
        let view = View::new(state, &self.urls);
        let repo = state.repo_by_id(event.repo);
        let mut payload = json!({
            "repository": view.repo(repo), "sender": view.account(event.sender),
        });
        if state.account(repo.owner).kind == AccountKind::Organization {
            payload["organization"] = view.organization(repo.owner);
        }
        if let Some(action) = event.action {
            payload["action"] = json!(action);
        }
        super::view::merge(&mut payload, event.fields);
        for installation in here {
            payload["installation"] =
                json!({ "id": installation, "node_id": super::view::node_id("INS", installation) });
            self.deliver(state, event.name, Some(event.repo), installation, &payload);
        }
    }

    /// Sends a complete webhook, if the app subscribes to it and has a hook URL.
    pub(super) fn deliver(
        self: &Arc<Self>,
        state: &mut State,
        event: &str,
        repository: Option<Id>,
        installation: Id,
        payload: &Value,
    ) {
        let app = state.app_behind(installation).id;
        self.deliver_to(state, app, event, repository, Some(installation), payload);
    }

    /// The same for an app that need not be installed.
    pub(super) fn deliver_to(
        self: &Arc<Self>,
        state: &mut State,
        app: Id,
        event: &str,
        repository: Option<Id>,
        installation: Option<Id>,
        payload: &Value,
    ) {
        if let Some(observer) = &self.observer {
            observer.sent(event, payload);
        }
        if !ALWAYS.contains(&event) && !state.subscribes(app, event) {
            return;
        }
        let Some(url) = state.hook_url_of(app) else { return };
        let body = payload.to_string();
        if body.len() > LARGEST {
            tracing::info!(event, bytes = body.len(), "a webhook is too large to be delivered");
            return;
        }
        let action = payload.get("action").and_then(Value::as_str).map(str::to_owned);
        let delivery = Delivery {
            // The id is assigned when it is sent.
            id: 0,
            app,
            guid: uuid::Uuid::new_v4().to_string(),
            event: event.to_owned(),
            action,
            installation,
            repository,
            redelivery: false,
            delivered_at: state.now(),
            url,
            request_headers: BTreeMap::new(),
            // Without the spare capacity of the text, because it is stored for days.
            body: body.into_boxed_str().into_boxed_bytes().into(),
            seconds: 0.0,
            status_code: 0,
            status: PENDING.to_owned(),
            response_headers: BTreeMap::new(),
            response_body: String::new(),
        };
        self.dispatch(state, delivery);
    }

    /// Sends a delivery again, under the same GUID, as a new delivery. Returns whether it is still stored.
    pub(crate) fn redeliver(self: &Arc<Self>, state: &mut State, id: Id) -> bool {
        let Some(found) = state.recent_delivery(id) else { return false };
        let mut delivery = found.clone();
        delivery.redelivery = true;
        (delivery.status_code, delivery.status) = (0, PENDING.to_owned());
        delivery.response_headers.clear();
        delivery.response_body.clear();
        if let Some(url) = state.hook_url_of(delivery.app) {
            delivery.url = url;
        }
        self.dispatch(state, delivery);
        true
    }

    /// Adds a delivery to the list, signed and timed as of now, and returns its id.
    pub(crate) fn enter(state: &mut State, mut delivery: Delivery) -> Id {
        delivery.id = state.new_id();
        delivery.delivered_at = state.now();
        delivery.request_headers = Self::headers(state, &delivery, &state.hook_of(delivery.app).wire(&delivery.body));
        let id = delivery.id;
        state.deliveries.push(delivery);
        id
    }

    /// Sends a delivery.
    pub(crate) fn transmit(self: &Arc<Self>, state: &mut State, delivery: Delivery) {
        let (body, url) = (state.hook_of(delivery.app).wire(&delivery.body), delivery.url.clone());
        let id = Self::enter(state, delivery);
        let headers = state.deliveries.back().map(|entered| entered.request_headers.clone()).unwrap_or_default();
        let app_state = self.clone();
        self.spawn(async move {
            let started = Instant::now();
            let mut request = app_state.client.post(&url).timeout(TIMEOUT).body(body);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let answer = receive(request).await;
            app_state.record(id, started.elapsed(), answer);
        });
    }

    fn headers(state: &State, delivery: &Delivery, body: &[u8]) -> BTreeMap<String, String> {
        let app = state.app_by_id(delivery.app).unwrap_or(&state.app);
        let hook = state.hook_of(delivery.app);
        [
            ("Accept", "*/*".to_owned()),
            ("Content-Type", hook.content_type.header().to_owned()),
            ("User-Agent", "GitHub-Hookshot/9c1d5a3".to_owned()),
            ("X-GitHub-Delivery", delivery.guid.clone()),
            ("X-GitHub-Event", delivery.event.clone()),
            ("X-GitHub-Hook-ID", app.hook_id.to_string()),
            ("X-GitHub-Hook-Installation-Target-ID", app.id.to_string()),
            ("X-GitHub-Hook-Installation-Target-Type", "integration".to_owned()),
            ("X-GitHub-Enterprise-Version", crate::view::GHES_VERSION.to_owned()),
        ]
        .into_iter()
        .chain(hook.signatures(body))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    fn record(self: &Arc<Self>, id: Id, took: Duration, answer: HookResponse) {
        let mut state = self.state();
        state.deliveries.change(id, |delivery| {
            delivery.seconds = (took.as_secs_f64() * 100.0).round() / 100.0;
            delivery.status_code = answer.code;
            delivery.status = answer.status;
            delivery.response_headers = answer.headers;
            delivery.response_body = answer.body;
        });
        self.sent(&mut state, id);
    }
}

struct HookResponse {
    code: u16,
    status: String,
    headers: BTreeMap<String, String>,
    body: String,
}

async fn receive(request: reqwest::RequestBuilder) -> HookResponse {
    // GitHub shows a gateway's status codes, although no gateway answered.
    let failed = |code: u16, status: &str| HookResponse {
        code,
        status: status.to_owned(),
        headers: BTreeMap::new(),
        body: String::new(),
    };
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_timeout() => return failed(TIMED_OUT_CODE, "timed out"),
        Err(error) => {
            tracing::debug!(%error, "a webhook could not be delivered");
            return failed(UNREACHABLE_CODE, UNREACHABLE);
        }
    };
    let status = response.status();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let body = response.text().await.unwrap_or_default().chars().take(BODY_KEPT).collect();
    let word =
        if status.is_success() { "OK".to_owned() } else { format!("Invalid HTTP Response: {}", status.as_u16()) };
    HookResponse { code: status.as_u16(), status: word, headers, body }
}
