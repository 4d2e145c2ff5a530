//! The app, its installations, its tokens and its deliveries.

use serde_json::{Value, json};

use super::{View, maybe_time, node_id, time};
use crate::state::{AccountKind, App, Delivery, Grant, Id, Installation, Repo};

/// The description of the first app.
const DESCRIPTION: &str = "Plans a labelled issue, opens a pull request for every step, and verifies each one.";

impl View<'_> {
    /// The app of a check.
    pub(crate) fn app_of(self, id: Id) -> Value {
        let actions = Some(&self.state.actions).filter(|actions| actions.id == id);
        self.app(actions.or_else(|| self.state.app_by_id(id)).unwrap_or(&self.state.app))
    }

    /// An app in its public form.
    pub(crate) fn app(self, app: &App) -> Value {
        let (description, url) = app.registration.as_ref().map_or_else(
            || (Some(DESCRIPTION.to_owned()), self.urls.web("/")),
            |registered| (registered.description.clone(), registered.url.clone()),
        );
        json!({
            "id": app.id, "slug": app.slug, "node_id": node_id("A", app.id), "client_id": app.client_id(),
            "owner": self.account(app.owner), "name": app.name,
            "description": description, "external_url": url, "html_url": self.urls.web(&format!("/apps/{}", app.slug)),
            "created_at": time(app.created_at), "updated_at": time(app.created_at),
            "permissions": app.permissions, "events": app.events,
        })
    }

    /// An app in the form for itself.
    pub(crate) fn own_app(self, app: &App) -> Value {
        let mut shown = self.app(app);
        let own = self.state.installations.iter().filter(|all| all.app == app.id);
        shown["installations_count"] = json!(own.count());
        shown
    }

    /// The settings of an app's webhook.
    pub(crate) fn hook_config(self, app: Id) -> Value {
        let hook = self.state.hook_of(app);
        let mut config = json!({
            "content_type": hook.content_type.name(),
            "insecure_ssl": if hook.insecure_ssl { "1" } else { "0" },
        });
        if let Some(url) = self.state.hook_url_of(app) {
            config["url"] = json!(url);
        }
        if hook.secret.is_some() {
            // A secret is never shown, not even to the person who set it.
            config["secret"] = json!("********");
        }
        config
    }

    /// An installation.
    pub(crate) fn installation(self, installation: &Installation) -> Value {
        let account = self.state.account(installation.account);
        let app = self.state.app_behind(installation.id);
        let page = match account.kind {
            AccountKind::Organization => {
                format!("/organizations/{}/settings/installations/{}", account.login, installation.id)
            }
            AccountKind::User | AccountKind::Bot => format!("/settings/installations/{}", installation.id),
        };
        let mut suspended_by = self.maybe_account(installation.suspended.map(|suspension| suspension.by));
        // In GitHub's description this account lacks the field.
        if let Some(account) = suspended_by.as_object_mut() {
            account.remove("user_view_type");
        }
        json!({
            "id": installation.id, "account": self.account(installation.account),
            "repository_selection": installation.selection.name(),
            "access_tokens_url": self.urls.api(&format!("/app/installations/{}/access_tokens", installation.id)),
            "repositories_url": self.urls.api("/installation/repositories"),
            "html_url": self.urls.web(&page),
            "app_id": app.id, "app_slug": app.slug, "target_id": account.id, "target_type": account.kind.as_str(),
            "permissions": installation.permissions, "events": app.events,
            "created_at": time(installation.created_at), "updated_at": time(installation.updated_at),
            "single_file_name": null, "has_multiple_single_files": false, "single_file_paths": [],
            "suspended_by": suspended_by,
            "suspended_at": maybe_time(installation.suspended.map(|suspension| suspension.at)),
        })
    }

    /// A repository in the events of installations.
    pub(crate) fn repo_in_installation(self, repo: &Repo) -> Value {
        json!({
            "id": repo.id, "node_id": node_id("R", repo.id), "name": repo.name, "full_name": self.full_name(repo),
            "private": repo.private,
        })
    }

    /// Whether a token covers all repositories of its account.
    pub(crate) fn selection_of(self, grant: &Grant) -> &'static str {
        let installation = self.state.installation(grant.installation).filter(|_| grant.repositories.is_none());
        installation.map_or("selected", |installation| installation.selection.name())
    }

    /// A new token.
    pub(crate) fn access_token(self, token: &str, grant: &Grant) -> Value {
        let mut answer = json!({
            "token": token, "expires_at": time(grant.expires_at), "permissions": grant.permissions,
            "repository_selection": self.selection_of(grant),
        });
        if let Some(repositories) = &grant.repositories {
            answer["repositories"] = repositories.iter().map(|id| self.repo(self.state.repo_by_id(*id))).collect();
        }
        answer
    }
}

/// A delivery in the list.
pub(crate) fn listed_delivery(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id, "guid": delivery.guid, "delivered_at": time(delivery.delivered_at),
        "redelivery": delivery.redelivery, "duration": delivery.seconds, "status": delivery.status,
        "status_code": delivery.status_code, "event": delivery.event, "action": delivery.action,
        "installation_id": delivery.installation, "repository_id": delivery.repository, "throttled_at": null,
    })
}

/// A delivery with its request and response.
pub(crate) fn whole_delivery(delivery: &Delivery) -> Value {
    let mut answer = listed_delivery(delivery);
    answer["url"] = json!(delivery.url);
    let payload: Value = serde_json::from_slice(&delivery.body).unwrap_or_default();
    answer["request"] = json!({ "headers": delivery.request_headers, "payload": payload });
    answer["response"] = json!({ "headers": delivery.response_headers, "payload": delivery.response_body });
    answer
}
