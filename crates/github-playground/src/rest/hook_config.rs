//! The configuration of the app's webhook. <https://docs.github.com/en/rest/apps/webhooks>

use std::sync::Arc;

use axum::{Router, routing::get};
use serde::Deserialize;
use serde_json::Value;

use super::{
    context::{Answer, Ctx, Input, ok},
    validation::is_web_address,
};
use crate::{app_state::AppState, error::ApiError, hook::ContentType};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new().route("/app/hook/config", get(read).patch(change))
}

async fn read(ctx: Ctx) -> Answer {
    let app = ctx.require_app()?;
    let state = ctx.state();
    Ok(ok(ctx.view(&state).hook_config(app)))
}

#[derive(Deserialize)]
struct Config {
    url: Option<String>,
    content_type: Option<String>,
    secret: Option<String>,
    /// `"0"`, `"1"`, or the numbers.
    insecure_ssl: Option<Value>,
}

async fn change(ctx: Ctx, Input(config): Input<Config>) -> Answer {
    let app = ctx.require_app()?;
    let invalid = |field: &str, message: &str| ApiError::invalid_because("Hook", field, message);
    let content_type = match config.content_type.as_deref() {
        None => None,
        Some("json") => Some(ContentType::Json),
        Some("form") => Some(ContentType::Form),
        Some(_) => return Err(invalid("content_type", "content_type must be json or form")),
    };
    let insecure_ssl = match config.insecure_ssl {
        None => None,
        Some(Value::String(word)) if word == "0" || word == "1" => Some(word == "1"),
        Some(Value::Number(number)) if number.as_u64().is_some_and(|number| number < 2) => {
            Some(number.as_u64() == Some(1))
        }
        Some(_) => return Err(invalid("insecure_ssl", "insecure_ssl must be 0 or 1")),
    };
    if let Some(url) = &config.url
        && !is_web_address(url)
    {
        return Err(invalid("url", "url must be a valid http or https URL"));
    }
    let mut state = ctx.state();
    // An app without a URL had no hook before.
    let is_new = config.url.is_some() && state.hook_url_of(app).is_none();
    if let Some(url) = config.url {
        state.set_hook_url(app, url);
    }
    let hook = state.hook_of_mut(app);
    hook.content_type = content_type.unwrap_or(hook.content_type);
    hook.insecure_ssl = insecure_ssl.unwrap_or(hook.insecure_ssl);
    if let Some(secret) = config.secret {
        hook.secret = (!secret.is_empty()).then(|| secret.into_bytes());
    }
    if is_new {
        ctx.app_state.ping(&mut state, app);
    }
    Ok(ok(ctx.view(&state).hook_config(app)))
}
