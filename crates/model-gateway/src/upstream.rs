//! The provider of models: where it is, what it is paid with, and what it is asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use globset::{Glob, GlobSet, GlobSetBuilder};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use secrecy::{ExposeSecret, SecretString};

use crate::breaker::Breaker;
use crate::price::PriceTable;
use crate::wire::Api;

/// The header that Anthropic wants beside a subscription's token.
const OAUTH_BETA: &str = "oauth-2025-04-20";
/// To connect to the provider.
const CONNECT: Duration = Duration::from_secs(20);

/// What requests are paid with. A provider has exactly one.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An API key, which each form has a header of its own for.
    Key(SecretString),
    /// A token of a subscription, or of a proxy that takes `Authorization: Bearer`.
    Token(SecretString),
    /// None, for a server of the operator's own.
    None,
}

/// A provider, shared by all runs that use it.
#[derive(Debug)]
pub struct Upstream {
    /// The operator's name for it.
    pub name: String,
    base: String,
    credential: Credential,
    models: Option<(GlobSet, String)>,
    /// The prices of its models.
    pub prices: Arc<PriceTable>,
    /// An answer that stops for so long is ended.
    pub stall: Duration,
    /// Before a request is tried again.
    pub pause: Duration,
    pub(crate) client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    breaker: Mutex<Breaker>,
}

/// An error of the provider, as the agent was told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamError {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// The provider's words, bounded, without its credential.
    pub message: String,
}

/// What a provider is asked for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamState {
    Open,
    /// It asked to wait.
    Waiting {
        left: Duration,
        reason: String,
    },
}

impl Upstream {
    /// A provider at `base`, an `http` or `https` address without query. The error is a sentence for the operator.
    pub fn new(name: &str, base: &str, credential: Credential, prices: Arc<PriceTable>) -> Result<Self, String> {
        let base = base.trim_end_matches('/');
        let uri: Uri = base.parse().map_err(|error| format!("`{base}` is no address: {error}"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(format!("`{base}` is no address of a server: give one such as https://api.anthropic.com"));
        }
        if uri.query().is_some() {
            return Err(format!("`{base}` has a query: give the address without it"));
        }
        if let Credential::Key(secret) | Credential::Token(secret) = &credential {
            HeaderValue::from_str(secret.expose_secret())
                .map_err(|_| "the key has a character that no key has, such as a line break".to_owned())?;
        }
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Ok(Self {
            name: name.to_owned(),
            base: base.to_owned(),
            credential,
            models: None,
            prices,
            stall: Duration::from_mins(2),
            pause: Duration::from_secs(1),
            client,
            breaker: Mutex::default(),
        })
    }

    /// Allows only models whose names match one of the patterns.
    pub fn with_models(mut self, patterns: &[String]) -> Result<Self, String> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(Glob::new(pattern).map_err(|error| format!("`{pattern}` is no pattern: {error}"))?);
        }
        let set = set.build().map_err(|error| error.to_string())?;
        self.models = Some((set, patterns.join(", ")));
        Ok(self)
    }

    /// Whether requests are sent now.
    pub fn state(&self) -> UpstreamState {
        match self.breaker().waiting() {
            Some((left, reason)) => UpstreamState::Waiting { left, reason },
            None => UpstreamState::Open,
        }
    }

    /// The allowed models in words, if this is none of them.
    pub(crate) fn refuses_model(&self, model: &str) -> Option<String> {
        let (set, patterns) = self.models.as_ref()?;
        (!set.is_match(model)).then(|| patterns.clone())
    }

    pub(crate) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of a request, from its path and query.
    pub(crate) fn address(&self, path: &str, query: Option<&str>) -> Result<Uri, http::uri::InvalidUri> {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{path}{query}", self.base).parse()
    }

    /// The member that caps a Chat Completions request which names none. OpenAI's newer models refuse the older name;
    /// others know only that.
    pub(crate) fn chat_cap(&self) -> &'static str {
        if self.base.contains("://api.openai.com") { "max_completion_tokens" } else { "max_tokens" }
    }

    /// Replaces the run's own key by the provider's.
    pub(crate) fn pay(&self, api: Api, headers: &mut HeaderMap) {
        for name in KEYS {
            headers.remove(name);
        }
        let (name, value) = match (&self.credential, api) {
            (Credential::None, _) => return,
            (Credential::Key(key), Api::Messages) => (X_API_KEY, key.expose_secret().to_owned()),
            (Credential::Key(key), Api::Gemini) => (X_GOOG_API_KEY, key.expose_secret().to_owned()),
            (Credential::Key(key) | Credential::Token(key), _) => {
                (header::AUTHORIZATION, format!("Bearer {}", key.expose_secret()))
            }
        };
        // `new` has tried it.
        if let Ok(mut value) = HeaderValue::from_str(&value) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        if matches!((&self.credential, api), (Credential::Token(_), Api::Messages)) {
            with_oauth(headers);
        }
    }

    /// A text without the credential.
    pub(crate) fn clean(&self, text: &str) -> String {
        match &self.credential {
            Credential::Key(secret) | Credential::Token(secret) if !secret.expose_secret().is_empty() => {
                text.replace(secret.expose_secret(), "[redacted]")
            }
            _ => text.to_owned(),
        }
    }
}

pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
pub(crate) const X_GOOG_API_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");
/// The headers that a key comes in.
pub(crate) const KEYS: [HeaderName; 4] =
    [header::AUTHORIZATION, X_API_KEY, X_GOOG_API_KEY, HeaderName::from_static("api-key")];

fn with_oauth(headers: &mut HeaderMap) {
    const BETA: HeaderName = HeaderName::from_static("anthropic-beta");
    let has = headers.get_all(BETA).iter().any(|value| value.to_str().is_ok_and(|text| text.contains(OAUTH_BETA)));
    if !has {
        headers.append(BETA, HeaderValue::from_static(OAUTH_BETA));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(base: &str, credential: Credential) -> Result<Upstream, String> {
        Upstream::new("anthropic", base, credential, Arc::new(PriceTable::shipped()))
    }

    #[tokio::test]
    async fn what_is_no_address_and_no_key_is_refused() {
        for base in ["", "api.anthropic.com", "ftp://x", "https://", "http://x/?a=1", "http://a b"] {
            assert!(upstream(base, Credential::None).is_err(), "{base}");
        }
        assert!(upstream("https://x", Credential::Key("a\nb".into())).is_err());
        let upstream = upstream("https://proxy.example/v9/", Credential::None).unwrap();
        assert_eq!(
            upstream.address("/v1/messages", Some("beta=true")).unwrap(),
            "https://proxy.example/v9/v1/messages?beta=true"
        );
    }

    #[tokio::test]
    async fn the_runs_key_is_replaced_in_whatever_header_it_came() {
        for (credential, api, name, value) in [
            (Credential::Key("real".into()), Api::Messages, "x-api-key", "real"),
            (Credential::Key("real".into()), Api::Responses, "authorization", "Bearer real"),
            (Credential::Key("real".into()), Api::Gemini, "x-goog-api-key", "real"),
            (Credential::Token("real".into()), Api::Messages, "authorization", "Bearer real"),
        ] {
            let mut headers = HeaderMap::new();
            for key in KEYS {
                headers.insert(key, HeaderValue::from_static("of the run"));
            }
            upstream("https://x", credential).unwrap().pay(api, &mut headers);
            let left: Vec<_> = KEYS.iter().filter_map(|key| headers.get(key)).collect();
            assert_eq!(left, [value], "{api:?}");
            assert_eq!(headers[name], value);
        }
    }

    #[tokio::test]
    async fn only_the_named_models_are_allowed() {
        let upstream = upstream("https://x", Credential::None).unwrap().with_models(&["claude-*".to_owned()]).unwrap();
        assert_eq!(upstream.refuses_model("claude-x"), None);
        assert_eq!(upstream.refuses_model("gpt-x"), Some("claude-*".to_owned()));
    }
}
