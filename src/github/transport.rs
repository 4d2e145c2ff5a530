//! Sends one request and returns one answer. octocrab is the HTTP client.
//!
//! octocrab 0.54.9 joins paths to a base URL in a way that fails on servers other than github.com: it sends GraphQL
//! below `/api/v3`, and follows a `Link` to page 2 without authorisation. Therefore it gets only the origin, every path
//! here is complete, and every request has its own `Authorization`. Its retry is off, because it would repeat a POST
//! that was done.

use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt, Limited};
use octocrab::{Octocrab, auth::AppAuth, models::AppId};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::GitHubError;
use adjutant_domain::input;
use adjutant_domain::text::percent_encoded;

/// The time limit for one call.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;

/// How many redirects are followed. A renamed repository answers with one.
///
/// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>
const REDIRECTS: usize = 3;

/// The connection to one GitHub.
pub(crate) struct Transport {
    octocrab: Octocrab,
    app: AppAuth,
    urls: Urls,
    timeout: Duration,
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// A path below the REST root, with its query; or a complete URL from a `Link` header.
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    pub(crate) redirects: Redirects,
}

/// Where redirects may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// To the API itself.
    Api,
    /// To any server, which gets no token: GitHub keeps logs on others.
    ///
    /// <https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run>
    AnyServer,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Bytes,
    what: String,
    /// The target of the last redirect, if there was one.
    pub(crate) led_to: Option<String>,
}

impl Transport {
    pub(crate) fn new(url: &str, app_id: u64, key: &SecretString, timeout: Duration) -> Result<Self, GitHubError> {
        let urls = Urls::of(url)?;
        let key = jsonwebtoken::EncodingKey::from_rsa_pem(key.expose_secret().as_bytes()).map_err(|error| {
            GitHubError::Setup(format!("the app's private key is not an RSA key in PEM form ({error})"))
        })?;
        let octocrab = Octocrab::builder()
            .base_uri(urls.api_origin.as_str())
            .map_err(|error| GitHubError::Setup(format!("`{url}` is no URL: {error}")))?
            .set_connect_timeout(Some(CONNECT_TIMEOUT))
            .set_read_timeout(Some(timeout))
            .set_write_timeout(Some(timeout))
            .build()
            .map_err(|error| GitHubError::Setup(format!("no HTTP client could be built: {error}")))?;
        Ok(Self { octocrab, app: AppAuth { app_id: AppId(app_id), key }, urls, timeout })
    }

    pub(crate) fn urls(&self) -> &Urls {
        &self.urls
    }

    pub(crate) fn app_id(&self) -> u64 {
        self.app.app_id.0
    }

    /// A token of the app itself: RS256, issued one minute in the past, expires after nine minutes.
    pub(crate) fn app_token(&self) -> Result<SecretString, GitHubError> {
        self.app
            .generate_bearer_token()
            .map(SecretString::from)
            .map_err(|_| GitHubError::Setup("the app's private key could not sign".to_owned()))
    }

    /// Sends a request and returns the answer, even if it is an error of GitHub's.
    pub(crate) async fn send(&self, request: &Request, token: Option<&SecretString>) -> Result<Answer, GitHubError> {
        let what = request.what();
        tokio::time::timeout(self.timeout, self.follow(request, token)).await.unwrap_or_else(|_| {
            Err(GitHubError::Network { message: format!("no answer to {what} within {:?}", self.timeout) })
        })
    }

    async fn follow(&self, request: &Request, token: Option<&SecretString>) -> Result<Answer, GitHubError> {
        let mut path = self.urls.path(&request.path)?;
        let (mut token, mut led_to) = (token, None);
        for _ in 0..=REDIRECTS {
            let mut answer = self.once(request, &path, token).await?;
            let moved = matches!(answer.status.as_u16(), 301 | 302 | 307 | 308);
            match answer.headers.get(header::LOCATION).and_then(|location| location.to_str().ok()) {
                Some(location) if moved && request.redirects == Redirects::AnyServer => {
                    location.clone_into(&mut path);
                    token = None;
                }
                Some(location) if moved => {
                    path = self.urls.path(location)?;
                    led_to = Some(path.clone());
                }
                _ => {
                    answer.led_to = led_to;
                    return Ok(answer);
                }
            }
        }
        Err(GitHubError::Unexpected {
            what: request.what(),
            status: 302,
            message: "GitHub redirected too often".to_owned(),
        })
    }

    async fn once(&self, request: &Request, path: &str, token: Option<&SecretString>) -> Result<Answer, GitHubError> {
        let what = request.what();
        let malformed = |message: String| GitHubError::Malformed { what: what.clone(), message };
        let mut builder = http::request::Builder::new()
            .method(request.method.clone())
            .uri(path)
            .header(header::ACCEPT, "application/vnd.github+json");
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
                .map_err(|_| GitHubError::Setup("a token of GitHub's does not fit a header".to_owned()))?;
            value.set_sensitive(true);
            builder = builder.header(header::AUTHORIZATION, value);
        }
        let request = self
            .octocrab
            .build_request(builder, request.body.as_ref())
            .map_err(|error| malformed(error.to_string()))?;
        // `send` and not `execute`, because `execute` would add octocrab's own authorisation.
        let response = self.octocrab.send(request).await.map_err(|error| network(&what, &error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER)
            .collect()
            .await
            .map_err(|error| GitHubError::Network { message: format!("the answer to {what} broke off: {error}") })?
            .to_bytes();
        tracing::debug!(call = %what, status = parts.status.as_u16(), "asked GitHub");
        Ok(Answer { status: parts.status, headers: parts.headers, body, what, led_to: None })
    }
}

fn network(what: &str, error: &octocrab::Error) -> GitHubError {
    // Only the innermost cause says what happened ("connection refused").
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    GitHubError::Network { message: format!("{what}: {cause}") }
}

impl Request {
    pub(crate) fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Self { method, path: path.into(), body, redirects: Redirects::Api }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, None)
    }

    /// The same, and a redirect may lead to any server.
    pub(crate) fn for_any_server(self) -> Self {
        Self { redirects: Redirects::AnyServer, ..self }
    }

    fn what(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Answer {
    /// The response if its status is a success, else its error.
    pub(crate) fn ok(self) -> Result<Self, GitHubError> {
        if self.status.is_success() { Ok(self) } else { Err(self.error()) }
    }

    /// The error of this response.
    pub(crate) fn error(&self) -> GitHubError {
        GitHubError::of(&self.what, self.status, &self.headers, &self.body, Utc::now())
    }

    /// The body, read as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, GitHubError> {
        input::json(&self.body)
            .map_err(|error| GitHubError::Malformed { what: self.what.clone(), message: error.to_string() })
    }

    /// The body as text. What is no UTF-8 is replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The next page, according to the `Link` header.
    ///
    /// <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>
    pub(crate) fn next_page(&self) -> Option<String> {
        let links = self.headers.get(header::LINK)?.to_str().ok()?;
        links.split(',').find_map(|link| {
            let (url, parameters) = link.trim().split_once('>')?;
            parameters.contains(r#"rel="next""#).then(|| url.trim_start_matches('<').to_owned())
        })
    }
}

/// The URLs of one GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Urls {
    /// The base of git URLs and pages, without a trailing slash.
    pub(crate) web: String,
    /// The host, for the bot's e-mail address.
    pub(crate) host: String,
    /// The scheme and authority of the APIs.
    pub(crate) api_origin: String,
    /// The prefix of every REST path.
    rest: &'static str,
    /// The GraphQL endpoint's path.
    pub(crate) graphql: &'static str,
}

impl Urls {
    /// <https://docs.github.com/en/enterprise-server@latest/rest/quickstart>: a GitHub Enterprise Server has its REST
    /// API at `/api/v3` and GraphQL at `/api/graphql`. GitHub itself has both on a separate host.
    pub(crate) fn of(url: &str) -> Result<Self, GitHubError> {
        let wrong = |why: &str| {
            GitHubError::Setup(format!(
                "`{url}` is not the URL of a GitHub ({why}); give it as https://github.example.com"
            ))
        };
        let uri: Uri = url.trim_end_matches('/').parse().map_err(|_| wrong("it is no URL"))?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"));
        let scheme = scheme.ok_or_else(|| wrong("it must start with https:// or http://"))?;
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err(wrong("it must have no path"));
        }
        if authority.as_str().contains('@') {
            return Err(GitHubError::Setup("the URL of GitHub must hold no user or password".to_owned()));
        }
        let web = format!("{scheme}://{authority}");
        let (api_origin, rest, graphql) = match authority.host() {
            "github.com" | "www.github.com" | "api.github.com" => ("https://api.github.com".to_owned(), "", "/graphql"),
            // GitHub Enterprise Cloud with data residency has its API on a separate host, like github.com.
            host if host.ends_with(".ghe.com") => (format!("{scheme}://api.{authority}"), "", "/graphql"),
            _ => (web.clone(), "/api/v3", "/api/graphql"),
        };
        let web = if api_origin == "https://api.github.com" { "https://github.com".to_owned() } else { web };
        let host = if api_origin == "https://api.github.com" { "github.com" } else { authority.host() };
        Ok(Self { host: host.to_owned(), web, api_origin, rest, graphql })
    }

    /// The complete path of a request. A URL of another host is refused, because that host would get our token.
    fn path(&self, path: &str) -> Result<String, GitHubError> {
        if let Some(below) = path.strip_prefix(self.api_origin.as_str())
            && below.starts_with('/')
        {
            return Ok(below.to_owned());
        }
        if path == self.graphql {
            return Ok(path.to_owned());
        }
        if path.starts_with('/') && !path.starts_with("//") {
            return Ok(format!("{}{path}", self.rest));
        }
        Err(GitHubError::Malformed {
            what: "a link".to_owned(),
            message: format!("it leads away from {}", self.api_origin),
        })
    }
}

/// A path segment, percent-encoded, slashes included.
pub(crate) fn segment(text: &str) -> String {
    percent_encoded(text, "")
}

/// A path of several segments, percent-encoded except for the slashes.
pub(crate) fn segments(text: &str) -> String {
    percent_encoded(text, "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn github_has_its_api_on_a_host_of_its_own_and_a_server_below_a_path() {
        let github = Urls::of("https://github.com/").unwrap();
        assert_eq!(github.path("/app").unwrap(), "/app");
        assert_eq!((github.api_origin.as_str(), github.graphql), ("https://api.github.com", "/graphql"));
        assert_eq!(github.web, "https://github.com");

        let server = Urls::of("http://127.0.0.1:3000").unwrap();
        assert_eq!(server.path("/app").unwrap(), "/api/v3/app");
        assert_eq!(server.path(server.graphql).unwrap(), "/api/graphql");
        assert_eq!((server.web.as_str(), server.host.as_str()), ("http://127.0.0.1:3000", "127.0.0.1"));
    }

    #[test]
    fn a_link_is_followed_on_the_same_host_only() {
        let server = Urls::of("http://ghe.example:3000").unwrap();
        assert_eq!(server.path("http://ghe.example:3000/api/v3/app?page=2").unwrap(), "/api/v3/app?page=2");
        for elsewhere in ["http://ghe.example:3000.evil.example/app", "https://evil.example/app", "//evil.example/app"]
        {
            assert!(server.path(elsewhere).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn an_invalid_url_is_refused_with_an_example() {
        for wrong in ["github.com", "ftp://github.com", "https://ghe.example/api/v3", ""] {
            let told = Urls::of(wrong).unwrap_err().to_string();
            assert!(told.contains("https://github.example.com"), "{wrong}: {told}");
        }
    }

    #[test]
    fn names_are_escaped_in_paths() {
        assert_eq!(segment("adjutant[bot]"), "adjutant%5Bbot%5D");
        assert_eq!(segment("a/b c"), "a%2Fb%20c");
        assert_eq!(segments("adjutant/7-1/g1-päth"), "adjutant/7-1/g1-p%C3%A4th");
    }

    #[test]
    fn the_next_page_is_read_from_the_link_header() {
        let mut headers = HeaderMap::new();
        let link = r#"<http://h/api/v3/x?page=1>; rel="prev", <http://h/api/v3/x?page=3>; rel="next""#;
        headers.insert(header::LINK, link.parse().unwrap());
        let answer = Answer { status: StatusCode::OK, headers, body: Bytes::new(), what: String::new(), led_to: None };
        assert_eq!(answer.next_page().as_deref(), Some("http://h/api/v3/x?page=3"));
    }
}
