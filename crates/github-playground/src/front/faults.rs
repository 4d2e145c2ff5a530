//! Faults in requests: the layer around REST, GraphQL and git.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body as HttpBody, Bytes},
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::{
    app_state::AppState,
    auth::{Caller, bearer},
    faults::{Body, CallerKind, FaultSubject, RequestAct, bad_gateway, refusal},
    socket::Socket,
};

/// Applies the act of a rule to a request. Without rules it costs one atomic read.
pub(crate) async fn inject_faults(State(app_state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    if !app_state.faults.is_on() {
        return next.run(request).await;
    }
    match judge(&app_state, &request) {
        Some(act) => carry_out(&app_state, act, request, next).await,
        None => next.run(request).await,
    }
}

fn judge(app_state: &AppState, request: &Request) -> Option<RequestAct> {
    let place = place(request.uri().path());
    let caller = app_state.faults.asks_caller().then(|| kind(app_state, request)).flatten();
    let now = app_state.state().now();
    app_state.faults.request(now, &FaultSubject { method: request.method().as_str(), place: &place, caller })
}

/// A request's path in the form that rules use.
fn place(path: &str) -> String {
    match path.strip_prefix("/api/v3") {
        Some("") => "/".to_owned(),
        Some(rest) => rest.to_owned(),
        None if path == "/api/graphql" => "graphql".to_owned(),
        None => format!("git{path}"),
    }
}

fn kind(app_state: &AppState, request: &Request) -> Option<CallerKind> {
    Some(match Caller::identify(app_state, request.headers()).ok()? {
        Caller::Anonymous => CallerKind::Anonymous,
        Caller::User(_) => CallerKind::User,
        Caller::App(_) => CallerKind::App,
        Caller::Installation(_) => CallerKind::Installation,
    })
}

async fn carry_out(app_state: &Arc<AppState>, act: RequestAct, mut request: Request, next: Next) -> Response {
    let socket = request.extensions().get::<ConnectInfo<Socket>>().map(|info| info.0.clone());
    let is_git = !request.uri().path().starts_with("/api/");
    let unix_now = app_state.state().now().timestamp();
    if let Some(answer) = refusal(&act, unix_now) {
        return if is_git { in_gits_words(answer) } else { answer };
    }
    match act {
        RequestAct::Reset => reset(socket),
        RequestAct::Silence => {
            app_state.stop.cancelled().await;
            reset(socket)
        }
        RequestAct::DoneThenReset => {
            to_its_end(request, next).await;
            reset(socket)
        }
        RequestAct::DoneThenSilence => {
            to_its_end(request, next).await;
            app_state.stop.cancelled().await;
            reset(socket)
        }
        RequestAct::DoneThenBadGateway => {
            to_its_end(request, next).await;
            bad_gateway(Body::Html)
        }
        RequestAct::Slow { ms } => {
            let _ = tokio::time::timeout(Duration::from_millis(ms), app_state.stop.cancelled()).await;
            next.run(request).await
        }
        RequestAct::RevokeToken => {
            let header = request.headers().get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
            if let Some(token) = header.and_then(bearer) {
                app_state.state().grants.remove(&token);
            }
            next.run(request).await
        }
        RequestAct::MergeableUnknown => {
            // A 304 would mean that the client knows the answer already.
            request.headers_mut().remove(header::IF_NONE_MATCH);
            request.headers_mut().remove(header::IF_MODIFIED_SINCE);
            without_mergeability(next.run(request).await).await
        }
        _ => next.run(request).await,
    }
}

/// Lets the handler finish, including what it streams after its headers: a push is done only when its report was read.
async fn to_its_end(request: Request, next: Next) {
    let _ = next.run(request).await.into_body().collect().await;
}

/// An answer that is never sent, because the connection is reset.
fn reset(socket: Option<Socket>) -> Response {
    if let Some(socket) = socket {
        socket.cut();
    }
    StatusCode::BAD_GATEWAY.into_response()
}

/// Git expects a status and a line of text.
fn in_gits_words(refusal: Response) -> Response {
    let (mut parts, _) = refusal.into_parts();
    let line = format!("{}\n", parts.status.canonical_reason().unwrap_or_default());
    parts.headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    if parts.status == StatusCode::UNAUTHORIZED {
        parts.headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Basic realm=\"GitHub\""));
    }
    Response::from_parts(parts, HttpBody::from(line))
}

async fn without_mergeability(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let bytes = match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut value) => {
            forget(&mut value);
            Bytes::from(value.to_string())
        }
        Err(_) => bytes,
    };
    for name in [header::CONTENT_LENGTH, header::ETAG, header::LAST_MODIFIED] {
        parts.headers.remove(name);
    }
    Response::from_parts(parts, HttpBody::from(bytes))
}

fn forget(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(forget),
        Value::Object(members) => {
            for (name, member) in members {
                *member = match (name.as_str(), &*member) {
                    ("mergeable" | "rebaseable", Value::Bool(_)) => Value::Null,
                    ("mergeable" | "mergeStateStatus", Value::String(_)) => json!("UNKNOWN"),
                    ("mergeable_state", Value::String(_)) => json!("unknown"),
                    _ => {
                        forget(member);
                        continue;
                    }
                };
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_form_that_rules_use() {
        assert_eq!(place("/api/v3/repos/acme/widgets"), "/repos/acme/widgets");
        assert_eq!(place("/api/v3"), "/");
        assert_eq!(place("/api/graphql"), "graphql");
        assert_eq!(place("/acme/w.git/info/refs"), "git/acme/w.git/info/refs");
    }

    #[test]
    fn mergeability_is_forgotten_wherever_it_stands() {
        let mut value = json!({ "mergeable": true, "mergeable_state": "clean", "rebaseable": null,
            "data": { "nodes": [{ "mergeable": "MERGEABLE", "mergeStateStatus": "CLEAN" }] } });
        forget(&mut value);
        let unknown = json!({ "mergeable": null, "mergeable_state": "unknown", "rebaseable": null,
            "data": { "nodes": [{ "mergeable": "UNKNOWN", "mergeStateStatus": "UNKNOWN" }] } });
        assert_eq!(value, unknown);
    }
}
