//! The state of a caller's rate limits. <https://docs.github.com/en/rest/rate-limit/rate-limit>

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::{
    Router,
    extract::ConnectInfo,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use serde_json::{Value, json};

use super::context::{Answer, Ctx, ok};
use crate::{
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    limits::{LimitKey, RateLimits, Resource},
    socket::Socket,
    state::{Id, State},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new().route("/rate_limit", get(read))
}

async fn read(ctx: Ctx, ConnectInfo(socket): ConnectInfo<Socket>) -> Answer {
    let found = overview(&ctx.app_state, &ctx.headers, Some(socket.peer.ip()));
    found.map(ok).ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "Rate limiting is not enabled."))
}

/// The primary limits of one caller, in requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Primary {
    core: u32,
    graphql: u32,
    search: u32,
}

impl Primary {
    pub(crate) fn of(self, resource: Resource) -> u32 {
        match resource {
            Resource::Core => self.core,
            Resource::Graphql => self.graphql,
            Resource::Search => self.search,
        }
    }
}

/// Identifies the caller for counting. An invalid token counts for the address it came from.
pub(crate) fn identify(
    app_state: &AppState,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
    numbers: &RateLimits,
) -> (LimitKey, Primary) {
    let caller = Caller::identify(app_state, headers).unwrap_or(Caller::Anonymous);
    let all = Primary { core: numbers.core, graphql: numbers.graphql, search: numbers.search };
    match caller {
        Caller::Anonymous => {
            let address = peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_canonical();
            let few = Primary { core: numbers.anonymous, graphql: 0, search: numbers.search / 3 };
            (LimitKey::Address(address), few)
        }
        Caller::User(id) => (LimitKey::User(id), all),
        Caller::App(app) => (LimitKey::App(app), all),
        Caller::Installation(grant) => {
            let (repositories, people) = size(&app_state.state(), grant.installation);
            let core = numbers.of_installation(repositories, people);
            (LimitKey::Installation(grant.installation), Primary { core, ..all })
        }
    }
}

/// The numbers of an installation's repositories and of its account's people.
fn size(state: &State, installation: Id) -> (usize, usize) {
    let Some(found) = state.installation(installation) else { return (0, 0) };
    let of_account = state.repos.values().filter(|repo| repo.owner == found.account);
    let people: BTreeSet<Id> = of_account.flat_map(|repo| repo.collaborators.keys().copied()).collect();
    (state.repos.values().filter(|repo| found.reaches(repo)).count(), people.len())
}

/// The answer to `GET /rate_limit`; `None` while there are no limits.
fn overview(app_state: &AppState, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<Value> {
    let numbers = app_state.limits.numbers()?;
    let (who, limits) = identify(app_state, headers, peer, &numbers);
    let now = app_state.state().now();
    let standing = |resource: Resource| {
        let found = app_state.limits.standing(now, &who, resource, limits.of(resource));
        json!({
            "limit": found.limit, "used": found.used, "remaining": found.limit.saturating_sub(found.used),
            "reset": found.reset.timestamp(), "resource": resource.name(),
        })
    };
    let without_name = |mut value: Value| {
        crate::view::without(&mut value, &["resource"]);
        value
    };
    let core = without_name(standing(Resource::Core));
    Some(json!({
        "resources": {
            "core": core, "search": without_name(standing(Resource::Search)),
            "graphql": without_name(standing(Resource::Graphql)),
        },
        "rate": core,
    }))
}
