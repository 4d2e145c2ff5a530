//! The root fields of the schema.

use serde_json::{Map, Value, json};

use super::{
    GraphqlError,
    fetch::{Fetched, asks_for_commits, pulls_of},
    nodes,
    parse::{Document, Field},
    select::{Desk, Thing},
};
use crate::{
    rest::Ctx,
    state::{Id, Repo, Scope, State},
};

/// A request during its execution.
#[derive(Clone, Copy)]
pub(super) struct Request<'r> {
    pub(super) ctx: &'r Ctx,
    pub(super) document: &'r Document,
    pub(super) variables: &'r Map<String, Value>,
}

impl Request<'_> {
    /// Answers a field of a query's root.
    pub(super) async fn query(self, field: &Field) -> Result<Value, GraphqlError> {
        let argument = |name: &str| field.argument(name, self.variables);
        match field.name.as_str() {
            "viewer" => {
                let thing = Thing::Plain(viewer(self.ctx, &self.ctx.state())?);
                self.show(&thing, field, &Fetched::default())
            }
            "rateLimit" => self.show(&rate_limit(self.ctx), field, &Fetched::default()),
            "node" => self.node(&argument("id"), field).await,
            "nodes" => {
                let mut nodes = Vec::new();
                for id in argument("ids").as_array().into_iter().flatten() {
                    nodes.push(self.node(id, field).await?);
                }
                Ok(Value::Array(nodes))
            }
            _ => self.repository(field).await,
        }
    }

    /// Selects the requested fields of an object.
    pub(super) fn show(self, thing: &Thing, field: &Field, fetched: &Fetched) -> Result<Value, GraphqlError> {
        let state = self.ctx.state();
        let desk = Desk { document: self.document, variables: self.variables, view: self.ctx.view(&state), fetched };
        desk.select(thing, &field.selection)
    }

    async fn node(self, id: &Value, field: &Field) -> Result<Value, GraphqlError> {
        let (found, thing) = {
            let state = self.ctx.state();
            let found = find(self.ctx, &state, id)?;
            (found, nodes::thing(self.ctx.view(&state), found))
        };
        let fetched = self.fetch(field, (found.repo, &[found.number])).await?;
        self.show(&thing, field, &fetched)
    }

    async fn repository(self, field: &Field) -> Result<Value, GraphqlError> {
        let text = |name: &str| field.argument(name, self.variables).as_str().unwrap_or_default().to_owned();
        let (owner, name) = (text("owner"), text("name"));
        let (repo, pulls) = {
            let state = self.ctx.state();
            let missing = |_| {
                GraphqlError::of_kind(
                    "NOT_FOUND",
                    format!("Could not resolve to a Repository with the name '{owner}/{name}'."),
                )
            };
            let repo = self.ctx.read(&state, (&owner, &name), &[Scope::Metadata]).map_err(missing)?;
            let all: Vec<u64> = repo.pulls().map(|(issue, _)| issue.number).collect();
            let talked_of = ["issue", "pullRequest", "issueOrPullRequest", "pullRequests"];
            let asks = super::select::flat(self.document, self.variables, &field.selection, "Repository");
            if asks.iter().any(|field| talked_of.contains(&field.name.as_str())) {
                self.ctx
                    .read(&state, (&owner, &name), &[Scope::Issues, Scope::PullRequests])
                    .map_err(|_| GraphqlError::of_kind("FORBIDDEN", "Resource not accessible by integration"))?;
            }
            (repo.id, pulls_of(self.document, self.variables, field, &all))
        };
        let fetched = self.fetch(field, (repo, &pulls)).await?;
        self.show(&Thing::Repository(repo), field, &fetched)
    }

    /// Asks git for the data of the answer.
    pub(super) async fn fetch(self, field: &Field, (repo, pulls): (Id, &[u64])) -> Result<Fetched, GraphqlError> {
        let pulls = if asks_for_commits(self.document, self.variables, field) { pulls } else { &[] };
        let fetched = Fetched::of(&self.ctx.app_state, self.document, self.variables, field, (repo, pulls)).await;
        fetched.map_err(|error| {
            tracing::error!(%error, "git failed in the playground");
            GraphqlError::of_request("Something went wrong while executing your query.", None)
        })
    }
}

fn viewer(ctx: &Ctx, state: &State) -> Result<Value, GraphqlError> {
    let id = ctx
        .caller
        .account(state)
        .ok_or_else(|| GraphqlError::of_kind("FORBIDDEN", "Resource not accessible by integration"))?;
    Ok(nodes::actor(ctx.view(state), id))
}

/// Requests are not counted here. The numbers are those of an unused token.
/// <https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api>
fn rate_limit(ctx: &Ctx) -> Thing {
    let reset = ctx.state().now() + chrono::TimeDelta::hours(1);
    Thing::Plain(json!({
        "__typename": "RateLimit", "cost": 1, "limit": 5000, "nodeCount": 0, "remaining": 5000, "used": 0,
        "resetAt": crate::view::time(reset),
    }))
}

/// The error for a global id that names nothing.
pub(super) fn unresolved(node: &str) -> GraphqlError {
    GraphqlError::of_kind("NOT_FOUND", format!("Could not resolve to a node with the global id of '{node}'."))
}

/// The object of a global id, if the caller may read it.
pub(super) fn find(ctx: &Ctx, state: &State, id: &Value) -> Result<nodes::Found, GraphqlError> {
    let id = id.as_str().unwrap_or_default();
    let found = nodes::find(state, id).ok_or_else(|| unresolved(id))?;
    let repo = state.repo_by_id(found.repo);
    ctx.read(state, place(state, repo), &[Scope::Issues, Scope::PullRequests]).map_err(|_| unresolved(id))?;
    Ok(found)
}

/// The owner and the name of a repository.
pub(super) fn place<'s>(state: &'s State, repo: &'s Repo) -> (&'s str, &'s str) {
    (&state.account(repo.owner).login, &repo.name)
}
