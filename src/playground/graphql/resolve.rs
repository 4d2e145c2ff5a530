//! The fields of the root: what each does, and the whole of what it answers.

use serde_json::{Map, Value, json};

use super::{
    Fault, nodes,
    parse::{Field, Selection},
    select::argued,
};
use crate::playground::{
    rest::{Ctx, Target, Writer, react, unreact},
    state::{ReactionContent, Repo, Role, Scope, State},
};

type Variables = Map<String, Value>;

const MUTATIONS: [&str; 5] =
    ["markPullRequestReadyForReview", "convertPullRequestToDraft", "addReaction", "removeReaction", "deleteIssue"];
const QUERIES: [&str; 4] = ["viewer", "node", "repository", "__typename"];

/// Refuses a field that the root does not have.
pub(super) fn check(field: &Field, root: &str) -> Option<Fault> {
    let known: &[&str] = if root == "Mutation" { &MUTATIONS } else { &QUERIES };
    (!known.contains(&field.name.as_str())).then(|| Fault::undefined(&field.name, root, field.at))
}

/// Does what the field says.
pub(super) fn field(ctx: &Ctx, field: &Field, variables: &Variables) -> Result<Value, Fault> {
    let mut state = ctx.state();
    match field.name.as_str() {
        "viewer" => viewer(ctx, &state),
        "node" => node(ctx, &state, &field.argument("id", variables)),
        "repository" => repository(ctx, &state, field, variables),
        "__typename" => Ok(json!("Query")),
        _ => mutate(ctx, &mut state, field, &field.argument("input", variables)),
    }
}

fn viewer(ctx: &Ctx, state: &State) -> Result<Value, Fault> {
    let id = ctx
        .caller
        .account(state)
        .ok_or_else(|| Fault::of_kind("FORBIDDEN", "Resource not accessible by integration"))?;
    Ok(nodes::actor(ctx.view(state), id))
}

fn unresolved(node: &str) -> Fault {
    Fault::of_kind("NOT_FOUND", format!("Could not resolve to a node with the global id of '{node}'."))
}

/// Something with a global id that the caller may read.
fn find(ctx: &Ctx, state: &State, id: &Value) -> Result<nodes::Found, Fault> {
    let id = id.as_str().ok_or_else(|| Fault::of_request("Variable of type ID! was provided invalid value", None))?;
    let found = nodes::find(state, id).ok_or_else(|| unresolved(id))?;
    let repo = state.repo_by_id(found.repo);
    ctx.read(state, place(state, repo), &[Scope::Issues, Scope::PullRequests]).map_err(|_| unresolved(id))?;
    Ok(found)
}

fn place<'s>(state: &'s State, repo: &'s Repo) -> (&'s str, &'s str) {
    (&state.account(repo.owner).login, &repo.name)
}

fn node(ctx: &Ctx, state: &State, id: &Value) -> Result<Value, Fault> {
    let found = find(ctx, state, id)?;
    Ok(nodes::node(ctx.view(state), found))
}

fn repository(ctx: &Ctx, state: &State, field: &Field, variables: &Variables) -> Result<Value, Fault> {
    let text = |name: &str| field.argument(name, variables).as_str().unwrap_or_default().to_owned();
    let (owner, name) = (text("owner"), text("name"));
    let missing =
        |_| Fault::of_kind("NOT_FOUND", format!("Could not resolve to a Repository with the name '{owner}/{name}'."));
    let repo = ctx.read(state, (&owner, &name), &[Scope::Metadata]).map_err(missing)?;
    let mut whole = nodes::repository(ctx.view(state), repo);
    for inner in &field.selection {
        let Selection::Field(inner) = inner else { continue };
        let wants_pull = inner.name == "pullRequest";
        if !wants_pull && inner.name != "issue" {
            continue;
        }
        ctx.read(state, (&owner, &name), &[Scope::Issues, Scope::PullRequests])
            .map_err(|_| Fault::of_kind("FORBIDDEN", "Resource not accessible by integration"))?;
        let number = inner.argument("number", variables).as_u64().unwrap_or(0);
        let issue = repo.issues.get(&number).filter(|issue| issue.pull.is_some() == wants_pull);
        let kind = if wants_pull { "a PullRequest" } else { "an Issue" };
        let missing =
            || Fault::of_kind("NOT_FOUND", format!("Could not resolve to {kind} with the number of {number}."));
        whole[argued(inner.key())] = nodes::issue(ctx.view(state), repo, issue.ok_or_else(missing)?);
    }
    Ok(whole)
}

fn mutate(ctx: &Ctx, state: &mut State, field: &Field, input: &Value) -> Result<Value, Fault> {
    let mut answer = match field.name.as_str() {
        "markPullRequestReadyForReview" => set_draft(ctx, state, &input["pullRequestId"], Draft::Ready)?,
        "convertPullRequestToDraft" => set_draft(ctx, state, &input["pullRequestId"], Draft::Draft)?,
        "deleteIssue" => delete_issue(ctx, state, &input["issueId"])?,
        name => change_reaction(ctx, state, input, name == "addReaction")?,
    };
    answer["clientMutationId"] = input.get("clientMutationId").cloned().unwrap_or(Value::Null);
    let mut kind = field.name.clone();
    kind[..1].make_ascii_uppercase();
    answer["__typename"] = json!(format!("{kind}Payload"));
    Ok(answer)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Draft {
    Draft,
    Ready,
}

/// Somebody who may change what was found: its author, or a role from `least` up.
fn writer(ctx: &Ctx, state: &State, found: nodes::Found, least: Role) -> Result<Writer, Fault> {
    let repo = state.repo_by_id(found.repo);
    let issue = &repo.issues[&found.number];
    let least = if ctx.caller.account(state) == Some(issue.author) { Role::Read } else { least };
    let scopes: &[Scope] = if issue.pull.is_some() { &[Scope::PullRequests] } else { &[Scope::Issues] };
    ctx.write(state, place(state, repo), scopes, least).map_err(|error| Fault::of_kind("FORBIDDEN", error.message))
}

/// <https://docs.github.com/en/graphql/reference/mutations#markpullrequestreadyforreview>
fn set_draft(ctx: &Ctx, state: &mut State, id: &Value, wanted: Draft) -> Result<Value, Fault> {
    let found = find(ctx, state, id)?;
    let issue = &state.repo_by_id(found.repo).issues[&found.number];
    if !matches!(found.target, Target::Issue(_)) || issue.pull.is_none() {
        return Err(unresolved(id.as_str().unwrap_or_default()));
    }
    if issue.closed_at.is_some() {
        return Err(Fault::of_kind("UNPROCESSABLE", "Pull request is closed"));
    }
    let writer = writer(ctx, state, found, Role::Write)?;
    let at = (found.repo, found.number);
    let draft = wanted == Draft::Draft;
    let (event, now) = (state.new_id(), state.now());
    let issue = state.issue_mut(at.0, at.1);
    if issue.pull().draft != draft {
        issue.pull_mut().draft = draft;
        let (logged, action) =
            if draft { ("convert_to_draft", "converted_to_draft") } else { ("ready_for_review", "ready_for_review") };
        issue.log(event, logged, writer.actor, now);
        ctx.hub.announce_issue(state, at, writer.actor, action, json!({}));
        ctx.hub.ask_owners(state, at, writer.actor);
    }
    let repo = state.repo_by_id(at.0);
    Ok(json!({ "pullRequest": nodes::issue(ctx.view(state), repo, &repo.issues[&at.1]) }))
}

/// <https://docs.github.com/en/graphql/reference/mutations#addreaction>
fn change_reaction(ctx: &Ctx, state: &mut State, input: &Value, add: bool) -> Result<Value, Fault> {
    let found = find(ctx, state, &input["subjectId"])?;
    let content = input["content"].as_str().and_then(ReactionContent::parse_graphql);
    let content = content
        .ok_or_else(|| Fault::of_request("Variable of type ReactionContent! was provided invalid value", None))?;
    let writer = writer(ctx, state, found, Role::Read)?;
    let reaction = if add {
        react(state, found.repo, found.target, writer.actor, content).map(|(reaction, _)| reaction)
    } else {
        unreact(state, found.repo, found.target, writer.actor, content)
    };
    let reaction = reaction.ok_or_else(|| Fault::of_kind("UNPROCESSABLE", "There is no such reaction"))?;
    let view = ctx.view(state);
    Ok(json!({ "reaction": nodes::reaction(view, &reaction), "subject": nodes::node(view, found) }))
}

/// <https://docs.github.com/en/graphql/reference/mutations#deleteissue>
fn delete_issue(ctx: &Ctx, state: &mut State, id: &Value) -> Result<Value, Fault> {
    let found = find(ctx, state, id)?;
    let repo = state.repo_by_id(found.repo);
    if !matches!(found.target, Target::Issue(_)) || repo.issues[&found.number].pull.is_some() {
        return Err(unresolved(id.as_str().unwrap_or_default()));
    }
    // Only administrators delete, not even the author.
    let writer = ctx
        .write(state, place(state, repo), &[Scope::Issues], Role::Admin)
        .map_err(|error| Fault::of_kind("FORBIDDEN", error.message))?;
    ctx.hub.announce_issue(state, (found.repo, found.number), writer.actor, "deleted", json!({}));
    state.repo_mut(found.repo).issues.remove(&found.number);
    Ok(json!({ "repository": nodes::repository(ctx.view(state), state.repo_by_id(found.repo)) }))
}
