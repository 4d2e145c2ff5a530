//! The app, its installations, its tokens and its deliveries.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use serde::{Deserialize, Serialize};

use super::{Id, Registration, Repo, Time};

/// The object of a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    Actions,
    Administration,
    Checks,
    Contents,
    Issues,
    Members,
    Metadata,
    PullRequests,
    Statuses,
    Workflows,
}

/// The level of a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Access {
    Read,
    Write,
    Admin,
}

/// The permissions of an installation or of one of its tokens.
pub(crate) type Permissions = BTreeMap<Scope, Access>;

/// A GitHub App.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) id: Id,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) owner: Id,
    pub(crate) bot: Id,
    pub(crate) hook_id: Id,
    pub(crate) permissions: Permissions,
    pub(crate) events: Vec<String>,
    pub(crate) created_at: Time,
    pub(crate) client_secret: String,
    pub(crate) callback_urls: Vec<String>,
    pub(crate) setup_url: Option<String>,
    /// Its registration data, if it was registered from a manifest.
    pub(crate) registration: Option<Registration>,
}

impl App {
    /// Its client id in the OAuth flow.
    pub(crate) fn client_id(&self) -> String {
        format!("Iv1.{:016x}", self.id)
    }
}

/// The repositories of an account that an installation covers.
#[derive(Debug, Clone)]
pub(crate) enum Selection {
    /// All of them, including future ones.
    All,
    Selected(BTreeSet<Id>),
}

impl Selection {
    /// The `repository_selection` of GitHub's JSON.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Selected(_) => "selected",
        }
    }
}

/// Who suspended an installation. Only the same side can end the suspension.
/// <https://docs.github.com/en/apps/maintaining-github-apps/suspending-a-github-app-installation>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SuspendedThrough {
    /// The app, through REST.
    App,
    /// The account's owner, on the web page.
    Account,
}

/// A suspension of an installation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suspension {
    pub(crate) by: Id,
    pub(crate) at: Time,
    pub(crate) through: SuspendedThrough,
}

/// An app on an account, with the repositories it may access.
#[derive(Debug, Clone)]
pub(crate) struct Installation {
    pub(crate) id: Id,
    pub(crate) app: Id,
    pub(crate) account: Id,
    pub(crate) selection: Selection,
    pub(crate) permissions: Permissions,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) suspended: Option<Suspension>,
}

impl Installation {
    /// Whether it covers a repository, suspended or not.
    pub(crate) fn reaches(&self, repo: &Repo) -> bool {
        repo.owner == self.account
            && match &self.selection {
                Selection::All => true,
                Selection::Selected(repositories) => repositories.contains(&repo.id),
            }
    }
}

/// The rights of an installation token.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) installation: Id,
    /// `None` for all repositories of the installation, including future ones.
    pub(crate) repositories: Option<BTreeSet<Id>>,
    pub(crate) permissions: Permissions,
    pub(crate) expires_at: Time,
}

/// A webhook that is being sent, or was sent.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) id: Id,
    /// The app that receives it.
    pub(crate) app: Id,
    pub(crate) guid: String,
    pub(crate) event: String,
    pub(crate) action: Option<String>,
    pub(crate) installation: Option<Id>,
    pub(crate) repository: Option<Id>,
    pub(crate) redelivery: bool,
    pub(crate) delivered_at: Time,
    pub(crate) url: String,
    pub(crate) request_headers: BTreeMap<String, String>,
    /// The signed body. As text it needs a fraction of the memory of the parsed value.
    pub(crate) body: Bytes,
    pub(crate) seconds: f64,
    /// 0 until there is an answer. GitHub shows a failure without an answer as `failed to connect`.
    pub(crate) status_code: u16,
    pub(crate) status: String,
    pub(crate) response_headers: BTreeMap<String, String>,
    pub(crate) response_body: String,
}
