//! The model: everything that the playground stores outside git.
//!
//! Plain values behind one lock (see [`super::app_state::AppState`]). Nothing here waits, runs a process or knows HTTP.
//! A handler locks, reads or changes, and unlocks before it runs git. Git's data (commits, branches, trees) is not
//! copied here, except the last known shas of a pull request.

mod account;
mod actions;
mod app;
mod check;
pub(crate) mod ci_script;
mod deliveries;
mod gate;
mod issue;
mod issues;
mod milestone;
mod org;
mod people;
mod protection;
mod pull;
mod queue;
mod registration;
mod repo;
mod wording;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::hook::Hook;

pub(crate) use account::{Account, AccountKind, Role};
pub(crate) use actions::{Actions, Job, JobPlan, Stage, Workflow, WorkflowRun};
pub(crate) use app::{
    Access, App, Delivery, Grant, Installation, Permissions, Scope, Selection, SuspendedThrough, Suspension,
};
pub(crate) use check::{
    Action, Annotation, CheckRun, CheckStatus, CheckSuite, Conclusion, Output, Status, StatusState,
};
pub(crate) use ci_script::CiRule;
pub(crate) use deliveries::Deliveries;
pub(crate) use gate::{AutoMerge, Gate};
pub(crate) use issue::{Comment, Detail, Gone, Issue, IssueEvent, IssueState, Label, Lock, Reaction, ReactionContent};
pub(crate) use issues::Issues;
pub(crate) use milestone::Milestone;
pub(crate) use org::{Member, OrgRole, Organization, Privacy, Shown, Team, TeamRole, slug};
pub(crate) use people::{PEOPLE, token_of};
pub(crate) use protection::{
    Actors, Bypass, BypassActor, BypassMode, Enforcement, MergeQueueParameters, Protection, RequiredCheck,
    RequiredChecks, RequiredReviews, Rule, Rules, Ruleset, Switches, Target,
};
pub(crate) use pull::{Mergeability, Merged, Pull, Review, ReviewComment, ReviewState, Side, Size};
pub(crate) use queue::{Group, MergeQueue, QueueEntry};
pub(crate) use registration::{Agreed, Code, Manifest, Registration, UserGrant};
pub(crate) use repo::{MergeSettings, Repo};
pub(crate) use wording::{MergeBody, MergeTitle, Named, SquashMessage, SquashTitle, Wording};

/// The id of any object. One counter serves all kinds, so that an id of a wrong kind finds nothing.
pub(crate) type Id = u64;

/// A time. GitHub shows whole seconds; the model keeps the clock's precision.
pub(crate) type Time = DateTime<Utc>;

/// Everything that the playground stores outside git.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) accounts: BTreeMap<Id, Account>,
    /// The additional data of accounts that are organisations, by account.
    pub(crate) organizations: BTreeMap<Id, Organization>,
    pub(crate) teams: BTreeMap<Id, Team>,
    /// The app that the playground was started for.
    pub(crate) app: App,
    /// The apps that were registered later.
    pub(crate) registered: BTreeMap<Id, App>,
    /// Manifests that an owner agreed to, by the code that converts them.
    pub(crate) agreed: HashMap<String, Agreed>,
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) user_grants: Vec<UserGrant>,
    /// GitHub's own app, which owns the checks of workflows.
    pub(crate) actions: App,
    /// The script of the CI.
    pub(crate) ci: Vec<CiRule>,
    pub(crate) installations: Vec<Installation>,
    pub(crate) user_tokens: HashMap<String, Id>,
    pub(crate) grants: HashMap<String, Grant>,
    pub(crate) repos: BTreeMap<Id, Repo>,
    /// Deleted repositories. They are kept because running requests may still use them.
    pub(crate) deleted: BTreeMap<Id, Repo>,
    /// The repository that had this owner and name before, both in lower case.
    pub(crate) moved: BTreeMap<(String, String), Id>,
    /// The repositories that were offered to somebody, with the new owner and name.
    pub(crate) transfers: BTreeMap<Id, (Id, String)>,
    pub(crate) deliveries: Deliveries,
    pub(crate) webhook_url: Option<String>,
    pub(crate) hook: Hook,
    last_id: Id,
    /// How far the playground's clock is ahead of the machine's.
    ahead: TimeDelta,
}

impl State {
    /// A GitHub with one app and no people.
    pub(crate) fn new(app: App, actions: App, webhook_url: Option<String>) -> Self {
        Self {
            accounts: BTreeMap::new(),
            organizations: BTreeMap::new(),
            teams: BTreeMap::new(),
            app,
            registered: BTreeMap::new(),
            agreed: HashMap::new(),
            codes: HashMap::new(),
            user_grants: Vec::new(),
            actions,
            ci: Vec::new(),
            installations: Vec::new(),
            user_tokens: HashMap::new(),
            grants: HashMap::new(),
            repos: BTreeMap::new(),
            deleted: BTreeMap::new(),
            moved: BTreeMap::new(),
            transfers: BTreeMap::new(),
            deliveries: Deliveries::default(),
            webhook_url,
            hook: Hook::default(),
            last_id: 1000,
            ahead: TimeDelta::zero(),
        }
    }

    /// The playground's time.
    pub(crate) fn now(&self) -> Time {
        Utc::now() + self.ahead
    }

    /// Moves the clock forward permanently.
    pub(crate) fn advance(&mut self, by: TimeDelta) {
        self.ahead += by;
    }

    /// A new unique id.
    pub(crate) fn new_id(&mut self) -> Id {
        self.last_id += 1;
        self.last_id
    }

    /// The account of an id that the model contains.
    pub(crate) fn account(&self, id: Id) -> &Account {
        self.accounts.get(&id).expect("the model names only accounts it has, and none is ever removed")
    }

    /// The account of a login; logins ignore case.
    pub(crate) fn account_by_login(&self, login: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.login.eq_ignore_ascii_case(login))
    }

    /// The account with this address in commits.
    pub(crate) fn account_by_email(&self, email: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.email.eq_ignore_ascii_case(email)).or_else(|| {
            let (_, login) = email.split_once('@')?.0.split_once('+')?;
            email.contains("@users.noreply.").then(|| self.account_by_login(login)).flatten()
        })
    }

    /// The repository of `owner/name`; both ignore case.
    pub(crate) fn repo(&self, owner: &str, name: &str) -> Option<&Repo> {
        self.repos.values().find(|repo| {
            repo.name.eq_ignore_ascii_case(name) && self.account(repo.owner).login.eq_ignore_ascii_case(owner)
        })
    }

    /// The repository of an id that the model contains.
    pub(crate) fn repo_by_id(&self, id: Id) -> &Repo {
        let found = self.repos.get(&id).or_else(|| self.deleted.get(&id));
        found.expect("the model names only repositories it has or had, and none is ever forgotten")
    }

    /// The same, mutable.
    pub(crate) fn repo_mut(&mut self, id: Id) -> &mut Repo {
        let found = self.repos.get_mut(&id).or_else(|| self.deleted.get_mut(&id));
        found.expect("the model names only repositories it has or had, and none is ever forgotten")
    }

    /// The installation of the app that covers a repository, suspended or not.
    pub(crate) fn installation_of(&self, repo: Id) -> Option<&Installation> {
        let repo = self.repos.get(&repo)?;
        self.installations.iter().find(|all| all.app == self.app.id && all.reaches(repo))
    }

    /// An installation by id.
    pub(crate) fn installation(&self, id: Id) -> Option<&Installation> {
        self.installations.iter().find(|installation| installation.id == id)
    }

    /// The same, mutable.
    pub(crate) fn installation_mut(&mut self, id: Id) -> Option<&mut Installation> {
        self.installations.iter_mut().find(|installation| installation.id == id)
    }
}
