//! Users, organisations and bots.

use serde_json::{Value, json};

use super::{View, node_id, time};
use crate::state::{AccountKind, Id};

impl View<'_> {
    /// The short form that other resources embed ("simple user").
    pub(crate) fn account(self, id: Id) -> Value {
        let account = self.state.account(id);
        let login = &account.login;
        // A bot's login has brackets, which are `%5B` and `%5D` in a URL.
        let encoded = login.replace('[', "%5B").replace(']', "%5D");
        let user = self.urls.api(&format!("/users/{encoded}"));
        let (kind, page) = match account.kind {
            AccountKind::User => ("U", format!("/{login}")),
            AccountKind::Organization => ("O", format!("/{login}")),
            AccountKind::Bot => ("BOT", format!("/apps/{}", login.trim_end_matches("[bot]"))),
        };
        json!({
            "login": login, "id": account.id, "node_id": node_id(kind, account.id),
            "avatar_url": self.urls.web(&format!("/avatars/u/{}", account.id)), "gravatar_id": "",
            "url": user, "html_url": self.urls.web(&page),
            "followers_url": format!("{user}/followers"),
            "following_url": format!("{user}/following{{/other_user}}"),
            "gists_url": format!("{user}/gists{{/gist_id}}"),
            "starred_url": format!("{user}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{user}/subscriptions"),
            "organizations_url": format!("{user}/orgs"), "repos_url": format!("{user}/repos"),
            "events_url": format!("{user}/events{{/privacy}}"),
            "received_events_url": format!("{user}/received_events"),
            "type": account.kind.as_str(), "user_view_type": "public", "site_admin": false,
        })
    }

    /// An account that may be absent.
    pub(crate) fn maybe_account(self, id: Option<Id>) -> Value {
        id.map_or(Value::Null, |id| self.account(id))
    }

    /// The full profile.
    pub(crate) fn profile(self, id: Id) -> Value {
        let account = self.state.account(id);
        let repos = self.state.repos.values().filter(|repo| repo.owner == id && !repo.private).count();
        let mut profile = self.account(id);
        let more = json!({
            "name": account.name, "company": null, "blog": "", "location": null, "email": account.email,
            "hireable": null, "bio": null, "twitter_username": null, "public_repos": repos, "public_gists": 0,
            "followers": 0, "following": 0, "created_at": time(account.created_at), "updated_at": time(account.created_at),
        });
        merge(&mut profile, more);
        profile
    }

    /// An organisation in its short form, as in webhooks.
    pub(crate) fn organization(self, id: Id) -> Value {
        let account = self.state.account(id);
        let url = self.urls.api(&format!("/orgs/{}", account.login));
        json!({
            "login": account.login, "id": account.id, "node_id": node_id("O", account.id), "url": url,
            "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events"),
            "hooks_url": format!("{url}/hooks"), "issues_url": format!("{url}/issues"),
            "members_url": format!("{url}/members{{/member}}"),
            "public_members_url": format!("{url}/public_members{{/member}}"),
            "avatar_url": self.urls.web(&format!("/avatars/u/{}", account.id)), "description": account.name,
        })
    }
}

/// Adds the members of one object to another.
pub(crate) fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
