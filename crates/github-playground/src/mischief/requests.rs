//! Misbehaving to requests: the layer around REST, GraphQL and git.

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

use super::{
    answers,
    engine::Asked,
    rule::{Body, CallerKind, RequestAct},
};
use crate::{
    auth::{Caller, bearer},
    front::Line,
    hub::Hub,
};

/// Does to a request what a rule says; without one it costs a look.
pub(crate) async fn meddle(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    if !hub.mischief.is_on() {
        return next.run(request).await;
    }
    match judge(&hub, &request) {
        Some(act) => carry_out(&hub, act, request, next).await,
        None => next.run(request).await,
    }
}

fn judge(hub: &Hub, request: &Request) -> Option<RequestAct> {
    let place = place(request.uri().path());
    let caller = hub.mischief.asks_caller().then(|| kind(hub, request)).flatten();
    let now = hub.state().now();
    hub.mischief.request(now, &Asked { method: request.method().as_str(), place: &place, caller })
}

/// A request's address, as rules name it.
fn place(path: &str) -> String {
    match path.strip_prefix("/api/v3") {
        Some("") => "/".to_owned(),
        Some(rest) => rest.to_owned(),
        None if path == "/api/graphql" => "graphql".to_owned(),
        None => format!("git{path}"),
    }
}

fn kind(hub: &Hub, request: &Request) -> Option<CallerKind> {
    Some(match Caller::identify(hub, request.headers()).ok()? {
        Caller::Anonymous => CallerKind::Anonymous,
        Caller::User(_) => CallerKind::User,
        Caller::App(_) => CallerKind::App,
        Caller::Installation(_) => CallerKind::Installation,
    })
}

async fn carry_out(hub: &Arc<Hub>, act: RequestAct, mut request: Request, next: Next) -> Response {
    let line = request.extensions().get::<ConnectInfo<Line>>().map(|info| info.0.clone());
    let is_git = !request.uri().path().starts_with("/api/");
    let unix_now = hub.state().now().timestamp();
    if let Some(refusal) = answers::refusal(&act, unix_now) {
        return if is_git { in_gits_words(refusal) } else { refusal };
    }
    match act {
        RequestAct::Reset => reset(line),
        RequestAct::Silence => {
            hub.stop.cancelled().await;
            reset(line)
        }
        RequestAct::DoneThenReset => {
            to_its_end(request, next).await;
            reset(line)
        }
        RequestAct::DoneThenSilence => {
            to_its_end(request, next).await;
            hub.stop.cancelled().await;
            reset(line)
        }
        RequestAct::DoneThenBadGateway => {
            to_its_end(request, next).await;
            answers::bad_gateway(Body::Html)
        }
        RequestAct::Slow { ms } => {
            let _ = tokio::time::timeout(Duration::from_millis(ms), hub.stop.cancelled()).await;
            next.run(request).await
        }
        RequestAct::RevokeToken => {
            let header = request.headers().get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
            if let Some(token) = header.and_then(bearer) {
                hub.state().grants.remove(&token);
            }
            next.run(request).await
        }
        RequestAct::MergeableUnknown => {
            // An answer of 304 would say that the client knows it already.
            request.headers_mut().remove(header::IF_NONE_MATCH);
            request.headers_mut().remove(header::IF_MODIFIED_SINCE);
            without_mergeability(next.run(request).await).await
        }
        _ => next.run(request).await,
    }
}

/// Lets the handler finish, and what streams after its headers too: a push is done only when its report was read.
async fn to_its_end(request: Request, next: Next) {
    let _ = next.run(request).await.into_body().collect().await;
}

/// The connection ends without a byte of this.
fn reset(line: Option<Line>) -> Response {
    if let Some(line) = line {
        line.cut();
    }
    StatusCode::BAD_GATEWAY.into_response()
}

/// Git reads a status and a line of text.
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
    fn a_place_is_what_a_rule_calls_it() {
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
