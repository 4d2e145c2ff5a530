//! Sessions: the person whom a browser acts as, and the protection against other sites.
//!
//! There are no passwords: whoever can reach the playground may act as any of its people. Therefore only its own pages
//! must be able to act. A session is a signed cookie (`SameSite=Strict`), and each form has a token made from the
//! session. A request is refused if its host name is not this machine's (DNS rebinding), or if its `Origin` is another
//! site.
//! <https://owasp.org/www-community/attacks/csrf>

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State as Shared};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Pages;
use super::layout;
use super::refusal::Refusal;
use crate::front::{from_elsewhere, is_address};
use crate::keys::random_hex;
use crate::state::{Account, AccountKind, Id, Repo, Role, State, token_of};

const COOKIE: &str = "playground_session";

/// No scripts, no frames, nothing from other servers. Even after a mistake in the Markdown renderer, injected markup
/// could do nothing.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

/// The number of people in the header of every page. Another page has the others.
const OFFERED: usize = 12;

/// A browser, and the person it acts as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    nonce: String,
    login: Option<String>,
}

impl Session {
    fn new() -> Self {
        Self { nonce: random_hex(16), login: None }
    }

    /// The same browser with another person.
    pub(super) fn acting_as(&self, login: Option<String>) -> Self {
        Self { nonce: self.nonce.clone(), login }
    }

    fn read(key: &[u8], headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let value = pairs.find(|(name, _)| *name == COOKIE)?.1;
        let (said, signature) = value.rsplit_once('.')?;
        let signature = hex::decode(signature).ok()?;
        mac(key, "session", said).verify_slice(&signature).ok()?;
        let (nonce, login) = said.split_once('.')?;
        Some(Self { nonce: nonce.to_owned(), login: Some(login.to_owned()).filter(|login| !login.is_empty()) })
    }

    /// The cookie that stores the session.
    /// <https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie>
    pub(super) fn cookie(&self, key: &[u8]) -> Option<HeaderValue> {
        let said = format!("{}.{}", self.nonce, self.login.as_deref().unwrap_or_default());
        let signature = hex::encode(mac(key, "session", &said).finalize().into_bytes());
        HeaderValue::from_str(&format!("{COOKIE}={said}.{signature}; Path=/; HttpOnly; SameSite=Strict")).ok()
    }

    /// The token in each form of this browser.
    pub(super) fn token(&self, key: &[u8]) -> String {
        hex::encode(mac(key, "form", &self.nonce).finalize().into_bytes())
    }

    /// Whether a form was made for this browser, compared in constant time.
    pub(super) fn made(&self, key: &[u8], token: &str) -> bool {
        hex::decode(token).is_ok_and(|token| mac(key, "form", &self.nonce).verify_slice(&token).is_ok())
    }

    /// The login of the acting person.
    pub(super) fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }
}

fn mac(key: &[u8], purpose: &str, text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(purpose.as_bytes());
    mac.update(b":");
    mac.update(text.as_bytes());
    mac
}

/// The viewer of a page, and what its forms need.
#[derive(Debug, Clone, Default)]
pub(super) struct Viewer(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    login: Option<String>,
    token: String,
    here: String,
    people: Vec<String>,
    refusal: Option<Refusal>,
}

impl Viewer {
    /// The login of the acting person.
    pub(super) fn login(&self) -> Option<&str> {
        self.0.login.as_deref()
    }

    /// The account of the acting person.
    pub(super) fn account<'s>(&self, state: &'s State) -> Option<&'s Account> {
        state.account_by_login(self.login()?)
    }

    /// Whether this account is the viewer.
    pub(super) fn is(&self, state: &State, account: Id) -> bool {
        self.account(state).is_some_and(|me| me.id == account)
    }

    /// The viewer's role in a repository; `None` for nobody.
    pub(super) fn role(&self, state: &State, repo: &Repo) -> Option<Role> {
        state.role(repo, self.account(state)?.id)
    }

    /// Whether the viewer has at least this role.
    pub(super) fn may(&self, state: &State, repo: &Repo, least: Role) -> bool {
        self.role(state, repo) >= Some(least)
    }

    /// The token of this browser's forms.
    pub(super) fn token(&self) -> &str {
        &self.0.token
    }

    /// The page's own path and query, to which a form returns.
    pub(super) fn here(&self) -> &str {
        &self.0.here
    }

    /// Some of the people to act as.
    pub(super) fn people(&self) -> &[String] {
        &self.0.people
    }

    /// The last refusal, with what was typed.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        self.0.refusal.as_ref()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Viewer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Wraps every page: checks the origin, identifies the viewer, and sets the headers that restrict the browser.
pub(super) async fn around(Shared(pages): Shared<Pages>, mut request: Request, next: Next) -> Response {
    let mut response = if let Some(why) = foreign(request.method().is_safe(), request.headers()) {
        let body = maud::html! { h1 { "Refused" } p { (why) } };
        (StatusCode::MISDIRECTED_REQUEST, layout::page(&Viewer::default(), "Refused", &body)).into_response()
    } else {
        let known = Session::read(&pages.key, request.headers());
        let session = pages.still_there(known.clone().unwrap_or_else(Session::new));
        let refusal = request.extensions_mut().remove::<Refusal>();
        let viewer = pages.viewer(&session, &request, refusal);
        request.extensions_mut().insert(viewer);
        request.extensions_mut().insert(session.clone());
        let mut response = next.run(request).await;
        let headers = response.headers_mut();
        if known.as_ref() != Some(&session)
            && !headers.contains_key(header::SET_COOKIE)
            && let Some(cookie) = session.cookie(&pages.key)
        {
            headers.insert(header::SET_COOKIE, cookie);
        }
        response
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`, because browsers then send `Origin: null` with every form, and the origin could not be
        // checked.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

impl Pages {
    /// A session whose person no longer exists becomes nobody's.
    fn still_there(&self, session: Session) -> Session {
        let state = self.app_state.state();
        let is_there = session.login().is_none_or(|login| can_act(&state, login));
        if is_there { session } else { session.acting_as(None) }
    }

    fn viewer(&self, session: &Session, request: &Request, refusal: Option<Refusal>) -> Viewer {
        let people = people(&self.app_state.state()).into_iter().take(OFFERED).collect();
        let here = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let token = session.token(&self.key);
        Viewer(Arc::new(Inner { login: session.login.clone(), token, here, people, refusal }))
    }
}

/// The people who can be acted as, in the order of their creation.
pub(super) fn people(state: &State) -> Vec<String> {
    let users = state.accounts.values().filter(|account| account.kind == AccountKind::User);
    users
        .map(|account| account.login.clone())
        .filter(|login| state.user_tokens.contains_key(&token_of(login)))
        .collect()
}

/// Whether a session can act as this account: people only, not organisations or bots.
pub(super) fn can_act(state: &State, login: &str) -> bool {
    let account = state.account_by_login(login);
    account.is_some_and(|account| {
        account.kind == AccountKind::User && state.user_tokens.contains_key(&token_of(&account.login))
    })
}

/// Why a request cannot come from a page of this server; `None` if it can.
fn foreign(is_safe: bool, headers: &HeaderMap) -> Option<&'static str> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_address(host) {
        return Some("These pages answer at an address or at localhost, and not under another name.");
    }
    if is_safe { None } else { from_elsewhere(headers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn a_session_is_read_back_and_one_that_was_changed_is_not() {
        let session = Session::new().acting_as(Some("writer".to_owned()));
        let cookie = session.cookie(b"key").unwrap();
        let value = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        let read = |value: &str| Session::read(b"key", &headers(&[("cookie", value)]));
        assert_eq!(read(&format!("other=1; {value}")), Some(session.clone()));
        assert_eq!(read(&value.replace("writer", "maintainer")), None);
        assert_eq!(Session::read(b"another key", &headers(&[("cookie", &value)])), None);
        assert!(session.made(b"key", &session.token(b"key")));
        assert!(!session.made(b"key", &Session::new().token(b"key")) && !session.made(b"key", ""));
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.to_str().unwrap().contains(attribute), "{cookie:?}");
        }
    }

    #[test]
    fn requests_with_another_host_or_from_another_site_are_foreign() {
        for host in ["127.0.0.1:3000", "localhost:3000", "[::1]:3000", "10.0.0.7", "LOCALHOST"] {
            assert_eq!(foreign(true, &headers(&[("host", host)])), None, "{host}");
        }
        for host in ["evil.example:3000", "127.0.0.1.evil.example", "", "localhost.evil.example", "[evil]:3000"] {
            assert!(foreign(true, &headers(&[("host", host)])).is_some(), "{host}");
        }
        let post =
            |name: &'static str, value: &str| foreign(false, &headers(&[("host", "127.0.0.1:3000"), (name, value)]));
        assert!(post("origin", "http://127.0.0.1:3000").is_none() && post("sec-fetch-site", "same-origin").is_none());
        for origin in ["null", "http://evil.example", "http://127.0.0.1:3001", "https://127.0.0.1:3000", ""] {
            assert!(post("origin", origin).is_some(), "{origin}");
        }
        assert!(post("sec-fetch-site", "cross-site").is_some() && post("sec-fetch-site", "same-site").is_some());
    }
}
