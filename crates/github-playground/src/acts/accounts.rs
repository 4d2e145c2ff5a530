//! Renames an account and pings a hook, with the webhooks that inform apps.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    app_state::AppState,
    state::{AccountKind, Id, State},
    view::{View, merge, node_id, time},
};

/// A sentence of the Zen of GitHub. <https://docs.github.com/en/rest/meta/meta#get-the-zen-of-github>
pub(crate) const ZEN: &str = "Design for failure.";

impl AppState {
    /// Renames an account. Its repositories are also found under the old name until somebody takes that name. Apps that
    /// are installed there get a webhook. Returns whether the name was free.
    /// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#installation_target>
    pub(crate) fn rename_account(self: &Arc<Self>, state: &mut State, account: Id, login: &str) -> bool {
        if state.account_by_login(login).is_some() {
            return false;
        }
        let old = state.account(account).login.clone();
        let repos = state.repos.values().filter(|repo| repo.owner == account);
        let places: Vec<_> = repos.map(|repo| (state.place(account, &repo.name), repo.id)).collect();
        state.moved.extend(places);
        if let Some(found) = state.accounts.get_mut(&account) {
            login.clone_into(&mut found.login);
        }
        let here = state.installations.iter().filter(|all| all.account == account).map(|all| all.id);
        for installation in here.collect::<Vec<Id>>() {
            let payload = target_renamed(self, state, account, installation, &old);
            self.deliver(state, "installation_target", None, installation, &payload);
        }
        true
    }

    /// Sends the first delivery to an app's new hook.
    /// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#ping>
    pub(crate) fn ping(self: &Arc<Self>, state: &mut State, app: Id) {
        let config = View::new(state, &self.urls).hook_config(app);
        let Some(found) = state.app_by_id(app) else { return };
        let hook = json!({
            "type": "App", "id": found.hook_id, "name": "web", "active": true, "events": found.events, "config": config,
            "created_at": time(found.created_at), "updated_at": time(state.now()), "app_id": app,
            "deliveries_url": self.urls.api("/app/hook/deliveries"),
        });
        let payload = json!({ "zen": ZEN, "hook_id": found.hook_id, "hook": hook });
        self.deliver_to(state, app, "ping", None, None, &payload);
    }
}

fn target_renamed(app_state: &AppState, state: &State, account: Id, installation: Id, old: &str) -> Value {
    let view = View::new(state, &app_state.urls);
    let is_organization = state.account(account).kind == AccountKind::Organization;
    let mut target = if is_organization { view.organization(account) } else { view.account(account) };
    if is_organization {
        // Only the schema of this event requires a `description` of null.
        merge(
            &mut target,
            json!({ "description": null, "html_url": app_state.urls.web(&format!("/{}", state.account(account).login)) }),
        );
    }
    let mut payload = json!({
        "action": "renamed", "account": target, "changes": { "login": { "from": old } },
        "target_type": state.account(account).kind.as_str(), "sender": view.account(state.owner_of(account)),
        "installation": { "id": installation, "node_id": node_id("INS", installation) },
    });
    if is_organization {
        payload["organization"] = view.organization(account);
    }
    payload
}
