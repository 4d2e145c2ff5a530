//! The deliveries of the app's webhook. <https://docs.github.com/en/rest/apps/webhooks>

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::context::{Answer, At, Ctx, answer, ok};
use crate::{
    app_state::AppState,
    error::ApiError,
    state::{Delivery, Id},
    view,
    webhooks::PENDING,
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/app/hook/deliveries", get(list))
        .route("/app/hook/deliveries/{id}", get(read))
        .route("/app/hook/deliveries/{id}/attempts", post(redeliver))
}

/// Newest first. The cursor is the last delivery of a page, and the next page starts below it.
async fn list(ctx: Ctx) -> Answer {
    let app = ctx.require_app()?;
    let size = ctx.query("per_page").and_then(|size| size.parse::<usize>().ok()).unwrap_or(30).clamp(1, 100);
    let cursor = match ctx.query("cursor").map(|cursor| cursor.trim_start_matches("v1_").parse::<Id>()) {
        Some(Err(_)) => return Err(ApiError::new(StatusCode::BAD_REQUEST, "Invalid cursor")),
        cursor => cursor.and_then(Result::ok),
    };
    let state = ctx.state();
    let of_status = |delivery: &&Delivery| match ctx.query("status") {
        Some("success") => (200..400).contains(&delivery.status_code),
        Some("failure") => (400..600).contains(&delivery.status_code),
        _ => true,
    };
    let mut found: Vec<&Delivery> = state
        .recent_deliveries()
        // A delivery that is still being sent has no outcome, and is not listed before it has one.
        .filter(|delivery| {
            delivery.app == app && delivery.status != PENDING && cursor.is_none_or(|cursor| delivery.id < cursor)
        })
        .filter(of_status)
        .take(size + 1)
        .collect();
    let more = found.len() > size;
    found.truncate(size);
    let shown: Vec<Value> = found.iter().map(|delivery| view::listed_delivery(delivery)).collect();
    let mut response = ok(json!(shown));
    if let Some(last) = found.last().filter(|_| more) {
        let status = ctx.query("status").map(|status| format!("&status={status}")).unwrap_or_default();
        let next = ctx.urls.api(&format!("/app/hook/deliveries?per_page={size}{status}&cursor=v1_{}", last.id));
        if let Ok(link) = HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

async fn read(ctx: Ctx, At(id): At<Id>) -> Answer {
    let app = ctx.require_app()?;
    let state = ctx.state();
    let delivery = state.recent_delivery(id).filter(|delivery| delivery.app == app);
    let delivery = delivery.ok_or_else(ApiError::not_found)?;
    Ok(ok(view::whole_delivery(delivery)))
}

async fn redeliver(ctx: Ctx, At(id): At<Id>) -> Answer {
    let app = ctx.require_app()?;
    let mut state = ctx.state();
    let own = state.deliveries.find(id).is_some_and(|delivery| delivery.app == app);
    if own && ctx.app_state.redeliver(&mut state, id) {
        Ok(answer(StatusCode::ACCEPTED, json!({})))
    } else {
        Err(ApiError::not_found())
    }
}
