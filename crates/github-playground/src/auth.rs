//! Authentication: a user by token, the app by a JSON Web Token, an installation by a minted token, or anonymous.
//!
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>

use axum::http::{HeaderMap, StatusCode, header};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::Utc;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    app_state::AppState,
    error::ApiError,
    keys::random_hex,
    state::{Access, Grant, Id, Permissions, Repo, Scope, State},
};

/// The caller of a request, according to its `Authorization` header.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    Anonymous,
    User(Id),
    /// The app itself, which may only read its own data and mint tokens.
    App(Id),
    Installation(Grant),
}

impl Caller {
    /// Reads the `Authorization` header: `token`, `Bearer`, or `Basic` with the token as the password.
    pub(crate) fn identify(app_state: &AppState, headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(header) = headers.get(header::AUTHORIZATION) else {
            return Ok(Self::Anonymous);
        };
        let header = header.to_str().map_err(|_| ApiError::bad_credentials())?;
        Self::of_header(app_state, header)
    }

    /// The same for the header's value.
    pub(crate) fn of_header(app_state: &AppState, header: &str) -> Result<Self, ApiError> {
        Self::of_token(app_state, &bearer(header).ok_or_else(ApiError::bad_credentials)?)
    }

    fn of_token(app_state: &AppState, token: &str) -> Result<Self, ApiError> {
        {
            let mut state = app_state.state();
            if let Some(user) = state.user_tokens.get(token) {
                return Ok(Self::User(*user));
            }
            if let Some(grant) = state.user_grant(token) {
                return Ok(Self::User(grant.user));
            }
            if let Some(grant) = state.grants.get(token) {
                if grant.expires_at > state.now() {
                    state.awake(grant.installation)?;
                    return Ok(Self::Installation(grant.clone()));
                }
                state.grants.remove(token);
                return Err(ApiError::bad_credentials());
            }
        }
        if token.matches('.').count() == 2 && !token.starts_with("ghs_") {
            return verify_app_token(app_state, token);
        }
        Err(ApiError::bad_credentials())
    }

    /// The acting account, if there is one.
    pub(crate) fn account(&self, state: &State) -> Option<Id> {
        match self {
            Self::Anonymous | Self::App(_) => None,
            Self::User(id) => Some(*id),
            Self::Installation(grant) => Some(state.app_behind(grant.installation).bot),
        }
    }
}

/// The token in an `Authorization` header.
pub(crate) fn bearer(header: &str) -> Option<String> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let rest = rest.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => Some(rest.to_owned()),
        "basic" => basic_password(rest),
        _ => None,
    }
}

/// The password of a Basic header, or the user name if the password is empty. Git is used in both ways.
fn basic_password(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(if password.is_empty() || password == "x-oauth-basic" { user } else { password }.to_owned())
}

/// The issuer that a token names. It is not verified yet.
fn issuer(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    match serde_json::from_slice::<Value>(&claims).ok()?.get("iss")? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Claims {
    iat: i64,
    exp: i64,
}

/// GitHub's rules: RS256, `iss` the app's id (or client id), `iat` not in the future, `exp` at most ten minutes ahead.
/// <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>
fn verify_app_token(app_state: &AppState, token: &str) -> Result<Caller, ApiError> {
    let refuse = |message: &str| ApiError::new(StatusCode::UNAUTHORIZED, message);
    let undecodable = || refuse("A JSON web token could not be decoded");
    let mut rules = Validation::new(Algorithm::RS256);
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    // The token names the app whose key verifies it. A wrong name fails the verification.
    let issuer = issuer(token).ok_or_else(undecodable)?;
    let (app, key) = {
        let state = app_state.state();
        let app = state.apps().find(|app| app.id.to_string() == issuer || app.client_id() == issuer);
        let app = app.ok_or_else(|| refuse("Integration not found"))?;
        let own = app.registration.as_ref().map(|found| DecodingKey::from_rsa_der(&found.key));
        (app.id, own.unwrap_or_else(|| app_state.app_key.clone()))
    };
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &rules).map_err(|_| undecodable())?.claims;
    // The machine's clock, even if the playground's was moved, because the signer has no other clock.
    let now = Utc::now().timestamp();
    if claims.iat > now {
        return Err(refuse(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        ));
    }
    if claims.exp <= now {
        return Err(refuse(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        ));
    }
    // A tolerance of one minute, because clients set `iat` one minute back against clock drift.
    if claims.exp > now + 660 {
        return Err(refuse("'Expiration time' claim ('exp') is too far in the future"));
    }
    Ok(Caller::App(app))
}

/// The app through which a person acts, if the header has a token that was made for an app.
pub(crate) fn app_of_header(app_state: &AppState, header: &str) -> Option<Id> {
    app_state.state().user_grant(&bearer(header)?).map(|grant| grant.app)
}

impl State {
    /// Whether an app may do this in a repository, with any token.
    /// <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-with-a-github-app-on-behalf-of-a-user>
    pub(crate) fn app_may(&self, app: Id, repo: &Repo, scopes: &[Scope], access: Access) -> bool {
        let installed = self.installations.iter().find(|all| all.app == app && all.reaches(repo));
        let Some(installation) = installed.filter(|all| all.suspended.is_none()) else { return false };
        scopes.iter().any(|scope| {
            let asked = Permissions::from([(*scope, access)]);
            is_subset(&asked, &installation.permissions)
        })
    }

    /// Whether a caller may create and change workflow files: people may, and apps with the permission.
    pub(crate) fn may_write_workflows(&self, caller: &Caller, through: Option<Id>, repo: &Repo) -> bool {
        match (caller, through) {
            (Caller::Installation(grant), _) => self.allows(grant, &[Scope::Workflows], Access::Write),
            (_, Some(app)) => self.app_may(app, repo, &[Scope::Workflows], Access::Write),
            _ => true,
        }
    }

    /// The same for an account that acts later, without a token. All accounts may, except bots of apps without the
    /// permission.
    pub(crate) fn bot_may_write_workflows(&self, account: Id, repo: &Repo) -> bool {
        let app = self.apps().find(|app| app.bot == account);
        app.is_none_or(|app| self.app_may(app.id, repo, &[Scope::Workflows], Access::Write))
    }

    /// Whether a token is valid for a repository.
    pub(crate) fn covers(&self, grant: &Grant, repo: Id) -> bool {
        let installation = self.installation(grant.installation);
        let reached = installation.zip(self.repos.get(&repo)).is_some_and(|(all, repo)| all.reaches(repo));
        reached && grant.repositories.as_ref().is_none_or(|repositories| repositories.contains(&repo))
    }

    /// Whether a token has one of these permissions. Reading metadata is always allowed.
    #[expect(clippy::unused_self, reason = "it reads as a question to the model, beside `covers`")]
    pub(crate) fn allows(&self, grant: &Grant, scopes: &[Scope], access: Access) -> bool {
        scopes.iter().any(|scope| {
            let given = grant.permissions.get(scope).copied();
            given.is_some_and(|given| given >= access) || (*scope == Scope::Metadata && access == Access::Read)
        })
    }

    /// Expires every installation token minted so far, and returns their number.
    pub(crate) fn expire_tokens(&mut self) -> usize {
        let now = self.now();
        for grant in self.grants.values_mut() {
            grant.expires_at = now;
        }
        self.grants.len()
    }

    /// Refuses a token whose installation is suspended. If the installation was deleted, the token is invalid.
    fn awake(&self, installation: Id) -> Result<(), ApiError> {
        let installation = self.installation(installation).ok_or_else(ApiError::bad_credentials)?;
        let Some(suspension) = installation.suspended else { return Ok(()) };
        let owner = &self.account(installation.account).login;
        let since = suspension.at.format("%Y-%m-%dT%H:%M:%SZ");
        let sentence = format!("Sorry. This installation owned by {owner} suspended your access at {since}.");
        Err(ApiError::forbidden(sentence))
    }

    pub(crate) fn mint(&mut self, grant: Grant) -> String {
        // As long as GitHub's stateless tokens, so that no client assumes forty characters.
        let token = format!("ghs_{}_{}", self.app_behind(grant.installation).id, random_hex(240));
        // Expired tokens are invalid already, so they are dropped.
        let now = self.now();
        self.grants.retain(|_, grant| grant.expires_at > now);
        self.grants.insert(token.clone(), grant);
        token
    }
}

/// Whether every requested permission was granted.
pub(crate) fn is_subset(asked: &Permissions, given: &Permissions) -> bool {
    asked.iter().all(|(scope, access)| {
        given.get(scope).is_some_and(|given| given >= access) || (*scope == Scope::Metadata && *access == Access::Read)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_basic_header_is_its_password_or_else_its_user() {
        assert_eq!(basic_password(&STANDARD.encode("x-access-token:secret")).as_deref(), Some("secret"));
        assert_eq!(basic_password(&STANDARD.encode("secret:")).as_deref(), Some("secret"));
        assert_eq!(basic_password("%%%"), None);
    }

    #[test]
    fn permissions_are_a_subset_only_when_none_is_stronger() {
        let given = Permissions::from([(Scope::Issues, Access::Write), (Scope::Contents, Access::Read)]);
        assert!(is_subset(&Permissions::from([(Scope::Issues, Access::Read)]), &given));
        assert!(!is_subset(&Permissions::from([(Scope::Contents, Access::Write)]), &given));
        assert!(!is_subset(&Permissions::from([(Scope::Checks, Access::Read)]), &given));
    }
}
