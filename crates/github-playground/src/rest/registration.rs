//! Converts a manifest into an app, and answers an app about the tokens that users granted it.
//! <https://docs.github.com/en/rest/apps/apps#create-a-github-app-from-a-manifest>

use std::sync::Arc;

use aws_lc_rs::{
    encoding::AsDer,
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use axum::{
    Router,
    extract::State as Shared,
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};

use super::context::{Answer, At, Input, created, no_content, ok};
use crate::{
    app_state::AppState,
    error::ApiError,
    hook::Hook,
    keys::{armour, random_hex},
    state::{AccountKind, Agreed, App, Id, Registration, State, UserGrant, slug},
    view::{View, maybe_time, time},
};

/// How long a code for a manifest is valid.
const LIFE: TimeDelta = TimeDelta::hours(1);

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/app-manifests/{code}/conversions", post(convert))
        .route("/applications/{client}/token", post(check).delete(revoke))
        .route("/applications/{client}/grant", axum::routing::delete(revoke_all))
}

/// No authentication is needed: the code is the credential. It is valid once and for an hour.
async fn convert(Shared(app_state): Shared<Arc<AppState>>, At(code): At<String>) -> Answer {
    let failed = |()| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Server Error");
    {
        let state = app_state.state();
        let now = state.now();
        state.agreed.get(&code).filter(|agreed| agreed.at + LIFE > now).ok_or_else(ApiError::not_found)?;
    }
    let pair = tokio::task::spawn_blocking(|| KeyPair::generate(KeySize::Rsa2048)).await.map_err(|_| failed(()))?;
    let pair = pair.map_err(|_| failed(()))?;
    let der = pair.as_der().map_err(|_| failed(()))?;
    let pem = armour("RSA PRIVATE KEY", pkcs1(der.as_ref()).ok_or_else(|| failed(()))?);
    let mut state = app_state.state();
    // Of two simultaneous conversions, the second gets 404.
    let agreed = state.agreed.remove(&code).ok_or_else(ApiError::not_found)?;
    let id = register(&mut state, agreed, pair.public_key().as_ref().to_vec());
    let app = &state.registered[&id];
    let hook_secret = state.hook_of(id).secret.as_deref().map(String::from_utf8_lossy);
    let mut value = View::new(&state, &app_state.urls).app(app);
    value["client_secret"] = json!(app.client_secret);
    value["webhook_secret"] = json!(hook_secret);
    value["pem"] = json!(pem);
    if state.hook_url_of(id).is_some() {
        app_state.ping(&mut state, id);
    }
    Ok(created(value))
}

/// The key inside a PKCS#8 wrapper, in the form in which GitHub issues keys. After the version and the algorithm (RFC
/// 5208) there is an octet string.
fn pkcs1(der: &[u8]) -> Option<&[u8]> {
    const BEFORE: usize = 22;
    let octets = der.get(BEFORE..)?;
    // 0x04, then a length of two bytes.
    (octets.first() == Some(&0x04) && octets.get(1) == Some(&0x82)).then(|| octets.get(4..))?
}

fn register(state: &mut State, agreed: Agreed, key: Vec<u8>) -> Id {
    let Agreed { manifest, name, owner, .. } = agreed;
    let (id, hook_id, now) = (state.new_id(), state.new_id(), state.now());
    let slug = slug(&name);
    let bot = state.add_account(&format!("{slug}[bot]"), &format!("{slug}[bot]"), AccountKind::Bot);
    let hook_url = manifest.hook_attributes.filter(|hook| hook.active).map(|hook| hook.url);
    let registration = Registration {
        key,
        hook: Hook { secret: hook_url.is_some().then(|| random_hex(20).into_bytes()), ..Hook::default() },
        hook_url,
        description: manifest.description,
        url: manifest.url,
    };
    let app = App {
        id,
        slug,
        name,
        owner,
        bot,
        hook_id,
        permissions: manifest.default_permissions,
        events: manifest.default_events,
        created_at: now,
        client_secret: random_hex(20),
        callback_urls: manifest.callback_urls,
        setup_url: manifest.setup_url,
        registration: Some(registration),
    };
    state.registered.insert(id, app);
    id
}

#[derive(Deserialize)]
struct Asked {
    access_token: Option<String>,
}

/// The app whose client id and secret are the user and password of the request.
fn client(state: &State, client: &str, headers: &HeaderMap) -> Result<Id, ApiError> {
    let header = headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
    let Some(encoded) = header.and_then(|header| header.strip_prefix("Basic ")) else {
        return Err(ApiError::requires_authentication());
    };
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|pair| pair.split_once(':'));
    let (user, secret) = pair.ok_or_else(ApiError::bad_credentials)?;
    let app = state.app_by_client(client).filter(|app| user == client && app.client_secret == secret);
    Ok(app.ok_or_else(ApiError::not_found)?.id)
}

/// The app that asks, and the index of the grant that it asks about.
fn granted(state: &State, id: &str, headers: &HeaderMap, asked: &Asked) -> Result<(Id, usize), ApiError> {
    let app = client(state, id, headers)?;
    let token = asked.access_token.as_deref();
    let token = token.ok_or_else(|| ApiError::invalid("OauthAccess", "access_token", "missing_field"))?;
    let found = state.user_grants.iter().position(|grant| grant.app == app && grant.token == token);
    Ok((app, found.ok_or_else(ApiError::not_found)?))
}

/// <https://docs.github.com/en/rest/apps/oauth-applications#check-a-token>
async fn check(
    Shared(app_state): Shared<Arc<AppState>>,
    At(id): At<String>,
    headers: HeaderMap,
    Input(asked): Input<Asked>,
) -> Answer {
    let state = app_state.state();
    let (_, at) = granted(&state, &id, &headers, &asked)?;
    let grant = &state.user_grants[at];
    if grant.expires_at <= state.now() {
        return Err(ApiError::not_found());
    }
    Ok(ok(authorization(&app_state, &state, grant)))
}

fn authorization(app_state: &AppState, state: &State, grant: &UserGrant) -> Value {
    let view = View::new(state, &app_state.urls);
    let app = state.app_by_id(grant.app).unwrap_or(&state.app);
    json!({
        "id": grant.id, "url": app_state.urls.api(&format!("/authorizations/{}", grant.id)), "scopes": null,
        "token": grant.token, "token_last_eight": grant.token.get(grant.token.len() - 8..), "hashed_token": null,
        "app": { "client_id": app.client_id(), "name": app.name, "url": app_state.urls.web(&format!("/apps/{}", app.slug)) },
        "note": null, "note_url": null, "created_at": time(grant.created_at), "updated_at": time(grant.created_at),
        "fingerprint": null, "user": view.account(grant.user), "expires_at": maybe_time(Some(grant.expires_at)),
    })
}

/// <https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-token>
async fn revoke(
    Shared(app_state): Shared<Arc<AppState>>,
    At(id): At<String>,
    headers: HeaderMap,
    Input(asked): Input<Asked>,
) -> Answer {
    let mut state = app_state.state();
    let (_, at) = granted(&state, &id, &headers, &asked)?;
    state.user_grants.remove(at);
    Ok(no_content())
}

/// Revokes everything that the user granted the app, and informs the app.
/// <https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-authorization>
async fn revoke_all(
    Shared(app_state): Shared<Arc<AppState>>,
    At(id): At<String>,
    headers: HeaderMap,
    Input(asked): Input<Asked>,
) -> Answer {
    let mut state = app_state.state();
    let (app, at) = granted(&state, &id, &headers, &asked)?;
    let user = state.user_grants[at].user;
    state.user_grants.retain(|grant| grant.app != app || grant.user != user);
    let payload = json!({ "action": "revoked", "sender": View::new(&state, &app_state.urls).account(user) });
    app_state.deliver_to(&mut state, app, "github_app_authorization", None, None, &payload);
    Ok(no_content())
}
