//! Handles forms: a form becomes requests to the REST API, with the token of the chosen person.
//!
//! Nothing is decided here. The API's router is called inside the process. A refusal is shown on the page of the form,
//! with everything that was typed.

use axum::Form;
use axum::body::Body;
use axum::extract::{Extension, Path, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use maud::html;
use serde_json::Value;
use tower::ServiceExt;

use super::Pages;
use super::layout;
use super::plan::{Call, Fields, Plan, Then, plan};
use super::refusal::{Refusal, in_words};
use super::router_of;
use super::session::{Session, Viewer, can_act};
use crate::rest::OfIssueForm;
use crate::state::token_of;

type Pairs = Vec<(String, String)>;

/// `POST /{owner}/{repo}/act/{act}`.
pub(super) async fn act(
    Shared(pages): Shared<Pages>,
    Extension(session): Extension<Session>,
    Path((owner, name, act)): Path<(String, String, String)>,
    headers: HeaderMap,
    Form(pairs): Form<Pairs>,
) -> Response {
    let fields = Fields(pairs);
    let done = async {
        let login = may_send(&pages, &session, &fields)?;
        let at = {
            let state = pages.app_state.state();
            let repo = state.repo(&owner, &name);
            repo.map(|repo| layout::repo_path(&state, repo))
                .ok_or((StatusCode::NOT_FOUND, "There is no such repository."))
        };
        let at = at.map_err(|(status, message)| (status, message.to_owned()))?;
        let plan = plan(&act, &at, &fields).map_err(|why| (StatusCode::UNPROCESSABLE_ENTITY, why))?;
        pages.carry_out(&login, &headers, plan, &fields).await
    };
    match done.await {
        Ok(to) => see(&to),
        Err((status, message)) => pages.again(&headers, fields, status, message).await,
    }
}

/// `POST /-/sign-in`: switches to another person, or to nobody.
pub(super) async fn sign_in(
    Shared(pages): Shared<Pages>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    Form(pairs): Form<Pairs>,
) -> Response {
    let fields = Fields(pairs);
    if !session.made(&pages.key, fields.get("token")) {
        return pages.again(&headers, fields, StatusCode::FORBIDDEN, STALE.to_owned()).await;
    }
    let wanted = fields.get("login").trim();
    if !wanted.is_empty() && !can_act(&pages.app_state.state(), wanted) {
        let message = format!("Nobody here is called {wanted}.");
        return pages.again(&headers, fields, StatusCode::UNPROCESSABLE_ENTITY, message).await;
    }
    let known = pages.app_state.state().account_by_login(wanted).map(|account| account.login.clone());
    let mut response = see(own_path(fields.get("back")));
    if let Some(cookie) = session.acting_as(known).cookie(&pages.key) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

const STALE: &str = "This form was made for another session. Look at it again, and send it once more.";

/// The login of the acting person, if the form was made for this browser.
pub(super) fn may_send(pages: &Pages, session: &Session, fields: &Fields) -> Result<String, (StatusCode, String)> {
    if !session.made(&pages.key, fields.get("token")) {
        return Err((StatusCode::FORBIDDEN, STALE.to_owned()));
    }
    let login = session.login().unwrap_or_default();
    if login != fields.get("as") {
        let now = if login.is_empty() { "nobody" } else { login };
        return Err((StatusCode::FORBIDDEN, format!("You act as {now} by now. Send it once more if you mean it.")));
    }
    if login.is_empty() {
        return Err((StatusCode::UNAUTHORIZED, "Choose first whom to act as.".to_owned()));
    }
    Ok(login.to_owned())
}

/// 303: the browser fetches the page, and a reload does not repeat the act.
pub(super) fn see(path: &str) -> Response {
    let to = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// The path, if it is one of this server; else `/`.
pub(super) fn own_path(path: &str) -> &str {
    let is_own =
        path.starts_with('/') && !path.starts_with("//") && path.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if is_own && !path.contains('\\') { path } else { "/" }
}

impl Pages {
    /// Sends the requests of a plan in order, and answers with the next page.
    pub(super) async fn carry_out(
        &self,
        login: &str,
        headers: &HeaderMap,
        plan: Plan,
        fields: &Fields,
    ) -> Result<String, (StatusCode, String)> {
        let mut last = Value::Null;
        for (done, call) in plan.calls.into_iter().enumerate() {
            let (status, answer) = self.call(login, headers, call, plan.of_form).await;
            let failed = answer["errors"].is_array() && answer["data"].is_object();
            if !status.is_success() || failed {
                let message = match answer["errors"][0]["message"].as_str().filter(|_| failed) {
                    Some(message) => message.to_owned(),
                    None => in_words(&answer),
                };
                let part = if done > 0 { "Only a part of it was done. " } else { "" };
                let status = if status.is_success() { StatusCode::UNPROCESSABLE_ENTITY } else { status };
                return Err((status, format!("{part}GitHub answered {}: {message}", status.as_u16())));
            }
            last = answer;
        }
        let named = last["html_url"].as_str().filter(|_| plan.then == Then::Answer).and_then(path_of);
        let then = Some(fields.get("then")).filter(|then| !then.is_empty()).unwrap_or(fields.get("back"));
        Ok(named.unwrap_or_else(|| own_path(then).to_owned()))
    }

    /// One request to the API, as if it had come over the wire.
    async fn call(&self, login: &str, headers: &HeaderMap, call: Call, of_form: bool) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header(header::HOST, headers.get(header::HOST).cloned().unwrap_or(HeaderValue::from_static("localhost")))
            .header(header::USER_AGENT, "playground-pages")
            .header(header::AUTHORIZATION, format!("Bearer {}", token_of(login)))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(if call.body.is_null() { String::new() } else { call.body.to_string() }));
        let Ok(mut request) = request else {
            return (StatusCode::BAD_REQUEST, serde_json::json!({ "message": "No such place" }));
        };
        if of_form {
            request.extensions_mut().insert(OfIssueForm);
        }
        let Ok(response) = self.api.clone().oneshot(request).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// The page with the form, with what was typed and the reason of the refusal.
    pub(super) async fn again(
        &self,
        headers: &HeaderMap,
        fields: Fields,
        status: StatusCode,
        message: String,
    ) -> Response {
        let back = own_path(fields.get("back")).to_owned();
        let form = fields.get("form").to_owned();
        let refusal = Refusal { status, message, form, typed: fields.0 };
        let mut request = Request::builder().method(Method::GET).uri(back).body(Body::empty()).unwrap_or_default();
        for name in [header::HOST, header::COOKIE] {
            if let Some(value) = headers.get(&name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        request.extensions_mut().insert(refusal.clone());
        let Ok(mut response) = router_of(self.clone()).oneshot(request).await;
        if response.status().is_success() {
            *response.status_mut() = refusal.status;
            return response;
        }
        let body = html! { h1 { "Not done" } p { (refusal.message) } p { a href="/" { "All repositories" } } };
        (refusal.status, layout::page(&Viewer::default(), "Not done", &body)).into_response()
    }
}

/// The path and fragment of a URL of this server.
fn path_of(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("://")?;
    let path = &rest[rest.find('/')?..];
    Some(own_path(path).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_this_server_only() {
        assert_eq!(own_path("/acme/widgets/issues?q=a#b"), "/acme/widgets/issues?q=a#b");
        for evil in
            ["//evil.example", "https://evil.example", "", "javascript:x", "/\\evil", "/a\r\nSet-Cookie: x", "/a b"]
        {
            assert_eq!(own_path(evil), "/", "{evil:?}");
        }
        assert_eq!(path_of("http://127.0.0.1:1/acme/x/issues/1#c").as_deref(), Some("/acme/x/issues/1#c"));
        assert_eq!(path_of("nonsense"), None);
    }
}
