//! Moving an issue to another repository. <https://docs.github.com/en/graphql/reference/mutations#transferissue>

use serde_json::Value;

use super::{
    GraphqlError,
    mutate::refused,
    nodes::Found,
    resolve::{place, unresolved},
};
use crate::{
    acts::Missing,
    rest::Ctx,
    state::{Id, Role, Scope},
    view::parse_node_id,
};

/// Moves an issue, if the caller has write access to both repositories. Returns its new place.
pub(super) fn transfer(ctx: &Ctx, found: Found, input: &Value) -> Result<(Id, u64), GraphqlError> {
    let mut state = ctx.state();
    let wanted = input["repositoryId"].as_str().unwrap_or_default();
    let to = match parse_node_id(wanted) {
        Some(("R", id)) if state.repos.contains_key(&id) => id,
        _ => return Err(unresolved(wanted)),
    };
    let mut actor = 0;
    for repo in [found.repo, to] {
        let at = place(&state, state.repo_by_id(repo));
        actor = ctx.write(&state, at, &[Scope::Issues], Role::Write).map_err(|error| refused(&error))?.actor;
    }
    let from = (found.repo, found.number);
    if let Some(why) = state.untransferable(from, to) {
        return Err(GraphqlError::of_kind("UNPROCESSABLE", why));
    }
    let missing =
        if input["createLabelsIfMissing"].as_bool() == Some(true) { Missing::Made } else { Missing::LeftBehind };
    Ok((to, ctx.app_state.transfer_issue(&mut state, from, (to, missing), actor)))
}
