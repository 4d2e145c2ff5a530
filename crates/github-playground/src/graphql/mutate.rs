//! Mutations. <https://docs.github.com/en/graphql/reference/mutations>

use serde_json::{Value, json};

use super::{
    GraphqlError, nodes,
    parse::Field,
    resolve::{Request, find, place, unresolved},
    select::Thing,
    transfer::transfer,
};
use crate::{
    acts::{MergeAsked, Writer, guard_workflows, merge_pull},
    error::ApiError,
    git::MergeMethod,
    rest::{ReactionTarget, comment_on, react, unreact, update_pull},
    rules,
    state::{AutoMerge, Gone, IssueState, Mergeability, ReactionContent, Role, Scope, State},
};

/// The results of a mutation, by the field names of its payload.
pub(super) type Made = Vec<(&'static str, Thing)>;

/// The object that a mutation changes.
#[derive(Clone, Copy)]
pub(super) struct MutationTarget {
    found: nodes::Found,
    writer: Writer,
}

impl MutationTarget {
    pub(super) fn at(self) -> (u64, u64) {
        (self.found.repo, self.found.number)
    }

    pub(super) fn writer(self) -> Writer {
        self.writer
    }

    fn thing(self) -> Thing {
        Thing::Issue(self.found.repo, self.found.number)
    }
}

pub(super) fn refused(error: &ApiError) -> GraphqlError {
    let kind = match error.status.as_u16() {
        401 | 403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        _ => "UNPROCESSABLE",
    };
    GraphqlError::of_kind(kind, error.message.clone())
}

/// An error for something that the present state does not allow.
pub(super) fn refused_as(message: &str) -> GraphqlError {
    GraphqlError::of_kind("UNPROCESSABLE", message)
}

impl Request<'_> {
    /// Executes a field of a mutation's root, and answers it.
    pub(super) async fn mutation(self, field: &Field) -> Result<Value, GraphqlError> {
        let input = field.argument("input", self.variables);
        let (mut made, repo) = self.mutate(&field.name, &input).await?;
        made.push(("clientMutationId", Thing::Plain(input["clientMutationId"].clone())));
        let kind = super::schema::SCHEMA.get("Mutation").and_then(|root| root.fields.get(&field.name));
        let kind = kind.map_or("", |member| super::schema::bare(&member.kind));
        let fetched = self.fetch(field, (repo.0, &[repo.1])).await?;
        self.show(&Thing::Object(kind, made), field, &fetched)
    }

    async fn mutate(self, name: &str, input: &Value) -> Result<(Made, (u64, u64)), GraphqlError> {
        let pull = || self.place(&input["pullRequestId"], Wants::Pull, Role::Write);
        let merging = || self.place(&input["pullRequestId"], Wants::Merge, Role::Write);
        let issue = || self.place(&input["issueId"], Wants::Issue, Role::Triage);
        let (made, place) = match name {
            "markPullRequestReadyForReview" => (self.set_draft(pull()?, false)?, pull()?),
            "convertPullRequestToDraft" => (self.set_draft(pull()?, true)?, pull()?),
            "enablePullRequestAutoMerge" => {
                let place = merging()?;
                self.check_workflows(place).await?;
                (self.enable_auto_merge(place, input)?, place)
            }
            "disablePullRequestAutoMerge" => (self.disable_auto_merge(merging()?)?, merging()?),
            "enqueuePullRequest" => {
                let place = merging()?;
                self.check_workflows(place).await?;
                (self.enqueue(place, input)?, place)
            }
            "dequeuePullRequest" => {
                let place = self.place(&input["id"], Wants::Merge, Role::Write)?;
                (self.dequeue(place)?, place)
            }
            "mergePullRequest" => (self.merge(merging()?, input).await?, merging()?),
            "updatePullRequestBranch" => (self.update_branch(pull()?, input).await?, pull()?),
            "closePullRequest" => (self.close(pull()?, "pullRequest", None), pull()?),
            "closeIssue" => {
                let reason = input["stateReason"].as_str().map(str::to_lowercase);
                (self.close(issue()?, "issue", reason.as_deref()), issue()?)
            }
            "reopenIssue" => {
                let place = issue()?;
                self.ctx.app_state.reopen(&mut self.ctx.state(), place.at(), place.writer.actor);
                (vec![("issue", place.thing())], place)
            }
            "resolveReviewThread" | "unresolveReviewThread" => {
                let place = self.place(&input["threadId"], Wants::Thread, Role::Write)?;
                (self.resolve_thread(place, name.starts_with("resolve")), place)
            }
            "addComment" => {
                let place = self.place(&input["subjectId"], Wants::Any, Role::Read)?;
                (self.add_comment(place, input)?, place)
            }
            "transferIssue" => {
                let place = self.place(&input["issueId"], Wants::Issue, Role::Write)?;
                let (repo, number) = transfer(self.ctx, place.found, input)?;
                return Ok((vec![("issue", Thing::Issue(repo, number))], (repo, number)));
            }
            "deleteIssue" => {
                let place = self.place(&input["issueId"], Wants::Issue, Role::Admin)?;
                return Ok((self.delete_issue(place), (place.found.repo, 0)));
            }
            _ => {
                let place = self.place(&input["subjectId"], Wants::Any, Role::Read)?;
                (self.change_reaction(place, input, name == "addReaction")?, place)
            }
        };
        Ok((made, place.at()))
    }

    /// The object that an id names, if the caller may change it: as its author, or with a role from `least` up.
    fn place(self, id: &Value, wants: Wants, least: Role) -> Result<MutationTarget, GraphqlError> {
        let state = self.ctx.state();
        let found = find(self.ctx, &state, id)?;
        let repo = state.repo_by_id(found.repo);
        let issue = &repo.issues[&found.number];
        let is_whole = matches!(found.target, ReactionTarget::Issue(_));
        let is_meant = match wants {
            Wants::Pull | Wants::Merge => is_whole && issue.pull.is_some(),
            Wants::Issue => is_whole && issue.pull.is_none(),
            Wants::Thread => found.is_thread,
            Wants::Any => !found.is_thread,
        };
        if !is_meant {
            return Err(unresolved(id.as_str().unwrap_or_default()));
        }
        // Authors need no role for their own, except to change the base and to delete.
        let own = self.ctx.caller.account(&state) == Some(issue.author);
        let least = if own && wants != Wants::Merge && least != Role::Admin { Role::Read } else { least };
        let scopes: &[Scope] = match (wants, &issue.pull) {
            (Wants::Merge, _) => &[Scope::Contents],
            (_, Some(_)) => &[Scope::PullRequests],
            (_, None) => &[Scope::Issues],
        };
        let writer = self.ctx.write(&state, place(&state, repo), scopes, least).map_err(|error| refused(&error))?;
        Ok(MutationTarget { found, writer })
    }

    fn set_draft(self, place: MutationTarget, draft: bool) -> Result<Made, GraphqlError> {
        let mut state = self.ctx.state();
        let (event, now) = (state.new_id(), state.now());
        let issue = state.issue_mut(place.found.repo, place.found.number);
        if issue.state == IssueState::Closed {
            return Err(GraphqlError::of_kind("UNPROCESSABLE", "Pull request is closed"));
        }
        if issue.pull().draft != draft {
            issue.pull_mut().draft = draft;
            let (logged, action) = if draft {
                ("convert_to_draft", "converted_to_draft")
            } else {
                ("ready_for_review", "ready_for_review")
            };
            issue.log(event, logged, place.writer.actor, now);
            self.ctx.app_state.announce_issue(&mut state, place.at(), place.writer.actor, action, json!({}));
            self.ctx.app_state.ask_owners(&mut state, place.at(), place.writer.actor);
        }
        Ok(vec![("pullRequest", place.thing())])
    }

    fn change_reaction(self, place: MutationTarget, input: &Value, add: bool) -> Result<Made, GraphqlError> {
        let content = input["content"].as_str().and_then(ReactionContent::parse_graphql);
        let content = content.ok_or_else(|| GraphqlError::of_request("Expected a reaction", None))?;
        let mut state = self.ctx.state();
        let (repo, actor) = (place.found.repo, place.writer.actor);
        let reaction = if add {
            react(&mut state, repo, place.found.target, actor, content).map(|(reaction, _)| reaction)
        } else {
            unreact(&mut state, repo, place.found.target, actor, content)
        };
        let reaction = reaction.ok_or_else(|| GraphqlError::of_kind("UNPROCESSABLE", "There is no such reaction"))?;
        let view = self.ctx.view(&state);
        Ok(vec![
            ("reaction", Thing::Plain(nodes::reaction(view, &reaction))),
            ("subject", nodes::thing(view, place.found)),
        ])
    }

    /// Only administrators may delete, not even the author.
    fn delete_issue(self, place: MutationTarget) -> Made {
        let mut state = self.ctx.state();
        self.ctx.app_state.announce_issue(&mut state, place.at(), place.writer.actor, "deleted", json!({}));
        let repo = state.repo_mut(place.found.repo);
        repo.issues.remove(place.found.number);
        repo.gone.insert(place.found.number, Gone::Deleted);
        vec![("repository", Thing::Repository(place.found.repo))]
    }

    fn close(self, place: MutationTarget, name: &'static str, reason: Option<&str>) -> Made {
        self.ctx.app_state.close(&mut self.ctx.state(), place.at(), place.writer.actor, reason, None);
        vec![(name, place.thing())]
    }

    fn add_comment(self, place: MutationTarget, input: &Value) -> Result<Made, GraphqlError> {
        let body = input["body"].as_str().unwrap_or_default().to_owned();
        comment_on(self.ctx, place.writer, place.found.number, body).map_err(|error| refused(&error))?;
        Ok(vec![("subject", place.thing())])
    }

    fn resolve_thread(self, place: MutationTarget, resolve: bool) -> Made {
        let ReactionTarget::ReviewComment(first) = place.found.target else { return Vec::new() };
        self.ctx.app_state.resolve_thread(&mut self.ctx.state(), place.at(), place.writer.actor, first, resolve);
        vec![("thread", Thing::Thread(place.found.repo, place.found.number, first))]
    }

    /// If an app may not write workflows, it can neither merge a change of workflows at once nor leave it to
    /// auto-merge.
    async fn check_workflows(self, place: MutationTarget) -> Result<(), GraphqlError> {
        let (git, base, head) = {
            let state = self.ctx.state();
            let repo = state.repo_by_id(place.found.repo);
            let pull = repo.issues[&place.found.number].pull();
            (repo.git.clone(), pull.base_sha.clone(), pull.head_sha.clone())
        };
        let guarded = guard_workflows(place.writer, &git, (Some(&base), &head)).await;
        guarded.map_err(|error| GraphqlError::of_kind("UNPROCESSABLE", format!("Pull request {}", error.message)))
    }

    async fn merge(self, place: MutationTarget, input: &Value) -> Result<Made, GraphqlError> {
        let text = |name: &str| input[name].as_str().map(str::to_owned);
        let asked = MergeAsked {
            commit_title: text("commitHeadline"),
            commit_message: text("commitBody"),
            sha: text("expectedHeadOid"),
            merge_method: text("mergeMethod").map(|method| method.to_lowercase()),
        };
        merge_pull(&self.ctx.app_state, place.writer, place.found.number, asked)
            .await
            .map_err(|error| refused(&error))?;
        Ok(self.by(place))
    }

    async fn update_branch(self, place: MutationTarget, input: &Value) -> Result<Made, GraphqlError> {
        let expected = input["expectedHeadOid"].as_str().map(str::to_owned);
        update_pull(self.ctx, place.writer, place.found.number, expected).await.map_err(|error| refused(&error))?;
        Ok(vec![("pullRequest", place.thing())])
    }

    fn by(self, place: MutationTarget) -> Made {
        let state = self.ctx.state();
        let actor = nodes::actor(self.ctx.view(&state), place.writer.actor);
        vec![("actor", Thing::Plain(actor)), ("pullRequest", place.thing())]
    }

    /// <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/automatically-merging-a-pull-request>
    fn enable_auto_merge(self, place: MutationTarget, input: &Value) -> Result<Made, GraphqlError> {
        let text = |name: &str| input[name].as_str().map(str::to_owned);
        {
            let mut state = self.ctx.state();
            check_auto_merge(&state, place)?;
            let method = match text("mergeMethod").as_deref() {
                Some("SQUASH") => MergeMethod::Squash,
                Some("REBASE") => MergeMethod::Rebase,
                _ => MergeMethod::Merge,
            };
            if text("expectedHeadOid")
                .is_some_and(|sha| sha != state.issue_mut(place.found.repo, place.found.number).pull().head_sha)
            {
                return Err(GraphqlError::of_kind("UNPROCESSABLE", "Head sha didn't match expected head sha."));
            }
            let asked = AutoMerge {
                enabled_by: place.writer.actor,
                via_app: place.writer.via_app,
                enabled_at: state.now(),
                method,
                title: text("commitHeadline"),
                message: text("commitBody"),
            };
            state.issue_mut(place.found.repo, place.found.number).pull_mut().gate.auto_merge = Some(asked);
            self.ctx.app_state.announce_issue(
                &mut state,
                place.at(),
                place.writer.actor,
                "auto_merge_enabled",
                json!({}),
            );
        }
        Ok(self.by(place))
    }

    fn disable_auto_merge(self, place: MutationTarget) -> Result<Made, GraphqlError> {
        {
            let mut state = self.ctx.state();
            if state.issue_mut(place.found.repo, place.found.number).pull().gate.auto_merge.is_none() {
                return Err(GraphqlError::of_kind("UNPROCESSABLE", "Can't disable auto-merge for this pull request."));
            }
            self.ctx.app_state.disable_auto_merge(&mut state, place.at(), place.writer.actor);
        }
        Ok(self.by(place))
    }
}

/// Auto-merge is only allowed if the pull request cannot be merged at once.
fn check_auto_merge(state: &State, place: MutationTarget) -> Result<(), GraphqlError> {
    let repo = state.repo_by_id(place.found.repo);
    let issue = &repo.issues[&place.found.number];
    let refuse = |message: String| Err(GraphqlError::of_kind("UNPROCESSABLE", message));
    if !repo.merging.allow_auto_merge {
        return refuse("Pull request Auto merge is not allowed for this repository".to_owned());
    }
    if issue.state == IssueState::Closed {
        return refuse("Pull request is closed".to_owned());
    }
    if issue.pull().mergeability == Mergeability::Conflict {
        return refuse("Pull request is in dirty status".to_owned());
    }
    match rules::mergeable_state(state, repo, issue) {
        // A pull request that is ready for the merge queue enters it at once.
        "clean" | "unstable" if rules::queue::of(repo, &issue.pull().base_ref).is_some() => Ok(()),
        status @ ("clean" | "unstable") => refuse(format!("Pull request is in {status} status")),
        _ => Ok(()),
    }
}

/// The kind of object that an id must name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Pull,
    /// A pull request, if the caller may change its base.
    Merge,
    Issue,
    Thread,
    Any,
}
