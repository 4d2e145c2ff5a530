//! The initial state: the organisation, its people, and the app installed on its only repository.

use std::{path::Path, sync::Arc};

use chrono::Utc;

use super::{DEFAULT_BRANCH, ensure_label, plant_widgets};
use crate::{
    acts::repository_path,
    app_state::AppState,
    git::{GitError, Repository, Signature},
    keys::random_hex,
    options::{PlaygroundApp, SeedLabel, SeedText},
    state::{
        Access, AccountKind, App, Id, Member, OrgRole, Organization, PEOPLE, Permissions, Role, Scope, Shown, State,
    },
};

const OWNER: &str = "acme";
const REPOSITORY: &str = "widgets";

/// The events that the app subscribes to.
const EVENTS: [&str; 12] = [
    "check_run",
    "check_suite",
    "create",
    "delete",
    "issue_comment",
    "issues",
    "merge_group",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "status",
];

/// The permissions of the app, as in its manifest.
fn permissions() -> Permissions {
    [
        (Scope::Actions, Access::Read),
        (Scope::Checks, Access::Write),
        (Scope::Contents, Access::Write),
        (Scope::Issues, Access::Write),
        (Scope::Members, Access::Read),
        (Scope::Metadata, Access::Read),
        (Scope::PullRequests, Access::Write),
        (Scope::Statuses, Access::Read),
        (Scope::Workflows, Access::Write),
    ]
    .into()
}

/// The initial model: the organisation, the app and its bot, and the people.
pub(crate) fn beginning(identity: &PlaygroundApp, webhook_url: Option<String>) -> State {
    let app = App {
        id: 1,
        slug: identity.slug.clone(),
        name: identity.name.clone(),
        owner: 0,
        bot: 0,
        hook_id: 0,
        permissions: permissions(),
        events: EVENTS.map(str::to_owned).to_vec(),
        created_at: Utc::now(),
        client_secret: random_hex(20),
        callback_urls: Vec::new(),
        setup_url: None,
        registration: None,
    };
    let mut state = State::new(app, actions_app(), webhook_url);
    let owner = state.add_account(OWNER, "Acme", AccountKind::Organization);
    let bot = format!("{}[bot]", identity.slug);
    let bot = state.add_account(&bot, &bot, AccountKind::Bot);
    state.app.owner = owner;
    state.app.bot = bot;
    state.app.hook_id = state.new_id();
    for (login, _) in PEOPLE {
        state.add_user(login);
    }
    let founder = Member { role: OrgRole::Owner, shown: Shown::Publicly };
    let members = state.account_by_login(PEOPLE[0].0).map(|account| (account.id, founder)).into_iter().collect();
    state.organizations.insert(owner, Organization { members, base: Some(Role::Read) });
    state.actions.owner = state.add_account("github", "GitHub", AccountKind::Organization);
    state.actions.bot = state.add_account("github-actions[bot]", "github-actions[bot]", AccountKind::Bot);
    state
}

/// GitHub's own app, with its id on github.com.
fn actions_app() -> App {
    App {
        id: 15_368,
        slug: "github-actions".to_owned(),
        name: "GitHub Actions".to_owned(),
        owner: 0,
        bot: 0,
        hook_id: 0,
        permissions: [(Scope::Actions, Access::Write), (Scope::Checks, Access::Write), (Scope::Metadata, Access::Read)]
            .into(),
        events: ["check_run", "check_suite", "merge_group", "pull_request", "push", "repository_dispatch"]
            .map(str::to_owned)
            .to_vec(),
        created_at: Utc::now(),
        client_secret: random_hex(20),
        callback_urls: Vec::new(),
        setup_url: None,
        registration: None,
    }
}

impl State {
    /// Gives a repository the people of the seed and the labels of the app.
    pub(crate) fn settle(&mut self, repo: Id, labels: &[SeedLabel]) {
        for (login, role) in PEOPLE {
            let id = self.add_user(login);
            self.repo_mut(repo).collaborators.insert(id, role);
        }
        for label in labels {
            ensure_label(self, repo, label);
        }
    }
}

/// Writes the files of `acme/widgets` for [`AppState::seed`]. This takes as long as creating the app's key, so both can
/// be done at the same time.
pub(crate) async fn plant_ahead(author: Signature, data: &Path, more: &[SeedText]) -> Result<(), GitError> {
    let path = repository_path(data, OWNER, REPOSITORY);
    if path.join("HEAD").exists() {
        return Ok(());
    }
    let git = Repository::init(&path, DEFAULT_BRANCH).await?;
    plant_widgets(&git, &author, more).await.map(|_| ())
}

impl AppState {
    /// Creates `acme/widgets` with its content and its people, and installs the app on it.
    pub(crate) async fn seed(self: &Arc<Self>) -> Result<Id, GitError> {
        let (owner, author) = {
            let state = self.state();
            let maintainer = state.account_by_login(PEOPLE[0].0).map_or(state.app.bot, |account| account.id);
            (state.app.owner, state.signature_of(maintainer))
        };
        let description = Some("Small parts, well made.".to_owned());
        let repo = self.add_repository(owner, REPOSITORY, description, false, DEFAULT_BRANCH).await?;
        let git = self.state().repo_by_id(repo).git.clone();
        if git.branches().await?.is_empty() {
            plant_widgets(&git, &author, &self.app.files).await?;
        }
        let mut state = self.state();
        state.settle(repo, &self.app.labels);
        self.install(&mut state, owner, repo);
        Ok(repo)
    }
}
