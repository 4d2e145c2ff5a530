//! Reads every answer for which octocrab has a type, and every webhook, with octocrab's models.
//!
//! octocrab's types were written from GitHub's real answers, so they find errors that the description allows. Where
//! they contradict the description, [`CONTRADICTED`] says so, and the description wins.

use octocrab::models::{
    self, Author, CombinedStatus, Installation, InstallationRepositories, InstallationToken, Label, Milestone,
    Repository, Status, UserProfile, apps,
    checks::{CheckRun, CheckSuite, ListCheckRuns, ListCheckSuites},
    commits::{Commit, CommitComparison, GitCommitObject},
    git::{CreatedBlob, GitBlob, GitTree},
    hooks, issues,
    orgs::OrgMembership,
    pulls,
    reactions::Reaction,
    repos::{
        Branch, BranchProtection, CodeownersErrors, Content, DetailedBranch, DiffEntry, FileUpdate, GitTag,
        MergeCommit, Ref, RepoCommit, RepoTopics, Tag,
    },
    rulesets,
    teams::{RequestedReviewers, Team},
    timelines::TimelineEvent,
    webhook_events::WebhookEvent,
    workflows,
};
use serde::de::DeserializeOwned;
use serde_json::{Error, Value};

type Reader = fn(&[u8]) -> Result<(), Error>;

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<(), Error> {
    serde_json::from_slice::<T>(answer).map(drop)
}

/// The lists that GitHub wraps in an object: its only array is the list.
fn wrapped<T: DeserializeOwned>(answer: &[u8]) -> Result<(), Error> {
    let whole: Value = serde_json::from_slice(answer)?;
    let lists = whole.as_object().into_iter().flat_map(serde_json::Map::values).filter(|value| value.is_array());
    lists.cloned().try_for_each(|list| serde_json::from_value::<Vec<T>>(list).map(drop))
}

/// One item or a list of them: a folder is a list of what a file is a single item of.
fn either<T: DeserializeOwned>(answer: &[u8]) -> Result<(), Error> {
    if answer.first() == Some(&b'[') { read::<Vec<T>>(answer) } else { read::<T>(answer) }
}

/// By the operation's name in the description.
const READERS: &[(&str, Reader)] = &[
    ("GET /", read::<models::meta::ApiRoot>),
    ("GET /app", read::<apps::App>),
    ("GET /app/hook/config", read::<hooks::Config>),
    ("PATCH /app/hook/config", read::<hooks::Config>),
    ("GET /app/hook/deliveries", read::<Vec<hooks::Delivery>>),
    ("GET /app/hook/deliveries/{delivery_id}", read::<hooks::DeliveryDetail>),
    ("GET /app/installations", read::<Vec<Installation>>),
    ("GET /app/installations/{installation_id}", read::<Installation>),
    ("POST /app/installations/{installation_id}/access_tokens", read::<InstallationToken>),
    ("GET /apps/{app_slug}", read::<models::App>),
    ("GET /installation/repositories", read::<InstallationRepositories>),
    ("GET /issues", read::<Vec<issues::Issue>>),
    ("GET /meta", read::<models::meta::Meta>),
    ("GET /orgs/{org}", read::<models::orgs::Organization>),
    ("GET /orgs/{org}/installation", read::<Installation>),
    ("GET /orgs/{org}/installations", wrapped::<Installation>),
    ("GET /orgs/{org}/members", read::<Vec<Author>>),
    ("GET /orgs/{org}/memberships/{username}", read::<OrgMembership>),
    ("PUT /orgs/{org}/memberships/{username}", read::<OrgMembership>),
    ("GET /orgs/{org}/outside_collaborators", read::<Vec<Author>>),
    ("GET /orgs/{org}/repos", read::<Vec<Repository>>),
    ("POST /orgs/{org}/repos", read::<Repository>),
    ("GET /orgs/{org}/teams", read::<Vec<Team>>),
    ("POST /orgs/{org}/teams", read::<Team>),
    ("GET /orgs/{org}/teams/{team_slug}", read::<Team>),
    ("PATCH /orgs/{org}/teams/{team_slug}", read::<Team>),
    ("GET /orgs/{org}/teams/{team_slug}/members", read::<Vec<Author>>),
    ("GET /orgs/{org}/teams/{team_slug}/memberships/{username}", read::<models::memberships::TeamMembership>),
    ("PUT /orgs/{org}/teams/{team_slug}/memberships/{username}", read::<models::memberships::TeamMembership>),
    ("GET /orgs/{org}/teams/{team_slug}/repos", read::<Vec<Repository>>),
    ("GET /repos/{owner}/{repo}", read::<Repository>),
    ("PATCH /repos/{owner}/{repo}", read::<Repository>),
    ("GET /repos/{owner}/{repo}/actions/jobs/{job_id}", read::<workflows::Job>),
    ("GET /repos/{owner}/{repo}/actions/runs", wrapped::<workflows::Run>),
    ("GET /repos/{owner}/{repo}/actions/runs/{run_id}", read::<workflows::Run>),
    ("GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs", wrapped::<workflows::Job>),
    ("GET /repos/{owner}/{repo}/actions/workflows", wrapped::<workflows::WorkFlow>),
    ("GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}", read::<workflows::WorkFlow>),
    ("GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs", wrapped::<workflows::Run>),
    ("GET /repos/{owner}/{repo}/assignees", read::<Vec<Author>>),
    ("GET /repos/{owner}/{repo}/branches", read::<Vec<Branch>>),
    ("GET /repos/{owner}/{repo}/branches/{branch}", read::<DetailedBranch>),
    ("POST /repos/{owner}/{repo}/branches/{branch}/rename", read::<DetailedBranch>),
    ("GET /repos/{owner}/{repo}/branches/{branch}/protection", read::<BranchProtection>),
    ("PUT /repos/{owner}/{repo}/branches/{branch}/protection", read::<BranchProtection>),
    ("POST /repos/{owner}/{repo}/check-runs", read::<CheckRun>),
    ("GET /repos/{owner}/{repo}/check-runs/{check_run_id}", read::<CheckRun>),
    ("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", read::<CheckRun>),
    ("POST /repos/{owner}/{repo}/check-suites", read::<CheckSuite>),
    ("GET /repos/{owner}/{repo}/check-suites/{check_suite_id}", read::<CheckSuite>),
    ("GET /repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs", read::<ListCheckRuns>),
    ("GET /repos/{owner}/{repo}/codeowners/errors", read::<CodeownersErrors>),
    ("GET /repos/{owner}/{repo}/collaborators", read::<Vec<models::Collaborator>>),
    ("GET /repos/{owner}/{repo}/commits", read::<Vec<RepoCommit>>),
    ("GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls", read::<Vec<pulls::PullRequest>>),
    ("GET /repos/{owner}/{repo}/commits/{ref}", read::<Commit>),
    ("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", read::<ListCheckRuns>),
    ("GET /repos/{owner}/{repo}/commits/{ref}/check-suites", read::<ListCheckSuites>),
    ("GET /repos/{owner}/{repo}/commits/{ref}/status", read::<CombinedStatus>),
    ("GET /repos/{owner}/{repo}/commits/{ref}/statuses", read::<Vec<Status>>),
    ("GET /repos/{owner}/{repo}/compare/{basehead}", read::<CommitComparison>),
    ("GET /repos/{owner}/{repo}/contents/{path}", either::<Content>),
    ("PUT /repos/{owner}/{repo}/contents/{path}", read::<FileUpdate>),
    ("POST /repos/{owner}/{repo}/git/blobs", read::<CreatedBlob>),
    ("GET /repos/{owner}/{repo}/git/blobs/{file_sha}", read::<GitBlob>),
    ("POST /repos/{owner}/{repo}/git/commits", read::<GitCommitObject>),
    ("GET /repos/{owner}/{repo}/git/commits/{commit_sha}", read::<GitCommitObject>),
    ("GET /repos/{owner}/{repo}/git/matching-refs/{ref}", read::<Vec<Ref>>),
    ("GET /repos/{owner}/{repo}/git/ref/{ref}", read::<Ref>),
    ("POST /repos/{owner}/{repo}/git/refs", read::<Ref>),
    ("PATCH /repos/{owner}/{repo}/git/refs/{ref}", read::<Ref>),
    ("POST /repos/{owner}/{repo}/git/tags", read::<GitTag>),
    ("GET /repos/{owner}/{repo}/git/tags/{tag_sha}", read::<GitTag>),
    ("POST /repos/{owner}/{repo}/git/trees", read::<GitTree>),
    ("GET /repos/{owner}/{repo}/git/trees/{tree_sha}", read::<GitTree>),
    ("GET /repos/{owner}/{repo}/installation", read::<Installation>),
    ("GET /repos/{owner}/{repo}/issues", read::<Vec<issues::Issue>>),
    ("POST /repos/{owner}/{repo}/issues", read::<issues::Issue>),
    ("GET /repos/{owner}/{repo}/issues/comments", read::<Vec<issues::Comment>>),
    ("GET /repos/{owner}/{repo}/issues/comments/{comment_id}", read::<issues::Comment>),
    ("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", read::<issues::Comment>),
    ("GET /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", read::<Vec<Reaction>>),
    ("POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", read::<Reaction>),
    ("GET /repos/{owner}/{repo}/issues/{issue_number}", read::<issues::Issue>),
    ("PATCH /repos/{owner}/{repo}/issues/{issue_number}", read::<issues::Issue>),
    ("POST /repos/{owner}/{repo}/issues/{issue_number}/assignees", read::<issues::Issue>),
    ("DELETE /repos/{owner}/{repo}/issues/{issue_number}/assignees", read::<issues::Issue>),
    ("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", read::<Vec<issues::Comment>>),
    ("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", read::<issues::Comment>),
    ("GET /repos/{owner}/{repo}/issues/{issue_number}/labels", read::<Vec<Label>>),
    ("POST /repos/{owner}/{repo}/issues/{issue_number}/labels", read::<Vec<Label>>),
    ("PUT /repos/{owner}/{repo}/issues/{issue_number}/labels", read::<Vec<Label>>),
    ("GET /repos/{owner}/{repo}/issues/{issue_number}/reactions", read::<Vec<Reaction>>),
    ("POST /repos/{owner}/{repo}/issues/{issue_number}/reactions", read::<Reaction>),
    ("GET /repos/{owner}/{repo}/issues/{issue_number}/parent", read::<issues::Issue>),
    ("GET /repos/{owner}/{repo}/issues/{issue_number}/sub_issues", read::<Vec<issues::Issue>>),
    ("POST /repos/{owner}/{repo}/issues/{issue_number}/sub_issues", read::<issues::Issue>),
    ("GET /repos/{owner}/{repo}/issues/{issue_number}/timeline", read::<Vec<TimelineEvent>>),
    ("GET /repos/{owner}/{repo}/labels", read::<Vec<Label>>),
    ("POST /repos/{owner}/{repo}/labels", read::<Label>),
    ("GET /repos/{owner}/{repo}/labels/{name}", read::<Label>),
    ("PATCH /repos/{owner}/{repo}/labels/{name}", read::<Label>),
    ("POST /repos/{owner}/{repo}/merges", read::<MergeCommit>),
    ("GET /repos/{owner}/{repo}/milestones", read::<Vec<Milestone>>),
    ("POST /repos/{owner}/{repo}/milestones", read::<Milestone>),
    ("GET /repos/{owner}/{repo}/milestones/{milestone_number}", read::<Milestone>),
    ("PATCH /repos/{owner}/{repo}/milestones/{milestone_number}", read::<Milestone>),
    ("GET /repos/{owner}/{repo}/pulls", read::<Vec<pulls::PullRequest>>),
    ("POST /repos/{owner}/{repo}/pulls", read::<pulls::PullRequest>),
    ("GET /repos/{owner}/{repo}/pulls/comments", read::<Vec<pulls::Comment>>),
    ("GET /repos/{owner}/{repo}/pulls/comments/{comment_id}", read::<pulls::Comment>),
    ("PATCH /repos/{owner}/{repo}/pulls/comments/{comment_id}", read::<pulls::Comment>),
    ("GET /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions", read::<Vec<Reaction>>),
    ("POST /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions", read::<Reaction>),
    ("GET /repos/{owner}/{repo}/pulls/{pull_number}", read::<pulls::PullRequest>),
    ("PATCH /repos/{owner}/{repo}/pulls/{pull_number}", read::<pulls::PullRequest>),
    ("GET /repos/{owner}/{repo}/pulls/{pull_number}/comments", read::<Vec<pulls::Comment>>),
    ("POST /repos/{owner}/{repo}/pulls/{pull_number}/comments", read::<pulls::Comment>),
    ("POST /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies", read::<pulls::Comment>),
    ("GET /repos/{owner}/{repo}/pulls/{pull_number}/commits", read::<Vec<RepoCommit>>),
    ("GET /repos/{owner}/{repo}/pulls/{pull_number}/files", read::<Vec<DiffEntry>>),
    ("PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge", read::<pulls::Merge>),
    ("GET /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers", read::<RequestedReviewers>),
    ("POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers", read::<pulls::PullRequest>),
    ("DELETE /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers", read::<pulls::PullRequest>),
    ("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews", read::<Vec<pulls::Review>>),
    ("POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews", read::<pulls::Review>),
    ("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", read::<pulls::Review>),
    ("PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", read::<pulls::Review>),
    ("DELETE /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", read::<pulls::Review>),
    ("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments", read::<Vec<pulls::ReviewComment>>),
    ("PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals", read::<pulls::Review>),
    ("POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events", read::<pulls::Review>),
    ("GET /repos/{owner}/{repo}/readme", read::<Content>),
    ("GET /repos/{owner}/{repo}/rules/branches/{branch}", read::<Vec<rulesets::RepoRule>>),
    ("GET /repos/{owner}/{repo}/rulesets", read::<Vec<rulesets::Ruleset>>),
    ("POST /repos/{owner}/{repo}/rulesets", read::<rulesets::Ruleset>),
    ("GET /repos/{owner}/{repo}/rulesets/{ruleset_id}", read::<rulesets::Ruleset>),
    ("PUT /repos/{owner}/{repo}/rulesets/{ruleset_id}", read::<rulesets::Ruleset>),
    ("POST /repos/{owner}/{repo}/statuses/{sha}", read::<Status>),
    ("GET /repos/{owner}/{repo}/tags", read::<Vec<Tag>>),
    ("GET /repos/{owner}/{repo}/teams", read::<Vec<Team>>),
    ("GET /repos/{owner}/{repo}/topics", read::<RepoTopics>),
    ("PUT /repos/{owner}/{repo}/topics", read::<RepoTopics>),
    ("GET /user", read::<Author>),
    ("GET /user/installations", wrapped::<Installation>),
    ("GET /user/issues", read::<Vec<issues::Issue>>),
    ("GET /user/repos", read::<Vec<Repository>>),
    ("POST /user/repos", read::<Repository>),
    ("GET /user/teams", read::<Vec<Team>>),
    ("GET /users", read::<Vec<Author>>),
    ("GET /users/{username}", read::<UserProfile>),
    ("GET /users/{username}/installation", read::<Installation>),
    ("GET /users/{username}/repos", read::<Vec<Repository>>),
];

/// What octocrab 0.54 cannot read although GitHub's description allows it, each with the reason.
const CONTRADICTED: &[(&str, &str)] = &[
    ("GET /app/hook/config", "`Config` has to have a `url`, and an app that no address was given to has none"),
    ("PATCH /app/hook/config", "the same"),
    ("branch_protection_rule.created", "its field `admin_enforced` is misspelt"),
    ("branch_protection_rule.deleted", "the same"),
    ("branch_protection_rule.edited", "the same"),
];

/// Whether octocrab can read an answer of this operation. `Ok` if it has no type for it.
pub(super) fn answer(name: &str, body: &[u8]) -> Result<(), String> {
    let Some((_, read)) = READERS.iter().find(|(known, _)| *known == name) else { return Ok(()) };
    judge(name, read(body))
}

/// Whether octocrab can read a webhook.
pub(super) fn webhook(name: &str, event: &str, payload: &Value) -> Result<(), String> {
    judge(name, WebhookEvent::try_from_header_and_body(event, &payload.to_string()).map(drop))
}

fn judge(name: &str, verdict: Result<(), Error>) -> Result<(), String> {
    let contradicted = CONTRADICTED.iter().any(|(known, _)| *known == name);
    match verdict {
        Err(error) if !contradicted => Err(format!("octocrab cannot read it: {error}")),
        _ => Ok(()),
    }
}
