//! Requirements for branches: protections, one per branch, and rulesets, of which several may apply.
//!
//! <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches>,
//! <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/about-rulesets>

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Id, Time};

/// All requirements of a repository for its branches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// By the branch's name.
    pub(crate) protections: BTreeMap<String, Protection>,
    pub(crate) rulesets: Vec<Ruleset>,
}

/// The protection of one branch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Protection {
    pub(crate) id: Id,
    pub(crate) status_checks: Option<RequiredChecks>,
    pub(crate) reviews: Option<RequiredReviews>,
    pub(crate) restrictions: Option<Actors>,
    pub(crate) switches: Switches,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
}

/// The settings that are either on or off.
#[expect(clippy::struct_excessive_bools, reason = "GitHub's protection is a row of switches")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Switches {
    pub(crate) enforce_admins: bool,
    pub(crate) linear_history: bool,
    pub(crate) force_pushes: bool,
    pub(crate) deletions: bool,
    pub(crate) block_creations: bool,
    pub(crate) conversation_resolution: bool,
    pub(crate) lock_branch: bool,
    pub(crate) fork_syncing: bool,
}

/// The checks that must have passed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RequiredChecks {
    /// Whether the head must contain the base.
    pub(crate) strict: bool,
    pub(crate) checks: Vec<RequiredCheck>,
}

/// A required check. If it names an app, only that app's check counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequiredCheck {
    pub(crate) context: String,
    pub(crate) app: Option<Id>,
}

/// The required reviews.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RequiredReviews {
    pub(crate) approvals: u64,
    pub(crate) dismiss_stale: bool,
    pub(crate) code_owners: bool,
    pub(crate) last_push: bool,
    /// Who may dismiss; `None` for everybody with write access.
    pub(crate) dismissal: Option<Actors>,
    pub(crate) bypass: Option<Actors>,
}

/// A list of people, teams and apps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Actors {
    pub(crate) users: Vec<Id>,
    pub(crate) teams: Vec<Id>,
    pub(crate) apps: Vec<Id>,
}

/// Rules for every ref that matches the conditions.
#[derive(Debug, Clone)]
pub(crate) struct Ruleset {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) enforcement: Enforcement,
    pub(crate) bypass: Vec<Bypass>,
    pub(crate) include: Vec<String>,
    pub(crate) exclude: Vec<String>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
}

/// The kind of a ruleset's refs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    #[default]
    Branch,
    Tag,
}

/// Whether a ruleset is enforced. An evaluated one prevents nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Enforcement {
    Disabled,
    Active,
    Evaluate,
}

/// An actor who may bypass a ruleset.
#[expect(clippy::struct_field_names, reason = "the fields are named as GitHub names them")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bypass {
    #[serde(default)]
    pub(crate) actor_id: Option<Id>,
    pub(crate) actor_type: BypassActor,
    #[serde(default)]
    pub(crate) bypass_mode: BypassMode,
}

/// The kind of an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BypassActor {
    Integration,
    OrganizationAdmin,
    RepositoryRole,
    Team,
    DeployKey,
}

/// Whether an actor may always bypass, or only with a pull request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BypassMode {
    #[default]
    Always,
    PullRequest,
}

/// A rule in the form of the API: `type` and, for most, `parameters`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Rule {
    Creation,
    Update {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parameters: Option<UpdateParameters>,
    },
    Deletion,
    RequiredLinearHistory,
    NonFastForward,
    PullRequest {
        parameters: PullRequestParameters,
    },
    RequiredStatusChecks {
        parameters: StatusCheckParameters,
    },
    MergeQueue {
        parameters: MergeQueueParameters,
    },
}

/// The parameters of [`Rule::Update`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UpdateParameters {
    pub(crate) update_allows_fetch_and_merge: bool,
}

/// The parameters of [`Rule::PullRequest`].
#[expect(clippy::struct_excessive_bools, reason = "GitHub's rule is a row of switches")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PullRequestParameters {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) allowed_merge_methods: Option<Vec<String>>,
    pub(crate) dismiss_stale_reviews_on_push: bool,
    pub(crate) require_code_owner_review: bool,
    pub(crate) require_last_push_approval: bool,
    pub(crate) required_approving_review_count: u64,
    pub(crate) required_review_thread_resolution: bool,
}

/// The parameters of [`Rule::RequiredStatusChecks`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusCheckParameters {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) do_not_enforce_on_create: Option<bool>,
    pub(crate) required_status_checks: Vec<StatusCheck>,
    pub(crate) strict_required_status_checks_policy: bool,
}

/// A required check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusCheck {
    pub(crate) context: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integration_id: Option<Id>,
}

/// The parameters of [`Rule::MergeQueue`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MergeQueueParameters {
    pub(crate) check_response_timeout_minutes: u64,
    pub(crate) grouping_strategy: String,
    pub(crate) max_entries_to_build: u64,
    pub(crate) max_entries_to_merge: u64,
    pub(crate) merge_method: String,
    pub(crate) min_entries_to_merge: u64,
    pub(crate) min_entries_to_merge_wait_minutes: u64,
}
