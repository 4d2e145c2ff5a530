//! Installation tokens. They are minted one at a time, cached until shortly before they expire, and limited to their
//! purpose.
//!
//! Tokens are opaque and of any length. They are never logged, and they leave this process only as a header or as git's
//! password.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app>

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    error::GitHubError,
    transport::{Request, Transport},
};

/// A token is not used in the last minutes before it expires, so that work that starts with it can finish with it.
const MARGIN: TimeDelta = TimeDelta::minutes(5);

/// The scope of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// All permissions of the installation, for the gateway's own calls.
    Installation,
    /// Reading and pushing the contents of one repository.
    Contents { repository: u64, workflows: bool },
}

type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The tokens of all installations.
#[derive(Default)]
pub(crate) struct Tokens {
    slots: Mutex<HashMap<(u64, Scope), Slot>>,
}

struct Token {
    secret: SecretString,
    expires_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Minted {
    token: String,
    expires_at: DateTime<Utc>,
}

impl Tokens {
    /// A valid token, minted if needed. Callers that arrive while one is being minted wait for it.
    pub(crate) async fn get(
        &self,
        transport: &Transport,
        installation: u64,
        scope: Scope,
    ) -> Result<SecretString, GitHubError> {
        let slot = self.slot(installation, scope);
        let mut held = slot.lock().await;
        if let Some(token) = held.as_ref().filter(|token| token.expires_at - Utc::now() > MARGIN) {
            return Ok(token.secret.clone());
        }
        let path = format!("/app/installations/{installation}/access_tokens");
        let request = Request::new(Method::POST, path, Some(scope.body()));
        let minted: Minted = match transport.send(&request, Some(&transport.app_token()?)).await?.ok() {
            Ok(answer) => answer.json()?,
            Err(error) => return Err(no_access(installation, scope, error)),
        };
        tracing::debug!(installation, ?scope, expires_at = %minted.expires_at, "minted an installation token");
        let secret = SecretString::from(minted.token);
        *held = Some(Token { secret: secret.clone(), expires_at: minted.expires_at });
        Ok(secret)
    }

    /// Drops a token that GitHub refused, unless it was replaced already.
    pub(crate) async fn forget(&self, installation: u64, scope: Scope, refused: &SecretString) {
        let slot = self.slot(installation, scope);
        let mut held = slot.lock().await;
        if held.as_ref().is_some_and(|token| token.secret.expose_secret() == refused.expose_secret()) {
            *held = None;
        }
    }

    /// Drops all tokens for the contents of one repository, so that the next one is minted.
    pub(crate) async fn forget_contents(&self, of: u64) {
        let slots: Vec<Slot> = {
            let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let for_it = |scope: &Scope| matches!(scope, Scope::Contents { repository, .. } if *repository == of);
            slots.iter().filter(|((_, scope), _)| for_it(scope)).map(|(_, slot)| Arc::clone(slot)).collect()
        };
        for slot in slots {
            *slot.lock().await = None;
        }
    }

    fn slot(&self, installation: u64, scope: Scope) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry((installation, scope)).or_default())
    }
}

/// The error for a refused token. It differs from "not found", so that no caller concludes that a comment or branch was
/// deleted.
fn no_access(installation: u64, scope: Scope, error: GitHubError) -> GitHubError {
    let message = match (&error, scope) {
        (GitHubError::NotFound { .. } | GitHubError::Gone { .. }, _) => {
            format!("the app's installation {installation} was deleted; install the app on the repository again")
        }
        // 422 "There is at least one repository that does not exist or is not accessible to the parent installation."
        (GitHubError::Validation { message }, Scope::Contents { workflows: false, .. }) => {
            format!(
                "the app's installation {installation} does not cover the repository, or was not granted all that the app asks for \
                 ({message})"
            )
        }
        (GitHubError::Forbidden { message }, Scope::Installation) => {
            format!("the app's installation {installation} is not to be used: {message}")
        }
        (GitHubError::NoAccess { message }, _) => format!("the app's installation {installation}: {message}"),
        _ => return error,
    };
    GitHubError::NoAccess { message }
}

impl Scope {
    fn body(self) -> Value {
        match self {
            Self::Installation => json!({}),
            Self::Contents { repository, workflows: false } => {
                json!({ "repository_ids": [repository], "permissions": { "contents": "write" } })
            }
            Self::Contents { repository, workflows: true } => {
                json!({ "repository_ids": [repository], "permissions": { "contents": "write", "workflows": "write" } })
            }
        }
    }
}
