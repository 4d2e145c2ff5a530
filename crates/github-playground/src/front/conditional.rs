//! Conditional requests, `HEAD` and API versions, for every answer of the REST API.
//!
//! - Every 200 to a `GET` has an `ETag`: a hash of the body and of everything that the answer depends on. The token is
//!   part of it, so that a client with a new installation token gets full answers again, as with GitHub. It is weak for
//!   JSON, which GitHub compresses.
//! - `Last-Modified` is set if the answer is one object with an `updated_at`. It does not depend on the token.
//! - `If-None-Match`, or `If-Modified-Since` without it, may be answered with 304 and no body. Such a request does not
//!   count against the rate limit.
//!
//! <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate>,
//! <https://docs.github.com/en/rest/about-the-rest-api/api-versions>

use aws_lc_rs::digest::{Context, SHA256};
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, response::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use http_body_util::BodyExt;
use serde::Deserialize;

use crate::error::ApiError;

/// The only supported API version.
const VERSION: &str = "2022-11-28";
const ASKED: HeaderName = HeaderName::from_static("x-github-api-version");
const SELECTED: HeaderName = HeaderName::from_static("x-github-api-version-selected");

const VARY_PRIVATE: &str = "Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, X-Requested-With";
const VARY_PUBLIC: &str = "Accept, Accept-Encoding, X-Requested-With";

/// The format of HTTP's dates. <https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats>
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// The layer around the REST API.
pub(crate) async fn conditional(mut request: Request, next: Next) -> Response {
    if let Some(version) = request.headers().get(ASKED)
        && version != VERSION
    {
        return with_version(unsupported(version));
    }
    let is_head = request.method() == Method::HEAD;
    if !is_head && request.method() != Method::GET {
        return with_version(next.run(request).await);
    }
    // A HEAD is handled as a GET without its body, so that its headers, including the `ETag`, are the same.
    *request.method_mut() = Method::GET;
    let path = request.uri().path().to_owned();
    let asked = request.headers().clone();
    let answer = with_version(next.run(request).await);
    let answer = if answer.status() == StatusCode::OK { tagged(answer, &asked, &path).await } else { answer };
    if is_head { without_body(answer) } else { answer }
}

fn unsupported(version: &HeaderValue) -> Response {
    let version = String::from_utf8_lossy(version.as_bytes()).into_owned();
    let message = format!(
        "The version you specified in the \"X-GitHub-API-Version\" request header, \"{version}\", is not a supported version. \
         The following versions are currently supported: \"{VERSION}\" (most recent)."
    );
    ApiError::new(StatusCode::BAD_REQUEST, message).into_response()
}

fn with_version(mut answer: Response) -> Response {
    answer.headers_mut().insert(SELECTED, HeaderValue::from_static(VERSION));
    answer
}

/// Tags an answer that is complete. A stream (an archive) passes unchanged.
async fn tagged(answer: Response, asked: &HeaderMap, path: &str) -> Response {
    let (mut parts, body) = answer.into_parts();
    if body.size_hint().exact().is_none() {
        return Response::from_parts(parts, body);
    }
    // A body of one frame is not copied.
    let Ok(bytes) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let is_json = text(&parts.headers, &header::CONTENT_TYPE).starts_with("application/json");
    let tag = tag(asked, &bytes, is_json);
    let modified = if is_json && is_one_thing(path) { last_modified(&bytes) } else { None };
    mark(&mut parts, asked, &tag, modified);
    if is_known(asked, &tag, modified) {
        parts.status = StatusCode::NOT_MODIFIED;
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
            parts.headers.remove(name);
        }
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn mark(parts: &mut Parts, asked: &HeaderMap, tag: &str, modified: Option<DateTime<Utc>>) {
    let known = asked.contains_key(header::AUTHORIZATION);
    let (cache, vary) = if known {
        ("private, max-age=60, s-maxage=60", VARY_PRIVATE)
    } else {
        ("public, max-age=60, s-maxage=60", VARY_PUBLIC)
    };
    let headers = &mut parts.headers;
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static(vary));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    if let Some(Ok(date)) = modified.map(|date| HeaderValue::from_str(&date.format(HTTP_DATE).to_string())) {
        headers.insert(header::LAST_MODIFIED, date);
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn tag(asked: &HeaderMap, bytes: &Bytes, is_json: bool) -> String {
    let mut digest = Context::new(&SHA256);
    for name in [header::ACCEPT, header::AUTHORIZATION] {
        digest.update(asked.get(name).map(HeaderValue::as_bytes).unwrap_or_default());
        digest.update(&[0]);
    }
    digest.update(bytes);
    let weak = if is_json { "W/" } else { "" };
    format!("{weak}\"{}\"", hex::encode(digest.finish()))
}

/// Whether GitHub dates the answers of this path: one repository, issue, pull request, comment, person.
fn is_one_thing(path: &str) -> bool {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    matches!(
        segments.as_slice(),
        ["user"]
            | ["users" | "orgs", _]
            | ["repos", _, _]
            | ["repos", _, _, "issues" | "pulls", _]
            | ["repos", _, _, "issues" | "pulls", "comments", _]
    )
}

fn last_modified(bytes: &[u8]) -> Option<DateTime<Utc>> {
    #[derive(Deserialize)]
    struct Dated {
        updated_at: DateTime<Utc>,
    }
    serde_json::from_slice::<Dated>(bytes).ok().map(|dated| dated.updated_at)
}

/// Whether the caller has the answer already. If the request has a tag, only that counts.
/// <https://www.rfc-editor.org/rfc/rfc9110#name-precedence-of-preconditions>
fn is_known(asked: &HeaderMap, tag: &str, modified: Option<DateTime<Utc>>) -> bool {
    if asked.contains_key(header::IF_NONE_MATCH) {
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let own = opaque(tag);
        let all = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        return all.flat_map(|value| value.split(',')).any(|known| known.trim() == "*" || opaque(known) == own);
    }
    let since = DateTime::parse_from_rfc2822(text(asked, &header::IF_MODIFIED_SINCE));
    modified.zip(since.ok()).is_some_and(|(modified, since)| modified <= since)
}

fn without_body(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|_| parts.status != StatusCode::NOT_MODIFIED) {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(parts, Body::empty())
}
