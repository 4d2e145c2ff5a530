//! The requirements of a branch for one actor, each with its source.

use crate::state::{
    Actors, Bypass, BypassActor, BypassMode, Enforcement, Id, Protection, Repo, RequiredCheck, RequiredReviews, Role,
    Rule, Ruleset, State, Target,
};

use super::matches_ref;

/// The source of a requirement. GitHub's messages depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Protection,
    Ruleset,
}

/// How an actor wants to change the branch. A bypass may apply to one way and not to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A pull request's merge.
    Merge,
    Push,
}

/// The requirements of one protection or one ruleset.
#[expect(clippy::struct_excessive_bools, reason = "each is a rule of its own on GitHub")]
#[derive(Debug, Clone)]
pub(crate) struct Demands {
    pub(crate) source: Source,
    /// The checks that must have passed.
    pub(crate) checks: Vec<RequiredCheck>,
    /// They must also have passed on the commit of a new branch.
    pub(crate) checks_on_create: bool,
    /// The head must contain the base.
    pub(crate) strict: bool,
    /// A pull request with these reviews is required.
    pub(crate) reviews: Option<RequiredReviews>,
    /// Every conversation must be resolved.
    pub(crate) conversations: bool,
    pub(crate) linear: bool,
    /// The allowed merge methods; `None` if all are.
    pub(crate) methods: Option<Vec<String>>,
    /// The merge queue is required.
    pub(crate) queue: bool,
    /// The actor is not among those who may push.
    pub(crate) unauthorised: bool,
    /// The branch is read-only.
    pub(crate) locked: bool,
    pub(crate) no_update: bool,
    pub(crate) no_creation: bool,
    pub(crate) no_deletion: bool,
    pub(crate) no_force: bool,
}

impl Demands {
    /// A source without requirements.
    pub(crate) fn none(source: Source) -> Self {
        Self {
            source,
            checks: Vec::new(),
            checks_on_create: false,
            strict: false,
            reviews: None,
            conversations: false,
            linear: false,
            methods: None,
            queue: false,
            unauthorised: false,
            locked: false,
            no_update: false,
            no_creation: false,
            no_deletion: false,
            no_force: false,
        }
    }
}

/// The requirements for a change to a branch. `None` as the actor has no bypass.
pub(crate) fn of_branch(state: &State, repo: &Repo, branch: &str, actor: Option<Id>, way: Way) -> Vec<Demands> {
    of_ref(state, repo, &format!("refs/heads/{branch}"), actor, way)
}

/// The same for a ref by its full name, because tags have rulesets as well.
pub(crate) fn of_ref(state: &State, repo: &Repo, name: &str, actor: Option<Id>, way: Way) -> Vec<Demands> {
    let protection = name.strip_prefix("refs/heads/").and_then(|branch| repo.rules.protections.get(branch));
    let of_protection = protection.map(|protection| by_protection(state, repo, protection, actor));
    let of_rulesets = rulesets_of(repo, name)
        .filter(|ruleset| !actor.is_some_and(|actor| passes(state, repo, ruleset, actor, way)))
        .map(by_ruleset);
    of_protection.into_iter().chain(of_rulesets).collect()
}

/// The enforced rulesets of a ref.
pub(crate) fn rulesets_of<'r>(repo: &'r Repo, name: &'r str) -> impl Iterator<Item = &'r Ruleset> {
    let target = if name.starts_with("refs/tags/") { Target::Tag } else { Target::Branch };
    let known = name.starts_with("refs/tags/") || name.starts_with("refs/heads/");
    repo.rules.rulesets.iter().filter(move |ruleset| {
        known
            && ruleset.target == target
            && ruleset.enforcement == Enforcement::Active
            && matches_ref(&ruleset.include, &ruleset.exclude, name, &repo.default_branch)
    })
}

/// An actor's role in a repository: a person's own role, and write for an installation that may write.
pub(crate) fn role_of(state: &State, repo: &Repo, actor: Id) -> Option<Role> {
    if state.app_of_bot(actor).is_some() { Some(Role::Write) } else { state.role(repo, actor) }
}

fn is_one_of(state: &State, actors: &Actors, actor: Id) -> bool {
    actors.users.contains(&actor) || state.app_of_bot(actor).is_some_and(|app| actors.apps.contains(&app))
}

/// Administrators bypass everything unless `enforce_admins` is on. But nobody may force a push or delete the branch if
/// that is not allowed.
fn by_protection(state: &State, repo: &Repo, protection: &Protection, actor: Option<Id>) -> Demands {
    let mut demands = Demands::none(Source::Protection);
    let switches = protection.switches;
    demands.no_force = !switches.force_pushes;
    demands.no_deletion = !switches.deletions;
    let is_admin = actor.is_some_and(|actor| role_of(state, repo, actor) == Some(Role::Admin));
    if is_admin && !switches.enforce_admins {
        return demands;
    }
    if let Some(checks) = &protection.status_checks {
        demands.checks.clone_from(&checks.checks);
        demands.strict = checks.strict && !checks.checks.is_empty();
    }
    let excused = protection.reviews.as_ref().and_then(|reviews| reviews.bypass.as_ref());
    let excused = excused.zip(actor).is_some_and(|(actors, actor)| is_one_of(state, actors, actor));
    demands.reviews = protection.reviews.clone().filter(|_| !excused);
    demands.conversations = switches.conversation_resolution;
    demands.linear = switches.linear_history;
    demands.locked = switches.lock_branch;
    if let Some(allowed) = &protection.restrictions {
        // An administrator may always push, unless `enforce_admins` is on.
        demands.unauthorised = actor.is_some_and(|actor| !is_one_of(state, allowed, actor));
        demands.no_creation = switches.block_creations && demands.unauthorised;
    }
    demands
}

fn by_ruleset(ruleset: &Ruleset) -> Demands {
    let mut demands = Demands::none(Source::Ruleset);
    for rule in &ruleset.rules {
        match rule {
            Rule::Creation => demands.no_creation = true,
            Rule::Update { .. } => demands.no_update = true,
            Rule::Deletion => demands.no_deletion = true,
            Rule::NonFastForward => demands.no_force = true,
            Rule::RequiredLinearHistory => demands.linear = true,
            Rule::MergeQueue { .. } => demands.queue = true,
            Rule::PullRequest { parameters } => {
                demands.conversations |= parameters.required_review_thread_resolution;
                demands.methods.clone_from(&parameters.allowed_merge_methods);
                demands.reviews = Some(RequiredReviews {
                    approvals: parameters.required_approving_review_count,
                    dismiss_stale: parameters.dismiss_stale_reviews_on_push,
                    code_owners: parameters.require_code_owner_review,
                    last_push: parameters.require_last_push_approval,
                    dismissal: None,
                    bypass: None,
                });
            }
            Rule::RequiredStatusChecks { parameters } => {
                let checks = parameters.required_status_checks.iter();
                demands.checks.extend(
                    checks.map(|check| RequiredCheck { context: check.context.clone(), app: check.integration_id }),
                );
                demands.checks_on_create |= parameters.do_not_enforce_on_create != Some(true);
                demands.strict |= parameters.strict_required_status_checks_policy && !demands.checks.is_empty();
            }
        }
    }
    demands
}

/// Whether an actor is on a ruleset's bypass list.
pub(crate) fn passes(state: &State, repo: &Repo, ruleset: &Ruleset, actor: Id, way: Way) -> bool {
    ruleset.bypass.iter().any(|bypass| {
        let by_this_way = bypass.bypass_mode == BypassMode::Always || way == Way::Merge;
        by_this_way && is_meant(state, repo, bypass, actor)
    })
}

fn is_meant(state: &State, repo: &Repo, bypass: &Bypass, actor: Id) -> bool {
    match bypass.actor_type {
        BypassActor::Integration => bypass.actor_id.is_some() && bypass.actor_id == state.app_of_bot(actor),
        // The ids of the built-in roles: https://docs.github.com/en/rest/repos/rules#create-a-repository-ruleset
        BypassActor::RepositoryRole => {
            let least = match bypass.actor_id {
                Some(2) => Role::Maintain,
                Some(4) => Role::Write,
                Some(5) => Role::Admin,
                _ => return false,
            };
            state.app_of_bot(actor).is_none() && state.role(repo, actor) >= Some(least)
        }
        BypassActor::OrganizationAdmin => state.organization(repo.owner).is_some() && state.owns(repo.owner, actor),
        // A team without write access cannot bypass, because it cannot push at all.
        BypassActor::Team => bypass.actor_id.and_then(|id| state.teams.get(&id)).is_some_and(|team| {
            state.team_role(team, repo.id) >= Some(Role::Write) && state.team_members(team).contains_key(&actor)
        }),
        BypassActor::DeployKey => false,
    }
}
