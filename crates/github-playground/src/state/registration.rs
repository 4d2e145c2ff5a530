//! Apps that were registered later: pending manifests, codes, and tokens of users.

use serde::Deserialize;

use super::{App, Id, Installation, Permissions, State, Time};
use crate::hook::Hook;

/// The data of an app that was registered from a manifest. The first app's are files, for the caller that started the
/// playground.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    /// The public half of its key, in DER.
    pub(crate) key: Vec<u8>,
    pub(crate) hook_url: Option<String>,
    pub(crate) hook: Hook,
    pub(crate) description: Option<String>,
    pub(crate) url: String,
}

/// The posted manifest of an app.
/// <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest#github-app-manifest-parameters>
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) name: Option<String>,
    pub(crate) url: String,
    pub(crate) hook_attributes: Option<HookAttributes>,
    pub(crate) redirect_url: Option<String>,
    #[serde(default)]
    pub(crate) callback_urls: Vec<String>,
    pub(crate) setup_url: Option<String>,
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) default_events: Vec<String>,
    #[serde(default)]
    pub(crate) default_permissions: Permissions,
}

/// The webhook settings of a manifest.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct HookAttributes {
    pub(crate) url: String,
    #[serde(default = "active")]
    pub(crate) active: bool,
}

fn active() -> bool {
    true
}

/// A manifest that an owner agreed to, until it is converted.
#[derive(Debug, Clone)]
pub(crate) struct Agreed {
    pub(crate) manifest: Manifest,
    pub(crate) name: String,
    pub(crate) owner: Id,
    pub(crate) at: Time,
}

/// A code that an app exchanges for a user's token.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) app: Id,
    pub(crate) user: Id,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) at: Time,
}

/// A user's authorisation for an app. The token expires before the refresh token.
#[derive(Debug, Clone)]
pub(crate) struct UserGrant {
    pub(crate) id: Id,
    pub(crate) app: Id,
    pub(crate) user: Id,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
    pub(crate) created_at: Time,
    pub(crate) expires_at: Time,
    pub(crate) refresh_expires_at: Time,
}

impl State {
    /// All apps, the first one first.
    pub(crate) fn apps(&self) -> impl Iterator<Item = &App> {
        std::iter::once(&self.app).chain(self.registered.values())
    }

    /// An app by id.
    pub(crate) fn app_by_id(&self, id: Id) -> Option<&App> {
        self.apps().find(|app| app.id == id)
    }

    /// An app by its client id.
    pub(crate) fn app_by_client(&self, client: &str) -> Option<&App> {
        self.apps().find(|app| app.client_id() == client)
    }

    /// The app of an installation; the first app if the installation was deleted.
    pub(crate) fn app_behind(&self, installation: Id) -> &App {
        let found = self.installation(installation).and_then(|installation| self.app_by_id(installation.app));
        found.unwrap_or(&self.app)
    }

    /// The app whose bot acts.
    pub(crate) fn app_acting(&self, bot: Id) -> Id {
        self.apps().find(|app| app.bot == bot).map_or(self.app.id, |app| app.id)
    }

    /// The app whose bot an account is, if it is one. Actions is also an app.
    pub(crate) fn app_of_bot(&self, account: Id) -> Option<Id> {
        self.apps().chain([&self.actions]).find(|app| app.bot == account).map(|app| app.id)
    }

    /// Whether an app subscribes to an event.
    pub(crate) fn subscribes(&self, app: Id, event: &str) -> bool {
        self.app_by_id(app).is_some_and(|app| app.events.iter().any(|subscribed| subscribed == event))
    }

    /// The installations that cover a repository, one for each app.
    pub(crate) fn installations_of(&self, repo: Id) -> impl Iterator<Item = &Installation> {
        let repo = self.repos.get(&repo);
        self.installations.iter().filter(move |all| repo.is_some_and(|repo| all.reaches(repo)))
    }

    /// The URL of an app's webhooks.
    pub(crate) fn hook_url_of(&self, app: Id) -> Option<String> {
        match self.registered.get(&app).and_then(|app| app.registration.as_ref()) {
            Some(registration) => registration.hook_url.clone(),
            None => self.webhook_url.clone(),
        }
    }

    /// Sets the URL of an app's webhooks.
    pub(crate) fn set_hook_url(&mut self, app: Id, url: String) {
        match self.registered.get_mut(&app).and_then(|app| app.registration.as_mut()) {
            Some(registration) => registration.hook_url = Some(url),
            None => self.webhook_url = Some(url),
        }
    }

    /// The encoding and signature of an app's webhooks.
    pub(crate) fn hook_of(&self, app: Id) -> &Hook {
        self.registered.get(&app).and_then(|app| app.registration.as_ref()).map_or(&self.hook, |own| &own.hook)
    }

    /// The same, mutable.
    pub(crate) fn hook_of_mut(&mut self, app: Id) -> &mut Hook {
        match self.registered.get_mut(&app).and_then(|app| app.registration.as_mut()) {
            Some(registration) => &mut registration.hook,
            None => &mut self.hook,
        }
    }

    /// The authorisation of a user's token for an app, while it is valid.
    pub(crate) fn user_grant(&self, token: &str) -> Option<&UserGrant> {
        self.user_grants.iter().find(|grant| grant.token == token && grant.expires_at > self.now())
    }
}
