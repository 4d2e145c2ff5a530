//! One app on one GitHub.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    error::GitHubError,
    gate::{Gate, Write},
    model::{Account, Repository},
    repository::RepoClient,
    token::{Scope, Tokens},
    transport::{Answer, CALL_TIMEOUT, Request, Transport, segment},
};
use adjutant_domain::ids::{Login, Repo};

/// The identity and the address of an app.
#[derive(Debug, Clone)]
pub struct GitHubConfig {
    /// The base URL of its pages: `https://github.com`, or a GitHub Enterprise Server's URL.
    pub url: String,
    pub app_id: u64,
    /// The app's RSA key, PEM.
    pub private_key: SecretString,
}

/// One app on one GitHub. Clones share everything.
#[derive(Clone)]
pub struct GitHub {
    shared: Arc<Shared>,
}

struct Shared {
    transport: Transport,
    tokens: Tokens,
    gates: Mutex<HashMap<u64, Arc<Gate>>>,
    /// The installation that covers a repository now, by repository id and by the installation that covered it before.
    /// An account that installs the app again gets a new installation, and a transferred repository gets that of its
    /// new owner.
    moved: Mutex<HashMap<(u64, u64), u64>>,
    identity: OnceCell<AppIdentity>,
}

/// Whether the app has access to a repository now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    Granted,
    /// It has none, for this reason.
    None(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppIdentity {
    pub id: u64,
    pub slug: String,
    pub name: String,
    /// The login of the app's bot account: `slug[bot]`.
    pub bot_login: Login,
    /// The bot account's id, which is not the app's.
    pub bot_user_id: u64,
    /// The address that GitHub attributes to the bot account in commits.
    pub commit_email: String,
}

impl GitHub {
    /// Sets up the gateway without a request to GitHub. Must be called within a Tokio runtime.
    pub fn new(config: GitHubConfig) -> Result<Self, GitHubError> {
        Self::with_timeout(config, CALL_TIMEOUT)
    }

    /// As [`Self::new`], with another time limit for one call.
    pub fn with_timeout(config: GitHubConfig, timeout: Duration) -> Result<Self, GitHubError> {
        let GitHubConfig { url, app_id, private_key } = config;
        let shared = Shared {
            transport: Transport::new(&url, app_id, &private_key, timeout)?,
            tokens: Tokens::default(),
            gates: Mutex::default(),
            moved: Mutex::default(),
            identity: OnceCell::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub fn app_id(&self) -> u64 {
        self.shared.transport.app_id()
    }

    /// The identity of this app. It is requested once and then cached.
    pub async fn app(&self) -> Result<AppIdentity, GitHubError> {
        self.shared.identity.get_or_try_init(|| self.read_identity()).await.cloned()
    }

    /// A client for a repository, through the installation that covers it.
    pub fn repository(&self, repo: &Repo) -> RepoClient {
        RepoClient::new(self.clone(), repo.clone())
    }

    /// Whether the app has access to a repository now, asked as the app itself. If a new installation covers the
    /// repository, it is used from then on.
    ///
    /// <https://docs.github.com/en/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app>
    pub async fn access(&self, repo: &Repo) -> Result<Access, GitHubError> {
        let path = format!("/repos/{}/{}/installation", segment(&repo.owner), segment(&repo.name));
        let installation: Installation = match self.as_app(&Request::get(path)).await {
            Ok(answer) => answer.json()?,
            Err(error) if error.is_absent() => {
                return Ok(Access::None("the app is not installed on the repository".to_owned()));
            }
            Err(error) => return Err(error),
        };
        if installation.suspended_at.is_some() {
            return Ok(Access::None(format!("the app's installation {} is suspended", installation.id)));
        }
        let known = (repo.id, repo.installation);
        if installation.id == repo.installation {
            self.moved().remove(&known);
        } else if self.has_its_name(repo, installation.id).await? {
            self.moved().insert(known, installation.id);
        } else {
            return Ok(Access::None("another repository has its name now".to_owned()));
        }
        Ok(Access::Granted)
    }

    /// Whether the repository that another installation covers under this name is the same one. Anybody can take an
    /// abandoned name.
    async fn has_its_name(&self, repo: &Repo, installation: u64) -> Result<bool, GitHubError> {
        let path = format!("/repos/{}/{}", segment(&repo.owner), segment(&repo.name));
        let named: Repository = self.read(installation, &Request::get(path)).await?.ok()?.json()?;
        Ok(named.id == repo.id)
    }

    fn moved(&self) -> std::sync::MutexGuard<'_, HashMap<(u64, u64), u64>> {
        self.shared.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The installation that covers a repository now.
    pub(crate) fn installation_of(&self, repo: &Repo) -> u64 {
        self.moved().get(&(repo.id, repo.installation)).copied().unwrap_or(repo.installation)
    }

    /// Drops the cached tokens that git uses for a repository, because one may have been revoked early.
    pub async fn forget_git_tokens(&self, repo: &Repo) {
        self.shared.tokens.forget_contents(repo.id).await;
    }

    /// The base URL of this GitHub's pages, without a trailing slash.
    pub fn web_url(&self) -> &str {
        &self.shared.transport.urls().web
    }

    /// The URL of a repository for git. It contains no token.
    pub fn git_url(&self, repo: &Repo) -> String {
        format!("{}/{}/{}.git", self.web_url(), segment(&repo.owner), segment(&repo.name))
    }

    /// The password with which git, as `x-access-token`, may read and push this one repository, except files under
    /// `.github/workflows/`. Valid for at least five minutes.
    pub async fn git_token(&self, repo: &Repo) -> Result<SecretString, GitHubError> {
        self.contents_token(repo, false).await
    }

    /// As [`Self::git_token`], with the permission to push workflows.
    pub async fn git_token_with_workflows(&self, repo: &Repo) -> Result<SecretString, GitHubError> {
        self.contents_token(repo, true).await
    }

    async fn contents_token(&self, repo: &Repo, workflows: bool) -> Result<SecretString, GitHubError> {
        let scope = Scope::Contents { repository: repo.id, workflows };
        self.shared.tokens.get(&self.shared.transport, self.installation_of(repo), scope).await
    }

    /// Sends a read through an installation.
    pub(crate) async fn read(&self, installation: u64, request: &Request) -> Result<Answer, GitHubError> {
        let gate = self.gate(installation);
        gate.read().await?;
        self.through(installation, &gate, request).await
    }

    /// Sends a write through an installation, one at a time. The answer may be an error of GitHub's.
    pub(crate) async fn write(
        &self,
        installation: u64,
        write: Write,
        request: &Request,
    ) -> Result<Answer, GitHubError> {
        let gate = self.gate(installation);
        let _alone = gate.write(write).await?;
        self.through(installation, &gate, request).await
    }

    /// Runs a GraphQL mutation through an installation.
    pub(crate) async fn mutate(&self, installation: u64, query: &str, input: Value) -> Result<Value, GitHubError> {
        let body = json!({ "query": query, "variables": { "input": input } });
        let request = Request::new(Method::POST, self.shared.transport.urls().graphql, Some(body));
        let answer = self.write(installation, Write::Changes, &request).await?.ok()?;
        let reply: GraphQl = answer.json()?;
        match reply.errors.first() {
            None => Ok(reply.data.unwrap_or_default()),
            Some(error) => Err(error.told(&answer)),
        }
    }

    async fn through(&self, installation: u64, gate: &Gate, request: &Request) -> Result<Answer, GitHubError> {
        let Shared { transport, tokens, .. } = &*self.shared;
        let token = tokens.get(transport, installation, Scope::Installation).await?;
        let mut answer = transport.send(request, Some(&token)).await?;
        if answer.status == http::StatusCode::UNAUTHORIZED {
            // The token was revoked early (the app's key or permissions changed). A request that was answered with 401
            // had no effect, so even a write can be repeated with a new token.
            tokens.forget(installation, Scope::Installation, &token).await;
            let token = tokens.get(transport, installation, Scope::Installation).await?;
            answer = transport.send(request, Some(&token)).await?;
        }
        let refused = (!answer.status.is_success()).then(|| answer.error());
        gate.observe(&answer.headers, refused.as_ref());
        Ok(answer)
    }

    pub(crate) async fn as_app(&self, request: &Request) -> Result<Answer, GitHubError> {
        let transport = &self.shared.transport;
        transport.send(request, Some(&transport.app_token()?)).await?.ok()
    }

    fn gate(&self, installation: u64) -> Arc<Gate> {
        let mut gates = self.shared.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(installation).or_insert_with(|| Arc::new(Gate::new())))
    }

    async fn read_identity(&self) -> Result<AppIdentity, GitHubError> {
        let app: App = self.as_app(&Request::get("/app")).await?.json()?;
        let login = format!("{}[bot]", app.slug);
        let user = Request::get(format!("/users/{}", segment(&login)));
        // Users cannot be read with the app's own token, and a server in private mode answers no anonymous request.
        let installations: Vec<Installation> =
            self.as_app(&Request::get("/app/installations?per_page=1")).await?.json()?;
        let answer = match installations.first() {
            Some(installation) => self.read(installation.id, &user).await?,
            None => self.shared.transport.send(&user, None).await?,
        };
        let bot: Account = answer.ok()?.json()?;
        let host = &self.shared.transport.urls().host;
        Ok(AppIdentity {
            id: app.id,
            name: app.name,
            commit_email: format!("{}+{login}@users.noreply.{host}", bot.id),
            bot_login: bot.login,
            bot_user_id: bot.id,
            slug: app.slug,
        })
    }
}

#[derive(Deserialize)]
struct App {
    id: u64,
    slug: String,
    name: String,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
    #[serde(default)]
    suspended_at: Option<chrono::DateTime<chrono::Utc>>,
}

#[derive(Deserialize)]
struct GraphQl {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<GraphQlError>,
}

/// <https://docs.github.com/en/graphql/guides/introduction-to-graphql>: errors come with status 200 and a type.
#[derive(Deserialize)]
struct GraphQlError {
    message: String,
    #[serde(default, rename = "type")]
    kind: String,
}

impl GraphQlError {
    fn told(&self, answer: &Answer) -> GitHubError {
        let message = self.message.clone();
        match self.kind.as_str() {
            "NOT_FOUND" => GitHubError::NotFound { what: message },
            "FORBIDDEN" | "INSUFFICIENT_SCOPES" => GitHubError::Forbidden { message },
            "RATE_LIMITED" | "RATE_LIMIT" => {
                let after = super::error::exhausted_for(&answer.headers, chrono::Utc::now());
                GitHubError::Retry { after: after.unwrap_or(super::error::UNNAMED_LIMIT), message }
            }
            _ => GitHubError::Validation { message },
        }
    }
}
