//! What there is at the beginning: the organisation, its people, the app on its one repository; and how to add to it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::Utc;

use super::{
    app_state::AppState,
    auth::random_hex,
    git::{GitError, Repository, Signature},
    options::{PlaygroundApp, SeedLabel, SeedText},
    seed,
    state::{
        Access, Account, AccountKind, App, Id, Label, Member, OrgRole, Organization, Permissions, Repo, Role, Scope,
        Shown, State,
    },
};

/// The people of the seed, and what they may do in `acme/widgets`.
pub(crate) const PEOPLE: [(&str, Role); 4] =
    [("maintainer", Role::Admin), ("writer", Role::Write), ("triager", Role::Triage), ("outsider", Role::Read)];

const OWNER: &str = "acme";
const REPOSITORY: &str = "widgets";

/// What the app is told about, of all that happens.
const EVENTS: [&str; 11] = [
    "check_run",
    "check_suite",
    "create",
    "delete",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "status",
];

/// What the app may do, as its manifest asks for it.
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

/// The model before anything happened: the organisation, the app and its bot, and the people.
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

/// GitHub's own app, under the id that it has on github.com.
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
    /// A new account.
    pub(crate) fn add_account(&mut self, login: &str, name: &str, kind: AccountKind) -> Id {
        let id = self.new_id();
        // GitHub's own no-reply addresses, by which it knows whose a commit is.
        let email = format!("{id}+{login}@users.noreply.github.com");
        let account =
            Account { id, login: login.to_owned(), name: name.to_owned(), email, kind, created_at: self.now() };
        self.accounts.insert(id, account);
        id
    }

    /// A user with the token `playground-<login>`; one that is there already stays.
    pub(crate) fn add_user(&mut self, login: &str) -> Id {
        if let Some(account) = self.account_by_login(login) {
            return account.id;
        }
        let mut letters = login.chars();
        let name: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        let id = self.add_account(login, &name, AccountKind::User);
        self.user_tokens.insert(token_of(login), id);
        id
    }

    /// Gives a repository the people of the seed, and the labels of the app.
    pub(crate) fn settle(&mut self, repo: Id, labels: &[SeedLabel]) {
        for (login, role) in PEOPLE {
            let id = self.add_user(login);
            self.repo_mut(repo).collaborators.insert(id, role);
        }
        for label in labels {
            seed::ensure_label(self, repo, label);
        }
    }

    /// The account's signature under commits.
    pub(crate) fn signature_of(&self, account: Id) -> Signature {
        let account = self.account(account);
        Signature { name: account.name.clone(), email: account.email.clone(), date: self.now() }
    }
}

/// The token of a user of the playground.
pub(crate) fn token_of(login: &str) -> String {
    format!("playground-{login}")
}

/// Writes the files of `acme/widgets` where [`AppState::seed`] will find them. It takes as long as making the app's key does, and can
/// be done beside it.
pub(crate) async fn plant_ahead(author: Signature, data: &Path, more: &[SeedText]) -> Result<(), GitError> {
    let path = repository_path(data, OWNER, REPOSITORY);
    if path.join("HEAD").exists() {
        return Ok(());
    }
    let git = Repository::init(&path, seed::DEFAULT_BRANCH).await?;
    seed::plant_widgets(&git, &author, more).await.map(|_| ())
}

fn repository_path(data: &Path, login: &str, name: &str) -> PathBuf {
    data.join("repositories").join(login).join(format!("{name}.git"))
}

impl AppState {
    /// Makes `acme/widgets` with its content and its people, and installs the app on it.
    pub(crate) async fn seed(self: &Arc<Self>) -> Result<Id, GitError> {
        let (owner, author) = {
            let state = self.state();
            let maintainer = state.account_by_login(PEOPLE[0].0).map_or(state.app.bot, |account| account.id);
            (state.app.owner, state.signature_of(maintainer))
        };
        let description = Some("Small parts, well made.".to_owned());
        let repo = self.add_repository(owner, REPOSITORY, description, false, seed::DEFAULT_BRANCH).await?;
        let git = self.state().repo_by_id(repo).git.clone();
        if git.branches().await?.is_empty() {
            seed::plant_widgets(&git, &author, &self.app.files).await?;
        }
        let mut state = self.state();
        state.settle(repo, &self.app.labels);
        self.install(&mut state, owner, repo);
        Ok(repo)
    }

    /// Makes a repository without content. One whose folder is there already keeps what it has.
    pub(crate) async fn add_repository(
        &self,
        owner: Id,
        name: &str,
        description: Option<String>,
        private: bool,
        default_branch: &str,
    ) -> Result<Id, GitError> {
        let path = self.repository_path(owner, name);
        let git = if path.join("HEAD").exists() {
            Repository::open(&path)?
        } else {
            Repository::init(&path, default_branch).await?
        };
        let mut state = self.state();
        let (id, now) = (state.new_id(), state.now());
        let labels = default_labels(&mut state);
        let mut repo = Repo::new((id, owner), name, default_branch, Arc::new(git), now);
        repo.labels = labels;
        repo.description = description;
        repo.private = private;
        let place = state.place(owner, name);
        state.moved.remove(&place);
        state.repos.insert(id, repo);
        Ok(id)
    }

    /// A folder for a repository: the one of its name, unless another repository that was called so is still there.
    fn repository_path(&self, owner: Id, name: &str) -> PathBuf {
        let state = self.state();
        let login = &state.account(owner).login;
        let taken =
            |path: &PathBuf| state.repos.values().chain(state.deleted.values()).any(|repo| repo.git.path() == path);
        let first = repository_path(&self.data, login, name);
        if !taken(&first) {
            return first;
        }
        let others = (2_u32..).map(|number| repository_path(&self.data, login, &format!("{name}.{number}")));
        others.into_iter().find(|path| !taken(path) && !path.exists()).unwrap_or(first)
    }
}

/// The labels that every new repository has on GitHub, as far as anybody here uses them.
fn default_labels(state: &mut State) -> Vec<Label> {
    let defaults = [
        ("bug", "d73a4a", "Something isn't working"),
        ("documentation", "0075ca", "Improvements or additions to documentation"),
        ("enhancement", "a2eeef", "New feature or request"),
        ("good first issue", "7057ff", "Good for newcomers"),
    ];
    defaults
        .map(|(name, color, description)| Label {
            id: state.new_id(),
            name: name.to_owned(),
            color: color.to_owned(),
            description: Some(description.to_owned()),
        })
        .to_vec()
}
